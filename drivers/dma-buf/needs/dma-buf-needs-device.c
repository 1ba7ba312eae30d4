// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asking a device: the facts that needs follow from, and whether the device reaches memory.
 *
 * The DMA API decides in three steps who makes the addresses of a device (dma_go_direct() in
 * kernel/dma/mapping.c): dma-iommu if the device has an IOMMU whose domain is not the identity,
 * else the operations of the platform, else dma-direct. Operations that pass some masks on to
 * dma-direct (powerpc) count as operations here.
 *
 * No need follows from these, so they are not asked for:
 *
 * - whether the device is coherent: the DMA API maintains the caches
 * - the longest segment: a table is cut there, and the addresses stay adjacent
 * - the boundary of a dma-direct device, likewise
 * - the alignment mask: it concerns bounce buffers, and swiotlb_max_mapping_size() observes it
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/device.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/export.h>
#include <linux/iommu-dma.h>
#include <linux/memblock.h>
#include <linux/pci.h>
#include <linux/pfn.h>
#include <linux/scatterlist.h>
#include <linux/swiotlb.h>

#include "dma-buf-needs-private.h"

/**
 * dma_buf_needs_get_pool() - return the memory from which a device gets bounce buffers
 * @dev: the device
 * @start: set to the physical address of the first byte
 * @last: set to that of the last byte
 *
 * A separate function, so that tests can give a device other bounce buffers.
 *
 * Context: Any.
 * Return: The longest bounce buffer in bytes, 0 if there are none.
 */
size_t dma_buf_needs_get_pool(struct device *dev, phys_addr_t *start, phys_addr_t *last)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_buf_needs_get_pool, dev, start, last);

	if (!is_swiotlb_active(dev))
		return 0;
	dma_buf_swiotlb_range(dev, start, last);
	return swiotlb_max_mapping_size(dev);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_needs_get_pool);

/**
 * dma_buf_needs_bounce() - tell how much can be bounced for a device
 * @dev: the device
 *
 * swiotlb_map() takes any free part of the pool, and warns if the device does not reach it. So a
 * pool that is not all in reach counts as none.
 *
 * Context: Any.
 * Return: The longest bounce buffer in bytes, 0 if there are none.
 */
size_t dma_buf_needs_bounce(struct device *dev)
{
	phys_addr_t start, last;
	size_t longest = dma_buf_needs_get_pool(dev, &start, &last);

	if (!longest || !dma_capable(dev, phys_to_dma_unencrypted(dev, start), 1, true) ||
	    !dma_capable(dev, phys_to_dma_unencrypted(dev, last), 1, true))
		return 0;
	return longest;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_needs_bounce, DMA_BUF);

/* What dma_capable() compares with, and where phys_to_dma() finds the addresses. */
static void dma_buf_facts_direct(struct device *dev, struct dma_buf_dma_facts *facts)
{
	facts->dma = DMA_BUF_DMA_DIRECT;
	facts->limit = min_not_zero(*dev->dma_mask, dev->bus_dma_limit);
	facts->map = dev->dma_range_map;
	/* Not 0 if the memory is encrypted: the address then has a high bit set. */
	facts->offset = facts->map ? 0 : phys_to_dma(dev, 0);
	facts->last = PFN_PHYS((u64)max_pfn) - 1;
	facts->bounce = dma_buf_needs_bounce(dev);
	facts->bounces_all = is_swiotlb_force_bounce(dev);
}

/*
 * dma-iommu maps the segments of an untrusted PCI device one by one, and bounces those that do not
 * consist of whole pages of the IOMMU (iommu_dma_map_sg_swiotlb()). Others are never bounced.
 */
static void dma_buf_facts_iommu(struct device *dev, struct dma_buf_dma_facts *facts)
{
	phys_addr_t start, last;

	facts->dma = DMA_BUF_DMA_IOMMU;
	facts->apart = dev_is_pci(dev) && to_pci_dev(dev)->untrusted &&
		       IS_ENABLED(CONFIG_SWIOTLB);
	if (facts->apart)
		facts->bounce = dma_buf_needs_get_pool(dev, &start, &last);
}

/**
 * dma_buf_needs_get_facts() - ask a device for the facts that its needs follow from
 * @dev: the device
 *
 * A separate function, so that tests can give a device other facts.
 *
 * Context: Any. The facts can change until the driver of @dev is bound, and when it sets a mask.
 * Return: The facts.
 */
struct dma_buf_dma_facts dma_buf_needs_get_facts(struct device *dev)
{
	struct dma_buf_dma_facts facts = {};

	KUNIT_STATIC_STUB_REDIRECT(dma_buf_needs_get_facts, dev);

	if (!IS_ENABLED(CONFIG_HAS_DMA) || !dev->dma_mask)
		return facts;
	if (use_dma_iommu(dev))
		dma_buf_facts_iommu(dev, &facts);
	else if (get_dma_ops(dev))
		facts.dma = DMA_BUF_DMA_OPS;
	else
		dma_buf_facts_direct(dev, &facts);
	if (facts.dma == DMA_BUF_DMA_DIRECT)
		return facts;
	facts.boundary = dma_get_seg_boundary(dev);
	facts.granule = dma_get_merge_boundary(dev) + 1;
	return facts;
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_needs_get_facts);

/* Return the number of bytes from an address to the end of its window of the device. */
static u64 dma_buf_dma_window(struct device *dev, u64 phys)
{
	const struct bus_dma_region *window = dev->dma_range_map;

	if (!window)
		return U64_MAX;
	for (; window->size; window++)
		if (phys - window->cpu_start < window->size)
			return window->size - (phys - window->cpu_start);
	return 0;
}

/**
 * dma_buf_needs_reached() - check whether a dma-direct device reaches adjacent memory
 * @dev: the device; one without a DMA mask needs nothing
 * @phys: physical address of the memory
 * @bytes: length of the memory
 *
 * Asks what dma_direct_map_page() asks before it bounces, for each window of the device. The DMA
 * API asks it for the window of the first byte only, so memory that continues in a gap, or in a
 * window with another offset, gets addresses there that belong to other memory.
 *
 * Context: Any.
 * Return: True if the device reaches all of the memory, at adjacent DMA addresses, and the DMA API
 * does not bounce it.
 */
bool dma_buf_needs_reached(struct device *dev, u64 phys, u64 bytes)
{
	dma_addr_t expected = phys_to_dma(dev, phys);

	if (!dev->dma_mask)
		return true;
	if (is_swiotlb_force_bounce(dev))
		return false;
	while (bytes) {
		u64 part = min(bytes, dma_buf_dma_window(dev, phys));
		dma_addr_t addr = phys_to_dma(dev, phys);

		if (!part || addr != expected || !dma_capable(dev, addr, part, true))
			return false;
		expected += part;
		phys += part;
		bytes -= part;
	}
	return true;
}

/**
 * dma_buf_needs_can_map() - test whether the DMA API can map memory for a device
 * @dev: the device
 * @sgt: table of the memory, which is system memory and not mapped
 *
 * For exporters, before they call dma_map_sgtable(), which would warn. Userspace chooses which
 * device gets which buffer, so it could cause that warning.
 *
 * Context: Any.
 * Return: False if @dev does no DMA; or if it does not reach all of the memory, and either has no
 * bounce buffers or does not reach all of those. True does not promise that the map succeeds: the
 * bounce buffers can be in use, and DMA operations of the platform do not say what they map.
 */
bool dma_buf_needs_can_map(struct device *dev, struct sg_table *sgt)
{
	struct scatterlist *sg;
	unsigned int i;

	KUNIT_STATIC_STUB_REDIRECT(dma_buf_needs_can_map, dev, sgt);

	if (!dev->dma_mask)
		return false;
	if (use_dma_iommu(dev) || get_dma_ops(dev) || dma_buf_needs_bounce(dev))
		return true;
	if (is_swiotlb_force_bounce(dev))
		return false;
	for_each_sgtable_sg(sgt, sg, i)
		if (!dma_capable(dev, phys_to_dma(dev, sg_phys(sg)), sg->length, true))
			return false;
	return true;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_needs_can_map, DMA_BUF);

/**
 * dma_buf_needs_of_device() - tell what an attachment needs of the memory of its buffer
 * @dev: the device
 * @stated: what the importer stated: &dma_buf_needs.contiguous, &dma_buf_needs.granule, or both;
 *	NULL for nothing
 * @size: size of the buffer in bytes
 * @needs: set to the needs; to no needs if an error is returned
 *
 * The needs can change when the driver of @dev sets a mask, so they are not to be stored.
 *
 * Context: Any.
 * Return: 0, or
 *
 *   * %-EINVAL - @stated has a reach, or a granule that is no power of two; a driver's mistake
 *   * %-EOPNOTSUPP - no memory meets what was stated: the buffer is shorter, or it is longer than a
 *     bounce buffer and @dev bounces everything
 */
int dma_buf_needs_of_device(struct device *dev, const struct dma_buf_needs *stated, size_t size,
			    struct dma_buf_attach_needs *needs)
{
	const struct dma_buf_dma_facts facts = dma_buf_needs_get_facts(dev);

	return dma_buf_needs_resolve(&facts, stated, size, needs);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_needs_of_device);
