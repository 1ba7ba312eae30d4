// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of queries, waits and deadlines for the fences of a reservation object.
 */

#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "containers.h"
#include "mock.h"
#include "resv.h"
#include "threads.h"

#define SOON	msecs_to_jiffies(30)
#define LONG	msecs_to_jiffies(20000)

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

static void test_signaled_looks_at_the_usages_up_to_one(struct kunit *test)
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

static void get_fences_returns_what_is_not_signalled(struct kunit *test)
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

static void get_fences_of_nothing(struct kunit *test)
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

static void wait_for_nothing_takes_no_time(struct kunit *test)
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

static void wait_without_time_asks(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	struct dma_fence *fence = mock_fence(test);

	mock_resv_add(test, resv, fence, DMA_RESV_USAGE_WRITE);
	KUNIT_EXPECT_EQ(test, 0, dma_resv_wait_timeout(resv, DMA_RESV_USAGE_WRITE, true, 0));
	/* Signalling was enabled, so a later call will find the fence signalled. */
	KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(fence)->enabled), 1);
}

/* The fences' enable_signaling returns false, so they signal when they are enabled. */
static void wait_without_time_for_fences_found_done(struct kunit *test)
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

/* The timeout is for all fences together. */
static void wait_takes_no_longer_than_it_was_given(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	struct dma_fence *fences[20];
	unsigned long begin;

	mock_fences(test, ARRAY_SIZE(fences), fences);
	for (int i = 0; i < ARRAY_SIZE(fences); i++)
		mock_resv_add(test, resv, fences[i], DMA_RESV_USAGE_READ);
	begin = jiffies;
	KUNIT_EXPECT_EQ(test, 0, dma_resv_wait_timeout(resv, DMA_RESV_USAGE_READ, true, SOON));
	KUNIT_EXPECT_TRUE(test, time_after_eq(jiffies, begin + SOON));
	KUNIT_EXPECT_TRUE(test, time_before(jiffies, begin + 10 * SOON));
}

static void signal_all_soon(void *fences)
{
	for (struct dma_fence **fence = fences; *fence; fence++) {
		msleep(20);
		dma_fence_signal(*fence);
	}
}

static void wait_ends_with_the_last_signal(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	struct dma_fence *fences[9];
	struct mock_thread *thread;
	long left;

	mock_fences(test, 8, fences);
	fences[8] = NULL;
	for (int i = 0; i < 8; i++)
		mock_resv_add(test, resv, fences[7 - i], DMA_RESV_USAGE_READ);
	thread = mock_thread(test, signal_all_soon, fences);
	left = dma_resv_wait_timeout(resv, DMA_RESV_USAGE_READ, false, LONG);
	KUNIT_EXPECT_GE(test, left, 1);
	KUNIT_EXPECT_LT(test, left, LONG);
	KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(resv, DMA_RESV_USAGE_READ));
	mock_thread_join(test, thread);
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
	struct dma_fence *fences[] = { mock_fence(test), NULL };
	struct dma_resv *resv = mock_resv(test);
	struct mock_thread *thread;

	mock_resv_add(test, resv, fences[0], DMA_RESV_USAGE_WRITE);
	thread = mock_thread(test, signal_all_soon, fences);
	dma_resv_lock(resv, NULL);
	KUNIT_EXPECT_GT(test, dma_resv_wait_timeout(resv, DMA_RESV_USAGE_WRITE, true, LONG), 0);
	KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(resv, DMA_RESV_USAGE_WRITE));
	dma_resv_unlock(resv);
	mock_thread_join(test, thread);
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
	KUNIT_CASE_PARAM(test_signaled_looks_at_the_usages_up_to_one, usage_gen_params),
	KUNIT_CASE_PARAM(get_fences_returns_what_is_not_signalled, usage_gen_params),
	KUNIT_CASE(get_fences_of_nothing),
	KUNIT_CASE(singleton_of_none_one_and_several),
	KUNIT_CASE(wait_for_nothing_takes_no_time),
	KUNIT_CASE(wait_without_time_asks),
	KUNIT_CASE(wait_without_time_for_fences_found_done),
	KUNIT_CASE(wait_takes_no_longer_than_it_was_given),
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
