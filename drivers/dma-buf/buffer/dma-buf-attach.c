// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attachments: which devices use a buffer, and what keeps its storage in place
 * for them.
 *
 * Static or dynamic is said of both sides. An exporter is dynamic if it may move
 * the storage, an importer if it can follow. Where one side is static and the
 * other dynamic, the core makes one mapping for the whole life of the attachment
 * and hands it out: the storage of a dynamic exporter is pinned for an importer
 * that cannot follow.
 *
 *                      static exporter      dynamic exporter
 *   static importer    mapped on demand     pinned and mapped at attach
 *   dynamic importer   mapped at attach     mapped on demand
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/bitops.h>
#include <linux/device.h>
#include <linux/export.h>
#include <linux/slab.h>

#include "dma-buf-private.h"

/**
 * DOC: Attachments
 *
 * An attachment says that a device is going to use a buffer. It comes before the
 * first mapping, so that an exporter can refuse a device that does not reach the
 * storage, or wait with the choice of storage until all devices are known.
 *
 * A *dynamic* importer passes &struct dma_buf_attach_ops and holds the
 * reservation lock around its mappings; its move_notify is called when the
 * storage moves. All other importers are *static*: what is mapped for them stays
 * put until it is unmapped.
 */

static struct kmem_cache *dma_buf_attach_cache __ro_after_init;

/**
 * dma_buf_attach_init() - prepare for the first attachment.
 *
 * Context: Boot.
 *
 * Return: 0 or -ENOMEM.
 */
int __init dma_buf_attach_init(void)
{
	dma_buf_attach_cache = KMEM_CACHE(dma_buf_attach_object, SLAB_ACCOUNT);
	return dma_buf_attach_cache ? 0 : -ENOMEM;
}

/* A function of its own so that a test can let it fail. */
struct dma_buf_attach_object *dma_buf_attach_object_new(void)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_buf_attach_object_new);

	return kmem_cache_alloc(dma_buf_attach_cache, GFP_KERNEL);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_attach_object_new);

/*
 * The one in the buffer, if it is free. In debug builds each has memory of its
 * own, so that KASAN sees who uses an attachment after its detach.
 */
static struct dma_buf_attach_object *dma_buf_attach_object_alloc(struct dma_buf *dmabuf)
{
	struct dma_buf_object *obj = dma_buf_to_object(dmabuf);

	if (!IS_ENABLED(CONFIG_DMABUF_DEBUG) &&
	    !test_and_set_bit_lock(0, &obj->attached))
		return &obj->attach;
	return dma_buf_attach_object_new();
}

static void dma_buf_attach_object_free(struct dma_buf *dmabuf,
				       struct dma_buf_attach_object *attach)
{
	struct dma_buf_object *obj = dma_buf_to_object(dmabuf);

	if (attach == &obj->attach)
		clear_bit_unlock(0, &obj->attached);
	else
		kmem_cache_free(dma_buf_attach_cache, attach);
}

/* Field by field: clearing it all costs more than the rest of an attach. */
static void dma_buf_attach_object_init(struct dma_buf_attach_object *obj)
{
	obj->attach.sgt = NULL;
	obj->attach.dir = DMA_NONE;
	obj->attach.priv = NULL;
	INIT_HLIST_HEAD(&obj->mappings);
	obj->first.exported = NULL;
	obj->pins = 0;
	obj->cached_users = 0;
}

/**
 * dma_buf_attach_pin() - pin on behalf of an attachment, and count it.
 * @attach: attachment to a dynamic exporter
 *
 * Context: Reservation lock held; may sleep.
 *
 * Return: 0 or the exporter's errno.
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
 * dma_buf_attach_unpin() - undo one dma_buf_attach_pin().
 * @attach: attachment to a dynamic exporter
 *
 * The core's own pins are counted with the importer's. One that unpins too often
 * takes the core's, and the core finds out here.
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

/* The one mapping of an unequal pair; see the table above. */
static int dma_buf_attach_map(struct dma_buf_attachment *attach)
{
	bool pin = dma_buf_is_dynamic(attach->dmabuf);
	struct sg_table *sgt;
	int ret;

	dma_buf_assert_held(attach->dmabuf);
	if (dma_buf_attachment_is_dynamic(attach) == pin)
		return 0;

	ret = pin ? dma_buf_attach_pin(attach) : 0;
	if (ret)
		return ret;

	sgt = dma_buf_mapping_make(attach, DMA_BIDIRECTIONAL);
	if (!IS_ERR(sgt)) {
		dma_buf_mapping_cache(attach, sgt, DMA_BIDIRECTIONAL);
		return 0;
	}
	if (pin)
		dma_buf_attach_unpin(attach);
	return PTR_ERR(sgt);
}

static int dma_buf_attach_link(struct dma_buf_attachment *attach)
{
	struct dma_buf *dmabuf = attach->dmabuf;
	int ret;

	dma_resv_lock(dmabuf->resv, NULL);
	list_add(&attach->node, &dmabuf->attachments);
	ret = dma_buf_attach_map(attach);
	if (ret)
		list_del(&attach->node);
	dma_resv_unlock(dmabuf->resv);
	return ret;
}

/**
 * dma_buf_dynamic_attach() - announce a device that is going to use a buffer.
 * @dmabuf: the buffer; the caller keeps its reference until it has detached
 * @dev: the device
 * @importer_ops: callbacks of an importer that follows moves, or NULL
 * @importer_priv: the importer's own data, for &dma_buf_attachment.importer_priv
 *
 * Context: Reservation lock not held; may sleep.
 *
 * Return: The attachment, to be undone by dma_buf_detach(), or an error pointer:
 *
 *   * %-EINVAL - no buffer, no device, or callbacks without move_notify (a
 *     driver's mistake, warned about)
 *   * %-EDEADLK - the caller holds the reservation lock (a driver's mistake, with
 *     lockdep warned about)
 *   * %-EBUSY - the storage exists already, out of the device's reach
 *   * %-ENOMEM - no memory
 *   * %-ERESTARTSYS, %-EINTR - interrupted while pinning or mapping for the
 *     importer
 *   * any other errno of the exporter's attach, pin or map callback
 */
struct dma_buf_attachment *
dma_buf_dynamic_attach(struct dma_buf *dmabuf, struct device *dev,
		       const struct dma_buf_attach_ops *importer_ops,
		       void *importer_priv)
{
	struct dma_buf_attach_object *obj;
	struct dma_buf_attachment *attach;
	int ret;

	might_sleep();
	if (!dmabuf || !dev) {
		dma_buf_report(DMA_BUF_RULE_ARGUMENT, dmabuf, NULL);
		return ERR_PTR(-EINVAL);
	}
	if (importer_ops && !importer_ops->move_notify) {
		dma_buf_report_driver(DMA_BUF_RULE_IMPORTER,
				      dma_buf_to_object(dmabuf)->exp_name, dev_name(dev));
		return ERR_PTR(-EINVAL);
	}
	if (dma_buf_wrongly_held(dmabuf))
		return ERR_PTR(-EDEADLK);

	obj = dma_buf_attach_object_alloc(dmabuf);
	if (!obj)
		return ERR_PTR(-ENOMEM);

	dma_buf_attach_object_init(obj);
	attach = &obj->attach;
	attach->dmabuf = dmabuf;
	attach->dev = dev;
	attach->peer2peer = importer_ops && importer_ops->allow_peer2peer;
	attach->importer_ops = importer_ops;
	attach->importer_priv = importer_priv;

	ret = dmabuf->ops->attach ? dmabuf->ops->attach(dmabuf, attach) : 0;
	if (ret)
		goto free_attach;
	ret = dma_buf_attach_link(attach);
	if (ret)
		goto exporter_detach;
	return attach;

exporter_detach:
	if (dmabuf->ops->detach)
		dmabuf->ops->detach(dmabuf, attach);
free_attach:
	dma_buf_attach_object_free(dmabuf, obj);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_dynamic_attach, DMA_BUF);

/**
 * dma_buf_attach() - dma_buf_dynamic_attach() for an importer that cannot follow
 * a move.
 * @dmabuf: the buffer; the caller keeps its reference until it has detached
 * @dev: the device
 *
 * Context: Reservation lock not held; may sleep.
 *
 * Return: The attachment, or an error pointer as from dma_buf_dynamic_attach().
 */
struct dma_buf_attachment *dma_buf_attach(struct dma_buf *dmabuf,
					  struct device *dev)
{
	return dma_buf_dynamic_attach(dmabuf, dev, NULL, NULL);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_attach, DMA_BUF);

/* Give the exporter back what the importer should have. */
static void dma_buf_attach_unlink(struct dma_buf_attachment *attach)
{
	struct dma_buf_attach_object *obj = dma_buf_to_attach_object(attach);
	struct dma_buf *dmabuf = attach->dmabuf;
	bool pinned;

	dma_resv_lock(dmabuf->resv, NULL);
	pinned = attach->sgt && dma_buf_is_dynamic(dmabuf);
	dma_buf_debug_cached(attach);
	dma_buf_mapping_destroy_all(attach);
	if (pinned)
		dma_buf_attach_unpin(attach);
	if (obj->pins)
		dma_buf_report(DMA_BUF_RULE_PIN, dmabuf, attach);
	while (obj->pins)
		dma_buf_attach_unpin(attach);
	list_del(&attach->node);
	dma_resv_unlock(dmabuf->resv);
}

/**
 * dma_buf_detach() - the device does not use the buffer any more.
 * @dmabuf: the buffer
 * @attach: its attachment; gone after the call
 *
 * All mappings and pins have been undone. If some have not, that is warned about
 * and they are undone now.
 *
 * Context: Reservation lock not held; may sleep.
 */
void dma_buf_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	might_sleep();
	if (!dmabuf || !attach || attach->dmabuf != dmabuf) {
		dma_buf_report(DMA_BUF_RULE_ARGUMENT, dmabuf, attach);
		return;
	}
	if (dma_buf_wrongly_held(dmabuf))
		return;

	dma_buf_attach_unlink(attach);
	if (dmabuf->ops->detach)
		dmabuf->ops->detach(dmabuf, attach);
	dma_buf_attach_object_free(dmabuf, dma_buf_to_attach_object(attach));
}
EXPORT_SYMBOL_NS_GPL(dma_buf_detach, DMA_BUF);

/**
 * dma_buf_pin() - keep the storage where it is.
 * @attach: attachment of a dynamic importer
 *
 * For uses that cannot follow a move and last, like scan-out; what userspace can
 * ask for in any number is not one. Pins nest. Nothing happens with a static
 * exporter.
 *
 * Context: Reservation lock held; may sleep.
 *
 * Return: 0, or the errno of the exporter's pin callback.
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
 * dma_buf_unpin() - undo one dma_buf_pin().
 * @attach: the attachment that was pinned
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

/**
 * dma_buf_move_notify() - tell all dynamic importers that the storage moves.
 * @dmabuf: the buffer
 *
 * For exporters, before the move. Old mappings stay until their importers unmap
 * them, so the old storage must outlast the fences that are in the reservation
 * object after this call.
 *
 * Context: Reservation lock held; may sleep if the importers may.
 */
void dma_buf_move_notify(struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;

	dma_buf_assert_held(dmabuf);
	list_for_each_entry(attach, &dmabuf->attachments, node)
		if (dma_buf_attachment_is_dynamic(attach))
			attach->importer_ops->move_notify(attach);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_move_notify, DMA_BUF);
