// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of tables: which segments a device gets for a list of runs.
 *
 * Most tables are of addresses at which there is no memory, so that they do not depend on the
 * machine. Lengths are multiples of 64 KiB where they can be, the largest page size.
 */

#include <kunit/static_stub.h>
#include <linux/dma-mapping.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>

#include "../needs/dma-buf-needs-private.h"
#include "storage.h"

#define TABLE_RUNS	4
#define TABLE_SEGMENTS	8

/**
 * struct table_row - a device, runs, and the segments that the device gets for them
 * @desc: description
 * @pci: the device is on the PCI bus
 * @params: the driver has set &struct device_dma_parameters
 * @max_segment: longest segment that the driver has set
 * @boundary: boundary that the driver has set
 * @runs: start and length of the runs in bytes; a length of 0 ends them
 * @segments: length of the segments in bytes; 0 ends them
 */
struct table_row {
	const char *desc;
	bool pci;
	bool params;
	unsigned int max_segment;
	unsigned long boundary;
	struct {
		u64 start;
		u64 bytes;
	} runs[TABLE_RUNS];
	u64 segments[TABLE_SEGMENTS];
};

static const struct table_row table_rows[] = {
	{ "one run", .runs = { { SZ_1G, SZ_1M } }, .segments = { SZ_1M } },
	{ "one page", .runs = { { SZ_1G, PAGE_SIZE } }, .segments = { PAGE_SIZE } },
	{ "adjacent runs merge",
	  .runs = { { SZ_1G, SZ_64K }, { SZ_1G + SZ_64K, SZ_1M },
		    { SZ_1G + SZ_1M + SZ_64K, SZ_64K } },
	  .segments = { SZ_1M + SZ_128K } },
	{ "runs with a gap stay apart",
	  .runs = { { SZ_1G, SZ_64K }, { SZ_1G + SZ_128K, SZ_1M } },
	  .segments = { SZ_64K, SZ_1M } },
	{ "a run before the previous one stays apart",
	  .runs = { { SZ_1G + SZ_64K, SZ_64K }, { SZ_1G, SZ_64K } },
	  .segments = { SZ_64K, SZ_64K } },
	{ "the same run twice stays apart",
	  .runs = { { SZ_1G, SZ_64K }, { SZ_1G, SZ_64K } },
	  .segments = { SZ_64K, SZ_64K } },
	{ "two pairs of adjacent runs",
	  .runs = { { SZ_1G, SZ_64K }, { SZ_1G + SZ_64K, SZ_64K },
		    { SZ_512M, SZ_1M }, { SZ_512M + SZ_1M, SZ_1M } },
	  .segments = { SZ_128K, SZ_2M } },

	{ "longest segment not set", .params = true,
	  .runs = { { SZ_1G, SZ_512M } }, .segments = { SZ_512M } },
	{ "longest segment 64 KiB", .params = true, .max_segment = SZ_64K,
	  .runs = { { SZ_1G, SZ_256K } }, .segments = { SZ_64K, SZ_64K, SZ_64K, SZ_64K } },
	{ "64 KiB is the default of PCI", .pci = true, .params = true, .max_segment = SZ_64K,
	  .runs = { { SZ_1G, SZ_256K } }, .segments = { SZ_256K } },
	{ "a PCI driver sets 128 KiB", .pci = true, .params = true, .max_segment = SZ_128K,
	  .runs = { { SZ_1G, SZ_256K } }, .segments = { SZ_128K, SZ_128K } },
	{ "longest segment not whole pages", .params = true, .max_segment = SZ_128K - 1,
	  .runs = { { SZ_1G, SZ_256K } },
	  .segments = { SZ_128K - PAGE_SIZE, SZ_128K - PAGE_SIZE, 2 * PAGE_SIZE } },
	{ "longest segment below a page", .params = true, .max_segment = 512,
	  .runs = { { SZ_1G, 2 * PAGE_SIZE } }, .segments = { PAGE_SIZE, PAGE_SIZE } },
	{ "longest segment UINT_MAX", .params = true, .max_segment = UINT_MAX,
	  .runs = { { SZ_1G, SZ_512M } }, .segments = { SZ_512M } },
	{ "merged runs are cut again", .params = true, .max_segment = SZ_128K,
	  .runs = { { SZ_1G, SZ_64K }, { SZ_1G + SZ_64K, SZ_64K },
		    { SZ_1G + SZ_128K, SZ_64K } },
	  .segments = { SZ_128K, SZ_64K } },

	{ "2 GiB", .runs = { { 0, SZ_2G } }, .segments = { SZ_2G } },
	{ "2 GiB and a page",
	  .runs = { { 0, SZ_2G + PAGE_SIZE } }, .segments = { SZ_2G, PAGE_SIZE } },
	{ "adjacent runs of 1 GiB",
	  .runs = { { 0, SZ_1G }, { SZ_1G, SZ_1G }, { SZ_2G, SZ_1G } },
	  .segments = { SZ_2G, SZ_1G } },
	{ "4 GiB in one run", .runs = { { SZ_1G, SZ_4G } }, .segments = { SZ_2G, SZ_2G } },
	{ "8 GiB in one run", .runs = { { SZ_1G, SZ_8G } },
	  .segments = { SZ_2G, SZ_2G, SZ_2G, SZ_2G } },
	{ "8 GiB, longest segment UINT_MAX", .params = true, .max_segment = UINT_MAX,
	  .runs = { { SZ_1G, SZ_8G } }, .segments = { SZ_2G, SZ_2G, SZ_2G, SZ_2G } },

	{ "no boundary set",
	  .runs = { { SZ_4G - SZ_1M, SZ_2M } }, .segments = { SZ_2M } },
	{ "boundary ULONG_MAX", .params = true, .boundary = ULONG_MAX,
	  .runs = { { SZ_1G, SZ_1G } }, .segments = { SZ_1G } },
	{ "boundary 4 GiB", .pci = true, .params = true, .max_segment = SZ_64K,
	  .boundary = 0xffffffff,
	  .runs = { { SZ_4G - SZ_1M, SZ_2M } }, .segments = { SZ_1M, SZ_1M } },
	{ "boundary 4 GiB, not crossed", .params = true, .boundary = 0xffffffff,
	  .runs = { { SZ_2G, SZ_2G } }, .segments = { SZ_2G } },
	{ "boundary 128 KiB", .params = true, .boundary = SZ_128K - 1,
	  .runs = { { SZ_1G + SZ_64K, SZ_256K } },
	  .segments = { SZ_64K, SZ_128K, SZ_64K } },
	{ "boundary below a page", .params = true, .boundary = 511,
	  .runs = { { SZ_1G, 2 * PAGE_SIZE } }, .segments = { PAGE_SIZE, PAGE_SIZE } },
	{ "boundary and longest segment", .params = true, .boundary = SZ_256K - 1,
	  .max_segment = SZ_128K, .runs = { { SZ_1G + SZ_64K, SZ_512K } },
	  .segments = { SZ_128K, SZ_64K, SZ_128K, SZ_128K, SZ_64K } },
};

KUNIT_ARRAY_PARAM_DESC(table, table_rows, desc);

/**
 * struct limits_row - limits of a device, and the segments that it gets for one run
 * @desc: description
 * @mask: the device's DMA mask
 * @translated: the device has an IOMMU
 * @bounced: longest segment that can be bounced
 * @boundary: boundary, less one
 * @start: start of the run in bytes
 * @bytes: length of the run
 * @segments: length of the segments in bytes; 0 ends them
 */
struct limits_row {
	const char *desc;
	u64 mask;
	bool translated;
	u64 bounced;
	u64 boundary;
	u64 start;
	u64 bytes;
	u64 segments[TABLE_SEGMENTS];
};

static const struct limits_row limits_rows[] = {
	{ "out of reach, bounced", DMA_BIT_MASK(32), false, SZ_256K, U64_MAX,
	  SZ_4G, SZ_1M, { SZ_256K, SZ_256K, SZ_256K, SZ_256K } },
	{ "the end out of reach, bounced", DMA_BIT_MASK(32), false, SZ_256K, U64_MAX,
	  SZ_4G - SZ_64K, SZ_512K, { SZ_256K, SZ_256K } },
	{ "in reach, not bounced", DMA_BIT_MASK(32), false, SZ_256K, U64_MAX,
	  SZ_4G - SZ_1M, SZ_1M, { SZ_1M } },
	{ "shorter than the bounce buffer", DMA_BIT_MASK(32), false, SZ_256K, U64_MAX,
	  SZ_4G, SZ_128K, { SZ_128K } },
	{ "out of reach, IOMMU", DMA_BIT_MASK(32), true, U64_MAX, U64_MAX,
	  SZ_4G, SZ_1M, { SZ_1M } },
	{ "across the boundary, IOMMU", DMA_BIT_MASK(32), true, U64_MAX, SZ_256K - 1,
	  SZ_1G, SZ_1M, { SZ_1M } },
	{ "not trusted, IOMMU", DMA_BIT_MASK(64), true, SZ_256K, U64_MAX,
	  SZ_1G, SZ_1M, { SZ_256K, SZ_256K, SZ_256K, SZ_256K } },
	{ "boundary and bounce buffer", DMA_BIT_MASK(32), false, SZ_256K, SZ_1M - 1,
	  SZ_4G + SZ_1M - SZ_128K, SZ_512K, { SZ_128K, SZ_256K, SZ_128K } },
	{ "64 bits reach all", DMA_BIT_MASK(64), false, SZ_256K, U64_MAX,
	  SZ_8G, SZ_1M, { SZ_1M } },
};

KUNIT_ARRAY_PARAM_DESC(limits, limits_rows, desc);

static void table_set_segment(struct scatterlist *sg, phys_addr_t phys, unsigned int bytes)
{
	sg->length = bytes;
	sg_dma_address(sg) = phys;
}

/* The limits of a row, for the device whose driver data the row is. */
static void table_get_limits(struct device *dev, struct dma_storage_limits *limits)
{
	const struct limits_row *row = dev_get_drvdata(dev);

	limits->dev = dev;
	limits->segment = SZ_2G;
	limits->direct = !row->translated;
	limits->bounced = row->bounced;
	limits->boundary = row->boundary;
	limits->no_bounce = false;
}

/* Addresses of a row that exceed phys_addr_t or the page numbers have no table. */
static void table_needs_address(struct kunit *test, u64 last)
{
	if ((phys_addr_t)last != last || last >> PAGE_SHIFT > ULONG_MAX)
		kunit_skip(test, "physical addresses have fewer bits");
}

static struct sg_table *table_build(struct kunit *test, const struct dma_storage *storage,
				    struct device *dev)
{
	struct sg_table *sgt = kunit_kzalloc(test, sizeof(*sgt), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, sgt);
	kunit_activate_static_stub(test, dma_storage_set_segment, table_set_segment);
	KUNIT_ASSERT_EQ(test, 0, dma_storage_build_table(storage, dev, sgt));
	return sgt;
}

/* Expect these segments, which together are the runs, in their order and without a gap. */
static void table_expect(struct kunit *test, const struct dma_storage *storage,
			 struct sg_table *sgt, const u64 *segments)
{
	const struct dma_buf_run *run = storage->runs;
	struct scatterlist *sg;
	u64 done = 0, sum = 0;
	unsigned int i, count = 0;

	while (count < TABLE_SEGMENTS && segments[count])
		count++;
	KUNIT_EXPECT_EQ(test, sgt->orig_nents, count);
	for_each_sg(sgt->sgl, sg, min(sgt->orig_nents, count), i) {
		u64 bytes = sg->length;

		KUNIT_EXPECT_EQ_MSG(test, bytes, segments[i], "segment %u", i);
		KUNIT_EXPECT_EQ_MSG(test, sg_dma_address(sg), PFN_PHYS(run->pfn) + done,
				    "segment %u", i);
		for (done += bytes, sum += bytes;
		     done && done >= (u64)run->nr_pages << PAGE_SHIFT; run++)
			done -= (u64)run->nr_pages << PAGE_SHIFT;
	}
	KUNIT_EXPECT_EQ(test, sum, (u64)storage->nr_pages << PAGE_SHIFT);
	sg_free_table(sgt);
}

/* KUnit's devices have no DMA parameters and no bus that the code asks for. */
static struct device *table_device(struct kunit *test, const struct table_row *row)
{
	struct device_dma_parameters *params = kunit_kzalloc(test, sizeof(*params), GFP_KERNEL);
	struct device *dev = kunit_kzalloc(test, sizeof(*dev), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, params);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	dev->coherent_dma_mask = DMA_BIT_MASK(64);
	dev->dma_mask = &dev->coherent_dma_mask;
	params->max_segment_size = row->max_segment;
	params->segment_boundary_mask = row->boundary;
	if (row->params)
		dev->dma_parms = params;
	if (row->pci && !IS_ENABLED(CONFIG_PCI))
		kunit_skip(test, "needs CONFIG_PCI");
	dev->bus = row->pci ? MOCK_PCI_BUS : NULL;
	return dev;
}

static void table_cuts_where_the_device_needs_it(struct kunit *test)
{
	const struct table_row *row = test->param_value;
	struct device *dev = table_device(test, row);
	struct dma_buf_run runs[TABLE_RUNS];
	struct dma_storage storage = { .runs = runs };
	unsigned int n = 0;

	for (; n < TABLE_RUNS && row->runs[n].bytes; n++) {
		table_needs_address(test, row->runs[n].start + row->runs[n].bytes - 1);
		runs[n].pfn = row->runs[n].start >> PAGE_SHIFT;
		runs[n].nr_pages = row->runs[n].bytes >> PAGE_SHIFT;
		storage.nr_pages += runs[n].nr_pages;
	}
	storage.nr_runs = n;
	table_expect(test, &storage, table_build(test, &storage, dev), row->segments);
}

static void table_follows_reach_and_translation(struct kunit *test)
{
	const struct limits_row *row = test->param_value;
	struct device *dev = mock_device_masked(test, row->mask);
	struct dma_buf_run run = {
		.pfn = row->start >> PAGE_SHIFT,
		.nr_pages = row->bytes >> PAGE_SHIFT,
	};
	struct dma_storage storage = {
		.nr_pages = run.nr_pages,
		.nr_runs = 1,
		.runs = &run,
	};

	table_needs_address(test, row->start + row->bytes - 1);
	dev_set_drvdata(dev, (void *)row);
	kunit_activate_static_stub(test, dma_storage_get_limits, table_get_limits);
	table_expect(test, &storage, table_build(test, &storage, dev), row->segments);
	dev_set_drvdata(dev, NULL);
}

/**
 * struct reach_row - two runs of 1 MiB, for a device that cannot bounce
 * @desc: description
 * @mask: the device's DMA mask
 * @starts: start of each run in bytes
 * @ret: expected result
 */
struct reach_row {
	const char *desc;
	u64 mask;
	u64 starts[2];
	int ret;
};

static const struct reach_row reach_rows[] = {
	{ "in reach", DMA_BIT_MASK(32), { SZ_1M, SZ_4G - SZ_1M }, 0 },
	{ "the last run out of reach", DMA_BIT_MASK(32), { SZ_1M, SZ_4G }, -EIO },
	{ "the first run out of reach", DMA_BIT_MASK(32), { SZ_4G, SZ_1M }, -EIO },
	{ "the end of a run out of reach", DMA_BIT_MASK(32), { SZ_4G - SZ_64K, SZ_1M }, -EIO },
	{ "64 bits reach all", DMA_BIT_MASK(64), { SZ_8G, SZ_1M }, 0 },
};

KUNIT_ARRAY_PARAM_DESC(reach, reach_rows, desc);

static void no_bounce_limits(struct device *dev, struct dma_storage_limits *limits)
{
	*limits = (struct dma_storage_limits){
		.dev = dev,
		.segment = SZ_2G,
		.direct = true,
		.bounced = U64_MAX,
		.boundary = U64_MAX,
		.no_bounce = true,
	};
}

/* The DMA API would warn, and userspace chooses the device. */
static void memory_out_of_reach_is_refused(struct kunit *test)
{
	const struct reach_row *row = test->param_value;
	struct device *dev = mock_device_masked(test, row->mask);
	struct dma_buf_run runs[2];
	struct dma_storage storage = { .nr_runs = 2, .runs = runs };
	struct sg_table sgt = {};

	mock_needs_low_addresses(test);
	for (int i = 0; i < 2; i++) {
		table_needs_address(test, row->starts[i] + SZ_1M - 1);
		runs[i].pfn = row->starts[i] >> PAGE_SHIFT;
		runs[i].nr_pages = SZ_1M >> PAGE_SHIFT;
		storage.nr_pages += runs[i].nr_pages;
	}
	kunit_activate_static_stub(test, dma_storage_get_limits, no_bounce_limits);
	kunit_activate_static_stub(test, dma_storage_set_segment, table_set_segment);
	KUNIT_EXPECT_EQ(test, row->ret, dma_storage_build_table(&storage, dev, &sgt));
	sg_free_table(&sgt);
}

static const struct {
	const char *desc;
	unsigned int max_segment;
	unsigned int pages;
} page_rows[] = {
	{ "a segment for each run", 0, 4 },
	{ "two segments for each run", 2 * PAGE_SIZE, 2 },
};

KUNIT_ARRAY_PARAM_DESC(page, page_rows, desc);

/* Importers look at the pages, and some sync by them. The other cases have no pages. */
static void table_has_the_pages(struct kunit *test)
{
	const typeof(page_rows[0]) *row = test->param_value;
	struct device_dma_parameters params = { .max_segment_size = row->max_segment };
	struct mock_storage *storage = mock_storage(test, 3, 4);
	struct device *dev = mock_device(test);
	unsigned long page = 0;
	struct sg_table sgt = {};
	struct scatterlist *sg;
	unsigned int i;

	dev->dma_parms = &params;
	KUNIT_ASSERT_EQ(test, 0, dma_storage_build_table(&storage->base, dev, &sgt));
	KUNIT_EXPECT_EQ(test, sgt.orig_nents, 12 / row->pages);
	for_each_sgtable_sg(&sgt, sg, i) {
		KUNIT_ASSERT_LT(test, page, 12);
		KUNIT_EXPECT_EQ_MSG(test, page_to_pfn(sg_page(sg)),
				    mock_storage_pfn(&storage->base, page), "segment %u", i);
		KUNIT_EXPECT_EQ_MSG(test, sg->offset, 0, "segment %u", i);
		KUNIT_EXPECT_EQ_MSG(test, sg->length, row->pages * PAGE_SIZE, "segment %u", i);
		page += row->pages;
	}
	dev->dma_parms = NULL;
	sg_free_table(&sgt);
	mock_storage_free(storage);
}

/* Userspace can pass a buffer to any device, so neither the DMA API nor the table may warn. */
static void table_refuses_a_device(struct kunit *test, struct device *dev)
{
	struct dma_buf_run run = { .pfn = SZ_1G >> PAGE_SHIFT, .nr_pages = 4 };
	struct dma_storage storage = { .nr_pages = 4, .nr_runs = 1, .runs = &run };
	struct sg_table sgt = {};

	KUNIT_EXPECT_EQ(test, -EIO, dma_storage_build_table(&storage, dev, &sgt));
	KUNIT_EXPECT_NULL(test, sgt.sgl);
}

/* vgem and vkms have devices without a DMA mask. */
static void table_of_a_device_without_mask(struct kunit *test)
{
	struct device *dev = mock_device(test);

	dev->dma_mask = NULL;
	table_refuses_a_device(test, dev);
}

static void table_of_a_device_that_reaches_too_little(struct kunit *test)
{
	struct device *dev = mock_device_masked(test, DMA_BIT_MASK(28));

	if (dma_buf_needs_bounce(dev))
		kunit_skip(test, "memory is bounced");
	table_refuses_a_device(test, dev);
}

static size_t pool_out_of_reach(struct device *dev, phys_addr_t *start, phys_addr_t *last)
{
	*start = SZ_512M;
	*last = SZ_1G - 1;
	return SZ_256K;
}

/* The DMA API warns when it has bounced to memory that the device does not reach. */
static void table_of_a_device_that_does_not_reach_the_pool(struct kunit *test)
{
	kunit_activate_static_stub(test, dma_buf_needs_get_pool, pool_out_of_reach);
	table_refuses_a_device(test, mock_device_masked(test, DMA_BIT_MASK(28)));
}

static struct kunit_case dma_storage_table_cases[] = {
	KUNIT_CASE_PARAM(table_cuts_where_the_device_needs_it, table_gen_params),
	KUNIT_CASE_PARAM(table_follows_reach_and_translation, limits_gen_params),
	KUNIT_CASE_PARAM(memory_out_of_reach_is_refused, reach_gen_params),
	KUNIT_CASE_PARAM(table_has_the_pages, page_gen_params),
	KUNIT_CASE(table_of_a_device_without_mask),
	KUNIT_CASE(table_of_a_device_that_reaches_too_little),
	KUNIT_CASE(table_of_a_device_that_does_not_reach_the_pool),
	{}
};

static struct kunit_suite dma_storage_table_suite = {
	.name = "dma_storage_table",
	.init = mock_init,
	.test_cases = dma_storage_table_cases,
};

kunit_test_suite(dma_storage_table_suite);
