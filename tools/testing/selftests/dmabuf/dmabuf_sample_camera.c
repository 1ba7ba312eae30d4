// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_sample_camera - tests of the sample camera without a display: the pixels of
 * each frame in each format, timestamps and the frame rate.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "camera.h"
#include "harness.h"
#include "pattern.h"
#include "util.h"

#define BUFFERS		3
#define FRAME_TIMEOUT_MS	20000
/* Fill byte; a row of the pattern never consists of it. */
#define UNPAINTED	0x5a

/* Return the first row in which the pictures differ, or -1. */
static int wrong_row(const struct pattern *p, const unsigned char *got,
		     const unsigned char *want)
{
	__u32 y;

	for (y = 0; y < p->height; y++)
		if (memcmp(got + (size_t)y * p->stride, want + (size_t)y * p->stride,
			   pattern_row_bytes(p)))
			return y;
	return -1;
}

/* A camera that streams to its own buffers, and memory for the expected picture. */
FIXTURE(picture) {
	struct camera cam;
	struct pattern pattern;
	unsigned char *maps[BUFFERS];
	unsigned char *want;
};

/*
 * @ground has the bytes of the background in the lowest band of the picture, in the
 * format. They were computed by hand, as the driver and this test share the pattern's code.
 */
FIXTURE_VARIANT(picture) {
	__u32 format;
	__u32 width;
	__u32 height;
	unsigned int frames;
	unsigned char ground[4];
};

FIXTURE_VARIANT_ADD(picture, xrgb_smallest) {
	.format = V4L2_PIX_FMT_XBGR32, .width = 64, .height = 64, .frames = 16,
	.ground = { 0x34, 0x1c, 0x10, 0xff },
};

FIXTURE_VARIANT_ADD(picture, xrgb_odd) {
	.format = V4L2_PIX_FMT_XBGR32, .width = 66, .height = 65, .frames = 16,
	.ground = { 0x34, 0x1c, 0x10, 0xff },
};

FIXTURE_VARIANT_ADD(picture, xrgb_largest) {
	.format = V4L2_PIX_FMT_XBGR32, .width = 1920, .height = 1080, .frames = 4,
	.ground = { 0x34, 0x1c, 0x10, 0xff },
};

FIXTURE_VARIANT_ADD(picture, yuyv_smallest) {
	.format = V4L2_PIX_FMT_YUYV, .width = 64, .height = 64, .frames = 16,
	.ground = { 0x27, 0x8c, 0x27, 0x79 },
};

FIXTURE_VARIANT_ADD(picture, yuyv_odd) {
	.format = V4L2_PIX_FMT_YUYV, .width = 66, .height = 65, .frames = 16,
	.ground = { 0x27, 0x8c, 0x27, 0x79 },
};

FIXTURE_VARIANT_ADD(picture, yuyv_largest) {
	.format = V4L2_PIX_FMT_YUYV, .width = 1920, .height = 1080, .frames = 4,
	.ground = { 0x27, 0x8c, 0x27, 0x79 },
};

FIXTURE_SETUP(picture)
{
	struct camera *cam = &self->cam;
	int i;

	ASSERT_EQ(0, camera_open(cam, CAMERA_DRIVER));
	ASSERT_EQ(0, camera_format(cam, variant->width, variant->height, variant->format));
	ASSERT_EQ(0, camera_rate(cam, 60));
	self->pattern = (struct pattern) {
		.format = variant->format,
		.width = variant->width,
		.height = variant->height,
		.stride = cam->stride,
		.kind = PATTERN_COLOUR_BARS,
	};
	self->want = malloc(cam->size);
	ASSERT_NE(NULL, self->want);
	ASSERT_EQ(0, camera_buffers(cam, V4L2_MEMORY_MMAP, BUFFERS));
	for (i = 0; i < BUFFERS; i++) {
		self->maps[i] = camera_map(cam, i);
		ASSERT_NE(NULL, self->maps[i]);
		memset(self->maps[i], UNPAINTED, cam->size);
		ASSERT_EQ(0, camera_queue(cam, i, -1));
	}
	ASSERT_EQ(0, camera_start(cam));
}

FIXTURE_TEARDOWN(picture)
{
	int i;

	for (i = 0; i < BUFFERS; i++)
		munmap(self->maps[i], self->cam.size);
	camera_close(&self->cam);
	free(self->want);
}

/* Rule: S_FMT accepts sizes within the limits, also odd heights, without padding rows. */
TEST_F(picture, size_as_asked)
{
	EXPECT_EQ(variant->width, self->cam.width);
	EXPECT_EQ(variant->height, self->cam.height);
	EXPECT_EQ(pattern_row_bytes(&self->pattern), self->cam.stride);
	EXPECT_EQ(self->cam.stride * variant->height, self->cam.size);
}

/* Rule: every row of a frame equals that of the pattern with the frame's number. */
TEST_F(picture, every_row)
{
	struct camera *cam = &self->cam;
	__u32 index, sequence, last = 0;
	unsigned int i;

	for (i = 0; i < variant->frames; i++) {
		ASSERT_EQ(0, camera_dequeue(cam, &index, &sequence, FRAME_TIMEOUT_MS));
		if (i)
			EXPECT_LT(last, sequence);
		last = sequence;
		pattern_frame(&self->pattern, sequence, self->want);
		EXPECT_EQ(-1, wrong_row(&self->pattern, self->maps[index], self->want))
			TH_LOG("in frame %u", sequence);
		memset(self->maps[index], UNPAINTED, cam->size);
		ASSERT_EQ(0, camera_queue(cam, index, -1));
	}
}

/* Rule: the byte order, and the colours in YUYV, are those that V4L2 defines. */
TEST_F(picture, known_colour)
{
	__u32 bytes = pattern_row_bytes(&self->pattern), index, sequence, at;
	const unsigned char *row;

	ASSERT_EQ(0, camera_dequeue(&self->cam, &index, &sequence, FRAME_TIMEOUT_MS));
	row = self->maps[index] + self->cam.size - self->cam.stride;
	for (at = 0; at < bytes && !memcmp(row + at, variant->ground, 4); at += 4)
		;
	EXPECT_EQ(bytes, at)
		TH_LOG("%02x %02x %02x %02x", row[at], row[at + 1], row[at + 2], row[at + 3]);
}

FIXTURE(camera) {
	struct camera cam;
};

FIXTURE_SETUP(camera)
{
	ASSERT_EQ(0, camera_open(&self->cam, CAMERA_DRIVER));
	ASSERT_EQ(0, camera_format(&self->cam, 64, 64, V4L2_PIX_FMT_YUYV));
}

FIXTURE_TEARDOWN(camera)
{
	camera_close(&self->cam);
}

/* Rule: the padding between a row's last pixel and the next row is not written. */
TEST_F(camera, padding_is_left_alone)
{
	struct v4l2_format fmt = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
	struct pattern pattern = { .format = V4L2_PIX_FMT_YUYV, .width = 64, .height = 64 };
	__u32 index, sequence, stride = 64 * 2 + 36;
	unsigned char *map, *want;

	ASSERT_EQ(0, xioctl(self->cam.fd, VIDIOC_G_FMT, &fmt));
	fmt.fmt.pix.bytesperline = stride;
	ASSERT_EQ(0, xioctl(self->cam.fd, VIDIOC_S_FMT, &fmt));
	ASSERT_EQ(stride, fmt.fmt.pix.bytesperline);
	ASSERT_EQ(stride * 64, fmt.fmt.pix.sizeimage);
	ASSERT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_MMAP, 1));
	map = camera_map(&self->cam, 0);
	want = malloc(stride * 64);
	ASSERT_NE(NULL, map);
	ASSERT_NE(NULL, want);
	memset(map, UNPAINTED, stride * 64);
	ASSERT_EQ(0, camera_queue(&self->cam, 0, -1));
	ASSERT_EQ(0, camera_start(&self->cam));
	ASSERT_EQ(0, camera_dequeue(&self->cam, &index, &sequence, FRAME_TIMEOUT_MS));

	pattern.stride = stride;
	memset(want, UNPAINTED, stride * 64);
	pattern_frame(&pattern, sequence, want);
	EXPECT_EQ(0, memcmp(map, want, stride * 64));
	munmap(map, stride * 64);
	free(want);
}

/* Rule: a frame's timestamp is on the monotonic clock, between its QBUF and DQBUF. */
TEST_F(camera, stamped_when_filled)
{
	__u32 index, sequence;
	long long queued;
	int i;

	ASSERT_EQ(0, camera_rate(&self->cam, 30));
	ASSERT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_MMAP, 1));
	ASSERT_EQ(0, camera_start(&self->cam));
	for (i = 0; i < 4; i++) {
		queued = now_ms();
		ASSERT_EQ(0, camera_queue(&self->cam, 0, -1));
		ASSERT_EQ(0, camera_dequeue(&self->cam, &index, &sequence, FRAME_TIMEOUT_MS));
		EXPECT_LE(queued * 1000, self->cam.stamp_us);
		EXPECT_GE((now_ms() + 1) * 1000, self->cam.stamp_us);
	}
}

/* Rule: S_PARM limits the rate to the supported range, and 0 selects the default. */
TEST_F(camera, rate_in_limits)
{
	static const struct {
		struct v4l2_fract asked, given;
	} table[] = {
		{ { 1, 25 }, { 1, 25 } },
		{ { 1, 1000 }, { 1, 60 } },
		{ { 5, 1 }, { 1, 1 } },
		{ { 0, 0 }, { 1, 30 } },
	};
	struct v4l2_streamparm parm = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
	struct v4l2_fract *time = &parm.parm.capture.timeperframe;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		*time = table[i].asked;
		ASSERT_EQ(0, xioctl(self->cam.fd, VIDIOC_S_PARM, &parm));
		EXPECT_EQ(table[i].given.numerator, time->numerator);
		EXPECT_EQ(table[i].given.denominator, time->denominator);
		memset(time, 0, sizeof(*time));
		ASSERT_EQ(0, xioctl(self->cam.fd, VIDIOC_G_PARM, &parm));
		EXPECT_EQ(table[i].given.numerator, time->numerator);
		EXPECT_EQ(table[i].given.denominator, time->denominator);
	}
}

/* Rule: the rate cannot be changed while the camera streams. */
TEST_F(camera, rate_fixed_while_streaming)
{
	ASSERT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_MMAP, 1));
	ASSERT_EQ(0, camera_start(&self->cam));
	EXPECT_EQ(-EBUSY, camera_rate(&self->cam, 10));
	ASSERT_EQ(0, camera_stop(&self->cam));
	EXPECT_EQ(0, camera_rate(&self->cam, 10));
}

FIXTURE(rate) {
	struct camera cam;
};

FIXTURE_VARIANT(rate) {
	__u32 per_second;
};

FIXTURE_VARIANT_ADD(rate, of_60) {
	.per_second = 60,
};

FIXTURE_VARIANT_ADD(rate, of_30) {
	.per_second = 30,
};

FIXTURE_VARIANT_ADD(rate, of_10) {
	.per_second = 10,
};

FIXTURE_SETUP(rate)
{
	int i;

	ASSERT_EQ(0, camera_open(&self->cam, CAMERA_DRIVER));
	ASSERT_EQ(0, camera_format(&self->cam, 64, 64, V4L2_PIX_FMT_XBGR32));
	ASSERT_EQ(0, camera_rate(&self->cam, variant->per_second));
	ASSERT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_MMAP, BUFFERS));
	for (i = 0; i < BUFFERS; i++)
		ASSERT_EQ(0, camera_queue(&self->cam, i, -1));
	ASSERT_EQ(0, camera_start(&self->cam));
}

FIXTURE_TEARDOWN(rate)
{
	camera_close(&self->cam);
}

#define APART	20

/*
 * Rule: frames n and n + k are k periods apart, with a tolerance of half a period. With
 * k >= 20 that detects a rate that is wrong by 1/40. Skipped frame numbers count as
 * periods. One pair in four may fail, because a busy machine may draw a frame late.
 */
TEST_F(rate, kept)
{
	long long stamps[2 * APART], off, period_us = 1000000 / variant->per_second;
	__u32 sequences[2 * APART], index;
	unsigned int i, late = 0;

	for (i = 0; i < 2 * APART; i++) {
		ASSERT_EQ(0, camera_dequeue(&self->cam, &index, &sequences[i], FRAME_TIMEOUT_MS));
		stamps[i] = self->cam.stamp_us;
		ASSERT_EQ(0, camera_queue(&self->cam, index, -1));
	}
	for (i = 0; i < APART; i++) {
		off = stamps[i + APART] - stamps[i] -
		      (sequences[i + APART] - sequences[i]) * period_us;
		if (llabs(off) <= period_us / 2)
			continue;
		TH_LOG("frames %u and %u: %lld us off", sequences[i], sequences[i + APART], off);
		late++;
	}
	EXPECT_GE(APART / 4, late);
}

TEST_HARNESS_MAIN
