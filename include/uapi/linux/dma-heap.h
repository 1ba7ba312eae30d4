/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * ioctl of the devices in /dev/dma_heap/, each of which is a heap of memory for dma-bufs.
 *
 * With declarations from Linux 6.12:
 * Copyright (C) 2011 Google, Inc.
 * Copyright (C) 2019 Linaro Ltd.
 */
#ifndef _UAPI_LINUX_DMABUF_POOL_H
#define _UAPI_LINUX_DMABUF_POOL_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Bits that are allowed in fd_flags: O_CLOEXEC, O_RDONLY, O_WRONLY, O_RDWR. */
#define DMA_HEAP_VALID_FD_FLAGS (O_CLOEXEC | O_ACCMODE)

/* Bits that are allowed in heap_flags: none is defined. */
#define DMA_HEAP_VALID_HEAP_FLAGS (0ULL)

/**
 * struct dma_heap_allocation_data - argument of %DMA_HEAP_IOCTL_ALLOC
 * @len: size of the buffer in bytes; rounded up to the page size
 * @fd: must be 0; is set to the descriptor of the new dma-buf
 * @fd_flags: access mode and %O_CLOEXEC for the descriptor
 * @heap_flags: must be 0
 */
struct dma_heap_allocation_data {
	__u64 len;
	__u32 fd;
	__u32 fd_flags;
	__u64 heap_flags;
};

#define DMA_HEAP_IOC_MAGIC	'H'

/**
 * DOC: DMA_HEAP_IOCTL_ALLOC
 *
 * Allocates a dma-buf from the heap, with zeroed memory. The ioctl fails with
 *
 * * ``EINVAL`` if the size is 0, @fd is not 0, or a flag is not defined
 * * ``ENOMEM`` if there is not enough memory of this kind, or the caller's memory cgroup
 *   may not have it
 * * ``EMFILE`` if the process has reached its limit of descriptors
 * * ``EINTR`` if the process is being killed
 * * ``EFAULT`` if the argument cannot be read or written; no descriptor stays
 */
#define DMA_HEAP_IOCTL_ALLOC	_IOWR(DMA_HEAP_IOC_MAGIC, 0x0,\
				      struct dma_heap_allocation_data)

#endif /* _UAPI_LINUX_DMABUF_POOL_H */
