// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scan-out: a worker reads the picture on the screen, once for each frame, and
 * makes a CRC of it.
 *
 * It only works while somebody listens, as nobody else could tell whether it
 * did.
 */

#include <linux/crc32.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/sched.h>
#include <linux/string.h>

#include <drm/drm_vblank.h>

#include "display.h"

/**
 * DOC: CRC
 *
 * The CRCs come through DRM's debugfs files ``crtc-0/crc/control`` (source
 * "auto") and ``crtc-0/crc/data``, a line for each frame. They prove which
 * pixels arrived, as userspace can compute the same number:
 *
 * The CRC-32 of zlib and Ethernet (the kernel's crc32_le(), begun with all ones
 * and inverted at the end) over the visible pixels, row by row from the top,
 * each from left to right as four bytes: blue, green, red, and 0 whatever the
 * fourth byte of the buffer is. What lies between the end of a row and the begin
 * of the next is left out. For an unpadded picture whose X bytes are 0 this is
 * zlib's ``crc32(0, pixels, width * height * 4)``.
 *
 * The frame number in a line is the vblank counter's, and equal to the sequence
 * number in the event of the flip with which the picture came: the first line
 * whose number is not less than the event's has that picture's CRC.
 *
 * A frame to which somebody with a fence was writing has no line. A display
 * controller would show the torn picture, and its CRC say nothing.
 */

/* The event_lock is not needed: while scanning, the shown frame is fixed. */
static u32 display_scan_crc(struct display *display)
{
	const struct display_frame *frame = &display->shown;
	size_t row = frame->width * sizeof(*display->line);
	u32 crc = ~0, x, y;

	for (y = 0; y < frame->height; y++) {
		iosys_map_memcpy_from(display->line, &frame->bo->map,
				      frame->offset + (size_t)y * frame->pitch, row);
		for (x = 0; x < frame->width; x++)
			display->line[x] &= cpu_to_le32(0x00ffffff);
		crc = crc32_le(crc, (const u8 *)display->line, row);
		cond_resched();
	}
	return ~crc;
}

/*
 * For an imported buffer the exporter does what its memory needs; an own one is
 * in the same position, as others' devices may write to it.
 */
static int display_scan_begin_cpu(struct display_bo *bo)
{
	if (bo->base.import_attach)
		return dma_buf_begin_cpu_access(bo->base.import_attach->dmabuf, DMA_FROM_DEVICE);
	return display_export_begin_cpu(bo);
}

static void display_scan_end_cpu(struct display_bo *bo)
{
	if (bo->base.import_attach)
		dma_buf_end_cpu_access(bo->base.import_attach->dmabuf, DMA_FROM_DEVICE);
	else
		display_export_end_cpu(bo, DMA_FROM_DEVICE);
}

static bool display_scan_is_written(struct display_bo *bo)
{
	return !dma_resv_test_signaled(bo->base.resv, DMA_RESV_USAGE_WRITE);
}

/*
 * dma_buf_begin_cpu_access() waits for writers. A flip should not have to wait
 * for somebody who began to write to the buffer on the screen, hence the look
 * beforehand. The look afterwards is for writers who came during the read.
 */
static bool display_scan_read(struct display *display, u32 *crc)
{
	struct display_bo *bo = display->shown.bo;

	if (display_scan_is_written(bo))
		return false;
	if (display_scan_begin_cpu(bo))
		return false;
	*crc = display_scan_crc(display);
	display_scan_end_cpu(bo);
	return !display_scan_is_written(bo);
}

static void display_scan_work(struct work_struct *work)
{
	struct display *display = container_of(work, struct display, scan_work);
	u32 crc;

	/* Its errno says that nobody reads the CRCs any more, or not fast enough. */
	if (display_scan_read(display, &crc))
		drm_crtc_add_crc_entry(&display->crtc, true, display->scan_frame, &crc);

	spin_lock_irq(&display->drm.event_lock);
	display->scanning = false;
	spin_unlock_irq(&display->drm.event_lock);
}

void display_scan_init(struct display *display)
{
	INIT_WORK(&display->scan_work, display_scan_work);
}

/* In the vblank: begin to read the shown picture, if anybody listens. */
void display_scan_start(struct display *display)
{
	lockdep_assert_held(&display->drm.event_lock);
	if (!display->crc_wanted || !display->shown.bo)
		return;
	display->scanning = true;
	display->scan_frame = drm_crtc_vblank_count(&display->crtc);
	queue_work(system_unbound_wq, &display->scan_work);
}

/* Wait until this buffer, or with NULL whichever it is, is not being read. */
void display_scan_finish(struct display *display, struct display_bo *bo)
{
	bool busy;

	spin_lock_irq(&display->drm.event_lock);
	busy = display->scanning && (!bo || bo == display->shown.bo);
	spin_unlock_irq(&display->drm.event_lock);
	if (!bo || busy)
		flush_work(&display->scan_work);
}

static const char * const display_crc_sources[] = { "auto" };

const char *const *display_crc_sources_get(struct drm_crtc *crtc, size_t *count)
{
	*count = ARRAY_SIZE(display_crc_sources);
	return display_crc_sources;
}

int display_crc_source_verify(struct drm_crtc *crtc, const char *source, size_t *values)
{
	if (!source || strcmp(source, display_crc_sources[0]))
		return -EINVAL;
	*values = 1;
	return 0;
}

/* Somebody begins, or with NULL ceases, to read CRCs. */
int display_crc_source_set(struct drm_crtc *crtc, const char *source)
{
	struct display *display = to_display(crtc->dev);
	size_t values;
	bool before;
	int ret;

	/* Frames are only counted while somebody needs vblanks: this does. */
	if (source) {
		ret = display_crc_source_verify(crtc, source, &values);
		if (ret)
			return ret;
		ret = drm_crtc_vblank_get(crtc);
		if (ret)
			return ret;
	}

	spin_lock_irq(&display->drm.event_lock);
	before = display->crc_wanted;
	display->crc_wanted = source;
	spin_unlock_irq(&display->drm.event_lock);
	if (before)
		drm_crtc_vblank_put(crtc);
	return 0;
}
