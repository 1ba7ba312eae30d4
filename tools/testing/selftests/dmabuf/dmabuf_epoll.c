// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_epoll - a dma-buf in an epoll set. What differs from poll(): the set outlives
 * the call, it may be told by edge or by level, and the buffer may be closed in it.
 */
#include <linux/dma-buf.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>

#include "bufinfo.h"
#include "fence.h"
#include "fixture.h"

#define SHORT_MS	60
#define LONG_MS		5000

static int set_add(int set, int buf, __u32 events)
{
	struct epoll_event event = { .events = events, .data.fd = buf };

	return epoll_ctl(set, EPOLL_CTL_ADD, buf, &event) ? -errno : 0;
}

static int set_change(int set, int buf, __u32 events)
{
	struct epoll_event event = { .events = events, .data.fd = buf };

	return epoll_ctl(set, EPOLL_CTL_MOD, buf, &event) ? -errno : 0;
}

/* The events of the one buffer in the set, 0 when the time is over. */
static int set_wait(int set, int timeout)
{
	struct epoll_event events[4];
	int ret = epoll_wait(set, events, 4, timeout);

	if (ret < 0)
		return -errno;
	return ret ? (int)events[0].events : 0;
}

/* Rule: by level, a ready buffer is told again and again. */
TEST_F(buffer, level_repeats)
{
	int set = epoll_create1(EPOLL_CLOEXEC);
	int i;

	ASSERT_EQ(0, set_add(set, self->buf, EPOLLIN | EPOLLOUT));
	for (i = 0; i < 5; i++)
		EXPECT_EQ(EPOLLIN | EPOLLOUT, set_wait(set, 0));
	close(set);
}

/* Rule: by level, a busy buffer is silent until its fences are signalled. */
TEST_F(buffer, level_follows_the_fences)
{
	int set = epoll_create1(EPOLL_CLOEXEC), timeline = timeline_open();

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, set_add(set, self->buf, EPOLLIN));
	EXPECT_EQ(0, set_wait(set, 0));
	EXPECT_EQ(0, set_wait(set, SHORT_MS));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(EPOLLIN, set_wait(set, LONG_MS));
	EXPECT_EQ(EPOLLIN, set_wait(set, 0));
	/* And back again, with the next picture. */
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 2, DMA_BUF_SYNC_WRITE));
	EXPECT_EQ(0, set_wait(set, 0));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(EPOLLIN, set_wait(set, LONG_MS));
	close(timeline);
	close(set);
}

/* Rule: by level, each direction follows its own fences. */
TEST_F(buffer, level_by_direction)
{
	int set = epoll_create1(EPOLL_CLOEXEC), timeline = timeline_open();

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, set_add(set, self->buf, EPOLLIN | EPOLLOUT));
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_READ));
	EXPECT_EQ(EPOLLIN, set_wait(set, 0));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(EPOLLIN | EPOLLOUT, set_wait(set, LONG_MS));
	close(timeline);
	close(set);
}

/* Rule: by edge, a buffer that is and stays ready is told once. */
TEST_F(buffer, edge_tells_idle_once)
{
	int set = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_EQ(0, set_add(set, self->buf, EPOLLIN | EPOLLET));
	EXPECT_EQ(EPOLLIN, set_wait(set, 0));
	EXPECT_EQ(0, set_wait(set, 0));
	EXPECT_EQ(0, set_wait(set, SHORT_MS));
	close(set);
}

/* Rule: by edge, each time that the fences are signalled is told, and told once. */
TEST_F(buffer, edge_tells_each_signal_once)
{
	int set = epoll_create1(EPOLL_CLOEXEC), timeline = timeline_open();
	__u32 point;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, set_add(set, self->buf, EPOLLIN | EPOLLET));
	for (point = 1; point <= 5; point++) {
		EXPECT_EQ(0, set_wait(set, 0));
		ASSERT_EQ(0, timeline_step(timeline, 1));
		EXPECT_EQ(EPOLLIN, set_wait(set, LONG_MS));
		EXPECT_EQ(0, set_wait(set, 0));
		/* Armed again: a user who got an edge asks before he sleeps. */
		ASSERT_EQ(0, buf_busy(self->buf, timeline, point + 1, DMA_BUF_SYNC_WRITE));
		EXPECT_EQ(0, poll_events(self->buf, POLLIN, 0));
	}
	close(timeline);
	close(set);
}

/* Rule: by edge, a signal that comes while nobody waits is told to who asks next. */
TEST_F(buffer, edge_is_not_lost)
{
	int set = epoll_create1(EPOLL_CLOEXEC), timeline = timeline_open();

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, set_add(set, self->buf, EPOLLIN | EPOLLET));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	sleep_ms(SHORT_MS);
	EXPECT_EQ(EPOLLIN, set_wait(set, 0));
	close(timeline);
	close(set);
}

/* Rule: one shot is one event, until it is armed again. */
TEST_F(buffer, oneshot)
{
	int set = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_EQ(0, set_add(set, self->buf, EPOLLIN | EPOLLONESHOT));
	EXPECT_EQ(EPOLLIN, set_wait(set, 0));
	EXPECT_EQ(0, set_wait(set, 0));
	ASSERT_EQ(0, set_change(set, self->buf, EPOLLIN | EPOLLONESHOT));
	EXPECT_EQ(EPOLLIN, set_wait(set, 0));
	close(set);
}

/* Rule: what is asked of the buffer may change while its fences are pending. */
TEST_F(buffer, change_of_events)
{
	int set = epoll_create1(EPOLL_CLOEXEC), timeline = timeline_open();

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_READ));
	ASSERT_EQ(0, set_add(set, self->buf, EPOLLOUT));
	EXPECT_EQ(0, set_wait(set, 0));
	ASSERT_EQ(0, set_change(set, self->buf, EPOLLIN));
	EXPECT_EQ(EPOLLIN, set_wait(set, 0));
	ASSERT_EQ(0, set_change(set, self->buf, EPOLLOUT));
	EXPECT_EQ(0, set_wait(set, 0));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(EPOLLOUT, set_wait(set, LONG_MS));
	close(timeline);
	close(set);
}

/* Rule: a buffer may be taken out of the set while its fences are pending. */
TEST_F(buffer, removal_with_pending_fences)
{
	int set = epoll_create1(EPOLL_CLOEXEC), timeline = timeline_open();

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, set_add(set, self->buf, EPOLLIN));
	EXPECT_EQ(0, set_wait(set, 0));
	ASSERT_EQ(0, epoll_ctl(set, EPOLL_CTL_DEL, self->buf, NULL));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(0, set_wait(set, SHORT_MS));
	EXPECT_EQ(-EEXIST, set_add(set, self->buf, EPOLLIN) ?: set_add(set, self->buf, EPOLLIN));
	EXPECT_EQ(EPOLLIN, set_wait(set, 0));
	close(timeline);
	close(set);
}

/* Rule: two sets may hold one buffer, and both are told. */
TEST_F(buffer, two_sets)
{
	int one = epoll_create1(EPOLL_CLOEXEC), other = epoll_create1(EPOLL_CLOEXEC);
	int timeline = timeline_open();

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, set_add(one, self->buf, EPOLLIN | EPOLLET));
	ASSERT_EQ(0, set_add(other, self->buf, EPOLLOUT));
	EXPECT_EQ(0, set_wait(one, 0));
	EXPECT_EQ(0, set_wait(other, 0));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(EPOLLIN, set_wait(one, LONG_MS));
	EXPECT_EQ(EPOLLOUT, set_wait(other, LONG_MS));
	close(timeline);
	close(one);
	close(other);
}

/* A thread that waits on a set. */
struct waiter {
	pthread_t thread;
	int set;
	int timeout;
	int got;
};

static void *wait_thread(void *arg)
{
	struct waiter *waiter = arg;

	waiter->got = set_wait(waiter->set, waiter->timeout);
	return NULL;
}

/* Rule: several threads on one set by level: the signal wakes them all. */
TEST_F(buffer, threads_on_one_set)
{
	int set = epoll_create1(EPOLL_CLOEXEC), timeline = timeline_open();
	struct waiter waiters[4];
	size_t i;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, set_add(set, self->buf, EPOLLIN));
	for (i = 0; i < ARRAY_SIZE(waiters); i++) {
		waiters[i] = (struct waiter) { .set = set, .timeout = LONG_MS };
		ASSERT_EQ(0, pthread_create(&waiters[i].thread, NULL, wait_thread, &waiters[i]));
	}
	sleep_ms(SHORT_MS);
	ASSERT_EQ(0, timeline_step(timeline, 1));
	for (i = 0; i < ARRAY_SIZE(waiters); i++) {
		pthread_join(waiters[i].thread, NULL);
		EXPECT_EQ(EPOLLIN, waiters[i].got);
	}
	close(timeline);
	close(set);
}

/* Rule: the buffer may be closed while a thread waits for it, and leaves the set with that. */
TEST_F(buffer, close_during_wait)
{
	int set = epoll_create1(EPOLL_CLOEXEC), timeline = timeline_open();
	struct waiter waiter = { .set = set, .timeout = 4 * SHORT_MS };
	struct bufinfo_total before;
	int buf;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, bufinfo_total(&before));
	buf = buffer_more(variant);
	ASSERT_LE(0, buf);
	ASSERT_EQ(0, buf_busy(buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, set_add(set, buf, EPOLLIN | EPOLLOUT));
	ASSERT_EQ(0, pthread_create(&waiter.thread, NULL, wait_thread, &waiter));
	sleep_ms(SHORT_MS);
	close(buf);
	pthread_join(waiter.thread, NULL);
	EXPECT_EQ(0, waiter.got);
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(0, bufinfo_settles(before.objects));
	EXPECT_EQ(0, set_wait(set, 0));
	close(timeline);
	close(set);
}

/* What the storm's threads share; -1 is the signal to end. */
struct storm {
	int set;
	int timeline;
	int stop;
};

static void *storm_wait(void *arg)
{
	struct storm *storm = arg;

	while (!__atomic_load_n(&storm->stop, __ATOMIC_ACQUIRE))
		set_wait(storm->set, 1);
	return NULL;
}

static void *storm_signal(void *arg)
{
	struct storm *storm = arg;

	while (!__atomic_load_n(&storm->stop, __ATOMIC_ACQUIRE)) {
		timeline_step(storm->timeline, 1);
		sched_yield();
	}
	return NULL;
}

/*
 * Rule (CVE-2024-38580): epoll that looks at a buffer while its last descriptor goes
 * does not bring it back to life. Bounded: 600 buffers.
 */
TEST_F_TIMEOUT(buffer, close_storm, 120)
{
	struct storm storm = { .set = epoll_create1(EPOLL_CLOEXEC), .timeline = timeline_open() };
	struct bufinfo_total before;
	pthread_t threads[3];
	__u32 point;
	int i, buf;

	ASSERT_LE(0, storm.timeline);
	ASSERT_EQ(0, bufinfo_total(&before));
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, storm_wait, &storm));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, storm_wait, &storm));
	ASSERT_EQ(0, pthread_create(&threads[2], NULL, storm_signal, &storm));
	for (i = 0; i < 600; i++) {
		buf = buffer_more(variant);
		if (buf < 0)
			break;
		/* A point that is passed soon, not at all, or already. */
		point = i % 3 ? 1u << 30 : 1;
		buf_busy(buf, storm.timeline, point, DMA_BUF_SYNC_WRITE);
		set_add(storm.set, buf, EPOLLIN | EPOLLOUT | (i & 1 ? EPOLLET : 0));
		close(buf);
	}
	EXPECT_EQ(600, i);
	__atomic_store_n(&storm.stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	close(storm.timeline);
	EXPECT_EQ(0, bufinfo_settles(before.objects));
	close(storm.set);
}

/* Rule: the set may be closed first, with the buffer's fences pending. */
TEST_F(buffer, set_closed_first)
{
	int set = epoll_create1(EPOLL_CLOEXEC), timeline = timeline_open();

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, set_add(set, self->buf, EPOLLIN | EPOLLOUT));
	EXPECT_EQ(0, set_wait(set, 0));
	close(set);
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(POLLIN, poll_events(self->buf, POLLIN, LONG_MS));
	close(timeline);
}

TEST_HARNESS_MAIN
