// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resolving: what an attachment needs, given the facts of its device and what the importer stated.
 *
 * - A device that does no DMA is never mapped and needs nothing.
 * - A dma-direct device needs memory in its reach.
 * - A device behind an IOMMU reaches all memory. The IOMMU also gives adjacent addresses to pages
 *   that are not adjacent, so that a stated contiguity asks nothing of the memory. But dma-iommu
 *   leaves a gap in front of a segment that would cross the device's boundary, so the boundary must
 *   not be shorter than the buffer. It leaves a gap behind a run that does not keep the granule,
 *   so the granule is a must. And it maps each segment of an untrusted device apart.
 * - DMA operations of the platform do not say what they do. They count as an IOMMU; what they
 *   cannot do is reported by the map, as in 6.12.
 *
 * What a bounce buffer cures is wanted, the rest is a must. Bounce buffers have a limited length,
 * so longer segments are cut, and the pieces have no adjacent addresses. If the importer stated
 * contiguity, bouncing cures only what fits one bounce buffer.
 */

#include <kunit/visibility.h>
#include <linux/dma-direct.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/log2.h>
#include <linux/mm.h>

#include "dma-buf-needs-private.h"

/* The reach of a device that reaches nothing: no buffer is below it. */
#define REACH_NOTHING	((u64)PAGE_SIZE - 1)

/* Reach follows from the device; a driver that reaches less than its device sets the DMA mask. */
static bool dma_buf_needs_can_state(const struct dma_buf_needs *stated)
{
	return !stated->reach && (!stated->granule || is_power_of_2(stated->granule));
}

/* All pages keep a granule up to the size of a page. */
static size_t dma_buf_needs_granule(size_t granule)
{
	return granule > PAGE_SIZE ? granule : 0;
}

/* Return the highest physical address that has a DMA address up to the limit, or 0. */
static u64 dma_buf_facts_highest(const struct dma_buf_dma_facts *facts)
{
	const struct bus_dma_region *window;
	u64 highest = 0;

	if (!facts->map)
		return facts->limit > facts->offset ? facts->limit - facts->offset : 0;
	for (window = facts->map; window->size; window++)
		if (window->dma_start <= facts->limit)
			highest = max(highest, window->cpu_start +
				      min(window->size - 1, facts->limit - window->dma_start));
	return highest;
}

/* The DMA API maps no memory in place if everything is bounced, or nothing is in reach. */
static bool dma_buf_facts_reach_nothing(const struct dma_buf_dma_facts *facts)
{
	return facts->dma == DMA_BUF_DMA_DIRECT &&
	       (facts->bounces_all || !dma_buf_facts_highest(facts));
}

/* Return the reach that a dma-direct device asks for, 0 if all memory is the same to it. */
static u64 dma_buf_facts_reach(const struct dma_buf_dma_facts *facts)
{
	u64 highest = dma_buf_facts_highest(facts);

	if (dma_buf_facts_reach_nothing(facts))
		return facts->bounce ? 0 : REACH_NOTHING;
	if (!facts->map && highest >= facts->last)
		return 0;
	return max(highest, REACH_NOTHING);
}

static bool dma_buf_facts_make_adjacent(const struct dma_buf_dma_facts *facts, size_t size)
{
	return facts->dma != DMA_BUF_DMA_DIRECT && !facts->apart && size &&
	       size - 1 <= facts->boundary;
}

/* Return what the device needs, whatever the importer stated. */
static struct dma_buf_needs dma_buf_facts_needs(const struct dma_buf_dma_facts *facts)
{
	struct dma_buf_needs needs = {};

	if (facts->dma != DMA_BUF_DMA_DIRECT)
		needs.granule = dma_buf_needs_granule(facts->granule);
	else
		needs.reach = dma_buf_facts_reach(facts);
	return needs;
}

/**
 * dma_buf_needs_resolve() - tell what an attachment needs of the memory of its buffer
 * @facts: facts of the device
 * @stated: what the importer stated; NULL for nothing
 * @size: size of the buffer in bytes
 * @needs: set to the needs; to no needs if an error is returned
 *
 * Context: Any.
 * Return: As dma_buf_needs_of_device().
 */
int dma_buf_needs_resolve(const struct dma_buf_dma_facts *facts,
			  const struct dma_buf_needs *stated, size_t size,
			  struct dma_buf_attach_needs *needs)
{
	struct dma_buf_needs own = dma_buf_facts_needs(facts);
	size_t contiguous = stated ? stated->contiguous : 0;
	bool cures = facts->bounce && (!contiguous || size <= facts->bounce);

	*needs = (struct dma_buf_attach_needs){};
	if (stated && !dma_buf_needs_can_state(stated))
		return -EINVAL;
	if (facts->dma == DMA_BUF_DMA_NONE)
		return 0;
	if (contiguous > size)
		return -EOPNOTSUPP;
	/* Would be bounced, but for the statement. */
	if (facts->bounce && !cures && dma_buf_facts_reach_nothing(facts))
		return -EOPNOTSUPP;

	if (stated)
		needs->stated.granule = dma_buf_needs_granule(stated->granule);
	if (!dma_buf_facts_make_adjacent(facts, size))
		needs->stated.contiguous = contiguous;
	if (cures)
		needs->want = own;
	else if (facts->bounce)
		dma_buf_needs_intersect(&needs->stated, &own);

	needs->must = needs->stated;
	if (!cures)
		dma_buf_needs_intersect(&needs->must, &own);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_needs_resolve);
