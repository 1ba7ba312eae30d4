// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sample copy engine: the driver of QEMU's PCI device "edu". A transfer between memory and the
 * device's buffer takes 100 ms and cannot be aborted. The page sample-edu.rst explains the driver.
 */

#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "edu.h"

#define EDU_IRQ_STATUS		0x24
#define EDU_IRQ_ACK		0x64
#define EDU_DMA_SOURCE		0x80
#define EDU_DMA_DESTINATION	0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_COMMAND		0x98
#define EDU_DMA_FROM_MEMORY	0x5 /* with an interrupt at the end */
#define EDU_DMA_TO_MEMORY	0x7
#define EDU_BUFFER		0x40000 /* address of the device's buffer */

static unsigned int edu_dma_bits = 28;
module_param_named(dma_bits, edu_dma_bits, uint, 0644);
MODULE_PARM_DESC(dma_bits, "Address bits of the device, 20 to 32 (default: 28)");

static irqreturn_t edu_interrupt(int irq, void *data)
{
	struct edu *edu = data;

	iowrite32(ioread32(edu->regs + EDU_IRQ_STATUS), edu->regs + EDU_IRQ_ACK);
	complete(&edu->transferred);
	return IRQ_HANDLED;
}

int edu_hw_transfer(struct edu *edu, dma_addr_t addr, u32 bytes, bool to_memory)
{
	reinit_completion(&edu->transferred);
	iowrite32(to_memory ? EDU_BUFFER : addr, edu->regs + EDU_DMA_SOURCE);
	iowrite32(to_memory ? addr : EDU_BUFFER, edu->regs + EDU_DMA_DESTINATION);
	iowrite32(bytes, edu->regs + EDU_DMA_COUNT);
	iowrite32(to_memory ? EDU_DMA_TO_MEMORY : EDU_DMA_FROM_MEMORY, edu->regs + EDU_DMA_COMMAND);
	/* A fence must signal in bounded time. */
	if (wait_for_completion_timeout(&edu->transferred, 10 * HZ))
		return 0;
	/* The device could still write to memory later, so it loses its access to the bus. */
	dev_err(edu->dev, "transfer has not ended\n");
	pci_clear_master(to_pci_dev(edu->dev));
	WRITE_ONCE(edu->gone, true);
	return -EIO;
}

static void edu_put(void *data)
{
	struct edu *edu = data;

	if (!refcount_dec_and_test(&edu->users))
		return;
	if (edu->queue)
		destroy_workqueue(edu->queue);
	if (edu->cleanup)
		destroy_workqueue(edu->cleanup);
	kfree(edu);
}

/* The misc device's lock is held: no other open runs, and remove() waits for it. */
static int edu_open(struct inode *inode, struct file *file)
{
	struct edu *edu = container_of(file->private_data, struct edu, misc);

	if (refcount_read(&edu->users) > 1)
		return -EBUSY;
	refcount_inc(&edu->users);
	file->private_data = edu;
	return 0;
}

/* Jobs hold references to their imports, so they are not waited for. */
static int edu_release(struct inode *inode, struct file *file)
{
	edu_import_remove_all(file->private_data);
	edu_put(file->private_data);
	return 0;
}

static long edu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct edu *edu = file->private_data;
	union {
		struct edu_ioctl_import import;
		struct edu_ioctl_copy copy;
		u32 handle;
	} args;

	if (_IOC_SIZE(cmd) > sizeof(args))
		return -ENOTTY;
	if (copy_from_user(&args, (void __user *)arg, _IOC_SIZE(cmd)))
		return -EFAULT;
	switch (cmd) {
	case EDU_IOCTL_IMPORT:
		return edu_import_add(edu, &args.import);
	case EDU_IOCTL_RELEASE:
		return edu_import_remove(edu, args.handle);
	case EDU_IOCTL_COPY:
		return edu_job_submit(edu, &args.copy);
	}
	return -ENOTTY;
}

static const struct file_operations edu_fops = {
	.owner = THIS_MODULE,
	.open = edu_open,
	.release = edu_release,
	.unlocked_ioctl = edu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu *edu = kzalloc(sizeof(*edu), GFP_KERNEL);
	int ret;

	if (!edu)
		return -ENOMEM;
	refcount_set(&edu->users, 1);
	mutex_init(&edu->lock);
	init_completion(&edu->transferred);
	xa_init_flags(&edu->imports, XA_FLAGS_ALLOC1);
	edu->dev = &pdev->dev;
	edu->context = dma_fence_context_alloc(1);
	edu->queue = alloc_ordered_workqueue("dmabuf_edu", 0);
	edu->cleanup = alloc_workqueue("dmabuf_edu_cleanup", WQ_UNBOUND, 0);
	edu->misc.minor = MISC_DYNAMIC_MINOR;
	edu->misc.fops = &edu_fops;
	edu->misc.parent = edu->dev;
	edu->misc.name = devm_kasprintf(edu->dev, GFP_KERNEL, "dmabuf_edu-%s", pci_name(pdev));
	pci_set_drvdata(pdev, edu);
	ret = devm_add_action_or_reset(edu->dev, edu_put, edu);
	if (ret)
		return ret;
	if (!edu->queue || !edu->cleanup || !edu->misc.name)
		return -ENOMEM;

	/* Exporters read the DMA mask and the longest segment when the device is attached. */
	ret = pcim_enable_device(pdev) ?:
	      dma_set_mask_and_coherent(edu->dev, DMA_BIT_MASK(clamp(edu_dma_bits, 20, 32)));
	if (ret)
		return ret;
	dma_set_max_seg_size(edu->dev, UINT_MAX);
	edu->regs = pcim_iomap_region(pdev, 0, "dmabuf_sample_edu");
	if (IS_ERR(edu->regs))
		return PTR_ERR(edu->regs);
	pci_set_master(pdev);
	ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);
	if (ret < 0)
		return ret;
	return devm_request_irq(edu->dev, pci_irq_vector(pdev, 0), edu_interrupt, 0,
				"dmabuf_sample_edu", edu) ?:
	       misc_register(&edu->misc);
}

static void edu_remove(struct pci_dev *pdev)
{
	struct edu *edu = pci_get_drvdata(pdev);

	misc_deregister(&edu->misc);
	edu_job_end_all(edu);
	edu_import_remove_all(edu);
}

static const struct pci_device_id edu_ids[] = { { PCI_DEVICE(0x1234, 0x11e8) }, {} };
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
	.name = "dmabuf_sample_edu",
	.id_table = edu_ids,
	.probe = edu_probe,
	.remove = edu_remove,
};

/*
 * Each fence holds a reference to the module, so none is left. But the task that dropped the
 * last one may be preempted before it returns from edu_fence_release().
 */
static void edu_unregister(struct pci_driver *driver)
{
	pci_unregister_driver(driver);
	synchronize_rcu_tasks();
}

module_driver(edu_driver, pci_register_driver, edu_unregister);

MODULE_DESCRIPTION("Sample copy engine that imports dma-bufs, for QEMU's edu device");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(DMA_BUF);
