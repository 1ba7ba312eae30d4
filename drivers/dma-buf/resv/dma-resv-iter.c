// SPDX-License-Identifier: GPL-2.0-only
/*
 * Iterating over the fences of a reservation object.
 *
 * With the lock held nothing changes, and every fence comes. Without it, only those
 * that are not signalled come, each with a reference.
 *
 * A reader without the lock reads a slot and takes a reference to what is in it, unless
 * the fence has gone. Then it looks at the slot again, and at the list: a fence that has
 * left either may have left it for good, and its memory may be another fence by now. If
 * the slot has changed, what it has now counts. If the list has changed, the iteration
 * begins again. Otherwise what it got is what was there. The reference has to last until
 * after that second look, for a fence that is passed over too: else the slot may have
 * had another fence meanwhile, and now a third one at the address of the first.
 *
 * Between two fences a reader may sleep, and the memory of a list be used for another
 * one of the same object. So it also remembers how many there have been. It may sleep for
 * so long that this number is the same again: then it may miss what came meanwhile, but
 * it goes no further than the list that is there.
 */

#include <linux/export.h>
#include <linux/rcupdate.h>

#include "dma-resv-private.h"

/**
 * DOC: Iterating
 *
 * dma_resv_for_each_fence() under the lock is the simple way. It sees all fences,
 * signalled ones too, and may not sleep on account of the fences it sees: somebody who
 * signals one of them may want the lock.
 *
 * dma_resv_for_each_fence_unlocked() needs no lock, sees what is not signalled, and may
 * begin again from the start. The loop may sleep.
 */

/* Between a reference and the second look at where it came from. */
static __always_inline bool dma_resv_slot_is(struct dma_resv_list *list,
					     unsigned int index, unsigned long slot)
{
	/* Getting a reference orders nothing by itself. */
	smp_rmb();
	return READ_ONCE(list->slots[index]) == slot;
}

/*
 * A slot whose fence is not signalled, with a reference to that; 0 if it is, or if the
 * list is not the object's any more. Under RCU.
 */
static __always_inline unsigned long
dma_resv_slot_get(struct dma_resv *obj, struct dma_resv_list *list,
		  unsigned int generation, unsigned int index, enum dma_resv_usage wanted)
{
	struct dma_fence *fence;
	unsigned long slot;
	bool done, stayed;

	do {
		slot = READ_ONCE(list->slots[index]);
		if (dma_resv_slot_usage(slot) > wanted)
			return 0;
		fence = dma_resv_slot_fence(slot);
		if (!dma_fence_get_rcu(fence))
			continue;
		smp_rmb(); /* the fence that is held is asked, not one that was there before */
		/* In this order: if it is done, it was so while it was in the slot. */
		done = dma_fence_is_signaled(fence);
		stayed = dma_resv_slot_is(list, index, slot);
		if (likely(stayed && !done))
			return slot;
		dma_fence_put(fence);
		if (stayed)
			return 0;
	} while (dma_resv_is_at(obj, generation));
	return 0;
}

static void dma_resv_iter_restart(struct dma_resv_iter *cursor)
{
	cursor->fences = dma_resv_begin(cursor->obj, &cursor->generation,
					&cursor->num_fences);
	cursor->index = 0;
	cursor->is_restarted = true;
}

static __always_inline struct dma_fence *
dma_resv_iter_found(struct dma_resv_iter *cursor, unsigned int index, unsigned long slot)
{
	cursor->index = index;
	cursor->fence_usage = dma_resv_slot_usage(slot);
	cursor->fence = dma_resv_slot_fence(slot);
	return cursor->fence;
}

/* From the present index on; from the beginning, for as often as the list changes. */
static noinline struct dma_fence *dma_resv_iter_go_on(struct dma_resv_iter *cursor)
{
	struct dma_resv *obj = cursor->obj;
	unsigned int index;
	unsigned long slot;

	for (;;) {
		slot = 0;
		for (index = cursor->index; !slot && index < cursor->num_fences; index++)
			slot = dma_resv_slot_get(obj, cursor->fences, cursor->generation,
						 index, cursor->usage);
		if (likely(dma_resv_is_at(obj, cursor->generation)))
			return dma_resv_iter_found(cursor, index, slot);
		dma_fence_put(dma_resv_slot_fence(slot));
		dma_resv_iter_restart(cursor);
	}
}

/* Is it still the list that the iteration is in? Under RCU. */
static __always_inline bool dma_resv_iter_is_there(struct dma_resv_iter *cursor)
{
	struct dma_resv_list *list = rcu_dereference(cursor->obj->fences);

	/* The second would do; a test may spoil the first to have a restart. */
	if (list != cursor->fences || !dma_resv_is_at(cursor->obj, cursor->generation))
		return false;
	/* No list gets shorter, but another one in its memory can be. */
	return !list || smp_load_acquire(&list->num_fences) >= cursor->num_fences;
}

/*
 * How it goes most often: the next slot is wanted, its fence is pending and no driver has
 * to be asked. The fence, or NULL with nothing done if anything is otherwise.
 */
static __always_inline struct dma_fence *dma_resv_iter_step(struct dma_resv_iter *cursor)
{
	const struct dma_fence_ops *ops;
	struct dma_fence *fence;
	unsigned long slot;

	if (cursor->index >= cursor->num_fences)
		return NULL;
	slot = READ_ONCE(cursor->fences->slots[cursor->index]);
	if (dma_resv_slot_usage(slot) > cursor->usage)
		return NULL;
	fence = dma_resv_slot_fence(slot);
	if (dma_fence_test_signaled_flag(fence))
		return NULL;
	/* Without a reference it may be memory that is not initialised yet. */
	ops = READ_ONCE(fence->ops);
	if (!ops || ops->signaled || !kref_get_unless_zero(&fence->refcount))
		return NULL;
	/* Not to be kept in registers: there are few, and this is called a lot. */
	OPTIMIZER_HIDE_VAR(slot);
	if (likely(dma_resv_slot_is(cursor->fences, cursor->index, slot) &&
		   dma_resv_is_at(cursor->obj, cursor->generation)))
		return dma_resv_iter_found(cursor, cursor->index + 1, slot);
	dma_fence_put(dma_resv_slot_fence(slot));
	return NULL;
}

/**
 * dma_resv_iter_first_unlocked() - for dma_resv_for_each_fence_unlocked().
 * @cursor: from dma_resv_iter_begin()
 *
 * Context: Any.
 *
 * Return: The first fence, with a reference that is the iteration's, or NULL.
 */
struct dma_fence *dma_resv_iter_first_unlocked(struct dma_resv_iter *cursor)
{
	dma_fence_put(cursor->fence);
	guard(rcu)();
	dma_resv_iter_restart(cursor);
	return dma_resv_iter_go_on(cursor);
}
EXPORT_SYMBOL(dma_resv_iter_first_unlocked);

/**
 * dma_resv_iter_next_unlocked() - for dma_resv_for_each_fence_unlocked().
 * @cursor: where the iteration is
 *
 * Context: Any.
 *
 * Return: The next fence, or the first again, with a reference that is the iteration's;
 * or NULL.
 */
struct dma_fence *dma_resv_iter_next_unlocked(struct dma_resv_iter *cursor)
{
	dma_fence_put(cursor->fence);
	guard(rcu)();
	cursor->is_restarted = false;
	if (unlikely(!dma_resv_iter_is_there(cursor)))
		dma_resv_iter_restart(cursor);
	return dma_resv_iter_step(cursor) ?: dma_resv_iter_go_on(cursor);
}
EXPORT_SYMBOL(dma_resv_iter_next_unlocked);

/*
 * All of a list at once, unless it is replaced meanwhile or has more than there is room
 * for. False then, and nothing is held.
 */
bool dma_resv_collect(struct dma_resv *obj, enum dma_resv_usage usage,
		      struct dma_fence **fences, unsigned int room, unsigned int *found)
{
	struct dma_resv_list *list;
	unsigned int generation;
	unsigned long slot;
	u32 count, i;

	guard(rcu)();
	*found = 0;
	list = dma_resv_begin(obj, &generation, &count);
	if (count > room)
		return false;
	for (i = 0; i < count; i++) {
		slot = dma_resv_slot_get(obj, list, generation, i, usage);
		if (slot)
			fences[(*found)++] = dma_resv_slot_fence(slot);
	}
	if (dma_resv_is_at(obj, generation))
		return true;
	while (*found)
		dma_fence_put(fences[--*found]);
	return false;
}

/* One that is not signalled is enough to know. */
bool dma_resv_has_pending(struct dma_resv *obj, enum dma_resv_usage usage)
{
	struct dma_resv_list *list;
	unsigned int generation;
	unsigned long slot;
	u32 count, i;

	guard(rcu)();
	do {
		list = dma_resv_begin(obj, &generation, &count);
		slot = 0;
		for (i = 0; !slot && i < count; i++)
			slot = dma_resv_slot_get(obj, list, generation, i, usage);
		dma_fence_put(dma_resv_slot_fence(slot));
	} while (unlikely(!dma_resv_is_at(obj, generation)));
	return slot;
}

/**
 * dma_resv_iter_first() - for dma_resv_for_each_fence().
 * @cursor: from dma_resv_iter_begin()
 *
 * Context: Reservation lock held.
 *
 * Return: The first fence, without a reference, or NULL.
 */
struct dma_fence *dma_resv_iter_first(struct dma_resv_iter *cursor)
{
	struct dma_fence *fence;

	dma_resv_assert_held(cursor->obj);
	cursor->fences = dma_resv_list_held(cursor->obj);
	cursor->num_fences = cursor->fences ? cursor->fences->num_fences : 0;
	cursor->index = 0;
	fence = dma_resv_iter_next(cursor);
	cursor->is_restarted = true;
	return fence;
}
EXPORT_SYMBOL_GPL(dma_resv_iter_first);

/**
 * dma_resv_iter_next() - for dma_resv_for_each_fence().
 * @cursor: where the iteration is
 *
 * Context: Reservation lock held.
 *
 * Return: The next fence, without a reference, or NULL.
 */
struct dma_fence *dma_resv_iter_next(struct dma_resv_iter *cursor)
{
	unsigned long slot;

	dma_resv_assert_held(cursor->obj);
	cursor->is_restarted = false;
	while (cursor->index < cursor->num_fences) {
		slot = cursor->fences->slots[cursor->index++];
		cursor->fence_usage = dma_resv_slot_usage(slot);
		if (cursor->fence_usage <= cursor->usage)
			return dma_resv_slot_fence(slot);
	}
	return NULL;
}
EXPORT_SYMBOL_GPL(dma_resv_iter_next);
