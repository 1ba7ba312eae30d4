// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a fence: made, signalled once, released; and who is told.
 */

#include <linux/atomic.h>
#include <linux/export.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "dma-fence-private.h"

#define CREATE_TRACE_POINTS
#include <trace/events/dma_fence.h>

EXPORT_TRACEPOINT_SYMBOL(dma_fence_emit);
EXPORT_TRACEPOINT_SYMBOL(dma_fence_enable_signal);
EXPORT_TRACEPOINT_SYMBOL(dma_fence_signaled);

/**
 * DOC: Overview
 *
 * A *fence* (&struct dma_fence) stands for work of a device that is under way. A
 * driver makes it when it submits the work, passes it to whoever must not start
 * before, and *signals* it when the work is done. That happens once, and nothing
 * takes it back.
 *
 * Fences of one *timeline* have the same context and signal in the order of their
 * sequence numbers, so that of two the later one is enough to wait for.
 *
 * One waits for a fence asleep (dma_fence_wait()), by a callback
 * (dma_fence_add_callback()), or leaves the waiting to a device that knows the
 * other's fences.
 */

/**
 * DOC: Lifetime
 *
 * ::
 *
 *    dma_fence_init()
 *         |
 *         v
 *    unsignalled ------ somebody waits with the CPU -----> signalling enabled
 *         |                                                       |
 *         +------------------ dma_fence_signal() -----------------+
 *                                    |
 *                                    v
 *                                signalled
 *                                    | last dma_fence_put()
 *                                    v
 *                                released      freed after a grace period
 *
 * - Each arrow is gone once, and that is decided by an atomic operation on the flags. A
 *   signal, and all but containers' enabling, is under &dma_fence.lock. Before the signal the
 *   fence has callbacks, from the signal on a time, and after the last reference
 *   the head of its deferred freeing; these share their memory.
 * - The error is set before the signal, by the one who signals.
 * - A callback is called once, in the order they were added, or was removed, or
 *   dma_fence_add_callback() said that it comes too late.
 * - Without the lock a reader may look at the flags. Who sees
 *   %DMA_FENCE_FLAG_SIGNALED_BIT through dma_fence_is_signaled() sees the error too,
 *   and all that the signaller wrote before; the bit is set by a fully ordered
 *   operation. The time has a bit of its own, which is set after it.
 * - A fence that is released unsignalled has nobody left who waits, unless
 *   somebody waits without a reference. That is reported, and the callbacks are
 *   unlinked from the memory that is going to be freed; they are not called.
 */

/**
 * DOC: Locking
 *
 * The lock is the driver's, often one for all fences of a timeline, and taken with
 * interrupts off. Callbacks run below it. It guards what is decided once: whether
 * a callback is still in time, whether it can still be removed, who signals.
 */

/**
 * DOC: Deadlines
 *
 * A display knows when the next picture is due, a program when it is going to wait.
 * dma_fence_set_deadline() tells the driver of the fence, which may raise a clock
 * before it is too late, instead of after some pictures were late already. Arrays and
 * chains pass it on to what is in them.
 *
 * It is a hint. A driver that has no use for it leaves out
 * &dma_fence_ops.set_deadline, and whoever sets one asks for no answer. What the fence
 * becomes signalled with, and when, does not depend on it.
 */

/* 0 belongs to fences that were born signalled. */
static atomic64_t dma_fence_last_context = ATOMIC64_INIT(1);

/* For fences that were initialised without. */
static DEFINE_SPINLOCK(dma_fence_missing_lock);

/**
 * dma_fence_context_alloc() - reserve timelines.
 * @num: how many
 *
 * Context: Any.
 *
 * Return: The first of @num contexts in a row, never given to anybody else.
 */
u64 dma_fence_context_alloc(unsigned int num)
{
	WARN_ON_ONCE(!num);
	return atomic64_fetch_add(num, &dma_fence_last_context);
}
EXPORT_SYMBOL(dma_fence_context_alloc);

static bool dma_fence_ops_valid(const struct dma_fence_ops *ops)
{
	return ops && ops->get_driver_name && ops->get_timeline_name;
}

/**
 * dma_fence_init() - make a fence of memory that the driver allocated.
 * @fence: the memory
 * @ops: callbacks; those for names are mandatory
 * @lock: lock for this fence; outlives it
 * @context: timeline, from dma_fence_context_alloc()
 * @seqno: place in it
 *
 * The caller gets the only reference. A driver that passes no lock or no names
 * is warned about, and gets some.
 *
 * Context: Any.
 */
void dma_fence_init(struct dma_fence *fence, const struct dma_fence_ops *ops,
		    spinlock_t *lock, u64 context, u64 seqno)
{
	fence->lock = WARN_ON_ONCE(!lock) ? &dma_fence_missing_lock : lock;
	if (WARN_ON_ONCE(!dma_fence_ops_valid(ops)))
		ops = &dma_fence_stub_ops;
	/* In a cache whose objects are reused at once, somebody may still look at these. */
	WRITE_ONCE(fence->ops, ops);
	WRITE_ONCE(fence->flags, 0);
	INIT_LIST_HEAD(&fence->cb_list);
	fence->context = context;
	fence->seqno = seqno;
	fence->error = 0;
	kref_init(&fence->refcount);
	trace_dma_fence_init(fence);
}
EXPORT_SYMBOL(dma_fence_init);

/**
 * dma_fence_signal_timestamp_locked() - dma_fence_signal_timestamp() for who holds
 * the lock.
 * @fence: the fence
 * @timestamp: when the work was done, on CLOCK_MONOTONIC
 *
 * Context: &dma_fence.lock held, interrupts off.
 *
 * Return: 0, or %-EINVAL if it is signalled already.
 */
int dma_fence_signal_timestamp_locked(struct dma_fence *fence, ktime_t timestamp)
{
	struct dma_fence_cb *cb;
	LIST_HEAD(waiting);

	lockdep_assert_held(fence->lock);
	if (test_and_set_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &fence->flags))
		return -EINVAL;

	/* The time takes the place of the list's head. */
	list_splice(&fence->cb_list, &waiting);
	fence->timestamp = timestamp;
	/* Pairs with the acquire in dma_fence_timestamp(). */
	smp_mb__before_atomic();
	set_bit(DMA_FENCE_FLAG_TIMESTAMP_BIT, &fence->flags);
	trace_dma_fence_signaled(fence);

	while ((cb = list_first_entry_or_null(&waiting, struct dma_fence_cb, node))) {
		list_del_init(&cb->node);
		cb->func(fence, cb);
	}
	return 0;
}
EXPORT_SYMBOL(dma_fence_signal_timestamp_locked);

/**
 * dma_fence_signal_timestamp() - the work was done some time ago.
 * @fence: the fence
 * @timestamp: when, on CLOCK_MONOTONIC
 *
 * Context: Any; &dma_fence.lock not held.
 *
 * Return: 0, or %-EINVAL if there is no fence or it is signalled already.
 */
int dma_fence_signal_timestamp(struct dma_fence *fence, ktime_t timestamp)
{
	unsigned long irq;
	int ret;

	if (!fence)
		return -EINVAL;
	spin_lock_irqsave(fence->lock, irq);
	ret = dma_fence_signal_timestamp_locked(fence, timestamp);
	spin_unlock_irqrestore(fence->lock, irq);
	return ret;
}
EXPORT_SYMBOL(dma_fence_signal_timestamp);

/**
 * dma_fence_signal_locked() - dma_fence_signal() for who holds the lock.
 * @fence: the fence
 *
 * Context: &dma_fence.lock held, interrupts off.
 *
 * Return: 0, or %-EINVAL if it is signalled already.
 */
int dma_fence_signal_locked(struct dma_fence *fence)
{
	return dma_fence_signal_timestamp_locked(fence, ktime_get());
}
EXPORT_SYMBOL(dma_fence_signal_locked);

/**
 * dma_fence_signal() - the work is done.
 * @fence: the fence
 *
 * Wakes who sleeps and calls the callbacks before it returns. What the caller may
 * do on its way here is checked, see dma_fence_begin_signalling().
 *
 * Context: Any; &dma_fence.lock not held.
 *
 * Return: 0, or %-EINVAL if there is no fence or it is signalled already.
 */
int dma_fence_signal(struct dma_fence *fence)
{
	bool cookie;
	int ret;

	cookie = dma_fence_begin_signalling();
	ret = dma_fence_signal_timestamp(fence, ktime_get());
	dma_fence_end_signalling(cookie);
	return ret;
}
EXPORT_SYMBOL(dma_fence_signal);

/*
 * Have the driver signal by itself. A driver may signal within its callback,
 * whatever that returns.
 */
static bool dma_fence_enable(struct dma_fence *fence)
{
	const struct dma_fence_ops *ops = fence->ops;

	lockdep_assert_held(fence->lock);
	if (!test_and_set_bit(DMA_FENCE_FLAG_ENABLE_SIGNAL_BIT, &fence->flags) &&
	    ops->enable_signaling && !dma_fence_test_signaled_flag(fence)) {
		trace_dma_fence_enable_signal(fence);
		if (!ops->enable_signaling(fence))
			dma_fence_signal_locked(fence);
	}
	return !dma_fence_test_signaled_flag(fence);
}

/*
 * An array or a chain adds callbacks to other fences, whose locks come before its own:
 * once, by who is the first here, and without that lock. All others who wait count on
 * it.
 */
static void dma_fence_enable_container(struct dma_fence *fence)
{
	unsigned long irq;

	if (!dma_fence_is_container(fence))
		return;
	irq = dma_fence_undisturbed_begin();
	if (!test_and_set_bit(DMA_FENCE_FLAG_ENABLE_SIGNAL_BIT, &fence->flags)) {
		trace_dma_fence_enable_signal(fence);
		if (dma_fence_is_array(fence))
			dma_fence_array_enable(fence);
		else
			dma_fence_chain_enable(fence);
	}
	dma_fence_undisturbed_end(irq);
}

/**
 * dma_fence_enable_sw_signaling() - make sure that it is going to be signalled.
 * @fence: the fence
 *
 * Afterwards dma_fence_is_signaled() becomes true sooner or later.
 *
 * Context: Any; &dma_fence.lock not held.
 */
void dma_fence_enable_sw_signaling(struct dma_fence *fence)
{
	unsigned long irq;

	if (dma_fence_test_signaled_flag(fence))
		return;
	dma_fence_enable_container(fence);
	spin_lock_irqsave(fence->lock, irq);
	dma_fence_enable(fence);
	spin_unlock_irqrestore(fence->lock, irq);
}
EXPORT_SYMBOL(dma_fence_enable_sw_signaling);

/**
 * dma_fence_add_callback() - have a function called when it is signalled.
 * @fence: fence that the caller has a reference to, until the callback has run or
 *	been removed
 * @cb: the callback's place; filled in also with -ENOENT
 * @func: what is called
 *
 * Enables signalling.
 *
 * Context: Any; &dma_fence.lock not held.
 *
 * Return: 0, or a negative errno, with which @func is never called:
 *
 *   * %-ENOENT - it is signalled already
 *   * %-EINVAL - no fence or no function (a driver's mistake, warned about)
 */
int dma_fence_add_callback(struct dma_fence *fence, struct dma_fence_cb *cb,
			   dma_fence_func_t func)
{
	unsigned long irq;
	bool in_time;

	if (WARN_ON_ONCE(!fence || !func))
		return -EINVAL;

	INIT_LIST_HEAD(&cb->node);
	cb->func = func;
	if (dma_fence_test_signaled_flag(fence))
		return -ENOENT;

	dma_fence_enable_container(fence);
	spin_lock_irqsave(fence->lock, irq);
	in_time = dma_fence_enable(fence);
	if (in_time)
		list_add_tail(&cb->node, &fence->cb_list);
	spin_unlock_irqrestore(fence->lock, irq);
	return in_time ? 0 : -ENOENT;
}
EXPORT_SYMBOL(dma_fence_add_callback);

/**
 * dma_fence_remove_callback() - call the function no more.
 * @fence: the fence
 * @cb: what dma_fence_add_callback() was given, also if that came too late
 *
 * Afterwards the function is not running and will not be called.
 *
 * Context: Any; &dma_fence.lock not held; not from a callback of @fence.
 *
 * Return: true if it was removed, false if it has been called or never added.
 */
bool dma_fence_remove_callback(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	unsigned long irq;
	bool linked;

	spin_lock_irqsave(fence->lock, irq);
	linked = !list_empty(&cb->node);
	list_del_init(&cb->node);
	spin_unlock_irqrestore(fence->lock, irq);
	return linked;
}
EXPORT_SYMBOL(dma_fence_remove_callback);

/**
 * dma_fence_get_status() - done, and how?
 * @fence: the fence
 *
 * Context: Any; &dma_fence.lock not held.
 *
 * Return: 0 if it is not signalled, 1 if it is, or the negative errno that the
 * driver gave it.
 */
int dma_fence_get_status(struct dma_fence *fence)
{
	return dma_fence_is_signaled(fence) ? fence->error ?: 1 : 0;
}
EXPORT_SYMBOL(dma_fence_get_status);

/**
 * dma_fence_set_deadline() - hint that it would better be signalled by then.
 * @fence: the fence
 * @deadline: time on CLOCK_MONOTONIC
 *
 * A display that wants to show the work with the next picture, or a sleeping
 * program, lets a driver choose a higher clock in time. Nothing is promised.
 *
 * Context: Any; &dma_fence.lock not held.
 */
void dma_fence_set_deadline(struct dma_fence *fence, ktime_t deadline)
{
	void (*set_deadline)(struct dma_fence *fence, ktime_t deadline) =
		fence->ops->set_deadline;

	if (set_deadline && !dma_fence_is_signaled(fence))
		set_deadline(fence, deadline);
}
EXPORT_SYMBOL(dma_fence_set_deadline);

/* Nobody must find a way from his callback into memory that is freed. */
static void dma_fence_unlink_callbacks(struct dma_fence *fence)
{
	struct dma_fence_cb *cb, *next;

	lockdep_assert_held(fence->lock);
	WARN(1, "fence %s:%s %llu:%llu released with callbacks and never signalled\n",
	     fence->ops->get_driver_name(fence), fence->ops->get_timeline_name(fence),
	     fence->context, fence->seqno);
	list_for_each_entry_safe(cb, next, &fence->cb_list, node)
		list_del_init(&cb->node);
}

/*
 * What every fence goes through when its last reference is gone. Some drivers signal
 * without one, as long as they have the fence in a list of theirs: only under the lock
 * is it certain that the list is one, and not the time.
 */
void dma_fence_begin_release(struct dma_fence *fence)
{
	unsigned long irq;

	trace_dma_fence_destroy(fence);
	if (dma_fence_test_signaled_flag(fence) || list_empty(&fence->cb_list))
		return;
	spin_lock_irqsave(fence->lock, irq);
	if (!dma_fence_test_signaled_flag(fence) && !list_empty(&fence->cb_list))
		dma_fence_unlink_callbacks(fence);
	spin_unlock_irqrestore(fence->lock, irq);
}

/**
 * dma_fence_release() - the last reference is gone.
 * @kref: &dma_fence.refcount
 *
 * For dma_fence_put(), and for drivers that count without it.
 *
 * Context: Any.
 */
void dma_fence_release(struct kref *kref)
{
	struct dma_fence *fence = container_of(kref, struct dma_fence, refcount);

	dma_fence_begin_release(fence);
	if (fence->ops->release)
		fence->ops->release(fence);
	else
		dma_fence_free(fence);
}
EXPORT_SYMBOL(dma_fence_release);

/*
 * Signal below the lock of another fence. False if somebody has the lock, or is not to be
 * called from here.
 */
bool dma_fence_try_signal(struct dma_fence *fence)
{
	unsigned long irq;

	if (dma_fence_test_signaled_flag(fence))
		return true;
	if (!dma_fence_locks_are_short())
		return false;
	/* On a single processor, debugging takes a try that fails for a mistake. */
	if (spin_is_locked(fence->lock) || !spin_trylock_irqsave(fence->lock, irq))
		return false;
	dma_fence_signal_timestamp_locked(fence, ktime_get());
	spin_unlock_irqrestore(fence->lock, irq);
	return true;
}

/*
 * Signal, and drop a reference before anybody who is woken up can wonder about it: below
 * the lock, whose memory RCU keeps for so long.
 */
void dma_fence_signal_and_put(struct dma_fence *fence)
{
	unsigned long irq;
	bool last;

	guard(rcu)();
	spin_lock_irqsave(fence->lock, irq);
	dma_fence_signal_timestamp_locked(fence, ktime_get());
	last = !dma_fence_put_unless_last(fence);
	spin_unlock_irqrestore(fence->lock, irq);
	if (last)
		dma_fence_put(fence);
}

/**
 * dma_fence_free() - free a fence that kmalloc() made, when no reader is left.
 * @fence: fence at the beginning of its allocation, after its last reference
 *
 * Context: Any.
 */
void dma_fence_free(struct dma_fence *fence)
{
	kfree_rcu(fence, rcu);
}
EXPORT_SYMBOL(dma_fence_free);
