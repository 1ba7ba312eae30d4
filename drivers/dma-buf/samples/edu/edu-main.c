// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module, PCI driver and character device of the sample copy engine.
 */

#include <linux/dma-fence.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "edu.h"

/**
 * DOC: Edu: overview
 *
 * QEMU's ``edu`` is a PCI device that copies between memory and a small buffer of its own, by
 * DMA, and interrupts at the end. Unlike the camera and the display it does not leave the work
 * to the CPU: caches, IOMMUs and bounce buffers lie between it and the memory. The device is a
 * static importer. It exports nothing.
 *
 * Each device has a node ``/dev/dmabuf_edu-`` with the PCI address of the device. The ioctls
 * are in ``edu-ioctl.h``: a program imports buffers and has bytes copied from one to another.
 *
 * The device addresses 28 bits, unless QEMU is told otherwise. The driver cannot see how many,
 * so the module has a parameter ``dma_bits``, which is read when a device is bound.
 */

/**
 * DOC: Edu: unbinding
 *
 * The device can be unbound while files are open and jobs run. remove() takes these steps:
 *
 * 1. It removes the node. No file is opened any more.
 * 2. It sets &edu.gone. Ioctls of the files that are open fail with -ENODEV, and no job is
 *    queued any more.
 * 3. It drains the queue. A job that waits for a fence stops to wait; a job that copies ends
 *    after the current step. Their fences signal with the error -ENODEV.
 * 4. It detaches all imports: an attachment belongs to the device. The files keep their
 *    handles, and these the references to the buffers.
 *
 * Fences remain, in sync_files and reservation objects, and point to functions of the module.
 * That is why the module cannot be unloaded: it has no exit function.
 */

static unsigned int edu_dma_bits = 28;
module_param_named(dma_bits, edu_dma_bits, uint, 0644);
MODULE_PARM_DESC(dma_bits, "Address bits of the device, 20 to 32 (default: 28)");

static void edu_free(struct kref *refcount)
{
	struct edu *edu = container_of(refcount, struct edu, refcount);

	mutex_destroy(&edu->lock);
	kfree(edu->misc.name);
	kfree(edu);
}

void edu_put(struct edu *edu)
{
	kref_put(&edu->refcount, edu_free);
}

/* The misc device's lock is held, so remove() has not passed misc_deregister(). */
static int edu_open(struct inode *inode, struct file *opened)
{
	struct edu *edu = container_of(opened->private_data, struct edu, misc);
	struct edu_file *file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);

	if (!file)
		return -ENOMEM;
	kref_get(&edu->refcount);
	file->edu = edu;
	xa_init_flags(&file->imports, XA_FLAGS_ALLOC1);
	opened->private_data = file;
	return 0;
}

/* Jobs hold references to their imports, so they are not waited for. */
static int edu_release(struct inode *inode, struct file *opened)
{
	struct edu_file *file = opened->private_data;
	struct edu_import *import;
	unsigned long handle;

	xa_for_each(&file->imports, handle, import)
		edu_import_put(import);
	xa_destroy(&file->imports);
	edu_put(file->edu);
	kfree(file);
	return 0;
}

static long edu_ioctl_import(struct edu_file *file, void __user *user)
{
	struct edu_ioctl_import args;
	int ret;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	ret = edu_import_add(file, &args);
	if (!ret && copy_to_user(user, &args, sizeof(args))) {
		edu_import_remove(file, args.handle);
		ret = -EFAULT;
	}
	return ret;
}

static long edu_ioctl_release(struct edu_file *file, void __user *user)
{
	u32 handle;

	if (get_user(handle, (u32 __user *)user))
		return -EFAULT;
	return edu_import_remove(file, handle);
}

/* The answer is written first: a job cannot be taken back. */
static long edu_ioctl_copy(struct edu_file *file, void __user *user)
{
	struct edu_ioctl_copy __user *to = user;
	struct edu_ioctl_copy args;
	struct file *out_fence;
	int fd, ret;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	if (!(args.flags & EDU_COPY_OUT_FENCE))
		return edu_job_submit(file, &args, NULL);

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	ret = put_user(fd, &to->out_fence);
	if (!ret)
		ret = edu_job_submit(file, &args, &out_fence);
	if (ret)
		put_unused_fd(fd);
	else
		fd_install(fd, out_fence);
	return ret;
}

static long edu_ioctl(struct file *opened, unsigned int cmd, unsigned long arg)
{
	struct edu_file *file = opened->private_data;
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case EDU_IOCTL_IMPORT:
		return edu_ioctl_import(file, user);
	case EDU_IOCTL_RELEASE:
		return edu_ioctl_release(file, user);
	case EDU_IOCTL_COPY:
		return edu_ioctl_copy(file, user);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations edu_fops = {
	.owner = THIS_MODULE,
	.open = edu_open,
	.release = edu_release,
	.unlocked_ioctl = edu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static int edu_queues_init(struct edu *edu)
{
	edu->queue = alloc_ordered_workqueue("dmabuf_edu", 0);
	if (!edu->queue)
		return -ENOMEM;
	edu->cleanup = alloc_workqueue("dmabuf_edu_cleanup", WQ_UNBOUND, 0);
	if (edu->cleanup)
		return 0;
	destroy_workqueue(edu->queue);
	return -ENOMEM;
}

/* Jobs queue their own cleanup, so that queue is drained last. */
static void edu_queues_fini(struct edu *edu)
{
	destroy_workqueue(edu->queue);
	destroy_workqueue(edu->cleanup);
}

static struct edu *edu_new(struct pci_dev *pdev)
{
	struct edu *edu = kzalloc(sizeof(*edu), GFP_KERNEL);

	if (!edu)
		return NULL;
	edu->misc.name = kasprintf(GFP_KERNEL, "dmabuf_edu-%s", pci_name(pdev));
	if (!edu->misc.name) {
		kfree(edu);
		return NULL;
	}
	edu->misc.minor = MISC_DYNAMIC_MINOR;
	edu->misc.fops = &edu_fops;
	edu->misc.parent = &pdev->dev;
	kref_init(&edu->refcount);
	mutex_init(&edu->lock);
	init_waitqueue_head(&edu->stopped);
	INIT_LIST_HEAD(&edu->imports);
	edu->dev = &pdev->dev;
	edu->context = dma_fence_context_alloc(1);
	return edu;
}

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu *edu = edu_new(pdev);
	int ret;

	if (!edu)
		return -ENOMEM;
	pci_set_drvdata(pdev, edu);
	ret = edu_hw_init(edu, clamp(READ_ONCE(edu_dma_bits), 20, 32));
	if (ret)
		goto put;
	ret = edu_queues_init(edu);
	if (ret)
		goto fini_hw;
	ret = misc_register(&edu->misc);
	if (ret)
		goto fini_queues;
	return 0;

fini_queues:
	edu_queues_fini(edu);
fini_hw:
	edu_hw_fini(edu);
put:
	edu_put(edu);
	return ret;
}

static void edu_remove(struct pci_dev *pdev)
{
	struct edu *edu = pci_get_drvdata(pdev);

	misc_deregister(&edu->misc);
	scoped_guard(mutex, &edu->lock)
		WRITE_ONCE(edu->gone, true);
	wake_up_all(&edu->stopped);
	edu_queues_fini(edu);
	edu_import_detach_all(edu);
	edu_hw_fini(edu);
	edu_put(edu);
}

static const struct pci_device_id edu_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{}
};
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
	.name = "dmabuf_sample_edu",
	.id_table = edu_ids,
	.probe = edu_probe,
	.remove = edu_remove,
};

static int __init edu_init(void)
{
	return pci_register_driver(&edu_driver);
}
module_init(edu_init);

MODULE_DESCRIPTION("Sample copy engine that imports dma-bufs, for QEMU's edu device");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(DMA_BUF);
