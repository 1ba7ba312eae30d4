// SPDX-License-Identifier: GPL-2.0-only
/*
 * Needs: whether the memory of a buffer fits the devices that use it.
 */

#include <linux/dma-buf-needs.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/pfn.h>

#include "dma-buf-needs-private.h"

/**
 * DOC: Needs
 *
 * *Needs* are what devices ask of the memory of a buffer, not the limits of the devices: a device
 * behind an IOMMU can have a mask of 32 bits and needs nothing, because the IOMMU gives each page
 * an address below the mask.
 *
 * There are three needs. *Reach*: the device must be able to address the memory. *Contiguous*: that
 * many bytes from the start of the buffer are in adjacent pages. *Granule*: the runs of adjacent
 * pages consist of whole pages of the IOMMU.
 *
 * Reach follows from the device alone, contiguous from the importer alone, which states it when it
 * attaches. dma_buf_needs_of_device() turns what was stated, and the facts of the device, into what
 * the attachment needs: what it *must* have, and what it *wants* but can be bounced.
 *
 * Needs of several attachments are combined with dma_buf_needs_intersect(). The result tells an
 * exporter where to allocate. Reach is only a hint then, because a device can have several windows
 * of memory with gaps, and because the DMA addresses can have an offset. So memory is checked with
 * dma_buf_needs_fit() for each attachment, which asks the device.
 */

/**
 * struct dma_buf_extent - runs of pages that are adjacent
 * @run: index of the first one
 * @next: index of the first run of the next extent; 0 before the first extent
 * @start: physical address of the first byte
 * @bytes: length
 */
struct dma_buf_extent {
	unsigned int run;
	unsigned int next;
	u64 start;
	u64 bytes;
};

/* Tables have one segment for each extent, so needs are checked by extent. */
static bool dma_buf_extent_next(struct dma_buf_extent *extent, const struct dma_buf_run *runs,
				unsigned int nr_runs)
{
	extent->run = extent->next;
	if (extent->run >= nr_runs)
		return false;
	extent->start = PFN_PHYS(runs[extent->run].pfn);
	extent->bytes = 0;
	do {
		extent->bytes += (u64)runs[extent->next].nr_pages << PAGE_SHIFT;
	} while (++extent->next < nr_runs &&
		 PFN_PHYS(runs[extent->next].pfn) == extent->start + extent->bytes);
	return true;
}

static bool dma_buf_reach_fits(struct device *dev, const struct dma_buf_run *runs,
			       unsigned int nr_runs, struct dma_buf_misfit *misfit)
{
	struct dma_buf_extent extent = {};

	while (dma_buf_extent_next(&extent, runs, nr_runs)) {
		if (dma_buf_needs_reached(dev, extent.start, extent.bytes))
			continue;
		misfit->run = extent.run;
		misfit->had = extent.start + extent.bytes - 1;
		return false;
	}
	return true;
}

static bool dma_buf_contiguous_fits(u64 contiguous, const struct dma_buf_run *runs,
				    unsigned int nr_runs, struct dma_buf_misfit *misfit)
{
	struct dma_buf_extent extent = {};

	dma_buf_extent_next(&extent, runs, nr_runs);
	misfit->run = extent.next;
	misfit->had = extent.bytes;
	return extent.bytes >= contiguous;
}

/* The length of the last extent does not matter, because nothing follows it. */
static bool dma_buf_granule_fits(u64 granule, const struct dma_buf_run *runs,
				 unsigned int nr_runs, struct dma_buf_misfit *misfit)
{
	struct dma_buf_extent extent = {};

	while (dma_buf_extent_next(&extent, runs, nr_runs)) {
		u64 bits = extent.start;

		if (extent.next < nr_runs)
			bits |= extent.bytes;
		if (!(bits & (granule - 1)))
			continue;
		misfit->run = extent.run;
		misfit->had = bits & -bits;
		return false;
	}
	return true;
}

static enum dma_buf_need dma_buf_needs_first_unmet(const struct dma_buf_needs *needs,
						   struct device *dev,
						   const struct dma_buf_run *runs,
						   unsigned int nr_runs,
						   struct dma_buf_misfit *misfit)
{
	if (dev && needs->reach && !dma_buf_reach_fits(dev, runs, nr_runs, misfit))
		return DMA_BUF_NEED_REACH;
	if (needs->contiguous &&
	    !dma_buf_contiguous_fits(needs->contiguous, runs, nr_runs, misfit))
		return DMA_BUF_NEED_CONTIGUOUS;
	if (needs->granule && !dma_buf_granule_fits(needs->granule, runs, nr_runs, misfit))
		return DMA_BUF_NEED_GRANULE;
	return DMA_BUF_NEED_NONE;
}

/**
 * dma_buf_needs_fit() - check whether memory meets needs
 * @needs: the needs
 * @dev: device whose needs these are; or NULL for those of several devices, whose reach is not
 *	checked
 * @runs: the memory, in the order of the buffer
 * @nr_runs: number of runs
 * @misfit: set to the first need that is not met, or to %DMA_BUF_NEED_NONE; can be NULL
 *
 * Runs that are adjacent count as one. &dma_buf_needs.reach only says that @dev does not reach
 * everything; whether it reaches a run is decided as the DMA API does.
 *
 * Context: Any.
 * Return: True if all needs are met.
 */
bool dma_buf_needs_fit(const struct dma_buf_needs *needs, struct device *dev,
		       const struct dma_buf_run *runs, unsigned int nr_runs,
		       struct dma_buf_misfit *misfit)
{
	struct dma_buf_misfit found = {};

	found.need = dma_buf_needs_first_unmet(needs, dev, runs, nr_runs, &found);
	if (!found.need)
		found = (struct dma_buf_misfit){};
	if (misfit)
		*misfit = found;
	return !found.need;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_needs_fit, DMA_BUF);

/**
 * dma_buf_needs_print() - describe needs in one line of text
 * @text: the text, with a NUL at its end
 * @size: size of @text; %DMA_BUF_NEEDS_TEXT is enough
 * @needs: the needs
 *
 * For example "addresses up to 0xfffffff, 8388608 contiguous bytes, granule 65536", or "nothing".
 *
 * Context: Any.
 * Return: Length of @text, without the NUL.
 */
size_t dma_buf_needs_print(char *text, size_t size, const struct dma_buf_needs *needs)
{
	size_t used = 0;

	if (dma_buf_needs_empty(needs))
		return scnprintf(text, size, "nothing");
	if (needs->reach)
		used += scnprintf(text, size, "addresses up to %#llx", needs->reach);
	if (needs->contiguous)
		used += scnprintf(text + used, size - used, "%s%zu contiguous bytes",
				  used ? ", " : "", needs->contiguous);
	if (needs->granule)
		used += scnprintf(text + used, size - used, "%sgranule %zu",
				  used ? ", " : "", needs->granule);
	return used;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_needs_print, DMA_BUF);
