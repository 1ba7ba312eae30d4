// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a reservation object, and how fences get into it.
 *
 * Two steps: room is reserved while there is still time to fail, a fence is added when
 * there is none. Adding looks for a slot in this order:
 *
 *   1. one with a fence of the same timeline that need not be waited for any more,
 *   2. one whose fence is signalled, among a few, or among all if all are looked at anyway
 *      or there is no new one,
 *   3. a new one.
 *
 * Each look at a fence may be a cache miss. So there is a byte for each class of
 * timelines that tells where one of them is, or that there is none; and most often
 * no fence but one is looked at, however many there are.
 *
 * Whoever reads without the lock sees a fence before, or the one after, in a slot, and
 * misses nothing in either case. So a slot is never emptied, and none moves. What is
 * signalled gives its slot back when room is reserved and there is none: if that makes
 * enough room, then by being counted as room, else by staying behind in the old list.
 * The same look is taken once in so many reservations as there are slots, so that a list
 * which was long once does not stay so.
 *
 * What is reserved is counted until it is used or the lock is given back. Drivers nest:
 * one reserves for a whole job, and what it calls on the way reserves and adds for a
 * move. So there are always some slots more.
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
 * A reservation object (&struct dma_resv) belongs to memory that several devices use:
 * a buffer that is shared, or one of a driver's memory manager. Its lock orders who
 * changes anything about that memory, and its fences tell who still works on it.
 *
 * Each fence has a usage (&enum dma_resv_usage), which says who has to wait for it.
 * That is *implicit* synchronisation: a program submits work, and the kernel finds in
 * the reservation objects of its buffers what has to come first.
 */

/**
 * DOC: Adding fences
 *
 * ::
 *
 *	dma_resv_lock(obj, ctx);
 *	ret = dma_resv_reserve_fences(obj, 1);		may fail
 *	...
 *	hand the job to the hardware			no way back
 *	dma_resv_add_fence(obj, fence, usage);		cannot fail
 *	dma_resv_unlock(obj);
 *
 * What was reserved is good until the lock is given back. With CONFIG_DEBUG_MUTEXES
 * a driver that has reserved nothing, and whose fence takes a new place, is warned about
 * even if there happens to be one.
 *
 * Of one timeline, the later fence takes the place of an earlier one, unless that has
 * an earlier usage. So there are no more than a few of each timeline, if they are added
 * in their order.
 */

#define DMA_RESV_MIN_FENCES	4U
#define DMA_RESV_SPARE		2
#define DMA_RESV_LOOKS		2U

DEFINE_WD_CLASS(reservation_ww_class);
EXPORT_SYMBOL(reservation_ww_class);

static_assert(offsetof(struct dma_resv_list, slots) % sizeof(unsigned long) == 0);
static_assert(DMA_RESV_USAGE_BOOKKEEP <= DMA_RESV_USAGE_MASK);
static_assert(__alignof__(struct dma_fence) > DMA_RESV_USAGE_MASK);

/* Room for so many, and for what else the allocator gives anyway; or NULL. */
struct dma_resv_list *dma_resv_list_alloc(unsigned int count, gfp_t gfp)
{
	struct dma_resv_list *list;
	const size_t each = sizeof(list->slots[0]) + 1; /* with a hint */
	size_t size = size_add(sizeof(*list), size_mul(count, each));

	KUNIT_STATIC_STUB_REDIRECT(dma_resv_list_alloc, count, gfp);

	if (size <= KMALLOC_MAX_CACHE_SIZE) {
		size = kmalloc_size_roundup(size);
		list = kmalloc(size, gfp | __GFP_NOWARN);
	} else {
		list = kvmalloc(size, gfp | __GFP_NOWARN);
	}
	if (!list)
		return NULL;
	list->num_fences = 0;
	list->max_fences = (size - sizeof(*list)) / each;
	list->patience = list->max_fences;
	memset(dma_resv_list_hints(list), 0, list->max_fences);
	return list;
}
EXPORT_SYMBOL_IF_KUNIT(dma_resv_list_alloc);

static void dma_resv_list_set(struct dma_resv_list *list, u8 *hint, unsigned int index,
			      struct dma_fence *fence, enum dma_resv_usage usage)
{
	/* Whoever reads the slot may look into the fence, whose address it needs. */
	smp_store_release(&list->slots[index], (unsigned long)fence | usage);
	*hint = min(index + 1, DMA_RESV_HINT_FAR);
}

/* Takes over the reference; there is a slot. */
static void dma_resv_list_append_at(struct dma_resv_list *list, u8 *hint,
				    struct dma_fence *fence, enum dma_resv_usage usage)
{
	dma_resv_list_set(list, hint, list->num_fences, fence, usage);
	/* Pairs with dma_resv_begin(): whoever counts the slot sees it filled. */
	smp_store_release(&list->num_fences, list->num_fences + 1);
}

void dma_resv_list_append(struct dma_resv_list *list, struct dma_fence *fence,
			  enum dma_resv_usage usage)
{
	dma_resv_list_append_at(list, dma_resv_list_hint(list, fence->context), fence, usage);
}

/*
 * First the list, then the generation, then whatever is dropped: who sees a generation
 * sees its list or a later one, and who meets what was dropped sees the generation.
 */
void dma_resv_set_list(struct dma_resv *obj, struct dma_resv_list *list)
{
	rcu_assign_pointer(obj->fences, list);
	/* Pairs with dma_resv_begin() and dma_resv_is_at(). */
	smp_store_release(&obj->generation, obj->generation + 1);
}

/* Nobody reads it any more but under RCU. */
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
 * dma_resv_init() - make a reservation object.
 * @obj: its memory
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
 * dma_resv_fini() - drop the fences of a reservation object that nobody uses.
 * @obj: the reservation object; its memory may be freed afterwards, after a grace
 *	period if there may still be readers under RCU
 *
 * Context: Any; the lock is free.
 */
void dma_resv_fini(struct dma_resv *obj)
{
	struct dma_resv_list *list = rcu_dereference_protected(obj->fences, true);

	dma_resv_set_list(obj, NULL);
	dma_resv_list_free(list);
	ww_mutex_destroy(&obj->lock);
}
EXPORT_SYMBOL(dma_resv_fini);

/* As far as it is known; no driver is asked. */
static unsigned int dma_resv_list_count_live(struct dma_resv_list *list)
{
	unsigned int i, live = 0;

	for (i = 0; i < list->num_fences; i++)
		live += !dma_fence_test_signaled_flag(dma_resv_slot_fence(list->slots[i]));
	return live;
}

/* Into another list goes what is not signalled, and what is stays behind. */
static void dma_resv_switch(struct dma_resv *obj, struct dma_resv_list *to)
{
	struct dma_resv_list *from = dma_resv_list_held(obj);
	unsigned int i, kept = 0;

	for (i = 0; from && i < from->num_fences; i++) {
		struct dma_fence *fence = dma_resv_slot_fence(from->slots[i]);

		if (!dma_fence_is_signaled(fence))
			dma_resv_list_append(to, fence,
					     dma_resv_slot_usage(from->slots[i]));
	}
	dma_resv_set_list(obj, to);
	if (!from)
		return;

	/* The order is the same in both; what is missing was left behind. */
	for (i = 0; i < from->num_fences; i++) {
		if (kept < to->num_fences && to->slots[kept] == from->slots[i])
			kept++;
		else
			dma_fence_put(dma_resv_slot_fence(from->slots[i]));
	}
	kvfree_rcu(from, rcu);
}

/*
 * Signalled fences make room; another list is taken if they do not, or if most of this one
 * is of no use any more.
 */
static int dma_resv_make_room(struct dma_resv *obj, unsigned int num_fences, gfp_t gfp)
{
	struct dma_resv_list *list = dma_resv_list_held(obj), *to;
	unsigned int have = 0, need, want = max(num_fences, DMA_RESV_MIN_FENCES);

	need = num_fences;
	if (list) {
		have = list->max_fences;
		if (check_add_overflow(dma_resv_list_count_live(list), num_fences, &need) ||
		    check_mul_overflow(need, 2, &want))
			return -ENOMEM;
		list->patience = have;
		if (need <= have && need >= have / 4)
			return 0;
	}
	to = dma_resv_list_alloc(want, gfp);
	if (!to)
		return need <= have ? 0 : -ENOMEM;
	dma_resv_switch(obj, to);
	return 0;
}

/**
 * dma_resv_reserve_fences() - make sure that fences can be added.
 * @obj: the reservation object
 * @num_fences: how many
 *
 * Good until the lock is given back. The largest of several counts, less what was added
 * meanwhile, and there is room for %DMA_RESV_SPARE more.
 *
 * Context: Reservation lock held; may sleep.
 *
 * Return: 0, or a negative errno:
 *
 *   * %-ENOMEM - no memory. It is charged to the caller's memory cgroup
 *   * %-EINVAL - @num_fences is 0 (a driver's mistake, warned about)
 */
int dma_resv_reserve_fences(struct dma_resv *obj, unsigned int num_fences)
{
	struct dma_resv_list *list = dma_resv_list_held(obj);
	unsigned int reserved, room;
	int ret;

	dma_resv_assert_held(obj);
	if (WARN_ON(!num_fences))
		return -EINVAL;
	if (check_add_overflow(num_fences, DMA_RESV_SPARE + 1, &room))
		return -ENOMEM;

	reserved = max(obj->reserved, num_fences + 1);
	room = reserved - 1 + DMA_RESV_SPARE;
	if (!list || list->max_fences - list->num_fences < room || !--list->patience) {
		ret = dma_resv_make_room(obj, room, GFP_KERNEL_ACCOUNT);
		if (ret)
			return ret;
	}
	obj->reserved = reserved;
	return 0;
}
EXPORT_SYMBOL(dma_resv_reserve_fences);

/* Does waiting for a fence, by whoever waits for its usage, include what is in a slot? */
static bool dma_resv_covers(struct dma_fence *fence, enum dma_resv_usage usage,
			    unsigned long slot)
{
	struct dma_fence *old = dma_resv_slot_fence(slot);

	return usage <= dma_resv_slot_usage(slot) && old->context == fence->context &&
	       dma_fence_is_later_or_same(fence, old);
}

static bool dma_resv_slot_is_spare(unsigned long slot)
{
	return dma_fence_test_signaled_flag(dma_resv_slot_fence(slot));
}

/* Among all of them: behind the last slot means a new one. */
static unsigned int dma_resv_list_search(struct dma_resv_list *list,
					 struct dma_fence *fence, enum dma_resv_usage usage)
{
	unsigned int i, num = list->num_fences, spare = num;

	for (i = 0; i < num; i++) {
		if (dma_resv_covers(fence, usage, list->slots[i]))
			return i;
		if (spare == num && dma_resv_slot_is_spare(list->slots[i]))
			spare = i;
	}
	return spare;
}

/* Of a timeline that is not there: look at a few, others for each class. */
static __always_inline unsigned int
dma_resv_list_new_place(struct dma_resv_list *list, unsigned int class)
{
	unsigned int num = list->num_fences, i = class, looks;

	for (looks = min(num, DMA_RESV_LOOKS); looks; looks--, i++) {
		if (i >= num)
			i = 0;
		if (dma_resv_slot_is_spare(list->slots[i]))
			return i;
	}
	return num;
}

/* Where to put a fence: as dma_resv_list_search(). */
static __always_inline unsigned int
dma_resv_list_place(struct dma_resv_list *list, u8 *hint, struct dma_fence *fence,
		    enum dma_resv_usage usage)
{
	unsigned long slot;
	unsigned int i;

	if (!*hint) {
		i = dma_resv_list_new_place(list, hint - dma_resv_list_hints(list));
		if (i < list->max_fences)
			return i;
	} else if (*hint < DMA_RESV_HINT_FAR) {
		slot = list->slots[*hint - 1];
		if (dma_resv_slot_usage(slot) == usage &&
		    dma_resv_covers(fence, usage, slot))
			return *hint - 1;
	}
	return dma_resv_list_search(list, fence, usage);
}

static void dma_resv_list_replace(struct dma_resv_list *list, unsigned int index,
				  struct dma_fence *fence, enum dma_resv_usage usage)
{
	struct dma_fence *old = dma_resv_slot_fence(list->slots[index]);

	dma_resv_list_set(list, dma_resv_list_hint(list, fence->context), index,
			  dma_fence_get(fence), usage);
	dma_fence_put(old);
}

/* A driver's mistake, that a test can look for. */
void dma_resv_report_unreserved(void)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_resv_report_unreserved);

	WARN_ONCE(1, "dma_resv: fence added that no room was reserved for\n");
}
EXPORT_SYMBOL_IF_KUNIT(dma_resv_report_unreserved);

/* There is no room, and the driver cannot be told to stop any more. */
static struct dma_resv_list *dma_resv_list_unreserved(struct dma_resv *obj)
{
	dma_resv_report_unreserved();
	if (WARN_ON_ONCE(dma_resv_make_room(obj, 1, GFP_KERNEL | __GFP_NOFAIL)))
		return NULL;
	/* Told once is enough. */
	obj->reserved = 1;
	return dma_resv_list_held(obj);
}

/*
 * Room is used: a slot that was nobody's, or whose fence is signalled. Only the first
 * shows for certain that a driver has not reserved.
 */
static void dma_resv_use_room(struct dma_resv *obj, bool new_slot)
{
	if (obj->reserved > 1)
		obj->reserved--;
	else if (!obj->reserved && new_slot && IS_ENABLED(CONFIG_DEBUG_MUTEXES))
		dma_resv_report_unreserved();
}

/**
 * dma_resv_add_fence() - somebody works on it, until a fence is signalled.
 * @obj: the reservation object, in which room was reserved for the fence
 * @fence: the fence; no container
 * @usage: what the work does
 *
 * Takes a reference of its own in any case: a caller may rely on that one alone. So
 * a fence is added even if a later one of its timeline is there.
 *
 * Context: Reservation lock held; does not sleep.
 */
void dma_resv_add_fence(struct dma_resv *obj, struct dma_fence *fence,
			enum dma_resv_usage usage)
{
	struct dma_resv_list *list = dma_resv_list_held(obj);
	unsigned int index;
	u8 *hint;

	dma_resv_assert_held(obj);
	WARN_ON(dma_fence_is_container(fence));

	if (list) {
		hint = dma_resv_list_hint(list, fence->context);
		index = dma_resv_list_place(list, hint, fence, usage);
	}
	if (unlikely(!list || index >= list->max_fences)) {
		list = dma_resv_list_unreserved(obj);
		if (!list)
			return;
		hint = dma_resv_list_hint(list, fence->context);
		index = dma_resv_list_search(list, fence, usage);
	}
	if (index == list->num_fences) {
		dma_resv_use_room(obj, true);
		dma_resv_list_append_at(list, hint, dma_fence_get(fence), usage);
		return;
	}
	if (dma_fence_test_signaled_flag(dma_resv_slot_fence(list->slots[index])))
		dma_resv_use_room(obj, false);
	dma_resv_list_replace(list, index, fence, usage);
}
EXPORT_SYMBOL(dma_resv_add_fence);

/**
 * dma_resv_replace_fences() - replace all fences of a context by another fence
 * @obj: the reservation object
 * @context: context of the fences to replace, signalled or not
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
	for (i = 0; list && i < list->num_fences; i++)
		if (dma_resv_slot_fence(list->slots[i])->context == context)
			dma_resv_list_replace(list, i, fence, usage);
}
EXPORT_SYMBOL(dma_resv_replace_fences);
