// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a container's callback cannot do below the lock that it runs below.
 *
 * An interrupt comes as soon as interrupts are on again, and most drivers give the lock
 * back before. It may signal, and drop references; where it cannot be had, it is a BH, or
 * for drivers that signal with interrupts on a task. An array that has to wait for the lock
 * of a member, which somebody may hold with interrupts on, asks for a task in any case.
 */

#include <linux/init.h>
#include <linux/irq_work.h>
#include <linux/irqflags.h>
#include <linux/workqueue.h>

#include "dma-fence-private.h"

/* Memory may be waiting for a fence that waits for a task. */
static struct workqueue_struct *dma_fence_wq __ro_after_init;

static int __init dma_fence_wq_init(void)
{
	dma_fence_wq = alloc_workqueue("dma-fence", WQ_MEM_RECLAIM | WQ_HIGHPRI | WQ_UNBOUND, 0);
	if (WARN_ON(!dma_fence_wq))
		dma_fence_wq = system_highpri_wq;
	return 0;
}
core_initcall(dma_fence_wq_init);

void dma_fence_defer_to_task(struct work_struct *work, work_func_t func)
{
	INIT_WORK(work, func);
	queue_work(dma_fence_wq, work);
}

/* Initialised in two places, because lockdep keeps works of BH and of tasks apart. */
static void dma_fence_defer_to_bh(struct work_struct *work, work_func_t func)
{
	INIT_WORK(work, func);
	queue_work(system_bh_wq, work);
}

/*
 * The two share their memory. With PREEMPT_RT the interrupt is a task too, and one that no
 * other task keeps waiting.
 */
void dma_fence_defer(struct irq_work *work, void (*func)(struct irq_work *work),
		     struct work_struct *bh_work, work_func_t bh_func)
{
	if (!dma_fence_locks_are_short()) {
		dma_fence_defer_to_task(bh_work, bh_func);
	} else if (arch_irq_work_has_interrupt()) {
		init_irq_work(work, func);
		irq_work_queue(work);
	} else if (irqs_disabled()) {
		dma_fence_defer_to_bh(bh_work, bh_func);
	} else {
		dma_fence_defer_to_task(bh_work, bh_func);
	}
}
