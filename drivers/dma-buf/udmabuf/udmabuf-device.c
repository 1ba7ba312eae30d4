// SPDX-License-Identifier: GPL-2.0-only
/*
 * udmabuf: the device /dev/udmabuf, which makes dma-bufs of the pages of memfds.
 *
 * A memfd must be sealed against shrinking, so that its pages stay in it, and must not be
 * sealed against writing, because devices may write. Its descriptor must be open for writing
 * for the same reason.
 */

#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/dma-buf.h>
#include <linux/export.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/memfd.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/udmabuf.h>

#include "udmabuf-private.h"

/**
 * DOC: udmabuf
 *
 * Virtual machine monitors use ``/dev/udmabuf`` to share the memory of a guest with drivers of
 * the host: the memory is a memfd, and ``UDMABUF_CREATE`` or ``UDMABUF_CREATE_LIST`` makes a
 * dma-buf of ranges of it.
 *
 * The pages stay pinned while the dma-buf exists. They are not counted against
 * ``RLIMIT_MEMLOCK``: monitors run without privileges and share gigabytes. The pages are
 * charged already, to the memory cgroup of who touched them first, as all pages of a memfd
 * are. The parameters limit the size of one dma-buf.
 */

/**
 * struct udmabuf_limits - parameters; may change at any time
 * @items: most items of a list
 * @size_mb: largest dma-buf
 *
 * They are signed, as in 6.12. A negative limit allows nothing.
 */
struct udmabuf_limits {
	int items;
	int size_mb;
};

static struct udmabuf_limits udmabuf_limits = {
	.items = 1024,
	.size_mb = 64,
};

module_param_named(list_limit, udmabuf_limits.items, int, 0644);
MODULE_PARM_DESC(list_limit, "Most items of UDMABUF_CREATE_LIST (default: 1024)");
module_param_named(size_limit_mb, udmabuf_limits.size_mb, int, 0644);
MODULE_PARM_DESC(size_limit_mb, "Largest dma-buf, in MiB (default: 64)");

static u64 udmabuf_max_bytes(void)
{
	return (u64)max(READ_ONCE(udmabuf_limits.size_mb), 0) * SZ_1M;
}

static u32 udmabuf_max_items(void)
{
	return max(READ_ONCE(udmabuf_limits.items), 0);
}

static bool udmabuf_is_memfd(struct file *file)
{
	return shmem_file(file) || is_file_hugepages(file);
}

static int udmabuf_check_memfd(struct file *memfd)
{
	int seals;

	lockdep_assert_held(&file_inode(memfd)->i_rwsem);
	seals = memfd_fcntl(memfd, F_GET_SEALS, 0);
	if (seals == -EINVAL)
		return -EBADFD;
	if (!(seals & F_SEAL_SHRINK) || seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EINVAL;
	return memfd->f_mode & FMODE_WRITE ? 0 : -EACCES;
}

/* Return -EAGAIN if the range lacks a huge page. */
static int udmabuf_try_add_item(struct udmabuf *udmabuf, struct file *memfd,
				const struct udmabuf_create_item *item)
{
	struct inode *inode = file_inode(memfd);
	int ret;

	/*
	 * Adding a seal and punching a hole take this lock. So does another creation: a page of
	 * CMA is moved before it is pinned, which fails while somebody else refers to it.
	 */
	inode_lock(inode);
	ret = udmabuf_check_memfd(memfd);
	if (!ret && !udmabuf_is_populated(memfd, item->offset, item->size))
		ret = -EAGAIN;
	if (!ret)
		ret = udmabuf_add_range(udmabuf, memfd, item->offset, item->size);
	inode_unlock(inode);
	return ret;
}

static int udmabuf_add_item(struct udmabuf *udmabuf, const struct udmabuf_create_item *item)
{
	struct file *memfd __free(fput) = fget(item->memfd);
	int ret;

	if (!memfd || !udmabuf_is_memfd(memfd))
		return -EBADFD;
	/* Somebody may punch holes all the time, so a signal ends this. */
	for (;;) {
		ret = udmabuf_try_add_item(udmabuf, memfd, item);
		if (ret != -EAGAIN)
			return ret;
		if (fatal_signal_pending(current))
			return -EINTR;
		ret = udmabuf_populate(memfd, item->offset, item->size);
		if (ret)
			return ret;
	}
}

/* Check what can be told without the memfds. */
static int udmabuf_check_items(const struct udmabuf_create_item *items, u32 count)
{
	u64 room = udmabuf_max_bytes(), total = 0;

	for (u32 i = 0; i < count; i++) {
		if (!items[i].size || !PAGE_ALIGNED(items[i].offset | items[i].size)) {
			pr_debug("udmabuf: item %u is not a range of pages\n", i);
			return -EINVAL;
		}
		if (items[i].size > room - total) {
			pr_debug("udmabuf: items up to %u exceed size_limit_mb\n", i);
			return -EINVAL;
		}
		total += items[i].size;
	}
	return total <= SIZE_MAX ? 0 : -EINVAL;
}

static long udmabuf_publish(struct udmabuf *udmabuf, u32 flags)
{
	struct dma_buf *dmabuf;
	int fd;

	dmabuf = dma_storage_export(&udmabuf->base, KBUILD_MODNAME, O_RDWR);
	if (IS_ERR(dmabuf)) {
		udmabuf_free(udmabuf);
		return PTR_ERR(dmabuf);
	}
	/* The dma-buf owns the storage from here on. */
	fd = dma_buf_fd(dmabuf, flags & UDMABUF_FLAGS_CLOEXEC ? O_CLOEXEC : 0);
	if (fd < 0)
		dma_buf_put(dmabuf);
	return fd;
}

static long udmabuf_create(const struct udmabuf_create_item *items, u32 count, u32 flags)
{
	struct udmabuf *udmabuf;
	int ret;

	ret = udmabuf_check_items(items, count);
	if (ret)
		return ret;
	udmabuf = udmabuf_alloc();
	if (!udmabuf)
		return -ENOMEM;
	for (u32 i = 0; i < count && !ret; i++)
		ret = udmabuf_add_item(udmabuf, &items[i]);
	if (ret) {
		udmabuf_free(udmabuf);
		return ret;
	}
	return udmabuf_publish(udmabuf, flags);
}

static long udmabuf_ioctl_create(const void __user *arg)
{
	struct udmabuf_create create;
	struct udmabuf_create_item item = {};

	if (copy_from_user(&create, arg, sizeof(create)))
		return -EFAULT;
	item.memfd = create.memfd;
	item.offset = create.offset;
	item.size = create.size;
	return udmabuf_create(&item, 1, create.flags);
}

static long udmabuf_ioctl_create_list(const void __user *arg)
{
	const struct udmabuf_create_list __user *list = arg;
	struct udmabuf_create_item *items;
	struct udmabuf_create_list head;
	long ret;

	if (copy_from_user(&head, list, sizeof(head)))
		return -EFAULT;
	if (head.count > udmabuf_max_items()) {
		pr_debug("udmabuf: %u items exceed list_limit\n", head.count);
		return -EINVAL;
	}
	if (!head.count)
		return -EINVAL;
	items = dma_storage_alloc_array(head.count, sizeof(*items));
	if (!items)
		return -ENOMEM;
	if (copy_from_user(items, list->list, array_size(head.count, sizeof(*items))))
		ret = -EFAULT;
	else
		ret = udmabuf_create(items, head.count, head.flags);
	kvfree(items);
	return ret;
}

/* Not static, so that tests can call it. */
long udmabuf_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	const void __user *user = (const void __user *)arg;

	switch (cmd) {
	case UDMABUF_CREATE:
		return udmabuf_ioctl_create(user);
	case UDMABUF_CREATE_LIST:
		return udmabuf_ioctl_create_list(user);
	default:
		return -ENOTTY;
	}
}
EXPORT_SYMBOL_IF_KUNIT(udmabuf_ioctl);

static const struct file_operations udmabuf_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = udmabuf_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice udmabuf_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "udmabuf",
	.fops = &udmabuf_fops,
};
module_misc_device(udmabuf_misc);

MODULE_DESCRIPTION("dma-bufs of memfd pages");
MODULE_IMPORT_NS(DMA_BUF);
MODULE_LICENSE("GPL");
