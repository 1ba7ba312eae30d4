// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CRTC: the timer that stands for the vblank interrupt, and when a flip is done.
 */

#include <linux/hrtimer.h>
#include <linux/math64.h>

#include <drm/drm_atomic.h>
#include <drm/drm_atomic_helper.h>
#include <drm/drm_drv.h>
#include <drm/drm_modeset_helper_vtables.h>
#include <drm/drm_print.h>
#include <drm/drm_vblank.h>

#include "display.h"

/**
 * DOC: Fences after the flip
 *
 * The out-fence of a commit (CRTC property OUT_FENCE_PTR) and its flip event
 * signal in the vblank in which the new picture replaces the old one. So the
 * out-fence of the *next* commit tells when the buffer of this commit is off the
 * screen. For writers that wait for implicit fences only, userspace can add that
 * out-fence to the buffer: DMA_BUF_IOCTL_IMPORT_SYNC_FILE with the read flag.
 *
 * The display adds no fence itself, although it reads the buffer. The time on the
 * screen ends when userspace flips again, but a fence must signal in bounded time
 * whatever userspace does. A fence per frame would be possible. But it would stay
 * in the reservation object of another exporter after this module is unloaded,
 * with pointers to the module's callbacks. Instead, display-scan.c discards
 * frames that a writer may have changed during the read.
 */

/* Shortest and longest period of the vblank timer. */
#define DISPLAY_FRAME_NS_MIN	(NSEC_PER_SEC / 250)
#define DISPLAY_FRAME_NS_MAX	NSEC_PER_SEC

/* Pixels of a frame, including blanking, divided by the pixel clock in kHz. */
static u64 display_frame_ns(const struct drm_display_mode *mode)
{
	u64 pixels = mul_u32_u32(mode->htotal, mode->vtotal);

	return mode->clock > 0 ? div_u64(pixels * USEC_PER_SEC, mode->clock) : 0;
}

/* Userspace may invent a mode. The limits keep the timer from using up a CPU. */
static enum drm_mode_status display_crtc_mode_valid(struct drm_crtc *crtc,
						    const struct drm_display_mode *mode)
{
	u64 frame_ns = display_frame_ns(mode);

	if (mode->flags & (DRM_MODE_FLAG_INTERLACE | DRM_MODE_FLAG_DBLSCAN))
		return MODE_NO_INTERLACE;
	if (mode->hdisplay < DISPLAY_MIN_SIZE || mode->hdisplay > DISPLAY_MAX_WIDTH)
		return MODE_BAD_HVALUE;
	if (mode->vdisplay < DISPLAY_MIN_SIZE || mode->vdisplay > DISPLAY_MAX_HEIGHT)
		return MODE_BAD_VVALUE;
	if (frame_ns < DISPLAY_FRAME_NS_MIN || frame_ns > DISPLAY_FRAME_NS_MAX)
		return MODE_CLOCK_RANGE;
	return MODE_OK;
}

/* There is no background to show: an enabled CRTC needs its plane. */
static int display_crtc_check(struct drm_crtc *crtc, struct drm_atomic_state *state)
{
	struct drm_crtc_state *crtc_state = drm_atomic_get_new_crtc_state(state, crtc);

	return crtc_state->enable ? drm_atomic_helper_check_crtc_primary_plane(crtc_state) : 0;
}

/*
 * Puts the next frame on the screen and sends the event. The event tells
 * userspace that the old buffer is not read any more, so no scan may be in
 * progress.
 */
static void display_flip_done(struct display *display)
{
	lockdep_assert_held(&display->drm.event_lock);
	drm_WARN_ON_ONCE(&display->drm, display_scan_reads(display));
	display->shown = display->next;
	display->flip_pending = false;
	if (!display->event)
		return;
	drm_crtc_send_vblank_event(&display->crtc, display->event);
	drm_crtc_vblank_put(&display->crtc);
	display->event = NULL;
}

/* Completes a pending flip without a vblank, when the scan in progress has read its frame. */
static void display_flip_finish(struct display *display)
{
	spin_lock_irq(&display->drm.event_lock);
	wait_event_lock_irq(display->scan_queue,
			    !display->flip_pending || !display_scan_reads(display),
			    display->drm.event_lock);
	if (display->flip_pending)
		display_flip_done(display);
	spin_unlock_irq(&display->drm.event_lock);
}

/*
 * The vblank. The scan of a large frame on a slow CPU can take longer than a
 * period. Then the flip waits for a later vblank: no buffer is returned while it
 * is read.
 */
static enum hrtimer_restart display_vblank(struct hrtimer *timer)
{
	struct display *display = container_of(timer, struct display, vblank_timer);
	unsigned long flags;

	hrtimer_forward_now(timer, display->frame_time);
	drm_crtc_handle_vblank(&display->crtc);

	spin_lock_irqsave(&display->drm.event_lock, flags);
	if (display->flip_pending && !display_scan_reads(display))
		display_flip_done(display);
	if (!display->scanning)
		display_scan_start(display);
	spin_unlock_irqrestore(&display->drm.event_lock, flags);
	return HRTIMER_RESTART;
}

/*
 * The timer runs while the CRTC is on, whether vblanks are enabled or not. It
 * could not be stopped in here: DRM calls these with locks held that the timer
 * takes.
 */
static int display_crtc_enable_vblank(struct drm_crtc *crtc)
{
	return 0;
}

static void display_crtc_disable_vblank(struct drm_crtc *crtc)
{
}

/*
 * Of an unbound display only software state is switched on, which the commit of
 * drm_atomic_helper_shutdown() switches off again. The timer is the hardware.
 */
static void display_crtc_enable(struct drm_crtc *crtc, struct drm_atomic_state *state)
{
	struct display *display = to_display(crtc->dev);
	int idx;

	drm_crtc_vblank_on(crtc);
	if (!drm_dev_enter(crtc->dev, &idx))
		return;
	display->frame_time = ns_to_ktime(display_frame_ns(&crtc->state->adjusted_mode));
	hrtimer_start(&display->vblank_timer, display->frame_time, HRTIMER_MODE_REL);
	drm_dev_exit(idx);
}

/*
 * No vblank follows, so a pending flip is completed here, and so is the event of a
 * commit that only switches the CRTC off. The scan is waited for after that: it may
 * wait for the fences of these. This runs without drm_dev_enter(): it has to switch
 * the display off when that is unbound.
 */
static void display_crtc_disable(struct drm_crtc *crtc, struct drm_atomic_state *state)
{
	struct display *display = to_display(crtc->dev);

	hrtimer_cancel(&display->vblank_timer);
	drm_crtc_vblank_off(crtc);
	display->staged.bo = NULL;

	spin_lock_irq(&crtc->dev->event_lock);
	wait_event_lock_irq(display->scan_queue, !display_scan_reads(display),
			    crtc->dev->event_lock);
	if (display->flip_pending)
		display_flip_done(display);
	display->shown.bo = NULL;
	if (crtc->state->event && !crtc->state->active) {
		drm_crtc_send_vblank_event(crtc, crtc->state->event);
		crtc->state->event = NULL;
	}
	spin_unlock_irq(&crtc->dev->event_lock);

	display_scan_finish(display, NULL);
}

/*
 * Ends the update of a commit: the next vblank completes the flip. A flip of the
 * previous commit is pending only if that commit timed out. Of an unbound display
 * the timer may not run, so its flip is completed at once.
 */
static void display_crtc_flush(struct drm_crtc *crtc, struct drm_atomic_state *state)
{
	struct display *display = to_display(crtc->dev);
	struct drm_pending_vblank_event *event = crtc->state->event;
	int idx;

	display_flip_finish(display);

	/* The reference keeps vblanks counted until display_flip_done(). */
	if (event)
		drm_WARN_ON_ONCE(crtc->dev, drm_crtc_vblank_get(crtc));

	spin_lock_irq(&crtc->dev->event_lock);
	crtc->state->event = NULL;
	display->event = event;
	display->next = display->staged;
	display->flip_pending = true;
	spin_unlock_irq(&crtc->dev->event_lock);

	if (drm_dev_enter(crtc->dev, &idx))
		drm_dev_exit(idx);
	else
		display_flip_finish(display);
}

static const struct drm_crtc_helper_funcs display_crtc_helper_funcs = {
	.mode_valid = display_crtc_mode_valid,
	.atomic_check = display_crtc_check,
	.atomic_enable = display_crtc_enable,
	.atomic_flush = display_crtc_flush,
	.atomic_disable = display_crtc_disable,
};

static const struct drm_crtc_funcs display_crtc_funcs = {
	.reset = drm_atomic_helper_crtc_reset,
	.set_config = drm_atomic_helper_set_config,
	.page_flip = drm_atomic_helper_page_flip,
	.atomic_duplicate_state = drm_atomic_helper_crtc_duplicate_state,
	.atomic_destroy_state = drm_atomic_helper_crtc_destroy_state,
	.enable_vblank = display_crtc_enable_vblank,
	.disable_vblank = display_crtc_disable_vblank,
	.get_crc_sources = display_crc_sources_get,
	.verify_crc_source = display_crc_source_verify,
	.set_crc_source = display_crc_source_set,
};

/* Sets the CRTC up, switched off. */
int display_crtc_init(struct display *display)
{
	int ret;

	ret = drmm_crtc_init_with_planes(&display->drm, &display->crtc, &display->plane, NULL,
					 &display_crtc_funcs, NULL);
	if (ret)
		return ret;
	drm_crtc_helper_add(&display->crtc, &display_crtc_helper_funcs);

	hrtimer_init(&display->vblank_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	display->vblank_timer.function = display_vblank;
	return drm_vblank_init(&display->drm, 1);
}
