// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of fences, which their drivers return.
 *
 * A fence may outlive its driver: a program may hold its last reference by a file
 * descriptor. A driver stays until it has signalled its fences, and for an RCU grace period
 * after that. So the driver is asked for a name only while the fence has not signalled, and
 * the name is used in the same RCU read section. The tracepoint dma_fence_signaled is an
 * exception: it runs in the signal.
 */

#include <linux/export.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>

#include "dma-fence-private.h"

/**
 * DOC: Names
 *
 * A fence has two names, of its driver and of its timeline, for debugfs, tracepoints and
 * sync_files. The driver returns them (&dma_fence_ops.get_driver_name,
 * &dma_fence_ops.get_timeline_name); everybody else calls dma_fence_driver_name() and
 * dma_fence_timeline_name().
 *
 * - These ask the driver only while the fence has not signalled, with the RCU read lock
 *   held. So a driver may free what its names need (a ring, a scheduler, a device) an RCU
 *   grace period after it has signalled the last fence that uses it.
 * - A signalled fence is called "detached-driver" and "signaled-timeline".
 * - The table of callbacks and the code of &dma_fence_ops.release have to stay until the
 *   last reference is dropped.
 */

/**
 * dma_fence_driver_name() - return the name of a fence's driver.
 * @fence: the fence
 *
 * Context: RCU read lock held while the name is used.
 * Return: The driver's name, or "detached-driver" if @fence has signalled.
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
 * dma_fence_timeline_name() - return the name of a fence's timeline.
 * @fence: the fence
 *
 * Context: RCU read lock held while the name is used.
 * Return: The timeline's name, or "signaled-timeline" if @fence has signalled.
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
 * dma_fence_describe() - print a line about a fence.
 * @fence: the fence
 * @seq: file to print to
 *
 * Context: Any; &dma_fence.lock not held.
 */
void dma_fence_describe(struct dma_fence *fence, struct seq_file *seq)
{
	const char *driver, *timeline, *state;
	bool signaled;

	guard(rcu)();
	/* Names and state are of the same moment: start again if the fence signals meanwhile. */
	do {
		signaled = dma_fence_is_signaled(fence);
		driver = unrcu_pointer(dma_fence_driver_name(fence));
		timeline = unrcu_pointer(dma_fence_timeline_name(fence));
	} while (signaled != dma_fence_test_signaled_flag(fence));
	state = signaled ? "" : "un";
	seq_printf(seq, "%s %s seq %llu %ssignalled\n", driver, timeline, fence->seqno, state);
}
EXPORT_SYMBOL(dma_fence_describe);
