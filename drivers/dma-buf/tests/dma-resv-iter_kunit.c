// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of iterating over the fences of a reservation object, with and without its
 * lock.
 */

#include "containers.h"
#include "mock.h"
#include "resv.h"

static const struct seen {
	const char *desc;
	const char *added;
	enum dma_resv_usage usage;
	const char *locked;
	const char *unlocked;
} seen[] = {
	{ "nothing", "", DMA_RESV_USAGE_BOOKKEEP, "", "" },
	{ "kernel", "a1k b1w c1r d1p", DMA_RESV_USAGE_KERNEL, "a1k", "a1k" },
	{ "write", "a1k b1w c1r d1p", DMA_RESV_USAGE_WRITE, "a1k b1w", "a1k b1w" },
	{ "read", "a1k b1w c1r d1p", DMA_RESV_USAGE_READ, "a1k b1w c1r", "a1k b1w c1r" },
	{ "bookkeep", "a1k b1w c1r d1p", DMA_RESV_USAGE_BOOKKEEP, "a1k b1w c1r d1p",
	  "a1k b1w c1r d1p" },
	{ "none of that usage", "a1r b1p", DMA_RESV_USAGE_WRITE, "", "" },
	{ "in the order of adding", "d1p c1r b1w a1k", DMA_RESV_USAGE_BOOKKEEP,
	  "d1p c1r b1w a1k", "d1p c1r b1w a1k" },
	{ "signalled ones under the lock only", "a1w b1w c1w!", DMA_RESV_USAGE_WRITE,
	  "a1w b1w c1w", "a1w b1w" },
	{ "all signalled", "a1w!", DMA_RESV_USAGE_WRITE, "a1w", "" },
};

KUNIT_ARRAY_PARAM_DESC(seen, seen, desc);

/* Append a fence to the text. */
static size_t append_fence(char *text, size_t size, struct dma_resv_iter *cursor,
			   struct dma_fence *fence)
{
	size_t len = strlen(text);

	if (len)
		text[len++] = ' ';
	return mock_resv_write(text + len, size - len, fence, dma_resv_iter_usage(cursor));
}

static void iteration_under_the_lock(struct kunit *test)
{
	const struct seen *row = test->param_value;
	struct dma_resv *resv = mock_resv(test);
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	bool first = true;
	char text[64] = "";

	mock_resv_fill(test, resv, row->added);
	dma_resv_lock(resv, NULL);
	dma_resv_for_each_fence(&cursor, resv, row->usage, fence) {
		KUNIT_EXPECT_EQ(test, dma_resv_iter_is_restarted(&cursor), first);
		first = false;
		append_fence(text, sizeof(text), &cursor, fence);
	}
	dma_resv_unlock(resv);
	KUNIT_EXPECT_STREQ(test, text, row->locked);
}

static void iteration_without_the_lock(struct kunit *test)
{
	const struct seen *row = test->param_value;
	struct dma_resv *resv = mock_resv(test);
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	bool first = true;
	char text[64] = "";

	mock_resv_fill(test, resv, row->added);
	dma_resv_iter_begin(&cursor, resv, row->usage);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		KUNIT_EXPECT_EQ(test, dma_resv_iter_is_restarted(&cursor), first);
		/* References of the test, the reservation object and the iteration. */
		KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), 3);
		first = false;
		append_fence(text, sizeof(text), &cursor, fence);
	}
	dma_resv_iter_end(&cursor);
	KUNIT_EXPECT_STREQ(test, text, row->unlocked);
}

static void iteration_that_ends_early_drops_its_reference(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	struct dma_fence *added = mock_fence(test), *fence;
	struct dma_resv_iter cursor;

	mock_resv_add(test, resv, added, DMA_RESV_USAGE_READ);
	dma_resv_iter_begin(&cursor, resv, DMA_RESV_USAGE_READ);
	dma_resv_for_each_fence_unlocked(&cursor, fence)
		break;
	KUNIT_EXPECT_EQ(test, kref_read(&added->refcount), 3);
	dma_resv_iter_end(&cursor);
	KUNIT_EXPECT_EQ(test, kref_read(&added->refcount), 2);
	/* An iteration that has not looked at a fence holds no reference. */
	dma_resv_iter_begin(&cursor, resv, DMA_RESV_USAGE_READ);
	dma_resv_iter_end(&cursor);
	KUNIT_EXPECT_EQ(test, kref_read(&added->refcount), 2);
}

static void iteration_step_by_step(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	struct dma_resv_iter cursor;
	struct dma_fence *first;

	mock_resv_fill(test, resv, "a1w b1w");
	dma_resv_lock(resv, NULL);
	dma_resv_iter_begin(&cursor, resv, DMA_RESV_USAGE_WRITE);
	first = dma_resv_iter_first(&cursor);
	KUNIT_EXPECT_TRUE(test, dma_resv_iter_is_restarted(&cursor));
	KUNIT_EXPECT_PTR_NE(test, dma_resv_iter_next(&cursor), first);
	KUNIT_EXPECT_FALSE(test, dma_resv_iter_is_restarted(&cursor));
	KUNIT_EXPECT_NULL(test, dma_resv_iter_next(&cursor));
	dma_resv_unlock(resv);

	/* A repeated first_unlocked() does not leak a reference. */
	dma_resv_iter_begin(&cursor, resv, DMA_RESV_USAGE_WRITE);
	KUNIT_EXPECT_PTR_EQ(test, dma_resv_iter_first_unlocked(&cursor), first);
	KUNIT_EXPECT_PTR_EQ(test, dma_resv_iter_first_unlocked(&cursor), first);
	KUNIT_EXPECT_EQ(test, kref_read(&first->refcount), 3);
	KUNIT_EXPECT_NOT_NULL(test, dma_resv_iter_next_unlocked(&cursor));
	KUNIT_EXPECT_EQ(test, kref_read(&first->refcount), 2);
	KUNIT_EXPECT_NULL(test, dma_resv_iter_next_unlocked(&cursor));
	dma_resv_iter_end(&cursor);
}

/* Fences added during the iteration make the list too small, so it is replaced. */
static void iteration_begins_again_when_the_list_is_replaced(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	struct dma_fence *more[40], *fence;
	struct dma_resv_iter cursor;
	int seen = 0, restarts = 0;

	mock_fences(test, ARRAY_SIZE(more), more);
	mock_resv_fill(test, resv, "a1w b1w c1w");
	dma_resv_iter_begin(&cursor, resv, DMA_RESV_USAGE_READ);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		if (dma_resv_iter_is_restarted(&cursor)) {
			restarts++;
			seen = 0;
		}
		if (++seen == 2 && restarts == 1)
			for (int i = 0; i < ARRAY_SIZE(more); i++)
				mock_resv_add(test, resv, more[i], DMA_RESV_USAGE_READ);
	}
	dma_resv_iter_end(&cursor);
	KUNIT_EXPECT_EQ(test, restarts, 2);
	KUNIT_EXPECT_EQ(test, seen, 3 + ARRAY_SIZE(more));
}

static void iteration_restarts_for_a_list_at_the_same_address(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test), *other = mock_resv(test);
	struct dma_fence *fence;
	struct dma_resv_iter cursor;
	char text[64] = "";

	mock_resv_fill(test, resv, "a1w b1w c1w");
	mock_resv_fill(test, other, "d1w e1w f1w");
	dma_resv_iter_begin(&cursor, resv, DMA_RESV_USAGE_WRITE);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		if (dma_resv_iter_is_restarted(&cursor))
			text[0] = 0;
		append_fence(text, sizeof(text), &cursor, fence);
		if (!strcmp(text, "a1w b1w"))
			mock_resv_exchange(resv, other);
	}
	dma_resv_iter_end(&cursor);
	KUNIT_EXPECT_STREQ(test, text, "d1w e1w f1w");
}

/*
 * A shorter list at the same address has the same generation, as after the generation has
 * wrapped. The iteration must not read beyond the end of that list.
 */
static void iteration_stays_within_a_shorter_list(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	char text[64] = "";

	mock_resv_fill(test, resv, "a1w b1w c1w");
	dma_resv_iter_begin(&cursor, resv, DMA_RESV_USAGE_WRITE);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		if (dma_resv_iter_is_restarted(&cursor))
			text[0] = 0;
		append_fence(text, sizeof(text), &cursor, fence);
		if (!strcmp(text, "a1w b1w"))
			mock_resv_set_count(resv, 1);
	}
	dma_resv_iter_end(&cursor);
	mock_resv_set_count(resv, 3);
	KUNIT_EXPECT_STREQ(test, text, "a1w b1w");
}

static void iteration_returns_fences_replaced_ahead_of_it(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	char text[64] = "";

	mock_resv_fill(test, resv, "a1w b1w c1w");
	dma_resv_iter_begin(&cursor, resv, DMA_RESV_USAGE_WRITE);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		append_fence(text, sizeof(text), &cursor, fence);
		if (dma_resv_iter_is_restarted(&cursor))
			mock_resv_fill(test, resv, "b2w c2w!");
	}
	dma_resv_iter_end(&cursor);
	KUNIT_EXPECT_STREQ(test, text, "a1w b2w");
}

static struct kunit_case dma_resv_iter_cases[] = {
	KUNIT_CASE_PARAM(iteration_under_the_lock, seen_gen_params),
	KUNIT_CASE_PARAM(iteration_without_the_lock, seen_gen_params),
	KUNIT_CASE(iteration_step_by_step),
	KUNIT_CASE(iteration_that_ends_early_drops_its_reference),
	KUNIT_CASE(iteration_begins_again_when_the_list_is_replaced),
	KUNIT_CASE(iteration_restarts_for_a_list_at_the_same_address),
	KUNIT_CASE(iteration_stays_within_a_shorter_list),
	KUNIT_CASE(iteration_returns_fences_replaced_ahead_of_it),
	{}
};

static struct kunit_suite dma_resv_iter_suite = {
	.name = "dma_resv_iter",
	.init = mock_init,
	.test_cases = dma_resv_iter_cases,
};

kunit_test_suite(dma_resv_iter_suite);
