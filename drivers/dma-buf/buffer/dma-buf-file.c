// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file of a buffer: descriptors, references, and the calls on a descriptor
 * that need no file of their own here.
 *
 * All descriptors of a buffer share its one file. It cannot be read or written,
 * only mapped, polled and asked by ioctl.
 */

#include <linux/export.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/seq_file.h>

#include "dma-buf-private.h"

/**
 * dma_buf_check_range() - does an area fit into a buffer?
 * @dmabuf: the buffer
 * @pgoff: first page of the area
 * @pages: length of the area in pages
 *
 * Return: 0, -EOVERFLOW if the end of the area cannot be expressed, -EINVAL if
 * it lies behind the buffer's.
 */
int dma_buf_check_range(struct dma_buf *dmabuf, unsigned long pgoff,
			unsigned long pages)
{
	unsigned long end;

	if (check_add_overflow(pgoff, pages, &end))
		return -EOVERFLOW;
	return end > dmabuf->size >> PAGE_SHIFT ? -EINVAL : 0;
}

static int dma_buf_file_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct dma_buf *dmabuf = file->private_data;
	int ret;

	if (!dmabuf->ops->mmap)
		return -EINVAL;
	ret = dma_buf_check_range(dmabuf, vma->vm_pgoff, vma_pages(vma));
	return ret ?: dmabuf->ops->mmap(dmabuf, vma);
}

/* Userspace learns the size of a buffer by seeking to its end and back. */
static loff_t dma_buf_file_llseek(struct file *file, loff_t offset, int whence)
{
	struct dma_buf *dmabuf = file->private_data;

	if (offset)
		return -EINVAL;
	switch (whence) {
	case SEEK_SET:
		return 0;
	case SEEK_END:
		return dmabuf->size;
	default:
		return -EINVAL;
	}
}

static void dma_buf_file_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct dma_buf *dmabuf = file->private_data;
	struct dma_buf_object *obj = dma_buf_to_object(dmabuf);

	/* The reader of this text holds one reference for as long as it reads. */
	seq_printf(m, "size:\t%zu\ncount:\t%ld\nexp_name:\t%s\n", dmabuf->size,
		   file_count(file) - 1, obj->exp_name);
	spin_lock(&obj->name_lock);
	if (obj->named)
		seq_printf(m, "name:\t%s\n", obj->name);
	spin_unlock(&obj->name_lock);
}

static int dma_buf_file_release(struct inode *inode, struct file *file)
{
	struct dma_buf_object *obj = dma_buf_inode_to_object(inode);

	dma_buf_registry_remove(obj);
	/* Not "are there fences": the one that is waited for may have been removed. */
	if (obj->poll.used)
		dma_buf_poll_cancel(&obj->poll);
	return 0;
}

const struct file_operations dma_buf_fops = {
	.release = dma_buf_file_release,
	.llseek = dma_buf_file_llseek,
	.mmap = dma_buf_file_mmap,
	.poll = dma_buf_poll,
	.unlocked_ioctl = dma_buf_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = dma_buf_file_show_fdinfo,
};

/**
 * dma_buf_fd() - give userspace a descriptor of a buffer.
 * @dmabuf: buffer; the caller's reference passes to the descriptor
 * @flags: %O_CLOEXEC, or 0
 *
 * Another thread of the process may close the descriptor at once: a caller that
 * goes on using the buffer takes a reference of its own before.
 *
 * Context: Process context; may sleep.
 *
 * Return: The descriptor, or a negative errno, with which the caller keeps its
 * reference:
 *
 *   * %-EINVAL - no buffer
 *   * %-EMFILE - the process is at its limit of descriptors
 *   * %-ENOMEM - no memory to enlarge the process's table of descriptors
 */
int dma_buf_fd(struct dma_buf *dmabuf, int flags)
{
	int fd;

	if (!dmabuf || !dmabuf->file)
		return -EINVAL;

	fd = get_unused_fd_flags(flags);
	if (fd >= 0)
		fd_install(fd, dmabuf->file);
	return fd;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_fd, DMA_BUF);

/**
 * dma_buf_get() - the buffer behind a descriptor.
 * @fd: descriptor in the current process
 *
 * Context: Process context.
 *
 * Return: The buffer, with a reference that dma_buf_put() drops, or an error
 * pointer: %-EBADF if nothing is open there, %-EINVAL if it is no buffer.
 */
struct dma_buf *dma_buf_get(int fd)
{
	struct file *file = fget(fd);

	if (!file)
		return ERR_PTR(-EBADF);
	if (file->f_op == &dma_buf_fops)
		return file->private_data;
	fput(file);
	return ERR_PTR(-EINVAL);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_get, DMA_BUF);

/**
 * dma_buf_put() - drop a reference.
 * @dmabuf: the buffer
 *
 * After the last one the exporter's release runs, when the current task returns
 * to userspace or from a worker: not before this function returns.
 *
 * Context: Any.
 */
void dma_buf_put(struct dma_buf *dmabuf)
{
	if (!dmabuf || !dmabuf->file) {
		dma_buf_report(DMA_BUF_RULE_ARGUMENT, NULL, NULL);
		return;
	}
	fput(dmabuf->file);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_put, DMA_BUF);
