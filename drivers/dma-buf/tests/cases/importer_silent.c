// SPDX-License-Identifier: GPL-2.0-only
/*
 * The importer on a kernel that does not negotiate.
 */

#include <linux/dma-buf.h>

#include "importer.h"

struct dma_buf_attachment *importer_attach_stated(struct dma_buf *dmabuf, struct device *dev,
						  size_t contiguous)
{
	return dma_buf_attach(dmabuf, dev);
}
