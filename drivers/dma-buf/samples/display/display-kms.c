// SPDX-License-Identifier: GPL-2.0-only
/*
 * The display pipeline: plane, encoder and connector, and the order of a commit.
 *
 * DRM's atomic helpers do what all drivers have in common. The driver decides
 * when a buffer is prepared and cleaned up, and in display-crtc.c when a flip is
 * done.
 */

#include <linux/dma-buf.h>

#include <drm/drm_atomic.h>
#include <drm/drm_atomic_helper.h>
#include <drm/drm_blend.h>
#include <drm/drm_drv.h>
#include <drm/drm_edid.h>
#include <drm/drm_fourcc.h>
#include <drm/drm_framebuffer.h>
#include <drm/drm_gem_atomic_helper.h>
#include <drm/drm_gem_framebuffer_helper.h>
#include <drm/drm_modeset_helper_vtables.h>
#include <drm/drm_probe_helper.h>

#include "display.h"

/**
 * DOC: Fences before the flip
 *
 * A buffer can be shown when all writers are done. There are two ways to name the
 * writers:
 *
 * * explicit: a sync_file in the plane property IN_FENCE_FD;
 * * implicit: fences in the buffer's reservation object with the usage
 *   %DMA_RESV_USAGE_WRITE or %DMA_RESV_USAGE_KERNEL.
 *
 * drm_gem_plane_helper_prepare_fb() collects the explicit fence if there is one,
 * and then only %DMA_RESV_USAGE_KERNEL fences; otherwise all implicit fences of
 * writers. It works for imports too, because the GEM object of an import uses the
 * reservation object of the dma-buf. The commit then waits for the collected
 * fences, in a worker if userspace asked for a nonblocking commit.
 *
 * The fences are collected after the buffer is pinned and mapped, because the
 * exporter may add one when it pins or maps.
 */

static const u32 display_formats[] = {
	DRM_FORMAT_XRGB8888,
	/* The same picture: alpha is premultiplied, and the background black. */
	DRM_FORMAT_ARGB8888,
};

/* The plane covers the screen and is not scaled. */
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

static int display_plane_prepare_bo(struct drm_plane *plane, struct drm_plane_state *state,
				    struct display_bo *bo)
{
	int ret;

	ret = display_bo_prepare(bo);
	if (ret)
		return ret;
	ret = drm_gem_plane_helper_prepare_fb(plane, state);
	if (ret)
		display_bo_cleanup(bo);
	return ret;
}

/*
 * Called for each commit, also if the framebuffer does not change, so buffers are
 * prepared more than once. It runs in the context of the ioctl: a signal can end
 * a wait, and an errno reaches userspace. Once the display is unbound no commit
 * gets further than this.
 */
static int display_plane_prepare(struct drm_plane *plane, struct drm_plane_state *state)
{
	int idx, ret;

	if (!state->fb)
		return 0;
	if (!drm_dev_enter(plane->dev, &idx))
		return -ENODEV;
	ret = display_plane_prepare_bo(plane, state,
				       to_display_bo(drm_gem_fb_get_obj(state->fb, 0)));
	drm_dev_exit(idx);
	return ret;
}

/*
 * Called when the next commit has replaced this framebuffer, or when this commit
 * failed. No scan reads the buffer, but one may still wait for it.
 */
static void display_plane_cleanup(struct drm_plane *plane, struct drm_plane_state *state)
{
	struct display_bo *bo;

	if (!state->fb)
		return;
	bo = to_display_bo(drm_gem_fb_get_obj(state->fb, 0));
	display_scan_finish(to_display(plane->dev), bo);
	display_bo_cleanup(bo);
}

/*
 * Hardware would get its registers written here, and latch them in the vblank
 * after display_crtc_flush().
 */
static void display_plane_update(struct drm_plane *plane, struct drm_atomic_state *state)
{
	struct drm_plane_state *new = drm_atomic_get_new_plane_state(state, plane);
	struct display *display = to_display(plane->dev);
	struct drm_framebuffer *fb = new->fb;
	u32 x = new->src.x1 >> 16, y = new->src.y1 >> 16;

	display->staged = (struct display_frame) {
		.bo = to_display_bo(drm_gem_fb_get_obj(fb, 0)),
		.offset = fb->offsets[0] + y * fb->pitches[0] + x * fb->format->cpp[0],
		.pitch = fb->pitches[0],
		.width = drm_rect_width(&new->dst),
		.height = drm_rect_height(&new->dst),
	};
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

/* There is no EDID. DRM's list of standard modes is used, and 640x480 preferred. */
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
 * Planes are updated after the CRTC is on, because a flip needs a vblank. The
 * commit waits for the flip and not for a vblank, as a flip can take several. The
 * old framebuffer is cleaned up after that.
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

static int display_plane_init(struct display *display)
{
	int ret;

	ret = drm_universal_plane_init(&display->drm, &display->plane, 1, &display_plane_funcs,
				       display_formats, ARRAY_SIZE(display_formats),
				       NULL, DRM_PLANE_TYPE_PRIMARY, NULL);
	if (ret)
		return ret;
	drm_plane_helper_add(&display->plane, &display_plane_helper_funcs);
	return 0;
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

/* Sets the pipeline up, switched off. DRM frees it together with the device. */
int display_kms_init(struct display *display)
{
	int ret;

	ret = display_mode_config_init(&display->drm);
	if (ret)
		return ret;
	ret = display_plane_init(display);
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
