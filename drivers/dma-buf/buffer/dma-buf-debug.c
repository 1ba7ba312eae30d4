// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of drivers that are worth their cost only in debug builds
 * (CONFIG_DMABUF_DEBUG).
 *
 * An importer gets a copy of the exporter's table, with nothing but DMA
 * addresses in it: one that goes for the pages behind them reads a NULL page at
 * once, and not only on the day when it meets memory without pages.
 */

#include <linux/atomic.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "dma-buf-private.h"

/* One sum and one alignment stand for all segments. */
static void dma_buf_debug_check_table(struct dma_buf_attachment *attach,
				      struct sg_table *sgt)
{
	struct scatterlist *sg;
	dma_addr_t bits = 0;
	u64 total = 0;
	int i;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		bits |= sg_dma_address(sg) | sg_dma_len(sg);
		total += sg_dma_len(sg);
	}
	if (offset_in_page(bits) || total < attach->dmabuf->size)
		dma_buf_report(DMA_BUF_RULE_TABLE, attach->dmabuf, attach);
}

/* Check an exporter's table and copy it. -ENOMEM, or -EINVAL without segments. */
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
	ret = sg_alloc_table(copy, sgt->nents, GFP_KERNEL);
	if (ret) {
		kfree(copy);
		return ERR_PTR(ret);
	}

	to = copy->sgl;
	for_each_sgtable_dma_sg(sgt, from, i) {
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

void dma_buf_debug_init(struct dma_buf_object *obj)
{
	for (int dir = 0; dir < DMA_NONE; dir++)
		atomic_set(&obj->debug.begun[dir], 0);
}

void dma_buf_debug_begin(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	if (valid_dma_direction(dir))
		atomic_inc(&dma_buf_to_object(dmabuf)->debug.begun[dir]);
}

/* A driver ends a span of CPU access: has it begun any? */
void dma_buf_debug_end(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	if (!valid_dma_direction(dir) ||
	    !atomic_add_unless(&dma_buf_to_object(dmabuf)->debug.begun[dir], -1, 0))
		dma_buf_report(DMA_BUF_RULE_CPU_ACCESS, dmabuf, NULL);
}

/* A buffer is released: have all its spans ended? */
void dma_buf_debug_release(struct dma_buf *dmabuf)
{
	struct dma_buf_debug *debug = &dma_buf_to_object(dmabuf)->debug;

	for (int dir = 0; dir < DMA_NONE; dir++)
		if (atomic_read(&debug->begun[dir]))
			dma_buf_report(DMA_BUF_RULE_CPU_ACCESS, dmabuf, NULL);
}

/* A mapping is given back: in the direction in which it was made? */
void dma_buf_debug_unmap(struct dma_buf_attachment *attach,
			 struct dma_buf_mapping *mapping,
			 enum dma_data_direction dir)
{
	dma_buf_assert_held(attach->dmabuf);
	if (mapping->dir != dir)
		dma_buf_report(DMA_BUF_RULE_DIRECTION, attach->dmabuf, attach);
}

/* A detach: has the importer given back its uses of the mapping the core kept? */
void dma_buf_debug_cached(struct dma_buf_attachment *attach)
{
	unsigned int users = dma_buf_to_attach_object(attach)->cached_users;

	dma_buf_assert_held(attach->dmabuf);
	if (users)
		dma_buf_report(DMA_BUF_RULE_DETACH, attach->dmabuf, attach);
}
