/* SPDX-License-Identifier: GPL-2.0-only */
/* demo - declarations shared by the files of the demo */
#ifndef SELFTEST_DMABUF_DEMO_H
#define SELFTEST_DMABUF_DEMO_H

#include <stdbool.h>

#include "camera.h"
#include "display.h"
#include "pattern.h"
#include "util.h"

#define BUFFERS		4

/**
 * struct options - options of the command line
 * @frames: number of pictures per direction
 * @width: width of a picture in pixels
 * @height: height of a picture in pixels
 * @screen: driver of a card with a screen, NULL to leave out that row
 * @wait: seconds that the last picture stays on the screen
 * @base: the kernel is an unmodified one, without the sample drivers
 */
struct options {
	unsigned int frames;
	unsigned int width;
	unsigned int height;
	const char *screen;
	unsigned int wait;
	bool base;
};

/**
 * struct row - one row of the table: the result of one direction
 * @name: name of the direction
 * @frames: number of pictures that were displayed correctly
 * @ms: time for all pictures, in milliseconds
 * @buffers: number of buffers
 * @copied: bytes that drivers copied
 * @fences: number of unsignalled fences in buffers that were queued to the camera
 * @pages: pages that the machine allocated per picture
 * @lost: number of pictures that the camera dropped because it had no buffer
 * @why: description of the first failure, empty without one
 */
struct row {
	const char *name;
	unsigned int frames;
	long long ms;
	unsigned int buffers;
	unsigned long long copied;
	unsigned int fences;
	unsigned long pages;
	unsigned int lost;
	char why[96];
};

/* row_fails() - record a failure, unless there is an earlier one; returns -1. */
int row_fails(struct row *row, const char *fmt, ...) __printf(2, 3);

/**
 * struct source - the camera and its buffers
 * @cam: the camera
 * @bufs: dma-bufs by the camera's buffer index
 * @owns: the camera exported @bufs
 */
struct source {
	struct camera cam;
	int bufs[BUFFERS];
	bool owns;
};

int source_open(struct source *src, const struct options *opt, struct row *row);
/* source_export() - allocate the camera's buffers and export them as @bufs. */
int source_export(struct source *src, struct row *row);
/* source_import() - let the camera write to @bufs of another driver. */
int source_import(struct source *src, const int *bufs, struct row *row);
/* source_start() - queue all buffers but @kept, and start streaming. */
int source_start(struct source *src, unsigned int kept, struct row *row);
/* source_release() - queue a buffer that the camera may fill when @fence is signalled. */
int source_release(struct source *src, unsigned int index, int fence, struct row *row);
int source_next(struct source *src, __u32 *index, __u32 *sequence, struct row *row);
void source_close(struct source *src);

/**
 * struct sink - the display and its buffers
 * @dpy: the display
 * @bufs: buffers of the display, by the camera's buffer index
 * @fds: dma-bufs that the display exports for @bufs
 * @shown: index of the buffer that was shown last
 * @proves: the display has the CRC of each picture
 */
struct sink {
	struct display dpy;
	struct display_buffer bufs[BUFFERS];
	int fds[BUFFERS];
	unsigned int shown;
	bool proves;
};

int sink_open(struct sink *sink, const char *driver, const struct options *opt,
	      struct row *row);
/* sink_import() - import a dma-buf of another driver; the caller closes @buf. */
int sink_import(struct sink *sink, unsigned int index, int buf, struct row *row);
/* sink_export() - allocate a buffer of the display and export it. */
int sink_export(struct sink *sink, unsigned int index, struct row *row);
int sink_start(struct sink *sink, unsigned int index, struct row *row);
/* sink_show() - flip; *@fence is signalled when the previous picture is off the screen. */
int sink_show(struct sink *sink, unsigned int index, int *fence, struct row *row);
/* sink_check() - wait for the flip and compare its CRC with that of pattern @sequence. */
int sink_check(struct sink *sink, __u32 sequence, struct row *row);
void sink_close(struct sink *sink);

/* picture_crc() - compute the CRC of pattern @number as the display does. */
__u32 picture_crc(unsigned int width, unsigned int height, __u32 number);

/* Proofs. Each records a failure in @row and returns -1 if it does not hold. */
int prove_same_inode(int one, int other, struct row *row);
/*
 * prove_same_memory() - check that bytes written through one mapping are read through the
 * other. @near is a mapping of @near_buf, or NULL to map @near_buf itself.
 */
int prove_same_memory(unsigned char *near, int near_buf, int far_buf, struct row *row);
/* prove_attached() - check that @devices devices are attached to the buffer. */
int prove_attached(int buf, unsigned int devices, struct row *row);

/**
 * struct census - number of buffers and page allocations at one moment
 * @objects: number of dma-bufs of the machine
 * @bytes: sum of their sizes
 * @allocated: number of pages allocated since boot
 */
struct census {
	unsigned int objects;
	unsigned long long bytes;
	unsigned long long allocated;
};

/* warm_up() - number of pictures after which all one-time allocations are done. */
unsigned int warm_up(const struct options *opt);
void census_take(struct census *census);
/* prove_no_new_pages() - check that no memory was allocated per picture since @before. */
int prove_no_new_pages(const struct census *before, unsigned int frames, unsigned int bytes,
		       struct row *row);

/* The directions. Each fills one row. */
void flow_camera_exports(const struct options *opt, struct row *row);
void flow_display_exports(const struct options *opt, struct row *row);
void flow_heap_exports(const struct options *opt, struct row *row);
void flow_two_processes(const struct options *opt, struct row *row);
void flow_screen(const struct options *opt, struct row *row);

/*
 * demo_heap() - print what devices say to buffers of the system heap; returns 1 on a failure.
 * With @base a refusal is none.
 */
int demo_heap(bool base);

#endif /* SELFTEST_DMABUF_DEMO_H */
