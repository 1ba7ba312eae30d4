// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the negotiation in an attach: when the exporter is asked, for what, and what its
 * answer means for the importer.
 *
 * The devices of the tests are dma-direct and have no IOMMU, whatever the machine has.
 */

#include <kunit/static_stub.h>
#include <linux/sizes.h>

#include "../needs/dma-buf-needs-private.h"
#include "mock-buffer.h"

#define MEMORY_END	(8ULL * SZ_1G)
#define MASK_28		(SZ_256M - 1ULL)
#define MASK_32		(4ULL * SZ_1G - 1)

#define CALLS		4

/**
 * struct negotiation - an exporter that negotiates, and how it was called
 * @exporter: the mock exporter
 * @ops: its callbacks
 * @dmabuf: its buffer
 * @importer_ops: callbacks of the importers, NULL for static ones
 * @importer: their private data
 * @ret: what the calls return
 * @count: number of calls
 * @must: first argument of each call
 * @want: second argument of each call
 * @attached: number of attachments that the latest call found
 * @bounce: longest piece that can be bounced for the devices
 * @unbounced: mask of devices that have no bounce buffers
 */
struct negotiation {
	struct mock_exporter *exporter;
	struct dma_buf_ops ops;
	struct dma_buf *dmabuf;
	const struct dma_buf_attach_ops *importer_ops;
	struct mock_importer importer;
	int ret[CALLS];
	unsigned int count;
	struct dma_buf_needs must[CALLS];
	struct dma_buf_needs want[CALLS];
	size_t attached;
	size_t bounce;
	u64 unbounced;
};

static int negotiate(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
		     const struct dma_buf_needs *want)
{
	struct mock_exporter *exporter = dmabuf->priv;
	struct negotiation *all = exporter->hook_data;
	unsigned int call = all->count++ % CALLS;

	KUNIT_EXPECT_TRUE(exporter->test, dma_resv_is_locked(dmabuf->resv));
	all->must[call] = *must;
	all->want[call] = *want;
	all->attached = list_count_nodes(&dmabuf->attachments);
	return all->ret[call];
}

static struct dma_buf_dma_facts get_facts(struct device *dev)
{
	struct negotiation *all = dev_get_drvdata(dev);

	if (!dev->dma_mask)
		return (struct dma_buf_dma_facts){};
	return (struct dma_buf_dma_facts){
		.dma = DMA_BUF_DMA_DIRECT,
		.limit = *dev->dma_mask,
		.last = MEMORY_END - 1,
		.bounce = *dev->dma_mask == all->unbounced ? 0 : all->bounce,
	};
}

static struct negotiation *negotiation(struct kunit *test)
{
	struct negotiation *all = kunit_kzalloc(test, sizeof(*all), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, all);
	all->ops = mock_static_ops;
	all->ops.negotiate = negotiate;
	all->exporter = mock_exporter(test, &all->ops);
	all->exporter->hook_data = all;
	all->bounce = SZ_256K;
	all->dmabuf = mock_buffer(test, all->exporter);
	kunit_activate_static_stub(test, dma_buf_needs_get_facts, get_facts);
	return all;
}

/* A device with this mask, 0 for none. */
static struct device *masked_device(struct kunit *test, struct negotiation *all, u64 mask)
{
	struct device *dev = mock_device(test);
	u64 *copy = kunit_kzalloc(test, sizeof(*copy), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, copy);
	*copy = mask;
	dev->dma_mask = mask ? copy : NULL;
	dev_set_drvdata(dev, all);
	return dev;
}

static struct dma_buf_attachment *attach_stating(struct kunit *test, struct negotiation *all,
						 u64 mask, size_t contiguous)
{
	const struct dma_buf_needs needs = { .contiguous = contiguous };

	return dma_buf_attach_with_needs(all->dmabuf, masked_device(test, all, mask),
					 all->importer_ops, &all->importer,
					 contiguous ? &needs : NULL);
}

static void detach(struct kunit *test, struct negotiation *all,
		   struct dma_buf_attachment *attach)
{
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	dma_buf_detach(all->dmabuf, attach);
}

static void exporter_without_negotiate_ignores_needs(struct kunit *test)
{
	struct negotiation *all = negotiation(test);
	struct dma_buf_attachment *attach;

	all->ops.negotiate = NULL;
	attach = attach_stating(test, all, MASK_28, SIZE_MAX);
	KUNIT_EXPECT_EQ(test, all->count, 0);
	detach(test, all, attach);
}

static void negotiates_after_attach_and_before_the_link(struct kunit *test)
{
	struct negotiation *all = negotiation(test);
	struct dma_buf_attachment *first = attach_stating(test, all, MASK_28, 0);
	struct dma_buf_attachment *second;

	KUNIT_EXPECT_EQ(test, all->count, 1);
	KUNIT_EXPECT_EQ(test, all->attached, 0);
	KUNIT_EXPECT_EQ(test, mock_calls(all->exporter, MOCK_ATTACH), 1);
	second = attach_stating(test, all, MASK_32, 0);
	KUNIT_EXPECT_EQ(test, all->count, 2);
	KUNIT_EXPECT_EQ(test, all->attached, 1);
	detach(test, all, second);
	detach(test, all, first);
}

/* A dynamic importer of a static exporter is mapped by the core. */
static void negotiates_before_the_core_maps(struct kunit *test)
{
	struct negotiation *all = negotiation(test);
	struct mock_importer importer = {};
	struct device *dev = masked_device(test, all, MASK_28);
	struct dma_buf_attachment *attach;

	all->ret[0] = -EINTR;
	attach = dma_buf_dynamic_attach(all->dmabuf, dev, &mock_importer_ops,
					&importer);
	KUNIT_EXPECT_EQ(test, PTR_ERR(attach), -EINTR);
	KUNIT_EXPECT_EQ(test, mock_calls(all->exporter, MOCK_MAP), 0);
	attach = dma_buf_dynamic_attach(all->dmabuf, dev, &mock_importer_ops,
					&importer);
	KUNIT_EXPECT_EQ(test, mock_calls(all->exporter, MOCK_MAP), 1);
	detach(test, all, attach);
}

/* What the first device must have is wanted when the second is attached. */
static const struct {
	const char *desc;
	u64 mask[2];
	size_t contiguous[2];
	size_t bounce;
	struct dma_buf_needs must, want;
} sum_rows[] = {
	{ "bounced", { MASK_32, MASK_28 }, {}, SZ_256K, {}, { .reach = MASK_28 } },
	{ "no bounce buffers", { MASK_28, MASK_32 }, {}, 0, { .reach = MASK_32 },
	  { .reach = MASK_28 } },
	{ "contiguous", { U64_MAX, U64_MAX }, { SZ_4K, SZ_8K }, SZ_256K, { .contiguous = SZ_8K },
	  { .contiguous = SZ_4K } },
	{ "contiguous first", { U64_MAX, MASK_28 }, { SZ_8K, 0 }, SZ_256K,
	  { .contiguous = SZ_8K }, { .reach = MASK_28, .contiguous = SZ_8K } },
	{ "contiguous and bounced", { MASK_32, MASK_28 }, { SZ_4K, SZ_8K }, SZ_256K,
	  { .contiguous = SZ_8K }, { .reach = MASK_28, .contiguous = SZ_4K } },
	{ "contiguous and not bounced", { MASK_32, U64_MAX }, { 0, SZ_8K }, 0,
	  { .contiguous = SZ_8K }, { .reach = MASK_32 } },
	{ "contiguous and not bounced itself", { MASK_32, MASK_28 }, { 0, SZ_8K }, 0,
	  { .reach = MASK_28, .contiguous = SZ_8K }, { .reach = MASK_32 } },
};

KUNIT_ARRAY_PARAM_DESC(sum, sum_rows, desc);

static void expect_sum(struct kunit *test, struct negotiation *all)
{
	const typeof(sum_rows[0]) *row = test->param_value;
	struct dma_buf_attachment *attach[2];
	unsigned int last;

	all->bounce = row->bounce;
	for (int i = 0; i < 2; i++) {
		attach[i] = attach_stating(test, all, row->mask[i], row->contiguous[i]);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach[i]);
	}
	KUNIT_ASSERT_NE(test, all->count, 0);
	last = all->count - 1;
	KUNIT_EXPECT_EQ(test, all->attached, 1);
	KUNIT_EXPECT_EQ(test, all->must[last].reach, row->must.reach);
	KUNIT_EXPECT_EQ(test, all->must[last].contiguous, row->must.contiguous);
	KUNIT_EXPECT_EQ(test, all->want[last].reach, row->want.reach);
	KUNIT_EXPECT_EQ(test, all->want[last].contiguous, row->want.contiguous);
	detach(test, all, attach[1]);
	detach(test, all, attach[0]);
}

static void sets_are_those_of_all_devices(struct kunit *test)
{
	expect_sum(test, negotiation(test));
}

static void sets_are_those_of_dynamic_importers(struct kunit *test)
{
	struct negotiation *all = negotiation(test);

	all->importer_ops = &mock_importer_ops;
	expect_sum(test, all);
}

/* Each attach asks the devices again. */
static void mask_may_change_after_the_attach(struct kunit *test)
{
	struct negotiation *all = negotiation(test);
	struct dma_buf_attachment *first = attach_stating(test, all, U64_MAX, 0);
	struct dma_buf_attachment *second;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, first);
	*first->dev->dma_mask = MASK_28;
	second = attach_stating(test, all, MASK_32, 0);
	KUNIT_EXPECT_EQ(test, all->count, 1);
	KUNIT_EXPECT_EQ(test, all->want[0].reach, MASK_28);
	detach(test, all, second);
	detach(test, all, first);
}

static const struct {
	const char *desc;
	u64 mask;
	size_t contiguous;
} needless_rows[] = {
	{ "no DMA", 0, 0 },
	{ "no DMA, states", 0, SZ_8K },
	{ "all memory in reach", U64_MAX, 0 },
};

KUNIT_ARRAY_PARAM_DESC(needless, needless_rows, desc);

static void newcomer_without_needs_asks_nobody(struct kunit *test)
{
	const typeof(needless_rows[0]) *row = test->param_value;
	struct negotiation *all = negotiation(test);
	struct dma_buf_attachment *first = attach_stating(test, all, MASK_28, SZ_8K);
	struct dma_buf_attachment *second;

	KUNIT_EXPECT_EQ(test, all->count, 1);
	second = attach_stating(test, all, row->mask, row->contiguous);
	KUNIT_EXPECT_EQ(test, all->count, 1);
	detach(test, all, second);
	detach(test, all, first);
}

static void detached_device_needs_nothing(struct kunit *test)
{
	struct negotiation *all = negotiation(test);

	detach(test, all, attach_stating(test, all, MASK_28, SZ_8K));
	detach(test, all, attach_stating(test, all, MASK_32, 0));
	KUNIT_EXPECT_EQ(test, all->must[1].contiguous, 0);
	KUNIT_EXPECT_EQ(test, all->want[1].reach, MASK_32);
}

static const int refusals[] = { -EBUSY, -EOPNOTSUPP, -ENOMEM };

static void errno_to_desc(const int *error, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "errno %d", -*error);
}

KUNIT_ARRAY_PARAM(refusal, refusals, errno_to_desc);

/* As in 6.12, which asks nobody; some importers attach and never map. */
static void importer_that_states_nothing_is_not_refused(struct kunit *test)
{
	const int *error = test->param_value;
	struct negotiation *all = negotiation(test);
	struct dma_buf_attachment *attach;

	all->ret[0] = *error;
	all->bounce = 0;
	attach = attach_stating(test, all, MASK_28, 0);
	KUNIT_EXPECT_EQ(test, all->count, 1);
	detach(test, all, attach);
}

static void expect_refusal(struct kunit *test, struct negotiation *all)
{
	const int *error = test->param_value;

	all->ret[0] = -EBUSY;
	all->ret[1] = *error;
	KUNIT_EXPECT_EQ(test, PTR_ERR(attach_stating(test, all, MASK_28, SZ_8K)), *error);
	KUNIT_EXPECT_EQ(test, all->count, 2);
	KUNIT_EXPECT_TRUE(test, list_empty(&all->dmabuf->attachments));
	KUNIT_EXPECT_EQ(test, mock_calls(all->exporter, MOCK_DETACH), 1);
	KUNIT_EXPECT_FALSE(test, all->exporter->calls[MOCK_DETACH].locked);
	KUNIT_EXPECT_EQ(test, mock_calls(all->exporter, MOCK_MAP), 0);
	KUNIT_EXPECT_FALSE(test, dma_resv_is_locked(all->dmabuf->resv));
}

static void stated_needs_are_refused(struct kunit *test)
{
	expect_refusal(test, negotiation(test));
}

static void stated_needs_of_dynamic_importer_are_refused(struct kunit *test)
{
	struct negotiation *all = negotiation(test);

	all->importer_ops = &mock_importer_ops;
	expect_refusal(test, all);
}

/* The second call leaves out what follows from the devices. */
static void attach_needs_what_was_stated_only(struct kunit *test)
{
	struct negotiation *all = negotiation(test);
	struct dma_buf_attachment *other, *attach;

	all->bounce = 0;
	all->ret[0] = -EOPNOTSUPP;
	all->ret[1] = -EBUSY;
	other = attach_stating(test, all, MASK_28, 0);
	attach = attach_stating(test, all, MASK_32, SZ_8K);
	KUNIT_EXPECT_EQ(test, all->count, 3);
	KUNIT_EXPECT_EQ(test, all->must[1].reach, MASK_32);
	KUNIT_EXPECT_EQ(test, all->want[1].reach, MASK_28);
	KUNIT_EXPECT_EQ(test, all->must[2].reach, 0);
	KUNIT_EXPECT_EQ(test, all->must[2].contiguous, SZ_8K);
	KUNIT_EXPECT_TRUE(test, dma_buf_needs_empty(&all->want[2]));
	detach(test, all, attach);
	detach(test, all, other);
}

static const int signals[] = { -EINTR, -ERESTARTSYS };

KUNIT_ARRAY_PARAM(signal, signals, errno_to_desc);

static void signal_ends_the_attach(struct kunit *test)
{
	const int *error = test->param_value;
	struct negotiation *all = negotiation(test);

	all->ret[0] = *error;
	KUNIT_EXPECT_EQ(test, PTR_ERR(attach_stating(test, all, MASK_28, 0)), *error);
	all->ret[1] = *error;
	KUNIT_EXPECT_EQ(test, PTR_ERR(attach_stating(test, all, MASK_28, SZ_8K)), *error);
	KUNIT_EXPECT_EQ(test, all->count, 2);
}

static const struct {
	const char *desc;
	struct dma_buf_needs needs;
	int ret;
} statement_rows[] = {
	{ "a reach", { .reach = MASK_28 }, -EINVAL },
	{ "a granule that is no power of two", { .granule = 3 * SZ_64K }, -EINVAL },
	{ "more than the buffer", { .contiguous = SZ_1M }, -EOPNOTSUPP },
};

KUNIT_ARRAY_PARAM_DESC(statement, statement_rows, desc);

static void statement_that_cannot_be_met_is_refused(struct kunit *test)
{
	const typeof(statement_rows[0]) *row = test->param_value;
	struct negotiation *all = negotiation(test);
	struct dma_buf_attachment *attach;

	attach = dma_buf_attach_with_needs(all->dmabuf, masked_device(test, all, MASK_28),
					   NULL, NULL, &row->needs);
	KUNIT_EXPECT_EQ(test, PTR_ERR(attach), row->ret);
	KUNIT_EXPECT_EQ(test, all->count, 0);
	KUNIT_EXPECT_EQ(test, mock_calls(all->exporter, MOCK_DETACH), 1);
}

/* Callback of an exporter that has one run, and tests it. */
static int negotiate_fit(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
			 const struct dma_buf_needs *want)
{
	struct mock_exporter *exporter = dmabuf->priv;
	struct negotiation *all = exporter->hook_data;
	const struct dma_buf_run run = { SZ_1G >> PAGE_SHIFT, exporter->size >> PAGE_SHIFT };
	struct dma_buf_needs both = *must;
	struct dma_buf_misfit misfit;

	dma_buf_needs_intersect(&both, want);
	all->count = 0;
	all->count |= dma_buf_fits(dmabuf, &both, false, &run, 1, &misfit) << 0;
	all->count |= dma_buf_fits(dmabuf, must, true, &run, 1, NULL) << 1;
	KUNIT_EXPECT_EQ(exporter->test, misfit.need,
			all->count & 1 ? DMA_BUF_NEED_NONE : DMA_BUF_NEED_REACH);
	return 0;
}

/* Callback of an exporter that cannot choose its memory. */
static int negotiate_strict(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
			    const struct dma_buf_needs *want)
{
	struct mock_exporter *exporter = dmabuf->priv;
	struct negotiation *all = exporter->hook_data;
	const struct dma_buf_run run = { SZ_1G >> PAGE_SHIFT, exporter->size >> PAGE_SHIFT };

	all->count++;
	return dma_buf_fits(dmabuf, must, true, &run, 1, NULL) ? 0 : -EOPNOTSUPP;
}

static const struct {
	const char *desc;
	u64 mask[2];
	size_t bounce;
	unsigned int fits;
} fit_rows[] = {
	{ "both reach it", { MASK_32, MASK_32 }, SZ_256K, 3 },
	{ "the newcomer is bounced", { MASK_32, MASK_28 }, SZ_256K, 2 },
	{ "the other one is bounced", { MASK_28, MASK_32 }, SZ_256K, 2 },
	{ "the newcomer is not bounced", { MASK_32, MASK_28 }, 0, 0 },
	{ "the other one is not bounced", { MASK_28, MASK_32 }, 0, 2 },
	{ "the other one does no DMA", { 0, MASK_32 }, 0, 3 },
};

KUNIT_ARRAY_PARAM_DESC(fit, fit_rows, desc);

static void fit_asks_each_device(struct kunit *test)
{
	const typeof(fit_rows[0]) *row = test->param_value;
	struct negotiation *all = negotiation(test);
	struct dma_buf_attachment *attach[2];

	all->bounce = row->bounce;
	all->ops.negotiate = negotiate_fit;
	for (int i = 0; i < 2; i++) {
		attach[i] = attach_stating(test, all, row->mask[i], 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach[i]);
	}
	KUNIT_EXPECT_EQ(test, all->count, row->fits);
	detach(test, all, attach[1]);
	detach(test, all, attach[0]);
}

/*
 * Contiguous memory cannot be bounced, so the first device must reach it. The second does not, but
 * its importer stated something else, which is met.
 */
static void newcomer_needs_no_reach_that_others_stated(struct kunit *test)
{
	struct negotiation *all = negotiation(test);
	struct dma_buf_attachment *first, *second;

	all->bounce = PAGE_SIZE;
	all->unbounced = MASK_28;
	all->ops.negotiate = negotiate_strict;
	first = attach_stating(test, all, MASK_32, 2 * PAGE_SIZE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, first);
	second = attach_stating(test, all, MASK_28, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(second), 0);
	KUNIT_EXPECT_EQ(test, all->count, 3);
	if (!IS_ERR(second))
		detach(test, all, second);
	detach(test, all, first);
}

/* Callback of an exporter with memory at high addresses that is not contiguous. */
static int negotiate_two_misfits(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
				 const struct dma_buf_needs *want)
{
	struct mock_exporter *exporter = dmabuf->priv;
	struct negotiation *all = exporter->hook_data;
	const struct dma_buf_run runs[] = {
		{ SZ_1G >> PAGE_SHIFT, 1 },
		{ SZ_512M >> PAGE_SHIFT, 1 },
	};
	struct dma_buf_misfit misfit;

	all->count++;
	KUNIT_EXPECT_FALSE(exporter->test, dma_buf_fits(dmabuf, must, true, runs,
							ARRAY_SIZE(runs), &misfit));
	KUNIT_EXPECT_EQ(exporter->test, misfit.need, DMA_BUF_NEED_REACH);
	return 0;
}

/* Misfits are found in the order of enum dma_buf_need. */
static void fit_finds_the_reach_of_the_newcomer_first(struct kunit *test)
{
	struct negotiation *all = negotiation(test);
	struct dma_buf_attachment *attach;

	all->bounce = 0;
	all->ops.negotiate = negotiate_two_misfits;
	attach = attach_stating(test, all, MASK_28, 2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, all->count, 1);
	detach(test, all, attach);
}

/* Callback of an exporter that asks whether it could move its memory up and down. */
static int negotiate_move(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
			  const struct dma_buf_needs *want)
{
	struct mock_exporter *exporter = dmabuf->priv;
	struct negotiation *all = exporter->hook_data;
	const struct dma_buf_run low = { SZ_64M >> PAGE_SHIFT, exporter->size >> PAGE_SHIFT };
	const struct dma_buf_run high = { SZ_1G >> PAGE_SHIFT, exporter->size >> PAGE_SHIFT };

	all->count = 0;
	all->count |= dma_buf_keeps_reach(dmabuf, &low, 1, &high, 1) << 0;
	all->count |= dma_buf_keeps_reach(dmabuf, &high, 1, &low, 1) << 1;
	all->count |= dma_buf_keeps_reach(dmabuf, &high, 1, &high, 1) << 2;
	return 0;
}

static const struct {
	const char *desc;
	u64 mask;
	size_t bounce;
	unsigned int keeps;
} keeps_rows[] = {
	{ "reaches both", MASK_32, 0, 7 },
	{ "is bounced", MASK_28, SZ_256K, 7 },
	{ "is not bounced", MASK_28, 0, 6 },
	{ "does no DMA", 0, 0, 7 },
};

KUNIT_ARRAY_PARAM_DESC(keeps, keeps_rows, desc);

/* Memory that was out of reach may stay so. */
static void attached_device_keeps_its_reach(struct kunit *test)
{
	const typeof(keeps_rows[0]) *row = test->param_value;
	struct negotiation *all = negotiation(test);
	struct dma_buf_attachment *attach[2];

	mock_needs_low_addresses(test);
	all->bounce = row->bounce;
	all->ops.negotiate = negotiate_move;
	for (int i = 0; i < 2; i++) {
		attach[i] = attach_stating(test, all, i ? MASK_32 : row->mask, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach[i]);
	}
	KUNIT_EXPECT_EQ(test, all->count, row->keeps);
	detach(test, all, attach[1]);
	detach(test, all, attach[0]);
}

static struct kunit_case dma_buf_negotiate_cases[] = {
	KUNIT_CASE(exporter_without_negotiate_ignores_needs),
	KUNIT_CASE(negotiates_after_attach_and_before_the_link),
	KUNIT_CASE(negotiates_before_the_core_maps),
	KUNIT_CASE_PARAM(sets_are_those_of_all_devices, sum_gen_params),
	KUNIT_CASE_PARAM(sets_are_those_of_dynamic_importers, sum_gen_params),
	KUNIT_CASE(mask_may_change_after_the_attach),
	KUNIT_CASE_PARAM(newcomer_without_needs_asks_nobody, needless_gen_params),
	KUNIT_CASE(detached_device_needs_nothing),
	KUNIT_CASE_PARAM(importer_that_states_nothing_is_not_refused, refusal_gen_params),
	KUNIT_CASE_PARAM(stated_needs_are_refused, refusal_gen_params),
	KUNIT_CASE_PARAM(stated_needs_of_dynamic_importer_are_refused, refusal_gen_params),
	KUNIT_CASE(attach_needs_what_was_stated_only),
	KUNIT_CASE_PARAM(signal_ends_the_attach, signal_gen_params),
	KUNIT_CASE_PARAM(statement_that_cannot_be_met_is_refused, statement_gen_params),
	KUNIT_CASE_PARAM(fit_asks_each_device, fit_gen_params),
	KUNIT_CASE(newcomer_needs_no_reach_that_others_stated),
	KUNIT_CASE(fit_finds_the_reach_of_the_newcomer_first),
	KUNIT_CASE_PARAM(attached_device_keeps_its_reach, keeps_gen_params),
	{}
};

static struct kunit_suite dma_buf_negotiate_suite = {
	.name = "dma_buf_negotiate",
	.init = mock_init,
	.test_cases = dma_buf_negotiate_cases,
};

kunit_test_suite(dma_buf_negotiate_suite);
