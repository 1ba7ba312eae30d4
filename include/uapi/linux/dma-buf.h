/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Sharing memory buffers between devices: ioctls of a dma-buf file descriptor.
 */
#ifndef _UAPI_LINUX_DMA_BUF_H
#define _UAPI_LINUX_DMA_BUF_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Longest name of a buffer, with the NUL at its end. */
#define DMA_BUF_NAME_LEN	32

/* What the CPU, or the work behind a sync_file, does with the buffer. */
#define DMA_BUF_SYNC_READ	(1 << 0)
#define DMA_BUF_SYNC_WRITE	(2 << 0)
#define DMA_BUF_SYNC_RW		(DMA_BUF_SYNC_READ | DMA_BUF_SYNC_WRITE)

/* Which end of a span of CPU access is meant. */
#define DMA_BUF_SYNC_START	(0 << 2)
#define DMA_BUF_SYNC_END	(1 << 2)

#define DMA_BUF_SYNC_VALID_FLAGS_MASK \
	(DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END)

/**
 * struct dma_buf_sync - argument of %DMA_BUF_IOCTL_SYNC
 *
 * Brackets each span of access through a mapping of the file, so that CPU and
 * devices see each other's data. The start waits until the devices' fences in
 * the buffer allow the access. Repeat the call when it is interrupted (``EINTR``,
 * ``EAGAIN``).
 */
struct dma_buf_sync {
	/**
	 * @flags: %DMA_BUF_SYNC_START or %DMA_BUF_SYNC_END, with at least one of
	 * %DMA_BUF_SYNC_READ and %DMA_BUF_SYNC_WRITE, alike at both ends.
	 */
	__u64 flags;
};

/**
 * struct dma_buf_export_sync_file - argument of %DMA_BUF_IOCTL_EXPORT_SYNC_FILE
 *
 * Takes a snapshot of the fences in a buffer, for an interface with explicit
 * synchronisation to wait on. What is added to the buffer later is not in it.
 */
struct dma_buf_export_sync_file {
	/**
	 * @flags: The access that is going to wait: %DMA_BUF_SYNC_READ for the
	 * writers' fences, as poll() with ``POLLIN`` would; %DMA_BUF_SYNC_WRITE,
	 * alone or with the other, for all, as with ``POLLOUT``.
	 */
	__u32 flags;
	/** @fd: The new sync_file, closed on exec (out). */
	__s32 fd;
};

/**
 * struct dma_buf_import_sync_file - argument of %DMA_BUF_IOCTL_IMPORT_SYNC_FILE
 *
 * Adds the fences of explicitly synchronised work to a buffer, where those who
 * synchronise implicitly find them.
 */
struct dma_buf_import_sync_file {
	/**
	 * @flags: What the work does: with %DMA_BUF_SYNC_WRITE everyone after it
	 * waits, with %DMA_BUF_SYNC_READ alone only writers do.
	 */
	__u32 flags;
	/** @fd: A sync_file; stays the caller's. */
	__s32 fd;
};

#define DMA_BUF_BASE		'b'
#define DMA_BUF_IOCTL_SYNC	_IOW(DMA_BUF_BASE, 0, struct dma_buf_sync)

/*
 * Name the buffer, by a pointer to the string. Three numbers of one command:
 * the first depends on the size of a pointer, which the other two spell out.
 */
#define DMA_BUF_SET_NAME	_IOW(DMA_BUF_BASE, 1, const char *)
#define DMA_BUF_SET_NAME_A	_IOW(DMA_BUF_BASE, 1, __u32)
#define DMA_BUF_SET_NAME_B	_IOW(DMA_BUF_BASE, 1, __u64)

#define DMA_BUF_IOCTL_EXPORT_SYNC_FILE \
	_IOWR(DMA_BUF_BASE, 2, struct dma_buf_export_sync_file)
#define DMA_BUF_IOCTL_IMPORT_SYNC_FILE \
	_IOW(DMA_BUF_BASE, 3, struct dma_buf_import_sync_file)

#endif /* _UAPI_LINUX_DMA_BUF_H */
