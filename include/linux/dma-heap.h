/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Heaps: devices in /dev/dma_heap/ from which userspace allocates buffers.
 *
 * With declarations from Linux 6.12:
 * Copyright (C) 2011 Google, Inc.
 * Copyright (C) 2019 Linaro Ltd.
 */
#ifndef _LINUX_DMA_HEAP_H
#define _LINUX_DMA_HEAP_H

#include <linux/types.h>

struct dma_buf;
struct dma_heap;

/**
 * struct dma_heap_ops - what a heap implements
 */
struct dma_heap_ops {
	/**
	 * @allocate: Allocates and exports a buffer; mandatory.
	 *
	 * @len is a multiple of the page size and not 0. @fd_flags has %O_CLOEXEC and the access
	 * mode of the file, @heap_flags is 0: none is defined. The memory must be zeroed.
	 *
	 * Context: Process context; may sleep.
	 * Return: The buffer, or an error pointer: %-ENOMEM, %-EINTR if a fatal signal came, or
	 * an errno of dma_buf_export().
	 */
	struct dma_buf *(*allocate)(struct dma_heap *heap, unsigned long len, u32 fd_flags,
				    u64 heap_flags);
};

/**
 * struct dma_heap_export_info - arguments of dma_heap_add()
 * @name: name of the device in /dev/dma_heap/; copied
 * @ops: functions of the heap; must stay valid
 * @priv: the heap's own data, for dma_heap_get_drvdata()
 */
struct dma_heap_export_info {
	const char *name;
	const struct dma_heap_ops *ops;
	void *priv;
};

struct dma_heap *dma_heap_add(const struct dma_heap_export_info *exp_info);
void *dma_heap_get_drvdata(struct dma_heap *heap);
const char *dma_heap_get_name(struct dma_heap *heap);

struct dma_heap *dma_heap_find(const char *name);
void dma_heap_put(struct dma_heap *heap);
struct dma_buf *dma_heap_buffer_alloc(struct dma_heap *heap, size_t len, u32 fd_flags,
				      u64 heap_flags);

#endif /* _LINUX_DMA_HEAP_H */
