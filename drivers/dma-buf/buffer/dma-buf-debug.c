// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of drivers that cost too much for anything but debug builds (CONFIG_DMABUF_DEBUG).
 *
 * An importer gets a copy of the exporter's table. The copy has one entry for each DMA segment,
 * with the segment's DMA address, and no page:
 *
 *   - sg->length equals sg_dma_len(). Code that counts entries by length, like
 *     sg_nents_for_len(), finds the DMA segments. The exporter's own table has more entries than
 *     DMA segments where an IOMMU has merged some.
 *   - sg_page() returns NULL. for_each_sgtable_page() visits as many pages as the segments cover.
 *     The first access to a struct page faults in the first page of the address space; vmap()
 *     warns and fails. On 64-bit machines an address that page_address() computes faults too.
 *
 * The mapping record (struct dma_buf_mapping) owns the copy, which is freed before the exporter
 * gets its own table back. The reservation lock guards both.
 */

#include <linux/atomic.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "dma-buf-private.h"

/* virtio-gpu makes a table without entries for a buffer that virtio devices know by a UUID. */
static bool dma_buf_debug_is_stub(const struct sg_table *sgt)
{
	return !sgt->orig_nents && !sgt->nents;
}

/* Report segments that are not page-aligned or do not cover the whole buffer. */
static void dma_buf_debug_check_table(struct dma_buf_attachment *attach,
				      struct sg_table *sgt)
{
	struct scatterlist *sg;
	dma_addr_t bits = 0;
	u64 total = 0;
	int i;

	if (dma_buf_debug_is_stub(sgt))
		return;
	for_each_sgtable_dma_sg(sgt, sg, i) {
		bits |= sg_dma_address(sg) | sg_dma_len(sg);
		total += sg_dma_len(sg);
	}
	if (offset_in_page(bits) || total < attach->dmabuf->size)
		dma_buf_report(DMA_BUF_RULE_TABLE, attach->dmabuf, attach);
}

/**
 * dma_buf_debug_wrap() - check an exporter's table and copy its DMA segments
 * @attach: attachment that the table was mapped for
 * @sgt: the exporter's table
 *
 * Context: Reservation lock held; may sleep.
 * Return: The copy, to be freed with dma_buf_debug_unwrap(), or an error pointer: %-ENOMEM, or
 * %-EINVAL if @sgt has entries but no DMA segments.
 */
struct sg_table *dma_buf_debug_wrap(struct dma_buf_attachment *attach,
				    struct sg_table *sgt)
{
	struct scatterlist *from, *to;
	struct sg_table *copy;
	int ret, i;

	dma_buf_assert_held(attach->dmabuf);
	dma_buf_debug_check_table(attach, sgt);

	copy = kzalloc(sizeof(*copy), GFP_KERNEL);
	if (!copy)
		return ERR_PTR(-ENOMEM);
	if (dma_buf_debug_is_stub(sgt))
		return copy;
	ret = sg_alloc_table(copy, sgt->nents, GFP_KERNEL);
	if (ret) {
		kfree(copy);
		return ERR_PTR(ret);
	}

	to = copy->sgl;
	for_each_sgtable_dma_sg(sgt, from, i) {
		sg_set_page(to, NULL, sg_dma_len(from), 0);
		sg_dma_address(to) = sg_dma_address(from);
		sg_dma_len(to) = sg_dma_len(from);
		to = sg_next(to);
	}
	return copy;
}

void dma_buf_debug_unwrap(struct sg_table *handed)
{
	sg_free_table(handed);
	kfree(handed);
}

/* Reset the counts of a new buffer. */
void dma_buf_debug_init(struct dma_buf_object *obj)
{
	for (int dir = 0; dir < DMA_NONE; dir++)
		atomic_set(&obj->debug.begun[dir], 0);
}

/* Count a successful dma_buf_begin_cpu_access(). */
void dma_buf_debug_begin(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	if (valid_dma_direction(dir))
		atomic_inc(&dma_buf_to_object(dmabuf)->debug.begun[dir]);
}

/* Count a dma_buf_end_cpu_access(); report one without a matching begin. */
void dma_buf_debug_end(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	if (!valid_dma_direction(dir) ||
	    !atomic_add_unless(&dma_buf_to_object(dmabuf)->debug.begun[dir], -1, 0))
		dma_buf_report(DMA_BUF_RULE_CPU_ACCESS, dmabuf, NULL);
}

/* Report a buffer that is released between a begin and an end of CPU access. */
void dma_buf_debug_check_release(struct dma_buf *dmabuf)
{
	struct dma_buf_debug *debug = &dma_buf_to_object(dmabuf)->debug;

	for (int dir = 0; dir < DMA_NONE; dir++)
		if (atomic_read(&debug->begun[dir]))
			dma_buf_report(DMA_BUF_RULE_CPU_ACCESS, dmabuf, NULL);
}

/* Report an unmap in another direction than the map. */
void dma_buf_debug_check_unmap(struct dma_buf_attachment *attach,
			       struct dma_buf_mapping *mapping,
			       enum dma_data_direction dir)
{
	dma_buf_assert_held(attach->dmabuf);
	if (mapping->dir != dir)
		dma_buf_report(DMA_BUF_RULE_DIRECTION, attach->dmabuf, attach);
}

/* Report a detach while the importer still uses the mapping that the core caches. */
void dma_buf_debug_check_detach(struct dma_buf_attachment *attach)
{
	unsigned int users = dma_buf_to_attach_object(attach)->cached_users;

	dma_buf_assert_held(attach->dmabuf);
	if (users)
		dma_buf_report(DMA_BUF_RULE_DETACH, attach->dmabuf, attach);
}

/*
 * Report a map or a dma_buf_move_notify() while the exporter negotiates. The newcomer is not linked
 * then, so its importer would not be notified. @attach is the attachment that is mapped, or NULL.
 */
void dma_buf_debug_check_negotiate(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	dma_buf_assert_held(dmabuf);
	if (dma_buf_to_object(dmabuf)->negotiation)
		dma_buf_report(DMA_BUF_RULE_NEGOTIATE, dmabuf, attach);
}
