// SPDX-License-Identifier: GPL-2.0-only
/*
 * Negotiation of exporters that cannot choose their memory: their pages fit the devices or not.
 *
 * The pages are tested a few runs at a time, so that no memory is allocated for it. Only the first
 * test sees the start of the buffer, so it is the one for contiguous bytes, which are all in the
 * first run. Each later test begins with the last run of the one before. So the last run of a test
 * is the last run of the buffer, or is tested again as one that others follow, which matters for
 * the granule.
 */

#include <linux/dma-buf.h>
#include <linux/dma-buf-needs.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <trace/events/dma_buf.h>

#include "dma-buf-private.h"

/* Runs of one test: on the stack, and enough for the work of a test to be the runs. */
#define DMA_BUF_PAGES_RUNS	16

/* Return how many of the pages are adjacent, from the first one on. */
static unsigned long dma_buf_adjacent_pages(struct page *const *pages, unsigned long nr_pages)
{
	unsigned long pfn = page_to_pfn(pages[0]), i = 1;

	while (i < nr_pages && page_to_pfn(pages[i]) == pfn + i)
		i++;
	return i;
}

/* Set runs for the first of the pages. Return the number of runs; subtract what they have. */
static unsigned int dma_buf_next_runs(struct page *const **pages, unsigned long *nr_pages,
				      struct dma_buf_run *runs, unsigned int max_runs)
{
	unsigned int count = 0;

	while (count < max_runs && *nr_pages) {
		struct dma_buf_run *run = &runs[count++];

		run->pfn = page_to_pfn(**pages);
		run->nr_pages = dma_buf_adjacent_pages(*pages, *nr_pages);
		*pages += run->nr_pages;
		*nr_pages -= run->nr_pages;
	}
	return count;
}

static bool dma_buf_pages_fit(struct dma_buf *dmabuf, const struct dma_buf_needs *needs,
			      bool must_only, struct page *const *pages, unsigned long nr_pages)
{
	struct dma_buf_run runs[DMA_BUF_PAGES_RUNS];
	struct dma_buf_needs rest = *needs;
	unsigned int count = 0;

	while (nr_pages && !dma_buf_needs_empty(&rest)) {
		cond_resched();
		count += dma_buf_next_runs(&pages, &nr_pages, runs + count,
					   ARRAY_SIZE(runs) - count);
		if (!dma_buf_fits(dmabuf, &rest, must_only, runs, count, NULL))
			return false;
		rest.contiguous = 0;
		runs[0] = runs[count - 1];
		count = 1;
	}
	return true;
}

/**
 * dma_buf_negotiate_pages() - negotiate for an exporter that cannot choose its memory
 * @dmabuf: the buffer
 * @must: as for &dma_buf_ops.negotiate
 * @want: as for &dma_buf_ops.negotiate
 * @pages: all pages of the buffer, in its order; they stay until the buffer is released, or are
 *	pinned by an attachment
 * @nr_pages: number of pages
 *
 * Is all that &dma_buf_ops.negotiate of such an exporter does. What importers stated, and the pages
 * do not have, is refused. What else the devices need and the pages do not have, and so is going
 * to be bounced or cannot be mapped, is shown by the trace event of the negotiation; an attach
 * never fails for that.
 *
 * Allocates no memory.
 *
 * Context: Reservation lock held; may sleep.
 * Return: 0 if the pages meet @must, else %-EOPNOTSUPP.
 */
int dma_buf_negotiate_pages(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
			    const struct dma_buf_needs *want, struct page *const *pages,
			    unsigned long nr_pages)
{
	struct dma_buf_needs both = *must;

	dma_buf_assert_held(dmabuf);
	if (!dma_buf_pages_fit(dmabuf, must, true, pages, nr_pages))
		return -EOPNOTSUPP;
	/* The result is for the trace event only. */
	dma_buf_needs_intersect(&both, want);
	if (trace_dma_buf_negotiate_enabled())
		dma_buf_pages_fit(dmabuf, &both, false, pages, nr_pages);
	return 0;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_negotiate_pages, DMA_BUF);
