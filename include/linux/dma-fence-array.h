/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fence arrays: one fence that stands for several.
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
 * struct dma_fence_array_cb - an array's callback at one of its members
 * @cb: its place at the member
 * @array: the array
 */
struct dma_fence_array_cb {
	struct dma_fence_cb cb;
	struct dma_fence_array *array;
};

/**
 * struct dma_fence_array - one fence that stands for several
 * @base: the fence; its error is that of the first member, in the order of
 *	@fences, that failed, or of any: of the member that decided
 * @lock: for @base
 * @num_fences: how many members; fixed
 * @num_pending: of all: members behind these are known to be signalled, and is for
 *	who has the callback. Of any: how many there are beside the last of those
 *	who use the array: callbacks, and who adds them
 * @signal_on_any: signal with the first member, and not with the last; fixed
 * @fences: the members, each with a reference; fixed
 * @work: signals, or drops a reference, where that may not be done at once
 * @bh_work: the same where an interrupt cannot do it; and to wait for the next member
 * @callbacks: from when signalling is enabled. Of all, one, at one member at a time;
 *	of any, one for each member
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
		struct work_struct bh_work;
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
 * to_dma_fence_array() - the array that a fence is part of.
 * @fence: any fence, or NULL
 *
 * Return: The array, or NULL if it is none.
 */
static inline struct dma_fence_array *to_dma_fence_array(struct dma_fence *fence)
{
	return fence && dma_fence_is_array(fence) ?
	       container_of(fence, struct dma_fence_array, base) : NULL;
}

/**
 * dma_fence_array_for_each() - for each member of an array.
 * @fence: the member, without a reference (out)
 * @index: unsigned int for the place
 * @head: fence that the caller has a reference to. One that is no array counts as
 *	an array of itself, NULL as empty
 */
#define dma_fence_array_for_each(fence, index, head)			\
	for ((index) = 0, (fence) = dma_fence_array_first(head); (fence); \
	     (fence) = dma_fence_array_next(head, ++(index)))

#endif /* __LINUX_DMA_FENCE_ARRAY_H */
