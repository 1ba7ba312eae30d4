// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_poll - wait for a buffer's fences with poll() and select(). A buffer is readable
 * when its kernel and write fences are signalled, writable when its read fences are too.
 */
#include <linux/dma-buf.h>
#include <poll.h>
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

/* Rule: a pending write fence makes the buffer neither readable nor writable. */
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

/* Rule: a pending read fence leaves the buffer readable but not writable. */
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

/* Rule: with several fences the buffer is ready after the last signal, in any order. */
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
	/* Neither the fence that was added first nor the one added last decides. */
	for (i = 0; i < ARRAY_SIZE(timelines); i++) {
		EXPECT_EQ(0, poll_events(self->buf, POLLIN, 0));
		ASSERT_EQ(0, timeline_step(timelines[order[i]], 1));
	}
	EXPECT_EQ(POLLIN, poll_events(self->buf, POLLIN, 0));
	for (i = 0; i < ARRAY_SIZE(timelines); i++)
		close(timelines[i]);
}

/* Rule: a poll with a pending fence sleeps for its whole timeout and reports no event. */
TEST_F(buffer, timeout_without_signal)
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

/* Rule: events other than POLLIN and POLLOUT are never reported. */
TEST_F(buffer, other_events_are_not_reported)
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

/* Rule: select() reports the same directions as poll(). */
TEST_F(buffer, select_matches_poll)
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

static void poll_start(struct __test_metadata *_metadata, struct blocking_call *call, int buf,
		       int events)
{
	*call = (struct blocking_call) { .call = call_poll, .fd = buf, .arg = events };
	ASSERT_EQ(0, blocking_call_start(call));
}

/*
 * The sleeping polls below have no timeout. A poll that times out tests the fences
 * once more and would report a signal whose wake-up was lost; without one, a lost
 * wake-up ends in the time limit of the test.
 */

/* Rule: signalling the fence wakes a sleeping poll. */
TEST_F(buffer, signal_wakes)
{
	int timeline = timeline_open();
	struct blocking_call call;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	poll_start(_metadata, &call, self->buf, POLLIN);
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(POLLIN, blocking_call_join(&call));
	close(timeline);
}

/* Rule: closing a timeline signals its fences, which wakes a sleeping poll. */
TEST_F(buffer, closed_timeline_wakes)
{
	int timeline = timeline_open();
	struct blocking_call call;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	poll_start(_metadata, &call, self->buf, POLLIN);
	close(timeline);
	EXPECT_EQ(POLLIN, blocking_call_join(&call));
}

/* Rule: a signal wakes every thread that polls the buffer, for either direction. */
TEST_F(buffer, all_threads_wake)
{
	struct blocking_call calls[THREADS];
	int timeline = timeline_open();
	int i;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	for (i = 0; i < THREADS; i++)
		poll_start(_metadata, &calls[i], self->buf, i & 1 ? POLLIN : POLLOUT);
	ASSERT_EQ(0, timeline_step(timeline, 1));
	for (i = 0; i < THREADS; i++)
		EXPECT_EQ(calls[i].arg, blocking_call_join(&calls[i]));
	close(timeline);
}

/* Rule: the write fence wakes a reader; a writer sleeps until the read fence too. */
TEST_F(buffer, threads_wake_at_their_fence)
{
	int writer = timeline_open(), reader = timeline_open();
	struct blocking_call in, out;

	ASSERT_LE(0, writer);
	ASSERT_LE(0, reader);
	ASSERT_EQ(0, buf_busy(self->buf, writer, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, buf_busy(self->buf, reader, 1, DMA_BUF_SYNC_READ));
	poll_start(_metadata, &in, self->buf, POLLIN);
	poll_start(_metadata, &out, self->buf, POLLOUT);
	ASSERT_EQ(0, timeline_step(writer, 1));
	EXPECT_EQ(POLLIN, blocking_call_join(&in));
	EXPECT_TRUE(blocking_call_sleeps(&out));
	ASSERT_EQ(0, timeline_step(reader, 1));
	EXPECT_EQ(POLLOUT, blocking_call_join(&out));
	close(writer);
	close(reader);
}

/* Rule: one poll() may take many buffers and reports exactly the ready ones. */
TEST_F(buffer, many_buffers_in_one_call)
{
	int timeline = timeline_open();
	struct pollfd pfds[8];
	size_t i;

	ASSERT_LE(0, timeline);
	for (i = 0; i < ARRAY_SIZE(pfds); i++) {
		pfds[i] = (struct pollfd) { .fd = buffer_export(variant), .events = POLLIN };
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

/* Rule: a buffer that one poll() gets by two descriptors is reported for both. */
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

/* Rule: a poll holds no reference to the file, whether or not a fence is pending. */
TEST_F(buffer, polls_take_no_references)
{
	int timeline = timeline_open();
	char value[64];
	int i;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(0, poll_events(self->buf, POLLIN | POLLOUT, 0));
	ASSERT_EQ(0, fd_info(self->buf, "count", value, sizeof(value)));
	EXPECT_STREQ("1", value);
	ASSERT_EQ(0, timeline_step(timeline, 1));
	ASSERT_EQ(0, fd_info(self->buf, "count", value, sizeof(value)));
	EXPECT_STREQ("1", value);
	close(timeline);
}

/* Rule: closing a polled buffer releases it while its fences are still pending. */
TEST_F(buffer, polled_and_closed_is_released)
{
	struct bufinfo_total before;
	int timeline = timeline_open();
	int i, buf;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, bufinfo_total(&before));
	for (i = 0; i < 16; i++) {
		buf = buffer_export(variant);
		ASSERT_LE(0, buf);
		ASSERT_EQ(0, buf_busy(buf, timeline, 1, DMA_BUF_SYNC_WRITE));
		EXPECT_EQ(0, poll_events(buf, POLLIN | POLLOUT, 0));
		close(buf);
	}
	EXPECT_EQ(0, bufinfo_wait_objects(before.objects));
	/* The callbacks of the released buffers are gone from the fences. */
	ASSERT_EQ(0, timeline_step(timeline, 1));
	close(timeline);
}

/* Rule: a poll sleeps on after its descriptor is closed, and returns POLLNVAL when woken. */
TEST_F(buffer, close_during_poll)
{
	int timeline = timeline_open();
	struct blocking_call call;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	poll_start(_metadata, &call, self->buf, POLLIN);
	close(self->buf);
	self->buf = -1;
	EXPECT_TRUE(blocking_call_sleeps(&call));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(POLLNVAL, blocking_call_join(&call));
	close(timeline);
}

TEST_HARNESS_MAIN
