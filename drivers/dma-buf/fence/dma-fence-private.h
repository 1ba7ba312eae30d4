/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the fences share, and nobody else sees.
 *
 * Lock order: the lock of a fence is innermost. Whatever runs below it (callbacks, a
 * driver's enable_signaling) takes no other fence's lock, unless that driver knows the
 * order of the two.
 */
#ifndef _DMA_FENCE_PRIVATE_H
#define _DMA_FENCE_PRIVATE_H

#include <linux/dma-fence.h>

/* dma-fence.c */
void dma_fence_begin_release(struct dma_fence *fence);

/* dma-fence-stub.c: callbacks of fences that nobody has to signal any more */
extern const struct dma_fence_ops dma_fence_stub_ops;

#endif /* _DMA_FENCE_PRIVATE_H */
