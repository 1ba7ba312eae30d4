// SPDX-License-Identifier: GPL-2.0-only
/*
 * Examples of the documentation: a heap, and a driver that allocates from it. See
 * doc_samples_kunit.c.
 */

#include <kunit/test.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/fcntl.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "../storage/dma-storage.h"
#include "mock-buffer.h"

/* sample: heap */
/* A storage with one run per page. */
struct sample_storage {
	struct dma_storage base;
	struct dma_buf_run runs[];
};

static void sample_free(struct dma_storage *base)
{
	struct sample_storage *storage = container_of(base, struct sample_storage, base);

	for (unsigned int i = 0; i < base->nr_runs; i++)
		__free_page(pfn_to_page(base->runs[i].pfn));
	kvfree(storage);
}

static const struct dma_storage_ops sample_storage_ops = {
	.free = sample_free,
};

/* Userspace can map the pages, so they must not show old data. */
#define SAMPLE_GFP	(GFP_HIGHUSER | __GFP_ZERO | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

static int sample_alloc_pages(struct dma_storage *base)
{
	while (base->nr_runs < base->nr_pages) {
		struct page *page;

		if (fatal_signal_pending(current))
			return -EINTR;
		page = alloc_page(SAMPLE_GFP);
		if (!page)
			return -ENOMEM;
		base->runs[base->nr_runs].pfn = page_to_pfn(page);
		base->runs[base->nr_runs].nr_pages = 1;
		base->nr_runs++;
	}
	return 0;
}

static struct dma_buf *sample_allocate(struct dma_heap *heap, unsigned long len,
				       u32 fd_flags, u64 heap_flags)
{
	unsigned long nr_pages = len >> PAGE_SHIFT;
	struct sample_storage *storage;
	struct dma_buf *dmabuf;
	int ret;

	/* Do not take all memory from others, only to find that it does not suffice. */
	if (nr_pages > totalram_pages())
		return ERR_PTR(-ENOMEM);
	storage = kvzalloc(struct_size(storage, runs, nr_pages),
			   GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!storage)
		return ERR_PTR(-ENOMEM);
	storage->base.ops = &sample_storage_ops;
	storage->base.nr_pages = nr_pages;
	storage->base.runs = storage->runs;

	ret = sample_alloc_pages(&storage->base);
	if (ret) {
		sample_free(&storage->base);
		return ERR_PTR(ret);
	}
	/* On success the buffer owns the storage. */
	dmabuf = dma_storage_export(&storage->base, dma_heap_get_name(heap), fd_flags);
	if (IS_ERR(dmabuf))
		sample_free(&storage->base);
	return dmabuf;
}

static const struct dma_heap_ops sample_heap_ops = {
	.allocate = sample_allocate,
};

/* Adds /dev/dma_heap/sample_pages. */
static int sample_heap_init(void)
{
	struct dma_heap_export_info info = {
		.name = "sample_pages",
		.ops = &sample_heap_ops,
	};

	return PTR_ERR_OR_ZERO(dma_heap_add(&info));
}

/* end sample */

/* sample: heap user */
MODULE_IMPORT_NS(DMA_BUF_HEAP);

/* A driver gives its firmware a buffer. */
static struct dma_buf *firmware_alloc(size_t size)
{
	struct dma_heap *heap = dma_heap_find("sample_pages");
	struct dma_buf *dmabuf;

	/* The heap may be added later. */
	if (!heap)
		return ERR_PTR(-EPROBE_DEFER);
	dmabuf = dma_heap_buffer_alloc(heap, size, O_RDWR, 0);
	dma_heap_put(heap);
	return dmabuf;
}

/* end sample */

/* A heap cannot be removed, and the suite can run twice. */
static void add_heap(struct kunit *test)
{
	struct dma_heap *heap;

	if (IS_MODULE(CONFIG_DMABUF_KUNIT_TEST))
		kunit_skip(test, "the heap would outlive the module");
	heap = dma_heap_find("sample_pages");
	if (heap)
		dma_heap_put(heap);
	else
		KUNIT_ASSERT_EQ(test, 0, sample_heap_init());
}

static struct dma_buf *alloc_buffer(struct kunit *test, size_t size)
{
	struct dma_buf *dmabuf;

	add_heap(test);
	dmabuf = firmware_alloc(size);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dmabuf);
	return dmabuf;
}

/* Expect zeros and write others, which the next buffer in these pages must not show. */
static void expect_zeros(struct kunit *test, struct dma_buf *dmabuf)
{
	struct iosys_map map;

	if (dma_buf_vmap_unlocked(dmabuf, &map)) {
		KUNIT_FAIL(test, "the buffer has no kernel mapping");
		return;
	}
	KUNIT_EXPECT_NULL(test, memchr_inv(map.vaddr, 0, dmabuf->size));
	memset(map.vaddr, 0xa5, dmabuf->size);
	dma_buf_vunmap_unlocked(dmabuf, &map);
}

static void heap_allocates_zeroed_pages(struct kunit *test)
{
	for (int i = 0; i < 2; i++) {
		struct dma_buf *dmabuf = alloc_buffer(test, PAGE_SIZE + 1);

		KUNIT_EXPECT_EQ(test, dmabuf->size, 2 * PAGE_SIZE);
		expect_zeros(test, dmabuf);
		dma_buf_put(dmabuf);
		mock_flush();
	}
}

static void device_maps_the_pages_of_a_heap(struct kunit *test)
{
	struct device *dev = mock_device_masked(test, DMA_BIT_MASK(64));
	struct dma_buf *dmabuf = alloc_buffer(test, 5 * PAGE_SIZE);
	struct dma_buf_attachment *attach = dma_buf_attach(dmabuf, dev);
	struct sg_table *sgt = ERR_PTR(-ENODEV);
	struct scatterlist *sg;
	size_t bytes = 0;
	int i;

	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, attach);
	if (!IS_ERR(attach))
		sgt = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, sgt);
	if (!IS_ERR(sgt)) {
		for_each_sgtable_dma_sg(sgt, sg, i)
			bytes += sg_dma_len(sg);
		dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_TO_DEVICE);
	}
	KUNIT_EXPECT_EQ(test, bytes, 5 * PAGE_SIZE);
	if (!IS_ERR(attach))
		dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
	mock_flush();
}

static void heap_refuses_more_than_the_machine_has(struct kunit *test)
{
	add_heap(test);
	KUNIT_EXPECT_EQ(test, PTR_ERR(firmware_alloc(SIZE_MAX & PAGE_MASK)), -ENOMEM);
}

static struct kunit_case dma_heap_doc_samples_cases[] = {
	KUNIT_CASE(heap_allocates_zeroed_pages),
	KUNIT_CASE(device_maps_the_pages_of_a_heap),
	KUNIT_CASE(heap_refuses_more_than_the_machine_has),
	{}
};

static struct kunit_suite dma_heap_doc_samples_suite = {
	.name = "dma_heap_doc_samples",
	.init = mock_init,
	.test_cases = dma_heap_doc_samples_cases,
};

kunit_test_suite(dma_heap_doc_samples_suite);
