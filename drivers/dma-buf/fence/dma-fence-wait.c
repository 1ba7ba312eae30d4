// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sleeping until fences are signalled.
 *
 * One sleeper for all: a callback at each fence wakes it, the flags of the fences
 * tell it whether that was worth while, and no callback is left behind. It says
 * that it is going to sleep before it looks at the flags, and the signaller sets the
 * flag before it wakes: one of them sees the other.
 *
 * Times are in jiffies. A wait that succeeds returns what is left of its time, at
 * least 1 and never more than it was given, but for a time of 0, which asks and
 * does not sleep: 1 is yes.
 */

#include <linux/export.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "dma-fence-private.h"

#include <trace/events/dma_fence.h>

/**
 * struct dma_fence_sleeper - a callback that wakes a task
 * @cb: its place at the fence
 * @task: who sleeps; in the wait for as long as @cb is at a fence
 */
struct dma_fence_sleeper {
	struct dma_fence_cb cb;
	struct task_struct *task;
};

static void dma_fence_wake_sleeper(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	wake_up_process(container_of(cb, struct dma_fence_sleeper, cb)->task);
}

/* Index of the first that is signalled, or count. */
static u32 dma_fence_first_signaled(struct dma_fence **fences, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (dma_fence_test_signaled_flag(fences[i]))
			break;
	return i;
}

/* All sleepers are armed. Returns as dma_fence_wait_any_timeout(). */
static long dma_fence_sleep(struct dma_fence **fences, u32 count, bool intr,
			    long timeout, u32 *first)
{
	unsigned int state = intr ? TASK_INTERRUPTIBLE : TASK_UNINTERRUPTIBLE;

	for (;;) {
		set_current_state(state);
		*first = dma_fence_first_signaled(fences, count);
		if (*first < count) {
			timeout = max(timeout, 1L);
			break;
		}
		if (intr && signal_pending(current)) {
			timeout = -ERESTARTSYS;
			break;
		}
		if (!timeout)
			break;
		timeout = schedule_timeout(timeout);
	}
	__set_current_state(TASK_RUNNING);
	return timeout;
}

static long dma_fence_wait_on(struct dma_fence **fences, u32 count,
			      struct dma_fence_sleeper *sleepers, bool intr,
			      long timeout, u32 *first)
{
	u32 armed;

	for (armed = 0; armed < count; armed++) {
		sleepers[armed].task = current;
		if (dma_fence_add_callback(fences[armed], &sleepers[armed].cb,
					   dma_fence_wake_sleeper))
			break;
	}

	*first = armed;
	if (armed == count)
		timeout = dma_fence_sleep(fences, count, intr, timeout, first);
	while (armed--)
		dma_fence_remove_callback(fences[armed], &sleepers[armed].cb);
	return timeout;
}

/**
 * dma_fence_default_wait() - sleep until a fence is signalled, in the usual way.
 * @fence: the fence
 * @intr: let signals interrupt
 * @timeout: jiffies, or %MAX_SCHEDULE_TIMEOUT
 *
 * For &dma_fence_ops.wait; everybody else calls dma_fence_wait_timeout().
 *
 * Context: May sleep.
 *
 * Return: What is left of @timeout, at least 1, or 0 when it has run out, or
 * %-ERESTARTSYS when a signal came.
 */
signed long dma_fence_default_wait(struct dma_fence *fence, bool intr,
				   signed long timeout)
{
	struct dma_fence_sleeper sleeper;
	u32 first;

	if (dma_fence_test_signaled_flag(fence))
		return timeout ?: 1;
	return dma_fence_wait_on(&fence, 1, &sleeper, intr, timeout, &first);
}
EXPORT_SYMBOL(dma_fence_default_wait);

/**
 * dma_fence_wait_timeout() - sleep until a fence is signalled, or for some time.
 * @fence: fence that the caller has a reference to
 * @intr: let signals interrupt
 * @timeout: jiffies, or %MAX_SCHEDULE_TIMEOUT; 0 enables signalling and asks
 *
 * Context: May sleep. Nothing that the fence's driver needs for signalling it may
 * be held.
 *
 * Return: What is left of @timeout, at least 1, when it is signalled; 0 when the
 * time has run out; or a negative errno:
 *
 *   * %-ERESTARTSYS - a signal came
 *   * %-EINVAL - negative time (a driver's mistake, warned about)
 *   * any other errno of the driver's own wait, which counts as signalled
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

/**
 * dma_fence_wait_any_timeout() - sleep until one of several is signalled.
 * @fences: fences that the caller has references to
 * @count: how many; at least 1
 * @intr: let signals interrupt
 * @timeout: jiffies, or %MAX_SCHEDULE_TIMEOUT; 0 asks, and enables nothing
 * @idx: index of one that is signalled (out, on success), or NULL
 *
 * Context: May sleep, and allocates. Nothing that one of the drivers needs for
 * signalling may be held.
 *
 * Return: What is left of @timeout, at least 1, when one is signalled; 0 when the
 * time has run out; or a negative errno:
 *
 *   * %-ERESTARTSYS - a signal came
 *   * %-ENOMEM - no memory
 *   * %-EINVAL - no fences or negative time (a driver's mistake, warned about)
 */
signed long dma_fence_wait_any_timeout(struct dma_fence **fences, u32 count,
				       bool intr, signed long timeout,
				       u32 *idx)
{
	struct dma_fence_sleeper *sleepers = NULL;
	u32 first;

	might_sleep();
	if (WARN_ON_ONCE(!fences || !count || timeout < 0))
		return -EINVAL;
	__dma_fence_might_wait();

	for (first = 0; first < count; first++)
		if (dma_fence_is_signaled(fences[first]))
			break;
	if (first < count) {
		timeout = max(timeout, 1L);
	} else if (timeout) {
		sleepers = kmalloc_array(count, sizeof(*sleepers),
					 GFP_KERNEL | __GFP_NOWARN);
		if (!sleepers)
			return -ENOMEM;
		timeout = dma_fence_wait_on(fences, count, sleepers, intr, timeout,
					    &first);
		kfree(sleepers);
	}
	if (timeout > 0 && idx)
		*idx = first;
	return timeout;
}
EXPORT_SYMBOL(dma_fence_wait_any_timeout);
