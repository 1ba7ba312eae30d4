// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the checks that CONFIG_DMABUF_DEBUG adds: importers get tables without
 * pages, tables are checked, and unbalanced calls of drivers are reported.
 */

#include <linux/mm.h>
#include <linux/scatterlist.h>

#include "mock-buffer.h"

static void table_has_addresses_and_no_pages(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf_attachment *attach;
	struct scatterlist *sg;
	struct sg_table *sgt;
	int i;

	exporter->segments = 2;
	attach = mock_attach(test, mock_buffer(test, exporter), NULL);
	sgt = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	KUNIT_EXPECT_PTR_NE(test, sgt, exporter->calls[MOCK_MAP].sgt);
	for_each_sgtable_dma_sg(sgt, sg, i) {
		KUNIT_EXPECT_NULL(test, sg_page(sg));
		KUNIT_EXPECT_NE(test, sg_dma_address(sg), 0);
	}
	KUNIT_EXPECT_EQ(test, i, 2);
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_TO_DEVICE);
}

static void kept_table_has_no_pages_either(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), NULL);

	KUNIT_ASSERT_NOT_NULL(test, attach->sgt);
	KUNIT_EXPECT_NULL(test, sg_page(attach->sgt->sgl));
	mock_detach(test, attach);
	KUNIT_EXPECT_PTR_EQ(test, exporter->calls[MOCK_UNMAP].sgt,
			    exporter->calls[MOCK_MAP].sgt);
}

/*
 * Merge the DMA segments into one, as an IOMMU does. Only with
 * CONFIG_NEED_SG_DMA_LENGTH does an entry have a DMA length of its own.
 */
static struct sg_table *merging_map(struct dma_buf_attachment *attach,
				    enum dma_data_direction dir)
{
	struct sg_table *sgt = mock_static_ops.map_dma_buf(attach, dir);

	if (IS_ENABLED(CONFIG_NEED_SG_DMA_LENGTH) && !IS_ERR(sgt)) {
		sg_dma_len(sgt->sgl) = sgt->orig_nents * sgt->sgl->length;
		sgt->nents = 1;
	}
	return sgt;
}

static const struct table_row {
	const char *desc;
	unsigned int segments;
	bool merged;
} table_rows[] = {
	{ "one segment", 1, false },
	{ "four segments", 4, false },
	{ "four entries, one DMA segment", 4, true },
};

KUNIT_ARRAY_PARAM_DESC(table_row, table_rows, desc);

/* f_fs uses sg_nents_for_len() of its table as the number of DMA segments. */
static void copied_table_is_counted_by_length(struct kunit *test)
{
	const struct table_row *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf_ops *ops = kunit_kzalloc(test, sizeof(*ops), GFP_KERNEL);
	struct dma_buf_attachment *attach;
	struct scatterlist *sg;
	struct sg_table *sgt;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, ops);
	*ops = mock_static_ops;
	if (row->merged)
		ops->map_dma_buf = merging_map;
	exporter->ops = ops;
	exporter->segments = row->segments;
	attach = mock_attach(test, mock_buffer(test, exporter), NULL);
	sgt = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);

	for_each_sgtable_dma_sg(sgt, sg, i)
		KUNIT_EXPECT_EQ(test, sg->length, sg_dma_len(sg));
	KUNIT_EXPECT_EQ(test, sgt->orig_nents, sgt->nents);
	KUNIT_EXPECT_EQ(test, sg_nents_for_len(sgt->sgl, exporter->size), sgt->nents);
	KUNIT_EXPECT_EQ(test, sg_nents_for_len(sgt->sgl, 1), 1);
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_TO_DEVICE);
}

/* An importer that walks the pages gets NULL for each page. */
static void copied_table_has_a_null_page_per_page(struct kunit *test)
{
	const struct table_row *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf_attachment *attach;
	struct sg_page_iter iter;
	struct sg_table *sgt;
	int pages = 0;

	exporter->segments = row->segments;
	attach = mock_attach(test, mock_buffer(test, exporter), NULL);
	sgt = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);

	for_each_sgtable_page(sgt, &iter, 0) {
		KUNIT_EXPECT_NULL(test, sg_page(iter.sg));
		pages++;
	}
	KUNIT_EXPECT_EQ(test, pages, exporter->size / PAGE_SIZE);
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_TO_DEVICE);
}

static void short_table(struct mock_exporter *exporter)
{
	exporter->table_bytes -= PAGE_SIZE;
}

static void long_table(struct mock_exporter *exporter)
{
	exporter->table_bytes += PAGE_SIZE;
}

static void unaligned_address(struct mock_exporter *exporter)
{
	exporter->dma_base += 64;
}

static void unaligned_length(struct mock_exporter *exporter)
{
	exporter->segments = 8;
}

static void size_not_page_aligned(struct mock_exporter *exporter)
{
	exporter->size -= 100;
}

static void several_segments(struct mock_exporter *exporter)
{
	exporter->segments = 4;
}

static const struct shape {
	const char *desc;
	void (*change)(struct mock_exporter *exporter);
	bool wrong;
} shapes[] = {
	{ "shorter than the buffer", short_table, true },
	{ "address inside a page", unaligned_address, true },
	{ "segments of half a page", unaligned_length, true },
	{ "longer than the buffer", long_table, false },
	{ "buffer ends inside a page", size_not_page_aligned, false },
	{ "several segments", several_segments, false },
};

KUNIT_ARRAY_PARAM_DESC(shape, shapes, desc);

static void table_is_checked(struct kunit *test)
{
	const struct shape *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;

	row->change(exporter);
	attach = mock_attach(test, mock_buffer(test, exporter), NULL);
	mock_expect_report(test);
	sgt = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_TABLE), row->wrong);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), row->wrong);
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_TO_DEVICE);
}

static void unmap_in_another_direction_is_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), NULL);
	struct sg_table *sgt = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	mock_expect_report(test);
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_DIRECTION), 1);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 1);
	/* The exporter gets the direction of the mapping. */
	KUNIT_EXPECT_EQ(test, exporter->calls[MOCK_UNMAP].dir, DMA_TO_DEVICE);
}

static void detach_with_a_kept_mapping_in_use_is_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_cached_ops);
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), NULL);
	struct sg_table *sgt = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	mock_expect_report(test);
	mock_detach(test, attach);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_DETACH), 1);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNMAP), 1);
}

static void end_without_begin_is_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);

	mock_expect_report(test);
	KUNIT_EXPECT_EQ(test, dma_buf_end_cpu_access(dmabuf, DMA_TO_DEVICE), 0);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_CPU_ACCESS), 1);
	/* The exporter is called all the same, so that the storage is coherent. */
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_END), 1);
}

static void end_in_another_direction_is_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);

	KUNIT_ASSERT_EQ(test, 0, dma_buf_begin_cpu_access(dmabuf, DMA_TO_DEVICE));
	mock_expect_report(test);
	dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_CPU_ACCESS), 1);
	dma_buf_end_cpu_access(dmabuf, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 1);
}

static void begin_that_failed_needs_no_end(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);

	mock_fail(exporter, MOCK_BEGIN, 1, -EINTR);
	KUNIT_ASSERT_EQ(test, -EINTR, dma_buf_begin_cpu_access(dmabuf, DMA_TO_DEVICE));
	mock_expect_report(test);
	dma_buf_end_cpu_access(dmabuf, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_CPU_ACCESS), 1);
}

static void end_in_no_direction_is_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);

	mock_expect_report(test);
	dma_buf_end_cpu_access(dmabuf, DMA_NONE);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_CPU_ACCESS), 1);
}

static void release_with_an_access_begun_is_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);

	KUNIT_ASSERT_EQ(test, 0, dma_buf_begin_cpu_access(dmabuf, DMA_TO_DEVICE));
	mock_expect_report(test);
	mock_buffer_release(test, dmabuf);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_CPU_ACCESS), 1);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 1);
}

static void table_without_segments_is_refused(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;

	exporter->no_segments = true;
	attach = mock_attach(test, mock_buffer(test, exporter), NULL);
	mock_expect_report(test);
	sgt = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(sgt), -EINVAL);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_TABLE), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNMAP), 1);
}

/* virtio-gpu's: the devices know the memory by another name than its addresses. */
static void table_without_entries_is_copied(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf_attachment *attach;
	struct scatterlist *sg;
	struct sg_table *sgt;
	int i;

	exporter->segments = 0;
	attach = mock_attach(test, mock_buffer(test, exporter), NULL);
	mock_expect_report(test);
	sgt = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	KUNIT_EXPECT_PTR_NE(test, sgt, exporter->calls[MOCK_MAP].sgt);
	KUNIT_EXPECT_EQ(test, sgt->nents, 0);
	for_each_sgtable_dma_sg(sgt, sg, i)
		KUNIT_FAIL(test, "the copy has an entry");
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNMAP), 1);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 0);
}

static void userspace_is_never_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW };

	mock_expect_report(test);
	KUNIT_EXPECT_EQ(test, mock_ioctl(test, dmabuf, DMA_BUF_IOCTL_SYNC, &sync,
					 sizeof(sync)), 0);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_END), 1);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 0);
}

static struct kunit_case dma_buf_debug_cases[] = {
	KUNIT_CASE(table_has_addresses_and_no_pages),
	KUNIT_CASE(kept_table_has_no_pages_either),
	KUNIT_CASE_PARAM(copied_table_is_counted_by_length, table_row_gen_params),
	KUNIT_CASE_PARAM(copied_table_has_a_null_page_per_page, table_row_gen_params),
	KUNIT_CASE_PARAM(table_is_checked, shape_gen_params),
	KUNIT_CASE(unmap_in_another_direction_is_reported),
	KUNIT_CASE(detach_with_a_kept_mapping_in_use_is_reported),
	KUNIT_CASE(end_without_begin_is_reported),
	KUNIT_CASE(end_in_another_direction_is_reported),
	KUNIT_CASE(begin_that_failed_needs_no_end),
	KUNIT_CASE(end_in_no_direction_is_reported),
	KUNIT_CASE(release_with_an_access_begun_is_reported),
	KUNIT_CASE(table_without_segments_is_refused),
	KUNIT_CASE(table_without_entries_is_copied),
	KUNIT_CASE(userspace_is_never_reported),
	{}
};

static struct kunit_suite dma_buf_debug_suite = {
	.name = "dma_buf_debug",
	.init = mock_init,
	.test_cases = dma_buf_debug_cases,
};

kunit_test_suite(dma_buf_debug_suite);
