// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fence chains: timelines whose points hold fences of any driver.
 *
 *   newest                              oldest
 *   link 7 --prev--> link 5 --prev--> link 2 --prev--> NULL, or a fence
 *     |                |                |
 *   fence            fence            fence      these signal in any order
 *
 * A link signals when its own fence and those of all links before it have signalled.
 * A walk drops each previous link whose own fence has signalled: it moves @prev past that
 * link by cmpxchg(). @prev never changes otherwise.
 *
 * When signalling is enabled, a link adds its one callback to the newest fence that has
 * not signalled. The callback defers, and the deferral adds the callback to the next such
 * fence, or signals the link if there is none. The callback or its deferral holds a reference
 * to the link, and so to all links and fences before it that have not signalled. The callback
 * also holds one to its fence.
 *
 * @prev is read under RCU; dma_fence_get_rcu_safe() takes the reference. Links are freed
 * after a grace period.
 */

#include <linux/dma-fence-chain.h>
#include <linux/export.h>
#include <linux/irq_work.h>
#include <linux/lockdep.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "dma-fence-private.h"

/**
 * DOC: Chains
 *
 * A chain (&struct dma_fence_chain) is a timeline of numbered points, to which fences of
 * any driver can be added: a timeline syncobj is one. Each point is a link, and a fence
 * of its own: it signals when the fence that was added with it and all those added before
 * have signalled.
 *
 * A chain shrinks when it is walked: links whose own fence has signalled are dropped,
 * wherever they are. A search for a point finds its link, or for a number between two
 * points the next higher one. If that link was dropped, the search finds the next lower
 * link that is left, or NULL if the point has signalled.
 *
 * A chain does not signal in the call that signals one of its fences, but is deferred:
 * callbacks on the chain may take locks that are held where the fence signals.
 */

static const char *dma_fence_chain_get_driver_name(struct dma_fence *fence)
{
	return "dma_fence_chain";
}

static const char *dma_fence_chain_get_timeline_name(struct dma_fence *fence)
{
	return "unbound";
}

static struct dma_fence *dma_fence_chain_get_prev(struct dma_fence_chain *chain)
{
	guard(rcu)();
	return dma_fence_get_rcu_safe(&chain->prev);
}

/* Move @prev of a link past @done, which has signalled. Consumes a reference to @done. */
static void dma_fence_chain_drop(struct dma_fence_chain *chain, struct dma_fence *done)
{
	struct dma_fence_chain *link = to_dma_fence_chain(done);
	struct dma_fence *behind = link ? dma_fence_chain_get_prev(link) : NULL;

	if (unrcu_pointer(cmpxchg(&chain->prev, RCU_INITIALIZER(done),
				  RCU_INITIALIZER(behind))) == done)
		dma_fence_put(done);
	else
		dma_fence_put(behind);
	dma_fence_put(done);
}

/**
 * dma_fence_chain_walk() - go on to the previous link of a chain.
 * @fence: a link, with a reference that is consumed
 *
 * Drops the links on the way whose own fence has signalled.
 *
 * Context: Any; no lock held that releasing a fence of the chain may take.
 * Return: The previous link, or the fence without a link at the end, with a reference;
 * NULL if there is none.
 */
struct dma_fence *dma_fence_chain_walk(struct dma_fence *fence)
{
	struct dma_fence_chain *chain = to_dma_fence_chain(fence);
	struct dma_fence *prev = NULL;

	while (chain && (prev = dma_fence_chain_get_prev(chain))) {
		if (!dma_fence_is_signaled(dma_fence_chain_contained(prev)))
			break;
		dma_fence_chain_drop(chain, prev);
	}
	dma_fence_put(fence);
	return prev;
}
EXPORT_SYMBOL(dma_fence_chain_walk);

/**
 * dma_fence_chain_find_seqno() - find the link of a point of the timeline.
 * @pfence: newest link; on success replaced by the link that signals with the point, by the
 *	fence at the end of the chain, or by NULL if the point has signalled. The reference
 *	moves along
 * @seqno: the point; 0 means the newest and changes nothing
 *
 * Context: As dma_fence_chain_walk().
 * Return: 0; %-EINVAL if *@pfence is no link, or @seqno is greater than the newest point.
 */
int dma_fence_chain_find_seqno(struct dma_fence **pfence, u64 seqno)
{
	struct dma_fence *head = *pfence, *fence;

	if (!seqno)
		return 0;
	if (!to_dma_fence_chain(head) || head->seqno < seqno)
		return -EINVAL;

	/* @prev_seqno stays when the previous link is dropped. */
	dma_fence_chain_for_each(fence, head)
		if (fence->context != head->context ||
		    to_dma_fence_chain(fence)->prev_seqno < seqno)
			break;
	*pfence = fence;
	dma_fence_put(head);
	return 0;
}
EXPORT_SYMBOL(dma_fence_chain_find_seqno);

static void dma_fence_chain_callback(struct dma_fence *fence, struct dma_fence_cb *cb);

/*
 * Add the callback to the newest fence that has not signalled. False if there is none.
 * The callback holds a reference to that fence: once its flag is set, a walk may drop the
 * link before the signaller, who need not have a reference (vmwgfx), runs the callbacks.
 */
static bool dma_fence_chain_arm(struct dma_fence_chain *chain)
{
	struct dma_fence *link, *fence;

	dma_fence_chain_for_each(link, &chain->base) {
		fence = dma_fence_get(dma_fence_chain_contained(link));
		if (!dma_fence_add_callback(fence, &chain->cb, dma_fence_chain_callback)) {
			dma_fence_put(link);
			return true;
		}
		dma_fence_put(fence);
	}
	return false;
}

/*
 * As in 6.12, this takes the lock of the next fence and may release fences in an interrupt.
 * It deadlocks if another driver's fence signals in an interrupt that comes while a task holds
 * that lock with interrupts on (vmwgfx).
 */
static void dma_fence_chain_rearm_or_signal(struct dma_fence_chain *chain)
{
	if (dma_fence_chain_arm(chain))
		return;
	dma_fence_signal(&chain->base);
	dma_fence_put(&chain->base);
}

static void dma_fence_chain_irq_work(struct irq_work *work)
{
	dma_fence_chain_rearm_or_signal(container_of(work, struct dma_fence_chain, work));
}

static void dma_fence_chain_task_work(struct work_struct *work)
{
	dma_fence_chain_rearm_or_signal(container_of(work, struct dma_fence_chain, task_work));
}

static void dma_fence_chain_callback(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct dma_fence_chain *chain = container_of(cb, struct dma_fence_chain, cb);

	lockdep_assert_held(fence->lock);
	dma_fence_defer(&chain->work, dma_fence_chain_irq_work,
			&chain->task_work, dma_fence_chain_task_work);
	/* With the lock held, which dma_fence_func_t allows. */
	dma_fence_put(fence);
}

/* Called with the link's lock held on PREEMPT_RT only: dma_fence_enable_container(). */
static bool dma_fence_chain_enable_signaling(struct dma_fence *fence)
{
	/* Dropped by the deferral that signals the link. */
	dma_fence_get(fence);
	if (dma_fence_chain_arm(to_dma_fence_chain(fence)))
		return true;
	/* Not the last reference: the caller has one. */
	dma_fence_put(fence);
	return false;
}

static bool dma_fence_chain_signaled(struct dma_fence *fence)
{
	dma_fence_chain_for_each(fence, fence) {
		if (!dma_fence_is_signaled(dma_fence_chain_contained(fence))) {
			dma_fence_put(fence);
			return false;
		}
	}
	return true;
}

static void dma_fence_chain_set_deadline(struct dma_fence *fence, ktime_t deadline)
{
	dma_fence_chain_for_each(fence, fence)
		dma_fence_set_deadline(dma_fence_chain_contained(fence), deadline);
}

/* Release all links that only this one keeps, in a loop: chains are too long to recurse. */
static void dma_fence_chain_release(struct dma_fence *fence)
{
	struct dma_fence_chain *chain = to_dma_fence_chain(fence);

	for (;;) {
		struct dma_fence *prev = rcu_dereference_protected(chain->prev, true);

		dma_fence_put(chain->fence);
		dma_fence_free(&chain->base);
		chain = to_dma_fence_chain(prev);
		if (!chain) {
			dma_fence_put(prev);
			return;
		}
		if (!refcount_dec_and_test(&prev->refcount.refcount))
			return;
		dma_fence_prepare_release(prev);
	}
}

const struct dma_fence_ops dma_fence_chain_ops = {
	.use_64bit_seqno = true,
	.get_driver_name = dma_fence_chain_get_driver_name,
	.get_timeline_name = dma_fence_chain_get_timeline_name,
	.enable_signaling = dma_fence_chain_enable_signaling,
	.signaled = dma_fence_chain_signaled,
	.set_deadline = dma_fence_chain_set_deadline,
	.release = dma_fence_chain_release,
};
EXPORT_SYMBOL(dma_fence_chain_ops);

/**
 * dma_fence_chain_init() - initialise a link and add it to a timeline.
 * @chain: memory from dma_fence_chain_alloc()
 * @prev: newest link so far, or any fence, or NULL; the link takes over the reference
 * @fence: fence of the new point, not a link of a chain; the link takes over the reference
 * @seqno: the point, greater than that of @prev
 *
 * A @seqno that is not greater starts a new timeline, with a context of its own and the
 * greater of the two numbers, so that waiters for either number find a link. The caller
 * gets the only reference.
 *
 * Context: Any.
 */
void dma_fence_chain_init(struct dma_fence_chain *chain, struct dma_fence *prev,
			  struct dma_fence *fence, u64 seqno)
{
	bool follows = to_dma_fence_chain(prev) && seqno > prev->seqno;
	u64 context = follows ? prev->context : dma_fence_context_alloc(1);

	if (to_dma_fence_chain(prev))
		seqno = max(seqno, prev->seqno);
	RCU_INIT_POINTER(chain->prev, prev);
	chain->prev_seqno = follows ? prev->seqno : 0;
	chain->fence = fence;
	spin_lock_init(&chain->lock);
	dma_fence_init(&chain->base, &dma_fence_chain_ops, &chain->lock, context, seqno);

	WARN_ON(dma_fence_is_chain(fence));
}
EXPORT_SYMBOL(dma_fence_chain_init);
