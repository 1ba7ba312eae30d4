// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of queries, waits and deadlines for the fences of a reservation object.
 */

#include <linux/jiffies.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "containers.h"
#include "mock.h"
#include "resv.h"
#include "threads.h"

#define SOON	msecs_to_jiffies(30)
#define LONG	((long)msecs_to_jiffies(20000))

static const struct usage_row {
	const char *desc;
	enum dma_resv_usage usage;
} usage_rows[] = {
	{ "kernel", DMA_RESV_USAGE_KERNEL },
	{ "write", DMA_RESV_USAGE_WRITE },
	{ "read", DMA_RESV_USAGE_READ },
	{ "bookkeep", DMA_RESV_USAGE_BOOKKEEP },
};

KUNIT_ARRAY_PARAM_DESC(usage, usage_rows, desc);

static void readers_wait_for_writers_and_writers_for_all(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, dma_resv_usage_rw(false), DMA_RESV_USAGE_WRITE);
	KUNIT_EXPECT_EQ(test, dma_resv_usage_rw(true), DMA_RESV_USAGE_READ);
}

static void test_signaled_tests_the_usages_up_to_one(struct kunit *test)
{
	const struct usage_row *row = test->param_value;
	struct dma_resv *resv = mock_resv(test);
	struct dma_fence *fence = mock_fence(test);

	mock_resv_add(test, resv, fence, row->usage);
	for (int i = 0; i < ARRAY_SIZE(usage_rows); i++)
		KUNIT_EXPECT_EQ(test, dma_resv_test_signaled(resv, usage_rows[i].usage),
				usage_rows[i].usage < row->usage);
	dma_fence_signal(fence);
	KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(resv, DMA_RESV_USAGE_BOOKKEEP));
	/* The query does not enable signalling. */
	KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(fence)->enabled), 0);
}

static void get_fences_returns_unsignalled_fences(struct kunit *test)
{
	const struct usage_row *row = test->param_value;
	struct dma_resv *resv = mock_resv(test);
	struct dma_fence **fences;
	unsigned int count = 77;
	char text[64] = "";

	mock_resv_fill(test, resv, "a1k b1w c1r d1p e1k!");
	KUNIT_ASSERT_EQ(test, 0, dma_resv_get_fences(resv, row->usage, &count, &fences));
	KUNIT_ASSERT_EQ(test, count, row->usage + 1);
	for (unsigned int i = 0; i < count; i++) {
		mock_resv_write(text, sizeof(text), fences[i], i);
		KUNIT_EXPECT_EQ(test, text[0], 'a' + i);
		KUNIT_EXPECT_EQ(test, kref_read(&fences[i]->refcount), 3);
		dma_fence_put(fences[i]);
	}
	kfree(fences);
}

static void get_fences_of_an_empty_object(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	struct dma_fence **fences = (void *)test;
	unsigned int count = 77;

	KUNIT_EXPECT_EQ(test, 0, dma_resv_get_fences(resv, DMA_RESV_USAGE_READ, &count,
						     &fences));
	KUNIT_EXPECT_EQ(test, count, 0);
	KUNIT_EXPECT_NULL(test, fences);
	mock_resv_fill(test, resv, "a1w! b1p");
	KUNIT_EXPECT_EQ(test, 0, dma_resv_get_fences(resv, DMA_RESV_USAGE_READ, &count,
						     &fences));
	KUNIT_EXPECT_EQ(test, count, 0);
	KUNIT_EXPECT_NULL(test, fences);
}

static void singleton_of_none_one_and_several(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	struct dma_fence *fences[2], *single = (void *)test;

	mock_fences(test, 2, fences);
	KUNIT_EXPECT_EQ(test, 0, dma_resv_get_singleton(resv, DMA_RESV_USAGE_READ, &single));
	KUNIT_EXPECT_NULL(test, single);

	mock_resv_add(test, resv, fences[0], DMA_RESV_USAGE_READ);
	KUNIT_EXPECT_EQ(test, 0, dma_resv_get_singleton(resv, DMA_RESV_USAGE_READ, &single));
	KUNIT_EXPECT_PTR_EQ(test, single, fences[0]);
	dma_fence_put(single);

	mock_resv_add(test, resv, fences[1], DMA_RESV_USAGE_WRITE);
	KUNIT_EXPECT_EQ(test, 0, dma_resv_get_singleton(resv, DMA_RESV_USAGE_READ, &single));
	KUNIT_ASSERT_TRUE(test, dma_fence_is_array(single));
	mock_own(test, single);
	KUNIT_EXPECT_EQ(test, to_dma_fence_array(single)->num_fences, 2);
	dma_fence_signal(fences[0]);
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(single));
	dma_fence_signal(fences[1]);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(single));
}

static void wait_for_no_fence_does_not_sleep(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);

	KUNIT_EXPECT_EQ(test, LONG,
			dma_resv_wait_timeout(resv, DMA_RESV_USAGE_READ, true, LONG));
	KUNIT_EXPECT_EQ(test, 1, dma_resv_wait_timeout(resv, DMA_RESV_USAGE_READ, true, 0));
	mock_resv_fill(test, resv, "a1w! b1r! c1p");
	KUNIT_EXPECT_EQ(test, LONG,
			dma_resv_wait_timeout(resv, DMA_RESV_USAGE_READ, true, LONG));
	KUNIT_EXPECT_EQ(test, 1, dma_resv_wait_timeout(resv, DMA_RESV_USAGE_READ, true, 0));
}

static void wait_with_timeout_0_polls(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	struct dma_fence *fence = mock_fence(test);

	mock_resv_add(test, resv, fence, DMA_RESV_USAGE_WRITE);
	KUNIT_EXPECT_EQ(test, 0, dma_resv_wait_timeout(resv, DMA_RESV_USAGE_WRITE, true, 0));
	/* Signalling was enabled, so a later call will find the fence signalled. */
	KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(fence)->enabled), 1);
}

/* The fences' enable_signaling returns false, so they signal when they are enabled. */
static void wait_with_timeout_0_for_fences_that_signal_when_enabled(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	struct dma_fence *fences[3];

	mock_fences(test, 3, fences);
	for (int i = 0; i < 3; i++) {
		to_mock_fence(fences[i])->late = true;
		mock_resv_add(test, resv, fences[i], DMA_RESV_USAGE_WRITE);
	}
	KUNIT_EXPECT_EQ(test, 1, dma_resv_wait_timeout(resv, DMA_RESV_USAGE_WRITE, true, 0));
}

/* Jiffies that a wait for a timed fence takes; its driver has a wait of its own. */
#define TIMED_WAIT	3

struct timed_fence {
	struct dma_fence base;
	spinlock_t lock;	/* passed to dma_fence_init() */
	long timeout;		/* that the wait got, or -1 */
};

static const char *timed_name(struct dma_fence *fence)
{
	return "timed";
}

static long timed_wait(struct dma_fence *fence, bool intr, long timeout)
{
	container_of(fence, struct timed_fence, base)->timeout = timeout;
	return max(timeout - TIMED_WAIT, 0L);
}

static const struct dma_fence_ops timed_ops = {
	.get_driver_name = timed_name,
	.get_timeline_name = timed_name,
	.wait = timed_wait,
};

static struct timed_fence *timed_fence(struct kunit *test)
{
	struct timed_fence *timed = kzalloc(sizeof(*timed), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, timed);
	spin_lock_init(&timed->lock);
	timed->timeout = -1;
	dma_fence_init(&timed->base, &timed_ops, &timed->lock, dma_fence_context_alloc(1), 1);
	mock_own(test, &timed->base);
	return timed;
}

static const struct timeout_row {
	const char *desc;
	long timeout;
	long result;
	long timeouts[5];
} timeout_rows[] = {
	{ "more than the fences take", 20, 5, { 20, 17, 14, 11, 8 } },
	{ "ends at the last fence", 15, 0, { 15, 12, 9, 6, 3 } },
	{ "ends at the fourth", 10, 0, { 10, 7, 4, 1, -1 } },
	{ "ends at the first", 1, 0, { 1, -1, -1, -1, -1 } },
};

KUNIT_ARRAY_PARAM_DESC(timeout, timeout_rows, desc);

/* The timeout is for all fences together. */
static void wait_takes_no_longer_than_it_was_given(struct kunit *test)
{
	const struct timeout_row *row = test->param_value;
	struct dma_resv *resv = mock_resv(test);
	struct timed_fence *fences[5];

	for (int i = 0; i < ARRAY_SIZE(fences); i++) {
		fences[i] = timed_fence(test);
		mock_resv_add(test, resv, &fences[i]->base, DMA_RESV_USAGE_READ);
	}
	KUNIT_EXPECT_EQ(test, row->result,
			dma_resv_wait_timeout(resv, DMA_RESV_USAGE_READ, true, row->timeout));
	for (int i = 0; i < ARRAY_SIZE(fences); i++)
		KUNIT_EXPECT_EQ_MSG(test, fences[i]->timeout, row->timeouts[i], "fence %d", i);
}

static void wait_ends_at_its_timeout(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	unsigned long begin;

	mock_resv_fill(test, resv, "a1r b1r c1r");
	begin = jiffies;
	KUNIT_EXPECT_EQ(test, 0, dma_resv_wait_timeout(resv, DMA_RESV_USAGE_READ, true, SOON));
	KUNIT_EXPECT_TRUE(test, time_after_eq(jiffies, begin + SOON));
}

static void wait_ends_with_the_last_signal(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	struct mock_signaller *signaller;
	struct dma_fence *fences[8];
	long remaining;

	mock_fences(test, 8, fences);
	for (int i = 0; i < 8; i++)
		mock_resv_add(test, resv, fences[i], DMA_RESV_USAGE_READ);
	signaller = mock_signaller(test, 8, fences);
	remaining = dma_resv_wait_timeout(resv, DMA_RESV_USAGE_READ, false, LONG);
	KUNIT_EXPECT_EQ(test, mock_signaller_end(test, signaller), 8);
	/* Woken by the signals: at the timeout the fences would be found signalled as well. */
	KUNIT_EXPECT_GT(test, remaining, LONG / 2);
	KUNIT_EXPECT_LT(test, remaining, LONG);
}

static void wait_is_interrupted_by_a_signal(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);

	mock_resv_fill(test, resv, "a1w");
	allow_signal(SIGUSR1);
	send_sig(SIGUSR1, current, 0);
	KUNIT_EXPECT_EQ(test, -ERESTARTSYS,
			dma_resv_wait_timeout(resv, DMA_RESV_USAGE_WRITE, true, LONG));
	KUNIT_EXPECT_EQ(test, 0,
			dma_resv_wait_timeout(resv, DMA_RESV_USAGE_WRITE, false, SOON));
	flush_signals(current);
	disallow_signal(SIGUSR1);
}

static void wait_under_the_lock(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	struct dma_resv *resv = mock_resv(test);
	struct mock_signaller *signaller;

	mock_resv_add(test, resv, fence, DMA_RESV_USAGE_WRITE);
	signaller = mock_signaller(test, 1, &fence);
	dma_resv_lock(resv, NULL);
	KUNIT_EXPECT_GT(test, dma_resv_wait_timeout(resv, DMA_RESV_USAGE_WRITE, true, LONG),
			LONG / 2);
	KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(resv, DMA_RESV_USAGE_WRITE));
	dma_resv_unlock(resv);
	KUNIT_EXPECT_EQ(test, mock_signaller_end(test, signaller), 1);
}

static void deadline_reaches_the_fences_of_a_usage(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	struct dma_fence *fences[3];

	mock_fences(test, 3, fences);
	mock_resv_add(test, resv, fences[0], DMA_RESV_USAGE_WRITE);
	mock_resv_add(test, resv, fences[1], DMA_RESV_USAGE_READ);
	mock_resv_add(test, resv, fences[2], DMA_RESV_USAGE_WRITE);
	dma_fence_signal(fences[2]);
	dma_resv_set_deadline(resv, DMA_RESV_USAGE_WRITE, 4711);
	KUNIT_EXPECT_EQ(test, to_mock_fence(fences[0])->deadline, 4711);
	KUNIT_EXPECT_EQ(test, to_mock_fence(fences[1])->deadline, 0);
	KUNIT_EXPECT_EQ(test, to_mock_fence(fences[2])->deadline, 0);
}

/* debugfs' dma_buf/bufinfo shows this text. */
static void describe_prints_a_line_per_fence(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	char text[512] = "";
	struct seq_file seq = { .buf = text, .size = sizeof(text) };

	mock_resv_fill(test, resv, "a1k b2w c3r d4p e5r!");
	dma_resv_lock(resv, NULL);
	dma_resv_describe(resv, &seq);
	dma_resv_unlock(resv);
	KUNIT_EXPECT_STREQ(test, text,
			   "\tkernel fence:mock-driver mock-timeline seq 1 unsignalled\n"
			   "\twrite fence:mock-driver mock-timeline seq 2 unsignalled\n"
			   "\tread fence:mock-driver mock-timeline seq 3 unsignalled\n"
			   "\tread fence:detached-driver signaled-timeline seq 5 signalled\n");
}

static struct kunit_case dma_resv_query_cases[] = {
	KUNIT_CASE(readers_wait_for_writers_and_writers_for_all),
	KUNIT_CASE_PARAM(test_signaled_tests_the_usages_up_to_one, usage_gen_params),
	KUNIT_CASE_PARAM(get_fences_returns_unsignalled_fences, usage_gen_params),
	KUNIT_CASE(get_fences_of_an_empty_object),
	KUNIT_CASE(singleton_of_none_one_and_several),
	KUNIT_CASE(wait_for_no_fence_does_not_sleep),
	KUNIT_CASE(wait_with_timeout_0_polls),
	KUNIT_CASE(wait_with_timeout_0_for_fences_that_signal_when_enabled),
	KUNIT_CASE_PARAM(wait_takes_no_longer_than_it_was_given, timeout_gen_params),
	KUNIT_CASE(wait_ends_at_its_timeout),
	KUNIT_CASE(wait_ends_with_the_last_signal),
	KUNIT_CASE(wait_is_interrupted_by_a_signal),
	KUNIT_CASE(wait_under_the_lock),
	KUNIT_CASE(deadline_reaches_the_fences_of_a_usage),
	KUNIT_CASE(describe_prints_a_line_per_fence),
	{}
};

static struct kunit_suite dma_resv_query_suite = {
	.name = "dma_resv_query",
	.init = mock_init,
	.test_cases = dma_resv_query_cases,
};

kunit_test_suite(dma_resv_query_suite);
