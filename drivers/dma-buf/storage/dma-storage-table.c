// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables: which DMA segments a device gets for a storage.
 *
 * Adjacent runs become one segment. A segment is cut only where the device needs it:
 *
 * - at the longest segment that the driver has set, if it has set one
 * - at the boundary that segments must not cross, in DMA addresses
 * - at the longest bounce buffer, if the segment is going to be bounced; with DMA operations of
 *   the platform, which do not say what they bounce, always
 * - at 2 GiB, because the length of a segment has 32 bits
 *
 * The boundary matters only for a device that has no IOMMU. The IOMMU's driver observes it for
 * the others.
 *
 * A device that cannot reach the memory is refused here. The DMA API would warn, and userspace
 * chooses which device gets which buffer.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/device.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/export.h>
#include <linux/iommu-dma.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/swiotlb.h>

#include "dma-storage-private.h"

/* The PCI core sets this for each device; a driver that needs it does not say so. */
#define PCI_DEFAULT_SEGMENT	SZ_64K

static u64 dma_storage_page_limit(u64 bytes)
{
	return max_t(u64, round_down(bytes, PAGE_SIZE), PAGE_SIZE);
}

static u64 dma_storage_longest_segment(struct device *dev)
{
	unsigned int said = dev->dma_parms ? dev->dma_parms->max_segment_size : 0;

	if (!said || (dev_is_pci(dev) && said == PCI_DEFAULT_SEGMENT))
		return SZ_2G;
	return min_t(u64, dma_storage_page_limit(said), SZ_2G);
}

/* Return the boundary, less one. dma_get_seg_boundary() cannot tell that none was set. */
static u64 dma_storage_boundary(struct device *dev)
{
	unsigned long said = dev->dma_parms ? dev->dma_parms->segment_boundary_mask : 0;

	return said ? said | (PAGE_SIZE - 1) : U64_MAX;
}

/* A separate function, so that tests can set the limits of a device. */
void dma_storage_get_limits(struct device *dev, struct dma_storage_limits *limits)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_storage_get_limits, dev, limits);

	limits->dev = dev;
	limits->segment = dma_storage_longest_segment(dev);
	limits->direct = !get_dma_ops(dev) && !use_dma_iommu(dev);
	limits->bounced = dma_storage_page_limit(dma_max_mapping_size(dev));
	limits->no_bounce = limits->direct && !dma_buf_needs_bounce(dev);
	limits->boundary = dma_storage_boundary(dev);
}
EXPORT_SYMBOL_IF_KUNIT(dma_storage_get_limits);

/* Test whether the DMA API bounces a segment of a device whose DMA is direct. */
bool dma_storage_bounces(struct device *dev, dma_addr_t addr, u64 bytes)
{
	return is_swiotlb_force_bounce(dev) || !dma_capable(dev, addr, bytes, true);
}

/* Return how many of the bytes the first segment takes. */
static u64 dma_storage_cut(const struct dma_storage_limits *limits, phys_addr_t phys,
			   u64 bytes)
{
	dma_addr_t addr;

	bytes = min(bytes, limits->segment);
	if (!limits->direct)
		return min(bytes, limits->bounced);
	addr = phys_to_dma(limits->dev, phys);
	bytes = min(bytes - 1, limits->boundary - (addr & limits->boundary)) + 1;
	if (bytes > limits->bounced && dma_storage_bounces(limits->dev, addr, bytes))
		bytes = limits->bounced;
	return bytes;
}

/* A separate function, so that tests can use addresses at which there is no memory. */
void dma_storage_set_segment(struct scatterlist *sg, phys_addr_t phys, unsigned int bytes)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_storage_set_segment, sg, phys, bytes);

	sg_set_page(sg, pfn_to_page(PHYS_PFN(phys)), bytes, 0);
}
EXPORT_SYMBOL_IF_KUNIT(dma_storage_set_segment);

/* Fill a table, or only count its segments if @sg is NULL. */
static unsigned int dma_storage_fill_table(const struct dma_storage *storage,
					   const struct dma_storage_limits *limits,
					   struct scatterlist *sg)
{
	unsigned int segments = 0, i = 0;

	while (i < storage->nr_runs) {
		phys_addr_t phys = PFN_PHYS(storage->runs[i].pfn);
		u64 bytes = 0, cut;

		do {
			bytes += (u64)storage->runs[i].nr_pages << PAGE_SHIFT;
		} while (++i < storage->nr_runs &&
			 PFN_PHYS(storage->runs[i].pfn) == phys + bytes);

		for (; bytes; phys += cut, bytes -= cut, segments++) {
			cut = dma_storage_cut(limits, phys, bytes);
			if (!sg)
				continue;
			dma_storage_set_segment(sg, phys, cut);
			sg = sg_next(sg);
		}
	}
	return segments;
}

static bool dma_storage_can_reach(const struct dma_storage *storage,
				  const struct dma_storage_limits *limits)
{
	const struct dma_buf_run *run = storage->runs;
	unsigned long end = 0;

	if (!limits->no_bounce)
		return true;
	if (is_swiotlb_force_bounce(limits->dev))
		return false;
	/* With one offset for all addresses, a device that reaches the last page reaches all. */
	for (unsigned int i = 0; i < storage->nr_runs; i++)
		end = max(end, run[i].pfn + run[i].nr_pages);
	if (!limits->dev->dma_range_map &&
	    dma_capable(limits->dev, phys_to_dma(limits->dev, PFN_PHYS(end) - 1), 1, true))
		return true;

	for (unsigned int i = 0; i < storage->nr_runs; i++, run++)
		if (!dma_capable(limits->dev, phys_to_dma(limits->dev, PFN_PHYS(run->pfn)),
				 run->nr_pages << PAGE_SHIFT, true))
			return false;
	return true;
}

/**
 * dma_storage_build_table() - build the table of a storage for a device
 * @storage: the storage
 * @dev: the device
 * @sgt: the table, to be freed with sg_free_table()
 *
 * Context: May sleep.
 * Return: 0; %-ENOMEM; or %-EIO if the device does no DMA or cannot reach the memory, as from
 * dma_map_sgtable().
 */
int dma_storage_build_table(const struct dma_storage *storage, struct device *dev,
			    struct sg_table *sgt)
{
	struct dma_storage_limits limits;
	int ret;

	KUNIT_STATIC_STUB_REDIRECT(dma_storage_build_table, storage, dev, sgt);

	might_sleep();
	if (!dev->dma_mask)
		return -EIO;
	dma_storage_get_limits(dev, &limits);
	if (!dma_storage_can_reach(storage, &limits))
		return -EIO;
	ret = sg_alloc_table(sgt, dma_storage_fill_table(storage, &limits, NULL),
			     DMA_STORAGE_GFP);
	if (!ret)
		dma_storage_fill_table(storage, &limits, sgt->sgl);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(dma_storage_build_table);
