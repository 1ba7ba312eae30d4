// SPDX-License-Identifier: GPL-2.0-only
/* Tests of fence arrays: which member signals them, their error, who holds references. */

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/iopoll.h>
#include <linux/slab.h>
#include <linux/timer.h>

#include "containers.h"
#include "mock.h"
#include "threads.h"

#define MEMBERS_MAX	16
#define LONG		((long)msecs_to_jiffies(20000))

static const struct shape {
	const char *desc;
	unsigned int count;
	bool any;
	bool backwards;
} shapes[] = {
	{ "all of one", 1, false, false },
	{ "all of two", 2, false, false },
	{ "all of two, last first", 2, false, true },
	{ "all of many", MEMBERS_MAX, false, false },
	{ "all of many, last first", MEMBERS_MAX, false, true },
	{ "any of one", 1, true, false },
	{ "any of two", 2, true, false },
	{ "any of two, last first", 2, true, true },
	{ "any of many", MEMBERS_MAX, true, false },
	{ "any of many, last first", MEMBERS_MAX, true, true },
};

KUNIT_ARRAY_PARAM_DESC(shape, shapes, desc);

/* Index of the member that signals as the i-th. */
static unsigned int signal_index(const struct shape *shape, unsigned int i)
{
	return shape->backwards ? shape->count - 1 - i : i;
}

/* Number of members that have to signal before the array does. */
static unsigned int signals_needed(const struct shape *shape)
{
	return shape->any ? 1 : shape->count;
}

static void array_of_members(struct kunit *test)
{
	struct dma_fence *members[3], *array;
	struct dma_fence_array *inside;

	mock_fences(test, 3, members);
	array = mock_array(test, false, 3, members);
	inside = to_dma_fence_array(array);
	KUNIT_ASSERT_NOT_NULL(test, inside);
	KUNIT_EXPECT_PTR_EQ(test, &inside->base, array);
	KUNIT_EXPECT_PTR_EQ(test, array->ops, &dma_fence_array_ops);
	KUNIT_EXPECT_EQ(test, inside->num_fences, 3);
	KUNIT_EXPECT_PTR_EQ(test, inside->fences[2], members[2]);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_array(array));
	KUNIT_EXPECT_TRUE(test, dma_fence_is_container(array));
	KUNIT_EXPECT_FALSE(test, dma_fence_is_chain(array));
	KUNIT_EXPECT_FALSE(test, dma_fence_is_array(members[0]));
	KUNIT_EXPECT_NULL(test, to_dma_fence_array(members[0]));
	KUNIT_EXPECT_NULL(test, to_dma_fence_array(NULL));
	KUNIT_EXPECT_STREQ(test, array->ops->get_driver_name(array), "dma_fence_array");
	KUNIT_EXPECT_STREQ(test, array->ops->get_timeline_name(array), "unbound");
}

static void array_init_in_allocated_memory(struct kunit *test)
{
	struct dma_fence **fences = kmalloc_array(1, sizeof(*fences), GFP_KERNEL);
	struct dma_fence_array *array = dma_fence_array_alloc(1);
	struct dma_fence *member = mock_fence(test);

	KUNIT_ASSERT_NOT_NULL(test, array);
	KUNIT_ASSERT_NOT_NULL(test, fences);
	fences[0] = dma_fence_get(member);
	dma_fence_array_init(array, 1, fences, 47, 11, false);
	mock_own(test, &array->base);
	KUNIT_EXPECT_EQ(test, array->base.context, 47);
	KUNIT_EXPECT_EQ(test, array->base.seqno, 11);
	dma_fence_signal(member);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(&array->base));
}

/* The array signals with the last member that it needs, not before. */
static void signal_in_turn(struct kunit *test, const struct shape *shape,
			   struct dma_fence **members, struct dma_fence *array)
{
	struct mock_callback callback = {};

	KUNIT_ASSERT_EQ(test, 0, mock_callback_add(&callback, array));
	for (unsigned int i = 0; i < shape->count; i++) {
		dma_fence_signal(members[signal_index(shape, i)]);
		mock_run_deferred();
		if (i + 1 >= signals_needed(shape))
			KUNIT_EXPECT_TRUE(test, mock_signals(array));
		KUNIT_EXPECT_EQ(test, test_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &array->flags),
				i + 1 >= signals_needed(shape));
		KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), i + 1 >= signals_needed(shape));
	}
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(array), 1);
	KUNIT_EXPECT_EQ(test, -ENOENT, mock_callback_add(&callback, array));
}

static void array_signals_with_the_deciding_member(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence *members[MEMBERS_MAX];

	mock_fences(test, shape->count, members);
	signal_in_turn(test, shape, members,
		       mock_array(test, shape->any, shape->count, members));
}

/* Polling an array polls its members, and does not enable signalling. */
static void polled_array_polls_its_members(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence *members[MEMBERS_MAX], *array;

	mock_fences(test, shape->count, members);
	array = mock_array(test, shape->any, shape->count, members);
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(array));
	for (unsigned int i = 0; i < signals_needed(shape); i++) {
		KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(array));
		dma_fence_signal(members[signal_index(shape, i)]);
	}
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(array));
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(array), 1);
	for (unsigned int i = 0; i < shape->count; i++)
		KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(members[i])->enabled), 0);
}

static void array_of_signalled_members_when_enabled(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence *members[MEMBERS_MAX], *array;
	struct mock_callback callback = {};

	mock_fences(test, shape->count, members);
	array = mock_array(test, shape->any, shape->count, members);
	for (unsigned int i = 0; i < signals_needed(shape); i++)
		dma_fence_signal(members[signal_index(shape, i)]);
	KUNIT_EXPECT_EQ(test, -ENOENT, mock_callback_add(&callback, array));
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 0);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(array));
}

/* Half of the members signal before signalling is enabled, the rest after. */
static void array_with_some_members_signalled_before(struct kunit *test)
{
	struct dma_fence *members[4], *array;
	struct mock_callback callback = {};

	mock_fences(test, 4, members);
	array = mock_array(test, false, 4, members);
	dma_fence_signal(members[1]);
	dma_fence_signal(members[2]);
	KUNIT_ASSERT_EQ(test, 0, mock_callback_add(&callback, array));
	dma_fence_signal(members[3]);
	mock_run_deferred();
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 0);
	dma_fence_signal(members[0]);
	KUNIT_EXPECT_TRUE(test, mock_signals(array));
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 1);
}

static void array_enables_each_member_once(struct kunit *test)
{
	struct dma_fence *members[3], *array;
	struct mock_callback one = {}, other = {};

	mock_fences(test, 3, members);
	array = mock_array(test, false, 3, members);
	mock_callback_add(&one, array);
	mock_callback_add(&other, array);
	dma_fence_enable_sw_signaling(array);
	for (int i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(members[i])->enabled), 1);
	for (int i = 0; i < 3; i++)
		dma_fence_signal(members[i]);
	KUNIT_EXPECT_TRUE(test, mock_signals(array));
	KUNIT_EXPECT_EQ(test, atomic_read(&one.times), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&other.times), 1);
}

static unsigned int callbacks_of(unsigned int count, struct dma_fence **members)
{
	unsigned int callbacks = 0;

	for (unsigned int i = 0; i < count; i++)
		if (!dma_fence_is_signaled(members[i]))
			callbacks += list_count_nodes(&members[i]->cb_list);
	return callbacks;
}

/* One callback per member, and one reference to the array for all of them. */
static void array_adds_a_callback_to_each_member(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence *members[MEMBERS_MAX], *array;

	mock_fences(test, shape->count, members);
	array = mock_array(test, shape->any, shape->count, members);
	KUNIT_EXPECT_EQ(test, callbacks_of(shape->count, members), 0);
	dma_fence_enable_sw_signaling(array);
	for (unsigned int i = 0; i < shape->count; i++) {
		KUNIT_EXPECT_EQ(test, callbacks_of(shape->count, members), shape->count - i);
		KUNIT_EXPECT_EQ(test, kref_read(&array->refcount), 2);
		dma_fence_signal(members[signal_index(shape, i)]);
	}
	KUNIT_EXPECT_TRUE(test, mock_signals(array));
	for (unsigned int i = 0; i < shape->count; i++)
		KUNIT_EXPECT_EQ(test, kref_read(&members[i]->refcount), 2);
	KUNIT_EXPECT_TRUE(test, mock_has_references(array, 1));
}

static void array_of_a_member_whose_enabling_fails(struct kunit *test)
{
	struct dma_fence *members[3], *array;
	struct mock_callback callback = {};

	mock_fences(test, 3, members);
	to_mock_fence(members[1])->late = true;
	array = mock_array(test, true, 3, members);
	KUNIT_EXPECT_EQ(test, -ENOENT, mock_callback_add(&callback, array));
	/* The array has signalled: the last member is not enabled. */
	KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(members[2])->enabled), 0);
}

static const struct failure {
	const char *desc;
	bool any;
	bool enabled;
	int errors[3];
	unsigned int order[3];
	int expected;
} failures[] = {
	{ "all, none", false, true, { 0, 0, 0 }, { 0, 1, 2 }, 1 },
	{ "all, one", false, true, { 0, -EIO, 0 }, { 0, 1, 2 }, -EIO },
	{ "all, first of two by place", false, true, { 0, -EIO, -ENODEV }, { 2, 1, 0 }, -EIO },
	{ "all, one, asked", false, false, { 0, -EIO, 0 }, { 0, 1, 2 }, -EIO },
	{ "all, first of two by place, asked", false, false, { 0, -EIO, -ENODEV },
	  { 2, 1, 0 }, -EIO },
	{ "any, the first", true, true, { -EIO, 0, -ENODEV }, { 0, 1, 2 }, -EIO },
	{ "any, not the first", true, true, { -EIO, 0, -ENODEV }, { 1, 0, 2 }, 1 },
	{ "any, the last", true, true, { -EIO, 0, -ENODEV }, { 2, 0, 1 }, -ENODEV },
	{ "any, the last, asked", true, false, { -EIO, 0, -ENODEV }, { 2, 0, 1 }, -ENODEV },
};

KUNIT_ARRAY_PARAM_DESC(failure, failures, desc);

/* The error is set with the signal, and stays. */
static void array_gets_the_error_of_its_members(struct kunit *test)
{
	const struct failure *row = test->param_value;
	struct dma_fence *members[3], *array;
	int status = 0;

	mock_fences(test, 3, members);
	array = mock_array(test, row->any, 3, members);
	for (int i = 0; i < 3; i++)
		if (row->errors[i])
			dma_fence_set_error(members[i], row->errors[i]);
	if (row->enabled)
		dma_fence_enable_sw_signaling(array);
	for (int i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, dma_fence_get_status(array), status);
		dma_fence_signal(members[row->order[i]]);
		if (row->any || i == 2)
			status = row->expected;
		KUNIT_EXPECT_EQ(test, dma_fence_get_status(array), status);
	}
}

static void array_holds_its_members(struct kunit *test)
{
	struct dma_fence *members[3], *array;

	mock_fences(test, 3, members);
	array = mock_array(test, false, 3, members);
	for (int i = 0; i < 3; i++)
		mock_fence_put(test, members[i]);
	KUNIT_EXPECT_TRUE(test, mock_has_fences(test, 3));
	mock_put(test, array);
	KUNIT_EXPECT_TRUE(test, mock_has_fences(test, 0));
}

/* Only the callbacks on the members hold a reference to the array. */
static void array_without_other_references_is_released(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence *members[MEMBERS_MAX], *array;
	struct mock_callback callback = {};

	mock_fences(test, shape->count, members);
	array = mock_array(test, shape->any, shape->count, members);
	mock_callback_add(&callback, array);
	dma_fence_remove_callback(array, &callback.cb);
	mock_put(test, array);
	for (unsigned int i = 0; i < shape->count; i++) {
		KUNIT_EXPECT_EQ(test, kref_read(&members[i]->refcount), 2);
		dma_fence_signal(members[signal_index(shape, i)]);
	}
	for (unsigned int i = 0; i < shape->count; i++)
		mock_fence_put(test, members[i]);
	KUNIT_EXPECT_TRUE(test, mock_has_fences(test, 0));
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 0);
}

/* Fences of a driver whose release takes their lock. */
static DEFINE_SPINLOCK(locked_lock);
static atomic_t locked_fences;

static const char *locked_name(struct dma_fence *fence)
{
	return "locked";
}

static void locked_release(struct dma_fence *fence)
{
	unsigned long irq;

	spin_lock_irqsave(&locked_lock, irq);
	atomic_dec(&locked_fences);
	spin_unlock_irqrestore(&locked_lock, irq);
	dma_fence_free(fence);
}

static const struct dma_fence_ops locked_ops = {
	.get_driver_name = locked_name,
	.get_timeline_name = locked_name,
	.release = locked_release,
};

static struct dma_fence *locked_fence(void)
{
	struct dma_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);

	if (!fence)
		return NULL;
	atomic_inc(&locked_fences);
	dma_fence_init(fence, &locked_ops, &locked_lock, dma_fence_context_alloc(1), 1);
	return fence;
}

static bool locked_fences_released(void)
{
	for (int tries = 0; tries < 250 && atomic_read(&locked_fences); tries++)
		msleep(20);
	return !atomic_read(&locked_fences);
}

/* The last signal drops the last reference to the array, and that one to a member. */
static void array_is_released_without_a_members_lock(struct kunit *test)
{
	struct dma_fence *members[] = { locked_fence(), locked_fence() };
	struct dma_fence *array;

	KUNIT_ASSERT_NOT_NULL(test, members[0]);
	KUNIT_ASSERT_NOT_NULL(test, members[1]);
	array = mock_array(test, false, 2, members);
	dma_fence_put(members[0]);
	dma_fence_enable_sw_signaling(array);
	mock_put(test, array);
	spin_lock_irq(&locked_lock);
	dma_fence_signal_locked(members[0]);
	dma_fence_signal_locked(members[1]);
	spin_unlock_irq(&locked_lock);
	dma_fence_put(members[1]);
	KUNIT_EXPECT_TRUE(test, locked_fences_released());
}

/* All members have the same lock. */
static void members_share_a_lock(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence *members[MEMBERS_MAX], *array;

	for (unsigned int i = 0; i < shape->count; i++) {
		members[i] = locked_fence();
		KUNIT_ASSERT_NOT_NULL(test, members[i]);
	}
	array = mock_array(test, shape->any, shape->count, members);
	signal_in_turn(test, shape, members, array);
	mock_put(test, array);
	for (unsigned int i = 0; i < shape->count; i++)
		dma_fence_put(members[i]);
	KUNIT_EXPECT_TRUE(test, locked_fences_released());
}

/* A member signals while the lock of another is held. */
static void lock_of_another_member_is_held(struct kunit *test)
{
	struct dma_fence *members[2], *array;
	struct mock_callback callback = {};
	unsigned long irq;

	mock_fences(test, 2, members);
	array = mock_array(test, false, 2, members);
	KUNIT_ASSERT_EQ(test, 0, mock_callback_add(&callback, array));
	spin_lock_irqsave_nested(members[0]->lock, irq, SINGLE_DEPTH_NESTING);
	dma_fence_signal(members[1]);
	spin_unlock_irqrestore(members[0]->lock, irq);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(array), 0);
	dma_fence_signal(members[0]);
	KUNIT_EXPECT_TRUE(test, mock_signals(array));
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 1);
}

/* Locks that are taken with interrupts on and in no interrupt, as vmwgfx has them. */
static DEFINE_SPINLOCK(plain_lock);

static void signal_with_interrupts_on(struct dma_fence *fence)
{
	spin_lock(fence->lock);
	dma_fence_signal_locked(fence);
	spin_unlock(fence->lock);
}

static void driver_signals_with_interrupts_on(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence *members[MEMBERS_MAX], *array;
	struct mock_callback callback = {};

	for (unsigned int i = 0; i < shape->count; i++)
		members[i] = mock_plain_fence(test, &plain_lock);
	array = mock_array(test, shape->any, shape->count, members);
	KUNIT_ASSERT_EQ(test, 0, mock_callback_add(&callback, array));
	for (unsigned int i = 0; i < shape->count; i++)
		signal_with_interrupts_on(members[signal_index(shape, i)]);
	KUNIT_EXPECT_TRUE(test, mock_signals(array));
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 1);
}

/* A driver that signals with interrupts on, and whose release takes the fences' lock. */
static DEFINE_SPINLOCK(vmw_lock);
static atomic_t vmw_fences;

static void vmw_release(struct dma_fence *fence)
{
	spin_lock(&vmw_lock);
	atomic_dec(&vmw_fences);
	spin_unlock(&vmw_lock);
	dma_fence_free(fence);
}

static const struct dma_fence_ops vmw_ops = {
	.get_driver_name = locked_name,
	.get_timeline_name = locked_name,
	.release = vmw_release,
};

/* The interrupt that signals the array must not release it, which takes the lock. */
static void last_reference_with_interrupts_on(struct kunit *test)
{
	struct dma_fence *members[2], *array;
	int unreleased;

	for (int i = 0; i < 2; i++) {
		members[i] = kzalloc(sizeof(*members[i]), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, members[i]);
		atomic_inc(&vmw_fences);
		dma_fence_init(members[i], &vmw_ops, &vmw_lock, dma_fence_context_alloc(1), 1);
	}
	array = mock_array(test, false, 2, members);
	dma_fence_put(members[0]);
	dma_fence_enable_sw_signaling(array);
	mock_put(test, array);
	spin_lock(&vmw_lock);
	dma_fence_signal_locked(members[0]);
	dma_fence_signal_locked(members[1]);
	spin_unlock(&vmw_lock);
	dma_fence_put(members[1]);
	KUNIT_EXPECT_EQ(test, 0, read_poll_timeout(atomic_read, unreleased, !unreleased, 1000,
						   5 * USEC_PER_SEC, false, &vmw_fences));
}

/* xe makes arrays of arrays. init would warn, which a test cannot expect: go behind it. */
static void array_in_an_array(struct kunit *test)
{
	static struct lock_class_key outer_key;
	const struct shape *shape = test->param_value;
	struct dma_fence *members[MEMBERS_MAX], *inner, *outer, *stub = dma_fence_get_stub();
	struct mock_callback callback = {};

	mock_fences(test, shape->count, members);
	inner = mock_array(test, shape->any, shape->count, members);
	outer = mock_array(test, false, 1, &stub);
	dma_fence_put(stub);
	lockdep_set_class(outer->lock, &outer_key);
	dma_fence_put(to_dma_fence_array(outer)->fences[0]);
	to_dma_fence_array(outer)->fences[0] = dma_fence_get(inner);
	signal_in_turn(test, shape, members, outer);
	KUNIT_EXPECT_EQ(test, -ENOENT, mock_callback_add(&callback, inner));
}

/* The lock of the array is held while its members signal. */
static void lock_of_the_array_is_held(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence *members[MEMBERS_MAX], *array;
	struct mock_callback callback = {};
	unsigned long irq;

	mock_fences(test, shape->count, members);
	for (unsigned int i = 0; i < shape->count; i++)
		dma_fence_set_error(members[i], -1 - i);
	array = mock_array(test, shape->any, shape->count, members);
	KUNIT_ASSERT_EQ(test, 0, mock_callback_add(&callback, array));
	spin_lock_irqsave(array->lock, irq);
	for (unsigned int i = 0; i < shape->count; i++)
		dma_fence_signal(members[signal_index(shape, i)]);
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 0);
	spin_unlock_irqrestore(array->lock, irq);
	KUNIT_EXPECT_TRUE(test, mock_signals(array));
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 1);
	KUNIT_EXPECT_EQ(test, array->error, shape->any ? -1 - (int)signal_index(shape, 0) : -1);
	KUNIT_EXPECT_TRUE(test, mock_has_references(array, 1));
}

/* Another task has polled the array, and is preempted before it signals it. */
static void array_whose_poller_is_preempted(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence *members[MEMBERS_MAX], *array;
	struct mock_callback callback = {};

	mock_fences(test, shape->count, members);
	array = mock_array(test, shape->any, shape->count, members);
	KUNIT_ASSERT_EQ(test, 0, mock_callback_add(&callback, array));
	/* What the poll has written by then. */
	array->error = 0;
	for (unsigned int i = 0; i < shape->count; i++)
		dma_fence_signal(members[signal_index(shape, i)]);
	KUNIT_EXPECT_TRUE(test, mock_signals(array));
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 1);
}

static void array_of_200(struct kunit *test)
{
	static struct dma_fence *members[200];
	struct dma_fence *array;
	struct mock_callback callback = {};

	mock_fences(test, ARRAY_SIZE(members), members);
	dma_fence_set_error(members[3], -EIO);
	array = mock_array(test, false, ARRAY_SIZE(members), members);
	KUNIT_ASSERT_EQ(test, 0, mock_callback_add(&callback, array));
	for (unsigned int i = 1; i < ARRAY_SIZE(members); i++)
		dma_fence_signal(members[i]);
	mock_run_deferred();
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 0);
	dma_fence_signal(members[0]);
	KUNIT_EXPECT_TRUE(test, mock_signals(array));
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 1);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(array), -EIO);
}

/* A timer that signals in the interrupt. */
struct interrupter {
	struct timer_list timer;
	struct dma_fence *fence;
	bool done;
};

static void interrupter_signals(struct timer_list *timer)
{
	struct interrupter *interrupter = from_timer(interrupter, timer, timer);

	dma_fence_signal(interrupter->fence);
	WRITE_ONCE(interrupter->done, true);
}

/*
 * An interrupt signals a member while the interrupted task holds the lock of another
 * member: neither the interrupt nor the deferral may wait for that lock.
 */
static void interrupted_task_holds_a_members_lock(struct kunit *test)
{
	struct dma_fence *members[] = { mock_plain_fence(test, &plain_lock), mock_fence(test) };
	struct dma_fence *array = mock_array(test, false, 2, members);
	struct interrupter interrupter = { .fence = members[1] };
	struct mock_callback callback = {};
	unsigned long end = jiffies + LONG;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "no fence can signal where interrupts are off");
	KUNIT_ASSERT_EQ(test, 0, mock_callback_add(&callback, array));
	timer_setup_on_stack(&interrupter.timer, interrupter_signals, TIMER_IRQSAFE);
	spin_lock(&plain_lock);
	mod_timer(&interrupter.timer, jiffies + 1);
	while (!READ_ONCE(interrupter.done) && time_before(jiffies, end))
		cpu_relax();
	spin_unlock(&plain_lock);
	timer_shutdown_sync(&interrupter.timer);
	destroy_timer_on_stack(&interrupter.timer);
	KUNIT_EXPECT_TRUE(test, interrupter.done);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(array), 0);
	signal_with_interrupts_on(members[0]);
	KUNIT_EXPECT_TRUE(test, mock_signals(array));
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 1);
}

static void array_passes_a_deadline_on(struct kunit *test)
{
	struct dma_fence *members[3], *array;

	mock_fences(test, 3, members);
	array = mock_array(test, false, 3, members);
	dma_fence_signal(members[1]);
	dma_fence_set_deadline(array, 4711);
	KUNIT_EXPECT_EQ(test, to_mock_fence(members[0])->deadline, 4711);
	KUNIT_EXPECT_EQ(test, to_mock_fence(members[1])->deadline, 0);
	KUNIT_EXPECT_EQ(test, to_mock_fence(members[2])->deadline, 4711);
}

static void loop_visits_each_member(struct kunit *test)
{
	struct dma_fence *members[3], *array, *fence;
	unsigned int index, seen = 0;

	mock_fences(test, 3, members);
	array = mock_array(test, false, 3, members);
	dma_fence_array_for_each(fence, index, array) {
		KUNIT_ASSERT_LT(test, index, 3);
		KUNIT_EXPECT_PTR_EQ(test, fence, members[index]);
		seen++;
	}
	KUNIT_EXPECT_EQ(test, seen, 3);
	dma_fence_array_for_each(fence, index, members[0]) {
		KUNIT_EXPECT_PTR_EQ(test, fence, members[0]);
		seen++;
	}
	KUNIT_EXPECT_EQ(test, seen, 4);
	dma_fence_array_for_each(fence, index, NULL)
		seen++;
	KUNIT_EXPECT_EQ(test, seen, 4);
	KUNIT_EXPECT_NULL(test, dma_fence_array_first(NULL));
	KUNIT_EXPECT_NULL(test, dma_fence_array_next(array, 3));
	KUNIT_EXPECT_NULL(test, dma_fence_array_next(members[0], 0));
	KUNIT_EXPECT_NULL(test, dma_fence_array_next(NULL, 0));
}

static void match_context_tests_each_member(struct kunit *test)
{
	u64 context = dma_fence_context_alloc(1);
	struct dma_fence *members[] = {
		mock_fence_at(test, context, 1), mock_fence_at(test, context, 2),
		mock_fence(test),
	};

	KUNIT_EXPECT_TRUE(test, dma_fence_match_context(members[0], context));
	KUNIT_EXPECT_FALSE(test, dma_fence_match_context(members[2], context));
	KUNIT_EXPECT_TRUE(test, dma_fence_match_context(mock_array(test, false, 2, members),
							context));
	KUNIT_EXPECT_FALSE(test, dma_fence_match_context(mock_array(test, false, 3, members),
							 context));
}

static void wait_for_an_array(struct kunit *test)
{
	struct dma_fence *members[2], *array;
	struct mock_signaller *signaller;
	long remaining;

	mock_fences(test, 2, members);
	array = mock_array(test, false, 2, members);
	dma_fence_signal(members[0]);
	KUNIT_EXPECT_EQ(test, dma_fence_wait_timeout(array, true, 1), 0);
	signaller = mock_signaller(test, 1, &members[1]);
	remaining = dma_fence_wait_timeout(array, true, LONG);
	KUNIT_EXPECT_EQ(test, mock_signaller_end(test, signaller), 1);
	KUNIT_EXPECT_GT(test, remaining, LONG / 2);
	KUNIT_EXPECT_LT(test, remaining, LONG);
}

/* Two fences that threads signal and replace, and put into arrays. */
struct race {
	struct dma_fence __rcu *members[2];
	struct mutex lock;	/* replacing @members */
};

static struct dma_fence *race_get(struct race *race, unsigned int i)
{
	guard(rcu)();
	return dma_fence_get_rcu_safe(&race->members[i]);
}

static bool race_replace(struct race *race, unsigned int i)
{
	struct dma_fence *next = locked_fence(), *old;
	int ret;

	if (!next)
		return false;
	mutex_lock(&race->lock);
	old = rcu_replace_pointer(race->members[i], next, lockdep_is_held(&race->lock));
	mutex_unlock(&race->lock);
	ret = dma_fence_signal(old);
	dma_fence_put(old);
	return !ret;
}

static bool race_signal_first(void *race)
{
	return race_replace(race, 0);
}

static bool race_signal_second(void *race)
{
	return race_replace(race, 1);
}

static bool race_use(struct race *race, bool any)
{
	struct dma_fence **members = kmalloc_array(2, sizeof(*members), GFP_KERNEL);
	struct mock_callback callback = {};
	struct dma_fence_array *array;
	bool done[2], expected, fine;
	int added, removed;

	if (!members)
		return false;
	members[0] = race_get(race, 0);
	members[1] = race_get(race, 1);
	array = dma_fence_array_create(2, members, dma_fence_context_alloc(1), 1, any);
	if (!array)
		return false;
	added = !mock_callback_add(&callback, &array->base);
	cpu_relax();
	/* Takes the lock: between a member's flag and its callback the array is pending. */
	done[0] = dma_fence_get_status(members[0]);
	done[1] = dma_fence_get_status(members[1]);
	expected = any ? done[0] || done[1] : done[0] && done[1];
	fine = !expected || dma_fence_get_status(&array->base) == 1;
	removed = dma_fence_remove_callback(&array->base, &callback.cb);
	dma_fence_put(&array->base);
	return fine && atomic_read(&callback.times) + removed == added;
}

static bool race_use_all(void *race)
{
	return race_use(race, false);
}

static bool race_use_any(void *race)
{
	return race_use(race, true);
}

/* An array is released while its members signal. */
static void release_races_with_the_members_signals(struct kunit *test)
{
	struct race race = {};
	struct mock_job jobs[] = {
		{ race_signal_first, &race }, { race_signal_second, &race },
		{ race_use_all, &race }, { race_use_any, &race },
	};

	mutex_init(&race.lock);
	for (int i = 0; i < 2; i++)
		RCU_INIT_POINTER(race.members[i], locked_fence());
	KUNIT_ASSERT_EQ(test, atomic_read(&locked_fences), 2);
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	for (int i = 0; i < 2; i++) {
		struct dma_fence *fence = rcu_dereference_protected(race.members[i], true);

		dma_fence_signal(fence);
		dma_fence_put(fence);
	}
	KUNIT_EXPECT_TRUE(test, locked_fences_released());
}

/* An array to which several threads add callbacks at the same time. */
struct shared {
	struct dma_fence *array;
	struct mock_callback callbacks[3];
	struct completion go;
	atomic_t tried;		/* threads that have added theirs, or were too late */
};

struct enabler {
	struct shared *shared;
	int number;
	int ret;
};

static void enable_with_others(void *data)
{
	struct enabler *enabler = data;
	struct shared *shared = enabler->shared;

	wait_for_completion(&shared->go);
	enabler->ret = mock_callback_add(&shared->callbacks[enabler->number],
					 shared->array);
	atomic_inc(&shared->tried);
}

/* Of four rounds, the members signal before, after the first, the second and all threads. */
static void several_threads_enable_one_array(struct kunit *test)
{
	for (int round = 0; round < 60; round++) {
		int first = round % 4, tried;
		struct dma_fence *members[4];
		struct enabler enablers[3] = {};
		struct mock_thread *threads[3];
		struct shared shared = {};

		mock_fences(test, 4, members);
		shared.array = mock_array(test, false, 4, members);
		init_completion(&shared.go);
		for (int i = 0; i < 3; i++) {
			enablers[i] = (struct enabler) { .shared = &shared, .number = i };
			threads[i] = mock_thread(test, enable_with_others, &enablers[i]);
		}
		complete_all(&shared.go);
		KUNIT_EXPECT_EQ(test, 0, read_poll_timeout(atomic_read, tried, tried >= first,
							   100, 5 * USEC_PER_SEC, false,
							   &shared.tried));
		for (int i = 0; i < 4; i++)
			dma_fence_signal(members[i]);
		for (int i = 0; i < 3; i++)
			mock_thread_join(test, threads[i]);
		KUNIT_EXPECT_TRUE(test, mock_signals(shared.array));
		for (int i = 0; first == 3 && i < 3; i++)
			KUNIT_EXPECT_EQ(test, enablers[i].ret, 0);
		for (int i = 0; i < 3; i++)
			KUNIT_EXPECT_EQ(test, atomic_read(&shared.callbacks[i].times),
					!enablers[i].ret);
		for (int i = 0; i < 4; i++)
			KUNIT_EXPECT_LE(test,
					atomic_read(&to_mock_fence(members[i])->enabled), 1);
	}
}

/* A wait for a fence that has signalled asks nothing of the other members. */
static void signalled_array_is_not_enabled(struct kunit *test)
{
	struct dma_fence *fences[2], *array;

	mock_fences(test, 2, fences);
	array = mock_array(test, true, 2, fences);
	dma_fence_signal(fences[1]);
	KUNIT_ASSERT_TRUE(test, dma_fence_is_signaled(array));
	KUNIT_EXPECT_EQ(test, dma_fence_wait_timeout(array, false, 1), 1);
	dma_fence_enable_sw_signaling(array);
	KUNIT_EXPECT_TRUE(test, list_empty(&fences[0]->cb_list));
	KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(fences[0])->enabled), 0);
	KUNIT_EXPECT_EQ(test, kref_read(&array->refcount), 1);
}

static struct kunit_case dma_fence_array_cases[] = {
	KUNIT_CASE(array_of_members),
	KUNIT_CASE(array_init_in_allocated_memory),
	KUNIT_CASE_PARAM(array_signals_with_the_deciding_member, shape_gen_params),
	KUNIT_CASE_PARAM(polled_array_polls_its_members, shape_gen_params),
	KUNIT_CASE_PARAM(array_of_signalled_members_when_enabled, shape_gen_params),
	KUNIT_CASE(array_with_some_members_signalled_before),
	KUNIT_CASE(array_enables_each_member_once),
	KUNIT_CASE_PARAM(array_adds_a_callback_to_each_member, shape_gen_params),
	KUNIT_CASE(array_of_a_member_whose_enabling_fails),
	KUNIT_CASE_PARAM(array_gets_the_error_of_its_members, failure_gen_params),
	KUNIT_CASE(array_holds_its_members),
	KUNIT_CASE_PARAM(array_without_other_references_is_released, shape_gen_params),
	KUNIT_CASE(array_is_released_without_a_members_lock),
	KUNIT_CASE_PARAM(members_share_a_lock, shape_gen_params),
	KUNIT_CASE(lock_of_another_member_is_held),
	KUNIT_CASE_PARAM(driver_signals_with_interrupts_on, shape_gen_params),
	KUNIT_CASE(last_reference_with_interrupts_on),
	KUNIT_CASE_PARAM(array_in_an_array, shape_gen_params),
	KUNIT_CASE_PARAM(lock_of_the_array_is_held, shape_gen_params),
	KUNIT_CASE_PARAM(array_whose_poller_is_preempted, shape_gen_params),
	KUNIT_CASE(array_of_200),
	KUNIT_CASE(interrupted_task_holds_a_members_lock),
	KUNIT_CASE(array_passes_a_deadline_on),
	KUNIT_CASE(loop_visits_each_member),
	KUNIT_CASE(match_context_tests_each_member),
	KUNIT_CASE(wait_for_an_array),
	KUNIT_CASE(several_threads_enable_one_array),
	KUNIT_CASE(release_races_with_the_members_signals),
	KUNIT_CASE(signalled_array_is_not_enabled),
	{}
};

static struct kunit_suite dma_fence_array_suite = {
	.name = "dma_fence_array",
	.init = mock_init,
	.test_cases = dma_fence_array_cases,
};

kunit_test_suite(dma_fence_array_suite);
