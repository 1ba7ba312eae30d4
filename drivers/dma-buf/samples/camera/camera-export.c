// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exporting: the camera's own memory, and dma-bufs of it.
 *
 * A static exporter guarantees its users three things. The memory stays in place
 * and allocated while anybody can access it. Each device gets addresses that it
 * can use. CPU and devices see what was written last.
 *
 * In this order: allocation, kernel and userspace mappings, attachments, DMA
 * mappings, CPU access, the callback table, export.
 */
#include <linux/dma-buf.h>
#include <linux/dma-buf-needs.h>
#include <linux/dma-mapping.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "camera.h"

/**
 * DOC: Camera: lifetime of exported memory
 *
 * The memory has several users, which are released in any order. An application
 * can export a buffer, free it with REQBUFS(0), close the camera, and go on using
 * the file descriptor::
 *
 *	REQBUFS, CREATE_BUFS --- camera_pages_alloc() --> users = 1
 *	EXPBUF ----------------- camera_pages_export() -> users + 1 per dma-buf
 *	mmap(), fork() --------- camera_pages_mmap() ---> users + 1 per area
 *	REQBUFS(0), last close of the dma-buf, munmap() -> users - 1 each
 *	users = 0 -------------- camera_pages_put() ----> pages are freed
 *
 * The dma-buf can outlive the videobuf2 buffer, so it must not point to that.
 */

/**
 * struct camera_attachment - attachment of one device.
 * @sgt: the pages and, while mapped, their addresses for @dev. Each attachment
 *	has its own table, because the addresses differ between devices.
 * @dev: the device
 * @dir: direction of the mapping for the DMA API, DMA_NONE while not mapped
 * @node: entry of camera_pages.mappings while mapped
 *
 * The reservation lock guards @dir, @node and the addresses in @sgt. The rest is
 * constant.
 */
struct camera_attachment {
	struct sg_table sgt;
	struct device *dev;
	enum dma_data_direction dir;
	struct list_head node;
};

static size_t camera_pages_size(const struct camera_pages *pages)
{
	return (size_t)pages->count << PAGE_SHIFT;
}

/**
 * camera_pages_put() - drop a reference to the memory.
 * @pages: the memory
 *
 * Context: may sleep; no reservation lock held.
 */
void camera_pages_put(struct camera_pages *pages)
{
	unsigned int i;

	might_sleep();
	if (!refcount_dec_and_test(&pages->users))
		return;

	WARN_ON_ONCE(pages->vmaps || !list_empty(&pages->mappings));
	/* A failed allocation comes here too, with only the first pages set. */
	for (i = 0; i < pages->count && pages->pages[i]; i++)
		put_page(pages->pages[i]);
	dma_resv_fini(&pages->resv);
	kvfree(pages);
}

/**
 * camera_pages_alloc() - allocate memory for one buffer.
 * @size: bytes, a multiple of the page size
 *
 * The pages are zeroed, because userspace and devices can read them, and charged
 * to the caller's memory cgroup. They are not contiguous. An exporter whose own
 * device has neither scatter-gather nor an IOMMU would use dma_alloc_coherent().
 *
 * Context: may sleep.
 * Return: the memory with one reference, or ERR_PTR(-ENOMEM).
 */
struct camera_pages *camera_pages_alloc(unsigned long size)
{
	unsigned int count = size >> PAGE_SHIFT, i;
	struct camera_pages *pages;

	pages = kvzalloc(struct_size(pages, pages, count), GFP_KERNEL_ACCOUNT);
	if (!pages)
		return ERR_PTR(-ENOMEM);

	pages->count = count;
	refcount_set(&pages->users, 1);
	INIT_LIST_HEAD(&pages->mappings);
	dma_resv_init(&pages->resv);
	/* Userspace chooses the size: fail rather than kill a process. */
	for (i = 0; i < count; i++) {
		pages->pages[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO |
					     __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
		if (!pages->pages[i]) {
			camera_pages_put(pages);
			return ERR_PTR(-ENOMEM);
		}
	}
	return pages;
}

/**
 * camera_pages_vmap() - map the memory into the kernel.
 * @pages: the memory
 * @map: the address, on success
 *
 * Calls nest: the camera and all importers share one mapping, because kernel
 * address space is scarce on 32-bit machines.
 *
 * Context: reservation lock held.
 * Return: 0, or -ENOMEM.
 */
int camera_pages_vmap(struct camera_pages *pages, struct iosys_map *map)
{
	dma_resv_assert_held(&pages->resv);

	if (!pages->vmaps) {
		pages->vaddr = vmap(pages->pages, pages->count, VM_MAP,
				    PAGE_KERNEL);
		if (!pages->vaddr)
			return -ENOMEM;
	}
	pages->vmaps++;
	iosys_map_set_vaddr(map, pages->vaddr);
	return 0;
}

/**
 * camera_pages_vunmap() - undo one camera_pages_vmap().
 * @pages: the memory
 *
 * Context: reservation lock held.
 */
void camera_pages_vunmap(struct camera_pages *pages)
{
	dma_resv_assert_held(&pages->resv);

	if (WARN_ON_ONCE(!pages->vmaps) || --pages->vmaps)
		return;
	vunmap(pages->vaddr);
	pages->vaddr = NULL;
}

/* Called when an area is duplicated by fork() or split. */
static void camera_vma_open(struct vm_area_struct *vma)
{
	struct camera_pages *pages = vma->vm_private_data;

	refcount_inc(&pages->users);
}

static void camera_vma_close(struct vm_area_struct *vma)
{
	camera_pages_put(vma->vm_private_data);
}

static const struct vm_operations_struct camera_vm_ops = {
	.open = camera_vma_open,
	.close = camera_vma_close,
};

/**
 * camera_pages_mmap() - map the memory into userspace.
 * @pages: the memory
 * @vma: the area; its page offset counts from the start of the memory
 *
 * Used for mmap() of the video node and of the dma-buf. All pages are mapped at
 * once, because applications read whole frames. vm_map_pages() refuses an area
 * that exceeds the memory, and VM_DONTEXPAND keeps mremap() from growing it.
 *
 * Context: mmap lock held for writing.
 * Return: 0, -EINVAL if the area is private, so that no device would see what is
 * written to it, -ENXIO if the area exceeds the memory, or -ENOMEM.
 */
int camera_pages_mmap(struct camera_pages *pages, struct vm_area_struct *vma)
{
	int ret;

	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;

	vm_flags_set(vma, VM_DONTEXPAND);
	ret = vm_map_pages(vma, pages->pages, pages->count);
	if (ret)
		return ret;

	vma->vm_private_data = pages;
	vma->vm_ops = &camera_vm_ops;
	camera_vma_open(vma);
	return 0;
}

/* The longest segment that the device takes and that a bounce buffer can hold. */
static unsigned int camera_max_segment(struct device *dev)
{
	return min_t(size_t, dma_get_max_seg_size(dev), dma_max_mapping_size(dev));
}

/*
 * dma_buf_ops.attach: called without the reservation lock, once per attachment.
 * An exporter refuses here what can never be mapped, and does here what is slow.
 * The camera refuses a device that cannot do DMA, or not with segments of a page,
 * and builds the table. Whether a device reaches the memory is tested in map,
 * because the driver can still set another mask.
 */
static int camera_dmabuf_attach(struct dma_buf *dmabuf,
				struct dma_buf_attachment *attach)
{
	struct camera_pages *pages = dmabuf->priv;
	struct camera_attachment *view;
	int ret;

	if (!attach->dev->dma_mask || dma_get_max_seg_size(attach->dev) < PAGE_SIZE)
		return -ENODEV;

	view = kzalloc(sizeof(*view), GFP_KERNEL);
	if (!view)
		return -ENOMEM;

	ret = sg_alloc_table_from_pages_segment(&view->sgt, pages->pages,
						pages->count, 0, dmabuf->size,
						camera_max_segment(attach->dev),
						GFP_KERNEL);
	if (ret) {
		kfree(view);
		return ret;
	}

	view->dev = attach->dev;
	view->dir = DMA_NONE;
	attach->priv = view;
	return 0;
}

/*
 * dma_buf_ops.negotiate: the camera has the memory mapped into the kernel for each
 * frame, so the memory of a buffer never changes. It fits or does not.
 */
static int camera_dmabuf_negotiate(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
				   const struct dma_buf_needs *want)
{
	const struct camera_pages *pages = dmabuf->priv;

	return dma_buf_negotiate_pages(dmabuf, must, want, pages->pages, pages->count);
}

/* dma_buf_ops.detach: undoes attach. The core has unmapped the attachment. */
static void camera_dmabuf_detach(struct dma_buf *dmabuf,
				 struct dma_buf_attachment *attach)
{
	struct camera_attachment *view = attach->priv;

	sg_free_table(&view->sgt);
	kfree(view);
}

/*
 * The CPU may write between two frames of a device that only writes: a program draws
 * on a frame. In the direction of that device, a sync would bring the drawing neither
 * to a bounce buffer, from which old data would be copied back over it, nor to memory
 * (32-bit ARM discards the cache lines). So the mapping is bidirectional.
 */
static enum dma_data_direction camera_dma_dir(enum dma_data_direction dir)
{
	return dir == DMA_FROM_DEVICE ? DMA_BIDIRECTIONAL : dir;
}

/*
 * Several devices map the same pages. Without this attribute the DMA API expects that
 * memory is mapped once. With it, map and unmap do not sync, and the exporter does.
 */
#define CAMERA_DMA_ATTRS	DMA_ATTR_SKIP_CPU_SYNC

/*
 * dma_buf_ops.map_dma_buf: maps the memory for the device. The direction is kept,
 * because all syncs and the unmap must use the same one. The table has room for
 * one mapping: a second one through the same attachment is -EBUSY. An importer
 * that needs two can attach twice. A device that cannot reach the memory is refused,
 * because the DMA API would warn.
 *
 * Mappings of devices that only write are last in the list: what they have in a
 * bounce buffer is copied back last.
 */
static struct sg_table *
camera_dmabuf_map(struct dma_buf_attachment *attach,
		  enum dma_data_direction dir)
{
	struct camera_pages *pages = attach->dmabuf->priv;
	struct camera_attachment *view = attach->priv;
	int ret;

	dma_resv_assert_held(&pages->resv);

	if (view->dir != DMA_NONE)
		return ERR_PTR(-EBUSY);

	if (!dma_buf_needs_can_map(view->dev, &view->sgt))
		return ERR_PTR(-EIO);
	ret = dma_map_sgtable(view->dev, &view->sgt, camera_dma_dir(dir), CAMERA_DMA_ATTRS);
	if (ret)
		return ERR_PTR(ret);

	view->dir = camera_dma_dir(dir);
	dma_sync_sgtable_for_device(view->dev, &view->sgt, view->dir);
	if (dir == DMA_FROM_DEVICE)
		list_add_tail(&view->node, &pages->mappings);
	else
		list_add(&view->node, &pages->mappings);
	return &view->sgt;
}

/*
 * dma_buf_ops.unmap_dma_buf: importers call it after their DMA has ended, because
 * it makes the device's writes visible to the CPU where caches are not coherent.
 */
static void camera_dmabuf_unmap(struct dma_buf_attachment *attach,
				struct sg_table *sgt,
				enum dma_data_direction dir)
{
	struct camera_pages *pages = attach->dmabuf->priv;
	struct camera_attachment *view = attach->priv;

	dma_resv_assert_held(&pages->resv);

	list_del(&view->node);
	dma_sync_sgtable_for_cpu(view->dev, sgt, view->dir);
	dma_unmap_sgtable(view->dev, sgt, view->dir, CAMERA_DMA_ATTRS);
	view->dir = DMA_NONE;
}

/**
 * camera_pages_begin_cpu_access() - begin CPU access to the memory.
 * @pages: the memory; its fences have been waited for
 *
 * Syncs each mapping in its own direction, the only one that the DMA API allows,
 * whatever the CPU is going to do.
 *
 * Context: may sleep; no reservation lock held.
 * Return: 0, or -EINTR if a signal came.
 */
int camera_pages_begin_cpu_access(struct camera_pages *pages)
{
	struct camera_attachment *view;
	int ret;

	ret = dma_resv_lock_interruptible(&pages->resv, NULL);
	if (ret)
		return ret;

	if (pages->vmaps)
		invalidate_kernel_vmap_range(pages->vaddr,
					     camera_pages_size(pages));
	list_for_each_entry(view, &pages->mappings, node)
		dma_sync_sgtable_for_cpu(view->dev, &view->sgt, view->dir);
	dma_resv_unlock(&pages->resv);
	return 0;
}

/**
 * camera_pages_end_cpu_access() - end CPU access to the memory.
 * @pages: the memory
 *
 * Context: may sleep; no reservation lock held.
 */
void camera_pages_end_cpu_access(struct camera_pages *pages)
{
	struct camera_attachment *view;

	dma_resv_lock(&pages->resv, NULL);
	if (pages->vmaps)
		flush_kernel_vmap_range(pages->vaddr, camera_pages_size(pages));
	list_for_each_entry(view, &pages->mappings, node)
		dma_sync_sgtable_for_device(view->dev, &view->sgt, view->dir);
	dma_resv_unlock(&pages->resv);
}

/*
 * dma_buf_ops.begin_cpu_access: called by dma_buf_begin_cpu_access() and
 * DMA_BUF_IOCTL_SYNC. The core has waited for conflicting fences before: a cache
 * that is invalidated while a device still writes can become stale again.
 */
static int camera_dmabuf_begin(struct dma_buf *dmabuf,
			       enum dma_data_direction dir)
{
	return camera_pages_begin_cpu_access(dmabuf->priv);
}

/*
 * dma_buf_ops.end_cpu_access: writes the CPU's data back. It must not be
 * interrupted by a signal: callers do not repeat it, and the data would be lost.
 *
 * A CPU that has only read has nothing to write back. A sync would copy what it has
 * read over newer data in a bounce buffer.
 */
static int camera_dmabuf_end(struct dma_buf *dmabuf,
			     enum dma_data_direction dir)
{
	if (dir != DMA_FROM_DEVICE)
		camera_pages_end_cpu_access(dmabuf->priv);
	return 0;
}

/*
 * dma_buf_ops.mmap: the core has checked the area against the size. Userspace
 * brackets its access with DMA_BUF_IOCTL_SYNC.
 */
static int camera_dmabuf_mmap(struct dma_buf *dmabuf,
			      struct vm_area_struct *vma)
{
	return camera_pages_mmap(dmabuf->priv, vma);
}

/*
 * dma_buf_ops.vmap: the core counts the users of one dma-buf and calls this for
 * the first. The memory can have several dma-bufs, so camera_pages_vmap() counts
 * too. The reservation lock is held.
 */
static int camera_dmabuf_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	return camera_pages_vmap(dmabuf->priv, map);
}

/* dma_buf_ops.vunmap: called for the last user, with the reservation lock held. */
static void camera_dmabuf_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	camera_pages_vunmap(dmabuf->priv);
}

/*
 * dma_buf_ops.release: the last reference to the dma-buf is gone, and there is no
 * attachment or mapping. Drops the reference of camera_pages_export(). The core
 * does not use the reservation object after this call.
 */
static void camera_dmabuf_release(struct dma_buf *dmabuf)
{
	camera_pages_put(dmabuf->priv);
}

static const struct dma_buf_ops camera_dmabuf_ops = {
	.attach = camera_dmabuf_attach,
	.negotiate = camera_dmabuf_negotiate,
	.detach = camera_dmabuf_detach,
	.map_dma_buf = camera_dmabuf_map,
	.unmap_dma_buf = camera_dmabuf_unmap,
	.begin_cpu_access = camera_dmabuf_begin,
	.end_cpu_access = camera_dmabuf_end,
	.mmap = camera_dmabuf_mmap,
	.vmap = camera_dmabuf_vmap,
	.vunmap = camera_dmabuf_vunmap,
	.release = camera_dmabuf_release,
};

/**
 * camera_pages_export() - make a dma-buf of the memory.
 * @pages: the memory
 * @flags: access mode of the file, O_RDONLY or O_RDWR
 *
 * DEFINE_DMA_BUF_EXPORT_INFO() sets info.owner to this module, which keeps it
 * loaded while the dma-buf exists. The memory is complete before
 * dma_buf_export(), because debugfs lists the dma-buf from then on.
 *
 * Context: may sleep.
 * Return: a dma-buf that holds a reference to @pages, or an error pointer of
 * dma_buf_export().
 */
struct dma_buf *camera_pages_export(struct camera_pages *pages,
				    unsigned long flags)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dmabuf;

	info.ops = &camera_dmabuf_ops;
	info.size = camera_pages_size(pages);
	info.flags = flags;
	info.resv = &pages->resv;
	info.priv = pages;

	refcount_inc(&pages->users);
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf))
		camera_pages_put(pages);
	return dmabuf;
}
