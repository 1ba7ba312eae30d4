// SPDX-License-Identifier: GPL-2.0-only
/*
 * Creation of a buffer.
 *
 * dma_buf_export() makes a buffer that is complete before others can find it: the registry lists
 * it last, and nothing can fail after the file exists. The members that it sets are fixed, so they
 * need no lock. The buffer holds a reference to the exporter's module until dma-buf-inode.c has
 * called the exporter's release.
 */

#include <linux/export.h>
#include <linux/init.h>
#include <linux/module.h>

#include "dma-buf-private.h"

/**
 * DOC: Overview
 *
 * A *buffer* (&struct dma_buf) is memory that several devices use. The driver that provides the
 * memory is the *exporter*. The drivers whose devices use it are *importers*. The importer calls
 * this core, and the core calls the exporter's &struct dma_buf_ops. Userspace passes a buffer from
 * driver to driver as a file descriptor.
 *
 * 1. The exporter makes a buffer of its memory with dma_buf_export() and gives userspace a
 *    descriptor with dma_buf_fd().
 * 2. The importer gets the buffer of the descriptor with dma_buf_get() and attaches its device with
 *    dma_buf_attach().
 * 3. The importer maps the buffer with dma_buf_map_attachment(), once or for each job, and unmaps
 *    it when the device has finished.
 * 4. The importer detaches with dma_buf_detach() and drops its reference with dma_buf_put(). After
 *    the last reference is dropped, the exporter's release frees the memory.
 *
 * The *reservation object* of the buffer (&dma_buf.resv) holds the fences of the jobs that use the
 * memory. Drivers wait for them so that devices access the memory in order.
 */

/**
 * DOC: Lifetime
 *
 * The file of a buffer is its reference count::
 *
 *    dma_buf_export()
 *           |
 *           v
 *        in use        the file is held by dma_buf_get(), get_dma_buf(), a
 *           |          descriptor, an mmap(), a message in a socket
 *           | last reference to the file dropped
 *           v
 *      file closed     only a path is held: by O_PATH, by a reader of /proc;
 *           |          no poll, no ioctl, not in the registry
 *           | last reference to the path dropped
 *           v
 *       released       the exporter's release has run, once, in process context
 *
 * A buffer whose file is closed cannot be opened again. Callbacks of polls and attachments hold
 * no reference: the callbacks are removed when the file is closed, an importer holds a reference
 * itself.
 */

/**
 * DOC: Locking
 *
 * The lock of the reservation object (&dma_buf.resv) guards what changes about a buffer: the list
 * of attachments, their mappings and pins, the kernel mapping, and the list of fences.
 *
 * - Each function and each callback is called either always with the lock held or always without
 *   it, unless its context is "any". If it is called without the lock, it may take it, or the
 *   exporter may. A function whose name ends in ``_unlocked`` takes the lock and calls the
 *   function without the suffix.
 * - Code that holds the lock may allocate memory with ``GFP_KERNEL``. It must not access user
 *   memory: a page fault takes the mmap lock, which comes before the reservation lock.
 * - Code that has to run before a fence can signal does not take the lock.
 * - The other locks of the core are spinlocks, with none of which it calls a driver, and a mutex
 *   that it holds while it adds the callback of a poll to a fence.
 */

static bool dma_buf_export_info_valid(const struct dma_buf_export_info *info)
{
	const struct dma_buf_ops *ops = info->ops;

	if (!info->priv || !ops)
		return false;
	if (!ops->map_dma_buf || !ops->unmap_dma_buf || !ops->release)
		return false;
	if (!ops->pin != !ops->unpin)
		return false;
	return !(ops->cache_sgt_mapping && ops->pin);
}

/**
 * dma_buf_export() - create a buffer from an exporter's memory
 * @exp_info: description of the buffer; the structure itself is not used after the call
 *
 * The caller gets the only reference. It passes it on with dma_buf_fd() or drops it with
 * dma_buf_put(). On success &dma_buf_ops.release frees the memory; on failure it still belongs to
 * the caller.
 *
 * Context: Reservation lock not held; may sleep.
 * Return: The buffer, or an error pointer: %-EINVAL if @exp_info has no private data, lacks a
 * mandatory callback, has only one of pin and unpin, or has both pin and cache_sgt_mapping (a
 * driver's mistake, warned about); %-ENOENT if the exporter's module is being unloaded; %-ENOMEM;
 * %-ENFILE if the system has reached its limit of open files.
 */
struct dma_buf *dma_buf_export(const struct dma_buf_export_info *exp_info)
{
	struct dma_buf_object *obj;
	struct dma_buf *dmabuf;
	struct file *file;
	int ret;

	might_sleep();
	if (!dma_buf_export_info_valid(exp_info)) {
		dma_buf_report_driver(DMA_BUF_RULE_EXPORT, exp_info->exp_name, NULL);
		return ERR_PTR(-EINVAL);
	}
	if (!try_module_get(exp_info->owner))
		return ERR_PTR(-ENOENT);

	ret = -ENOMEM;
	obj = dma_buf_object_alloc(exp_info->size);
	if (!obj)
		goto put_module;

	file = dma_buf_object_open(obj, exp_info->flags);
	ret = PTR_ERR_OR_ZERO(file);
	if (ret)
		goto put_inode;

	/* Nothing fails after this. The last fput() releases the buffer. */
	obj->exp_name = exp_info->exp_name;
	obj->owner = exp_info->owner;
	dmabuf = &obj->dmabuf;
	dmabuf->file = file;
	dmabuf->ops = exp_info->ops;
	dmabuf->priv = exp_info->priv;
	dmabuf->resv = exp_info->resv;
	if (!dmabuf->resv) {
		dmabuf->resv = &obj->resv;
		dma_resv_init(dmabuf->resv);
	}
	dma_buf_registry_add(obj);
	return dmabuf;

put_inode:
	iput(&obj->inode);
put_module:
	module_put(exp_info->owner);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_export, DMA_BUF);

static int __init dma_buf_init(void)
{
	int ret;

	dma_buf_registry_init();
	ret = dma_buf_inode_init();
	if (ret)
		return ret;

	dma_buf_debugfs_init();
	return 0;
}
subsys_initcall(dma_buf_init);
