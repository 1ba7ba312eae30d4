// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of mappings: the exporter's calls, the importer's table, cached mappings,
 * and the fences and pins of map_attachment.
 */

#include <kunit/static_stub.h>
#include <linux/sched/signal.h>
#include <linux/scatterlist.h>

#include "mock-buffer.h"
#include "threads.h"

static const int map_errnos[] = { -EINTR, -ERESTARTSYS, -ENOMEM, -EIO };

static void errno_to_desc(const int *error, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "errno %d", -*error);
}

KUNIT_ARRAY_PARAM(map_errno, map_errnos, errno_to_desc);

static const struct direction {
	const char *desc;
	enum dma_data_direction dir;
} directions[] = {
	{ "bidirectional", DMA_BIDIRECTIONAL },
	{ "to device", DMA_TO_DEVICE },
	{ "from device", DMA_FROM_DEVICE },
};

KUNIT_ARRAY_PARAM_DESC(direction, directions, desc);

/* Map, asserting success. */
static struct sg_table *map(struct kunit *test, struct dma_buf_attachment *attach,
			    enum dma_data_direction dir)
{
	struct sg_table *sgt = dma_buf_map_attachment_unlocked(attach, dir);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	return sgt;
}

static void map_and_unmap_pass_the_direction(struct kunit *test)
{
	const struct direction *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);
	struct mock_call *calls = exporter->calls;

	dma_buf_unmap_attachment_unlocked(attach, map(test, attach, row->dir), row->dir);
	KUNIT_EXPECT_EQ(test, calls[MOCK_MAP].dir, row->dir);
	KUNIT_EXPECT_EQ(test, calls[MOCK_UNMAP].dir, row->dir);
	KUNIT_EXPECT_PTR_EQ(test, calls[MOCK_MAP].attach, attach);
	KUNIT_EXPECT_PTR_EQ(test, calls[MOCK_UNMAP].attach, attach);
	/* The exporter gets its own table back, even if the importer was given a copy. */
	KUNIT_EXPECT_PTR_EQ(test, calls[MOCK_UNMAP].sgt, calls[MOCK_MAP].sgt);
}

static void map_unlocked_takes_the_reservation_lock(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);
	struct sg_table *sgt = map(test, attach, DMA_TO_DEVICE);

	KUNIT_EXPECT_TRUE(test, exporter->calls[MOCK_MAP].locked);
	KUNIT_EXPECT_FALSE(test, dma_resv_is_locked(dmabuf->resv));
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_TO_DEVICE);
	KUNIT_EXPECT_TRUE(test, exporter->calls[MOCK_UNMAP].locked);
	KUNIT_EXPECT_FALSE(test, dma_resv_is_locked(dmabuf->resv));
}

static void map_returns_the_exporters_addresses(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf_attachment *attach;
	dma_addr_t addr = exporter->dma_base;
	struct scatterlist *sg;
	struct sg_table *sgt;
	int i, seen = 0;

	exporter->segments = 4;
	attach = mock_attach(test, mock_buffer(test, exporter), NULL);
	sgt = map(test, attach, DMA_TO_DEVICE);
	for_each_sgtable_dma_sg(sgt, sg, i) {
		KUNIT_EXPECT_EQ(test, sg_dma_address(sg), addr);
		KUNIT_EXPECT_EQ(test, sg_dma_len(sg), PAGE_SIZE);
		addr += 2 * PAGE_SIZE;
		seen++;
	}
	KUNIT_EXPECT_EQ(test, seen, 4);
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_TO_DEVICE);
}

static void map_passes_the_exporters_errno(struct kunit *test)
{
	const int *error = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), NULL);

	mock_fail(exporter, MOCK_MAP, 1, *error);
	KUNIT_EXPECT_EQ(test, *error,
			PTR_ERR(dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE)));
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNMAP), 0);
	/* The attachment can still be mapped. */
	dma_buf_unmap_attachment_unlocked(attach, map(test, attach, DMA_TO_DEVICE),
					  DMA_TO_DEVICE);
}

static void map_returns_enomem_for_no_table(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), NULL);

	mock_fail(exporter, MOCK_MAP, 1, MOCK_NOTHING);
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			PTR_ERR(dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE)));
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNMAP), 0);
}

static void map_without_attachment_is_reported(struct kunit *test)
{
	struct dma_buf_attachment no_buffer = {};

	mock_expect_report(test);
	KUNIT_EXPECT_EQ(test, -EINVAL, PTR_ERR(dma_buf_map_attachment(NULL, DMA_TO_DEVICE)));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			PTR_ERR(dma_buf_map_attachment(&no_buffer, DMA_TO_DEVICE)));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			PTR_ERR(dma_buf_map_attachment_unlocked(NULL, DMA_TO_DEVICE)));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			PTR_ERR(dma_buf_map_attachment_unlocked(&no_buffer, DMA_TO_DEVICE)));
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_ARGUMENT), 4);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 4);
}

static void unmap_without_attachment_or_table_is_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), NULL);
	struct sg_table *sgt = map(test, attach, DMA_TO_DEVICE);

	mock_expect_report(test);
	dma_buf_unmap_attachment(NULL, sgt, DMA_TO_DEVICE);
	dma_buf_unmap_attachment(attach, NULL, DMA_TO_DEVICE);
	dma_buf_unmap_attachment_unlocked(NULL, sgt, DMA_TO_DEVICE);
	dma_buf_unmap_attachment_unlocked(attach, NULL, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_ARGUMENT), 4);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 4);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNMAP), 0);
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_TO_DEVICE);
}

static void unmap_finds_the_mapping_of_its_table(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), NULL);
	struct sg_table *handed[3], *made[3];

	for (int i = 0; i < ARRAY_SIZE(handed); i++) {
		handed[i] = map(test, attach, directions[i].dir);
		made[i] = exporter->calls[MOCK_MAP].sgt;
	}
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_MAP), 3);

	/* Unmap in the order of mapping: the table is not always that of the latest mapping. */
	for (int i = 0; i < ARRAY_SIZE(handed); i++) {
		dma_buf_unmap_attachment_unlocked(attach, handed[i], directions[i].dir);
		KUNIT_EXPECT_PTR_EQ(test, exporter->calls[MOCK_UNMAP].sgt, made[i]);
		KUNIT_EXPECT_EQ(test, exporter->calls[MOCK_UNMAP].dir, directions[i].dir);
	}
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNMAP), 3);
}

/**
 * struct shared_table - what an exporter with one table for all mappings has
 * @sgt: the table
 * @dir: direction of the latest unmap
 */
struct shared_table {
	struct sg_table sgt;
	enum dma_data_direction dir;
};

static struct sg_table *map_shared_table(struct dma_buf_attachment *attach,
					 enum dma_data_direction dir)
{
	struct mock_exporter *exporter = attach->dmabuf->priv;
	struct shared_table *table = exporter->hook_data;

	return &table->sgt;
}

static void unmap_shared_table(struct dma_buf_attachment *attach, struct sg_table *sgt,
			       enum dma_data_direction dir)
{
	struct mock_exporter *exporter = attach->dmabuf->priv;
	struct shared_table *table = exporter->hook_data;

	table->dir = dir;
}

/* As videobuf2's exporters do. The exporter gets the direction of each unmap. */
static void unmap_of_a_shared_table_passes_its_direction(struct kunit *test)
{
	struct dma_buf_ops *ops = kunit_kzalloc(test, sizeof(*ops), GFP_KERNEL);
	struct shared_table table = { .dir = DMA_NONE };
	struct mock_exporter *exporter;
	struct dma_buf_attachment *attach;
	struct sg_table *handed[2];
	struct scatterlist sg;

	KUNIT_ASSERT_NOT_NULL(test, ops);
	*ops = mock_static_ops;
	ops->map_dma_buf = map_shared_table;
	ops->unmap_dma_buf = unmap_shared_table;
	exporter = mock_exporter(test, ops);
	sg_init_table(&sg, 1);
	sg_set_page(&sg, exporter->page, exporter->size, 0);
	sg_dma_address(&sg) = exporter->dma_base;
	sg_dma_len(&sg) = exporter->size;
	table.sgt.sgl = &sg;
	table.sgt.nents = 1;
	table.sgt.orig_nents = 1;
	exporter->hook_data = &table;

	attach = mock_attach(test, mock_buffer(test, exporter), NULL);
	handed[0] = map(test, attach, DMA_TO_DEVICE);
	handed[1] = map(test, attach, DMA_FROM_DEVICE);
	dma_buf_unmap_attachment_unlocked(attach, handed[0], DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, table.dir, DMA_TO_DEVICE);
	dma_buf_unmap_attachment_unlocked(attach, handed[1], DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, table.dir, DMA_FROM_DEVICE);
}

static struct dma_buf_mapping *no_mapping(void)
{
	return NULL;
}

/* The attachment embeds its first mapping, so only the second allocates. */
static void map_without_memory_keeps_other_mappings(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), NULL);
	struct sg_table *first = map(test, attach, DMA_TO_DEVICE), *second;

	kunit_activate_static_stub(test, dma_buf_mapping_new, no_mapping);
	second = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);
	kunit_deactivate_static_stub(test, dma_buf_mapping_new);
	KUNIT_EXPECT_EQ(test, PTR_ERR(second), -ENOMEM);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_MAP), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNMAP), 0);

	second = map(test, attach, DMA_TO_DEVICE);
	dma_buf_unmap_attachment_unlocked(attach, first, DMA_TO_DEVICE);
	dma_buf_unmap_attachment_unlocked(attach, second, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNMAP), 2);
}

static void map_without_memory_leaves_no_pin(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), &importer);
	struct sg_table *first = map(test, attach, DMA_TO_DEVICE), *second;
	int pins = mock_calls(exporter, MOCK_PIN) - mock_calls(exporter, MOCK_UNPIN);

	kunit_activate_static_stub(test, dma_buf_mapping_new, no_mapping);
	second = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);
	kunit_deactivate_static_stub(test, dma_buf_mapping_new);
	KUNIT_EXPECT_EQ(test, PTR_ERR(second), -ENOMEM);
	KUNIT_EXPECT_EQ(test, pins,
			mock_calls(exporter, MOCK_PIN) - mock_calls(exporter, MOCK_UNPIN));
	dma_buf_unmap_attachment_unlocked(attach, first, DMA_TO_DEVICE);
}

static void mapping_after_the_first_was_unmapped(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), NULL);
	struct sg_table *first = map(test, attach, DMA_TO_DEVICE);
	struct sg_table *second = map(test, attach, DMA_FROM_DEVICE);
	struct sg_table *third;

	dma_buf_unmap_attachment_unlocked(attach, first, DMA_TO_DEVICE);
	third = map(test, attach, DMA_BIDIRECTIONAL);
	dma_buf_unmap_attachment_unlocked(attach, second, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, exporter->calls[MOCK_UNMAP].dir, DMA_FROM_DEVICE);
	dma_buf_unmap_attachment_unlocked(attach, third, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, exporter->calls[MOCK_UNMAP].dir, DMA_BIDIRECTIONAL);
}

static void unmap_of_another_attachments_table_is_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_buf_attachment *mine = mock_attach(test, dmabuf, NULL);
	struct dma_buf_attachment *other = mock_attach(test, dmabuf, NULL);
	struct sg_table *sgt = map(test, other, DMA_TO_DEVICE);

	mock_expect_report(test);
	dma_buf_unmap_attachment_unlocked(mine, sgt, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_UNMAP), 1);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNMAP), 0);
	dma_buf_unmap_attachment_unlocked(other, sgt, DMA_TO_DEVICE);
}

static void unmap_twice_is_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), NULL);
	struct sg_table *sgt = map(test, attach, DMA_TO_DEVICE);

	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_TO_DEVICE);
	mock_expect_report(test);
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_UNMAP), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNMAP), 1);
}

static void detach_while_mapped_is_reported_and_undone(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct mock_context *ctx = test->priv;
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), NULL);

	map(test, attach, DMA_TO_DEVICE);
	map(test, attach, DMA_FROM_DEVICE);
	mock_expect_report(test);
	mock_detach(test, attach);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_DETACH), 2);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 2);
	KUNIT_EXPECT_PTR_EQ(test, ctx->reported, attach);
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->tables), 0);
	KUNIT_EXPECT_TRUE(test, exporter->calls[MOCK_UNMAP].locked);
	KUNIT_EXPECT_LT(test, exporter->calls[MOCK_UNMAP].order,
			exporter->calls[MOCK_DETACH].order);
}

static void cached_mapping_is_made_once_and_kept_until_detach(struct kunit *test)
{
	const struct direction *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_cached_ops);
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), NULL);
	struct sg_table *sgt = map(test, attach, row->dir);

	KUNIT_EXPECT_PTR_EQ(test, attach->sgt, sgt);
	KUNIT_EXPECT_EQ(test, attach->dir, row->dir);
	KUNIT_EXPECT_PTR_EQ(test, map(test, attach, row->dir), sgt);
	dma_buf_unmap_attachment_unlocked(attach, sgt, row->dir);
	dma_buf_unmap_attachment_unlocked(attach, sgt, row->dir);
	KUNIT_EXPECT_PTR_EQ(test, map(test, attach, row->dir), sgt);
	dma_buf_unmap_attachment_unlocked(attach, sgt, row->dir);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_MAP), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNMAP), 0);

	mock_detach(test, attach);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNMAP), 1);
	KUNIT_EXPECT_EQ(test, exporter->calls[MOCK_UNMAP].dir, row->dir);
}

static const struct {
	const char *desc;
	enum dma_data_direction first;
	enum dma_data_direction second;
	int error;
} redirections[] = {
	{ "to, then from", DMA_TO_DEVICE, DMA_FROM_DEVICE, -EBUSY },
	{ "to, then both", DMA_TO_DEVICE, DMA_BIDIRECTIONAL, -EBUSY },
	{ "from, then to", DMA_FROM_DEVICE, DMA_TO_DEVICE, -EBUSY },
	{ "from, then both", DMA_FROM_DEVICE, DMA_BIDIRECTIONAL, -EBUSY },
	{ "both, then to", DMA_BIDIRECTIONAL, DMA_TO_DEVICE, 0 },
	{ "both, then from", DMA_BIDIRECTIONAL, DMA_FROM_DEVICE, 0 },
};

KUNIT_ARRAY_PARAM_DESC(redirection, redirections, desc);

static void cached_mapping_serves_another_direction_if_bidirectional(struct kunit *test)
{
	const typeof(redirections[0]) *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_cached_ops);
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), NULL);
	struct sg_table *first = map(test, attach, row->first), *second;

	dma_buf_unmap_attachment_unlocked(attach, first, row->first);
	second = dma_buf_map_attachment_unlocked(attach, row->second);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(second), row->error);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_MAP), 1);
	if (!IS_ERR(second))
		dma_buf_unmap_attachment_unlocked(attach, second, row->second);
}

static void cached_mapping_that_failed_is_not_kept(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_cached_ops);
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), NULL);

	mock_fail(exporter, MOCK_MAP, 1, -ENOMEM);
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			PTR_ERR(dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE)));
	KUNIT_EXPECT_NULL(test, attach->sgt);
	dma_buf_unmap_attachment_unlocked(attach, map(test, attach, DMA_FROM_DEVICE),
					  DMA_FROM_DEVICE);
}

static void cached_mapping_is_per_attachment(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_cached_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_buf_attachment *one = mock_attach(test, dmabuf, NULL);
	struct dma_buf_attachment *two = mock_attach(test, dmabuf, NULL);
	struct sg_table *to = map(test, one, DMA_TO_DEVICE);
	struct sg_table *from = map(test, two, DMA_FROM_DEVICE);

	KUNIT_EXPECT_PTR_NE(test, to, from);
	dma_buf_unmap_attachment_unlocked(one, to, DMA_TO_DEVICE);
	dma_buf_unmap_attachment_unlocked(two, from, DMA_FROM_DEVICE);
}

static void unmap_of_a_cached_mapping_too_often_is_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_cached_ops);
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), NULL);
	struct sg_table *sgt = map(test, attach, DMA_TO_DEVICE);

	mock_expect_report(test);
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 0);
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_UNMAP), 1);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 1);
}

static const struct awaited {
	const char *desc;
	enum dma_resv_usage usage;
	bool dynamic;
	bool waits;
} awaited[] = {
	{ "kernel fence, static importer", DMA_RESV_USAGE_KERNEL, false, true },
	{ "write fence, static importer", DMA_RESV_USAGE_WRITE, false, false },
	{ "read fence, static importer", DMA_RESV_USAGE_READ, false, false },
	{ "kernel fence, dynamic importer", DMA_RESV_USAGE_KERNEL, true, false },
};

KUNIT_ARRAY_PARAM_DESC(awaited, awaited, desc);

/* The fence signals when a waiter enables it, so the case depends on no timing. */
static void map_waits_for_moves_on_behalf_of_static_importers(struct kunit *test)
{
	const struct awaited *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_fence *fence = mock_fence(test);
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach;

	to_mock_fence(fence)->late = true;
	mock_add_fence(test, dmabuf, fence, row->usage);
	attach = mock_attach(test, dmabuf, row->dynamic ? &importer : NULL);
	dma_buf_unmap_attachment_unlocked(attach, map(test, attach, DMA_BIDIRECTIONAL),
					  DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, dma_fence_is_signaled(fence), row->waits);
	KUNIT_EXPECT_EQ(test, atomic_read(&to_mock_fence(fence)->enabled), row->waits);
}

static void map_interrupted_while_it_waits_is_undone(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);
	struct dma_fence *fence = mock_fence(test);
	struct mock_signaller *signaller;
	struct sg_table *sgt;

	mock_add_fence(test, dmabuf, fence, DMA_RESV_USAGE_KERNEL);
	/* Signals only if the wait is not interrupted. */
	signaller = mock_signaller(test, 1, &fence);
	set_thread_flag(TIF_SIGPENDING);
	sgt = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);
	clear_thread_flag(TIF_SIGPENDING);
	mock_signaller_end(test, signaller);

	KUNIT_EXPECT_EQ(test, PTR_ERR(sgt), -ERESTARTSYS);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNMAP), 1);
	KUNIT_EXPECT_PTR_EQ(test, exporter->calls[MOCK_UNMAP].sgt,
			    exporter->calls[MOCK_MAP].sgt);
}

/* With CONFIG_DMABUF_MOVE_NOTIFY a mapping of a dynamic importer does not pin. */
static void map_of_a_dynamic_buffer_pins_without_move_notify(struct kunit *test)
{
	bool pins = !IS_ENABLED(CONFIG_DMABUF_MOVE_NOTIFY);
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), &importer);
	struct sg_table *sgt = map(test, attach, DMA_TO_DEVICE);

	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_PIN), pins);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNPIN), 0);
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNPIN), pins);
}

static void map_that_fails_leaves_no_pin(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), &importer);

	mock_fail(exporter, MOCK_MAP, 1, -EIO);
	KUNIT_EXPECT_EQ(test, -EIO,
			PTR_ERR(dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE)));
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_PIN),
			mock_calls(exporter, MOCK_UNPIN));
}

static void map_passes_the_errno_of_its_pin(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), &importer);
	struct sg_table *sgt;

	if (IS_ENABLED(CONFIG_DMABUF_MOVE_NOTIFY))
		kunit_skip(test, "mapping does not pin with CONFIG_DMABUF_MOVE_NOTIFY");

	mock_fail(exporter, MOCK_PIN, 1, -ENOSPC);
	sgt = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, PTR_ERR(sgt), -ENOSPC);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_MAP), 0);
}

static void detach_while_mapped_undoes_the_pin(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), &importer);

	map(test, attach, DMA_TO_DEVICE);
	mock_expect_report(test);
	mock_detach(test, attach);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_DETACH), 1);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_PIN),
			mock_calls(exporter, MOCK_UNPIN));
}

static struct kunit_case dma_buf_map_cases[] = {
	KUNIT_CASE_PARAM(map_and_unmap_pass_the_direction,
			 direction_gen_params),
	KUNIT_CASE(map_unlocked_takes_the_reservation_lock),
	KUNIT_CASE(map_returns_the_exporters_addresses),
	KUNIT_CASE_PARAM(map_passes_the_exporters_errno, map_errno_gen_params),
	KUNIT_CASE(map_returns_enomem_for_no_table),
	KUNIT_CASE(map_without_attachment_is_reported),
	KUNIT_CASE(unmap_without_attachment_or_table_is_reported),
	KUNIT_CASE(unmap_finds_the_mapping_of_its_table),
	KUNIT_CASE(unmap_of_a_shared_table_passes_its_direction),
	KUNIT_CASE(map_without_memory_keeps_other_mappings),
	KUNIT_CASE(map_without_memory_leaves_no_pin),
	KUNIT_CASE(mapping_after_the_first_was_unmapped),
	KUNIT_CASE(unmap_of_another_attachments_table_is_reported),
	KUNIT_CASE(unmap_twice_is_reported),
	KUNIT_CASE(detach_while_mapped_is_reported_and_undone),
	KUNIT_CASE_PARAM(cached_mapping_is_made_once_and_kept_until_detach,
			 direction_gen_params),
	KUNIT_CASE_PARAM(cached_mapping_serves_another_direction_if_bidirectional,
			 redirection_gen_params),
	KUNIT_CASE(cached_mapping_that_failed_is_not_kept),
	KUNIT_CASE(cached_mapping_is_per_attachment),
	KUNIT_CASE(unmap_of_a_cached_mapping_too_often_is_reported),
	KUNIT_CASE_PARAM(map_waits_for_moves_on_behalf_of_static_importers,
			 awaited_gen_params),
	KUNIT_CASE(map_interrupted_while_it_waits_is_undone),
	KUNIT_CASE(map_of_a_dynamic_buffer_pins_without_move_notify),
	KUNIT_CASE(map_that_fails_leaves_no_pin),
	KUNIT_CASE(map_passes_the_errno_of_its_pin),
	KUNIT_CASE(detach_while_mapped_undoes_the_pin),
	{}
};

static struct kunit_suite dma_buf_map_suite = {
	.name = "dma_buf_map",
	.init = mock_init,
	.test_cases = dma_buf_map_cases,
};

kunit_test_suite(dma_buf_map_suite);
