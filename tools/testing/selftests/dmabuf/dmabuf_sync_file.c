// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_sync_file - the fences of a dma-buf: taken out as a sync_file, put in as one,
 * and waited for by SYNC. A write fence keeps everybody waiting, a read fence only
 * those who want to write.
 */
#include <linux/dma-buf.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "fence.h"
#include "fixture.h"

/* Short enough not to slow the suite, long enough to tell waiting from not waiting. */
#define SHORT_MS	60

/* A timeline whose step a thread makes later, so that the test itself can wait. */
struct later {
	pthread_t thread;
	int timeline;
};

static void *later_step(void *arg)
{
	struct later *later = arg;

	sleep_ms(SHORT_MS);
	timeline_step(later->timeline, 1);
	return NULL;
}

static int later_start(struct later *later, int timeline)
{
	later->timeline = timeline;
	return pthread_create(&later->thread, NULL, later_step, later);
}

/* Rule: an idle buffer gives a fence that is signalled. */
TEST_F(buffer, get_from_idle)
{
	static const __u32 flags[] = { DMA_BUF_SYNC_READ, DMA_BUF_SYNC_WRITE, DMA_BUF_SYNC_RW };
	size_t i;
	int fence;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		fence = buf_fence_get(self->buf, flags[i]);
		ASSERT_LE(0, fence);
		EXPECT_EQ(1, fence_status(fence));
		EXPECT_EQ(FD_CLOEXEC, fcntl(fence, F_GETFD));
		close(fence);
	}
}

/* Rule: a write fence is waited for by readers and by writers. */
TEST_F(buffer, write_fence_is_for_all)
{
	int timeline = timeline_open();

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	EXPECT_EQ(1, buf_waits(self->buf, DMA_BUF_SYNC_READ));
	EXPECT_EQ(1, buf_waits(self->buf, DMA_BUF_SYNC_WRITE));
	EXPECT_EQ(1, buf_waits(self->buf, DMA_BUF_SYNC_RW));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(0, buf_waits(self->buf, DMA_BUF_SYNC_RW));
	close(timeline);
}

/* Rule: a read fence is waited for by writers alone. */
TEST_F(buffer, read_fence_is_for_writers)
{
	int timeline = timeline_open();

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_READ));
	EXPECT_EQ(0, buf_waits(self->buf, DMA_BUF_SYNC_READ));
	EXPECT_EQ(1, buf_waits(self->buf, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(0, buf_waits(self->buf, DMA_BUF_SYNC_WRITE));
	close(timeline);
}

/* Rule: to put a fence in for reading and writing is to put it in for writing. */
TEST_F(buffer, both_means_write)
{
	int timeline = timeline_open();

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_RW));
	EXPECT_EQ(1, buf_waits(self->buf, DMA_BUF_SYNC_READ));
	close(timeline);
}

/* Rule: a sync_file that was taken out keeps to the fences of that moment. */
TEST_F(buffer, taken_out_is_a_snapshot)
{
	int timeline = timeline_open();
	int fence;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	fence = buf_fence_get(self->buf, DMA_BUF_SYNC_READ);
	ASSERT_LE(0, fence);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 2, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(1, fence_status(fence));
	EXPECT_EQ(1, buf_waits(self->buf, DMA_BUF_SYNC_READ));
	close(fence);
	close(timeline);
}

/* Rule: a merged sync_file is put in whole: each of its fences is waited for. */
TEST_F(buffer, merged_fences_go_in_one_by_one)
{
	int one = timeline_open(), other = timeline_open();
	int a, b, both;

	ASSERT_LE(0, one);
	ASSERT_LE(0, other);
	a = timeline_fence(one, 1);
	b = timeline_fence(other, 1);
	both = fence_merge(a, b);
	ASSERT_LE(0, both);
	ASSERT_EQ(0, buf_fence_add(self->buf, both, DMA_BUF_SYNC_WRITE));
	EXPECT_EQ(2, buf_waits(self->buf, DMA_BUF_SYNC_READ));
	ASSERT_EQ(0, timeline_step(one, 1));
	EXPECT_EQ(1, buf_waits(self->buf, DMA_BUF_SYNC_READ));
	ASSERT_EQ(0, timeline_step(other, 1));
	EXPECT_EQ(0, buf_waits(self->buf, DMA_BUF_SYNC_READ));
	close(a);
	close(b);
	close(both);
	close(one);
	close(other);
}

/* Rule (CVE-2022-49935): an older fence of a timeline does not replace a newer one. */
TEST_F(buffer, older_fence_does_not_replace)
{
	int timeline = timeline_open();

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 5, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 3, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, timeline_step(timeline, 4));
	EXPECT_EQ(1, buf_waits(self->buf, DMA_BUF_SYNC_READ));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(0, buf_waits(self->buf, DMA_BUF_SYNC_READ));
	close(timeline);
}

/* Rule: a newer fence of the same timeline and usage takes the older one's place. */
TEST_F(buffer, newer_fence_replaces)
{
	int timeline = timeline_open();
	__u32 point;

	ASSERT_LE(0, timeline);
	for (point = 1; point <= 100; point++)
		ASSERT_EQ(0, buf_busy(self->buf, timeline, point, DMA_BUF_SYNC_WRITE));
	EXPECT_EQ(1, buf_waits(self->buf, DMA_BUF_SYNC_READ));
	ASSERT_EQ(0, timeline_step(timeline, 99));
	EXPECT_EQ(1, buf_waits(self->buf, DMA_BUF_SYNC_READ));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(0, buf_waits(self->buf, DMA_BUF_SYNC_READ));
	close(timeline);
}

/* Rule: a later read fence does not turn the earlier write fence of its timeline into one. */
TEST_F(buffer, usage_classes_stay_apart)
{
	int timeline = timeline_open();

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 2, DMA_BUF_SYNC_READ));
	EXPECT_EQ(1, buf_waits(self->buf, DMA_BUF_SYNC_READ));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(0, buf_waits(self->buf, DMA_BUF_SYNC_READ));
	EXPECT_EQ(1, buf_waits(self->buf, DMA_BUF_SYNC_WRITE));
	close(timeline);
}

/* Rule: fences of many timelines are all kept, and all waited for. */
TEST_F(buffer, many_timelines)
{
	int timelines[40];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(timelines); i++) {
		timelines[i] = timeline_open();
		ASSERT_LE(0, timelines[i]);
		ASSERT_EQ(0, buf_busy(self->buf, timelines[i], 1, DMA_BUF_SYNC_WRITE));
	}
	EXPECT_EQ((int)ARRAY_SIZE(timelines), buf_waits(self->buf, DMA_BUF_SYNC_READ));
	for (i = 0; i < ARRAY_SIZE(timelines) - 1; i++)
		ASSERT_EQ(0, timeline_step(timelines[i], 1));
	EXPECT_EQ(1, buf_waits(self->buf, DMA_BUF_SYNC_READ));
	/* Closing signals what is left. */
	for (i = 0; i < ARRAY_SIZE(timelines); i++)
		close(timelines[i]);
	EXPECT_EQ(0, buf_waits(self->buf, DMA_BUF_SYNC_READ));
}

/* Rule: a fence taken out of one buffer may be put into another. */
TEST_F(buffer, fence_travels_between_buffers)
{
	int timeline = timeline_open();
	int other = buffer_more(variant);
	int fence;

	ASSERT_LE(0, timeline);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	fence = buf_fence_get(self->buf, DMA_BUF_SYNC_READ);
	ASSERT_LE(0, fence);
	ASSERT_EQ(0, buf_fence_add(other, fence, DMA_BUF_SYNC_READ));
	EXPECT_EQ(0, buf_waits(other, DMA_BUF_SYNC_READ));
	EXPECT_EQ(1, buf_waits(other, DMA_BUF_SYNC_WRITE));
	close(fence);
	close(other);
	close(timeline);
}

/* Rule: both ioctls refuse an empty and an unknown set of flags. */
TEST_F(buffer, bad_flags)
{
	int timeline = timeline_open();
	unsigned int bit;
	int fence;

	ASSERT_LE(0, timeline);
	fence = timeline_fence(timeline, 1);
	ASSERT_LE(0, fence);
	EXPECT_EQ(-EINVAL, buf_fence_get(self->buf, 0));
	EXPECT_EQ(-EINVAL, buf_fence_add(self->buf, fence, 0));
	for (bit = 2; bit < 32; bit++) {
		EXPECT_EQ(-EINVAL, buf_fence_get(self->buf, 1u << bit));
		EXPECT_EQ(-EINVAL, buf_fence_get(self->buf, 1u << bit | DMA_BUF_SYNC_RW));
		EXPECT_EQ(-EINVAL, buf_fence_add(self->buf, fence, 1u << bit));
		EXPECT_EQ(-EINVAL, buf_fence_add(self->buf, fence, 1u << bit | DMA_BUF_SYNC_RW));
	}
	EXPECT_EQ(0, buf_waits(self->buf, DMA_BUF_SYNC_RW));
	close(fence);
	close(timeline);
}

/* Rule: only a sync_file is put in; anything else is EINVAL, an open file or not. */
TEST_F(buffer, bad_descriptors)
{
	int timeline = timeline_open();
	int fence, null = open("/dev/null", O_RDWR | O_CLOEXEC);

	ASSERT_LE(0, timeline);
	ASSERT_LE(0, null);
	fence = timeline_fence(timeline, 1);
	ASSERT_LE(0, fence);
	close(fence);
	EXPECT_EQ(-EINVAL, buf_fence_add(self->buf, fence, DMA_BUF_SYNC_READ));
	EXPECT_EQ(-EINVAL, buf_fence_add(self->buf, -1, DMA_BUF_SYNC_READ));
	EXPECT_EQ(-EINVAL, buf_fence_add(self->buf, 1 << 30, DMA_BUF_SYNC_READ));
	EXPECT_EQ(-EINVAL, buf_fence_add(self->buf, null, DMA_BUF_SYNC_READ));
	EXPECT_EQ(-EINVAL, buf_fence_add(self->buf, self->buf, DMA_BUF_SYNC_READ));
	EXPECT_EQ(-EINVAL, buf_fence_add(self->buf, timeline, DMA_BUF_SYNC_READ));
	EXPECT_EQ(0, buf_waits(self->buf, DMA_BUF_SYNC_RW));
	close(null);
	close(timeline);
}

/* Rule (CVE-2026-89996): an answer that cannot be copied out leaves no descriptor behind. */
TEST_F(buffer, answer_to_read_only_memory)
{
	struct dma_buf_export_sync_file *arg;
	int before, i;

	arg = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, arg);
	arg->flags = DMA_BUF_SYNC_READ;
	arg->fd = -7;
	ASSERT_EQ(0, mprotect(arg, PAGE, PROT_READ));
	before = fds_open();
	for (i = 0; i < 20; i++)
		EXPECT_EQ(-EFAULT, xioctl(self->buf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, arg));
	EXPECT_EQ(before, fds_open());
	EXPECT_EQ(-7, arg->fd);
	munmap(arg, PAGE);
}

/* Rule: without a free descriptor the answer is EMFILE, and the buffer is as before. */
TEST_F(buffer, no_descriptor_free)
{
	int i;

	ASSERT_EQ(0, fds_exhaust(0));
	for (i = 0; i < 20; i++)
		EXPECT_EQ(-EMFILE, buf_fence_get(self->buf, DMA_BUF_SYNC_RW));
	ASSERT_EQ(0, fds_allow());
	EXPECT_EQ(0, buf_waits(self->buf, DMA_BUF_SYNC_RW));
}

/* Rule: SYNC waits until the fences are signalled that its direction needs. */
TEST_F(buffer, sync_waits)
{
	int timeline = timeline_open();
	struct later later;
	long long began;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	began = now_ms();
	ASSERT_EQ(0, later_start(&later, timeline));
	EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_READ));
	EXPECT_LE(SHORT_MS - 10, now_ms() - began);
	EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_READ | DMA_BUF_SYNC_END));
	pthread_join(later.thread, NULL);
	close(timeline);
}

/* Rule: SYNC for reading does not wait for other readers. */
TEST_F(buffer, sync_for_reading_passes_readers)
{
	int timeline = timeline_open();
	struct later later;
	long long began;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_READ));
	EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_READ));
	EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_READ | DMA_BUF_SYNC_END));
	EXPECT_EQ(1, buf_waits(self->buf, DMA_BUF_SYNC_WRITE));

	began = now_ms();
	ASSERT_EQ(0, later_start(&later, timeline));
	EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_WRITE));
	EXPECT_LE(SHORT_MS - 10, now_ms() - began);
	EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_WRITE | DMA_BUF_SYNC_END));
	pthread_join(later.thread, NULL);
	close(timeline);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* Rule: a signal ends the wait with EINTR, and the next try works. */
TEST_F(buffer, sync_is_interruptible)
{
	struct itimerval soon = { .it_value.tv_usec = SHORT_MS * 1000 };
	struct sigaction act = { .sa_handler = on_alarm };
	struct dma_buf_sync arg = { .flags = DMA_BUF_SYNC_READ };
	int timeline = timeline_open();

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, sigaction(SIGALRM, &act, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &soon, NULL));
	EXPECT_EQ(-EINTR, ioctl_once(self->buf, DMA_BUF_IOCTL_SYNC, &arg));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(0, ioctl_once(self->buf, DMA_BUF_IOCTL_SYNC, &arg));
	EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_READ | DMA_BUF_SYNC_END));
	close(timeline);
}

/* Rule: closing a buffer with fences that are not signalled is safe, and so is what follows. */
TEST_F(buffer, close_with_fences)
{
	int timeline = timeline_open();
	int fence;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 2, DMA_BUF_SYNC_READ));
	fence = buf_fence_get(self->buf, DMA_BUF_SYNC_WRITE);
	ASSERT_LE(0, fence);
	close(self->buf);
	self->buf = -1;
	EXPECT_EQ(0, fence_status(fence));
	ASSERT_EQ(0, timeline_step(timeline, 2));
	EXPECT_EQ(1, fence_status(fence));
	close(fence);
	close(timeline);
}

TEST_HARNESS_MAIN
