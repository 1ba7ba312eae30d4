/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private interface of the needs folder: facts of a device, and what each file offers the others.
 */
#ifndef _DMA_BUF_NEEDS_PRIVATE_H
#define _DMA_BUF_NEEDS_PRIVATE_H

#include <linux/device.h>
#include <linux/dma-buf-needs.h>
#include <linux/swiotlb.h>

struct bus_dma_region;

/**
 * enum dma_buf_dma - who makes the DMA addresses of a device
 * @DMA_BUF_DMA_NONE: nobody; the device does no DMA
 * @DMA_BUF_DMA_DIRECT: dma-direct: they are physical addresses, but for offsets
 * @DMA_BUF_DMA_IOMMU: dma-iommu: an IOMMU translates them
 * @DMA_BUF_DMA_OPS: &struct dma_map_ops of the platform, which do not say how
 */
enum dma_buf_dma {
	DMA_BUF_DMA_NONE,
	DMA_BUF_DMA_DIRECT,
	DMA_BUF_DMA_IOMMU,
	DMA_BUF_DMA_OPS,
};

/**
 * struct dma_buf_dma_facts - what the DMA API says of a device; lengths in bytes
 * @dma: who makes the DMA addresses. The members below are 0 if they do not apply to it
 * @limit: highest DMA address of the device and its bus
 * @offset: DMA address of physical address 0, without @map
 * @map: windows of physical addresses that have DMA addresses, or NULL. A window of length 0 ends
 *	them
 * @last: highest physical address of the machine's memory
 * @bounce: longest piece that can be bounced, 0 if the device has no bounce buffers in reach
 * @bounces_all: everything is bounced, wherever it is
 * @boundary: boundary that segments must not cross, less one
 * @granule: smallest page of the IOMMU
 * @apart: each segment is translated for itself, so their addresses are not adjacent
 */
struct dma_buf_dma_facts {
	enum dma_buf_dma dma;
	u64 limit;
	u64 offset;
	const struct bus_dma_region *map;
	u64 last;
	size_t bounce;
	bool bounces_all;
	u64 boundary;
	size_t granule;
	bool apart;
};

/* dma-buf-needs-resolve.c: what follows from the facts; pure functions. */
int dma_buf_needs_resolve(const struct dma_buf_dma_facts *facts,
			  const struct dma_buf_needs *stated, size_t size,
			  struct dma_buf_attach_needs *needs);

/* dma-buf-needs-device.c: what asks the device. */
size_t dma_buf_needs_get_pool(struct device *dev, phys_addr_t *start, phys_addr_t *last);
struct dma_buf_dma_facts dma_buf_needs_get_facts(struct device *dev);
bool dma_buf_needs_reached(struct device *dev, u64 phys, u64 bytes);

/* CONFIG_SWIOTLB_DYNAMIC can add more memory later. Where that will be is not known. */
#ifdef CONFIG_SWIOTLB
static inline void dma_buf_swiotlb_range(struct device *dev, phys_addr_t *start,
					 phys_addr_t *last)
{
	*start = dev->dma_io_tlb_mem->defpool.start;
	*last = dev->dma_io_tlb_mem->defpool.end - 1;
}
#else
static inline void dma_buf_swiotlb_range(struct device *dev, phys_addr_t *start,
					 phys_addr_t *last)
{
	*start = 0;
	*last = 0;
}
#endif

#endif /* _DMA_BUF_NEEDS_PRIVATE_H */
