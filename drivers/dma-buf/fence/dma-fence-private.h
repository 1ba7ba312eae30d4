/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the fences share, and nobody else sees.
 *
 * Lock order, outermost first:
 *
 *   &dma_fence.lock of a driver
 *     lock of an array that the driver's fence is a member of
 *       lock of a chain that it, or the array, is in
 *         &dma_fence.lock of another driver's fence that is signalled from there
 *
 * That is the order in which signals travel, from a fence to one that comes after it.
 * It may go round through the classes of locks (a driver has chains of its own), but
 * never comes back to the same fence; so each place that makes chains has a class of its
 * own for their locks. Whatever else runs below the lock of a
 * fence (callbacks, a driver's enable_signaling) takes no other fence's lock, unless
 * that driver knows the order of the two. Containers look at the fences in them
 * without any lock.
 */
#ifndef _DMA_FENCE_PRIVATE_H
#define _DMA_FENCE_PRIVATE_H

#include <linux/dma-fence.h>
#include <linux/preempt.h>

struct work_struct;

static inline void dma_fence_enable_begin(void)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		preempt_disable();
}

static inline void dma_fence_enable_end(void)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		preempt_enable();
}

/* dma-fence.c */
void dma_fence_begin_release(struct dma_fence *fence);
void dma_fence_put_later(struct dma_fence *fence, struct work_struct *work);

/* dma-fence-stub.c: callbacks of fences that nobody has to signal any more */
extern const struct dma_fence_ops dma_fence_stub_ops;

/* dma-fence-array.c */
void dma_fence_array_enable(struct dma_fence *fence);

/* dma-fence-chain.c */
void dma_fence_chain_enable(struct dma_fence *fence);

#endif /* _DMA_FENCE_PRIVATE_H */
