// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of negotiation beside other users of the buffer: threads that hold the reservation lock,
 * mappings that the core keeps, and exporters that use the buffer while they negotiate.
 *
 * The devices of the tests reach all memory, so that they need only what their importers state.
 */

#include <kunit/static_stub.h>
#include <kunit/test-bug.h>
#include <linux/completion.h>
#include <linux/sizes.h>

#include "../needs/dma-buf-needs-private.h"
#include "mock-buffer.h"
#include "threads.h"

/**
 * struct interplay - an exporter that negotiates, and the threads that use its buffer
 * @exporter: the mock exporter
 * @ops: its callbacks
 * @dmabuf: its buffer
 * @count: number of calls of its negotiate
 * @must: first argument of the latest call
 * @want: second argument of the latest call
 * @attached: number of attachments that the latest call found
 * @mapped: number of mappings that the latest call found
 * @held: completed when the holder has the reservation lock
 * @attacher: the thread that attaches, after the exporter's attach
 * @waited: the holder found that @attacher waits
 * @early: number of calls of negotiate when the holder dropped the lock
 * @leaving: attachment that the detacher detaches
 * @detacher: the thread that detaches
 */
struct interplay {
	struct mock_exporter *exporter;
	struct dma_buf_ops ops;
	struct dma_buf *dmabuf;
	unsigned int count;
	struct dma_buf_needs must;
	struct dma_buf_needs want;
	size_t attached;
	int mapped;
	struct completion held;
	struct mock_waiter attacher;
	bool waited;
	unsigned int early;
	struct dma_buf_attachment *leaving;
	struct mock_waiter detacher;
};

/* Callback of an exporter that replaces its memory unless it is mapped. */
static int negotiate(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
		     const struct dma_buf_needs *want)
{
	struct mock_exporter *exporter = dmabuf->priv;
	struct interplay *all = exporter->hook_data;

	WRITE_ONCE(all->count, all->count + 1);
	all->must = *must;
	all->want = *want;
	all->attached = list_count_nodes(&dmabuf->attachments);
	all->mapped = mock_calls(exporter, MOCK_MAP) - mock_calls(exporter, MOCK_UNMAP);
	return all->mapped ? -EBUSY : 0;
}

static struct dma_buf_dma_facts get_facts(struct device *dev)
{
	return (struct dma_buf_dma_facts){
		.dma = DMA_BUF_DMA_DIRECT,
		.limit = U64_MAX,
		.last = SZ_1G,
	};
}

static struct interplay *interplay(struct kunit *test, const struct dma_buf_ops *ops)
{
	struct interplay *all = kunit_kzalloc(test, sizeof(*all), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, all);
	all->ops = *ops;
	all->ops.negotiate = negotiate;
	all->exporter = mock_exporter(test, &all->ops);
	all->exporter->hook_data = all;
	all->dmabuf = mock_buffer(test, all->exporter);
	init_completion(&all->held);
	kunit_activate_static_stub(test, dma_buf_needs_get_facts, get_facts);
	return all;
}

static struct dma_buf_attachment *attach_stating(struct kunit *test, struct interplay *all,
						 size_t contiguous)
{
	const struct dma_buf_needs needs = { .contiguous = contiguous };

	return dma_buf_attach_with_needs(all->dmabuf, mock_device(test), NULL, NULL, &needs);
}

/* After the exporter's attach, an attach can sleep only for the reservation lock. */
static void begin_to_wait(struct mock_exporter *exporter, enum mock_op op,
			  struct dma_buf *dmabuf)
{
	struct interplay *all = exporter->hook_data;

	if (op == MOCK_ATTACH && all->leaving)
		mock_waiter_begin(&all->attacher);
}

static void hold_until_attach_waits(void *data)
{
	struct interplay *all = data;

	dma_resv_lock(all->dmabuf->resv, NULL);
	complete(&all->held);
	all->waited = mock_waiter_sleeps(&all->attacher);
	all->early = READ_ONCE(all->count);
	dma_resv_unlock(all->dmabuf->resv);
}

static void detach_leaving(void *data)
{
	struct interplay *all = data;

	mock_waiter_begin(&all->detacher);
	dma_buf_detach(all->dmabuf, all->leaving);
}

/* The detach waits first, and a reservation lock goes to those who wait in their order. */
static void attach_negotiates_for_those_who_are_left(struct kunit *test)
{
	struct interplay *all = interplay(test, &mock_static_ops);
	struct mock_thread *holder, *detacher;
	struct dma_buf_attachment *attach;

	all->exporter->hook = begin_to_wait;
	all->leaving = attach_stating(test, all, SZ_8K);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, all->leaving);
	KUNIT_EXPECT_EQ(test, all->count, 1);
	holder = mock_thread(test, hold_until_attach_waits, all);
	wait_for_completion(&all->held);
	detacher = mock_thread(test, detach_leaving, all);
	KUNIT_EXPECT_TRUE(test, mock_waiter_sleeps(&all->detacher));

	attach = attach_stating(test, all, SZ_4K);
	mock_thread_join(test, holder);
	mock_thread_join(test, detacher);
	KUNIT_EXPECT_TRUE(test, all->waited);
	KUNIT_EXPECT_EQ(test, all->early, 1);
	KUNIT_EXPECT_EQ(test, all->count, 2);
	KUNIT_EXPECT_EQ(test, all->attached, 0);
	KUNIT_EXPECT_EQ(test, all->must.contiguous, SZ_4K);
	KUNIT_EXPECT_TRUE(test, dma_buf_needs_empty(&all->want));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	dma_buf_detach(all->dmabuf, attach);
}

/* To the exporter, a mapping that the core caches is one until the detach. */
static void cached_mapping_keeps_the_memory(struct kunit *test)
{
	struct interplay *all = interplay(test, &mock_cached_ops);
	struct dma_buf_attachment *first = mock_attach(test, all->dmabuf, NULL), *second;
	struct sg_table *sgt = dma_buf_map_attachment_unlocked(first, DMA_TO_DEVICE);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	dma_buf_unmap_attachment_unlocked(first, sgt, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, PTR_ERR(attach_stating(test, all, SZ_4K)), -EBUSY);
	KUNIT_EXPECT_EQ(test, all->mapped, 1);

	KUNIT_EXPECT_PTR_EQ(test, dma_buf_map_attachment_unlocked(first, DMA_TO_DEVICE), sgt);
	KUNIT_EXPECT_EQ(test, mock_calls(all->exporter, MOCK_MAP), 1);
	dma_buf_unmap_attachment_unlocked(first, sgt, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, mock_calls(all->exporter, MOCK_UNMAP), 0);

	mock_detach(test, first);
	second = attach_stating(test, all, SZ_4K);
	KUNIT_EXPECT_EQ(test, all->mapped, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, second);
	dma_buf_detach(all->dmabuf, second);
}

/**
 * struct misuse - a function that an exporter must not call in its negotiate
 * @desc: its name
 * @run: calls it for the buffer of an attachment
 * @maps: number of mappings that it makes
 */
struct misuse {
	const char *desc;
	void (*run)(struct dma_buf_attachment *attach);
	int maps;
};

static void map_and_unmap(struct dma_buf_attachment *attach)
{
	struct sg_table *sgt = dma_buf_map_attachment(attach, DMA_TO_DEVICE);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(kunit_get_current_test(), sgt);
	dma_buf_unmap_attachment(attach, sgt, DMA_TO_DEVICE);
}

static void move_notify(struct dma_buf_attachment *attach)
{
	dma_buf_move_notify(attach->dmabuf);
}

static const struct misuse misuses[] = {
	{ "map", map_and_unmap, 1 },
	{ "move_notify", move_notify, 0 },
};

KUNIT_ARRAY_PARAM_DESC(misuse, misuses, desc);

/* Callback of an exporter that does what it must not, for the attachment that it finds. */
static int negotiate_wrongly(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
			     const struct dma_buf_needs *want)
{
	struct mock_exporter *exporter = dmabuf->priv;
	const struct misuse *row = exporter->test->param_value;

	row->run(list_first_entry(&dmabuf->attachments, struct dma_buf_attachment, node));
	return 0;
}

/* The function goes on. */
static void misuse_in_negotiate_is_reported(struct kunit *test)
{
	const struct misuse *row = test->param_value;
	struct interplay *all = interplay(test, &mock_dynamic_ops);
	struct mock_importer importer = {};
	struct dma_buf_attachment *first = mock_attach(test, all->dmabuf, &importer), *second;

	if (!IS_ENABLED(CONFIG_DMABUF_DEBUG))
		kunit_skip(test, "only CONFIG_DMABUF_DEBUG reports it");

	mock_expect_report(test);
	all->ops.negotiate = negotiate_wrongly;
	second = attach_stating(test, all, SZ_4K);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_NEGOTIATE), 1);
	KUNIT_EXPECT_PTR_EQ(test, mock_context(test)->reported, row->maps ? first : NULL);
	KUNIT_EXPECT_EQ(test, atomic_read(&importer.moves), !row->maps);
	/* The core maps for the second importer, after the negotiation. */
	KUNIT_EXPECT_EQ(test, mock_calls(all->exporter, MOCK_MAP), row->maps + 1);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, second);

	dma_resv_lock(all->dmabuf->resv, NULL);
	row->run(first);
	dma_resv_unlock(all->dmabuf->resv);
	dma_buf_detach(all->dmabuf, second);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 1);
}

static struct kunit_case dma_buf_negotiate_interplay_cases[] = {
	KUNIT_CASE(attach_negotiates_for_those_who_are_left),
	KUNIT_CASE(cached_mapping_keeps_the_memory),
	KUNIT_CASE_PARAM(misuse_in_negotiate_is_reported, misuse_gen_params),
	{}
};

static struct kunit_suite dma_buf_negotiate_interplay_suite = {
	.name = "dma_buf_negotiate_interplay",
	.init = mock_init,
	.test_cases = dma_buf_negotiate_interplay_cases,
};

kunit_test_suite(dma_buf_negotiate_interplay_suite);
