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
 * struct display_prop - a property that was looked up by name
 * @object: id of the object that has the property
 * @id: id of the property
 * @name: name of the property
 */
struct display_prop {
	__u32 object;
	__u32 id;
	char name[DISPLAY_NAME_LEN];
};

/**
 * struct display - an open DRM card and, after display_mode(), the objects it uses
 * @fd: descriptor of the card
 * @driver: name of its driver
 * @connector: id of the connector in use
 * @crtc: id of the CRTC in use
 * @crtc_index: index of the CRTC in the card's list
 * @plane: id of the CRTC's primary plane
 * @mode: mode in use
 * @mode_blob: id of the property blob of @mode
 * @crc_fd: descriptor of the debugfs file with the CRCs, -1 if closed
 * @props: cache of properties that were looked up
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
 * struct display_buffer - a buffer of a card
 * @handle: GEM handle
 * @pitch: bytes from one line to the next
 * @size: bytes of the buffer
 * @fb: id of the framebuffer, 0 if it has none
 */
struct display_buffer {
	__u32 handle;
	__u32 pitch;
	__u64 size;
	__u32 fb;
};

/* display_open() - open the first card of a driver; -ENODEV if there is none. */
int display_open(struct display *dpy, const char *driver);
void display_close(struct display *dpy);

/* Allocate a dumb buffer, export a buffer, import a dma-buf, and release a buffer. */
int display_alloc(struct display *dpy, __u32 width, __u32 height,
		  struct display_buffer *buf);
int display_export(struct display *dpy, const struct display_buffer *buf, int flags);
int display_import(struct display *dpy, int dmabuf, struct display_buffer *buf);
int display_release(struct display *dpy, struct display_buffer *buf);
/* display_map() - map a dumb buffer, returns NULL on failure. */
unsigned char *display_map(struct display *dpy, const struct display_buffer *buf);

/* display_mode() - find connector, CRTC, plane and mode for a size; shows nothing. */
int display_mode(struct display *dpy, __u32 width, __u32 height);
int display_framebuffer(struct display *dpy, struct display_buffer *buf, __u32 width,
			__u32 height, __u32 fourcc);
/* display_show() - turn the screen on with a first picture. */
int display_show(struct display *dpy, const struct display_buffer *buf);
/*
 * display_flip() - queue a flip to the next picture. The flip waits for @in_fence, or for
 * the write fences in the buffer if it is -1. *@out_fence gets a sync_file that is signalled
 * when the picture is on the screen, unless @out_fence is NULL.
 */
int display_flip(struct display *dpy, const struct display_buffer *buf, int in_fence,
		 int *out_fence);
/* display_flipped() - wait for the flip; @sequence gets the number of its frame. */
int display_flipped(struct display *dpy, __u32 *sequence, int timeout);
/* display_dark() - turn the screen off. */
int display_dark(struct display *dpy);

/* Start and stop reading the CRC of each frame that is scanned out. */
int display_crc_start(struct display *dpy);
void display_crc_stop(struct display *dpy);
/* display_crc() - read the CRC of frame @sequence, or of the first one after it. */
int display_crc(struct display *dpy, __u32 sequence, __u32 *crc, int timeout);

#endif /* SELFTEST_DMABUF_DISPLAY_H */
