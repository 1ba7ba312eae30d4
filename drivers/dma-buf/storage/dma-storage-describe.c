// SPDX-License-Identifier: GPL-2.0-only
/*
 * Description: what bufinfo and fdinfo show of a storage.
 */

#include <linux/device.h>
#include <linux/dma-resv.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "dma-storage-private.h"

/* There can be any number of mappings; one line shows these. */
#define DMA_STORAGE_BOUNCED_SHOWN	16

/* Print who holds bounce buffers. A device name has no slash, see kobject_set_name_vargs(). */
static void dma_storage_describe_bounced(const struct dma_storage_buffer *buffer,
					 struct seq_file *m)
{
	const struct dma_storage_mapping *mapping;
	unsigned int shown = 0;
	u64 others = 0;

	list_for_each_entry(mapping, &buffer->mappings, node) {
		if (!mapping->bounced)
			continue;
		if (shown++ < DMA_STORAGE_BOUNCED_SHOWN)
			seq_printf(m, " bounced=%s/%llu", dev_name(mapping->dev),
				   mapping->bounced);
		else
			others += mapping->bounced;
	}
	if (others)
		seq_printf(m, " bounced=others/%llu", others);
}

/**
 * dma_storage_describe() - &dma_buf_ops.describe
 * @dmabuf: the buffer
 * @m: file that is read
 *
 * Prints the number of runs of adjacent pages, the length of the longest in bytes, how often the
 * storage has been replaced, and whether the buffer may have been written to. Runs of the storage
 * that are adjacent count as one, as in a table.
 *
 * For each mapping that is bounced, follow the name of its device and the bytes of bounce buffers
 * that it holds. A limited number of mappings is named; the bytes of the rest are added up.
 *
 * Context: Reservation lock held; may sleep.
 */
void dma_storage_describe(struct dma_buf *dmabuf, struct seq_file *m)
{
	const struct dma_storage_buffer *buffer = dmabuf->priv;
	const struct dma_buf_run *run = buffer->storage->runs;
	const struct dma_buf_run *end = run + buffer->storage->nr_runs;
	unsigned long next = 0, pages = 0, longest = 0;
	unsigned int runs = 0;

	dma_resv_assert_held(dmabuf->resv);
	for (; run < end; run++) {
		cond_resched();
		if (!runs || run->pfn != next) {
			runs++;
			pages = 0;
		}
		pages += run->nr_pages;
		next = run->pfn + run->nr_pages;
		longest = max(longest, pages);
	}
	seq_printf(m, "runs=%u longest=%lu replaced=%u touched=%d", runs,
		   longest << PAGE_SHIFT, buffer->generation, READ_ONCE(buffer->touched));
	dma_storage_describe_bounced(buffer, m);
}
