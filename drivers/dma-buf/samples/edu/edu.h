/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the sample copy engine share. */
#ifndef _DMABUF_SAMPLE_EDU_H
#define _DMABUF_SAMPLE_EDU_H

#include <linux/completion.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/scatterlist.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "edu-ioctl.h"

/* The device has a buffer of 4096 bytes, but QEMU up to 7.2 takes its last byte for outside. */
#define EDU_STEP_BYTES	2048

struct edu {
	refcount_t users;			/* the bound driver and an open file */
	struct device *dev;			/* used until it is unbound, as the registers */
	void __iomem *regs;
	struct miscdevice misc;
	struct completion transferred;		/* the interrupt at the end of a transfer */
	u64 context;				/* of the jobs' fences */
	struct workqueue_struct *queue;		/* runs jobs, in order */
	struct workqueue_struct *cleanup;	/* frees jobs */
	struct mutex lock;			/* imports, seqno; before reservation locks */
	struct xarray imports;			/* by handle */
	u64 seqno;				/* of the last job */
	bool gone;				/* no more jobs; read by jobs without the lock */
};

int edu_import_add(struct edu *edu, const struct edu_ioctl_import *args);
int edu_import_remove(struct edu *edu, u32 handle);
void edu_import_remove_all(struct edu *edu);
dma_addr_t edu_dma_address(struct sg_table *sgt, u64 offset, u32 *bytes);
int edu_job_submit(struct edu *edu, const struct edu_ioctl_copy *args);
void edu_job_end_all(struct edu *edu);
int edu_hw_transfer(struct edu *edu, dma_addr_t addr, u32 bytes, bool to_memory);

#endif /* _DMABUF_SAMPLE_EDU_H */
