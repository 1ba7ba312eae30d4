// SPDX-License-Identifier: GPL-2.0-only
/*
 * Examples of the documentation: exporters, an importer, access with the CPU.
 *
 * The pages below Documentation/driver-api/dma-buf/ include the code between
 * "sample" and "end sample". That code uses kernel interfaces only and none of the
 * tests' helpers. The cases at the end of this file run it.
 */

#include <kunit/test.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-needs.h>
#include <linux/dma-direct.h>
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/highmem.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "mock-buffer.h"
#include "threads.h"

/* sample: exporter */
struct pages_buffer {
	unsigned int count;
	/* The reservation lock guards both. */
	struct list_head mappings;
	void *vaddr;			/* of the kernel mapping, or NULL */
	struct page *pages[] __counted_by(count);
};

/* One per call of map: several devices can map the buffer at the same time. */
struct pages_mapping {
	struct sg_table table;
	struct device *dev;
	enum dma_data_direction dir;	/* for the DMA API */
	struct list_head node;
};

/*
 * The CPU may write between two frames of a device that only writes. In the direction
 * of that device, a sync would bring this neither to a bounce buffer, from which old data
 * would be copied back, nor to memory (32-bit ARM).
 */
static enum dma_data_direction pages_dma_dir(enum dma_data_direction dir)
{
	return dir == DMA_FROM_DEVICE ? DMA_BIDIRECTIONAL : dir;
}

/* Test whether a device can do DMA, in segments of whole pages. */
static bool pages_usable_by(struct device *dev)
{
	return dev->dma_mask && dma_get_max_seg_size(dev) >= PAGE_SIZE;
}

static int pages_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	return pages_usable_by(attach->dev) ? 0 : -ENODEV;
}

/* The longest segment that the device takes and that a bounce buffer can hold. */
static unsigned int pages_max_segment(struct device *dev)
{
	return min_t(size_t, dma_get_max_seg_size(dev), dma_max_mapping_size(dev));
}

/*
 * Several devices map the same pages. Without this attribute the DMA API expects that
 * memory is mapped once. With it, map and unmap do not sync, and the exporter does.
 */
#define PAGES_DMA_ATTRS	DMA_ATTR_SKIP_CPU_SYNC

static struct sg_table *pages_map(struct dma_buf_attachment *attach,
				  enum dma_data_direction dir)
{
	struct pages_buffer *buffer = attach->dmabuf->priv;
	struct pages_mapping *mapping;
	int ret;

	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL);
	if (!mapping)
		return ERR_PTR(-ENOMEM);

	ret = sg_alloc_table_from_pages_segment(&mapping->table, buffer->pages,
						buffer->count, 0, attach->dmabuf->size,
						pages_max_segment(attach->dev), GFP_KERNEL);
	if (ret)
		goto free_mapping;
	if (!dma_buf_needs_can_map(attach->dev, &mapping->table)) {
		ret = -EIO;
		goto free_table;
	}
	mapping->dir = pages_dma_dir(dir);
	ret = dma_map_sgtable(attach->dev, &mapping->table, mapping->dir, PAGES_DMA_ATTRS);
	if (ret)
		goto free_table;
	dma_sync_sgtable_for_device(attach->dev, &mapping->table, mapping->dir);

	mapping->dev = attach->dev;
	/* What a device that only writes has in a bounce buffer is copied back last. */
	if (dir == DMA_FROM_DEVICE)
		list_add_tail(&mapping->node, &buffer->mappings);
	else
		list_add(&mapping->node, &buffer->mappings);
	return &mapping->table;

free_table:
	sg_free_table(&mapping->table);
free_mapping:
	kfree(mapping);
	return ERR_PTR(ret);
}

static void pages_unmap(struct dma_buf_attachment *attach, struct sg_table *table,
			enum dma_data_direction dir)
{
	struct pages_mapping *mapping = container_of(table, struct pages_mapping, table);

	list_del(&mapping->node);
	dma_sync_sgtable_for_cpu(attach->dev, table, mapping->dir);
	dma_unmap_sgtable(attach->dev, table, mapping->dir, PAGES_DMA_ATTRS);
	sg_free_table(table);
	kfree(mapping);
}

static int pages_begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	struct pages_buffer *buffer = dmabuf->priv;
	struct pages_mapping *mapping;

	dma_resv_lock(dmabuf->resv, NULL);
	/* Some CPUs cache the pages once more for the addresses of vmap. */
	if (buffer->vaddr)
		invalidate_kernel_vmap_range(buffer->vaddr, dmabuf->size);
	list_for_each_entry(mapping, &buffer->mappings, node)
		dma_sync_sgtable_for_cpu(mapping->dev, &mapping->table, mapping->dir);
	dma_resv_unlock(dmabuf->resv);
	return 0;
}

/*
 * A CPU that has only read has nothing for the devices. A sync would copy what it
 * has read over newer data in a bounce buffer.
 */
static int pages_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	struct pages_buffer *buffer = dmabuf->priv;
	struct pages_mapping *mapping;

	if (dir == DMA_FROM_DEVICE)
		return 0;
	dma_resv_lock(dmabuf->resv, NULL);
	if (buffer->vaddr)
		flush_kernel_vmap_range(buffer->vaddr, dmabuf->size);
	list_for_each_entry(mapping, &buffer->mappings, node)
		dma_sync_sgtable_for_device(mapping->dev, &mapping->table, mapping->dir);
	dma_resv_unlock(dmabuf->resv);
	return 0;
}

static int pages_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct pages_buffer *buffer = dmabuf->priv;

	/* MAP_PRIVATE: no device would see the writes. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	return vm_map_pages(vma, buffer->pages, buffer->count);
}

static int pages_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct pages_buffer *buffer = dmabuf->priv;

	buffer->vaddr = vmap(buffer->pages, buffer->count, VM_MAP, PAGE_KERNEL);
	if (!buffer->vaddr)
		return -ENOMEM;
	iosys_map_set_vaddr(map, buffer->vaddr);
	return 0;
}

static void pages_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct pages_buffer *buffer = dmabuf->priv;

	vunmap(buffer->vaddr);
	buffer->vaddr = NULL;
}

static void pages_free(struct pages_buffer *buffer)
{
	for (unsigned int i = 0; i < buffer->count && buffer->pages[i]; i++)
		__free_page(buffer->pages[i]);
	kvfree(buffer);
}

static void pages_release(struct dma_buf *dmabuf)
{
	pages_free(dmabuf->priv);
}

static const struct dma_buf_ops pages_ops = {
	.attach = pages_attach,
	.map_dma_buf = pages_map,
	.unmap_dma_buf = pages_unmap,
	.begin_cpu_access = pages_begin_cpu_access,
	.end_cpu_access = pages_end_cpu_access,
	.mmap = pages_mmap,
	.vmap = pages_vmap,
	.vunmap = pages_vunmap,
	.release = pages_release,
};

/* end sample */

/* sample: export */
/*
 * Userspace chooses the size: charge it to the caller's memory cgroup, and fail rather
 * than kill a process or warn.
 */
#define PAGES_GFP	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

static struct pages_buffer *pages_alloc(unsigned int count)
{
	struct pages_buffer *buffer;

	buffer = kvzalloc(struct_size(buffer, pages, count), PAGES_GFP);
	if (!buffer)
		return NULL;
	buffer->count = count;
	INIT_LIST_HEAD(&buffer->mappings);

	for (unsigned int i = 0; i < count; i++) {
		/* Userspace can map the pages, so they must not show old data. */
		buffer->pages[i] = alloc_page(PAGES_GFP | __GFP_ZERO);
		if (!buffer->pages[i]) {
			pages_free(buffer);
			return NULL;
		}
	}
	return buffer;
}

static int pages_export(unsigned int count)
{
	struct pages_buffer *buffer = pages_alloc(count);
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dmabuf;
	int fd;

	if (!buffer)
		return -ENOMEM;

	info.ops = &pages_ops;
	info.size = count * PAGE_SIZE;
	info.flags = O_RDWR;
	info.priv = buffer;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf)) {
		pages_free(buffer);
		return PTR_ERR(dmabuf);
	}

	/* pages_release() frees the pages from now on. The descriptor takes the reference. */
	fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	if (fd < 0)
		dma_buf_put(dmabuf);
	return fd;
}

/* end sample */

/* sample: importer */
/* A device that reads buffers and finishes its jobs in order. */
struct reader {
	struct device *dev;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	struct dma_fence *job;	/* newest job, or NULL; guarded by the reservation lock */
};

static int reader_import(struct reader *reader, int fd, size_t needed)
{
	int ret;

	reader->dmabuf = dma_buf_get(fd);
	if (IS_ERR(reader->dmabuf))
		return PTR_ERR(reader->dmabuf);

	ret = -EINVAL;
	if (reader->dmabuf->size < needed)
		goto put;

	reader->attach = dma_buf_attach(reader->dmabuf, reader->dev);
	ret = PTR_ERR_OR_ZERO(reader->attach);
	if (ret)
		goto put;

	/* DMA_TO_DEVICE: the device only reads. */
	reader->sgt = dma_buf_map_attachment_unlocked(reader->attach, DMA_TO_DEVICE);
	ret = PTR_ERR_OR_ZERO(reader->sgt);
	if (ret)
		goto detach;
	return 0;

detach:
	dma_buf_detach(reader->dmabuf, reader->attach);
put:
	dma_buf_put(reader->dmabuf);
	return ret;
}

/* Called when nobody submits jobs any more. */
static void reader_drop(struct reader *reader)
{
	/* The device uses the addresses until its last job is done. */
	if (reader->job)
		dma_fence_wait(reader->job, false);
	dma_fence_put(reader->job);
	dma_buf_unmap_attachment_unlocked(reader->attach, reader->sgt, DMA_TO_DEVICE);
	dma_buf_detach(reader->dmabuf, reader->attach);
	dma_buf_put(reader->dmabuf);
}

/* Pass the address and the length of each segment to the device. */
static size_t reader_program(struct reader *reader,
			     void (*tell)(dma_addr_t addr, unsigned int bytes))
{
	struct scatterlist *sg;
	size_t total = 0;
	int i;

	for_each_sgtable_dma_sg(reader->sgt, sg, i) {
		tell(sg_dma_address(sg), sg_dma_len(sg));
		total += sg_dma_len(sg);
	}
	return total;
}

/* end sample */

/* sample: fence */
/* Lock @resv while no fence of @usage is pending. Waits without the lock. */
static int resv_lock_idle(struct dma_resv *resv, enum dma_resv_usage usage)
{
	long left;
	int ret;

	for (;;) {
		left = dma_resv_wait_timeout(resv, usage, true, MAX_SCHEDULE_TIMEOUT);
		if (left < 0)
			return left;
		ret = dma_resv_lock_interruptible(resv, NULL);
		if (ret)
			return ret;
		/* Another job may have added a fence after the wait. */
		if (dma_resv_test_signaled(resv, usage))
			return 0;
		dma_resv_unlock(resv);
	}
}

/* @done is the fence of the new job. */
static int reader_submit(struct reader *reader, struct dma_fence *done)
{
	struct dma_resv *resv = reader->dmabuf->resv;
	bool cookie;
	int ret;

	/* A reader waits for writers, and not for other readers. */
	ret = resv_lock_idle(resv, dma_resv_usage_rw(false));
	if (ret)
		return ret;
	ret = dma_resv_reserve_fences(resv, 1);
	if (ret)
		goto unlock;

	/* Nothing below may fail, sleep for memory or wait. */
	cookie = dma_fence_begin_signalling();
	dma_resv_add_fence(resv, done, DMA_RESV_USAGE_READ);
	dma_fence_put(reader->job);
	reader->job = dma_fence_get(done);
	/* ... start the device, which signals @done in every case ... */
	dma_fence_end_signalling(cookie);
unlock:
	dma_resv_unlock(resv);
	return ret;
}

/* end sample */

/* sample: cpu access */
static int fill_buffer(struct dma_buf *dmabuf, u8 value)
{
	struct iosys_map map;
	int ret;

	ret = dma_buf_vmap_unlocked(dmabuf, &map);
	if (ret)
		return ret;

	/* DMA_TO_DEVICE: the CPU writes, devices read. */
	ret = dma_buf_begin_cpu_access(dmabuf, DMA_TO_DEVICE);
	if (!ret) {
		iosys_map_memset(&map, 0, value, dmabuf->size);
		ret = dma_buf_end_cpu_access(dmabuf, DMA_TO_DEVICE);
	}
	dma_buf_vunmap_unlocked(dmabuf, &map);
	return ret;
}

/* end sample */

/* sample: no pages */
/* Memory of a device behind a bus window. No struct page describes it. */
struct window {
	phys_addr_t start;
};

static int window_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	/* window_map() makes segments of whole pages. */
	if (!attach->dev->dma_mask || dma_get_max_seg_size(attach->dev) < PAGE_SIZE)
		return -ENODEV;
	/* With two PCI devices, ask pci_p2pdma_distance() too. */
	return attach->peer2peer ? 0 : -EBUSY;
}

static struct sg_table *window_map(struct dma_buf_attachment *attach,
				   enum dma_data_direction dir)
{
	size_t left = attach->dmabuf->size, segment;
	struct window *window = attach->dmabuf->priv;
	struct scatterlist *sg;
	struct sg_table *table;
	dma_addr_t addr;
	int ret = -ENOMEM, i;

	table = kzalloc(sizeof(*table), GFP_KERNEL);
	if (!table)
		return ERR_PTR(-ENOMEM);
	segment = ALIGN_DOWN(dma_get_max_seg_size(attach->dev), PAGE_SIZE);
	if (sg_alloc_table(table, DIV_ROUND_UP(left, segment), GFP_KERNEL))
		goto free;
	addr = dma_map_resource(attach->dev, window->start, left, dir, 0);
	ret = dma_mapping_error(attach->dev, addr);
	if (ret)
		goto free_table;

	for_each_sgtable_dma_sg(table, sg, i) {
		/* Importers read length as well as sg_dma_len(). */
		sg_set_page(sg, NULL, min(left, segment), 0);
		sg_dma_address(sg) = addr;
		sg_dma_len(sg) = sg->length;
		addr += sg->length;
		left -= sg->length;
	}
	return table;

free_table:
	sg_free_table(table);
free:
	kfree(table);
	return ERR_PTR(ret);
}

static void window_unmap(struct dma_buf_attachment *attach, struct sg_table *table,
			 enum dma_data_direction dir)
{
	dma_unmap_resource(attach->dev, sg_dma_address(table->sgl), attach->dmabuf->size,
			   dir, 0);
	sg_free_table(table);
	kfree(table);
}

static int window_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct window *window = dmabuf->priv;

	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
	return vm_iomap_memory(vma, window->start, dmabuf->size);
}

static void window_release(struct dma_buf *dmabuf)
{
	kfree(dmabuf->priv);
}

static const struct dma_buf_ops window_ops = {
	.attach = window_attach,
	.map_dma_buf = window_map,
	.unmap_dma_buf = window_unmap,
	.mmap = window_mmap,
	.release = window_release,
};

/* end sample */

static struct page *first_page(struct dma_buf *dmabuf)
{
	struct pages_buffer *buffer = dmabuf->priv;

	return buffer->pages[0];
}

static int export_pages(struct kunit *test, unsigned int count)
{
	int fd = pages_export(count);

	KUNIT_ASSERT_GE(test, fd, 0);
	return fd;
}

static void tell_nobody(dma_addr_t addr, unsigned int bytes)
{
}

static void exporter_and_importer_share_and_free(struct kunit *test)
{
	struct reader reader = { .dev = mock_device_masked(test, DMA_BIT_MASK(64)) };
	int fd = export_pages(test, 5);
	struct page *page;

	KUNIT_ASSERT_EQ(test, 0, reader_import(&reader, fd, 5 * PAGE_SIZE));
	close_fd(fd);
	KUNIT_EXPECT_EQ(test, reader_program(&reader, tell_nobody), 5 * PAGE_SIZE);

	page = first_page(reader.dmabuf);
	get_page(page);
	reader_drop(&reader);
	mock_flush();
	KUNIT_EXPECT_EQ(test, page_count(page), 1);
	put_page(page);
}

static void expect_refused(struct kunit *test, struct dma_buf *dmabuf, struct device *dev)
{
	struct dma_buf_attachment *attach = dma_buf_attach(dmabuf, dev);

	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-ENODEV));
	if (!IS_ERR(attach))
		dma_buf_detach(dmabuf, attach);
}

/* Neither the OOM killer nor a warning of the page allocator. */
static void exporter_fails_for_too_many_pages(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, pages_export(UINT_MAX), -ENOMEM);
}

static void exporter_refuses_a_device_without_dma(struct kunit *test)
{
	struct device *dev = mock_device(test);
	int fd = export_pages(test, 1);
	struct dma_buf *dmabuf = dma_buf_get(fd);

	close_fd(fd);
	dev->dma_mask = NULL;
	expect_refused(test, dmabuf, dev);
	dma_buf_put(dmabuf);
	mock_flush();
}

static void importer_refuses_a_buffer_too_small(struct kunit *test)
{
	struct reader reader = { .dev = mock_device(test) };
	int fd = export_pages(test, 1);
	struct dma_buf *dmabuf = dma_buf_get(fd);

	KUNIT_EXPECT_EQ(test, reader_import(&reader, fd, PAGE_SIZE + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, file_count(dmabuf->file), 2);
	dma_buf_put(dmabuf);
	close_fd(fd);
	mock_flush();
}

static void cpu_access_while_a_device_has_it_mapped(struct kunit *test)
{
	struct reader reader = { .dev = mock_device_masked(test, DMA_BIT_MASK(64)) };
	int fd = export_pages(test, 2);
	struct pages_buffer *buffer;

	KUNIT_ASSERT_EQ(test, 0, reader_import(&reader, fd, PAGE_SIZE));
	close_fd(fd);
	buffer = reader.dmabuf->priv;
	KUNIT_EXPECT_EQ(test, fill_buffer(reader.dmabuf, 0xa5), 0);
	for (unsigned int i = 0; i < buffer->count; i++)
		KUNIT_EXPECT_NULL(test, memchr_inv(page_address(buffer->pages[i]), 0xa5,
						   PAGE_SIZE));
	reader_drop(&reader);
	mock_flush();
}

static void expect_writers_last(struct kunit *test, struct dma_buf *dmabuf,
				enum dma_data_direction first,
				enum dma_data_direction second)
{
	struct pages_buffer *buffer = dmabuf->priv;
	struct dma_buf_attachment *attach;
	struct sg_table *one, *other;
	struct pages_mapping *last;

	attach = dma_buf_attach(dmabuf, mock_device_masked(test, DMA_BIT_MASK(64)));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	one = dma_buf_map_attachment_unlocked(attach, first);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, one);
	other = dma_buf_map_attachment_unlocked(attach, second);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, other);
	last = list_last_entry(&buffer->mappings, struct pages_mapping, node);
	KUNIT_EXPECT_EQ(test, last->dir, DMA_BIDIRECTIONAL);
	dma_buf_unmap_attachment_unlocked(attach, other, second);
	dma_buf_unmap_attachment_unlocked(attach, one, first);
	dma_buf_detach(dmabuf, attach);
}

static void mappings_that_devices_only_write_are_last(struct kunit *test)
{
	int fd = export_pages(test, 1);
	struct dma_buf *dmabuf = dma_buf_get(fd);

	close_fd(fd);
	expect_writers_last(test, dmabuf, DMA_FROM_DEVICE, DMA_TO_DEVICE);
	expect_writers_last(test, dmabuf, DMA_TO_DEVICE, DMA_FROM_DEVICE);
	dma_buf_put(dmabuf);
	mock_flush();
}

/* CONFIG_DMA_API_DEBUG warns if the exporter does not say that there are several mappings. */
static void two_devices_may_write(struct kunit *test)
{
	int fd = export_pages(test, 1);
	struct dma_buf *dmabuf = dma_buf_get(fd);

	close_fd(fd);
	expect_writers_last(test, dmabuf, DMA_FROM_DEVICE, DMA_FROM_DEVICE);
	dma_buf_put(dmabuf);
	mock_flush();
}

/* It does not even wait for the reservation lock, under which the list is walked. */
static void end_of_a_read_syncs_nothing(struct kunit *test)
{
	int fd = export_pages(test, 1);
	struct dma_buf *dmabuf = dma_buf_get(fd);
	struct mock_holder *holder;

	close_fd(fd);
	KUNIT_EXPECT_EQ(test, dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE), 0);
	holder = mock_hold_lock(test, dmabuf);
	KUNIT_EXPECT_EQ(test, dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE), 0);
	/* The holder drops the lock by itself only if the end has waited for long. */
	KUNIT_EXPECT_TRUE(test, dma_resv_is_locked(dmabuf->resv));
	mock_drop_lock(test, holder);
	dma_buf_put(dmabuf);
	mock_flush();
}

static void job_of_a_reader_waits_for_writers(struct kunit *test)
{
	struct reader reader = { .dev = mock_device_masked(test, DMA_BIT_MASK(64)) };
	struct dma_fence *written = mock_fence(test), *read = mock_fence(test);
	struct dma_fence *again = mock_fence(test);
	int fd = export_pages(test, 1);

	KUNIT_ASSERT_EQ(test, 0, reader_import(&reader, fd, PAGE_SIZE));
	close_fd(fd);
	/* Signals when somebody waits for it. */
	to_mock_fence(written)->late = true;
	mock_add_fence(test, reader.dmabuf, written, DMA_RESV_USAGE_WRITE);

	KUNIT_EXPECT_EQ(test, reader_submit(&reader, read), 0);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(written));
	KUNIT_EXPECT_EQ(test, reader_submit(&reader, again), 0);
	KUNIT_EXPECT_FALSE(test, dma_resv_test_signaled(reader.dmabuf->resv,
							DMA_RESV_USAGE_READ));
	dma_fence_signal(read);
	dma_fence_signal(again);
	KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(reader.dmabuf->resv,
						       DMA_RESV_USAGE_READ));
	reader_drop(&reader);
	mock_flush();
}

static void importer_unmaps_after_its_own_jobs(struct kunit *test)
{
	struct reader reader = { .dev = mock_device_masked(test, DMA_BIT_MASK(64)) };
	struct dma_fence *job = mock_fence(test);
	int fd = export_pages(test, 1);

	KUNIT_ASSERT_EQ(test, 0, reader_import(&reader, fd, PAGE_SIZE));
	close_fd(fd);
	KUNIT_EXPECT_EQ(test, reader_submit(&reader, job), 0);
	/* Signals when somebody waits for it. */
	to_mock_fence(job)->late = true;
	reader_drop(&reader);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(job));
	mock_flush();
}

static struct dma_buf *export_window(struct kunit *test, phys_addr_t start, size_t size)
{
	struct window *window = kmalloc(sizeof(*window), GFP_KERNEL);
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dmabuf;

	KUNIT_ASSERT_NOT_NULL(test, window);
	window->start = start;
	info.ops = &window_ops;
	info.size = size;
	info.priv = window;
	dmabuf = dma_buf_export(&info);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dmabuf);
	return dmabuf;
}

static void importer_gets_memory_without_pages(struct kunit *test)
{
	struct device *dev = mock_device_masked(test, DMA_BIT_MASK(64));
	size_t segment = dma_get_max_seg_size(dev), size = 2 * segment + PAGE_SIZE, i;
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach;
	struct scatterlist *sg;
	struct dma_buf *dmabuf;
	phys_addr_t start;

	/* Addresses behind the memory, which this test does not touch. */
	for (start = ALIGN(PFN_PHYS(max_pfn), SZ_128M); pfn_valid(PHYS_PFN(start));)
		start += SZ_128M;
	dmabuf = export_window(test, start, size);
	attach = dma_buf_attach(dmabuf, dev);
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EBUSY));
	/* A dynamic importer of a static exporter is mapped by the attach. */
	attach = dma_buf_dynamic_attach(dmabuf, dev, &mock_peer_importer_ops, &importer);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	KUNIT_EXPECT_EQ(test, attach->sgt->nents, 3);
	for_each_sgtable_dma_sg(attach->sgt, sg, i) {
		KUNIT_EXPECT_NULL(test, sg_page(sg));
		KUNIT_EXPECT_EQ(test, sg_dma_address(sg),
				phys_to_dma(dev, start) + i * segment);
		KUNIT_EXPECT_EQ(test, sg_dma_len(sg), min(segment, size - i * segment));
	}
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
	mock_flush();
}

/* A device whose segments are shorter than a page. */
static struct device *device_of_short_segments(struct kunit *test)
{
	struct device *dev = mock_device_masked(test, DMA_BIT_MASK(64));

	dev->dma_parms = kunit_kzalloc(test, sizeof(*dev->dma_parms), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, dev->dma_parms);
	dma_set_max_seg_size(dev, PAGE_SIZE / 2);
	return dev;
}

static void exporters_refuse_segments_shorter_than_a_page(struct kunit *test)
{
	struct device *dev = device_of_short_segments(test);
	struct dma_buf *window = export_window(test, 0, PAGE_SIZE);
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach;
	int fd = export_pages(test, 1);
	struct dma_buf *pages = dma_buf_get(fd);

	close_fd(fd);
	expect_refused(test, pages, dev);
	attach = dma_buf_dynamic_attach(window, dev, &mock_peer_importer_ops, &importer);
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-ENODEV));
	if (!IS_ERR(attach))
		dma_buf_detach(window, attach);
	dma_buf_put(pages);
	dma_buf_put(window);
	mock_flush();
}

static void process_sees_the_pages(struct kunit *test)
{
	unsigned long words = mock_user_memory(test, PAGE_SIZE);
	int fd = export_pages(test, 2);
	struct dma_buf *dmabuf = dma_buf_get(fd);
	unsigned long addr;
	u8 byte = 0;

	close_fd(fd);
	KUNIT_EXPECT_NE(test, words, 0);
	KUNIT_EXPECT_EQ(test, fill_buffer(dmabuf, 0x5a), 0);
	addr = vm_mmap(dmabuf->file, 0, 2 * PAGE_SIZE, PROT_READ, MAP_SHARED, 0);
	KUNIT_EXPECT_FALSE(test, IS_ERR_VALUE(addr));
	dma_buf_put(dmabuf);
	if (IS_ERR_VALUE(addr))
		return;

	KUNIT_EXPECT_EQ(test, get_user(byte, (u8 __user *)(addr + PAGE_SIZE)), 0);
	KUNIT_EXPECT_EQ(test, byte, 0x5a);
	KUNIT_EXPECT_EQ(test, vm_munmap(addr, 2 * PAGE_SIZE), 0);
	mock_flush();
}

static void private_areas_are_refused(struct kunit *test)
{
	struct dma_buf *buffers[2] = { export_window(test, 0, PAGE_SIZE) };
	int fd = export_pages(test, 1);
	unsigned long addr;

	buffers[1] = dma_buf_get(fd);
	close_fd(fd);
	mock_user_memory(test, PAGE_SIZE);
	for (int i = 0; i < ARRAY_SIZE(buffers); i++) {
		addr = vm_mmap(buffers[i]->file, 0, PAGE_SIZE, PROT_READ, MAP_PRIVATE, 0);
		KUNIT_EXPECT_EQ(test, addr, (unsigned long)-EINVAL);
		if (!IS_ERR_VALUE(addr))
			vm_munmap(addr, PAGE_SIZE);
		dma_buf_put(buffers[i]);
	}
	mock_flush();
}

static struct kunit_case dma_buf_doc_samples_cases[] = {
	KUNIT_CASE(exporter_and_importer_share_and_free),
	KUNIT_CASE(exporter_fails_for_too_many_pages),
	KUNIT_CASE(exporter_refuses_a_device_without_dma),
	KUNIT_CASE(importer_refuses_a_buffer_too_small),
	KUNIT_CASE(cpu_access_while_a_device_has_it_mapped),
	KUNIT_CASE(mappings_that_devices_only_write_are_last),
	KUNIT_CASE(two_devices_may_write),
	KUNIT_CASE(end_of_a_read_syncs_nothing),
	KUNIT_CASE(job_of_a_reader_waits_for_writers),
	KUNIT_CASE(importer_unmaps_after_its_own_jobs),
	KUNIT_CASE(importer_gets_memory_without_pages),
	KUNIT_CASE(exporters_refuse_segments_shorter_than_a_page),
	KUNIT_CASE(process_sees_the_pages),
	KUNIT_CASE(private_areas_are_refused),
	{}
};

static struct kunit_suite dma_buf_doc_samples_suite = {
	.name = "dma_buf_doc_samples",
	.init = mock_init,
	.test_cases = dma_buf_doc_samples_cases,
};

kunit_test_suite(dma_buf_doc_samples_suite);
