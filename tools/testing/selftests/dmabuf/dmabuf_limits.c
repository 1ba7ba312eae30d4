// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_limits - resource limits: no free descriptor, a closed receiver, a thousand
 * buffers, killed processes, sizes that overflow. Each test expects an errno, and as many
 * buffers afterwards as before.
 */
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "bufinfo.h"
#include "cgroup.h"
#include "fence.h"
#include "fixture.h"
#include "memfds.h"

/* Rule (CVE-2024-56712): an export without a free descriptor is EMFILE and leaks nothing. */
TEST_F(buffer, export_without_descriptors)
{
	struct bufinfo_total before;
	int i, free_fds, buf;

	ASSERT_EQ(0, bufinfo_total(&before));
	/*
	 * Every exporter needs a descriptor of its device and one of the buffer: without
	 * a free one the device cannot be opened, with one the export fails.
	 */
	for (free_fds = 0; free_fds < 3; free_fds++) {
		for (i = 0; i < 100; i++) {
			ASSERT_EQ(0, fds_exhaust(free_fds));
			buf = buffer_export(variant);
			ASSERT_EQ(0, fds_unlimit());
			if (free_fds == 2 && buf >= 0)
				close(buf);
			else
				ASSERT_EQ(-EMFILE, buf);
		}
	}
	EXPECT_EQ(0, bufinfo_wait_objects(before.objects));
}

/* Rule: a message to or in a closed socket drops its reference to the buffer. */
TEST_F(buffer, message_to_closed_socket)
{
	struct bufinfo_total before;
	int ends[2], i, buf;

	ASSERT_EQ(0, bufinfo_total(&before));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
		close(ends[1]);
		EXPECT_EQ(-EPIPE, fd_send(ends[0], self->buf, "x", 1));
		close(ends[0]);

		/* The message in the queue holds the only reference. */
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
		buf = buffer_export(variant);
		ASSERT_LE(0, buf);
		EXPECT_EQ(0, fd_send(ends[0], buf, "x", 1));
		close(buf);
		close(ends[0]);
		close(ends[1]);
	}
	EXPECT_EQ(0, bufinfo_wait_objects(before.objects));
}

/* Rule: a receiver without a free descriptor gets the bytes, and the buffer is released. */
TEST_F(buffer, receiver_without_descriptors)
{
	struct bufinfo_total before;
	int ends[2], got = -1, buf;
	char byte = 0;

	ASSERT_EQ(0, bufinfo_total(&before));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	buf = buffer_export(variant);
	ASSERT_LE(0, buf);
	ASSERT_EQ(0, fd_send(ends[0], buf, "x", 1));
	close(buf);
	/* fds_exhaust() also counts the number that close() has just freed. */
	ASSERT_EQ(0, fds_exhaust(0));
	EXPECT_EQ(0, fd_receive(ends[1], &got, &byte, 1));
	EXPECT_EQ(-1, got);
	EXPECT_EQ('x', byte);
	ASSERT_EQ(0, fds_unlimit());
	EXPECT_EQ(0, bufinfo_wait_objects(before.objects));
	close(ends[0]);
	close(ends[1]);
}

/* Rule: a buffer in the queue of a socket that is only in its own queue is released. */
TEST_F(buffer, socket_cycle_is_collected)
{
	struct bufinfo_total before;
	int ends[2], other[2], buf;

	ASSERT_EQ(0, bufinfo_total(&before));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	buf = buffer_export(variant);
	ASSERT_LE(0, buf);
	ASSERT_EQ(0, fd_send(ends[0], buf, "b", 1));
	ASSERT_EQ(0, fd_send(ends[0], ends[0], "s", 1));
	ASSERT_EQ(0, fd_send(ends[0], ends[1], "s", 1));
	close(buf);
	close(ends[0]);
	close(ends[1]);
	/* Releasing a socket starts the kernel's search for such cycles. */
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, other));
	close(other[0]);
	close(other[1]);
	EXPECT_EQ(0, bufinfo_wait_objects(before.objects));
}

/* Rule: a thousand buffers can exist at once, are distinct, and are all released. */
TEST_F(buffer, thousand_buffers)
{
	struct bufinfo_total before, now;
	int bufs[1000];
	size_t i;

	ASSERT_EQ(0, fds_unlimit());
	ASSERT_EQ(0, bufinfo_total(&before));
	for (i = 0; i < ARRAY_SIZE(bufs); i++) {
		bufs[i] = buffer_export(variant);
		ASSERT_LE(0, bufs[i]);
		if (i)
			ASSERT_NE(fd_ino(bufs[i - 1]), fd_ino(bufs[i]));
	}
	ASSERT_EQ(0, bufinfo_total(&now));
	EXPECT_EQ(before.objects + ARRAY_SIZE(bufs), now.objects);
	EXPECT_EQ(before.bytes + ARRAY_SIZE(bufs) * self->size, now.bytes);
	for (i = 0; i < ARRAY_SIZE(bufs); i++)
		close(bufs[i]);
	EXPECT_EQ(0, bufinfo_wait_objects(before.objects));
}

/* Rule: 900 duplicates of a descriptor count 900 references, which close() drops. */
TEST_F(buffer, many_descriptors_of_one_buffer)
{
	char value[64];
	int i, fds[900];

	ASSERT_EQ(0, fds_unlimit());
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

/* A deadline that no other fence has. */
#define KILLED_DEADLINE	4711

/* Use a buffer in a process that is going to be killed; does not return. */
static void block_until_killed(const struct exporter *exporter, int timeline, int ready, bool waits)
{
	int buf = exporter->export(BUF_SIZE, O_RDWR | O_CLOEXEC);
	int fence = timeline_fence(timeline, 1);
	int own = timeline_open();

	if (buf < 0 || own < 0 || fence_set_deadline(fence, KILLED_DEADLINE) ||
	    buf_fence_add(buf, fence, DMA_BUF_SYNC_WRITE) ||
	    buf_busy(buf, own, 1, DMA_BUF_SYNC_READ) || poll_events(buf, POLLIN, 0) ||
	    mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_POPULATE, buf, 0) == MAP_FAILED ||
	    write(ready, "x", 1) != 1)
		_exit(1);
	if (waits)
		buf_sync(buf, DMA_BUF_SYNC_READ);
	else
		pause();
	_exit(2);
}

/* Wait for a killed process; -ETIMEDOUT if it does not die. */
static int wait_killed(pid_t pid, int *status)
{
	int tries;

	for (tries = 0; tries < 1000; tries++) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return 0;
		sleep_ms(20);
	}
	return -ETIMEDOUT;
}

/*
 * Wait until the fence of the killed processes is freed; -EBUSY after 10 s. A sync_file
 * of the same point shares that fence, and so its deadline, as long as it exists.
 */
static int wait_fence_freed(int timeline)
{
	int tries, fence, ret;
	__u64 deadline;

	for (tries = 0; tries < 500; tries++) {
		fence = timeline_fence(timeline, 1);
		ret = timeline_get_deadline(timeline, fence, &deadline);
		close(fence);
		if (ret)
			return ret == -ENOENT ? 0 : ret;
		sleep_ms(20);
	}
	return -EBUSY;
}

/*
 * Rule: a process that is killed leaves no buffer, mapping or fence behind, whether or
 * not it sleeps in SYNC. The fence that it waits for is on a timeline of this process and
 * stays pending.
 */
TEST_F(buffer, killed_process_leaves_nothing)
{
	struct bufinfo_total before;
	int i, status, timeline, ready[2];
	char byte;
	pid_t pid;

	timeline = timeline_open();
	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, bufinfo_total(&before));
	for (i = 0; i < 16; i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			block_until_killed(variant->exporter, timeline, ready[1], i & 1);
		ASSERT_EQ(1, read(ready[0], &byte, 1));
		ASSERT_EQ(0, task_asleep(pid));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(0, wait_killed(pid, &status));
		EXPECT_TRUE(WIFSIGNALED(status));
		EXPECT_EQ(SIGKILL, WTERMSIG(status));
	}
	EXPECT_EQ(0, bufinfo_wait_objects(before.objects));
	EXPECT_EQ(0, wait_fence_freed(timeline));
	close(ready[0]);
	close(ready[1]);
	close(timeline);
}

/* Return the errno of an allocation by a user to whom fs.file-max applies. */
static int heap_errno_unprivileged(int heap)
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

/* Rule: an export at the system's limit of open files is ENFILE and leaks nothing. */
TEST(export_at_file_limit)
{
	const char *path = "/proc/sys/fs/file-max";
	int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC), full;
	struct bufinfo_total before;
	char *limit;

	if (heap < 0)
		SKIP(return, "the system heap is missing");
	ASSERT_EQ(0, bufinfo_total(&before));
	EXPECT_EQ(0, heap_errno_unprivileged(heap));
	limit = file_text(path);
	ASSERT_NE(NULL, limit);
	/* 0, because the kernel compares an approximate count first. */
	ASSERT_EQ(0, file_put(path, "0"));
	full = heap_errno_unprivileged(heap);
	EXPECT_EQ(0, file_put(path, limit));
	EXPECT_EQ(ENFILE, full);
	EXPECT_EQ(0, heap_errno_unprivileged(heap));
	EXPECT_EQ(0, bufinfo_wait_objects(before.objects));
	free(limit);
	close(heap);
}

#define TIMELINES	3000

/*
 * Open @count timelines with a fence each; none of them is closed. The table of descriptors
 * gets its final size first: a table that grows step by step leaves old ones, which are
 * freed and uncharged after an RCU grace period, perhaps while the test measures.
 */
static int fences_make(int *fences, int count)
{
	const struct rlimit files = { 2 * count + 100, 2 * count + 100 };
	int i, timeline, last;

	if (setrlimit(RLIMIT_NOFILE, &files))
		return -errno;
	last = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 2 * count + 99);
	if (last < 0)
		return -errno;
	close(last);
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
	if (cgroup_make(self->path))
		SKIP(return, "no cgroup with the memory controller");
	ASSERT_EQ(0, cgroup_enter(self->path));
}

FIXTURE_TEARDOWN(group)
{
	cgroup_enter(CGROUP);
	cgroup_remove(self->path);
}

/*
 * Rule: importing fences of many timelines charges the memory of the reservation object's
 * fence list, and little else, to the memory cgroup of the importing task.
 */
TEST_F(group, import_is_charged)
{
	int buf = exporter_heap.export(BUF_SIZE, O_RDWR | O_CLOEXEC);
	static int fences[TIMELINES];
	long long before, after;
	int i;

	if (buf == -ENODEV)
		SKIP(return, "the system heap is missing");
	ASSERT_LE(0, buf);
	ASSERT_EQ(0, fences_make(fences, TIMELINES));
	ASSERT_EQ(0, buf_fence_add(buf, fences[0], DMA_BUF_SYNC_WRITE));
	before = cgroup_kernel_bytes(self->path);
	ASSERT_LE(0, before);
	for (i = 0; i < TIMELINES; i++)
		ASSERT_EQ(0, buf_fence_add(buf, fences[i], DMA_BUF_SYNC_WRITE));
	after = cgroup_kernel_bytes(self->path);
	EXPECT_LE(TIMELINES * (long long)sizeof(long), after - before);
	EXPECT_GE(TIMELINES * 64LL, after - before);
	close(buf);
}

/*
 * Rule: the pages that a udmabuf allocates for a memfd that has none are charged to the
 * memory cgroup of its creator, until both the memfd and the buffer are closed.
 */
TEST_F(group, pinned_pages_are_charged)
{
	const long long size = 32LL << 20;
	/* What may differ: the kernel charges in batches per CPU, and frees slabs late. */
	const long long rest = 4LL << 20;
	int memfd = memfd_make(size, F_SEAL_SHRINK, 0);
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	long long before;
	int buf;

	if (dev < 0)
		SKIP(return, "udmabuf is missing");
	ASSERT_LE(0, memfd);
	before = cgroup_number(self->path, "memory.current", "");
	ASSERT_LE(0, before);
	buf = udmabuf_make(dev, memfd, 0, size);
	ASSERT_LE(0, buf);
	EXPECT_LT(before + size - rest, cgroup_number(self->path, "memory.current", ""));
	EXPECT_GT(before + size + rest, cgroup_number(self->path, "memory.current", ""));
	close(memfd);
	EXPECT_LT(before + size - rest, cgroup_number(self->path, "memory.current", ""));
	close(buf);
	EXPECT_GT(before + rest, cgroup_charged(self->path, before + rest));
	close(dev);
}

/* Rule: a heap refuses size 0 and sizes that overflow to 0 when rounded up to pages. */
TEST(heap_refuses_overflowing_sizes)
{
	static const __u64 sizes[] = { 0, -1ULL, -4095ULL };
	int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	struct dma_heap_allocation_data arg;
	size_t i;

	if (heap < 0)
		SKIP(return, "the system heap is missing");
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
