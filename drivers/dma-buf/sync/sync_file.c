// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fences as file descriptors (sync_file).
 *
 * A sync_file holds a reference to one fence, which never changes: merging two sync_files
 * makes a new one with a merged fence. The first poll adds a callback to the fence, which
 * wakes all pollers. The last reference to the file removes the callback, drops the fence
 * and frees the sync_file. There is no lock: only POLL_ENABLED changes, atomically.
 */

#include <linux/anon_inodes.h>
#include <linux/build_bug.h>
#include <linux/dma-fence-unwrap.h>
#include <linux/export.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/sync_file.h>
#include <linux/uaccess.h>
#include <uapi/linux/sync_file.h>

static_assert(sizeof(struct sync_merge_data) == 48);
static_assert(sizeof(struct sync_fence_info) == 80);
static_assert(sizeof(struct sync_file_info) == 56);
static_assert(sizeof(struct sync_set_deadline) == 16);

static void sync_file_wake(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	wake_up_all(&container_of(cb, struct sync_file, cb)->wq);
}

static __poll_t sync_file_poll(struct file *file, poll_table *table)
{
	struct sync_file *sync_file = file->private_data;

	poll_wait(file, &sync_file->wq, table);
	/* Wake pollers that slept because the flag was set already. */
	if (!test_and_set_bit(POLL_ENABLED, &sync_file->flags) &&
	    dma_fence_add_callback(sync_file->fence, &sync_file->cb, sync_file_wake))
		wake_up_all(&sync_file->wq);
	return dma_fence_is_signaled(sync_file->fence) ? EPOLLIN : 0;
}

static int sync_file_release(struct inode *inode, struct file *file)
{
	struct sync_file *sync_file = file->private_data;

	/* Also waits for a running sync_file_wake(). */
	if (test_bit(POLL_ENABLED, &sync_file->flags))
		dma_fence_remove_callback(sync_file->fence, &sync_file->cb);
	dma_fence_put(sync_file->fence);
	kfree(sync_file);
	return 0;
}

static long sync_file_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
static void sync_file_show_fdinfo(struct seq_file *seq, struct file *file);

static const struct file_operations sync_file_fops = {
	.poll = sync_file_poll,
	.release = sync_file_release,
	.unlocked_ioctl = sync_file_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = sync_file_show_fdinfo,
};

/* Takes over the reference to the fence on success. */
static struct sync_file *sync_file_alloc(struct dma_fence *fence)
{
	struct sync_file *sync_file = kmalloc(sizeof(*sync_file), GFP_KERNEL_ACCOUNT);

	if (!sync_file)
		return NULL;
	sync_file->user_name[0] = 0;
	sync_file->flags = 0;
	init_waitqueue_head(&sync_file->wq);
	sync_file->fence = fence;
	sync_file->file = anon_inode_getfile("sync_file", &sync_file_fops, sync_file, 0);
	if (!IS_ERR(sync_file->file))
		return sync_file;
	kfree(sync_file);
	return NULL;
}

/**
 * sync_file_create() - create a sync_file for a fence.
 * @fence: the fence; the file takes a reference of its own
 *
 * Publish &sync_file.file with fd_install() as the last step, when nothing can fail any
 * more, or drop it with fput().
 *
 * Context: May sleep.
 * Return: The sync_file; NULL if there is no memory.
 */
struct sync_file *sync_file_create(struct dma_fence *fence)
{
	struct sync_file *sync_file = sync_file_alloc(dma_fence_get(fence));

	if (!sync_file)
		dma_fence_put(fence);
	return sync_file;
}
EXPORT_SYMBOL(sync_file_create);

/* Return the sync_file of a descriptor, or NULL. Valid until the caller's CLASS(fd) ends. */
static struct sync_file *sync_file_from_fd(struct fd fd)
{
	if (!fd_file(fd) || fd_file(fd)->f_op != &sync_file_fops)
		return NULL;
	return fd_file(fd)->private_data;
}

/**
 * sync_file_get_fence() - return the fence of a sync_file descriptor.
 * @fd: file descriptor of the current task
 *
 * Context: Process context.
 * Return: The fence, with a reference; NULL if @fd is not a sync_file.
 */
struct dma_fence *sync_file_get_fence(int fd)
{
	struct sync_file *sync_file;

	CLASS(fd, from)(fd);
	sync_file = sync_file_from_fd(from);
	return sync_file ? dma_fence_get(sync_file->fence) : NULL;
}
EXPORT_SYMBOL(sync_file_get_fence);

/**
 * sync_file_get_name() - write the name of a sync_file.
 * @sync_file: the sync_file
 * @buf: buffer for the name, which is terminated
 * @len: size of @buf in bytes
 *
 * A merged file has the name that was given to the merge. Otherwise the name is made of the
 * fence's names, context and sequence number; "signaled" replaces the names after the
 * signal.
 *
 * Context: Any.
 * Return: @buf.
 */
char *sync_file_get_name(struct sync_file *sync_file, char *buf, int len)
{
	struct dma_fence *fence = sync_file->fence;

	guard(rcu)();
	if (sync_file->user_name[0]) {
		strscpy(buf, sync_file->user_name, len);
		return buf;
	}
	scnprintf(buf, len, "%s-%s%llu-%lld", unrcu_pointer(dma_fence_driver_name(fence)),
		  unrcu_pointer(dma_fence_timeline_name(fence)), fence->context,
		  (s64)fence->seqno);
	/* Tested last: the fence may have signalled between the two names. */
	if (dma_fence_test_signaled_flag(fence))
		scnprintf(buf, len, "signaled-%llu-%lld", fence->context, (s64)fence->seqno);
	return buf;
}

static struct sync_file *sync_file_merge(const char *name, struct sync_file *one,
					 struct sync_file *other)
{
	struct dma_fence *fence = dma_fence_unwrap_merge(one->fence, other->fence);
	struct sync_file *merged;

	if (!fence)
		return NULL;
	merged = sync_file_alloc(fence);
	if (merged)
		strscpy(merged->user_name, name);
	else
		dma_fence_put(fence);
	return merged;
}

static long sync_file_ioctl_merge(struct sync_file *sync_file, void __user *arg)
{
	struct sync_file *other, *merged;
	struct sync_merge_data data;

	CLASS(get_unused_fd, fd)(O_CLOEXEC);
	if (fd < 0)
		return fd;
	if (copy_from_user(&data, arg, sizeof(data)))
		return -EFAULT;
	if (data.flags || data.pad)
		return -EINVAL;

	CLASS(fd, second)(data.fd2);
	other = sync_file_from_fd(second);
	if (!other)
		return -ENOENT;
	data.name[sizeof(data.name) - 1] = 0;
	merged = sync_file_merge(data.name, sync_file, other);
	if (!merged)
		return -ENOMEM;

	data.fence = fd;
	if (copy_to_user(arg, &data, sizeof(data))) {
		fput(merged->file);
		return -EFAULT;
	}
	fd_install(take_fd(fd), merged->file);
	return 0;
}

static void sync_file_fill_fence(struct sync_fence_info *info, struct dma_fence *fence)
{
	guard(rcu)();
	/* Status and names are of the same moment: start again if the fence signals meanwhile. */
	do {
		info->status = dma_fence_get_status(fence);
		strscpy(info->obj_name, unrcu_pointer(dma_fence_timeline_name(fence)));
		strscpy(info->driver_name, unrcu_pointer(dma_fence_driver_name(fence)));
	} while (!info->status && dma_fence_test_signaled_flag(fence));
	if (info->status)
		info->timestamp_ns = ktime_to_ns(dma_fence_timestamp(fence));
}

static unsigned int sync_file_count(struct sync_file *sync_file)
{
	struct dma_fence_unwrap cursor;
	struct dma_fence *fence;
	unsigned int count = 0;

	dma_fence_unwrap_for_each(fence, &cursor, sync_file->fence)
		count++;
	return count;
}

static void sync_file_show_fdinfo(struct seq_file *seq, struct file *file)
{
	struct sync_file *sync_file = file->private_data;
	struct dma_fence *fence = sync_file->fence;
	int status = 0;

	/* Reads the flag only: the lock of the fence may be gone after the signal. */
	if (dma_fence_test_signaled_flag(fence))
		status = fence->error ?: 1;
	seq_printf(seq, "fences:\t%u\nstatus:\t%d\n", sync_file_count(sync_file), status);
}

/* Returns the status of the first fence that has not signalled or has failed, else 1. */
static int sync_file_fill(struct sync_file *sync_file, struct sync_fence_info *infos,
			  unsigned int *count)
{
	unsigned int capacity = *count;
	struct dma_fence_unwrap cursor;
	struct dma_fence *fence;
	int status = 1;

	*count = 0;
	dma_fence_unwrap_for_each(fence, &cursor, sync_file->fence) {
		/* A container never gets more fences after it was counted. */
		if (WARN_ON_ONCE(*count == capacity)) {
			dma_fence_put(cursor.chain);
			break;
		}
		sync_file_fill_fence(&infos[*count], fence);
		if (status > 0)
			status = infos[*count].status;
		++*count;
	}
	return status;
}

static long sync_file_ioctl_info(struct sync_file *sync_file, void __user *arg)
{
	struct sync_fence_info *infos __free(kvfree) = NULL;
	unsigned int count = sync_file_count(sync_file);
	struct sync_file_info info;

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;
	if (info.flags || info.pad)
		return -EINVAL;

	if (!info.num_fences) {
		info.status = dma_fence_get_status(sync_file->fence);
	} else {
		if (info.num_fences < count)
			return -EINVAL;
		infos = kvcalloc(count, sizeof(*infos), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!infos)
			return -ENOMEM;
		info.status = sync_file_fill(sync_file, infos, &count);
		if (copy_to_user(u64_to_user_ptr(info.sync_fence_info), infos,
				 array_size(count, sizeof(*infos))))
			return -EFAULT;
	}

	info.num_fences = count;
	sync_file_get_name(sync_file, info.name, sizeof(info.name));
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long sync_file_ioctl_set_deadline(struct sync_file *sync_file, void __user *arg)
{
	struct sync_set_deadline data;

	if (copy_from_user(&data, arg, sizeof(data)))
		return -EFAULT;
	if (data.pad)
		return -EINVAL;
	dma_fence_set_deadline(sync_file->fence, ns_to_ktime(data.deadline_ns));
	return 0;
}

static const struct {
	unsigned int cmd;
	long (*call)(struct sync_file *sync_file, void __user *arg);
} sync_file_ioctls[] = {
	{ SYNC_IOC_MERGE, sync_file_ioctl_merge },
	{ SYNC_IOC_FILE_INFO, sync_file_ioctl_info },
	{ SYNC_IOC_SET_DEADLINE, sync_file_ioctl_set_deadline },
};

static long sync_file_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(sync_file_ioctls); i++)
		if (sync_file_ioctls[i].cmd == cmd)
			return sync_file_ioctls[i].call(file->private_data,
							(void __user *)arg);
	return -ENOTTY;
}
