// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of export and release: what an export sets up and refuses, and when and in
 * which context release runs.
 */

#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/path.h>
#include <linux/slab.h>
#include <linux/timer.h>

#include "mock-buffer.h"

/* Limit for a release in a worker; reached only if the worker never runs. */
#define RELEASE_TIMEOUT	(10 * HZ)

static void export_sets_the_members(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);

	KUNIT_EXPECT_EQ(test, dmabuf->size, exporter->size);
	KUNIT_EXPECT_PTR_EQ(test, dmabuf->ops, &mock_static_ops);
	KUNIT_EXPECT_PTR_EQ(test, dmabuf->priv, exporter);
	KUNIT_EXPECT_TRUE(test, list_empty(&dmabuf->attachments));
	KUNIT_EXPECT_EQ(test, file_count(dmabuf->file), 1);
}

static void export_brings_a_reservation_object(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct dma_buf *first = mock_buffer(test, exporter);
	struct dma_buf *second = mock_buffer(test, exporter);

	KUNIT_ASSERT_NOT_NULL(test, first->resv);
	KUNIT_ASSERT_NOT_NULL(test, second->resv);
	KUNIT_EXPECT_PTR_NE(test, first->resv, second->resv);
	KUNIT_EXPECT_FALSE(test, dma_resv_is_locked(first->resv));
	KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(first->resv,
						       DMA_RESV_USAGE_BOOKKEEP));
}

KUNIT_DEFINE_ACTION_WRAPPER(resv_fini, dma_resv_fini, struct dma_resv *);

static void export_uses_the_exporters_reservation_object(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct dma_resv *resv = kunit_kzalloc(test, sizeof(*resv), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, resv);
	dma_resv_init(resv);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, resv_fini, resv));

	exporter->resv = resv;
	KUNIT_EXPECT_PTR_EQ(test, mock_buffer(test, exporter)->resv, resv);
	KUNIT_EXPECT_PTR_EQ(test, mock_buffer(test, exporter)->resv, resv);
}

static void is_dynamic_if_the_exporter_pins(struct kunit *test)
{
	struct mock_exporter *fixed = mock_exporter(test, &mock_static_ops);
	struct mock_exporter *moving = mock_exporter(test, &mock_dynamic_ops);

	KUNIT_EXPECT_FALSE(test, dma_buf_is_dynamic(mock_buffer(test, fixed)));
	KUNIT_EXPECT_TRUE(test, dma_buf_is_dynamic(mock_buffer(test, moving)));
}

struct refusal {
	const char *desc;
	void (*invalidate)(struct dma_buf_export_info *info, struct dma_buf_ops *ops);
};

static void without_priv(struct dma_buf_export_info *info, struct dma_buf_ops *ops)
{
	info->priv = NULL;
}

static void without_ops(struct dma_buf_export_info *info, struct dma_buf_ops *ops)
{
	info->ops = NULL;
}

static void without_map(struct dma_buf_export_info *info, struct dma_buf_ops *ops)
{
	ops->map_dma_buf = NULL;
}

static void without_unmap(struct dma_buf_export_info *info, struct dma_buf_ops *ops)
{
	ops->unmap_dma_buf = NULL;
}

static void without_release(struct dma_buf_export_info *info, struct dma_buf_ops *ops)
{
	ops->release = NULL;
}

static void without_unpin(struct dma_buf_export_info *info, struct dma_buf_ops *ops)
{
	ops->pin = mock_dynamic_ops.pin;
}

static void without_pin(struct dma_buf_export_info *info, struct dma_buf_ops *ops)
{
	ops->unpin = mock_dynamic_ops.unpin;
}

static void cached_and_dynamic(struct dma_buf_export_info *info, struct dma_buf_ops *ops)
{
	*ops = mock_dynamic_ops;
	ops->cache_sgt_mapping = true;
}

static const struct refusal refusals[] = {
	{ "no private data", without_priv },
	{ "no callbacks", without_ops },
	{ "no map", without_map },
	{ "no unmap", without_unmap },
	{ "no release", without_release },
	{ "pin without unpin", without_unpin },
	{ "unpin without pin", without_pin },
	{ "cached mappings and pin", cached_and_dynamic },
};

KUNIT_ARRAY_PARAM_DESC(refusal, refusals, desc);

static void export_refuses(struct kunit *test)
{
	const struct refusal *refusal = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf_ops ops = mock_static_ops;
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.size = exporter->size;
	info.ops = &ops;
	info.priv = exporter;
	refusal->invalidate(&info, &ops);

	mock_expect_report(test);
	KUNIT_EXPECT_EQ(test, PTR_ERR(dma_buf_export(&info)), -EINVAL);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_EXPORT), 1);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 1);
	/* A refused export does not release the exporter's memory. */
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 0);
}

static void release_once_after_the_last_reference(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);

	get_dma_buf(dmabuf);
	get_dma_buf(dmabuf);
	dma_buf_put(dmabuf);
	dma_buf_put(dmabuf);
	mock_flush();
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 0);

	mock_buffer_put(test, dmabuf);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 1);
	KUNIT_EXPECT_TRUE(test, exporter->calls[MOCK_RELEASE].in_task);
	KUNIT_EXPECT_FALSE(test, exporter->calls[MOCK_RELEASE].locked);
}

struct timer_put {
	struct timer_list timer;
	struct dma_buf *dmabuf;
	bool in_task;
};

static void put_from_timer(struct timer_list *timer)
{
	struct timer_put *put = from_timer(put, timer, timer);

	put->in_task = in_task();
	dma_buf_put(put->dmabuf);
}

static void release_in_process_context_after_put_in_interrupt(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct timer_put put = { .dmabuf = mock_buffer(test, exporter), .in_task = true };

	mock_buffer_disown(test, put.dmabuf);
	timer_setup_on_stack(&put.timer, put_from_timer, 0);
	mod_timer(&put.timer, jiffies);
	KUNIT_EXPECT_NE(test, 0, wait_for_completion_timeout(&exporter->released,
							     RELEASE_TIMEOUT));
	del_timer_sync(&put.timer);
	destroy_timer_on_stack(&put.timer);

	KUNIT_EXPECT_FALSE(test, put.in_task);
	KUNIT_EXPECT_TRUE(test, exporter->calls[MOCK_RELEASE].in_task);
}

static void release_waits_for_the_last_path(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct path path = dmabuf->file->f_path;

	path_get(&path);
	mock_buffer_put(test, dmabuf);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 0);
	/* The path keeps the inode valid. */
	KUNIT_EXPECT_EQ(test, i_size_read(d_inode(path.dentry)), exporter->size);

	path_put(&path);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 1);
}

/* An inotify watch holds such a reference to the inode. */
static void release_does_not_wait_for_the_inode(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct inode *inode = file_inode(dmabuf->file);

	ihold(inode);
	mock_buffer_put(test, dmabuf);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 1);
	KUNIT_EXPECT_EQ(test, i_size_read(inode), exporter->size);
	iput(inode);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 1);
}

static void path_does_not_open_again(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct path path = dmabuf->file->f_path;
	struct file *file;

	path_get(&path);
	mock_buffer_put(test, dmabuf);
	file = dentry_open(&path, O_RDONLY, current_cred());
	path_put(&path);

	KUNIT_EXPECT_TRUE(test, IS_ERR(file));
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 1);
}

static void release_waits_for_importers(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_buf_attachment *attach;

	get_dma_buf(dmabuf);
	attach = mock_attach(test, dmabuf, NULL);
	mock_buffer_put(test, dmabuf);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 0);

	mock_detach(test, attach);
	dma_buf_put(dmabuf);
	mock_flush();
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 1);
	KUNIT_EXPECT_LT(test, exporter->calls[MOCK_DETACH].order,
			exporter->calls[MOCK_RELEASE].order);
}

/* Free the reservation object, as release of drivers does that embed it in their object. */
static void free_own_resv(struct mock_exporter *exporter, enum mock_op op,
			  struct dma_buf *dmabuf)
{
	if (op != MOCK_RELEASE)
		return;
	dma_resv_fini(exporter->resv);
	memset(exporter->resv, 0x6b, sizeof(*exporter->resv));
	kfree(exporter->resv);
}

static void release_may_free_the_exporters_reservation_object(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_fence *fence = mock_fence(test);
	struct dma_buf *dmabuf;

	exporter->resv = kzalloc(sizeof(*exporter->resv), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, exporter->resv);
	dma_resv_init(exporter->resv);
	exporter->hook = free_own_resv;

	dmabuf = mock_buffer(test, exporter);
	mock_add_fence(test, dmabuf, fence, DMA_RESV_USAGE_READ);
	mock_buffer_put(test, dmabuf);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 1);
	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), 1);
}

/* Put a fence into the buffer's own reservation object, which is unused. */
static void plant_in_unused_resv(struct mock_exporter *exporter, enum mock_op op,
				 struct dma_buf *dmabuf)
{
	struct dma_resv *planted = exporter->hook_data;

	if (op == MOCK_RELEASE)
		dma_buf_to_object(dmabuf)->resv = *planted;
}

static void release_leaves_an_unused_reservation_object(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_fence *fence = mock_fence(test);
	struct dma_resv own, planted;
	int ret;

	dma_resv_init(&own);
	dma_resv_init(&planted);
	dma_resv_lock(&planted, NULL);
	ret = dma_resv_reserve_fences(&planted, 1);
	if (!ret)
		dma_resv_add_fence(&planted, fence, DMA_RESV_USAGE_READ);
	dma_resv_unlock(&planted);
	KUNIT_ASSERT_EQ(test, ret, 0);

	exporter->resv = &own;
	exporter->hook = plant_in_unused_resv;
	exporter->hook_data = &planted;
	mock_buffer_put(test, mock_buffer(test, exporter));
	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), 2);
	if (kref_read(&fence->refcount) == 2)
		dma_resv_fini(&planted);
	dma_resv_fini(&own);
}

static void release_drops_fences_and_waits_for_none(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_fence *fence = mock_fence(test);

	mock_add_fence(test, dmabuf, fence, DMA_RESV_USAGE_KERNEL);
	mock_buffer_put(test, dmabuf);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(fence)->enabled), 0);
	KUNIT_EXPECT_EQ(test, kref_read(&fence->refcount), 1);
}

static void release_while_attached_is_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_buf_attachment *attach;
	bool apart;

	attach = dma_buf_attach(dmabuf, mock_device(test));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	apart = attach != &dma_buf_to_object(dmabuf)->first_attach.attach;
	mock_expect_report(test);
	mock_buffer_release(test, dmabuf);

	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_RELEASE), 1);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 1);
	/* The buffer is gone, so the attachment cannot be detached; free its memory. */
	if (apart)
		kfree(dma_buf_to_attach_object(attach));
}

static void release_while_vmapped_is_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct iosys_map map;

	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &map));
	mock_expect_report(test);
	mock_buffer_release(test, dmabuf);

	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_RELEASE), 1);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 1);
}

static struct kunit_case dma_buf_cases[] = {
	KUNIT_CASE(export_sets_the_members),
	KUNIT_CASE(export_brings_a_reservation_object),
	KUNIT_CASE(export_uses_the_exporters_reservation_object),
	KUNIT_CASE(is_dynamic_if_the_exporter_pins),
	KUNIT_CASE_PARAM(export_refuses, refusal_gen_params),
	KUNIT_CASE(release_once_after_the_last_reference),
	KUNIT_CASE(release_in_process_context_after_put_in_interrupt),
	KUNIT_CASE(release_waits_for_the_last_path),
	KUNIT_CASE(release_does_not_wait_for_the_inode),
	KUNIT_CASE(path_does_not_open_again),
	KUNIT_CASE(release_waits_for_importers),
	KUNIT_CASE(release_may_free_the_exporters_reservation_object),
	KUNIT_CASE(release_leaves_an_unused_reservation_object),
	KUNIT_CASE(release_drops_fences_and_waits_for_none),
	KUNIT_CASE(release_while_attached_is_reported),
	KUNIT_CASE(release_while_vmapped_is_reported),
	{}
};

static struct kunit_suite dma_buf_suite = {
	.name = "dma_buf",
	.init = mock_init,
	.test_cases = dma_buf_cases,
};

kunit_test_suite(dma_buf_suite);
