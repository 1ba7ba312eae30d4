// SPDX-License-Identifier: GPL-2.0-only
/*
 * Iterating over the fences of a reservation object, with and without its lock.
 *
 * With the reservation lock held nothing changes, and the iteration returns every
 * fence, signalled ones too, without a reference.
 *
 * Without the lock it returns only fences that are not signalled, each with a
 * reference that the cursor holds. Each step is one RCU read section, and the caller
 * may sleep between two steps.
 *
 * What a reader may see: a slot changes from one fence to another at any time, a list
 * grows, and the object gets another list. RCU keeps the memory of a list until the
 * read section ends, but its slots may still point to fences that were released when
 * the list was replaced. A fence may even be released and its memory reused for
 * another fence within the read section (SLAB_TYPESAFE_BY_RCU, as in i915). So the
 * reader takes a reference first, tests whether the fence is signalled second, and then
 * checks that the slot still holds the fence and that the object still has the list. If
 * both hold, the fence was in the object while it was tested. If the slot has changed,
 * the reader reads it again; if the list has changed, the iteration restarts.
 *
 * Within one read section the address identifies a list. Across a sleep it does not:
 * the memory may have become another list of the same object. That is what
 * &dma_resv.generation is for; a new list always has a new generation.
 */

#include <linux/export.h>
#include <linux/rcupdate.h>

#include "dma-resv-private.h"

/**
 * DOC: Iterating
 *
 * Use dma_resv_for_each_fence() if you hold the reservation lock. It returns all
 * fences, signalled ones too. The loop may wait for them: no signaller takes a reservation
 * lock. It may call dma_resv_replace_fences(), but neither dma_resv_reserve_fences() nor
 * dma_resv_copy_fences(), which replace the list.
 *
 * Use dma_resv_for_each_fence_unlocked() if you do not hold the lock. It returns the
 * fences that are not signalled. The loop may sleep. The iteration may restart from the
 * first fence; a caller that collects something checks dma_resv_iter_is_restarted().
 */

/* Set the cursor to the first fence of the object's present list. Under RCU. */
static void dma_resv_iter_restart(struct dma_resv_iter *cursor)
{
	struct dma_resv_list *list = rcu_dereference(cursor->obj->fences);

	cursor->fences = list;
	/* Not ordered after the list: a stale generation costs a restart at the next step. */
	cursor->generation = READ_ONCE(cursor->obj->generation);
	cursor->num_fences = list ? list->max_fences : 0;
	cursor->index = 0;
	cursor->is_restarted = true;
}

/* Whether the object still has the list of the previous step. Under RCU. */
static bool dma_resv_iter_is_valid(struct dma_resv_iter *cursor)
{
	struct dma_resv *obj = cursor->obj;

	/* The in-kernel self-tests force a restart by changing cursor->fences. */
	if (rcu_access_pointer(obj->fences) != cursor->fences)
		return false;
	smp_rmb(); /* pairs with dma_resv_set_list(): new list, new generation */
	return READ_ONCE(obj->generation) == cursor->generation;
}

/*
 * Whether the object still has the list, and the list the slot. Called after taking the
 * reference and polling the fence, whose flag is read with acquire semantics. Under RCU.
 */
static __always_inline bool dma_resv_slot_is_valid(struct dma_resv *obj,
						   struct dma_resv_list *list,
						   unsigned int index, unsigned long slot)
{
	return likely(READ_ONCE(list->slots[index]) == slot &&
		      rcu_access_pointer(obj->fences) == list);
}

/*
 * Return the next fence of the usage that is not signalled, with a reference. Under RCU,
 * and the object had the cursor's list in this read section.
 */
static __always_inline struct dma_fence *dma_resv_iter_walk(struct dma_resv_iter *cursor)
{
	struct dma_resv *obj = cursor->obj;
	struct dma_resv_list *list;
	struct dma_fence *fence;
	unsigned long slot;
	unsigned int index;

	while ((list = cursor->fences) &&
	       /* Pairs with dma_resv_list_append(): counted slots are filled. */
	       (index = cursor->index) < smp_load_acquire(&list->num_fences)) {
		cursor->index = index + 1;
		slot = READ_ONCE(list->slots[index]);
		cursor->fence_usage = dma_resv_slot_usage(slot);
		if (cursor->fence_usage > cursor->usage)
			continue;
		fence = dma_resv_slot_fence(slot);
		if (likely(kref_get_unless_zero(&fence->refcount))) {
			smp_rmb(); /* taking a reference does not order the reads below */
			if (!dma_fence_is_signaled(fence)) {
				if (dma_resv_slot_is_valid(obj, list, index, slot))
					return fence;
			} else if (dma_resv_slot_is_valid(obj, list, index, slot)) {
				dma_fence_put(fence);
				continue;
			}
			dma_fence_put(fence);
		}
		/*
		 * Read the slot again, or begin again with another list: one of the two has
		 * changed, because the list of the object holds a reference per slot.
		 */
		if (rcu_access_pointer(obj->fences) == list)
			cursor->index = index;
		else
			dma_resv_iter_restart(cursor);
	}
	return NULL;
}

/**
 * dma_resv_iter_first_unlocked() - start an iteration without the lock
 * @cursor: cursor set up by dma_resv_iter_begin()
 *
 * Use dma_resv_for_each_fence_unlocked().
 *
 * Context: Any.
 * Return: The first fence, with a reference that the cursor holds, or NULL.
 */
struct dma_fence *dma_resv_iter_first_unlocked(struct dma_resv_iter *cursor)
{
	dma_fence_put(cursor->fence);
	guard(rcu)();
	dma_resv_iter_restart(cursor);
	cursor->fence = dma_resv_iter_walk(cursor);
	return cursor->fence;
}
EXPORT_SYMBOL(dma_resv_iter_first_unlocked);

/**
 * dma_resv_iter_next_unlocked() - continue an iteration without the lock
 * @cursor: cursor of the iteration
 *
 * Use dma_resv_for_each_fence_unlocked(). Drops the reference to the previous fence.
 *
 * Context: Any.
 * Return: The next fence, or the first one after a restart, with a reference that the
 * cursor holds, or NULL.
 */
struct dma_fence *dma_resv_iter_next_unlocked(struct dma_resv_iter *cursor)
{
	dma_fence_put(cursor->fence);
	guard(rcu)();
	cursor->is_restarted = false;
	if (unlikely(!dma_resv_iter_is_valid(cursor)))
		dma_resv_iter_restart(cursor);
	cursor->fence = dma_resv_iter_walk(cursor);
	return cursor->fence;
}
EXPORT_SYMBOL(dma_resv_iter_next_unlocked);

/**
 * dma_resv_iter_first() - start an iteration under the lock
 * @cursor: cursor set up by dma_resv_iter_begin()
 *
 * Use dma_resv_for_each_fence().
 *
 * Context: Reservation lock held.
 * Return: The first fence, without a reference, or NULL.
 */
struct dma_fence *dma_resv_iter_first(struct dma_resv_iter *cursor)
{
	struct dma_fence *fence;

	dma_resv_assert_held(cursor->obj);
	cursor->fences = dma_resv_list_held(cursor->obj);
	cursor->index = 0;
	fence = dma_resv_iter_next(cursor);
	cursor->is_restarted = true;
	return fence;
}
EXPORT_SYMBOL_GPL(dma_resv_iter_first);

/**
 * dma_resv_iter_next() - continue an iteration under the lock
 * @cursor: cursor of the iteration
 *
 * Use dma_resv_for_each_fence().
 *
 * Context: Reservation lock held.
 * Return: The next fence, without a reference, or NULL.
 */
struct dma_fence *dma_resv_iter_next(struct dma_resv_iter *cursor)
{
	struct dma_resv_list *list = cursor->fences;
	unsigned long slot;

	dma_resv_assert_held(cursor->obj);
	cursor->is_restarted = false;
	/* As in 6.12, a fence that the loop itself adds to the list is returned too. */
	while (list && cursor->index < list->num_fences) {
		slot = list->slots[cursor->index++];
		cursor->fence_usage = dma_resv_slot_usage(slot);
		if (cursor->fence_usage <= cursor->usage)
			return dma_resv_slot_fence(slot);
	}
	return NULL;
}
EXPORT_SYMBOL_GPL(dma_resv_iter_next);
