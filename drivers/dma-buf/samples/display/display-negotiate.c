// SPDX-License-Identifier: GPL-2.0-only
/*
 * Negotiation: a buffer whose pages do not fit a device that is attached gets others.
 */

#include <linux/dma-buf.h>
#include <linux/dma-buf-needs.h>
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "display.h"

/**
 * DOC: Negotiation
 *
 * dma_buf_ops.negotiate is called before a device is attached. The core has not
 * pinned the buffer for it yet, so the buffer can still move. But the callback must
 * not call dma_buf_move_notify(). So a buffer that an importer has mapped stays
 * where it is, although all its importers may be able to follow.
 */

/* Returns a run for each page, or NULL. dma_buf_fits() joins those that are adjacent. */
static struct dma_buf_run *display_storage_runs(const struct display_storage *storage)
{
	struct dma_buf_run *runs;
	unsigned long i;

	runs = kvmalloc_array(storage->num_pages, sizeof(*runs), GFP_KERNEL);
	if (!runs)
		return NULL;
	for (i = 0; i < storage->num_pages; i++)
		runs[i] = (struct dma_buf_run){ page_to_pfn(storage->pages[i]), 1 };
	return runs;
}

static bool display_is_better(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
			      const struct dma_buf_run *from, const struct dma_buf_run *to,
			      unsigned long num_pages)
{
	return dma_buf_fits(dmabuf, must, true, to, num_pages, NULL) &&
	       dma_buf_keeps_reach(dmabuf, from, num_pages, to, num_pages);
}

/* All pages are allocated in one piece, also if only the first ones must be. */
static bool display_needs_one_piece(const struct dma_buf_needs *must)
{
	return must->contiguous > PAGE_SIZE || must->granule > PAGE_SIZE;
}

static int display_try_zone(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
			    const struct dma_buf_run *from, gfp_t zone)
{
	struct display_bo *bo = to_display_bo(display_export_object(dmabuf));
	unsigned long num_pages = bo->storage->num_pages;
	bool adjacent = display_needs_one_piece(must);
	struct display_storage *new;
	struct dma_buf_run *to;
	bool better;

	new = display_storage_alloc_zone(num_pages, zone, adjacent);
	if (!new)
		return -EBUSY;
	to = display_storage_runs(new);
	better = to && display_is_better(dmabuf, must, from, to, num_pages);
	kvfree(to);
	if (!better) {
		display_storage_put(new);
		return -EBUSY;
	}
	display_bo_replace(bo, new);
	dma_buf_note_replaced(dmabuf);
	return 0;
}

/* Tries lower and lower memory. */
static int display_find_better(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
			       const struct dma_buf_run *from)
{
	static const gfp_t zones[] = { __GFP_HIGHMEM, __GFP_DMA32, __GFP_DMA };
	int ret = -EBUSY;
	unsigned int i;

	for (i = 0; ret && i < ARRAY_SIZE(zones); i++)
		ret = display_try_zone(dmabuf, must, from, zones[i]);
	return ret;
}

/**
 * display_export_negotiate() - dma_buf_ops.negotiate
 * @dmabuf: a dma-buf of an own buffer
 * @must: needs that the pages must meet
 * @want: needs that bounce buffers meet if the pages do not; ignored
 *
 * Context: Reservation lock held; may sleep.
 * Return: 0; %-EBUSY if the buffer is in use where it is, or there are no such pages
 * now; %-EOPNOTSUPP if it is longer than what the page allocator has in one piece;
 * or %-ENOMEM.
 */
int display_export_negotiate(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
			     const struct dma_buf_needs *want)
{
	struct display_bo *bo = to_display_bo(display_export_object(dmabuf));
	struct dma_buf_run *runs;
	int ret = 0;

	dma_resv_assert_held(bo->base.resv);
	if (dma_buf_needs_empty(must))
		return 0;
	runs = display_storage_runs(bo->storage);
	if (!runs)
		return -ENOMEM;

	if (dma_buf_fits(dmabuf, must, true, runs, bo->storage->num_pages, NULL))
		ret = 0;
	else if ((display_needs_one_piece(must) && get_order(bo->base.size) > MAX_PAGE_ORDER) ||
		 bo->base.size < must->granule)
		ret = -EOPNOTSUPP;
	else if (!list_empty(&bo->mappings) || !display_bo_can_move(bo))
		ret = -EBUSY;
	else
		ret = display_find_better(dmabuf, must, runs);
	kvfree(runs);
	return ret;
}
