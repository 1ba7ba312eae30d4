// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fence arrays: one fence that signals with the last of several, or with the
 * first of them.
 *
 * Where somebody waits for an array, the signalling of all its members is enabled, and
 * it has a callback: an array of any has one at each member, an array of all has one at
 * one member at a time. The lock of an array comes after those of its members, and is
 * never held while members are looked at. So it is signalled there and then by the
 * callback that decides, and it takes no interrupt and no tick until those who wait for
 * the array hear of the signal.
 *
 * The callback of an array of all is with the last member that is not signalled. When
 * that signals, it looks at the flags of those before, and moves on to the last of them
 * that is left. It runs under the lock of one member and needs that of another one: they
 * may be the same, else it tries, because nothing says which of two comes first. Only if
 * that lock is held at the moment, or there are very many members to look at, the move is
 * left to a task. Who has the callback also has @num_pending, behind which all are
 * signalled.
 *
 * The callbacks have one reference to the array, which the last of them drops. It
 * runs under the lock of a member, and releasing the array may release others that
 * want the same lock. If nobody else has a reference left, then nobody waits for
 * anything, and the release is left to an interrupt, or a task. The same goes for the
 * signal, if somebody has the array's lock. Whoever leaves something to others stays
 * counted until they have done it, so that no two do.
 *
 * Errors are settled at the moment of signalling, and by one thread: it puts what it
 * found in place of %DMA_FENCE_ARRAY_UNSETTLED, all later ones come too late.
 */

#include <linux/dma-fence-array.h>
#include <linux/export.h>
#include <linux/irq_work.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "dma-fence-private.h"

/**
 * DOC: Arrays
 *
 * An array (&struct dma_fence_array) signals when all of its members have, or when one
 * has. It is made once and does not change. A driver that submits one job to several
 * rings returns an array; a reservation object gives out one for all that it holds.
 *
 * It fails if a member does: with the error of the first such member, in the order of
 * the members and not of their signals. An array of any has the error of the member
 * whose signal it was.
 */

/* In the place of the error of an array that is not signalled. */
#define DMA_FENCE_ARRAY_UNSETTLED	1

/* Of any: whoever left the signal to others has set it in the flags, and is the only one. */
#define DMA_FENCE_ARRAY_LEFT_BIT	DMA_FENCE_FLAG_USER_BITS

/* So many members are looked at with interrupts off. */
#define DMA_FENCE_ARRAY_LOOK_MAX	64

static const char *dma_fence_array_get_driver_name(struct dma_fence *fence)
{
	return "dma_fence_array";
}

static const char *dma_fence_array_get_timeline_name(struct dma_fence *fence)
{
	return "unbound";
}

/* The array is going to be signalled. */
static void dma_fence_array_settle(struct dma_fence_array *array, int error)
{
	cmpxchg(&array->base.error, DMA_FENCE_ARRAY_UNSETTLED, error);
}

/* With which error? */
static int dma_fence_array_error(struct dma_fence_array *array)
{
	int error = 0;
	unsigned int i;

	for (i = 0; i < array->num_fences && !error; i++) {
		if (!dma_fence_test_signaled_flag(array->fences[i]))
			continue;
		error = array->fences[i]->error;
		if (array->signal_on_any)
			break;
	}
	return error;
}

static void dma_fence_array_signal(struct dma_fence_array *array)
{
	if (dma_fence_test_signaled_flag(&array->base))
		return;
	dma_fence_array_settle(array, dma_fence_array_error(array));
	dma_fence_signal_timestamp(&array->base, ktime_get());
}

/* Of any: a callback less, unless it is the last. */
static bool dma_fence_array_is_last(struct dma_fence_array *array)
{
	return atomic_dec_if_positive(&array->num_pending) < 0;
}

/* Of all: are they signalled, as far as is known? With very many, it takes several looks. */
static bool dma_fence_array_look(struct dma_fence_array *array)
{
	int i, left = atomic_read(&array->num_pending);

	for (i = 0; left && i < DMA_FENCE_ARRAY_LOOK_MAX; i++, left--)
		if (!dma_fence_test_signaled_flag(array->fences[left - 1]))
			break;
	atomic_set(&array->num_pending, left);
	return !left;
}

/* Of all: the last one that is not known to be signalled, after a look that has found one. */
static struct dma_fence *dma_fence_array_awaited(struct dma_fence_array *array)
{
	return array->fences[atomic_read(&array->num_pending) - 1];
}

static void dma_fence_array_all_callback(struct dma_fence *member, struct dma_fence_cb *cb);

/* Of all: wait for one. False if there is none to wait for; else it is out of our hands. */
static bool dma_fence_array_rearm(struct dma_fence_array *array)
{
	while (!dma_fence_array_look(array))
		if (!dma_fence_add_callback(dma_fence_array_awaited(array),
					    &array->callbacks[0].cb,
					    dma_fence_array_all_callback))
			return true;
	return false;
}

/* Below no lock. */
static void dma_fence_array_go_on(struct dma_fence_array *array)
{
	if (array->signal_on_any) {
		dma_fence_array_signal(array);
		if (dma_fence_array_is_last(array))
			dma_fence_put(&array->base);
		return;
	}
	if (!dma_fence_test_signaled_flag(&array->base) && dma_fence_array_rearm(array))
		return;
	dma_fence_array_settle(array, dma_fence_array_error(array));
	dma_fence_signal_and_put(&array->base);
}

static void dma_fence_array_irq_work(struct irq_work *work)
{
	dma_fence_array_go_on(container_of(work, struct dma_fence_array, work));
}

static void dma_fence_array_bh_work(struct work_struct *work)
{
	dma_fence_array_go_on(container_of(work, struct dma_fence_array, bh_work));
}

/*
 * Out of here, as soon as that can be. An interrupt does not wait for the lock of a member,
 * and does not look at very many of them.
 */
static void dma_fence_array_defer(struct dma_fence_array *array)
{
	if (array->signal_on_any ||
	    (array->num_fences <= DMA_FENCE_ARRAY_LOOK_MAX && dma_fence_array_look(array)))
		dma_fence_defer(&array->work, dma_fence_array_irq_work,
				&array->bh_work, dma_fence_array_bh_work);
	else
		dma_fence_defer_to_task(&array->bh_work, dma_fence_array_bh_work);
}

/* Of all: signalled, and a reference less. False if that has to be done elsewhere. */
static bool dma_fence_array_finish(struct dma_fence_array *array)
{
	if (array->num_fences > DMA_FENCE_ARRAY_LOOK_MAX)
		return false;
	dma_fence_array_settle(array, dma_fence_array_error(array));
	return dma_fence_try_signal(&array->base) && dma_fence_put_unless_last(&array->base);
}

static bool dma_fence_array_link(struct dma_fence_array *array, struct dma_fence *member)
{
	lockdep_assert_held(member->lock);
	if (dma_fence_test_signaled_flag(member))
		return false;
	list_add_tail(&array->callbacks[0].cb.node, &member->cb_list);
	return true;
}

/*
 * Under the lock of one member, to the one that is awaited now. All members have been
 * enabled, so that linking is all there is to do. False if that cannot be done now, or
 * need not be any more.
 */
static bool dma_fence_array_move(struct dma_fence_array *array, struct dma_fence *from)
{
	struct dma_fence *to = dma_fence_array_awaited(array);
	unsigned long irq;
	bool linked;

	lockdep_assert_held(from->lock);
	if (to->lock == from->lock)
		return dma_fence_array_link(array, to);
	/* On a single processor nothing tells an interrupt that somebody has the lock. */
	if (!IS_ENABLED(CONFIG_SMP) && !in_task())
		return false;
	/* And debugging takes a try that fails for a mistake. */
	if (spin_is_locked(to->lock) || !spin_trylock_irqsave(to->lock, irq))
		return false;
	linked = dma_fence_array_link(array, to);
	spin_unlock_irqrestore(to->lock, irq);
	return linked;
}

/* Members are no containers; should one be, there is no end to how deep they may lie. */
static void dma_fence_array_all_callback(struct dma_fence *member, struct dma_fence_cb *cb)
{
	struct dma_fence_array *array =
		container_of(cb, struct dma_fence_array_cb, cb)->array;

	if (!dma_fence_is_container(member)) {
		if (!dma_fence_array_look(array) && dma_fence_array_move(array, member))
			return;
		if (dma_fence_array_look(array) && dma_fence_array_finish(array))
			return;
	}
	dma_fence_array_defer(array);
}

static void dma_fence_array_enable_all(struct dma_fence_array *array)
{
	unsigned int i;

	array->callbacks[0].array = array;
	for (i = 0; i < array->num_fences; i++)
		dma_fence_enable_sw_signaling(array->fences[i]);
	if (!dma_fence_array_rearm(array)) {
		dma_fence_array_signal(array);
		dma_fence_put(&array->base);
	}
}

/* Who is not the last must not look at the array any more, which may be gone. */
static void dma_fence_array_any_callback(struct dma_fence *member, struct dma_fence_cb *cb)
{
	struct dma_fence_array *array =
		container_of(cb, struct dma_fence_array_cb, cb)->array;

	if (!dma_fence_test_signaled_flag(&array->base)) {
		dma_fence_array_settle(array, member->error);
		if ((dma_fence_is_container(member) || !dma_fence_try_signal(&array->base)) &&
		    !test_and_set_bit(DMA_FENCE_ARRAY_LEFT_BIT, &array->base.flags)) {
			dma_fence_array_defer(array);
			return;
		}
	}
	if (dma_fence_array_is_last(array) && !dma_fence_put_unless_last(&array->base))
		dma_fence_array_defer(array);
}

/* Who adds the callbacks is one of them, so that the last one is always found. */
static void dma_fence_array_enable_any(struct dma_fence_array *array)
{
	struct dma_fence_array_cb *callback = array->callbacks;
	unsigned int i;

	for (i = 0; i < array->num_fences; i++, callback++) {
		callback->array = array;
		if (!dma_fence_test_signaled_flag(&array->base)) {
			if (!dma_fence_add_callback(array->fences[i], &callback->cb,
						    dma_fence_array_any_callback))
				continue;
			dma_fence_array_signal(array);
		}
		atomic_dec(&array->num_pending);
	}
	if (dma_fence_array_is_last(array))
		dma_fence_put(&array->base);
}

/* The caller has a reference, and the callbacks one of their own. */
void dma_fence_array_enable(struct dma_fence *fence)
{
	struct dma_fence_array *array = to_dma_fence_array(dma_fence_get(fence));

	if (array->signal_on_any)
		dma_fence_array_enable_any(array);
	else
		dma_fence_array_enable_all(array);
}

/* Asks the members, so that the answer does not depend on anybody waiting. */
static bool dma_fence_array_signaled(struct dma_fence *fence)
{
	struct dma_fence_array *array = to_dma_fence_array(fence);
	bool any = array->signal_on_any, decided = false;
	unsigned int i;

	/* One that is signalled decides for any, one that is not for all. */
	for (i = 0; i < array->num_fences && !decided; i++)
		decided = dma_fence_is_signaled(array->fences[i]) == any;
	if (decided != any)
		return false;
	dma_fence_array_settle(array, dma_fence_array_error(array));
	return true;
}

static void dma_fence_array_set_deadline(struct dma_fence *fence, ktime_t deadline)
{
	struct dma_fence *member;
	unsigned int i;

	dma_fence_array_for_each(member, i, fence)
		dma_fence_set_deadline(member, deadline);
}

static void dma_fence_array_release(struct dma_fence *fence)
{
	struct dma_fence_array *array = to_dma_fence_array(fence);
	unsigned int i;

	for (i = 0; i < array->num_fences; i++)
		dma_fence_put(array->fences[i]);
	kfree(array->fences);
	dma_fence_free(fence);
}

const struct dma_fence_ops dma_fence_array_ops = {
	.get_driver_name = dma_fence_array_get_driver_name,
	.get_timeline_name = dma_fence_array_get_timeline_name,
	.signaled = dma_fence_array_signaled,
	.set_deadline = dma_fence_array_set_deadline,
	.release = dma_fence_array_release,
};
EXPORT_SYMBOL(dma_fence_array_ops);

/**
 * dma_fence_array_alloc() - allocate memory for dma_fence_array_init().
 * @num_fences: how many members it is going to have
 *
 * Context: May sleep.
 *
 * Return: The memory, to be freed with kfree() if it is not used, or NULL.
 */
struct dma_fence_array *dma_fence_array_alloc(int num_fences)
{
	struct dma_fence_array *array;

	return kmalloc(struct_size(array, callbacks, max(num_fences, 1)),
		       GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
}
EXPORT_SYMBOL(dma_fence_array_alloc);

/**
 * dma_fence_array_init() - make a fence that stands for several, where nothing may
 * fail any more.
 * @array: memory from dma_fence_array_alloc() for as many members
 * @num_fences: how many members; at least 1
 * @fences: the members, each with a reference, none of them a container; memory
 *	from kmalloc(). The array takes over both
 * @context: timeline of the array
 * @seqno: its place in it
 * @signal_on_any: signal with the first member, and not with the last
 *
 * The caller gets the only reference. A container among the members is warned about:
 * flatten it with dma_fence_unwrap_for_each().
 *
 * Context: Any.
 */
void dma_fence_array_init(struct dma_fence_array *array, int num_fences,
			  struct dma_fence **fences, u64 context,
			  unsigned int seqno, bool signal_on_any)
{
	WARN_ON(num_fences < 1 || !fences);

	array->num_fences = num_fences;
	array->fences = fences;
	array->signal_on_any = signal_on_any;
	atomic_set(&array->num_pending, num_fences);
	spin_lock_init(&array->lock);
	dma_fence_init(&array->base, &dma_fence_array_ops, &array->lock, context, seqno);
	array->base.error = DMA_FENCE_ARRAY_UNSETTLED;

	for (int i = 0; i < num_fences; i++)
		WARN_ON(dma_fence_is_container(fences[i]));
}
EXPORT_SYMBOL(dma_fence_array_init);

/**
 * dma_fence_array_create() - make a fence that stands for several.
 * @num_fences: as for dma_fence_array_init()
 * @fences: likewise; on failure they stay the caller's
 * @context: likewise
 * @seqno: likewise
 * @signal_on_any: likewise
 *
 * Context: May sleep.
 *
 * Return: The array, with a reference, or NULL without memory.
 */
struct dma_fence_array *
dma_fence_array_create(int num_fences, struct dma_fence **fences, u64 context,
		       unsigned int seqno, bool signal_on_any)
{
	struct dma_fence_array *array;

	/* Of all, one callback will do. */
	array = dma_fence_array_alloc(signal_on_any ? num_fences : 1);
	if (array)
		dma_fence_array_init(array, num_fences, fences, context, seqno,
				     signal_on_any);
	return array;
}
EXPORT_SYMBOL(dma_fence_array_create);

/**
 * dma_fence_match_context() - is all of it of one timeline?
 * @fence: fence that the caller has a reference to; may be an array
 * @context: the timeline
 *
 * For drivers that need not wait for what they have submitted themselves.
 *
 * Context: Any.
 *
 * Return: true if @fence, or each member if it is an array, is of @context.
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

/**
 * dma_fence_array_first() - for dma_fence_array_for_each().
 * @head: any fence, or NULL
 *
 * Context: Any.
 *
 * Return: The first member without a reference, @head if it is no array, or NULL if
 * there is none.
 */
struct dma_fence *dma_fence_array_first(struct dma_fence *head)
{
	return to_dma_fence_array(head) ? dma_fence_array_next(head, 0) : head;
}
EXPORT_SYMBOL(dma_fence_array_first);

/**
 * dma_fence_array_next() - for dma_fence_array_for_each().
 * @head: any fence, or NULL
 * @index: place of the member
 *
 * Context: Any.
 *
 * Return: The member without a reference, or NULL behind the last one and where
 * @head is no array.
 */
struct dma_fence *dma_fence_array_next(struct dma_fence *head, unsigned int index)
{
	struct dma_fence_array *array = to_dma_fence_array(head);

	return array && index < array->num_fences ? array->fences[index] : NULL;
}
EXPORT_SYMBOL(dma_fence_array_next);
