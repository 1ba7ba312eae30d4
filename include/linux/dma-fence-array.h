/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fence arrays: one fence that stands for several.
 * See Documentation/driver-api/dma-buf/containers.rst.
 *
 * With declarations from Linux 6.12:
 * Copyright (C) 2016 Collabora Ltd
 * Copyright (C) 2016 Advanced Micro Devices, Inc.
 */
#ifndef __LINUX_DMA_FENCE_ARRAY_H
#define __LINUX_DMA_FENCE_ARRAY_H

#include <linux/atomic.h>
#include <linux/container_of.h>
#include <linux/dma-fence.h>
#include <linux/irq_work.h>
#include <linux/spinlock_types.h>
#include <linux/workqueue_types.h>

/**
 * struct dma_fence_array_cb - callback of an array on one of its members
 * @cb: link in the member's list of callbacks
 * @array: the array
 */
struct dma_fence_array_cb {
	struct dma_fence_cb cb;
	struct dma_fence_array *array;
};

/**
 * struct dma_fence_array - one fence that stands for several
 * @base: the fence
 * @lock: &dma_fence.lock of @base
 * @num_fences: number of members; fixed
 * @num_pending: callbacks that have not run, and for an any-array the deferred signal;
 *	when none is left, the reference that they share is dropped
 * @signal_on_any: signal with the first member instead of the last; fixed
 * @fences: members, each with a reference; fixed
 * @work: signals the array and drops the callbacks' reference
 * @task_work: does the same in a worker, or only drops the reference
 * @callbacks: one per member, added when signalling is enabled
 */
struct dma_fence_array {
	struct dma_fence base;
	spinlock_t lock; /* base */
	unsigned int num_fences;
	atomic_t num_pending;
	bool signal_on_any;
	struct dma_fence **fences;
	union {
		struct irq_work work;
		struct work_struct task_work;
	};
	struct dma_fence_array_cb callbacks[];
};

struct dma_fence_array *dma_fence_array_alloc(int num_fences);
void dma_fence_array_init(struct dma_fence_array *array, int num_fences,
			  struct dma_fence **fences, u64 context,
			  unsigned int seqno, bool signal_on_any);
struct dma_fence_array *
dma_fence_array_create(int num_fences, struct dma_fence **fences, u64 context,
		       unsigned int seqno, bool signal_on_any);
bool dma_fence_match_context(struct dma_fence *fence, u64 context);
struct dma_fence *dma_fence_array_first(struct dma_fence *head);
struct dma_fence *dma_fence_array_next(struct dma_fence *head,
				       unsigned int index);

/**
 * to_dma_fence_array() - convert a fence to the array that it is.
 * @fence: any fence, or NULL
 *
 * Context: Any.
 * Return: The array, or NULL if @fence is not an array.
 */
static inline struct dma_fence_array *to_dma_fence_array(struct dma_fence *fence)
{
	return fence && dma_fence_is_array(fence) ?
	       container_of(fence, struct dma_fence_array, base) : NULL;
}

/**
 * dma_fence_array_for_each() - iterate over the members of an array.
 * @fence: the member, without a reference (out)
 * @index: index of the member, an unsigned int (out)
 * @head: fence that the caller has a reference to. A fence that is no array counts as
 *	an array of itself, NULL as an empty one
 */
#define dma_fence_array_for_each(fence, index, head)			\
	for ((index) = 0, (fence) = dma_fence_array_first(head); (fence); \
	     (fence) = dma_fence_array_next(head, ++(index)))

#endif /* __LINUX_DMA_FENCE_ARRAY_H */
