// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the rules that all functions have in common: which of them need the
 * reservation lock held or not held, and that correct use is not reported.
 *
 * Rules of a single function are tested with that function. Static stubs replace
 * dma_buf_report() and count the reports; only rule_is_reported_once_per_buffer and
 * reports_of_many_buffers_are_rate_limited call the real function.
 */

#include <kunit/static_stub.h>
#include <kunit/test-bug.h>
#include <linux/debug_locks.h>

#include "mock-buffer.h"
#include "threads.h"

/**
 * struct locked_call - a function that needs the lock, and the function that undoes it
 * @desc: their names
 * @run: calls the function
 * @undo: calls the function that undoes it, or NULL if there is none
 */
struct locked_call {
	const char *desc;
	void (*run)(struct dma_buf_attachment *attach);
	void (*undo)(struct dma_buf_attachment *attach);
};

static void run_map(struct dma_buf_attachment *attach)
{
	struct mock_importer *importer = attach->importer_priv;

	importer->sgt = dma_buf_map_attachment(attach, DMA_TO_DEVICE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(kunit_get_current_test(), importer->sgt);
}

static void run_unmap(struct dma_buf_attachment *attach)
{
	struct mock_importer *importer = attach->importer_priv;

	dma_buf_unmap_attachment(attach, importer->sgt, DMA_TO_DEVICE);
}

static void run_pin(struct dma_buf_attachment *attach)
{
	KUNIT_ASSERT_EQ(kunit_get_current_test(), 0, dma_buf_pin(attach));
}

static void run_move_notify(struct dma_buf_attachment *attach)
{
	dma_buf_move_notify(attach->dmabuf);
}

static void run_vmap(struct dma_buf_attachment *attach)
{
	struct iosys_map map;

	KUNIT_ASSERT_EQ(kunit_get_current_test(), 0, dma_buf_vmap(attach->dmabuf, &map));
}

static void run_vunmap(struct dma_buf_attachment *attach)
{
	dma_buf_vunmap(attach->dmabuf, &dma_buf_to_object(attach->dmabuf)->vmap);
}

static const struct locked_call locked_calls[] = {
	{ "map, unmap", run_map, run_unmap },
	{ "pin, unpin", run_pin, dma_buf_unpin },
	{ "move_notify", run_move_notify },
	{ "vmap, vunmap", run_vmap, run_vunmap },
};

KUNIT_ARRAY_PARAM_DESC(locked_call, locked_calls, desc);

static const void *undone_call_gen_params(const void *prev, char *desc)
{
	const struct locked_call *row = prev;

	do {
		row = locked_call_gen_params(row, desc);
	} while (row && !row->undo);
	return row;
}

static void run_with_lock(struct dma_buf_attachment *attach,
			  void (*run)(struct dma_buf_attachment *attach))
{
	if (!run)
		return;
	dma_resv_lock(attach->dmabuf->resv, NULL);
	run(attach);
	dma_resv_unlock(attach->dmabuf->resv);
}

/* Run without the lock, and expect a report of that and no other one. */
static void run_without_lock(struct kunit *test, struct dma_buf_attachment *attach,
			     void (*run)(struct dma_buf_attachment *attach))
{
	int before = mock_reports(test, DMA_BUF_RULE_LOCKED);

	run(attach);
	KUNIT_EXPECT_GT(test, mock_reports(test, DMA_BUF_RULE_LOCKED), before);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_LOCKED),
			mock_reports_total(test));
}

static void missing_lock_is_reported(struct kunit *test)
{
	const struct locked_call *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), &importer);

	if (!IS_ENABLED(CONFIG_LOCKDEP))
		kunit_skip(test, "who holds a lock is known with CONFIG_LOCKDEP only");

	mock_expect_report(test);
	run_without_lock(test, attach, row->run);
	run_with_lock(attach, row->undo);
}

static void held_lock_is_not_reported(struct kunit *test)
{
	const struct locked_call *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), &importer);

	mock_expect_report(test);
	run_with_lock(attach, row->run);
	run_with_lock(attach, row->undo);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 0);
}

/* The functions that undo report the missing lock too. */
static void missing_lock_is_reported_when_undoing(struct kunit *test)
{
	const struct locked_call *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), &importer);

	if (!IS_ENABLED(CONFIG_LOCKDEP))
		kunit_skip(test, "who holds a lock is known with CONFIG_LOCKDEP only");

	mock_expect_report(test);
	run_with_lock(attach, row->run);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 0);
	run_without_lock(test, attach, row->undo);
}

/**
 * struct unlocked_call - a call of a function that must not be called with the lock held
 * @desc: name of the function
 * @run: calls it, with the lock held
 * @undo: called without the lock afterwards, or NULL
 */
struct unlocked_call {
	const char *desc;
	void (*run)(struct dma_buf_attachment *attach);
	void (*undo)(struct dma_buf_attachment *attach);
};

static void run_attach(struct dma_buf_attachment *attach)
{
	struct dma_buf_attachment *other;

	other = dma_buf_attach(attach->dmabuf, attach->dev);
	KUNIT_EXPECT_EQ(kunit_get_current_test(), PTR_ERR(other), -EDEADLK);
}

static void run_detach(struct dma_buf_attachment *attach)
{
	dma_buf_detach(attach->dmabuf, attach);
	KUNIT_EXPECT_FALSE(kunit_get_current_test(), list_empty(&attach->dmabuf->attachments));
}

static void run_map_unlocked(struct dma_buf_attachment *attach)
{
	struct sg_table *sgt = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);

	KUNIT_EXPECT_EQ(kunit_get_current_test(), PTR_ERR(sgt), -EDEADLK);
}

static void run_unmap_unlocked(struct dma_buf_attachment *attach)
{
	struct sg_table *sgt = dma_buf_map_attachment(attach, DMA_TO_DEVICE);

	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_TO_DEVICE);
	/* The refused call did nothing, so the table is still mapped. */
	dma_buf_unmap_attachment(attach, sgt, DMA_TO_DEVICE);
}

static void run_vmap_unlocked(struct dma_buf_attachment *attach)
{
	struct iosys_map map;

	KUNIT_EXPECT_EQ(kunit_get_current_test(),
			dma_buf_vmap_unlocked(attach->dmabuf, &map), -EDEADLK);
}

static void run_vunmap_unlocked(struct dma_buf_attachment *attach)
{
	struct iosys_map map;

	KUNIT_ASSERT_EQ(kunit_get_current_test(), dma_buf_vmap(attach->dmabuf, &map), 0);
	dma_buf_vunmap_unlocked(attach->dmabuf, &map);
	dma_buf_vunmap(attach->dmabuf, &map);
}

static void run_begin_cpu_access(struct dma_buf_attachment *attach)
{
	KUNIT_EXPECT_EQ(kunit_get_current_test(), 0,
			dma_buf_begin_cpu_access(attach->dmabuf, DMA_TO_DEVICE));
}

static void run_end_cpu_access(struct dma_buf_attachment *attach)
{
	dma_buf_end_cpu_access(attach->dmabuf, DMA_TO_DEVICE);
}

static const struct unlocked_call unlocked_calls[] = {
	{ "attach", run_attach },
	{ "detach", run_detach },
	{ "map_attachment_unlocked", run_map_unlocked },
	{ "unmap_attachment_unlocked", run_unmap_unlocked },
	{ "vmap_unlocked", run_vmap_unlocked },
	{ "vunmap_unlocked", run_vunmap_unlocked },
	{ "begin_cpu_access", run_begin_cpu_access, run_end_cpu_access },
	{ "end_cpu_access", run_end_cpu_access },
};

KUNIT_ARRAY_PARAM_DESC(unlocked_call, unlocked_calls, desc);

static void lock_that_must_not_be_held_is_reported(struct kunit *test)
{
	const struct unlocked_call *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);

	if (!IS_ENABLED(CONFIG_LOCKDEP))
		kunit_skip(test, "who holds a lock is known with CONFIG_LOCKDEP only");
	/* With lockdep off, the call would deadlock on the lock that this thread holds. */
	KUNIT_ASSERT_TRUE_MSG(test, debug_locks, "an earlier report has switched lockdep off");

	mock_expect_report(test);
	dma_resv_lock(dmabuf->resv, NULL);
	row->run(attach);
	dma_resv_unlock(dmabuf->resv);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_UNLOCKED), 1);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_LOCKED), 0);
	if (row->undo)
		row->undo(attach);
}

/*
 * lockdep has one record for all reservation locks that were taken with one context, and
 * answers for each reservation lock that it is held. An unlock with more of them left to
 * unlock may drop the last reference to a third buffer, as drm_exec_fini() does.
 */
static void locks_of_other_buffers_are_not_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *held[2], *idle = mock_buffer(test, exporter);
	struct dma_buf *of_another = mock_buffer(test, exporter);
	struct mock_holder *holder;
	struct ww_acquire_ctx ctx;

	if (!IS_ENABLED(CONFIG_LOCKDEP))
		kunit_skip(test, "who holds a lock is known with CONFIG_LOCKDEP only");

	for (int i = 0; i < ARRAY_SIZE(held); i++)
		held[i] = mock_buffer(test, exporter);
	holder = mock_hold_lock(test, of_another);
	mock_expect_report(test);
	ww_acquire_init(&ctx, &reservation_ww_class);
	for (int i = 0; i < ARRAY_SIZE(held); i++)
		KUNIT_EXPECT_EQ(test, dma_resv_lock(held[i]->resv, &ctx), 0);
	ww_acquire_done(&ctx);

	KUNIT_EXPECT_FALSE(test, dma_buf_wrongly_held(idle));
	KUNIT_EXPECT_FALSE(test, dma_buf_wrongly_held(of_another));
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 0);
	for (int i = 0; i < ARRAY_SIZE(held); i++)
		KUNIT_EXPECT_TRUE(test, dma_buf_wrongly_held(held[i]));
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_UNLOCKED), 2);

	for (int i = 0; i < ARRAY_SIZE(held); i++)
		dma_resv_unlock(held[i]->resv);
	ww_acquire_fini(&ctx);
	mock_drop_lock(test, holder);
}

static const struct pair {
	const char *desc;
	const struct dma_buf_ops *ops;
	bool dynamic;
} pairs[] = {
	{ "static exporter, static importer", &mock_static_ops, false },
	{ "static exporter, dynamic importer", &mock_static_ops, true },
	{ "dynamic exporter, static importer", &mock_dynamic_ops, false },
	{ "dynamic exporter, dynamic importer", &mock_dynamic_ops, true },
	{ "cached exporter, static importer", &mock_cached_ops, false },
	{ "mandatory callbacks only", &mock_bare_ops, false },
};

KUNIT_ARRAY_PARAM_DESC(pair, pairs, desc);

static void use_with_the_cpu(struct kunit *test, struct dma_buf *dmabuf)
{
	struct iosys_map map;

	if (dmabuf->ops->vmap)
		KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(dmabuf, &map));
	KUNIT_ASSERT_EQ(test, 0, dma_buf_begin_cpu_access(dmabuf, DMA_BIDIRECTIONAL));
	KUNIT_ASSERT_EQ(test, 0, dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE));
	KUNIT_ASSERT_EQ(test, 0, dma_buf_end_cpu_access(dmabuf, DMA_BIDIRECTIONAL));
	KUNIT_ASSERT_EQ(test, 0, dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE));
	if (dmabuf->ops->vmap)
		dma_buf_vunmap_unlocked(dmabuf, &map);
}

static void correct_use_is_not_reported(struct kunit *test)
{
	const struct pair *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, row->ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;

	mock_expect_report(test);
	attach = mock_attach(test, dmabuf, row->dynamic ? &importer : NULL);
	sgt = dma_buf_map_attachment_unlocked(attach, DMA_FROM_DEVICE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	use_with_the_cpu(test, dmabuf);
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_FROM_DEVICE);
	mock_detach(test, attach);
	mock_buffer_release(test, dmabuf);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 0);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_MAP),
			mock_calls(exporter, MOCK_UNMAP));
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_PIN),
			mock_calls(exporter, MOCK_UNPIN));
}

/* Each rule is marked as reported; a warning of dma_buf_report() would fail the run. */
static void rule_is_reported_once_per_buffer(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_buf_object *obj = dma_buf_to_object(dmabuf);
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);

	for (int rule = 0; rule < DMA_BUF_RULE_COUNT; rule++) {
		obj->reported = BIT(rule);
		dma_buf_report(rule, dmabuf, attach);
		KUNIT_EXPECT_EQ(test, obj->reported, BIT(rule));
	}
}

static bool no_report_allowed(void)
{
	struct mock_context *ctx = kunit_get_current_test()->priv;

	atomic_inc(&ctx->limited);
	return false;
}

/* A program may make a new buffer for each mistake. A warning would fail the run. */
static void reports_of_many_buffers_are_rate_limited(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct mock_context *ctx = test->priv;

	kunit_activate_static_stub(test, dma_buf_report_allowed, no_report_allowed);
	for (int i = 0; i < 3; i++)
		dma_buf_report(DMA_BUF_RULE_PIN, mock_buffer(test, exporter), NULL);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->limited), 3);
	dma_buf_report(DMA_BUF_RULE_ARGUMENT, NULL, NULL);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->limited), 4);
}

static void report_names_exporter_and_importer(struct kunit *test)
{
	static const char detached[] =
		"dma-buf: detached while mapped (exporter mydrv, importer 0000:00:02.0)";
	char text[DMA_BUF_REPORT_SIZE], other[DMA_BUF_REPORT_SIZE];

	dma_buf_rule_describe(text, sizeof(text), DMA_BUF_RULE_DETACH, "mydrv",
			      "0000:00:02.0");
	KUNIT_EXPECT_STREQ(test, text, detached);
	dma_buf_rule_describe(text, sizeof(text), DMA_BUF_RULE_EXPORT, NULL, NULL);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "(exporter none, importer none)"));

	for (int rule = 1; rule < DMA_BUF_RULE_COUNT; rule++) {
		dma_buf_rule_describe(text, sizeof(text), rule, "a", "b");
		dma_buf_rule_describe(other, sizeof(other), rule - 1, "a", "b");
		KUNIT_EXPECT_STRNEQ(test, text, other);
		KUNIT_EXPECT_NULL(test, strstr(text, "(null)"));
	}
}

static struct kunit_case dma_buf_rules_cases[] = {
	KUNIT_CASE_PARAM(missing_lock_is_reported, locked_call_gen_params),
	KUNIT_CASE_PARAM(held_lock_is_not_reported, locked_call_gen_params),
	KUNIT_CASE_PARAM(missing_lock_is_reported_when_undoing, undone_call_gen_params),
	KUNIT_CASE_PARAM(lock_that_must_not_be_held_is_reported, unlocked_call_gen_params),
	KUNIT_CASE(locks_of_other_buffers_are_not_reported),
	KUNIT_CASE(report_names_exporter_and_importer),
	KUNIT_CASE_PARAM(correct_use_is_not_reported, pair_gen_params),
	KUNIT_CASE(rule_is_reported_once_per_buffer),
	KUNIT_CASE(reports_of_many_buffers_are_rate_limited),
	{}
};

static struct kunit_suite dma_buf_rules_suite = {
	.name = "dma_buf_rules",
	.init = mock_init,
	.test_cases = dma_buf_rules_cases,
};

kunit_test_suite(dma_buf_rules_suite);
