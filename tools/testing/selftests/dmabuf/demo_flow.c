// SPDX-License-Identifier: GPL-2.0-only
/*
 * demo_flow - the directions in which the demo passes pictures.
 *
 * The directions differ in the driver that allocates the buffers. For each picture, the
 * camera fills a buffer, the display flips to it, and the previously shown buffer is
 * queued to the camera with the fence of the flip, after which it may be written.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo.h"
#include "exporters.h"
#include "fence.h"

/* Index of the buffer on the screen before the first picture. */
#define KEPT	(BUFFERS - 1)

unsigned int warm_up(const struct options *opt)
{
	return opt->frames > 20 ? 10 : opt->frames / 2;
}

static void count_lost(struct row *row, __u32 sequence)
{
	row->lost = sequence - row->frames;
}

static int prove_all_attached(const int *bufs, unsigned int devices, struct row *row)
{
	unsigned int i;

	for (i = 0; i < BUFFERS; i++)
		if (prove_attached(bufs[i], devices, row))
			return -1;
	return 0;
}

/* Pass a picture to the display, and the previously shown buffer to the camera. */
static int pass_one(struct source *src, struct sink *sink, struct row *row)
{
	unsigned int before = sink->shown;
	__u32 index, sequence;
	int fence = -1;

	if (source_next(src, &index, &sequence, row) ||
	    sink_show(sink, index, &fence, row) ||
	    source_release(src, before, fence, row) ||
	    sink_check(sink, sequence, row))
		return -1;
	count_lost(row, sequence);
	row->frames++;
	return 0;
}

static int pass_all(struct source *src, struct sink *sink, const struct options *opt,
		    unsigned int devices, struct row *row)
{
	struct census census = { 0 };
	long long began = now_ms();

	row->buffers = BUFFERS;
	if (sink_start(sink, KEPT, row) || source_start(src, KEPT, row))
		return -1;
	while (row->frames < opt->frames) {
		if (row->frames == warm_up(opt)) {
			if (prove_all_attached(src->bufs, devices, row))
				return -1;
			census_take(&census);
		}
		if (pass_one(src, sink, row))
			return -1;
	}
	row->ms = now_ms() - began;
	return prove_no_new_pages(&census, opt->frames - warm_up(opt), src->cam.size, row);
}

/* Import the camera's buffers into the display, and check that the memory is the same. */
static int share_camera_buffers(struct source *src, struct sink *sink, struct row *row)
{
	unsigned char *map;
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < BUFFERS; i++) {
		map = camera_map(&src->cam, i);
		if (!map)
			return row_fails(row, "the camera's buffer cannot be mapped");
		ret = sink_import(sink, i, src->bufs[i], row);
		if (!ret)
			ret = prove_same_inode(src->bufs[i], sink->fds[i], row);
		if (!ret)
			ret = prove_same_memory(map, src->bufs[i], sink->fds[i], row);
		munmap(map, src->cam.size);
	}
	return ret;
}

void flow_camera_exports(const struct options *opt, struct row *row)
{
	struct source src;
	struct sink sink;

	if (!source_open(&src, opt, row)) {
		if (!source_export(&src, row)) {
			if (!sink_open(&sink, DISPLAY_DRIVER, opt, row) &&
			    !share_camera_buffers(&src, &sink, row))
				pass_all(&src, &sink, opt, 1, row);
			sink_close(&sink);
		}
	}
	source_close(&src);
}

static int share_display_buffers(struct source *src, struct sink *sink, struct row *row)
{
	unsigned char *map;
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < BUFFERS; i++) {
		ret = sink_export(sink, i, row);
		if (ret)
			return ret;
		if (sink->bufs[i].pitch != src->cam.stride)
			return row_fails(row, "rows of %u bytes at the display, %u at the camera",
					 sink->bufs[i].pitch, src->cam.stride);
		map = display_map(&sink->dpy, &sink->bufs[i]);
		if (!map)
			return row_fails(row, "the display's buffer cannot be mapped");
		ret = prove_same_memory(map, sink->fds[i], sink->fds[i], row);
		munmap(map, sink->bufs[i].size);
	}
	return ret ? ret : source_import(src, sink->fds, row);
}

void flow_display_exports(const struct options *opt, struct row *row)
{
	struct source src;
	struct sink sink;

	if (!source_open(&src, opt, row)) {
		if (!sink_open(&sink, DISPLAY_DRIVER, opt, row) &&
		    !share_display_buffers(&src, &sink, row))
			pass_all(&src, &sink, opt, 1, row);
		sink_close(&sink);
	}
	source_close(&src);
}

static int share_heap_buffers(struct source *src, struct sink *sink, const int *bufs,
			      struct row *row)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < BUFFERS; i++) {
		ret = sink_import(sink, i, bufs[i], row);
		if (!ret)
			ret = prove_same_inode(bufs[i], sink->fds[i], row);
		if (!ret)
			ret = prove_same_memory(NULL, bufs[i], sink->fds[i], row);
	}
	return ret ? ret : source_import(src, bufs, row);
}

void flow_heap_exports(const struct options *opt, struct row *row)
{
	int bufs[BUFFERS], i, failed = 0;
	struct source src;
	struct sink sink;

	if (source_open(&src, opt, row))
		return;
	for (i = 0; i < BUFFERS; i++) {
		bufs[i] = exporter_heap.export(src.cam.size, O_RDWR | O_CLOEXEC);
		if (bufs[i] < 0)
			failed = row_fails(row, "heap: %s", strerror(-bufs[i]));
	}
	if (!failed) {
		if (!sink_open(&sink, DISPLAY_DRIVER, opt, row) &&
		    !share_heap_buffers(&src, &sink, bufs, row))
			pass_all(&src, &sink, opt, 2, row);
		sink_close(&sink);
	}
	source_close(&src);
	for (i = 0; i < BUFFERS; i++)
		if (bufs[i] >= 0)
			close(bufs[i]);
}

/* Keep the picture for some seconds, or until the host writes to standard input. */
static void hold_screen(const struct options *opt, const struct row *row)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };

	printf("DEMO-SCREEN-READY driver=%s picture=%u\n", opt->screen,
	       row->frames - 1 + row->lost);
	fflush(stdout);
	if (poll(&pfd, 1, opt->wait * 1000) == 1 && !(pfd.revents & POLLIN))
		sleep_ms(opt->wait * 1000);
}

void flow_screen(const struct options *opt, struct row *row)
{
	struct source src;
	struct sink sink;

	if (!source_open(&src, opt, row)) {
		if (!source_export(&src, row)) {
			if (!sink_open(&sink, opt->screen, opt, row) &&
			    !share_camera_buffers(&src, &sink, row) &&
			    !pass_all(&src, &sink, opt, 1, row)) {
				/* The driver copies each picture to its video memory. */
				row->copied = (unsigned long long)src.cam.size * row->frames;
				hold_screen(opt, row);
			}
			sink_close(&sink);
		}
	}
	source_close(&src);
}
