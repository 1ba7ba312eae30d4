/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the buffer core's tests share: exporters, importers, devices and fences
 * that do as they are told and remember what was done to them.
 *
 * Every suite has mock_init() as its init callback. What a test makes with the
 * functions here goes away with the test, latest first; after the last of it is
 * gone, a test fails whose buffers, fences or tables are not gone too.
 */
#ifndef _DMA_BUF_TESTS_MOCK_H
#define _DMA_BUF_TESTS_MOCK_H

#include <kunit/test.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>

#include "../buffer/dma-buf-private.h"

/* An errno that is none: the callback claims success and returns nothing. */
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
 * struct mock_call - one callback: what it is to do, and its latest call
 * @fail_at: number of the call that fails, from 1; 0 for none
 * @error: what that call fails with
 * @sleep_us: how long each call takes
 * @count: calls so far
 * @order: place of the call among all calls of all callbacks of the test
 * @locked: somebody held the reservation lock
 * @in_task: ran in process context
 * @attach: attachment concerned, if any
 * @sgt: table that was made or given back
 * @dir: direction
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
 * @test: test it belongs to
 * @ops: callbacks, of those below or a changed copy
 * @size: bytes of each buffer
 * @flags: flags of the export
 * @resv: reservation object of the exporter's own, or NULL
 * @segments: segments of each table
 * @table_bytes: bytes that a table covers
 * @no_segments: a table counts none of its segments as mapped
 * @dma_base: DMA address of the first segment
 * @page: the memory behind all segments, and behind the kernel mapping
 * @hook: called in each callback after it was counted, or NULL
 * @hook_data: for @hook
 * @released: completed by each release
 * @calls: the callbacks
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

/* All callbacks but pin and unpin; with pin and unpin; the mandatory ones. */
extern const struct dma_buf_ops mock_static_ops;
extern const struct dma_buf_ops mock_dynamic_ops;
extern const struct dma_buf_ops mock_bare_ops;
/* As mock_static_ops, with cache_sgt_mapping. */
extern const struct dma_buf_ops mock_cached_ops;

/* Four pages in one segment; change the fields before the first export. */
struct mock_exporter *mock_exporter(struct kunit *test,
				    const struct dma_buf_ops *ops);

/* How often the callback was called. */
int mock_calls(struct mock_exporter *exporter, enum mock_op op);
/* Let the n-th call from now on, 1 being the next, fail with an errno. */
void mock_fail(struct mock_exporter *exporter, enum mock_op op, int nth, int error);

/* An export with nobody to drop the reference, and all errors passed through. */
struct dma_buf *mock_export(struct mock_exporter *exporter);
/* A buffer that the test drops when it ends ... */
struct dma_buf *mock_buffer(struct kunit *test, struct mock_exporter *exporter);
/* ... or now, until its release has run if this was the last reference ... */
void mock_buffer_put(struct kunit *test, struct dma_buf *dmabuf);
/* ... or now, with the release in the test's own thread, whose reports count ... */
void mock_buffer_release(struct kunit *test, struct dma_buf *dmabuf);
/* ... or does not drop: the reference is the caller's. */
void mock_buffer_disown(struct kunit *test, struct dma_buf *dmabuf);
/* Wait for the releases that dma_buf_put() left to a worker. */
void mock_flush(void);

/* A device that reaches 32 bits, or another number of them. */
struct device *mock_device(struct kunit *test);
struct device *mock_device_masked(struct kunit *test, u64 mask);

/**
 * struct mock_importer - an importer that follows moves
 * @moves: calls of its move_notify
 * @locked: somebody held the reservation lock in the latest one
 */
struct mock_importer {
	atomic_t moves;
	bool locked;
};

extern const struct dma_buf_attach_ops mock_importer_ops;
extern const struct dma_buf_attach_ops mock_peer_importer_ops;

/* The attachment of a new device, by a dynamic importer, or NULL for a static one. */
struct dma_buf_attachment *mock_attach(struct kunit *test, struct dma_buf *dmabuf,
				       struct mock_importer *importer);
/* Detach now and not at the end of the test. */
void mock_detach(struct kunit *test, struct dma_buf_attachment *attach);

/**
 * struct mock_fence - a fence that the test signals
 * @base: the fence
 * @lock: its lock
 * @context: what is counted for the test
 * @enabled: calls of enable_signaling
 * @deadline: the latest deadline it was given
 * @late: finds itself signalled when signalling is enabled
 */
struct mock_fence {
	struct dma_fence base;
	spinlock_t lock;	/* what dma_fence_init() wants */
	struct mock_context *context;
	atomic_t enabled;
	ktime_t deadline;
	bool late;
};

/* In a context of its own, or at a given point; signalled and put with the test. */
struct dma_fence *mock_fence(struct kunit *test);
struct dma_fence *mock_fence_at(struct kunit *test, u64 context, u64 seqno);
struct mock_fence *to_mock_fence(struct dma_fence *fence);
/* Drop the test's reference, and leave the fence as it is. */
void mock_fence_put(struct kunit *test, struct dma_fence *fence);
/* Put a fence into the buffer's reservation object. */
void mock_add_fence(struct kunit *test, struct dma_buf *dmabuf,
		    struct dma_fence *fence, enum dma_resv_usage usage);

/**
 * struct mock_context - what is counted for one test
 * @test: the test
 * @buffers: exported and not released
 * @tables: mapped and not unmapped
 * @fences: made and not released
 * @order: calls of exporters' callbacks
 * @reports: reports of broken rules, by rule
 * @reported: attachment of the latest report
 */
struct mock_context {
	struct kunit *test;
	atomic_t buffers;
	atomic_t tables;
	atomic_t fences;
	atomic_t order;
	atomic_t reports[DMA_BUF_RULE_COUNT];
	struct dma_buf_attachment *reported;
};

int mock_init(struct kunit *test);

/* From now on, count the reports of the test's own thread and do not warn. */
void mock_expect_report(struct kunit *test);
int mock_reports(struct kunit *test, enum dma_buf_rule rule);
/* Those of all rules: what a test expects that means "this one and no other". */
int mock_reports_total(struct kunit *test);

/* Memory of a user address space that the test's thread gets; skips without. */
unsigned long mock_user_memory(struct kunit *test, size_t size);
/* A page of it that can be read and not written, with something in it. */
unsigned long mock_user_read_only(struct kunit *test, const void *data, size_t size);
/* An ioctl with its argument in such memory, copied there and back; of a buffer. */
long mock_file_ioctl(struct kunit *test, struct file *file, unsigned int cmd, void *arg,
		     size_t size);
long mock_ioctl(struct kunit *test, struct dma_buf *dmabuf, unsigned int cmd,
		void *arg, size_t size);

#endif /* _DMA_BUF_TESTS_MOCK_H */
