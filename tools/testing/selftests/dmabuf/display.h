/* SPDX-License-Identifier: GPL-2.0-only */
/* display - a DRM device for the tests and the demo */
#ifndef SELFTEST_DMABUF_DISPLAY_H
#define SELFTEST_DMABUF_DISPLAY_H

#include <drm/drm.h>
#include <drm/drm_fourcc.h>
#include <drm/drm_mode.h>
#include <linux/types.h>

#define DISPLAY_DRIVER	"dmabuf_sample_display"
#define DISPLAY_MODULE	"dmabuf_sample_display"
#define DISPLAY_NAME_LEN	32
#define DISPLAY_PROPS		24

/**
 * struct display_prop - a property that was looked up
 * @object: what it is a property of
 * @id: the kernel's name of it
 * @name: ours
 */
struct display_prop {
	__u32 object;
	__u32 id;
	char name[DISPLAY_NAME_LEN];
};

/**
 * struct display - an open DRM card and, after display_mode(), its picture's path
 * @fd: the card
 * @driver: the name of its driver
 * @connector: object of the connector in use
 * @crtc: object of the CRTC in use
 * @crtc_index: its place in the list of CRTCs
 * @plane: object of the CRTC's primary plane
 * @mode: the mode that was chosen
 * @mode_blob: the same as a property blob
 * @crc_fd: where the CRC of each frame is read, -1 when closed
 * @props: properties that were looked up so far
 * @num_props: length of @props
 */
struct display {
	int fd;
	char driver[DISPLAY_NAME_LEN];
	__u32 connector;
	__u32 crtc;
	__u32 crtc_index;
	__u32 plane;
	struct drm_mode_modeinfo mode;
	__u32 mode_blob;
	int crc_fd;
	struct display_prop props[DISPLAY_PROPS];
	unsigned int num_props;
};

/**
 * struct display_buffer - a buffer that the display can show
 * @handle: GEM handle
 * @pitch: bytes from one line to the next
 * @size: bytes of the whole
 * @fb: framebuffer object, 0 without one
 */
struct display_buffer {
	__u32 handle;
	__u32 pitch;
	__u64 size;
	__u32 fb;
};

/* display_open() - the first card of a driver; -ENODEV without one. */
int display_open(struct display *dpy, const char *driver);
void display_close(struct display *dpy);

/* Buffers of its own, and dma-bufs in both directions. */
int display_alloc(struct display *dpy, __u32 width, __u32 height,
		  struct display_buffer *buf);
int display_export(struct display *dpy, const struct display_buffer *buf, int flags);
int display_import(struct display *dpy, int dmabuf, struct display_buffer *buf);
int display_release(struct display *dpy, struct display_buffer *buf);
/* display_map() - a buffer through the card, NULL on failure. */
unsigned char *display_map(struct display *dpy, const struct display_buffer *buf);

/* display_mode() - finds a path to a screen of this size, without lighting it. */
int display_mode(struct display *dpy, __u32 width, __u32 height);
int display_framebuffer(struct display *dpy, struct display_buffer *buf, __u32 width,
			__u32 height, __u32 fourcc);
/* display_show() - lights the screen with a first picture. */
int display_show(struct display *dpy, const struct display_buffer *buf);
/*
 * display_flip() - the next picture, shown when @in_fence (or -1) and the buffer's own
 * fences are signalled; *@out_fence (when asked for) is signalled when it is on.
 */
int display_flip(struct display *dpy, const struct display_buffer *buf, int in_fence,
		 int *out_fence);
/* display_flipped() - waits for the flip; the frame's number at the display. */
int display_flipped(struct display *dpy, __u32 *sequence, int timeout);
int display_dark(struct display *dpy);

/* The CRC of each frame that is scanned out. */
int display_crc_start(struct display *dpy);
void display_crc_stop(struct display *dpy);
/* display_crc() - of the first frame from this number on. */
int display_crc(struct display *dpy, __u32 sequence, __u32 *crc, int timeout);

#endif /* SELFTEST_DMABUF_DISPLAY_H */
