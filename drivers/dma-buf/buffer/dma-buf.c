// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a buffer: export, and release.
 */

#include <linux/export.h>
#include <linux/module.h>

#include "dma-buf-private.h"

/**
 * DOC: Overview
 *
 * A *buffer* (&struct dma_buf) is memory that several devices work on. The
 * driver that has the memory is its *exporter*; drivers whose devices use it are
 * *importers*. Neither knows the other: between them stands this core, which
 * passes an importer's calls to the exporter's &struct dma_buf_ops, and userspace,
 * which carries buffers from driver to driver as file descriptors.
 *
 * From one end to the other:
 *
 * 1. The exporter wraps its memory with dma_buf_export() and gives userspace a
 *    descriptor with dma_buf_fd().
 * 2. The importer turns the descriptor back into the buffer with dma_buf_get()
 *    and announces its device with dma_buf_attach().
 * 3. For each piece of work, or once for many, the importer maps the buffer for
 *    its device with dma_buf_map_attachment(), and later unmaps it.
 * 4. The importer detaches with dma_buf_detach() and drops its reference with
 *    dma_buf_put(). After the last reference, the exporter's release frees the
 *    memory.
 *
 * The order in which devices access the memory is kept by the fences in the
 * buffer's *reservation object* (&dma_buf.resv), whose lock also guards what
 * changes about a buffer.
 */

/**
 * DOC: Lifetime
 *
 * A buffer is as old as its file, and its file is its reference count::
 *
 *    dma_buf_export()
 *           |
 *           v
 *        in use        held by the file: dma_buf_get(), get_dma_buf(), a
 *           |          descriptor, a mapping by mmap(), a message in flight
 *           | last reference to the file dropped
 *           v
 *      unreachable     held by a path alone: O_PATH, a reader of /proc;
 *           |          no poll, no ioctl, not listed any more
 *           | last reference to the path dropped
 *           v
 *       released       the exporter's release, once, in process context
 *
 * - Nothing brings an unreachable buffer back.
 * - A pending poll holds no reference: its callback is removed with the file.
 * - The exporter's module stays loaded until its release has returned.
 * - An attachment holds no reference of its own: who attached holds one to the
 *   buffer until it has detached.
 */

/**
 * DOC: Locking
 *
 * The lock of the reservation object (&dma_buf.resv) guards what changes about a
 * buffer: its attachments, their mappings and pins, the kernel mapping, and who
 * may add a fence.
 *
 * - A function is called with the lock held, or without it because the function
 *   or the exporter takes it. What ends in ``_unlocked`` takes it for its twin.
 * - A callback is always called with it, or always without.
 * - Below it memory may be allocated, but user memory not be touched: a page
 *   fault takes the mmap lock, which is the outer one.
 * - No code on the way to signalling a fence takes it.
 * - The core's other locks are spinlocks under which it calls no driver.
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
 * dma_buf_export() - make a buffer of an exporter's memory.
 * @exp_info: what the exporter has to say; see &struct dma_buf_export_info
 *
 * The caller gets the only reference. It passes it on with dma_buf_fd(), or
 * drops it with dma_buf_put(); from then on the memory belongs to
 * &dma_buf_ops.release. If this fails, the memory is still the caller's.
 *
 * Context: Reservation lock not held; may sleep.
 *
 * Return: The buffer, or an error pointer:
 *
 *   * %-EINVAL - no private data, a mandatory callback missing, pin without
 *     unpin or unpin without pin, or cached mappings together with pin (a
 *     driver's mistake, warned about)
 *   * %-ENOENT - the exporter's module is being unloaded
 *   * %-ENOMEM - no memory
 *   * %-ENFILE - the system's limit of open files is reached
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

	/* From here on nothing fails, and the last fput() undoes it all. */
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

/**
 * dma_buf_object_release() - the last user of a buffer is gone.
 * @obj: object that nothing refers to any more
 *
 * Context: No lock held; may sleep.
 */
void dma_buf_object_release(struct dma_buf_object *obj)
{
	struct dma_buf *dmabuf = &obj->dmabuf;
	/* The exporter's own reservation object may go with its memory. */
	bool own_resv = dmabuf->resv == &obj->resv;

	might_sleep();
	if (obj->vmap_count || !list_empty(&dmabuf->attachments)) {
		dma_buf_report(DMA_BUF_RULE_RELEASE, dmabuf, NULL);
		INIT_LIST_HEAD(&dmabuf->attachments);
	}
	dma_buf_debug_release(dmabuf);

	dmabuf->ops->release(dmabuf);
	if (own_resv)
		dma_resv_fini(&obj->resv);
	module_put(obj->owner);
}
