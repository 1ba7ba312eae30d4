/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * ioctls of the file descriptor of a buffer (dma-buf).
 *
 * See Documentation/driver-api/dma-buf/userspace.rst.
 *
 * With declarations from Linux 6.12:
 * Copyright (C) 2015 Intel Ltd
 */
#ifndef _UAPI_LINUX_DMA_BUF_H
#define _UAPI_LINUX_DMA_BUF_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Size of a buffer's name in bytes, including the terminating NUL. */
#define DMA_BUF_NAME_LEN	32

/* Access to the buffer by the CPU, or by the work that a sync_file stands for. */
#define DMA_BUF_SYNC_READ	(1 << 0)
#define DMA_BUF_SYNC_WRITE	(2 << 0)
#define DMA_BUF_SYNC_RW		(DMA_BUF_SYNC_READ | DMA_BUF_SYNC_WRITE)

/* Begin or end an access by the CPU. */
#define DMA_BUF_SYNC_START	(0 << 2)
#define DMA_BUF_SYNC_END	(1 << 2)

#define DMA_BUF_SYNC_VALID_FLAGS_MASK \
	(DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END)

/**
 * struct dma_buf_sync - argument of %DMA_BUF_IOCTL_SYNC
 *
 * Call this before and after each access through an mmap() of the descriptor. The start waits
 * for fences: those of writers before a read, those of readers and writers before a write.
 * Then it lets the CPU see what the devices wrote. The end lets the devices see what the CPU
 * wrote.
 *
 * Errors: ``EFAULT`` if the argument cannot be read; ``EINVAL`` if neither
 * %DMA_BUF_SYNC_READ nor %DMA_BUF_SYNC_WRITE is set, or an unknown flag is; others from the
 * driver. Repeat the call after ``EINTR`` or ``EAGAIN``.
 */
struct dma_buf_sync {
	/**
	 * @flags: %DMA_BUF_SYNC_START or %DMA_BUF_SYNC_END, with %DMA_BUF_SYNC_READ,
	 * %DMA_BUF_SYNC_WRITE or both. The end has the same access as the start.
	 */
	__u64 flags;
};

/**
 * struct dma_buf_export_sync_file - argument of %DMA_BUF_IOCTL_EXPORT_SYNC_FILE
 *
 * Returns a sync_file with the fences that are in the buffer now, for an interface with
 * explicit synchronisation. The sync_file does not include fences that are added later. If
 * there are no fences to wait for, the sync_file has signalled.
 *
 * Errors: ``EFAULT`` if the argument cannot be read or written; ``EINVAL`` for wrong flags;
 * ``EMFILE`` if the process has no free descriptor; ``ENOMEM``; ``ENOTTY`` if the kernel is
 * built without sync_file.
 */
struct dma_buf_export_sync_file {
	/**
	 * @flags: Access that is going to wait: %DMA_BUF_SYNC_READ waits for the fences of
	 * writers, as poll() does for ``POLLIN``. %DMA_BUF_SYNC_WRITE, or both, waits for those
	 * of readers and writers, as poll() does for ``POLLOUT``.
	 */
	__u32 flags;
	/** @fd: Descriptor of the new sync_file (out); close-on-exec is set. */
	__s32 fd;
};

/**
 * struct dma_buf_import_sync_file - argument of %DMA_BUF_IOCTL_IMPORT_SYNC_FILE
 *
 * Adds the fences of a sync_file to the buffer, so that drivers with implicit synchronisation
 * wait for them.
 *
 * Errors: ``EFAULT`` if the argument cannot be read; ``EINVAL`` for wrong flags, or if @fd is
 * not a sync_file; ``ENOMEM``; ``ENOTTY`` if the kernel is built without sync_file.
 */
struct dma_buf_import_sync_file {
	/**
	 * @flags: Access of the work that the sync_file stands for. With %DMA_BUF_SYNC_WRITE
	 * later readers and writers wait for it, with %DMA_BUF_SYNC_READ alone only later
	 * writers.
	 */
	__u32 flags;
	/** @fd: Descriptor of the sync_file; stays open. */
	__s32 fd;
};

#define DMA_BUF_BASE		'b'
#define DMA_BUF_IOCTL_SYNC	_IOW(DMA_BUF_BASE, 0, struct dma_buf_sync)

/*
 * Set the name of the buffer. The argument is a pointer to a string that fits into
 * DMA_BUF_NAME_LEN bytes with its NUL, else EINVAL. All three do the same. The number of
 * DMA_BUF_SET_NAME depends on the size of a pointer and equals that of one of the others.
 */
#define DMA_BUF_SET_NAME	_IOW(DMA_BUF_BASE, 1, const char *)
#define DMA_BUF_SET_NAME_A	_IOW(DMA_BUF_BASE, 1, __u32)
#define DMA_BUF_SET_NAME_B	_IOW(DMA_BUF_BASE, 1, __u64)

#define DMA_BUF_IOCTL_EXPORT_SYNC_FILE \
	_IOWR(DMA_BUF_BASE, 2, struct dma_buf_export_sync_file)
#define DMA_BUF_IOCTL_IMPORT_SYNC_FILE \
	_IOW(DMA_BUF_BASE, 3, struct dma_buf_import_sync_file)

#endif /* _UAPI_LINUX_DMA_BUF_H */
