// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of what a device is asked: the facts that its needs follow from, and its reach.
 *
 * There is no memory at the addresses. They are below 4 GiB, so that 32-bit machines have them.
 */

#include <kunit/static_stub.h>
#include <kunit/test-bug.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/pci.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include "../needs/dma-buf-needs-private.h"
#include "mock.h"
#include "needs.h"

#define NEEDS_LAST	(0x1ffffffffULL)	/* of a machine with 8 GiB */
#define NEEDS_NOTHING	(PAGE_SIZE - 1)		/* reach of a device that reaches nothing */

/* Windows with an offset, a gap and a second offset, as some system-on-chips have. */
static const struct bus_dma_region needs_windows[] = {
	{ .cpu_start = SZ_256M, .dma_start = 0, .size = SZ_256M },
	{ .cpu_start = SZ_1G, .dma_start = SZ_256M, .size = SZ_256M },
	{}
};

/* Two windows that touch each other, the first two with one offset, the third with another. */
static const struct bus_dma_region touching_windows[] = {
	{ .cpu_start = SZ_256M, .dma_start = 0, .size = SZ_64M },
	{ .cpu_start = SZ_256M + SZ_64M, .dma_start = SZ_64M, .size = SZ_64M },
	{ .cpu_start = SZ_256M + SZ_128M, .dma_start = SZ_1G, .size = SZ_64M },
	{}
};

/**
 * struct reach_row - a dma-direct device, runs, and the first one out of its reach
 * @desc: description
 * @mask: the device's DMA mask
 * @bus_limit: limit of its bus, or 0
 * @map: its windows, or NULL
 * @runs: the runs
 * @misfit: expected misfit
 */
struct reach_row {
	const char *desc;
	u64 mask;
	u64 bus_limit;
	const struct bus_dma_region *map;
	struct needs_run runs[NEEDS_RUNS];
	struct dma_buf_misfit misfit;
};

static const struct reach_row reach_rows[] = {
	{ "below the mask", DMA_BIT_MASK(30), 0, NULL, { { SZ_512M, SZ_512M } } },
	{ "the last byte above the mask", DMA_BIT_MASK(30), 0, NULL,
	  { { SZ_512M, SZ_512M + SZ_64K } },
	  { DMA_BUF_NEED_REACH, 0, SZ_1G + SZ_64K - 1 } },
	{ "the third run above the mask", DMA_BIT_MASK(30), 0, NULL,
	  { { SZ_1M, SZ_1M }, { SZ_512M, SZ_1M }, { SZ_1G, SZ_64K } },
	  { DMA_BUF_NEED_REACH, 2, SZ_1G + SZ_64K - 1 } },
	{ "above the limit of the bus", DMA_BIT_MASK(32), SZ_1G - 1, NULL,
	  { { SZ_512M, SZ_64K }, { SZ_1G, SZ_64K } },
	  { DMA_BUF_NEED_REACH, 1, SZ_1G + SZ_64K - 1 } },
	{ "below the limit of the bus", DMA_BIT_MASK(32), SZ_1G - 1, NULL,
	  { { SZ_1G - SZ_64K, SZ_64K } } },

	{ "both windows", DMA_BIT_MASK(32), 0, needs_windows,
	  { { SZ_256M, SZ_256M }, { SZ_1G, SZ_256M } } },
	{ "below the first window", DMA_BIT_MASK(32), 0, needs_windows, { { SZ_1M, SZ_64K } },
	  { DMA_BUF_NEED_REACH, 0, SZ_1M + SZ_64K - 1 } },
	{ "in the gap between the windows", DMA_BIT_MASK(32), 0, needs_windows,
	  { { SZ_1G, SZ_64K }, { SZ_512M, SZ_64K } },
	  { DMA_BUF_NEED_REACH, 1, SZ_512M + SZ_64K - 1 } },
	{ "into the gap", DMA_BIT_MASK(32), 0, needs_windows, { { SZ_512M - SZ_64K, SZ_128K } },
	  { DMA_BUF_NEED_REACH, 0, SZ_512M + SZ_64K - 1 } },
	{ "adjacent runs into the gap", DMA_BIT_MASK(32), 0, needs_windows,
	  { { SZ_512M - SZ_64K, SZ_64K }, { SZ_512M, SZ_64K } },
	  { DMA_BUF_NEED_REACH, 0, SZ_512M + SZ_64K - 1 } },
	{ "the second window above the mask", DMA_BIT_MASK(28), 0, needs_windows,
	  { { SZ_256M, SZ_64K }, { SZ_1G, SZ_64K } },
	  { DMA_BUF_NEED_REACH, 1, SZ_1G + SZ_64K - 1 } },
	{ "above the address of the mask, but not with the offset", DMA_BIT_MASK(28), 0,
	  needs_windows, { { SZ_512M - SZ_64K, SZ_64K } } },
	{ "across windows that touch", DMA_BIT_MASK(32), 0, touching_windows,
	  { { SZ_256M + SZ_64M - SZ_64K, SZ_128K } } },
	{ "across windows with different offsets", DMA_BIT_MASK(32), 0, touching_windows,
	  { { SZ_256M + SZ_128M - SZ_64K, SZ_128K } },
	  { DMA_BUF_NEED_REACH, 0, SZ_256M + SZ_128M + SZ_64K - 1 } },
};

KUNIT_ARRAY_PARAM_DESC(reach, reach_rows, desc);

static struct device *needs_device(struct kunit *test, u64 mask, u64 bus_limit,
				   const struct bus_dma_region *map)
{
	struct device *dev = kunit_kzalloc(test, sizeof(*dev), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, dev);
	dev->coherent_dma_mask = mask;
	dev->dma_mask = &dev->coherent_dma_mask;
	dev->bus_dma_limit = bus_limit;
	dev->dma_range_map = map;
	return dev;
}

static void fit_asks_the_device(struct kunit *test)
{
	const struct reach_row *row = test->param_value;
	struct device *dev = needs_device(test, row->mask, row->bus_limit, row->map);
	/* The lowest hint, which would fit nothing if it were compared. */
	struct dma_buf_needs needs = { .reach = NEEDS_NOTHING };

	mock_needs_low_addresses(test);
	needs_expect_fit(test, &needs, dev, row->runs, &row->misfit);
}

static void fit_without_reach_does_not_ask(struct kunit *test)
{
	struct device *dev = needs_device(test, DMA_BIT_MASK(20), 0, NULL);
	const struct needs_run runs[NEEDS_RUNS] = { { SZ_1G, SZ_64K } };
	struct dma_buf_needs needs = { .contiguous = SZ_64K };

	needs_expect_fit(test, &needs, dev, runs, &(struct dma_buf_misfit){});
}

static void fit_of_a_device_without_mask(struct kunit *test)
{
	struct device *dev = needs_device(test, 0, 0, NULL);
	const struct needs_run runs[NEEDS_RUNS] = { { SZ_1G, SZ_64K } };
	struct dma_buf_needs needs = { .reach = SZ_1M };

	dev->dma_mask = NULL;
	needs_expect_fit(test, &needs, dev, runs, &(struct dma_buf_misfit){});
}

/* The facts of devices. */

/* A device on an I2C bus does no DMA. */
static void facts_of_a_device_without_mask(struct kunit *test)
{
	struct device *dev = needs_device(test, DMA_BIT_MASK(32), 0, NULL);

	dev->dma_mask = NULL;
	KUNIT_EXPECT_EQ(test, dma_buf_needs_get_facts(dev).dma, DMA_BUF_DMA_NONE);
}

static void facts_of_a_direct_device(struct kunit *test)
{
	struct device *dev = needs_device(test, DMA_BIT_MASK(28), 0, NULL);
	struct dma_buf_dma_facts facts = dma_buf_needs_get_facts(dev);

	KUNIT_EXPECT_EQ(test, facts.dma, DMA_BUF_DMA_DIRECT);
	KUNIT_EXPECT_EQ(test, facts.limit, DMA_BIT_MASK(28));
	KUNIT_EXPECT_EQ(test, facts.offset, phys_to_dma(dev, 0));
	KUNIT_EXPECT_NULL(test, facts.map);
	KUNIT_EXPECT_GE(test, facts.last, virt_to_phys(dev));
	KUNIT_EXPECT_EQ(test, facts.granule, 0);
	KUNIT_EXPECT_FALSE(test, facts.apart);
}

static void facts_have_the_limit_of_the_bus(struct kunit *test)
{
	struct device *dev = needs_device(test, DMA_BIT_MASK(32), DMA_BIT_MASK(30), NULL);

	KUNIT_EXPECT_EQ(test, dma_buf_needs_get_facts(dev).limit, DMA_BIT_MASK(30));
	dev->coherent_dma_mask = DMA_BIT_MASK(24);
	KUNIT_EXPECT_EQ(test, dma_buf_needs_get_facts(dev).limit, DMA_BIT_MASK(24));
}

static void facts_have_the_windows(struct kunit *test)
{
	struct device *dev = needs_device(test, DMA_BIT_MASK(32), 0, needs_windows);

	KUNIT_EXPECT_PTR_EQ(test, dma_buf_needs_get_facts(dev).map, &needs_windows[0]);
	KUNIT_EXPECT_EQ(test, dma_buf_needs_get_facts(dev).offset, 0);
}

/**
 * struct pool_row - a device, and the memory from which it gets bounce buffers
 * @desc: description
 * @mask: the device's DMA mask
 * @map: its windows, or NULL
 * @start: physical address of the first byte of the memory
 * @last: physical address of the last byte
 * @bounce: expected &dma_buf_dma_facts.bounce
 */
struct pool_row {
	const char *desc;
	u64 mask;
	const struct bus_dma_region *map;
	phys_addr_t start;
	phys_addr_t last;
	size_t bounce;
};

static const struct pool_row pool_rows[] = {
	{ "in reach", DMA_BIT_MASK(32), NULL, SZ_512M, SZ_1G - 1, SZ_256K },
	{ "up to the mask", DMA_BIT_MASK(30), NULL, SZ_512M, SZ_1G - 1, SZ_256K },
	{ "a byte above the mask", DMA_BIT_MASK(30), NULL, SZ_512M, SZ_1G, 0 },
	{ "above the mask", DMA_BIT_MASK(28), NULL, SZ_512M, SZ_1G - 1, 0 },
	{ "in a window", DMA_BIT_MASK(32), needs_windows, SZ_1G, SZ_1G + SZ_64M - 1, SZ_256K },
	{ "in a window above the mask", DMA_BIT_MASK(28), needs_windows,
	  SZ_1G, SZ_1G + SZ_64M - 1, 0 },
	{ "from the gap into a window", DMA_BIT_MASK(32), needs_windows,
	  SZ_1G - SZ_64M, SZ_1G + SZ_64M - 1, 0 },
	{ "in no window", DMA_BIT_MASK(32), needs_windows, SZ_512M, SZ_512M + SZ_64M - 1, 0 },
};

KUNIT_ARRAY_PARAM_DESC(pool, pool_rows, desc);

static size_t stub_pool(struct device *dev, phys_addr_t *start, phys_addr_t *last)
{
	const struct pool_row *row = kunit_get_current_test()->param_value;

	*start = row->start;
	*last = row->last;
	return SZ_256K;
}

/* The DMA API warns if it has taken a bounce buffer that the device does not reach. */
static void bounce_buffers_are_in_reach(struct kunit *test)
{
	const struct pool_row *row = test->param_value;
	struct device *dev = needs_device(test, row->mask, 0, row->map);

	mock_needs_low_addresses(test);
	kunit_activate_static_stub(test, dma_buf_needs_get_pool, stub_pool);
	KUNIT_EXPECT_EQ(test, dma_buf_needs_get_facts(dev).bounce, row->bounce);
}

/* No machine has its bounce buffers in the first 64 KiB. */
static void facts_have_the_bounce_buffers(struct kunit *test)
{
	struct device *dev = mock_device_masked(test, DMA_BIT_MASK(64));
	struct device *low = mock_device_masked(test, DMA_BIT_MASK(16));
	phys_addr_t start, last;

	KUNIT_EXPECT_EQ(test, dma_buf_needs_get_facts(dev).bounce,
			dma_buf_needs_get_pool(dev, &start, &last));
	KUNIT_EXPECT_EQ(test, dma_buf_needs_get_facts(dev).bounces_all,
			is_swiotlb_force_bounce(dev));
	KUNIT_EXPECT_EQ(test, dma_buf_needs_get_facts(low).bounce, 0);
}

/* Only behind an IOMMU: the DMA API trusts all dma-direct devices. */
static void facts_of_an_untrusted_direct_device(struct kunit *test)
{
	struct pci_dev *pdev = kunit_kzalloc(test, sizeof(*pdev), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pdev);
	pdev->untrusted = true;
	pdev->dev.coherent_dma_mask = DMA_BIT_MASK(32);
	pdev->dev.dma_mask = &pdev->dev.coherent_dma_mask;
	KUNIT_EXPECT_EQ(test, dma_buf_needs_get_facts(&pdev->dev).dma, DMA_BUF_DMA_DIRECT);
	KUNIT_EXPECT_FALSE(test, dma_buf_needs_get_facts(&pdev->dev).apart);
}

/* What they do is not known. */
static void facts_of_a_device_with_operations(struct kunit *test)
{
	static const struct dma_map_ops ops;
	struct device *dev = needs_device(test, DMA_BIT_MASK(32), 0, NULL);
	struct dma_buf_dma_facts facts;

	if (!IS_ENABLED(CONFIG_ARCH_HAS_DMA_OPS))
		kunit_skip(test, "needs an architecture with DMA operations");
	set_dma_ops(dev, &ops);
	facts = dma_buf_needs_get_facts(dev);
	KUNIT_EXPECT_EQ(test, facts.dma, DMA_BUF_DMA_OPS);
	KUNIT_EXPECT_EQ(test, facts.granule, 1);
	KUNIT_EXPECT_EQ(test, facts.boundary, dma_get_seg_boundary(dev));
	KUNIT_EXPECT_EQ(test, facts.limit, 0);
}

/**
 * struct map_row - a dma-direct device, and whether the DMA API can map two pages for it
 * @desc: description
 * @beyond: bytes at the end of the second page that are out of its reach
 * @bounce: the device has bounce buffers
 * @can_map: expected result
 */
struct map_row {
	const char *desc;
	unsigned int beyond;
	bool bounce;
	bool can_map;
};

static const struct map_row map_rows[] = {
	{ "in reach", 0, false, true },
	{ "in reach, with bounce buffers", 0, true, true },
	{ "the last byte out of reach", 1, false, false },
	{ "the last byte out of reach, bounced", 1, true, true },
	{ "the second page out of reach", PAGE_SIZE, false, false },
	{ "both pages out of reach", 2 * PAGE_SIZE, false, false },
	{ "both pages out of reach, bounced", 2 * PAGE_SIZE, true, true },
};

KUNIT_ARRAY_PARAM_DESC(map, map_rows, desc);

/* The last byte that the device reaches. */
static size_t pool_of_the_row(struct device *dev, phys_addr_t *start, phys_addr_t *last)
{
	const struct map_row *row = kunit_get_current_test()->param_value;

	*start = dma_to_phys(dev, *dev->dma_mask);
	*last = *start;
	return row->bounce ? SZ_64K : 0;
}

static void free_table_action(void *sgt)
{
	sg_free_table(sgt);
}

/* Each page is a segment. Returns the address of the last byte. */
static phys_addr_t table_of_two_pages(struct kunit *test, struct sg_table *sgt)
{
	char *pages = kunit_kzalloc(test, 2 * PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pages);
	KUNIT_ASSERT_EQ(test, 0, sg_alloc_table(sgt, 2, GFP_KERNEL));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_table_action, sgt));
	sg_set_buf(sgt->sgl, pages, PAGE_SIZE);
	sg_set_buf(sg_next(sgt->sgl), pages + PAGE_SIZE, PAGE_SIZE);
	return virt_to_phys(pages) + 2 * PAGE_SIZE - 1;
}

/* The DMA API would warn if it had to map the others. */
static void memory_is_mapped_in_reach_or_bounced(struct kunit *test)
{
	const struct map_row *row = test->param_value;
	struct device *dev = needs_device(test, 0, 0, NULL);
	struct sg_table sgt;

	dev->coherent_dma_mask = phys_to_dma(dev, table_of_two_pages(test, &sgt)) - row->beyond;
	kunit_activate_static_stub(test, dma_buf_needs_get_pool, pool_of_the_row);
	KUNIT_EXPECT_EQ(test, dma_buf_needs_can_map(dev, &sgt), row->can_map);
	kunit_release_action(test, free_table_action, &sgt);
}

static void memory_is_not_mapped_without_dma(struct kunit *test)
{
	struct device *dev = needs_device(test, DMA_BIT_MASK(64), 0, NULL);
	struct sg_table sgt;

	table_of_two_pages(test, &sgt);
	KUNIT_EXPECT_TRUE(test, dma_buf_needs_can_map(dev, &sgt));
	dev->dma_mask = NULL;
	KUNIT_EXPECT_FALSE(test, dma_buf_needs_can_map(dev, &sgt));
	kunit_release_action(test, free_table_action, &sgt);
}

static void operations_map_what_is_out_of_reach(struct kunit *test)
{
	static const struct dma_map_ops ops;
	struct device *dev = needs_device(test, PAGE_SIZE - 1, 0, NULL);
	struct sg_table sgt;

	if (!IS_ENABLED(CONFIG_ARCH_HAS_DMA_OPS))
		kunit_skip(test, "needs an architecture with DMA operations");
	table_of_two_pages(test, &sgt);
	KUNIT_EXPECT_FALSE(test, dma_buf_needs_can_map(dev, &sgt));
	set_dma_ops(dev, &ops);
	KUNIT_EXPECT_TRUE(test, dma_buf_needs_can_map(dev, &sgt));
	kunit_release_action(test, free_table_action, &sgt);
}

#ifdef CONFIG_SWIOTLB
static bool force_bounce(struct kunit *test, struct device *dev)
{
	struct io_tlb_mem *mem = kunit_kzalloc(test, sizeof(*mem), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, mem);
	mem->force_bounce = true;
	dev->dma_io_tlb_mem = mem;
	return true;
}
#else
static bool force_bounce(struct kunit *test, struct device *dev)
{
	return false;
}
#endif

static size_t no_pool(struct device *dev, phys_addr_t *start, phys_addr_t *last)
{
	return 0;
}

/* With swiotlb=force, memory in reach is bounced too. */
static void memory_is_not_mapped_if_bouncing_is_forced(struct kunit *test)
{
	struct device *dev = needs_device(test, DMA_BIT_MASK(64), 0, NULL);
	struct sg_table sgt;

	if (!force_bounce(test, dev))
		kunit_skip(test, "needs CONFIG_SWIOTLB");
	kunit_activate_static_stub(test, dma_buf_needs_get_pool, no_pool);
	table_of_two_pages(test, &sgt);
	KUNIT_EXPECT_FALSE(test, dma_buf_needs_can_map(dev, &sgt));
	kunit_release_action(test, free_table_action, &sgt);
}

/* A driver can set another mask while its device is attached. */
static void needs_of_a_device_follow_its_mask(struct kunit *test)
{
	struct device *dev = needs_device(test, DMA_BIT_MASK(64), 0, NULL);
	struct dma_buf_attach_needs needs;

	KUNIT_EXPECT_EQ(test, 0, dma_buf_needs_of_device(dev, NULL, SZ_1M, &needs));
	KUNIT_EXPECT_TRUE(test, dma_buf_needs_empty(&needs.must));
	KUNIT_EXPECT_TRUE(test, dma_buf_needs_empty(&needs.want));

	/* All machines have memory above 64 KiB. */
	dev->coherent_dma_mask = DMA_BIT_MASK(16);
	KUNIT_EXPECT_EQ(test, 0, dma_buf_needs_of_device(dev, NULL, SZ_1M, &needs));
	dma_buf_needs_intersect(&needs.must, &needs.want);
	KUNIT_EXPECT_EQ(test, needs.must.reach,
			phys_to_dma(dev, 0) ? NEEDS_NOTHING : DMA_BIT_MASK(16));
}

static void needs_of_a_device_with_a_statement(struct kunit *test)
{
	struct device *dev = needs_device(test, DMA_BIT_MASK(64), 0, NULL);
	struct dma_buf_needs said = { .contiguous = SZ_64K };
	struct dma_buf_attach_needs needs;

	KUNIT_EXPECT_EQ(test, 0, dma_buf_needs_of_device(dev, &said, SZ_64K, &needs));
	needs_expect(test, "stated", &needs.stated, &said);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, dma_buf_needs_of_device(dev, &said, SZ_32K, &needs));
	said.reach = DMA_BIT_MASK(28);
	KUNIT_EXPECT_EQ(test, -EINVAL, dma_buf_needs_of_device(dev, &said, SZ_64K, &needs));
}

static struct dma_buf_dma_facts stub_facts(struct device *dev)
{
	return (struct dma_buf_dma_facts){
		.dma = DMA_BUF_DMA_DIRECT,
		.limit = DMA_BIT_MASK(28),
		.last = NEEDS_LAST,
		.bounce = SZ_256K,
	};
}

static void needs_of_a_device_with_other_facts(struct kunit *test)
{
	struct device *dev = needs_device(test, DMA_BIT_MASK(64), 0, NULL);
	struct dma_buf_attach_needs needs;

	kunit_activate_static_stub(test, dma_buf_needs_get_facts, stub_facts);
	KUNIT_EXPECT_EQ(test, 0, dma_buf_needs_of_device(dev, NULL, SZ_1M, &needs));
	KUNIT_EXPECT_EQ(test, needs.want.reach, DMA_BIT_MASK(28));
}

#define REACH_MEMORIES	300

/* The hint promises nothing too high: of memory above it no byte is in reach. */
static void nothing_above_the_hint_is_in_reach(struct kunit *test)
{
	static const struct bus_dma_region *const maps[] = {
		NULL, needs_windows, touching_windows,
	};
	struct rnd_state rnd;

	mock_needs_low_addresses(test);
	prandom_seed_state(&rnd, 28);
	for (unsigned int i = 0; i < 27; i++) {
		u64 limit = DMA_BIT_MASK(22 + i % 9);
		struct device *dev = needs_device(test, limit, 0, maps[i / 9]);
		struct dma_buf_dma_facts facts = dma_buf_needs_get_facts(dev);
		struct dma_buf_attach_needs needs;

		facts.bounce = 0;
		facts.bounces_all = false;
		facts.last = NEEDS_LAST;
		KUNIT_EXPECT_EQ(test, 0, dma_buf_needs_resolve(&facts, NULL, SZ_1M, &needs));
		for (unsigned int j = 0; j < REACH_MEMORIES; j++) {
			struct dma_buf_run runs[NEEDS_RUNS];
			u64 end;

			needs_random(&rnd, runs);
			end = (u64)(runs[0].pfn + runs[0].nr_pages) << PAGE_SHIFT;
			if (end - 1 > needs.must.reach)
				KUNIT_EXPECT_FALSE(test, dma_buf_needs_fit(&needs.must, dev, runs,
									   1, NULL));
			else if (!maps[i / 9] && !facts.offset)
				KUNIT_EXPECT_TRUE(test, dma_buf_needs_fit(&needs.must, dev, runs,
									  1, NULL));
		}
	}
}

static struct kunit_case dma_buf_needs_device_cases[] = {
	KUNIT_CASE_PARAM(fit_asks_the_device, reach_gen_params),
	KUNIT_CASE(fit_without_reach_does_not_ask),
	KUNIT_CASE(fit_of_a_device_without_mask),
	KUNIT_CASE(facts_of_a_device_without_mask),
	KUNIT_CASE(facts_of_a_direct_device),
	KUNIT_CASE(facts_have_the_limit_of_the_bus),
	KUNIT_CASE(facts_have_the_windows),
	KUNIT_CASE_PARAM(bounce_buffers_are_in_reach, pool_gen_params),
	KUNIT_CASE(facts_have_the_bounce_buffers),
	KUNIT_CASE(facts_of_an_untrusted_direct_device),
	KUNIT_CASE(facts_of_a_device_with_operations),
	KUNIT_CASE_PARAM(memory_is_mapped_in_reach_or_bounced, map_gen_params),
	KUNIT_CASE(memory_is_not_mapped_without_dma),
	KUNIT_CASE(operations_map_what_is_out_of_reach),
	KUNIT_CASE(memory_is_not_mapped_if_bouncing_is_forced),
	KUNIT_CASE(needs_of_a_device_follow_its_mask),
	KUNIT_CASE(needs_of_a_device_with_a_statement),
	KUNIT_CASE(needs_of_a_device_with_other_facts),
	KUNIT_CASE(nothing_above_the_hint_is_in_reach),
	{}
};

static struct kunit_suite dma_buf_needs_device_suite = {
	.name = "dma_buf_needs_device",
	.init = mock_init,
	.test_cases = dma_buf_needs_device_cases,
};

kunit_test_suite(dma_buf_needs_device_suite);
