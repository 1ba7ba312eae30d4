/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fence chains: the points of a timeline whose fences come from anywhere.
 */
#ifndef __LINUX_DMA_FENCE_CHAIN_H
#define __LINUX_DMA_FENCE_CHAIN_H

#include <linux/container_of.h>
#include <linux/dma-fence.h>
#include <linux/irq_work.h>
#include <linux/slab.h>
#include <linux/spinlock_types.h>
#include <linux/workqueue_types.h>

/**
 * struct dma_fence_chain - a link: a fence, and all that comes before it
 * @base: the fence of the link; signals when @fence and all before it have
 * @prev: the link before, or a fence that is none, with a reference, or NULL.
 *	Moves on over what is signalled, in dma_fence_chain_walk()
 * @prev_seqno: sequence number of the link that came before at first, or 0; fixed
 * @fence: what the link adds to the chain, with a reference; fixed
 * @cb: callback at the one fence that is waited for
 * @work: to look for the next one, or to signal where that may not be done at once
 * @bh_work: the same where an interrupt cannot do it
 * @lock: for @base
 */
struct dma_fence_chain {
	struct dma_fence base;
	struct dma_fence __rcu *prev;
	u64 prev_seqno;
	struct dma_fence *fence;
	union {
		struct dma_fence_cb cb;
		struct irq_work work;
		struct work_struct bh_work;
	};
	spinlock_t lock; /* base */
};

struct dma_fence *dma_fence_chain_walk(struct dma_fence *fence);
int dma_fence_chain_find_seqno(struct dma_fence **pfence, u64 seqno);
void dma_fence_chain_init(struct dma_fence_chain *chain, struct dma_fence *prev,
			  struct dma_fence *fence, u64 seqno);

/**
 * to_dma_fence_chain() - the link that a fence is part of.
 * @fence: any fence, or NULL
 *
 * Return: The link, or NULL if it is none.
 */
static inline struct dma_fence_chain *to_dma_fence_chain(struct dma_fence *fence)
{
	return fence && dma_fence_is_chain(fence) ?
	       container_of(fence, struct dma_fence_chain, base) : NULL;
}

/**
 * dma_fence_chain_contained() - what a fence adds to a chain.
 * @fence: any fence, or NULL
 *
 * Return: What is in the link, without a reference, or @fence if it is none.
 */
static inline struct dma_fence *dma_fence_chain_contained(struct dma_fence *fence)
{
	struct dma_fence_chain *chain = to_dma_fence_chain(fence);

	return chain ? chain->fence : fence;
}

/**
 * dma_fence_chain_alloc() - allocate memory for dma_fence_chain_init().
 *
 * Context: May sleep.
 *
 * Return: The memory, or NULL.
 */
#define dma_fence_chain_alloc() \
	kmalloc(sizeof(struct dma_fence_chain), GFP_KERNEL)

/**
 * dma_fence_chain_free() - free memory that was never initialised.
 * @chain: from dma_fence_chain_alloc(), or NULL
 *
 * Context: Any.
 */
static inline void dma_fence_chain_free(struct dma_fence_chain *chain)
{
	kfree(chain);
}

/**
 * dma_fence_chain_for_each() - for each link of a chain, the newest first.
 * @iter: the link, with a reference that the loop drops as it goes on. A loop that
 *	is left before its end leaves the reference to the caller
 * @head: where to begin; the caller has a reference. A fence that is no link counts
 *	as a chain of one
 */
#define dma_fence_chain_for_each(iter, head)				\
	for ((iter) = dma_fence_get(head); (iter);			\
	     (iter) = dma_fence_chain_walk(iter))

#endif /* __LINUX_DMA_FENCE_CHAIN_H */
