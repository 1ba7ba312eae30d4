// SPDX-License-Identifier: GPL-2.0-only
/*
 * Imports: the device's attachments to dma-bufs of other drivers.
 *
 * An import is attached and mapped in the ioctl. It is unmapped and detached when the last
 * job and the handle are gone, or when the device is unbound, whichever comes first. The
 * reference to the buffer stays until the former.
 *
 * The buffer stays mapped between jobs, as videobuf2 keeps its imports mapped. So a CPU that
 * accesses it meanwhile has to tell, with DMA_BUF_IOCTL_SYNC.
 */

#include <linux/dma-buf-needs.h>
#include <linux/dma-buf.h>
#include <linux/slab.h>

#include "edu.h"

static int edu_import_attach(struct edu_import *import, size_t contiguous)
{
	const struct dma_buf_needs needs = { .contiguous = contiguous };
	struct device *dev = import->edu->dev;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;

	lockdep_assert_held(&import->edu->lock);
	if (contiguous)
		attach = dma_buf_attach_with_needs(import->dmabuf, dev, NULL, NULL, &needs);
	else
		attach = dma_buf_attach(import->dmabuf, dev);
	if (IS_ERR(attach))
		return PTR_ERR(attach);

	sgt = dma_buf_map_attachment_unlocked(attach, import->dir);
	if (IS_ERR(sgt)) {
		dma_buf_detach(import->dmabuf, attach);
		return PTR_ERR(sgt);
	}
	import->attach = attach;
	import->sgt = sgt;
	list_add(&import->node, &import->edu->imports);
	return 0;
}

/* No job may use the import. */
static void edu_import_detach(struct edu_import *import)
{
	lockdep_assert_held(&import->edu->lock);
	list_del(&import->node);
	dma_buf_unmap_attachment_unlocked(import->attach, import->sgt, import->dir);
	dma_buf_detach(import->dmabuf, import->attach);
	import->attach = NULL;
}

static void edu_import_free(struct kref *refcount)
{
	struct edu_import *import = container_of(refcount, struct edu_import, refcount);

	scoped_guard(mutex, &import->edu->lock)
		if (import->attach)
			edu_import_detach(import);
	dma_buf_put(import->dmabuf);
	kfree(import);
}

/* Context: edu.lock and reservation lock not held; may sleep. */
void edu_import_put(struct edu_import *import)
{
	kref_put(&import->refcount, edu_import_free);
}

/* Find the import of a handle and take a reference, or return NULL. */
struct edu_import *edu_import_get(struct edu_file *file, u32 handle)
{
	struct edu_import *import;

	lockdep_assert_held(&file->edu->lock);
	import = xa_load(&file->imports, handle);
	if (import)
		kref_get(&import->refcount);
	return import;
}

static enum dma_data_direction edu_import_dir(u32 flags)
{
	switch (flags) {
	case EDU_IMPORT_SOURCE:
		return DMA_TO_DEVICE;
	case EDU_IMPORT_DESTINATION:
		return DMA_FROM_DEVICE;
	case EDU_IMPORT_SOURCE | EDU_IMPORT_DESTINATION:
		return DMA_BIDIRECTIONAL;
	default:
		return DMA_NONE;
	}
}

static int edu_import_publish(struct edu_file *file, struct edu_import *import,
			      struct edu_ioctl_import *args)
{
	struct edu *edu = file->edu;
	int ret;

	guard(mutex)(&edu->lock);
	if (edu->gone)
		return -ENODEV;
	ret = edu_import_attach(import, args->contiguous);
	if (ret)
		return ret;
	return xa_alloc(&file->imports, &args->handle, import, XA_LIMIT(1, INT_MAX),
			GFP_KERNEL_ACCOUNT);
}

/* EDU_IOCTL_IMPORT */
int edu_import_add(struct edu_file *file, struct edu_ioctl_import *args)
{
	enum dma_data_direction dir = edu_import_dir(args->flags);
	struct edu_import *import;
	struct dma_buf *dmabuf;
	int ret;

	if (dir == DMA_NONE || args->pad || args->contiguous > SIZE_MAX)
		return -EINVAL;
	dmabuf = dma_buf_get(args->fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	import = kzalloc(sizeof(*import), GFP_KERNEL_ACCOUNT);
	if (!import) {
		dma_buf_put(dmabuf);
		return -ENOMEM;
	}

	kref_init(&import->refcount);
	import->edu = file->edu;
	import->dmabuf = dmabuf;
	import->dir = dir;
	import->flags = args->flags;
	ret = edu_import_publish(file, import, args);
	if (ret)
		edu_import_put(import);
	return ret;
}

/* EDU_IOCTL_RELEASE */
int edu_import_remove(struct edu_file *file, u32 handle)
{
	struct edu_import *import;

	scoped_guard(mutex, &file->edu->lock)
		import = xa_erase(&file->imports, handle);
	if (!import)
		return -ENOENT;
	edu_import_put(import);
	return 0;
}

/* Detach all imports of a device whose jobs have ended. No job can be queued any more. */
void edu_import_detach_all(struct edu *edu)
{
	struct edu_import *import, *next;

	guard(mutex)(&edu->lock);
	list_for_each_entry_safe(import, next, &edu->imports, node)
		edu_import_detach(import);
}
