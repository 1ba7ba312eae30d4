/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fence chains: timelines whose points hold fences of any driver.
 * See Documentation/driver-api/dma-buf/containers.rst.
 *
 * With declarations from Linux 6.12:
 * Copyright (C) 2018 Advanced Micro Devices, Inc.
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
 * struct dma_fence_chain - one link of a chain
 * @base: signals when @fence and the fences of all previous links have signalled
 * @prev: previous link, or the fence at the end of the chain, with a reference, or NULL;
 *	read under RCU. dma_fence_chain_walk() moves it past links whose @fence has signalled
 * @prev_seqno: sequence number of the link that was previous at init, or 0; fixed
 * @fence: fence of the link, with a reference; fixed
 * @cb: callback on the newest fence that has not signalled
 * @work: after @cb has run: adds @cb to the next such fence, or signals @base
 * @task_work: does the same in a worker
 * @lock: &dma_fence.lock of @base
 */
struct dma_fence_chain {
	struct dma_fence base;
	struct dma_fence __rcu *prev;
	u64 prev_seqno;
	struct dma_fence *fence;
	union {
		struct dma_fence_cb cb;
		struct irq_work work;
		struct work_struct task_work;
	};
	spinlock_t lock; /* base */
};

struct dma_fence *dma_fence_chain_walk(struct dma_fence *fence);
int dma_fence_chain_find_seqno(struct dma_fence **pfence, u64 seqno);
void dma_fence_chain_init(struct dma_fence_chain *chain, struct dma_fence *prev,
			  struct dma_fence *fence, u64 seqno);

/**
 * to_dma_fence_chain() - convert a fence to the link that it is.
 * @fence: any fence, or NULL
 *
 * Context: Any.
 * Return: The link, or NULL if @fence is not a link.
 */
static inline struct dma_fence_chain *to_dma_fence_chain(struct dma_fence *fence)
{
	return fence && dma_fence_is_chain(fence) ?
	       container_of(fence, struct dma_fence_chain, base) : NULL;
}

/**
 * dma_fence_chain_contained() - return the fence of a link.
 * @fence: any fence, or NULL
 *
 * Context: Any.
 * Return: The fence in the link, without a reference, or @fence if it is not a link.
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
 * Return: The memory; NULL if there is none.
 */
#define dma_fence_chain_alloc() \
	kmalloc(sizeof(struct dma_fence_chain), GFP_KERNEL)

/**
 * dma_fence_chain_free() - free memory that was not passed to dma_fence_chain_init().
 * @chain: from dma_fence_chain_alloc(), or NULL
 *
 * Context: Any.
 */
static inline void dma_fence_chain_free(struct dma_fence_chain *chain)
{
	kfree(chain);
}

/**
 * dma_fence_chain_for_each() - iterate over the links of a chain, newest first.
 * @iter: the link, with a reference that the next iteration drops. The caller drops it
 *	after leaving the loop early
 * @head: link to start with, which the caller has a reference to. A fence that is no
 *	link counts as a chain of one
 */
#define dma_fence_chain_for_each(iter, head)				\
	for ((iter) = dma_fence_get(head); (iter);			\
	     (iter) = dma_fence_chain_walk(iter))

#endif /* __LINUX_DMA_FENCE_CHAIN_H */
