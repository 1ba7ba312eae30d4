// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_poll - waiting for a buffer's fences with poll() and select(): readable when
 * the writers are done, writable when everybody is.
 */
#include <linux/dma-buf.h>
#include <poll.h>
#include <pthread.h>
#include <sys/select.h>

#include "bufinfo.h"
#include "fence.h"
#include "fixture.h"

#define SHORT_MS	60
#define LONG_MS		5000
#define THREADS		8

/* Rule: an idle buffer is readable and writable. */
TEST_F(buffer, idle_is_ready)
{
	EXPECT_EQ(POLLIN, poll_events(self->buf, POLLIN, 0));
	EXPECT_EQ(POLLOUT, poll_events(self->buf, POLLOUT, 0));
	EXPECT_EQ(POLLIN | POLLOUT, poll_events(self->buf, POLLIN | POLLOUT, 0));
	EXPECT_EQ(POLLIN | POLLOUT, poll_events(self->buf, POLLIN | POLLOUT, LONG_MS));
}

/* Rule: while somebody writes, the buffer is neither readable nor writable. */
TEST_F(buffer, write_fence_blocks_both)
{
	int timeline = timeline_open();

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	EXPECT_EQ(0, poll_events(self->buf, POLLIN, 0));
	EXPECT_EQ(0, poll_events(self->buf, POLLOUT, 0));
	EXPECT_EQ(0, poll_events(self->buf, POLLIN | POLLOUT, 0));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(POLLIN | POLLOUT, poll_events(self->buf, POLLIN | POLLOUT, 0));
	close(timeline);
}

/* Rule: while somebody reads, the buffer is readable but not writable. */
TEST_F(buffer, read_fence_blocks_writers)
{
	int timeline = timeline_open();

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_READ));
	EXPECT_EQ(POLLIN, poll_events(self->buf, POLLIN, 0));
	EXPECT_EQ(0, poll_events(self->buf, POLLOUT, 0));
	EXPECT_EQ(POLLIN, poll_events(self->buf, POLLIN | POLLOUT, 0));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(POLLOUT, poll_events(self->buf, POLLOUT, 0));
	close(timeline);
}

/* Rule: each direction becomes ready when its own fences are signalled. */
TEST_F(buffer, directions_are_independent)
{
	int writer = timeline_open(), reader = timeline_open();

	ASSERT_LE(0, writer);
	ASSERT_LE(0, reader);
	ASSERT_EQ(0, buf_busy(self->buf, writer, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, buf_busy(self->buf, reader, 1, DMA_BUF_SYNC_READ));
	EXPECT_EQ(0, poll_events(self->buf, POLLIN | POLLOUT, 0));
	ASSERT_EQ(0, timeline_step(writer, 1));
	EXPECT_EQ(POLLIN, poll_events(self->buf, POLLIN | POLLOUT, 0));
	ASSERT_EQ(0, timeline_step(reader, 1));
	EXPECT_EQ(POLLIN | POLLOUT, poll_events(self->buf, POLLIN | POLLOUT, 0));
	close(writer);
	close(reader);
}

/* Rule: with several fences the buffer is ready after the last, whichever that is. */
TEST_F(buffer, last_of_many_fences)
{
	static const int order[] = { 3, 0, 5, 1, 4, 2 };
	int timelines[ARRAY_SIZE(order)];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(timelines); i++) {
		timelines[i] = timeline_open();
		ASSERT_LE(0, timelines[i]);
		ASSERT_EQ(0, buf_busy(self->buf, timelines[i], 1, DMA_BUF_SYNC_WRITE));
	}
	/* Not in their order, so that neither the first nor the last one decides. */
	for (i = 0; i < ARRAY_SIZE(timelines); i++) {
		EXPECT_EQ(0, poll_events(self->buf, POLLIN, 0));
		ASSERT_EQ(0, timeline_step(timelines[order[i]], 1));
	}
	EXPECT_EQ(POLLIN, poll_events(self->buf, POLLIN, 0));
	for (i = 0; i < ARRAY_SIZE(timelines); i++)
		close(timelines[i]);
}

/* Rule: a timeout is kept: not less than asked, and no event. */
TEST_F(buffer, timeout_is_kept)
{
	int timeline = timeline_open();
	long long began;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	began = now_ms();
	EXPECT_EQ(0, poll_events(self->buf, POLLIN, SHORT_MS));
	EXPECT_LE(SHORT_MS - 1, now_ms() - began);
	close(timeline);
}

/* Rule: nothing but data and errors is ever reported: events not known stay silent. */
TEST_F(buffer, other_events_stay_silent)
{
	int timeline = timeline_open();

	ASSERT_LE(0, timeline);
	EXPECT_EQ(0, poll_events(self->buf, 0, 0));
	EXPECT_EQ(0, poll_events(self->buf, POLLPRI, 0));
	EXPECT_EQ(0, poll_events(self->buf, POLLRDHUP, SHORT_MS));
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	EXPECT_EQ(0, poll_events(self->buf, POLLPRI, 0));
	close(timeline);
}

/* Rule: select() says the same as poll(). */
TEST_F(buffer, select_agrees)
{
	struct timeval none = { 0 };
	int timeline = timeline_open();
	fd_set in, out;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_READ));
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(self->buf, &in);
	FD_SET(self->buf, &out);
	EXPECT_EQ(1, select(self->buf + 1, &in, &out, NULL, &none));
	EXPECT_TRUE(FD_ISSET(self->buf, &in));
	EXPECT_FALSE(FD_ISSET(self->buf, &out));
	close(timeline);
}

/* What one thread waits for, and what it got. */
struct waiter {
	pthread_t thread;
	int buf;
	short events;
	int got;
	long long when;
};

static void *wait_thread(void *arg)
{
	struct waiter *waiter = arg;

	waiter->got = poll_events(waiter->buf, waiter->events, LONG_MS);
	waiter->when = now_ms();
	return NULL;
}

static int wait_start(struct waiter *waiter, int buf, short events)
{
	*waiter = (struct waiter) { .buf = buf, .events = events };
	return pthread_create(&waiter->thread, NULL, wait_thread, waiter);
}

/* Rule: a sleeping poll wakes when the fence is signalled. */
TEST_F(buffer, signal_wakes)
{
	int timeline = timeline_open();
	struct waiter waiter;
	long long when;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, wait_start(&waiter, self->buf, POLLIN));
	sleep_ms(SHORT_MS);
	when = now_ms();
	ASSERT_EQ(0, timeline_step(timeline, 1));
	pthread_join(waiter.thread, NULL);
	EXPECT_EQ(POLLIN, waiter.got);
	EXPECT_LE(when, waiter.when);
	EXPECT_GT(when + LONG_MS / 2, waiter.when);
	close(timeline);
}

/* Rule: closing the timeline signals its fences, and that wakes as well. */
TEST_F(buffer, dying_timeline_wakes)
{
	int timeline = timeline_open();
	struct waiter waiter;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, wait_start(&waiter, self->buf, POLLIN));
	sleep_ms(SHORT_MS);
	close(timeline);
	pthread_join(waiter.thread, NULL);
	EXPECT_EQ(POLLIN, waiter.got);
}

/* Rule: several threads may wait for one buffer, in either direction: all of them wake. */
TEST_F(buffer, all_threads_wake)
{
	struct waiter waiters[THREADS];
	int timeline = timeline_open();
	long long when;
	int i;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, wait_start(&waiters[i], self->buf, i & 1 ? POLLIN : POLLOUT));
	sleep_ms(SHORT_MS);
	when = now_ms();
	ASSERT_EQ(0, timeline_step(timeline, 1));
	for (i = 0; i < THREADS; i++) {
		pthread_join(waiters[i].thread, NULL);
		EXPECT_EQ(waiters[i].events, waiters[i].got);
		EXPECT_GT(when + LONG_MS / 2, waiters[i].when);
	}
	close(timeline);
}

/* Rule: a reader wakes at the writer's fence, while a writer sleeps on to the last one. */
TEST_F(buffer, threads_wake_at_their_fence)
{
	int writer = timeline_open(), reader = timeline_open();
	struct waiter in, out;

	ASSERT_LE(0, writer);
	ASSERT_LE(0, reader);
	ASSERT_EQ(0, buf_busy(self->buf, writer, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, buf_busy(self->buf, reader, 1, DMA_BUF_SYNC_READ));
	ASSERT_EQ(0, wait_start(&in, self->buf, POLLIN));
	ASSERT_EQ(0, wait_start(&out, self->buf, POLLOUT));
	sleep_ms(SHORT_MS);
	ASSERT_EQ(0, timeline_step(writer, 1));
	pthread_join(in.thread, NULL);
	EXPECT_EQ(POLLIN, in.got);
	sleep_ms(SHORT_MS);
	EXPECT_EQ(0, out.got);
	ASSERT_EQ(0, timeline_step(reader, 1));
	pthread_join(out.thread, NULL);
	EXPECT_EQ(POLLOUT, out.got);
	close(writer);
	close(reader);
}

/* Rule: one call may wait for many buffers, and names those that are ready. */
TEST_F(buffer, many_buffers_in_one_call)
{
	int timeline = timeline_open();
	struct pollfd pfds[8];
	size_t i;

	ASSERT_LE(0, timeline);
	for (i = 0; i < ARRAY_SIZE(pfds); i++) {
		pfds[i] = (struct pollfd) { .fd = buffer_more(variant), .events = POLLIN };
		ASSERT_LE(0, pfds[i].fd);
		ASSERT_EQ(0, buf_busy(pfds[i].fd, timeline, i + 1, DMA_BUF_SYNC_WRITE));
	}
	EXPECT_EQ(0, poll(pfds, ARRAY_SIZE(pfds), 0));
	ASSERT_EQ(0, timeline_step(timeline, 3));
	EXPECT_EQ(3, poll(pfds, ARRAY_SIZE(pfds), LONG_MS));
	for (i = 0; i < ARRAY_SIZE(pfds); i++) {
		EXPECT_EQ(i < 3 ? POLLIN : 0, pfds[i].revents);
		close(pfds[i].fd);
	}
	close(timeline);
}

/* Rule: the same buffer through two descriptors in one call is ready through both. */
TEST_F(buffer, one_buffer_twice_in_one_call)
{
	int timeline = timeline_open();
	struct pollfd pfds[2];

	ASSERT_LE(0, timeline);
	pfds[0] = (struct pollfd) { .fd = self->buf, .events = POLLIN };
	pfds[1] = (struct pollfd) { .fd = dup(self->buf), .events = POLLIN | POLLOUT };
	ASSERT_LE(0, pfds[1].fd);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	EXPECT_EQ(0, poll(pfds, 2, 0));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(2, poll(pfds, 2, LONG_MS));
	EXPECT_EQ(POLLIN, pfds[0].revents);
	EXPECT_EQ(POLLIN | POLLOUT, pfds[1].revents);
	close(pfds[1].fd);
	close(timeline);
}

/* Rule: asking often, with and without fences, piles up nothing: the count stays. */
TEST_F(buffer, asking_often_takes_no_references)
{
	int timeline = timeline_open();
	char value[64];
	int i;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(0, poll_events(self->buf, POLLIN | POLLOUT, 0));
	ASSERT_EQ(0, fd_info(self->buf, "count", value, sizeof(value)));
	/* One for the descriptor, at most one for each direction's pending callback. */
	EXPECT_GE(3, atoi(value));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	ASSERT_EQ(0, fd_info(self->buf, "count", value, sizeof(value)));
	EXPECT_STREQ("1", value);
	close(timeline);
}

/* Rule: a buffer that was polled and closed is gone once its fences are signalled. */
TEST_F(buffer, polled_and_closed_is_freed)
{
	struct bufinfo_total before;
	int timeline = timeline_open();
	int i, buf;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, bufinfo_total(&before));
	for (i = 0; i < 16; i++) {
		buf = buffer_more(variant);
		ASSERT_LE(0, buf);
		ASSERT_EQ(0, buf_busy(buf, timeline, 1, DMA_BUF_SYNC_WRITE));
		EXPECT_EQ(0, poll_events(buf, POLLIN | POLLOUT, 0));
		close(buf);
	}
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(0, bufinfo_settles(before.objects));
	close(timeline);
}

/* Rule: a poll that sleeps survives the close, and finds at its end that there is no file. */
TEST_F(buffer, close_during_poll)
{
	int timeline = timeline_open();
	struct waiter waiter;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, wait_start(&waiter, self->buf, POLLIN));
	sleep_ms(SHORT_MS);
	close(self->buf);
	self->buf = -1;
	sleep_ms(SHORT_MS);
	ASSERT_EQ(0, timeline_step(timeline, 1));
	pthread_join(waiter.thread, NULL);
	EXPECT_EQ(POLLNVAL, waiter.got);
	close(timeline);
}

TEST_HARNESS_MAIN
