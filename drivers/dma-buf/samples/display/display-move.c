// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moving: what makes the display a dynamic exporter.
 *
 * A driver moves a buffer because video memory is short, or because a device
 * cannot reach the buffer where it is. The display has no such reason. It moves
 * all idle buffers when a number is written to the "move" file in its debugfs
 * folder. The file reads as the number of moves so far.
 */

#include <linux/debugfs.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/highmem.h>

#include <drm/drm_debugfs.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_vma_manager.h>

#include "display.h"

/**
 * DOC: Moving
 *
 * The exporter holds the reservation lock during the whole move, so nobody maps
 * the buffer or pins it meanwhile, and only notified importers add fences:
 *
 * 1. A buffer that is pinned, has a kernel address, or has unsignalled fences is
 *    not moved.
 * 2. dma_buf_move_notify(), for each dma-buf of the buffer. Importers start no
 *    new work on their mappings. Work that their device has already begun has a
 *    fence in the reservation object.
 * 3. The exporter tests the fences again, and gives up if an importer has added
 *    one. It does not wait with the lock held, because all users of the buffer
 *    would wait too. An exporter with a copy engine neither waits nor gives up: it
 *    queues the copy behind the fences, and adds the fence of the copy with
 *    %DMA_RESV_USAGE_KERNEL, for which all importers wait.
 * 4. The exporter syncs each remaining mapping for the CPU, in the mapping's
 *    direction. Importers may keep their mappings until after the move. What a
 *    device has written can still be in a bounce buffer, or be hidden by stale
 *    CPU cache lines, and the copy would miss it. The sync comes after the fences,
 *    because a device that still writes makes it worthless.
 * 5. The exporter removes the pages from userspace mappings. A process that
 *    accesses them now waits for the lock in its page fault.
 * 6. The exporter copies, and replaces the storage. Mappings of the old storage
 *    keep that allocated until their importers unmap them.
 */

static bool display_bo_is_idle(struct display_bo *bo)
{
	return dma_resv_test_signaled(bo->base.resv, DMA_RESV_USAGE_BOOKKEEP);
}

/**
 * display_bo_can_move() - tell whether nobody needs a buffer where it is now.
 * @bo: an own buffer
 *
 * Context: Reservation lock held.
 * Return: True if all that use it can follow a move.
 */
bool display_bo_can_move(struct display_bo *bo)
{
	dma_resv_assert_held(bo->base.resv);
	return !bo->pin_count && !bo->vmap_count && display_bo_is_idle(bo);
}

/*
 * Makes importers stop using the buffer. If that fails after the notification,
 * nothing is lost: importers map again.
 */
static int display_bo_quiesce(struct display_bo *bo)
{
	if (!display_bo_can_move(bo))
		return -EBUSY;
	display_export_move_notify(bo);
	return display_bo_is_idle(bo) ? 0 : -EBUSY;
}

/* The kernel's alias of a new page is written back for userspace's aliases. */
static void display_copy_pages(struct display_storage *to, struct display_storage *from)
{
	unsigned long i;

	for (i = 0; i < from->num_pages; i++) {
		copy_highpage(to->pages[i], from->pages[i]);
		flush_dcache_page(to->pages[i]);
	}
}

/**
 * display_bo_replace() - give a buffer other storage with the same contents.
 * @bo: an own buffer; its importers have been notified, or have not mapped it
 * @new: the storage; its reference goes to the buffer
 *
 * Context: Reservation lock held; may sleep.
 */
void display_bo_replace(struct display_bo *bo, struct display_storage *new)
{
	struct display_storage *old = bo->storage;
	struct drm_device *drm = bo->base.dev;

	dma_resv_assert_held(bo->base.resv);
	display_export_sync_for_cpu(bo);
	drm_vma_node_unmap(&bo->base.vma_node, drm->anon_inode->i_mapping);
	display_copy_pages(new, old);
	bo->storage = new;
	display_storage_put(old);
	atomic_inc(&to_display(drm)->moves);
}

/**
 * display_bo_move() - replace the storage of a buffer.
 * @bo: an own buffer
 *
 * Context: Reservation lock held; may sleep.
 * Return: 0, %-ENOMEM, or %-EBUSY if the buffer is in use.
 */
int display_bo_move(struct display_bo *bo)
{
	struct display_storage *new;
	int ret;

	dma_resv_assert_held(bo->base.resv);
	new = display_storage_alloc(bo->storage->num_pages);
	if (!new)
		return -ENOMEM;
	ret = display_bo_quiesce(bo);
	if (ret) {
		display_storage_put(new);
		return ret;
	}

	display_bo_replace(bo, new);
	return 0;
}

/*
 * Called by drm_gem_lru_scan() with the reservation lock held. A shrinker would
 * return true for a buffer whose memory it freed; a move frees none.
 */
static bool display_move_one(struct drm_gem_object *obj)
{
	display_bo_move(to_display_bo(obj));
	return false;
}

static int display_moves_get(void *data, u64 *moves)
{
	struct display *display = data;

	*moves = atomic_read(&display->moves);
	return 0;
}

static int display_moves_set(void *data, u64 unused)
{
	struct display *display = data;
	unsigned long remaining = 0;
	int idx;

	if (!drm_dev_enter(&display->drm, &idx))
		return -ENODEV;
	drm_gem_lru_scan(&display->lru, UINT_MAX, &remaining, display_move_one);
	drm_dev_exit(idx);
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(display_moves_fops, display_moves_get, display_moves_set, "%llu\n");

void display_move_debugfs(struct drm_minor *minor)
{
	debugfs_create_file_unsafe("move", 0600, minor->debugfs_root,
				   to_display(minor->dev), &display_moves_fops);
}
