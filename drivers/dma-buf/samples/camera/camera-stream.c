// SPDX-License-Identifier: GPL-2.0-only
/*
 * The camera's queue, and the thread that paints its frames.
 *
 * Between QBUF and DQBUF a buffer belongs to the driver, but only as far as
 * this application is concerned. The display that was given the same memory
 * may still be reading it: V4L2 lets an application queue a buffer before
 * others are done, and their fences in the buffer's reservation say so. The
 * camera waits for them in its thread and not in QBUF. A QBUF that blocked
 * would stop the application that has to pass on the other frames, and with it
 * the fence.
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
 * Frame n is due n intervals after the first. A frame that finds no buffer, or
 * whose buffer is held back by a fence, is lost as it would be in hardware: its
 * number is skipped, and the number that is painted is always the one that
 * DQBUF reports as the sequence. STREAMON starts the clock: the first frame is
 * number 0 if its buffer was queued by then. When that buffer is held back, the
 * clock waits for it.
 */

static struct camera_buffer *to_camera_buffer(struct vb2_buffer *vb)
{
	return container_of(to_vb2_v4l2_buffer(vb), struct camera_buffer, vb);
}

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

static void camera_untake_buffer(struct camera *cam, struct camera_buffer *buf)
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
 * An iosys_map and not a pointer, because an imported buffer may lie in the
 * memory of a graphics card, where some machines need other instructions. It
 * is also slow to read, so that rows are put together in ordinary memory.
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

/* Sleep until frame @due; a signal ends the sleep early. */
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
 * Run the clock: one frame per turn. A buffer whose wait was cut short by the
 * signal of camera_stop_streaming() is put back for that function to find.
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
			camera_untake_buffer(cam, buf);
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
 * vb2_ops.queue_setup: how many bytes has a buffer? CREATE_BUFS may ask for
 * more than the format needs, to have buffers for a larger one later, but not
 * for more than the largest.
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

/*
 * vb2_ops.buf_prepare: the last look at a buffer before it is queued, in the
 * application's own context, where an error still reaches it.
 */
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
 * vb2_ops.start_streaming: on failure the buffers go back as QUEUED, so that
 * they are still in the queue when userspace tries again.
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
 * vb2_ops.stop_streaming: afterwards the driver owns no buffer and touches
 * none.
 *
 * The thread may be waiting for a fence that a broken or hostile client never
 * signals, and STREAMOFF, close() and exit() must not wait with it. The wait
 * in begin_cpu_access is interruptible, so the thread is sent a signal, the
 * one that ends killable waits too. The flag comes first, for a thread that has
 * just started still ignores signals, but then it has yet to look at the flag.
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
 * @dev: device that buffers are attached to
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
	/* The CPU writes in the device's stead: see camera_import_map(). */
	queue->bidirectional = 1;
	return vb2_queue_init(queue);
}
