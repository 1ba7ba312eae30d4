// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of attachments: attach and detach, the pin and mapping that the core makes
 * for an importer, pin and unpin, and move_notify.
 */

#include <kunit/static_stub.h>

#include "mock-buffer.h"

static const int exporter_errnos[] = { -EBUSY, -ENODEV, -ENOMEM, -EINTR, -ERESTARTSYS };

static void errno_to_desc(const int *error, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "errno %d", -*error);
}

KUNIT_ARRAY_PARAM(exporter_errno, exporter_errnos, errno_to_desc);

static void attach_fills_the_attachment_in(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct device *dev = mock_device(test);
	struct dma_buf_attachment *attach = dma_buf_attach(dmabuf, dev);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	KUNIT_EXPECT_PTR_EQ(test, attach->dmabuf, dmabuf);
	KUNIT_EXPECT_PTR_EQ(test, attach->dev, dev);
	KUNIT_EXPECT_NULL(test, attach->importer_ops);
	KUNIT_EXPECT_FALSE(test, attach->peer2peer);
	KUNIT_EXPECT_FALSE(test, dma_buf_attachment_is_dynamic(attach));
	KUNIT_EXPECT_PTR_EQ(test, exporter->calls[MOCK_ATTACH].attach, attach);
	KUNIT_EXPECT_FALSE(test, exporter->calls[MOCK_ATTACH].locked);
	dma_buf_detach(dmabuf, attach);
}

/* Each round attaches before it detaches the previous attachment; one attach fails. */
static void attachments_have_memory_of_their_own(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct device *dev = mock_device(test);
	struct dma_buf_attachment *old = NULL, *attach = NULL;

	for (int round = 0; round < 6; round++) {
		if (round == 3) {
			mock_fail(exporter, MOCK_ATTACH, 1, -EBUSY);
			KUNIT_EXPECT_EQ(test, PTR_ERR(dma_buf_attach(dmabuf, dev)), -EBUSY);
		}
		attach = dma_buf_attach(dmabuf, dev);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
		KUNIT_EXPECT_PTR_NE(test, attach, old);
		KUNIT_EXPECT_NULL(test, attach->priv);
		KUNIT_EXPECT_NULL(test, attach->sgt);
		attach->priv = dev;
		if (old) {
			KUNIT_EXPECT_PTR_EQ(test, old->priv, (void *)dev);
			dma_buf_detach(dmabuf, old);
		}
		old = attach;
	}
	dma_buf_detach(dmabuf, attach);
	KUNIT_EXPECT_TRUE(test, list_empty(&dmabuf->attachments));
}

static void dynamic_attach_keeps_the_importers_data(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach =
		mock_attach(test, mock_buffer(test, exporter), &importer);

	KUNIT_EXPECT_PTR_EQ(test, attach->importer_ops, &mock_importer_ops);
	KUNIT_EXPECT_PTR_EQ(test, attach->importer_priv, (void *)&importer);
	KUNIT_EXPECT_TRUE(test, dma_buf_attachment_is_dynamic(attach));
}

static void attach_without_exporter_callback(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_bare_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);

	mock_detach(test, mock_attach(test, dmabuf, NULL));
	KUNIT_EXPECT_TRUE(test, list_empty(&dmabuf->attachments));
}

static void attach_passes_the_exporters_errno(struct kunit *test)
{
	const int *error = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_buf_attachment *attach;

	mock_fail(exporter, MOCK_ATTACH, 1, *error);
	attach = dma_buf_attach(dmabuf, mock_device(test));
	KUNIT_EXPECT_EQ(test, PTR_ERR(attach), *error);
	KUNIT_EXPECT_TRUE(test, list_empty(&dmabuf->attachments));
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_DETACH), 0);
}

static void attach_without_buffer_or_device_is_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct device *dev = mock_device(test);

	mock_expect_report(test);
	KUNIT_EXPECT_EQ(test, PTR_ERR(dma_buf_attach(NULL, dev)), -EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(dma_buf_attach(dmabuf, NULL)), -EINVAL);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_ARGUMENT), 2);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 2);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_ATTACH), 0);
}

static void dynamic_attach_without_move_notify_is_reported(struct kunit *test)
{
	static const struct dma_buf_attach_ops no_move_notify = { .allow_peer2peer = true };
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_buf_attachment *attach;

	mock_expect_report(test);
	attach = dma_buf_dynamic_attach(dmabuf, mock_device(test), &no_move_notify, NULL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(attach), -EINVAL);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_IMPORTER), 1);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_ATTACH), 0);
}

static void refuse_peers(struct mock_exporter *exporter, enum mock_op op,
			 struct dma_buf *dmabuf)
{
	if (op == MOCK_ATTACH)
		exporter->calls[op].attach->peer2peer = false;
}

static void peer2peer_when_both_sides_agree(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct device *dev = mock_device(test);
	struct mock_importer importer = {};
	struct dma_buf_attachment *agreed, *refused;

	agreed = dma_buf_dynamic_attach(dmabuf, dev, &mock_peer_importer_ops, &importer);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, agreed);
	KUNIT_EXPECT_TRUE(test, agreed->peer2peer);
	dma_buf_detach(dmabuf, agreed);

	exporter->hook = refuse_peers;
	refused = dma_buf_dynamic_attach(dmabuf, dev, &mock_peer_importer_ops, &importer);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, refused);
	KUNIT_EXPECT_FALSE(test, refused->peer2peer);
	dma_buf_detach(dmabuf, refused);

	exporter->hook = NULL;
	KUNIT_EXPECT_FALSE(test, mock_attach(test, dmabuf, &importer)->peer2peer);
}

static void attachments_are_listed_until_detach(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_buf_attachment *attach[3], *entry;
	int found = 0;

	for (int i = 0; i < ARRAY_SIZE(attach); i++)
		attach[i] = mock_attach(test, dmabuf, NULL);
	mock_detach(test, attach[1]);

	dma_resv_lock(dmabuf->resv, NULL);
	list_for_each_entry(entry, &dmabuf->attachments, node) {
		KUNIT_EXPECT_TRUE(test, entry == attach[0] || entry == attach[2]);
		found++;
	}
	dma_resv_unlock(dmabuf->resv);
	KUNIT_EXPECT_EQ(test, found, 2);
}

struct pair {
	const char *desc;
	const struct dma_buf_ops *ops;
	bool dynamic;
	bool mapped;
	bool pinned;
};

static const struct pair pairs[] = {
	{ "static exporter, static importer", &mock_static_ops, false, false, false },
	{ "static exporter, dynamic importer", &mock_static_ops, true, true, false },
	{ "dynamic exporter, static importer", &mock_dynamic_ops, false, true, true },
	{ "dynamic exporter, dynamic importer", &mock_dynamic_ops, true, false, false },
	{ "cached exporter, dynamic importer", &mock_cached_ops, true, true, false },
};

KUNIT_ARRAY_PARAM_DESC(pair, pairs, desc);

static void attach_pins_and_maps_for_an_unequal_pair(struct kunit *test)
{
	const struct pair *pair = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, pair->ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct mock_call *calls = exporter->calls;
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach;

	attach = mock_attach(test, dmabuf, pair->dynamic ? &importer : NULL);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_PIN), pair->pinned);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_MAP), pair->mapped);
	KUNIT_EXPECT_EQ(test, calls[MOCK_PIN].locked, pair->pinned);
	KUNIT_EXPECT_EQ(test, calls[MOCK_MAP].locked, pair->mapped);
	KUNIT_EXPECT_EQ(test, !!attach->sgt, pair->mapped);

	mock_detach(test, attach);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNMAP), pair->mapped);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNPIN), pair->pinned);
	KUNIT_EXPECT_EQ(test, calls[MOCK_UNMAP].locked, pair->mapped);
	KUNIT_EXPECT_EQ(test, calls[MOCK_UNPIN].locked, pair->pinned);
	KUNIT_EXPECT_LT(test, calls[MOCK_UNMAP].order, calls[MOCK_DETACH].order);
	if (!pair->pinned)
		return;
	KUNIT_EXPECT_LT(test, calls[MOCK_PIN].order, calls[MOCK_MAP].order);
	KUNIT_EXPECT_LT(test, calls[MOCK_UNMAP].order, calls[MOCK_UNPIN].order);
}

static void mapping_made_by_attach_serves_every_direction(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);
	enum dma_data_direction dir;

	for (dir = DMA_BIDIRECTIONAL; dir < DMA_NONE; dir++) {
		struct sg_table *sgt = dma_buf_map_attachment_unlocked(attach, dir);

		KUNIT_EXPECT_PTR_EQ(test, sgt, attach->sgt);
		dma_buf_unmap_attachment_unlocked(attach, sgt, dir);
	}
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_MAP), 1);
	KUNIT_EXPECT_EQ(test, exporter->calls[MOCK_MAP].dir, DMA_BIDIRECTIONAL);
}

static void attach_undoes_all_when_pin_fails(struct kunit *test)
{
	const int *error = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_buf_attachment *attach;

	mock_fail(exporter, MOCK_PIN, 1, *error);
	attach = dma_buf_attach(dmabuf, mock_device(test));
	KUNIT_EXPECT_EQ(test, PTR_ERR(attach), *error);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_MAP), 0);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNPIN), 0);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_DETACH), 1);
	KUNIT_EXPECT_TRUE(test, list_empty(&dmabuf->attachments));
}

static void attach_undoes_all_when_map_fails(struct kunit *test)
{
	const int *error = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_buf_attachment *attach;

	mock_fail(exporter, MOCK_MAP, 1, *error);
	attach = dma_buf_attach(dmabuf, mock_device(test));
	KUNIT_EXPECT_EQ(test, PTR_ERR(attach), *error);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_PIN), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNPIN), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_DETACH), 1);
	KUNIT_EXPECT_TRUE(test, list_empty(&dmabuf->attachments));
}

static struct dma_buf_attach_object *no_attach_object(bool states)
{
	return NULL;
}

/* In most builds the buffer embeds the first attachment, so only the second allocates. */
static void attach_without_memory_does_nothing(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct device *dev = mock_device(test);
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);
	int calls = mock_calls(exporter, MOCK_ATTACH);

	kunit_activate_static_stub(test, dma_buf_attach_object_new, no_attach_object);
	KUNIT_EXPECT_EQ(test, PTR_ERR(dma_buf_attach(dmabuf, dev)), -ENOMEM);
	kunit_deactivate_static_stub(test, dma_buf_attach_object_new);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_ATTACH), calls);
	KUNIT_EXPECT_TRUE(test, list_is_singular(&dmabuf->attachments));

	mock_detach(test, attach);
	mock_attach(test, dmabuf, NULL);
	KUNIT_EXPECT_TRUE(test, list_is_singular(&dmabuf->attachments));
}

static void detach_calls_the_exporter_unlocked(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);

	mock_detach(test, attach);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_DETACH), 1);
	KUNIT_EXPECT_PTR_EQ(test, exporter->calls[MOCK_DETACH].attach, attach);
	KUNIT_EXPECT_FALSE(test, exporter->calls[MOCK_DETACH].locked);
}

static void detach_from_another_buffer_is_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_buf *other = mock_buffer(test, exporter);
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);

	mock_expect_report(test);
	dma_buf_detach(other, attach);
	dma_buf_detach(NULL, attach);
	dma_buf_detach(dmabuf, NULL);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_ARGUMENT), 3);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 3);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_DETACH), 0);
	KUNIT_EXPECT_FALSE(test, list_empty(&dmabuf->attachments));
}

static void pin_nests(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, &importer);

	dma_resv_lock(dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_buf_pin(attach), 0);
	KUNIT_EXPECT_EQ(test, dma_buf_pin(attach), 0);
	dma_buf_unpin(attach);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_PIN), 2);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNPIN), 1);
	dma_buf_unpin(attach);
	dma_resv_unlock(dmabuf->resv);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNPIN), 2);

	mock_detach(test, attach);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNPIN), 2);
}

static void pin_that_fails_is_no_pin(struct kunit *test)
{
	const int *error = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, &importer);

	mock_fail(exporter, MOCK_PIN, 1, *error);
	dma_resv_lock(dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_buf_pin(attach), *error);
	dma_resv_unlock(dmabuf->resv);

	mock_detach(test, attach);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNPIN), 0);
}

static void pin_does_not_call_a_static_exporter(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, &importer);

	dma_resv_lock(dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_buf_pin(attach), 0);
	dma_buf_unpin(attach);
	dma_resv_unlock(dmabuf->resv);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_PIN), 0);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNPIN), 0);
}

static void pin_by_a_static_importer_is_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);

	mock_expect_report(test);
	dma_resv_lock(dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_buf_pin(attach), 0);
	dma_buf_unpin(attach);
	dma_resv_unlock(dmabuf->resv);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_DYNAMIC), 2);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 2);
}

static void unpin_without_pin_is_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, &importer);

	mock_expect_report(test);
	dma_resv_lock(dmabuf->resv, NULL);
	dma_buf_unpin(attach);
	dma_resv_unlock(dmabuf->resv);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_PIN), 1);
	KUNIT_EXPECT_PTR_EQ(test, ((struct mock_context *)test->priv)->reported, attach);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNPIN), 0);
}

/* The exporter's pin and unpin calls still balance after the importer's extra unpin. */
static void unpin_of_the_cores_own_pin_is_reported(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, NULL);

	mock_expect_report(test);
	dma_resv_lock(dmabuf->resv, NULL);
	dma_buf_unpin(attach);
	dma_resv_unlock(dmabuf->resv);
	mock_detach(test, attach);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_PIN), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_PIN), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNPIN), 1);
}

static void detach_while_pinned_is_reported_and_undone(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, &importer);

	dma_resv_lock(dmabuf->resv, NULL);
	KUNIT_ASSERT_EQ(test, 0, dma_buf_pin(attach));
	KUNIT_ASSERT_EQ(test, 0, dma_buf_pin(attach));
	dma_resv_unlock(dmabuf->resv);

	mock_expect_report(test);
	mock_detach(test, attach);
	KUNIT_EXPECT_EQ(test, mock_reports(test, DMA_BUF_RULE_PIN), 1);
	KUNIT_EXPECT_EQ(test, mock_reports_total(test), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNPIN), 2);
	KUNIT_EXPECT_TRUE(test, exporter->calls[MOCK_UNPIN].locked);
}

static void move_notify_calls_dynamic_importers(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct mock_importer first = {}, second = {}, gone = {};

	mock_attach(test, dmabuf, &first);
	mock_attach(test, dmabuf, NULL);
	mock_attach(test, dmabuf, &second);
	mock_detach(test, mock_attach(test, dmabuf, &gone));

	dma_resv_lock(dmabuf->resv, NULL);
	dma_buf_move_notify(dmabuf);
	dma_resv_unlock(dmabuf->resv);
	KUNIT_EXPECT_EQ(test, atomic_read(&first.moves), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&second.moves), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&gone.moves), 0);
	KUNIT_EXPECT_TRUE(test, first.locked && second.locked);
}

static void move_notify_keeps_mappings(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_dynamic_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach = mock_attach(test, dmabuf, &importer);
	struct sg_table *sgt;

	dma_resv_lock(dmabuf->resv, NULL);
	sgt = dma_buf_map_attachment(attach, DMA_TO_DEVICE);
	dma_buf_move_notify(dmabuf);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNMAP), 0);
	if (!IS_ERR(sgt))
		dma_buf_unmap_attachment(attach, sgt, DMA_TO_DEVICE);
	dma_resv_unlock(dmabuf->resv);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNMAP), 1);
}

static struct kunit_case dma_buf_attach_cases[] = {
	KUNIT_CASE(attach_fills_the_attachment_in),
	KUNIT_CASE(attachments_have_memory_of_their_own),
	KUNIT_CASE(dynamic_attach_keeps_the_importers_data),
	KUNIT_CASE(attach_without_exporter_callback),
	KUNIT_CASE_PARAM(attach_passes_the_exporters_errno, exporter_errno_gen_params),
	KUNIT_CASE(attach_without_buffer_or_device_is_reported),
	KUNIT_CASE(dynamic_attach_without_move_notify_is_reported),
	KUNIT_CASE(peer2peer_when_both_sides_agree),
	KUNIT_CASE(attachments_are_listed_until_detach),
	KUNIT_CASE_PARAM(attach_pins_and_maps_for_an_unequal_pair, pair_gen_params),
	KUNIT_CASE(mapping_made_by_attach_serves_every_direction),
	KUNIT_CASE_PARAM(attach_undoes_all_when_pin_fails, exporter_errno_gen_params),
	KUNIT_CASE_PARAM(attach_undoes_all_when_map_fails, exporter_errno_gen_params),
	KUNIT_CASE(attach_without_memory_does_nothing),
	KUNIT_CASE(detach_calls_the_exporter_unlocked),
	KUNIT_CASE(detach_from_another_buffer_is_reported),
	KUNIT_CASE(pin_nests),
	KUNIT_CASE_PARAM(pin_that_fails_is_no_pin, exporter_errno_gen_params),
	KUNIT_CASE(pin_does_not_call_a_static_exporter),
	KUNIT_CASE(pin_by_a_static_importer_is_reported),
	KUNIT_CASE(unpin_without_pin_is_reported),
	KUNIT_CASE(unpin_of_the_cores_own_pin_is_reported),
	KUNIT_CASE(detach_while_pinned_is_reported_and_undone),
	KUNIT_CASE(move_notify_calls_dynamic_importers),
	KUNIT_CASE(move_notify_keeps_mappings),
	{}
};

static struct kunit_suite dma_buf_attach_suite = {
	.name = "dma_buf_attach",
	.init = mock_init,
	.test_cases = dma_buf_attach_cases,
};

kunit_test_suite(dma_buf_attach_suite);
