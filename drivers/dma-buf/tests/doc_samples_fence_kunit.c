// SPDX-License-Identifier: GPL-2.0-only
/*
 * Examples of the documentation: a driver with a queue of jobs, a device that goes away,
 * and a camera that waits for fences without a thread. See doc_samples_kunit.c.
 */

#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/dma-buf.h>
#include <linux/dma-fence-unwrap.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/sync_file.h>

#include "../resv/dma-resv-private.h"
#include "containers.h"
#include "mock-buffer.h"
#include "resv.h"

/* sample: queue */
/* Freed after its last job is done and its interrupt is off. Its fences can live longer. */
struct queue {
	u64 context;
	u64 seqno;		/* of the newest job; guarded by submission */
	struct mutex submission;
	spinlock_t lock;	/* guards jobs */
	struct list_head jobs;	/* started and not done, oldest first */
};

struct job {
	struct dma_fence fence;	/* first, because dma_fence_free() frees the job */
	spinlock_t lock;	/* lock of this fence alone, so that it lives as long */
	struct list_head node;
};

static const char *queue_driver_name(struct dma_fence *fence)
{
	return "sample";
}

static const char *queue_timeline_name(struct dma_fence *fence)
{
	return "queue";
}

/* The interrupt is always enabled, and release has nothing to free but the job. */
static const struct dma_fence_ops job_fence_ops = {
	.get_driver_name = queue_driver_name,
	.get_timeline_name = queue_timeline_name,
};

static void queue_init(struct queue *queue)
{
	queue->context = dma_fence_context_alloc(1);
	queue->seqno = 0;
	mutex_init(&queue->submission);
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->jobs);
}

static struct job *job_alloc(struct queue *queue)
{
	struct job *job = kzalloc(sizeof(*job), GFP_KERNEL);

	lockdep_assert_held(&queue->submission);
	if (!job)
		return NULL;
	spin_lock_init(&job->lock);
	dma_fence_init(&job->fence, &job_fence_ops, &job->lock, queue->context,
		       ++queue->seqno);
	return job;
}

/*
 * Signal the jobs up to @seqno. The interrupt handler passes no error. The timeout resets
 * the hardware and calls this twice: for the jobs that were done, without an error, and
 * for the rest with one. Callbacks run with the queue's lock held, so they must not call
 * functions of the queue.
 */
static void queue_jobs_done(struct queue *queue, u64 seqno, int error)
{
	bool cookie = dma_fence_begin_signalling();
	struct job *job, *next;
	unsigned long irq;

	spin_lock_irqsave(&queue->lock, irq);
	list_for_each_entry_safe(job, next, &queue->jobs, node) {
		if (job->fence.seqno > seqno)
			break;
		list_del(&job->node);
		if (error)
			dma_fence_set_error(&job->fence, error);
		dma_fence_signal(&job->fence);
		dma_fence_put(&job->fence);
	}
	spin_unlock_irqrestore(&queue->lock, irq);
	dma_fence_end_signalling(cookie);
}

/* end sample */

/* sample: inside */
static int queue_wait_for_others(struct queue *queue, struct dma_fence *head)
{
	struct dma_fence_unwrap cursor;
	struct dma_fence *fence;
	int ret;

	dma_fence_unwrap_for_each(fence, &cursor, head) {
		/* The queue runs its own jobs in order. */
		if (fence->context == queue->context)
			continue;
		ret = dma_fence_wait(fence, true);
		if (ret) {
			dma_fence_put(cursor.chain);
			return ret;
		}
	}
	return 0;
}

/* end sample */

/* sample: submit */
static void queue_start(struct queue *queue, struct job *job)
{
	spin_lock_irq(&queue->lock);
	dma_fence_get(&job->fence);
	list_add_tail(&job->node, &queue->jobs);
	/* ... here the hardware is told. */
	spin_unlock_irq(&queue->lock);
}

/* Lock @resv while the memory is not being moved or cleared. Waits without the lock. */
static int queue_lock_buffer(struct dma_resv *resv)
{
	long left;
	int ret;

	for (;;) {
		left = dma_resv_wait_timeout(resv, DMA_RESV_USAGE_KERNEL, true,
					     MAX_SCHEDULE_TIMEOUT);
		if (left < 0)
			return left;
		ret = dma_resv_lock_interruptible(resv, NULL);
		if (ret)
			return ret;
		if (dma_resv_test_signaled(resv, DMA_RESV_USAGE_KERNEL))
			return 0;
		dma_resv_unlock(resv);
	}
}

/* Returns a descriptor of a sync_file with the job's fence, or a negative errno. */
static int queue_submit(struct queue *queue, struct dma_resv *resv, struct dma_fence *in)
{
	struct sync_file *out;
	struct job *job;
	bool cookie;
	int fd, ret;

	/* All that can wait or fail comes before the fence is published. */
	ret = queue_wait_for_others(queue, in);
	if (ret)
		return ret;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	ret = queue_lock_buffer(resv);
	if (ret)
		goto put_fd;

	/* The seqno is taken and the job started under one lock: jobs start in order. */
	mutex_lock(&queue->submission);
	ret = -ENOMEM;
	job = job_alloc(queue);
	if (!job)
		goto unlock;
	out = sync_file_create(&job->fence);
	if (!out)
		goto put_job;
	ret = dma_resv_reserve_fences(resv, 1);
	if (ret)
		goto put_file;

	/* The fence is published here, so from here on it must signal soon. */
	cookie = dma_fence_begin_signalling();
	dma_resv_add_fence(resv, &job->fence, DMA_RESV_USAGE_WRITE);
	queue_start(queue, job);
	dma_fence_end_signalling(cookie);
	mutex_unlock(&queue->submission);
	dma_resv_unlock(resv);
	dma_fence_put(&job->fence);
	/* Last. An ioctl has copied its answer to userspace before this. */
	fd_install(fd, out->file);
	return fd;

put_file:
	fput(out->file);
put_job:
	dma_fence_put(&job->fence);
unlock:
	mutex_unlock(&queue->submission);
	dma_resv_unlock(resv);
put_fd:
	put_unused_fd(fd);
	return ret;
}

/* end sample */

/* sample: device gone */
/* A device that can be unbound while programs have buffers imported into it. */
struct gadget {
	struct device *dev;
	struct queue queue;
	struct mutex lock;		/* guards imports and gone */
	struct list_head imports;
	bool gone;
};

/* What a program's handle leads to. It can outlive the device. */
struct import {
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;	/* NULL once the device is gone */
	struct sg_table *sgt;
	struct dma_fence *job;			/* newest job, or NULL */
	struct list_head node;
};

/* Every call that needs the device begins with this, and ends with mutex_unlock(). */
static int gadget_enter(struct gadget *gadget)
{
	int ret;

	mutex_lock(&gadget->lock);
	ret = gadget->gone ? -ENODEV : 0;
	if (ret)
		mutex_unlock(&gadget->lock);
	return ret;
}

static int import_attach(struct gadget *gadget, struct import *import)
{
	import->attach = dma_buf_attach(import->dmabuf, gadget->dev);
	if (IS_ERR(import->attach))
		return PTR_ERR(import->attach);
	import->sgt = dma_buf_map_attachment_unlocked(import->attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(import->sgt)) {
		dma_buf_detach(import->dmabuf, import->attach);
		return PTR_ERR(import->sgt);
	}
	list_add(&import->node, &gadget->imports);
	return 0;
}

/* No job of the device uses the mapping any more. */
static void import_detach(struct import *import)
{
	dma_buf_unmap_attachment_unlocked(import->attach, import->sgt, DMA_BIDIRECTIONAL);
	dma_buf_detach(import->dmabuf, import->attach);
	import->attach = NULL;
	list_del(&import->node);
}

static int import_open(struct gadget *gadget, struct import *import, int fd)
{
	int ret;

	import->job = NULL;
	import->dmabuf = dma_buf_get(fd);
	if (IS_ERR(import->dmabuf))
		return PTR_ERR(import->dmabuf);
	ret = gadget_enter(gadget);
	if (!ret) {
		ret = import_attach(gadget, import);
		mutex_unlock(&gadget->lock);
	}
	if (ret)
		dma_buf_put(import->dmabuf);
	return ret;
}

/* The handle is closed, before or after the device has gone. */
static void import_close(struct gadget *gadget, struct import *import)
{
	if (import->job)
		dma_fence_wait(import->job, false);
	dma_fence_put(import->job);
	mutex_lock(&gadget->lock);
	if (import->attach)
		import_detach(import);
	mutex_unlock(&gadget->lock);
	dma_buf_put(import->dmabuf);
}

/* The driver's remove callback. */
static void gadget_remove(struct gadget *gadget)
{
	struct import *import, *next;

	mutex_lock(&gadget->lock);
	/* 1. No new import and no new job. */
	gadget->gone = true;
	/* 2. ... stop the hardware, and free its interrupt ... */
	/* 3. Its jobs will never be done. Those who wait for them go on with an error. */
	queue_jobs_done(&gadget->queue, U64_MAX, -ENODEV);
	/* 4. No mapping of the device may be left when the driver core lets it go. */
	list_for_each_entry_safe(import, next, &gadget->imports, node)
		import_detach(import);
	mutex_unlock(&gadget->lock);
}

/* end sample */

/* sample: camera */
/* A camera whose DMA engine fills one frame at a time and then raises an interrupt. */
struct grabber {
	spinlock_t lock;	/* guards what follows; no fence is signalled under it */
	struct list_head ready;	/* frames that may be written, oldest first */
	struct frame *active;	/* frame that the engine fills, or NULL */
	bool streaming;
};

/* A buffer between QBUF and DQBUF, attached and mapped with DMA_FROM_DEVICE. */
struct frame {
	struct grabber *grabber;
	struct dma_buf *dmabuf;
	struct dma_fence *before;	/* earlier users of the buffer, or NULL */
	struct dma_fence_cb cb;
	struct list_head node;
};

static void grabber_start_next(struct grabber *grabber)
{
	lockdep_assert_held(&grabber->lock);
	if (grabber->active || !grabber->streaming)
		return;
	grabber->active = list_first_entry_or_null(&grabber->ready, struct frame, node);
	if (!grabber->active)
		return;
	list_del(&grabber->active->node);
	/* ... tell the engine the addresses of the frame ... */
}

/* Runs with the lock of @fence held, and often in hardirq context. */
static void frame_ready(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct frame *frame = container_of(cb, struct frame, cb);
	struct grabber *grabber = frame->grabber;
	unsigned long irq;

	spin_lock_irqsave(&grabber->lock, irq);
	list_add_tail(&frame->node, &grabber->ready);
	grabber_start_next(grabber);
	spin_unlock_irqrestore(&grabber->lock, irq);
}

/* QBUF: returns at once, and the frame is filled when the buffer is free. */
static int frame_queue(struct frame *frame)
{
	int ret;

	/* A writer waits for all. If there are several fences, this is an array. */
	ret = dma_resv_get_singleton(frame->dmabuf->resv, dma_resv_usage_rw(true),
				     &frame->before);
	if (ret)
		return ret;
	if (!frame->before || dma_fence_add_callback(frame->before, &frame->cb, frame_ready))
		frame_ready(NULL, &frame->cb);
	return 0;
}

/* Interrupt of the engine. Returns the frame that is full, for DQBUF. */
static struct frame *grabber_interrupt(struct grabber *grabber)
{
	struct frame *frame;
	unsigned long irq;

	spin_lock_irqsave(&grabber->lock, irq);
	frame = grabber->active;
	grabber->active = NULL;
	grabber_start_next(grabber);
	spin_unlock_irqrestore(&grabber->lock, irq);
	return frame;
}

/* DQBUF. Afterwards the callback is not running and will not be called. */
static void frame_finish(struct frame *frame)
{
	if (frame->before)
		dma_fence_remove_callback(frame->before, &frame->cb);
	dma_fence_put(frame->before);
	frame->before = NULL;
}

/* STREAMON and STREAMOFF. */
static void grabber_stream(struct grabber *grabber, bool on)
{
	spin_lock_irq(&grabber->lock);
	grabber->streaming = on;
	grabber_start_next(grabber);
	spin_unlock_irq(&grabber->lock);
}

static void grabber_stop(struct grabber *grabber, struct frame *frames, unsigned int count)
{
	grabber_stream(grabber, false);
	/* ... stop the engine, and wait for its interrupt handler ... */
	for (unsigned int i = 0; i < count; i++)
		frame_finish(&frames[i]);
	/* Neither the interrupt nor a callback can come any more. */
	INIT_LIST_HEAD(&grabber->ready);
	grabber->active = NULL;
}

/* end sample */

static struct dma_fence *submitted(struct kunit *test, struct queue *queue,
				   struct dma_resv *resv, struct dma_fence *in)
{
	int fd = queue_submit(queue, resv, in);
	struct dma_fence *fence;

	KUNIT_ASSERT_GE(test, fd, 0);
	fence = sync_file_get_fence(fd);
	KUNIT_ASSERT_NOT_NULL(test, fence);
	close_fd(fd);
	return mock_own(test, fence);
}

static void jobs_are_done_in_their_order(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	struct dma_fence *fences[3];
	struct queue queue;

	queue_init(&queue);
	for (int i = 0; i < 3; i++)
		fences[i] = submitted(test, &queue, resv, NULL);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_later(fences[2], fences[0]));
	KUNIT_EXPECT_FALSE(test, dma_resv_test_signaled(resv, DMA_RESV_USAGE_WRITE));
	queue_jobs_done(&queue, fences[1]->seqno, 0);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fences[0]), 1);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fences[1]), 1);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fences[2]), 0);
	queue_jobs_done(&queue, fences[2]->seqno, -ETIME);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fences[2]), -ETIME);
	KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(resv, DMA_RESV_USAGE_WRITE));
	KUNIT_EXPECT_TRUE(test, list_empty(&queue.jobs));
}

/* Its own fences are not waited for: this would never end. */
static void job_waits_for_others_and_not_for_its_own(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	struct dma_fence *members[2];
	struct queue queue;

	queue_init(&queue);
	members[0] = submitted(test, &queue, resv, NULL);
	members[1] = mock_fence(test);
	/* Signals when somebody waits for it. */
	to_mock_fence(members[1])->late = true;
	submitted(test, &queue, resv, mock_array(test, false, 2, members));
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(members[1]), 1);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(members[0]), 0);
	queue_jobs_done(&queue, queue.seqno, 0);
}

static struct dma_resv_list *no_list(unsigned int count, gfp_t gfp)
{
	return NULL;
}

/* Nothing is left of it: no descriptor, no fence in the buffer, no job. */
static void job_that_fails_is_never_seen(struct kunit *test)
{
	struct dma_resv *resv = mock_resv(test);
	struct queue queue;
	int before, after;

	queue_init(&queue);
	before = get_unused_fd_flags(0);
	put_unused_fd(before);
	kunit_activate_static_stub(test, dma_resv_list_alloc, no_list);
	KUNIT_EXPECT_EQ(test, queue_submit(&queue, resv, NULL), -ENOMEM);
	kunit_deactivate_static_stub(test, dma_resv_list_alloc);
	after = get_unused_fd_flags(0);
	put_unused_fd(after);
	KUNIT_EXPECT_EQ(test, before, after);
	KUNIT_EXPECT_TRUE(test, list_empty(&queue.jobs));
	KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(resv, DMA_RESV_USAGE_BOOKKEEP));
	/* Its number is left out, and the next one is done as if it had not been. */
	KUNIT_EXPECT_EQ(test, 2, submitted(test, &queue, resv, NULL)->seqno);
	queue_jobs_done(&queue, queue.seqno, 0);
	KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(resv, DMA_RESV_USAGE_BOOKKEEP));
}

static void gadget_init(struct kunit *test, struct gadget *gadget)
{
	gadget->dev = mock_device(test);
	queue_init(&gadget->queue);
	mutex_init(&gadget->lock);
	INIT_LIST_HEAD(&gadget->imports);
	gadget->gone = false;
}

static int buffer_fd(struct kunit *test, struct dma_buf *dmabuf)
{
	int fd;

	get_dma_buf(dmabuf);
	fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	KUNIT_ASSERT_GE(test, fd, 0);
	return fd;
}

static void device_that_goes_away_leaves_no_mapping(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct import import, late;
	struct gadget gadget;
	int fd;

	gadget_init(test, &gadget);
	fd = buffer_fd(test, dmabuf);
	KUNIT_ASSERT_EQ(test, 0, import_open(&gadget, &import, fd));
	import.job = dma_fence_get(submitted(test, &gadget.queue, dmabuf->resv, NULL));
	gadget_remove(&gadget);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(import.job), -ENODEV);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNMAP), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_DETACH), 1);
	KUNIT_EXPECT_EQ(test, import_open(&gadget, &late, fd), -ENODEV);
	close_fd(fd);
	/* The handle has kept the buffer. */
	mock_buffer_disown(test, dmabuf);
	dma_buf_put(dmabuf);
	mock_flush();
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 0);
	import_close(&gadget, &import);
	mock_flush();
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 1);
}

static void handle_that_is_closed_first_is_detached_once(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct gadget gadget;
	struct import import;
	int fd;

	gadget_init(test, &gadget);
	fd = buffer_fd(test, dmabuf);
	KUNIT_ASSERT_EQ(test, 0, import_open(&gadget, &import, fd));
	close_fd(fd);
	/* A job that is done when somebody waits for it. */
	import.job = dma_fence_get(mock_fence(test));
	to_mock_fence(import.job)->late = true;
	import_close(&gadget, &import);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_DETACH), 1);
	gadget_remove(&gadget);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_UNMAP), 1);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_DETACH), 1);
}

static void grabber_init(struct kunit *test, struct grabber *grabber, struct frame *frames,
			 unsigned int count)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);

	spin_lock_init(&grabber->lock);
	INIT_LIST_HEAD(&grabber->ready);
	grabber->active = NULL;
	grabber->streaming = false;
	grabber_stream(grabber, true);
	for (unsigned int i = 0; i < count; i++) {
		frames[i].grabber = grabber;
		frames[i].before = NULL;
		frames[i].dmabuf = mock_buffer(test, exporter);
	}
}

static void camera_fills_free_buffers_first(struct kunit *test)
{
	struct dma_fence *shown = mock_fence(test), *drawn = mock_fence(test);
	struct grabber grabber;
	struct frame frames[2];

	grabber_init(test, &grabber, frames, 2);
	mock_add_fence(test, frames[0].dmabuf, shown, DMA_RESV_USAGE_READ);
	mock_add_fence(test, frames[0].dmabuf, drawn, DMA_RESV_USAGE_WRITE);
	KUNIT_ASSERT_EQ(test, 0, frame_queue(&frames[0]));
	KUNIT_EXPECT_NULL(test, grabber.active);
	KUNIT_ASSERT_EQ(test, 0, frame_queue(&frames[1]));
	KUNIT_EXPECT_PTR_EQ(test, grabber.active, &frames[1]);

	dma_fence_signal(drawn);
	KUNIT_EXPECT_PTR_EQ(test, grabber_interrupt(&grabber), &frames[1]);
	KUNIT_EXPECT_NULL(test, grabber.active);
	dma_fence_signal(shown);
	/* An array may run its callbacks a moment later. */
	dma_fence_wait(frames[0].before, false);
	frame_finish(&frames[0]);
	KUNIT_EXPECT_PTR_EQ(test, grabber_interrupt(&grabber), &frames[0]);
	grabber_stop(&grabber, frames, 2);
}

static void camera_that_stops_waits_for_no_fence(struct kunit *test)
{
	struct dma_fence *shown = mock_fence(test);
	struct grabber grabber;
	struct frame frames[2];

	grabber_init(test, &grabber, frames, 2);
	mock_add_fence(test, frames[0].dmabuf, shown, DMA_RESV_USAGE_READ);
	KUNIT_ASSERT_EQ(test, 0, frame_queue(&frames[0]));
	KUNIT_ASSERT_EQ(test, 0, frame_queue(&frames[1]));
	grabber_stop(&grabber, frames, 2);
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(shown));
	dma_fence_signal(shown);
	KUNIT_EXPECT_TRUE(test, list_empty(&grabber.ready));
	KUNIT_EXPECT_NULL(test, grabber.active);
}

static struct kunit_case dma_fence_doc_samples_cases[] = {
	KUNIT_CASE(jobs_are_done_in_their_order),
	KUNIT_CASE(job_waits_for_others_and_not_for_its_own),
	KUNIT_CASE(job_that_fails_is_never_seen),
	KUNIT_CASE(device_that_goes_away_leaves_no_mapping),
	KUNIT_CASE(handle_that_is_closed_first_is_detached_once),
	KUNIT_CASE(camera_fills_free_buffers_first),
	KUNIT_CASE(camera_that_stops_waits_for_no_fence),
	{}
};

static struct kunit_suite dma_fence_doc_samples_suite = {
	.name = "dma_fence_doc_samples",
	.init = mock_init,
	.test_cases = dma_fence_doc_samples_cases,
};

kunit_test_suite(dma_fence_doc_samples_suite);
