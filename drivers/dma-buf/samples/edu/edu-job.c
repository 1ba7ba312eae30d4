// SPDX-License-Identifier: GPL-2.0-only
/* Imports, the device's attachments to dma-bufs of other drivers, and jobs, which copy. */

#include <linux/dma-buf-needs.h>
#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sync_file.h>

#include "edu.h"

struct edu_import {
	struct kref refcount;		/* held by the handle and by each job */
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	enum dma_data_direction dir;
};

struct edu_job {
	struct dma_fence fence;		/* first, so that dma_fence_free() frees the job */
	spinlock_t lock;		/* the fence's own, because it outlives the device */
	struct edu *edu;
	struct work_struct run;
	struct work_struct cleanup;
	struct edu_ioctl_copy args;
	struct edu_import *source;
	struct edu_import *destination;
	struct dma_fence *waits[3];	/* of source and destination, and the in-fence */
};

/* Also frees an import that was set up in part. */
static void edu_import_free(struct kref *refcount)
{
	struct edu_import *import = container_of(refcount, struct edu_import, refcount);

	if (!IS_ERR(import->sgt))
		dma_buf_unmap_attachment_unlocked(import->attach, import->sgt, import->dir);
	if (!IS_ERR(import->attach))
		dma_buf_detach(import->dmabuf, import->attach);
	if (!IS_ERR(import->dmabuf))
		dma_buf_put(import->dmabuf);
	kfree(import);
}

/* The buffer stays mapped between jobs, as videobuf2 keeps its imports mapped. */
int edu_import_add(struct edu *edu, const struct edu_ioctl_import *args)
{
	static const enum dma_data_direction dirs[] = { /* by flags */
		DMA_NONE, DMA_TO_DEVICE, DMA_FROM_DEVICE, DMA_BIDIRECTIONAL
	};
	const struct dma_buf_needs needs = { .contiguous = args->contiguous };
	struct edu_import *import;
	u32 handle;
	int ret;

	if (!args->flags || args->flags >= ARRAY_SIZE(dirs) || args->contiguous > SIZE_MAX)
		return -EINVAL;
	guard(mutex)(&edu->lock);
	if (edu->gone)
		return -ENODEV;
	import = kzalloc(sizeof(*import), GFP_KERNEL_ACCOUNT);
	if (!import)
		return -ENOMEM;
	kref_init(&import->refcount);
	import->dir = dirs[args->flags];
	import->dmabuf = dma_buf_get(args->fd);
	import->attach = IS_ERR(import->dmabuf) ? ERR_CAST(import->dmabuf) :
		dma_buf_attach_with_needs(import->dmabuf, edu->dev, NULL, NULL, &needs);
	import->sgt = IS_ERR(import->attach) ? ERR_CAST(import->attach) :
		dma_buf_map_attachment_unlocked(import->attach, import->dir);
	ret = PTR_ERR_OR_ZERO(import->sgt) ?:
	      xa_alloc(&edu->imports, &handle, import, xa_limit_31b, GFP_KERNEL_ACCOUNT);
	if (!ret)
		return handle;
	kref_put(&import->refcount, edu_import_free);
	return ret;
}

int edu_import_remove(struct edu *edu, u32 handle)
{
	struct edu_import *import;

	guard(mutex)(&edu->lock);
	import = xa_erase(&edu->imports, handle);
	if (!import)
		return -ENOENT;
	kref_put(&import->refcount, edu_import_free);
	return 0;
}

void edu_import_remove_all(struct edu *edu)
{
	unsigned long handle;
	void *import;

	xa_for_each(&edu->imports, handle, import)
		edu_import_remove(edu, handle);
}

static const char *edu_fence_name(struct dma_fence *fence)
{
	return "dmabuf_sample_edu";
}

/* Pairs with __module_get() in edu_job_submit(). edu_unregister() waits for the last return. */
static void edu_fence_release(struct dma_fence *fence)
{
	dma_fence_free(fence);
	module_put(THIS_MODULE);
}

static const struct dma_fence_ops edu_fence_ops = {
	.get_driver_name = edu_fence_name,
	.get_timeline_name = edu_fence_name,
	.release = edu_fence_release,
};

/* Return the DMA address of a byte; cut @bytes at the end of its segment, to 0 behind the last. */
dma_addr_t edu_dma_address(struct sg_table *sgt, u64 offset, u32 *bytes)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		if (offset < sg_dma_len(sg)) {
			*bytes = min_t(u64, *bytes, sg_dma_len(sg) - offset);
			return sg_dma_address(sg) + offset;
		}
		offset -= sg_dma_len(sg);
	}
	*bytes = 0;
	return 0;
}

static int edu_job_copy(struct edu_job *job)
{
	const struct edu_ioctl_copy *args = &job->args;
	dma_addr_t from, to;
	u32 done, step;
	int ret = 0;

	for (done = 0; done < args->bytes && !ret; done += step) {
		step = min(args->bytes - done, EDU_STEP_BYTES);
		from = edu_dma_address(job->source->sgt, args->source_offset + done, &step);
		to = edu_dma_address(job->destination->sgt, args->destination_offset + done,
				     &step);
		if (READ_ONCE(job->edu->gone))
			return -ENODEV;
		ret = step ? edu_hw_transfer(job->edu, from, step, false) : -EIO;
		if (!ret)
			ret = edu_hw_transfer(job->edu, to, step, true);
	}
	return ret;
}

/* Until the signal it allocates nothing and takes no lock whose owner may wait for a fence. */
static void edu_job_run(struct work_struct *work)
{
	struct edu_job *job = container_of(work, struct edu_job, run);
	bool cookie = dma_fence_begin_signalling();
	int ret;

	for (unsigned int i = 0; i < ARRAY_SIZE(job->waits); i++)
		while (job->waits[i] && !READ_ONCE(job->edu->gone) &&
		       !dma_fence_wait_timeout(job->waits[i], false, HZ / 10))
			;
	ret = edu_job_copy(job);
	if (ret)
		dma_fence_set_error(&job->fence, ret);
	dma_fence_signal(&job->fence);
	dma_fence_end_signalling(cookie);
	queue_work(job->edu->cleanup, &job->cleanup);
}

/*
 * Has a queue of its own: to detach an import takes its reservation lock, whose owner may
 * wait for the next job. Also frees a job that was set up in part.
 */
static void edu_job_free(struct work_struct *work)
{
	struct edu_job *job = container_of(work, struct edu_job, cleanup);

	for (unsigned int i = 0; i < ARRAY_SIZE(job->waits); i++)
		dma_fence_put(job->waits[i]);
	if (job->source)
		kref_put(&job->source->refcount, edu_import_free);
	if (job->destination)
		kref_put(&job->destination->refcount, edu_import_free);
	dma_fence_put(&job->fence);
}

static int edu_job_find(struct edu_job *job, u32 handle, u64 offset, enum dma_data_direction dir,
			struct edu_import **found)
{
	struct edu_import *import = xa_load(&job->edu->imports, handle);
	u32 bytes = job->args.bytes;

	lockdep_assert_held(&job->edu->lock);
	if (!import)
		return -ENOENT;
	if ((import->dir != dir && import->dir != DMA_BIDIRECTIONAL) ||
	    !bytes || bytes > EDU_COPY_BYTES ||
	    offset > import->dmabuf->size || bytes > import->dmabuf->size - offset)
		return -EINVAL;
	kref_get(&import->refcount);
	*found = import;
	return 0;
}

/* If another task holds one lock and waits for the other, both start again. */
static void edu_resv_lock(struct dma_resv *one, struct dma_resv *two, struct ww_acquire_ctx *ctx)
{
	ww_acquire_init(ctx, &reservation_ww_class);
	dma_resv_lock(one, ctx);
	while (two != one && dma_resv_lock(two, ctx)) {
		dma_resv_unlock(one);
		dma_resv_lock_slow(two, ctx);
		swap(one, two);
	}
	ww_acquire_done(ctx);
}

/* Others can wait for a fence that is added, so from then on nothing may fail. */
static int edu_job_add_fence(struct edu_job *job)
{
	struct dma_resv *source = job->source->dmabuf->resv;
	struct dma_resv *destination = job->destination->dmabuf->resv;
	struct ww_acquire_ctx ctx;
	int ret;

	edu_resv_lock(source, destination, &ctx);
	/* Two slots, in case both buffers share a reservation object. */
	ret = dma_resv_reserve_fences(source, 2) ?:
	      dma_resv_reserve_fences(destination, 2) ?:
	      dma_resv_get_singleton(source, dma_resv_usage_rw(false), &job->waits[0]) ?:
	      dma_resv_get_singleton(destination, dma_resv_usage_rw(true), &job->waits[1]);
	if (!ret) {
		dma_resv_add_fence(source, &job->fence, DMA_RESV_USAGE_READ);
		dma_resv_add_fence(destination, &job->fence, DMA_RESV_USAGE_WRITE);
	}
	dma_resv_unlock(source);
	if (destination != source)
		dma_resv_unlock(destination);
	ww_acquire_fini(&ctx);
	return ret;
}

/* The lock is held from the sequence number to queue_work(): fences signal in their order. */
int edu_job_submit(struct edu *edu, const struct edu_ioctl_copy *args)
{
	CLASS(get_unused_fd, fd)(O_CLOEXEC);
	struct sync_file *sync;
	struct edu_job *job;
	int ret;

	if (fd < 0)
		return fd;
	guard(mutex)(&edu->lock);
	if (edu->gone)
		return -ENODEV;
	job = kzalloc(sizeof(*job), GFP_KERNEL_ACCOUNT);
	if (!job)
		return -ENOMEM;
	job->edu = edu;
	job->args = *args;
	INIT_WORK(&job->run, edu_job_run);
	INIT_WORK(&job->cleanup, edu_job_free);
	__module_get(THIS_MODULE);
	spin_lock_init(&job->lock);
	dma_fence_init(&job->fence, &edu_fence_ops, &job->lock, edu->context, edu->seqno + 1);

	sync = sync_file_create(&job->fence);
	job->waits[2] = args->in_fence < 0 ? NULL : sync_file_get_fence(args->in_fence);
	if (!sync)
		ret = -ENOMEM;
	else if (args->in_fence >= 0 && !job->waits[2])
		ret = -EINVAL;
	else
		ret = edu_job_find(job, args->source, args->source_offset, DMA_TO_DEVICE,
				   &job->source) ?:
		      edu_job_find(job, args->destination, args->destination_offset,
				   DMA_FROM_DEVICE, &job->destination) ?:
		      edu_job_add_fence(job);
	if (ret) {
		if (sync)
			fput(sync->file);
		edu_job_free(&job->cleanup);
		return ret;
	}
	edu->seqno++;
	queue_work(edu->queue, &job->run);
	fd_install(fd, sync->file);
	return take_fd(fd);
}

/* Jobs that wait or run end soon, with -ENODEV, and no other is queued. */
void edu_job_end_all(struct edu *edu)
{
	scoped_guard(mutex, &edu->lock)
		WRITE_ONCE(edu->gone, true);
	flush_workqueue(edu->queue);
	flush_workqueue(edu->cleanup);
}
