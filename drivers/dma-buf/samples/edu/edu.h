/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Structures and functions that the files of the sample copy engine share.
 */
#ifndef _DMABUF_SAMPLE_EDU_H
#define _DMABUF_SAMPLE_EDU_H

struct device;
struct dma_buf;
struct dma_buf_attachment;
struct sg_table;

#include <linux/completion.h>
#include <linux/dma-direction.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "edu-ioctl.h"

/**
 * struct edu - a device
 * @refcount: held by the bound driver and by each open file
 * @dev: the device in the driver model; used until it is unbound
 * @regs: its registers; valid as long
 * @misc: the character device
 * @transferred: completed by the interrupt at the end of a transfer
 * @broken: a transfer has not ended; used by the work items of jobs only
 * @context: context of the jobs' fences
 * @queue: ordered queue of jobs
 * @cleanup: queue of work that frees jobs
 * @stopped: woken when a fence that a job waits for signals, and when @gone is set
 * @lock: guards the members below and the handles of all files; taken before reservation
 *	locks. Work items that signal fences do not take it
 * @imports: each import that is attached
 * @seqno: sequence number of the last job
 * @gone: the device is being unbound; read by jobs without the lock
 */
struct edu {
	struct kref refcount;
	struct device *dev;
	void __iomem *regs;
	struct miscdevice misc;
	struct completion transferred;
	bool broken;
	u64 context;
	struct workqueue_struct *queue;
	struct workqueue_struct *cleanup;
	wait_queue_head_t stopped;
	struct mutex lock; /* imports, seqno, gone, edu_file.imports */
	struct list_head imports;
	u64 seqno;
	bool gone;
};

/**
 * struct edu_file - an open file
 * @edu: the device, with a reference
 * @imports: each &struct edu_import of the file, with a reference, by handle
 */
struct edu_file {
	struct edu *edu;
	struct xarray imports;
};

/**
 * struct edu_import - an imported dma-buf
 * @refcount: held by the handle and by each job
 * @edu: the device; a file or the bound driver holds a reference to it
 * @node: in &edu.imports while attached
 * @dmabuf: the buffer, with a reference
 * @attach: the attachment; NULL after the device was unbound. Guarded by &edu.lock
 * @sgt: the mapping; valid as long as @attach
 * @dir: direction of the mapping
 * @flags: flags of the ioctl
 */
struct edu_import {
	struct kref refcount;
	struct edu *edu;
	struct list_head node;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	enum dma_data_direction dir;
	u32 flags;
};

void edu_put(struct edu *edu);

int edu_import_add(struct edu_file *file, struct edu_ioctl_import *args);
int edu_import_remove(struct edu_file *file, u32 handle);
struct edu_import *edu_import_get(struct edu_file *file, u32 handle);
void edu_import_put(struct edu_import *import);
void edu_import_detach_all(struct edu *edu);

int edu_job_submit(struct edu_file *file, const struct edu_ioctl_copy *args,
		   struct file **out_fence);

/* The device's buffer of EDU_STEP_BYTES is the other end of each transfer. */
int edu_hw_read(struct edu *edu, dma_addr_t source, u32 bytes);
int edu_hw_write(struct edu *edu, dma_addr_t destination, u32 bytes);
int edu_hw_init(struct edu *edu, unsigned int dma_bits);
void edu_hw_fini(struct edu *edu);

#endif /* _DMABUF_SAMPLE_EDU_H */
