// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jobs: a copy, the fences that it waits for, and its own fence.
 */

#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/slab.h>
#include <linux/sync_file.h>

#include "edu-steps.h"
#include "edu.h"

/**
 * DOC: Edu: jobs
 *
 * The ioctl holds &edu.lock from the sequence number to queue_work(), so that the fences of
 * the timeline signal in their order. In between it takes the reservation locks of both
 * buffers and
 *
 * 1. reserves slots for the job's fence,
 * 2. collects the fences to wait for: those of writers, and for the destination those of
 *    readers too,
 * 3. adds the job's fence. From here on nothing fails: a fence that others can see must
 *    signal.
 *
 * A work item waits for the fences, copies and signals. All of that is in a section of
 * dma_fence_begin_signalling(): it allocates nothing and takes neither reservation locks
 * nor &edu.lock, because who holds these may wait for the fence.
 *
 * The imports may have to be detached after the job, which takes reservation locks. Their
 * owner may wait for the fence of the *next* job. So that is done by a second queue.
 */

/* The sources of fences to wait for: source, destination, in-fence. */
#define EDU_JOB_WAITS	3

/**
 * struct edu_fence - fence of a job
 * @base: the fence
 * @lock: its lock. In the fence, which can outlive the device
 */
struct edu_fence {
	struct dma_fence base;
	spinlock_t lock; /* the fence's own */
};

/**
 * struct edu_job - a job
 * @edu: the device
 * @run: work item that copies, in &edu.queue
 * @free: work item that frees the job, in &edu.cleanup
 * @source: import to read
 * @destination: import to write to
 * @source_offset: first byte to read
 * @destination_offset: first byte to write
 * @bytes: how many
 * @waits: fences to wait for, or NULL
 * @fence: fence of the job
 */
struct edu_job {
	struct edu *edu;
	struct work_struct run;
	struct work_struct free;
	struct edu_import *source;
	struct edu_import *destination;
	u64 source_offset;
	u64 destination_offset;
	u32 bytes;
	struct dma_fence *waits[EDU_JOB_WAITS];
	struct dma_fence *fence;
};

static const char *edu_fence_driver_name(struct dma_fence *fence)
{
	return "dmabuf_sample_edu";
}

static const char *edu_fence_timeline_name(struct dma_fence *fence)
{
	return "copies";
}

static const struct dma_fence_ops edu_fence_ops = {
	.use_64bit_seqno = true,
	.get_driver_name = edu_fence_driver_name,
	.get_timeline_name = edu_fence_timeline_name,
};

static struct dma_fence *edu_fence_new(struct edu *edu)
{
	struct edu_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL_ACCOUNT);

	lockdep_assert_held(&edu->lock);
	if (!fence)
		return NULL;
	spin_lock_init(&fence->lock);
	dma_fence_init(&fence->base, &edu_fence_ops, &fence->lock, edu->context, edu->seqno + 1);
	return &fence->base;
}

/**
 * struct edu_wait - a wait for a fence
 * @cb: callback of the fence
 * @edu: the device
 */
struct edu_wait {
	struct dma_fence_cb cb;
	struct edu *edu;
};

static void edu_wait_wake(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	wake_up_all(&container_of(cb, struct edu_wait, cb)->edu->stopped);
}

/* Waits until a fence signals, with whatever result, or the device is unbound. */
static void edu_job_wait(struct edu *edu, struct dma_fence *fence)
{
	struct edu_wait wait = { .edu = edu };

	if (dma_fence_add_callback(fence, &wait.cb, edu_wait_wake))
		return;
	wait_event_idle(edu->stopped, dma_fence_is_signaled(fence) || READ_ONCE(edu->gone));
	dma_fence_remove_callback(fence, &wait.cb);
}

static int edu_job_copy(struct edu_job *job)
{
	struct edu_cursor source = edu_cursor_at(job->source->sgt, job->source_offset);
	struct edu_cursor destination = edu_cursor_at(job->destination->sgt,
						      job->destination_offset);
	u32 left = job->bytes;
	struct edu_step step;
	int ret = 0;

	while (left && !ret) {
		if (READ_ONCE(job->edu->gone))
			return -ENODEV;
		if (!edu_step_next(&source, &destination, left, &step))
			return -EIO;
		ret = edu_hw_read(job->edu, step.source, step.bytes);
		if (!ret)
			ret = edu_hw_write(job->edu, step.destination, step.bytes);
		left -= step.bytes;
	}
	return ret;
}

static void edu_job_run(struct work_struct *work)
{
	struct edu_job *job = container_of(work, struct edu_job, run);
	bool cookie = dma_fence_begin_signalling();
	int ret;

	for (unsigned int i = 0; i < EDU_JOB_WAITS; i++)
		if (job->waits[i])
			edu_job_wait(job->edu, job->waits[i]);
	ret = edu_job_copy(job);
	if (ret)
		dma_fence_set_error(job->fence, ret);
	dma_fence_signal(job->fence);
	dma_fence_end_signalling(cookie);
	queue_work(job->edu->cleanup, &job->free);
}

/* Also frees a job that was set up in part. Context: as edu_import_put(). */
static void edu_job_free(struct edu_job *job)
{
	for (unsigned int i = 0; i < EDU_JOB_WAITS; i++)
		dma_fence_put(job->waits[i]);
	dma_fence_put(job->fence);
	if (job->source)
		edu_import_put(job->source);
	if (job->destination)
		edu_import_put(job->destination);
	kfree(job);
}

static void edu_job_cleanup(struct work_struct *work)
{
	edu_job_free(container_of(work, struct edu_job, free));
}

static bool edu_range_ok(const struct edu_import *import, u64 offset, u32 bytes)
{
	return offset <= import->dmabuf->size && bytes <= import->dmabuf->size - offset;
}

static int edu_job_find(struct edu_job *job, struct edu_file *file,
			const struct edu_ioctl_copy *args)
{
	job->source = edu_import_get(file, args->source);
	job->destination = edu_import_get(file, args->destination);
	if (!job->source || !job->destination)
		return -ENOENT;
	if (!(job->source->flags & EDU_IMPORT_SOURCE) ||
	    !(job->destination->flags & EDU_IMPORT_DESTINATION) ||
	    !edu_range_ok(job->source, args->source_offset, args->bytes) ||
	    !edu_range_ok(job->destination, args->destination_offset, args->bytes))
		return -EINVAL;
	job->source_offset = args->source_offset;
	job->destination_offset = args->destination_offset;
	job->bytes = args->bytes;
	return 0;
}

/* Two buffers can share a reservation object. */
static void edu_resv_unlock(struct dma_resv *one, struct dma_resv *other,
			    struct ww_acquire_ctx *ctx)
{
	dma_resv_unlock(one);
	if (other != one)
		dma_resv_unlock(other);
	ww_acquire_fini(ctx);
}

/* If another task holds one lock and waits for the other, both start again. */
static int edu_resv_lock(struct dma_resv *one, struct dma_resv *other,
			 struct ww_acquire_ctx *ctx)
{
	int ret;

	ww_acquire_init(ctx, &reservation_ww_class);
	ret = dma_resv_lock_interruptible(one, ctx);
	while (!ret && other != one) {
		ret = dma_resv_lock_interruptible(other, ctx);
		if (!ret)
			break;
		dma_resv_unlock(one);
		if (ret == -EDEADLK)
			ret = dma_resv_lock_slow_interruptible(other, ctx);
		swap(one, other);
	}
	if (ret)
		ww_acquire_fini(ctx);
	else
		ww_acquire_done(ctx);
	return ret;
}

/* Steps 1 to 3 of the overview. */
static int edu_job_add_fence(struct edu_job *job)
{
	struct dma_resv *source = job->source->dmabuf->resv;
	struct dma_resv *destination = job->destination->dmabuf->resv;
	struct ww_acquire_ctx ctx;
	int ret;

	ret = edu_resv_lock(source, destination, &ctx);
	if (ret)
		return ret;
	/* Two slots, in case both are the same object. */
	ret = dma_resv_reserve_fences(source, 2);
	if (!ret)
		ret = dma_resv_reserve_fences(destination, 2);
	if (!ret)
		ret = dma_resv_get_singleton(source, dma_resv_usage_rw(false), &job->waits[0]);
	if (!ret)
		ret = dma_resv_get_singleton(destination, dma_resv_usage_rw(true), &job->waits[1]);
	if (!ret) {
		dma_resv_add_fence(source, job->fence, DMA_RESV_USAGE_READ);
		dma_resv_add_fence(destination, job->fence, DMA_RESV_USAGE_WRITE);
	}
	edu_resv_unlock(source, destination, &ctx);
	return ret;
}

static int edu_job_queue(struct edu_job *job, struct edu_file *file,
			 const struct edu_ioctl_copy *args, struct file **out_fence)
{
	struct sync_file *sync = NULL;
	struct edu *edu = file->edu;
	int ret;

	ret = mutex_lock_interruptible(&edu->lock);
	if (ret)
		return ret;
	ret = edu->gone ? -ENODEV : edu_job_find(job, file, args);
	if (ret)
		goto unlock;
	job->fence = edu_fence_new(edu);
	if (job->fence && args->flags & EDU_COPY_OUT_FENCE)
		sync = sync_file_create(job->fence);
	if (!job->fence || (args->flags & EDU_COPY_OUT_FENCE && !sync)) {
		ret = -ENOMEM;
		goto unlock;
	}
	ret = edu_job_add_fence(job);
	if (ret) {
		if (sync)
			fput(sync->file);
		goto unlock;
	}
	edu->seqno++;
	if (sync)
		*out_fence = sync->file;
	queue_work(edu->queue, &job->run);
unlock:
	mutex_unlock(&edu->lock);
	return ret;
}

/* EDU_IOCTL_COPY, but for the descriptor of the out-fence; the caller gets its file. */
int edu_job_submit(struct edu_file *file, const struct edu_ioctl_copy *args,
		   struct file **out_fence)
{
	struct edu_job *job;
	int ret = 0;

	if (args->flags & ~(EDU_COPY_IN_FENCE | EDU_COPY_OUT_FENCE) ||
	    !args->bytes || args->bytes > EDU_COPY_BYTES)
		return -EINVAL;
	job = kzalloc(sizeof(*job), GFP_KERNEL_ACCOUNT);
	if (!job)
		return -ENOMEM;
	job->edu = file->edu;
	INIT_WORK(&job->run, edu_job_run);
	INIT_WORK(&job->free, edu_job_cleanup);
	if (args->flags & EDU_COPY_IN_FENCE) {
		job->waits[2] = sync_file_get_fence(args->in_fence);
		ret = job->waits[2] ? 0 : -EINVAL;
	}
	if (!ret)
		ret = edu_job_queue(job, file, args, out_fence);
	if (ret)
		edu_job_free(job);
	return ret;
}
