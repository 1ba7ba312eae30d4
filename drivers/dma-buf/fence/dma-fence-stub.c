// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stub fences: signalled from the start, for callers that need a fence although there is
 * no work to wait for.
 */

#include <linux/export.h>
#include <linux/init.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "dma-fence-private.h"

#define DMA_FENCE_STUB_FLAGS (BIT(DMA_FENCE_FLAG_SIGNALED_BIT) | \
			      BIT(DMA_FENCE_FLAG_TIMESTAMP_BIT) | \
			      BIT(DMA_FENCE_FLAG_ENABLE_SIGNAL_BIT))

static const char *dma_fence_stub_name(struct dma_fence *fence)
{
	return "stub";
}

const struct dma_fence_ops dma_fence_stub_ops = {
	.get_driver_name = dma_fence_stub_name,
	.get_timeline_name = dma_fence_stub_name,
};

struct dma_fence_stub dma_fence_stub = {
	.lock = __SPIN_LOCK_UNLOCKED(dma_fence_stub.lock),
	.fence.lock = &dma_fence_stub.lock,
	.fence.ops = &dma_fence_stub_ops,
	.fence.flags = DMA_FENCE_STUB_FLAGS,
	.fence.refcount = KREF_INIT(1), /* never dropped */
};

static int __init dma_fence_stub_init(void)
{
	dma_fence_stub.fence.timestamp = ktime_get();
	return 0;
}
core_initcall(dma_fence_stub_init);

/**
 * dma_fence_get_stub() - return the common signalled fence.
 *
 * Context: Any.
 * Return: The fence, with a reference. Its timestamp is that of the boot.
 */
struct dma_fence *dma_fence_get_stub(void)
{
	return dma_fence_get(&dma_fence_stub.fence);
}
EXPORT_SYMBOL(dma_fence_get_stub);

/**
 * dma_fence_allocate_private_stub() - allocate a signalled fence with a given timestamp.
 * @timestamp: time of the signal, on CLOCK_MONOTONIC
 *
 * Context: May sleep.
 * Return: The fence, with a reference; NULL if there is no memory.
 */
struct dma_fence *dma_fence_allocate_private_stub(ktime_t timestamp)
{
	struct dma_fence *fence = kmalloc(sizeof(*fence), GFP_KERNEL);

	if (!fence)
		return NULL;
	dma_fence_init(fence, &dma_fence_stub_ops, &dma_fence_stub.lock, 0, 0);
	fence->flags = DMA_FENCE_STUB_FLAGS;
	fence->timestamp = timestamp;
	return fence;
}
EXPORT_SYMBOL(dma_fence_allocate_private_stub);
