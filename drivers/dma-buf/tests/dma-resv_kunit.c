// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of reserving, adding, replacing and copying the fences of a reservation object.
 */

#include <kunit/static_stub.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "../resv/dma-resv-private.h"
#include "containers.h"
#include "mock.h"
#include "resv.h"
#include "threads.h"

static void object_begins_empty_and_unlocked(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);

	KUNIT_EXPECT_FALSE(test, dma_resv_is_locked(resv));
	KUNIT_EXPECT_NULL(test, dma_resv_locking_ctx(resv));
	KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(resv, DMA_RESV_USAGE_BOOKKEEP));
	KUNIT_EXPECT_STREQ(test, mock_resv_text(test, resv), "");
}

static void lock_and_trylock(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);

	KUNIT_EXPECT_EQ(test, dma_resv_lock(resv, NULL), 0);
	KUNIT_EXPECT_TRUE(test, dma_resv_is_locked(resv));
	dma_resv_unlock(resv);
	KUNIT_EXPECT_TRUE(test, dma_resv_trylock(resv));
	dma_resv_unlock(resv);
	KUNIT_EXPECT_EQ(test, dma_resv_lock_interruptible(resv, NULL), 0);
	dma_resv_unlock(resv);
	KUNIT_EXPECT_FALSE(test, dma_resv_is_locked(resv));
}

static void lock_with_a_context(struct kunit *test)
{
	struct dma_resv *one = mock_resv(test), *other = mock_resv(test);
	struct ww_acquire_ctx ctx;
	int ret;

	ww_acquire_init(&ctx, &reservation_ww_class);
	/* CONFIG_DEBUG_WW_MUTEX_SLOWPATH injects -EDEADLK. */
	if (dma_resv_lock(one, &ctx) == -EDEADLK)
		dma_resv_lock_slow(one, &ctx);
	KUNIT_EXPECT_PTR_EQ(test, dma_resv_locking_ctx(one), &ctx);
	KUNIT_EXPECT_EQ(test, dma_resv_lock(one, &ctx), -EALREADY);
	ret = dma_resv_lock(other, &ctx);
	if (ret == -EDEADLK) {
		dma_resv_unlock(one);
		KUNIT_EXPECT_EQ(test, dma_resv_lock_slow_interruptible(other, &ctx), 0);
	} else {
		KUNIT_EXPECT_EQ(test, ret, 0);
		dma_resv_unlock(one);
	}
	dma_resv_unlock(other);
	ww_acquire_fini(&ctx);
}

static const struct placed {
	const char *desc;
	const char *added;
	const char *expected;
} placed[] = {
	{ "one", "a1w", "a1w" },
	{ "several timelines", "a1w b1r c1k d1p", "a1w b1r c1k d1p" },
	{ "later replaces", "a1w b1w a2w", "a2w b1w" },
	{ "much later replaces", "a1r a9r", "a9r" },
	{ "earlier is added too", "a5r a3r", "a5r a3r" },
	{ "earlier of a weaker usage", "a5w a3r", "a5w a3r" },
	{ "earlier of a stronger usage", "a5r a3w", "a5r a3w" },
	{ "earlier replaces a signalled later one", "a5r! a3r", "a3r" },
	{ "later of a stronger usage replaces", "a1r a2w", "a2w" },
	{ "later of a weaker usage is added", "a1w a2r", "a1w a2r" },
	{ "three usages of a timeline", "a1k a2w a3r", "a1k a2w a3r" },
	{ "the strongest replaces one", "a1w a2r a3k", "a3k a2r" },
	{ "the same number is another fence", "a1r a1r", "a1r a1r" },
	{ "signalled is replaced", "a1w! b1w", "b1w" },
	{ "the first signalled one", "a1w b1w! c1w! d1w", "a1w d1w" },
	{ "readers and writers in turn", "a1w a2r a3w a4r a5w a6r", "a5w a6r" },
	{ "later before signalled", "b1w a1w! b2w", "b2w a1w" },
};

KUNIT_ARRAY_PARAM_DESC(placed, placed, desc);

static void add_chooses_a_slot(struct kunit *test)
{
	const struct placed *row = test->param_value;
	struct dma_resv *resv = mock_resv(test);

	mock_resv_fill(test, resv, row->added);
	KUNIT_EXPECT_STREQ(test, mock_resv_text(test, resv), row->expected);
}

static void add_of_the_same_fence(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	struct dma_fence *fence = mock_fence(test);

	mock_resv_add(test, resv, fence, DMA_RESV_USAGE_READ);
	mock_resv_add(test, resv, fence, DMA_RESV_USAGE_READ);
	KUNIT_EXPECT_EQ(test, mock_resv_count(test, resv), 1);
	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), 2);
	mock_resv_add(test, resv, fence, DMA_RESV_USAGE_BOOKKEEP);
	KUNIT_EXPECT_EQ(test, mock_resv_count(test, resv), 2);
	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), 3);
	/* Adding it again makes its usage stronger, but never weaker. */
	mock_resv_add(test, resv, fence, DMA_RESV_USAGE_WRITE);
	mock_resv_add(test, resv, fence, DMA_RESV_USAGE_READ);
	KUNIT_EXPECT_EQ(test, mock_resv_count(test, resv), 2);
	KUNIT_EXPECT_FALSE(test, dma_resv_test_signaled(resv, DMA_RESV_USAGE_WRITE));
	KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(resv, DMA_RESV_USAGE_KERNEL));
	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), 3);
}

/*
 * Another thread has added a later fence of the timeline first, which is pending or
 * signalled. The earlier fence must be kept all the same: its driver may drop its own
 * reference after adding it.
 */
static const struct overtaken {
	const char *desc;
	u64 before;
	u64 seqno;
	enum dma_resv_usage usage;
	bool signalled;
} overtaken[] = {
	{ "pending", 2, 1, DMA_RESV_USAGE_WRITE, false },
	{ "signalled", 2, 1, DMA_RESV_USAGE_WRITE, true },
	{ "pending, of a weaker usage", 2, 1, DMA_RESV_USAGE_READ, false },
	{ "signalled, of a weaker usage", 2, 1, DMA_RESV_USAGE_READ, true },
	{ "so long ago that it seems to be later", 5, 0x8000000a, DMA_RESV_USAGE_WRITE, true },
};

KUNIT_ARRAY_PARAM_DESC(overtaken, overtaken, desc);

static void overtaken_fence_is_kept(struct kunit *test)
{
	const struct overtaken *row = test->param_value;
	struct dma_resv *resv = mock_resv(test);
	u64 context = dma_fence_context_alloc(1);
	struct dma_fence *before = mock_fence_at(test, context, row->before);
	struct dma_fence *fence = mock_fence_at(test, context, row->seqno);

	KUNIT_ASSERT_FALSE(test, dma_fence_is_later(fence, before));
	mock_resv_add(test, resv, before, DMA_RESV_USAGE_WRITE);
	if (row->signalled)
		dma_fence_signal(before);
	mock_resv_add(test, resv, fence, row->usage);
	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), 2);
	KUNIT_EXPECT_FALSE(test, dma_resv_test_signaled(resv, row->usage));
	dma_fence_signal(before);
	KUNIT_EXPECT_FALSE(test, dma_resv_test_signaled(resv, row->usage));
	dma_fence_signal(fence);
	KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(resv, row->usage));
}

static void fini_drops_the_fences(struct kunit *test)
{
	struct dma_fence *fences[20];
	struct dma_resv resv;

	mock_fences(test, ARRAY_SIZE(fences), fences);
	dma_resv_init(&resv);
	for (int i = 0; i < ARRAY_SIZE(fences); i++) {
		mock_resv_add(test, &resv, fences[i], DMA_RESV_USAGE_READ);
		mock_fence_put(test, fences[i]);
	}
	KUNIT_EXPECT_TRUE(test, mock_has_fences(test, ARRAY_SIZE(fences)));
	dma_resv_fini(&resv);
	KUNIT_EXPECT_TRUE(test, mock_has_fences(test, 0));
}

static void reserve_allocates_all_slots(struct kunit *test)
{
	static const unsigned int counts[] = { 1, 3, 4, 5, 64, 100, 1000 };
	struct dma_fence **fences;

	fences = kunit_kcalloc(test, 1000, sizeof(*fences), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fences);
	mock_fences(test, 1000, fences);
	for (int i = 0; i < ARRAY_SIZE(counts); i++) {
		struct dma_resv *resv = mock_resv(test);

		dma_resv_lock(resv, NULL);
		KUNIT_EXPECT_EQ(test, dma_resv_reserve_fences(resv, counts[i]), 0);
		for (unsigned int j = 0; j < counts[i]; j++)
			dma_resv_add_fence(resv, fences[j], DMA_RESV_USAGE_READ);
		dma_resv_unlock(resv);
		KUNIT_EXPECT_EQ(test, mock_resv_count(test, resv), counts[i]);
	}
}

static void reserve_of_too_many_is_refused(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);

	mock_resv_fill(test, resv, "a1r b1r");
	dma_resv_lock(resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_resv_reserve_fences(resv, U32_MAX), -ENOMEM);
	KUNIT_EXPECT_EQ(test, dma_resv_reserve_fences(resv, U32_MAX - 1), -ENOMEM);
	KUNIT_EXPECT_EQ(test, dma_resv_reserve_fences(resv, U32_MAX / 2), -ENOMEM);
	dma_resv_unlock(resv);
	KUNIT_EXPECT_STREQ(test, mock_resv_text(test, resv), "a1r b1r");
}

/* The outer reservation counts slots of signalled fences; the inner one must not use them. */
static void reservations_nest(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	struct dma_fence *fences[40], *more[8];
	unsigned int capacity;

	mock_fences(test, ARRAY_SIZE(fences), fences);
	mock_fences(test, ARRAY_SIZE(more), more);
	for (int i = 0; i < ARRAY_SIZE(fences); i++)
		mock_resv_add(test, resv, fences[i], DMA_RESV_USAGE_READ);
	for (int i = 2; i < ARRAY_SIZE(fences); i++)
		dma_fence_signal(fences[i]);

	dma_resv_lock(resv, NULL);
	capacity = mock_resv_capacity(resv) - ARRAY_SIZE(fences);
	KUNIT_EXPECT_EQ(test, dma_resv_reserve_fences(resv, capacity + 4), 0);
	KUNIT_EXPECT_EQ(test, dma_resv_reserve_fences(resv, 1), 0);
	/* One fence uses the inner reservation, the others the outer one. */
	for (int i = 0; i < 5; i++)
		dma_resv_add_fence(resv, more[i], DMA_RESV_USAGE_READ);
	dma_resv_unlock(resv);
	KUNIT_EXPECT_EQ(test, resv->reserved, 0);
	for (int i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, kref_read(&more[i]->refcount), 2);
}

static unsigned int reported;

static void count_report(void)
{
	reported++;
}

/*
 * A driver reserves slots for the fences of its job and calls the memory manager, which
 * moves the buffer several times. Each move reserves a slot and adds a kernel fence.
 */
static void nested_moves_leave_the_outer_reservation(struct kunit *test)
{
	struct dma_fence *pending[64], *moves[3], *job[3];

	mock_fences(test, ARRAY_SIZE(pending), pending);
	mock_fences(test, ARRAY_SIZE(moves), moves);
	mock_fences(test, ARRAY_SIZE(job), job);
	/* With each number of slots in use, as only with some of them the list has to grow. */
	for (unsigned int count = 0; count < ARRAY_SIZE(pending); count++) {
		struct dma_resv *resv = mock_resv(test);

		for (unsigned int i = 0; i < count; i++)
			mock_resv_add(test, resv, pending[i], DMA_RESV_USAGE_READ);
		reported = 0;
		kunit_activate_static_stub(test, dma_resv_report_unreserved, count_report);
		dma_resv_lock(resv, NULL);
		KUNIT_EXPECT_EQ(test, dma_resv_reserve_fences(resv, 3), 0);
		for (int i = 0; i < ARRAY_SIZE(moves); i++) {
			KUNIT_EXPECT_EQ(test, dma_resv_reserve_fences(resv, 1), 0);
			dma_resv_add_fence(resv, moves[i], DMA_RESV_USAGE_KERNEL);
		}
		for (int i = 0; i < ARRAY_SIZE(job); i++)
			dma_resv_add_fence(resv, job[i], DMA_RESV_USAGE_READ);
		dma_resv_unlock(resv);
		kunit_deactivate_static_stub(test, dma_resv_report_unreserved);
		KUNIT_EXPECT_EQ_MSG(test, reported, 0, "with %u fences before", count);
	}
}

/* Repeated reservations without adding fences do not make the list grow. */
static void repeated_reservations_do_not_grow_the_list(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);

	dma_resv_lock(resv, NULL);
	for (int i = 0; i < 1000; i++)
		KUNIT_EXPECT_EQ(test, dma_resv_reserve_fences(resv, 2), 0);
	dma_resv_unlock(resv);
	KUNIT_EXPECT_LE(test, mock_resv_capacity(resv), 16);
}

static struct dma_resv_list *no_list(unsigned int count, gfp_t gfp)
{
	return NULL;
}

/* Where a mistake is reported here, the base has a BUG_ON(). */
static const struct mistake {
	const char *desc;
	unsigned int before;
	bool late;
	unsigned int reports;
} mistakes[] = {
	{ "empty object", 0, false, 1 },
	{ "full list", 1, false, 1 },
	{ "full list of fences that ->signaled() finds signalled", 1, true, 0 },
};

KUNIT_ARRAY_PARAM_DESC(mistake, mistakes, desc);

static bool mock_is_done(struct dma_fence *fence)
{
	return true;
}

/* A missing reservation is reported, and the fence is added all the same. */
static void add_without_reserving(struct kunit *test)
{
	const struct mistake *row = test->param_value;
	struct dma_resv *resv = mock_resv(test);
	struct dma_fence *fence = mock_fence(test), *others[16];
	const struct dma_fence_ops *ops = fence->ops;
	struct dma_fence_ops *done_ops;

	done_ops = kunit_kzalloc(test, sizeof(*done_ops), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, done_ops);
	*done_ops = *ops;
	done_ops->signaled = mock_is_done;
	mock_fences(test, ARRAY_SIZE(others), others);

	kunit_activate_static_stub(test, dma_resv_report_unreserved, count_report);
	dma_resv_lock(resv, NULL);
	if (row->before)
		KUNIT_EXPECT_EQ(test, dma_resv_reserve_fences(resv, row->before), 0);
	for (unsigned int i = 0; row->before && i < mock_resv_capacity(resv); i++) {
		dma_resv_add_fence(resv, others[i], DMA_RESV_USAGE_READ);
		if (row->late)
			others[i]->ops = done_ops;
	}
	dma_resv_unlock(resv);
	reported = 0;
	dma_resv_lock(resv, NULL);
	dma_resv_add_fence(resv, fence, DMA_RESV_USAGE_WRITE);
	dma_resv_unlock(resv);
	kunit_deactivate_static_stub(test, dma_resv_report_unreserved);
	KUNIT_EXPECT_EQ(test, reported, row->reports);
	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), 2);
	KUNIT_EXPECT_FALSE(test, dma_resv_test_signaled(resv, DMA_RESV_USAGE_WRITE));
	KUNIT_EXPECT_LE(test, mock_resv_count(test, resv), mock_resv_capacity(resv));
	for (int i = 0; i < ARRAY_SIZE(others); i++)
		others[i]->ops = ops;
}

static void reset_max_fences_drops_the_reservation(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);

	dma_resv_lock(resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_resv_reserve_fences(resv, 2), 0);
	KUNIT_EXPECT_NE(test, resv->reserved, 0);
	dma_resv_reset_max_fences(resv);
	KUNIT_EXPECT_EQ(test, resv->reserved, 0);
	dma_resv_unlock(resv);
}

/* Unlocking ends a reservation; noticed with CONFIG_DEBUG_MUTEXES only. */
static void add_after_unlock_is_reported(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);

	if (!IS_ENABLED(CONFIG_DEBUG_MUTEXES))
		kunit_skip(test, "found only with CONFIG_DEBUG_MUTEXES");
	dma_resv_lock(resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_resv_reserve_fences(resv, 2), 0);
	dma_resv_unlock(resv);
	reported = 0;
	kunit_activate_static_stub(test, dma_resv_report_unreserved, count_report);
	dma_resv_lock(resv, NULL);
	dma_resv_add_fence(resv, mock_fence(test), DMA_RESV_USAGE_WRITE);
	dma_resv_unlock(resv);
	KUNIT_EXPECT_EQ(test, reported, 1);
}

static void reserve_without_memory(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);

	mock_resv_fill(test, resv, "a1r b1r");
	kunit_activate_static_stub(test, dma_resv_list_alloc, no_list);
	dma_resv_lock(resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_resv_reserve_fences(resv, 100), -ENOMEM);
	KUNIT_EXPECT_EQ(test, dma_resv_copy_fences(resv, resv), -ENOMEM);
	dma_resv_unlock(resv);
	KUNIT_EXPECT_STREQ(test, mock_resv_text(test, resv), "a1r b1r");
}

/* Add three fences of each of @count timelines, whose contexts are @distance apart. */
static void each_keeps_its_newest(struct kunit *test, struct dma_resv *resv, int count,
				  u64 distance)
{
	u64 context = dma_fence_context_alloc(count * distance);
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	for (int seqno = 1; seqno <= 3; seqno++)
		for (int i = 0; i < count; i++)
			mock_resv_add(test, resv,
				      mock_fence_at(test, context + i * distance, seqno),
				      DMA_RESV_USAGE_READ);
	KUNIT_EXPECT_EQ(test, mock_resv_count(test, resv), count);
	dma_resv_lock(resv, NULL);
	dma_resv_for_each_fence(&cursor, resv, DMA_RESV_USAGE_READ, fence)
		KUNIT_EXPECT_EQ(test, fence->seqno, 3);
	dma_resv_unlock(resv);
}

static void many_timelines_each_keep_their_newest(struct kunit *test)
{
	each_keeps_its_newest(test, mock_resv(test), 600, 1);
}

/* Reserve @count slots and return the capacity of the list. */
static unsigned int reserve_capacity(struct kunit *test, struct dma_resv *resv,
				     unsigned int count)
{
	dma_resv_lock(resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_resv_reserve_fences(resv, count), 0);
	dma_resv_unlock(resv);
	return mock_resv_capacity(resv);
}

static void distant_contexts_each_keep_their_newest(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	/* One more, as reserving cannot know that a fence replaces its timeline's older one. */
	unsigned int capacity = reserve_capacity(test, resv, 20 + 1);

	each_keeps_its_newest(test, resv, 20, capacity);
	KUNIT_EXPECT_EQ(test, mock_resv_capacity(resv), capacity);
}

/* Two contexts add fences in turn. Each fence replaces the previous, signalled one. */
static void signalled_fence_of_another_context_is_replaced(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	unsigned int capacity = reserve_capacity(test, resv, 1);
	u64 context = dma_fence_context_alloc(2 * capacity);
	struct dma_fence *fence;

	for (int i = 0; i < 6; i++) {
		fence = mock_fence_at(test, context + (i % 2) * capacity, i + 1);
		mock_resv_add(test, resv, fence, DMA_RESV_USAGE_WRITE);
		KUNIT_EXPECT_EQ(test, mock_resv_count(test, resv), 1);
		dma_fence_signal(fence);
	}
}

/* Each fence is of a new timeline and signalled before the next is added. */
static void list_shrinks_after_signals(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	struct dma_fence *fence;

	for (int i = 0; i < 1000; i++) {
		fence = mock_fence(test);
		mock_resv_add(test, resv, fence, DMA_RESV_USAGE_READ);
		dma_fence_signal(fence);
		mock_fence_put(test, fence);
	}
	KUNIT_EXPECT_LE(test, mock_resv_capacity(resv), 16);
	KUNIT_EXPECT_LE(test, mock_resv_count(test, resv), 16);
}

static void replace_replaces_all_of_a_timeline(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	struct dma_fence *other = mock_fence(test);
	u64 context;

	context = mock_resv_fill(test, resv, "a1w a2r b1r a3p");
	dma_resv_lock(resv, NULL);
	dma_resv_replace_fences(resv, context, other, DMA_RESV_USAGE_BOOKKEEP);
	dma_resv_unlock(resv);
	KUNIT_EXPECT_EQ(test, mock_resv_count(test, resv), 4);
	KUNIT_EXPECT_EQ(test, kref_read(&other->refcount), 4);
	KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(resv, DMA_RESV_USAGE_WRITE));
	KUNIT_EXPECT_FALSE(test, dma_resv_test_signaled(resv, DMA_RESV_USAGE_READ));
	/* Neither a timeline without fences nor an empty object changes. */
	for (int i = 0; i < 2; i++) {
		dma_resv_lock(resv, NULL);
		dma_resv_replace_fences(resv, context, other, DMA_RESV_USAGE_READ);
		dma_resv_unlock(resv);
		KUNIT_EXPECT_EQ(test, kref_read(&other->refcount), 4);
		resv = mock_resv(test);
	}
}

/* amdkfd relies on it to drop its eviction fence, which holds a reference to an mm. */
static void replace_drops_signalled_fences(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	struct dma_fence *old = mock_fence(test), *fence = mock_fence(test);
	u64 context = old->context;

	mock_resv_add(test, resv, old, DMA_RESV_USAGE_BOOKKEEP);
	dma_fence_signal(old);
	mock_fence_put(test, old);
	KUNIT_EXPECT_TRUE(test, mock_has_fences(test, 2));
	dma_resv_lock(resv, NULL);
	dma_resv_replace_fences(resv, context, fence, DMA_RESV_USAGE_BOOKKEEP);
	dma_resv_unlock(resv);
	KUNIT_EXPECT_TRUE(test, mock_has_fences(test, 1));
	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), 2);
	KUNIT_EXPECT_FALSE(test, dma_resv_test_signaled(resv, DMA_RESV_USAGE_BOOKKEEP));
}

static void copy_takes_unsignalled_fences(struct kunit *test)
{
	struct dma_resv *from = mock_resv(test), *to = mock_resv(test);

	mock_resv_fill(test, from, "a1w c1p d1k b1r!");
	mock_resv_fill(test, to, "z1w");
	dma_resv_lock(to, NULL);
	KUNIT_EXPECT_EQ(test, dma_resv_copy_fences(to, from), 0);
	dma_resv_unlock(to);
	KUNIT_EXPECT_STREQ(test, mock_resv_text(test, from), "a1w c1p d1k b1r");
	KUNIT_EXPECT_STREQ(test, mock_resv_text(test, to), "a1w c1p d1k");
}

static void copy_of_an_empty_object(struct kunit *test)
{
	struct dma_resv *from = mock_resv(test), *to = mock_resv(test);

	mock_resv_fill(test, to, "z1w");
	dma_resv_lock(to, NULL);
	KUNIT_EXPECT_EQ(test, dma_resv_copy_fences(to, from), 0);
	dma_resv_unlock(to);
	KUNIT_EXPECT_STREQ(test, mock_resv_text(test, to), "");
}

/* slots must be aligned for pointers, and the header must not grow. */
static void list_header_is_small(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, offsetof(struct dma_resv_list, slots) % sizeof(long), 0);
	if (IS_ENABLED(CONFIG_64BIT) && !IS_ENABLED(CONFIG_DEBUG_MUTEXES))
		KUNIT_EXPECT_EQ(test, offsetof(struct dma_resv_list, slots), 24);
}

/*
 * race_add() adds a later fence of a timeline before it signals the older one, so the
 * object has an unsignalled fence of each timeline at any time.
 */
#define TIMELINES	8

struct race {
	struct dma_resv resv;
	struct kmem_cache *cache;
	unsigned int timelines;
	struct dma_fence *newest[TIMELINES];
	u64 context;
	unsigned int turn;
	spinlock_t lock;	/* passed to dma_fence_init() */
};

static const char *race_name(struct dma_fence *fence)
{
	return "race";
}

struct race_fence {
	struct dma_fence base;
	struct kmem_cache *cache;
};

static void race_release(struct dma_fence *fence)
{
	struct race_fence *cached = container_of(fence, struct race_fence, base);

	if (cached->cache)
		kmem_cache_free(cached->cache, cached);
	else
		dma_fence_free(fence);
}

static const struct dma_fence_ops race_ops = {
	.get_driver_name = race_name,
	.get_timeline_name = race_name,
	.release = race_release,
};

static struct dma_fence *race_fence(struct race *race, u64 context, u64 seqno)
{
	gfp_t gfp = GFP_KERNEL | __GFP_NOFAIL;
	struct race_fence *fence;

	fence = race->cache ? kmem_cache_alloc(race->cache, gfp) : kmalloc(sizeof(*fence), gfp);
	fence->cache = race->cache;
	dma_fence_init(&fence->base, &race_ops, &race->lock, context, seqno);
	return &fence->base;
}

/* Add and signal fences of @count new timelines: the list grows, and shrinks later. */
static int race_add_many(struct race *race, unsigned int count)
{
	struct dma_fence *fences[200];
	int ret;

	for (unsigned int i = 0; i < count; i++)
		fences[i] = race_fence(race, dma_fence_context_alloc(1), 1);
	dma_resv_lock(&race->resv, NULL);
	ret = dma_resv_reserve_fences(&race->resv, count);
	for (unsigned int i = 0; i < count && !ret; i++)
		dma_resv_add_fence(&race->resv, fences[i], DMA_RESV_USAGE_READ);
	dma_resv_unlock(&race->resv);
	for (unsigned int i = 0; i < count; i++) {
		dma_fence_signal(fences[i]);
		dma_fence_put(fences[i]);
	}
	return ret;
}

static int race_add_one(struct race *race, struct dma_fence *fence)
{
	int ret;

	dma_resv_lock(&race->resv, NULL);
	ret = dma_resv_reserve_fences(&race->resv, 1);
	if (!ret)
		dma_resv_add_fence(&race->resv, fence, DMA_RESV_USAGE_READ);
	dma_resv_unlock(&race->resv);
	return ret;
}

static bool race_add(void *data)
{
	struct race *race = data;
	unsigned int i = race->turn % race->timelines;
	struct dma_fence *fence, *old;
	int ret;

	fence = race_fence(race, race->context + i, race->turn + 1);
	ret = race_add_one(race, fence);
	old = race->newest[i];
	race->newest[i] = fence;
	if (old)
		dma_fence_signal(old);
	dma_fence_put(old);
	if (!ret && race->turn % 10 == 9)
		ret = race_add_many(race, race->turn % 20 == 9 ? 200 : 45);
	WRITE_ONCE(race->turn, race->turn + 1);
	return !ret;
}

/* The bit of a fence's timeline; 0 for fences of race_add_many(). */
static unsigned long race_timeline(struct race *race, struct dma_fence *fence)
{
	u64 timeline = fence->context - race->context;

	return timeline < race->timelines ? BIT(timeline) : 0;
}

/* Each iteration must return a fence of each timeline after its last restart. */
static bool race_iterate(void *data)
{
	struct race *race = data;
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	bool full = READ_ONCE(race->turn) >= 2 * race->timelines;
	unsigned long seen = 0;

	dma_resv_iter_begin(&cursor, &race->resv, DMA_RESV_USAGE_READ);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		if (dma_resv_iter_is_restarted(&cursor))
			seen = 0;
		seen |= race_timeline(race, fence);
	}
	dma_resv_iter_end(&cursor);
	return !full || seen == BIT(race->timelines) - 1;
}

static bool race_get(void *data)
{
	struct race *race = data;
	bool full = READ_ONCE(race->turn) >= 2 * race->timelines;
	struct dma_fence **fences;
	unsigned long seen = 0;
	unsigned int count;

	if (dma_resv_get_fences(&race->resv, DMA_RESV_USAGE_READ, &count, &fences))
		return false;
	for (unsigned int i = 0; i < count; i++) {
		seen |= race_timeline(race, fences[i]);
		dma_fence_put(fences[i]);
	}
	kfree(fences);
	return !full || seen == BIT(race->timelines) - 1;
}

static bool race_wait(void *data)
{
	struct race *race = data;

	return dma_resv_wait_timeout(&race->resv, DMA_RESV_USAGE_READ, false, 1) >= 0;
}

static bool race_copy(void *data)
{
	struct race *race = data;
	bool full = READ_ONCE(race->turn) >= 2 * race->timelines;
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	unsigned long seen = 0;
	struct dma_resv copy;
	int ret;

	dma_resv_init(&copy);
	dma_resv_lock(&copy, NULL);
	ret = dma_resv_copy_fences(&copy, &race->resv);
	dma_resv_for_each_fence(&cursor, &copy, DMA_RESV_USAGE_READ, fence)
		seen |= race_timeline(race, fence);
	dma_resv_unlock(&copy);
	dma_resv_fini(&copy);
	return !ret && (!full || seen == BIT(race->timelines) - 1);
}

static void readers_race(struct kunit *test, unsigned int timelines, struct kmem_cache *cache)
{
	struct race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);
	struct mock_job jobs[] = {
		{ race_add, race }, { race_iterate, race }, { race_iterate, race },
		{ race_get, race }, { race_wait, race }, { race_copy, race },
	};

	KUNIT_ASSERT_NOT_NULL(test, race);
	dma_resv_init(&race->resv);
	spin_lock_init(&race->lock);
	race->cache = cache;
	race->timelines = timelines;
	race->context = dma_fence_context_alloc(timelines);
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	for (unsigned int i = 0; i < timelines; i++) {
		if (race->newest[i])
			dma_fence_signal(race->newest[i]);
		dma_fence_put(race->newest[i]);
	}
	dma_resv_fini(&race->resv);
}

static void readers_race_with_add_and_replace(struct kunit *test)
{
	readers_race(test, TIMELINES, NULL);
}

/*
 * Like i915, whose fences are SLAB_TYPESAFE_BY_RCU: the memory of a released fence may be
 * reused without a grace period, for a fence of the same timeline in the same slot.
 */
static void readers_race_with_reused_addresses(struct kunit *test)
{
	struct kmem_cache *cache = KMEM_CACHE(race_fence, SLAB_TYPESAFE_BY_RCU);

	KUNIT_ASSERT_NOT_NULL(test, cache);
	readers_race(test, 1, cache);
	/* Wait for fences and lists that RCU still has to free. */
	kvfree_rcu_barrier();
	rcu_barrier();
	kmem_cache_destroy(cache);
}

static struct kunit_case dma_resv_cases[] = {
	KUNIT_CASE(object_begins_empty_and_unlocked),
	KUNIT_CASE(lock_and_trylock),
	KUNIT_CASE(lock_with_a_context),
	KUNIT_CASE_PARAM(add_chooses_a_slot, placed_gen_params),
	KUNIT_CASE(add_of_the_same_fence),
	KUNIT_CASE_PARAM(overtaken_fence_is_kept, overtaken_gen_params),
	KUNIT_CASE(fini_drops_the_fences),
	KUNIT_CASE(reserve_allocates_all_slots),
	KUNIT_CASE(reserve_of_too_many_is_refused),
	KUNIT_CASE(reservations_nest),
	KUNIT_CASE(nested_moves_leave_the_outer_reservation),
	KUNIT_CASE(repeated_reservations_do_not_grow_the_list),
	KUNIT_CASE_PARAM(add_without_reserving, mistake_gen_params),
	KUNIT_CASE(reset_max_fences_drops_the_reservation),
	KUNIT_CASE(add_after_unlock_is_reported),
	KUNIT_CASE(reserve_without_memory),
	KUNIT_CASE(many_timelines_each_keep_their_newest),
	KUNIT_CASE(list_shrinks_after_signals),
	KUNIT_CASE(replace_replaces_all_of_a_timeline),
	KUNIT_CASE(replace_drops_signalled_fences),
	KUNIT_CASE(copy_takes_unsignalled_fences),
	KUNIT_CASE(copy_of_an_empty_object),
	KUNIT_CASE(list_header_is_small),
	KUNIT_CASE(distant_contexts_each_keep_their_newest),
	KUNIT_CASE(signalled_fence_of_another_context_is_replaced),
	KUNIT_CASE(readers_race_with_add_and_replace),
	KUNIT_CASE(readers_race_with_reused_addresses),
	{}
};

static struct kunit_suite dma_resv_suite = {
	.name = "dma_resv",
	.init = mock_init,
	.test_cases = dma_resv_cases,
};

kunit_test_suite(dma_resv_suite);
