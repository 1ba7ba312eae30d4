// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queries and operations on all fences of a reservation object.
 *
 * Everything here is built on the iterations of dma-resv-iter.c and has no state of its
 * own. Except where noted nothing needs the reservation lock. Without it the result is no
 * snapshot: it has each fence that stays in the object unsignalled for the whole call, and
 * may lack fences that are added meanwhile.
 *
 * A fence counts as signalled as soon as dma_fence_is_signaled() returns true, as in 6.12.
 * Its signaller may still be running callbacks and using the fence. To wait for the
 * signaller, call dma_fence_wait() with a reference of your own.
 */

#include <linux/dma-fence-array.h>
#include <linux/export.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "dma-resv-private.h"

static void dma_resv_put_all(struct dma_fence **fences, unsigned int count)
{
	while (count--)
		dma_fence_put(fences[count]);
}

/**
 * dma_resv_get_fences() - return an array of the unsignalled fences
 * @obj: the reservation object
 * @usage: return fences of this usage and of those before it
 * @num_fences: number of fences (out)
 * @fences: array of fences with a reference to each, or NULL if there are none; free it
 *	with kfree() (out)
 *
 * Context: May sleep.
 * Return: 0 on success, or %-ENOMEM if the array cannot be allocated.
 */
int dma_resv_get_fences(struct dma_resv *obj, enum dma_resv_usage usage,
			unsigned int *num_fences, struct dma_fence ***fences)
{
	struct dma_fence **array = NULL;
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	unsigned int count = 0;

	*num_fences = 0;
	*fences = NULL;
	dma_resv_iter_begin(&cursor, obj, usage);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		if (dma_resv_iter_is_restarted(&cursor)) {
			dma_resv_put_all(array, count);
			kfree(array);
			count = 0;
			array = kmalloc_array(cursor.num_fences, sizeof(*array),
					      GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
			if (!array) {
				dma_resv_iter_end(&cursor);
				return -ENOMEM;
			}
		}
		/* The array takes over the reference of the cursor. */
		array[count++] = fence;
		cursor.fence = NULL;
	}
	dma_resv_iter_end(&cursor);
	*num_fences = count;
	*fences = array;
	return 0;
}
EXPORT_SYMBOL_GPL(dma_resv_get_fences);

/**
 * dma_resv_get_singleton() - return one fence that stands for all unsignalled fences
 * @obj: the reservation object
 * @usage: use fences of this usage and of those before it
 * @fence: an array of the fences, the fence itself if there is only one, or NULL if
 *	there is none; the caller gets a reference (out)
 *
 * The result must not be added to a reservation object: dma_resv_add_fence() takes no
 * containers.
 *
 * Context: May sleep.
 * Return: 0 on success, or %-ENOMEM if the array cannot be allocated.
 */
int dma_resv_get_singleton(struct dma_resv *obj, enum dma_resv_usage usage,
			   struct dma_fence **fence)
{
	struct dma_fence_array *array;
	struct dma_fence **fences;
	unsigned int count;
	int ret = dma_resv_get_fences(obj, usage, &count, &fences);

	*fence = NULL;
	if (ret || !count)
		return ret;
	if (count == 1) {
		*fence = fences[0];
		kfree(fences);
		return 0;
	}

	array = dma_fence_array_create(count, fences, dma_fence_context_alloc(1), 1, false);
	if (!array) {
		dma_resv_put_all(fences, count);
		kfree(fences);
		return -ENOMEM;
	}
	*fence = &array->base;
	return 0;
}
EXPORT_SYMBOL_GPL(dma_resv_get_singleton);

/**
 * dma_resv_copy_fences() - replace all fences of an object by those of another
 * @dst: object whose fences are replaced
 * @src: object whose unsignalled fences are copied; its lock need not be held
 *
 * Reservations of @dst that were not used yet are void afterwards. The list is not charged
 * to a memory cgroup: TTM copies when it destroys a buffer.
 *
 * Context: Reservation lock of @dst held; may sleep.
 * Return: 0 on success, or %-ENOMEM if the list cannot be allocated; then @dst is
 * unchanged.
 */
int dma_resv_copy_fences(struct dma_resv *dst, struct dma_resv *src)
{
	struct dma_resv_list *list = NULL, *old;
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_assert_held(dst);
	dma_resv_iter_begin(&cursor, src, DMA_RESV_USAGE_BOOKKEEP);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		if (dma_resv_iter_is_restarted(&cursor)) {
			dma_resv_list_free(list);
			list = dma_resv_list_alloc(cursor.num_fences, GFP_KERNEL);
			if (!list) {
				dma_resv_iter_end(&cursor);
				return -ENOMEM;
			}
		}
		dma_resv_list_append(list, dma_fence_get(fence),
				     dma_resv_iter_usage(&cursor));
	}
	dma_resv_iter_end(&cursor);

	old = dma_resv_list_held(dst);
	dma_resv_set_list(dst, list);
	dst->reserved = 0;
	dma_resv_list_free(old);
	return 0;
}
EXPORT_SYMBOL(dma_resv_copy_fences);

/**
 * dma_resv_wait_timeout() - wait until all fences are signalled
 * @obj: the reservation object
 * @usage: wait for fences of this usage and of those before it
 * @intr: return early when a signal is pending
 * @timeout: jiffies for all fences together, or %MAX_SCHEDULE_TIMEOUT; with 0 the
 *	function enables signalling and tests without sleeping
 *
 * Waits with dma_fence_wait_timeout() for each fence that is not signalled.
 *
 * Context: May sleep. The reservation lock may be held.
 * Return: The jiffies left of @timeout, at least 1, when all fences are signalled; 0
 * when the time ran out; %-ERESTARTSYS when a signal arrived; or another errno of a
 * driver's &dma_fence_ops.wait.
 */
long dma_resv_wait_timeout(struct dma_resv *obj, enum dma_resv_usage usage, bool intr,
			   unsigned long timeout)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	long remaining = timeout, ret = 1;

	dma_resv_iter_begin(&cursor, obj, usage);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		ret = dma_fence_wait_timeout(fence, intr, remaining);
		if (ret <= 0)
			break;
		/* A wait with timeout 0 returns 1; the next fence gets 0 as well. */
		remaining = min(remaining, ret);
	}
	dma_resv_iter_end(&cursor);
	return ret <= 0 ? ret : max(remaining, 1L);
}
EXPORT_SYMBOL_GPL(dma_resv_wait_timeout);

/**
 * dma_resv_set_deadline() - pass a deadline hint to all unsignalled fences
 * @obj: the reservation object
 * @usage: use fences of this usage and of those before it
 * @deadline: time on CLOCK_MONOTONIC by which the fences should be signalled
 *
 * Context: Any.
 */
void dma_resv_set_deadline(struct dma_resv *obj, enum dma_resv_usage usage,
			   ktime_t deadline)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_iter_begin(&cursor, obj, usage);
	dma_resv_for_each_fence_unlocked(&cursor, fence)
		dma_fence_set_deadline(fence, deadline);
	dma_resv_iter_end(&cursor);
}
EXPORT_SYMBOL_GPL(dma_resv_set_deadline);

/**
 * dma_resv_test_signaled() - test whether all fences are signalled
 * @obj: the reservation object
 * @usage: test fences of this usage and of those before it
 *
 * Tests with dma_fence_is_signaled() and does not enable signalling.
 *
 * Context: Any.
 * Return: true if all fences are signalled, or if there are none.
 */
bool dma_resv_test_signaled(struct dma_resv *obj, enum dma_resv_usage usage)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_iter_begin(&cursor, obj, usage);
	fence = dma_resv_iter_first_unlocked(&cursor);
	dma_fence_put(fence);
	return !fence;
}
EXPORT_SYMBOL_GPL(dma_resv_test_signaled);

/**
 * dma_resv_describe() - print one line per fence into a seq_file
 * @obj: the reservation object
 * @seq: file to print to
 *
 * Prints signalled fences too, and no fences of %DMA_RESV_USAGE_BOOKKEEP.
 *
 * Context: Reservation lock held.
 */
void dma_resv_describe(struct dma_resv *obj, struct seq_file *seq)
{
	static const char * const names[] = {
		[DMA_RESV_USAGE_KERNEL] = "kernel",
		[DMA_RESV_USAGE_WRITE] = "write",
		[DMA_RESV_USAGE_READ] = "read",
	};
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_for_each_fence(&cursor, obj, DMA_RESV_USAGE_READ, fence) {
		seq_printf(seq, "\t%s fence:", names[dma_resv_iter_usage(&cursor)]);
		dma_fence_describe(fence, seq);
	}
}
EXPORT_SYMBOL_GPL(dma_resv_describe);
