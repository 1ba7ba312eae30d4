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
 * without any lock. The one exception: the callback of an array, below the lock of one
 * member, tries the lock of another one, and takes nothing below that.
 */
#ifndef _DMA_FENCE_PRIVATE_H
#define _DMA_FENCE_PRIVATE_H

#include <linux/dma-fence.h>
#include <linux/irq_work.h>
#include <linux/irqflags.h>
#include <linux/refcount.h>
#include <linux/workqueue.h>

/*
 * Steps that others wait for, or that end after others have gone on: not to be disturbed
 * by interrupts or other tasks. With PREEMPT_RT locks sleep, and it cannot be had.
 */
static inline unsigned long dma_fence_undisturbed_begin(void)
{
	unsigned long irq = 0;

	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		local_irq_save(irq);
	return irq;
}

static inline void dma_fence_undisturbed_end(unsigned long irq)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		local_irq_restore(irq);
}

/*
 * What a callback leaves to others wants the locks that it runs below. They are given back
 * before the next interrupt and the next BH, if interrupts are off: some drivers signal
 * with interrupts on, and then it has to be a task.
 */
static inline bool dma_fence_may_interrupt(void)
{
	return arch_irq_work_has_interrupt() && irqs_disabled();
}

/* Initialised in two places, because lockdep keeps works of BH and of tasks apart. */
static inline void dma_fence_queue_work(struct work_struct *work, work_func_t func)
{
	if (irqs_disabled()) {
		INIT_WORK(work, func);
		queue_work(system_bh_wq, work);
	} else {
		INIT_WORK(work, func);
		queue_work(system_highpri_wq, work);
	}
}

/*
 * Drop a reference under the lock of another fence, unless it is the last one: releasing
 * the fence could want that lock.
 */
static inline bool dma_fence_put_unless_last(struct dma_fence *fence)
{
	return refcount_dec_not_one(&fence->refcount.refcount);
}

/* dma-fence.c */
void dma_fence_begin_release(struct dma_fence *fence);
void dma_fence_signal_and_put(struct dma_fence *fence);

/* dma-fence-stub.c: callbacks of fences that nobody has to signal any more */
extern const struct dma_fence_ops dma_fence_stub_ops;

/* dma-fence-array.c */
void dma_fence_array_enable(struct dma_fence *fence);

/* dma-fence-chain.c */
void dma_fence_chain_enable(struct dma_fence *fence);

#endif /* _DMA_FENCE_PRIVATE_H */
