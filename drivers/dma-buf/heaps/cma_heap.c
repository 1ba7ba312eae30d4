// SPDX-License-Identifier: GPL-2.0-only
/*
 * CMA heap: contiguous buffers of regions of the contiguous memory allocator.
 *
 * There is a heap for the default region, and one for each reusable shared-dma-pool region of
 * the device tree.
 */

#include <linux/cma.h>
#include <linux/dma-map-ops.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/of.h>
#include <linux/of_reserved_mem.h>
#include <linux/slab.h>

#include "heaps-private.h"
/* For the bitmap of a region, which no function shows. */
#include "../../../mm/cma.h"

/* Stable name of the default region, whose own name depends on how it was configured. */
#define CMA_HEAP_DEFAULT_NAME	"default_cma_region"

/**
 * struct cma_heap_region - a region of the contiguous memory allocator
 * @base: the region
 * @cma: for the allocator; fixed
 */
struct cma_heap_region {
	struct heap_region base;
	struct cma *cma;
};

static struct cma *cma_heap_cma(struct heap_region *region)
{
	return container_of(region, struct cma_heap_region, base)->cma;
}

static struct page *cma_heap_take(struct heap_region *region, unsigned long nr_pages)
{
	unsigned int order = get_order(nr_pages << PAGE_SHIFT);

	/* Without a message: userspace could fill the log. */
	return cma_alloc(cma_heap_cma(region), nr_pages, min(order, CONFIG_CMA_ALIGNMENT), true);
}

static void cma_heap_give(struct heap_region *region, struct page *page, unsigned long nr_pages)
{
	cma_release(cma_heap_cma(region), page, nr_pages);
}

static unsigned long cma_heap_longest_free_run(struct heap_region *region)
{
	struct cma *cma = cma_heap_cma(region);
	unsigned long longest;

	spin_lock_irq(&cma->lock);
	longest = heap_region_longest_free_run(cma->bitmap, cma_bitmap_maxno(cma));
	spin_unlock_irq(&cma->lock);
	return longest << cma->order_per_bit;
}

static const struct heap_region_ops cma_heap_region_ops = {
	.take = cma_heap_take,
	.give = cma_heap_give,
	.longest_free_run = cma_heap_longest_free_run,
};

static int __init cma_heap_add(struct cma *cma, const char *name)
{
	struct cma_heap_region *region = kzalloc(sizeof(*region), GFP_KERNEL);
	struct dma_heap *heap;

	if (!region)
		return -ENOMEM;
	region->base.ops = &cma_heap_region_ops;
	region->base.nr_pages = cma_get_size(cma) >> PAGE_SHIFT;
	region->cma = cma;
	heap = heap_region_add(&region->base, name);
	if (IS_ERR(heap))
		kfree(region);
	return PTR_ERR_OR_ZERO(heap);
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
