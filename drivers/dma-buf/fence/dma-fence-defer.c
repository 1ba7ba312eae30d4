// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deferral: run a function after the caller has dropped its locks.
 *
 * A container's callback runs with the lock of a member held, and often with locks of a
 * driver. What the container does next (signal, drop references, wait for another
 * member) may need any of these locks, so it does not happen in the callback.
 *
 * dma_fence_defer() is the usual way: an irq_work, which runs as soon as the CPU enables
 * interrupts again, or in a kthread on PREEMPT_RT. A CPU that cannot interrupt itself
 * would run an irq_work at its next timer tick; there, a BH work does it sooner.
 *
 * Both may interrupt a task that holds a spinlock with interrupts on, and then must not
 * wait for that lock. dma_fence_defer_to_task() is for what may have to.
 */

#include <linux/init.h>
#include <linux/irq_work.h>
#include <linux/workqueue.h>

#include "dma-fence-private.h"

/* Has a rescuer, because memory reclaim waits for fences. */
static struct workqueue_struct *dma_fence_wq __ro_after_init;

static int __init dma_fence_wq_init(void)
{
	dma_fence_wq = alloc_workqueue("dma-fence", WQ_MEM_RECLAIM | WQ_HIGHPRI | WQ_UNBOUND, 0);
	if (WARN_ON(!dma_fence_wq))
		dma_fence_wq = system_highpri_wq;
	return 0;
}
core_initcall(dma_fence_wq_init);

/*
 * Run @irq_func or @bh_func once, without the caller's locks. @irq_work and @bh_work may
 * share their memory, because one CPU architecture uses only one of them.
 */
void dma_fence_defer(struct irq_work *irq_work, void (*irq_func)(struct irq_work *work),
		     struct work_struct *bh_work, work_func_t bh_func)
{
	if (arch_irq_work_has_interrupt()) {
		init_irq_work(irq_work, irq_func);
		irq_work_queue(irq_work);
	} else {
		INIT_WORK(bh_work, bh_func);
		queue_work(system_bh_wq, bh_work);
	}
}

/*
 * Run @func once, in a worker. @work may share its memory with the irq_work or BH work
 * that calls this, but not on PREEMPT_RT: the irq_work core then reads irq_work.irqwait,
 * which work_struct.func overlays, after the call.
 */
void dma_fence_defer_to_task(struct work_struct *work, work_func_t func)
{
	INIT_WORK(work, func);
	queue_work(dma_fence_wq, work);
}
