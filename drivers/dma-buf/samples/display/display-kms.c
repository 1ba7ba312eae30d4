// SPDX-License-Identifier: GPL-2.0-only
/*
 * The display pipeline: plane, CRTC, connector, and the timer that is its vblank.
 *
 * DRM's atomic helpers do what is the same for every driver. What is left is
 * when a buffer is held and let go, and when a flip has happened.
 */

#include <linux/dma-buf.h>
#include <linux/math64.h>

#include <drm/drm_atomic.h>
#include <drm/drm_atomic_helper.h>
#include <drm/drm_blend.h>
#include <drm/drm_edid.h>
#include <drm/drm_fourcc.h>
#include <drm/drm_framebuffer.h>
#include <drm/drm_gem_atomic_helper.h>
#include <drm/drm_gem_framebuffer_helper.h>
#include <drm/drm_modeset_helper_vtables.h>
#include <drm/drm_probe_helper.h>
#include <drm/drm_vblank.h>

#include "display.h"

/**
 * DOC: Fences before the flip
 *
 * A buffer may be shown when those who write to it are done. Userspace says who
 * they are in one of two ways:
 *
 * * explicitly: the plane property IN_FENCE_FD, a sync_file;
 * * implicitly: they have left their fences in the buffer's reservation object,
 *   with a usage of %DMA_RESV_USAGE_WRITE or stronger.
 *
 * drm_gem_plane_helper_prepare_fb() collects either: the explicit fence if there
 * is one, and then only the memory manager's fences (%DMA_RESV_USAGE_KERNEL) of
 * the implicit ones; otherwise everything that writes. It works for an imported
 * buffer as for an own one, because the GEM object's reservation object *is* the
 * dma-buf's. The commit then waits for what was collected, in a worker if
 * userspace asked not to block.
 *
 * They are collected after the buffer is pinned and mapped, for the exporter may
 * add a fence of its own when it is made to.
 */

/**
 * DOC: Fences after the flip
 *
 * A commit's out-fence (the CRTC property OUT_FENCE_PTR), and the flip event,
 * signal in the vblank in which its picture replaces the one before. So the
 * out-fence of the *next* commit tells when this commit's buffer is off the
 * screen, and a writer that has no other way to wait for it can have it in the
 * reservation object, by DMA_BUF_IOCTL_IMPORT_SYNC_FILE with the read flag.
 *
 * The display itself adds no fence there, although it reads the buffer. For the
 * time on the screen there cannot be one: it ends when userspace flips again,
 * while a fence must signal in bounded time whatever userspace does. For each
 * frame that is read there could, but a fence of this driver would stay in
 * another exporter's reservation object after this module is unloaded, and the
 * fence's callbacks with it. So display-scan.c looks the other way round
 * whether somebody writes to what it reads.
 */

static const u32 display_formats[] = {
	DRM_FORMAT_XRGB8888,
	/* Premultiplied and on top of black: the same picture. */
	DRM_FORMAT_ARGB8888,
};

/* Slowest and fastest frame that the timer is asked for. */
#define DISPLAY_FRAME_NS_MIN	(NSEC_PER_SEC / 250)
#define DISPLAY_FRAME_NS_MAX	NSEC_PER_SEC

/* Pixels of a frame, blanking included, by the pixel clock in kHz. */
static u64 display_frame_ns(const struct drm_display_mode *mode)
{
	u64 pixels = mul_u32_u32(mode->htotal, mode->vtotal);

	return mode->clock > 0 ? div_u64(pixels * USEC_PER_SEC, mode->clock) : 0;
}

/* Userspace may make up a mode: its frames must not come faster than a CPU can follow. */
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

/* There is nothing to show besides the plane, so without it there is no CRTC. */
static int display_crtc_check(struct drm_crtc *crtc, struct drm_atomic_state *state)
{
	struct drm_crtc_state *crtc_state = drm_atomic_get_new_crtc_state(state, crtc);

	return crtc_state->enable ? drm_atomic_helper_check_crtc_primary_plane(crtc_state) : 0;
}

/* The new picture is on the screen: the event says so, and the old one is free. */
static void display_flip_done(struct display *display)
{
	lockdep_assert_held(&display->drm.event_lock);
	display->shown = display->next;
	display->flip_pending = false;
	if (!display->event)
		return;
	drm_crtc_send_vblank_event(&display->crtc, display->event);
	drm_crtc_vblank_put(&display->crtc);
	display->event = NULL;
}

/*
 * The vblank. A frame whose scan takes longer than it is shown (a large one on a
 * slow CPU) stays for another vblank: the flip waits, so that no buffer is given
 * back while it is read, and every picture that was flipped to has been read
 * once.
 */
static enum hrtimer_restart display_vblank(struct hrtimer *timer)
{
	struct display *display = container_of(timer, struct display, vblank_timer);
	unsigned long flags;

	hrtimer_forward_now(timer, display->frame_time);
	drm_crtc_handle_vblank(&display->crtc);

	spin_lock_irqsave(&display->drm.event_lock, flags);
	if (!display->scanning) {
		if (display->flip_pending)
			display_flip_done(display);
		display_scan_start(display);
	}
	spin_unlock_irqrestore(&display->drm.event_lock, flags);
	return HRTIMER_RESTART;
}

/*
 * The timer runs with the CRTC and not only while somebody listens. It costs
 * little, and the listening is switched under locks that the timer takes too:
 * it could not be stopped there.
 */
static int display_crtc_enable_vblank(struct drm_crtc *crtc)
{
	return 0;
}

static void display_crtc_disable_vblank(struct drm_crtc *crtc)
{
}

static void display_crtc_enable(struct drm_crtc *crtc, struct drm_atomic_state *state)
{
	struct display *display = to_display(crtc->dev);

	drm_crtc_vblank_on(crtc);
	display->frame_time = ns_to_ktime(display_frame_ns(&crtc->state->adjusted_mode));
	hrtimer_start(&display->vblank_timer, display->frame_time, HRTIMER_MODE_REL);
}

/*
 * The last frame is read to its end; then nothing refers to a buffer any more.
 * A commit that only switches off has an event too, and no vblank to come.
 */
static void display_crtc_disable(struct drm_crtc *crtc, struct drm_atomic_state *state)
{
	struct display *display = to_display(crtc->dev);

	hrtimer_cancel(&display->vblank_timer);
	display_scan_finish(display, NULL);
	drm_crtc_vblank_off(crtc);

	spin_lock_irq(&crtc->dev->event_lock);
	if (display->flip_pending)
		display_flip_done(display);
	display->shown.bo = NULL;
	if (crtc->state->event && !crtc->state->active) {
		drm_crtc_send_vblank_event(crtc, crtc->state->event);
		crtc->state->event = NULL;
	}
	spin_unlock_irq(&crtc->dev->event_lock);
}

/* All of the commit is in place: the next vblank may take it. */
static void display_crtc_flush(struct drm_crtc *crtc, struct drm_atomic_state *state)
{
	struct display *display = to_display(crtc->dev);
	struct drm_pending_vblank_event *event = crtc->state->event;

	/* Keeps vblanks counted until display_flip_done(). */
	if (event)
		drm_WARN_ON_ONCE(crtc->dev, drm_crtc_vblank_get(crtc));

	spin_lock_irq(&crtc->dev->event_lock);
	/* Left over only if the commit before gave up on its vblank. */
	if (display->flip_pending)
		display_flip_done(display);
	crtc->state->event = NULL;
	display->event = event;
	display->flip_pending = true;
	spin_unlock_irq(&crtc->dev->event_lock);
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

/* One picture, as large as the screen, not scaled. */
static int display_plane_check(struct drm_plane *plane, struct drm_atomic_state *state)
{
	struct drm_plane_state *new = drm_atomic_get_new_plane_state(state, plane);

	if (!new->crtc)
		return 0;
	return drm_atomic_helper_check_plane_state(new,
						   drm_atomic_get_new_crtc_state(state, new->crtc),
						   DRM_PLANE_NO_SCALING, DRM_PLANE_NO_SCALING,
						   false, false);
}

/*
 * Called for each commit, also if the framebuffer is the one that is shown
 * already: holds count. In the caller's context, where a signal can end a wait
 * and an errno still reaches userspace.
 */
static int display_plane_prepare(struct drm_plane *plane, struct drm_plane_state *state)
{
	struct display_bo *bo;
	int ret;

	if (!state->fb)
		return 0;
	bo = to_display_bo(drm_gem_fb_get_obj(state->fb, 0));
	ret = display_bo_hold(bo);
	if (ret)
		return ret;
	ret = drm_gem_plane_helper_prepare_fb(plane, state);
	if (ret)
		display_bo_let_go(bo);
	return ret;
}

/*
 * The commit that replaced this framebuffer has happened (or this one never
 * will). That the buffer is not being read holds already, unless the commit gave
 * up waiting for a scan that somebody's fence stalls.
 */
static void display_plane_cleanup(struct drm_plane *plane, struct drm_plane_state *state)
{
	struct display_bo *bo;

	if (!state->fb)
		return;
	bo = to_display_bo(drm_gem_fb_get_obj(state->fb, 0));
	display_scan_finish(to_display(plane->dev), bo);
	display_bo_let_go(bo);
}

static void display_plane_update(struct drm_plane *plane, struct drm_atomic_state *state)
{
	struct drm_plane_state *new = drm_atomic_get_new_plane_state(state, plane);
	struct display *display = to_display(plane->dev);
	struct drm_framebuffer *fb = new->fb;
	u32 x = new->src.x1 >> 16, y = new->src.y1 >> 16;
	struct display_frame frame = {
		.bo = to_display_bo(drm_gem_fb_get_obj(fb, 0)),
		.offset = fb->offsets[0] + y * fb->pitches[0] + x * fb->format->cpp[0],
		.pitch = fb->pitches[0],
		.width = drm_rect_width(&new->dst),
		.height = drm_rect_height(&new->dst),
	};

	spin_lock_irq(&display->drm.event_lock);
	display->next = frame;
	spin_unlock_irq(&display->drm.event_lock);
}

static const struct drm_plane_helper_funcs display_plane_helper_funcs = {
	.atomic_check = display_plane_check,
	.prepare_fb = display_plane_prepare,
	.cleanup_fb = display_plane_cleanup,
	.atomic_update = display_plane_update,
};

static const struct drm_plane_funcs display_plane_funcs = {
	.destroy = drm_plane_cleanup,
	.reset = drm_atomic_helper_plane_reset,
	.update_plane = drm_atomic_helper_update_plane,
	.disable_plane = drm_atomic_helper_disable_plane,
	.atomic_duplicate_state = drm_atomic_helper_plane_duplicate_state,
	.atomic_destroy_state = drm_atomic_helper_plane_destroy_state,
};

/* There is no EDID to read: the usual modes, and a small one first. */
static int display_get_modes(struct drm_connector *connector)
{
	int count = drm_add_modes_noedid(connector, DISPLAY_MAX_WIDTH, DISPLAY_MAX_HEIGHT);

	drm_set_preferred_mode(connector, 640, 480);
	return count;
}

static const struct drm_connector_helper_funcs display_connector_helper_funcs = {
	.get_modes = display_get_modes,
};

static const struct drm_connector_funcs display_connector_funcs = {
	.reset = drm_atomic_helper_connector_reset,
	.fill_modes = drm_helper_probe_single_connector_modes,
	.atomic_duplicate_state = drm_atomic_helper_connector_duplicate_state,
	.atomic_destroy_state = drm_atomic_helper_connector_destroy_state,
};

/*
 * Planes come after the CRTC is on, so that there are vblanks to wait for. The
 * wait is for the flip and not for a vblank: the two are not the same here. Only
 * then is the old framebuffer cleaned up, that is, let go.
 */
static void display_commit_tail(struct drm_atomic_state *state)
{
	struct drm_device *drm = state->dev;

	drm_atomic_helper_commit_modeset_disables(drm, state);
	drm_atomic_helper_commit_modeset_enables(drm, state);
	drm_atomic_helper_commit_planes(drm, state, DRM_PLANE_COMMIT_ACTIVE_ONLY);
	drm_atomic_helper_commit_hw_done(state);
	drm_atomic_helper_wait_for_flip_done(drm, state);
	drm_atomic_helper_cleanup_planes(drm, state);
}

static const struct drm_mode_config_helper_funcs display_mode_config_helper_funcs = {
	.atomic_commit_tail = display_commit_tail,
};

static const struct drm_mode_config_funcs display_mode_config_funcs = {
	.fb_create = drm_gem_fb_create,
	.atomic_check = drm_atomic_helper_check,
	.atomic_commit = drm_atomic_helper_commit,
};

static int display_mode_config_init(struct drm_device *drm)
{
	struct drm_mode_config *config = &drm->mode_config;
	int ret;

	ret = drmm_mode_config_init(drm);
	if (ret)
		return ret;
	config->min_width = DISPLAY_MIN_SIZE;
	config->min_height = DISPLAY_MIN_SIZE;
	config->max_width = DISPLAY_MAX_FB;
	config->max_height = DISPLAY_MAX_FB;
	config->preferred_depth = 24;
	config->funcs = &display_mode_config_funcs;
	config->helper_private = &display_mode_config_helper_funcs;
	return 0;
}

static int display_crtc_init(struct display *display)
{
	struct drm_device *drm = &display->drm;
	int ret;

	ret = drm_universal_plane_init(drm, &display->plane, 1, &display_plane_funcs,
				       display_formats, ARRAY_SIZE(display_formats),
				       NULL, DRM_PLANE_TYPE_PRIMARY, NULL);
	if (ret)
		return ret;
	drm_plane_helper_add(&display->plane, &display_plane_helper_funcs);

	ret = drmm_crtc_init_with_planes(drm, &display->crtc, &display->plane, NULL,
					 &display_crtc_funcs, NULL);
	if (ret)
		return ret;
	drm_crtc_helper_add(&display->crtc, &display_crtc_helper_funcs);

	hrtimer_init(&display->vblank_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	display->vblank_timer.function = display_vblank;
	return drm_vblank_init(drm, 1);
}

static int display_connector_init(struct display *display)
{
	struct drm_device *drm = &display->drm;
	int ret;

	ret = drmm_encoder_init(drm, &display->encoder, NULL, DRM_MODE_ENCODER_VIRTUAL, NULL);
	if (ret)
		return ret;
	display->encoder.possible_crtcs = drm_crtc_mask(&display->crtc);

	ret = drmm_connector_init(drm, &display->connector, &display_connector_funcs,
				  DRM_MODE_CONNECTOR_VIRTUAL, NULL);
	if (ret)
		return ret;
	drm_connector_helper_add(&display->connector, &display_connector_helper_funcs);
	return drm_connector_attach_encoder(&display->connector, &display->encoder);
}

/* The pipeline, switched off. What this makes goes with the DRM device. */
int display_kms_init(struct display *display)
{
	int ret;

	ret = display_mode_config_init(&display->drm);
	if (ret)
		return ret;
	ret = display_crtc_init(display);
	if (ret)
		return ret;
	ret = display_connector_init(display);
	if (ret)
		return ret;
	drm_mode_config_reset(&display->drm);
	return 0;
}
