// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of a buffer's descriptor.
 *
 * A table maps each command to its function.
 * The functions are called in process context without a lock, also by several threads at once.
 * Each copies its argument from user memory before it takes a lock.
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
 * The descriptor of a buffer supports these calls:
 *
 * - ``DMA_BUF_IOCTL_SYNC`` begins or ends an access by the CPU, see &struct dma_buf_sync.
 * - ``DMA_BUF_SET_NAME_A`` and ``DMA_BUF_SET_NAME_B`` set a name, also again. ``/proc/PID/maps``,
 *   ``/proc/PID/fdinfo`` and ``bufinfo`` show it.
 * - ``DMA_BUF_IOCTL_EXPORT_SYNC_FILE`` returns fences of the buffer as a sync_file.
 * - ``DMA_BUF_IOCTL_IMPORT_SYNC_FILE`` adds the fences of a sync_file to the buffer.
 * - ``lseek()`` returns the size for 0 and ``SEEK_END``, and 0 for 0 and ``SEEK_SET``.
 * - ``mmap()`` maps the buffer, if the exporter supports it.
 * - ``poll()`` reports ``POLLIN`` when the fences of writers have signalled, and ``POLLOUT`` when
 *   the fences of readers and writers have.
 */

/* Not counted by CONFIG_DMABUF_DEBUG: userspace may call begin and end in any number. */
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

/* -EFAULT if the name cannot be read, -EINVAL if it does not fit with its NUL. */
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
