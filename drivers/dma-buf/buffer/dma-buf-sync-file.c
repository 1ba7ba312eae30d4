// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ioctls that pass fences from a buffer to a sync_file and back, for programs that use implicit
 * synchronisation with one driver and explicit synchronisation with another.
 *
 * The export takes no reservation lock: its sync_file holds references to the fences that were in
 * the reservation object at one time during the call. The import adds fences with the reservation
 * lock held, and keeps no reference to the sync_file. It takes no lock if all fences have
 * signalled. No user memory is accessed under the lock.
 */

#include <linux/dma-fence-unwrap.h>
#include <linux/sched/signal.h>
#include <linux/sync_file.h>
#include <linux/uaccess.h>

#include "dma-buf-private.h"

static bool dma_buf_access_flags_valid(u32 flags)
{
	return flags && !(flags & ~DMA_BUF_SYNC_RW);
}

/* The only errno is -ENOMEM. */
static struct dma_fence *dma_buf_snapshot_fence(struct dma_buf *dmabuf, bool write)
{
	struct dma_fence *fence;
	int ret;

	ret = dma_resv_get_singleton(dmabuf->resv, dma_resv_usage_rw(write), &fence);
	if (ret)
		return ERR_PTR(ret);
	return fence ?: dma_fence_get_stub();
}

static struct sync_file *dma_buf_snapshot_sync_file(struct dma_buf *dmabuf, bool write)
{
	struct dma_fence *fence = dma_buf_snapshot_fence(dmabuf, write);
	struct sync_file *sync_file;

	if (IS_ERR(fence))
		return ERR_CAST(fence);
	sync_file = sync_file_create(fence);
	dma_fence_put(fence);
	return sync_file ?: ERR_PTR(-ENOMEM);
}

/**
 * dma_buf_export_sync_file() - handle DMA_BUF_IOCTL_EXPORT_SYNC_FILE
 * @dmabuf: the buffer
 * @arg: &struct dma_buf_export_sync_file in user memory
 *
 * Installs the descriptor last, when nothing can fail any more.
 *
 * Context: Reservation lock not held; may sleep.
 * Return: 0; -EFAULT if @arg cannot be read or written; -EINVAL if neither read nor write is set
 * in the flags, or an unknown flag is; -EMFILE if the process has reached its limit of
 * descriptors; -ENOMEM.
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

	sync_file = dma_buf_snapshot_sync_file(dmabuf, param.flags & DMA_BUF_SYNC_WRITE);
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

/* The number only falls: a signalled fence stays signalled, and a chain only loses links. */
static unsigned int dma_buf_count_pending(struct dma_fence *container)
{
	struct dma_fence_unwrap iter;
	struct dma_fence *fence;
	unsigned int count = 0;

	dma_fence_unwrap_for_each(fence, &iter, container)
		count += !dma_fence_is_signaled(fence);
	return count;
}

/*
 * Add the pending fences in @container, because a reservation object must not hold containers.
 * There are at most @count. Either all are added, or none and -ENOMEM is returned.
 */
static int dma_buf_add_pending(struct dma_buf *dmabuf, struct dma_fence *container,
			       unsigned int count, enum dma_resv_usage usage)
{
	struct dma_fence_unwrap iter;
	struct dma_fence *fence;
	int ret;

	dma_resv_assert_held(dmabuf->resv);

	ret = dma_resv_reserve_fences(dmabuf->resv, count);
	if (ret)
		return ret;

	dma_fence_unwrap_for_each(fence, &iter, container) {
		if (!dma_fence_is_signaled(fence))
			dma_resv_add_fence(dmabuf->resv, fence, usage);
		cond_resched(); /* each call may compare with all fences in the object */
	}
	return 0;
}

/*
 * 6.12 never returned EINTR from the import, and programs do not repeat it. A ww_mutex has no
 * killable lock: if another signal than a fatal one ends the wait, wait uninterruptibly.
 */
static int dma_buf_lock_killable(struct dma_buf *dmabuf)
{
	int ret;

	might_sleep();
	ret = dma_resv_lock_interruptible(dmabuf->resv, NULL);
	if (ret && !fatal_signal_pending(current))
		ret = dma_resv_lock(dmabuf->resv, NULL);
	return ret;
}

static int dma_buf_import_fence(struct dma_buf *dmabuf, struct dma_fence *fence,
				enum dma_resv_usage usage)
{
	unsigned int count = dma_buf_count_pending(fence);
	int ret;

	if (!count)
		return 0;
	ret = dma_buf_lock_killable(dmabuf);
	if (ret)
		return ret;
	ret = dma_buf_add_pending(dmabuf, fence, count, usage);
	dma_resv_unlock(dmabuf->resv);
	return ret;
}

/**
 * dma_buf_import_sync_file() - handle DMA_BUF_IOCTL_IMPORT_SYNC_FILE
 * @dmabuf: the buffer
 * @arg: &struct dma_buf_import_sync_file in user memory
 *
 * Context: Reservation lock not held; may sleep.
 * Return: 0, or an errno and no fence was added: -EFAULT if @arg cannot be read; -EINVAL if
 * neither read nor write is set in the flags, an unknown flag is, or the descriptor is not that
 * of a sync_file; -ENOMEM; -EINTR if the task was killed while it waited for the lock.
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

	ret = dma_buf_import_fence(dmabuf, fence, usage);
	dma_fence_put(fence);
	return ret;
}
