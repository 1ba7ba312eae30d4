// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_timeline - fences that userspace signals (sw_sync): a counter, its points, and
 * what is left of them when it is closed.
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
#define STRESS_MS	1500

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

/* Rule: it begins at 0, and a point is signalled when it has come there. */
TEST_F(timeline, counts_up)
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

/* Rule: a step of 0 changes nothing, one step may be as good as many. */
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

/* Rule: the counter wraps, and a step of more than half the range is no step back. */
TEST_F(timeline, wraps)
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

/* Rule: points signal whatever the order was in which they were made. */
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

/* Rule: the same point made twice is one fence; a deadline of one is the other's too. */
TEST_F(timeline, same_point_twice)
{
	int one = timeline_fence(self->fd, 1), other = timeline_fence(self->fd, 1);
	__u64 deadline;

	ASSERT_EQ(0, fence_set_deadline(one, 4711));
	ASSERT_EQ(0, timeline_get_deadline(self->fd, other, &deadline));
	EXPECT_EQ(4711, deadline);
	close(one);
	close(other);
	/* With the last reference it is forgotten. */
	one = timeline_fence(self->fd, 1);
	EXPECT_EQ(-ENOENT, timeline_get_deadline(self->fd, one, &deadline));
	close(one);
}

/* Rule: closing it signals what is left with an error, and what is done stays so. */
TEST_F(timeline, close_fails_what_is_left)
{
	int done = timeline_fence(self->fd, 1), left = timeline_fence(self->fd, 2);

	ASSERT_EQ(0, timeline_step(self->fd, 1));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_EQ(1, fence_status(done));
	EXPECT_EQ(-ENOENT, fence_status(left));
	EXPECT_EQ(POLLIN, poll_events(left, POLLIN, 0));
	close(done);
	close(left);
}

/* Rule: sync/info shows what is open, and what waits for it. */
TEST_F(timeline, info_shows_the_points)
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

/* Rule: bad addresses and unknown commands are refused. */
TEST_F(timeline, refuses)
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

/* Rule: an answer that cannot be given leaves no descriptor. */
TEST_F(timeline, answer_to_read_only_memory)
{
	void *arg = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int before = fds_open();

	ASSERT_NE(MAP_FAILED, arg);
	EXPECT_EQ(-EFAULT, xioctl(self->fd, _IOC(_IOC_READ | _IOC_WRITE, 'W', 0, 40), arg));
	EXPECT_EQ(before, fds_open());
	munmap(arg, 4096);
}

/* Rule: thousands of points are signalled by one step. */
TEST_F(timeline, many_points)
{
	int *fences = calloc(MANY, sizeof(*fences)), i;

	ASSERT_EQ(0, fds_allow());
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

struct worker {
	pthread_t thread;
	void (*turn)(int timeline, unsigned int number);
	int timeline;
	long long until;
};

static void *work(void *arg)
{
	struct worker *worker = arg;
	unsigned int number = 0;

	while (now_ms() < worker->until)
		worker->turn(worker->timeline, number++);
	return NULL;
}

static void turn_step(int timeline, unsigned int number)
{
	(void)number;
	timeline_step(timeline, 1);
}

/* Points at random places around the counter: signalled, waiting, twice the same. */
static void turn_points(int timeline, unsigned int number)
{
	int one = timeline_fence(timeline, number * 7 % 50);
	int other = timeline_fence(timeline, number * 11 % 50);
	int merged = fence_merge(one, other);

	poll_events(merged, POLLIN, 0);
	close(one);
	fence_status(merged);
	close(merged);
	close(other);
}

/* Steps as long as they can be, against points just ahead of the counter. */
static void turn_leaps(int timeline, unsigned int number)
{
	int fence = timeline_fence(timeline, number % 2 ? INT_MAX : 1);

	timeline_step(timeline, INT_MAX);
	fence_status(fence);
	close(fence);
}

static void turn_info(int timeline, unsigned int number)
{
	(void)timeline;
	(void)number;
	free(file_text(INFO));
}

static void turn_timelines(int timeline, unsigned int number)
{
	int other = timeline_open(), fence = timeline_fence(other, 1 + number % 2);

	(void)timeline;
	poll_events(fence, POLLIN, 0);
	timeline_step(other, 1);
	close(other);
	close(fence);
}

/* Rule: none of it minds what the others do. */
TEST_F(timeline, stress)
{
	struct worker workers[] = {
		{ .turn = turn_step }, { .turn = turn_points }, { .turn = turn_points },
		{ .turn = turn_info }, { .turn = turn_timelines }, { .turn = turn_timelines },
		{ .turn = turn_leaps }, { .turn = turn_leaps },
	};
	int before = fds_open();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(workers); i++) {
		workers[i].timeline = self->fd;
		workers[i].until = now_ms() + STRESS_MS;
		ASSERT_EQ(0, pthread_create(&workers[i].thread, NULL, work, &workers[i]));
	}
	for (i = 0; i < ARRAY_SIZE(workers); i++)
		ASSERT_EQ(0, pthread_join(workers[i].thread, NULL));
	EXPECT_EQ(before, fds_open());
}

TEST_HARNESS_MAIN
