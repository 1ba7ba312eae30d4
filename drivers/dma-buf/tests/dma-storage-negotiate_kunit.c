// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of negotiation by buffers that have a storage: when it is replaced, what is kept if it
 * cannot be, and which errno an attach gets.
 *
 * The buffers have four runs of one page, so that they are not contiguous.
 */

#include <kunit/static_stub.h>
#include <linux/iosys-map.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "../needs/dma-buf-needs-private.h"
#include "storage.h"

#define PAGES		4
#define CONTIGUOUS	(PAGES * PAGE_SIZE)

/**
 * struct renewal - an exporter that allocates another storage, and how it was asked
 * @ops: callbacks of the buffer's storage
 * @storage: the buffer's storage
 * @dmabuf: the buffer
 * @new: what renew returns, unless @error
 * @error: errno of renew, or 0
 * @fails: number of calls that fail with @error; the others return @new
 * @calls: number of calls
 * @needs: needs of the latest call
 * @must_only: of the latest call
 * @optional: of the latest call
 * @kill: send a fatal signal
 * @notes: number of calls of note
 * @noted_must: needs of its latest call
 * @noted_want: the same
 * @noted_busy: the same
 */
struct renewal {
	struct dma_storage_ops ops;
	struct mock_storage *storage;
	struct dma_buf *dmabuf;
	struct mock_storage *new;
	int error;
	unsigned int fails;
	unsigned int calls;
	struct dma_buf_needs needs;
	bool must_only;
	bool optional;
	bool kill;
	unsigned int notes;
	struct dma_buf_needs noted_must;
	struct dma_buf_needs noted_want;
	bool noted_busy;
};

static struct dma_storage *renew(struct dma_storage *storage,
				 const struct dma_storage_request *request)
{
	struct renewal *all = container_of(storage->ops, struct renewal, ops);
	struct mock_storage *mock = container_of(storage, struct mock_storage, base);

	KUNIT_EXPECT_TRUE(mock->test, dma_resv_is_locked(request->dmabuf->resv));
	KUNIT_EXPECT_PTR_EQ(mock->test, request->dmabuf, all->dmabuf);
	all->needs = *request->needs;
	all->must_only = request->must_only;
	all->optional = request->optional;
	if (all->calls++ < all->fails)
		return ERR_PTR(all->error);
	if (all->kill)
		send_sig(SIGKILL, current, 0);
	return &all->new->base;
}

static void note(struct dma_storage *storage, const struct dma_buf_needs *must,
		 const struct dma_buf_needs *want, bool busy)
{
	struct renewal *all = container_of(storage->ops, struct renewal, ops);

	all->notes++;
	all->noted_must = *must;
	all->noted_want = *want;
	all->noted_busy = busy;
}

/* The devices are dma-direct, reach all memory and have no bounce buffers. */
static struct dma_buf_dma_facts get_facts(struct device *dev)
{
	return (struct dma_buf_dma_facts){
		.dma = DMA_BUF_DMA_DIRECT,
		.limit = U64_MAX,
		.last = SZ_1G,
	};
}

static struct renewal *renewal(struct kunit *test)
{
	struct renewal *all = kunit_kzalloc(test, sizeof(*all), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, all);
	all->storage = mock_storage(test, PAGES, 1);
	all->ops = *all->storage->base.ops;
	all->ops.renew = renew;
	all->storage->base.ops = &all->ops;
	all->dmabuf = mock_storage_buffer(test, all->storage);
	all->new = mock_storage(test, 1, PAGES);
	kunit_activate_static_stub(test, dma_buf_needs_get_facts, get_facts);
	return all;
}

static int negotiate(struct renewal *all, struct dma_buf_needs must, struct dma_buf_needs want)
{
	struct dma_buf *dmabuf = all->dmabuf;
	int ret;

	dma_resv_lock(dmabuf->resv, NULL);
	ret = dmabuf->ops->negotiate(dmabuf, &must, &want);
	dma_resv_unlock(dmabuf->resv);
	return ret;
}

static int negotiate_contiguous(struct renewal *all)
{
	return negotiate(all, (struct dma_buf_needs){ .contiguous = CONTIGUOUS },
			 (struct dma_buf_needs){});
}

/* Attach a device that needs so many contiguous bytes, and detach it. Return the errno. */
static int attach_contiguous(struct kunit *test, struct renewal *all, size_t contiguous)
{
	const struct dma_buf_needs needs = { .contiguous = contiguous };
	struct dma_buf_attachment *attach;

	attach = dma_buf_attach_with_needs(all->dmabuf, mock_device(test), NULL, NULL,
					   contiguous ? &needs : NULL);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	dma_buf_detach(all->dmabuf, attach);
	return 0;
}

/* Expect the old storage, and that the new one is gone or was never asked for. */
static void expect_kept(struct kunit *test, struct renewal *all, bool asked)
{
	struct dma_storage_buffer *buffer = mock_storage_of(all->dmabuf);

	KUNIT_EXPECT_PTR_EQ(test, buffer->storage, &all->storage->base);
	KUNIT_EXPECT_EQ(test, buffer->generation, 0);
	KUNIT_EXPECT_EQ(test, all->storage->freed, 0);
	KUNIT_EXPECT_EQ(test, !!all->calls, asked);
	if (!all->new->freed)
		mock_storage_free(all->new);
}

static void expect_replaced(struct kunit *test, struct renewal *all)
{
	struct dma_storage_buffer *buffer = mock_storage_of(all->dmabuf);

	KUNIT_EXPECT_PTR_EQ(test, buffer->storage, &all->new->base);
	KUNIT_EXPECT_EQ(test, buffer->generation, 1);
	KUNIT_EXPECT_EQ(test, all->storage->freed, 1);
	KUNIT_EXPECT_EQ(test, all->new->freed, 0);
}

static const struct {
	const char *desc;
	struct dma_buf_needs must, want;
} fit_rows[] = {
	{ "nothing", {}, {} },
	{ "one contiguous page", { .contiguous = PAGE_SIZE }, {} },
	{ "granule of a page", { .granule = PAGE_SIZE }, { .granule = PAGE_SIZE } },
	{ "reach of no device", { .reach = SZ_4K }, { .reach = SZ_8K } },
};

KUNIT_ARRAY_PARAM_DESC(fit, fit_rows, desc);

static void storage_that_fits_stays(struct kunit *test)
{
	const typeof(fit_rows[0]) *row = test->param_value;
	struct renewal *all = renewal(test);

	KUNIT_EXPECT_EQ(test, negotiate(all, row->must, row->want), 0);
	expect_kept(test, all, false);
}

static void storage_that_does_not_fit_is_replaced(struct kunit *test)
{
	struct renewal *all = renewal(test);

	/* Written behind the buffer's back, so that a copy would be seen. */
	mock_page_write(&all->storage->base, 0, 7);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, all, CONTIGUOUS), 0);
	expect_replaced(test, all);
	KUNIT_EXPECT_EQ(test, all->calls, 1);
	KUNIT_EXPECT_EQ(test, all->needs.contiguous, CONTIGUOUS);
	KUNIT_EXPECT_TRUE(test, all->must_only);
	KUNIT_EXPECT_FALSE(test, all->optional);
	KUNIT_EXPECT_EQ(test, mock_page_read(&all->new->base, 0), 0);
	/* The next one finds that it fits. */
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, all, CONTIGUOUS), 0);
	KUNIT_EXPECT_EQ(test, all->calls, 1);
}

static void replaced_storage_keeps_the_bytes(struct kunit *test)
{
	struct renewal *all = renewal(test);
	unsigned long addr = mock_user_pages(test, all->dmabuf, 0, PAGES);
	unsigned long last = mock_user_pages(test, all->dmabuf, PAGES - 1, 1);

	for (int i = 0; i < PAGES; i++)
		mock_user_write(test, addr + i * PAGE_SIZE, i + 1);
	KUNIT_EXPECT_EQ(test, mock_user_read(test, last), PAGES);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, all, CONTIGUOUS), 0);
	expect_replaced(test, all);
	for (int i = 0; i < PAGES; i++)
		KUNIT_EXPECT_EQ(test, mock_user_read(test, addr + i * PAGE_SIZE), i + 1);
	KUNIT_EXPECT_EQ(test, mock_user_read(test, last), PAGES);
	KUNIT_EXPECT_EQ(test, mock_user_pfn(last), mock_storage_pfn(&all->new->base, PAGES - 1));
	mock_user_unmap(test, last, 1);
	mock_user_unmap(test, addr, PAGES);
}

/* A device that has been attached and unmapped gets a table of the new storage. */
static void table_follows_the_storage(struct kunit *test)
{
	struct renewal *all = renewal(test);
	struct mock_dma *dma = mock_dma(test);
	struct dma_buf_attachment *attach = mock_attach(test, all->dmabuf, NULL);
	struct sg_table *sgt = mock_storage_map(attach, DMA_TO_DEVICE);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	KUNIT_EXPECT_EQ(test, sgt->nents, PAGES);
	mock_storage_unmap(attach, sgt, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, all, CONTIGUOUS), 0);
	expect_replaced(test, all);
	sgt = mock_storage_map(attach, DMA_TO_DEVICE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	KUNIT_EXPECT_EQ(test, sgt->nents, 1);
	KUNIT_EXPECT_EQ(test, sg_phys(sgt->sgl), PFN_PHYS(all->new->runs[0].pfn));
	mock_storage_unmap(attach, sgt, DMA_TO_DEVICE);
	KUNIT_EXPECT_STREQ(test, mock_dma_calls(test, dma), "mt,dt,ct,ut,mt,dt,ct,ut");
}

/* The attach of a device that states nothing succeeds, as without negotiation. */
static void expect_busy(struct kunit *test, struct renewal *all)
{
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, all, CONTIGUOUS), -EBUSY);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, all, 0), 0);
	KUNIT_EXPECT_EQ(test, all->calls, 0);
}

static void nothing_is_allocated_while_a_device_has_it_mapped(struct kunit *test)
{
	struct renewal *all = renewal(test);
	struct dma_buf_attachment *attach = mock_attach(test, all->dmabuf, NULL);
	struct sg_table *sgt;

	mock_dma(test);
	sgt = mock_storage_map(attach, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	expect_busy(test, all);
	mock_storage_unmap(attach, sgt, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, all, CONTIGUOUS), 0);
	expect_replaced(test, all);
}

static void nothing_is_allocated_while_the_kernel_has_it_mapped(struct kunit *test)
{
	struct renewal *all = renewal(test);
	struct iosys_map map;

	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(all->dmabuf, &map));
	expect_busy(test, all);
	dma_buf_vunmap_unlocked(all->dmabuf, &map);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, all, CONTIGUOUS), 0);
	expect_replaced(test, all);
}

static void nothing_is_allocated_while_a_move_is_pending(struct kunit *test)
{
	struct renewal *all = renewal(test);
	struct dma_fence *fence = mock_fence(test);

	mock_add_fence(test, all->dmabuf, fence, DMA_RESV_USAGE_KERNEL);
	expect_busy(test, all);
	dma_fence_signal(fence);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, all, CONTIGUOUS), 0);
	expect_replaced(test, all);
}

static const struct {
	const char *desc;
	int error;
	int ret;
} error_rows[] = {
	{ "no memory now", -ENOMEM, -EBUSY },
	{ "no such memory", -EOPNOTSUPP, -EOPNOTSUPP },
	{ "killed", -EINTR, -EINTR },
};

KUNIT_ARRAY_PARAM_DESC(error, error_rows, desc);

static void failed_allocation_keeps_the_storage(struct kunit *test)
{
	const typeof(error_rows[0]) *row = test->param_value;
	struct renewal *all = renewal(test);

	all->error = row->error;
	all->fails = UINT_MAX;
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, all, CONTIGUOUS), row->ret);
	expect_kept(test, all, true);
}

static void allocation_that_does_not_fit_is_freed(struct kunit *test)
{
	struct renewal *all = renewal(test);

	mock_storage_free(all->new);
	all->new = mock_storage(test, 2, PAGES / 2);
	KUNIT_EXPECT_EQ(test, negotiate_contiguous(all), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, all->new->freed, 1);
	expect_kept(test, all, true);
}

static void killed_while_copying(struct kunit *test)
{
	struct renewal *all = renewal(test);
	unsigned long addr = mock_user_pages(test, all->dmabuf, 0, PAGES);
	int ret;

	mock_user_write(test, addr, 7);
	all->kill = true;
	allow_signal(SIGKILL);
	ret = negotiate_contiguous(all);
	flush_signals(current);
	disallow_signal(SIGKILL);
	KUNIT_EXPECT_EQ(test, ret, -EINTR);
	KUNIT_EXPECT_EQ(test, all->new->freed, 1);
	expect_kept(test, all, true);
	KUNIT_EXPECT_EQ(test, mock_user_read(test, addr), 7);
	mock_user_unmap(test, addr, PAGES);
}

static void exporter_that_cannot_choose(struct kunit *test)
{
	struct renewal *all = renewal(test);

	all->ops.renew = NULL;
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, all, CONTIGUOUS), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, all, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, attach_contiguous(test, all, 0), 0);
	expect_kept(test, all, false);
}

static void storage_that_meets_must_is_improved(struct kunit *test)
{
	const struct dma_buf_needs must = { .contiguous = PAGE_SIZE };
	const struct dma_buf_needs want = { .contiguous = CONTIGUOUS };
	struct renewal *all = renewal(test);

	KUNIT_EXPECT_EQ(test, negotiate(all, must, want), 0);
	KUNIT_EXPECT_EQ(test, all->calls, 1);
	KUNIT_EXPECT_EQ(test, all->needs.contiguous, CONTIGUOUS);
	KUNIT_EXPECT_FALSE(test, all->must_only);
	KUNIT_EXPECT_TRUE(test, all->optional);
	expect_replaced(test, all);
	/* Now it meets both. */
	KUNIT_EXPECT_EQ(test, negotiate(all, must, want), 0);
	KUNIT_EXPECT_EQ(test, all->calls, 1);
}

/* It would be copied. */
static void storage_that_was_written_is_not_improved(struct kunit *test)
{
	const struct dma_buf_needs want = { .contiguous = CONTIGUOUS };
	struct renewal *all = renewal(test);
	struct iosys_map map;

	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(all->dmabuf, &map));
	KUNIT_EXPECT_EQ(test, negotiate(all, (struct dma_buf_needs){}, want), 0);
	dma_buf_vunmap_unlocked(all->dmabuf, &map);
	KUNIT_EXPECT_EQ(test, negotiate(all, (struct dma_buf_needs){}, want), 0);
	expect_kept(test, all, false);
}

/* Another device may have stated it, or the open file of a heap has learned it. */
static void improved_storage_stays_in_one_run(struct kunit *test)
{
	const struct dma_buf_needs want = { .granule = SZ_1G };
	struct renewal *all = renewal(test);

	KUNIT_EXPECT_EQ(test, negotiate_contiguous(all), 0);
	expect_replaced(test, all);
	all->new->base.ops = &all->ops;
	all->error = -ENOMEM;
	all->fails = 2;
	KUNIT_EXPECT_EQ(test, negotiate(all, (struct dma_buf_needs){}, want), 0);
	KUNIT_EXPECT_EQ(test, all->calls, 2);
	KUNIT_EXPECT_EQ(test, all->needs.granule, SZ_1G);
	KUNIT_EXPECT_EQ(test, all->needs.contiguous, CONTIGUOUS);
	expect_replaced(test, all);
}

static const struct {
	const char *desc;
	int error;
	bool chooses;
} optional_rows[] = {
	{ "there is no such memory now", -ENOMEM, true },
	{ "there never is such memory", -EOPNOTSUPP, true },
	{ "a fatal signal came", -EINTR, true },
	{ "the exporter cannot choose", 0, false },
};

KUNIT_ARRAY_PARAM_DESC(optional, optional_rows, desc);

/* The devices are bounced then. */
static void storage_that_meets_must_is_good_enough(struct kunit *test)
{
	const typeof(optional_rows[0]) *row = test->param_value;
	const struct dma_buf_needs want = { .contiguous = CONTIGUOUS };
	struct renewal *all = renewal(test);

	all->error = row->error;
	all->fails = 2;
	if (!row->chooses)
		all->ops.renew = NULL;
	KUNIT_EXPECT_EQ(test, negotiate(all, (struct dma_buf_needs){}, want), 0);
	KUNIT_EXPECT_EQ(test, negotiate(all, (struct dma_buf_needs){}, want), 0);
	expect_kept(test, all, row->error);
	KUNIT_EXPECT_EQ(test, all->calls, !!row->error);
}

static void must_alone_after_both_have_failed(struct kunit *test)
{
	const struct dma_buf_needs must = { .contiguous = CONTIGUOUS };
	const struct dma_buf_needs want = { .granule = SZ_64K };
	struct renewal *all = renewal(test);

	all->error = -EOPNOTSUPP;
	all->fails = 1;
	KUNIT_EXPECT_EQ(test, negotiate(all, must, want), 0);
	KUNIT_EXPECT_EQ(test, all->calls, 2);
	KUNIT_EXPECT_EQ(test, all->needs.granule, 0);
	KUNIT_EXPECT_EQ(test, all->needs.contiguous, CONTIGUOUS);
	KUNIT_EXPECT_TRUE(test, all->must_only);
	expect_replaced(test, all);
}

static void killed_once_asks_once(struct kunit *test)
{
	struct renewal *all = renewal(test);

	all->error = -EINTR;
	all->fails = 1;
	KUNIT_EXPECT_EQ(test, negotiate(all, (struct dma_buf_needs){ .contiguous = CONTIGUOUS },
					(struct dma_buf_needs){ .granule = SZ_64K }), -EINTR);
	KUNIT_EXPECT_EQ(test, all->calls, 1);
	expect_kept(test, all, true);
}

static void expect_note(struct kunit *test, struct renewal *all, unsigned int notes, bool busy)
{
	KUNIT_EXPECT_EQ(test, all->notes, notes);
	KUNIT_EXPECT_EQ(test, all->noted_must.contiguous, CONTIGUOUS);
	KUNIT_EXPECT_EQ(test, all->noted_want.granule, SZ_64K);
	KUNIT_EXPECT_EQ(test, all->noted_busy, busy);
}

/* Once for each negotiation that must have something, before anything is allocated. */
static void exporter_is_told_what_is_asked(struct kunit *test)
{
	const struct dma_buf_needs must = { .contiguous = CONTIGUOUS };
	const struct dma_buf_needs want = { .granule = SZ_64K };
	struct renewal *all = renewal(test);
	struct iosys_map map;

	all->ops.note = note;
	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(all->dmabuf, &map));
	KUNIT_EXPECT_EQ(test, negotiate(all, must, want), -EBUSY);
	expect_note(test, all, 1, true);
	dma_buf_vunmap_unlocked(all->dmabuf, &map);

	all->error = -EOPNOTSUPP;
	all->fails = 1;
	KUNIT_EXPECT_EQ(test, negotiate(all, must, want), 0);
	expect_note(test, all, 2, false);
	expect_replaced(test, all);

	all->ops.renew = NULL;
	KUNIT_EXPECT_EQ(test, negotiate(all, (struct dma_buf_needs){}, want), 0);
	KUNIT_EXPECT_EQ(test, all->notes, 2);
}

/* An exporter that cannot choose hears no refusal as busy, because it is none for now only. */
static void exporter_that_cannot_choose_is_not_busy(struct kunit *test)
{
	const struct dma_buf_needs must = { .contiguous = CONTIGUOUS };
	const struct dma_buf_needs want = { .granule = SZ_64K };
	struct renewal *all = renewal(test);
	struct iosys_map map;

	all->ops.note = note;
	all->ops.renew = NULL;
	KUNIT_ASSERT_EQ(test, 0, dma_buf_vmap_unlocked(all->dmabuf, &map));
	KUNIT_EXPECT_EQ(test, negotiate(all, must, want), -EOPNOTSUPP);
	expect_note(test, all, 1, false);
	dma_buf_vunmap_unlocked(all->dmabuf, &map);
	expect_kept(test, all, false);
}

static struct kunit_case dma_storage_negotiate_cases[] = {
	KUNIT_CASE_PARAM(storage_that_fits_stays, fit_gen_params),
	KUNIT_CASE(storage_that_does_not_fit_is_replaced),
	KUNIT_CASE(replaced_storage_keeps_the_bytes),
	KUNIT_CASE(table_follows_the_storage),
	KUNIT_CASE(nothing_is_allocated_while_a_device_has_it_mapped),
	KUNIT_CASE(nothing_is_allocated_while_the_kernel_has_it_mapped),
	KUNIT_CASE(nothing_is_allocated_while_a_move_is_pending),
	KUNIT_CASE_PARAM(failed_allocation_keeps_the_storage, error_gen_params),
	KUNIT_CASE(allocation_that_does_not_fit_is_freed),
	KUNIT_CASE(killed_while_copying),
	KUNIT_CASE(exporter_that_cannot_choose),
	KUNIT_CASE(storage_that_meets_must_is_improved),
	KUNIT_CASE(storage_that_was_written_is_not_improved),
	KUNIT_CASE(improved_storage_stays_in_one_run),
	KUNIT_CASE_PARAM(storage_that_meets_must_is_good_enough, optional_gen_params),
	KUNIT_CASE(must_alone_after_both_have_failed),
	KUNIT_CASE(killed_once_asks_once),
	KUNIT_CASE(exporter_is_told_what_is_asked),
	KUNIT_CASE(exporter_that_cannot_choose_is_not_busy),
	{}
};

static struct kunit_suite dma_storage_negotiate_suite = {
	.name = "dma_storage_negotiate",
	.init = mock_init,
	.test_cases = dma_storage_negotiate_cases,
};

kunit_test_suite(dma_storage_negotiate_suite);
