// SPDX-License-Identifier: GPL-2.0-only
/*
 * Iterating over the fences in arrays and chains, and merging fences.
 *
 * A link of a chain holds an array or a fence, and an array holds fences, so two nested
 * loops visit all fences without recursion. An iteration holds a reference to one link; the
 * link keeps its array, and the array its members.
 */

#include <linux/dma-fence-array.h>
#include <linux/dma-fence-chain.h>
#include <linux/dma-fence-unwrap.h>
#include <linux/export.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "dma-fence-private.h"

/**
 * DOC: Looking inside
 *
 * Hardware can often wait for fences of its own driver. dma_fence_unwrap_for_each() visits
 * the fences in a container, so that the driver finds its own (by &dma_fence.ops) and waits
 * for the others with the CPU.
 *
 * dma_fence_unwrap_merge() makes one fence of several. It leaves out fences that have
 * signalled, and of each timeline all but the newest fence.
 */

/**
 * dma_fence_match_context() - test whether all of a fence belongs to one timeline.
 * @fence: fence that the caller has a reference to; may be an array
 * @context: context of the timeline
 *
 * Lets a driver skip the wait for jobs that it has submitted itself.
 *
 * Context: Any.
 * Return: true if @fence, or each member if it is an array, has @context.
 */
bool dma_fence_match_context(struct dma_fence *fence, u64 context)
{
	struct dma_fence *member;
	unsigned int i;

	dma_fence_array_for_each(member, i, fence)
		if (member->context != context)
			return false;
	return true;
}
EXPORT_SYMBOL(dma_fence_match_context);

/* Go from a link to its first fence. Skips links whose array has no members. */
static struct dma_fence *dma_fence_unwrap_enter(struct dma_fence_unwrap *cursor)
{
	struct dma_fence *fence = NULL;

	while (cursor->chain && !fence) {
		cursor->index = 0;
		cursor->array = dma_fence_chain_contained(cursor->chain);
		fence = dma_fence_array_first(cursor->array);
		if (!fence)
			cursor->chain = dma_fence_chain_walk(cursor->chain);
	}
	return fence;
}

/**
 * dma_fence_unwrap_first() - return the first fence, for dma_fence_unwrap_for_each().
 * @head: any fence, or NULL
 * @cursor: state of the iteration (out)
 *
 * Context: As dma_fence_chain_walk().
 * Return: The first fence, without a reference, or NULL.
 */
struct dma_fence *dma_fence_unwrap_first(struct dma_fence *head,
					 struct dma_fence_unwrap *cursor)
{
	cursor->chain = dma_fence_get(head);
	return dma_fence_unwrap_enter(cursor);
}
EXPORT_SYMBOL_GPL(dma_fence_unwrap_first);

/**
 * dma_fence_unwrap_next() - return the next fence, for dma_fence_unwrap_for_each().
 * @cursor: state of the iteration
 *
 * Context: As dma_fence_chain_walk().
 * Return: The next fence, without a reference, or NULL.
 */
struct dma_fence *dma_fence_unwrap_next(struct dma_fence_unwrap *cursor)
{
	struct dma_fence *fence = dma_fence_array_next(cursor->array, ++cursor->index);

	if (fence)
		return fence;
	cursor->chain = dma_fence_chain_walk(cursor->chain);
	return dma_fence_unwrap_enter(cursor);
}
EXPORT_SYMBOL_GPL(dma_fence_unwrap_next);

/**
 * struct dma_fence_merge - a merge in progress
 * @fences: fences that have not signalled, with references
 * @count: number of @fences
 * @sorted: @fences are in the order of their contexts and all contexts differ
 * @latest: latest timestamp of the fences that have signalled
 */
struct dma_fence_merge {
	struct dma_fence **fences;
	unsigned int count;
	bool sorted;
	ktime_t latest;
};

/* Sort by context, and within a context the newest first. */
static int dma_fence_merge_compare(const void *a, const void *b)
{
	struct dma_fence *const *one = a, *const *other = b;

	if ((*one)->context != (*other)->context)
		return (*one)->context < (*other)->context ? -1 : 1;
	if (dma_fence_is_later(*one, *other))
		return -1;
	return dma_fence_is_later(*other, *one);
}

static void dma_fence_merge_add(struct dma_fence_merge *merge, struct dma_fence *fence)
{
	struct dma_fence **place = merge->fences + merge->count;

	if (dma_fence_is_signaled(fence)) {
		merge->latest = max(merge->latest, dma_fence_timestamp(fence));
		return;
	}
	*place = dma_fence_get(fence);
	if (merge->count && place[-1]->context >= fence->context)
		merge->sorted = false;
	merge->count++;
}

/* The fast path is a fence that is no container. */
static void dma_fence_merge_add_head(struct dma_fence_merge *merge, struct dma_fence *head,
				     struct dma_fence_unwrap *cursor)
{
	struct dma_fence *fence;

	if (head && !dma_fence_is_container(head)) {
		dma_fence_merge_add(merge, head);
		return;
	}
	dma_fence_unwrap_for_each(fence, cursor, head)
		dma_fence_merge_add(merge, fence);
}

/* The largest array that kmalloc() can return. */
#define DMA_FENCE_MERGE_MAX	(KMALLOC_MAX_SIZE / sizeof(struct dma_fence *))

/*
 * Upper bound of the fences to merge. Stops one above the limit, so that the allocation
 * fails. The second pass finds no more: containers do not grow, and signalled fences stay
 * signalled.
 */
static unsigned int dma_fence_merge_count(unsigned int num, struct dma_fence **heads,
					  struct dma_fence_unwrap *cursors)
{
	struct dma_fence *fence;
	unsigned int i, room = 0;

	for (i = 0; i < num; i++) {
		if (heads[i] && !dma_fence_is_container(heads[i])) {
			room++;
			continue;
		}
		dma_fence_unwrap_for_each(fence, &cursors[i], heads[i]) {
			room += !dma_fence_test_signaled_flag(fence);
			if (room > DMA_FENCE_MERGE_MAX) {
				dma_fence_put(cursors[i].chain);
				return room;
			}
		}
	}
	return room;
}

/* Keep the newest fence of each context. */
static void dma_fence_merge_dedup(struct dma_fence_merge *merge)
{
	struct dma_fence **fences = merge->fences;
	unsigned int i, kept = 0;

	if (merge->sorted)
		return;
	sort(fences, merge->count, sizeof(*fences), dma_fence_merge_compare, NULL);
	for (i = 0; i < merge->count; i++) {
		if (kept && fences[kept - 1]->context == fences[i]->context)
			dma_fence_put(fences[i]);
		else
			fences[kept++] = fences[i];
	}
	merge->count = kept;
}

/* Passes the references on to the array, or drops them. */
static struct dma_fence *dma_fence_merge_array(struct dma_fence_merge *merge)
{
	struct dma_fence_array *array;

	array = dma_fence_array_create(merge->count, merge->fences,
				       dma_fence_context_alloc(1), 1, false);
	if (array)
		return &array->base;
	while (merge->count--)
		dma_fence_put(merge->fences[merge->count]);
	kfree(merge->fences);
	return NULL;
}

/**
 * __dma_fence_unwrap_merge() - merge an array of fences, see dma_fence_unwrap_merge().
 * @num_fences: number of fences
 * @fences: fences, which stay the caller's; NULL is skipped
 * @cursors: memory for @num_fences iterations
 *
 * Context: May sleep.
 * Return: As dma_fence_unwrap_merge().
 */
struct dma_fence *__dma_fence_unwrap_merge(unsigned int num_fences,
					   struct dma_fence **fences,
					   struct dma_fence_unwrap *cursors)
{
	struct dma_fence_merge merge = { .sorted = true };
	unsigned int i, room = dma_fence_merge_count(num_fences, fences, cursors);
	struct dma_fence *only;

	if (room) {
		merge.fences = kmalloc_array(room, sizeof(*merge.fences),
					     GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!merge.fences)
			return NULL;
	}
	for (i = 0; i < num_fences; i++)
		dma_fence_merge_add_head(&merge, fences[i], &cursors[i]);
	dma_fence_merge_dedup(&merge);
	if (merge.count > 1)
		return dma_fence_merge_array(&merge);

	only = merge.count ? merge.fences[0] :
	       dma_fence_allocate_private_stub(merge.latest);
	kfree(merge.fences);
	return only;
}
EXPORT_SYMBOL_GPL(__dma_fence_unwrap_merge);
