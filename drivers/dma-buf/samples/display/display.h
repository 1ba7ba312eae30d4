/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Structures and functions that the files of the sample display share.
 */
#ifndef _DMABUF_SAMPLE_DISPLAY_H
#define _DMABUF_SAMPLE_DISPLAY_H

struct dma_buf;
struct dma_buf_needs;
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

/* Sides of a mode, and the longest side of a framebuffer. */
#define DISPLAY_MIN_SIZE	64
#define DISPLAY_MAX_WIDTH	1920
#define DISPLAY_MAX_HEIGHT	1080
#define DISPLAY_MAX_FB		4096

/**
 * struct display_storage - pages of a buffer
 *
 * A move gives the buffer new storage. The old one is reference counted, because
 * DMA mappings made before the move still lead to it.
 */
struct display_storage {
	/** @refcount: Held by the buffer and by each DMA mapping. */
	struct kref refcount;

	/** @num_pages: Length of @pages. */
	unsigned long num_pages;

	/** @pages: The pages; constant. */
	struct page *pages[] __counted_by(num_pages);
};

/**
 * struct display_bo - GEM object of the display
 *
 * Either an own buffer, with @storage, or an import, with @imported. The
 * reservation lock (&drm_gem_object.resv) guards all members that are not marked
 * otherwise. An import uses the reservation object of its dma-buf, so that
 * exporter and importer take the same lock.
 */
struct display_bo {
	/**
	 * @base: The GEM object. Its import_attach is the attachment of an
	 * import: set before the object has a handle, cleared under
	 * &display.imports_lock and the reservation lock when the display is
	 * unbound. From then on the import is dead.
	 */
	struct drm_gem_object base;

	/** @storage: Pages of an own buffer; NULL for an import. */
	struct display_storage *storage;

	/** @exports: Each dma-buf of an own buffer, a &struct display_export. */
	struct list_head exports;

	/** @mappings: Each DMA mapping of an own buffer, a &struct display_mapping. */
	struct list_head mappings;

	/** @pin_count: Users that need the buffer to stay in place. */
	unsigned int pin_count;

	/** @vmap_count: Users of @map. */
	unsigned int vmap_count;

	/** @map: Kernel address; valid while @vmap_count is not 0. */
	struct iosys_map map;

	/**
	 * @imported: The dma-buf of an import, with a reference; NULL for an own
	 * buffer. Constant, also when the import is dead.
	 */
	struct dma_buf *imported;

	/** @sgt: DMA addresses of an import; NULL while it is not mapped. */
	struct sg_table *sgt;

	/** @import_node: Entry of &display.imports; guarded by its lock. */
	struct list_head import_node;
};

/**
 * struct display_frame - visible part of a buffer
 */
struct display_frame {
	/** @bo: The buffer, prepared by display_bo_prepare(). NULL for no picture. */
	struct display_bo *bo;

	/** @offset: Byte offset of the first visible pixel. */
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
	/** @drm: The DRM device. Its event_lock guards members as noted below. */
	struct drm_device drm;

	/** @plane: Primary plane. */
	struct drm_plane plane;

	/** @crtc: The only CRTC. */
	struct drm_crtc crtc;

	/** @encoder: Required by DRM between CRTC and connector. */
	struct drm_encoder encoder;

	/** @connector: Always connected. */
	struct drm_connector connector;

	/** @vblank_timer: Expires once per frame while the CRTC is on. */
	struct hrtimer vblank_timer;

	/** @frame_time: Period of @vblank_timer; constant while it runs. */
	ktime_t frame_time;

	/**
	 * @staged: Frame of the commit in progress, set by atomic_update and taken
	 * by atomic_flush. No lock: DRM runs one commit of a CRTC at a time.
	 */
	struct display_frame staged;

	/** @shown: Frame on the screen; event_lock. */
	struct display_frame shown;

	/** @next: Frame that replaces @shown, if @flip_pending; event_lock. */
	struct display_frame next;

	/** @event: Event to send when @next is shown, or NULL; event_lock. */
	struct drm_pending_vblank_event *event;

	/** @flip_pending: The next vblank replaces @shown by @next; event_lock. */
	bool flip_pending;

	/** @crc_wanted: Userspace reads CRCs; event_lock. */
	bool crc_wanted;

	/**
	 * @scanning: @scan_work is queued or runs; event_lock. Set by
	 * display_scan_start(), cleared by @scan_work.
	 */
	bool scanning;

	/**
	 * @scan_waits: @scan_work waits for a lock or for fences, and reads nothing;
	 * event_lock.
	 */
	bool scan_waits;

	/** @scan_queue: Waiters for display_scan_reads() to become false. */
	wait_queue_head_t scan_queue;

	/**
	 * @scanned: Copy of @shown, taken when the scan began. Written under
	 * event_lock while @scanning is false, constant while it is true.
	 */
	struct display_frame scanned;

	/** @scanned_vblank: Vblank count of @scanned; same rule as @scanned. */
	u32 scanned_vblank;

	/** @scan_work: Computes the CRC of @scanned. */
	struct work_struct scan_work;

	/** @line: One row of pixels; used by @scan_work only. */
	__le32 line[DISPLAY_MAX_WIDTH];

	/** @lru_lock: Guards @lru. */
	struct mutex lru_lock;

	/** @lru: All own buffers. */
	struct drm_gem_lru lru;

	/**
	 * @imports_lock: Guards @imports, and serialises detaching. Taken outside
	 * reservation locks.
	 */
	struct mutex imports_lock;

	/** @imports: All imports, for display_import_detach_all(). */
	struct list_head imports;

	/** @moves: Number of moves. */
	atomic_t moves;
};

#define to_display(ptr)	container_of(ptr, struct display, drm)
#define to_display_bo(ptr)	container_of(ptr, struct display_bo, base)

/* display-kms.c */
int display_kms_init(struct display *display);

/* display-crtc.c */
int display_crtc_init(struct display *display);

/* display-scan.c */
const char *const *display_crc_sources_get(struct drm_crtc *crtc, size_t *count);
int display_crc_source_verify(struct drm_crtc *crtc, const char *source,
			      size_t *values);
int display_crc_source_set(struct drm_crtc *crtc, const char *source);
void display_scan_init(struct display *display);
bool display_scan_reads(struct display *display);
void display_scan_start(struct display *display);
void display_scan_finish(struct display *display, struct display_bo *bo);

/* display-gem.c */
int display_bo_prepare(struct display_bo *bo);
void display_bo_cleanup(struct display_bo *bo);
struct display_bo *display_bo_create(struct drm_device *drm, size_t size);
int display_dumb_create(struct drm_file *file, struct drm_device *drm,
			struct drm_mode_create_dumb *args);
struct drm_gem_object *display_gem_import(struct drm_device *drm,
					  struct dma_buf *dmabuf);
int display_gem_handle_to_fd(struct drm_device *drm, struct drm_file *file,
			     u32 handle, u32 flags, int *fd);

/* display-import.c */
int display_import_attach(struct display_bo *bo);
void display_import_detach(struct display_bo *bo);
void display_import_detach_all(struct display *display);
int display_import_pin(struct display_bo *bo);
void display_import_unpin(struct display_bo *bo);

/* display-move.c */
bool display_bo_can_move(struct display_bo *bo);
void display_bo_replace(struct display_bo *bo, struct display_storage *new);
int display_bo_move(struct display_bo *bo);
void display_move_debugfs(struct drm_minor *minor);

/* display-export.c */
struct dma_buf *display_export(struct drm_gem_object *obj, int flags);
struct drm_gem_object *display_export_object(struct dma_buf *dmabuf);
void display_export_move_notify(struct display_bo *bo);
void display_export_sync_for_cpu(struct display_bo *bo);
int display_export_begin_cpu(struct display_bo *bo);
void display_export_end_cpu(struct display_bo *bo, enum dma_data_direction dir);

/* display-negotiate.c */
int display_export_negotiate(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
			     const struct dma_buf_needs *want);

/* display-storage.c */
struct display_storage *display_storage_alloc_zone(unsigned long num_pages, gfp_t zone,
						   bool adjacent);
struct display_storage *display_storage_alloc(unsigned long num_pages);
struct display_storage *display_storage_get(struct display_storage *storage);
void display_storage_put(struct display_storage *storage);
int display_bo_vmap(struct display_bo *bo);
void display_bo_vunmap(struct display_bo *bo);

#endif /* _DMABUF_SAMPLE_DISPLAY_H */
