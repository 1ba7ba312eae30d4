// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a reservation object, and how fences are added to it.
 *
 * Adding a fence takes two steps: dma_resv_reserve_fences() allocates and may fail,
 * dma_resv_add_fence() cannot fail.
 *
 * Guarded by the reservation lock: &dma_resv.fences, &dma_resv.reserved,
 * &dma_resv.generation and everything in the list. Readers without the lock are described
 * in dma-resv-iter.c; they see &dma_resv.fences, &dma_resv.generation,
 * &dma_resv_list.num_fences and the slots.
 *
 * The object owns one list, and the list holds a reference to the fence in each slot. A
 * slot that is in use stays in use: dma_resv_add_fence() replaces the fence in it by
 * another one, and drops the reference to the old one after the slot has changed. Thus a
 * reader sees either fence and misses none. A reservation may replace the list by a longer
 * one, without the signalled fences; dma_resv_copy_fences() replaces it with all of its
 * fences. References are dropped after the object has the new list. The memory of the old
 * list is freed after an RCU grace period, in which its slots may point to released fences.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/build_bug.h>
#include <linux/dma-fence-array.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "dma-resv-private.h"

/**
 * DOC: Overview
 *
 * A reservation object (&struct dma_resv) belongs to memory that several devices use: a
 * shared buffer, or a buffer of a driver's memory manager. Its lock serialises changes
 * to that memory, and its fences tell which work still uses the memory.
 *
 * Each fence has a usage (&enum dma_resv_usage), which tells who has to wait for it. This
 * is *implicit* synchronisation: userspace submits work, and the kernel finds in the
 * reservation objects of its buffers what the work has to wait for.
 */

/**
 * DOC: Adding fences
 *
 * Reserve a slot while you can still fail, and add the fence when you no longer can::
 *
 *	dma_resv_lock(obj, ctx);
 *	ret = dma_resv_reserve_fences(obj, 1);		may fail
 *	...
 *	hand the job to the hardware			no way back
 *	dma_resv_add_fence(obj, fence, usage);		cannot fail
 *	dma_resv_unlock(obj);
 *
 * A reservation is void after dma_resv_unlock(). Reserve again in each lock section, even
 * if the fence will probably replace one of the same context: with CONFIG_DEBUG_MUTEXES
 * the kernel warns about a fence that takes a new slot in a lock section without a
 * reservation.
 *
 * A fence takes the first slot whose fence has signalled, or is an earlier fence of the
 * same context with the same usage or a weaker one (higher in &enum dma_resv_usage). It
 * takes a new slot only if there is none.
 */

#define DMA_RESV_MIN_FENCES	4U
/* For nested moves, whose fences also count down the reservation that they are nested in. */
#define DMA_RESV_NESTED_SPARE	2U

DEFINE_WD_CLASS(reservation_ww_class);
EXPORT_SYMBOL(reservation_ww_class);

static_assert(DMA_RESV_USAGE_BOOKKEEP <= DMA_RESV_USAGE_MASK);
static_assert(__alignof__(struct dma_fence) > DMA_RESV_USAGE_MASK);

/* Allocate a list of at least @count slots: all that the allocator's size class holds. */
struct dma_resv_list *dma_resv_list_alloc(unsigned int count, gfp_t gfp)
{
	struct dma_resv_list *list;
	size_t size;

	KUNIT_STATIC_STUB_REDIRECT(dma_resv_list_alloc, count, gfp);

	size = kmalloc_size_roundup(struct_size(list, slots, count));
	gfp |= __GFP_NOWARN;
	/* kvmalloc() takes longer, also for small sizes. */
	list = size <= KMALLOC_MAX_CACHE_SIZE ? kmalloc(size, gfp) : kvmalloc(size, gfp);
	if (!list)
		return NULL;
	list->num_fences = 0;
	list->max_fences = (size - sizeof(*list)) / sizeof(list->slots[0]);
	return list;
}
EXPORT_SYMBOL_IF_KUNIT(dma_resv_list_alloc);

/* Publish another list, or none. The caller frees the old one after that. */
void dma_resv_set_list(struct dma_resv *obj, struct dma_resv_list *list)
{
	/* Before the list; pairs with the smp_rmb() in dma_resv_iter_is_valid(). */
	WRITE_ONCE(obj->generation, obj->generation + 1);
	rcu_assign_pointer(obj->fences, list);
}

/* Free a list that is no longer published, or never was, with its references. */
void dma_resv_list_free(struct dma_resv_list *list)
{
	unsigned int i;

	if (!list)
		return;
	for (i = 0; i < list->num_fences; i++)
		dma_fence_put(dma_resv_slot_fence(list->slots[i]));
	kvfree_rcu(list, rcu);
}

/**
 * dma_resv_init() - initialise a reservation object
 * @obj: the reservation object
 *
 * Context: Any.
 */
void dma_resv_init(struct dma_resv *obj)
{
	ww_mutex_init(&obj->lock, &reservation_ww_class);
	RCU_INIT_POINTER(obj->fences, NULL);
	obj->reserved = 0;
	obj->generation = 0;
}
EXPORT_SYMBOL(dma_resv_init);

/**
 * dma_resv_fini() - release the fences of a reservation object and destroy its lock
 * @obj: reservation object that nobody will lock or change any more
 *
 * The memory of @obj may be freed afterwards; after an RCU grace period if there may
 * still be readers without the lock. A reader that sleeps in its loop must itself see to it
 * that @obj stays.
 *
 * Context: Any. The lock is not held.
 */
void dma_resv_fini(struct dma_resv *obj)
{
	struct dma_resv_list *list = rcu_dereference_protected(obj->fences, true);

	dma_resv_set_list(obj, NULL);
	dma_resv_list_free(list);
	ww_mutex_destroy(&obj->lock);
}
EXPORT_SYMBOL(dma_resv_fini);

/* Copy pending fences to @to and publish it. Drops the references to signalled ones. */
static void dma_resv_switch(struct dma_resv *obj, struct dma_resv_list *to)
{
	struct dma_resv_list *from = dma_resv_list_held(obj);
	unsigned int i, copied = 0;

	dma_resv_assert_held(obj);
	for (i = 0; from && i < from->num_fences; i++) {
		struct dma_fence *fence = dma_resv_slot_fence(from->slots[i]);

		if (!dma_fence_is_signaled(fence))
			dma_resv_list_append(to, fence,
					     dma_resv_slot_usage(from->slots[i]));
	}
	dma_resv_set_list(obj, to);
	if (!from)
		return;

	/* The lists have the same order. What @to lacks had signalled; no reader needs it now. */
	for (i = 0; to->num_fences < from->num_fences && i < from->num_fences; i++) {
		if (copied < to->num_fences && to->slots[copied] == from->slots[i])
			copied++;
		else
			dma_fence_put(dma_resv_slot_fence(from->slots[i]));
	}
	kvfree_rcu(from, rcu);
}

/* Replace the list by one with @num_fences unused slots, and at least twice as long. */
static int dma_resv_grow(struct dma_resv *obj, unsigned int num_fences, gfp_t gfp)
{
	struct dma_resv_list *list = dma_resv_list_held(obj);
	unsigned int count = max(num_fences, DMA_RESV_MIN_FENCES), doubled;

	if (list) {
		if (check_add_overflow(list->num_fences, num_fences, &count) ||
		    check_mul_overflow(list->max_fences, 2, &doubled))
			return -ENOMEM;
		count = max(count, doubled);
	}
	list = dma_resv_list_alloc(count, gfp);
	if (!list)
		return -ENOMEM;
	dma_resv_switch(obj, list);
	return 0;
}

/* Record a reservation: raise @reserved to cover it, never lower it. */
static void dma_resv_set_reserved(struct dma_resv *obj, unsigned int num_fences)
{
	dma_resv_assert_held(obj);
	if (obj->reserved <= num_fences)
		obj->reserved = num_fences + 1;
}

static noinline int dma_resv_grow_and_reserve(struct dma_resv *obj,
					      unsigned int num_fences, unsigned int needed)
{
	int ret = dma_resv_grow(obj, needed, GFP_KERNEL_ACCOUNT);

	if (!ret)
		dma_resv_set_reserved(obj, num_fences);
	return ret;
}

/**
 * dma_resv_reserve_fences() - make sure that fences can be added
 * @obj: the reservation object
 * @num_fences: number of fences
 *
 * The reservation lasts until the lock is dropped. Reservations may nest: a driver
 * reserves for a job, and then TTM, which it calls, reserves and adds a fence for a move.
 * So a reservation comes on top of the largest earlier one that has not been used yet. It
 * does not come on top of all earlier ones, because drivers also repeat reservations
 * without adding fences.
 *
 * Context: Reservation lock held; may sleep.
 * Return: 0 on success, or a negative errno:
 *
 *   * %-ENOMEM - the list cannot be allocated. It is charged to the memory cgroup of the
 *     caller
 *   * %-EINVAL - @num_fences is 0 (a driver's mistake, warned about)
 */
int dma_resv_reserve_fences(struct dma_resv *obj, unsigned int num_fences)
{
	struct dma_resv_list *list = dma_resv_list_held(obj);
	unsigned int needed = num_fences;

	dma_resv_assert_held(obj);
	if (WARN_ON(!num_fences))
		return -EINVAL;
	if (obj->reserved > 1 &&
	    check_add_overflow(needed, obj->reserved - 1 + DMA_RESV_NESTED_SPARE, &needed))
		return -ENOMEM;

	if (unlikely(!list || list->max_fences - list->num_fences < needed))
		return dma_resv_grow_and_reserve(obj, num_fences, needed);
	dma_resv_set_reserved(obj, num_fences);
	return 0;
}
EXPORT_SYMBOL(dma_resv_reserve_fences);

/*
 * Whether a fence may take the place of the one in a slot: because that is signalled, or
 * because everybody who waits for the old one's usage will wait for the new fence, and
 * thereby for the old one.
 */
static __always_inline bool dma_resv_slot_is_replaceable(unsigned long slot,
							 struct dma_fence *fence,
							 enum dma_resv_usage usage)
{
	struct dma_fence *old = dma_resv_slot_fence(slot);

	if (old->context == fence->context && dma_resv_slot_usage(slot) >= usage &&
	    dma_fence_is_later_or_same(fence, old))
		return true;
	return dma_fence_is_signaled(old);
}

/* Report a driver that adds a fence without a reservation; a test may redirect it. */
void dma_resv_report_unreserved(void)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_resv_report_unreserved);

	WARN_ONCE(1, "dma_resv: fence added without a reservation\n");
}
EXPORT_SYMBOL_IF_KUNIT(dma_resv_report_unreserved);

/*
 * Report a missing reservation and make up for it, because the caller cannot fail any
 * more. Returns the list, which has an unused slot then.
 */
static noinline struct dma_resv_list *dma_resv_make_room(struct dma_resv *obj)
{
	struct dma_resv_list *list = dma_resv_list_held(obj);

	dma_resv_report_unreserved();
	if (list && list->num_fences < list->max_fences)
		return list;
	if (WARN_ON_ONCE(dma_resv_grow(obj, 1, GFP_KERNEL | __GFP_NOFAIL)))
		return NULL;
	return dma_resv_list_held(obj);
}

/**
 * dma_resv_add_fence() - add a fence to a reservation object
 * @obj: reservation object with a reservation for the fence
 * @fence: the fence; not a container
 * @usage: what the work behind the fence does with the memory
 *
 * The object always takes a reference of its own, even if it has a later fence of the same
 * timeline: callers drop theirs and go on using @fence.
 *
 * Context: Reservation lock held; does not sleep.
 */
void dma_resv_add_fence(struct dma_resv *obj, struct dma_fence *fence,
			enum dma_resv_usage usage)
{
	struct dma_resv_list *list = dma_resv_list_held(obj);
	unsigned int i;

	dma_resv_assert_held(obj);
	WARN_ON(dma_fence_is_container(fence));

	/* Do not count down to 0, which means that nothing was reserved. */
	if (obj->reserved > 1)
		obj->reserved--;
	for (i = 0; list && i < list->num_fences; i++) {
		unsigned long slot = list->slots[i];

		if (dma_resv_slot_is_replaceable(slot, fence, usage)) {
			dma_resv_list_set(list, i, dma_fence_get(fence), usage);
			dma_fence_put(dma_resv_slot_fence(slot));
			return;
		}
	}

	if (unlikely(!list || list->num_fences == list->max_fences ||
		     (IS_ENABLED(CONFIG_DEBUG_MUTEXES) && !obj->reserved)))
		list = dma_resv_make_room(obj);
	if (list)
		dma_resv_list_append(list, dma_fence_get(fence), usage);
}
EXPORT_SYMBOL(dma_resv_add_fence);

/**
 * dma_resv_replace_fences() - replace all fences of a context by another fence
 * @obj: the reservation object
 * @context: context of the fences to replace
 * @fence: the replacement; it must signal only when the work of the replaced fences no
 *	longer uses the memory, for example because its page tables are gone
 * @usage: usage of @fence
 *
 * Drops the object's references to the replaced fences, signalled ones included: such
 * a fence may hold more than its own memory (amdkfd's eviction fence holds an mm).
 *
 * Context: Reservation lock held; does not sleep.
 */
void dma_resv_replace_fences(struct dma_resv *obj, uint64_t context,
			     struct dma_fence *fence, enum dma_resv_usage usage)
{
	struct dma_resv_list *list = dma_resv_list_held(obj);
	unsigned int i;

	dma_resv_assert_held(obj);
	for (i = 0; list && i < list->num_fences; i++) {
		struct dma_fence *old = dma_resv_slot_fence(list->slots[i]);

		if (old->context != context)
			continue;
		dma_resv_list_set(list, i, dma_fence_get(fence), usage);
		dma_fence_put(old);
	}
}
EXPORT_SYMBOL(dma_resv_replace_fences);
