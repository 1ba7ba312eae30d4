// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of fence chains: when their points signal, which links a walk drops, which link a
 * search finds, and very long chains.
 */

#include <linux/delay.h>
#include <linux/slab.h>

#include "containers.h"
#include "mock.h"
#include "threads.h"

#define LINKS_MAX	200

static void links_of_a_timeline(struct kunit *test)
{
	struct dma_fence *fences[2], *first, *second;
	struct dma_fence_chain *chain;

	mock_fences(test, 2, fences);
	first = mock_link(test, NULL, fences[0], 3);
	second = mock_link(test, first, fences[1], 7);
	chain = to_dma_fence_chain(second);
	KUNIT_ASSERT_NOT_NULL(test, chain);
	KUNIT_EXPECT_PTR_EQ(test, &chain->base, second);
	KUNIT_EXPECT_PTR_EQ(test, chain->fence, fences[1]);
	KUNIT_EXPECT_PTR_EQ(test, second->ops, &dma_fence_chain_ops);
	KUNIT_EXPECT_EQ(test, first->seqno, 3);
	KUNIT_EXPECT_EQ(test, second->seqno, 7);
	KUNIT_EXPECT_EQ(test, second->context, first->context);
	KUNIT_EXPECT_EQ(test, to_dma_fence_chain(first)->prev_seqno, 0);
	KUNIT_EXPECT_EQ(test, chain->prev_seqno, 3);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_chain(second));
	KUNIT_EXPECT_TRUE(test, dma_fence_is_container(second));
	KUNIT_EXPECT_FALSE(test, dma_fence_is_array(second));
	KUNIT_EXPECT_FALSE(test, dma_fence_is_chain(fences[0]));
	KUNIT_EXPECT_NULL(test, to_dma_fence_chain(fences[0]));
	KUNIT_EXPECT_NULL(test, to_dma_fence_chain(NULL));
	KUNIT_EXPECT_PTR_EQ(test, dma_fence_chain_contained(second), fences[1]);
	KUNIT_EXPECT_PTR_EQ(test, dma_fence_chain_contained(fences[0]), fences[0]);
	KUNIT_EXPECT_NULL(test, dma_fence_chain_contained(NULL));
	KUNIT_EXPECT_STREQ(test, second->ops->get_driver_name(second), "dma_fence_chain");
	KUNIT_EXPECT_STREQ(test, second->ops->get_timeline_name(second), "unbound");
}

static const struct numbers {
	const char *desc;
	u64 first;
	u64 second;
	bool follows;
	u64 expected;
} numbers[] = {
	{ "next", 1, 2, true, 2 },
	{ "far ahead", 1, BIT_ULL(40), true, BIT_ULL(40) },
	{ "same", 5, 5, false, 5 },
	{ "before", 5, 3, false, 5 },
	{ "no wrap", U64_MAX, 1, false, U64_MAX },
};

KUNIT_ARRAY_PARAM_DESC(numbers, numbers, desc);

static void numbers_of_two_links(struct kunit *test)
{
	const struct numbers *row = test->param_value;
	struct dma_fence *fences[2], *first, *second;

	mock_fences(test, 2, fences);
	first = mock_link(test, NULL, fences[0], row->first);
	second = mock_link(test, first, fences[1], row->second);
	KUNIT_EXPECT_EQ(test, second->context == first->context, row->follows);
	KUNIT_EXPECT_EQ(test, second->seqno, row->expected);
	KUNIT_EXPECT_EQ(test, to_dma_fence_chain(second)->prev_seqno,
			row->follows ? row->first : 0);
}

static void link_made_by_init(struct kunit *test)
{
	struct dma_fence_chain *first = dma_fence_chain_alloc();
	struct dma_fence_chain *second = dma_fence_chain_alloc();
	struct dma_fence *fence = mock_fence(test);

	KUNIT_ASSERT_NOT_NULL(test, first);
	KUNIT_ASSERT_NOT_NULL(test, second);
	dma_fence_chain_init(first, NULL, dma_fence_get(fence), 3);
	dma_fence_chain_init(second, &first->base, dma_fence_get(fence), 4);
	mock_own(test, &second->base);
	KUNIT_EXPECT_EQ(test, second->base.context, first->base.context);
	KUNIT_EXPECT_EQ(test, second->prev_seqno, 3);
	dma_fence_signal(fence);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(&second->base));
	/* One that is not used is only memory. */
	dma_fence_chain_free(dma_fence_chain_alloc());
	dma_fence_chain_free(NULL);
}

static void link_behind_a_fence_that_is_no_chain(struct kunit *test)
{
	struct dma_fence *fences[2], *link;

	mock_fences(test, 2, fences);
	link = mock_link(test, fences[0], fences[1], 1);
	KUNIT_EXPECT_NE(test, link->context, fences[0]->context);
	KUNIT_EXPECT_EQ(test, to_dma_fence_chain(link)->prev_seqno, 0);
	dma_fence_signal(fences[1]);
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(link));
	dma_fence_signal(fences[0]);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(link));
}

enum order { FORWARDS, BACKWARDS, MIXED };

static const struct shape {
	const char *desc;
	unsigned int count;
	enum order order;
} shapes[] = {
	{ "one", 1, FORWARDS },
	{ "two", 2, FORWARDS },
	{ "two, newest first", 2, BACKWARDS },
	{ "many", 20, FORWARDS },
	{ "many, newest first", 20, BACKWARDS },
	{ "many, mixed", 20, MIXED },
	{ "200", LINKS_MAX, FORWARDS },
	{ "200, newest first", LINKS_MAX, BACKWARDS },
	{ "200, mixed", LINKS_MAX, MIXED },
};

KUNIT_ARRAY_PARAM_DESC(shape, shapes, desc);

/* Index of the fence that signals as the i-th. 7 and the counts have no common divisor. */
static unsigned int signal_index(const struct shape *shape, unsigned int i)
{
	switch (shape->order) {
	case BACKWARDS:
		return shape->count - 1 - i;
	case MIXED:
		return (i * 7 + 3) % shape->count;
	default:
		return i;
	}
}

static struct dma_fence **shape_fences(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence **fences;

	fences = kunit_kcalloc(test, shape->count, sizeof(*fences), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fences);
	mock_fences(test, shape->count, fences);
	return fences;
}

static void chain_signals_with_the_last_of_its_fences(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence **fences = shape_fences(test);
	struct dma_fence *head = mock_chain(test, shape->count, fences);
	struct mock_callback callback = {};

	KUNIT_ASSERT_EQ(test, 0, mock_callback_add(&callback, head));
	for (unsigned int i = 0; i < shape->count; i++) {
		KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 0);
		KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(head));
		dma_fence_signal(fences[signal_index(shape, i)]);
		mock_run_deferred();
	}
	KUNIT_EXPECT_TRUE(test, mock_signals(head));
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 1);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(head), 1);
	KUNIT_EXPECT_EQ(test, -ENOENT, mock_callback_add(&callback, head));
}

/* Polling a chain polls its fences, and does not enable signalling. */
static void polled_chain_polls_its_fences(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence **fences = shape_fences(test);
	struct dma_fence *head = mock_chain(test, shape->count, fences);

	for (unsigned int i = 0; i < shape->count; i++) {
		KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(head));
		dma_fence_signal(fences[signal_index(shape, i)]);
	}
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(head));
	for (unsigned int i = 0; i < shape->count; i++)
		KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(fences[i])->enabled), 0);
}

static void chain_of_signalled_fences_when_enabled(struct kunit *test)
{
	struct dma_fence *fences[3], *head;
	struct mock_callback callback = {};

	mock_fences(test, 3, fences);
	head = mock_chain(test, 3, fences);
	for (int i = 0; i < 3; i++)
		dma_fence_signal(fences[i]);
	KUNIT_EXPECT_EQ(test, -ENOENT, mock_callback_add(&callback, head));
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 0);
}

/* Each point is a fence of its own, and waits for the points before it only. */
static void points_signal_on_their_own(struct kunit *test)
{
	struct dma_fence *fences[3], *points[3];
	struct mock_callback callbacks[3] = {};

	mock_fences(test, 3, fences);
	for (int i = 0; i < 3; i++) {
		points[i] = mock_link(test, i ? points[i - 1] : NULL, fences[i], i + 1);
		KUNIT_ASSERT_EQ(test, 0, mock_callback_add(&callbacks[i], points[i]));
	}
	dma_fence_signal(fences[0]);
	KUNIT_EXPECT_TRUE(test, mock_signals(points[0]));
	KUNIT_EXPECT_EQ(test, atomic_read(&callbacks[0].times), 1);
	dma_fence_signal(fences[2]);
	mock_run_deferred();
	KUNIT_EXPECT_EQ(test, atomic_read(&callbacks[2].times), 0);
	dma_fence_signal(fences[1]);
	KUNIT_EXPECT_TRUE(test, mock_signals(points[1]));
	KUNIT_EXPECT_EQ(test, atomic_read(&callbacks[1].times), 1);
	KUNIT_EXPECT_TRUE(test, mock_signals(points[2]));
	KUNIT_EXPECT_EQ(test, atomic_read(&callbacks[2].times), 1);
}

static void chain_with_an_array_in_it(struct kunit *test)
{
	struct dma_fence *fences[3], *head;
	struct mock_callback callback = {};

	mock_fences(test, 3, fences);
	head = mock_link(test, mock_link(test, NULL, fences[0], 1),
			 mock_array(test, false, 2, fences + 1), 2);
	KUNIT_ASSERT_EQ(test, 0, mock_callback_add(&callback, head));
	for (int i = 0; i < 3; i++) {
		mock_run_deferred();
		KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 0);
		dma_fence_signal(fences[i]);
	}
	KUNIT_EXPECT_TRUE(test, mock_signals(head));
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 1);
}

/* xe waits for a chain by a callback, which signals a fence that is in another chain. */
struct relay {
	struct dma_fence_cb cb;
	struct dma_fence *next;
};

static void relay_signal(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	dma_fence_signal(container_of(cb, struct relay, cb)->next);
}

static void chain_signals_a_fence_of_another_chain(struct kunit *test)
{
	static struct lock_class_key job_key;
	struct dma_fence *hardware = mock_fence(test), *job = mock_fence(test);
	struct dma_fence_chain *parent = dma_fence_chain_alloc();
	struct mock_callback callback = {};
	struct dma_fence *point;
	struct relay relay;

	KUNIT_ASSERT_NOT_NULL(test, parent);
	lockdep_set_class(&to_mock_fence(job)->lock, &job_key);
	dma_fence_chain_init(parent, NULL, dma_fence_get(hardware), 1);
	mock_own(test, &parent->base);
	point = mock_link(test, NULL, job, 1);
	relay.next = job;
	KUNIT_ASSERT_EQ(test, 0, dma_fence_add_callback(&parent->base, &relay.cb,
							relay_signal));
	KUNIT_ASSERT_EQ(test, 0, mock_callback_add(&callback, point));
	dma_fence_signal(hardware);
	KUNIT_EXPECT_TRUE(test, mock_signals(point));
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 1);
}

static void walk_goes_from_the_newest_to_the_oldest(struct kunit *test)
{
	struct dma_fence *fences[4], *head, *fence;
	unsigned int seen = 0;

	mock_fences(test, 4, fences);
	head = mock_chain(test, 4, fences);
	dma_fence_chain_for_each(fence, head) {
		KUNIT_ASSERT_LT(test, seen, 4);
		KUNIT_EXPECT_EQ(test, fence->seqno, 4 - seen);
		KUNIT_EXPECT_PTR_EQ(test, dma_fence_chain_contained(fence),
				    fences[3 - seen]);
		seen++;
	}
	KUNIT_EXPECT_EQ(test, seen, 4);
	dma_fence_chain_for_each(fence, fences[0]) {
		KUNIT_EXPECT_PTR_EQ(test, fence, fences[0]);
		seen++;
	}
	KUNIT_EXPECT_EQ(test, seen, 5);
	KUNIT_EXPECT_NULL(test, dma_fence_chain_walk(NULL));
}

/* Of the points 1 to 5, the first three have signalled. Their links and fences are dropped. */
static void walk_drops_signalled_links(struct kunit *test)
{
	struct dma_fence *fences[5], *head, *fence;
	u64 seen = 0;

	mock_fences(test, 5, fences);
	head = mock_chain(test, 5, fences);
	for (int i = 0; i < 3; i++)
		dma_fence_signal(fences[i]);
	for (int i = 0; i < 5; i++)
		mock_fence_put(test, fences[i]);
	KUNIT_EXPECT_TRUE(test, mock_has_fences(test, 5));
	dma_fence_chain_for_each(fence, head)
		seen = seen * 10 + fence->seqno;
	KUNIT_EXPECT_EQ(test, seen, 54);
	KUNIT_EXPECT_TRUE(test, mock_has_fences(test, 2));
	dma_fence_signal(fences[3]);
	dma_fence_signal(fences[4]);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(head));
	/* The fence of the newest link stays with it. */
	KUNIT_EXPECT_TRUE(test, mock_has_fences(test, 1));
}

static void walk_drops_a_fence_at_the_end(struct kunit *test)
{
	struct dma_fence *fences[2], *link;

	mock_fences(test, 2, fences);
	link = mock_link(test, fences[0], fences[1], 1);
	dma_fence_signal(fences[0]);
	KUNIT_EXPECT_NULL(test, dma_fence_chain_walk(dma_fence_get(link)));
	KUNIT_EXPECT_EQ(test, kref_read(&fences[0]->refcount), 1);
}

static const struct search {
	const char *desc;
	u64 seqno;
	int ret;
	u64 found;
} searches[] = {
	{ "newest, by 0", 0, 0, 9 },
	{ "newest, by number", 9, 0, 9 },
	{ "a point", 5, 0, 5 },
	{ "the oldest", 2, 0, 2 },
	{ "between two, the later", 3, 0, 5 },
	{ "between two others", 6, 0, 9 },
	{ "before the oldest", 1, 0, 2 },
	{ "not there yet", 10, -EINVAL, 9 },
};

KUNIT_ARRAY_PARAM_DESC(search, searches, desc);

/* A chain of the points 2, 5 and 9. */
static struct dma_fence *points_259(struct kunit *test, struct dma_fence **fences)
{
	struct dma_fence *link;

	mock_fences(test, 3, fences);
	link = mock_link(test, NULL, fences[0], 2);
	link = mock_link(test, link, fences[1], 5);
	return mock_link(test, link, fences[2], 9);
}

static void find_seqno_returns_the_link_of_a_point(struct kunit *test)
{
	const struct search *row = test->param_value;
	struct dma_fence *fences[3], *head = points_259(test, fences);
	struct dma_fence *fence = dma_fence_get(head);

	KUNIT_EXPECT_EQ(test, dma_fence_chain_find_seqno(&fence, row->seqno), row->ret);
	KUNIT_ASSERT_NOT_NULL(test, fence);
	KUNIT_EXPECT_EQ(test, fence->seqno, row->found);
	KUNIT_EXPECT_EQ(test, kref_read(&head->refcount), 1 + (fence == head));
	dma_fence_put(fence);
}

/* The link of a signalled point is dropped; the search finds NULL, not a later point. */
static void find_seqno_of_a_signalled_point(struct kunit *test)
{
	struct dma_fence *fences[3], *head = points_259(test, fences);
	struct dma_fence *fence = dma_fence_get(head);

	dma_fence_signal(fences[0]);
	KUNIT_EXPECT_EQ(test, dma_fence_chain_find_seqno(&fence, 2), 0);
	KUNIT_EXPECT_NULL(test, fence);
	fence = dma_fence_get(head);
	KUNIT_EXPECT_EQ(test, dma_fence_chain_find_seqno(&fence, 4), 0);
	KUNIT_ASSERT_NOT_NULL(test, fence);
	KUNIT_EXPECT_EQ(test, fence->seqno, 5);
	dma_fence_put(fence);
	/* The newest has signalled, the one before it has not. */
	dma_fence_signal(fences[2]);
	fence = dma_fence_get(head);
	KUNIT_EXPECT_EQ(test, dma_fence_chain_find_seqno(&fence, 7), 0);
	KUNIT_EXPECT_PTR_EQ(test, fence, head);
	dma_fence_put(fence);
	KUNIT_EXPECT_EQ(test, kref_read(&head->refcount), 1);
}

static void find_seqno_outside_of_chains(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test), *none = NULL;

	KUNIT_EXPECT_EQ(test, dma_fence_chain_find_seqno(&fence, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, dma_fence_chain_find_seqno(&none, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, dma_fence_chain_find_seqno(&fence, 0), 0);
	KUNIT_EXPECT_NOT_NULL(test, fence);
}

/* A link with a lower number starts a new timeline; the old one is not searched. */
static void find_seqno_stays_in_its_timeline(struct kunit *test)
{
	struct dma_fence *fences[3], *old = points_259(test, fences);
	struct dma_fence *again = mock_link(test, old, mock_fence(test), 4);
	struct dma_fence *fence = dma_fence_get(again);

	KUNIT_EXPECT_EQ(test, again->seqno, 9);
	KUNIT_EXPECT_EQ(test, dma_fence_chain_find_seqno(&fence, 3), 0);
	KUNIT_EXPECT_PTR_EQ(test, fence, again);
	dma_fence_put(fence);
}

static void chain_passes_a_deadline_on(struct kunit *test)
{
	struct dma_fence *fences[3], *head;

	mock_fences(test, 3, fences);
	head = mock_chain(test, 3, fences);
	dma_fence_signal(fences[1]);
	dma_fence_set_deadline(head, 4711);
	KUNIT_EXPECT_EQ(test, to_mock_fence(fences[0])->deadline, 4711);
	KUNIT_EXPECT_EQ(test, to_mock_fence(fences[1])->deadline, 0);
	KUNIT_EXPECT_EQ(test, to_mock_fence(fences[2])->deadline, 4711);
}

/* A lock that is taken with interrupts on and in no interrupt, as vmwgfx has it. */
static DEFINE_SPINLOCK(plain_lock);

/* Rearming takes the lock that the interrupted task holds: a worker has to do it. */
static void driver_signals_newest_first_with_interrupts_on(struct kunit *test)
{
	struct dma_fence *fences[] = {
		mock_plain_fence(test, &plain_lock), mock_plain_fence(test, &plain_lock),
	};
	struct dma_fence *head = mock_chain(test, 2, fences);
	struct mock_callback callback = {};

	KUNIT_ASSERT_EQ(test, 0, mock_callback_add(&callback, head));
	spin_lock(&plain_lock);
	dma_fence_signal_locked(fences[1]);
	spin_unlock(&plain_lock);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(head), 0);
	spin_lock(&plain_lock);
	dma_fence_signal_locked(fences[0]);
	spin_unlock(&plain_lock);
	KUNIT_EXPECT_TRUE(test, mock_signals(head));
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 1);
}

/*
 * Likewise with an array in the link: the array signals from a worker, which is what the
 * interrupt that rearms the chain then interrupts. lockdep sees a lock that is taken with
 * interrupts on, taken in an interrupt, and cannot know which task that interrupts.
 */
static void driver_signals_an_array_in_a_chain_with_interrupts_on(struct kunit *test)
{
	struct dma_fence *member = mock_plain_fence(test, &plain_lock);
	struct dma_fence *fences[] = {
		mock_plain_fence(test, &plain_lock), mock_array(test, false, 1, &member),
	};
	struct dma_fence *head = mock_chain(test, 2, fences);
	struct mock_callback callback = {};

	if (IS_ENABLED(CONFIG_PROVE_LOCKING))
		kunit_skip(test, "lockdep takes it for a deadlock");
	KUNIT_ASSERT_EQ(test, 0, mock_callback_add(&callback, head));
	spin_lock(&plain_lock);
	dma_fence_signal_locked(member);
	spin_unlock(&plain_lock);
	KUNIT_EXPECT_TRUE(test, mock_signals(fences[1]));
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(head), 0);
	spin_lock(&plain_lock);
	dma_fence_signal_locked(fences[0]);
	spin_unlock(&plain_lock);
	KUNIT_EXPECT_TRUE(test, mock_signals(head));
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 1);
}

/* Only the callback on a fence holds a reference to the newest link. */
static void chain_without_other_references_is_released(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct dma_fence **fences = shape_fences(test);
	struct dma_fence *head = mock_chain(test, shape->count, fences);
	struct mock_callback callback = {};

	mock_callback_add(&callback, head);
	dma_fence_remove_callback(head, &callback.cb);
	mock_put(test, head);
	for (unsigned int i = 0; i < shape->count; i++)
		dma_fence_signal(fences[signal_index(shape, i)]);
	for (unsigned int i = 0; i < shape->count; i++)
		mock_fence_put(test, fences[i]);
	KUNIT_EXPECT_TRUE(test, mock_has_fences(test, 0));
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 0);
}

/*
 * Nothing recurses over the links of a chain. Fewer links overflow a stack too; with KASAN or
 * KCSAN, more take too long.
 */
#define VERY_MANY	(IS_ENABLED(CONFIG_KASAN) || IS_ENABLED(CONFIG_KCSAN) ? 20000 : 1000000)

static struct dma_fence *long_chain(struct kunit *test, struct dma_fence *fence)
{
	struct dma_fence *head = NULL;

	for (u64 i = 1; i <= VERY_MANY; i++) {
		struct dma_fence_chain *chain = dma_fence_chain_alloc();

		if (!chain) {
			dma_fence_put(head);
			kunit_skip(test, "no memory for %u links", VERY_MANY);
		}
		dma_fence_chain_init(chain, head, dma_fence_get(fence), i);
		head = &chain->base;
	}
	return mock_own(test, head);
}

static void very_many_links_are_released(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	struct dma_fence *head = long_chain(test, fence);

	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), 1 + VERY_MANY);
	mock_put(test, head);
	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), 1);
}

static void very_many_links_are_walked_and_dropped(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test), *last = mock_fence(test);
	struct dma_fence *head = mock_link(test, long_chain(test, fence), last, VERY_MANY + 1);
	struct dma_fence *found = dma_fence_get(head);

	KUNIT_EXPECT_EQ(test, 0, dma_fence_chain_find_seqno(&found, 1));
	KUNIT_ASSERT_NOT_NULL(test, found);
	KUNIT_EXPECT_EQ(test, found->seqno, 1);
	dma_fence_put(found);
	dma_fence_signal(last);
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(head));
	dma_fence_signal(fence);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(head));
	KUNIT_EXPECT_NULL(test, rcu_access_pointer(to_dma_fence_chain(head)->prev));
}

static void very_many_links_signal_a_waiter(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);
	struct dma_fence *head = long_chain(test, fence);
	struct mock_callback callback = {};

	KUNIT_ASSERT_EQ(test, 0, mock_callback_add(&callback, head));
	dma_fence_signal(fence);
	KUNIT_EXPECT_TRUE(test, mock_signals(head));
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), 1);
}

/* A timeline to which one thread adds points; others walk it, search it and wait for it. */
#define RACE_PENDING	4

struct race {
	struct dma_fence __rcu *head;
	struct dma_fence *pending[RACE_PENDING];
	u64 seqno;
	struct mutex lock;	/* guards all but @fence_lock; @head is read under RCU */
	spinlock_t fence_lock;	/* what dma_fence_init() wants */
};

static const char *race_name(struct dma_fence *fence)
{
	return "race";
}

static const struct dma_fence_ops race_ops = {
	.get_driver_name = race_name,
	.get_timeline_name = race_name,
};

static struct dma_fence *race_get_head(struct race *race)
{
	guard(rcu)();
	return dma_fence_get_rcu_safe(&race->head);
}

/* Add a link, and signal a fence of an earlier one, out of order. */
static bool race_extend(void *data)
{
	struct dma_fence_chain *chain = dma_fence_chain_alloc();
	struct dma_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL), *old;
	struct race *race = data;
	unsigned int slot;

	if (!chain || !fence)
		return false;
	dma_fence_init(fence, &race_ops, &race->fence_lock, dma_fence_context_alloc(1), 1);
	mutex_lock(&race->lock);
	old = rcu_dereference_protected(race->head, lockdep_is_held(&race->lock));
	dma_fence_chain_init(chain, old, dma_fence_get(fence), ++race->seqno);
	rcu_assign_pointer(race->head, &chain->base);
	slot = (race->seqno ^ (race->seqno >> 2 & 1)) % RACE_PENDING;
	swap(race->pending[slot], fence);
	mutex_unlock(&race->lock);
	if (fence)
		dma_fence_signal(fence);
	dma_fence_put(fence);
	return true;
}

/* A walk goes from higher to lower numbers. */
static bool race_walk(void *data)
{
	struct dma_fence *head = race_get_head(data), *fence;
	bool fine = true;
	u64 last = 0;

	dma_fence_chain_for_each(fence, head) {
		fine = fine && (!last || fence->seqno < last);
		last = fence->seqno;
	}
	dma_fence_put(head);
	return fine;
}

static bool race_find(void *data)
{
	struct dma_fence *fence = race_get_head(data);
	u64 newest;
	bool fine;

	if (!fence)
		return true;
	/* The link that is found may be older than the point. */
	newest = fence->seqno;
	fine = !dma_fence_chain_find_seqno(&fence, max(newest, 3ULL) - 2) &&
	       (!fence || fence->seqno <= newest);
	dma_fence_put(fence);
	return fine;
}

static bool race_use(void *data)
{
	struct mock_callback callback = {};
	struct dma_fence *fence = race_get_head(data);
	int added, removed;

	if (!fence)
		return true;
	added = !mock_callback_add(&callback, fence);
	dma_fence_is_signaled(fence);
	removed = dma_fence_remove_callback(fence, &callback.cb);
	dma_fence_put(fence);
	return atomic_read(&callback.times) + removed == added;
}

static bool race_wait(void *data)
{
	struct dma_fence *fence = race_get_head(data);
	ktime_t begin = ktime_get();
	bool fine;

	if (!fence)
		return true;
	fine = mock_wait_is_right(dma_fence_wait_timeout(fence, false, MOCK_WAIT), fence, begin);
	dma_fence_put(fence);
	return fine;
}

static void walks_race_with_signals(struct kunit *test)
{
	struct race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);
	struct mock_job jobs[] = {
		{ race_extend, race }, { race_walk, race }, { race_find, race },
		{ race_use, race }, { race_wait, race }, { race_wait, race },
	};
	struct mock_callback callback = {};
	struct dma_fence *head;
	int added;

	KUNIT_ASSERT_NOT_NULL(test, race);
	mutex_init(&race->lock);
	spin_lock_init(&race->fence_lock);
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));

	head = mock_own(test, rcu_dereference_protected(race->head, true));
	added = !mock_callback_add(&callback, head);
	for (int i = 0; i < RACE_PENDING; i++) {
		if (race->pending[i])
			dma_fence_signal(race->pending[i]);
		dma_fence_put(race->pending[i]);
	}
	KUNIT_EXPECT_TRUE(test, mock_signals(head));
	KUNIT_EXPECT_EQ(test, atomic_read(&callback.times), added);
	KUNIT_EXPECT_FALSE(test, dma_fence_remove_callback(head, &callback.cb));
}

static struct kunit_case dma_fence_chain_cases[] = {
	KUNIT_CASE(links_of_a_timeline),
	KUNIT_CASE_PARAM(numbers_of_two_links, numbers_gen_params),
	KUNIT_CASE(link_made_by_init),
	KUNIT_CASE(link_behind_a_fence_that_is_no_chain),
	KUNIT_CASE_PARAM(chain_signals_with_the_last_of_its_fences, shape_gen_params),
	KUNIT_CASE_PARAM(polled_chain_polls_its_fences, shape_gen_params),
	KUNIT_CASE(chain_of_signalled_fences_when_enabled),
	KUNIT_CASE(points_signal_on_their_own),
	KUNIT_CASE(chain_with_an_array_in_it),
	KUNIT_CASE(chain_signals_a_fence_of_another_chain),
	KUNIT_CASE(walk_goes_from_the_newest_to_the_oldest),
	KUNIT_CASE(walk_drops_signalled_links),
	KUNIT_CASE(walk_drops_a_fence_at_the_end),
	KUNIT_CASE_PARAM(find_seqno_returns_the_link_of_a_point,
			 search_gen_params),
	KUNIT_CASE(find_seqno_of_a_signalled_point),
	KUNIT_CASE(find_seqno_outside_of_chains),
	KUNIT_CASE(find_seqno_stays_in_its_timeline),
	KUNIT_CASE(chain_passes_a_deadline_on),
	KUNIT_CASE(driver_signals_newest_first_with_interrupts_on),
	KUNIT_CASE(driver_signals_an_array_in_a_chain_with_interrupts_on),
	KUNIT_CASE_PARAM(chain_without_other_references_is_released, shape_gen_params),
	KUNIT_CASE_SLOW(very_many_links_are_released),
	KUNIT_CASE_SLOW(very_many_links_are_walked_and_dropped),
	KUNIT_CASE_SLOW(very_many_links_signal_a_waiter),
	KUNIT_CASE(walks_race_with_signals),
	{}
};

static struct kunit_suite dma_fence_chain_suite = {
	.name = "dma_fence_chain",
	.init = mock_init,
	.test_cases = dma_fence_chain_cases,
};

kunit_test_suite(dma_fence_chain_suite);
