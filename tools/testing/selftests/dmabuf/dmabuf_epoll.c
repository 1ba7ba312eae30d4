// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_epoll - a dma-buf in an epoll set. Unlike in poll(), the set outlives the call,
 * is edge- or level-triggered, and the buffer may be closed while it is in the set.
 */
#include <linux/dma-buf.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>

#include "bufinfo.h"
#include "fence.h"
#include "fixture.h"

/* How long a test waits for an event that must not come. */
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

/* Wait for an event; return its events, or 0 after @timeout ms. */
static int set_wait(int set, int timeout)
{
	struct epoll_event events[4];
	int ret = epoll_wait(set, events, 4, timeout);

	if (ret < 0)
		return -errno;
	return ret ? (int)events[0].events : 0;
}

/* Rule: level-triggered, an idle buffer is reported by every call. */
TEST_F(buffer, level_reports_idle_each_time)
{
	int set = epoll_create1(EPOLL_CLOEXEC);
	int i;

	ASSERT_EQ(0, set_add(set, self->buf, EPOLLIN | EPOLLOUT));
	for (i = 0; i < 5; i++)
		EXPECT_EQ(EPOLLIN | EPOLLOUT, set_wait(set, 0));
	close(set);
}

/* Rule: level-triggered, a buffer is reported once its fences are signalled. */
TEST_F(buffer, level_reports_after_signal)
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
	/* A new fence makes it busy again. */
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 2, DMA_BUF_SYNC_WRITE));
	EXPECT_EQ(0, set_wait(set, 0));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(EPOLLIN, set_wait(set, LONG_MS));
	close(timeline);
	close(set);
}

/* Rule: level-triggered, each direction follows its own fences. */
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

/* Rule: edge-triggered, a buffer that stays idle is reported once. */
TEST_F(buffer, edge_reports_idle_once)
{
	int set = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_EQ(0, set_add(set, self->buf, EPOLLIN | EPOLLET));
	EXPECT_EQ(EPOLLIN, set_wait(set, 0));
	EXPECT_EQ(0, set_wait(set, 0));
	EXPECT_EQ(0, set_wait(set, SHORT_MS));
	close(set);
}

/* Rule: edge-triggered, every signal of the last pending fence is reported once. */
TEST_F(buffer, edge_reports_each_signal_once)
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
		/* The poll arms the next edge, as a program polls before it sleeps. */
		ASSERT_EQ(0, buf_busy(self->buf, timeline, point + 1, DMA_BUF_SYNC_WRITE));
		EXPECT_EQ(0, poll_events(self->buf, POLLIN, 0));
	}
	close(timeline);
	close(set);
}

/* Rule: edge-triggered, a signal without a waiter is reported by the next call. */
TEST_F(buffer, edge_is_kept_until_wait)
{
	int set = epoll_create1(EPOLL_CLOEXEC), timeline = timeline_open();

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, set_add(set, self->buf, EPOLLIN | EPOLLET));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(EPOLLIN, set_wait(set, LONG_MS));
	close(timeline);
	close(set);
}

/* Rule: EPOLLONESHOT reports one event until EPOLL_CTL_MOD arms it again. */
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

/* Rule: EPOLL_CTL_MOD may change the events while fences are pending. */
TEST_F(buffer, mod_changes_events)
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

/* Rule: a buffer removed with fences pending is not reported, and can be added again. */
TEST_F(buffer, removed_with_pending_fences)
{
	int set = epoll_create1(EPOLL_CLOEXEC), timeline = timeline_open();

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, set_add(set, self->buf, EPOLLIN));
	EXPECT_EQ(0, set_wait(set, 0));
	ASSERT_EQ(0, epoll_ctl(set, EPOLL_CTL_DEL, self->buf, NULL));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(0, set_wait(set, SHORT_MS));
	EXPECT_EQ(0, set_add(set, self->buf, EPOLLIN));
	EXPECT_EQ(-EEXIST, set_add(set, self->buf, EPOLLIN));
	EXPECT_EQ(EPOLLIN, set_wait(set, 0));
	close(timeline);
	close(set);
}

/* Rule: a buffer in two sets is reported by both. */
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

/* A call for struct blocking_call: wait for an event of @set, without a timeout. */
static int call_epoll(int set, int unused)
{
	struct epoll_event event;
	int ret = epoll_wait(set, &event, 1, -1);

	(void)unused;
	return ret < 0 ? -errno : event.data.fd;
}

/* Rule: a signal wakes every thread that sleeps on a level-triggered set. */
TEST_F(buffer, threads_on_one_set)
{
	int set = epoll_create1(EPOLL_CLOEXEC), timeline = timeline_open();
	struct blocking_call calls[4];
	size_t i;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, set_add(set, self->buf, EPOLLIN));
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		calls[i] = (struct blocking_call) { .call = call_epoll, .fd = set };
		ASSERT_EQ(0, blocking_call_start(&calls[i]));
	}
	ASSERT_EQ(0, timeline_step(timeline, 1));
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		EXPECT_EQ(self->buf, blocking_call_join(&calls[i]));
	close(timeline);
	close(set);
}

/*
 * Rule: closing a buffer that a thread waits for removes it from the set at once, and
 * neither the close nor the signal that follows is reported. The thread's only event is
 * that of a pipe.
 */
TEST_F(buffer, close_during_wait)
{
	int set = epoll_create1(EPOLL_CLOEXEC), timeline = timeline_open();
	struct blocking_call call = { .call = call_epoll, .fd = set };
	struct bufinfo_total before;
	int buf, ends[2];

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, pipe(ends));
	ASSERT_EQ(0, bufinfo_total(&before));
	buf = buffer_export(variant);
	ASSERT_LE(0, buf);
	ASSERT_EQ(0, buf_busy(buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, set_add(set, ends[0], EPOLLIN));
	ASSERT_EQ(0, set_add(set, buf, EPOLLIN | EPOLLOUT));
	ASSERT_EQ(0, blocking_call_start(&call));
	close(buf);
	EXPECT_EQ(0, bufinfo_wait_objects(before.objects));
	EXPECT_TRUE(blocking_call_sleeps(&call));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_TRUE(blocking_call_sleeps(&call));
	ASSERT_EQ(1, write(ends[1], "x", 1));
	EXPECT_EQ(ends[0], blocking_call_join(&call));
	close(ends[0]);
	close(ends[1]);
	close(timeline);
	close(set);
}

#define CLOSE_ROUNDS	600
#define CLOSE_WAITERS	2

/**
 * struct close_race - what the threads of close_races_with_signal share
 * @set: the epoll set
 * @timeline: of the fences
 * @wanted: point that the signalling thread is to signal
 * @signalled: last point that it has signalled
 * @waits: calls of epoll_wait() that have returned, per waiting thread
 * @waiters: number of waiting threads that have taken a counter of @waits
 * @errors: calls that failed
 * @stop: the threads are to return
 */
struct close_race {
	int set;
	int timeline;
	__u32 wanted;
	__u32 signalled;
	unsigned int waits[CLOSE_WAITERS];
	unsigned int waiters;
	unsigned int errors;
	int stop;
};

static void *close_race_wait(void *arg)
{
	struct close_race *race = arg;
	unsigned int *waits;

	waits = &race->waits[__atomic_fetch_add(&race->waiters, 1, __ATOMIC_RELAXED)];
	while (!__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE)) {
		set_wait(race->set, 1);
		__atomic_add_fetch(waits, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *close_race_signal(void *arg)
{
	struct close_race *race = arg;
	__u32 signalled = 0;

	while (!__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE)) {
		if (__atomic_load_n(&race->wanted, __ATOMIC_ACQUIRE) == signalled) {
			sched_yield();
			continue;
		}
		if (timeline_step(race->timeline, 1))
			__atomic_add_fetch(&race->errors, 1, __ATOMIC_RELAXED);
		__atomic_store_n(&race->signalled, ++signalled, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Return whether each waiting thread has waited at least @count times. */
static bool close_race_waited(struct close_race *race, unsigned int count)
{
	size_t i;

	for (i = 0; i < CLOSE_WAITERS; i++)
		if (__atomic_load_n(&race->waits[i], __ATOMIC_RELAXED) < count)
			return false;
	return true;
}

/* Let a fence be signalled by the other thread while this one closes its buffer. */
static void close_race_meet(struct close_race *race, int buf, __u32 point, unsigned int delay)
{
	__atomic_store_n(&race->wanted, point, __ATOMIC_RELEASE);
	while (delay--)
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
	close(buf);
	while (__atomic_load_n(&race->signalled, __ATOMIC_ACQUIRE) != point)
		sched_yield();
}

/*
 * Rule (CVE-2024-38580): epoll that polls a buffer while its last reference is dropped
 * takes no new reference. The fence of every third buffer signals during the close, after
 * a delay that differs; the other fences are pending until the end.
 */
TEST_F(buffer, close_races_with_signal)
{
	void *(*const loops[])(void *) = { close_race_wait, close_race_wait, close_race_signal };
	struct close_race race = {
		.set = epoll_create1(EPOLL_CLOEXEC),
		.timeline = timeline_open(),
	};
	const __u32 never = 1u << 30;
	struct bufinfo_total before;
	pthread_t threads[3];
	int i, buf;

	ASSERT_LE(0, race.timeline);
	ASSERT_EQ(0, bufinfo_total(&before));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, loops[i], &race));
	while (!close_race_waited(&race, 1))
		sleep_ms(1);
	for (i = 0; i < CLOSE_ROUNDS || !close_race_waited(&race, CLOSE_ROUNDS); i++) {
		buf = buffer_export(variant);
		ASSERT_LE(0, buf);
		ASSERT_EQ(0, buf_busy(buf, race.timeline, i % 3 ? never : 1u + i / 3,
				      DMA_BUF_SYNC_WRITE));
		ASSERT_EQ(0, set_add(race.set, buf,
				     EPOLLIN | EPOLLOUT | (i & 1 ? EPOLLET : 0)));
		if (i % 3)
			close(buf);
		else
			close_race_meet(&race, buf, 1 + i / 3, i % 64 * 10);
	}
	__atomic_store_n(&race.stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, race.errors);
	EXPECT_EQ(0, bufinfo_wait_objects(before.objects));
	close(race.timeline);
	close(race.set);
}

/* Rule: a set may be closed while the fences of a buffer in it are pending. */
TEST_F(buffer, set_closed_with_pending_fences)
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
