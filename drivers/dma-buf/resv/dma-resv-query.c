// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be asked of a reservation object, and done with all its fences. Nothing
 * here needs its lock, unless it says so.
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
	kfree(fences);
}

static unsigned int dma_resv_count(struct dma_resv *obj)
{
	unsigned int generation;
	u32 count;

	guard(rcu)();
	dma_resv_begin(obj, &generation, &count);
	return count;
}

/**
 * dma_resv_get_fences() - take references to all that is not signalled.
 * @obj: the reservation object
 * @usage: fences of this usage and those before it
 * @num_fences: how many there are (out)
 * @fences: the fences, each with a reference, in memory to be freed with kfree(); NULL
 *	if there are none (out)
 *
 * Context: May sleep.
 *
 * Return: 0 or %-ENOMEM.
 */
int dma_resv_get_fences(struct dma_resv *obj, enum dma_resv_usage usage,
			unsigned int *num_fences, struct dma_fence ***fences)
{
	struct dma_fence **array = NULL;
	unsigned int room;

	*num_fences = 0;
	*fences = NULL;
	do {
		kfree(array);
		room = dma_resv_count(obj);
		if (!room)
			return 0;
		array = kmalloc_array(room, sizeof(*array),
				      GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!array)
			return -ENOMEM;
	} while (!dma_resv_collect(obj, usage, array, room, num_fences));

	if (*num_fences)
		*fences = array;
	else
		kfree(array);
	return 0;
}
EXPORT_SYMBOL_GPL(dma_resv_get_fences);

/**
 * dma_resv_get_singleton() - get one fence for all that is not signalled.
 * @obj: the reservation object
 * @usage: fences of this usage and those before it
 * @fence: an array, the only fence, or NULL if there is none; with a reference (out).
 *	Not to be added to a reservation object, which takes no containers
 *
 * Context: May sleep.
 *
 * Return: 0 or %-ENOMEM.
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
		return -ENOMEM;
	}
	*fence = &array->base;
	return 0;
}
EXPORT_SYMBOL_GPL(dma_resv_get_singleton);

/**
 * dma_resv_copy_fences() - replace all fences by those of another object.
 * @dst: whose fences are replaced
 * @src: whose unsignalled fences are copied; its lock need not be held
 *
 * Context: Reservation lock of @dst held; may sleep.
 *
 * Return: 0 or %-ENOMEM, with which nothing has changed.
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
 * dma_resv_wait_timeout() - sleep until all is signalled.
 * @obj: the reservation object
 * @usage: fences of this usage and those before it
 * @intr: let signals interrupt
 * @timeout: jiffies for all together, or %MAX_SCHEDULE_TIMEOUT; 0 asks
 *
 * Context: May sleep; the lock may be held.
 *
 * Return: What is left of @timeout, at least 1, when all is signalled; 0 when the time
 * has run out; %-ERESTARTSYS when a signal came; or another errno of a driver's own
 * wait.
 */
long dma_resv_wait_timeout(struct dma_resv *obj, enum dma_resv_usage usage, bool intr,
			   unsigned long timeout)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	long left = timeout, ret = 1;

	dma_resv_iter_begin(&cursor, obj, usage);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		ret = dma_fence_wait_timeout(fence, intr, left);
		if (ret <= 0)
			break;
		/* What was given as no time stays no time. */
		left = min(left, ret);
	}
	dma_resv_iter_end(&cursor);
	return ret <= 0 ? ret : max(left, 1L);
}
EXPORT_SYMBOL_GPL(dma_resv_wait_timeout);

/**
 * dma_resv_set_deadline() - hint that all of it would better be signalled by then.
 * @obj: the reservation object
 * @usage: fences of this usage and those before it
 * @deadline: time on CLOCK_MONOTONIC
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
 * dma_resv_test_signaled() - is all of it signalled?
 * @obj: the reservation object
 * @usage: fences of this usage and those before it
 *
 * Context: Any.
 *
 * Return: true if so, also when there are no fences.
 */
bool dma_resv_test_signaled(struct dma_resv *obj, enum dma_resv_usage usage)
{
	return !dma_resv_has_pending(obj, usage);
}
EXPORT_SYMBOL_GPL(dma_resv_test_signaled);

/**
 * dma_resv_describe() - print a line about each fence that implicit synchronisation
 * looks at.
 * @obj: the reservation object
 * @seq: where to
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
