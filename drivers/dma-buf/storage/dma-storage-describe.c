// SPDX-License-Identifier: GPL-2.0-only
/*
 * Description: what bufinfo and fdinfo show of a storage.
 */

#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "dma-storage-private.h"

/**
 * dma_storage_describe() - &dma_buf_ops.describe
 * @dmabuf: the buffer
 * @m: file that is read
 *
 * Prints the number of runs of adjacent pages, the length of the longest in bytes, how often the
 * storage has been replaced, and whether the buffer may have been written to. Runs of the storage
 * that are adjacent count as one, as in a table.
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
}
