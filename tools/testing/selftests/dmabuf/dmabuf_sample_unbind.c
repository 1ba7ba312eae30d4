// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_sample_unbind - tests of sample devices that go away. A device is unbound from its
 * driver while its files, its dma-bufs and its imports are in use, and bound again.
 */
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bufinfo.h"
#include "camera.h"
#include "exporters.h"
#include "fence.h"
#include "pair.h"

/* Rule: a display can be unbound while it is on; its ioctls fail then, its import is detached. */
TEST_F(pair, lit_display_leaves)
{
	struct display_buffer more;
	struct bufinfo info;

	ASSERT_EQ(0, screen_on(&self->far, &self->seen));
	ASSERT_EQ(0, driver_write(DISPLAY_MODULE, "unbind", 1));
	EXPECT_EQ(-ENODEV, display_flip(&self->far, &self->seen, -1, NULL));
	EXPECT_EQ(-ENODEV, display_alloc(&self->far, SIDE, SIDE, &more));
	EXPECT_EQ(-ENODEV, display_import(&self->far, self->buf, &more));
	EXPECT_EQ(-ENODEV, display_export(&self->far, &self->seen, O_RDWR | O_CLOEXEC));
	EXPECT_EQ(-ENODEV, display_release(&self->far, &self->seen));
	EXPECT_EQ(-EAGAIN, module_unload(DISPLAY_MODULE));

	ASSERT_EQ(0, bufinfo_find(fd_ino(self->buf), &info));
	EXPECT_EQ(0, info.devices);
	EXPECT_EQ(1, moved_soon(self->move));
	display_close(&self->far);
	EXPECT_EQ(1, moved_soon(self->move));
}

/* Rule: another display can show an unbound display's exported buffer. */
TEST_F(pair, lit_exporter_leaves)
{
	struct display_buffer own, seen;
	int buf = export_picture(&self->far, &own, 9);

	ASSERT_LE(0, buf);
	ASSERT_EQ(0, screen_on(&self->far, &self->seen));
	ASSERT_EQ(0, driver_write(DISPLAY_MODULE, "unbind", 1));
	ASSERT_EQ(0, import_picture(&self->near, buf, own.pitch, &seen));
	ASSERT_EQ(0, screen_on(&self->near, &seen));
	EXPECT_EQ(1, shows(&self->near, &seen, 9));
	ASSERT_EQ(0, paint(buf, 10));
	EXPECT_EQ(1, shows(&self->near, &seen, 10));
	close(buf);
}

/* Rule: unbinding a display unmaps all its buffers before the driver is gone. */
TEST_F(pair, unbound_display_maps_nothing)
{
	if (!dma_debug())
		SKIP(return, "a kernel without DMA debugging");
	ASSERT_EQ(0, screen_on(&self->far, &self->seen));
	EXPECT_LT(0, segments_mapped(1));
	ASSERT_EQ(0, driver_write(DISPLAY_MODULE, "unbind", 1));
	EXPECT_EQ(0, segments_mapped(1));
}

/* Rule: a display can be bound again while files from before the unbind are open. */
TEST_F(pair, display_comes_back)
{
	struct display_buffer seen;
	struct display again;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, screen_on(&self->far, &self->seen));
		ASSERT_EQ(0, driver_write(DISPLAY_MODULE, "unbind", 1));
		EXPECT_EQ(-ENODEV, card_open(&again, 1));
		ASSERT_EQ(0, driver_write(DISPLAY_MODULE, "bind", 1));
		ASSERT_EQ(0, card_open(&again, 1));
		ASSERT_EQ(0, import_picture(&again, self->buf, self->own.pitch, &seen));
		ASSERT_EQ(0, screen_on(&again, &seen));
		EXPECT_EQ(1, shows(&again, &seen, 7));
		ASSERT_EQ(0, screen_off(&again));
		display_close(&self->far);
		self->far = again;
		self->seen = seen;
	}
}

/* Rule: an unbound display's buffer can still be mapped, and shown by another display. */
TEST_F(pair, buffer_outlives_its_display)
{
	unsigned char *map = buf_map(self->buf), *later;
	unsigned char *copy = malloc(self->own.size);
	struct display_buffer again;

	ASSERT_NE(NULL, map);
	ASSERT_NE(NULL, copy);
	memcpy(copy, map, self->own.size);
	ASSERT_EQ(0, screen_on(&self->far, &self->seen));
	ASSERT_EQ(0, driver_write(DISPLAY_MODULE, "unbind", 0));
	EXPECT_EQ(1, shows(&self->far, &self->seen, 7));
	display_close(&self->near);
	EXPECT_EQ(0, memcmp(copy, map, self->own.size));
	later = buf_map(self->buf);
	ASSERT_NE(NULL, later);
	EXPECT_EQ(0, memcmp(copy, later, self->own.size));

	ASSERT_EQ(0, paint(self->buf, 8));
	ASSERT_EQ(0, screen_off(&self->far));
	ASSERT_EQ(0, display_release(&self->far, &self->seen));
	ASSERT_EQ(0, import_picture(&self->far, self->buf, self->own.pitch, &again));
	ASSERT_EQ(0, screen_on(&self->far, &again));
	EXPECT_EQ(1, shows(&self->far, &again, 8));
	EXPECT_EQ(0, driver_write(DISPLAY_MODULE, "bind", 0));
	munmap(map, self->own.size);
	munmap(later, self->own.size);
	free(copy);
}

/* Return how many complaints DMA debugging has counted since boot. */
static unsigned long dma_errors(void)
{
	char *text = file_text("/sys/kernel/debug/dma-api/error_count");
	unsigned long count = text ? strtoul(text, NULL, 10) : 0;

	free(text);
	return count;
}

/* A display and the buffer of another driver that it has imported. */
FIXTURE(import) {
	struct display dpy;
	struct display_buffer seen;
	int buf;
};

FIXTURE_VARIANT(import) {
	const struct exporter *exporter;
};

FIXTURE_VARIANT_ADD(import, heap) {
	.exporter = &exporter_heap,
};

FIXTURE_VARIANT_ADD(import, camera) {
	.exporter = &exporter_camera,
};

FIXTURE_VARIANT_ADD(import, udmabuf) {
	.exporter = &exporter_udmabuf,
};

FIXTURE_SETUP(import)
{
	self->dpy.fd = -1;
	self->dpy.crc_fd = -1;
	self->buf = -1;
	if (!module_present(DISPLAY_MODULE))
		SKIP(return, "%s is not a module here", DISPLAY_MODULE);
	ASSERT_EQ(0, card_open(&self->dpy, 0));
	self->buf = variant->exporter->export(4 * SIDE * SIDE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->buf);
	ASSERT_EQ(0, paint(self->buf, 7));
	ASSERT_EQ(0, import_picture(&self->dpy, self->buf, 4 * SIDE, &self->seen));
}

/* The driver must be idle now. Load it again. */
FIXTURE_TEARDOWN(import)
{
	display_close(&self->dpy);
	if (self->buf >= 0)
		close(self->buf);
	EXPECT_EQ(0, module_unload_idle(DISPLAY_MODULE));
	EXPECT_EQ(0, module_load(DISPLAY_MODULE, ""));
}

/* An unbound display must keep of its import a reference to the dma-buf, and no more. */
static void check_detached(struct __test_metadata *_metadata, int buf, unsigned long errors)
{
	struct bufinfo info;

	ASSERT_EQ(0, bufinfo_find(fd_ino(buf), &info));
	EXPECT_EQ(0, info.devices);
	EXPECT_LT(1, info.count);
	EXPECT_EQ(errors, dma_errors());
	if (dma_debug())
		EXPECT_EQ(0, segments_mapped(0));
}

/*
 * Rule: an import on the screen is detached when its display is unbound. Nothing reads
 * the buffer meanwhile, because DMA debugging reports each read of a udmabuf of Linux
 * 6.12. The third flip waits until the first has been cleaned up, and so until the last
 * scan has ended.
 */
TEST_F(import, shown_is_detached)
{
	unsigned long errors;
	struct bufinfo info;
	__u32 frame;
	int i;

	ASSERT_EQ(0, screen_on(&self->dpy, &self->seen));
	EXPECT_EQ(1, shows(&self->dpy, &self->seen, 7));
	display_crc_stop(&self->dpy);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, display_flip(&self->dpy, &self->seen, -1, NULL));
		ASSERT_EQ(0, display_flipped(&self->dpy, &frame, FRAME_TIMEOUT_MS));
	}
	errors = dma_errors();
	ASSERT_EQ(0, driver_write(DISPLAY_MODULE, "unbind", 0));
	check_detached(_metadata, self->buf, errors);
	display_close(&self->dpy);
	ASSERT_EQ(0, bufinfo_find(fd_ino(self->buf), &info));
	EXPECT_EQ(1, info.count);
	EXPECT_EQ(0, paint(self->buf, 8));
}

/* Rule: so is an import that was never shown; its reference keeps the buffer allocated. */
TEST_F(import, idle_is_detached)
{
	unsigned long errors = dma_errors();
	unsigned long long ino = fd_ino(self->buf);
	struct bufinfo info;

	ASSERT_EQ(0, driver_write(DISPLAY_MODULE, "unbind", 0));
	check_detached(_metadata, self->buf, errors);
	close(self->buf);
	self->buf = -1;
	EXPECT_EQ(0, bufinfo_find(ino, &info));
	display_close(&self->dpy);
	EXPECT_EQ(-ENOENT, bufinfo_find(ino, &info));
}

FIXTURE(camera) {
	struct camera cam;
};

FIXTURE_SETUP(camera)
{
	self->cam.fd = -1;
	if (!module_present(CAMERA_MODULE))
		SKIP(return, "%s is not a module here", CAMERA_MODULE);
	ASSERT_EQ(0, camera_open(&self->cam, CAMERA_DRIVER));
	ASSERT_EQ(0, camera_format(&self->cam, SIDE, SIDE, V4L2_PIX_FMT_XBGR32));
	ASSERT_EQ(0, camera_rate(&self->cam, 60));
}

/* The driver must be idle now. Load it again. */
FIXTURE_TEARDOWN(camera)
{
	camera_close(&self->cam);
	EXPECT_EQ(0, module_unload_idle(CAMERA_MODULE));
	EXPECT_EQ(0, module_load(CAMERA_MODULE, ""));
}

/* Rule: a streaming camera can be unbound; its ioctls fail, and its node is gone. */
TEST_F(camera, streaming_camera_leaves)
{
	__u32 index, sequence;
	struct camera other;

	ASSERT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_MMAP, 2));
	ASSERT_EQ(0, camera_queue(&self->cam, 0, -1));
	ASSERT_EQ(0, camera_queue(&self->cam, 1, -1));
	ASSERT_EQ(0, camera_start(&self->cam));
	ASSERT_EQ(0, camera_dequeue(&self->cam, &index, &sequence, FRAME_TIMEOUT_MS));
	ASSERT_EQ(0, driver_write(CAMERA_MODULE, "unbind", 0));
	EXPECT_EQ(-ENODEV, camera_queue(&self->cam, index, -1));
	EXPECT_EQ(-ENODEV, camera_dequeue(&self->cam, &index, &sequence, FRAME_TIMEOUT_MS));
	EXPECT_EQ(-ENODEV, camera_export(&self->cam, 0, O_RDWR | O_CLOEXEC));
	EXPECT_EQ(-ENODEV, camera_stop(&self->cam));
	EXPECT_EQ(-ENODEV, camera_open(&other, CAMERA_DRIVER));
	EXPECT_EQ(-EAGAIN, module_unload(CAMERA_MODULE));
}

/* Rule: an exported frame keeps its contents after its camera was unbound and closed. */
TEST_F(camera, frame_outlives_its_camera)
{
	unsigned char *map, *later, *node, *copy = malloc(self->cam.size);
	__u32 index, sequence;
	int buf;

	ASSERT_NE(NULL, copy);
	ASSERT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_MMAP, 2));
	ASSERT_EQ(0, camera_queue(&self->cam, 0, -1));
	ASSERT_EQ(0, camera_start(&self->cam));
	ASSERT_EQ(0, camera_dequeue(&self->cam, &index, &sequence, FRAME_TIMEOUT_MS));
	ASSERT_EQ(0, camera_queue(&self->cam, 1, -1));
	buf = camera_export(&self->cam, 0, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, buf);
	map = buf_map(buf);
	node = camera_map(&self->cam, 0);
	ASSERT_NE(NULL, map);
	ASSERT_NE(NULL, node);
	memcpy(copy, map, self->cam.size);

	ASSERT_EQ(0, driver_write(CAMERA_MODULE, "unbind", 0));
	EXPECT_EQ(0, memcmp(copy, node, self->cam.size));
	munmap(node, self->cam.size);
	camera_close(&self->cam);
	EXPECT_EQ(0, buf_sync(buf, DMA_BUF_SYNC_READ));
	EXPECT_EQ(0, memcmp(copy, map, self->cam.size));
	EXPECT_EQ(0, buf_sync(buf, DMA_BUF_SYNC_READ | DMA_BUF_SYNC_END));
	later = buf_map(buf);
	ASSERT_NE(NULL, later);
	EXPECT_EQ(0, memcmp(copy, later, self->cam.size));
	EXPECT_EQ(-EAGAIN, module_unload(CAMERA_MODULE));
	munmap(map, self->cam.size);
	munmap(later, self->cam.size);
	close(buf);
	free(copy);
}

/*
 * Rule: unbinding a camera detaches it from imported buffers, even while it waits for a
 * fence that is never signalled.
 */
TEST_F(camera, waiting_camera_leaves)
{
	int heap = exporter_heap.export(4 * SIDE * SIDE, O_RDWR | O_CLOEXEC);
	int timeline = timeline_open();
	struct bufinfo info;

	ASSERT_LE(0, heap);
	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(heap, timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_DMABUF, 1));
	ASSERT_EQ(0, camera_queue(&self->cam, 0, heap));
	ASSERT_EQ(0, camera_start(&self->cam));
	ASSERT_EQ(0, bufinfo_find(fd_ino(heap), &info));
	EXPECT_EQ(1, info.devices);
	sleep_ms(100);
	ASSERT_EQ(0, driver_write(CAMERA_MODULE, "unbind", 0));
	ASSERT_EQ(0, bufinfo_find(fd_ino(heap), &info));
	EXPECT_EQ(0, info.devices);
	EXPECT_EQ(1, buf_waits(heap, DMA_BUF_SYNC_WRITE));
	close(timeline);
	close(heap);
}

/* Rule: a camera can be bound again while files from before the unbind are open. */
TEST_F(camera, camera_comes_back)
{
	__u32 index, sequence;
	struct camera again;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, driver_write(CAMERA_MODULE, "unbind", 0));
		ASSERT_EQ(0, driver_write(CAMERA_MODULE, "bind", 0));
		ASSERT_EQ(0, camera_open(&again, CAMERA_DRIVER));
		ASSERT_EQ(0, camera_format(&again, SIDE, SIDE, V4L2_PIX_FMT_XBGR32));
		ASSERT_EQ(0, camera_buffers(&again, V4L2_MEMORY_MMAP, 1));
		ASSERT_EQ(0, camera_queue(&again, 0, -1));
		ASSERT_EQ(0, camera_start(&again));
		EXPECT_EQ(0, camera_dequeue(&again, &index, &sequence, FRAME_TIMEOUT_MS));
		EXPECT_EQ(-ENODEV, camera_start(&self->cam));
		camera_close(&self->cam);
		self->cam = again;
	}
}

TEST_HARNESS_MAIN
