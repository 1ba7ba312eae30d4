// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_limits - what happens at the ends of things: no descriptor left, nobody there
 * to receive one, a great many buffers, processes that end in the middle. The claim is
 * the same each time: an errno, and afterwards as many buffers as before.
 */
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "bufinfo.h"
#include "fence.h"
#include "fixture.h"

/* Rule (CVE-2024-56712): without a free descriptor an export is EMFILE and leaves nothing. */
TEST_F_TIMEOUT(buffer, export_without_descriptors, 120)
{
	struct bufinfo_total before;
	int i, room, got;

	ASSERT_EQ(0, bufinfo_total(&before));
	/* With no room the device itself cannot be opened; with some, only its buffer fails. */
	for (room = 0; room < 3; room++) {
		for (i = 0; i < 100; i++) {
			ASSERT_EQ(0, fds_exhaust(room));
			got = buffer_more(variant);
			ASSERT_EQ(0, fds_allow());
			if (got >= 0)
				close(got);
			else
				ASSERT_EQ(-EMFILE, got);
		}
	}
	EXPECT_EQ(0, bufinfo_settles(before.objects));
}

/* Rule: a message that nobody can receive any more gives its buffer back. */
TEST_F(buffer, closed_peer)
{
	struct bufinfo_total before;
	int ends[2], i, buf;

	ASSERT_EQ(0, bufinfo_total(&before));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
		close(ends[1]);
		EXPECT_EQ(-EPIPE, fd_send(ends[0], self->buf, "x", 1));
		close(ends[0]);

		/* Sent, never received, and the sender's own descriptor gone. */
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
		buf = buffer_more(variant);
		ASSERT_LE(0, buf);
		EXPECT_EQ(0, fd_send(ends[0], buf, "x", 1));
		close(buf);
		close(ends[0]);
		close(ends[1]);
	}
	EXPECT_EQ(0, bufinfo_settles(before.objects));
}

/* Rule: a receiver without a free descriptor gets the message and no buffer. */
TEST_F(buffer, receiver_without_descriptors)
{
	struct bufinfo_total before;
	int ends[2], got = -1, buf;
	char byte = 0;

	ASSERT_EQ(0, bufinfo_total(&before));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	buf = buffer_more(variant);
	ASSERT_LE(0, buf);
	ASSERT_EQ(0, fd_send(ends[0], buf, "x", 1));
	close(buf);
	/* The closed number is free again: fill it before the limit counts. */
	ASSERT_EQ(0, fds_exhaust(0));
	EXPECT_EQ(0, fd_receive(ends[1], &got, &byte, 1));
	EXPECT_EQ(-1, got);
	EXPECT_EQ('x', byte);
	ASSERT_EQ(0, fds_allow());
	EXPECT_EQ(0, bufinfo_settles(before.objects));
	close(ends[0]);
	close(ends[1]);
}

/* Rule: a buffer that travels in its own socket's queue with it does not stay for ever. */
TEST_F(buffer, socket_that_holds_itself)
{
	struct bufinfo_total before;
	int ends[2], other[2], buf;

	ASSERT_EQ(0, bufinfo_total(&before));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	buf = buffer_more(variant);
	ASSERT_LE(0, buf);
	ASSERT_EQ(0, fd_send(ends[0], buf, "b", 1));
	ASSERT_EQ(0, fd_send(ends[0], ends[0], "s", 1));
	ASSERT_EQ(0, fd_send(ends[0], ends[1], "s", 1));
	close(buf);
	close(ends[0]);
	close(ends[1]);
	/* A new socket's end is what makes the kernel look for such circles. */
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, other));
	close(other[0]);
	close(other[1]);
	EXPECT_EQ(0, bufinfo_settles(before.objects));
}

/* Rule: a thousand buffers at once are a thousand different ones, and all go again. */
TEST_F_TIMEOUT(buffer, a_thousand_buffers, 120)
{
	struct bufinfo_total before, now;
	int bufs[1000];
	size_t i;

	ASSERT_EQ(0, fds_allow());
	ASSERT_EQ(0, bufinfo_total(&before));
	for (i = 0; i < ARRAY_SIZE(bufs); i++) {
		bufs[i] = buffer_more(variant);
		ASSERT_LE(0, bufs[i]);
		if (i)
			ASSERT_NE(fd_ino(bufs[i - 1]), fd_ino(bufs[i]));
	}
	ASSERT_EQ(0, bufinfo_total(&now));
	EXPECT_EQ(before.objects + ARRAY_SIZE(bufs), now.objects);
	EXPECT_EQ(before.bytes + ARRAY_SIZE(bufs) * self->size, now.bytes);
	for (i = 0; i < ARRAY_SIZE(bufs); i++)
		close(bufs[i]);
	EXPECT_EQ(0, bufinfo_settles(before.objects));
}

/* Rule: one buffer may have as many descriptors as the table holds. */
TEST_F(buffer, many_descriptors_of_one)
{
	char value[64];
	int i, fds[900];

	ASSERT_EQ(0, fds_allow());
	for (i = 0; i < 900; i++) {
		fds[i] = dup(self->buf);
		ASSERT_LE(0, fds[i]);
	}
	ASSERT_EQ(0, fd_info(self->buf, "count", value, sizeof(value)));
	EXPECT_STREQ("901", value);
	for (i = 0; i < 900; i++)
		close(fds[i]);
	ASSERT_EQ(0, fd_info(self->buf, "count", value, sizeof(value)));
	EXPECT_STREQ("1", value);
}

/* Rule: processes that are killed with buffers, mappings and fences leave none of them. */
TEST_F_TIMEOUT(buffer, killed_in_the_middle, 120)
{
	struct bufinfo_total before;
	int i, status, timeline, buf;
	pid_t pid;

	ASSERT_EQ(0, bufinfo_total(&before));
	for (i = 0; i < 16; i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			timeline = timeline_open();
			buf = buffer_more(variant);
			buf_busy(buf, timeline, 1, DMA_BUF_SYNC_WRITE);
			poll_events(buf, POLLIN, 0);
			mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_POPULATE, buf, 0);
			/* Half of them die while they wait for a fence. */
			if (i & 1)
				alarm(1);
			else
				raise(SIGKILL);
			buf_sync(buf, DMA_BUF_SYNC_READ);
			_exit(0);
		}
		if (i & 1) {
			sleep_ms(20);
			kill(pid, SIGKILL);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
	}
	EXPECT_EQ(0, bufinfo_settles(before.objects));
}

/* The errno of an allocation by somebody whom the system's limit of files holds. */
static int heap_errno_of_nobody(int heap)
{
	struct dma_heap_allocation_data arg = { .len = PAGE, .fd_flags = O_RDWR | O_CLOEXEC };
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		if (setresuid(65534, 65534, 65534))
			_exit(255);
		_exit(-xioctl(heap, DMA_HEAP_IOCTL_ALLOC, &arg));
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Rule: at the system's limit of open files an export is ENFILE and leaves nothing. */
TEST(export_without_files)
{
	const char *path = "/proc/sys/fs/file-max";
	int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC), full;
	struct bufinfo_total before;
	char *limit;

	if (heap < 0)
		SKIP(return, "the system heap is not there");
	ASSERT_EQ(0, bufinfo_total(&before));
	EXPECT_EQ(0, heap_errno_of_nobody(heap));
	limit = file_text(path);
	ASSERT_NE(NULL, limit);
	/* The kernel's first look at the number of files is a rough one. */
	ASSERT_EQ(0, file_put(path, "0"));
	full = heap_errno_of_nobody(heap);
	EXPECT_EQ(0, file_put(path, limit));
	EXPECT_EQ(ENFILE, full);
	EXPECT_EQ(0, heap_errno_of_nobody(heap));
	EXPECT_EQ(0, bufinfo_settles(before.objects));
	free(limit);
	close(heap);
}

#define CGROUP		"/sys/fs/cgroup"
#define TIMELINES	3000

static int cgroup_enter(const char *group)
{
	char path[128], pid[16];
	int ret;

	/* It may be on already. */
	file_put(CGROUP "/cgroup.subtree_control", "+memory");
	snprintf(path, sizeof(path), "%s/memory.stat", group);
	if ((mkdir(group, 0755) && errno != EEXIST) || access(path, R_OK))
		return -ENOENT;
	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	snprintf(pid, sizeof(pid), "%d", getpid());
	ret = file_put(path, pid);
	return ret < 0 ? ret : 0;
}

static void cgroup_leave(const char *group)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	file_put(CGROUP "/cgroup.procs", pid);
	rmdir(group);
}

/* Bytes that the kernel has allocated for a group, or -1. */
static long cgroup_kernel_bytes(const char *group)
{
	char path[128], *text, *line;
	long bytes = -1;

	/* Reading this brings the counters of all processors together. */
	snprintf(path, sizeof(path), "%s/cpu.stat", group);
	free(file_text(path));
	snprintf(path, sizeof(path), "%s/memory.stat", group);
	text = file_text(path);
	line = text ? strstr(text, "\nkernel ") : NULL;
	if (line)
		bytes = atol(line + strlen("\nkernel "));
	free(text);
	return bytes;
}

/* A fence of each of as many timelines, and the timelines, all open. */
static int fences_make(int *fences, int count)
{
	const struct rlimit files = { 2 * count + 100, 2 * count + 100 };
	int i, timeline;

	if (setrlimit(RLIMIT_NOFILE, &files))
		return -errno;
	for (i = 0; i < count; i++) {
		timeline = timeline_open();
		fences[i] = timeline < 0 ? timeline : timeline_fence(timeline, 1);
		if (fences[i] < 0)
			return fences[i];
	}
	return 0;
}

FIXTURE(group) {
	const char *path;
};

FIXTURE_SETUP(group)
{
	self->path = CGROUP "/dmabuf_limits";
	if (cgroup_enter(self->path))
		SKIP(return, "no cgroup with the memory controller");
}

FIXTURE_TEARDOWN(group)
{
	cgroup_leave(self->path);
}

/*
 * Rule: the memory in which a buffer keeps the fences of ever new timelines is charged to
 * who imports them, and is what their places take. Nothing else is allocated on the way.
 */
TEST_F_TIMEOUT(group, import_is_charged, 180)
{
	int buf = exporter_heap.export(BUF_SIZE, O_RDWR | O_CLOEXEC);
	static int fences[TIMELINES];
	long before, after;
	int i;

	if (buf == -ENODEV)
		SKIP(return, "the system heap is not there");
	ASSERT_LE(0, buf);
	ASSERT_EQ(0, fences_make(fences, TIMELINES));
	ASSERT_EQ(0, buf_fence_add(buf, fences[0], DMA_BUF_SYNC_WRITE));
	before = cgroup_kernel_bytes(self->path);
	ASSERT_LE(0, before);
	for (i = 0; i < TIMELINES; i++)
		ASSERT_EQ(0, buf_fence_add(buf, fences[i], DMA_BUF_SYNC_WRITE));
	after = cgroup_kernel_bytes(self->path);
	EXPECT_LE(TIMELINES * (long)sizeof(long), after - before);
	EXPECT_GE(TIMELINES * 64L, after - before);
	close(buf);
}

/* Rule: nothing, and what becomes nothing when it is rounded up to pages, is refused. */
TEST(heap_sizes_that_wrap)
{
	static const __u64 sizes[] = { 0, -1ULL, -4095ULL };
	int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	struct dma_heap_allocation_data arg;
	size_t i;

	if (heap < 0)
		SKIP(return, "the system heap is not there");
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		arg = (struct dma_heap_allocation_data) {
			.len = sizes[i],
			.fd_flags = O_RDWR | O_CLOEXEC,
		};
		EXPECT_EQ(-EINVAL, xioctl(heap, DMA_HEAP_IOCTL_ALLOC, &arg));
	}
	close(heap);
}

TEST_HARNESS_MAIN
