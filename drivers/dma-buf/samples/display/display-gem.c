// SPDX-License-Identifier: GPL-2.0-only
/*
 * GEM objects: the display's own buffers and its imports, as DRM sees them.
 *
 * This file ties the others together: display-storage.c has the memory of own
 * buffers, display-import.c the attachments of imports, display-export.c the
 * dma-bufs made of own buffers. None of these calls back into this file.
 */

#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_mode.h>
#include <drm/drm_prime.h>
#include <drm/drm_vma_manager.h>

#include "display.h"

static int display_bo_pin(struct display_bo *bo)
{
	dma_resv_assert_held(bo->base.resv);
	if (bo->imported)
		return display_import_pin(bo);
	bo->pin_count++;
	return 0;
}

static void display_bo_unpin(struct display_bo *bo)
{
	dma_resv_assert_held(bo->base.resv);
	if (bo->imported)
		display_import_unpin(bo);
	else
		bo->pin_count--;
}

/**
 * display_bo_prepare() - prepare a buffer for scan-out.
 * @bo: own buffer or import
 *
 * Until display_bo_cleanup() the buffer is not moved, is mapped for the device,
 * and has a kernel address. This waits for no fence: writers may still be at
 * work. Calls nest.
 *
 * Context: Inside drm_dev_enter(); reservation lock not held; may sleep.
 * Return: 0, %-EINTR if a signal came, or an errno of the exporter.
 */
int display_bo_prepare(struct display_bo *bo)
{
	struct dma_resv *resv = bo->base.resv;
	int ret;

	ret = dma_resv_lock_interruptible(resv, NULL);
	if (ret)
		return ret;

	ret = display_bo_pin(bo);
	if (ret)
		goto unlock;
	ret = display_bo_vmap(bo);
	if (ret)
		display_bo_unpin(bo);
unlock:
	dma_resv_unlock(resv);
	return ret;
}

/**
 * display_bo_cleanup() - undo one display_bo_prepare().
 * @bo: own buffer or import
 *
 * Works on a dead import too: a commit can outlast the device.
 *
 * Context: Reservation lock not held; may sleep.
 */
void display_bo_cleanup(struct display_bo *bo)
{
	dma_resv_lock(bo->base.resv, NULL);
	display_bo_vunmap(bo);
	display_bo_unpin(bo);
	dma_resv_unlock(bo->base.resv);
}

/*
 * A move holds the reservation lock while it replaces the storage, and removes
 * the pages of all userspace mappings before. So the page that is looked up here
 * is the current one. The page offset includes the buffer's fake offset in DRM's
 * address space. The device takes no part, hence no drm_dev_enter(): the pages
 * can be accessed after an unbind.
 */
static vm_fault_t display_gem_fault(struct vm_fault *vmf)
{
	struct drm_gem_object *obj = vmf->vma->vm_private_data;
	unsigned long index = vmf->pgoff - drm_vma_node_start(&obj->vma_node);
	struct display_storage *storage;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	/* The task handles the signal and then faults again. */
	if (dma_resv_lock_interruptible(obj->resv, NULL))
		return VM_FAULT_NOPAGE;

	storage = to_display_bo(obj)->storage;
	if (index < storage->num_pages)
		ret = vmf_insert_pfn(vmf->vma, vmf->address,
				     page_to_pfn(storage->pages[index]));
	dma_resv_unlock(obj->resv);
	return ret;
}

static const struct vm_operations_struct display_gem_vm_ops = {
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
	.fault = display_gem_fault,
};

/*
 * VM_PFNMAP keeps get_user_pages() from taking references to pages that a move
 * replaces. Such a mapping cannot be copied on write, so private writable
 * mappings are refused. The memory is cached: userspace brackets its access with
 * DMA_BUF_IOCTL_SYNC. An import is mapped through its own dma-buf only.
 */
static int display_gem_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	if (to_display_bo(obj)->imported || is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}

/*
 * Called without locks when the last reference is dropped. There is no handle,
 * framebuffer, dma-buf or userspace mapping any more, hence no pin, export or DMA
 * mapping. The reservation object of an import belongs to the dma-buf, so the
 * reference to that is dropped last.
 */
static void display_gem_free(struct drm_gem_object *obj)
{
	struct display_bo *bo = to_display_bo(obj);

	if (bo->imported)
		display_import_detach(bo);
	drm_gem_object_release(obj);
	if (bo->imported)
		dma_buf_put(bo->imported);
	if (bo->storage)
		display_storage_put(bo->storage);
	kfree(bo);
}

static const struct drm_gem_object_funcs display_gem_funcs = {
	.free = display_gem_free,
	.export = display_export,
	.mmap = display_gem_mmap,
	.vm_ops = &display_gem_vm_ops,
};

/*
 * The object of a dma-buf, or of an own buffer if @imported is NULL. It takes a
 * reference to the dma-buf.
 */
static struct display_bo *display_bo_alloc(struct drm_device *drm, size_t size,
					   struct dma_buf *imported)
{
	struct display_bo *bo = kzalloc(sizeof(*bo), GFP_KERNEL);

	if (!bo)
		return NULL;
	bo->base.funcs = &display_gem_funcs;
	INIT_LIST_HEAD(&bo->exports);
	INIT_LIST_HEAD(&bo->mappings);
	if (imported) {
		get_dma_buf(imported);
		bo->imported = imported;
		bo->base.resv = imported->resv;
	}
	drm_gem_private_object_init(drm, &bo->base, size);
	return bo;
}

/* An own buffer, complete before its first handle. */
struct display_bo *display_bo_create(struct drm_device *drm, size_t size)
{
	struct display_bo *bo = display_bo_alloc(drm, size, NULL);
	int ret;

	if (!bo)
		return ERR_PTR(-ENOMEM);

	ret = drm_gem_create_mmap_offset(&bo->base);
	if (ret)
		goto put;
	ret = -ENOMEM;
	bo->storage = display_storage_alloc(size >> PAGE_SHIFT);
	if (!bo->storage)
		goto put;

	drm_gem_lru_move_tail(&to_display(drm)->lru, &bo->base);
	return bo;

put:
	drm_gem_object_put(&bo->base);
	return ERR_PTR(ret);
}

/*
 * DRM_IOCTL_MODE_CREATE_DUMB. Rows are not padded: most other devices can read
 * and write such a picture.
 */
int display_dumb_create(struct drm_file *file, struct drm_device *drm,
			struct drm_mode_create_dumb *args)
{
	struct display_bo *bo;
	int ret;

	if (args->width > DISPLAY_MAX_FB || args->height > DISPLAY_MAX_FB || args->bpp > 32)
		return -EINVAL;
	args->pitch = args->width * DIV_ROUND_UP(args->bpp, 8);
	args->size = PAGE_ALIGN(args->pitch * args->height);

	bo = display_bo_create(drm, args->size);
	if (IS_ERR(bo))
		return PTR_ERR(bo);

	/* The handle holds its own reference. */
	ret = drm_gem_handle_create(file, &bo->base, &args->handle);
	drm_gem_object_put(&bo->base);
	return ret;
}

static struct drm_gem_object *display_gem_import_foreign(struct drm_device *drm,
							 struct dma_buf *dmabuf)
{
	struct display_bo *bo;
	int ret;

	if (!dmabuf->size || !PAGE_ALIGNED(dmabuf->size))
		return ERR_PTR(-EINVAL);
	bo = display_bo_alloc(drm, dmabuf->size, dmabuf);
	if (!bo)
		return ERR_PTR(-ENOMEM);

	ret = display_import_attach(bo);
	if (ret) {
		drm_gem_object_put(&bo->base);
		return ERR_PTR(ret);
	}
	return &bo->base;
}

/**
 * display_gem_import() - make the GEM object of a dma-buf.
 * @drm: the display
 * @dmabuf: the dma-buf; the caller holds a reference
 *
 * If the display exported the dma-buf itself, the result is the object that it
 * was made of. Attaching to it would create a cycle: the object would hold the
 * dma-buf, and the dma-buf holds the object.
 *
 * Context: DRM's object_name_lock held; reservation lock not held; may sleep.
 * Return: The object with a reference for the caller, or an error pointer:
 *
 * * %-EINVAL - the size is not a multiple of the page size, as GEM requires
 * * %-ENODEV - the display is unbound
 * * %-ENOMEM - no memory
 * * any errno with which the exporter refuses the device
 */
struct drm_gem_object *display_gem_import(struct drm_device *drm, struct dma_buf *dmabuf)
{
	struct drm_gem_object *obj = display_export_object(dmabuf);
	int idx;

	if (!drm_dev_enter(drm, &idx))
		return ERR_PTR(-ENODEV);
	if (obj && obj->dev == drm)
		drm_gem_object_get(obj);
	else
		obj = display_gem_import_foreign(drm, dmabuf);
	drm_dev_exit(idx);
	return obj;
}

/**
 * display_gem_handle_to_fd() - make a file descriptor of a handle's buffer.
 * @drm: the display
 * @file: the file that @handle belongs to
 * @handle: own buffer or import
 * @flags: of the descriptor: O_CLOEXEC, and the access mode
 * @fd: the descriptor, on success
 *
 * DRM's helper finds the dma-buf of an import by its attachment, which an unbind
 * frees. Inside drm_dev_enter() the attachment remains.
 *
 * Context: No locks held; may sleep.
 * Return: 0, %-ENODEV if the display is unbound, or an errno of the helper.
 */
int display_gem_handle_to_fd(struct drm_device *drm, struct drm_file *file,
			     u32 handle, u32 flags, int *fd)
{
	int idx, ret;

	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	ret = drm_gem_prime_handle_to_fd(drm, file, handle, flags, fd);
	drm_dev_exit(idx);
	return ret;
}
