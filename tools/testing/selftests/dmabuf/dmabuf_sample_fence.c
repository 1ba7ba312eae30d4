// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_sample_fence - tests of fences in the sample drivers: which fences the display
 * waits for before it shows a picture, which ones the camera waits for before it writes
 * one, and that the camera can be stopped while it waits.
 */
#include <linux/dma-buf.h>
#include <poll.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "demo.h"
#include "exporters.h"
#include "fence.h"
#include "harness.h"

#define SHORT_MS	150
#define LONG_MS		5000

/*
 * A display that shows the first of two buffers, its own or of the heap, and a timeline
 * of sw_sync at 0.
 */
FIXTURE(screen) {
	struct row row;
	struct sink sink;
	int timeline;
};

FIXTURE_VARIANT(screen) {
	bool imports;
};

FIXTURE_VARIANT_ADD(screen, own_buffers) {
	.imports = false,
};

FIXTURE_VARIANT_ADD(screen, imported_buffers) {
	.imports = true,
};

FIXTURE_SETUP(screen)
{
	const struct options opt = { .width = 128, .height = 128 };
	int i, buf, ret;

	self->timeline = timeline_open();
	ASSERT_LE(0, self->timeline);
	ASSERT_EQ(0, sink_open(&self->sink, DISPLAY_DRIVER, &opt, &self->row));
	for (i = 0; i < 2; i++) {
		if (variant->imports) {
			buf = exporter_heap.export(65536, O_RDWR | O_CLOEXEC);
			ASSERT_LE(0, buf);
			ret = sink_import(&self->sink, i, buf, &self->row);
			close(buf);
		} else {
			ret = sink_export(&self->sink, i, &self->row);
		}
		ASSERT_EQ(0, ret);
	}
	ASSERT_EQ(0, sink_start(&self->sink, 0, &self->row));
}

FIXTURE_TEARDOWN(screen)
{
	close(self->timeline);
	sink_close(&self->sink);
}

/* Rule: a flip waits for the write fences in the buffer. */
TEST_F(screen, implicit_write_fence)
{
	__u32 sequence;

	ASSERT_EQ(0, buf_busy(self->sink.fds[1], self->timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, display_flip(&self->sink.dpy, &self->sink.bufs[1], -1, NULL));
	EXPECT_EQ(-ETIMEDOUT, display_flipped(&self->sink.dpy, &sequence, SHORT_MS));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	EXPECT_EQ(0, display_flipped(&self->sink.dpy, &sequence, LONG_MS));
}

/* Rule: a flip does not wait for read fences in the buffer. */
TEST_F(screen, implicit_read_fence)
{
	__u32 sequence;

	ASSERT_EQ(0, buf_busy(self->sink.fds[1], self->timeline, 1, DMA_BUF_SYNC_READ));
	ASSERT_EQ(0, display_flip(&self->sink.dpy, &self->sink.bufs[1], -1, NULL));
	EXPECT_EQ(0, display_flipped(&self->sink.dpy, &sequence, LONG_MS));
}

/* Rule: a flip waits for its in-fence. */
TEST_F(screen, in_fence)
{
	int fence = timeline_fence(self->timeline, 1);
	__u32 sequence;

	ASSERT_LE(0, fence);
	ASSERT_EQ(0, display_flip(&self->sink.dpy, &self->sink.bufs[1], fence, NULL));
	close(fence);
	EXPECT_EQ(-ETIMEDOUT, display_flipped(&self->sink.dpy, &sequence, SHORT_MS));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	EXPECT_EQ(0, display_flipped(&self->sink.dpy, &sequence, LONG_MS));
}

/* Rule: a flip with an in-fence does not wait for the write fences in the buffer. */
TEST_F(screen, in_fence_instead_of_implicit)
{
	int done = timeline_fence(self->timeline, 1);
	__u32 sequence;

	ASSERT_LE(0, done);
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	ASSERT_EQ(0, buf_busy(self->sink.fds[1], self->timeline, 5, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, display_flip(&self->sink.dpy, &self->sink.bufs[1], done, NULL));
	EXPECT_EQ(0, display_flipped(&self->sink.dpy, &sequence, LONG_MS));
	close(done);
}

/* Rule: the out-fence is signalled when the picture is on the screen, and not before. */
TEST_F(screen, out_fence)
{
	int in = timeline_fence(self->timeline, 1), out = -1;
	__u32 sequence;

	ASSERT_LE(0, in);
	ASSERT_EQ(0, display_flip(&self->sink.dpy, &self->sink.bufs[1], in, &out));
	ASSERT_LE(0, out);
	EXPECT_EQ(0, fence_status(out));
	EXPECT_EQ(0, poll_events(out, POLLIN, SHORT_MS));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	EXPECT_EQ(POLLIN, poll_events(out, POLLIN, LONG_MS));
	EXPECT_EQ(1, fence_status(out));
	EXPECT_EQ(0, display_flipped(&self->sink.dpy, &sequence, LONG_MS));
	close(in);
	close(out);
}

/* Rule: an in-fence that is no sync_file is refused. */
TEST_F(screen, bad_in_fence)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int out = -1;

	EXPECT_EQ(-EINVAL, display_flip(&self->sink.dpy, &self->sink.bufs[1], null, NULL));
	EXPECT_EQ(-EINVAL, display_flip(&self->sink.dpy, &self->sink.bufs[1],
					self->sink.fds[0], &out));
	EXPECT_EQ(-1, out);
	close(null);
}

/* Rule: a flip while another one is pending is EBUSY; the pending one is not affected. */
TEST_F(screen, flip_while_pending)
{
	__u32 sequence;

	ASSERT_EQ(0, buf_busy(self->sink.fds[1], self->timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, display_flip(&self->sink.dpy, &self->sink.bufs[1], -1, NULL));
	EXPECT_EQ(-EBUSY, display_flip(&self->sink.dpy, &self->sink.bufs[0], -1, NULL));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	EXPECT_EQ(0, display_flipped(&self->sink.dpy, &sequence, LONG_MS));
	EXPECT_EQ(0, display_flip(&self->sink.dpy, &self->sink.bufs[0], -1, NULL));
	EXPECT_EQ(0, display_flipped(&self->sink.dpy, &sequence, LONG_MS));
}

/* Rule: a fence that was imported into a syncobj is exported unchanged. */
TEST_F(screen, syncobj_carries_a_fence)
{
	struct drm_syncobj_create obj = { 0 };
	struct drm_syncobj_handle fd = { .flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE };
	int card = self->sink.dpy.fd;

	ASSERT_EQ(0, xioctl(card, DRM_IOCTL_SYNCOBJ_CREATE, &obj));
	fd.handle = obj.handle;
	fd.fd = timeline_fence(self->timeline, 1);
	ASSERT_LE(0, fd.fd);
	ASSERT_EQ(0, xioctl(card, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &fd));
	close(fd.fd);
	fd.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE;
	fd.fd = -1;
	ASSERT_EQ(0, xioctl(card, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &fd));
	ASSERT_EQ(0, buf_fence_add(self->sink.fds[1], fd.fd, DMA_BUF_SYNC_WRITE));
	EXPECT_EQ(1, buf_waits(self->sink.fds[1], DMA_BUF_SYNC_READ));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	EXPECT_EQ(1, fence_status(fd.fd));
	EXPECT_EQ(0, buf_waits(self->sink.fds[1], DMA_BUF_SYNC_READ));
	close(fd.fd);
}

/* Rule: so is the fence of a point of a timeline syncobj, which is a fence chain. */
TEST_F(screen, timeline_syncobj_carries_a_fence)
{
	struct drm_syncobj_create binary = { 0 }, chain = { 0 };
	struct drm_syncobj_handle fd = { .flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE };
	struct drm_syncobj_transfer transfer = { .dst_point = 3 };
	int card = self->sink.dpy.fd;

	ASSERT_EQ(0, xioctl(card, DRM_IOCTL_SYNCOBJ_CREATE, &binary));
	ASSERT_EQ(0, xioctl(card, DRM_IOCTL_SYNCOBJ_CREATE, &chain));
	fd.handle = binary.handle;
	fd.fd = timeline_fence(self->timeline, 1);
	ASSERT_LE(0, fd.fd);
	ASSERT_EQ(0, xioctl(card, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &fd));
	close(fd.fd);
	transfer.src_handle = binary.handle;
	transfer.dst_handle = chain.handle;
	ASSERT_EQ(0, xioctl(card, DRM_IOCTL_SYNCOBJ_TRANSFER, &transfer));

	/* This exports the newest link of the chain, which importing into the buffer unwraps. */
	fd.handle = chain.handle;
	fd.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE;
	ASSERT_EQ(0, xioctl(card, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &fd));
	ASSERT_EQ(0, buf_fence_add(self->sink.fds[1], fd.fd, DMA_BUF_SYNC_WRITE));
	EXPECT_EQ(1, buf_waits(self->sink.fds[1], DMA_BUF_SYNC_READ));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	EXPECT_EQ(0, buf_waits(self->sink.fds[1], DMA_BUF_SYNC_READ));
	close(fd.fd);
}

FIXTURE(camera) {
	struct camera cam;
	int bufs[2];
	int timeline;
};

FIXTURE_VARIANT(camera) {
	bool imports;
};

FIXTURE_VARIANT_ADD(camera, own_buffers) {
	.imports = false,
};

FIXTURE_VARIANT_ADD(camera, imported_buffers) {
	.imports = true,
};

FIXTURE_SETUP(camera)
{
	int i;

	self->timeline = timeline_open();
	ASSERT_LE(0, self->timeline);
	ASSERT_EQ(0, camera_open(&self->cam, CAMERA_DRIVER));
	ASSERT_EQ(0, camera_format(&self->cam, 128, 128, V4L2_PIX_FMT_XBGR32));
	ASSERT_EQ(0, camera_rate(&self->cam, 60));
	ASSERT_EQ(0, camera_buffers(&self->cam,
				    variant->imports ? V4L2_MEMORY_DMABUF : V4L2_MEMORY_MMAP, 2));
	for (i = 0; i < 2; i++) {
		self->bufs[i] = variant->imports ?
				exporter_heap.export(65536, O_RDWR | O_CLOEXEC) :
				camera_export(&self->cam, i, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, self->bufs[i]);
	}
}

FIXTURE_TEARDOWN(camera)
{
	close(self->timeline);
	camera_close(&self->cam);
	close(self->bufs[0]);
	close(self->bufs[1]);
}

/* Rule: the camera waits for read fences before it writes. */
TEST_F(camera, waits_for_readers)
{
	unsigned char *map = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED,
				  self->bufs[0], 0);
	__u32 index, sequence;

	ASSERT_NE(MAP_FAILED, map);
	map[0] = 0x99;
	ASSERT_EQ(0, buf_busy(self->bufs[0], self->timeline, 1, DMA_BUF_SYNC_READ));
	ASSERT_EQ(0, camera_queue(&self->cam, 0, self->bufs[0]));
	ASSERT_EQ(0, camera_start(&self->cam));
	EXPECT_EQ(-ETIMEDOUT, camera_dequeue(&self->cam, &index, &sequence, SHORT_MS));
	EXPECT_EQ(0x99, map[0]);
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	EXPECT_EQ(0, camera_dequeue(&self->cam, &index, &sequence, LONG_MS));
	EXPECT_NE(0x99, map[0]);
	munmap(map, 65536);
}

/* Rule: the camera waits for write fences before it writes. */
TEST_F(camera, waits_for_writers)
{
	__u32 index, sequence;

	ASSERT_EQ(0, buf_busy(self->bufs[0], self->timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, camera_queue(&self->cam, 0, self->bufs[0]));
	ASSERT_EQ(0, camera_start(&self->cam));
	EXPECT_EQ(-ETIMEDOUT, camera_dequeue(&self->cam, &index, &sequence, SHORT_MS));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	EXPECT_EQ(0, camera_dequeue(&self->cam, &index, &sequence, LONG_MS));
}

/* Rule: neither STREAMOFF nor close() waits for a fence that is never signalled. */
TEST_F(camera, stops_in_spite_of_a_fence)
{
	long long began;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, buf_busy(self->bufs[i], self->timeline, 1 + i, DMA_BUF_SYNC_READ));
		ASSERT_EQ(0, camera_queue(&self->cam, i, self->bufs[i]));
	}
	ASSERT_EQ(0, camera_start(&self->cam));
	sleep_ms(SHORT_MS);
	began = now_ms();
	EXPECT_EQ(0, camera_stop(&self->cam));
	EXPECT_GT(LONG_MS, now_ms() - began);

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, camera_queue(&self->cam, i, self->bufs[i]));
	ASSERT_EQ(0, camera_start(&self->cam));
	sleep_ms(SHORT_MS);
	began = now_ms();
	camera_close(&self->cam);
	EXPECT_GT(LONG_MS, now_ms() - began);
}

TEST_HARNESS_MAIN
