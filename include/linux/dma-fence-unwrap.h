/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looking through chains and arrays at the fences inside.
 */
#ifndef __LINUX_DMA_FENCE_UNWRAP_H
#define __LINUX_DMA_FENCE_UNWRAP_H

#include <linux/array_size.h>

struct dma_fence;

/**
 * struct dma_fence_unwrap - where dma_fence_unwrap_for_each() is
 * @chain: the link, or the one fence; with a reference
 * @array: what is in it; without a reference
 * @index: member, if @array is one
 */
struct dma_fence_unwrap {
	struct dma_fence *chain;
	struct dma_fence *array;
	unsigned int index;
};

struct dma_fence *dma_fence_unwrap_first(struct dma_fence *head,
					 struct dma_fence_unwrap *cursor);
struct dma_fence *dma_fence_unwrap_next(struct dma_fence_unwrap *cursor);
struct dma_fence *__dma_fence_unwrap_merge(unsigned int num_fences,
					   struct dma_fence **fences,
					   struct dma_fence_unwrap *cursors);

/**
 * dma_fence_unwrap_for_each() - for each fence that is no container.
 * @fence: the fence (out), without a reference, good until the next one
 * @cursor: &struct dma_fence_unwrap. A loop that is left before its end leaves the
 *	reference of its @chain to the caller
 * @head: where to begin; the caller has a reference. Any fence, or NULL
 */
#define dma_fence_unwrap_for_each(fence, cursor, head)			\
	for ((fence) = dma_fence_unwrap_first(head, cursor); (fence);	\
	     (fence) = dma_fence_unwrap_next(cursor))

/**
 * dma_fence_unwrap_merge() - one fence for all that is to be waited for.
 * @...: fences, containers among them, or NULL
 *
 * Of each timeline only the newest fence is kept, and nothing that is signalled.
 *
 * Context: May sleep.
 *
 * Return: An array, or the only fence that is left, or if none is a signalled one
 * with the time of the last of them; with a reference. NULL without memory.
 */
#define dma_fence_unwrap_merge(...)					\
	({								\
		struct dma_fence *__fences[] = { __VA_ARGS__ };		\
		struct dma_fence_unwrap __cursors[ARRAY_SIZE(__fences)]; \
									\
		__dma_fence_unwrap_merge(ARRAY_SIZE(__fences), __fences, \
					 __cursors);			\
	})

#endif /* __LINUX_DMA_FENCE_UNWRAP_H */
