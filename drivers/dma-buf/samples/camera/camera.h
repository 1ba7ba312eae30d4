/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A V4L2 capture device that shares its frames through dma-buf.
 */
#ifndef DMABUF_SAMPLES_CAMERA_H
#define DMABUF_SAMPLES_CAMERA_H

struct dma_buf;
struct task_struct;
struct vm_area_struct;

#include <linux/dma-direction.h>
#include <linux/dma-resv.h>
#include <linux/iosys-map.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <media/v4l2-ctrls.h>
#include <media/v4l2-dev.h>
#include <media/v4l2-device.h>
#include <media/videobuf2-v4l2.h>

#include "../pattern.h"

#define CAMERA_MIN_SIDE		64
#define CAMERA_MAX_WIDTH	1920
#define CAMERA_MAX_HEIGHT	1080
/* Room for the padded rows that a display may ask for. */
#define CAMERA_MAX_STRIDE	16384
#define CAMERA_MAX_RATE		60

/**
 * DOC: Camera: overview
 *
 * The camera is a complete V4L2 capture driver without hardware: a thread
 * paints a test picture where a real driver would start a DMA engine.
 *
 * - camera-export.c: exporting the camera's own memory
 * - camera-import.c: writing to memory of another driver
 * - camera-mem.c: videobuf2's memory operations, which call these two
 * - camera-stream.c: the queue, and the thread that waits for fences and paints
 * - camera-ioctl.c, camera-main.c: the rest of a V4L2 driver
 *
 * Most V4L2 drivers do not need code like that of the first three files, because
 * videobuf2 provides it (vb2_dma_sg_memops, vb2_dma_contig_memops,
 * vb2_vmalloc_memops). It is here for drivers that cannot use those, and for
 * drivers of other subsystems: camera-export.c and camera-import.c do not depend
 * on V4L2 but for their arguments.
 */

/**
 * DOC: Camera: locking
 *
 * From the outside in::
 *
 *	camera.lock			ioctls, and the state of the queue
 *	  vb2_queue.mmap_lock		videobuf2's own
 *	    camera_pages.resv		mappings, kernel address, fences
 *	camera.buffers_lock		buffers between QBUF and the thread
 *
 * The thread takes reservation locks and camera.buffers_lock. It never takes
 * camera.lock, because STREAMOFF holds that while it waits for the thread.
 */

/**
 * struct camera_pages - memory that the camera owns.
 * @resv: reservation object of the memory. All dma-bufs made of the memory use
 *	it, so that a user of one dma-buf waits for the users of all. Its lock
 *	guards @mappings, @vaddr and @vmaps.
 * @mappings: DMA mappings, a list of camera_attachment.node
 * @vaddr: kernel address, valid while @vmaps is not 0
 * @vmaps: users of @vaddr
 * @users: references: the videobuf2 buffer, each dma-buf, each userspace mapping
 * @count: number of @pages, constant
 * @pages: the memory, not contiguous, constant
 */
struct camera_pages {
	struct dma_resv resv;
	struct list_head mappings;
	void *vaddr;
	unsigned int vmaps;
	refcount_t users;
	unsigned int count;
	struct page *pages[] __counted_by(count);
};

/**
 * struct camera_mem - memory of one videobuf2 buffer.
 * @pages: the camera's own memory (V4L2_MEMORY_MMAP), else NULL
 * @dmabuf: the imported dma-buf (V4L2_MEMORY_DMABUF), else NULL; videobuf2 holds
 *	the reference
 * @size: bytes that a frame needs of @dmabuf
 * @dev: device that is attached to @dmabuf
 * @attach: the attachment
 * @sgt: DMA addresses of @dmabuf for @dev
 * @dir: direction of @sgt
 * @map: kernel address of @pages or @dmabuf
 *
 * This is videobuf2's private data of a plane: the memory operations alloc and
 * attach_dmabuf return it, and the others get it. camera.lock serialises them.
 * While the driver owns the buffer, between buf_queue and vb2_buffer_done(), no
 * operation changes it, and the thread uses it without that lock.
 */
struct camera_mem {
	struct camera_pages *pages;
	struct dma_buf *dmabuf;
	unsigned long size;
	struct device *dev;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	enum dma_data_direction dir;
	struct iosys_map map;
};

/**
 * struct camera_buffer - one buffer of the queue.
 * @vb: videobuf2's part; must come first
 * @node: entry of camera.buffers; guarded by camera.buffers_lock
 * @import: memory of an imported buffer, used from attach_dmabuf to detach_dmabuf;
 *	see there why it is not allocated
 */
struct camera_buffer {
	struct vb2_v4l2_buffer vb;
	struct list_head node;
	struct camera_mem import;
};

static inline struct camera_buffer *to_camera_buffer(struct vb2_buffer *vb)
{
	return container_of(to_vb2_v4l2_buffer(vb), struct camera_buffer, vb);
}

/**
 * struct camera - one device.
 * @v4l2: V4L2 device; its reference count keeps this structure until the last
 *	file is closed
 * @vdev: the video node
 * @queue: the node's buffers
 * @ctrls: the controls, with their own lock
 * @lock: serialises ioctls; guards @format, @interval and the queue's state
 * @format: set by S_FMT; constant while buffers exist
 * @interval: seconds per frame; constant while streaming
 * @pattern: &enum pattern_kind; written by the control, read by the thread, both
 *	without a lock
 * @buffers_lock: guards @buffers
 * @buffers: queued buffers, oldest first
 * @thread: paints; exists from start_streaming to stop_streaming
 * @stopping: tells @thread to end; no lock, see camera_stop_streaming()
 * @row: one row of pixels, used by @thread only
 */
struct camera {
	struct v4l2_device v4l2;
	struct video_device vdev;
	struct vb2_queue queue;
	struct v4l2_ctrl_handler ctrls;
	struct mutex lock; /* outermost */
	struct v4l2_pix_format format;
	struct v4l2_fract interval;
	u32 pattern;
	spinlock_t buffers_lock; /* innermost */
	struct list_head buffers;
	struct task_struct *thread;
	bool stopping;
	u8 *row;
};

/* camera-export.c */
struct camera_pages *camera_pages_alloc(unsigned long size);
void camera_pages_put(struct camera_pages *pages);
int camera_pages_vmap(struct camera_pages *pages, struct iosys_map *map);
void camera_pages_vunmap(struct camera_pages *pages);
int camera_pages_mmap(struct camera_pages *pages, struct vm_area_struct *vma);
int camera_pages_begin_cpu_access(struct camera_pages *pages);
void camera_pages_end_cpu_access(struct camera_pages *pages);
struct dma_buf *camera_pages_export(struct camera_pages *pages,
				    unsigned long flags);

/* camera-import.c */
int camera_import_attach(struct camera_mem *mem);
void camera_import_detach(struct camera_mem *mem);
int camera_import_map(struct camera_mem *mem);
void camera_import_unmap(struct camera_mem *mem);
int camera_import_begin_write(struct camera_mem *mem);
void camera_import_end_write(struct camera_mem *mem);

/* camera-mem.c */
extern const struct vb2_mem_ops camera_mem_ops;

int camera_mem_begin_write(struct camera_mem *mem);
void camera_mem_end_write(struct camera_mem *mem);

/* camera-stream.c */
int camera_queue_init(struct camera *cam, struct device *dev);

/* camera-ioctl.c */
extern const struct v4l2_ioctl_ops camera_ioctl_ops;

void camera_format_init(struct camera *cam);

#endif
