// SPDX-License-Identifier: GPL-2.0-only
/*
 * The importer on a kernel that negotiates.
 */

#include <linux/dma-buf.h>
#include <linux/dma-buf-needs.h>

#include "importer.h"

struct dma_buf_attachment *importer_attach_stated(struct dma_buf *dmabuf, struct device *dev,
						  size_t contiguous)
{
	struct dma_buf_needs needs = { .contiguous = contiguous };

	return dma_buf_attach_with_needs(dmabuf, dev, NULL, NULL, &needs);
}
