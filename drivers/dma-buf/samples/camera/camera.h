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
 * paints a test picture where a real driver would start a DMA engine. Each of
 * its files answers one question of a driver author:
 *
 * - camera-export.c: how do I give my memory to other devices?
 * - camera-import.c: how do I use memory that another driver gave me?
 * - camera-mem.c: how do videobuf2's memory operations tie the two together?
 * - camera-stream.c: when may my device write to a buffer, and who waits?
 * - camera-ioctl.c and camera-main.c: what else does a V4L2 driver need?
 *
 * Most V4L2 drivers never write the first three, because videobuf2 has them
 * ready (vb2_dma_sg_memops and its siblings). They are written out here for
 * the drivers that cannot use those, and for all others that share memory:
 * nothing in camera-export.c and camera-import.c but their arguments is
 * particular to V4L2.
 */

/**
 * DOC: Camera: locking
 *
 * From the outside in::
 *
 *	camera.lock			ioctls, and the state of the queue
 *	  vb2_queue.mmap_lock		videobuf2's own
 *	    camera_pages.resv		mappings, kernel address, fences
 *	camera.buffers_lock		the list between QBUF and the thread
 *
 * The thread takes a reservation lock but never camera.lock, which
 * STREAMOFF holds while it waits for the thread to end.
 */

/**
 * struct camera_pages - memory that the camera owns and lends out.
 * @resv: fences of all who use the memory. One memory, one reservation: it is
 *	handed to every dma-buf made of these pages, so that whoever holds one
 *	of them waits for the users of all. Its lock guards @mappings, @vaddr
 *	and @vmaps.
 * @mappings: what is mapped for devices now, a list of camera_attachment.node
 * @vaddr: kernel address, valid while @vmaps is not 0
 * @vmaps: how many hold @vaddr
 * @users: the videobuf2 buffer, each dma-buf, each user mapping; the last one
 *	frees
 * @count: number of @pages
 * @pages: the memory, in pieces that need not be neighbours
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
 * struct camera_mem - the memory of one videobuf2 buffer.
 * @pages: our own memory (V4L2_MEMORY_MMAP), else NULL
 * @dmabuf: a foreign buffer (V4L2_MEMORY_DMABUF), else NULL
 * @size: how much of it a frame needs, in bytes
 * @dev: the device that is attached to it
 * @attach: the attachment
 * @sgt: the foreign buffer in the addresses of @dev
 * @dir: direction of @sgt
 * @map: where the CPU finds the one or the other
 *
 * This is what videobuf2 calls the allocator's private data: made by the
 * memory operations alloc or attach_dmabuf, and passed to all others. The
 * queue's lock serializes them.
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
 * struct camera_buffer - one frame on its way through the queue.
 * @vb: what videobuf2 knows of it; must come first
 * @node: entry of camera.buffers while the driver owns the buffer
 */
struct camera_buffer {
	struct vb2_v4l2_buffer vb;
	struct list_head node;
};

/**
 * struct camera - one device.
 * @v4l2: holds the structure until the last file is closed
 * @vdev: the node in /dev
 * @queue: buffers of the node
 * @ctrls: the controls, with a lock of their own
 * @lock: serializes ioctls; guards @format, @interval and the queue's state
 * @format: what S_FMT agreed on; fixed while buffers exist
 * @interval: seconds per frame; fixed while streaming
 * @pattern: &enum pattern_kind, written by the control, read by the thread
 * @buffers_lock: guards @buffers
 * @buffers: queued by userspace and not yet painted, oldest first
 * @thread: paints; exists from start_streaming to stop_streaming
 * @stopping: tells @thread to end, see camera_stop_streaming()
 * @row: one row of pixels, used by @thread alone
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
