// SPDX-License-Identifier: GPL-2.0-only
/*
 * chains - the chains of calls in which dmabuf_failnth injects faults: those of the sample
 * devices, of fences and of files.
 *
 * A prepare function makes what the chain needs, so that the faults hit the calls of its
 * run function only.
 */
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "bufinfo.h"
#include "chains.h"
#include "fence.h"

static int prepare_camera(struct state *st)
{
	int ret = camera_open(&st->cam, CAMERA_DRIVER);

	return ret ? ret : camera_format(&st->cam, 64, 64, V4L2_PIX_FMT_XBGR32);
}

static int run_camera_alloc(struct state *st)
{
	int ret = camera_buffers(&st->cam, V4L2_MEMORY_MMAP, 2);

	if (!ret)
		ret = camera_export(&st->cam, 1, O_RDWR | O_CLOEXEC);
	return ret < 0 ? ret : 0;
}

static int prepare_camera_import(struct state *st)
{
	int ret = prepare_camera(st);

	if (!ret)
		ret = camera_buffers(&st->cam, V4L2_MEMORY_DMABUF, 1);
	return ret ? ret : prepare_display_buffer(st);
}

static int run_camera_import(struct state *st)
{
	int ret = camera_queue(&st->cam, 0, st->buf);

	return ret ? ret : camera_start(&st->cam);
}

static int prepare_display(struct state *st)
{
	return display_open(&st->sink.dpy, DISPLAY_DRIVER);
}

static int prepare_vgem(struct state *st)
{
	return display_open(&st->sink.dpy, "vgem");
}

static int run_dumb_export(struct state *st)
{
	int ret = display_alloc(&st->sink.dpy, 128, 128, &st->sink.bufs[0]);

	if (!ret)
		ret = display_export(&st->sink.dpy, &st->sink.bufs[0], O_RDWR | O_CLOEXEC);
	return ret < 0 ? ret : 0;
}

static int prepare_display_import(struct state *st)
{
	int ret = prepare_display(st);

	return ret ? ret : prepare_heap_buffer(st);
}

static int prepare_vgem_import(struct state *st)
{
	int ret = prepare_vgem(st);

	return ret ? ret : prepare_heap_buffer(st);
}

static int run_prime_import(struct state *st)
{
	struct drm_prime_handle arg = { .fd = st->buf };

	return xioctl(st->sink.dpy.fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &arg);
}

/* A display that has flipped once, so that run_flip() makes the flip and nothing else. */
static int prepare_flip(struct state *st)
{
	const struct options opt = { .width = 64, .height = 64 };
	struct row row = { .name = "test" };
	__u32 sequence;

	if (sink_open(&st->sink, DISPLAY_DRIVER, &opt, &row) ||
	    sink_export(&st->sink, 0, &row) || sink_export(&st->sink, 1, &row) ||
	    sink_start(&st->sink, 0, &row) ||
	    display_flip(&st->sink.dpy, &st->sink.bufs[1], -1, &st->out))
		return -EIO;
	close(st->out);
	st->out = -1;
	return display_flipped(&st->sink.dpy, &sequence, 5000);
}

/* The same with an imported buffer, which the flip maps. */
static int prepare_flip_to(struct state *st, int (*prepare_buffer)(struct state *st))
{
	struct row row = { .name = "test" };
	int ret = prepare_flip(st);

	if (!ret)
		ret = prepare_buffer(st);
	return ret ? ret : sink_import(&st->sink, 2, st->buf, &row);
}

static int prepare_flip_to_import(struct state *st)
{
	return prepare_flip_to(st, prepare_camera_buffer);
}

static int prepare_flip_to_heap(struct state *st)
{
	return prepare_flip_to(st, prepare_heap_buffer);
}

static int prepare_flip_to_udmabuf(struct state *st)
{
	return prepare_flip_to(st, prepare_udmabuf_buffer);
}

static int run_flip(struct state *st)
{
	return display_flip(&st->sink.dpy, &st->sink.bufs[0], -1, &st->out);
}

static int run_flip_to_import(struct state *st)
{
	return display_flip(&st->sink.dpy, &st->sink.bufs[2], -1, &st->out);
}

static void cleanup_flip(struct state *st)
{
	__u32 sequence;

	if (st->out >= 0)
		display_flipped(&st->sink.dpy, &sequence, 5000);
	sink_close(&st->sink);
}

/* The import maps a table, whose caches SYNC then synchronises. */
static int prepare_mapped_buffer(struct state *st)
{
	int ret = prepare_display_import(st);

	return ret ? ret : run_prime_import(st);
}

static int prepare_mapped_udmabuf(struct state *st)
{
	int ret = prepare_display(st);

	if (!ret)
		ret = prepare_udmabuf_buffer(st);
	return ret ? ret : run_prime_import(st);
}

static int run_sync(struct state *st)
{
	int ret = buf_sync(st->buf, DMA_BUF_SYNC_RW | DMA_BUF_SYNC_START);

	return ret ? ret : buf_sync(st->buf, DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END);
}

static int run_set_name(struct state *st)
{
	return buf_set_name(st->buf, "one");
}

static int prepare_busy_buffer(struct state *st)
{
	int one, two;

	st->timeline = timeline_open();
	st->other = timeline_open();
	if (st->timeline < 0 || prepare_heap_buffer(st))
		return -ENODEV;
	/* Fences of two timelines, so that an export allocates an array. */
	one = buf_busy(st->buf, st->timeline, 1, DMA_BUF_SYNC_WRITE);
	two = buf_busy(st->buf, st->other, 1, DMA_BUF_SYNC_READ);
	return one ? one : two;
}

static int run_fence_get(struct state *st)
{
	int ret = buf_fence_get(st->buf, DMA_BUF_SYNC_RW);

	return ret < 0 ? ret : 0;
}

static int prepare_fence_add(struct state *st)
{
	int ret = prepare_busy_buffer(st);

	if (ret)
		return ret;
	st->out = buf_fence_get(st->buf, DMA_BUF_SYNC_RW);
	close(st->buf);
	return st->out < 0 ? st->out : prepare_heap_buffer(st);
}

static int run_fence_add(struct state *st)
{
	return buf_fence_add(st->buf, st->out, DMA_BUF_SYNC_WRITE);
}

/* Two sync_files with fences of two timelines. */
static int prepare_fences(struct state *st)
{
	st->timeline = timeline_open();
	st->dev = timeline_open();
	if (st->timeline < 0 || st->dev < 0)
		return -ENODEV;
	st->buf = timeline_fence(st->timeline, 1);
	st->other = timeline_fence(st->dev, 1);
	return st->buf < 0 ? st->buf : st->other < 0 ? st->other : 0;
}

static int run_fence_merge(struct state *st)
{
	int ret = fence_merge(st->buf, st->other);

	return ret < 0 ? ret : 0;
}

static int run_fence_info(struct state *st)
{
	struct sync_fence_info one;
	struct sync_file_info info = {
		.num_fences = 1, .sync_fence_info = (uintptr_t)&one,
	};

	return xioctl(st->buf, SYNC_IOC_FILE_INFO, &info);
}

static int run_fence_poll(struct state *st)
{
	int ret = poll_events(st->buf, POLLIN, 0);

	return ret < 0 ? ret : 0;
}

static int run_fence_deadline(struct state *st)
{
	__u64 deadline;
	int ret = fence_set_deadline(st->buf, 1);

	return ret ? ret : timeline_get_deadline(st->timeline, st->buf, &deadline);
}

static int run_timeline_open(struct state *st)
{
	int ret = timeline_open();

	(void)st;
	return ret < 0 ? ret : 0;
}

static int run_timeline_point(struct state *st)
{
	int ret = timeline_fence(st->timeline, 2);

	return ret < 0 ? ret : timeline_step(st->timeline, 1);
}

static int run_poll(struct state *st)
{
	int ret = poll_events(st->buf, POLLIN | POLLOUT, 0);

	return ret < 0 ? ret : 0;
}

static int run_epoll(struct state *st)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT };

	st->dev = epoll_create1(EPOLL_CLOEXEC);
	if (st->dev < 0 || epoll_ctl(st->dev, EPOLL_CTL_ADD, st->buf, &event))
		return -errno;
	return epoll_wait(st->dev, &event, 1, 0) < 0 ? -errno : 0;
}

static int prepare_bufinfo(struct state *st)
{
	st->dev = open(BUFINFO_PATH, O_RDONLY | O_CLOEXEC);
	return st->dev < 0 ? -ENODEV : prepare_busy_buffer(st);
}

static int run_read_file(struct state *st)
{
	char text[512];
	ssize_t got;

	do
		got = read(st->dev, text, sizeof(text));
	while (got > 0);
	return got < 0 ? -errno : 0;
}

static int prepare_fdinfo(struct state *st)
{
	char path[64];
	int ret = prepare_heap_buffer(st);

	if (ret)
		return ret;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", st->buf);
	st->dev = open(path, O_RDONLY | O_CLOEXEC);
	return st->dev < 0 ? -errno : 0;
}

static int prepare_socket(struct state *st)
{
	int ends[2];
	int ret = prepare_heap_buffer(st);

	if (ret || socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends))
		return ret ? ret : -errno;
	st->dev = ends[0];
	st->other = ends[1];
	return 0;
}

static int run_socket(struct state *st)
{
	int ret = fd_send(st->dev, st->buf, "x", 1);
	char byte;

	return ret ? ret : fd_receive(st->other, &st->out, &byte, 1);
}

/* Videobuf2 returns -EINVAL if an export fails for any reason. */
const struct chain chain_camera_alloc = {
	.prepare = prepare_camera,
	.run = run_camera_alloc,
	.other_errno = -EINVAL,
};

const struct chain chain_camera_import = {
	.prepare = prepare_camera_import,
	.run = run_camera_import,
};

const struct chain chain_display_alloc = {
	.prepare = prepare_display,
	.run = run_dumb_export,
};

const struct chain chain_display_import = {
	.prepare = prepare_display_import,
	.run = run_prime_import,
};

const struct chain chain_display_flip = {
	.prepare = prepare_flip,
	.run = run_flip,
	.cleanup = cleanup_flip,
};

const struct chain chain_display_flip_to_import = {
	.prepare = prepare_flip_to_import,
	.run = run_flip_to_import,
	.cleanup = cleanup_flip,
};

const struct chain chain_display_flip_to_heap = {
	.prepare = prepare_flip_to_heap,
	.run = run_flip_to_import,
	.cleanup = cleanup_flip,
};

const struct chain chain_display_flip_to_udmabuf = {
	.prepare = prepare_flip_to_udmabuf,
	.run = run_flip_to_import,
	.cleanup = cleanup_flip,
};

/* Shmem returns -ENOSPC if it cannot allocate an inode. */
const struct chain chain_vgem_alloc = {
	.prepare = prepare_vgem,
	.run = run_dumb_export,
	.other_errno = -ENOSPC,
};

const struct chain chain_vgem_import = {
	.prepare = prepare_vgem_import,
	.run = run_prime_import,
};

const struct chain chain_sync = {
	.prepare = prepare_mapped_buffer,
	.run = run_sync,
	.no_new_fd = true,
};

const struct chain chain_sync_udmabuf_mapped = {
	.prepare = prepare_mapped_udmabuf,
	.run = run_sync,
	.no_new_fd = true,
};

const struct chain chain_set_name = {
	.prepare = prepare_heap_buffer,
	.run = run_set_name,
	.no_new_fd = true,
};

const struct chain chain_fence_get = {
	.prepare = prepare_busy_buffer,
	.run = run_fence_get,
	.no_new_fd = true,
};

const struct chain chain_fence_add = {
	.prepare = prepare_fence_add,
	.run = run_fence_add,
	.no_new_fd = true,
};

const struct chain chain_fence_merge = {
	.prepare = prepare_fences,
	.run = run_fence_merge,
	.no_new_fd = true,
};

const struct chain chain_fence_info = {
	.prepare = prepare_fences,
	.run = run_fence_info,
	.no_new_fd = true,
};

const struct chain chain_fence_poll = {
	.prepare = prepare_fences,
	.run = run_fence_poll,
	.no_new_fd = true,
};

const struct chain chain_fence_deadline = {
	.prepare = prepare_fences,
	.run = run_fence_deadline,
	.no_new_fd = true,
};

const struct chain chain_timeline_open = {
	.prepare = prepare_fences,
	.run = run_timeline_open,
	.no_new_fd = true,
};

const struct chain chain_timeline_point = {
	.prepare = prepare_fences,
	.run = run_timeline_point,
};

const struct chain chain_poll = {
	.prepare = prepare_busy_buffer,
	.run = run_poll,
	.no_new_fd = true,
};

const struct chain chain_epoll = {
	.prepare = prepare_busy_buffer,
	.run = run_epoll,
};

const struct chain chain_bufinfo = {
	.prepare = prepare_bufinfo,
	.run = run_read_file,
	.no_new_fd = true,
};

const struct chain chain_fdinfo = {
	.prepare = prepare_fdinfo,
	.run = run_read_file,
	.no_new_fd = true,
};

/* Sockets return -ENOBUFS if they cannot allocate a message. */
const struct chain chain_socket = {
	.prepare = prepare_socket,
	.run = run_socket,
	.other_errno = -ENOBUFS,
};
