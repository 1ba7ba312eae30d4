// SPDX-License-Identifier: GPL-2.0-only
/*
 * Carve-out heap: contiguous buffers of reserved memory that nobody else uses.
 *
 * A region is a node below /reserved-memory of the device tree that is compatible with
 * "dma-heap-carveout". The page allocator has never had its pages, so an allocation moves
 * nothing and cannot fail because a page is in use, as one from CMA can.
 *
 * The pool of a region counts pages: its addresses are page numbers.
 */

#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/genalloc.h>
#include <linux/init.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/of.h>
#include <linux/of_reserved_mem.h>
#include <linux/pgtable.h>
#include <linux/slab.h>

#include "heaps-private.h"

#define CARVEOUT_HEAP_COMPATIBLE	"dma-heap-carveout"

/**
 * struct carveout_heap_region - a region of reserved memory
 * @base: the region
 * @pool: divides it; has a lock-free bitmap
 */
struct carveout_heap_region {
	struct heap_region base;
	struct gen_pool *pool;
};

static struct gen_pool *carveout_heap_pool(struct heap_region *region)
{
	return container_of(region, struct carveout_heap_region, base)->pool;
}

/* Align so that the CPU and IOMMUs can map the run with large pages. */
static struct page *carveout_heap_take(struct heap_region *region, unsigned long nr_pages)
{
	struct genpool_data_align data = {
		.align = min(roundup_pow_of_two(nr_pages), PMD_SIZE >> PAGE_SHIFT),
	};
	unsigned long pfn;

	pfn = gen_pool_alloc_algo(carveout_heap_pool(region), nr_pages, gen_pool_first_fit_align,
				  &data);
	return pfn ? pfn_to_page(pfn) : NULL;
}

static void carveout_heap_give(struct heap_region *region, struct page *page,
			       unsigned long nr_pages)
{
	gen_pool_free(carveout_heap_pool(region), page_to_pfn(page), nr_pages);
}

static void carveout_heap_find_longest(struct gen_pool *pool, struct gen_pool_chunk *chunk,
				       void *longest)
{
	*(unsigned long *)longest =
		heap_region_longest_free_run(chunk->bits, chunk->end_addr - chunk->start_addr + 1);
}

static unsigned long carveout_heap_longest_free_run(struct heap_region *region)
{
	unsigned long longest = 0;

	gen_pool_for_each_chunk(carveout_heap_pool(region), carveout_heap_find_longest, &longest);
	return longest;
}

static const struct heap_region_ops carveout_heap_region_ops = {
	.take = carveout_heap_take,
	.give = carveout_heap_give,
	.longest_free_run = carveout_heap_longest_free_run,
};

/**
 * carveout_heap_create() - make a region of reserved pages
 * @pfn: first page
 * @nr_pages: number of pages, which nobody else may use
 *
 * Context: Process context; may sleep.
 * Return: The region, or NULL if there is no memory.
 */
struct heap_region *carveout_heap_create(unsigned long pfn, unsigned long nr_pages)
{
	struct carveout_heap_region *region = kzalloc(sizeof(*region), GFP_KERNEL);

	if (!region)
		return NULL;
	region->base.ops = &carveout_heap_region_ops;
	region->base.nr_pages = nr_pages;
	region->pool = gen_pool_create(0, NUMA_NO_NODE);
	if (!region->pool)
		goto free_region;
	if (gen_pool_add(region->pool, pfn, nr_pages, NUMA_NO_NODE))
		goto destroy_pool;
	return &region->base;

destroy_pool:
	gen_pool_destroy(region->pool);
free_region:
	kfree(region);
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(carveout_heap_create);

/**
 * carveout_heap_destroy() - free a region from which nothing is allocated
 * @region: the region, which has no heap
 *
 * Context: Process context.
 */
void carveout_heap_destroy(struct heap_region *region)
{
	gen_pool_destroy(carveout_heap_pool(region));
	kfree(container_of(region, struct carveout_heap_region, base));
}
EXPORT_SYMBOL_IF_KUNIT(carveout_heap_destroy);

/* Without struct pages there is nothing to clear and map. */
static bool __init carveout_heap_has_pages(const struct device_node *node,
					   const struct reserved_mem *reserved)
{
	return !of_property_read_bool(node, "no-map") &&
	       region_intersects(reserved->base, reserved->size, IORESOURCE_SYSTEM_RAM,
				 IORES_DESC_NONE) == REGION_INTERSECTS;
}

static int __init carveout_heap_add(struct device_node *node)
{
	struct reserved_mem *reserved = of_reserved_mem_lookup(node);
	struct heap_region *region;
	struct dma_heap *heap;
	unsigned long start, end;

	if (!reserved)
		return -ENODEV;
	start = PFN_UP(reserved->base);
	end = PFN_DOWN(reserved->base + reserved->size);
	if (start >= end || !carveout_heap_has_pages(node, reserved))
		return -EINVAL;

	/* VFIO maps reserved pages without a reference, as those of other devices. */
	for (unsigned long pfn = start; pfn < end; pfn++)
		ClearPageReserved(pfn_to_page(pfn));
	region = carveout_heap_create(start, end - start);
	if (!region)
		return -ENOMEM;
	heap = heap_region_add(region, reserved->name);
	if (IS_ERR(heap))
		carveout_heap_destroy(region);
	return PTR_ERR_OR_ZERO(heap);
}

static int __init carveout_heap_init(void)
{
	struct device_node *parent = of_find_node_by_path("/reserved-memory");
	struct device_node *node;
	int ret;

	for_each_available_child_of_node(parent, node) {
		if (!of_device_is_compatible(node, CARVEOUT_HEAP_COMPATIBLE))
			continue;
		ret = carveout_heap_add(node);
		if (ret)
			pr_err("dma_heap: %pOF cannot be a heap: %d\n", node, ret);
	}
	of_node_put(parent);
	return 0;
}
module_init(carveout_heap_init);
