// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a fence: initialised, signalled once, released; and its callbacks.
 *
 * See "Lifetime" and "Locking" below. Some drivers signal a fence that they find in a list
 * of their own without holding a reference, so a release may run beside a signal: it reads
 * the list of callbacks again under the lock before it acts.
 */

#include <linux/atomic.h>
#include <linux/export.h>
#include <linux/irqflags.h>
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
 * A *fence* (&struct dma_fence) represents work of a device that has been submitted. The
 * driver initialises the fence when it submits the work, and *signals* it when the work
 * is done. A fence signals once and stays signalled.
 *
 * Fences of one *timeline* have the same context and signal in the order of their
 * sequence numbers: to wait for two of them, wait for the later one.
 *
 * Wait for a fence with dma_fence_wait(), which sleeps; with a callback
 * (dma_fence_add_callback()); or let the device wait, if its driver recognises the fence.
 */

/**
 * DOC: Lifetime
 *
 * ::
 *
 *    dma_fence_init()
 *         |
 *         v
 *    unsignalled ------ first wait or callback ----------> signalling enabled
 *         |                                                       |
 *         +------------------ dma_fence_signal() -----------------+
 *                                    |
 *                                    v
 *                                signalled
 *                                    | last dma_fence_put()
 *                                    v
 *                                released      freed after a grace period
 *
 * - Each transition happens once; an atomic operation on the flags decides who makes it.
 * - The list of callbacks (before the signal), the timestamp (after it) and the RCU head
 *   (after the last reference) share their memory.
 * - The signaller sets the error before the signal.
 * - A callback runs once, in the order in which callbacks were added, unless it was removed
 *   before or dma_fence_add_callback() returned -ENOENT.
 * - A reader may test the flags without the lock. If dma_fence_is_signaled() returns true,
 *   the reader sees the error and all that the signaller wrote before: the bit is set by a
 *   fully ordered operation. The timestamp has a flag of its own, which is set after it.
 * - A flag does not say that the signaller has finished: it may still run callbacks. A wait
 *   that succeeds does, see dma_fence_wait_timeout().
 * - A fence that is released unsignalled with callbacks is a driver's mistake. It is
 *   reported, and signals with -EDEADLK so that those who wait without a reference go on.
 */

/**
 * DOC: Locking
 *
 * The driver passes &dma_fence.lock to dma_fence_init(); often all fences of a timeline
 * share one. The lock guards the list of callbacks. The core holds it while it signals, runs
 * callbacks and calls &dma_fence_ops.enable_signaling; containers are enabled without it,
 * except on PREEMPT_RT. Interrupts are disabled meanwhile, except on PREEMPT_RT and when a
 * driver signals with interrupts on. A callback must not take a lock that is held when
 * callbacks are added to this fence, nor signal a fence with the same lock. The flags are
 * changed by atomic operations, and may be tested without the lock.
 */

/**
 * DOC: Deadlines
 *
 * A display driver knows when the next frame is due. dma_fence_set_deadline() passes that
 * time to the driver of the fence, which may raise a clock early enough to meet it. Arrays
 * and chains pass the deadline on to the fences in them.
 *
 * A deadline is a hint: a driver without &dma_fence_ops.set_deadline ignores it, and
 * nobody is told whether it was met.
 */

/* Context 0 is that of the stub fences. */
static atomic64_t dma_fence_last_context = ATOMIC64_INIT(1);

/**
 * dma_fence_context_alloc() - allocate contexts for timelines.
 * @num: number of contexts
 *
 * Context: Any.
 * Return: The first of @num consecutive contexts, which are never allocated again.
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
 * dma_fence_init() - initialise a fence.
 * @fence: memory that the driver has allocated
 * @ops: the driver's callbacks; those for names are mandatory
 * @lock: &dma_fence.lock of this fence; outlives it, also if it has signalled
 * @context: timeline, from dma_fence_context_alloc()
 * @seqno: sequence number in the timeline
 *
 * The caller gets the only reference. A missing lock is warned about and replaced, and so are
 * @ops without a callback for names: then the fence has to be at the beginning of memory from
 * kmalloc(), because the driver's release is not called.
 *
 * Context: Any.
 */
void dma_fence_init(struct dma_fence *fence, const struct dma_fence_ops *ops,
		    spinlock_t *lock, u64 context, u64 seqno)
{
	fence->lock = WARN_ON_ONCE(!lock) ? &dma_fence_stub.lock : lock;
	if (WARN_ON_ONCE(!dma_fence_ops_valid(ops)))
		ops = &dma_fence_stub_ops;
	/* An RCU reader may still hold a pointer to an object of a SLAB_TYPESAFE_BY_RCU cache. */
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
 * dma_fence_signal_timestamp_locked() - signal a fence, with its lock held.
 * @fence: the fence
 * @timestamp: when the work was done, on CLOCK_MONOTONIC
 *
 * Context: &dma_fence.lock held; interrupts off if it is ever taken in an interrupt.
 * Return: 0, or %-EINVAL if it is signalled already.
 */
int dma_fence_signal_timestamp_locked(struct dma_fence *fence, ktime_t timestamp)
{
	struct dma_fence_cb *cb;
	LIST_HEAD(waiting);

	lockdep_assert_held(fence->lock);
	if (test_and_set_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &fence->flags))
		return -EINVAL;

	/* The timestamp overwrites the head of the list. */
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
 * dma_fence_signal_timestamp() - signal a fence whose work was done earlier.
 * @fence: the fence, or NULL
 * @timestamp: when the work was done, on CLOCK_MONOTONIC
 *
 * For drivers that learn from the hardware when the work was done.
 *
 * Context: Any; &dma_fence.lock not held.
 * Return: 0; %-EINVAL if @fence is NULL or has signalled before.
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
 * dma_fence_signal_locked() - signal a fence, with its lock held.
 * @fence: the fence
 *
 * As dma_fence_signal(), but not checked as a signalling critical section.
 *
 * Context: &dma_fence.lock held; interrupts off if it is ever taken in an interrupt.
 * Return: 0; %-EINVAL if @fence has signalled before.
 */
int dma_fence_signal_locked(struct dma_fence *fence)
{
	return dma_fence_signal_timestamp_locked(fence, ktime_get());
}
EXPORT_SYMBOL(dma_fence_signal_locked);

/**
 * dma_fence_signal() - signal a fence.
 * @fence: the fence, or NULL
 *
 * Runs the callbacks and wakes the waiters before it returns. Is a signalling critical
 * section, see dma_fence_begin_signalling().
 *
 * Context: Any; &dma_fence.lock not held.
 * Return: 0; %-EINVAL if @fence is NULL or has signalled before.
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
 * Call the driver's enable_signaling once. False if the fence has signalled; the driver may
 * signal it inside enable_signaling, even if that returns true.
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
 * Enable a container without its lock. Enabling takes the locks of its fences. vmwgfx holds
 * such a lock with interrupts on, and the lock of a container is taken in interrupts: nested,
 * the two deadlock. Interrupts are off so that the first caller is not preempted, because
 * later callers rely on it. On PREEMPT_RT dma_fence_enable() does this with the lock held,
 * which no interrupt takes there, and which boosts an enabler that is preempted.
 */
static void dma_fence_enable_container(struct dma_fence *fence)
{
	unsigned long irq;

	if (IS_ENABLED(CONFIG_PREEMPT_RT) || !dma_fence_is_container(fence))
		return;
	local_irq_save(irq);
	if (!dma_fence_test_signaled_flag(fence) &&
	    !test_and_set_bit(DMA_FENCE_FLAG_ENABLE_SIGNAL_BIT, &fence->flags)) {
		trace_dma_fence_enable_signal(fence);
		if (!fence->ops->enable_signaling(fence))
			dma_fence_signal_timestamp(fence, ktime_get());
	}
	local_irq_restore(irq);
}

/**
 * dma_fence_enable_sw_signaling() - make the driver signal a fence by itself.
 * @fence: the fence
 *
 * Without this, a callback or a wait, a fence may stay unsignalled although its work is
 * done, until somebody polls it.
 *
 * Context: Any; &dma_fence.lock not held.
 */
void dma_fence_enable_sw_signaling(struct dma_fence *fence)
{
	unsigned long irq;

	dma_fence_enable_container(fence);
	spin_lock_irqsave(fence->lock, irq);
	dma_fence_enable(fence);
	spin_unlock_irqrestore(fence->lock, irq);
}
EXPORT_SYMBOL(dma_fence_enable_sw_signaling);

/**
 * dma_fence_add_callback() - call a function when a fence signals.
 * @fence: fence that the caller has a reference to, until the callback has run or
 *	been removed
 * @cb: memory for the callback; initialised also when %-ENOENT is returned
 * @func: the function
 *
 * Enables signalling. %-ENOENT does not mean that the signaller has finished, see
 * dma_fence_wait_timeout().
 *
 * Context: Any; &dma_fence.lock not held.
 * Return: 0, or a negative errno; then @func is not called, and cb->func is unchanged:
 *
 *   * %-ENOENT - the fence has signalled
 *   * %-EINVAL - @fence or @func is NULL (a driver's mistake, warned about)
 */
int dma_fence_add_callback(struct dma_fence *fence, struct dma_fence_cb *cb,
			   dma_fence_func_t func)
{
	unsigned long irq;
	bool added;

	if (WARN_ON_ONCE(!fence || !func))
		return -EINVAL;

	INIT_LIST_HEAD(&cb->node);
	if (dma_fence_test_signaled_flag(fence))
		return -ENOENT;

	dma_fence_enable_container(fence);
	spin_lock_irqsave(fence->lock, irq);
	added = dma_fence_enable(fence);
	if (added) {
		cb->func = func;
		list_add_tail(&cb->node, &fence->cb_list);
	}
	spin_unlock_irqrestore(fence->lock, irq);
	return added ? 0 : -ENOENT;
}
EXPORT_SYMBOL(dma_fence_add_callback);

/**
 * dma_fence_remove_callback() - remove a callback that has not run yet.
 * @fence: the fence
 * @cb: callback that was passed to dma_fence_add_callback(), whatever that returned
 *
 * When it returns, the callback is not running and will not run.
 *
 * Context: Any; &dma_fence.lock not held; not from a callback of @fence.
 * Return: true if the callback was removed; false if it has run or was never added.
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
 * dma_fence_get_status() - return whether a fence is pending, signalled or failed.
 * @fence: the fence
 *
 * Polls the driver, as dma_fence_is_signaled() does. If the fence has signalled, it takes
 * &dma_fence.lock, so the signaller has finished as after dma_fence_wait_timeout().
 *
 * Context: Any; &dma_fence.lock not held.
 * Return: 0 if @fence has not signalled; 1 if it has; the negative errno that the driver
 * set if the work failed.
 */
int dma_fence_get_status(struct dma_fence *fence)
{
	if (!dma_fence_is_signaled(fence))
		return 0;
	dma_fence_wait_signaller(fence);
	return fence->error ?: 1;
}
EXPORT_SYMBOL(dma_fence_get_status);

/**
 * dma_fence_set_deadline() - pass on when a fence should have signalled.
 * @fence: the fence
 * @deadline: time on CLOCK_MONOTONIC
 *
 * A hint. Does nothing if the driver has no use for deadlines or the fence has signalled.
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

static bool dma_fence_is_abandoned(struct dma_fence *fence)
{
	lockdep_assert_held(fence->lock);
	return !dma_fence_test_signaled_flag(fence) && !list_empty(&fence->cb_list);
}

/*
 * Nobody can signal the fence any more, but i915_sw_fence and others add callbacks without
 * a reference and wait for them. The report is printed without the lock: a console may
 * signal fences.
 */
static void dma_fence_signal_abandoned(struct dma_fence *fence)
{
	unsigned long irq;

	scoped_guard(rcu)
		WARN(1, "fence %s:%s %llu:%llu released with callbacks and never signalled\n",
		     unrcu_pointer(dma_fence_driver_name(fence)),
		     unrcu_pointer(dma_fence_timeline_name(fence)), fence->context,
		     fence->seqno);
	spin_lock_irqsave(fence->lock, irq);
	if (dma_fence_is_abandoned(fence)) {
		fence->error = -EDEADLK;
		dma_fence_signal_locked(fence);
	}
	spin_unlock_irqrestore(fence->lock, irq);
}

/* What every release does first. */
void dma_fence_prepare_release(struct dma_fence *fence)
{
	unsigned long irq;
	bool abandoned;

	trace_dma_fence_destroy(fence);
	/* The list is only a hint here: see the head of this file. */
	if (dma_fence_test_signaled_flag(fence) || list_empty(&fence->cb_list))
		return;
	spin_lock_irqsave(fence->lock, irq);
	abandoned = dma_fence_is_abandoned(fence);
	spin_unlock_irqrestore(fence->lock, irq);
	if (abandoned)
		dma_fence_signal_abandoned(fence);
}

/**
 * dma_fence_release() - release a fence whose last reference is gone.
 * @kref: &dma_fence.refcount
 *
 * Called by dma_fence_put(); drivers that call kref_put() themselves pass it on.
 *
 * Context: Any.
 */
void dma_fence_release(struct kref *kref)
{
	struct dma_fence *fence = container_of(kref, struct dma_fence, refcount);

	dma_fence_prepare_release(fence);
	if (fence->ops->release)
		fence->ops->release(fence);
	else
		dma_fence_free(fence);
}
EXPORT_SYMBOL(dma_fence_release);

/**
 * dma_fence_free() - free a fence after an RCU grace period.
 * @fence: fence without references, at the beginning of memory from kmalloc()
 *
 * For &dma_fence_ops.release.
 *
 * Context: Any.
 */
void dma_fence_free(struct dma_fence *fence)
{
	kfree_rcu(fence, rcu);
}
EXPORT_SYMBOL(dma_fence_free);
