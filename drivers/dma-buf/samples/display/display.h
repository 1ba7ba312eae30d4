/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the sample display share.
 */
#ifndef _DMABUF_SAMPLE_DISPLAY_H
#define _DMABUF_SAMPLE_DISPLAY_H

struct dma_buf;
struct drm_minor;
struct drm_mode_create_dumb;
struct drm_pending_vblank_event;

#include <linux/dma-direction.h>
#include <linux/hrtimer.h>
#include <linux/iosys-map.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/workqueue.h>

#include <drm/drm_connector.h>
#include <drm/drm_crtc.h>
#include <drm/drm_device.h>
#include <drm/drm_encoder.h>
#include <drm/drm_gem.h>
#include <drm/drm_plane.h>

#define DISPLAY_NAME		"dmabuf_sample_display"

/* Sides of a mode, and the longest side of a framebuffer to pan over. */
#define DISPLAY_MIN_SIZE	64
#define DISPLAY_MAX_WIDTH	1920
#define DISPLAY_MAX_HEIGHT	1080
#define DISPLAY_MAX_FB		4096

/**
 * struct display_storage - pages of a buffer, in one place
 *
 * Counted, because a mapping that a device still has keeps leading to the old
 * place after the buffer moved on.
 */
struct display_storage {
	/** @refcount: The buffer's reference and one of each mapping. */
	struct kref refcount;

	/** @num_pages: Length of @pages. */
	unsigned long num_pages;

	/** @pages: The pages; fixed for life. */
	struct page *pages[] __counted_by(num_pages);
};

/**
 * struct display_bo - a buffer of the display: its own, or an imported one
 *
 * Everything here is guarded by the lock of the reservation object
 * (&drm_gem_object.resv), which an imported buffer shares with its exporter.
 */
struct display_bo {
	/** @base: What DRM knows of it. import_attach tells the imported ones. */
	struct drm_gem_object base;

	/** @storage: Where an own buffer lies; NULL for an imported one. */
	struct display_storage *storage;

	/** @dmabuf: An own buffer's exported face while there is one. */
	struct dma_buf *dmabuf;

	/** @mappings: An own buffer's &struct display_mapping. */
	struct list_head mappings;

	/** @pin_count: How many need an own buffer to stay where it is. */
	unsigned int pin_count;

	/** @vmap_count: How many use @map. */
	unsigned int vmap_count;

	/** @map: The buffer in the kernel's address space. */
	struct iosys_map map;

	/** @sgt: An imported buffer's addresses, or NULL: map before use. */
	struct sg_table *sgt;

	/** @import: Link in &display.imports; guarded by its lock. */
	struct list_head import;
};

/**
 * struct display_frame - a picture in a buffer
 */
struct display_frame {
	/** @bo: The buffer, kept in place and mapped by the plane. */
	struct display_bo *bo;

	/** @offset: Byte of the buffer at which the first visible pixel lies. */
	u32 offset;

	/** @pitch: Bytes from one row to the next. */
	u32 pitch;

	/** @width: Visible pixels of a row. */
	u32 width;

	/** @height: Visible rows. */
	u32 height;
};

/**
 * struct display - the device
 */
struct display {
	/** @drm: The DRM device; its event_lock guards the scan-out below. */
	struct drm_device drm;

	/** @plane: Takes the picture from a buffer. */
	struct drm_plane plane;

	/** @crtc: Gives the picture its timing. */
	struct drm_crtc crtc;

	/** @encoder: Nothing to encode, but DRM wants one in between. */
	struct drm_encoder encoder;

	/** @connector: A screen that is always plugged in. */
	struct drm_connector connector;

	/** @vblank_timer: Runs while the CRTC is on, a tick for each frame. */
	struct hrtimer vblank_timer;

	/** @frame_time: Time between two ticks; fixed while the timer runs. */
	ktime_t frame_time;

	/** @shown: The picture on the screen; fixed while @scanning. */
	struct display_frame shown;

	/** @next: What follows it once @flip_pending. */
	struct display_frame next;

	/** @event: Sent when @next is shown. */
	struct drm_pending_vblank_event *event;

	/** @flip_pending: @next is complete and waits for its vblank. */
	bool flip_pending;

	/** @crc_wanted: Somebody reads the CRCs. */
	bool crc_wanted;

	/** @scanning: @scan_work has not finished the frame yet. */
	bool scanning;

	/** @scan_frame: Vblank count of the frame being scanned. */
	u32 scan_frame;

	/** @scan_work: Reads the shown picture, once for each frame. */
	struct work_struct scan_work;

	/** @line: One row of pixels; only @scan_work uses it. */
	__le32 line[DISPLAY_MAX_WIDTH];

	/** @lru_lock: Guards @lru. */
	struct mutex lru_lock;

	/** @lru: All own buffers, for those who walk them. */
	struct drm_gem_lru lru;

	/** @imports_lock: Guards @imports; outside of reservation locks. */
	struct mutex imports_lock;

	/** @imports: All imported buffers, whose mappings end with the device. */
	struct list_head imports;

	/** @moves: Buffers moved so far. */
	atomic_t moves;
};

#define to_display(ptr)	container_of(ptr, struct display, drm)
#define to_display_bo(ptr)	container_of(ptr, struct display_bo, base)

/* display-kms.c */
int display_kms_init(struct display *display);

/* display-scan.c */
const char *const *display_crc_sources_get(struct drm_crtc *crtc, size_t *count);
int display_crc_source_verify(struct drm_crtc *crtc, const char *source,
			      size_t *values);
int display_crc_source_set(struct drm_crtc *crtc, const char *source);
void display_scan_init(struct display *display);
void display_scan_start(struct display *display);
void display_scan_finish(struct display *display, struct display_bo *bo);

/* display-gem.c */
struct display_storage *display_storage_alloc(unsigned long num_pages);
struct display_storage *display_storage_get(struct display_storage *storage);
void display_storage_put(struct display_storage *storage);
struct display_bo *display_bo_alloc(void);
int display_bo_vmap(struct display_bo *bo);
void display_bo_vunmap(struct display_bo *bo);
int display_bo_hold(struct display_bo *bo);
void display_bo_let_go(struct display_bo *bo);
int display_dumb_create(struct drm_file *file, struct drm_device *drm,
			struct drm_mode_create_dumb *args);

/* display-export.c */
extern const struct dma_buf_ops display_export_ops;
struct dma_buf *display_export(struct drm_gem_object *obj, int flags);
int display_export_begin_cpu(struct display_bo *bo);
void display_export_end_cpu(struct display_bo *bo, enum dma_data_direction dir);

/* display-move.c */
void display_move_debugfs(struct drm_minor *minor);

/* display-import.c */
struct drm_gem_object *display_import(struct drm_device *drm,
				      struct dma_buf *dmabuf);
void display_import_free(struct display_bo *bo);
void display_import_unmap_all(struct display *display);
int display_import_pin(struct display_bo *bo);
void display_import_unpin(struct display_bo *bo);

#endif /* _DMABUF_SAMPLE_DISPLAY_H */
