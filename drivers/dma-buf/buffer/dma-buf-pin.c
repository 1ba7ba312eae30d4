// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pins: prevent a dynamic exporter from moving its storage.
 *
 * A dynamic importer calls dma_buf_pin(). The core calls dma_buf_attach_pin() for an importer
 * that cannot follow a move, and without CONFIG_DMABUF_MOVE_NOTIFY for each mapping of a dynamic
 * exporter. These pins have one count, &dma_buf_attach_object.pins, which the
 * reservation lock guards. dma_buf_detach() reports and undoes the pins that are left.
 */

#include <linux/export.h>

#include "dma-buf-private.h"

/**
 * dma_buf_attach_pin() - pin the storage for an attachment and count the pin
 * @attach: attachment to a dynamic exporter
 *
 * Context: Reservation lock held; may sleep.
 * Return: 0, or the errno of the exporter's pin; then nothing is counted.
 */
int dma_buf_attach_pin(struct dma_buf_attachment *attach)
{
	int ret;

	dma_buf_assert_held(attach->dmabuf);
	ret = attach->dmabuf->ops->pin(attach);
	if (!ret)
		dma_buf_to_attach_object(attach)->pins++;
	return ret;
}

/**
 * dma_buf_attach_unpin() - undo one dma_buf_attach_pin()
 * @attach: attachment to a dynamic exporter
 *
 * Reports an unpin without a pin and does not pass it to the exporter. If an importer unpins
 * too often while the core has a pin, the report comes from the core's own unpin.
 *
 * Context: Reservation lock held; may sleep.
 */
void dma_buf_attach_unpin(struct dma_buf_attachment *attach)
{
	struct dma_buf_attach_object *obj = dma_buf_to_attach_object(attach);

	dma_buf_assert_held(attach->dmabuf);
	if (!obj->pins) {
		dma_buf_report(DMA_BUF_RULE_PIN, attach->dmabuf, attach);
		return;
	}
	obj->pins--;
	attach->dmabuf->ops->unpin(attach);
}

/**
 * dma_buf_pin() - prevent the exporter from moving the storage
 * @attach: attachment of a dynamic importer; a static one is warned about
 *
 * For jobs of unlimited time that cannot follow a move, like scan-out. A driver must not let
 * userspace pin any number of buffers. Does nothing if the exporter is static.
 *
 * Context: Reservation lock held; may sleep.
 * Return: 0, or the errno of the exporter's pin.
 */
int dma_buf_pin(struct dma_buf_attachment *attach)
{
	struct dma_buf *dmabuf = attach->dmabuf;

	dma_buf_assert_held(dmabuf);
	if (!dma_buf_attachment_is_dynamic(attach))
		dma_buf_report(DMA_BUF_RULE_DYNAMIC, dmabuf, attach);
	return dma_buf_is_dynamic(dmabuf) ? dma_buf_attach_pin(attach) : 0;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pin, DMA_BUF);

/**
 * dma_buf_unpin() - undo one dma_buf_pin()
 * @attach: attachment that was pinned
 *
 * Warns about an unpin without a pin. Does nothing if the exporter is static.
 *
 * Context: Reservation lock held; may sleep.
 */
void dma_buf_unpin(struct dma_buf_attachment *attach)
{
	struct dma_buf *dmabuf = attach->dmabuf;

	dma_buf_assert_held(dmabuf);
	if (!dma_buf_attachment_is_dynamic(attach))
		dma_buf_report(DMA_BUF_RULE_DYNAMIC, dmabuf, attach);
	if (dma_buf_is_dynamic(dmabuf))
		dma_buf_attach_unpin(attach);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_unpin, DMA_BUF);
