// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocating from a heap: by a driver in the kernel, and with the ioctl of an open file.
 */

#include <kunit/visibility.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/export.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include <trace/events/dma_buf.h>
#include <uapi/linux/dma-heap.h>

#include "heaps-private.h"

static bool dma_heap_flags_valid(u32 fd_flags, u64 heap_flags)
{
	return !(fd_flags & ~DMA_HEAP_VALID_FD_FLAGS) &&
	       !(heap_flags & ~DMA_HEAP_VALID_HEAP_FLAGS);
}

/**
 * dma_heap_buffer_alloc() - allocate a buffer
 * @heap: the heap
 * @len: size in bytes; rounded up to the page size
 * @fd_flags: access mode of the buffer's file, and %O_CLOEXEC, which is ignored
 * @heap_flags: must be 0
 *
 * Context: Process context; may sleep.
 * Return: The buffer, or an error pointer: %-EINVAL if the size is 0 or a flag is not defined,
 * or as &dma_heap_ops.allocate.
 */
struct dma_buf *dma_heap_buffer_alloc(struct dma_heap *heap, size_t len, u32 fd_flags,
				      u64 heap_flags)
{
	might_sleep();
	len = PAGE_ALIGN(len);
	if (!len || !dma_heap_flags_valid(fd_flags, heap_flags))
		return ERR_PTR(-EINVAL);
	return heap->ops->allocate(heap, len, fd_flags, heap_flags);
}
EXPORT_SYMBOL_NS_GPL(dma_heap_buffer_alloc, DMA_BUF_HEAP);

static struct dma_buf *dma_heap_ioctl_allocate(struct dma_heap *heap,
					       const struct dma_heap_allocation_data *data)
{
	/* Too much for an address space. */
	if (data->len > SIZE_MAX)
		return ERR_PTR(-ENOMEM);
	return dma_heap_buffer_alloc(heap, data->len, data->fd_flags, data->heap_flags);
}

/* Reserve the descriptor, allocate, copy out the answer, and only then publish. */
static int dma_heap_ioctl_publish(struct dma_heap *heap, void __user *arg,
				  struct dma_heap_allocation_data *data, size_t out_size)
{
	struct dma_buf *dmabuf;
	int fd;

	/* A bad argument is EINVAL, whether there is a descriptor or not. */
	if (data->fd || !PAGE_ALIGN(data->len) ||
	    !dma_heap_flags_valid(data->fd_flags, data->heap_flags))
		return -EINVAL;
	fd = get_unused_fd_flags(data->fd_flags & O_CLOEXEC);
	if (fd < 0)
		return fd;
	dmabuf = dma_heap_ioctl_allocate(heap, data);
	if (IS_ERR(dmabuf)) {
		put_unused_fd(fd);
		return PTR_ERR(dmabuf);
	}

	data->fd = fd;
	if (copy_to_user(arg, data, out_size)) {
		put_unused_fd(fd);
		dma_buf_put(dmabuf);
		return -EFAULT;
	}
	/* As dma_buf_fd() does: another thread may close the descriptor once it is installed. */
	trace_dma_buf_fd(dmabuf, fd);
	fd_install(fd, dmabuf->file);
	return 0;
}

/*
 * Programs may be built with an older or newer version of the structure, and so pass another
 * size. Members that they do not pass are 0. Not static, so that tests can call it.
 */
long dma_heap_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	struct dma_heap_allocation_data data = {};
	size_t size = min_t(size_t, _IOC_SIZE(cmd), sizeof(data));

	if (_IOC_NR(cmd) != _IOC_NR(DMA_HEAP_IOCTL_ALLOC))
		return -EINVAL;
	if (copy_from_user(&data, user, cmd & IOC_IN ? size : 0))
		return -EFAULT;
	return dma_heap_ioctl_publish(file->private_data, user, &data,
				      cmd & IOC_OUT ? size : 0);
}
EXPORT_SYMBOL_IF_KUNIT(dma_heap_ioctl);

static int dma_heap_open(struct inode *inode, struct file *file)
{
	struct dma_heap *heap = dma_heap_of_minor(iminor(inode));

	if (!heap)
		return -ENXIO;
	file->private_data = heap;
	return nonseekable_open(inode, file);
}

const struct file_operations dma_heap_fops = {
	.owner = THIS_MODULE,
	.open = dma_heap_open,
	.unlocked_ioctl = dma_heap_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
