// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sample heap: a heap as a loadable module, of pages that it takes when it is loaded.
 *
 * An allocation does not wait for pages: it gets them from the heap, or fails with -ENOMEM.
 * A heap cannot be removed, so the module has no exit function and cannot be unloaded.
 */

#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "../../storage/dma-storage.h"

/**
 * struct sample_heap - the heap's pages
 * @nr_pages: number of all pages, a parameter; fixed
 * @lock: guards the other members
 * @free: the free pages; each is linked by &page.lru
 * @nr_free: length of @free
 */
struct sample_heap {
	unsigned int nr_pages;
	struct mutex lock; /* free, nr_free */
	struct list_head free;
	unsigned long nr_free;
};

static struct sample_heap sample_heap = {
	.nr_pages = 10240,
	.lock = __MUTEX_INITIALIZER(sample_heap.lock),
	.free = LIST_HEAD_INIT(sample_heap.free),
};

module_param_named(pages, sample_heap.nr_pages, uint, 0444);
MODULE_PARM_DESC(pages, "Number of pages of the heap (default: 10240)");

/* Take all pages of a storage, or none. */
static int sample_heap_take(struct dma_storage *storage)
{
	struct dma_buf_run *run;
	struct page *page;

	guard(mutex)(&sample_heap.lock);
	if (storage->nr_pages > sample_heap.nr_free)
		return -ENOMEM;
	for (unsigned int i = 0; i < storage->nr_runs; i++) {
		run = &storage->runs[i];
		page = list_first_entry(&sample_heap.free, struct page, lru);
		list_del(&page->lru);
		run->pfn = page_to_pfn(page);
		run->nr_pages = 1;
	}
	sample_heap.nr_free -= storage->nr_pages;
	return 0;
}

static void sample_heap_give(struct dma_storage *storage)
{
	guard(mutex)(&sample_heap.lock);
	for (unsigned int i = 0; i < storage->nr_runs; i++)
		list_add(&pfn_to_page(storage->runs[i].pfn)->lru, &sample_heap.free);
	sample_heap.nr_free += storage->nr_pages;
}

static void sample_heap_free(struct dma_storage *storage)
{
	sample_heap_give(storage);
	kvfree(storage->runs);
	kfree(storage);
}

static const struct dma_storage_ops sample_heap_storage_ops = {
	.free = sample_heap_free,
};

/* Old data of another program must not be seen. */
static void sample_heap_clear(const struct dma_storage *storage)
{
	for (unsigned int i = 0; i < storage->nr_runs; i++)
		clear_highpage(pfn_to_page(storage->runs[i].pfn));
}

static struct dma_buf *sample_heap_allocate(struct dma_heap *heap, unsigned long len,
					    u32 fd_flags, u64 heap_flags)
{
	unsigned long nr_pages = len >> PAGE_SHIFT;
	struct dma_storage *storage;
	struct dma_buf *dmabuf;
	int ret = -ENOMEM;

	if (nr_pages > sample_heap.nr_pages)
		return ERR_PTR(-ENOMEM);
	storage = kzalloc(sizeof(*storage), DMA_STORAGE_GFP);
	if (!storage)
		return ERR_PTR(-ENOMEM);
	storage->ops = &sample_heap_storage_ops;
	storage->nr_pages = nr_pages;
	storage->nr_runs = nr_pages;
	storage->runs = kvmalloc_array(nr_pages, sizeof(*storage->runs), DMA_STORAGE_GFP);
	if (storage->runs)
		ret = sample_heap_take(storage);
	if (ret) {
		kvfree(storage->runs);
		kfree(storage);
		return ERR_PTR(ret);
	}

	sample_heap_clear(storage);
	/* On success the buffer owns the storage. */
	dmabuf = dma_storage_export(storage, dma_heap_get_name(heap), fd_flags);
	if (IS_ERR(dmabuf))
		sample_heap_free(storage);
	return dmabuf;
}

static const struct dma_heap_ops sample_heap_ops = {
	.allocate = sample_heap_allocate,
};

static void __init sample_heap_drain(void)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &sample_heap.free, lru)
		__free_page(page);
}

static int __init sample_heap_fill(void)
{
	while (sample_heap.nr_free < sample_heap.nr_pages) {
		struct page *page = alloc_page(GFP_HIGHUSER | __GFP_RETRY_MAYFAIL);

		if (!page)
			return -ENOMEM;
		list_add(&page->lru, &sample_heap.free);
		sample_heap.nr_free++;
	}
	return 0;
}

/* Programs can allocate before dma_heap_add() returns, so that comes last. */
static int __init sample_heap_init(void)
{
	struct dma_heap_export_info info = {
		.name = "sample",
		.ops = &sample_heap_ops,
	};
	int ret;

	ret = sample_heap_fill();
	if (!ret)
		ret = PTR_ERR_OR_ZERO(dma_heap_add(&info));
	if (ret)
		sample_heap_drain();
	return ret;
}
module_init(sample_heap_init);

MODULE_DESCRIPTION("Sample dma-buf heap");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(DMA_BUF);
MODULE_IMPORT_NS(DMA_BUF_HEAP);
