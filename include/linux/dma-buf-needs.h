/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What devices need of the memory of a buffer.
 *
 * See "Needs" in drivers/dma-buf/needs/dma-buf-needs.c.
 */
#ifndef _LINUX_DMA_BUF_NEEDS_H
#define _LINUX_DMA_BUF_NEEDS_H

struct device;
struct sg_table;

#include <linux/minmax.h>
#include <linux/types.h>

/**
 * struct dma_buf_needs - what one or more devices need of the memory of a buffer
 *
 * 0 stands for no need, in each member.
 */
struct dma_buf_needs {
	/**
	 * @reach: Highest physical address that the devices reach.
	 *
	 * A hint for an allocation: some memory below it may be out of reach too. Whether memory
	 * is in reach is a question to the device, see dma_buf_needs_fit().
	 */
	u64 reach;
	/** @contiguous: Number of bytes, from the start of the buffer, in adjacent pages. */
	size_t contiguous;
	/**
	 * @granule: Alignment in bytes of all runs of pages, and of the length of all runs but the
	 * last; a power of two. Pages always fit a granule up to %PAGE_SIZE.
	 */
	size_t granule;
};

/**
 * struct dma_buf_attach_needs - what one attachment needs of the memory of its buffer
 * @must: needs without which the device cannot use the buffer: @stated, and what follows from the
 *	device and no bounce buffer can cure
 * @want: needs that the DMA API meets with bounce buffers if the memory does not
 * @stated: the part of @must that follows from what the importer stated. If it is not met, the
 *	attach fails. If only the rest is not met, the attach succeeds and the map fails
 */
struct dma_buf_attach_needs {
	struct dma_buf_needs must;
	struct dma_buf_needs want;
	struct dma_buf_needs stated;
};

/**
 * struct dma_buf_run - adjacent pages
 * @pfn: number of the first page
 * @nr_pages: number of pages; not 0
 */
struct dma_buf_run {
	unsigned long pfn;
	unsigned long nr_pages;
};

/**
 * enum dma_buf_need - the members of struct dma_buf_needs
 * @DMA_BUF_NEED_NONE: none of them
 * @DMA_BUF_NEED_REACH: &dma_buf_needs.reach
 * @DMA_BUF_NEED_CONTIGUOUS: &dma_buf_needs.contiguous
 * @DMA_BUF_NEED_GRANULE: &dma_buf_needs.granule
 */
enum dma_buf_need {
	DMA_BUF_NEED_NONE,
	DMA_BUF_NEED_REACH,
	DMA_BUF_NEED_CONTIGUOUS,
	DMA_BUF_NEED_GRANULE,
};

/**
 * struct dma_buf_misfit - why memory does not fit needs
 * @need: the first need, in the order of the enum, that the memory does not meet
 * @run: index of the run that does not meet it. Of runs that are adjacent, the first one. For
 *	%DMA_BUF_NEED_CONTIGUOUS the first run that is not adjacent to the one before, or the
 *	number of runs
 * @had: what the memory has instead: the last address of the run (and of those adjacent to it),
 *	the number of adjacent bytes from the start, or the largest granule that the run keeps
 */
struct dma_buf_misfit {
	enum dma_buf_need need;
	unsigned int run;
	u64 had;
};

/**
 * dma_buf_needs_empty() - return whether needs ask for nothing
 * @needs: the needs
 *
 * Context: Any.
 * Return: True if all memory fits.
 */
static inline bool dma_buf_needs_empty(const struct dma_buf_needs *needs)
{
	return !needs->reach && !needs->contiguous && !needs->granule;
}

/**
 * dma_buf_needs_intersect() - add needs to others
 * @needs: the needs; become those that memory must meet to meet both
 * @others: the needs to add
 *
 * Context: Any.
 */
static inline void dma_buf_needs_intersect(struct dma_buf_needs *needs,
					   const struct dma_buf_needs *others)
{
	needs->reach = min_not_zero(needs->reach, others->reach);
	needs->contiguous = max(needs->contiguous, others->contiguous);
	needs->granule = max(needs->granule, others->granule);
}

/**
 * dma_buf_needs_imply() - return whether needs include others
 * @needs: the needs
 * @others: other needs
 *
 * Context: Any.
 * Return: True if adding @others to @needs would not change @needs.
 */
static inline bool dma_buf_needs_imply(const struct dma_buf_needs *needs,
				       const struct dma_buf_needs *others)
{
	return (!others->reach || (needs->reach && needs->reach <= others->reach)) &&
	       needs->contiguous >= others->contiguous && needs->granule >= others->granule;
}

/* Enough for the longest text of dma_buf_needs_print(). */
#define DMA_BUF_NEEDS_TEXT	112

size_t dma_buf_needs_print(char *text, size_t size, const struct dma_buf_needs *needs);
bool dma_buf_needs_fit(const struct dma_buf_needs *needs, struct device *dev,
		       const struct dma_buf_run *runs, unsigned int nr_runs,
		       struct dma_buf_misfit *misfit);
size_t dma_buf_needs_bounce(struct device *dev);
bool dma_buf_needs_can_map(struct device *dev, struct sg_table *sgt);
int dma_buf_needs_of_device(struct device *dev, const struct dma_buf_needs *stated, size_t size,
			    struct dma_buf_attach_needs *needs);

#endif /* _LINUX_DMA_BUF_NEEDS_H */
