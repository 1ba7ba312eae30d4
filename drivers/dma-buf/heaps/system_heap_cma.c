// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the default CMA region that buffers of the system heap may have.
 *
 * They get it if devices need memory that the page allocator does not have: many contiguous bytes,
 * or low addresses. The part is limited, because other drivers depend on the region, and often
 * more programs may open the system heap than the CMA heap.
 */

#include <linux/cma.h>
#include <linux/dma-map-ops.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>

#include "heaps-private.h"

static unsigned long system_heap_cma_limit(void)
{
	return system_heap_limit(cma_get_size(dev_get_cma_area(NULL)) >> PAGE_SHIFT,
				 READ_ONCE(system_heap.limits.cma_percent));
}

static struct page *system_heap_cma_take(struct heap_region *region, unsigned long nr_pages)
{
	unsigned int order = get_order(nr_pages << PAGE_SHIFT);
	struct page *page;

	if (!dma_storage_take_limited(&system_heap.limits.cma_pages, nr_pages,
				      system_heap_cma_limit()))
		return NULL;
	page = cma_alloc(dev_get_cma_area(NULL), nr_pages, min(order, CONFIG_CMA_ALIGNMENT), true);
	if (!page)
		atomic64_sub(nr_pages, &system_heap.limits.cma_pages);
	return page;
}

static void system_heap_cma_give(struct heap_region *region, struct page *page,
				 unsigned long nr_pages)
{
	cma_release(dev_get_cma_area(NULL), page, nr_pages);
	atomic64_sub(nr_pages, &system_heap.limits.cma_pages);
}

const struct heap_region_ops system_heap_cma_ops = {
	.take = system_heap_cma_take,
	.give = system_heap_cma_give,
};

/* A storage of the region can be replaced like others. */
static const struct dma_storage_ops system_heap_cma_storage_ops = {
	.free = heap_region_free,
	.renew = system_heap_renew,
	.note = heap_lesson_note,
};

/**
 * system_heap_cma_renew() - allocate a run of the default CMA region for a buffer
 * @old: storage of the buffer
 * @reach: highest address that the devices reach, 0 for any
 *
 * Context: Process context; may sleep.
 * Return: As heap_region_renew(); %-EOPNOTSUPP if there is no region, if it is out of reach, or if
 * the system heap may not have so much of it.
 */
struct dma_storage *system_heap_cma_renew(const struct heap_storage *old, u64 reach)
{
	struct cma *cma = dev_get_cma_area(NULL);

	if (!cma || (reach && cma_get_base(cma) + cma_get_size(cma) - 1 > reach))
		return ERR_PTR(-EOPNOTSUPP);
	if (old->base.nr_pages > system_heap_cma_limit())
		return ERR_PTR(-EOPNOTSUPP);
	return heap_region_renew(&system_heap.limits.cma, old, &system_heap_cma_storage_ops);
}

/* Parameter of the system heap, not of this file. */
#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "system_heap."
module_param_named(cma_percent, system_heap.limits.cma_percent, uint, 0644);
MODULE_PARM_DESC(cma_percent, "Part of the default CMA region that buffers may get when a device needs it, in percent; 0: none (default: 50)");
