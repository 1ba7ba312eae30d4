// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings: the addresses under which an attached device reaches a buffer.
 *
 * Each table that an importer holds has a record (struct dma_buf_mapping): so
 * that a table is given back once, in the direction it was made with, and so
 * that detach can clean up after an importer which forgot. The first record of
 * an attachment is part of it. More are allocated only by importers that map an
 * attachment several times over.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/slab.h>

#include "dma-buf-private.h"

/**
 * DOC: Mapping
 *
 * dma_buf_map_attachment() returns a &struct sg_table with the addresses of the
 * buffer as the attached device sees them. An importer reads these
 * (for_each_sgtable_dma_sg()) and nothing else: behind them there may be no
 * &struct page at all. With ``CONFIG_DMABUF_DEBUG`` the table it gets has none.
 *
 * The direction is what the device does: %DMA_TO_DEVICE if it only reads the
 * buffer, %DMA_FROM_DEVICE if it only writes, else %DMA_BIDIRECTIONAL. The same
 * one is given to map and unmap.
 *
 * A mapping takes care of caches, not of order: before its device starts, an
 * importer waits for the fences of the buffer, or has the hardware wait.
 */

/* Does this importer have to find the storage pinned each time it maps? */
static bool dma_buf_pins_to_map(struct dma_buf *dmabuf)
{
	return !IS_ENABLED(CONFIG_DMABUF_MOVE_NOTIFY) && dma_buf_is_dynamic(dmabuf);
}

/* A function of its own so that a test can let it fail. */
struct dma_buf_mapping *dma_buf_mapping_new(void)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_buf_mapping_new);

	return kzalloc(sizeof(struct dma_buf_mapping), GFP_KERNEL);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_mapping_new);

static struct dma_buf_mapping *
dma_buf_mapping_alloc(struct dma_buf_attach_object *obj)
{
	if (!obj->first.exported)
		return &obj->first;
	return dma_buf_mapping_new();
}

static void dma_buf_mapping_free(struct dma_buf_attach_object *obj,
				 struct dma_buf_mapping *mapping)
{
	mapping->exported = NULL;
	if (mapping != &obj->first)
		kfree(mapping);
}

static struct dma_buf_mapping *
dma_buf_mapping_find(struct dma_buf_attachment *attach, struct sg_table *handed)
{
	struct dma_buf_mapping *mapping;

	dma_buf_assert_held(attach->dmabuf);
	hlist_for_each_entry(mapping, &dma_buf_to_attach_object(attach)->mappings, node)
		if (mapping->handed == handed)
			return mapping;
	return NULL;
}

/*
 * A dynamic importer waits for the exporter's moves itself, if and when its
 * device needs it. On behalf of a static one this is the last occasion.
 */
static int dma_buf_mapping_wait(struct dma_buf_attachment *attach)
{
	struct dma_buf *dmabuf = attach->dmabuf;
	long ret;

	if (dma_buf_attachment_is_dynamic(attach) || !dma_buf_has_fences(dmabuf))
		return 0;
	ret = dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_KERNEL, true,
				    MAX_SCHEDULE_TIMEOUT);
	return ret < 0 ? ret : 0;
}

/* Fill the record in: exporter's table, ready for use, and what to hand out. */
static int dma_buf_mapping_fill(struct dma_buf_attachment *attach,
				struct dma_buf_mapping *mapping,
				enum dma_data_direction dir)
{
	const struct dma_buf_ops *ops = attach->dmabuf->ops;
	struct sg_table *sgt, *handed;
	int ret;

	sgt = ops->map_dma_buf(attach, dir);
	if (IS_ERR_OR_NULL(sgt))
		return sgt ? PTR_ERR(sgt) : -ENOMEM;

	ret = dma_buf_mapping_wait(attach);
	if (ret)
		goto unmap;
	handed = dma_buf_debug_wrap(attach, sgt);
	ret = PTR_ERR_OR_ZERO(handed);
	if (ret)
		goto unmap;

	mapping->exported = sgt;
	mapping->handed = handed;
	mapping->dir = dir;
	return 0;

unmap:
	ops->unmap_dma_buf(attach, sgt, dir);
	return ret;
}

/**
 * dma_buf_mapping_make() - map for an attachment, and record it.
 * @attach: the attachment
 * @dir: what the device does
 *
 * Context: Reservation lock held; may sleep.
 *
 * Return: The table for the importer, or an error pointer.
 */
struct sg_table *dma_buf_mapping_make(struct dma_buf_attachment *attach,
				      enum dma_data_direction dir)
{
	struct dma_buf_attach_object *obj = dma_buf_to_attach_object(attach);
	struct dma_buf_mapping *mapping;
	int ret;

	dma_buf_assert_held(attach->dmabuf);
	mapping = dma_buf_mapping_alloc(obj);
	if (!mapping)
		return ERR_PTR(-ENOMEM);

	ret = dma_buf_mapping_fill(attach, mapping, dir);
	if (ret) {
		dma_buf_mapping_free(obj, mapping);
		return ERR_PTR(ret);
	}
	hlist_add_head(&mapping->node, &obj->mappings);
	return mapping->handed;
}

static void dma_buf_mapping_destroy(struct dma_buf_attachment *attach,
				    struct dma_buf_mapping *mapping)
{
	dma_buf_assert_held(attach->dmabuf);
	hlist_del(&mapping->node);
	dma_buf_debug_unwrap(mapping->handed);
	attach->dmabuf->ops->unmap_dma_buf(attach, mapping->exported, mapping->dir);
	dma_buf_mapping_free(dma_buf_to_attach_object(attach), mapping);
}

/**
 * dma_buf_mapping_destroy_all() - leave nothing mapped before a detach.
 * @attach: the attachment
 *
 * What the core itself keeps mapped is its own business; anything else the
 * importer has forgotten.
 *
 * Context: Reservation lock held; may sleep.
 */
void dma_buf_mapping_destroy_all(struct dma_buf_attachment *attach)
{
	struct dma_buf_attach_object *obj = dma_buf_to_attach_object(attach);
	struct dma_buf_mapping *mapping;
	struct hlist_node *next;
	bool forgotten;

	dma_buf_assert_held(attach->dmabuf);
	hlist_for_each_entry_safe(mapping, next, &obj->mappings, node) {
		forgotten = mapping->handed != attach->sgt;
		if (forgotten)
			dma_buf_report(DMA_BUF_RULE_DETACH, attach->dmabuf, attach);
		dma_buf_mapping_destroy(attach, mapping);
		if (forgotten && dma_buf_pins_to_map(attach->dmabuf))
			dma_buf_attach_unpin(attach);
	}
	attach->sgt = NULL;
}

/**
 * dma_buf_mapping_cache() - keep a mapping until its attachment is detached.
 * @attach: the attachment
 * @sgt: table from dma_buf_mapping_make()
 * @dir: its direction
 *
 * Context: Reservation lock held.
 */
void dma_buf_mapping_cache(struct dma_buf_attachment *attach,
			   struct sg_table *sgt, enum dma_data_direction dir)
{
	dma_buf_assert_held(attach->dmabuf);
	attach->sgt = sgt;
	attach->dir = dir;
}

static struct sg_table *dma_buf_mapping_reuse(struct dma_buf_attachment *attach,
					      enum dma_data_direction dir)
{
	dma_buf_assert_held(attach->dmabuf);
	if (attach->dir != dir && attach->dir != DMA_BIDIRECTIONAL)
		return ERR_PTR(-EBUSY);
	dma_buf_to_attach_object(attach)->cached_users++;
	return attach->sgt;
}

static void dma_buf_mapping_unuse(struct dma_buf_attachment *attach)
{
	struct dma_buf_attach_object *obj = dma_buf_to_attach_object(attach);

	dma_buf_assert_held(attach->dmabuf);
	if (obj->cached_users)
		obj->cached_users--;
	else
		dma_buf_report(DMA_BUF_RULE_UNMAP, attach->dmabuf, attach);
}

static struct sg_table *dma_buf_mapping_make_pinned(struct dma_buf_attachment *attach,
						    enum dma_data_direction dir)
{
	struct sg_table *sgt;
	int ret;

	dma_buf_assert_held(attach->dmabuf);
	ret = dma_buf_attach_pin(attach);
	if (ret)
		return ERR_PTR(ret);
	sgt = dma_buf_mapping_make(attach, dir);
	if (IS_ERR(sgt))
		dma_buf_attach_unpin(attach);
	return sgt;
}

/**
 * dma_buf_map_attachment() - map a buffer for an attached device.
 * @attach: the attachment
 * @dir: what the device does with the buffer
 *
 * For a static importer the storage is ready when this returns. A dynamic one
 * waits for %DMA_RESV_USAGE_KERNEL fences before its device starts.
 *
 * Context: Reservation lock held; may sleep.
 *
 * Return: The table, to be given back by dma_buf_unmap_attachment(), or an error
 * pointer:
 *
 *   * %-EINVAL - no attachment (a driver's mistake, warned about)
 *   * %-EBUSY - there is a mapping that the core keeps, in another direction
 *   * %-ENOMEM - no memory, or the exporter returned nothing
 *   * %-EINTR, %-ERESTARTSYS - interrupted by a signal
 *   * any other errno of the exporter's pin or map callback
 */
struct sg_table *dma_buf_map_attachment(struct dma_buf_attachment *attach,
					enum dma_data_direction dir)
{
	struct sg_table *sgt;

	might_sleep();
	if (!attach || !attach->dmabuf) {
		dma_buf_report(DMA_BUF_RULE_ARGUMENT, NULL, NULL);
		return ERR_PTR(-EINVAL);
	}
	dma_buf_assert_held(attach->dmabuf);

	if (attach->sgt)
		return dma_buf_mapping_reuse(attach, dir);
	if (dma_buf_pins_to_map(attach->dmabuf))
		return dma_buf_mapping_make_pinned(attach, dir);

	sgt = dma_buf_mapping_make(attach, dir);
	if (attach->dmabuf->ops->cache_sgt_mapping && !IS_ERR(sgt)) {
		dma_buf_mapping_cache(attach, sgt, dir);
		return dma_buf_mapping_reuse(attach, dir);
	}
	return sgt;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_map_attachment, DMA_BUF);

/**
 * dma_buf_map_attachment_unlocked() - dma_buf_map_attachment() that takes the
 * reservation lock.
 * @attach: the attachment
 * @dir: what the device does with the buffer
 *
 * Context: Reservation lock not held; may sleep.
 *
 * Return: As dma_buf_map_attachment(), or %-EDEADLK if the caller holds the lock
 * (a driver's mistake, with lockdep warned about).
 */
struct sg_table *
dma_buf_map_attachment_unlocked(struct dma_buf_attachment *attach,
				enum dma_data_direction dir)
{
	struct sg_table *sgt;

	might_sleep();
	if (!attach || !attach->dmabuf) {
		dma_buf_report(DMA_BUF_RULE_ARGUMENT, NULL, NULL);
		return ERR_PTR(-EINVAL);
	}
	if (dma_buf_wrongly_held(attach->dmabuf))
		return ERR_PTR(-EDEADLK);

	dma_resv_lock(attach->dmabuf->resv, NULL);
	sgt = dma_buf_map_attachment(attach, dir);
	dma_resv_unlock(attach->dmabuf->resv);
	return sgt;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_map_attachment_unlocked, DMA_BUF);

/**
 * dma_buf_unmap_attachment() - give a mapping back.
 * @attach: the attachment
 * @sgt: table from dma_buf_map_attachment()
 * @dir: the direction it was mapped in
 *
 * The device has finished with these addresses. A mapping that the core keeps
 * stays, for the next time.
 *
 * Context: Reservation lock held; may sleep.
 */
void dma_buf_unmap_attachment(struct dma_buf_attachment *attach,
			      struct sg_table *sgt,
			      enum dma_data_direction dir)
{
	struct dma_buf_mapping *mapping;

	might_sleep();
	if (!attach || !attach->dmabuf || !sgt) {
		dma_buf_report(DMA_BUF_RULE_ARGUMENT, NULL, NULL);
		return;
	}
	dma_buf_assert_held(attach->dmabuf);

	if (attach->sgt == sgt) {
		dma_buf_mapping_unuse(attach);
		return;
	}

	mapping = dma_buf_mapping_find(attach, sgt);
	if (!mapping) {
		dma_buf_report(DMA_BUF_RULE_UNMAP, attach->dmabuf, attach);
		return;
	}
	dma_buf_debug_unmap(attach, mapping, dir);
	dma_buf_mapping_destroy(attach, mapping);
	if (dma_buf_pins_to_map(attach->dmabuf))
		dma_buf_attach_unpin(attach);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_unmap_attachment, DMA_BUF);

/**
 * dma_buf_unmap_attachment_unlocked() - dma_buf_unmap_attachment() that takes the
 * reservation lock.
 * @attach: the attachment
 * @sgt: table from dma_buf_map_attachment_unlocked()
 * @dir: the direction it was mapped in
 *
 * Context: Reservation lock not held; may sleep.
 */
void dma_buf_unmap_attachment_unlocked(struct dma_buf_attachment *attach,
				       struct sg_table *sgt,
				       enum dma_data_direction dir)
{
	might_sleep();
	if (!attach || !attach->dmabuf || !sgt) {
		dma_buf_report(DMA_BUF_RULE_ARGUMENT, NULL, NULL);
		return;
	}
	if (dma_buf_wrongly_held(attach->dmabuf))
		return;

	dma_resv_lock(attach->dmabuf->resv, NULL);
	dma_buf_unmap_attachment(attach, sgt, dir);
	dma_resv_unlock(attach->dmabuf->resv);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_unmap_attachment_unlocked, DMA_BUF);
