/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of fence/ offer each other. Other folders use the public headers only.
 *
 * Locks: a container's callback runs with the lock of a fence in it held, takes no lock but
 * those that releasing the fence takes, and queues a deferral. The deferral takes one lock at a
 * time: that of the next fence, then that of the container. On PREEMPT_RT, enabling holds the
 * container's lock around those of its fences.
 */
#ifndef _DMA_FENCE_PRIVATE_H
#define _DMA_FENCE_PRIVATE_H

#include <linux/dma-fence.h>
#include <linux/irq_work.h>
#include <linux/workqueue.h>

/* dma-fence.c: the part of a release that all fences have in common */
void dma_fence_prepare_release(struct dma_fence *fence);

/* dma-fence-wait.c: take and drop the lock of a signalled fence */
void dma_fence_wait_signaller(struct dma_fence *fence);

/* dma-fence-defer.c: leave the caller's locks */
void dma_fence_defer(struct irq_work *irq_work, void (*irq_func)(struct irq_work *work),
		     struct work_struct *task_work, work_func_t task_func);
void dma_fence_defer_to_task(struct work_struct *work, work_func_t func);

/**
 * struct dma_fence_stub - the common signalled fence
 * @fence: the fence
 * @lock: lock of all stub fences, and in place of a missing one
 */
struct dma_fence_stub {
	struct dma_fence fence;
	spinlock_t lock; /* nothing: a stub fence does not change */
};

/* dma-fence-stub.c: callbacks and lock of stub fences, and in place of missing ones */
extern const struct dma_fence_ops dma_fence_stub_ops;
extern struct dma_fence_stub dma_fence_stub;

#endif /* _DMA_FENCE_PRIVATE_H */
