/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the fences share, and nobody else sees.
 *
 * A signal travels from a fence to those that come after it, and its callbacks run below
 * the locks of all that it has passed. Which of two fences comes first, nobody knows but
 * a driver of both. So containers wait for no lock below the lock of another fence:
 *
 * - they look at the fences in them without a lock,
 * - a callback of theirs only tries the container's own lock, and an array that of its next
 *   member; what it cannot do is left to whom dma_fence_defer() finds,
 * - signalling is enabled below no lock of a container.
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
 * Are the locks that this runs below given back before the next interrupt? Some drivers
 * (vmwgfx) signal with interrupts on. Whoever is called from here must be able to tell, so
 * nothing is signalled from there, which would switch them off.
 */
static inline bool dma_fence_locks_are_short(void)
{
	return IS_ENABLED(CONFIG_PREEMPT_RT) || irqs_disabled();
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
bool dma_fence_try_signal(struct dma_fence *fence);

/* dma-fence-defer.c */
void dma_fence_defer(struct irq_work *work, void (*func)(struct irq_work *work),
		     struct work_struct *bh_work, work_func_t bh_func);
void dma_fence_defer_to_task(struct work_struct *work, work_func_t func);

/* dma-fence-stub.c: callbacks of fences that nobody has to signal any more */
extern const struct dma_fence_ops dma_fence_stub_ops;

/* dma-fence-array.c */
void dma_fence_array_enable(struct dma_fence *fence);

/* dma-fence-chain.c */
void dma_fence_chain_enable(struct dma_fence *fence);

#endif /* _DMA_FENCE_PRIVATE_H */
