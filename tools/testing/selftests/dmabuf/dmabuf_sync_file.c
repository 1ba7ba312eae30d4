// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_sync_file - export a dma-buf's fences as a sync_file, import a sync_file's
 * fences, and wait for them by SYNC. Readers and writers wait for write fences, only
 * writers wait for read fences.
 */
#include <linux/dma-buf.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "fence.h"
#include "fixture.h"

/* A call for struct blocking_call. */
static int call_sync(int buf, int flags)
{
	struct dma_buf_sync arg = { .flags = flags };

	return ioctl_once(buf, DMA_BUF_IOCTL_SYNC, &arg);
}

/* Rule: the sync_file of an idle buffer is signalled. */
TEST_F(buffer, export_from_idle_buffer)
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

/* Rule: readers and writers wait for a write fence. */
TEST_F(buffer, write_fence_blocks_all)
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

/* Rule: only writers wait for a read fence. */
TEST_F(buffer, read_fence_blocks_writers)
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

/* Rule: a fence imported with both flags is a write fence. */
TEST_F(buffer, rw_import_adds_write_fence)
{
	int timeline = timeline_open();

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_RW));
	EXPECT_EQ(1, buf_waits(self->buf, DMA_BUF_SYNC_READ));
	close(timeline);
}

/* Rule: an exported sync_file is a snapshot: fences added later do not matter. */
TEST_F(buffer, export_is_snapshot)
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

/* Rule: importing a merged sync_file adds each of its fences. */
TEST_F(buffer, merged_fences_are_added_separately)
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

/* Rule: fdinfo says how many fences a sync_file has, and its status. */
TEST_F(buffer, fdinfo_has_fences_and_status)
{
	int one = timeline_open(), other = timeline_open();
	int a, b, both;
	char value[32];

	ASSERT_LE(0, one);
	ASSERT_LE(0, other);
	a = timeline_fence(one, 1);
	b = timeline_fence(other, 1);
	both = fence_merge(a, b);
	ASSERT_LE(0, both);
	ASSERT_EQ(0, fd_info(both, "fences", value, sizeof(value)));
	EXPECT_STREQ("2", value);
	ASSERT_EQ(0, fd_info(both, "status", value, sizeof(value)));
	EXPECT_STREQ("0", value);
	ASSERT_EQ(0, timeline_step(one, 1));
	ASSERT_EQ(0, fd_info(a, "fences", value, sizeof(value)));
	EXPECT_STREQ("1", value);
	ASSERT_EQ(0, fd_info(a, "status", value, sizeof(value)));
	EXPECT_STREQ("1", value);
	ASSERT_EQ(0, fd_info(both, "status", value, sizeof(value)));
	EXPECT_STREQ("0", value);
	/* A timeline that is closed fails its pending fences. */
	close(other);
	ASSERT_EQ(0, fd_info(b, "status", value, sizeof(value)));
	EXPECT_STREQ("-2", value);
	close(a);
	close(b);
	close(both);
	close(one);
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

/* Rule: a newer fence replaces the older one of its timeline and usage. */
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

/* Rule: a later read fence does not replace the earlier write fence of its timeline. */
TEST_F(buffer, read_fence_does_not_replace_write_fence)
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

/* Rule: fences of different timelines do not replace each other. */
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
	/* Closing a timeline signals its pending fences. */
	for (i = 0; i < ARRAY_SIZE(timelines); i++)
		close(timelines[i]);
	EXPECT_EQ(0, buf_waits(self->buf, DMA_BUF_SYNC_READ));
}

/* Rule: a fence exported from one buffer may be imported into another. */
TEST_F(buffer, exported_fence_is_imported_elsewhere)
{
	int timeline = timeline_open();
	int other = buffer_export(variant);
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

/* Rule: both ioctls refuse to be called without a flag and with an unknown one. */
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

/* Rule: importing anything but a sync_file is EINVAL, also a closed descriptor. */
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

/* Rule (CVE-2026-89996): an export whose result cannot be copied out leaves no descriptor. */
TEST_F(buffer, export_result_cannot_be_copied)
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

/* Rule: an export without a free descriptor is EMFILE and does not change the buffer. */
TEST_F(buffer, export_without_free_descriptor)
{
	int i;

	ASSERT_EQ(0, fds_exhaust(0));
	for (i = 0; i < 20; i++)
		EXPECT_EQ(-EMFILE, buf_fence_get(self->buf, DMA_BUF_SYNC_RW));
	ASSERT_EQ(0, fds_unlimit());
	EXPECT_EQ(0, buf_waits(self->buf, DMA_BUF_SYNC_RW));
}

/* As in dmabuf_fence: an object lost per round makes a cache grow by more than half of it. */
#define EXPORT_ROUNDS	2000

/* Export until there is no free descriptor, then close them all; return how many. */
static int export_until_error(int buf, int *error)
{
	int fences[64], count, i;

	for (count = 0; count < 64; count++) {
		fences[count] = buf_fence_get(buf, DMA_BUF_SYNC_WRITE);
		if (fences[count] < 0)
			break;
	}
	*error = count < 64 ? fences[count] : 0;
	for (i = 0; i < count; i++)
		close(fences[i]);
	return count;
}

/*
 * Rule: exports that fail for want of a descriptor, and sync_files that are closed, leave
 * no object behind. A leak of one object per round shows as growth of its slab cache.
 */
TEST_F(buffer, exports_until_emfile_leak_nothing)
{
	struct rlimit before, few = { .rlim_cur = 64, .rlim_max = 64 };
	int timelines[] = { timeline_open(), timeline_open() };
	struct slab_count *slabs = NULL;
	int round, count, error;
	char name[48] = "";
	long growth;

	if (slab_frees_delayed())
		SKIP(return, "the kernel delays frees; kmemleak reports leaks");
	ASSERT_LE(0, timelines[0]);
	ASSERT_LE(0, timelines[1]);
	/* Fences of two timelines, so that each export allocates an array of them. */
	ASSERT_EQ(0, buf_busy(self->buf, timelines[0], 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, buf_busy(self->buf, timelines[1], 1, DMA_BUF_SYNC_READ));
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &before));
	few.rlim_max = before.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &few));
	/* The rounds before the count fill the caches' per-CPU lists. */
	for (round = -EXPORT_ROUNDS / 10; round < EXPORT_ROUNDS; round++) {
		if (!round)
			slabs = slab_objects();
		count = export_until_error(self->buf, &error);
		ASSERT_EQ(-EMFILE, error);
		ASSERT_LT(32, count);
	}
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &before));
	ASSERT_NE(NULL, slabs);
	growth = slab_growth(slabs, EXPORT_ROUNDS / 2, name, sizeof(name));
	EXPECT_LE(0, growth);
	EXPECT_GT(EXPORT_ROUNDS / 2, growth) TH_LOG("%s grew by %ld objects", name, growth);
	free(slabs);
	close(timelines[0]);
	close(timelines[1]);
}

/* Rule: SYNC sleeps until the fences that its direction needs are signalled. */
TEST_F(buffer, sync_waits)
{
	struct blocking_call call = {
		.call = call_sync, .fd = self->buf, .arg = DMA_BUF_SYNC_READ,
	};
	int timeline = timeline_open();

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	EXPECT_EQ(0, blocking_call_start(&call));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(0, blocking_call_join(&call));
	EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_READ | DMA_BUF_SYNC_END));
	close(timeline);
}

/* Rule: SYNC for reading does not wait for read fences, SYNC for writing does. */
TEST_F(buffer, sync_for_reading_ignores_read_fences)
{
	struct blocking_call call = {
		.call = call_sync, .fd = self->buf, .arg = DMA_BUF_SYNC_WRITE,
	};
	int timeline = timeline_open();

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_READ));
	EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_READ));
	EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_READ | DMA_BUF_SYNC_END));
	EXPECT_EQ(1, buf_waits(self->buf, DMA_BUF_SYNC_WRITE));

	EXPECT_EQ(0, blocking_call_start(&call));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(0, blocking_call_join(&call));
	EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_WRITE | DMA_BUF_SYNC_END));
	close(timeline);
}

static void ignore_signal(int sig)
{
	(void)sig;
}

/* Rule: a signal interrupts a sleeping SYNC with EINTR, and a second SYNC succeeds. */
TEST_F(buffer, sync_is_interruptible)
{
	struct blocking_call call = {
		.call = call_sync, .fd = self->buf, .arg = DMA_BUF_SYNC_READ,
	};
	struct sigaction act = { .sa_handler = ignore_signal };
	int timeline = timeline_open();

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, sigaction(SIGUSR1, &act, NULL));
	ASSERT_EQ(0, blocking_call_start(&call));
	ASSERT_EQ(0, pthread_kill(call.thread, SIGUSR1));
	EXPECT_EQ(-EINTR, blocking_call_join(&call));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(0, call_sync(self->buf, DMA_BUF_SYNC_READ));
	EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_READ | DMA_BUF_SYNC_END));
	close(timeline);
}

/* Rule: a sync_file outlives a buffer that was closed with its fences pending. */
TEST_F(buffer, closed_with_pending_fences)
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
