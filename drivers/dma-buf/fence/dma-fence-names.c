// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a fence is called, by a driver that may be gone.
 *
 * The strings are the driver's, and so is the code that returns them. A fence lives on
 * for as long as somebody has a reference, and that may be a program with a descriptor;
 * a driver is kept by what it has not signalled yet. So the driver is asked before the
 * signal only (and in it, by the tracepoint that tells of it), and whoever uses the answer
 * holds off, by RCU, what may happen after a signal.
 */

#include <linux/export.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>

#include "dma-fence-private.h"

/**
 * DOC: Names
 *
 * A fence has two names for humans, of the driver and of the timeline, which the driver
 * returns (&dma_fence_ops.get_driver_name, &dma_fence_ops.get_timeline_name).
 * dma_fence_driver_name() and dma_fence_timeline_name() are how everybody else gets at
 * them.
 *
 * - They are asked for while the fence is not signalled, and used under RCU. So a driver
 *   may free what its names need (a ring, a scheduler, a device that was unplugged) when
 *   an RCU grace period has passed since it has signalled the last fence of that.
 * - A signalled fence is called "detached-driver" and "signaled-timeline", whosever it
 *   was.
 * - The table of callbacks and the code behind it have to be there for the last reference,
 *   as ever: drivers know their fences by the table, and &dma_fence_ops.release is in it.
 *   And nothing is promised for what goes away before the signal, or to somebody who
 *   calls the driver's callbacks himself.
 */

/**
 * dma_fence_driver_name() - whose is it?
 * @fence: the fence
 *
 * Context: RCU read lock held, for as long as the name is used.
 *
 * Return: The driver's name, or "detached-driver" if the fence is signalled.
 */
const char __rcu *dma_fence_driver_name(struct dma_fence *fence)
{
	RCU_LOCKDEP_WARN(!rcu_read_lock_any_held(), "fence's name without RCU");
	if (dma_fence_test_signaled_flag(fence))
		return RCU_INITIALIZER("detached-driver");
	return RCU_INITIALIZER(fence->ops->get_driver_name(fence));
}
EXPORT_SYMBOL(dma_fence_driver_name);

/**
 * dma_fence_timeline_name() - of which timeline is it?
 * @fence: the fence
 *
 * Context: RCU read lock held, for as long as the name is used.
 *
 * Return: The timeline's name, or "signaled-timeline" if the fence is signalled.
 */
const char __rcu *dma_fence_timeline_name(struct dma_fence *fence)
{
	RCU_LOCKDEP_WARN(!rcu_read_lock_any_held(), "fence's name without RCU");
	if (dma_fence_test_signaled_flag(fence))
		return RCU_INITIALIZER("signaled-timeline");
	return RCU_INITIALIZER(fence->ops->get_timeline_name(fence));
}
EXPORT_SYMBOL(dma_fence_timeline_name);

/**
 * dma_fence_describe() - print a line about it.
 * @fence: the fence
 * @seq: where to
 *
 * Context: Any; &dma_fence.lock not held.
 */
void dma_fence_describe(struct dma_fence *fence, struct seq_file *seq)
{
	const char *driver, *timeline, *state;
	bool signaled;

	guard(rcu)();
	/* All of one time: again if the signal comes in between. */
	do {
		signaled = dma_fence_is_signaled(fence);
		driver = unrcu_pointer(dma_fence_driver_name(fence));
		timeline = unrcu_pointer(dma_fence_timeline_name(fence));
	} while (signaled != dma_fence_test_signaled_flag(fence));
	state = signaled ? "" : "un";
	seq_printf(seq, "%s %s seq %llu %ssignalled\n", driver, timeline, fence->seqno, state);
}
EXPORT_SYMBOL(dma_fence_describe);
