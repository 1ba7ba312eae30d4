// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU access: spans of coherent access, and the mappings it goes through.
 *
 * The fences are waited for before the exporter is called. What an exporter does
 * to caches is only worth something once the devices have stopped writing; and a
 * wait that a signal interrupts leaves no span half begun. They are waited for
 * once more afterwards: an exporter may have moved the storage to where the CPU
 * reaches it, and the move is a fence like any other.
 */

#include <linux/export.h>
#include <linux/mm.h>

#include "dma-buf-private.h"

/**
 * DOC: CPU access
 *
 * The CPU reaches a buffer through dma_buf_vmap() in the kernel, and through
 * ``mmap()`` of the descriptor, or of a driver's file that passes it on to
 * dma_buf_mmap(), in userspace. Either way each span of access stands between
 * dma_buf_begin_cpu_access() and dma_buf_end_cpu_access(), for userspace
 * ``DMA_BUF_IOCTL_SYNC``: the begin waits until the devices are done and makes
 * the CPU see what they wrote, the end makes them see what the CPU wrote.
 *
 * The direction is the one of the devices: %DMA_FROM_DEVICE for a CPU that reads,
 * %DMA_TO_DEVICE for one that writes, %DMA_BIDIRECTIONAL for both. Readers wait
 * for the devices that write, writers for all.
 *
 * There is one kernel mapping per buffer, which all users share and count.
 */

static int dma_buf_cpu_wait(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	bool write = dir == DMA_TO_DEVICE || dir == DMA_BIDIRECTIONAL;
	long ret;

	if (!dma_buf_has_fences(dmabuf))
		return 0;
	ret = dma_resv_wait_timeout(dmabuf->resv, dma_resv_usage_rw(write), true,
				    MAX_SCHEDULE_TIMEOUT);
	return ret < 0 ? ret : 0;
}

/**
 * dma_buf_cpu_begin() - begin a span of CPU access.
 * @dmabuf: the buffer
 * @dir: direction, as devices see it
 *
 * Context: Reservation lock not held; may sleep.
 *
 * Return: 0 or a negative errno, as dma_buf_begin_cpu_access().
 */
int dma_buf_cpu_begin(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	int ret;

	if (!dma_buf_wrongly_held(dmabuf))
		might_lock(&dmabuf->resv->lock.base);
	ret = dma_buf_cpu_wait(dmabuf, dir);
	if (ret || !dmabuf->ops->begin_cpu_access)
		return ret;
	ret = dmabuf->ops->begin_cpu_access(dmabuf, dir);
	if (ret)
		return ret;

	ret = dma_buf_cpu_wait(dmabuf, dir);
	if (ret && dmabuf->ops->end_cpu_access)
		dmabuf->ops->end_cpu_access(dmabuf, dir);
	return ret;
}

/**
 * dma_buf_cpu_end() - end a span of CPU access.
 * @dmabuf: the buffer
 * @dir: direction, as devices see it
 *
 * Context: Reservation lock not held; may sleep.
 *
 * Return: 0 or a negative errno, as dma_buf_end_cpu_access().
 */
int dma_buf_cpu_end(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	if (!dma_buf_wrongly_held(dmabuf))
		might_lock(&dmabuf->resv->lock.base);
	if (!dmabuf->ops->end_cpu_access)
		return 0;
	return dmabuf->ops->end_cpu_access(dmabuf, dir);
}

/**
 * dma_buf_begin_cpu_access() - begin a span of CPU access from the kernel.
 * @dmabuf: the buffer
 * @dir: what the CPU does, in the devices' direction
 *
 * Context: Reservation lock not held; may sleep.
 *
 * Return: 0, to be followed by dma_buf_end_cpu_access() with the same direction,
 * or a negative errno:
 *
 *   * %-EINVAL - no buffer (a driver's mistake, warned about)
 *   * %-ERESTARTSYS, %-EINTR - interrupted while waiting for fences or in the
 *     exporter
 *   * any other errno of the exporter's callback
 */
int dma_buf_begin_cpu_access(struct dma_buf *dmabuf,
			     enum dma_data_direction dir)
{
	int ret;

	might_sleep();
	if (!dmabuf) {
		dma_buf_report(DMA_BUF_RULE_ARGUMENT, NULL, NULL);
		return -EINVAL;
	}
	ret = dma_buf_cpu_begin(dmabuf, dir);
	if (!ret)
		dma_buf_debug_begin(dmabuf, dir);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_begin_cpu_access, DMA_BUF);

/**
 * dma_buf_end_cpu_access() - end a span of CPU access from the kernel.
 * @dmabuf: the buffer
 * @dir: direction that dma_buf_begin_cpu_access() was given
 *
 * Context: Reservation lock not held; may sleep.
 *
 * Return: 0, or a negative errno:
 *
 *   * %-EINVAL - no buffer (a driver's mistake, warned about)
 *   * any errno of the exporter's callback
 */
int dma_buf_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	might_sleep();
	if (!dmabuf) {
		dma_buf_report(DMA_BUF_RULE_ARGUMENT, NULL, NULL);
		return -EINVAL;
	}
	dma_buf_debug_end(dmabuf, dir);
	return dma_buf_cpu_end(dmabuf, dir);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_end_cpu_access, DMA_BUF);

/**
 * dma_buf_mmap() - map a buffer where a driver's own file was to be mapped.
 * @dmabuf: the buffer
 * @vma: the area, which from now on belongs to the buffer's file
 * @pgoff: page of the buffer at which the area is to begin
 *
 * Context: mmap lock held for writing; reservation lock not held; may sleep.
 *
 * Return: 0, or a negative errno:
 *
 *   * %-EINVAL - no buffer or no area (a driver's mistake, warned about), the area
 *     reaches behind the end, or the exporter maps nothing into userspace
 *   * %-EOVERFLOW - the end of the area cannot be expressed
 *   * any other errno of the exporter's callback
 */
int dma_buf_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma,
		 unsigned long pgoff)
{
	int ret;

	if (!dmabuf || !vma) {
		dma_buf_report(DMA_BUF_RULE_ARGUMENT, dmabuf, NULL);
		return -EINVAL;
	}
	if (!dmabuf->ops->mmap)
		return -EINVAL;
	ret = dma_buf_check_range(dmabuf, pgoff, vma_pages(vma));
	if (ret)
		return ret;

	vma_set_file(vma, dmabuf->file);
	vma->vm_pgoff = pgoff;
	return dmabuf->ops->mmap(dmabuf, vma);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_mmap, DMA_BUF);

static int dma_buf_vmap_first(struct dma_buf *dmabuf)
{
	struct dma_buf_object *obj = dma_buf_to_object(dmabuf);
	struct iosys_map map = {};
	int ret;

	dma_buf_assert_held(dmabuf);
	ret = dmabuf->ops->vmap(dmabuf, &map);
	if (ret)
		return ret;
	if (iosys_map_is_null(&map)) {
		dma_buf_report(DMA_BUF_RULE_VMAP, dmabuf, NULL);
		return -EINVAL;
	}
	obj->vmap = map;
	return 0;
}

/**
 * dma_buf_vmap() - map a buffer into the kernel's address space.
 * @dmabuf: the buffer
 * @map: the mapping (out); cleared on failure
 *
 * The mapping covers the whole buffer and is shared by all who ask for it.
 * Access through it stands between dma_buf_begin_cpu_access() and
 * dma_buf_end_cpu_access().
 *
 * Context: Reservation lock held; may sleep.
 *
 * Return: 0, to be undone by dma_buf_vunmap(), or a negative errno:
 *
 *   * %-EINVAL - no buffer (a driver's mistake, warned about), the exporter has no
 *     kernel mappings, or it returned none (its mistake, warned about)
 *   * %-ENOMEM - no memory or no address space
 *   * any other errno of the exporter's callback
 */
int dma_buf_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct dma_buf_object *obj;
	int ret;

	might_sleep();
	iosys_map_clear(map);
	if (!dmabuf) {
		dma_buf_report(DMA_BUF_RULE_ARGUMENT, NULL, NULL);
		return -EINVAL;
	}
	dma_buf_assert_held(dmabuf);
	if (!dmabuf->ops->vmap)
		return -EINVAL;

	obj = dma_buf_to_object(dmabuf);
	ret = obj->vmap_count ? 0 : dma_buf_vmap_first(dmabuf);
	if (ret)
		return ret;
	obj->vmap_count++;
	*map = obj->vmap;
	return 0;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_vmap, DMA_BUF);

/**
 * dma_buf_vmap_unlocked() - dma_buf_vmap() that takes the reservation lock.
 * @dmabuf: the buffer
 * @map: the mapping (out); cleared on failure
 *
 * Context: Reservation lock not held; may sleep.
 *
 * Return: As dma_buf_vmap(), or %-EDEADLK if the caller holds the lock (a driver's
 * mistake, with lockdep warned about).
 */
int dma_buf_vmap_unlocked(struct dma_buf *dmabuf, struct iosys_map *map)
{
	int ret;

	might_sleep();
	iosys_map_clear(map);
	if (!dmabuf) {
		dma_buf_report(DMA_BUF_RULE_ARGUMENT, NULL, NULL);
		return -EINVAL;
	}
	if (dma_buf_wrongly_held(dmabuf))
		return -EDEADLK;

	dma_resv_lock(dmabuf->resv, NULL);
	ret = dma_buf_vmap(dmabuf, map);
	dma_resv_unlock(dmabuf->resv);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_vmap_unlocked, DMA_BUF);

/**
 * dma_buf_vunmap() - undo one dma_buf_vmap().
 * @dmabuf: the buffer
 * @map: the mapping
 *
 * Context: Reservation lock held; may sleep.
 */
void dma_buf_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct dma_buf_object *obj;

	might_sleep();
	if (!dmabuf) {
		dma_buf_report(DMA_BUF_RULE_ARGUMENT, NULL, NULL);
		return;
	}
	dma_buf_assert_held(dmabuf);

	obj = dma_buf_to_object(dmabuf);
	if (!obj->vmap_count || !iosys_map_is_equal(&obj->vmap, map)) {
		dma_buf_report(DMA_BUF_RULE_VUNMAP, dmabuf, NULL);
		return;
	}
	if (!--obj->vmap_count && dmabuf->ops->vunmap)
		dmabuf->ops->vunmap(dmabuf, map);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_vunmap, DMA_BUF);

/**
 * dma_buf_vunmap_unlocked() - dma_buf_vunmap() that takes the reservation lock.
 * @dmabuf: the buffer
 * @map: the mapping
 *
 * Context: Reservation lock not held; may sleep.
 */
void dma_buf_vunmap_unlocked(struct dma_buf *dmabuf, struct iosys_map *map)
{
	might_sleep();
	if (!dmabuf) {
		dma_buf_report(DMA_BUF_RULE_ARGUMENT, NULL, NULL);
		return;
	}
	if (dma_buf_wrongly_held(dmabuf))
		return;

	dma_resv_lock(dmabuf->resv, NULL);
	dma_buf_vunmap(dmabuf, map);
	dma_resv_unlock(dmabuf->resv);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_vunmap_unlocked, DMA_BUF);
