// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looking through chains and arrays, and merging what is inside.
 *
 * Containers are nested in one way only: a chain has links, a link has an array or a
 * fence, an array has fences. So two loops see everything, without recursion.
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
 * A driver whose hardware waits for other fences of its own makes no use of a
 * container as such. dma_fence_unwrap_for_each() gives it what is inside: it can tell
 * which are its own (&dma_fence.ops), and which to wait for with the CPU.
 *
 * dma_fence_unwrap_merge() goes the other way: from any fences to one that stands for
 * all of them, and has no more in it than it needs.
 */

/* From a link into what is in it; an array without members is passed over. */
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
 * dma_fence_unwrap_first() - for dma_fence_unwrap_for_each().
 * @head: any fence, or NULL
 * @cursor: where the loop is (out)
 *
 * Context: As dma_fence_chain_walk().
 *
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
 * dma_fence_unwrap_next() - for dma_fence_unwrap_for_each().
 * @cursor: where the loop is
 *
 * Context: As dma_fence_chain_walk().
 *
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
 * struct dma_fence_merge - what a merge has found
 * @fences: unsignalled ones, with references
 * @count: how many
 * @sorted: they came in the order of their contexts, and each of another one
 * @latest: when the last of the signalled ones was
 */
struct dma_fence_merge {
	struct dma_fence **fences;
	unsigned int count;
	bool sorted;
	ktime_t latest;
};

/* By timeline, and within one the newest first. */
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

/* Most often there is nothing to unwrap. */
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

/* As many as memory can be had for. */
#define DMA_FENCE_MERGE_MAX	(KMALLOC_MAX_SIZE / sizeof(struct dma_fence *))

/*
 * So many at most: what is in a container never gets more, and what is signalled stays so.
 * Gives up when it is too many.
 */
static unsigned int dma_fence_merge_room(unsigned int num, struct dma_fence **heads,
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

/* Of each timeline, keep the first. Each may be of another one already. */
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

/* The array takes over the references, or else they are dropped. */
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
 * __dma_fence_unwrap_merge() - for dma_fence_unwrap_merge(), and where the number of
 * fences is not known when the code is compiled.
 * @num_fences: how many fences
 * @fences: the fences, which stay the caller's; NULL among them is passed over
 * @cursors: memory for as many
 *
 * Context: May sleep.
 *
 * Return: As dma_fence_unwrap_merge().
 */
struct dma_fence *__dma_fence_unwrap_merge(unsigned int num_fences,
					   struct dma_fence **fences,
					   struct dma_fence_unwrap *cursors)
{
	struct dma_fence_merge merge = { .sorted = true };
	unsigned int i, room = dma_fence_merge_room(num_fences, fences, cursors);
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
