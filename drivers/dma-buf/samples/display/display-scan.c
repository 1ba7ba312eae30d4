// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scan-out: a work item reads the picture on the screen once per frame, and
 * computes its CRC.
 *
 * Only while userspace reads CRCs: nothing else depends on the result.
 */

#include <linux/crc32.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/sched.h>
#include <linux/string.h>

#include <drm/drm_drv.h>
#include <drm/drm_vblank.h>

#include "display.h"

/**
 * DOC: CRC
 *
 * Userspace reads the CRCs from DRM's debugfs files ``crtc-0/crc/control``
 * (source "auto") and ``crtc-0/crc/data``, one line per frame. It can compute
 * the same number, and so check which pixels arrived:
 *
 * The CRC-32 of zlib and Ethernet (crc32_le(), begun with all ones and inverted
 * at the end) over the visible pixels, rows from top to bottom, pixels from left
 * to right, each pixel as four bytes: blue, green, red, and 0 in place of the
 * fourth byte of the buffer. Padding between rows is not included. For an
 * unpadded picture whose fourth bytes are 0, it is zlib's
 * ``crc32(0, pixels, width * height * 4)``.
 *
 * The frame number in a line is the vblank count, as is the sequence number in a
 * flip event. The first line with a number not less than that of the event has
 * the CRC of the picture that the flip brought.
 *
 * A frame has no line if a writer with a fence was at work on the buffer: the
 * picture would be torn, and the CRC meaningless. Nor has it one if it was
 * replaced while the scan waited for the buffer.
 */

static u32 display_scan_crc(struct display *display)
{
	const struct display_frame *frame = &display->scanned;
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
 * The exporter of an import syncs its memory. For an own buffer the display is
 * the exporter: other devices may have written to it.
 */
static int display_scan_begin_cpu(struct display_bo *bo)
{
	if (bo->imported)
		return dma_buf_begin_cpu_access(bo->imported, DMA_FROM_DEVICE);
	return display_export_begin_cpu(bo);
}

static void display_scan_end_cpu(struct display_bo *bo)
{
	if (bo->imported)
		dma_buf_end_cpu_access(bo->imported, DMA_FROM_DEVICE);
	else
		display_export_end_cpu(bo, DMA_FROM_DEVICE);
}

static bool display_scan_has_writer(struct display_bo *bo)
{
	return !dma_resv_test_signaled(bo->base.resv, DMA_RESV_USAGE_WRITE);
}

/*
 * Begins to read. The begin of CPU access waits for writers and for a reservation
 * lock, and these may wait for the fence of the next flip. So a flip does not wait
 * for a scan that waits here. It may have replaced the frame meanwhile: then there
 * is nothing to read.
 */
static bool display_scan_begin(struct display *display)
{
	struct display_bo *bo = display->scanned.bo;
	bool shown;
	int ret;

	spin_lock_irq(&display->drm.event_lock);
	display->scan_waits = true;
	wake_up_all(&display->scan_queue);
	spin_unlock_irq(&display->drm.event_lock);

	ret = display_scan_begin_cpu(bo);

	spin_lock_irq(&display->drm.event_lock);
	display->scan_waits = false;
	shown = display->shown.bo == bo;
	spin_unlock_irq(&display->drm.event_lock);

	if (!ret && !shown)
		display_scan_end_cpu(bo);
	return !ret && shown;
}

/* The second test finds writers that began during the read. */
static bool display_scan_read(struct display *display, u32 *crc)
{
	struct display_bo *bo = display->scanned.bo;

	if (display_scan_has_writer(bo))
		return false;
	if (!display_scan_begin(display))
		return false;
	*crc = display_scan_crc(display);
	display_scan_end_cpu(bo);
	return !display_scan_has_writer(bo);
}

static void display_scan_work(struct work_struct *work)
{
	struct display *display = container_of(work, struct display, scan_work);
	u32 crc;

	/* It fails if userspace has stopped reading CRCs, or reads too slowly. */
	if (display_scan_read(display, &crc))
		drm_crtc_add_crc_entry(&display->crtc, true, display->scanned_vblank, &crc);

	spin_lock_irq(&display->drm.event_lock);
	display->scanning = false;
	wake_up_all(&display->scan_queue);
	spin_unlock_irq(&display->drm.event_lock);
}

void display_scan_init(struct display *display)
{
	init_waitqueue_head(&display->scan_queue);
	INIT_WORK(&display->scan_work, display_scan_work);
}

/*
 * Whether a scan reads @scanned, or will without waiting for others.
 *
 * Context: event_lock held.
 */
bool display_scan_reads(struct display *display)
{
	lockdep_assert_held(&display->drm.event_lock);
	return display->scanning && !display->scan_waits;
}

/*
 * Begins to read the shown frame, if userspace reads CRCs. The work item uses a
 * copy of the frame: @shown can change while it runs.
 *
 * Context: hardirq; event_lock held; no scan in progress.
 */
void display_scan_start(struct display *display)
{
	lockdep_assert_held(&display->drm.event_lock);
	if (!display->crc_wanted || !display->shown.bo)
		return;
	display->scanning = true;
	display->scanned = display->shown;
	display->scanned_vblank = drm_crtc_vblank_count(&display->crtc);
	queue_work(system_unbound_wq, &display->scan_work);
}

/*
 * Waits until no scan reads @bo. If @bo is NULL, waits for whatever scan there is,
 * and for the work item to return.
 */
void display_scan_finish(struct display *display, struct display_bo *bo)
{
	bool busy;

	spin_lock_irq(&display->drm.event_lock);
	busy = display->scanning && (!bo || bo == display->scanned.bo);
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

static void display_crc_want(struct display *display, bool wanted)
{
	bool before;

	spin_lock_irq(&display->drm.event_lock);
	before = display->crc_wanted;
	display->crc_wanted = wanted;
	spin_unlock_irq(&display->drm.event_lock);
	if (before)
		drm_crtc_vblank_put(&display->crtc);
}

/* Vblanks are counted only while somebody holds a reference to them. */
static int display_crc_start(struct display *display, const char *source)
{
	size_t values;
	int ret;

	ret = display_crc_source_verify(&display->crtc, source, &values);
	if (ret)
		return ret;
	ret = drm_crtc_vblank_get(&display->crtc);
	if (ret)
		return ret;
	display_crc_want(display, true);
	return 0;
}

/*
 * Starts the CRCs, or stops them if @source is NULL. Stopping must work after the
 * display is unbound, when userspace closes its files.
 */
int display_crc_source_set(struct drm_crtc *crtc, const char *source)
{
	struct display *display = to_display(crtc->dev);
	int idx, ret;

	if (!source) {
		display_crc_want(display, false);
		return 0;
	}
	if (!drm_dev_enter(crtc->dev, &idx))
		return -ENODEV;
	ret = display_crc_start(display, source);
	drm_dev_exit(idx);
	return ret;
}
