// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_sample_coherency - the bytes of heap and udmabuf buffers while devices have them
 * mapped: what the CPU writes between START and END the other sees, and no sync brings old
 * bytes back.
 *
 * The devices of the samples have no DMA engine: their drivers access the buffer with the
 * CPU, through vmap. They map it, though. With the kernel parameter swiotlb=force each
 * mapping gets a bounce buffer, and each sync copies, which makes the machine like one whose
 * devices are not coherent.
 */
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bufinfo.h"
#include "cards.h"
#include "demo.h"
#include "exporters.h"
#include "fence.h"
#include "harness.h"

#define PICTURE_BYTES	(4 * SIDE * SIDE)
/* Size of the largest bounce buffer. */
#define BOUNCE_SIZE	(256UL << 10)

/*
 * A buffer with a picture, imported by the display and the camera. The DMA addresses of the
 * display are mapped by its first flip, those of the camera by queueing.
 */
FIXTURE(shared) {
	struct display dpy;
	struct display_buffer seen;
	struct camera cam;
	int buf;
	unsigned char *map;
	unsigned char *want;
	struct bufinfo_total before;
};

FIXTURE_VARIANT(shared) {
	const struct exporter *exporter;
};

FIXTURE_VARIANT_ADD(shared, heap) {
	.exporter = &exporter_heap,
};

FIXTURE_VARIANT_ADD(shared, cma) {
	.exporter = &exporter_cma,
};

FIXTURE_VARIANT_ADD(shared, udmabuf) {
	.exporter = &exporter_udmabuf,
};

FIXTURE_VARIANT_ADD(shared, huge) {
	.exporter = &exporter_huge,
};

FIXTURE_SETUP(shared)
{
	self->cam.fd = -1;
	self->dpy.fd = -1;
	self->dpy.crc_fd = -1;
	ASSERT_EQ(0, bufinfo_total(&self->before));
	self->buf = variant->exporter->export(PICTURE_BYTES, O_RDWR | O_CLOEXEC);
	if (self->buf == -ENODEV)
		SKIP(return, "%s is missing", variant->exporter->name);
	ASSERT_LE(0, self->buf);
	self->map = buf_map(self->buf);
	ASSERT_NE(NULL, self->map);
	self->want = malloc(PICTURE_BYTES);
	ASSERT_NE(NULL, self->want);
	ASSERT_EQ(0, card_open(&self->dpy, 0));
	ASSERT_EQ(0, camera_open(&self->cam, CAMERA_DRIVER));
	ASSERT_EQ(0, camera_format(&self->cam, SIDE, SIDE, V4L2_PIX_FMT_XBGR32));
	ASSERT_EQ(0, camera_rate(&self->cam, 60));
	ASSERT_EQ(0, import_picture(&self->dpy, self->buf, 4 * SIDE, &self->seen));
}

FIXTURE_TEARDOWN(shared)
{
	if (self->cam.fd >= 0)
		camera_close(&self->cam);
	if (self->dpy.fd >= 0)
		display_close(&self->dpy);
	free(self->want);
	if (self->map)
		munmap(self->map, lseek(self->buf, 0, SEEK_END));
	close(self->buf);
	EXPECT_EQ(0, bufinfo_wait_objects(self->before.objects));
}

static void draw(unsigned char *pixels, __u32 number)
{
	const struct pattern pattern = {
		.format = V4L2_PIX_FMT_XBGR32,
		.width = SIDE,
		.height = SIDE,
		.stride = 4 * SIDE,
		.kind = PATTERN_COLOUR_BARS,
	};

	pattern_frame(&pattern, number, pixels);
}

/*
 * Draw while the screen is off. A scan begins a CPU access of its own, which copies a bounce
 * buffer back, also over what another CPU access is writing.
 */
static int repaint(struct display *dpy, struct display_buffer *seen, int buf, __u32 number)
{
	int ret = screen_off(dpy);

	if (!ret)
		ret = paint(buf, number);
	return ret ? ret : screen_on(dpy, seen);
}

/* Let the camera write one frame to the buffer; return the frame's number, or an errno. */
static int record(struct camera *cam, int buf)
{
	__u32 index, sequence = 0;
	int ret;

	ret = camera_buffers(cam, V4L2_MEMORY_DMABUF, 1);
	if (!ret)
		ret = camera_queue(cam, 0, buf);
	if (!ret)
		ret = camera_start(cam);
	if (!ret)
		ret = camera_dequeue(cam, &index, &sequence, 20000);
	return ret ? ret : (int)sequence;
}

/* Rule: bytes survive any SYNC that nobody else's access comes between. */
TEST_F(shared, sync_keeps_the_bytes)
{
	static const __u64 accesses[] = {
		DMA_BUF_SYNC_READ, DMA_BUF_SYNC_WRITE, DMA_BUF_SYNC_RW,
	};
	size_t i, k;

	ASSERT_EQ(0, paint(self->buf, 1));
	ASSERT_EQ(0, screen_on(&self->dpy, &self->seen));
	EXPECT_EQ(1, shows(&self->dpy, &self->seen, 1));
	for (i = 0; i < ARRAY_SIZE(accesses); i++) {
		ASSERT_EQ(0, repaint(&self->dpy, &self->seen, self->buf, 2 + i));
		draw(self->want, 2 + i);
		for (k = 0; k < ARRAY_SIZE(accesses); k++) {
			EXPECT_EQ(0, buf_sync(self->buf, accesses[k]));
			EXPECT_EQ(0, memcmp(self->map, self->want, PICTURE_BYTES));
			EXPECT_EQ(0, buf_sync(self->buf, accesses[k] | DMA_BUF_SYNC_END));
			EXPECT_EQ(0, memcmp(self->map, self->want, PICTURE_BYTES));
		}
		EXPECT_EQ(1, shows(&self->dpy, &self->seen, 2 + i));
	}
	EXPECT_EQ(0, screen_off(&self->dpy));
}

/* Rule: so do bytes in a buffer that no device has mapped. */
TEST_F(shared, sync_without_a_device)
{
	int round;

	for (round = 0; round < 4; round++) {
		ASSERT_EQ(0, paint(self->buf, round));
		draw(self->want, round);
		EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_READ));
		EXPECT_EQ(0, memcmp(self->map, self->want, PICTURE_BYTES));
		EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_READ | DMA_BUF_SYNC_END));
	}
}

/* Rule: what a program writes between START and END is shown, through vmap too. */
TEST_F(shared, display_shows_what_was_written)
{
	__u32 number;

	ASSERT_EQ(0, paint(self->buf, 10));
	ASSERT_EQ(0, screen_on(&self->dpy, &self->seen));
	for (number = 10; number < 16; number++) {
		ASSERT_EQ(0, repaint(&self->dpy, &self->seen, self->buf, number));
		EXPECT_EQ(1, shows(&self->dpy, &self->seen, number));
	}
	EXPECT_EQ(0, screen_off(&self->dpy));
}

/* Rule: START|READ sees what the camera wrote, also before any CPU access. */
TEST_F(shared, start_sees_the_frame)
{
	int frame = record(&self->cam, self->buf);

	ASSERT_LE(0, frame);
	ASSERT_EQ(0, camera_stop(&self->cam));
	draw(self->want, frame);
	EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_READ));
	EXPECT_EQ(0, memcmp(self->map, self->want, PICTURE_BYTES));
	EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_READ | DMA_BUF_SYNC_END));
	EXPECT_EQ(0, memcmp(self->map, self->want, PICTURE_BYTES));
}

/* Rule: the same while the camera keeps its mapping. */
TEST_F(shared, start_sees_the_frame_while_mapped)
{
	int frame;

	ASSERT_EQ(0, paint(self->buf, 33));
	frame = record(&self->cam, self->buf);
	ASSERT_LE(0, frame);
	draw(self->want, frame);
	EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_READ));
	EXPECT_EQ(0, memcmp(self->map, self->want, PICTURE_BYTES));
	EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_READ | DMA_BUF_SYNC_END));

	ASSERT_EQ(0, paint(self->buf, 34));
	draw(self->want, 34);
	EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_READ));
	EXPECT_EQ(0, memcmp(self->map, self->want, PICTURE_BYTES));
	EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_READ | DMA_BUF_SYNC_END));
	ASSERT_EQ(0, camera_stop(&self->cam));
	EXPECT_EQ(0, memcmp(self->map, self->want, PICTURE_BYTES));
}

/* Rule: what the camera writes the display shows, both having the buffer mapped. */
TEST_F(shared, camera_to_display)
{
	int frame;

	ASSERT_EQ(0, paint(self->buf, 50));
	ASSERT_EQ(0, screen_on(&self->dpy, &self->seen));
	EXPECT_EQ(1, shows(&self->dpy, &self->seen, 50));
	ASSERT_EQ(0, screen_off(&self->dpy));
	frame = record(&self->cam, self->buf);
	ASSERT_LE(0, frame);
	ASSERT_EQ(0, screen_on(&self->dpy, &self->seen));
	EXPECT_EQ(1, shows(&self->dpy, &self->seen, frame));
	ASSERT_EQ(0, camera_stop(&self->cam));
	EXPECT_EQ(1, shows(&self->dpy, &self->seen, frame));
	ASSERT_EQ(0, repaint(&self->dpy, &self->seen, self->buf, 51));
	EXPECT_EQ(1, shows(&self->dpy, &self->seen, 51));
	EXPECT_EQ(0, screen_off(&self->dpy));
}

/* Return whether each mapping gets a bounce buffer: swiotlb=force, or swiotlb=N,force. */
static bool bounced(void)
{
	char *text = file_text("/proc/cmdline");
	const char *option = text ? strstr(text, "swiotlb=") : NULL;
	const char *force = option ? strstr(option, "force") : NULL;
	bool forced = force && force < option + strcspn(option, " ");

	free(text);
	return forced;
}

/* Rule: the pages of a huge folio are one segment, or as many as it needs to be bounced. */
TEST(huge_folio_is_one_segment)
{
	int buf = exporter_huge.export(HUGE_SIZE, O_RDWR | O_CLOEXEC);
	struct display_buffer seen;
	struct display dpy;

	if (buf == -ENODEV)
		SKIP(return, "huge pages are missing");
	if (!dma_debug())
		SKIP(return, "a kernel without DMA debugging");
	ASSERT_LE(0, buf);
	ASSERT_EQ(0, card_open(&dpy, 0));
	ASSERT_EQ(0, import_picture(&dpy, buf, 4 * SIDE, &seen));
	ASSERT_EQ(0, screen_on(&dpy, &seen));
	EXPECT_EQ(bounced() ? HUGE_SIZE / BOUNCE_SIZE : 1, segments_mapped(0));
	EXPECT_EQ(0, screen_off(&dpy));
	display_close(&dpy);
	close(buf);
}

TEST_HARNESS_MAIN
