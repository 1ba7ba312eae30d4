// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the mappings of devices: which table each map returns, when the DMA API is called,
 * and which mappings the begin and end of CPU access sync.
 */

#include <kunit/static_stub.h>
#include <linux/scatterlist.h>

#include "storage.h"

static const struct direction {
	const char *desc;
	enum dma_data_direction dir;
	const char *twice;
	bool touches;
} directions[] = {
	{ "bidirectional", DMA_BIDIRECTIONAL, "mb,db,db,cb,cb,ub", true },
	{ "to device", DMA_TO_DEVICE, "mt,dt,dt,ct,ct,ut", false },
	{ "from device", DMA_FROM_DEVICE, "mf,df,cf,cf,uf", true },
};

KUNIT_ARRAY_PARAM_DESC(direction, directions, desc);

static const int map_errnos[] = { -ENOMEM, -EIO, -EINVAL, -EREMOTEIO };

static void errno_to_desc(const int *error, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "errno %d", -*error);
}

KUNIT_ARRAY_PARAM(map_errno, map_errnos, errno_to_desc);

/* A buffer of two runs of four pages. */
static struct dma_buf *map_buffer(struct kunit *test)
{
	return mock_storage_buffer(test, mock_storage(test, 2, 4));
}

/* Map, asserting success. */
static struct sg_table *map(struct kunit *test, struct dma_buf_attachment *attach,
			    enum dma_data_direction dir)
{
	struct sg_table *sgt = mock_storage_map(attach, dir);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	return sgt;
}

/* Expect that the table has the pages that the buffer has now. */
static void map_expect_pages(struct kunit *test, struct dma_buf *dmabuf, struct sg_table *sgt)
{
	struct dma_storage *storage = mock_storage_of(dmabuf)->storage;
	struct scatterlist *sg;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, sgt->orig_nents, storage->nr_runs);
	for_each_sgtable_sg(sgt, sg, i)
		KUNIT_EXPECT_EQ(test, page_to_pfn(sg_page(sg)), storage->runs[i].pfn);
}

static void attach_builds_no_table(struct kunit *test)
{
	struct mock_dma *dma = mock_dma(test);
	struct dma_buf_attachment *attach = mock_attach(test, map_buffer(test), NULL);

	KUNIT_EXPECT_NULL(test, attach->priv);
	mock_detach(test, attach);
	KUNIT_EXPECT_STREQ(test, mock_dma_calls(test, dma), "");
}

static void map_gives_addresses_of_all_pages(struct kunit *test)
{
	struct dma_buf *dmabuf = map_buffer(test);
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);
	struct sg_table *sgt = map(test, attach, DMA_TO_DEVICE);
	struct scatterlist *sg;
	size_t bytes = 0;
	unsigned int i;

	map_expect_pages(test, dmabuf, sgt);
	for_each_sgtable_dma_sg(sgt, sg, i)
		bytes += sg_dma_len(sg);
	KUNIT_EXPECT_EQ(test, bytes, dmabuf->size);
	mock_storage_unmap(attach, sgt, DMA_TO_DEVICE);
}

/* The two users of the mapping unmap in either order: they have the same table. */
static void second_map_shares_the_mapping(struct kunit *test)
{
	const struct direction *row = test->param_value;
	struct mock_dma *dma = mock_dma(test);
	struct dma_buf_attachment *attach = mock_attach(test, map_buffer(test), NULL);
	struct sg_table *sgt = map(test, attach, row->dir);

	KUNIT_EXPECT_PTR_EQ(test, map(test, attach, row->dir), sgt);
	mock_storage_unmap(attach, sgt, row->dir);
	mock_storage_unmap(attach, sgt, row->dir);
	KUNIT_EXPECT_STREQ(test, mock_dma_calls(test, dma), row->twice);
}

static void other_direction_has_its_own_mapping(struct kunit *test)
{
	struct mock_dma *dma = mock_dma(test);
	struct dma_buf_attachment *attach = mock_attach(test, map_buffer(test), NULL);
	struct sg_table *to = map(test, attach, DMA_TO_DEVICE);
	struct sg_table *from = map(test, attach, DMA_FROM_DEVICE);
	struct sg_table *both = map(test, attach, DMA_BIDIRECTIONAL);

	KUNIT_EXPECT_PTR_NE(test, to, from);
	KUNIT_EXPECT_PTR_NE(test, to, both);
	KUNIT_EXPECT_PTR_NE(test, from, both);
	mock_storage_unmap(attach, to, DMA_TO_DEVICE);
	mock_storage_unmap(attach, both, DMA_BIDIRECTIONAL);
	mock_storage_unmap(attach, from, DMA_FROM_DEVICE);
	KUNIT_EXPECT_STREQ(test, mock_dma_calls(test, dma), "mt,dt,mf,df,mb,db,ct,ut,cb,ub,cf,uf");
}

static void other_attachment_has_its_own_mapping(struct kunit *test)
{
	struct mock_dma *dma = mock_dma(test);
	struct dma_buf *dmabuf = map_buffer(test);
	struct dma_buf_attachment *one = mock_attach(test, dmabuf, NULL);
	struct dma_buf_attachment *two = mock_attach(test, dmabuf, NULL);
	struct sg_table *sgt = map(test, one, DMA_TO_DEVICE);

	KUNIT_EXPECT_PTR_NE(test, sgt, map(test, two, DMA_TO_DEVICE));
	mock_storage_unmap(one, sgt, DMA_TO_DEVICE);
	KUNIT_EXPECT_STREQ(test, mock_dma_calls(test, dma), "mt,dt,mt,dt,ct,ut");
	sgt = map(test, two, DMA_TO_DEVICE);
	mock_storage_unmap(two, sgt, DMA_TO_DEVICE);
	mock_storage_unmap(two, sgt, DMA_TO_DEVICE);
	KUNIT_EXPECT_STREQ(test, mock_dma_calls(test, dma), "dt,ct,ct,ut");
}

static void table_is_kept_and_the_mapping_is_not(struct kunit *test)
{
	struct mock_dma *dma = mock_dma(test);
	struct dma_buf *dmabuf = map_buffer(test);
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);
	struct sg_table *sgt = map(test, attach, DMA_TO_DEVICE);
	struct scatterlist *sgl = sgt->sgl;

	mock_storage_unmap(attach, sgt, DMA_TO_DEVICE);
	KUNIT_EXPECT_TRUE(test, list_empty(&mock_storage_of(dmabuf)->mappings));
	sgt = map(test, attach, DMA_TO_DEVICE);
	KUNIT_EXPECT_PTR_EQ(test, sgt->sgl, sgl);
	map_expect_pages(test, dmabuf, sgt);
	mock_storage_unmap(attach, sgt, DMA_TO_DEVICE);
	KUNIT_EXPECT_STREQ(test, mock_dma_calls(test, dma), "mt,dt,ct,ut,mt,dt,ct,ut");
}

static void table_is_rebuilt_after_a_replacement(struct kunit *test)
{
	const struct direction *row = test->param_value;
	struct dma_buf *dmabuf = map_buffer(test);
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);
	struct sg_table *sgt;

	mock_storage_unmap(attach, map(test, attach, row->dir), row->dir);
	/* The new storage has other pages and more runs. */
	KUNIT_ASSERT_EQ(test, 0, mock_storage_replace(dmabuf, mock_storage(test, 4, 2)));
	sgt = map(test, attach, row->dir);
	map_expect_pages(test, dmabuf, sgt);
	mock_storage_unmap(attach, sgt, row->dir);
}

static void map_touches_if_the_device_may_write(struct kunit *test)
{
	const struct direction *row = test->param_value;
	struct dma_buf *dmabuf = map_buffer(test);
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);
	struct sg_table *sgt;

	KUNIT_EXPECT_FALSE(test, mock_storage_of(dmabuf)->touched);
	sgt = map(test, attach, row->dir);
	KUNIT_EXPECT_EQ(test, mock_storage_of(dmabuf)->touched, row->touches);
	mock_storage_unmap(attach, sgt, row->dir);
	KUNIT_EXPECT_EQ(test, mock_storage_of(dmabuf)->touched, row->touches);
}

static void map_failure_leaves_no_mapping(struct kunit *test)
{
	const int *error = test->param_value;
	struct mock_dma *dma = mock_dma(test);
	struct dma_buf *dmabuf = map_buffer(test);
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);
	struct sg_table *sgt;

	dma->error = *error;
	KUNIT_EXPECT_EQ(test, PTR_ERR(mock_storage_map(attach, DMA_FROM_DEVICE)), *error);
	KUNIT_EXPECT_TRUE(test, list_empty(&mock_storage_of(dmabuf)->mappings));
	KUNIT_EXPECT_FALSE(test, mock_storage_of(dmabuf)->touched);

	/* The next map begins the mapping, and the table still has all pages. */
	sgt = map(test, attach, DMA_FROM_DEVICE);
	map_expect_pages(test, dmabuf, sgt);
	mock_storage_unmap(attach, sgt, DMA_FROM_DEVICE);
	KUNIT_EXPECT_STREQ(test, mock_dma_calls(test, dma), "mf,mf,df,cf,uf");
}

static void map_failure_keeps_other_mappings(struct kunit *test)
{
	struct mock_dma *dma = mock_dma(test);
	struct dma_buf_attachment *attach = mock_attach(test, map_buffer(test), NULL);
	struct sg_table *sgt = map(test, attach, DMA_TO_DEVICE);

	dma->error = -EIO;
	KUNIT_EXPECT_EQ(test, PTR_ERR(mock_storage_map(attach, DMA_FROM_DEVICE)), -EIO);
	KUNIT_EXPECT_PTR_EQ(test, map(test, attach, DMA_TO_DEVICE), sgt);
	mock_storage_unmap(attach, sgt, DMA_TO_DEVICE);
	mock_storage_unmap(attach, sgt, DMA_TO_DEVICE);
	KUNIT_EXPECT_STREQ(test, mock_dma_calls(test, dma), "mt,dt,mf,dt,ct,ct,ut");
}

static int no_table(const struct dma_storage *storage, struct device *dev,
		    struct sg_table *sgt)
{
	return -ENOMEM;
}

static void map_without_memory_for_the_table(struct kunit *test)
{
	struct mock_dma *dma = mock_dma(test);
	struct dma_buf *dmabuf = map_buffer(test);
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);
	struct sg_table *sgt;

	kunit_activate_static_stub(test, dma_storage_build_table, no_table);
	KUNIT_EXPECT_EQ(test, PTR_ERR(mock_storage_map(attach, DMA_FROM_DEVICE)), -ENOMEM);
	kunit_deactivate_static_stub(test, dma_storage_build_table);
	KUNIT_EXPECT_STREQ(test, mock_dma_calls(test, dma), "");
	KUNIT_EXPECT_TRUE(test, list_empty(&mock_storage_of(dmabuf)->mappings));

	sgt = map(test, attach, DMA_FROM_DEVICE);
	mock_storage_unmap(attach, sgt, DMA_FROM_DEVICE);
}

/* The old table is freed before, and must not be used for the new storage. */
static void rebuild_without_memory_for_the_table(struct kunit *test)
{
	struct dma_buf *dmabuf = map_buffer(test);
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);
	struct sg_table *sgt;

	mock_storage_unmap(attach, map(test, attach, DMA_TO_DEVICE), DMA_TO_DEVICE);
	KUNIT_ASSERT_EQ(test, 0, mock_storage_replace(dmabuf, mock_storage(test, 4, 2)));
	for (int i = 0; i < 2; i++) {
		kunit_activate_static_stub(test, dma_storage_build_table, no_table);
		KUNIT_EXPECT_EQ(test, PTR_ERR(mock_storage_map(attach, DMA_TO_DEVICE)), -ENOMEM);
		kunit_deactivate_static_stub(test, dma_storage_build_table);
	}
	sgt = map(test, attach, DMA_TO_DEVICE);
	map_expect_pages(test, dmabuf, sgt);
	mock_storage_unmap(attach, sgt, DMA_TO_DEVICE);
}

#define MAP_DEVICES	8

/* A table of the runs; counts in the device's driver data. */
static int counted_table(const struct dma_storage *storage, struct device *dev,
			 struct sg_table *sgt)
{
	unsigned int *tables = dev_get_drvdata(dev);
	struct scatterlist *sg;
	unsigned int i;
	int ret = sg_alloc_table(sgt, storage->nr_runs, GFP_KERNEL);

	if (ret)
		return ret;
	for_each_sgtable_sg(sgt, sg, i)
		sg_set_page(sg, pfn_to_page(storage->runs[i].pfn),
			    storage->runs[i].nr_pages << PAGE_SHIFT, 0);
	(*tables)++;
	return 0;
}

/* Return how many of the calls, as in &struct mock_dma, are this one. */
static unsigned int calls_of(const char *calls, char call)
{
	unsigned int count = 0;

	for (; *calls; calls += calls[2] ? 3 : 2)
		count += *calls == call;
	return count;
}

/* What an attach and a map cost does not depend on how many devices have the buffer mapped. */
static void eighth_device_costs_what_the_first_did(struct kunit *test)
{
	struct mock_dma *dma = mock_dma(test);
	struct dma_buf *dmabuf = map_buffer(test);
	struct dma_buf_attachment *attach[MAP_DEVICES];
	struct sg_table *sgts[MAP_DEVICES];
	unsigned int tables[MAP_DEVICES] = {};

	kunit_activate_static_stub(test, dma_storage_build_table, counted_table);
	for (int i = 0; i < MAP_DEVICES; i++) {
		const char *calls;

		attach[i] = mock_attach(test, dmabuf, NULL);
		dev_set_drvdata(attach[i]->dev, &tables[i]);
		KUNIT_EXPECT_STREQ(test, mock_dma_calls(test, dma), "");
		KUNIT_EXPECT_EQ(test, tables[i], 0);

		sgts[i] = map(test, attach[i], DMA_TO_DEVICE);
		calls = mock_dma_calls(test, dma);
		KUNIT_EXPECT_EQ_MSG(test, calls_of(calls, 'm'), 1, "device %d: %s", i, calls);
		KUNIT_EXPECT_EQ_MSG(test, calls_of(calls, 'd'), 1, "device %d: %s", i, calls);
		KUNIT_EXPECT_EQ_MSG(test, calls_of(calls, 'c'), 0, "device %d: %s", i, calls);
		KUNIT_EXPECT_EQ_MSG(test, calls_of(calls, 'u'), 0, "device %d: %s", i, calls);
	}
	for (int i = 0; i < MAP_DEVICES; i++) {
		KUNIT_EXPECT_EQ_MSG(test, tables[i], 1, "device %d", i);
		mock_storage_unmap(attach[i], sgts[i], DMA_TO_DEVICE);
	}
}

/**
 * struct access_row - mappings, a CPU access, and the syncs of its begin and end
 * @desc: description
 * @mapped: directions in the order of mapping, as in &struct mock_dma
 * @dir: direction of the CPU access
 * @begin: expected calls of the begin
 * @end: expected calls of the end
 */
struct access_row {
	const char *desc;
	const char *mapped;
	enum dma_data_direction dir;
	const char *begin;
	const char *end;
};

static const struct access_row access_rows[] = {
	{ "read, nothing mapped", "", DMA_FROM_DEVICE, "", "" },
	{ "read and write, nothing mapped", "", DMA_BIDIRECTIONAL, "", "" },
	{ "read, device reads", "t", DMA_FROM_DEVICE, "ct", "" },
	{ "read, device writes", "f", DMA_FROM_DEVICE, "cf", "" },
	{ "read, device does both", "b", DMA_FROM_DEVICE, "cb", "" },
	{ "write, device reads", "t", DMA_TO_DEVICE, "ct", "dt" },
	{ "write, device writes", "f", DMA_TO_DEVICE, "cf", "df" },
	{ "write, device does both", "b", DMA_TO_DEVICE, "cb", "db" },
	{ "both, device reads", "t", DMA_BIDIRECTIONAL, "ct", "dt" },
	{ "both, device writes", "f", DMA_BIDIRECTIONAL, "cf", "df" },
	{ "both, device does both", "b", DMA_BIDIRECTIONAL, "cb", "db" },
	/* Devices that only write are last, whenever they were mapped: their bytes win. */
	{ "write, writer mapped first", "ft", DMA_TO_DEVICE, "ct,cf", "dt,df" },
	{ "write, writer mapped last", "bf", DMA_TO_DEVICE, "cb,cf", "db,df" },
	{ "both, writer mapped between", "tfb", DMA_BIDIRECTIONAL, "cb,ct,cf", "db,dt,df" },
	{ "read, all mapped", "ftb", DMA_FROM_DEVICE, "cb,ct,cf", "" },
};

KUNIT_ARRAY_PARAM_DESC(access, access_rows, desc);

static enum dma_data_direction access_direction(char letter)
{
	return letter == 'b' ? DMA_BIDIRECTIONAL : letter == 't' ? DMA_TO_DEVICE :
	       DMA_FROM_DEVICE;
}

static void cpu_access_syncs_each_mapping(struct kunit *test)
{
	const struct access_row *row = test->param_value;
	struct mock_dma *dma = mock_dma(test);
	struct dma_buf *dmabuf = map_buffer(test);
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);
	struct sg_table *sgts[3];

	for (int i = 0; row->mapped[i]; i++)
		sgts[i] = map(test, attach, access_direction(row->mapped[i]));
	mock_dma_calls(test, dma);
	KUNIT_EXPECT_EQ(test, dmabuf->ops->begin_cpu_access(dmabuf, row->dir), 0);
	KUNIT_EXPECT_STREQ(test, mock_dma_calls(test, dma), row->begin);
	KUNIT_EXPECT_EQ(test, dmabuf->ops->end_cpu_access(dmabuf, row->dir), 0);
	KUNIT_EXPECT_STREQ(test, mock_dma_calls(test, dma), row->end);
	for (int i = 0; row->mapped[i]; i++)
		mock_storage_unmap(attach, sgts[i], access_direction(row->mapped[i]));

	/* Nothing is mapped any more. */
	mock_dma_calls(test, dma);
	KUNIT_EXPECT_EQ(test, dmabuf->ops->begin_cpu_access(dmabuf, row->dir), 0);
	KUNIT_EXPECT_EQ(test, dmabuf->ops->end_cpu_access(dmabuf, row->dir), 0);
	KUNIT_EXPECT_STREQ(test, mock_dma_calls(test, dma), "");
}

static void cpu_access_syncs_every_device(struct kunit *test)
{
	struct mock_dma *dma = mock_dma(test);
	struct dma_buf *dmabuf = map_buffer(test);
	struct dma_buf_attachment *attach[8];
	struct sg_table *sgts[8];

	for (int i = 0; i < ARRAY_SIZE(attach); i++) {
		attach[i] = mock_attach(test, dmabuf, NULL);
		sgts[i] = map(test, attach[i], DMA_TO_DEVICE);
	}
	mock_dma_calls(test, dma);
	dmabuf->ops->begin_cpu_access(dmabuf, DMA_TO_DEVICE);
	KUNIT_EXPECT_STREQ(test, mock_dma_calls(test, dma), "ct,ct,ct,ct,ct,ct,ct,ct");
	dmabuf->ops->end_cpu_access(dmabuf, DMA_TO_DEVICE);
	KUNIT_EXPECT_STREQ(test, mock_dma_calls(test, dma), "dt,dt,dt,dt,dt,dt,dt,dt");
	for (int i = 0; i < ARRAY_SIZE(attach); i++)
		mock_storage_unmap(attach[i], sgts[i], DMA_TO_DEVICE);
}

/* A shared mapping is one mapping, until its last user has unmapped. */
static void cpu_access_syncs_a_shared_mapping_once(struct kunit *test)
{
	struct mock_dma *dma = mock_dma(test);
	struct dma_buf *dmabuf = map_buffer(test);
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);
	struct sg_table *sgt = map(test, attach, DMA_BIDIRECTIONAL);

	map(test, attach, DMA_BIDIRECTIONAL);
	for (int users = 2; users; users--) {
		mock_dma_calls(test, dma);
		dmabuf->ops->begin_cpu_access(dmabuf, DMA_FROM_DEVICE);
		KUNIT_EXPECT_STREQ(test, mock_dma_calls(test, dma), "cb");
		mock_storage_unmap(attach, sgt, DMA_BIDIRECTIONAL);
	}
}

/* What programs ask for, in any number, order and nesting. */
static const struct {
	const char *desc;
	u64 flags;
	long ret;
	const char *calls;
} sync_rows[] = {
	{ "end without start", DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE, 0, "db,db" },
	{ "end of a read without start", DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ, 0, "" },
	{ "start within a start", DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW, 0, "cb,cb" },
	{ "no direction", DMA_BUF_SYNC_START, -EINVAL, "" },
	{ "unknown flag", 0x100, -EINVAL, "" },
};

KUNIT_ARRAY_PARAM_DESC(sync, sync_rows, desc);

static void sync_ioctl_in_any_order(struct kunit *test)
{
	const typeof(sync_rows[0]) *row = test->param_value;
	struct mock_dma *dma = mock_dma(test);
	struct dma_buf *dmabuf = map_buffer(test);
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);
	struct sg_table *sgt = map(test, attach, DMA_BIDIRECTIONAL);

	mock_dma_calls(test, dma);
	for (int i = 0; i < 2; i++) {
		struct dma_buf_sync sync = { .flags = row->flags };

		KUNIT_EXPECT_EQ(test, mock_ioctl(test, dmabuf, DMA_BUF_IOCTL_SYNC, &sync,
						 sizeof(sync)), row->ret);
	}
	KUNIT_EXPECT_STREQ(test, mock_dma_calls(test, dma), row->calls);
	mock_storage_unmap(attach, sgt, DMA_BIDIRECTIONAL);
}

static struct kunit_case dma_storage_map_cases[] = {
	KUNIT_CASE(attach_builds_no_table),
	KUNIT_CASE(map_gives_addresses_of_all_pages),
	KUNIT_CASE_PARAM(second_map_shares_the_mapping, direction_gen_params),
	KUNIT_CASE(other_direction_has_its_own_mapping),
	KUNIT_CASE(other_attachment_has_its_own_mapping),
	KUNIT_CASE(table_is_kept_and_the_mapping_is_not),
	KUNIT_CASE_PARAM(table_is_rebuilt_after_a_replacement, direction_gen_params),
	KUNIT_CASE_PARAM(map_touches_if_the_device_may_write, direction_gen_params),
	KUNIT_CASE_PARAM(map_failure_leaves_no_mapping, map_errno_gen_params),
	KUNIT_CASE(map_failure_keeps_other_mappings),
	KUNIT_CASE(map_without_memory_for_the_table),
	KUNIT_CASE(rebuild_without_memory_for_the_table),
	KUNIT_CASE(eighth_device_costs_what_the_first_did),
	KUNIT_CASE_PARAM(cpu_access_syncs_each_mapping, access_gen_params),
	KUNIT_CASE(cpu_access_syncs_every_device),
	KUNIT_CASE(cpu_access_syncs_a_shared_mapping_once),
	KUNIT_CASE_PARAM(sync_ioctl_in_any_order, sync_gen_params),
	{}
};

static struct kunit_suite dma_storage_map_suite = {
	.name = "dma_storage_map",
	.init = mock_init,
	.test_cases = dma_storage_map_cases,
};

kunit_test_suite(dma_storage_map_suite);
