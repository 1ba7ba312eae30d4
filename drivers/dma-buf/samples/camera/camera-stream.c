// SPDX-License-Identifier: GPL-2.0-only
/*
 * The camera's queue, and the thread that paints its frames.
 *
 * Between QBUF and DQBUF the driver owns a buffer, but other devices may still
 * use the same memory. V4L2 allows an application to queue a buffer that a
 * display still reads; the reservation object has the fence. The camera waits for
 * fences in its thread and not in QBUF: the application must be able to pass the
 * other frames on, and the fence may depend on that.
 */
#include <linux/dma-buf.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "camera.h"

/**
 * DOC: Camera: pacing
 *
 * Frame n is due n intervals after frame 0. As in hardware, a frame is dropped if
 * no buffer is queued when it is due, or if the buffer's fences signal too late.
 * The numbers of dropped frames are skipped. The painted number is the sequence
 * number that DQBUF returns. STREAMON starts the clock; if the buffer of frame 0
 * has fences, the clock starts when they have signalled.
 */

static struct camera_buffer *camera_take_buffer(struct camera *cam)
{
	struct camera_buffer *buf;

	spin_lock(&cam->buffers_lock);
	buf = list_first_entry_or_null(&cam->buffers, struct camera_buffer,
				       node);
	if (buf)
		list_del(&buf->node);
	spin_unlock(&cam->buffers_lock);
	return buf;
}

static void camera_put_back_buffer(struct camera *cam, struct camera_buffer *buf)
{
	spin_lock(&cam->buffers_lock);
	list_add(&buf->node, &cam->buffers);
	spin_unlock(&cam->buffers_lock);
}

static void camera_return_buffers(struct camera *cam,
				  enum vb2_buffer_state state)
{
	struct camera_buffer *buf;

	while ((buf = camera_take_buffer(cam)))
		vb2_buffer_done(&buf->vb.vb2_buf, state);
}

/*
 * An imported buffer may be device memory: the iosys_map knows how to access it.
 * Reading such memory is slow, so rows are composed in ordinary memory.
 */
static void camera_paint(struct camera *cam, struct camera_mem *mem, u32 number)
{
	const struct pattern pattern = {
		.format = cam->format.pixelformat,
		.width = cam->format.width,
		.height = cam->format.height,
		.stride = cam->format.bytesperline,
		.kind = READ_ONCE(cam->pattern),
	};
	u32 drawn = U32_MAX, y;

	for (y = 0; y < pattern.height; y++) {
		u32 class = pattern_row_class(&pattern, number, y);

		if (class != drawn)
			pattern_row(&pattern, number, y, cam->row);
		drawn = class;
		iosys_map_memcpy_to(&mem->map, y * pattern.stride, cam->row,
				    pattern_row_bytes(&pattern));
	}
}

static u64 camera_interval_ns(const struct camera *cam)
{
	return div_u64((u64)cam->interval.numerator * NSEC_PER_SEC,
		       cam->interval.denominator);
}

/* Sleeps until frame @due is due; a signal ends the sleep. */
static void camera_wait_until_due(const struct camera *cam, ktime_t start,
				  u32 due)
{
	ktime_t when = ktime_add_ns(start, due * camera_interval_ns(cam));

	set_current_state(TASK_INTERRUPTIBLE);
	schedule_hrtimeout(&when, HRTIMER_MODE_ABS);
}

static u32 camera_frames_since(const struct camera *cam, ktime_t start)
{
	return div64_u64(ktime_get() - start, camera_interval_ns(cam));
}

/*
 * Paints one frame per iteration. If the signal of camera_stop_streaming()
 * interrupts the wait for fences, the buffer goes back to the list, from which
 * that function returns it to videobuf2.
 */
static int camera_thread(void *data)
{
	struct camera *cam = data;
	ktime_t start = ktime_get();
	u32 due = 0;

	allow_kernel_signal(SIGKILL);
	while (!READ_ONCE(cam->stopping)) {
		struct camera_buffer *buf;
		struct camera_mem *mem;
		int ret;

		camera_wait_until_due(cam, start, due);
		buf = camera_take_buffer(cam);
		if (!buf) {
			due++;
			continue;
		}

		mem = vb2_plane_cookie(&buf->vb.vb2_buf, 0);
		ret = camera_mem_begin_write(mem);
		if (ret && signal_pending(current)) {
			camera_put_back_buffer(cam, buf);
			continue;
		}

		if (!due)
			start = ktime_get();
		due = max(due, camera_frames_since(cam, start));
		if (!ret) {
			camera_paint(cam, mem, due);
			camera_mem_end_write(mem);
		}

		buf->vb.sequence = due++;
		buf->vb.field = V4L2_FIELD_NONE;
		buf->vb.vb2_buf.timestamp = ktime_get_ns();
		vb2_buffer_done(&buf->vb.vb2_buf,
				ret ? VB2_BUF_STATE_ERROR : VB2_BUF_STATE_DONE);
	}
	return 0;
}

/*
 * vb2_ops.queue_setup: sets or checks the size of buffers. CREATE_BUFS may ask for
 * more than the format needs, to prepare for a larger one, up to the largest.
 */
static int camera_queue_setup(struct vb2_queue *queue, unsigned int *buffers,
			      unsigned int *planes, unsigned int sizes[],
			      struct device *devs[])
{
	struct camera *cam = vb2_get_drv_priv(queue);
	unsigned int size = cam->format.sizeimage;

	if (*planes)
		return *planes == 1 && sizes[0] >= size &&
		       sizes[0] <= CAMERA_MAX_STRIDE * CAMERA_MAX_HEIGHT * 2 ?
		       0 : -EINVAL;

	*planes = 1;
	sizes[0] = size;
	return 0;
}

/* vb2_ops.buf_prepare: its errno is that of QBUF. */
static int camera_buf_prepare(struct vb2_buffer *vb)
{
	struct camera *cam = vb2_get_drv_priv(vb->vb2_queue);
	unsigned long size = cam->format.sizeimage;

	if (vb2_plane_size(vb, 0) < size)
		return -EINVAL;

	vb2_set_plane_payload(vb, 0, size);
	return 0;
}

static void camera_buf_queue(struct vb2_buffer *vb)
{
	struct camera *cam = vb2_get_drv_priv(vb->vb2_queue);

	spin_lock(&cam->buffers_lock);
	list_add_tail(&to_camera_buffer(vb)->node, &cam->buffers);
	spin_unlock(&cam->buffers_lock);
}

/*
 * vb2_ops.start_streaming: on failure the buffers are returned as QUEUED, so that
 * userspace can try again without queueing them again.
 */
static int camera_start_streaming(struct vb2_queue *queue, unsigned int count)
{
	struct camera *cam = vb2_get_drv_priv(queue);
	struct task_struct *thread;

	cam->row = kmalloc(cam->format.bytesperline, GFP_KERNEL);
	if (!cam->row) {
		camera_return_buffers(cam, VB2_BUF_STATE_QUEUED);
		return -ENOMEM;
	}

	cam->stopping = false;
	thread = kthread_create(camera_thread, cam, "camera-%s",
				video_device_node_name(&cam->vdev));
	if (IS_ERR(thread)) {
		kfree(cam->row);
		camera_return_buffers(cam, VB2_BUF_STATE_QUEUED);
		return PTR_ERR(thread);
	}

	cam->thread = get_task_struct(thread);
	wake_up_process(thread);
	return 0;
}

/*
 * vb2_ops.stop_streaming: when it returns, the driver owns no buffer.
 *
 * The thread may wait for a fence that a broken or hostile client never signals.
 * STREAMOFF and close() must not wait for that. The wait in begin_cpu_access is
 * interruptible, so the thread gets a signal; SIGKILL ends killable waits too.
 * The flag is set before: a thread that has not called allow_kernel_signal() yet
 * ignores the signal, but tests the flag afterwards.
 */
static void camera_stop_streaming(struct vb2_queue *queue)
{
	struct camera *cam = vb2_get_drv_priv(queue);

	WRITE_ONCE(cam->stopping, true);
	send_sig(SIGKILL, cam->thread, 1);
	kthread_stop_put(cam->thread);
	kfree(cam->row);
	camera_return_buffers(cam, VB2_BUF_STATE_ERROR);
}

static const struct vb2_ops camera_queue_ops = {
	.queue_setup = camera_queue_setup,
	.buf_prepare = camera_buf_prepare,
	.buf_queue = camera_buf_queue,
	.start_streaming = camera_start_streaming,
	.stop_streaming = camera_stop_streaming,
	.wait_prepare = vb2_ops_wait_prepare,
	.wait_finish = vb2_ops_wait_finish,
};

/**
 * camera_queue_init() - set up the queue of a camera.
 * @cam: the camera, with its lock
 * @dev: device that is attached to imported buffers
 *
 * Context: may sleep.
 * Return: 0, or an errno of vb2_queue_init().
 */
int camera_queue_init(struct camera *cam, struct device *dev)
{
	struct vb2_queue *queue = &cam->queue;

	spin_lock_init(&cam->buffers_lock);
	INIT_LIST_HEAD(&cam->buffers);

	queue->type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	queue->io_modes = VB2_MMAP | VB2_DMABUF;
	queue->dev = dev;
	queue->drv_priv = cam;
	queue->lock = &cam->lock;
	queue->ops = &camera_queue_ops;
	queue->mem_ops = &camera_mem_ops;
	queue->buf_struct_size = sizeof(struct camera_buffer);
	queue->timestamp_flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
	/* The CPU writes in the device's stead, see camera_import_map(). */
	queue->bidirectional = 1;
	return vb2_queue_init(queue);
}
