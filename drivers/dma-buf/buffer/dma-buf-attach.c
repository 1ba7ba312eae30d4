// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attachments: registration of devices with a buffer.
 *
 * If only one of exporter and importer is dynamic, the core makes one bidirectional mapping for
 * the life of the attachment. If the exporter is the dynamic one, the core also pins the storage,
 * because the importer cannot follow a move.
 *
 *                      static exporter      dynamic exporter
 *   static importer    mapped on demand     pinned and mapped at attach
 *   dynamic importer   mapped at attach     mapped on demand
 *
 * The reservation lock guards the list of attachments, and the mappings and pins of each. The
 * exporter's attach runs before the attachment is added to the list, its detach after it was
 * removed, both without the lock. Its negotiate runs under the lock that adds the attachment.
 *
 * dma_buf_detach() frees the attachment. It reports mappings and pins that are left, and
 * undoes them. The importer, not the attachment, holds a reference to the buffer.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/bitops.h>
#include <linux/device.h>
#include <linux/export.h>
#include <linux/slab.h>
#include <trace/events/dma_buf.h>

#include "dma-buf-private.h"

/**
 * DOC: Attachments
 *
 * An importer attaches its device to a buffer before it maps the buffer. The exporter can
 * refuse a device that cannot address the storage, or replace the storage (see Negotiation). It
 * can also allocate the storage at the first mapping, when it knows the devices attached so far.
 *
 * A *dynamic* importer passes &struct dma_buf_attach_ops to dma_buf_dynamic_attach(), and is
 * told of a move of the storage before it happens. All other importers are *static*: the
 * storage that is mapped for them does not move until they unmap or detach.
 */

/* A separate function, so that tests can make it fail. */
struct dma_buf_attach_object *dma_buf_attach_object_new(bool states)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_buf_attach_object_new, states);

	if (states)
		return kmalloc(sizeof(struct dma_buf_stating_attach), GFP_KERNEL_ACCOUNT);
	return kmalloc(sizeof(struct dma_buf_attach_object), GFP_KERNEL_ACCOUNT);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_attach_object_new);

/* With CONFIG_DMABUF_DEBUG all are allocated, so that KASAN reports a use after the detach. */
static struct dma_buf_attach_object *dma_buf_attach_object_alloc(struct dma_buf *dmabuf)
{
	struct dma_buf_object *obj = dma_buf_to_object(dmabuf);

	if (!IS_ENABLED(CONFIG_DMABUF_DEBUG) &&
	    !test_and_set_bit_lock(0, &obj->first_attach_used))
		return &obj->first_attach;
	return dma_buf_attach_object_new(false);
}

static struct dma_buf_attach_object *
dma_buf_stating_attach_alloc(const struct dma_buf_needs *needs)
{
	struct dma_buf_attach_object *obj = dma_buf_attach_object_new(true);

	if (obj)
		container_of(obj, struct dma_buf_stating_attach, obj)->needs = *needs;
	return obj;
}

static void dma_buf_attach_object_free(struct dma_buf *dmabuf,
				       struct dma_buf_attach_object *attach)
{
	struct dma_buf_object *obj = dma_buf_to_object(dmabuf);

	if (attach == &obj->first_attach)
		clear_bit_unlock(0, &obj->first_attach_used);
	else
		kfree(attach);
}

/* Sets single members: clearing the whole object costs more than the rest of an attach. */
static void dma_buf_attach_object_init(struct dma_buf_attach_object *obj, struct device *dev,
				       bool states)
{
	obj->attach.dev = dev;
	obj->attach.sgt = NULL;
	obj->attach.dir = DMA_NONE;
	obj->attach.priv = NULL;
	INIT_HLIST_HEAD(&obj->mappings);
	obj->first.exported = NULL;
	obj->pins = 0;
	obj->cached_users = 0;
	obj->driverless = false;
	obj->states = states;
}

/* Make the mapping that the core caches if one side is static and the other dynamic. */
static int dma_buf_attach_map(struct dma_buf_attachment *attach)
{
	bool exporter_dynamic = dma_buf_is_dynamic(attach->dmabuf);
	struct sg_table *sgt;
	int ret;

	dma_buf_assert_held(attach->dmabuf);
	if (dma_buf_attachment_is_dynamic(attach) == exporter_dynamic)
		return 0;

	ret = exporter_dynamic ? dma_buf_attach_pin(attach) : 0;
	if (ret)
		return ret;

	sgt = dma_buf_mapping_make(attach, DMA_BIDIRECTIONAL);
	if (!IS_ERR(sgt)) {
		dma_buf_mapping_cache(attach, sgt, DMA_BIDIRECTIONAL);
		return 0;
	}
	if (exporter_dynamic)
		dma_buf_attach_unpin(attach);
	return PTR_ERR(sgt);
}

static int dma_buf_attach_link(struct dma_buf_attachment *attach)
{
	struct dma_buf *dmabuf = attach->dmabuf;
	int ret;

	dma_resv_lock(dmabuf->resv, NULL);
	ret = dmabuf->ops->negotiate ? dma_buf_negotiate(attach) : 0;
	if (ret)
		goto unlock;
	list_add(&attach->node, &dmabuf->attachments);
	ret = dma_buf_attach_map(attach);
	if (ret)
		list_del(&attach->node);
	else if (trace_dma_buf_dynamic_attach_enabled())
		trace_dma_buf_dynamic_attach(dmabuf, attach, dma_buf_attachment_is_dynamic(attach),
					     attach->dev);
unlock:
	dma_resv_unlock(dmabuf->resv);
	return ret;
}

/**
 * dma_buf_attach_with_needs() - attach a device to a buffer and state what its driver needs
 * @dmabuf: the buffer; the caller keeps its reference until it has detached
 * @dev: device that is going to use the buffer
 * @importer_ops: callbacks of a dynamic importer, NULL for a static one; used until the detach
 * @importer_priv: the importer's own data, for &dma_buf_attachment.importer_priv
 * @needs: what the importer needs of the memory and the device does not say, NULL for nothing;
 *	&dma_buf_needs.reach must be 0. An exporter that does not negotiate ignores it
 *
 * Calls the exporter's attach and negotiate. If only one of exporter and importer is dynamic, it
 * also maps the buffer; see Documentation/driver-api/dma-buf/mapping.rst.
 *
 * Context: Reservation lock not held; may sleep.
 * Return: The attachment, which dma_buf_detach() frees, or an error pointer:
 *
 *   * %-EINVAL - @dmabuf or @dev is NULL, @importer_ops has no move_notify, or the exporter's table
 *     has entries but no DMA segments (with CONFIG_DMABUF_DEBUG); a driver's mistake, warned about.
 *     Or @needs has a reach or a granule that is no power of two
 *   * %-EDEADLK - the caller holds the reservation lock (warned about; needs lockdep)
 *   * %-EBUSY - the memory does not meet the stated needs and cannot be replaced now: others use
 *     it, the driver of an attached device is being bound, unbound, suspended or resumed, or there
 *     is no such memory; or an exporter that does not negotiate has allocated it where @dev cannot
 *     address it
 *   * %-EOPNOTSUPP - the memory of this buffer cannot meet the stated needs
 *   * %-ENOMEM - lack of memory, or the exporter's map returned NULL
 *   * %-ERESTARTSYS, %-EINTR - a signal interrupted a wait
 *   * any other errno of the exporter's attach, negotiate, pin or map
 */
struct dma_buf_attachment *
dma_buf_attach_with_needs(struct dma_buf *dmabuf, struct device *dev,
			  const struct dma_buf_attach_ops *importer_ops, void *importer_priv,
			  const struct dma_buf_needs *needs)
{
	struct dma_buf_attach_object *obj;
	struct dma_buf_attachment *attach;
	bool states;
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

	states = needs && dmabuf->ops->negotiate;
	obj = states ? dma_buf_stating_attach_alloc(needs) : dma_buf_attach_object_alloc(dmabuf);
	if (!obj)
		return ERR_PTR(-ENOMEM);

	dma_buf_attach_object_init(obj, dev, states);
	attach = &obj->attach;
	attach->dmabuf = dmabuf;
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
EXPORT_SYMBOL_NS_GPL(dma_buf_attach_with_needs, DMA_BUF);

/**
 * dma_buf_dynamic_attach() - attach a device to a buffer
 * @dmabuf: the buffer; the caller keeps its reference until it has detached
 * @dev: device that is going to use the buffer
 * @importer_ops: callbacks of a dynamic importer, NULL for a static one; used until the detach
 * @importer_priv: the importer's own data, for &dma_buf_attachment.importer_priv
 *
 * Context: Reservation lock not held; may sleep.
 * Return: As dma_buf_attach_with_needs(), which this calls without needs.
 */
struct dma_buf_attachment *
dma_buf_dynamic_attach(struct dma_buf *dmabuf, struct device *dev,
		       const struct dma_buf_attach_ops *importer_ops,
		       void *importer_priv)
{
	return dma_buf_attach_with_needs(dmabuf, dev, importer_ops, importer_priv, NULL);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_dynamic_attach, DMA_BUF);

/**
 * dma_buf_attach() - attach a device to a buffer for a static importer
 * @dmabuf: the buffer; the caller keeps its reference until it has detached
 * @dev: device that is going to use the buffer
 *
 * Context: Reservation lock not held; may sleep.
 * Return: As dma_buf_attach_with_needs(), which this calls without callbacks and needs.
 */
struct dma_buf_attachment *dma_buf_attach(struct dma_buf *dmabuf,
					  struct device *dev)
{
	return dma_buf_attach_with_needs(dmabuf, dev, NULL, NULL, NULL);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_attach, DMA_BUF);

/* Reports the mappings and pins that the importer has left, and undoes them. */
static void dma_buf_attach_unlink(struct dma_buf_attachment *attach)
{
	struct dma_buf_attach_object *obj = dma_buf_to_attach_object(attach);
	struct dma_buf *dmabuf = attach->dmabuf;
	bool pinned;

	dma_resv_lock(dmabuf->resv, NULL);
	pinned = attach->sgt && dma_buf_is_dynamic(dmabuf);
	dma_buf_debug_check_detach(attach);
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
 * dma_buf_detach() - detach a device from a buffer
 * @dmabuf: the buffer
 * @attach: its attachment; freed
 *
 * Warns about mappings and pins that are left, and undoes them. Warns and does nothing else if
 * an argument is NULL, @attach belongs to another buffer, or, with lockdep, the caller holds
 * the reservation lock.
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
	if (trace_dma_buf_detach_enabled())
		trace_dma_buf_detach(dmabuf, attach, dma_buf_attachment_is_dynamic(attach),
				     attach->dev);
	dma_buf_attach_object_free(dmabuf, dma_buf_to_attach_object(attach));
}
EXPORT_SYMBOL_NS_GPL(dma_buf_detach, DMA_BUF);

/**
 * dma_buf_move_notify() - call move_notify of all dynamic importers
 * @dmabuf: the buffer
 *
 * The exporter calls this before it moves the storage. Importers keep their mappings of the
 * old storage for jobs that still run, and add fences for them. So the exporter frees the old
 * storage after all fences have signalled that are in the reservation object on return.
 *
 * Context: Reservation lock held; may sleep if the importers' callbacks may.
 */
void dma_buf_move_notify(struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;

	dma_buf_assert_held(dmabuf);
	dma_buf_debug_check_negotiate(dmabuf, NULL);
	list_for_each_entry(attach, &dmabuf->attachments, node)
		if (dma_buf_attachment_is_dynamic(attach))
			attach->importer_ops->move_notify(attach);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_move_notify, DMA_BUF);
