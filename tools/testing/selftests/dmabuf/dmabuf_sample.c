// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_sample - tests of the sample camera and the sample display as exporters and
 * importers: pictures of several sizes in every direction, the lifetime of buffers, and
 * the arguments that both drivers refuse.
 */
#include <linux/dma-buf.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "bufinfo.h"
#include "demo.h"
#include "exporters.h"
#include "fence.h"
#include "harness.h"

FIXTURE(direction) {
	struct row row;
};

FIXTURE_VARIANT(direction) {
	void (*flow)(const struct options *opt, struct row *row);
};

FIXTURE_VARIANT_ADD(direction, camera_exports) {
	.flow = flow_camera_exports,
};

FIXTURE_VARIANT_ADD(direction, display_exports) {
	.flow = flow_display_exports,
};

FIXTURE_VARIANT_ADD(direction, heap_exports) {
	.flow = flow_heap_exports,
};

FIXTURE_VARIANT_ADD(direction, two_processes) {
	.flow = flow_two_processes,
};

FIXTURE_SETUP(direction)
{
	self->row.name = "test";
}

FIXTURE_TEARDOWN(direction)
{
}

/* Rule: a picture of the smallest size arrives unchanged, and has the right number. */
TEST_F(direction, smallest)
{
	const struct options opt = { .frames = 8, .width = 64, .height = 64 };

	variant->flow(&opt, &self->row);
	EXPECT_STREQ("", self->row.why);
	EXPECT_EQ(opt.frames, self->row.frames);
}

/* Rule: so does a picture whose row size and size are no multiples of a page. */
TEST_F(direction, uneven)
{
	const struct options opt = { .frames = 8, .width = 182, .height = 97 };

	variant->flow(&opt, &self->row);
	EXPECT_STREQ("", self->row.why);
	EXPECT_EQ(opt.frames, self->row.frames);
}

/* Rule: so does a picture of the largest size. */
TEST_F(direction, largest)
{
	const struct options opt = { .frames = 3, .width = 1920, .height = 1080 };

	variant->flow(&opt, &self->row);
	EXPECT_STREQ("", self->row.why);
	EXPECT_EQ(opt.frames, self->row.frames);
}

/* Rule: a direction can be repeated, and leaves no buffer. */
TEST_F(direction, repeated)
{
	const struct options opt = { .frames = 2, .width = 64, .height = 64 };
	struct bufinfo_total before;
	int i;

	ASSERT_EQ(0, bufinfo_total(&before));
	for (i = 0; i < 5; i++) {
		self->row.frames = 0;
		variant->flow(&opt, &self->row);
		EXPECT_STREQ("", self->row.why);
	}
	EXPECT_EQ(0, bufinfo_wait_objects(before.objects));
}

FIXTURE(devices) {
	struct camera cam;
	struct display dpy;
};

FIXTURE_SETUP(devices)
{
	ASSERT_EQ(0, camera_open(&self->cam, CAMERA_DRIVER));
	ASSERT_EQ(0, camera_format(&self->cam, 128, 128, V4L2_PIX_FMT_XBGR32));
	ASSERT_EQ(0, display_open(&self->dpy, DISPLAY_DRIVER));
}

FIXTURE_TEARDOWN(devices)
{
	camera_close(&self->cam);
	display_close(&self->dpy);
}

/* Rule: repeated exports of a display's buffer return the same dma-buf. */
TEST_F(devices, display_exports_one_dmabuf)
{
	struct display_buffer buf;
	int one, other;

	ASSERT_EQ(0, display_alloc(&self->dpy, 128, 128, &buf));
	one = display_export(&self->dpy, &buf, O_RDWR | O_CLOEXEC);
	other = display_export(&self->dpy, &buf, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, one);
	ASSERT_LE(0, other);
	EXPECT_EQ(fd_ino(one), fd_ino(other));
	close(one);
	close(other);
}

/* Rule: importing a dma-buf again, or the display's own one, returns the same handle. */
TEST_F(devices, display_imports_once)
{
	struct display_buffer own, again, foreign, twice;
	int buf, heap;

	ASSERT_EQ(0, display_alloc(&self->dpy, 128, 128, &own));
	buf = display_export(&self->dpy, &own, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, buf);
	ASSERT_EQ(0, display_import(&self->dpy, buf, &again));
	EXPECT_EQ(own.handle, again.handle);
	close(buf);

	heap = exporter_heap.export(65536, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, heap);
	ASSERT_EQ(0, display_import(&self->dpy, heap, &foreign));
	ASSERT_EQ(0, display_import(&self->dpy, heap, &twice));
	EXPECT_EQ(foreign.handle, twice.handle);
	buf = display_export(&self->dpy, &foreign, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, buf);
	EXPECT_EQ(fd_ino(heap), fd_ino(buf));
	close(buf);
	close(heap);
}

/* Rule: each EXPBUF of a camera's buffer makes a dma-buf; they share memory and fences. */
TEST_F(devices, camera_exports_one_memory)
{
	unsigned char *a, *b;
	int one, other, timeline = timeline_open();

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_MMAP, 1));
	one = camera_export(&self->cam, 0, O_RDWR | O_CLOEXEC);
	other = camera_export(&self->cam, 0, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, one);
	ASSERT_LE(0, other);
	EXPECT_NE(fd_ino(one), fd_ino(other));
	a = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, one, 0);
	b = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
	ASSERT_NE(MAP_FAILED, a);
	ASSERT_NE(MAP_FAILED, b);
	a[100] = 0x66;
	EXPECT_EQ(0x66, b[100]);
	ASSERT_EQ(0, buf_busy(one, timeline, 1, DMA_BUF_SYNC_WRITE));
	EXPECT_EQ(1, buf_waits(other, DMA_BUF_SYNC_READ));
	munmap(a, 4096);
	munmap(b, 4096);
	close(one);
	close(other);
	close(timeline);
}

/* Rule: a dma-buf outlives the camera's queue and the camera's open file. */
TEST_F(devices, camera_buffer_outlives_the_queue)
{
	unsigned char *map;
	int buf;

	ASSERT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_MMAP, 1));
	buf = camera_export(&self->cam, 0, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, buf);
	ASSERT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_MMAP, 0));
	camera_close(&self->cam);
	map = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, buf, 0);
	ASSERT_NE(MAP_FAILED, map);
	map[65535] = 1;
	EXPECT_EQ(0, buf_sync(buf, DMA_BUF_SYNC_RW));
	EXPECT_EQ(0, buf_sync(buf, DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END));
	munmap(map, 65536);
	close(buf);
}

/* Rule: the display refuses to import other files, and unknown handles and flags. */
TEST_F(devices, display_refuses)
{
	struct drm_prime_handle prime = { .handle = 4711, .flags = O_CLOEXEC };
	struct display_buffer buf;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int mem = memfd_create("no dma-buf", MFD_CLOEXEC);

	EXPECT_EQ(-EINVAL, display_import(&self->dpy, null, &buf));
	EXPECT_EQ(-EINVAL, display_import(&self->dpy, mem, &buf));
	close(mem);
	EXPECT_EQ(-EBADF, display_import(&self->dpy, mem, &buf));
	EXPECT_EQ(-EBADF, display_import(&self->dpy, -1, &buf));
	EXPECT_EQ(-ENOENT, xioctl(self->dpy.fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime));
	ASSERT_EQ(0, display_alloc(&self->dpy, 128, 128, &buf));
	prime.handle = buf.handle;
	prime.flags = 1 << 20;
	EXPECT_EQ(-EINVAL, xioctl(self->dpy.fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime));
	close(null);
}

/* Rule: sizes that overflow or exceed the hardware are refused. */
TEST_F(devices, display_sizes)
{
	struct display_buffer buf;
	int small = exporter_heap.export(4096, O_RDWR | O_CLOEXEC);

	EXPECT_EQ(-EINVAL, display_alloc(&self->dpy, 0, 128, &buf));
	EXPECT_GT(0, display_alloc(&self->dpy, 0xffffffff, 0xffffffff, &buf));
	EXPECT_GT(0, display_alloc(&self->dpy, 1 << 16, 1 << 16, &buf));
	EXPECT_GT(0, display_alloc(&self->dpy, 1 << 30, 4, &buf));

	/* The imported buffer is too small for the picture. */
	ASSERT_LE(0, small);
	ASSERT_EQ(0, display_import(&self->dpy, small, &buf));
	buf.pitch = 512;
	EXPECT_EQ(-EINVAL, display_framebuffer(&self->dpy, &buf, 128, 128, DRM_FORMAT_XRGB8888));
	/* This one is large enough, but the picture is lower than the display allows. */
	EXPECT_NE(0, display_framebuffer(&self->dpy, &buf, 128, 8, DRM_FORMAT_XRGB8888));
	close(small);
}

/* Rule: the camera refuses other files, and dma-bufs that are too small for a picture. */
TEST_F(devices, camera_refuses_buffers)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int small = exporter_heap.export(4096, O_RDWR | O_CLOEXEC);
	int good = exporter_heap.export(65536, O_RDWR | O_CLOEXEC);
	struct bufinfo info;

	ASSERT_LE(0, small);
	ASSERT_LE(0, good);
	ASSERT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_DMABUF, 2));
	EXPECT_GT(0, camera_queue(&self->cam, 0, null));
	EXPECT_GT(0, camera_queue(&self->cam, 0, -1));
	EXPECT_EQ(-EINVAL, camera_queue(&self->cam, 0, small));
	EXPECT_EQ(-EINVAL, camera_queue(&self->cam, 2, good));
	EXPECT_EQ(0, camera_queue(&self->cam, 0, good));
	EXPECT_EQ(-EINVAL, camera_queue(&self->cam, 0, good));

	ASSERT_EQ(0, bufinfo_find(fd_ino(small), &info));
	EXPECT_EQ(0, info.devices);
	ASSERT_EQ(0, bufinfo_find(fd_ino(good), &info));
	EXPECT_EQ(1, info.devices);
	close(null);
	close(small);
	close(good);
}

/* Rule: the camera exports only buffers that it allocated, and refuses unknown flags. */
TEST_F(devices, camera_refuses_exports)
{
	EXPECT_EQ(-EINVAL, camera_export(&self->cam, 0, O_RDWR));
	ASSERT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_DMABUF, 1));
	EXPECT_EQ(-EINVAL, camera_export(&self->cam, 0, O_RDWR));
	ASSERT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_MMAP, 1));
	EXPECT_EQ(-EINVAL, camera_export(&self->cam, 1, O_RDWR));
	EXPECT_EQ(-EINVAL, camera_export(&self->cam, 0, O_RDWR | O_APPEND));
}

/* Rule: closing the camera while it streams to imported buffers detaches them all. */
TEST_F(devices, camera_closed_while_streaming)
{
	struct bufinfo info;
	int bufs[3], i;

	ASSERT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_DMABUF, 3));
	for (i = 0; i < 3; i++) {
		bufs[i] = exporter_heap.export(65536, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, bufs[i]);
		ASSERT_EQ(0, camera_queue(&self->cam, i, bufs[i]));
	}
	ASSERT_EQ(0, camera_start(&self->cam));
	camera_close(&self->cam);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, bufinfo_find(fd_ino(bufs[i]), &info));
		EXPECT_EQ(0, info.devices);
		EXPECT_EQ(1, info.count);
		close(bufs[i]);
	}
}

/* Rule: queueing another dma-buf under an index attaches it and detaches the old one. */
TEST_F(devices, camera_takes_another_buffer)
{
	int one = exporter_heap.export(65536, O_RDWR | O_CLOEXEC);
	int other = exporter_heap.export(65536, O_RDWR | O_CLOEXEC);
	__u32 index, sequence;
	struct bufinfo info;
	int i;

	ASSERT_LE(0, one);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_DMABUF, 1));
	ASSERT_EQ(0, camera_queue(&self->cam, 0, one));
	ASSERT_EQ(0, camera_start(&self->cam));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, camera_dequeue(&self->cam, &index, &sequence, 5000));
		ASSERT_EQ(0, camera_queue(&self->cam, 0, i & 1 ? one : other));
		ASSERT_EQ(0, bufinfo_find(fd_ino(i & 1 ? one : other), &info));
		EXPECT_EQ(1, info.devices);
		ASSERT_EQ(0, bufinfo_find(fd_ino(i & 1 ? other : one), &info));
		EXPECT_EQ(0, info.devices);
	}
	close(one);
	close(other);
}

/* Rule: the camera can write to the display's buffer after the display was closed. */
TEST_F(devices, exporter_closed_while_streaming)
{
	struct display_buffer buf;
	__u32 index, sequence;
	int fd, i;

	ASSERT_EQ(0, display_alloc(&self->dpy, 128, 128, &buf));
	fd = display_export(&self->dpy, &buf, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_DMABUF, 1));
	ASSERT_EQ(0, camera_queue(&self->cam, 0, fd));
	ASSERT_EQ(0, camera_start(&self->cam));
	display_close(&self->dpy);
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, camera_dequeue(&self->cam, &index, &sequence, 5000));
		ASSERT_EQ(0, camera_queue(&self->cam, 0, fd));
	}
	close(fd);
	/* The camera holds its own reference to the buffer. */
	EXPECT_EQ(0, camera_dequeue(&self->cam, &index, &sequence, 5000));
}

TEST_HARNESS_MAIN
