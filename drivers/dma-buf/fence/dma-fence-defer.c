// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deferral: run a function after the caller has dropped its locks.
 *
 * A container's callback runs with the lock of a member held, and often with locks of a
 * driver. What the container does next (signal, drop references, add a callback to another
 * fence) may need any of these locks, so it does not happen in the callback.
 *
 * Usually it runs in an irq_work, as soon as the CPU enables interrupts again, or in a
 * kthread on PREEMPT_RT. A CPU that cannot interrupt itself would run an irq_work at its next
 * timer tick; there, a BH work does it sooner. One BH work runs all that is deferred: a task
 * that one function wakes runs after all of them have dropped their references. With a BH
 * work each, the workqueue would leave the rest to ksoftirqd after ten of them.
 *
 * Both may run on top of a task that holds a spinlock with interrupts on, and must not take
 * that lock. vmwgfx signals so, and all of its fences share the lock. If the caller has
 * interrupts on, a worker runs the function instead. On PREEMPT_RT, spinlocks leave
 * interrupts on, and the irq_work may wait for them.
 */

#include <linux/init.h>
#include <linux/irq_work.h>
#include <linux/irqflags.h>
#include <linux/llist.h>
#include <linux/workqueue.h>

#include "dma-fence-private.h"

static void dma_fence_run_deferred(struct work_struct *bh_work);

/**
 * struct dma_fence_deferred - what runs the deferred functions
 * @wq: runs those that go to a task. Has a rescuer, because memory reclaim waits for fences.
 *	Set at boot.
 * @irq_works: those that a CPU which cannot interrupt itself has deferred
 * @bh_work: runs @irq_works
 */
struct dma_fence_deferred {
	struct workqueue_struct *wq;
	struct llist_head irq_works;
	struct work_struct bh_work;
};

static struct dma_fence_deferred dma_fence_deferred = {
	.irq_works = LLIST_HEAD_INIT(dma_fence_deferred.irq_works),
	.bh_work = __WORK_INITIALIZER(dma_fence_deferred.bh_work, dma_fence_run_deferred),
};

static int __init dma_fence_wq_init(void)
{
	struct workqueue_struct *wq;

	wq = alloc_workqueue("dma-fence", WQ_MEM_RECLAIM | WQ_HIGHPRI | WQ_UNBOUND, 0);
	dma_fence_deferred.wq = WARN_ON(!wq) ? system_highpri_wq : wq;
	return 0;
}
core_initcall(dma_fence_wq_init);

/*
 * Run @func once, in a worker. @work may share its memory with the irq_work that calls
 * this, but not on PREEMPT_RT: the irq_work core then reads irq_work.irqwait, which
 * work_struct.func overlays, after the call.
 */
void dma_fence_defer_to_task(struct work_struct *work, work_func_t func)
{
	INIT_WORK(work, func);
	queue_work(dma_fence_deferred.wq, work);
}

/* In the order of the signals. A function may free or reuse its irq_work. */
static void dma_fence_run_deferred(struct work_struct *bh_work)
{
	struct llist_node *first = llist_del_all(&dma_fence_deferred.irq_works);
	struct irq_work *work, *next;

	first = llist_reverse_order(first);
	llist_for_each_entry_safe(work, next, first, node.llist)
		work->func(work);
}

/*
 * Run @irq_func or @task_func once, without the caller's locks. Called with the lock of a
 * fence held. @irq_work and @task_work may share their memory.
 */
void dma_fence_defer(struct irq_work *irq_work, void (*irq_func)(struct irq_work *work),
		     struct work_struct *task_work, work_func_t task_func)
{
	if (!irqs_disabled() && !IS_ENABLED(CONFIG_PREEMPT_RT)) {
		dma_fence_defer_to_task(task_work, task_func);
		return;
	}
	init_irq_work(irq_work, irq_func);
	if (arch_irq_work_has_interrupt()) {
		irq_work_queue(irq_work);
	} else {
		llist_add(&irq_work->node.llist, &dma_fence_deferred.irq_works);
		queue_work(system_bh_wq, &dma_fence_deferred.bh_work);
	}
}
