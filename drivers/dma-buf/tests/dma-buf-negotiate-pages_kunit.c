// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the negotiation of an exporter that cannot choose its memory: what is refused, and what
 * the trace event tells of the rest.
 *
 * The devices of the tests are dma-direct and have no IOMMU, whatever the machine has.
 */

#include <kunit/static_stub.h>
#include <linux/dma-buf-needs.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "../needs/dma-buf-needs-private.h"
#include "mock-buffer.h"
#include "tracer.h"

/* Runs begin at multiples of this many pages, and are shorter, so that no two are adjacent. */
#define SLOT		8
#define ORDER		9
#define RUNS		((1 << ORDER) / SLOT)

/**
 * struct fixed - an exporter whose memory never changes
 * @exporter: the mock exporter
 * @ops: its callbacks
 * @dmabuf: its buffer
 * @memory: the pages of all slots
 * @pages: pages of the buffer
 * @nr_pages: number of @pages
 * @bounce: longest piece that can be bounced for the devices
 * @count: number of calls of its negotiate
 */
struct fixed {
	struct mock_exporter *exporter;
	struct dma_buf_ops ops;
	struct dma_buf *dmabuf;
	struct page *memory;
	struct page *pages[1 << ORDER];
	unsigned long nr_pages;
	size_t bounce;
	unsigned int count;
};

static int negotiate(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
		     const struct dma_buf_needs *want)
{
	struct mock_exporter *exporter = dmabuf->priv;
	struct fixed *all = exporter->hook_data;

	all->count++;
	return dma_buf_negotiate_pages(dmabuf, must, want, all->pages, all->nr_pages);
}

static struct dma_buf_dma_facts get_facts(struct device *dev)
{
	struct fixed *all = dev_get_drvdata(dev);

	return (struct dma_buf_dma_facts){
		.dma = DMA_BUF_DMA_DIRECT,
		.limit = *dev->dma_mask,
		.last = U64_MAX,
		.bounce = all->bounce,
	};
}

static void free_memory(void *memory)
{
	__free_pages(memory, ORDER);
}

static struct fixed *fixed(struct kunit *test)
{
	struct fixed *all = kunit_kzalloc(test, sizeof(*all), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, all);
	all->memory = alloc_pages(GFP_KERNEL, ORDER);
	KUNIT_ASSERT_NOT_NULL(test, all->memory);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_memory, all->memory));
	all->ops = mock_static_ops;
	all->ops.negotiate = negotiate;
	all->exporter = mock_exporter(test, &all->ops);
	all->exporter->hook_data = all;
	kunit_activate_static_stub(test, dma_buf_needs_get_facts, get_facts);
	return all;
}

static void add_run(struct fixed *all, unsigned int slot, unsigned int pages)
{
	for (unsigned int i = 0; i < pages; i++)
		all->pages[all->nr_pages++] = all->memory + slot * SLOT + i;
}

static void export(struct kunit *test, struct fixed *all)
{
	all->exporter->size = all->nr_pages << PAGE_SHIFT;
	all->dmabuf = mock_buffer(test, all->exporter);
}

/* Return the mask of a device that reaches the memory below a slot, or all. */
static u64 mask_below(const struct fixed *all, unsigned int slot)
{
	return slot < RUNS ? page_to_phys(all->memory + slot * SLOT) - 1 : U64_MAX;
}

/* Attach and detach a device with such a mask. Return the errno. */
static int attach_device(struct kunit *test, struct fixed *all, unsigned int slot,
			 const struct dma_buf_needs *stated)
{
	struct device *dev = mock_device_masked(test, mask_below(all, slot));
	struct dma_buf_attachment *attach;

	dev_set_drvdata(dev, all);
	attach = dma_buf_attach_with_needs(all->dmabuf, dev, NULL, NULL, stated);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	dma_buf_detach(all->dmabuf, attach);
	return 0;
}

/* A buffer whose first run has another length than the others. */
static const struct {
	const char *desc;
	unsigned int first;
	unsigned int runs;
	unsigned int contiguous;
	int ret;
} contiguous_rows[] = {
	{ "one run", 40, 0, 40, 0 },
	{ "a page of pieces", 1, 40, 1, 0 },
	{ "two pages of pieces", 1, 40, 2, -EOPNOTSUPP },
	{ "as long as the first run", 5, 40, 5, 0 },
	{ "longer than the first run", 5, 40, 6, -EOPNOTSUPP },
	{ "longer than a long first run", 40, 2, 41, -EOPNOTSUPP },
	{ "as long as a long first run", 40, 40, 40, 0 },
};

KUNIT_ARRAY_PARAM_DESC(contiguous, contiguous_rows, desc);

static void stated_bytes_are_those_of_the_first_run(struct kunit *test)
{
	const typeof(contiguous_rows[0]) *row = test->param_value;
	const struct dma_buf_needs stated = { .contiguous = row->contiguous * PAGE_SIZE };
	unsigned int next = row->first / SLOT + 1;
	struct fixed *all = fixed(test);

	add_run(all, 0, row->first);
	for (unsigned int i = 0; i < row->runs; i++)
		add_run(all, next + i, 1);
	export(test, all);
	KUNIT_EXPECT_EQ(test, attach_device(test, all, RUNS, &stated), row->ret);
	KUNIT_EXPECT_EQ(test, all->count, row->ret ? 2 : 1);
}

/* A buffer of runs of two pages, one of which has one page; 64 for none. */
static const struct {
	const char *desc;
	unsigned int runs;
	unsigned int odd;
	int ret;
} granule_rows[] = {
	{ "no odd run", 40, 64, 0 },
	{ "the first run is odd", 40, 0, -EOPNOTSUPP },
	{ "run 15 is odd", 40, 15, -EOPNOTSUPP },
	{ "run 16 is odd", 40, 16, -EOPNOTSUPP },
	{ "run 30 is odd", 40, 30, -EOPNOTSUPP },
	{ "the last run but one is odd", 40, 38, -EOPNOTSUPP },
	{ "the last run is odd", 40, 39, 0 },
	{ "the last of 16 runs is odd", 16, 15, 0 },
	{ "the last of 17 runs but one is odd", 17, 15, -EOPNOTSUPP },
	{ "the only run is odd", 1, 0, 0 },
};

KUNIT_ARRAY_PARAM_DESC(granule, granule_rows, desc);

static void all_runs_but_the_last_keep_the_granule(struct kunit *test)
{
	const typeof(granule_rows[0]) *row = test->param_value;
	const struct dma_buf_needs stated = { .granule = 2 * PAGE_SIZE };
	struct fixed *all = fixed(test);

	for (unsigned int i = 0; i < row->runs; i++)
		add_run(all, i, i == row->odd ? 1 : 2);
	export(test, all);
	KUNIT_EXPECT_EQ(test, attach_device(test, all, RUNS, &stated), row->ret);
}

/* The device reaches the runs before one of them. */
static const struct {
	const char *desc;
	unsigned int runs;
	unsigned int reached;
	size_t bounce;
	int ret;
} reach_rows[] = {
	{ "all in reach", 40, RUNS, SZ_256K, 0 },
	{ "the only run is bounced", 1, 0, SZ_256K, 0 },
	{ "run 15 is bounced", 40, 15, SZ_256K, 0 },
	{ "run 16 is bounced", 40, 16, SZ_256K, 0 },
	{ "the last run is bounced", 40, 39, SZ_256K, 0 },
	{ "run 15 cannot be mapped", 40, 15, 0, -EOPNOTSUPP },
	{ "the last run cannot be mapped", 40, 39, 0, -EOPNOTSUPP },
};

KUNIT_ARRAY_PARAM_DESC(reach, reach_rows, desc);

static u64 last_address(const struct fixed *all, unsigned int slot, unsigned int pages)
{
	return page_to_phys(all->memory + slot * SLOT) + pages * PAGE_SIZE - 1;
}

/* As in 6.12, every device that states nothing attaches. */
static void what_is_out_of_reach_is_traced(struct kunit *test)
{
	const typeof(reach_rows[0]) *row = test->param_value;
	bool reaches_all = row->reached == RUNS;
	struct fixed *all = fixed(test);
	struct mock_tracer *tracer;
	struct traced *traced;

	for (unsigned int i = 0; i < row->runs; i++)
		add_run(all, i, 3);
	all->bounce = row->bounce;
	export(test, all);
	tracer = tracer_start(test, all->exporter);
	traced = &tracer->events[EVENT_NEGOTIATE];
	KUNIT_EXPECT_EQ(test, attach_device(test, all, row->reached, NULL), 0);
	KUNIT_EXPECT_EQ(test, all->count, !reaches_all);
	KUNIT_EXPECT_EQ(test, traced->count, !reaches_all);
	KUNIT_EXPECT_EQ(test, traced->ret, row->ret);
	KUNIT_EXPECT_EQ(test, traced->misfit.need,
			reaches_all ? DMA_BUF_NEED_NONE : DMA_BUF_NEED_REACH);
	KUNIT_EXPECT_EQ(test, traced->wanted, reaches_all ? 0 : mask_below(all, row->reached));
	KUNIT_EXPECT_EQ(test, traced->misfit.had,
			reaches_all ? 0 : last_address(all, row->reached, 3));
	KUNIT_EXPECT_FALSE(test, traced->replaced);
}

/* The exporter is asked again for what was stated, and the device attaches. */
static void statement_that_is_met_is_not_refused_for_reach(struct kunit *test)
{
	const struct dma_buf_needs stated = { .contiguous = 3 * PAGE_SIZE };
	struct fixed *all = fixed(test);
	struct mock_tracer *tracer;

	add_run(all, 0, 3);
	add_run(all, 1, 3);
	export(test, all);
	tracer = tracer_start(test, all->exporter);
	KUNIT_EXPECT_EQ(test, attach_device(test, all, 1, &stated), 0);
	KUNIT_EXPECT_EQ(test, all->count, 2);
	KUNIT_EXPECT_EQ(test, tracer->events[EVENT_NEGOTIATE].ret, 0);
	KUNIT_EXPECT_EQ(test, tracer->events[EVENT_NEGOTIATE].misfit.need, DMA_BUF_NEED_NONE);
}

/* What was refused is traced, and not what would have been bounced. */
static void refusal_is_traced_with_what_was_stated(struct kunit *test)
{
	const struct dma_buf_needs stated = { .contiguous = 4 * PAGE_SIZE };
	struct fixed *all = fixed(test);
	struct mock_tracer *tracer;
	struct traced *traced;

	add_run(all, 0, 3);
	add_run(all, 1, 3);
	all->bounce = SZ_256K;
	export(test, all);
	tracer = tracer_start(test, all->exporter);
	traced = &tracer->events[EVENT_NEGOTIATE];
	KUNIT_EXPECT_EQ(test, attach_device(test, all, 1, &stated), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, traced->ret, -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, traced->misfit.need, DMA_BUF_NEED_CONTIGUOUS);
	KUNIT_EXPECT_EQ(test, traced->misfit.had, 3 * PAGE_SIZE);
}

static struct kunit_case dma_buf_negotiate_pages_cases[] = {
	KUNIT_CASE_PARAM(stated_bytes_are_those_of_the_first_run, contiguous_gen_params),
	KUNIT_CASE_PARAM(all_runs_but_the_last_keep_the_granule, granule_gen_params),
	KUNIT_CASE_PARAM(what_is_out_of_reach_is_traced, reach_gen_params),
	KUNIT_CASE(statement_that_is_met_is_not_refused_for_reach),
	KUNIT_CASE(refusal_is_traced_with_what_was_stated),
	{}
};

static struct kunit_suite dma_buf_negotiate_pages_suite = {
	.name = "dma_buf_negotiate_pages",
	.init = mock_init,
	.test_cases = dma_buf_negotiate_pages_cases,
};

kunit_test_suite(dma_buf_negotiate_pages_suite);
