// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moving buffers: what makes the display a dynamic exporter.
 *
 * A driver moves a buffer because video memory is short, or because a device
 * cannot reach it where it is. This one has no reason, and does it when a number
 * is written to the "move" file in its debugfs folder. Reading the file tells
 * how many buffers were moved so far.
 */

#include <linux/debugfs.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/highmem.h>
#include <linux/jiffies.h>

#include <drm/drm_debugfs.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_vma_manager.h>

#include "display.h"

/**
 * DOC: Moving
 *
 * All of it happens under the reservation lock, so no mapping is made meanwhile
 * and no fence added by anybody but those who are told of the move:
 *
 * 1. Whoever pinned the buffer or has its kernel address decides: it stays.
 * 2. dma_buf_move_notify() tells the importers. From now on they use their
 *    mappings for nothing new; for what their device is still at they have a
 *    fence in the reservation object.
 * 3. The exporter waits for these fences. With a copy engine it would not wait
 *    but queue the copy behind them, and add the copy's own fence with
 *    %DMA_RESV_USAGE_KERNEL, which every importer obeys.
 * 4. The pages are taken from userspace's mappings. A process that touches them
 *    now sleeps in the page fault, on the lock.
 * 5. Copy, and exchange the storage. Mappings of the old one keep it alive until
 *    their importers unmap them.
 */

/* Only what is idle moves: a wait under the lock makes others wait as well. */
static int display_bo_quiesce(struct display_bo *bo)
{
	struct dma_resv *resv = bo->base.resv;
	long left;

	dma_resv_assert_held(resv);
	if (bo->pin_count || bo->vmap_count)
		return -EBUSY;
	if (!dma_resv_test_signaled(resv, DMA_RESV_USAGE_BOOKKEEP))
		return -EBUSY;

	if (bo->dmabuf)
		dma_buf_move_notify(bo->dmabuf);
	/* Waits for what importers added just now. They may have been told in vain. */
	left = dma_resv_wait_timeout(resv, DMA_RESV_USAGE_BOOKKEEP, true, HZ);
	if (left < 0)
		return left;
	return left ? 0 : -EBUSY;
}

static int display_bo_move(struct display_bo *bo)
{
	struct display_storage *old = bo->storage, *new;
	struct drm_device *drm = bo->base.dev;
	unsigned long i;
	int ret;

	dma_resv_assert_held(bo->base.resv);
	new = display_storage_alloc(old->num_pages);
	if (!new)
		return -ENOMEM;
	ret = display_bo_quiesce(bo);
	if (ret) {
		display_storage_put(new);
		return ret;
	}

	drm_vma_node_unmap(&bo->base.vma_node, drm->anon_inode->i_mapping);
	for (i = 0; i < old->num_pages; i++)
		copy_highpage(new->pages[i], old->pages[i]);
	bo->storage = new;
	display_storage_put(old);
	atomic_inc(&to_display(drm)->moves);
	return 0;
}

/* For drm_gem_lru_scan(), which has locked the buffer. Nothing was freed. */
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
