// SPDX-License-Identifier: GPL-2.0-only
/*
 * Region heaps: a buffer is one run of a region of contiguous memory.
 *
 * The CMA heap and the carve-out heap differ in who divides the region (&struct
 * heap_region_ops). If no free run is long enough, a trace event says how long the longest
 * is: ENOMEM can mean that the region is full, or that it is fragmented.
 */

#include <kunit/visibility.h>
#include <linux/bitmap.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/export.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "heaps-private.h"

#define CREATE_TRACE_POINTS
#include "heap_trace.h"

/* Pages that are cleared between two looks for a fatal signal. */
#define HEAP_REGION_CLEAR_PAGES	256

/**
 * struct heap_region_storage - storage of one run of a region
 * @heap: the storage
 * @run: its run
 * @region: the region; fixed
 */
struct heap_region_storage {
	struct heap_storage heap;
	struct dma_buf_run run;
	struct heap_region *region;
};

/**
 * heap_region_free() - &dma_storage_ops.free of a storage of a region
 * @base: the storage
 *
 * Context: Process context; may sleep.
 */
void heap_region_free(struct dma_storage *base)
{
	struct heap_region_storage *storage =
		container_of(base, struct heap_region_storage, heap.base);
	struct heap_region *region = storage->region;

	region->ops->give(region, pfn_to_page(storage->run.pfn), storage->run.nr_pages);
	heap_storage_fini(&storage->heap);
	kfree(storage);
}

static const struct dma_storage_ops heap_region_storage_ops = {
	.free = heap_region_free,
};

static int heap_region_clear(struct page *page, unsigned long nr_pages)
{
	might_sleep();
	for (unsigned long i = 0; i < nr_pages; i++) {
		if (!(i % HEAP_REGION_CLEAR_PAGES)) {
			if (fatal_signal_pending(current))
				return -EINTR;
			cond_resched();
		}
		clear_highpage(nth_page(page, i));
	}
	return 0;
}

static void heap_region_trace_failure(struct heap_region_storage *storage)
{
	if (trace_heap_no_run_enabled() && storage->region->ops->longest_free_run)
		trace_heap_no_run(dma_heap_get_name(storage->heap.heap),
				  storage->heap.base.nr_pages,
				  storage->region->ops->longest_free_run(storage->region));
}

static int heap_region_fill_storage(struct heap_region_storage *storage)
{
	struct heap_region *region = storage->region;
	struct dma_storage *base = &storage->heap.base;
	struct page *page;
	int ret;

	page = region->ops->take(region, base->nr_pages);
	if (!page) {
		heap_region_trace_failure(storage);
		return -ENOMEM;
	}
	ret = heap_region_clear(page, base->nr_pages);
	if (ret) {
		region->ops->give(region, page, base->nr_pages);
		return ret;
	}
	storage->run.pfn = page_to_pfn(page);
	storage->run.nr_pages = base->nr_pages;
	base->nr_runs = 1;
	base->runs = &storage->run;
	return 0;
}

static struct heap_region_storage *heap_region_new_storage(struct heap_region *region,
							   const struct dma_storage_ops *ops)
{
	struct heap_region_storage *storage = kzalloc(sizeof(*storage), DMA_STORAGE_GFP);

	if (storage) {
		storage->region = region;
		storage->heap.base.ops = ops;
	}
	return storage;
}

/**
 * heap_region_renew() - allocate a run of a region for a buffer that has another storage
 * @region: the region
 * @old: the other storage
 * @ops: operations of the new storage; free is heap_region_free()
 *
 * Context: Process context; may sleep.
 * Return: The storage; or an error pointer: %-ENOMEM if there is no such run or the payer may not
 * have so many pages, %-EINTR if a fatal signal came.
 */
struct dma_storage *heap_region_renew(struct heap_region *region, const struct heap_storage *old,
				      const struct dma_storage_ops *ops)
{
	struct heap_region_storage *storage = heap_region_new_storage(region, ops);
	int ret;

	if (!storage)
		return ERR_PTR(-ENOMEM);
	ret = heap_storage_init_like(&storage->heap, old, true);
	if (ret)
		goto free_storage;
	ret = heap_region_fill_storage(storage);
	if (ret)
		goto fini_storage;
	return &storage->heap.base;

fini_storage:
	heap_storage_fini(&storage->heap);
free_storage:
	kfree(storage);
	return ERR_PTR(ret);
}

static struct dma_buf *heap_region_allocate(struct dma_heap *heap, unsigned long len,
					    u32 fd_flags, u64 heap_flags)
{
	struct heap_region *region = dma_heap_get_drvdata(heap);
	struct heap_region_storage *storage;
	int ret;

	if (len >> PAGE_SHIFT > region->nr_pages)
		return ERR_PTR(-ENOMEM);
	storage = heap_region_new_storage(region, &heap_region_storage_ops);
	if (!storage)
		return ERR_PTR(-ENOMEM);
	ret = heap_storage_init(&storage->heap, heap, len >> PAGE_SHIFT);
	if (ret)
		goto free_storage;
	ret = heap_region_fill_storage(storage);
	if (ret)
		goto fini_storage;
	return heap_storage_export(&storage->heap, fd_flags);

fini_storage:
	heap_storage_fini(&storage->heap);
free_storage:
	kfree(storage);
	return ERR_PTR(ret);
}

static const struct dma_heap_ops heap_region_heap_ops = {
	.allocate = heap_region_allocate,
};

/**
 * heap_region_add() - add a heap whose buffers are runs of a region
 * @region: the region; must stay
 * @name: name of the heap
 *
 * A region can have several heaps, which share its memory.
 *
 * Context: Process context; may sleep.
 * Return: As dma_heap_add().
 */
struct dma_heap *heap_region_add(struct heap_region *region, const char *name)
{
	struct dma_heap_export_info info = {
		.name = name,
		.ops = &heap_region_heap_ops,
		.priv = region,
	};

	return dma_heap_add(&info);
}
EXPORT_SYMBOL_IF_KUNIT(heap_region_add);

/**
 * heap_region_longest_free_run() - find the longest free run of a bitmap
 * @bitmap: the bitmap; a set bit is in use
 * @bits: its length
 *
 * Context: Any.
 * Return: The length of the run in bits.
 */
unsigned long heap_region_longest_free_run(const unsigned long *bitmap, unsigned long bits)
{
	unsigned long start, end, longest = 0;

	for_each_clear_bitrange(start, end, bitmap, bits)
		longest = max(longest, end - start);
	return longest;
}
EXPORT_SYMBOL_IF_KUNIT(heap_region_longest_free_run);
