// SPDX-License-Identifier: GPL-2.0-only
/*
 * cards - several displays of the sample driver, and the pictures that they show.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cards.h"
#include "demo.h"
#include "fence.h"

#define CARDS_MAX	16

int driver_write(const char *driver, const char *what, unsigned int device)
{
	char path[128], name[64];

	snprintf(path, sizeof(path), "/sys/bus/platform/drivers/%s/%s", driver, what);
	snprintf(name, sizeof(name), "%s.%u", driver, device);
	return file_put(path, name);
}

int card_file(struct display *dpy, unsigned int device)
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
		return dpy->fd < 0 ? -errno : 0;
	}
	return -ENODEV;
}

int card_open(struct display *dpy, unsigned int device)
{
	int ret = card_file(dpy, device);

	return ret ? ret : display_mode(dpy, SIDE, SIDE);
}

unsigned char *buf_map(int buf)
{
	void *map = mmap(NULL, lseek(buf, 0, SEEK_END), PROT_READ | PROT_WRITE, MAP_SHARED,
			 buf, 0);

	return map == MAP_FAILED ? NULL : map;
}

int paint(int buf, __u32 number)
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

int export_picture(struct display *dpy, struct display_buffer *own, __u32 number)
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

int import_picture(struct display *dpy, int buf, __u32 pitch, struct display_buffer *seen)
{
	int ret = display_import(dpy, buf, seen);

	seen->pitch = pitch;
	return ret ? ret : display_framebuffer(dpy, seen, SIDE, SIDE, DRM_FORMAT_XRGB8888);
}

int screen_on(struct display *dpy, const struct display_buffer *seen)
{
	int ret = display_show(dpy, seen);

	return ret ? ret : display_crc_start(dpy);
}

int screen_off(struct display *dpy)
{
	display_crc_stop(dpy);
	return display_dark(dpy);
}

int shows(struct display *dpy, const struct display_buffer *seen, __u32 number)
{
	__u32 frame, crc = 0;
	int ret;

	ret = display_flip(dpy, seen, -1, NULL);
	if (!ret)
		ret = display_flipped(dpy, &frame, FRAME_TIMEOUT_MS);
	if (!ret)
		ret = display_crc(dpy, frame, &crc, FRAME_TIMEOUT_MS);
	return ret ? ret : crc == picture_crc(SIDE, SIDE, number);
}

static unsigned long moves(const char *path)
{
	char *text = file_text(path);
	unsigned long count = text ? strtoul(text, NULL, 10) : 0;

	free(text);
	return count;
}

int moved(const char *path)
{
	unsigned long before = moves(path);
	int ret = file_put(path, "1");

	return ret ? ret : (int)(moves(path) - before);
}

/* The worker of the last flip may unpin the buffer a bit later. */
int moved_soon(const char *path)
{
	int tries, count = 0;

	for (tries = 0; tries < 40 && !count; tries++) {
		if (tries)
			sleep_ms(50);
		count = moved(path);
	}
	return count;
}

int segments_mapped(unsigned int device)
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
