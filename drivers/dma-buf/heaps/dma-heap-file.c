// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocating from a heap: by a driver in the kernel, and with the ioctl of an open file.
 *
 * The private data of an open file are the heap, or if the file learns from refusals its struct
 * heap_lessons. The two have different file operations.
 */

#include <kunit/visibility.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/export.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/seq_file.h>
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

/**
 * dma_heap_alloc_learned() - allocate a buffer for an open file of a heap that learns
 * @lessons: what the file has learned
 * @len: as for dma_heap_buffer_alloc()
 * @fd_flags: the same
 * @heap_flags: the same
 *
 * Context: Process context; may sleep.
 * Return: As dma_heap_buffer_alloc().
 */
struct dma_buf *dma_heap_alloc_learned(struct heap_lessons *lessons, size_t len, u32 fd_flags,
				       u64 heap_flags)
{
	might_sleep();
	len = PAGE_ALIGN(len);
	if (!len || !dma_heap_flags_valid(fd_flags, heap_flags))
		return ERR_PTR(-EINVAL);
	return lessons->heap->allocate_learned(lessons, len, fd_flags);
}
EXPORT_SYMBOL_IF_KUNIT(dma_heap_alloc_learned);

/* @lessons is NULL for a file that does not learn. */
static struct dma_buf *dma_heap_ioctl_allocate(struct dma_heap *heap,
					       struct heap_lessons *lessons,
					       const struct dma_heap_allocation_data *data)
{
	/* Too much for an address space. */
	if (data->len > SIZE_MAX)
		return ERR_PTR(-ENOMEM);
	if (lessons)
		return dma_heap_alloc_learned(lessons, data->len, data->fd_flags,
					      data->heap_flags);
	return dma_heap_buffer_alloc(heap, data->len, data->fd_flags, data->heap_flags);
}

/* Reserve the descriptor, allocate, copy out the answer, and only then publish. */
static int dma_heap_ioctl_publish(struct dma_heap *heap, struct heap_lessons *lessons,
				  void __user *arg, struct dma_heap_allocation_data *data,
				  size_t out_size)
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
	dmabuf = dma_heap_ioctl_allocate(heap, lessons, data);
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
 * size. Members that they do not pass are 0.
 */
static long dma_heap_ioctl_run(struct dma_heap *heap, struct heap_lessons *lessons,
			       unsigned int cmd, void __user *user)
{
	struct dma_heap_allocation_data data = {};
	size_t size = min_t(size_t, _IOC_SIZE(cmd), sizeof(data));

	if (_IOC_NR(cmd) != _IOC_NR(DMA_HEAP_IOCTL_ALLOC))
		return -EINVAL;
	if (copy_from_user(&data, user, cmd & IOC_IN ? size : 0))
		return -EFAULT;
	return dma_heap_ioctl_publish(heap, lessons, user, &data, cmd & IOC_OUT ? size : 0);
}

/* Not static, so that tests can call it. */
long dma_heap_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return dma_heap_ioctl_run(file->private_data, NULL, cmd, (void __user *)arg);
}
EXPORT_SYMBOL_IF_KUNIT(dma_heap_ioctl);

static long dma_heap_learning_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct heap_lessons *lessons = file->private_data;

	return dma_heap_ioctl_run(lessons->heap, lessons, cmd, (void __user *)arg);
}

static int dma_heap_learning_release(struct inode *inode, struct file *file)
{
	heap_lessons_put(file->private_data);
	return 0;
}

static void dma_heap_learning_show_fdinfo(struct seq_file *m, struct file *file)
{
	heap_lessons_show(m, file->private_data);
}

/* For files whose private data are lessons. That of other files is the heap. */
static const struct file_operations dma_heap_learning_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = dma_heap_learning_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = dma_heap_learning_release,
	.show_fdinfo = dma_heap_learning_show_fdinfo,
};

/* Without memory for lessons the file does not learn. Not static, so that tests can call it. */
void dma_heap_open_file(struct dma_heap *heap, struct file *file)
{
	struct heap_lessons *lessons = NULL;

	if (READ_ONCE(heap->allocate_learned))
		lessons = heap_lessons_alloc(heap);
	if (!lessons) {
		file->private_data = heap;
		return;
	}
	file->private_data = lessons;
	replace_fops(file, fops_get(&dma_heap_learning_fops));
}
EXPORT_SYMBOL_IF_KUNIT(dma_heap_open_file);

static int dma_heap_open(struct inode *inode, struct file *file)
{
	struct dma_heap *heap = dma_heap_of_minor(iminor(inode));

	if (!heap)
		return -ENXIO;
	dma_heap_open_file(heap, file);
	return nonseekable_open(inode, file);
}

const struct file_operations dma_heap_fops = {
	.owner = THIS_MODULE,
	.open = dma_heap_open,
	.unlocked_ioctl = dma_heap_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
