/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mock exporters and importers for the tests. A test sets what their callbacks do
 * and reads how they were called.
 */
#ifndef _DMA_BUF_TESTS_MOCK_BUFFER_H
#define _DMA_BUF_TESTS_MOCK_BUFFER_H

#include "../buffer/dma-buf-private.h"
#include "mock.h"

/* For mock_fail(): the callback succeeds, but returns no table or mapping. */
#define MOCK_NOTHING	1

/* The callbacks of an exporter. */
enum mock_op {
	MOCK_ATTACH,
	MOCK_DETACH,
	MOCK_PIN,
	MOCK_UNPIN,
	MOCK_MAP,
	MOCK_UNMAP,
	MOCK_BEGIN,
	MOCK_END,
	MOCK_MMAP,
	MOCK_VMAP,
	MOCK_VUNMAP,
	MOCK_RELEASE,
	MOCK_OPS
};

/**
 * struct mock_call - the behaviour of one callback, and its latest call
 * @fail_at: number of the call that fails, from 1; 0 for none
 * @error: errno of the call that fails
 * @sleep_us: microseconds that each call sleeps
 * @count: number of calls
 * @order: number of the latest call among the calls of all callbacks of the test
 * @locked: the latest call found the reservation lock held, by any thread
 * @in_task: the latest call ran in process context
 * @attach: attachment of the latest call, if it has one
 * @sgt: table that the latest call made or freed
 * @dir: direction of the latest call
 */
struct mock_call {
	int fail_at;
	int error;
	unsigned int sleep_us;
	atomic_t count;
	int order;
	bool locked;
	bool in_task;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	enum dma_data_direction dir;
};

/**
 * struct mock_exporter - an exporter of buffers with made-up addresses
 * @test: test that the exporter belongs to
 * @ops: one of the tables below, or a changed copy
 * @size: bytes of each buffer
 * @flags: flags of the export
 * @resv: reservation object for the export, or NULL for the buffer's own
 * @segments: number of segments in each table; 0 for tables that are all zero
 * @table_bytes: bytes that a table covers
 * @no_segments: set to make tables with nents = 0
 * @dma_base: DMA address of the first segment
 * @page: page of all segments and of the kernel mapping
 * @hook: called by each callback after it has counted the call, or NULL
 * @hook_data: for @hook
 * @released: completed by each release
 * @calls: behaviour and latest call of each callback
 */
struct mock_exporter {
	struct kunit *test;
	const struct dma_buf_ops *ops;
	size_t size;
	int flags;
	struct dma_resv *resv;
	unsigned int segments;
	size_t table_bytes;
	bool no_segments;
	dma_addr_t dma_base;
	struct page *page;
	void (*hook)(struct mock_exporter *exporter, enum mock_op op,
		     struct dma_buf *dmabuf);
	void *hook_data;
	struct completion released;
	struct mock_call calls[MOCK_OPS];
};

/* static: all callbacks but pin and unpin; dynamic: all; bare: the mandatory ones. */
extern const struct dma_buf_ops mock_static_ops;
extern const struct dma_buf_ops mock_dynamic_ops;
extern const struct dma_buf_ops mock_bare_ops;
/* mock_static_ops with cache_sgt_mapping. */
extern const struct dma_buf_ops mock_cached_ops;

/* Make an exporter of four pages in one segment; change its fields before exporting. */
struct mock_exporter *mock_exporter(struct kunit *test,
				    const struct dma_buf_ops *ops);

int mock_calls(struct mock_exporter *exporter, enum mock_op op);
/* Make the @nth call from now on fail with @error; 1 is the next call. */
void mock_fail(struct mock_exporter *exporter, enum mock_op op, int nth, int error);

/* Export a buffer. The caller owns the reference, and handles errors. */
struct dma_buf *mock_export(struct mock_exporter *exporter);
/* Export a buffer, asserting success. The test puts it when it ends. */
struct dma_buf *mock_buffer(struct kunit *test, struct mock_exporter *exporter);
/* Put the buffer now. If that drops the last reference, wait for its release. */
void mock_buffer_put(struct kunit *test, struct dma_buf *dmabuf);
/* Put the buffer now and release it in the test's thread, whose reports are counted. */
void mock_buffer_release(struct kunit *test, struct dma_buf *dmabuf);
/* Pass the test's reference to the caller. */
void mock_buffer_disown(struct kunit *test, struct dma_buf *dmabuf);
/*
 * Expect that some of the test's buffers were in the memory of released ones; @times is the
 * number of those. One CPU has to make the buffers one after the other, and to release them
 * by mock_buffer_release(). With KASAN no memory is reused at once.
 */
void mock_expect_reuse(struct kunit *test, unsigned int times);

/**
 * struct mock_importer - a dynamic importer
 * @moves: number of calls of its move_notify
 * @locked: the latest call found the reservation lock held, by any thread
 * @sgt: for the test's use: table that it has mapped
 */
struct mock_importer {
	atomic_t moves;
	bool locked;
	struct sg_table *sgt;
};

extern const struct dma_buf_attach_ops mock_importer_ops;
extern const struct dma_buf_attach_ops mock_peer_importer_ops;

/* Attach a new device; @importer is NULL for a static importer. */
struct dma_buf_attachment *mock_attach(struct kunit *test, struct dma_buf *dmabuf,
				       struct mock_importer *importer);
/* Detach now instead of at the end of the test. */
void mock_detach(struct kunit *test, struct dma_buf_attachment *attach);

void mock_add_fence(struct kunit *test, struct dma_buf *dmabuf,
		    struct dma_fence *fence, enum dma_resv_usage usage);

/* From now on, reports of the test's own thread are counted and do not warn. */
void mock_expect_report(struct kunit *test);
int mock_reports(struct kunit *test, enum dma_buf_rule rule);
/* Number of reports of all rules, to expect that no other rule was reported. */
int mock_reports_total(struct kunit *test);

/* Call an ioctl of a buffer; @arg is copied to user memory and back. */
long mock_ioctl(struct kunit *test, struct dma_buf *dmabuf, unsigned int cmd,
		void *arg, size_t size);

#endif /* _DMA_BUF_TESTS_MOCK_BUFFER_H */
