/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the importer share.
 */
#ifndef _DMA_BUF_IMPORTER_H
#define _DMA_BUF_IMPORTER_H

#include <linux/types.h>

struct device;
struct dma_buf;

/* Attach, and state that so many bytes must be contiguous if the kernel negotiates; 0 for none. */
struct dma_buf_attachment *importer_attach_stated(struct dma_buf *dmabuf, struct device *dev,
						  size_t contiguous);

#endif /* _DMA_BUF_IMPORTER_H */
