// SPDX-License-Identifier: GPL-2.0-only
/*
 * demo_ends - the two ends of the demo: a camera that fills buffers (source), and a
 * display that shows them (sink). They share nothing but dma-bufs and fences.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "demo.h"
#include "fence.h"

/* Limit for one picture; an emulated machine needs far less. */
#define FRAME_TIMEOUT_MS	10000

int source_open(struct source *src, const struct options *opt, struct row *row)
{
	int ret;

	memset(src->bufs, -1, sizeof(src->bufs));
	src->owns = false;
	ret = camera_open(&src->cam, CAMERA_DRIVER);
	if (!ret)
		ret = camera_format(&src->cam, opt->width, opt->height, V4L2_PIX_FMT_XBGR32);
	if (!ret)
		ret = camera_rate(&src->cam, 60);
	return ret ? row_fails(row, "camera: %s", strerror(-ret)) : 0;
}

int source_export(struct source *src, struct row *row)
{
	unsigned int i;
	int ret;

	src->owns = true;
	ret = camera_buffers(&src->cam, V4L2_MEMORY_MMAP, BUFFERS);
	for (i = 0; !ret && i < BUFFERS; i++) {
		src->bufs[i] = camera_export(&src->cam, i, O_RDWR | O_CLOEXEC);
		if (src->bufs[i] < 0)
			ret = src->bufs[i];
	}
	return ret ? row_fails(row, "camera export: %s", strerror(-ret)) : 0;
}

int source_import(struct source *src, const int *bufs, struct row *row)
{
	int ret = camera_buffers(&src->cam, V4L2_MEMORY_DMABUF, BUFFERS);

	memcpy(src->bufs, bufs, sizeof(src->bufs));
	return ret ? row_fails(row, "camera import: %s", strerror(-ret)) : 0;
}

int source_start(struct source *src, unsigned int kept, struct row *row)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < BUFFERS; i++)
		if (i != kept)
			ret = camera_queue(&src->cam, i, src->bufs[i]);
	if (!ret)
		ret = camera_start(&src->cam);
	return ret ? row_fails(row, "camera start: %s", strerror(-ret)) : 0;
}

/*
 * Queues the buffer at once, although the display may still read it. The camera waits
 * for the fence in the buffer; this program does not.
 */
int source_release(struct source *src, unsigned int index, int fence, struct row *row)
{
	int ret = 0;

	if (fence >= 0) {
		ret = buf_fence_add(src->bufs[index], fence, DMA_BUF_SYNC_READ);
		close(fence);
	}
	if (!ret)
		ret = buf_waits(src->bufs[index], DMA_BUF_SYNC_WRITE);
	if (ret >= 0) {
		row->fences += ret;
		ret = camera_queue(&src->cam, index, src->bufs[index]);
	}
	return ret ? row_fails(row, "camera queue: %s", strerror(-ret)) : 0;
}

int source_next(struct source *src, __u32 *index, __u32 *sequence, struct row *row)
{
	int ret = camera_dequeue(&src->cam, index, sequence, FRAME_TIMEOUT_MS);

	return ret ? row_fails(row, "camera: %s", strerror(-ret)) : 0;
}

void source_close(struct source *src)
{
	unsigned int i;

	if (src->cam.fd >= 0)
		camera_stop(&src->cam);
	camera_close(&src->cam);
	for (i = 0; src->owns && i < BUFFERS; i++)
		if (src->bufs[i] >= 0)
			close(src->bufs[i]);
}

int sink_open(struct sink *sink, const char *driver, const struct options *opt, struct row *row)
{
	int ret;

	memset(sink, 0, sizeof(*sink));
	memset(sink->fds, -1, sizeof(sink->fds));
	ret = display_open(&sink->dpy, driver);
	if (!ret)
		ret = display_mode(&sink->dpy, opt->width, opt->height);
	sink->proves = !strcmp(driver, DISPLAY_DRIVER);
	return ret ? row_fails(row, "%s: %s", driver, strerror(-ret)) : 0;
}

static int sink_frame(struct sink *sink, unsigned int index)
{
	struct drm_mode_modeinfo *mode = &sink->dpy.mode;

	return display_framebuffer(&sink->dpy, &sink->bufs[index], mode->hdisplay,
				   mode->vdisplay, DRM_FORMAT_XRGB8888);
}

/* Keeps a dma-buf that the display has exported, so that the proofs test the display's. */
int sink_import(struct sink *sink, unsigned int index, int buf, struct row *row)
{
	int ret = display_import(&sink->dpy, buf, &sink->bufs[index]);

	sink->bufs[index].pitch = sink->dpy.mode.hdisplay * 4;
	if (!ret)
		ret = sink_frame(sink, index);
	if (!ret)
		ret = display_export(&sink->dpy, &sink->bufs[index], O_RDWR | O_CLOEXEC);
	if (ret < 0)
		return row_fails(row, "display import: %s", strerror(-ret));
	sink->fds[index] = ret;
	return 0;
}

int sink_export(struct sink *sink, unsigned int index, struct row *row)
{
	struct drm_mode_modeinfo *mode = &sink->dpy.mode;
	int ret;

	ret = display_alloc(&sink->dpy, mode->hdisplay, mode->vdisplay, &sink->bufs[index]);
	if (!ret)
		ret = sink_frame(sink, index);
	if (!ret)
		ret = display_export(&sink->dpy, &sink->bufs[index], O_RDWR | O_CLOEXEC);
	if (ret < 0)
		return row_fails(row, "display export: %s", strerror(-ret));
	sink->fds[index] = ret;
	return 0;
}

int sink_start(struct sink *sink, unsigned int index, struct row *row)
{
	int ret = display_show(&sink->dpy, &sink->bufs[index]);

	sink->shown = index;
	if (!ret && sink->proves)
		ret = display_crc_start(&sink->dpy);
	return ret ? row_fails(row, "display start: %s", strerror(-ret)) : 0;
}

int sink_show(struct sink *sink, unsigned int index, int *fence, struct row *row)
{
	int ret = display_flip(&sink->dpy, &sink->bufs[index], -1, fence);

	sink->shown = index;
	return ret ? row_fails(row, "display flip: %s", strerror(-ret)) : 0;
}

int sink_check(struct sink *sink, __u32 sequence, struct row *row)
{
	struct drm_mode_modeinfo *mode = &sink->dpy.mode;
	__u32 frame, want, crc = 0;
	int ret;

	ret = display_flipped(&sink->dpy, &frame, FRAME_TIMEOUT_MS);
	if (!ret && sink->proves)
		ret = display_crc(&sink->dpy, frame, &crc, FRAME_TIMEOUT_MS);
	if (ret)
		return row_fails(row, "frame %u: %s", sequence, strerror(-ret));
	if (!sink->proves)
		return 0;

	want = picture_crc(mode->hdisplay, mode->vdisplay, sequence);
	if (crc != want)
		return row_fails(row, "frame %u: CRC %08x, expected %08x", sequence, crc, want);
	return 0;
}

void sink_close(struct sink *sink)
{
	unsigned int i;

	display_crc_stop(&sink->dpy);
	if (sink->dpy.fd >= 0)
		display_dark(&sink->dpy);
	for (i = 0; i < BUFFERS; i++) {
		if (sink->bufs[i].handle)
			display_release(&sink->dpy, &sink->bufs[i]);
		if (sink->fds[i] >= 0)
			close(sink->fds[i]);
	}
	display_close(&sink->dpy);
}
