// SPDX-License-Identifier: GPL-2.0-only
/*
 * CMA heap: contiguous buffers of regions of the contiguous memory allocator.
 *
 * There is a heap for the default region, and one for each reusable shared-dma-pool region of
 * the device tree. A buffer is one run. If there is none, a trace event says how long the
 * longest free run is: ENOMEM can mean that the region is full, or that it is fragmented.
 */

#include <linux/bitmap.h>
#include <linux/cma.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/dma-map-ops.h>
#include <linux/highmem.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/of.h>
#include <linux/of_reserved_mem.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "heaps-private.h"
/* For the bitmap of a region, which no function shows. */
#include "../../../mm/cma.h"

#define CREATE_TRACE_POINTS
#include "heap_trace.h"

/* Stable name of the default region, whose own name depends on how it was configured. */
#define CMA_HEAP_DEFAULT_NAME	"default_cma_region"

/* Pages that are cleared between two looks for a fatal signal. */
#define CMA_HEAP_CLEAR_PAGES	256

/**
 * struct cma_storage - storage of one run of a region
 * @heap: the storage
 * @run: its run
 * @cma: the region
 */
struct cma_storage {
	struct heap_storage heap;
	struct dma_storage_run run;
	struct cma *cma;
};

static void cma_heap_free(struct dma_storage *base)
{
	struct cma_storage *storage = container_of(base, struct cma_storage, heap.base);

	cma_release(storage->cma, pfn_to_page(storage->run.pfn), storage->run.nr_pages);
	heap_storage_fini(&storage->heap);
	kfree(storage);
}

static const struct dma_storage_ops cma_heap_storage_ops = {
	.free = cma_heap_free,
};

static int cma_heap_clear(struct page *page, unsigned long nr_pages)
{
	for (unsigned long i = 0; i < nr_pages; i++) {
		if (!(i % CMA_HEAP_CLEAR_PAGES)) {
			if (fatal_signal_pending(current))
				return -EINTR;
			cond_resched();
		}
		clear_highpage(nth_page(page, i));
	}
	return 0;
}

/* Return the number of pages. */
static unsigned long cma_heap_longest_free_run(struct cma *cma)
{
	unsigned long start, end, longest = 0;

	spin_lock_irq(&cma->lock);
	for_each_clear_bitrange(start, end, cma->bitmap, cma_bitmap_maxno(cma))
		longest = max(longest, end - start);
	spin_unlock_irq(&cma->lock);
	return longest << cma->order_per_bit;
}

static void cma_heap_trace_failure(struct cma_storage *storage)
{
	if (trace_cma_heap_no_run_enabled())
		trace_cma_heap_no_run(dma_heap_get_name(storage->heap.heap),
				      storage->heap.base.nr_pages,
				      cma_heap_longest_free_run(storage->cma));
}

static int cma_heap_fill_storage(struct cma_storage *storage)
{
	struct dma_storage *base = &storage->heap.base;
	unsigned int order = get_order(base->nr_pages << PAGE_SHIFT);
	struct page *page;
	int ret;

	/* Without a message: userspace could fill the log. */
	page = cma_alloc(storage->cma, base->nr_pages, min(order, CONFIG_CMA_ALIGNMENT), true);
	if (!page) {
		cma_heap_trace_failure(storage);
		return -ENOMEM;
	}
	ret = cma_heap_clear(page, base->nr_pages);
	if (ret) {
		cma_release(storage->cma, page, base->nr_pages);
		return ret;
	}
	storage->run.pfn = page_to_pfn(page);
	storage->run.nr_pages = base->nr_pages;
	base->nr_runs = 1;
	base->runs = &storage->run;
	return 0;
}

static struct dma_buf *cma_heap_allocate(struct dma_heap *heap, unsigned long len,
					 u32 fd_flags, u64 heap_flags)
{
	struct cma_storage *storage;
	int ret;

	storage = kzalloc(sizeof(*storage), DMA_STORAGE_GFP);
	if (!storage)
		return ERR_PTR(-ENOMEM);
	storage->cma = dma_heap_get_drvdata(heap);
	storage->heap.base.ops = &cma_heap_storage_ops;
	ret = heap_storage_init(&storage->heap, heap, len >> PAGE_SHIFT);
	if (ret)
		goto free_storage;
	ret = cma_heap_fill_storage(storage);
	if (ret)
		goto fini_storage;
	return heap_storage_export(&storage->heap, fd_flags);

fini_storage:
	heap_storage_fini(&storage->heap);
free_storage:
	kfree(storage);
	return ERR_PTR(ret);
}

static const struct dma_heap_ops cma_heap_ops = {
	.allocate = cma_heap_allocate,
};

static int __init cma_heap_add(struct cma *cma, const char *name)
{
	struct dma_heap_export_info info = {
		.name = name,
		.ops = &cma_heap_ops,
		.priv = cma,
	};

	return PTR_ERR_OR_ZERO(dma_heap_add(&info));
}

/* The default region has a heap of its stable name, and one of its own name as in 6.12. */
static int __init cma_heap_add_default(void)
{
	struct cma *cma = dev_get_cma_area(NULL);
	int ret;

	if (!cma)
		return 0;
	ret = cma_heap_add(cma, CMA_HEAP_DEFAULT_NAME);
	if (!ret && strcmp(cma_get_name(cma), CMA_HEAP_DEFAULT_NAME))
		ret = cma_heap_add(cma, cma_get_name(cma));
	return ret;
}

/* Add a heap for the region of a node of the device tree. */
static int __init cma_heap_add_if_at(struct cma *cma, void *data)
{
	struct reserved_mem *reserved = data;

	if (cma_get_base(cma) != reserved->base || cma == dev_get_cma_area(NULL))
		return 0;
	cma_heap_add(cma, cma_get_name(cma));
	return 1;
}

static void __init cma_heap_add_reserved(void)
{
	struct device_node *parent = of_find_node_by_path("/reserved-memory");
	struct device_node *node;

	for_each_available_child_of_node(parent, node) {
		struct reserved_mem *reserved = of_reserved_mem_lookup(node);

		if (reserved && of_device_is_compatible(node, "shared-dma-pool") &&
		    of_property_read_bool(node, "reusable"))
			cma_for_each_area(cma_heap_add_if_at, reserved);
	}
	of_node_put(parent);
}

static int __init cma_heap_init(void)
{
	cma_heap_add_reserved();
	return cma_heap_add_default();
}
module_init(cma_heap_init);
