// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of a single fence: its states, callbacks, references and sequence numbers.
 */

#include <linux/debug_locks.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>

#include "containers.h"
#include "mock.h"
#include "threads.h"

/* A fence whose driver callbacks do what the test sets, and count their calls. */
struct custom_fence {
	struct dma_fence base;
	spinlock_t lock;	/* passed to dma_fence_init() */
	bool done;
	bool signals_when_enabled;
	atomic_t polls;
	int enabled;
	int deadlines;
	ktime_t deadline;
};

static struct custom_fence *to_custom_fence(struct dma_fence *fence)
{
	return container_of(fence, struct custom_fence, base);
}

static const char *custom_name(struct dma_fence *fence)
{
	return "custom";
}

static bool custom_enable(struct dma_fence *fence)
{
	struct custom_fence *custom = to_custom_fence(fence);

	custom->enabled++;
	if (custom->signals_when_enabled)
		dma_fence_signal_locked(fence);
	return true;
}

static bool custom_signaled(struct dma_fence *fence)
{
	atomic_inc(&to_custom_fence(fence)->polls);
	return to_custom_fence(fence)->done;
}

static void custom_set_deadline(struct dma_fence *fence, ktime_t deadline)
{
	to_custom_fence(fence)->deadlines++;
	to_custom_fence(fence)->deadline = deadline;
}

static const struct dma_fence_ops custom_ops = {
	.get_driver_name = custom_name,
	.get_timeline_name = custom_name,
	.enable_signaling = custom_enable,
	.signaled = custom_signaled,
	.set_deadline = custom_set_deadline,
};

static void custom_put(void *fence)
{
	dma_fence_put(fence);
}

static struct custom_fence *custom_fence(struct kunit *test)
{
	struct custom_fence *custom = kzalloc(sizeof(*custom), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, custom);
	spin_lock_init(&custom->lock);
	dma_fence_init(&custom->base, &custom_ops, &custom->lock, dma_fence_context_alloc(1), 1);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, custom_put, &custom->base));
	return custom;
}

/* A callback, and the state that it found when it ran. */
struct called {
	struct dma_fence_cb cb;
	int times;
	int place;
	int *last_place;
	bool linked;
	bool signaled;
	bool irqs_off;
};

static void called_back(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct called *called = container_of(cb, struct called, cb);

	called->times++;
	if (called->last_place)
		called->place = ++*called->last_place;
	called->linked = !list_empty(&cb->node);
	called->signaled = test_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &fence->flags);
	lockdep_assert_held(fence->lock);
	called->irqs_off = irqs_disabled();
}

static void init_sets_the_members(struct kunit *test)
{
	struct custom_fence *custom = custom_fence(test);

	KUNIT_EXPECT_PTR_EQ(test, custom->base.ops, &custom_ops);
	KUNIT_EXPECT_PTR_EQ(test, custom->base.lock, &custom->lock);
	KUNIT_EXPECT_EQ(test, custom->base.seqno, 1);
	KUNIT_EXPECT_EQ(test, custom->base.flags, 0);
	KUNIT_EXPECT_EQ(test, custom->base.error, 0);
	KUNIT_EXPECT_EQ(test, kref_read(&custom->base.refcount), 1);
	KUNIT_EXPECT_EQ(test, custom->enabled, 0);
}

static void contexts_are_unique(struct kunit *test)
{
	u64 three = dma_fence_context_alloc(3);
	u64 one = dma_fence_context_alloc(1);

	KUNIT_EXPECT_NE(test, three, 0);
	KUNIT_EXPECT_GE(test, one, three + 3);
}

static void signal_happens_once(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);

	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(fence));
	KUNIT_EXPECT_EQ(test, dma_fence_signal(fence), 0);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(fence));
	KUNIT_EXPECT_EQ(test, dma_fence_signal(fence), -EINVAL);
	KUNIT_EXPECT_EQ(test, dma_fence_signal_timestamp(fence, 1), -EINVAL);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(fence));
}

static void signal_of_null_is_refused(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, dma_fence_signal(NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, dma_fence_signal_timestamp(NULL, 1), -EINVAL);
}

static void signal_under_the_lock(struct kunit *test)
{
	struct custom_fence *custom = custom_fence(test);
	int first, second, status;
	bool signaled;

	spin_lock_irq(&custom->lock);
	status = dma_fence_get_status_locked(&custom->base);
	first = dma_fence_signal_locked(&custom->base);
	second = dma_fence_signal_timestamp_locked(&custom->base, 1);
	signaled = dma_fence_is_signaled_locked(&custom->base);
	spin_unlock_irq(&custom->lock);
	KUNIT_EXPECT_EQ(test, status, 0);
	KUNIT_EXPECT_EQ(test, first, 0);
	KUNIT_EXPECT_EQ(test, second, -EINVAL);
	KUNIT_EXPECT_TRUE(test, signaled);
}

static void signal_sets_the_timestamp(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	ktime_t before = ktime_get(), after;

	dma_fence_signal(fence);
	after = ktime_get();
	KUNIT_EXPECT_GE(test, dma_fence_timestamp(fence), before);
	KUNIT_EXPECT_LE(test, dma_fence_timestamp(fence), after);
}

static void signal_keeps_a_given_timestamp(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);

	KUNIT_EXPECT_EQ(test, dma_fence_signal_timestamp(fence, 4711), 0);
	KUNIT_EXPECT_EQ(test, dma_fence_timestamp(fence), 4711);
	dma_fence_signal(fence);
	KUNIT_EXPECT_EQ(test, dma_fence_timestamp(fence), 4711);
}

static void status_is_pending_signalled_or_error(struct kunit *test)
{
	struct dma_fence *good = mock_fence(test), *bad = mock_fence(test);

	dma_fence_set_error(bad, -EIO);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(good), 0);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(bad), 0);
	dma_fence_signal(good);
	dma_fence_signal(bad);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(good), 1);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(bad), -EIO);
}

static void callbacks_run_once_and_in_order(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	struct called called[5] = {};
	int last_place = 0, i;

	for (i = 0; i < ARRAY_SIZE(called); i++) {
		called[i].last_place = &last_place;
		KUNIT_EXPECT_EQ(test, 0, dma_fence_add_callback(fence, &called[i].cb,
								called_back));
	}
	KUNIT_EXPECT_EQ(test, last_place, 0);
	dma_fence_signal(fence);
	dma_fence_signal(fence);
	for (i = 0; i < ARRAY_SIZE(called); i++) {
		KUNIT_EXPECT_EQ(test, called[i].times, 1);
		KUNIT_EXPECT_EQ(test, called[i].place, i + 1);
		KUNIT_EXPECT_TRUE(test, called[i].signaled);
		KUNIT_EXPECT_FALSE(test, called[i].linked);
		KUNIT_EXPECT_TRUE(test, called[i].irqs_off || IS_ENABLED(CONFIG_PREEMPT_RT));
	}
}

static void callback_after_the_signal_comes_too_late(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	struct called called = {};

	dma_fence_signal(fence);
	KUNIT_EXPECT_EQ(test, -ENOENT,
			dma_fence_add_callback(fence, &called.cb, called_back));
	KUNIT_EXPECT_FALSE(test, dma_fence_remove_callback(fence, &called.cb));
	KUNIT_EXPECT_EQ(test, called.times, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(fence)->enabled), 0);
}

static void callback_enables_signalling_once(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	struct called first = {}, second = {};

	dma_fence_add_callback(fence, &first.cb, called_back);
	dma_fence_add_callback(fence, &second.cb, called_back);
	dma_fence_enable_sw_signaling(fence);
	KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(fence)->enabled), 1);
	dma_fence_signal(fence);
}

static void polling_does_not_enable_signalling(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);

	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(fence));
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(fence)->enabled), 0);
}

static void enabling_that_fails_signals(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	struct called called = {};

	to_mock_fence(fence)->late = true;
	KUNIT_EXPECT_EQ(test, -ENOENT,
			dma_fence_add_callback(fence, &called.cb, called_back));
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(fence));
	KUNIT_EXPECT_EQ(test, called.times, 0);
	KUNIT_EXPECT_FALSE(test, dma_fence_remove_callback(fence, &called.cb));
}

/*
 * enable_signaling signals the fence and returns true. Adding the callback to the list after
 * that would overwrite the timestamp, which shares its storage with the list.
 */
static void enabling_may_signal_and_return_true(struct kunit *test)
{
	struct custom_fence *custom = custom_fence(test);
	struct called called = {};
	ktime_t time;

	custom->signals_when_enabled = true;
	KUNIT_EXPECT_EQ(test, -ENOENT,
			dma_fence_add_callback(&custom->base, &called.cb, called_back));
	time = dma_fence_timestamp(&custom->base);
	KUNIT_EXPECT_LE(test, time, ktime_get());
	KUNIT_EXPECT_GT(test, time, 0);
	KUNIT_EXPECT_EQ(test, called.times, 0);
}

static void removed_callback_does_not_run(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	struct called kept = {}, removed = {};

	dma_fence_add_callback(fence, &removed.cb, called_back);
	dma_fence_add_callback(fence, &kept.cb, called_back);
	KUNIT_EXPECT_TRUE(test, dma_fence_remove_callback(fence, &removed.cb));
	KUNIT_EXPECT_FALSE(test, dma_fence_remove_callback(fence, &removed.cb));
	dma_fence_signal(fence);
	KUNIT_EXPECT_EQ(test, removed.times, 0);
	KUNIT_EXPECT_EQ(test, kept.times, 1);
	KUNIT_EXPECT_FALSE(test, dma_fence_remove_callback(fence, &kept.cb));
}

/* A callback that adds itself to another fence, which has another lock. */
struct mover {
	struct called called;
	struct dma_fence *next;
	int error;
};

static void move_to_next(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct mover *mover = container_of(cb, struct mover, called.cb);

	mover->error = dma_fence_add_callback(mover->next, cb, called_back);
}

static void callback_may_add_itself_to_another_fence(struct kunit *test)
{
	static struct lock_class_key second_key;
	struct dma_fence *first = mock_fence(test), *second = mock_fence(test);
	struct mover mover = { .next = second };

	lockdep_set_class(&to_mock_fence(second)->lock, &second_key);
	KUNIT_ASSERT_EQ(test, 0, dma_fence_add_callback(first, &mover.called.cb, move_to_next));
	dma_fence_signal(first);
	KUNIT_EXPECT_EQ(test, mover.error, 0);
	KUNIT_EXPECT_EQ(test, mover.called.times, 0);
	dma_fence_signal(second);
	KUNIT_EXPECT_EQ(test, mover.called.times, 1);
}

static void is_signaled_polls_the_driver(struct kunit *test)
{
	struct custom_fence *custom = custom_fence(test);
	struct called called = {};

	dma_fence_add_callback(&custom->base, &called.cb, called_back);
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(&custom->base));
	custom->done = true;
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(&custom->base));
	KUNIT_EXPECT_EQ(test, called.times, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&custom->polls), 2);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(&custom->base));
	KUNIT_EXPECT_EQ(test, atomic_read(&custom->polls), 2);
}

static const struct order {
	const char *desc;
	u64 later;
	u64 earlier;
	bool is_64bit;
	bool holds;
} orders[] = {
	{ "next", 2, 1, false, true },
	{ "same", 2, 2, false, false },
	{ "before", 1, 2, false, false },
	{ "across the wrap", 1, U32_MAX, false, true },
	{ "half the range ahead", 0x7fffffff, 0, false, true },
	{ "half the range behind", 0x80000000, 0, false, false },
	{ "upper half is ignored", BIT_ULL(32), 1, false, false },
	{ "64 bits: next", 2, 1, true, true },
	{ "64 bits: upper half", BIT_ULL(32), 1, true, true },
	{ "64 bits: no wrap", 1, U64_MAX, true, false },
};

KUNIT_ARRAY_PARAM_DESC(order, orders, desc);

static void sequence_numbers_compare(struct kunit *test)
{
	const struct order *row = test->param_value;
	const struct dma_fence_ops ops = { .use_64bit_seqno = row->is_64bit };

	KUNIT_EXPECT_EQ(test, __dma_fence_is_later(row->later, row->earlier, &ops),
			row->holds);
}

static void later_returns_the_fence_to_wait_for(struct kunit *test)
{
	u64 context = dma_fence_context_alloc(1);
	struct dma_fence *first = mock_fence_at(test, context, 1);
	struct dma_fence *second = mock_fence_at(test, context, 2);

	KUNIT_EXPECT_TRUE(test, dma_fence_is_later(second, first));
	KUNIT_EXPECT_FALSE(test, dma_fence_is_later(first, second));
	KUNIT_EXPECT_FALSE(test, dma_fence_is_later(first, first));
	KUNIT_EXPECT_TRUE(test, dma_fence_is_later_or_same(first, first));
	KUNIT_EXPECT_FALSE(test, dma_fence_is_later_or_same(first, second));
	KUNIT_EXPECT_PTR_EQ(test, dma_fence_later(first, second), second);
	KUNIT_EXPECT_PTR_EQ(test, dma_fence_later(second, first), second);
	dma_fence_signal(first);
	KUNIT_EXPECT_PTR_EQ(test, dma_fence_later(first, second), second);
	dma_fence_signal(second);
	KUNIT_EXPECT_NULL(test, dma_fence_later(first, second));
}

static void reference_under_rcu(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test), *got;
	struct dma_fence __rcu *pointer = RCU_INITIALIZER(fence);
	struct dma_fence dying = { .refcount = KREF_INIT(0) };

	KUNIT_EXPECT_NULL(test, dma_fence_get_rcu(&dying));
	rcu_read_lock();
	got = dma_fence_get_rcu_safe(&pointer);
	rcu_read_unlock();
	KUNIT_EXPECT_PTR_EQ(test, got, fence);
	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), 2);
	dma_fence_put(got);
	RCU_INIT_POINTER(pointer, NULL);
	rcu_read_lock();
	got = dma_fence_get_rcu_safe(&pointer);
	rcu_read_unlock();
	KUNIT_EXPECT_NULL(test, got);
}

static void get_and_put_of_null(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, dma_fence_get(NULL));
	dma_fence_put(NULL);
}

static void release_follows_the_last_put(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	struct mock_context *ctx = to_mock_fence(fence)->context;
	int fences = atomic_read(&ctx->fences);

	dma_fence_get(fence);
	mock_fence_put(test, fence);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->fences), fences);
	/* The release of an unsignalled fence without callbacks must not warn. */
	dma_fence_put(fence);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->fences), fences - 1);
}

/* Some drivers embed the fence and drop its reference with kref_put() themselves. */
static void release_by_kref_put(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	struct mock_context *ctx = to_mock_fence(fence)->context;
	int fences = atomic_read(&ctx->fences);

	dma_fence_get(fence);
	mock_fence_put(test, fence);
	KUNIT_EXPECT_EQ(test, kref_put(&fence->refcount, dma_fence_release), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->fences), fences - 1);
}

static void deadline_reaches_the_driver_until_it_is_signalled(struct kunit *test)
{
	struct custom_fence *custom = custom_fence(test);

	dma_fence_set_deadline(&custom->base, 4711);
	KUNIT_EXPECT_EQ(test, custom->deadlines, 1);
	KUNIT_EXPECT_EQ(test, custom->deadline, 4711);
	dma_fence_signal(&custom->base);
	dma_fence_set_deadline(&custom->base, 4712);
	KUNIT_EXPECT_EQ(test, custom->deadlines, 1);
}

static void deadline_of_a_driver_without_the_callback(struct kunit *test)
{
	static DEFINE_SPINLOCK(lock);
	struct dma_fence *fence = mock_plain_fence(test, &lock);

	KUNIT_ASSERT_NULL(test, fence->ops->set_deadline);
	dma_fence_set_deadline(fence, 4711);
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(fence));
}

static void describe_prints_one_line(struct kunit *test)
{
	struct dma_fence *fence = mock_fence_at(test, dma_fence_context_alloc(1), 7);
	char text[128] = "";
	struct seq_file seq = { .buf = text, .size = sizeof(text) };

	dma_fence_describe(fence, &seq);
	dma_fence_signal(fence);
	dma_fence_describe(fence, &seq);
	KUNIT_EXPECT_STREQ(test, text, "mock-driver mock-timeline seq 7 unsignalled\n"
				       "detached-driver signaled-timeline seq 7 signalled\n");
}

static void stub_is_signalled_and_the_same_for_all(struct kunit *test)
{
	struct dma_fence *one = dma_fence_get_stub(), *other = dma_fence_get_stub();

	KUNIT_EXPECT_PTR_EQ(test, one, other);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(one));
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(one), 1);
	KUNIT_EXPECT_LE(test, dma_fence_timestamp(one), ktime_get());
	KUNIT_EXPECT_EQ(test, one->context, 0);
	dma_fence_put(one);
	dma_fence_put(other);
}

static void private_stub_has_the_given_timestamp(struct kunit *test)
{
	struct dma_fence *fence = dma_fence_allocate_private_stub(4711);
	struct called called = {};

	KUNIT_ASSERT_NOT_NULL(test, fence);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(fence));
	KUNIT_EXPECT_EQ(test, dma_fence_timestamp(fence), 4711);
	KUNIT_EXPECT_EQ(test, -ENOENT,
			dma_fence_add_callback(fence, &called.cb, called_back));
	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), 1);
	dma_fence_put(fence);
}

static void signalling_sections_nest(struct kunit *test)
{
	bool outer = dma_fence_begin_signalling();
	bool inner = dma_fence_begin_signalling();

	/* Without lockdep there is nothing to nest. */
	KUNIT_EXPECT_EQ(test, outer, !IS_ENABLED(CONFIG_LOCKDEP));
	KUNIT_EXPECT_TRUE(test, inner);
	dma_fence_end_signalling(inner);
	/* The outer section has not ended. */
	inner = dma_fence_begin_signalling();
	KUNIT_EXPECT_TRUE(test, inner);
	dma_fence_end_signalling(inner);
	dma_fence_end_signalling(outer);
}

/* Lockdep sees a section as a trylock, so both orders of mutex and section are allowed. */
static void mutex_inside_and_around_a_signalling_section(struct kunit *test)
{
	static DEFINE_MUTEX(lock);
	bool cookie;

	KUNIT_ASSERT_TRUE_MSG(test, debug_locks, "an earlier report has switched lockdep off");
	cookie = dma_fence_begin_signalling();
	mutex_lock(&lock);
	mutex_unlock(&lock);
	dma_fence_end_signalling(cookie);

	mutex_lock(&lock);
	cookie = dma_fence_begin_signalling();
	dma_fence_end_signalling(cookie);
	mutex_unlock(&lock);
	KUNIT_EXPECT_TRUE(test, debug_locks);
}

/* A fence that threads use while another thread signals and replaces it. */
struct race {
	struct dma_fence __rcu *fence;
	struct mutex lock;	/* held to replace @fence */
};

struct racer {
	struct dma_fence_cb cb;
	int ran;
};

static void racer_ran(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	container_of(cb, struct racer, cb)->ran++;
}

static struct dma_fence *race_get(struct race *race)
{
	struct dma_fence *fence;

	rcu_read_lock();
	fence = dma_fence_get_rcu_safe(&race->fence);
	rcu_read_unlock();
	return fence;
}

/* Replace the fence by a new one, and signal the old one. */
static bool race_signal(void *data)
{
	struct custom_fence *next = kzalloc(sizeof(*next), GFP_KERNEL);
	struct race *race = data;
	struct dma_fence *old;
	int ret;

	if (!next)
		return false;
	spin_lock_init(&next->lock);
	dma_fence_init(&next->base, &custom_ops, &next->lock, dma_fence_context_alloc(1), 1);
	mutex_lock(&race->lock);
	old = rcu_replace_pointer(race->fence, &next->base, lockdep_is_held(&race->lock));
	mutex_unlock(&race->lock);
	ret = dma_fence_signal(old);
	dma_fence_put(old);
	return !ret;
}

/* A callback that was added either runs once or is removed; a refused one does neither. */
static bool race_add_remove(void *data)
{
	struct racer racer = {};
	struct dma_fence *fence = race_get(data);
	int added = !dma_fence_add_callback(fence, &racer.cb, racer_ran);
	int removed;

	cpu_relax();
	removed = dma_fence_remove_callback(fence, &racer.cb);
	dma_fence_put(fence);
	return racer.ran + removed == added;
}

static bool race_test(void *data)
{
	struct dma_fence *fence = race_get(data);
	bool fine = true;

	/* A fence that was found signalled has a timestamp and a status. */
	if (dma_fence_is_signaled(fence))
		fine = dma_fence_timestamp(fence) > 0 &&
		       dma_fence_get_status(fence) == 1;
	dma_fence_put(fence);
	return fine;
}

static bool race_wait(void *data)
{
	struct dma_fence *fence = race_get(data);
	ktime_t begin = ktime_get();
	long ret = dma_fence_wait_timeout(fence, false, MOCK_WAIT);
	bool fine = mock_wait_is_right(ret, fence, begin);

	dma_fence_put(fence);
	return fine;
}

static bool race_wait_any(void *data)
{
	struct dma_fence *fences[] = { race_get(data), race_get(data) };
	ktime_t begin = ktime_get();
	u32 first = ARRAY_SIZE(fences);
	long ret = dma_fence_wait_any_timeout(fences, 2, false, MOCK_WAIT, &first);
	bool fine;

	if (ret)
		fine = first < ARRAY_SIZE(fences) &&
		       mock_wait_is_right(ret, fences[first], begin);
	else
		fine = mock_wait_is_right(0, fences[0], begin) &&
		       mock_wait_is_right(0, fences[1], begin);
	dma_fence_put(fences[0]);
	dma_fence_put(fences[1]);
	return fine;
}

static void race_run(struct kunit *test, struct race *race, struct mock_job *jobs,
		     unsigned int count)
{
	struct custom_fence *first = custom_fence(test);

	mutex_init(&race->lock);
	RCU_INIT_POINTER(race->fence, dma_fence_get(&first->base));
	mock_run_jobs(test, jobs, count);
	dma_fence_put(rcu_dereference_protected(race->fence, true));
}

static void signal_races_with_callbacks(struct kunit *test)
{
	struct race race = {};
	struct mock_job jobs[] = {
		{ race_signal, &race },
		{ race_add_remove, &race }, { race_add_remove, &race },
		{ race_test, &race },
	};

	race_run(test, &race, jobs, ARRAY_SIZE(jobs));
}

static void signal_races_with_waits(struct kunit *test)
{
	struct race race = {};
	struct mock_job jobs[] = {
		{ race_signal, &race },
		{ race_wait, &race }, { race_wait, &race }, { race_wait_any, &race },
	};

	race_run(test, &race, jobs, ARRAY_SIZE(jobs));
}

/* Like vmwgfx: signals listed fences without a reference; release removes them. */
struct listed_fence {
	struct dma_fence base;
	struct list_head node;
};

static LIST_HEAD(listed);
static DEFINE_SPINLOCK(listed_lock);

static void listed_release(struct dma_fence *fence)
{
	unsigned long irq;

	spin_lock_irqsave(&listed_lock, irq);
	list_del(&container_of(fence, struct listed_fence, base)->node);
	spin_unlock_irqrestore(&listed_lock, irq);
	dma_fence_free(fence);
}

static const struct dma_fence_ops listed_ops = {
	.get_driver_name = custom_name,
	.get_timeline_name = custom_name,
	.release = listed_release,
};

static bool listed_add_and_put(void *unused)
{
	struct listed_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);

	if (!fence)
		return false;
	dma_fence_init(&fence->base, &listed_ops, &listed_lock, 1, 1);
	spin_lock_irq(&listed_lock);
	list_add_tail(&fence->node, &listed);
	spin_unlock_irq(&listed_lock);
	cpu_relax();
	dma_fence_put(&fence->base);
	return true;
}

static bool listed_signal(void *unused)
{
	struct listed_fence *fence;

	spin_lock_irq(&listed_lock);
	list_for_each_entry(fence, &listed, node)
		dma_fence_signal_locked(&fence->base);
	spin_unlock_irq(&listed_lock);
	return true;
}

/* A fence that is signalled during its release must not warn. */
static void release_races_with_the_signal(struct kunit *test)
{
	struct mock_job jobs[] = {
		{ listed_add_and_put }, { listed_add_and_put },
		{ listed_signal }, { listed_signal },
	};

	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	KUNIT_EXPECT_TRUE(test, list_empty(&listed));
}

static struct kunit_case dma_fence_cases[] = {
	KUNIT_CASE(init_sets_the_members),
	KUNIT_CASE(contexts_are_unique),
	KUNIT_CASE(signal_happens_once),
	KUNIT_CASE(signal_of_null_is_refused),
	KUNIT_CASE(signal_under_the_lock),
	KUNIT_CASE(signal_sets_the_timestamp),
	KUNIT_CASE(signal_keeps_a_given_timestamp),
	KUNIT_CASE(status_is_pending_signalled_or_error),
	KUNIT_CASE(callbacks_run_once_and_in_order),
	KUNIT_CASE(callback_after_the_signal_comes_too_late),
	KUNIT_CASE(callback_enables_signalling_once),
	KUNIT_CASE(polling_does_not_enable_signalling),
	KUNIT_CASE(enabling_that_fails_signals),
	KUNIT_CASE(enabling_may_signal_and_return_true),
	KUNIT_CASE(removed_callback_does_not_run),
	KUNIT_CASE(callback_may_add_itself_to_another_fence),
	KUNIT_CASE(is_signaled_polls_the_driver),
	KUNIT_CASE_PARAM(sequence_numbers_compare, order_gen_params),
	KUNIT_CASE(later_returns_the_fence_to_wait_for),
	KUNIT_CASE(reference_under_rcu),
	KUNIT_CASE(get_and_put_of_null),
	KUNIT_CASE(release_follows_the_last_put),
	KUNIT_CASE(release_by_kref_put),
	KUNIT_CASE(deadline_reaches_the_driver_until_it_is_signalled),
	KUNIT_CASE(deadline_of_a_driver_without_the_callback),
	KUNIT_CASE(describe_prints_one_line),
	KUNIT_CASE(stub_is_signalled_and_the_same_for_all),
	KUNIT_CASE(private_stub_has_the_given_timestamp),
	KUNIT_CASE(signalling_sections_nest),
	KUNIT_CASE(mutex_inside_and_around_a_signalling_section),
	KUNIT_CASE(signal_races_with_callbacks),
	KUNIT_CASE(signal_races_with_waits),
	KUNIT_CASE(release_races_with_the_signal),
	{}
};

static struct kunit_suite dma_fence_suite = {
	.name = "dma_fence",
	.init = mock_init,
	.test_cases = dma_fence_cases,
};

kunit_test_suite(dma_fence_suite);
