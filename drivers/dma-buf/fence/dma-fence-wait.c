// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sleeping until fences signal.
 *
 * A waiter adds one callback per fence, which wakes it, and removes them all before it
 * returns. It sets its task state before it tests the flags, and the signaller sets the
 * flag before it wakes, so that no wake-up is lost.
 *
 * A wait that succeeds takes the fence's lock after the signal. dma_fence_signal() holds that
 * lock from the flag until its last callback has returned, so the caller may then free the
 * fence: xe keeps fences on the stack. i915 sets the flag by itself, without the lock.
 *
 * Timeouts are in jiffies. A wait that succeeds returns what is left of its timeout and at
 * least 1. A timeout of 0 does not sleep; the result is 1 if the fence has signalled.
 */

#include <linux/export.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "dma-fence-private.h"

#include <trace/events/dma_fence.h>

/**
 * struct dma_fence_waiter - a callback that wakes a task
 * @cb: callback on the fence
 * @task: the waiting task, which removes @cb before it returns
 */
struct dma_fence_waiter {
	struct dma_fence_cb cb;
	struct task_struct *task;
};

static void dma_fence_wake_waiter(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	wake_up_process(container_of(cb, struct dma_fence_waiter, cb)->task);
}

/* Wait until the signaller has dropped the lock of a signalled fence. */
void dma_fence_wait_signaller(struct dma_fence *fence)
{
	unsigned long irq;

	spin_lock_irqsave(fence->lock, irq);
	spin_unlock_irqrestore(fence->lock, irq);
}

/* Index of the first fence that has signalled, or @count. */
static u32 dma_fence_first_signaled(struct dma_fence **fences, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (dma_fence_test_signaled_flag(fences[i]))
			break;
	return i;
}

/*
 * Sleep, with a callback on each fence. Returns as dma_fence_wait_any_timeout(). A pending
 * signal of the task counts before each sleep, but not once the timeout has expired.
 */
static long dma_fence_sleep(struct dma_fence **fences, u32 count, bool intr,
			    long timeout, u32 *first)
{
	unsigned int state = intr ? TASK_INTERRUPTIBLE : TASK_UNINTERRUPTIBLE;

	do {
		set_current_state(state);
		*first = dma_fence_first_signaled(fences, count);
		if (*first < count)
			break;
		if (intr && signal_pending(current)) {
			timeout = -ERESTARTSYS;
			break;
		}
		if (timeout)
			timeout = schedule_timeout(timeout);
	} while (timeout);
	__set_current_state(TASK_RUNNING);

	if (!timeout)
		*first = dma_fence_first_signaled(fences, count);
	return *first < count ? max(timeout, 1L) : timeout;
}

/* Waiters wake before other callbacks run, the latest waiter first, as in 6.12. */
static noinline long dma_fence_wait_pending(struct dma_fence *fence, bool intr, long timeout)
{
	struct dma_fence_waiter waiter = {
		.cb.func = dma_fence_wake_waiter,
		.task = current,
	};
	unsigned long irq;
	u32 first;

	INIT_LIST_HEAD(&waiter.cb.node);
	spin_lock_irqsave(fence->lock, irq);
	if (!dma_fence_test_signaled_flag(fence))
		list_add(&waiter.cb.node, &fence->cb_list);
	spin_unlock_irqrestore(fence->lock, irq);

	timeout = dma_fence_sleep(&fence, 1, intr, timeout, &first);
	/* Takes the lock, as the guarantee of dma_fence_wait_timeout() demands. */
	dma_fence_remove_callback(fence, &waiter.cb);
	return timeout;
}

/**
 * dma_fence_default_wait() - sleep until a fence signals, with the core's own callback.
 * @fence: the fence, whose signalling is enabled
 * @intr: return when a signal is pending
 * @timeout: jiffies, or %MAX_SCHEDULE_TIMEOUT
 *
 * For &dma_fence_ops.wait; everybody else calls dma_fence_wait_timeout().
 *
 * Context: May sleep.
 * Return: As dma_fence_wait_timeout().
 */
signed long dma_fence_default_wait(struct dma_fence *fence, bool intr,
				   signed long timeout)
{
	if (!dma_fence_test_signaled_flag(fence))
		return dma_fence_wait_pending(fence, intr, timeout);
	dma_fence_wait_signaller(fence);
	return timeout ?: 1;
}
EXPORT_SYMBOL(dma_fence_default_wait);

/**
 * dma_fence_wait_timeout() - sleep until a fence signals or a timeout expires.
 * @fence: fence that the caller has a reference to
 * @intr: return when a signal is pending
 * @timeout: jiffies, or %MAX_SCHEDULE_TIMEOUT; 0 enables signalling and does not sleep
 *
 * On success the signaller has finished: all callbacks have returned and it has dropped
 * &dma_fence.lock. A fence that nobody else can find may then be freed, or go out of scope
 * if it is on the stack. dma_fence_is_signaled() does not give this guarantee, and neither
 * does a driver's own &dma_fence_ops.wait unless the driver sees to it, or a driver that sets
 * the flag before it takes the lock (i915's requests).
 *
 * Context: May sleep. No lock held that the fence's driver needs to signal it.
 * Return: What is left of @timeout, at least 1, if @fence has signalled; 0 if the timeout
 * has expired; or a negative errno:
 *
 *   * %-ERESTARTSYS - a signal is pending
 *   * %-EINVAL - @timeout is negative (a driver's mistake, warned about)
 *   * any other errno of a driver's own wait, which counts as signalled
 */
signed long dma_fence_wait_timeout(struct dma_fence *fence, bool intr,
				   signed long timeout)
{
	signed long ret;

	might_sleep();
	if (WARN_ON_ONCE(timeout < 0))
		return -EINVAL;
	__dma_fence_might_wait();

	dma_fence_enable_sw_signaling(fence);
	trace_dma_fence_wait_start(fence);
	if (fence->ops->wait)
		ret = fence->ops->wait(fence, intr, timeout);
	else
		ret = dma_fence_default_wait(fence, intr, timeout);
	trace_dma_fence_wait_end(fence);
	return ret;
}
EXPORT_SYMBOL(dma_fence_wait_timeout);

/* Adds callbacks up to the first fence that has signalled, and removes them again. */
static long dma_fence_wait_callbacks(struct dma_fence **fences, u32 count,
				     struct dma_fence_waiter *waiters, bool intr,
				     long timeout, u32 *first)
{
	u32 added;

	for (added = 0; added < count; added++) {
		waiters[added].task = current;
		if (dma_fence_add_callback(fences[added], &waiters[added].cb,
					   dma_fence_wake_waiter))
			break;
	}

	*first = added;
	if (added == count)
		timeout = dma_fence_sleep(fences, count, intr, timeout, first);
	while (added--)
		dma_fence_remove_callback(fences[added], &waiters[added].cb);
	return timeout;
}

/**
 * dma_fence_wait_any_timeout() - sleep until one of several fences signals.
 * @fences: fences that the caller has references to
 * @count: number of fences; at least 1
 * @intr: return when a signal is pending
 * @timeout: jiffies, or %MAX_SCHEDULE_TIMEOUT; 0 polls the drivers, enables no signalling
 *	and does not sleep
 * @idx: index of a fence that has signalled (out, on success), or NULL
 *
 * On success it takes the lock of that fence, also if that had signalled before, unless
 * @timeout is 0. So its signaller has finished, as for dma_fence_wait_timeout().
 *
 * Context: May sleep, and allocates memory, unless @timeout is 0. No lock held that one of
 * the drivers needs to signal.
 * Return: What is left of @timeout, at least 1, if a fence has signalled; 0 if the timeout
 * has expired; or a negative errno:
 *
 *   * %-ERESTARTSYS - a signal is pending
 *   * %-ENOMEM - there is no memory
 *   * %-EINVAL - there are no fences or @timeout is negative (a driver's mistake, warned
 *     about)
 */
signed long dma_fence_wait_any_timeout(struct dma_fence **fences, u32 count,
				       bool intr, signed long timeout,
				       u32 *idx)
{
	struct dma_fence_waiter *waiters = NULL;
	bool poll = !timeout;
	u32 first;

	if (WARN_ON_ONCE(!fences || !count || timeout < 0))
		return -EINVAL;
	if (!poll) {
		might_sleep();
		__dma_fence_might_wait();
	}

	for (first = 0; first < count; first++)
		if (dma_fence_is_signaled(fences[first]))
			break;
	if (first < count) {
		timeout = max(timeout, 1L);
	} else if (!poll) {
		waiters = kmalloc_array(count, sizeof(*waiters), GFP_KERNEL | __GFP_NOWARN);
		if (!waiters)
			return -ENOMEM;
		timeout = dma_fence_wait_callbacks(fences, count, waiters, intr, timeout, &first);
		kfree(waiters);
	}
	if (timeout <= 0)
		return timeout;

	/* Takes a lock, which may sleep on PREEMPT_RT. */
	if (!poll)
		dma_fence_wait_signaller(fences[first]);
	if (idx)
		*idx = first;
	return timeout;
}
EXPORT_SYMBOL(dma_fence_wait_any_timeout);
