/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the fences share, and nobody else sees.
 *
 * Lock order, outermost first:
 *
 *   &dma_fence.lock of a driver
 *     lock of an array that the driver's fence is a member of
 *       lock of a chain that it, or the array, is in
 *
 * That is the order in which signals travel. Whatever else runs below the lock of a
 * fence (callbacks, a driver's enable_signaling) takes no other fence's lock, unless
 * that driver knows the order of the two. Containers look at the fences in them
 * without any lock.
 */
#ifndef _DMA_FENCE_PRIVATE_H
#define _DMA_FENCE_PRIVATE_H

#include <linux/dma-fence.h>

struct work_struct;

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
