/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records the trace events of buffers, and reads what they print.
 */
#ifndef _DMA_BUF_TESTS_TRACER_H
#define _DMA_BUF_TESTS_TRACER_H

#include <linux/tracepoint.h>

#include "mock-buffer.h"

struct trace_array;
struct vfsmount;

/* The events, and their names. */
enum traced_event {
	EVENT_EXPORT,
	EVENT_FD,
	EVENT_GET,
	EVENT_PUT,
	EVENT_NEGOTIATE,
	EVENT_ATTACH,
	EVENT_DETACH,
	EVENT_MMAP,
	EVENT_MMAP_INTERNAL,
	EVENTS
};

extern const char *const traced_event_names[EVENTS];

/**
 * struct traced - the latest event of one kind, and what it found
 * @count: number of events
 * @order: number of the event among the exporter's callbacks and the events of the test
 * @dmabuf: its argument
 * @attach: its argument, if it has one
 * @dev: its argument, if it has one
 * @is_dynamic: its argument, if it has one
 * @fd: its argument, if it has one
 * @must: copy of its argument, if it has one
 * @want: copy of its argument, if it has one
 * @misfit: copy of what the negotiation has found, if it has one
 * @wanted: the same
 * @replaced: the same
 * @ret: its argument, if it has one
 * @references: references to the buffer's file
 * @ino: inode number of the buffer
 * @listed: the registry listed the buffer
 * @installed: the descriptor was in the table of descriptors
 * @locked: the reservation lock was held
 * @in_hardirq: the event was traced in hardirq context
 */
struct traced {
	int count;
	int order;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	struct device *dev;
	bool is_dynamic;
	int fd;
	struct dma_buf_needs must;
	struct dma_buf_needs want;
	struct dma_buf_misfit misfit;
	u64 wanted;
	bool replaced;
	int ret;
	long references;
	unsigned long ino;
	bool listed;
	bool installed;
	bool locked;
	bool in_hardirq;
};

/**
 * struct mock_tracer - the events of one exporter's buffers
 * @test: the test
 * @exporter: the exporter, or NULL to count the events of all buffers
 * @points: the tracepoints
 * @events: the latest events
 */
struct mock_tracer {
	struct kunit *test;
	struct mock_exporter *exporter;
	struct tracepoint *points[EVENTS];
	struct traced events[EVENTS];
};

/* Trace all events of the exporter's buffers until tracer_stop() or the end of the test. */
struct mock_tracer *tracer_start(struct kunit *test, struct mock_exporter *exporter);
/* Stop, and wait until no probe runs. */
void tracer_stop(struct mock_tracer *tracer);
void tracer_forget(struct mock_tracer *tracer);

/* Expect one event, of this kind and for @dmabuf, since the last call; forget it. */
void tracer_expect_one(struct mock_tracer *tracer, enum traced_event event, struct dma_buf *dmabuf);
void tracer_expect_none(struct mock_tracer *tracer);

/**
 * struct trace_text - what the events of the test print
 * @array: buffer of the events
 * @mnt: mount of tracefs
 * @text: the text, with a NUL
 */
struct trace_text {
	struct trace_array *array;
	struct vfsmount *mnt;
	char text[4096];
};

/* Switch the events on, in a buffer of their own. */
struct trace_text *trace_text_begin(struct kunit *test);
/* Read what they have printed to @text. */
void trace_text_read(struct kunit *test, struct trace_text *trace);

#endif /* _DMA_BUF_TESTS_TRACER_H */
