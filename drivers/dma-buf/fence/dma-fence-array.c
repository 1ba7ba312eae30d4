// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fence arrays
 *
 * Enabling adds a callback to each member. The callback runs with the member's lock held,
 * so it only counts @num_pending down; the callback that decides the array defers its signal.
 *
 * The callbacks hold one reference to the array together. @num_pending counts the users of
 * that reference: callbacks that have not run and, for an any-array, the deferred signal.
 * It ends at 0, or at -1 if the last callback counted it to 0 and deferred. The user that
 * ends it drops the reference, never with a member's lock held.
 *
 * The error is written once, by cmpxchg() in place of %DMA_FENCE_ARRAY_ERROR_UNSET,
 * before the array signals. Everything else is fixed at init.
 */

#include <linux/dma-fence-array.h>
#include <linux/export.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "dma-fence-private.h"

/**
 * DOC: Arrays
 *
 * An all-array (&struct dma_fence_array) signals with its last member, an any-array with its
 * first. The members are fixed. A driver that submits one job to several rings returns an
 * array; dma_resv_get_singleton() returns one for all fences of a reservation object.
 *
 * The error of an all-array is that of its first failed member, in the order of @fences. The
 * error of an any-array is that of the member which signalled the array.
 *
 * An array signals after the call that signals a member, not in it: callbacks on the array
 * may take locks that are held where a member signals.
 */

/* Value of &dma_fence.error until the array is about to signal. */
#define DMA_FENCE_ARRAY_ERROR_UNSET	1

/* Set by the first callback of an any-array, which defers the signal. */
#define DMA_FENCE_ARRAY_DECIDED_BIT	DMA_FENCE_FLAG_USER_BITS

static const char *dma_fence_array_get_driver_name(struct dma_fence *fence)
{
	return "dma_fence_array";
}

static const char *dma_fence_array_get_timeline_name(struct dma_fence *fence)
{
	return "unbound";
}

/* The first error that is set stays. 0 means that no member failed. */
static void dma_fence_array_set_error(struct dma_fence_array *array, int error)
{
	cmpxchg(&array->base.error, DMA_FENCE_ARRAY_ERROR_UNSET, error);
}

/* Set the error before the array signals. An any-array has that of the deciding member. */
static void dma_fence_array_complete_error(struct dma_fence_array *array)
{
	unsigned int i;
	int error = 0;

	if (array->signal_on_any)
		return;
	for (i = 0; i < array->num_fences && !error; i++)
		error = array->fences[i]->error;
	dma_fence_array_set_error(array, error);
}

static void dma_fence_array_put_work(struct work_struct *work)
{
	dma_fence_put(&container_of(work, struct dma_fence_array, task_work)->base);
}

/* A member's release may take a lock that the interrupted task holds: use a worker. */
static void dma_fence_array_put_deferred(struct dma_fence_array *array)
{
	if (in_task())
		dma_fence_put(&array->base);
	else if (!refcount_dec_not_one(&array->base.refcount.refcount))
		dma_fence_defer_to_task(&array->task_work, dma_fence_array_put_work);
}

/* Runs once for an all-array, once or twice for an any-array. */
static void dma_fence_array_finish(struct dma_fence_array *array)
{
	dma_fence_array_complete_error(array);
	dma_fence_signal(&array->base);
	if (atomic_dec_return(&array->num_pending) <= 0)
		dma_fence_array_put_deferred(array);
}

static void dma_fence_array_irq_work(struct irq_work *work)
{
	dma_fence_array_finish(container_of(work, struct dma_fence_array, work));
}

static void dma_fence_array_task_work(struct work_struct *work)
{
	dma_fence_array_finish(container_of(work, struct dma_fence_array, task_work));
}

static void dma_fence_array_callback(struct dma_fence *member, struct dma_fence_cb *cb)
{
	struct dma_fence_array *array =
		container_of(cb, struct dma_fence_array_cb, cb)->array;
	bool decides;

	lockdep_assert_held(member->lock);
	if (array->signal_on_any)
		dma_fence_array_set_error(array, member->error);
	/* The count of the deciding callback of an any-array passes to the deferral. */
	decides = array->signal_on_any &&
		  !test_and_set_bit(DMA_FENCE_ARRAY_DECIDED_BIT, &array->base.flags);
	if (decides || atomic_dec_and_test(&array->num_pending))
		dma_fence_defer(&array->work, dma_fence_array_irq_work,
				&array->task_work, dma_fence_array_task_work);
}

/* Called with the array's lock held on PREEMPT_RT only: dma_fence_enable_container(). */
static bool dma_fence_array_enable_signaling(struct dma_fence *fence)
{
	struct dma_fence_array *array = to_dma_fence_array(fence);
	struct dma_fence_array_cb *callback = array->callbacks;
	unsigned int i, without_callback = array->num_fences;
	bool decided = false;

	dma_fence_get(fence);
	for (i = 0; i < array->num_fences && !decided; i++, callback++) {
		callback->array = array;
		if (!dma_fence_add_callback(array->fences[i], &callback->cb,
					    dma_fence_array_callback)) {
			without_callback--;
		} else if (array->signal_on_any) {
			dma_fence_array_set_error(array, array->fences[i]->error);
			decided = true;
		}
	}

	/* Count down here for the members that got no callback. */
	if (without_callback && atomic_sub_and_test(without_callback, &array->num_pending)) {
		dma_fence_array_complete_error(array);
		decided = true;
		/* Not the last reference: the caller has one. */
		dma_fence_put(fence);
	}
	return !decided;
}

/* Poll the members. For an any-array, false means that none has signalled. */
static bool dma_fence_array_poll_members(struct dma_fence_array *array)
{
	unsigned int i;

	for (i = 0; i < array->num_fences; i++) {
		bool signaled = dma_fence_is_signaled(array->fences[i]);

		if (signaled && array->signal_on_any)
			dma_fence_array_set_error(array, array->fences[i]->error);
		if (signaled == array->signal_on_any)
			return signaled;
	}
	return !array->signal_on_any;
}

/*
 * Once signalling is enabled, the callbacks decide and no member is polled: a callback that
 * was added to a member before may come here with the member's lock held, and must not signal
 * the array.
 */
static bool dma_fence_array_signaled(struct dma_fence *fence)
{
	struct dma_fence_array *array = to_dma_fence_array(fence);
	bool signaled;

	if (!test_bit(DMA_FENCE_FLAG_ENABLE_SIGNAL_BIT, &fence->flags))
		signaled = dma_fence_array_poll_members(array);
	else if (array->signal_on_any)
		signaled = test_bit_acquire(DMA_FENCE_ARRAY_DECIDED_BIT, &fence->flags);
	else
		signaled = atomic_read_acquire(&array->num_pending) <= 0;
	if (signaled)
		dma_fence_array_complete_error(array);
	return signaled;
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
	.enable_signaling = dma_fence_array_enable_signaling,
	.signaled = dma_fence_array_signaled,
	.set_deadline = dma_fence_array_set_deadline,
	.release = dma_fence_array_release,
};
EXPORT_SYMBOL(dma_fence_array_ops);

/**
 * dma_fence_array_alloc() - allocate memory for dma_fence_array_init().
 * @num_fences: number of members
 *
 * Context: May sleep.
 * Return: The memory, to be freed with kfree() if it is not used; NULL if there is none.
 */
struct dma_fence_array *dma_fence_array_alloc(int num_fences)
{
	struct dma_fence_array *array;

	return kmalloc(struct_size(array, callbacks, num_fences),
		       GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
}
EXPORT_SYMBOL(dma_fence_array_alloc);

/**
 * dma_fence_array_init() - initialise an array where nothing may fail any more.
 * @array: memory from dma_fence_array_alloc() for as many members
 * @num_fences: number of members; at least 1
 * @fences: members, each with a reference, none of them a container; memory from
 *	kmalloc(). The array takes over the memory and the references
 * @context: context of the array
 * @seqno: sequence number of the array
 * @signal_on_any: signal with the first member instead of the last
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
	/* For arrays of arrays, which xe makes: on PREEMPT_RT their locks nest. */
	static struct lock_class_key nested_key;
	int i;

	WARN_ON(num_fences < 1 || !fences);
	array->num_fences = num_fences;
	array->fences = fences;
	array->signal_on_any = signal_on_any;
	atomic_set(&array->num_pending, num_fences);
	spin_lock_init(&array->lock);
	for (i = 0; i < num_fences; i++)
		if (WARN_ON(dma_fence_is_container(fences[i])))
			lockdep_set_class(&array->lock, &nested_key);
	dma_fence_init(&array->base, &dma_fence_array_ops, &array->lock, context, seqno);
	array->base.error = DMA_FENCE_ARRAY_ERROR_UNSET;
}
EXPORT_SYMBOL(dma_fence_array_init);

/**
 * dma_fence_array_create() - allocate and initialise an array.
 * @num_fences: as for dma_fence_array_init()
 * @fences: likewise; on failure they stay the caller's
 * @context: likewise
 * @seqno: likewise
 * @signal_on_any: likewise
 *
 * Context: May sleep.
 * Return: The array, with a reference; NULL if there is no memory.
 */
struct dma_fence_array *
dma_fence_array_create(int num_fences, struct dma_fence **fences, u64 context,
		       unsigned int seqno, bool signal_on_any)
{
	struct dma_fence_array *array = dma_fence_array_alloc(num_fences);

	if (array)
		dma_fence_array_init(array, num_fences, fences, context, seqno,
				     signal_on_any);
	return array;
}
EXPORT_SYMBOL(dma_fence_array_create);

/**
 * dma_fence_array_first() - return the first member, for dma_fence_array_for_each().
 * @head: any fence, or NULL
 *
 * Context: Any.
 * Return: The first member without a reference, @head if it is no array, or NULL if
 * there is none.
 */
struct dma_fence *dma_fence_array_first(struct dma_fence *head)
{
	return to_dma_fence_array(head) ? dma_fence_array_next(head, 0) : head;
}
EXPORT_SYMBOL(dma_fence_array_first);

/**
 * dma_fence_array_next() - return a later member, for dma_fence_array_for_each().
 * @head: any fence, or NULL
 * @index: index of the member
 *
 * Context: Any.
 * Return: The member without a reference; NULL after the last member and if @head is no
 * array.
 */
struct dma_fence *dma_fence_array_next(struct dma_fence *head, unsigned int index)
{
	struct dma_fence_array *array = to_dma_fence_array(head);

	return array && index < array->num_fences ? array->fences[index] : NULL;
}
EXPORT_SYMBOL(dma_fence_array_next);
