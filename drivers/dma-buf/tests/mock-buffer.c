// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mock exporters and importers, and the reports of rules that a test expects.
 *
 * The mocks do not use the DMA API, which UML lacks by default. The DMA addresses
 * in their tables are made up and never accessed.
 */

#include <kunit/static_stub.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/path.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "mock-buffer.h"

#define MOCK_PAGES	4
#define MOCK_DMA_BASE	0x40000000

/* Count a call; returns the errno that it has to fail with, or 0. */
static int mock_called(struct mock_exporter *exporter, enum mock_op op,
		       struct dma_buf *dmabuf)
{
	struct mock_context *ctx = mock_context(exporter->test);
	struct mock_call *call = &exporter->calls[op];
	int nth = atomic_inc_return(&call->count);

	WRITE_ONCE(call->order, atomic_inc_return(&ctx->order));
	WRITE_ONCE(call->locked, dma_resv_is_locked(dmabuf->resv));
	WRITE_ONCE(call->in_task, in_task());
	if (exporter->hook)
		exporter->hook(exporter, op, dmabuf);
	if (call->sleep_us)
		fsleep(call->sleep_us);
	return nth == READ_ONCE(call->fail_at) ? call->error : 0;
}

static int mock_attach_called(struct dma_buf_attachment *attach, enum mock_op op)
{
	struct mock_exporter *exporter = attach->dmabuf->priv;

	WRITE_ONCE(exporter->calls[op].attach, attach);
	return mock_called(exporter, op, attach->dmabuf);
}

static int mock_op_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	return mock_attach_called(attach, MOCK_ATTACH);
}

static void mock_op_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	mock_attach_called(attach, MOCK_DETACH);
}

static int mock_op_pin(struct dma_buf_attachment *attach)
{
	return mock_attach_called(attach, MOCK_PIN);
}

static void mock_op_unpin(struct dma_buf_attachment *attach)
{
	mock_attach_called(attach, MOCK_UNPIN);
}

static struct sg_table *mock_table(struct mock_exporter *exporter)
{
	dma_addr_t addr = exporter->dma_base;
	struct scatterlist *sg;
	struct sg_table *sgt;
	size_t bytes;
	int i;

	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt || !exporter->segments)
		return sgt;
	bytes = exporter->table_bytes / exporter->segments;
	if (sg_alloc_table(sgt, exporter->segments, GFP_KERNEL)) {
		kfree(sgt);
		return NULL;
	}
	for_each_sgtable_sg(sgt, sg, i) {
		sg_set_page(sg, exporter->page, bytes, 0);
		sg_dma_address(sg) = addr;
		sg_dma_len(sg) = bytes;
		/* Leave a gap, so that the segments cannot be merged. */
		addr += bytes + PAGE_SIZE;
	}
	if (exporter->no_segments)
		sgt->nents = 0;
	return sgt;
}

static struct sg_table *mock_op_map(struct dma_buf_attachment *attach,
				    enum dma_data_direction dir)
{
	struct mock_exporter *exporter = attach->dmabuf->priv;
	struct mock_call *call = &exporter->calls[MOCK_MAP];
	struct sg_table *sgt;
	int error;

	WRITE_ONCE(call->dir, dir);
	error = mock_attach_called(attach, MOCK_MAP);
	if (error)
		return error == MOCK_NOTHING ? NULL : ERR_PTR(error);

	sgt = mock_table(exporter);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	WRITE_ONCE(call->sgt, sgt);
	atomic_inc(&mock_context(exporter->test)->tables);
	return sgt;
}

static void mock_op_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			  enum dma_data_direction dir)
{
	struct mock_exporter *exporter = attach->dmabuf->priv;
	struct mock_call *call = &exporter->calls[MOCK_UNMAP];

	WRITE_ONCE(call->dir, dir);
	WRITE_ONCE(call->sgt, sgt);
	mock_attach_called(attach, MOCK_UNMAP);
	sg_free_table(sgt);
	kfree(sgt);
	atomic_dec(&mock_context(exporter->test)->tables);
}

static int mock_op_begin(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	struct mock_exporter *exporter = dmabuf->priv;

	WRITE_ONCE(exporter->calls[MOCK_BEGIN].dir, dir);
	return mock_called(exporter, MOCK_BEGIN, dmabuf);
}

static int mock_op_end(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	struct mock_exporter *exporter = dmabuf->priv;

	WRITE_ONCE(exporter->calls[MOCK_END].dir, dir);
	return mock_called(exporter, MOCK_END, dmabuf);
}

static int mock_op_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	return mock_called(dmabuf->priv, MOCK_MMAP, dmabuf);
}

static int mock_op_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct mock_exporter *exporter = dmabuf->priv;
	int error = mock_called(exporter, MOCK_VMAP, dmabuf);

	if (error)
		return error == MOCK_NOTHING ? 0 : error;
	iosys_map_set_vaddr(map, page_address(exporter->page));
	return 0;
}

static void mock_op_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	mock_called(dmabuf->priv, MOCK_VUNMAP, dmabuf);
}

static void mock_op_release(struct dma_buf *dmabuf)
{
	struct mock_exporter *exporter = dmabuf->priv;
	struct mock_context *ctx = mock_context(exporter->test);

	mock_called(exporter, MOCK_RELEASE, dmabuf);
	complete(&exporter->released);
	/* Must be last: the test may free the exporter after it. */
	atomic_dec(&ctx->buffers);
}

const struct dma_buf_ops mock_bare_ops = {
	.map_dma_buf = mock_op_map,
	.unmap_dma_buf = mock_op_unmap,
	.release = mock_op_release,
};

#define MOCK_STATIC_OPS				\
	.attach = mock_op_attach,		\
	.detach = mock_op_detach,		\
	.map_dma_buf = mock_op_map,		\
	.unmap_dma_buf = mock_op_unmap,		\
	.begin_cpu_access = mock_op_begin,	\
	.end_cpu_access = mock_op_end,		\
	.mmap = mock_op_mmap,			\
	.vmap = mock_op_vmap,			\
	.vunmap = mock_op_vunmap,		\
	.release = mock_op_release

const struct dma_buf_ops mock_static_ops = {
	MOCK_STATIC_OPS,
};

const struct dma_buf_ops mock_cached_ops = {
	MOCK_STATIC_OPS,
	.cache_sgt_mapping = true,
};

const struct dma_buf_ops mock_dynamic_ops = {
	MOCK_STATIC_OPS,
	.pin = mock_op_pin,
	.unpin = mock_op_unpin,
};

static void mock_page_free(void *page)
{
	/* A file whose release is still deferred may hold the last reference to a buffer. */
	mock_flush();
	__free_page(page);
}

struct mock_exporter *mock_exporter(struct kunit *test,
				    const struct dma_buf_ops *ops)
{
	struct mock_exporter *exporter;

	exporter = kunit_kzalloc(test, sizeof(*exporter), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, exporter);

	exporter->page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, exporter->page);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, mock_page_free,
							   exporter->page));
	exporter->test = test;
	exporter->ops = ops;
	exporter->size = MOCK_PAGES * PAGE_SIZE;
	exporter->flags = O_RDWR;
	exporter->segments = 1;
	exporter->table_bytes = exporter->size;
	exporter->dma_base = MOCK_DMA_BASE;
	init_completion(&exporter->released);
	return exporter;
}

int mock_calls(struct mock_exporter *exporter, enum mock_op op)
{
	return atomic_read(&exporter->calls[op].count);
}

void mock_fail(struct mock_exporter *exporter, enum mock_op op, int nth, int error)
{
	exporter->calls[op].error = error;
	WRITE_ONCE(exporter->calls[op].fail_at, mock_calls(exporter, op) + nth);
}

struct dma_buf *mock_export(struct mock_exporter *exporter)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dmabuf;

	info.exp_name = "mock";
	info.ops = exporter->ops;
	info.size = exporter->size;
	info.flags = exporter->flags;
	info.resv = exporter->resv;
	info.priv = exporter;
	dmabuf = dma_buf_export(&info);
	if (!IS_ERR(dmabuf))
		atomic_inc(&mock_context(exporter->test)->buffers);
	return dmabuf;
}

static void mock_buffer_action(void *dmabuf)
{
	dma_buf_put(dmabuf);
	/* Cheaper than mock_flush(), and enough in most cases; a test may have many buffers. */
	flush_delayed_fput();
}

struct dma_buf *mock_buffer(struct kunit *test, struct mock_exporter *exporter)
{
	struct dma_buf *dmabuf = mock_export(exporter);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dmabuf);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, mock_buffer_action,
							   dmabuf));
	return dmabuf;
}

void mock_buffer_put(struct kunit *test, struct dma_buf *dmabuf)
{
	kunit_release_action(test, mock_buffer_action, dmabuf);
	mock_flush();
}

void mock_buffer_release(struct kunit *test, struct dma_buf *dmabuf)
{
	struct path path = dmabuf->file->f_path;

	path_get(&path);
	mock_buffer_put(test, dmabuf);
	path_put(&path);
}

void mock_expect_reuse(struct kunit *test, unsigned int times)
{
	if (!IS_ENABLED(CONFIG_KASAN))
		KUNIT_EXPECT_GT_MSG(test, times, 0, "no memory was reused");
}

void mock_buffer_disown(struct kunit *test, struct dma_buf *dmabuf)
{
	kunit_remove_action(test, mock_buffer_action, dmabuf);
}

static void mock_move_notify(struct dma_buf_attachment *attach)
{
	struct mock_importer *importer = attach->importer_priv;

	atomic_inc(&importer->moves);
	importer->locked = dma_resv_is_locked(attach->dmabuf->resv);
}

const struct dma_buf_attach_ops mock_importer_ops = {
	.move_notify = mock_move_notify,
};

const struct dma_buf_attach_ops mock_peer_importer_ops = {
	.allow_peer2peer = true,
	.move_notify = mock_move_notify,
};

static void mock_attach_action(void *in)
{
	struct dma_buf_attachment *attach = in;

	dma_buf_detach(attach->dmabuf, attach);
}

struct dma_buf_attachment *mock_attach(struct kunit *test, struct dma_buf *dmabuf,
				       struct mock_importer *importer)
{
	struct dma_buf_attachment *attach;

	attach = dma_buf_dynamic_attach(dmabuf, mock_device(test),
					importer ? &mock_importer_ops : NULL, importer);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, mock_attach_action,
							   attach));
	return attach;
}

void mock_detach(struct kunit *test, struct dma_buf_attachment *attach)
{
	kunit_release_action(test, mock_attach_action, attach);
}

void mock_add_fence(struct kunit *test, struct dma_buf *dmabuf,
		    struct dma_fence *fence, enum dma_resv_usage usage)
{
	int ret;

	dma_resv_lock(dmabuf->resv, NULL);
	ret = dma_resv_reserve_fences(dmabuf->resv, 1);
	if (!ret)
		dma_resv_add_fence(dmabuf->resv, fence, usage);
	dma_resv_unlock(dmabuf->resv);
	KUNIT_ASSERT_EQ(test, 0, ret);
}

static void mock_report(enum dma_buf_rule rule, struct dma_buf *dmabuf,
			struct dma_buf_attachment *attach)
{
	struct mock_context *ctx = mock_context(kunit_get_current_test());

	atomic_inc(&ctx->reports[rule]);
	ctx->reported = attach;
}

static void mock_report_driver(enum dma_buf_rule rule, const char *exporter,
			       const char *importer)
{
	mock_report(rule, NULL, NULL);
}

void mock_expect_report(struct kunit *test)
{
	kunit_activate_static_stub(test, dma_buf_report, mock_report);
	kunit_activate_static_stub(test, dma_buf_report_driver, mock_report_driver);
}

int mock_reports(struct kunit *test, enum dma_buf_rule rule)
{
	return atomic_read(&mock_context(test)->reports[rule]);
}

int mock_reports_total(struct kunit *test)
{
	int total = 0;

	for (int rule = 0; rule < DMA_BUF_RULE_COUNT; rule++)
		total += mock_reports(test, rule);
	return total;
}

long mock_ioctl(struct kunit *test, struct dma_buf *dmabuf, unsigned int cmd, void *arg,
		size_t size)
{
	return mock_file_ioctl(test, dmabuf->file, cmd, arg, size);
}
