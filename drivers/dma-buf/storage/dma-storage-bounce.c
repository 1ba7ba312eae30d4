// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bounce buffers: how much of their pool the mappings of all buffers hold.
 *
 * Drivers take bounce buffers for a transfer, and give them back when it has ended. A mapping of a
 * buffer holds them until the last unmap, which may be when a program ends. The pool, of 64 MiB
 * unless the machine was booted with another size, is that of all devices without one of their
 * own. So the part that mappings may have together can be limited; a map that would exceed it is
 * refused. By default they may have all of it, because programs map large buffers.
 *
 * What bounces is computed with the table, and not for each map.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/atomic.h>
#include <linux/device.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/export.h>
#include <linux/iommu-dma.h>
#include <linux/math64.h>
#include <linux/memblock.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/scatterlist.h>
#include <linux/swiotlb.h>

#include "dma-storage-private.h"

/**
 * struct dma_storage_bounce - what mappings have of the pool of bounce buffers
 * @bytes: bytes that they hold, or are going to hold; atomic
 * @percent: parameter: part of the pool that they may have; may change at any time
 */
struct dma_storage_bounce {
	atomic64_t bytes;
	unsigned int percent;
};

static struct dma_storage_bounce dma_storage_bounce = {
	.percent = 100,
};

/* Does the device reach all memory of the machine? */
static bool dma_storage_reaches_all(struct device *dev)
{
	return !is_swiotlb_force_bounce(dev) && !dev->dma_range_map &&
	       dma_capable(dev, phys_to_dma(dev, PFN_PHYS((u64)max_pfn) - 1), 1, true);
}

/**
 * dma_storage_bounced_bytes() - return how many bytes of a table are going to be bounced
 * @dev: the device
 * @sgt: the table, which is not mapped
 *
 * Counts those that come from the pool of all devices.
 *
 * Context: Any.
 * Return: The number of bytes.
 */
u64 dma_storage_bounced_bytes(struct device *dev, struct sg_table *sgt)
{
	struct scatterlist *sg;
	u64 bytes = 0;
	unsigned int i;

	KUNIT_STATIC_STUB_REDIRECT(dma_storage_bounced_bytes, dev, sgt);

	if (get_dma_ops(dev) || use_dma_iommu(dev) || !dma_storage_pool_bytes(dev) ||
	    dma_storage_reaches_all(dev))
		return 0;
	for_each_sgtable_sg(sgt, sg, i)
		if (dma_storage_bounces(dev, phys_to_dma(dev, sg_phys(sg)), sg->length))
			bytes += sg->length;
	return bytes;
}
EXPORT_SYMBOL_IF_KUNIT(dma_storage_bounced_bytes);

/* Return how many bytes mappings may hold. A separate function, so that tests can set it. */
u64 dma_storage_bounce_limit(struct device *dev)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_storage_bounce_limit, dev);

	return div_u64(dma_storage_pool_bytes(dev) *
		       min(READ_ONCE(dma_storage_bounce.percent), 100U), 100);
}
EXPORT_SYMBOL_IF_KUNIT(dma_storage_bounce_limit);

/**
 * dma_storage_bounce_held() - return how many bounced bytes mappings hold
 *
 * Context: Any.
 * Return: The number of bytes.
 */
u64 dma_storage_bounce_held(void)
{
	return atomic64_read(&dma_storage_bounce.bytes);
}
EXPORT_SYMBOL_IF_KUNIT(dma_storage_bounce_held);

/**
 * dma_storage_bounce_take() - count the bounced bytes of a mapping that begins
 * @mapping: the mapping
 *
 * Context: Any.
 * Return: 0; or %-EIO if mappings may not have so many together. It is the errno of a full pool in
 * 6.12, and i915 tries again for ever if a map fails with %-EBUSY in a page fault.
 */
int dma_storage_bounce_take(const struct dma_storage_mapping *mapping)
{
	if (!mapping->bounced)
		return 0;
	return dma_storage_take_limited(&dma_storage_bounce.bytes, mapping->bounced,
					dma_storage_bounce_limit(mapping->dev)) ? 0 : -EIO;
}
EXPORT_SYMBOL_IF_KUNIT(dma_storage_bounce_take);

/**
 * dma_storage_bounce_give() - count the bounced bytes of a mapping no more
 * @mapping: the mapping, which has ended
 *
 * Context: Any.
 */
void dma_storage_bounce_give(const struct dma_storage_mapping *mapping)
{
	if (mapping->bounced)
		atomic64_sub(mapping->bounced, &dma_storage_bounce.bytes);
}
EXPORT_SYMBOL_IF_KUNIT(dma_storage_bounce_give);

static int dma_storage_get_bounced(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%llu\n", dma_storage_bounce_held());
}

static const struct kernel_param_ops dma_storage_bounced_ops = {
	.get = dma_storage_get_bounced,
};

/* Parameters of the folder, not of this file. */
#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "dma_storage."
module_param_cb(bounced_bytes, &dma_storage_bounced_ops, NULL, 0444);
MODULE_PARM_DESC(bounced_bytes, "Bytes of bounce buffers that mappings of buffers hold");
module_param_named(bounce_percent, dma_storage_bounce.percent, uint, 0644);
MODULE_PARM_DESC(bounce_percent, "Part of the pool of bounce buffers that mappings of buffers may hold, in percent (default: 100)");
