// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of a buffer, from one table.
 *
 * The table is searched by number and not indexed with it, so a mistaken branch
 * has nothing to read out of bounds.
 */

#include <linux/array_size.h>
#include <linux/compat.h>
#include <linux/uaccess.h>

#include "dma-buf-private.h"

static_assert(sizeof(struct dma_buf_sync) == 8);
static_assert(sizeof(struct dma_buf_export_sync_file) == 8);
static_assert(sizeof(struct dma_buf_import_sync_file) == 8);

/**
 * DOC: Userspace interface
 *
 * A buffer's descriptor answers to
 *
 * ``DMA_BUF_IOCTL_SYNC``
 *   brackets access through a mapping; see &struct dma_buf_sync.
 * ``DMA_BUF_SET_NAME_A``, ``DMA_BUF_SET_NAME_B``
 *   name the buffer for those who look for memory leaks. The name shows in
 *   ``/proc/PID/maps``, ``/proc/PID/fdinfo`` and ``bufinfo``, and may be changed
 *   at any time.
 * ``DMA_BUF_IOCTL_EXPORT_SYNC_FILE``, ``DMA_BUF_IOCTL_IMPORT_SYNC_FILE``
 *   take fences out of the buffer and put some in, as a sync_file; see &struct
 *   dma_buf_export_sync_file and &struct dma_buf_import_sync_file.
 * ``lseek()``
 *   with ``SEEK_END`` tells the size; only offset 0 and ``SEEK_SET`` besides.
 * ``mmap()``
 *   maps it, if the exporter can; never behind its end.
 * ``poll()``
 *   reports ``POLLIN`` when the writers' fences have signalled, ``POLLOUT`` when
 *   all have.
 *
 * An unknown ioctl is ``ENOTTY``, an unknown flag ``EINVAL``, an argument that
 * cannot be read or written ``EFAULT``.
 */

static long dma_buf_ioctl_sync(struct dma_buf *dmabuf, void __user *arg)
{
	static const enum dma_data_direction dirs[] = {
		[0] = DMA_NONE,
		[DMA_BUF_SYNC_READ] = DMA_FROM_DEVICE,
		[DMA_BUF_SYNC_WRITE] = DMA_TO_DEVICE,
		[DMA_BUF_SYNC_RW] = DMA_BIDIRECTIONAL,
	};
	struct dma_buf_sync sync;
	enum dma_data_direction dir;

	if (copy_from_user(&sync, arg, sizeof(sync)))
		return -EFAULT;
	if (sync.flags & ~DMA_BUF_SYNC_VALID_FLAGS_MASK)
		return -EINVAL;

	dir = dirs[sync.flags & DMA_BUF_SYNC_RW];
	if (dir == DMA_NONE)
		return -EINVAL;
	if (sync.flags & DMA_BUF_SYNC_END)
		return dma_buf_cpu_end(dmabuf, dir);
	return dma_buf_cpu_begin(dmabuf, dir);
}

static long dma_buf_ioctl_set_name(struct dma_buf *dmabuf, void __user *arg)
{
	struct dma_buf_object *obj = dma_buf_to_object(dmabuf);
	char name[DMA_BUF_NAME_LEN] = "";
	long len;

	len = strncpy_from_user(name, arg, sizeof(name));
	if (len < 0)
		return len;
	if (len == sizeof(name))
		return -EINVAL;

	spin_lock(&obj->name_lock);
	memcpy(obj->name, name, sizeof(name));
	obj->named = true;
	spin_unlock(&obj->name_lock);
	return 0;
}

static const struct {
	unsigned int cmd;
	long (*call)(struct dma_buf *dmabuf, void __user *arg);
} dma_buf_ioctls[] = {
	{ DMA_BUF_IOCTL_SYNC, dma_buf_ioctl_sync },
	{ DMA_BUF_IOCTL_EXPORT_SYNC_FILE, dma_buf_export_sync_file },
	{ DMA_BUF_IOCTL_IMPORT_SYNC_FILE, dma_buf_import_sync_file },
	{ DMA_BUF_SET_NAME_A, dma_buf_ioctl_set_name },
	{ DMA_BUF_SET_NAME_B, dma_buf_ioctl_set_name },
};

long dma_buf_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(dma_buf_ioctls); i++)
		if (dma_buf_ioctls[i].cmd == cmd)
			return dma_buf_ioctls[i].call(file->private_data,
						      (void __user *)arg);
	return -ENOTTY;
}
