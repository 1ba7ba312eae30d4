// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU access: begin and end of coherent access, mmap and kernel mappings.
 *
 * A begin waits for the fences before it calls the exporter, because cache maintenance has an
 * effect only after the devices have stopped writing. It waits again after the exporter, whose
 * begin_cpu_access may move the storage to where the CPU reaches it, and add a fence for the
 * move. If a signal interrupts the first wait, the exporter was not called; if it interrupts the
 * second, the exporter's end_cpu_access is called.
 *
 * Begin and end take no lock, but the exporter may take the reservation lock in them. Lockdep
 * is told so on each call, also for exporters that take none.
 *
 * A buffer has at most one kernel mapping. The reservation lock guards it and the count of its
 * users (&dma_buf_object.vmap, &dma_buf_object.vmap_count).
 */

#include <linux/export.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <trace/events/dma_buf.h>

#include "dma-buf-private.h"

/**
 * DOC: CPU access
 *
 * The kernel accesses a buffer through dma_buf_vmap(), userspace through ``mmap()`` of the
 * descriptor, or of a driver's file whose mmap calls dma_buf_mmap(). In the kernel,
 * dma_buf_begin_cpu_access() comes before each access and dma_buf_end_cpu_access() after it;
 * userspace uses ``DMA_BUF_IOCTL_SYNC`` for both. The begin waits for the fences of the devices
 * and lets the CPU see what they wrote. The end lets the devices see what the CPU wrote.
 *
 * The direction is named from the view of the devices: %DMA_FROM_DEVICE if the CPU reads,
 * %DMA_TO_DEVICE if the CPU writes, %DMA_BIDIRECTIONAL if it does both.
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
 * dma_buf_cpu_begin() - wait for the fences and call the exporter's begin_cpu_access
 * @dmabuf: the buffer
 * @dir: direction, from the view of the devices
 *
 * With lockdep, reports a caller that holds the reservation lock, and continues.
 *
 * Context: Reservation lock not held; may sleep.
 * Return: 0, %-ERESTARTSYS if a signal interrupted a wait for fences, or the errno of the
 * exporter's begin_cpu_access.
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
 * dma_buf_cpu_end() - call the exporter's end_cpu_access
 * @dmabuf: the buffer
 * @dir: direction, from the view of the devices
 *
 * With lockdep, reports a caller that holds the reservation lock, and continues.
 *
 * Context: Reservation lock not held; may sleep.
 * Return: 0, or the errno of the exporter's end_cpu_access.
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
 * dma_buf_begin_cpu_access() - prepare a buffer for access by the CPU
 * @dmabuf: the buffer
 * @dir: direction, from the view of the devices
 *
 * Waits for the fences and calls the exporter. A CPU that reads waits for the devices that write,
 * a CPU that writes waits for all. On success the caller accesses the buffer and then calls
 * dma_buf_end_cpu_access() with the same direction.
 *
 * Context: Reservation lock not held; may sleep.
 * Return: 0, %-EINVAL if @dmabuf is NULL (a driver's mistake, warned about), %-ERESTARTSYS or
 * %-EINTR if a signal interrupted a wait, or any other errno of the exporter's begin_cpu_access.
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
 * dma_buf_end_cpu_access() - finish an access by the CPU
 * @dmabuf: the buffer
 * @dir: direction that was passed to dma_buf_begin_cpu_access()
 *
 * Calls the exporter, so that devices see what the CPU wrote. With CONFIG_DMABUF_DEBUG, warns
 * about an end without a begin in the same direction.
 *
 * Context: Reservation lock not held; may sleep.
 * Return: 0, %-EINVAL if @dmabuf is NULL (a driver's mistake, warned about), or the errno of the
 * exporter's end_cpu_access.
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
 * dma_buf_mmap_check_range() - check that an area is inside a buffer
 * @dmabuf: the buffer
 * @pgoff: first page of the area
 * @pages: length of the area in pages
 *
 * Context: Any.
 * Return: 0, %-EOVERFLOW if @pgoff + @pages overflows, or %-EINVAL if the area ends behind the
 * last whole page of the buffer.
 */
int dma_buf_mmap_check_range(struct dma_buf *dmabuf, unsigned long pgoff,
			     unsigned long pages)
{
	unsigned long end;

	if (check_add_overflow(pgoff, pages, &end))
		return -EOVERFLOW;
	return end > dmabuf->size >> PAGE_SHIFT ? -EINVAL : 0;
}

/**
 * dma_buf_mmap() - map a buffer into userspace from the mmap of a driver's own file
 * @dmabuf: the buffer
 * @vma: area that userspace asked for; its file becomes that of the buffer
 * @pgoff: page of the buffer at which the area begins
 *
 * The area holds a reference to the buffer's file instead of the driver's.
 *
 * Context: mmap lock held for writing; reservation lock not held; may sleep.
 * Return: 0; %-EINVAL if @dmabuf or @vma is NULL (a driver's mistake, warned about), the exporter
 * has no mmap, or the area ends behind the last whole page of the buffer; %-EOVERFLOW if @pgoff
 * plus the length of the area overflows; or the errno of the exporter's mmap.
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
	ret = dma_buf_mmap_check_range(dmabuf, pgoff, vma_pages(vma));
	if (ret)
		return ret;

	vma_set_file(vma, dmabuf->file);
	vma->vm_pgoff = pgoff;
	trace_dma_buf_mmap(dmabuf);
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
	/* An exporter that returns 0 without a mapping has nothing that its vunmap could undo. */
	if (iosys_map_is_null(&map)) {
		dma_buf_report(DMA_BUF_RULE_VMAP, dmabuf, NULL);
		return -EINVAL;
	}
	obj->vmap = map;
	return 0;
}

/**
 * dma_buf_vmap() - map a buffer into the kernel's address space
 * @dmabuf: the buffer
 * @map: the mapping (out); cleared on failure
 *
 * All users share one mapping, which covers the whole buffer. Call dma_buf_begin_cpu_access()
 * before an access through it and dma_buf_end_cpu_access() after it.
 *
 * Context: Reservation lock held; may sleep.
 * Return: 0, and the caller undoes it with dma_buf_vunmap(); %-EINVAL if @dmabuf is NULL (warned
 * about), the exporter has no vmap, or its vmap succeeded without a mapping (warned about; its
 * vunmap is not called); or the errno of the exporter's vmap, %-ENOMEM for lack of memory or
 * address space.
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
 * dma_buf_vmap_unlocked() - take the reservation lock and map a buffer into the kernel
 * @dmabuf: the buffer
 * @map: the mapping (out); cleared on failure
 *
 * Context: Reservation lock not held; may sleep.
 * Return: As dma_buf_vmap(); %-EDEADLK if the caller holds the reservation lock (warned about;
 * needs lockdep).
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
 * dma_buf_vunmap() - undo one dma_buf_vmap()
 * @dmabuf: the buffer
 * @map: mapping from dma_buf_vmap()
 *
 * The last call calls the exporter's vunmap. Warns about a @map that is not the mapping in use,
 * and does nothing.
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
 * dma_buf_vunmap_unlocked() - take the reservation lock and undo one dma_buf_vmap()
 * @dmabuf: the buffer
 * @map: mapping from dma_buf_vmap_unlocked()
 *
 * With lockdep, warns if the caller holds the reservation lock, and does nothing.
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
