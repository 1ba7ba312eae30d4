// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_timeline - sw_sync: a counter that userspace increments, which signals the fences
 * at the points that it has reached, and those that are pending when it is closed.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "fence.h"
#include "harness.h"
#include "util.h"

#define INFO		"/sys/kernel/debug/sync/info"
#define MANY		3000
/* Rounds that every thread of the stress test does at least. */
#define STRESS_ROUNDS	100

FIXTURE(timeline) {
	int fd;
};

FIXTURE_SETUP(timeline)
{
	self->fd = timeline_open();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(timeline)
{
	close(self->fd);
}

/* Rule: the counter begins at 0 and signals a fence when it reaches its point. */
TEST_F(timeline, counter_signals_points)
{
	int fences[4];
	__u32 i, now;

	for (i = 0; i < 4; i++) {
		fences[i] = timeline_fence(self->fd, i);
		ASSERT_LE(0, fences[i]);
		EXPECT_EQ(FD_CLOEXEC, fcntl(fences[i], F_GETFD));
	}
	for (now = 0; now < 4; now++) {
		for (i = 0; i < 4; i++)
			EXPECT_EQ(i <= now, fence_status(fences[i]));
		ASSERT_EQ(0, timeline_step(self->fd, 1));
	}
	for (i = 0; i < 4; i++)
		close(fences[i]);
}

/* Rule: a step of 0 changes nothing, a large step signals all points on its way. */
TEST_F(timeline, steps_of_all_sizes)
{
	int near = timeline_fence(self->fd, 1), far = timeline_fence(self->fd, 1000);

	ASSERT_EQ(0, timeline_step(self->fd, 0));
	EXPECT_EQ(0, fence_status(near));
	ASSERT_EQ(0, timeline_step(self->fd, 999));
	EXPECT_EQ(1, fence_status(near));
	EXPECT_EQ(0, fence_status(far));
	ASSERT_EQ(0, timeline_step(self->fd, 1));
	EXPECT_EQ(1, fence_status(far));
	close(near);
	close(far);
}

/* Rule: the counter wraps; a step of more than half its range signals what it passes. */
TEST_F(timeline, counter_wraps)
{
	int fence, half;

	ASSERT_EQ(0, timeline_step(self->fd, UINT_MAX));
	fence = timeline_fence(self->fd, 1);
	EXPECT_EQ(0, fence_status(fence));
	half = timeline_fence(self->fd, INT_MAX - 1);
	EXPECT_EQ(0, fence_status(half));
	ASSERT_EQ(0, timeline_step(self->fd, 2));
	EXPECT_EQ(1, fence_status(fence));
	EXPECT_EQ(0, fence_status(half));
	ASSERT_EQ(0, timeline_step(self->fd, UINT_MAX));
	EXPECT_EQ(1, fence_status(half));
	close(half);
	close(fence);
}

/* Rule: the order in which points are made does not matter. */
TEST_F(timeline, points_in_any_order)
{
	static const __u32 points[] = { 5, 1, 9, 3, 7, 2, 8, 4, 6 };
	int fences[ARRAY_SIZE(points)];
	size_t i;
	__u32 now;

	for (i = 0; i < ARRAY_SIZE(points); i++)
		fences[i] = timeline_fence(self->fd, points[i]);
	for (now = 1; now <= ARRAY_SIZE(points); now++) {
		ASSERT_EQ(0, timeline_step(self->fd, 1));
		for (i = 0; i < ARRAY_SIZE(points); i++)
			EXPECT_EQ(points[i] <= now, fence_status(fences[i]));
	}
	for (i = 0; i < ARRAY_SIZE(points); i++)
		close(fences[i]);
}

/* Rule: two sync_files of one point share the fence, and so its deadline. */
TEST_F(timeline, same_point_twice)
{
	int one = timeline_fence(self->fd, 1), other = timeline_fence(self->fd, 1);
	__u64 deadline;

	ASSERT_EQ(0, fence_set_deadline(one, 4711));
	ASSERT_EQ(0, timeline_get_deadline(self->fd, other, &deadline));
	EXPECT_EQ(4711, deadline);
	close(one);
	close(other);
	/* The last reference frees the fence and its deadline. */
	one = timeline_fence(self->fd, 1);
	EXPECT_EQ(-ENOENT, timeline_get_deadline(self->fd, one, &deadline));
	close(one);
}

/* Rule: closing a timeline signals its pending fences with -ENOENT, and no others. */
TEST_F(timeline, close_fails_pending_fences)
{
	int signalled = timeline_fence(self->fd, 1), pending = timeline_fence(self->fd, 2);

	ASSERT_EQ(0, timeline_step(self->fd, 1));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_EQ(1, fence_status(signalled));
	EXPECT_EQ(-ENOENT, fence_status(pending));
	EXPECT_EQ(POLLIN, poll_events(pending, POLLIN, 0));
	close(signalled);
	close(pending);
}

/* Rule: sync/info lists the open timelines with their pending fences. */
TEST_F(timeline, info_lists_pending_points)
{
	int fence = timeline_fence(self->fd, 4712);
	char *text;

	ASSERT_EQ(0, timeline_step(self->fd, 4711));
	text = file_text(INFO);
	ASSERT_NE(NULL, text);
	EXPECT_EQ(text, strstr(text, "objs:\n--------------\n"));
	EXPECT_NE(NULL, strstr(text, ": 4711\n  fence active: 4712 / 4711\n"));
	EXPECT_NE(NULL, strstr(text, "fences:\n--------------\n"));
	free(text);
	ASSERT_EQ(0, timeline_step(self->fd, 1));
	text = file_text(INFO);
	EXPECT_NE(NULL, strstr(text, ": 4712\n"));
	EXPECT_EQ(NULL, strstr(text, "4712 / "));
	free(text);
	close(fence);
}

/* Rule: bad addresses are EFAULT, unknown ioctls ENOTTY. */
TEST_F(timeline, bad_ioctls_are_refused)
{
	int before = fds_open();
	unsigned int nr;

	for (nr = 0; nr < 3; nr++)
		EXPECT_EQ(-ENOTTY, xioctl(self->fd, _IO('W', nr), NULL));
	EXPECT_EQ(-EFAULT, xioctl(self->fd, _IOC(_IOC_READ | _IOC_WRITE, 'W', 0, 40), NULL));
	EXPECT_EQ(-EFAULT, xioctl(self->fd, _IOC(_IOC_WRITE, 'W', 1, 4), NULL));
	EXPECT_EQ(-EFAULT, xioctl(self->fd, _IOC(_IOC_READ | _IOC_WRITE, 'W', 2, 16), NULL));
	EXPECT_EQ(before, fds_open());
}

/* Rule: a new fence whose descriptor cannot be copied out leaves none. */
TEST_F(timeline, fence_result_cannot_be_copied)
{
	void *arg = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int before = fds_open();

	ASSERT_NE(MAP_FAILED, arg);
	EXPECT_EQ(-EFAULT, xioctl(self->fd, _IOC(_IOC_READ | _IOC_WRITE, 'W', 0, 40), arg));
	EXPECT_EQ(before, fds_open());
	munmap(arg, 4096);
}

/* Rule: one step signals thousands of points. */
TEST_F(timeline, many_points)
{
	int *fences = calloc(MANY, sizeof(*fences)), i;

	ASSERT_EQ(0, fds_unlimit());
	for (i = 0; i < MANY; i++) {
		fences[i] = timeline_fence(self->fd, i + 1);
		ASSERT_LE(0, fences[i]);
	}
	ASSERT_EQ(0, timeline_step(self->fd, MANY - 1));
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(i < MANY - 1, fence_status(fences[i]));
	for (i = 0; i < MANY; i++)
		close(fences[i]);
	free(fences);
}

/**
 * struct worker - a thread of the stress test
 * @thread: the thread
 * @round: one round of it; returns how many of its calls failed
 * @timeline: the timeline that all threads use
 * @rounds: rounds that it has done
 * @errors: calls that failed
 * @stop: the thread is to return
 */
struct worker {
	pthread_t thread;
	int (*round)(int timeline, unsigned int number);
	int timeline;
	unsigned int rounds;
	unsigned int errors;
	int stop;
};

static void *work(void *arg)
{
	struct worker *worker = arg;

	while (!__atomic_load_n(&worker->stop, __ATOMIC_ACQUIRE)) {
		worker->errors += worker->round(worker->timeline, worker->rounds);
		__atomic_add_fetch(&worker->rounds, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static int round_step(int timeline, unsigned int number)
{
	(void)number;
	return !!timeline_step(timeline, 1);
}

/* Points around the counter, signalled or pending, some of them made twice. */
static int round_points(int timeline, unsigned int number)
{
	int one = timeline_fence(timeline, number * 7 % 50);
	int other = timeline_fence(timeline, number * 11 % 50);
	int merged = fence_merge(one, other);
	int errors = (one < 0) + (other < 0) + (merged < 0);

	errors += poll_events(merged, POLLIN, 0) & ~POLLIN ? 1 : 0;
	close(one);
	errors += fence_status(merged) < 0;
	close(merged);
	close(other);
	return errors;
}

/* The longest step, with a point just ahead of the counter or far from it. */
static int round_long_steps(int timeline, unsigned int number)
{
	int fence = timeline_fence(timeline, number % 2 ? INT_MAX : 1);
	int errors = fence < 0;

	errors += !!timeline_step(timeline, INT_MAX);
	errors += fence_status(fence) < 0;
	close(fence);
	return errors;
}

static int round_info(int timeline, unsigned int number)
{
	char *text = file_text(INFO);
	int errors = !text || !strstr(text, "objs:\n");

	(void)timeline;
	(void)number;
	free(text);
	return errors;
}

/* A timeline that is closed with its fence signalled or pending. */
static int round_timelines(int timeline, unsigned int number)
{
	int other = timeline_open(), fence = timeline_fence(other, 1 + number % 2);
	int errors = (other < 0) + (fence < 0);

	(void)timeline;
	errors += !!poll_events(fence, POLLIN, 0);
	errors += !!timeline_step(other, 1);
	close(other);
	errors += fence_status(fence) != (number % 2 ? -ENOENT : 1);
	close(fence);
	return errors;
}

/* Rule: steps, points, merges, sync/info and closes from several threads do not interfere. */
TEST_F(timeline, stress)
{
	struct worker workers[] = {
		{ .round = round_step }, { .round = round_points }, { .round = round_points },
		{ .round = round_info }, { .round = round_timelines }, { .round = round_timelines },
		{ .round = round_long_steps }, { .round = round_long_steps },
	};
	int before = fds_open();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(workers); i++) {
		workers[i].timeline = self->fd;
		ASSERT_EQ(0, pthread_create(&workers[i].thread, NULL, work, &workers[i]));
	}
	/* None of them stops before all have done their rounds. */
	for (i = 0; i < ARRAY_SIZE(workers); i++)
		while (__atomic_load_n(&workers[i].rounds, __ATOMIC_ACQUIRE) < STRESS_ROUNDS)
			sleep_ms(1);
	for (i = 0; i < ARRAY_SIZE(workers); i++)
		__atomic_store_n(&workers[i].stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < ARRAY_SIZE(workers); i++) {
		ASSERT_EQ(0, pthread_join(workers[i].thread, NULL));
		EXPECT_EQ(0, workers[i].errors) TH_LOG("thread %zu of %u rounds", i,
						       workers[i].rounds);
	}
	EXPECT_EQ(before, fds_open());
}

TEST_HARNESS_MAIN
