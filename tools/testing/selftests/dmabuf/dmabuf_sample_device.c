// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_sample_device - tests with several devices, and with devices that go away. A
 * display moves a buffer that another display has imported. A device is unbound from its
 * driver while its files, its dma-bufs and its imports are in use, and bound again.
 */
#include <linux/dma-buf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "bufinfo.h"
#include "demo.h"
#include "exporters.h"
#include "fence.h"
#include "harness.h"

#define SIDE		128
/* Limit for one frame; an emulated machine needs far less. */
#define PATIENCE_MS	10000
#define CARDS_MAX	16

#define NO_NOTIFY	"a kernel without DMABUF_MOVE_NOTIFY"

/* Unbind or bind a device, whose name is that of the driver and a number. */
static int driver_tell(const char *driver, const char *what, unsigned int device)
{
	char path[128], name[64];

	snprintf(path, sizeof(path), "/sys/bus/platform/drivers/%s/%s", driver, what);
	snprintf(name, sizeof(name), "%s.%u", driver, device);
	return file_put(path, name);
}

/* Open the card of the display with that number. */
static int card_open(struct display *dpy, unsigned int device)
{
	char path[128];
	unsigned int i;

	memset(dpy, 0, sizeof(*dpy));
	dpy->fd = -1;
	dpy->crc_fd = -1;
	for (i = 0; i < CARDS_MAX; i++) {
		snprintf(path, sizeof(path), "/sys/bus/platform/devices/%s.%u/drm/card%u",
			 DISPLAY_MODULE, device, i);
		if (access(path, F_OK))
			continue;
		snprintf(path, sizeof(path), "/dev/dri/card%u", i);
		dpy->fd = open(path, O_RDWR | O_CLOEXEC);
		return dpy->fd < 0 ? -errno : display_mode(dpy, SIDE, SIDE);
	}
	return -ENODEV;
}

static unsigned char *buf_map(int buf)
{
	void *map = mmap(NULL, lseek(buf, 0, SEEK_END), PROT_READ | PROT_WRITE, MAP_SHARED,
			 buf, 0);

	return map == MAP_FAILED ? NULL : map;
}

/* Draw the picture of that number to a buffer whose rows are not padded. */
static int paint(int buf, __u32 number)
{
	const struct pattern pattern = {
		.format = V4L2_PIX_FMT_XBGR32,
		.width = SIDE,
		.height = SIDE,
		.stride = 4 * SIDE,
		.kind = PATTERN_COLOUR_BARS,
	};
	unsigned char *map = buf_map(buf);
	__u32 y;
	int ret;

	if (!map)
		return -ENOMEM;
	ret = buf_sync(buf, DMA_BUF_SYNC_WRITE);
	for (y = 0; y < SIDE; y++)
		pattern_row(&pattern, number, y, map + y * pattern.stride);
	if (!ret)
		ret = buf_sync(buf, DMA_BUF_SYNC_WRITE | DMA_BUF_SYNC_END);
	munmap(map, lseek(buf, 0, SEEK_END));
	return ret;
}

/* Allocate a buffer of a display, export it and draw a picture; returns the dma-buf. */
static int make_picture(struct display *dpy, struct display_buffer *own, __u32 number)
{
	int buf, ret;

	ret = display_alloc(dpy, SIDE, SIDE, own);
	if (ret)
		return ret;
	buf = display_export(dpy, own, O_RDWR | O_CLOEXEC);
	if (buf < 0)
		return buf;
	ret = paint(buf, number);
	if (!ret)
		return buf;
	close(buf);
	return ret;
}

static int take_picture(struct display *dpy, int buf, __u32 pitch, struct display_buffer *seen)
{
	int ret = display_import(dpy, buf, seen);

	seen->pitch = pitch;
	return ret ? ret : display_framebuffer(dpy, seen, SIDE, SIDE, DRM_FORMAT_XRGB8888);
}

static int light(struct display *dpy, const struct display_buffer *seen)
{
	int ret = display_show(dpy, seen);

	return ret ? ret : display_crc_start(dpy);
}

static int dark(struct display *dpy)
{
	display_crc_stop(dpy);
	return display_dark(dpy);
}

/* Flip; returns 1 if the display then shows the picture of that number, and 0 if not. */
static int shows(struct display *dpy, const struct display_buffer *seen, __u32 number)
{
	__u32 frame, crc = 0;
	int ret;

	ret = display_flip(dpy, seen, -1, NULL);
	if (!ret)
		ret = display_flipped(dpy, &frame, PATIENCE_MS);
	if (!ret)
		ret = display_crc(dpy, frame, &crc, PATIENCE_MS);
	return ret ? ret : crc == picture_crc(SIDE, SIDE, number);
}

FIXTURE(pair) {
	struct display near;
	struct display far;
	struct display_buffer own;
	struct display_buffer seen;
	int buf;
	char move[64];
};

/* Two displays: @far has imported the buffer of @near, but does not show it yet. */
FIXTURE_SETUP(pair)
{
	struct stat st;

	self->near.fd = -1;
	self->near.crc_fd = -1;
	self->far = self->near;
	self->buf = -1;
	if (!module_present(DISPLAY_MODULE))
		SKIP(return, "%s is not a module here", DISPLAY_MODULE);
	ASSERT_EQ(0, module_unload_idle(DISPLAY_MODULE));
	ASSERT_EQ(0, module_load(DISPLAY_MODULE, "devices=2"));
	ASSERT_EQ(0, card_open(&self->near, 0));
	ASSERT_EQ(0, card_open(&self->far, 1));
	ASSERT_EQ(0, fstat(self->near.fd, &st));
	snprintf(self->move, sizeof(self->move), "/sys/kernel/debug/dri/%u/move",
		 minor(st.st_rdev));
	self->buf = make_picture(&self->near, &self->own, 7);
	ASSERT_LE(0, self->buf);
	ASSERT_EQ(0, take_picture(&self->far, self->buf, self->own.pitch, &self->seen));
}

/* The driver must be idle now. Load it again with one display. */
FIXTURE_TEARDOWN(pair)
{
	display_close(&self->near);
	display_close(&self->far);
	if (self->buf >= 0)
		close(self->buf);
	EXPECT_EQ(0, module_unload_idle(DISPLAY_MODULE));
	EXPECT_EQ(0, module_load(DISPLAY_MODULE, ""));
}

static unsigned long moves(const char *path)
{
	char *text = file_text(path);
	unsigned long count = text ? strtoul(text, NULL, 10) : 0;

	free(text);
	return count;
}

/* Let the display move all buffers that it can; returns their number. */
static int moved(const char *path)
{
	unsigned long before = moves(path);
	int ret = file_put(path, "1");

	return ret ? ret : (int)(moves(path) - before);
}

/* Try again for a while: the worker of the last flip may unpin the buffer a bit later. */
static int moved_soon(const char *path)
{
	int tries, count = 0;

	for (tries = 0; tries < 40 && !count; tries++) {
		if (tries)
			sleep_ms(50);
		count = moved(path);
	}
	return count;
}

/* Rule: a buffer with an unused import can be moved, and is shown correctly afterwards. */
TEST_F(pair, idle_import_follows)
{
	unsigned char *map = buf_map(self->buf);
	unsigned char *copy = malloc(self->own.size);

	ASSERT_NE(NULL, map);
	ASSERT_NE(NULL, copy);
	memcpy(copy, map, self->own.size);
	EXPECT_EQ(1, moved(self->move));
	EXPECT_EQ(1, moved(self->move));
	EXPECT_EQ(0, memcmp(copy, map, self->own.size));
	ASSERT_EQ(0, light(&self->far, &self->seen));
	EXPECT_EQ(1, shows(&self->far, &self->seen, 7));
	munmap(map, self->own.size);
	free(copy);
}

/* Rule: a buffer that is on the other display's screen is not moved. */
TEST_F(pair, shown_buffer_stays)
{
	ASSERT_EQ(0, light(&self->far, &self->seen));
	EXPECT_EQ(0, moved(self->move));
	EXPECT_EQ(1, shows(&self->far, &self->seen, 7));
	ASSERT_EQ(0, paint(self->buf, 8));
	EXPECT_EQ(0, moved(self->move));
	EXPECT_EQ(1, shows(&self->far, &self->seen, 8));
}

/* Rule: of two imports only the one that is not on the screen moves; a flip shows it. */
TEST_F(pair, next_picture_moves)
{
	struct display_buffer own, next;
	int buf = make_picture(&self->near, &own, 8);

	ASSERT_LE(0, buf);
	ASSERT_EQ(0, take_picture(&self->far, buf, own.pitch, &next));
	ASSERT_EQ(0, light(&self->far, &self->seen));
	EXPECT_EQ(1, moved(self->move));
	EXPECT_EQ(1, shows(&self->far, &next, 8));
	EXPECT_EQ(1, shows(&self->far, &self->seen, 7));
	close(buf);
}

/* Rule: a buffer can be moved after it was shown, and can be shown again. */
TEST_F(pair, unpinned_buffer_moves)
{
	int i, count;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, light(&self->far, &self->seen));
		EXPECT_EQ(1, shows(&self->far, &self->seen, 7 + i));
		ASSERT_EQ(0, dark(&self->far));
		count = moved_soon(self->move);
		if (!count)
			SKIP(return, NO_NOTIFY);
		EXPECT_EQ(1, count);
		ASSERT_EQ(0, light(&self->far, &self->seen));
		EXPECT_EQ(1, shows(&self->far, &self->seen, 7 + i));
		ASSERT_EQ(0, dark(&self->far));
		ASSERT_EQ(0, paint(self->buf, 8 + i));
	}
}

/* Rule: so can a buffer whose framebuffer was removed while it was on the screen. */
TEST_F(pair, unpinned_without_framebuffer)
{
	int count;

	ASSERT_EQ(0, light(&self->far, &self->seen));
	display_crc_stop(&self->far);
	ASSERT_EQ(0, xioctl(self->far.fd, DRM_IOCTL_MODE_RMFB, &self->seen.fb));
	count = moved_soon(self->move);
	if (!count)
		SKIP(return, NO_NOTIFY);
	EXPECT_EQ(1, count);
	ASSERT_EQ(0, paint(self->buf, 8));
	ASSERT_EQ(0, display_framebuffer(&self->far, &self->seen, SIDE, SIDE,
					 DRM_FORMAT_XRGB8888));
	ASSERT_EQ(0, light(&self->far, &self->seen));
	EXPECT_EQ(1, shows(&self->far, &self->seen, 8));
}

/* Rule: a buffer moves after the import's last handle was closed, and can be imported again. */
TEST_F(pair, released_import_moves)
{
	ASSERT_EQ(0, light(&self->far, &self->seen));
	ASSERT_EQ(0, dark(&self->far));
	ASSERT_EQ(0, display_release(&self->far, &self->seen));
	EXPECT_EQ(1, moved_soon(self->move));
	ASSERT_EQ(0, take_picture(&self->far, self->buf, self->own.pitch, &self->seen));
	ASSERT_EQ(0, light(&self->far, &self->seen));
	EXPECT_EQ(1, shows(&self->far, &self->seen, 7));
}

/* Return the number of segments that DMA debugging lists as mapped for a display. */
static int segments_mapped(unsigned int device)
{
	char *text = file_text("/sys/kernel/debug/dma-api/dump");
	char name[64], *at;
	int count = 0;

	if (!text)
		return -ENOENT;
	snprintf(name, sizeof(name), " %s.%u ", DISPLAY_MODULE, device);
	for (at = strstr(text, name); at; at = strstr(at + 1, name))
		count++;
	free(text);
	return count;
}

/* Rule: an importer unmaps the buffer when move_notify tells it of a move. */
TEST_F(pair, unpinned_addresses_go)
{
	int count;

	if (!dma_debug())
		SKIP(return, "a kernel without DMA debugging");
	EXPECT_EQ(0, segments_mapped(1));
	ASSERT_EQ(0, light(&self->far, &self->seen));
	ASSERT_EQ(0, dark(&self->far));
	EXPECT_LT(0, segments_mapped(1));
	count = moved_soon(self->move);
	if (!count)
		SKIP(return, NO_NOTIFY);
	EXPECT_EQ(1, count);
	EXPECT_EQ(0, segments_mapped(1));
}

/* Rule: a display can be unbound while it is on; its ioctls fail then, close() detaches. */
TEST_F(pair, lit_display_leaves)
{
	struct display_buffer more;
	struct bufinfo info;

	ASSERT_EQ(0, light(&self->far, &self->seen));
	ASSERT_EQ(0, driver_tell(DISPLAY_MODULE, "unbind", 1));
	EXPECT_EQ(-ENODEV, display_flip(&self->far, &self->seen, -1, NULL));
	EXPECT_EQ(-ENODEV, display_alloc(&self->far, SIDE, SIDE, &more));
	EXPECT_EQ(-ENODEV, display_import(&self->far, self->buf, &more));
	EXPECT_EQ(-ENODEV, display_export(&self->far, &self->seen, O_RDWR | O_CLOEXEC));
	EXPECT_EQ(-ENODEV, display_release(&self->far, &self->seen));
	EXPECT_EQ(-EAGAIN, module_unload(DISPLAY_MODULE));

	ASSERT_EQ(0, bufinfo_find(fd_ino(self->buf), &info));
	EXPECT_EQ(1, info.devices);
	display_close(&self->far);
	ASSERT_EQ(0, bufinfo_find(fd_ino(self->buf), &info));
	EXPECT_EQ(0, info.devices);
	EXPECT_EQ(1, moved_soon(self->move));
}

/* Rule: another display can show an unbound display's exported buffer. */
TEST_F(pair, lit_exporter_leaves)
{
	struct display_buffer own, seen;
	int buf = make_picture(&self->far, &own, 9);

	ASSERT_LE(0, buf);
	ASSERT_EQ(0, light(&self->far, &self->seen));
	ASSERT_EQ(0, driver_tell(DISPLAY_MODULE, "unbind", 1));
	ASSERT_EQ(0, take_picture(&self->near, buf, own.pitch, &seen));
	ASSERT_EQ(0, light(&self->near, &seen));
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
	ASSERT_EQ(0, light(&self->far, &self->seen));
	EXPECT_LT(0, segments_mapped(1));
	ASSERT_EQ(0, driver_tell(DISPLAY_MODULE, "unbind", 1));
	EXPECT_EQ(0, segments_mapped(1));
}

/* Rule: a display can be bound again while files from before the unbind are open. */
TEST_F(pair, display_comes_back)
{
	struct display_buffer seen;
	struct display again;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, light(&self->far, &self->seen));
		ASSERT_EQ(0, driver_tell(DISPLAY_MODULE, "unbind", 1));
		EXPECT_EQ(-ENODEV, card_open(&again, 1));
		ASSERT_EQ(0, driver_tell(DISPLAY_MODULE, "bind", 1));
		ASSERT_EQ(0, card_open(&again, 1));
		ASSERT_EQ(0, take_picture(&again, self->buf, self->own.pitch, &seen));
		ASSERT_EQ(0, light(&again, &seen));
		EXPECT_EQ(1, shows(&again, &seen, 7));
		ASSERT_EQ(0, dark(&again));
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
	ASSERT_EQ(0, light(&self->far, &self->seen));
	ASSERT_EQ(0, driver_tell(DISPLAY_MODULE, "unbind", 0));
	EXPECT_EQ(1, shows(&self->far, &self->seen, 7));
	display_close(&self->near);
	EXPECT_EQ(0, memcmp(copy, map, self->own.size));
	later = buf_map(self->buf);
	ASSERT_NE(NULL, later);
	EXPECT_EQ(0, memcmp(copy, later, self->own.size));

	ASSERT_EQ(0, paint(self->buf, 8));
	ASSERT_EQ(0, dark(&self->far));
	ASSERT_EQ(0, display_release(&self->far, &self->seen));
	ASSERT_EQ(0, take_picture(&self->far, self->buf, self->own.pitch, &again));
	ASSERT_EQ(0, light(&self->far, &again));
	EXPECT_EQ(1, shows(&self->far, &again, 8));
	EXPECT_EQ(0, driver_tell(DISPLAY_MODULE, "bind", 0));
	munmap(map, self->own.size);
	munmap(later, self->own.size);
	free(copy);
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
	ASSERT_EQ(0, camera_dequeue(&self->cam, &index, &sequence, PATIENCE_MS));
	ASSERT_EQ(0, driver_tell(CAMERA_MODULE, "unbind", 0));
	EXPECT_EQ(-ENODEV, camera_queue(&self->cam, index, -1));
	EXPECT_EQ(-ENODEV, camera_dequeue(&self->cam, &index, &sequence, PATIENCE_MS));
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
	ASSERT_EQ(0, camera_dequeue(&self->cam, &index, &sequence, PATIENCE_MS));
	ASSERT_EQ(0, camera_queue(&self->cam, 1, -1));
	buf = camera_export(&self->cam, 0, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, buf);
	map = buf_map(buf);
	node = camera_map(&self->cam, 0);
	ASSERT_NE(NULL, map);
	ASSERT_NE(NULL, node);
	memcpy(copy, map, self->cam.size);

	ASSERT_EQ(0, driver_tell(CAMERA_MODULE, "unbind", 0));
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
	ASSERT_EQ(0, driver_tell(CAMERA_MODULE, "unbind", 0));
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
		ASSERT_EQ(0, driver_tell(CAMERA_MODULE, "unbind", 0));
		ASSERT_EQ(0, driver_tell(CAMERA_MODULE, "bind", 0));
		ASSERT_EQ(0, camera_open(&again, CAMERA_DRIVER));
		ASSERT_EQ(0, camera_format(&again, SIDE, SIDE, V4L2_PIX_FMT_XBGR32));
		ASSERT_EQ(0, camera_buffers(&again, V4L2_MEMORY_MMAP, 1));
		ASSERT_EQ(0, camera_queue(&again, 0, -1));
		ASSERT_EQ(0, camera_start(&again));
		EXPECT_EQ(0, camera_dequeue(&again, &index, &sequence, PATIENCE_MS));
		EXPECT_EQ(-ENODEV, camera_start(&self->cam));
		camera_close(&self->cam);
		self->cam = again;
	}
}

TEST_HARNESS_MAIN
