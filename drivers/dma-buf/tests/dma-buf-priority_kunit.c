// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads of different priorities. On PREEMPT_RT a thread can be preempted while it does
 * something that a more urgent thread waits for, and threads with a priority between the
 * two would then keep the urgent one waiting. So the code does such things with a lock
 * held: the urgent thread waits for the lock, and the kernel boosts the holder.
 */

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/iopoll.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "containers.h"
#include "mock-buffer.h"
#include "threads.h"

#define LONG	msecs_to_jiffies(20000)
#define MEMBERS	4

/**
 * struct round - a container that several threads use while others signal its fences
 * @users: references to the round
 * @fences: fences in the container
 * @container: the container
 */
struct round {
	refcount_t users;
	struct dma_fence *fences[MEMBERS];
	struct dma_fence *container;
};

/**
 * struct rounds - the current round
 * @test: the case
 * @lock: guards @current_round
 * @current_round: the latest round, with a reference, or NULL
 * @made: number of rounds
 * @changed: woken by each new round
 */
struct rounds {
	struct kunit *test;
	spinlock_t lock;	/* current_round */
	struct round *current_round;
	unsigned int made;
	wait_queue_head_t changed;
};

static void round_put(struct round *round)
{
	if (!round || !refcount_dec_and_test(&round->users))
		return;
	for (int i = 0; i < MEMBERS; i++)
		dma_fence_put(round->fences[i]);
	dma_fence_put(round->container);
	kfree(round);
}

static struct round *rounds_get(struct rounds *rounds)
{
	struct round *round;

	spin_lock(&rounds->lock);
	round = rounds->current_round;
	if (round)
		refcount_inc(&round->users);
	spin_unlock(&rounds->lock);
	return round;
}

/* Make an array of all, an array of any or a chain, by turns. */
static struct round *round_make(struct rounds *rounds)
{
	struct round *round = kzalloc(sizeof(*round), GFP_KERNEL);
	struct kunit *test = rounds->test;
	struct dma_fence *container;

	KUNIT_ASSERT_NOT_NULL(test, round);
	refcount_set(&round->users, 2);
	mock_fences(test, MEMBERS, round->fences);
	if (rounds->made % 3 == 2)
		container = mock_chain(test, MEMBERS, round->fences);
	else
		container = mock_array(test, rounds->made % 3, MEMBERS, round->fences);
	round->container = dma_fence_get(container);
	mock_put(test, container);
	for (int i = 0; i < MEMBERS; i++) {
		dma_fence_get(round->fences[i]);
		mock_fence_put(test, round->fences[i]);
	}
	return round;
}

/* Replace the round, and return the old one with its reference. */
static struct round *rounds_replace(struct rounds *rounds, struct round *round)
{
	spin_lock(&rounds->lock);
	swap(rounds->current_round, round);
	spin_unlock(&rounds->lock);
	return round;
}

static bool round_make_and_signal(void *data)
{
	struct rounds *rounds = data;
	struct round *round = round_make(rounds);
	bool good;

	round_put(rounds_replace(rounds, round));
	WRITE_ONCE(rounds->made, rounds->made + 1);
	wake_up_all(&rounds->changed);
	for (int i = 0; i < MEMBERS; i++) {
		/* Not in the order of the numbers, so that a chain is armed again. */
		dma_fence_signal(round->fences[(i + 2) % MEMBERS]);
		if (i == rounds->made % MEMBERS)
			fsleep(20);
	}
	good = dma_fence_wait_timeout(round->container, false, LONG) > 0;
	round_put(round);
	return good;
}

static bool round_signal(void *data)
{
	struct rounds *rounds = data;
	struct round *round = rounds_get(rounds);

	for (int i = MEMBERS; round && i--;) {
		dma_fence_signal(round->fences[i]);
		cond_resched();
	}
	round_put(round);
	return true;
}

/* Wait with a callback on the container, which runs once and before the wait returns. */
static bool round_wait(void *data)
{
	struct rounds *rounds = data;
	unsigned int seen = READ_ONCE(rounds->made);
	struct round *round = rounds_get(rounds);
	struct mock_callback callback = {};
	bool good, added;

	if (round) {
		added = !mock_callback_add(&callback, round->container);
		good = dma_fence_wait_timeout(round->container, false, LONG) > 0;
		good &= !dma_fence_remove_callback(round->container, &callback.cb);
		good &= atomic_read(&callback.times) == added;
		round_put(round);
	} else {
		good = true;
	}
	wait_event_timeout(rounds->changed, READ_ONCE(rounds->made) != seen, 1);
	return good;
}

/* Add a callback and remove it: either it runs once, or it is removed. */
static bool round_add_and_remove(void *data)
{
	struct rounds *rounds = data;
	unsigned int seen = READ_ONCE(rounds->made);
	struct round *round = rounds_get(rounds);
	struct mock_callback callback = {};
	bool good = true, added;

	if (round) {
		added = !mock_callback_add(&callback, round->container);
		fsleep(20);
		if (dma_fence_remove_callback(round->container, &callback.cb))
			added = false;
		good = atomic_read(&callback.times) == added;
		round_put(round);
	}
	wait_event_timeout(rounds->changed, READ_ONCE(rounds->made) != seen, 1);
	return good;
}

static void priority_containers(struct kunit *test)
{
	struct rounds rounds = { .test = test };
	struct mock_job jobs[] = {
		{ .turn = round_wait, .data = &rounds },
		{ .turn = round_add_and_remove, .data = &rounds },
		{ .turn = round_signal, .data = &rounds },
		{ .turn = round_make_and_signal, .data = &rounds },
	};

	spin_lock_init(&rounds.lock);
	init_waitqueue_head(&rounds.changed);
	mock_set_priorities(test, jobs, ARRAY_SIZE(jobs));
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	round_put(rounds_replace(&rounds, NULL));
	KUNIT_EXPECT_TRUE(test, mock_has_fences(test, 0));
}

/* Milliseconds after which the hog leaves the CPU if the urgent thread is not done. */
#define HOG_MS	3000

struct inversion;

/**
 * struct inversion_row - what is preempted, and what needs it
 * @desc: name of the row
 * @make: prepares @low and @high
 * @low: called in the thread that is preempted when it enables @fence
 * @high: called in the urgent thread meanwhile; returns true on success
 * @any: argument of @make
 */
struct inversion_row {
	const char *desc;
	void (*make)(struct kunit *test, struct inversion *inversion);
	void (*low)(struct inversion *inversion);
	bool (*high)(struct inversion *inversion);
	bool any;
};

/**
 * struct inversion - three threads, two of them on one CPU
 * @row: the row
 * @cpu: the CPU
 * @fence: fence in whose enable_signaling the low thread is preempted
 * @other: a fence that signals later
 * @container: of both
 * @dmabuf: has both
 * @hog_ready: completed by the hog, which preempts the low thread from then on
 * @inside: completed by the low thread to start the hog
 * @hogging: completed by the hog to start the urgent thread
 * @low_done: the low thread is done
 * @preempted: the low thread was not done when the urgent one started
 * @high_done: the urgent thread is done
 * @good: it succeeded
 * @in_time: it was done before the hog left the CPU
 */
struct inversion {
	const struct inversion_row *row;
	unsigned int cpu;
	struct dma_fence *fence;
	struct dma_fence *other;
	struct dma_fence *container;
	struct dma_buf *dmabuf;
	struct completion hog_ready;
	struct completion inside;
	struct completion hogging;
	bool low_done;
	bool preempted;
	bool high_done;
	bool good;
	bool in_time;
};

/**
 * struct inversion_fence - a fence whose enabling is preempted
 * @base: the fence
 * @lock: &dma_fence.lock of @base
 * @inversion: the threads
 */
struct inversion_fence {
	struct dma_fence base;
	spinlock_t lock;	/* base */
	struct inversion *inversion;
};

static const char *inversion_name(struct dma_fence *fence)
{
	return "inversion";
}

/* Starts the hog, which preempts this thread. Returns false: the fence has signalled. */
static bool inversion_enable(struct dma_fence *fence)
{
	complete(&container_of(fence, struct inversion_fence, base)->inversion->inside);
	return false;
}

static const struct dma_fence_ops inversion_ops = {
	.get_driver_name = inversion_name,
	.get_timeline_name = inversion_name,
	.enable_signaling = inversion_enable,
};

static void inversion_fences(struct kunit *test, struct inversion *inversion)
{
	struct inversion_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fence);
	fence->inversion = inversion;
	spin_lock_init(&fence->lock);
	dma_fence_init(&fence->base, &inversion_ops, &fence->lock, dma_fence_context_alloc(1), 1);
	inversion->fence = mock_own(test, &fence->base);
	inversion->other = mock_fence(test);
}

static void inversion_make_array(struct kunit *test, struct inversion *inversion)
{
	struct dma_fence *members[] = { inversion->fence, inversion->other };

	inversion->container = mock_array(test, inversion->row->any, 2, members);
}

/* Enabling begins with the newest fence of a chain. */
static void inversion_make_chain(struct kunit *test, struct inversion *inversion)
{
	struct dma_fence *fences[] = { inversion->other, inversion->fence };

	inversion->container = mock_chain(test, 2, fences);
}

static void inversion_make_buffer(struct kunit *test, struct inversion *inversion)
{
	inversion->dmabuf = mock_buffer(test, mock_exporter(test, &mock_static_ops));
	mock_add_fence(test, inversion->dmabuf, inversion->fence, DMA_RESV_USAGE_WRITE);
	mock_add_fence(test, inversion->dmabuf, inversion->other, DMA_RESV_USAGE_WRITE);
}

static void inversion_low_enable(struct inversion *inversion)
{
	dma_fence_enable_sw_signaling(inversion->container);
}

static bool inversion_high_wait(struct inversion *inversion)
{
	struct mock_callback callback = {};
	bool added = !mock_callback_add(&callback, inversion->container);

	dma_fence_signal(inversion->other);
	return dma_fence_wait_timeout(inversion->container, false, LONG) > 0 &&
	       !dma_fence_remove_callback(inversion->container, &callback.cb) &&
	       atomic_read(&callback.times) == added;
}

static void inversion_low_poll(struct inversion *inversion)
{
	poll_table table = { ._key = EPOLLIN };

	vfs_poll(inversion->dmabuf->file, &table);
}

static bool inversion_high_poll(struct inversion *inversion)
{
	poll_table table = { ._key = EPOLLIN };
	__poll_t ready;

	vfs_poll(inversion->dmabuf->file, &table);
	dma_fence_signal(inversion->other);
	return !read_poll_timeout(vfs_poll, ready, ready == EPOLLIN, 1000, 20 * USEC_PER_SEC,
				  false, inversion->dmabuf->file, &table);
}

static const struct inversion_row inversion_rows[] = {
	{ "array of all", inversion_make_array, inversion_low_enable, inversion_high_wait },
	{ "array of any", inversion_make_array, inversion_low_enable, inversion_high_wait,
	  true },
	{ "chain", inversion_make_chain, inversion_low_enable, inversion_high_wait },
	{ "polled buffer", inversion_make_buffer, inversion_low_poll, inversion_high_poll },
};

KUNIT_ARRAY_PARAM_DESC(inversion, inversion_rows, desc);

static void inversion_low(void *data)
{
	struct inversion *inversion = data;

	wait_for_completion_timeout(&inversion->hog_ready, LONG);
	set_cpus_allowed_ptr(current, cpumask_of(inversion->cpu));
	mock_set_fifo(MOCK_FIFO_LOW);
	inversion->row->low(inversion);
	WRITE_ONCE(inversion->low_done, true);
}

static void inversion_hog(void *data)
{
	struct inversion *inversion = data;
	unsigned long until;

	set_cpus_allowed_ptr(current, cpumask_of(inversion->cpu));
	mock_set_fifo(MOCK_FIFO_MIDDLE);
	complete(&inversion->hog_ready);
	wait_for_completion_timeout(&inversion->inside, LONG);
	complete(&inversion->hogging);
	until = jiffies + msecs_to_jiffies(HOG_MS);
	while (!READ_ONCE(inversion->high_done) && time_before(jiffies, until))
		cpu_relax();
	inversion->in_time = READ_ONCE(inversion->high_done);
}

static void inversion_high(void *data)
{
	struct inversion *inversion = data;

	set_cpus_allowed_ptr(current, cpumask_of(cpumask_any_but(cpu_online_mask,
								 inversion->cpu)));
	mock_set_fifo(MOCK_FIFO_HIGH);
	wait_for_completion_timeout(&inversion->hogging, LONG);
	inversion->preempted = !READ_ONCE(inversion->low_done);
	inversion->good = inversion->row->high(inversion);
	WRITE_ONCE(inversion->high_done, true);
}

/*
 * A thread of low priority is preempted while it enables signalling, and the hog keeps its
 * CPU. The urgent thread needs the enabling to finish, and must be done before the hog is.
 */
static void priority_preempted_enabling_is_boosted(struct kunit *test)
{
	struct inversion inversion = { .row = test->param_value };
	struct mock_thread *threads[3];

	if (!IS_ENABLED(CONFIG_PREEMPT_RT) || num_online_cpus() < 2)
		kunit_skip(test, "needs PREEMPT_RT and two CPUs");
	init_completion(&inversion.hog_ready);
	init_completion(&inversion.inside);
	init_completion(&inversion.hogging);
	inversion.cpu = cpumask_first(cpu_online_mask);
	inversion_fences(test, &inversion);
	inversion.row->make(test, &inversion);
	threads[0] = mock_thread(test, inversion_high, &inversion);
	threads[1] = mock_thread(test, inversion_hog, &inversion);
	threads[2] = mock_thread(test, inversion_low, &inversion);
	for (int i = 0; i < ARRAY_SIZE(threads); i++)
		mock_thread_join(test, threads[i]);
	KUNIT_EXPECT_TRUE(test, inversion.preempted);
	KUNIT_EXPECT_TRUE(test, inversion.good);
	KUNIT_EXPECT_TRUE(test, inversion.in_time);
}

static struct kunit_case dma_buf_priority_cases[] = {
	KUNIT_CASE_PARAM(priority_containers, mock_priorities_gen_params),
	KUNIT_CASE_PARAM(priority_preempted_enabling_is_boosted, inversion_gen_params),
	{}
};

static struct kunit_suite dma_buf_priority_suite = {
	.name = "dma_buf_priority",
	.init = mock_init,
	.test_cases = dma_buf_priority_cases,
};

kunit_test_suite(dma_buf_priority_suite);
