// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of arrays: with which member they signal, what they say when nobody waits,
 * and who is released by whom.
 */

#include <linux/completion.h>
#include <linux/delay.h>

#include "containers.h"
#include "mock.h"
#include "threads.h"

#define MEMBERS_MAX	16
#define LONG		msecs_to_jiffies(20000)

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

/* The i-th member to be signalled. */
static unsigned int turn(const struct shape *shape, unsigned int i)
{
	return shape->backwards ? shape->count - 1 - i : i;
}

/* After so many signals the array has to be signalled. */
static unsigned int enough(const struct shape *shape)
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

static void array_made_where_nothing_may_fail(struct kunit *test)
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

/* With the signal, and not some time after it: nothing is left to a worker. */
static void signal_in_turn(struct kunit *test, const struct shape *shape,
			   struct dma_fence **members, struct dma_fence *array)
{
	struct mock_callback callback = {};

	KUNIT_ASSERT_EQ(test, 0, mock_callback_add(&callback, array));
	for (unsigned int i = 0; i < shape->count; i++) {
		KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), i >= enough(shape));
		dma_fence_signal(members[turn(shape, i)]);
		KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), i + 1 >= enough(shape));
		KUNIT_EXPECT_EQ(test, test_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &array->flags),
				i + 1 >= enough(shape));
	}
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(array), 1);
	KUNIT_EXPECT_EQ(test, -ENOENT, mock_callback_add(&callback, array));
}

static void array_signals_with_the_member_that_decides(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence *members[MEMBERS_MAX];

	mock_fences(test, shape->count, members);
	signal_in_turn(test, shape, members,
		       mock_array(test, shape->any, shape->count, members));
}

/* Nobody waits, nobody enables anything: asked, it says what the members say. */
static void array_is_signalled_as_soon_as_its_members_are(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence *members[MEMBERS_MAX], *array;

	mock_fences(test, shape->count, members);
	array = mock_array(test, shape->any, shape->count, members);
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(array));
	for (unsigned int i = 0; i < enough(shape); i++) {
		KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(array));
		dma_fence_signal(members[turn(shape, i)]);
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
	for (unsigned int i = 0; i < enough(shape); i++)
		dma_fence_signal(members[turn(shape, i)]);
	KUNIT_EXPECT_EQ(test, -ENOENT, mock_callback_add(&callback, array));
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 0);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(array));
}

/* The first half is signalled before somebody waits, the rest after. */
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
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 0);
	dma_fence_signal(members[0]);
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
	KUNIT_EXPECT_EQ(test, atomic_read(&one.times), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&other.times), 1);
}

static unsigned int callbacks_at(unsigned int count, struct dma_fence **members)
{
	unsigned int callbacks = 0;

	for (unsigned int i = 0; i < count; i++)
		if (!dma_fence_is_signaled(members[i]))
			callbacks += list_count_nodes(&members[i]->cb_list);
	return callbacks;
}

/* One callback for all of them, or one for each of any. */
static void array_waits_with_as_few_callbacks_as_it_can(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence *members[MEMBERS_MAX], *array;
	unsigned int left;

	mock_fences(test, shape->count, members);
	array = mock_array(test, shape->any, shape->count, members);
	KUNIT_EXPECT_EQ(test, callbacks_at(shape->count, members), 0);
	dma_fence_enable_sw_signaling(array);
	for (unsigned int i = 0; i < shape->count; i++) {
		left = shape->count - i;
		KUNIT_EXPECT_EQ(test, callbacks_at(shape->count, members),
				shape->any ? left : 1);
		dma_fence_signal(members[turn(shape, i)]);
	}
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(array), 1);
	/* Nothing is left of them. */
	for (unsigned int i = 0; i < shape->count; i++)
		KUNIT_EXPECT_EQ(test, kref_read(&members[i]->refcount), 2);
	KUNIT_EXPECT_EQ(test, kref_read(&array->refcount), 1);
}

static void array_of_a_member_whose_enabling_fails(struct kunit *test)
{
	struct dma_fence *members[3], *array;
	struct mock_callback callback = {};

	mock_fences(test, 3, members);
	to_mock_fence(members[1])->late = true;
	array = mock_array(test, true, 3, members);
	KUNIT_EXPECT_EQ(test, -ENOENT, mock_callback_add(&callback, array));
	/* It is signalled: nobody has to bother with the last one. */
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

/* The error is there with the signal, and stays. */
static void array_fails_as_its_members(struct kunit *test)
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
	KUNIT_EXPECT_TRUE(test, mock_fences_left(test, 3));
	mock_put(test, array);
	KUNIT_EXPECT_TRUE(test, mock_fences_left(test, 0));
}

/* Somebody waited, and everybody has gone since: the members let go of it. */
static void array_that_nobody_wants_goes_with_its_members(struct kunit *test)
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
		dma_fence_signal(members[turn(shape, i)]);
	}
	for (unsigned int i = 0; i < shape->count; i++)
		mock_fence_put(test, members[i]);
	KUNIT_EXPECT_TRUE(test, mock_fences_left(test, 0));
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 0);
}

/* Fences of a driver whose release takes the lock below which they are signalled. */
static DEFINE_SPINLOCK(locked_lock);
static atomic_t locked_left;

static const char *locked_name(struct dma_fence *fence)
{
	return "locked";
}

static void locked_release(struct dma_fence *fence)
{
	unsigned long irq;

	spin_lock_irqsave(&locked_lock, irq);
	atomic_dec(&locked_left);
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
	atomic_inc(&locked_left);
	dma_fence_init(fence, &locked_ops, &locked_lock, dma_fence_context_alloc(1), 1);
	return fence;
}

static bool locked_all_gone(void)
{
	for (int tries = 0; tries < 250 && atomic_read(&locked_left); tries++)
		msleep(20);
	return !atomic_read(&locked_left);
}

/* The array, and with it a member, would have to be released below that lock. */
static void last_reference_goes_under_a_members_lock(struct kunit *test)
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
	KUNIT_EXPECT_TRUE(test, locked_all_gone());
}

/* Whichever order they signal in, under the one lock that all of them have. */
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
	KUNIT_EXPECT_TRUE(test, locked_all_gone());
}

/* Somebody holds the lock of the member that is to be waited for next. */
static void next_member_is_busy(struct kunit *test)
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
	KUNIT_EXPECT_GE(test, dma_fence_wait_timeout(array, false, LONG), 1);
	/* Comes after those who are called, and who may be called by a task. */
	KUNIT_EXPECT_FALSE(test, dma_fence_remove_callback(array, &callback.cb));
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 1);
}

/* Locks as vmwgfx has them: no interrupt takes them, and they do not switch any off. */
static DEFINE_SPINLOCK(plain_lock);
static DEFINE_SPINLOCK(other_lock);

static void signal_plainly(struct dma_fence *fence)
{
	spin_lock(fence->lock);
	dma_fence_signal_locked(fence);
	spin_unlock(fence->lock);
}

static void driver_signals_with_interrupts_on(struct kunit *test)
{
	struct dma_fence *members[] = { mock_fence(test), mock_plain_fence(test, &plain_lock) };
	struct dma_fence *array = mock_array(test, false, 2, members);
	struct mock_callback callback = {};

	KUNIT_ASSERT_EQ(test, 0, mock_callback_add(&callback, array));
	signal_plainly(members[1]);
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 0);
	dma_fence_signal(members[0]);
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 1);
}

/* The move is left to others, who want both locks: an interrupt would spin for ever. */
static void next_member_is_busy_and_interrupts_are_on(struct kunit *test)
{
	struct dma_fence *members[] = {
		mock_plain_fence(test, &plain_lock), mock_plain_fence(test, &other_lock),
		mock_plain_fence(test, &plain_lock),
	};
	struct dma_fence *array = mock_array(test, false, 3, members);
	struct mock_callback callback = {};

	KUNIT_ASSERT_EQ(test, 0, mock_callback_add(&callback, array));
	spin_lock(&other_lock);
	signal_plainly(members[2]);
	dma_fence_signal_locked(members[1]);
	spin_unlock(&other_lock);
	signal_plainly(members[0]);
	KUNIT_EXPECT_GE(test, dma_fence_wait_timeout(array, false, LONG), 1);
	/* Comes after those who are called, and who may be called by a task. */
	KUNIT_EXPECT_FALSE(test, dma_fence_remove_callback(array, &callback.cb));
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 1);
}

/* A callback in another task than the one that signals below a driver's lock. */
struct told_plainly {
	struct dma_fence_cb cb;
	struct completion done;
	struct task_struct *by;
};

static void tell_plainly(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct told_plainly *told = container_of(cb, struct told_plainly, cb);

	told->by = current;
	complete(&told->done);
}

static void last_signal_comes_with_interrupts_on(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence *members[MEMBERS_MAX], *array;
	struct told_plainly told = {};

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "locks never switch interrupts off");
	init_completion(&told.done);
	for (unsigned int i = 0; i < shape->count; i++)
		members[i] = mock_plain_fence(test, &plain_lock);
	array = mock_array(test, shape->any, shape->count, members);
	KUNIT_ASSERT_EQ(test, 0, dma_fence_add_callback(array, &told.cb, tell_plainly));
	for (unsigned int i = 0; i < shape->count; i++)
		signal_plainly(members[turn(shape, i)]);
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&told.done, LONG), 0);
	KUNIT_EXPECT_PTR_NE(test, told.by, current);
}

/* Somebody looks at the array just when it would be signalled. */
static void array_itself_is_busy(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence *members[MEMBERS_MAX], *array;
	struct mock_callback callback = {};
	unsigned long irq;

	if (!IS_ENABLED(CONFIG_SMP) && !IS_ENABLED(CONFIG_DEBUG_SPINLOCK))
		kunit_skip(test, "nothing tells that a lock is held");
	mock_fences(test, shape->count, members);
	for (unsigned int i = 0; i < shape->count; i++)
		dma_fence_set_error(members[i], -1 - i);
	array = mock_array(test, shape->any, shape->count, members);
	KUNIT_ASSERT_EQ(test, 0, mock_callback_add(&callback, array));
	spin_lock_irqsave(array->lock, irq);
	for (unsigned int i = 0; i < shape->count; i++)
		dma_fence_signal(members[turn(shape, i)]);
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 0);
	spin_unlock_irqrestore(array->lock, irq);
	/* Not by asking: that would signal it. */
	for (int tries = 0; tries < 250 && !atomic_read(&callback.times); tries++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 1);
	KUNIT_EXPECT_EQ(test, array->error, shape->any ? -1 - (int)turn(shape, 0) : -1);
	/* The callbacks' reference is gone; the members go with the test's. */
	for (int tries = 0; tries < 250 && kref_read(&array->refcount) > 1; tries++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, kref_read(&array->refcount), 1);
}

/* Somebody has asked and got a yes, and has not come to signalling it. */
static void array_whose_reader_sleeps(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence *members[MEMBERS_MAX], *array;
	struct mock_callback callback = {};

	mock_fences(test, shape->count, members);
	array = mock_array(test, shape->any, shape->count, members);
	KUNIT_ASSERT_EQ(test, 0, mock_callback_add(&callback, array));
	/* What the reader leaves behind when it has been told. */
	array->error = 0;
	for (unsigned int i = 0; i < shape->count; i++)
		dma_fence_signal(members[turn(shape, i)]);
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 1);
}

/* More than one look takes in, and each of them is there when the last one signals. */
static void array_of_very_many(struct kunit *test)
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
	msleep(20);
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 0);
	dma_fence_signal(members[0]);
	for (int tries = 0; tries < 250 && !atomic_read(&callback.times); tries++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 1);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(array), -EIO);
}

/* What comes while a task has a lock, with interrupts on. */
struct intruder {
	struct timer_list timer;
	struct dma_fence *fence;
	bool done;
};

static void intrude(struct timer_list *timer)
{
	struct intruder *intruder = from_timer(intruder, timer, timer);

	dma_fence_signal(intruder->fence);
	WRITE_ONCE(intruder->done, true);
}

/*
 * An interrupt signals a member while the task that it came to has the lock of the next
 * one: nothing may wait for that lock until the task goes on.
 */
static void interrupt_comes_where_the_next_member_is_busy(struct kunit *test)
{
	struct dma_fence *members[] = { mock_plain_fence(test, &plain_lock), mock_fence(test) };
	struct dma_fence *array = mock_array(test, false, 2, members);
	struct intruder intruder = { .fence = members[1] };
	struct mock_callback callback = {};
	unsigned long end = jiffies + LONG;

	KUNIT_ASSERT_EQ(test, 0, mock_callback_add(&callback, array));
	timer_setup_on_stack(&intruder.timer, intrude, TIMER_IRQSAFE);
	spin_lock(&plain_lock);
	mod_timer(&intruder.timer, jiffies + 1);
	while (!READ_ONCE(intruder.done) && time_before(jiffies, end))
		cpu_relax();
	spin_unlock(&plain_lock);
	timer_shutdown_sync(&intruder.timer);
	destroy_timer_on_stack(&intruder.timer);
	KUNIT_EXPECT_TRUE(test, intruder.done);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(array), 0);
	signal_plainly(members[0]);
	KUNIT_EXPECT_GE(test, dma_fence_wait_timeout(array, false, LONG), 1);
	/* Comes after those who are called, and who may be called by a task. */
	KUNIT_EXPECT_FALSE(test, dma_fence_remove_callback(array, &callback.cb));
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

static void array_loop_sees_each_member(struct kunit *test)
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

static void match_context_wants_all_of_it(struct kunit *test)
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

static void signal_soon(void *fence)
{
	msleep(20);
	dma_fence_signal(fence);
}

static void wait_for_an_array(struct kunit *test)
{
	struct dma_fence *members[2], *array;
	struct mock_thread *thread;
	long left;

	mock_fences(test, 2, members);
	array = mock_array(test, false, 2, members);
	dma_fence_signal(members[0]);
	KUNIT_EXPECT_EQ(test, dma_fence_wait_timeout(array, true, 1), 0);
	thread = mock_thread(test, signal_soon, members[1]);
	left = dma_fence_wait_timeout(array, true, LONG);
	KUNIT_EXPECT_GE(test, left, 1);
	KUNIT_EXPECT_LE(test, left, LONG);
	mock_thread_join(test, thread);
}

/* The two fences that threads make arrays of. */
struct race {
	struct dma_fence __rcu *members[2];
	struct mutex lock;	/* who replaces members */
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
	done[0] = dma_fence_is_signaled(members[0]);
	done[1] = dma_fence_is_signaled(members[1]);
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

/* The array goes at the same time as the signals of its members arrive. */
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
	KUNIT_ASSERT_EQ(test, atomic_read(&locked_left), 2);
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	for (int i = 0; i < 2; i++) {
		struct dma_fence *fence = rcu_dereference_protected(race.members[i], true);

		dma_fence_signal(fence);
		dma_fence_put(fence);
	}
	KUNIT_EXPECT_TRUE(test, locked_all_gone());
}

/* One array that several threads wait for at the same time. */
struct shared {
	struct dma_fence *array;
	struct mock_callback callbacks[3];
	struct completion go;
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
}

static void array_that_several_enable_at_once(struct kunit *test)
{
	for (int round = 0; round < 50; round++) {
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
		for (int i = 0; i < 4; i++)
			dma_fence_signal(members[i]);
		for (int i = 0; i < 3; i++)
			mock_thread_join(test, threads[i]);
		KUNIT_EXPECT_TRUE(test, test_bit(DMA_FENCE_FLAG_SIGNALED_BIT,
						 &shared.array->flags));
		for (int i = 0; i < 3; i++)
			KUNIT_EXPECT_EQ(test, atomic_read(&shared.callbacks[i].times),
					!enablers[i].ret);
		for (int i = 0; i < 4; i++)
			KUNIT_EXPECT_LE(test,
					atomic_read(&to_mock_fence(members[i])->enabled), 1);
	}
}

static struct kunit_case dma_fence_array_cases[] = {
	KUNIT_CASE(array_of_members),
	KUNIT_CASE(array_made_where_nothing_may_fail),
	KUNIT_CASE_PARAM(array_signals_with_the_member_that_decides, shape_gen_params),
	KUNIT_CASE_PARAM(array_is_signalled_as_soon_as_its_members_are, shape_gen_params),
	KUNIT_CASE_PARAM(array_of_signalled_members_when_enabled, shape_gen_params),
	KUNIT_CASE(array_with_some_members_signalled_before),
	KUNIT_CASE(array_enables_each_member_once),
	KUNIT_CASE_PARAM(array_waits_with_as_few_callbacks_as_it_can, shape_gen_params),
	KUNIT_CASE(array_of_a_member_whose_enabling_fails),
	KUNIT_CASE_PARAM(array_fails_as_its_members, failure_gen_params),
	KUNIT_CASE(array_holds_its_members),
	KUNIT_CASE_PARAM(array_that_nobody_wants_goes_with_its_members, shape_gen_params),
	KUNIT_CASE(last_reference_goes_under_a_members_lock),
	KUNIT_CASE_PARAM(members_share_a_lock, shape_gen_params),
	KUNIT_CASE(next_member_is_busy),
	KUNIT_CASE(driver_signals_with_interrupts_on),
	KUNIT_CASE(next_member_is_busy_and_interrupts_are_on),
	KUNIT_CASE_PARAM(last_signal_comes_with_interrupts_on, shape_gen_params),
	KUNIT_CASE_PARAM(array_itself_is_busy, shape_gen_params),
	KUNIT_CASE_PARAM(array_whose_reader_sleeps, shape_gen_params),
	KUNIT_CASE(array_of_very_many),
	KUNIT_CASE(interrupt_comes_where_the_next_member_is_busy),
	KUNIT_CASE(array_passes_a_deadline_on),
	KUNIT_CASE(array_loop_sees_each_member),
	KUNIT_CASE(match_context_wants_all_of_it),
	KUNIT_CASE(wait_for_an_array),
	KUNIT_CASE(array_that_several_enable_at_once),
	KUNIT_CASE(release_races_with_the_members_signals),
	{}
};

static struct kunit_suite dma_fence_array_suite = {
	.name = "dma_fence_array",
	.init = mock_init,
	.test_cases = dma_fence_array_cases,
};

kunit_test_suite(dma_fence_array_suite);
