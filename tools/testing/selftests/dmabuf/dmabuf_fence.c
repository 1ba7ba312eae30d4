// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_fence - sync_files: FILE_INFO, poll, MERGE, SET_DEADLINE, and fences that are
 * passed to another process by a socket or by a buffer.
 */
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "exporters.h"
#include "fence.h"
#include "harness.h"
#include "util.h"

/* How long a test waits for an event that must not come. */
#define SHORT_MS	60
#define LONG_MS		5000
/* Descriptors in one epoll set. */
#define MANY		2000
/* Timelines in one merged fence. */
#define TIMELINES	500
/*
 * Rounds of a test for leaks. It expects that no slab cache grows by half as many objects:
 * SLUB counts all objects of the slab that a CPU allocates from, so a count is exact but for
 * some hundreds.
 */
#define LEAK_ROUNDS	4000

FIXTURE(fence) {
	int timeline;
	int fd;
};

/* A sync_file of the fence at point 1 of a timeline. */
FIXTURE_SETUP(fence)
{
	self->timeline = timeline_open();
	ASSERT_LE(0, self->timeline);
	self->fd = timeline_fence(self->timeline, 1);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(fence)
{
	close(self->fd);
	close(self->timeline);
}

/* Rule: poll() reports POLLIN once the fence is signalled, and no other event. */
TEST_F(fence, poll_reports_signal)
{
	EXPECT_EQ(0, poll_events(self->fd, POLLIN | POLLOUT, 0));
	EXPECT_EQ(0, poll_events(self->fd, POLLIN, SHORT_MS));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	EXPECT_EQ(POLLIN, poll_events(self->fd, POLLIN | POLLOUT, 0));
	EXPECT_EQ(POLLIN, poll_events(self->fd, POLLIN, LONG_MS));
}

/* Rule: a signal wakes every thread that sleeps in poll(). */
TEST_F(fence, poll_wakes_all)
{
	struct blocking_call calls[8];
	int i;

	for (i = 0; i < 8; i++) {
		calls[i] = (struct blocking_call) {
			.call = call_poll, .fd = self->fd, .arg = POLLIN,
		};
		ASSERT_EQ(0, blocking_call_start(&calls[i]));
	}
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	for (i = 0; i < 8; i++)
		EXPECT_EQ(POLLIN, blocking_call_join(&calls[i]));
}

/* Rule: poll() reports POLLIN for a failed fence too; its status is the error. */
TEST_F(fence, failed_fence)
{
	ASSERT_EQ(0, close(self->timeline));
	self->timeline = -1;
	EXPECT_EQ(POLLIN, poll_events(self->fd, POLLIN, 0));
	EXPECT_EQ(-ENOENT, fence_status(self->fd));
}

/* Rule: FILE_INFO returns driver, timeline, status and timestamp of the fence. */
TEST_F(fence, info_of_single_fence)
{
	struct sync_fence_info one = { .status = 77 };
	struct sync_file_info info = {
		.num_fences = 1, .sync_fence_info = (uintptr_t)&one,
	};
	long long begin = now_ms();

	ASSERT_EQ(0, xioctl(self->fd, SYNC_IOC_FILE_INFO, &info));
	EXPECT_EQ(1, info.num_fences);
	EXPECT_EQ(0, info.status);
	EXPECT_EQ(0, strncmp(info.name, "sw_sync-", 8));
	EXPECT_EQ(0, one.status);
	EXPECT_EQ(0, one.timestamp_ns);
	EXPECT_STREQ("sw_sync", one.driver_name);
	EXPECT_LT(0, strlen(one.obj_name));

	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	ASSERT_EQ(0, xioctl(self->fd, SYNC_IOC_FILE_INFO, &info));
	EXPECT_EQ(1, info.status);
	EXPECT_EQ(1, one.status);
	EXPECT_LE(begin, (long long)(one.timestamp_ns / 1000000 + 1));
	EXPECT_GE(now_ms(), (long long)(one.timestamp_ns / 1000000));
}

/* Rule: FILE_INFO with num_fences 0 returns the number of fences. */
TEST_F(fence, info_returns_count)
{
	int second = timeline_fence(self->timeline, 2), other = timeline_open();
	int fence = timeline_fence(other, 1), merged;

	EXPECT_EQ(1, fence_count(self->fd));
	merged = fence_merge(self->fd, second);
	EXPECT_EQ(1, fence_count(merged));
	close(merged);
	merged = fence_merge(self->fd, fence);
	EXPECT_EQ(2, fence_count(merged));
	close(merged);
	close(second);
	close(fence);
	close(other);
}

/* Rule: FILE_INFO refuses flags and padding that are not 0, and an array too small. */
TEST_F(fence, info_refuses_bad_arguments)
{
	int other = timeline_open(), fence = timeline_fence(other, 1);
	int merged = fence_merge(self->fd, fence);
	struct sync_file_info info = { .flags = 1 };

	ASSERT_EQ(2, fence_count(merged));
	EXPECT_EQ(-EINVAL, xioctl(merged, SYNC_IOC_FILE_INFO, &info));
	info = (struct sync_file_info) { .pad = 1 };
	EXPECT_EQ(-EINVAL, xioctl(merged, SYNC_IOC_FILE_INFO, &info));
	info = (struct sync_file_info) { .num_fences = 1 };
	EXPECT_EQ(-EINVAL, xioctl(merged, SYNC_IOC_FILE_INFO, &info));
	info = (struct sync_file_info) { .num_fences = 2 };
	EXPECT_EQ(-EFAULT, xioctl(merged, SYNC_IOC_FILE_INFO, &info));
	EXPECT_EQ(-EFAULT, xioctl(merged, SYNC_IOC_FILE_INFO, NULL));
	close(merged);
	close(fence);
	close(other);
}

/* Rule: ioctls with another number or size are ENOTTY. */
TEST_F(fence, unknown_commands)
{
	char arg[256] = { 0 };
	unsigned int nr;

	for (nr = 0; nr < 16; nr++)
		EXPECT_EQ(-ENOTTY, xioctl(self->fd, _IO('>', nr), arg));
	EXPECT_EQ(-ENOTTY, xioctl(self->fd, SYNC_IOC_MERGE + (1 << _IOC_SIZESHIFT), arg));
	EXPECT_EQ(-ENOTTY, xioctl(self->fd, SYNC_IOC_FILE_INFO - (1 << _IOC_SIZESHIFT), arg));
	EXPECT_EQ(-ENOTTY, xioctl(self->fd, DMA_BUF_IOCTL_SYNC, arg));
}

/* Rule: a merged fence signals after both fences, which it does not change. */
TEST_F(fence, merge_waits_for_both)
{
	int other = timeline_open(), fence = timeline_fence(other, 1);
	int merged = fence_merge(self->fd, fence);

	ASSERT_LE(0, merged);
	EXPECT_EQ(FD_CLOEXEC, fcntl(merged, F_GETFD));
	EXPECT_EQ(0, poll_events(merged, POLLIN, 0));
	ASSERT_EQ(0, timeline_step(other, 1));
	EXPECT_EQ(1, fence_status(fence));
	EXPECT_EQ(0, fence_status(self->fd));
	EXPECT_EQ(0, poll_events(merged, POLLIN, SHORT_MS));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	EXPECT_EQ(POLLIN, poll_events(merged, POLLIN, LONG_MS));
	close(merged);
	close(fence);
	close(other);
}

/* Rule: merging signalled fences gives a signalled one. */
TEST_F(fence, merge_of_signalled_fences)
{
	int merged;

	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	merged = fence_merge(self->fd, self->fd);
	ASSERT_LE(0, merged);
	EXPECT_EQ(1, fence_status(merged));
	EXPECT_EQ(POLLIN, poll_events(merged, POLLIN, 0));
	close(merged);
}

/* Rule: MERGE keeps the name, cut to 31 characters and NUL-terminated. */
TEST_F(fence, merge_sets_name)
{
	struct sync_merge_data data = { .fd2 = self->fd };
	struct sync_file_info info = { .flags = 0 };

	memset(data.name, 'n', sizeof(data.name));
	ASSERT_EQ(0, xioctl(self->fd, SYNC_IOC_MERGE, &data));
	ASSERT_EQ(0, xioctl(data.fence, SYNC_IOC_FILE_INFO, &info));
	EXPECT_EQ(sizeof(info.name) - 1, strnlen(info.name, sizeof(info.name)));
	EXPECT_EQ('n', info.name[sizeof(info.name) - 2]);
	close(data.fence);
}

/* Rule: MERGE refuses bad arguments and other files, and leaks no descriptor. */
TEST_F(fence, merge_refuses_bad_arguments)
{
	struct sync_merge_data data = { .fd2 = self->fd, .flags = 1 };
	int pipes[2], before = fds_open();

	EXPECT_EQ(-EINVAL, xioctl(self->fd, SYNC_IOC_MERGE, &data));
	data = (struct sync_merge_data) { .fd2 = self->fd, .pad = 1 };
	EXPECT_EQ(-EINVAL, xioctl(self->fd, SYNC_IOC_MERGE, &data));
	EXPECT_EQ(-ENOENT, fence_merge(self->fd, -1));
	EXPECT_EQ(-ENOENT, fence_merge(self->fd, 1000000));
	EXPECT_EQ(-ENOENT, fence_merge(self->fd, self->timeline));
	ASSERT_EQ(0, pipe(pipes));
	EXPECT_EQ(-ENOENT, fence_merge(self->fd, pipes[0]));
	close(pipes[0]);
	EXPECT_EQ(-ENOENT, fence_merge(self->fd, pipes[0]));
	close(pipes[1]);
	EXPECT_EQ(-EFAULT, xioctl(self->fd, SYNC_IOC_MERGE, NULL));
	EXPECT_EQ(before, fds_open());
}

/* Rule: a MERGE whose result cannot be copied out leaves no descriptor. */
TEST_F(fence, merge_result_cannot_be_copied)
{
	struct sync_merge_data *data = mmap(NULL, sizeof(*data), PROT_READ | PROT_WRITE,
					    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int before = fds_open();

	ASSERT_NE(MAP_FAILED, data);
	data->fd2 = self->fd;
	ASSERT_EQ(0, mprotect(data, sizeof(*data), PROT_READ));
	EXPECT_EQ(-EFAULT, xioctl(self->fd, SYNC_IOC_MERGE, data));
	EXPECT_EQ(before, fds_open());
	munmap(data, sizeof(*data));
}

/* Rule: making a sync_file without a free descriptor is EMFILE. */
TEST_F(fence, merge_without_free_descriptor)
{
	ASSERT_EQ(0, fds_exhaust(0));
	EXPECT_EQ(-EMFILE, fence_merge(self->fd, self->fd));
	EXPECT_EQ(-EMFILE, timeline_fence(self->timeline, 2));
	ASSERT_EQ(0, fds_unlimit());
}

/* Rule: a merged fence has one fence per timeline, the newest. */
TEST_F(fence, merge_of_many_timelines)
{
	int timelines[TIMELINES], merged = dup(self->fd), fence, next, i, round;

	ASSERT_EQ(0, fds_unlimit());
	for (i = 0; i < TIMELINES; i++) {
		timelines[i] = timeline_open();
		ASSERT_LE(0, timelines[i]);
	}
	for (round = 1; round <= 2; round++) {
		for (i = 0; i < TIMELINES; i++) {
			fence = timeline_fence(timelines[i], round);
			next = fence_merge(merged, fence);
			ASSERT_LE(0, next);
			close(fence);
			close(merged);
			merged = next;
		}
		EXPECT_EQ(TIMELINES + 1, fence_count(merged));
	}
	for (i = 0; i < TIMELINES; i++) {
		ASSERT_EQ(0, timeline_step(timelines[i], 2));
		close(timelines[i]);
	}
	EXPECT_EQ(0, poll_events(merged, POLLIN, 0));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	EXPECT_EQ(POLLIN, poll_events(merged, POLLIN, LONG_MS));
	EXPECT_EQ(1, fence_status(merged));
	close(merged);
}

/* Rule: the earliest deadline wins, and one of a merged fence is set for each member. */
TEST_F(fence, deadline)
{
	int second = timeline_open(), fence = timeline_fence(second, 1);
	int merged = fence_merge(self->fd, fence);
	struct sync_set_deadline bad = { .deadline_ns = 1, .pad = 1 };
	__u64 deadline;

	EXPECT_EQ(-ENOENT, timeline_get_deadline(self->timeline, self->fd, &deadline));
	EXPECT_EQ(-EINVAL, xioctl(self->fd, SYNC_IOC_SET_DEADLINE, &bad));
	EXPECT_EQ(-EFAULT, xioctl(self->fd, SYNC_IOC_SET_DEADLINE, NULL));
	EXPECT_EQ(-ENOENT, timeline_get_deadline(self->timeline, self->fd, &deadline));

	ASSERT_EQ(0, fence_set_deadline(self->fd, 5000));
	ASSERT_EQ(0, fence_set_deadline(self->fd, 7000));
	ASSERT_EQ(0, timeline_get_deadline(self->timeline, self->fd, &deadline));
	EXPECT_EQ(5000, deadline);
	ASSERT_EQ(0, fence_set_deadline(merged, 3000));
	ASSERT_EQ(0, timeline_get_deadline(self->timeline, self->fd, &deadline));
	EXPECT_EQ(3000, deadline);
	ASSERT_EQ(0, timeline_get_deadline(second, fence, &deadline));
	EXPECT_EQ(3000, deadline);

	/* A merged fence is not a point of the timeline. */
	EXPECT_EQ(-EINVAL, timeline_get_deadline(self->timeline, merged, &deadline));
	EXPECT_EQ(-EINVAL, timeline_get_deadline(self->timeline, self->timeline, &deadline));
	EXPECT_EQ(-EINVAL, timeline_get_deadline(self->timeline, -1, &deadline));
	close(merged);
	close(fence);
	close(second);
}

/*
 * Rule: reading the deadline of a merged fence is refused and leaks no reference. A leak
 * keeps one array per round in its slab cache.
 */
TEST_F(fence, refused_deadline_leaks_nothing)
{
	int second = timeline_open(), fence = timeline_fence(second, 1);
	struct slab_count *slabs = NULL;
	int round, merged;
	char name[48] = "";
	__u64 deadline;
	long growth;

	if (slab_frees_delayed())
		SKIP(return, "the kernel delays frees; kmemleak reports leaks");
	for (round = -LEAK_ROUNDS / 10; round < LEAK_ROUNDS; round++) {
		if (!round)
			slabs = slab_objects();
		merged = fence_merge(self->fd, fence);
		ASSERT_LE(0, merged);
		ASSERT_EQ(-EINVAL, timeline_get_deadline(self->timeline, merged, &deadline));
		close(merged);
	}
	ASSERT_NE(NULL, slabs);
	growth = slab_growth(slabs, LEAK_ROUNDS / 2, name, sizeof(name));
	EXPECT_LE(0, growth);
	EXPECT_GT(LEAK_ROUNDS / 2, growth) TH_LOG("%s grew by %ld objects", name, growth);
	free(slabs);
	close(fence);
	close(second);
}

/* Rule: epoll reports exactly the signalled ones of thousands of sync_files. */
TEST_F(fence, epoll_of_thousands)
{
	static const __u32 kinds[] = { EPOLLIN, EPOLLIN | EPOLLET };
	struct epoll_event event, *events = calloc(MANY, sizeof(*events));
	int *fds = calloc(MANY, sizeof(*fds)), set, i, ready;
	size_t kind;

	ASSERT_EQ(0, fds_unlimit());
	for (kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		set = epoll_create1(EPOLL_CLOEXEC);
		for (i = 0; i < MANY; i++) {
			fds[i] = timeline_fence(self->timeline, (kind + 1) * MANY + i);
			ASSERT_LE(0, fds[i]);
			event = (struct epoll_event) { .events = kinds[kind], .data.u32 = i };
			ASSERT_EQ(0, epoll_ctl(set, EPOLL_CTL_ADD, fds[i], &event));
		}
		EXPECT_EQ(0, epoll_wait(set, events, MANY, 0));
		ASSERT_EQ(0, timeline_step(self->timeline, MANY + (kind ? 0 : MANY / 2 - 1)));
		ready = epoll_wait(set, events, MANY, LONG_MS);
		EXPECT_EQ(MANY / 2, ready);
		for (i = 0; i < ready; i++)
			EXPECT_GT(MANY / 2, events[i].data.u32);
		EXPECT_EQ(kind ? 0 : MANY / 2, epoll_wait(set, events, MANY, 0));
		for (i = 0; i < MANY; i++)
			close(fds[i]);
		close(set);
	}
	free(events);
	free(fds);
}

/* Rule: a signal wakes another process that got the sync_file by a socket. */
TEST_F(fence, another_process_waits)
{
	int sockets[2], fence, status;
	pid_t pid;
	char byte;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(self->fd);
		close(self->timeline);
		if (fd_receive(sockets[1], &fence, &byte, 1) < 0)
			_exit(1);
		if (poll_events(fence, POLLIN, 0) || fd_send(sockets[1], -1, "x", 1) < 0)
			_exit(2);
		_exit(poll_events(fence, POLLIN, -1) == POLLIN ? 0 : 3);
	}
	ASSERT_LE(0, fd_send(sockets[0], self->fd, "x", 1));
	ASSERT_LE(0, fd_receive(sockets[0], &fence, &byte, 1));
	ASSERT_EQ(0, task_asleep(pid));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close(sockets[0]);
	close(sockets[1]);
}

/* Rule: a fence imported by one process is exported and waited for by another. */
TEST_F(fence, fence_passes_through_buffer)
{
	int buf = exporter_heap.export(65536, O_RDWR | O_CLOEXEC);
	int sockets[2], fence, status, none;
	pid_t pid;
	char byte;

	if (buf == -ENODEV)
		SKIP(return, "the system heap is missing");
	ASSERT_LE(0, buf);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(buf);
		close(self->fd);
		close(self->timeline);
		if (fd_receive(sockets[1], &buf, &byte, 1) < 0)
			_exit(1);
		fence = buf_fence_get(buf, DMA_BUF_SYNC_READ);
		if (fence < 0 || fence_status(fence) || poll_events(buf, POLLIN, 0))
			_exit(2);
		if (fd_send(sockets[1], -1, "x", 1) < 0)
			_exit(3);
		if (poll_events(fence, POLLIN, -1) != POLLIN)
			_exit(4);
		_exit(poll_events(buf, POLLIN, -1) == POLLIN ? 0 : 5);
	}
	ASSERT_EQ(0, buf_fence_add(buf, self->fd, DMA_BUF_SYNC_WRITE));
	ASSERT_LE(0, fd_send(sockets[0], buf, "x", 1));
	ASSERT_LE(0, fd_receive(sockets[0], &none, &byte, 1));
	ASSERT_EQ(0, task_asleep(pid));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close(sockets[0]);
	close(sockets[1]);
	close(buf);
}

TEST_HARNESS_MAIN
