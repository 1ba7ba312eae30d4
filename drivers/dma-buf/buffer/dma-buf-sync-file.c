// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fences between a buffer and sync_files: the bridge from implicit to explicit
 * synchronisation and back.
 */

#include <linux/dma-fence-unwrap.h>
#include <linux/sync_file.h>
#include <linux/uaccess.h>

#include "dma-buf-private.h"

static bool dma_buf_access_flags_valid(u32 flags)
{
	return flags && !(flags & ~DMA_BUF_SYNC_RW);
}

/* A fence for all that the access has to wait for, signalled if that is nothing. */
static struct dma_fence *dma_buf_snapshot(struct dma_buf *dmabuf, bool write)
{
	struct dma_fence *fence;
	int ret;

	ret = dma_resv_get_singleton(dmabuf->resv, dma_resv_usage_rw(write), &fence);
	if (ret)
		return ERR_PTR(ret);
	return fence ?: dma_fence_get_stub();
}

static struct sync_file *dma_buf_snapshot_file(struct dma_buf *dmabuf, bool write)
{
	struct dma_fence *fence = dma_buf_snapshot(dmabuf, write);
	struct sync_file *sync_file;

	if (IS_ERR(fence))
		return ERR_CAST(fence);
	sync_file = sync_file_create(fence);
	dma_fence_put(fence);
	return sync_file ?: ERR_PTR(-ENOMEM);
}

/**
 * dma_buf_export_sync_file() - DMA_BUF_IOCTL_EXPORT_SYNC_FILE.
 * @dmabuf: the buffer
 * @arg: &struct dma_buf_export_sync_file of the caller
 *
 * Context: Reservation lock not held; may sleep.
 *
 * Return: 0, or -EFAULT, -EINVAL for bad flags, -EMFILE without a free
 * descriptor, -ENOMEM. The descriptor appears only after all else is done.
 */
long dma_buf_export_sync_file(struct dma_buf *dmabuf, void __user *arg)
{
	struct dma_buf_export_sync_file param;
	struct sync_file *sync_file;

	if (copy_from_user(&param, arg, sizeof(param)))
		return -EFAULT;
	if (!dma_buf_access_flags_valid(param.flags))
		return -EINVAL;

	CLASS(get_unused_fd, fd)(O_CLOEXEC);
	if (fd < 0)
		return fd;

	sync_file = dma_buf_snapshot_file(dmabuf, param.flags & DMA_BUF_SYNC_WRITE);
	if (IS_ERR(sync_file))
		return PTR_ERR(sync_file);

	param.fd = fd;
	if (copy_to_user(arg, &param, sizeof(param))) {
		fput(sync_file->file);
		return -EFAULT;
	}
	fd_install(take_fd(fd), sync_file->file);
	return 0;
}

/* All of them, or none. A container is taken apart: each member has its context. */
static int dma_buf_add_fences(struct dma_buf *dmabuf, struct dma_fence *container,
			      enum dma_resv_usage usage)
{
	struct dma_fence_unwrap iter;
	struct dma_fence *fence;
	unsigned int count = 0;
	int ret;

	dma_resv_assert_held(dmabuf->resv);

	dma_fence_unwrap_for_each(fence, &iter, container)
		count++;
	if (!count)
		return 0;

	ret = dma_resv_reserve_fences(dmabuf->resv, count);
	if (ret)
		return ret;

	/* A chain only gets shorter between the two walks, so the room suffices. */
	dma_fence_unwrap_for_each(fence, &iter, container) {
		dma_resv_add_fence(dmabuf->resv, fence, usage);
		cond_resched(); /* each may have to look at all the others */
	}
	return 0;
}

/**
 * dma_buf_import_sync_file() - DMA_BUF_IOCTL_IMPORT_SYNC_FILE.
 * @dmabuf: the buffer
 * @arg: &struct dma_buf_import_sync_file of the caller
 *
 * Context: Reservation lock not held; may sleep.
 *
 * Return: 0, or -EFAULT, -EINVAL for bad flags or no sync_file, -ENOMEM,
 * -ERESTARTSYS when a signal arrives while somebody else holds the lock.
 */
long dma_buf_import_sync_file(struct dma_buf *dmabuf, void __user *arg)
{
	struct dma_buf_import_sync_file param;
	enum dma_resv_usage usage;
	struct dma_fence *fence;
	int ret;

	if (copy_from_user(&param, arg, sizeof(param)))
		return -EFAULT;
	if (!dma_buf_access_flags_valid(param.flags))
		return -EINVAL;

	fence = sync_file_get_fence(param.fd);
	if (!fence)
		return -EINVAL;

	usage = DMA_RESV_USAGE_READ;
	if (param.flags & DMA_BUF_SYNC_WRITE)
		usage = DMA_RESV_USAGE_WRITE;

	ret = -ERESTARTSYS;
	if (!dma_resv_lock_interruptible(dmabuf->resv, NULL)) {
		ret = dma_buf_add_fences(dmabuf, fence, usage);
		dma_resv_unlock(dmabuf->resv);
	}
	dma_fence_put(fence);
	return ret;
}
