// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of waiting for fences: what ends a wait, the time that it returns, and that
 * it leaves no callback on a fence.
 */

#include <linux/jiffies.h>
#include <linux/sched/signal.h>

#include "mock.h"
#include "threads.h"

#define SOON	msecs_to_jiffies(30)
#define LONG	((long)msecs_to_jiffies(20000))

static void wait_for_a_signalled_fence_does_not_sleep(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);

	dma_fence_signal(fence);
	KUNIT_EXPECT_EQ(test, dma_fence_wait(fence, true), 0);
	KUNIT_EXPECT_EQ(test, dma_fence_wait_timeout(fence, true, LONG), LONG);
	KUNIT_EXPECT_EQ(test, dma_fence_wait_timeout(fence, true, 1), 1);
	KUNIT_EXPECT_EQ(test, dma_fence_wait_timeout(fence, true, 0), 1);
	KUNIT_EXPECT_EQ(test, dma_fence_default_wait(fence, true, 0), 1);
	KUNIT_EXPECT_EQ(test, dma_fence_wait_timeout(fence, true, MAX_SCHEDULE_TIMEOUT),
			MAX_SCHEDULE_TIMEOUT);
}

static void wait_with_timeout_0_polls(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);

	KUNIT_EXPECT_EQ(test, dma_fence_wait_timeout(fence, true, 0), 0);
	KUNIT_EXPECT_EQ(test, dma_fence_wait_any_timeout(&fence, 1, true, 0, NULL), 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&fence->cb_list));
}

static void wait_enables_signalling(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);

	dma_fence_wait_timeout(fence, false, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(fence)->enabled), 1);
	dma_fence_wait_timeout(fence, false, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(fence)->enabled), 1);
}

static void wait_ends_when_enabling_fails(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);

	to_mock_fence(fence)->late = true;
	KUNIT_EXPECT_EQ(test, dma_fence_wait_timeout(fence, true, LONG), LONG);
}

static void wait_ends_at_its_timeout(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	unsigned long begin = jiffies;

	KUNIT_EXPECT_EQ(test, dma_fence_wait_timeout(fence, true, SOON), 0);
	KUNIT_EXPECT_TRUE(test, time_after_eq(jiffies, begin + SOON));
	KUNIT_EXPECT_TRUE(test, list_empty(&fence->cb_list));
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(fence));
}

static void wait_ends_with_the_signal(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	struct mock_signaller *signaller = mock_signaller(test, 1, &fence);
	long remaining = dma_fence_wait_timeout(fence, false, LONG);

	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(fence));
	KUNIT_EXPECT_EQ(test, mock_signaller_end(test, signaller), 1);
	/* Not with the timeout, where the wait would have found the fence signalled as well. */
	KUNIT_EXPECT_GT(test, remaining, LONG / 2);
	/* The thread has slept: a caller that passes the rest on waits no longer than LONG. */
	KUNIT_EXPECT_LT(test, remaining, LONG);
}

static void wait_is_interrupted_by_a_signal(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test), *done = mock_fence(test);
	struct dma_fence *both[] = { fence, done };
	struct mock_signaller *signaller;
	u32 first = 77;

	allow_signal(SIGUSR1);
	send_sig(SIGUSR1, current, 0);
	/* Signals only if the wait is not interrupted. */
	signaller = mock_signaller(test, 1, &fence);
	KUNIT_EXPECT_EQ(test, dma_fence_wait(fence, true), -ERESTARTSYS);
	KUNIT_EXPECT_EQ(test, mock_signaller_end(test, signaller), 0);
	KUNIT_EXPECT_EQ(test, dma_fence_wait_timeout(fence, true, 0), -ERESTARTSYS);
	KUNIT_EXPECT_EQ(test, dma_fence_wait_any_timeout(both, 2, true, LONG, &first),
			-ERESTARTSYS);
	KUNIT_EXPECT_EQ(test, first, 77);
	KUNIT_EXPECT_TRUE(test, list_empty(&fence->cb_list));
	/* SIGUSR1 interrupts neither waits for signalled fences nor uninterruptible waits. */
	dma_fence_signal(done);
	KUNIT_EXPECT_EQ(test, dma_fence_wait(done, true), 0);
	KUNIT_EXPECT_EQ(test, dma_fence_wait_any_timeout(both, 2, true, LONG, &first),
			LONG);
	KUNIT_EXPECT_EQ(test, first, 1);
	KUNIT_EXPECT_EQ(test, dma_fence_wait_timeout(fence, false, SOON), 0);
	flush_signals(current);
	disallow_signal(SIGUSR1);
}

static const char *own_name(struct dma_fence *fence)
{
	return "own";
}

static long own_wait(struct dma_fence *fence, bool intr, long timeout)
{
	return intr ? -EDEADLK : timeout / 2;
}

static const struct dma_fence_ops own_wait_ops = {
	.get_driver_name = own_name,
	.get_timeline_name = own_name,
	.wait = own_wait,
};

static void drivers_own_wait_is_used(struct kunit *test)
{
	static DEFINE_SPINLOCK(lock);
	struct dma_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fence);
	dma_fence_init(fence, &own_wait_ops, &lock, dma_fence_context_alloc(1), 1);
	KUNIT_EXPECT_EQ(test, dma_fence_wait_timeout(fence, false, 8), 4);
	KUNIT_EXPECT_EQ(test, dma_fence_wait(fence, false), 0);
	KUNIT_EXPECT_EQ(test, dma_fence_wait(fence, true), -EDEADLK);
	dma_fence_put(fence);
}

static void any_returns_the_signalled_fence(struct kunit *test)
{
	struct dma_fence *fences[4];
	u32 first = 77;
	int i;

	for (i = 0; i < ARRAY_SIZE(fences); i++)
		fences[i] = mock_fence(test);
	dma_fence_signal(fences[2]);
	KUNIT_EXPECT_EQ(test, dma_fence_wait_any_timeout(fences, 4, true, 0, &first), 1);
	KUNIT_EXPECT_EQ(test, first, 2);
	first = 77;
	KUNIT_EXPECT_EQ(test, dma_fence_wait_any_timeout(fences, 4, true, LONG, &first),
			LONG);
	KUNIT_EXPECT_EQ(test, first, 2);
	KUNIT_EXPECT_EQ(test, dma_fence_wait_any_timeout(fences, 4, true, LONG, NULL), LONG);
}

/* In the base too, a poll does not sleep. Needs CONFIG_DEBUG_ATOMIC_SLEEP to fail. */
static void any_without_time_is_allowed_in_atomic_context(struct kunit *test)
{
	struct dma_fence *fences[] = { mock_fence(test), mock_fence(test) };
	u32 first = 77;
	long ret;

	scoped_guard(preempt)
		ret = dma_fence_wait_any_timeout(fences, 2, true, 0, &first);
	KUNIT_EXPECT_EQ(test, ret, 0);
	dma_fence_signal(fences[1]);
	scoped_guard(preempt)
		ret = dma_fence_wait_any_timeout(fences, 2, true, 0, &first);
	KUNIT_EXPECT_EQ(test, ret, 1);
	KUNIT_EXPECT_EQ(test, first, 1);
}

static const int any_indexes[] = { 0, 1, 2 };

static void any_index_to_desc(const int *index, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "fence %d", *index);
}

KUNIT_ARRAY_PARAM(any_index, any_indexes, any_index_to_desc);

static void any_is_woken_by_each(struct kunit *test)
{
	const int *index = test->param_value;
	struct mock_signaller *signaller;
	struct dma_fence *fences[3];
	u32 first = 77;
	long remaining;
	int i;

	for (i = 0; i < ARRAY_SIZE(fences); i++)
		fences[i] = mock_fence(test);
	signaller = mock_signaller(test, 1, &fences[*index]);
	remaining = dma_fence_wait_any_timeout(fences, ARRAY_SIZE(fences), false, LONG, &first);
	KUNIT_EXPECT_EQ(test, mock_signaller_end(test, signaller), 1);
	KUNIT_EXPECT_GT(test, remaining, LONG / 2);
	KUNIT_EXPECT_LT(test, remaining, LONG);
	KUNIT_EXPECT_EQ(test, first, *index);
	for (i = 0; i < ARRAY_SIZE(fences); i++)
		if (i != *index)
			KUNIT_EXPECT_TRUE(test, list_empty(&fences[i]->cb_list));
}

static void any_ends_when_enabling_fails(struct kunit *test)
{
	struct dma_fence *fences[] = { mock_fence(test), mock_fence(test), mock_fence(test) };
	u32 first = 77;

	to_mock_fence(fences[1])->late = true;
	KUNIT_EXPECT_EQ(test, dma_fence_wait_any_timeout(fences, 3, true, LONG, &first),
			LONG);
	KUNIT_EXPECT_EQ(test, first, 1);
	KUNIT_EXPECT_TRUE(test, list_empty(&fences[0]->cb_list));
	KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(fences[2])->enabled), 0);
}

static void any_ends_at_its_timeout(struct kunit *test)
{
	struct dma_fence *fences[] = { mock_fence(test), mock_fence(test) };
	u32 first = 77;

	KUNIT_EXPECT_EQ(test, dma_fence_wait_any_timeout(fences, 2, true, SOON, &first), 0);
	KUNIT_EXPECT_EQ(test, first, 77);
	KUNIT_EXPECT_TRUE(test, list_empty(&fences[0]->cb_list));
	KUNIT_EXPECT_TRUE(test, list_empty(&fences[1]->cb_list));
}

static void any_of_one_fence_twice(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	struct dma_fence *fences[] = { fence, fence };
	struct mock_signaller *signaller = mock_signaller(test, 1, &fence);
	u32 first = 77;

	KUNIT_EXPECT_GT(test, dma_fence_wait_any_timeout(fences, 2, false, LONG, &first),
			LONG / 2);
	KUNIT_EXPECT_EQ(test, mock_signaller_end(test, signaller), 1);
	KUNIT_EXPECT_LT(test, first, 2);
}

static struct kunit_case dma_fence_wait_cases[] = {
	KUNIT_CASE(wait_for_a_signalled_fence_does_not_sleep),
	KUNIT_CASE(wait_with_timeout_0_polls),
	KUNIT_CASE(wait_enables_signalling),
	KUNIT_CASE(wait_ends_when_enabling_fails),
	KUNIT_CASE(wait_ends_at_its_timeout),
	KUNIT_CASE(wait_ends_with_the_signal),
	KUNIT_CASE(wait_is_interrupted_by_a_signal),
	KUNIT_CASE(drivers_own_wait_is_used),
	KUNIT_CASE(any_returns_the_signalled_fence),
	KUNIT_CASE(any_without_time_is_allowed_in_atomic_context),
	KUNIT_CASE_PARAM(any_is_woken_by_each, any_index_gen_params),
	KUNIT_CASE(any_ends_when_enabling_fails),
	KUNIT_CASE(any_ends_at_its_timeout),
	KUNIT_CASE(any_of_one_fence_twice),
	{}
};

static struct kunit_suite dma_fence_wait_suite = {
	.name = "dma_fence_wait",
	.init = mock_init,
	.test_cases = dma_fence_wait_cases,
};

kunit_test_suite(dma_fence_wait_suite);
