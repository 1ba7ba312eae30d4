/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Iterating over the fences in chains and arrays, and merging fences.
 *
 * With declarations from Linux 6.12:
 * Copyright (C) 2022 Advanced Micro Devices, Inc.
 */
#ifndef __LINUX_DMA_FENCE_UNWRAP_H
#define __LINUX_DMA_FENCE_UNWRAP_H

#include <linux/array_size.h>

struct dma_fence;

/**
 * struct dma_fence_unwrap - state of dma_fence_unwrap_for_each()
 * @chain: current link, or the fence if it is no link; with a reference
 * @array: fence in @chain; without a reference
 * @index: index of the current member, if @array is an array
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
 * dma_fence_unwrap_for_each() - iterate over the fences in a container.
 * @fence: the fence (out), without a reference; valid until the next iteration
 * @cursor: &struct dma_fence_unwrap. The caller drops the reference to its @chain after
 *	leaving the loop early
 * @head: any fence, which the caller has a reference to, or NULL
 */
#define dma_fence_unwrap_for_each(fence, cursor, head)			\
	for ((fence) = dma_fence_unwrap_first(head, cursor); (fence);	\
	     (fence) = dma_fence_unwrap_next(cursor))

/**
 * dma_fence_unwrap_merge() - make one fence that signals when all of several have.
 * @...: any fences, also containers, or NULL
 *
 * Keeps only the newest fence of each timeline, and no fence that has signalled.
 *
 * Context: May sleep.
 * Return: An array; the fence itself if only one is left; if none is left, a signalled
 * fence with the latest timestamp. With a reference. NULL if there is no memory.
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
