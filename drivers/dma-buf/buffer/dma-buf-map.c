// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings: the addresses at which an attached device reaches a buffer.
 *
 * A record (struct dma_buf_mapping) exists for each table that is mapped for an attachment.
 * An unmap looks the table up in the records, so a table is unmapped once and in the direction
 * it was mapped in. The detach unmaps the records that are left.
 *
 * The core caches a mapping until the detach (&dma_buf_attachment.sgt) if only one of exporter
 * and importer is dynamic, or if the exporter has cache_sgt_mapping. Map calls then return the
 * cached mapping and count a use, unmap calls drop the use.
 *
 * The reservation lock guards records, uses and the cached mapping. The first record is a member
 * of the attachment, others are allocated by the map and freed by the unmap. The exporter owns
 * its table. With CONFIG_DMABUF_DEBUG the record owns the copy that the importer gets.
 */

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/slab.h>

#include "dma-buf-private.h"

/**
 * DOC: Mapping
 *
 * dma_buf_map_attachment() returns a &struct sg_table with the DMA addresses of the buffer for
 * the attached device. An importer reads the DMA addresses and DMA lengths
 * (for_each_sgtable_dma_sg()) and nothing else: there may be no &struct page for the memory.
 * With ``CONFIG_DMABUF_DEBUG`` the importer gets a table without pages.
 *
 * The direction tells what the device does: %DMA_TO_DEVICE if it only reads the buffer,
 * %DMA_FROM_DEVICE if it only writes, %DMA_BIDIRECTIONAL if it does both. Map and unmap get
 * the same direction.
 *
 * Mapping makes the caches coherent. It does not wait for the jobs of other devices: an importer
 * waits for the fences of the buffer before its device starts, or lets the device wait.
 */

/* Without CONFIG_DMABUF_MOVE_NOTIFY, mappings pin also for importers that can follow a move. */
static bool dma_buf_pins_to_map(struct dma_buf *dmabuf)
{
	return !IS_ENABLED(CONFIG_DMABUF_MOVE_NOTIFY) && dma_buf_is_dynamic(dmabuf);
}

/* A separate function, so that tests can make it fail. */
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

/* An exporter may return one table for several map calls, which differ by direction at most. */
static struct dma_buf_mapping *
dma_buf_mapping_find(struct dma_buf_attachment *attach, struct sg_table *handed,
		     enum dma_data_direction dir)
{
	struct dma_buf_mapping *mapping, *found = NULL;

	dma_buf_assert_held(attach->dmabuf);
	hlist_for_each_entry(mapping, &dma_buf_to_attach_object(attach)->mappings, node) {
		if (mapping->handed != handed)
			continue;
		if (mapping->dir == dir)
			return mapping;
		found = mapping;
	}
	return found;
}

/* Wait for the exporter's moves for a static importer. A dynamic one waits itself. */
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

static int dma_buf_mapping_fill(struct dma_buf_attachment *attach,
				struct dma_buf_mapping *mapping,
				enum dma_data_direction dir)
{
	const struct dma_buf_ops *ops = attach->dmabuf->ops;
	struct sg_table *sgt, *handed;
	int ret;

	dma_buf_assert_held(attach->dmabuf);
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
 * dma_buf_mapping_make() - map a buffer and record the mapping
 * @attach: the attachment
 * @dir: direction of the mapping
 *
 * Context: Reservation lock held; may sleep.
 * Return: The table for the importer, or an error pointer as dma_buf_map_attachment().
 */
struct sg_table *dma_buf_mapping_make(struct dma_buf_attachment *attach,
				      enum dma_data_direction dir)
{
	struct dma_buf_attach_object *obj = dma_buf_to_attach_object(attach);
	struct dma_buf_mapping *mapping;
	int ret;

	dma_buf_assert_held(attach->dmabuf);
	dma_buf_debug_check_negotiate(attach->dmabuf, attach);
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
 * dma_buf_mapping_destroy_all() - unmap all that is mapped for an attachment
 * @attach: attachment that is being detached
 *
 * Reports each mapping that the importer left, and drops the pin that was taken for it. The
 * cached mapping is not reported.
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
 * dma_buf_mapping_cache() - keep a mapping until the attachment is detached
 * @attach: attachment without a cached mapping
 * @sgt: table from dma_buf_mapping_make()
 * @dir: direction that @sgt was mapped in
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

static struct sg_table *dma_buf_mapping_get_cached(struct dma_buf_attachment *attach,
						   enum dma_data_direction dir)
{
	dma_buf_assert_held(attach->dmabuf);
	if (attach->dir != dir && attach->dir != DMA_BIDIRECTIONAL)
		return ERR_PTR(-EBUSY);
	dma_buf_to_attach_object(attach)->cached_users++;
	return attach->sgt;
}

static void dma_buf_mapping_put_cached(struct dma_buf_attachment *attach)
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
 * dma_buf_map_attachment() - map a buffer for an attached device
 * @attach: the attachment
 * @dir: what the device does with the buffer
 *
 * For a static importer the core waits for the fences with %DMA_RESV_USAGE_KERNEL when it
 * makes a mapping. A dynamic importer waits for them itself before its device starts.
 *
 * Context: Reservation lock held; may sleep.
 * Return: The table, which the caller passes to dma_buf_unmap_attachment(), or an error pointer:
 *
 *   * %-EINVAL - @attach is NULL, or the exporter's table has entries but no DMA segments (with
 *     CONFIG_DMABUF_DEBUG); a driver's mistake, warned about
 *   * %-EBUSY - the core caches a mapping in another direction that is not %DMA_BIDIRECTIONAL
 *   * %-ENOMEM - lack of memory, or the exporter's map returned NULL
 *   * %-ERESTARTSYS, %-EINTR - a signal interrupted a wait
 *   * any other errno of the exporter's pin or map
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
		return dma_buf_mapping_get_cached(attach, dir);
	if (dma_buf_pins_to_map(attach->dmabuf))
		return dma_buf_mapping_make_pinned(attach, dir);

	sgt = dma_buf_mapping_make(attach, dir);
	if (attach->dmabuf->ops->cache_sgt_mapping && !IS_ERR(sgt)) {
		dma_buf_mapping_cache(attach, sgt, dir);
		return dma_buf_mapping_get_cached(attach, dir);
	}
	return sgt;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_map_attachment, DMA_BUF);

/**
 * dma_buf_map_attachment_unlocked() - take the reservation lock and map a buffer
 * @attach: the attachment
 * @dir: what the device does with the buffer
 *
 * Context: Reservation lock not held; may sleep.
 * Return: As dma_buf_map_attachment(); %-EDEADLK if the caller holds the reservation lock
 * (warned about; needs lockdep).
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
 * dma_buf_unmap_attachment() - unmap a buffer
 * @attach: the attachment
 * @sgt: table from dma_buf_map_attachment()
 * @dir: direction that @sgt was mapped in
 *
 * The device no longer uses the addresses: this does not wait for fences. A mapping that the core
 * keeps stays until the detach. Warns about a NULL argument or a table that is not mapped, and
 * does nothing. The exporter gets the direction of the map call; with CONFIG_DMABUF_DEBUG another
 * @dir is warned about.
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
		dma_buf_mapping_put_cached(attach);
		return;
	}

	mapping = dma_buf_mapping_find(attach, sgt, dir);
	if (!mapping) {
		dma_buf_report(DMA_BUF_RULE_UNMAP, attach->dmabuf, attach);
		return;
	}
	dma_buf_debug_check_unmap(attach, mapping, dir);
	dma_buf_mapping_destroy(attach, mapping);
	if (dma_buf_pins_to_map(attach->dmabuf))
		dma_buf_attach_unpin(attach);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_unmap_attachment, DMA_BUF);

/**
 * dma_buf_unmap_attachment_unlocked() - take the reservation lock and unmap a buffer
 * @attach: the attachment
 * @sgt: table from dma_buf_map_attachment_unlocked()
 * @dir: direction that @sgt was mapped in
 *
 * With lockdep, warns if the caller holds the reservation lock, and does nothing.
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
