// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file of a buffer: file operations, descriptors and references.
 *
 * A buffer has one struct file, to which all its descriptors refer. dma_buf.file points to it,
 * file.private_data points back. The reference count of the file is that of the buffer. After
 * its last reference, dma_buf_file_release() removes the buffer from the registry and removes
 * pending poll callbacks. The exporter's release runs later (see dma-buf-inode.c).
 *
 * The functions here take no reservation lock, but fdinfo, which only tries to take it.
 * &dma_buf_object.name_lock guards the name.
 */

#include <linux/export.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <trace/events/dma_buf.h>

#include "dma-buf-private.h"

static int dma_buf_file_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct dma_buf *dmabuf = file->private_data;
	int ret;

	if (!dmabuf->ops->mmap)
		return -EINVAL;
	ret = dma_buf_mmap_check_range(dmabuf, vma->vm_pgoff, vma_pages(vma));
	if (ret)
		return ret;

	trace_dma_buf_mmap_internal(dmabuf);
	return dmabuf->ops->mmap(dmabuf, vma);
}

/* Report the size for SEEK_END. The position is not kept: read() and write() do not exist. */
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

	/* procfs holds a reference to the file while it calls this: do not count it. */
	seq_printf(m, "size:\t%zu\ncount:\t%ld\nexp_name:\t%s\n", dmabuf->size,
		   file_count(file) - 1, obj->exp_name);
	spin_lock(&obj->name_lock);
	if (obj->named)
		seq_printf(m, "name:\t%s\n", obj->name);
	spin_unlock(&obj->name_lock);

	/* A reader must not hang because a buffer's user does, nor wait for a driver. */
	if (!dma_resv_trylock(dmabuf->resv))
		return;
	seq_printf(m, "attached:\t%zu\n", list_count_nodes(&dmabuf->attachments));
	dma_buf_show_users(m, "", dmabuf);
	dma_resv_unlock(dmabuf->resv);
}

static int dma_buf_file_release(struct inode *inode, struct file *file)
{
	struct dma_buf_object *obj = dma_buf_inode_to_object(inode);

	dma_buf_registry_remove(obj);
	/* No test of the reservation object: a callback's fence may have been removed from it. */
	if (obj->poll.used)
		dma_buf_poll_cancel(&obj->poll);
	return 0;
}

const struct file_operations dma_buf_fops = {
	.release = dma_buf_file_release,
	.llseek = dma_buf_file_llseek,
	.mmap = dma_buf_file_mmap,
	/* Aligns large mappings, so that an exporter can enter huge pages. */
	.get_unmapped_area = thp_get_unmapped_area,
	.poll = dma_buf_poll,
	.unlocked_ioctl = dma_buf_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = dma_buf_file_show_fdinfo,
};

/**
 * dma_buf_fd() - install a descriptor for a buffer
 * @dmabuf: the buffer; on success the caller's reference passes to the descriptor
 * @flags: %O_CLOEXEC, or 0
 *
 * Another thread of the process may close the descriptor before this function returns. A caller
 * that continues to use the buffer takes another reference before the call.
 *
 * Context: Process context; may sleep.
 * Return: The descriptor, or an errno; then the caller keeps its reference: %-EINVAL if @dmabuf
 * is NULL, %-EMFILE if the process has reached its limit of descriptors, %-ENOMEM if its table
 * of descriptors could not be enlarged.
 */
int dma_buf_fd(struct dma_buf *dmabuf, int flags)
{
	int fd;

	if (!dmabuf || !dmabuf->file)
		return -EINVAL;

	fd = get_unused_fd_flags(flags);
	if (fd < 0)
		return fd;

	trace_dma_buf_fd(dmabuf, fd);
	fd_install(fd, dmabuf->file);
	return fd;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_fd, DMA_BUF);

/**
 * dma_buf_get() - get the buffer of a descriptor
 * @fd: descriptor of the current process
 *
 * Context: Process context.
 * Return: The buffer, with a reference that the caller drops with dma_buf_put(); or an error
 * pointer: %-EBADF if @fd is not open, %-EINVAL if it is not the descriptor of a buffer.
 */
struct dma_buf *dma_buf_get(int fd)
{
	struct file *file = fget(fd);

	if (!file)
		return ERR_PTR(-EBADF);
	if (file->f_op != &dma_buf_fops) {
		fput(file);
		return ERR_PTR(-EINVAL);
	}

	trace_dma_buf_get(file->private_data, fd);
	return file->private_data;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_get, DMA_BUF);

/**
 * dma_buf_put() - drop a reference to a buffer
 * @dmabuf: the buffer; NULL is a driver's mistake and warned about
 *
 * The exporter's release does not run inside this function. After the last reference it runs when
 * the task returns to userspace, or in a worker for a kernel thread or an interrupt.
 *
 * Context: Any.
 */
void dma_buf_put(struct dma_buf *dmabuf)
{
	if (!dmabuf || !dmabuf->file) {
		dma_buf_report(DMA_BUF_RULE_ARGUMENT, NULL, NULL);
		return;
	}
	trace_dma_buf_put(dmabuf);
	fput(dmabuf->file);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_put, DMA_BUF);
