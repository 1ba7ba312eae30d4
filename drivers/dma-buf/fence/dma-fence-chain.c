// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fence chains: timelines whose points userspace makes of any fences it has.
 *
 *   newest                              oldest
 *   link 7 --prev--> link 5 --prev--> link 2 --prev--> NULL, or a fence
 *     |                |                |
 *   fence            fence            fence      in any order of signalling
 *
 * A link signals when its own fence and all before it are signalled. What is signalled
 * is dropped by whoever walks past: a link's prev moves on to what lies behind it,
 * and never anywhere else. So a chain is as long as what is still waited for.
 *
 * For a waiter, the link has a callback at one fence at a time, the newest that is not
 * signalled. When that one is, most often so is the rest: the callback looks along the
 * chain and then signals the link there and then. It looks without references, because
 * it runs under a lock that releasing a fence may want. If something is left to wait
 * for, an interrupt adds the callback there, because that takes another fence's lock.
 *
 * Looking along without references is right because a link that is dropped keeps its
 * prev in its memory until RCU readers are gone. Who read it while it was linked, reads
 * on through what it stood before, and that is released after it.
 */

#include <linux/dma-fence-chain.h>
#include <linux/export.h>
#include <linux/irq_work.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "dma-fence-private.h"

/**
 * DOC: Chains
 *
 * A chain (&struct dma_fence_chain) is a timeline of numbered points, to which anybody
 * may add fences of any driver: a timeline syncobj is one. Each point is a link, and a
 * fence of its own: it signals when what was added with it and all that was added
 * before is signalled.
 *
 * A chain shrinks as its fences signal, from wherever they are. For a number whose link
 * is gone stands the next higher link that is still there, or if what is left is all
 * lower, the highest of that: it belongs to what the number stands for.
 *
 * dma_fence_chain_init() gives two references away. What drivers have to do to stay
 * out of deadlocks is the same as for any other fence.
 */

/* So many links are looked at with interrupts off. */
#define DMA_FENCE_CHAIN_LOOK_MAX	64

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

/* Have a link's prev move on over a signalled one. Consumes a reference to that. */
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
 * dma_fence_chain_walk() - go on to the link before.
 * @fence: a link, with a reference that is consumed
 *
 * Links that are signalled are passed over and dropped from the chain.
 *
 * Context: Any; no lock held that releasing a fence of the chain may take.
 *
 * Return: The link, or a fence that is none, with a reference; NULL where the chain
 * ends.
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
 * dma_fence_chain_find_seqno() - find the link that stands for a point of the timeline.
 * @pfence: newest link; becomes the one that is found, or NULL if all that @seqno
 *	stands for is signalled. On success its reference goes over to that
 * @seqno: the point; 0 means the newest and changes nothing
 *
 * Context: As dma_fence_chain_walk().
 *
 * Return: 0, or %-EINVAL if there is no chain or it has not got so far.
 */
int dma_fence_chain_find_seqno(struct dma_fence **pfence, u64 seqno)
{
	struct dma_fence *head = *pfence, *fence;

	if (!seqno)
		return 0;
	if (!to_dma_fence_chain(head) || head->seqno < seqno)
		return -EINVAL;

	/* What was before a link is known even after it is dropped. */
	dma_fence_chain_for_each(fence, head)
		if (fence->context != head->context ||
		    to_dma_fence_chain(fence)->prev_seqno < seqno)
			break;
	*pfence = fence;
	dma_fence_put(head);
	return 0;
}
EXPORT_SYMBOL(dma_fence_chain_find_seqno);

/* True if a short look finds all of it signalled. */
static bool dma_fence_chain_look(struct dma_fence_chain *head)
{
	struct dma_fence *fence = &head->base;

	guard(rcu)();
	for (int i = 0; fence && i < DMA_FENCE_CHAIN_LOOK_MAX; i++) {
		struct dma_fence_chain *chain = to_dma_fence_chain(fence);

		if (!dma_fence_test_signaled_flag(chain ? chain->fence : fence))
			return false;
		fence = chain ? rcu_dereference(chain->prev) : NULL;
	}
	return !fence;
}

static void dma_fence_chain_callback(struct dma_fence *fence, struct dma_fence_cb *cb);

/*
 * Wait for what is in a link, which has a reference that is dropped if it can be waited
 * for: from then on the chain keeps it, until it is signalled.
 */
static bool dma_fence_chain_wait_for(struct dma_fence_chain *head, struct dma_fence *link)
{
	unsigned long irq = dma_fence_undisturbed_begin();
	bool waits;

	waits = !dma_fence_add_callback(dma_fence_chain_contained(link), &head->cb,
					dma_fence_chain_callback);
	if (waits)
		dma_fence_put(link);
	dma_fence_undisturbed_end(irq);
	return waits;
}

/* Add the callback to the newest fence that is not signalled. False if there is none. */
static bool dma_fence_chain_rearm(struct dma_fence_chain *head)
{
	struct dma_fence *link;

	dma_fence_chain_for_each(link, &head->base)
		if (dma_fence_chain_wait_for(head, link))
			return true;
	return false;
}

static void dma_fence_chain_go_on(struct dma_fence_chain *head)
{
	if (!dma_fence_test_signaled_flag(&head->base) && dma_fence_chain_rearm(head))
		return;
	dma_fence_signal_and_put(&head->base);
}

static void dma_fence_chain_irq_work(struct irq_work *work)
{
	dma_fence_chain_go_on(container_of(work, struct dma_fence_chain, work));
}

static void dma_fence_chain_bh_work(struct work_struct *work)
{
	dma_fence_chain_go_on(container_of(work, struct dma_fence_chain, bh_work));
}

/*
 * Out of here, as soon as that can be. The callback's place becomes the work's.
 *
 * An interrupt may come to a task that has the lock of the next fence, if the driver of
 * that has it with interrupts on (vmwgfx), and would wait for ever. To leave it to a task
 * would do, but then references stay for longer than users of chains are used to.
 */
static void dma_fence_chain_defer(struct dma_fence_chain *head)
{
	dma_fence_defer(&head->work, dma_fence_chain_irq_work,
			&head->bh_work, dma_fence_chain_bh_work);
}

static void dma_fence_chain_callback(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct dma_fence_chain *head = container_of(cb, struct dma_fence_chain, cb);

	if (dma_fence_chain_look(head) && dma_fence_try_signal(&head->base) &&
	    dma_fence_put_unless_last(&head->base))
		return;
	dma_fence_chain_defer(head);
}

/* The callback, or the work, has a reference until the link is signalled. */
void dma_fence_chain_enable(struct dma_fence *fence)
{
	if (dma_fence_chain_rearm(to_dma_fence_chain(dma_fence_get(fence))))
		return;
	dma_fence_signal_timestamp(fence, ktime_get());
	dma_fence_put(fence);
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

/* All that only this link keeps alive goes with it, one after the other. */
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
		dma_fence_begin_release(prev);
	}
}

const struct dma_fence_ops dma_fence_chain_ops = {
	.use_64bit_seqno = true,
	.get_driver_name = dma_fence_chain_get_driver_name,
	.get_timeline_name = dma_fence_chain_get_timeline_name,
	.signaled = dma_fence_chain_signaled,
	.set_deadline = dma_fence_chain_set_deadline,
	.release = dma_fence_chain_release,
};
EXPORT_SYMBOL(dma_fence_chain_ops);

/**
 * dma_fence_chain_init() - add a link to a timeline.
 * @chain: memory from dma_fence_chain_alloc()
 * @prev: the newest link so far, or any fence to begin with, or NULL; the chain takes
 *	over the reference
 * @fence: what the link adds; no link of a chain. The chain takes over the reference
 * @seqno: point of the timeline, more than that of @prev
 *
 * A @seqno that is not more begins a new timeline in a context of its own, with the
 * higher of the two numbers, so that it stays a number that has not been waited for
 * in vain. The caller gets the only reference.
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
