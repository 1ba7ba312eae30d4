/* SPDX-License-Identifier: GPL-2.0-only */
/* demo - what the files of the demonstration share */
#ifndef SELFTEST_DMABUF_DEMO_H
#define SELFTEST_DMABUF_DEMO_H

#include <stdbool.h>

#include "camera.h"
#include "display.h"
#include "pattern.h"
#include "util.h"

#define BUFFERS		4

/**
 * struct options - what the command line says
 * @frames: pictures per direction
 * @width: of a picture
 * @height: of a picture
 * @screen: driver of the card that has a screen, NULL to leave it out
 * @wait: seconds that the last picture stays on the screen
 */
struct options {
	unsigned int frames;
	unsigned int width;
	unsigned int height;
	const char *screen;
	unsigned int wait;
};

/**
 * struct row - one line of the table
 * @name: the direction
 * @frames: pictures that arrived and were the right ones
 * @ms: time that they took
 * @buffers: how many buffers they came through
 * @copied: bytes that were copied on the way
 * @fences: unsignalled fences that the camera had to wait for before it wrote
 * @pages: pages that the machine allocated per picture meanwhile
 * @lost: pictures that the camera dropped for want of a buffer
 * @why: what failed, empty when nothing did
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

/* row_fails() - keeps the first reason; returns -1 so that a caller can pass it on. */
int row_fails(struct row *row, const char *fmt, ...) __printf(2, 3);

/**
 * struct source - the camera's end
 * @cam: the camera
 * @bufs: dma-bufs by the camera's index, its own or those that it was given
 * @owns: @bufs are exported by the camera
 */
struct source {
	struct camera cam;
	int bufs[BUFFERS];
	bool owns;
};

int source_open(struct source *src, const struct options *opt, struct row *row);
/* source_export() - the camera's own memory as @bufs. */
int source_export(struct source *src, struct row *row);
/* source_import() - other drivers' memory for the camera to write to. */
int source_import(struct source *src, const int *bufs, struct row *row);
/* source_start() - all buffers but @kept are the camera's to fill. */
int source_start(struct source *src, unsigned int kept, struct row *row);
/* source_release() - the camera may write again, once @fence is signalled. */
int source_release(struct source *src, unsigned int index, int fence, struct row *row);
int source_next(struct source *src, __u32 *index, __u32 *sequence, struct row *row);
void source_close(struct source *src);

/**
 * struct sink - the display's end
 * @dpy: the display
 * @bufs: what it shows, by the camera's index
 * @fds: dma-bufs of the same
 * @shown: index of what is on the screen
 * @proves: the display tells the CRC of each picture
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
/* sink_import() - a dma-buf of another driver; it stays the caller's to close. */
int sink_import(struct sink *sink, unsigned int index, int buf, struct row *row);
/* sink_export() - a buffer of the display's own, and its dma-buf. */
int sink_export(struct sink *sink, unsigned int index, struct row *row);
int sink_start(struct sink *sink, unsigned int index, struct row *row);
/* sink_show() - *@fence is signalled when the picture before is off the screen. */
int sink_show(struct sink *sink, unsigned int index, int *fence, struct row *row);
/* sink_check() - waits for the picture and compares it with the pattern of that number. */
int sink_check(struct sink *sink, __u32 sequence, struct row *row);
void sink_close(struct sink *sink);

/* picture_crc() - of the pattern with that number, as the display computes it. */
__u32 picture_crc(unsigned int width, unsigned int height, __u32 number);

/* Proofs: each fails the row with what it found. */
int prove_same_inode(int one, int other, struct row *row);
/* prove_same_memory() - a byte written through @near (or its dma-buf) is read at @far. */
int prove_same_memory(unsigned char *near, int near_buf, int far_buf, struct row *row);
/* prove_attached() - so many devices are attached to the buffer. */
int prove_attached(int buf, unsigned int devices, struct row *row);

/**
 * struct census - what there is of buffers and pages at one moment
 * @objects: dma-bufs of the machine
 * @bytes: their sizes' sum
 * @allocated: pages allocated since the machine started
 */
struct census {
	unsigned int objects;
	unsigned long long bytes;
	unsigned long long allocated;
};

/* warm_up() - pictures after which all that is made only once has been made. */
unsigned int warm_up(const struct options *opt);
void census_take(struct census *census);
/* prove_no_new_pages() - nothing was allocated per picture since @before. */
int prove_no_new_pages(const struct census *before, unsigned int frames, unsigned int bytes,
		       struct row *row);

/* The directions, a row each. */
void flow_camera_exports(const struct options *opt, struct row *row);
void flow_display_exports(const struct options *opt, struct row *row);
void flow_heap_exports(const struct options *opt, struct row *row);
void flow_two_processes(const struct options *opt, struct row *row);
void flow_screen(const struct options *opt, struct row *row);

#endif /* SELFTEST_DMABUF_DEMO_H */
