// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ioctls of the camera: formats, sizes, frame rates.
 *
 * V4L2 negotiates: the driver changes a requested format to the nearest one that
 * it supports. S_FMT fails only while buffers exist. One rule comes from dma-buf:
 * bytesperline is negotiated too, because the memory may belong to a display that
 * pads its rows.
 */
#include <media/v4l2-common.h>
#include <media/v4l2-event.h>
#include <media/v4l2-ioctl.h>

#include "camera.h"

static const u32 camera_formats[] = {
	V4L2_PIX_FMT_XBGR32,
	V4L2_PIX_FMT_YUYV,
};

/* V4L2 requires a capture device to have an input. */
static int camera_enum_input(struct file *file, void *priv,
			     struct v4l2_input *input)
{
	if (input->index)
		return -EINVAL;

	input->type = V4L2_INPUT_TYPE_CAMERA;
	strscpy(input->name, "Test picture");
	return 0;
}

static int camera_g_input(struct file *file, void *priv, unsigned int *index)
{
	*index = 0;
	return 0;
}

static int camera_s_input(struct file *file, void *priv, unsigned int index)
{
	return index ? -EINVAL : 0;
}

static int camera_querycap(struct file *file, void *priv,
			   struct v4l2_capability *cap)
{
	strscpy(cap->driver, "dmabuf_camera");
	strscpy(cap->card, "dma-buf sample camera");
	return 0;
}

static bool camera_has_format(u32 pixelformat)
{
	return pixelformat == camera_formats[0] ||
	       pixelformat == camera_formats[1];
}

static int camera_enum_fmt(struct file *file, void *priv,
			   struct v4l2_fmtdesc *desc)
{
	if (desc->index >= ARRAY_SIZE(camera_formats))
		return -EINVAL;

	desc->pixelformat = camera_formats[desc->index];
	return 0;
}

static int camera_enum_framesizes(struct file *file, void *priv,
				  struct v4l2_frmsizeenum *size)
{
	if (size->index || !camera_has_format(size->pixel_format))
		return -EINVAL;

	size->type = V4L2_FRMSIZE_TYPE_STEPWISE;
	size->stepwise.min_width = CAMERA_MIN_SIDE;
	size->stepwise.max_width = CAMERA_MAX_WIDTH;
	size->stepwise.step_width = 2;
	size->stepwise.min_height = CAMERA_MIN_SIDE;
	size->stepwise.max_height = CAMERA_MAX_HEIGHT;
	size->stepwise.step_height = 1;
	return 0;
}

/* Changes a format to the nearest supported one. */
static void camera_adjust_format(struct v4l2_pix_format *pix)
{
	u32 least;

	if (!camera_has_format(pix->pixelformat))
		pix->pixelformat = camera_formats[0];
	v4l_bound_align_image(&pix->width, CAMERA_MIN_SIDE, CAMERA_MAX_WIDTH, 1,
			      &pix->height, CAMERA_MIN_SIDE, CAMERA_MAX_HEIGHT,
			      0, 0);
	least = pix->width * (pix->pixelformat == V4L2_PIX_FMT_YUYV ? 2 : 4);
	pix->bytesperline = clamp(pix->bytesperline & ~3u, least,
				  CAMERA_MAX_STRIDE);
	pix->sizeimage = pix->bytesperline * pix->height;
	pix->field = V4L2_FIELD_NONE;
	pix->colorspace = V4L2_COLORSPACE_SRGB;
	pix->xfer_func = V4L2_XFER_FUNC_DEFAULT;
	pix->ycbcr_enc = V4L2_YCBCR_ENC_DEFAULT;
	pix->quantization = V4L2_QUANTIZATION_DEFAULT;
	pix->flags = 0;
}

/**
 * camera_format_init() - set the default format and frame rate.
 * @cam: the camera
 */
void camera_format_init(struct camera *cam)
{
	cam->format.width = 640;
	cam->format.height = 480;
	camera_adjust_format(&cam->format);
	cam->interval.numerator = 1;
	cam->interval.denominator = 30;
}

static int camera_g_fmt(struct file *file, void *priv, struct v4l2_format *f)
{
	struct camera *cam = video_drvdata(file);

	f->fmt.pix = cam->format;
	return 0;
}

static int camera_try_fmt(struct file *file, void *priv, struct v4l2_format *f)
{
	camera_adjust_format(&f->fmt.pix);
	return 0;
}

static int camera_s_fmt(struct file *file, void *priv, struct v4l2_format *f)
{
	struct camera *cam = video_drvdata(file);

	/* The buffers have the size of the format, and the thread reads it. */
	if (vb2_is_busy(&cam->queue))
		return -EBUSY;

	camera_adjust_format(&f->fmt.pix);
	cam->format = f->fmt.pix;
	return 0;
}

static int camera_enum_frameintervals(struct file *file, void *priv,
				      struct v4l2_frmivalenum *ival)
{
	if (ival->index || !camera_has_format(ival->pixel_format) ||
	    ival->width < CAMERA_MIN_SIDE || ival->width > CAMERA_MAX_WIDTH ||
	    ival->width % 2 ||
	    ival->height < CAMERA_MIN_SIDE || ival->height > CAMERA_MAX_HEIGHT)
		return -EINVAL;

	ival->type = V4L2_FRMIVAL_TYPE_CONTINUOUS;
	ival->stepwise.min = (struct v4l2_fract){ 1, CAMERA_MAX_RATE };
	ival->stepwise.max = (struct v4l2_fract){ 1, 1 };
	ival->stepwise.step = (struct v4l2_fract){ 1, 1 };
	return 0;
}

static int camera_g_parm(struct file *file, void *priv,
			 struct v4l2_streamparm *parm)
{
	struct camera *cam = video_drvdata(file);

	if (parm->type != V4L2_BUF_TYPE_VIDEO_CAPTURE)
		return -EINVAL;

	parm->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
	parm->parm.capture.timeperframe = cam->interval;
	return 0;
}

static int camera_s_parm(struct file *file, void *priv,
			 struct v4l2_streamparm *parm)
{
	const struct v4l2_fract shortest = { 1, CAMERA_MAX_RATE };
	const struct v4l2_fract longest = { 1, 1 };
	struct v4l2_fract wish = parm->parm.capture.timeperframe;
	struct camera *cam = video_drvdata(file);

	if (parm->type != V4L2_BUF_TYPE_VIDEO_CAPTURE)
		return -EINVAL;
	if (vb2_is_streaming(&cam->queue))
		return -EBUSY;

	/* V4L2: a zero in the fraction asks for the default. */
	if (!wish.numerator || !wish.denominator)
		wish = (struct v4l2_fract){ 1, 30 };
	if (V4L2_FRACT_COMPARE(wish, <, shortest))
		wish = shortest;
	if (V4L2_FRACT_COMPARE(wish, >, longest))
		wish = longest;
	cam->interval = wish;
	return camera_g_parm(file, priv, parm);
}

const struct v4l2_ioctl_ops camera_ioctl_ops = {
	.vidioc_querycap = camera_querycap,
	.vidioc_enum_input = camera_enum_input,
	.vidioc_g_input = camera_g_input,
	.vidioc_s_input = camera_s_input,
	.vidioc_enum_fmt_vid_cap = camera_enum_fmt,
	.vidioc_g_fmt_vid_cap = camera_g_fmt,
	.vidioc_try_fmt_vid_cap = camera_try_fmt,
	.vidioc_s_fmt_vid_cap = camera_s_fmt,
	.vidioc_enum_framesizes = camera_enum_framesizes,
	.vidioc_enum_frameintervals = camera_enum_frameintervals,
	.vidioc_g_parm = camera_g_parm,
	.vidioc_s_parm = camera_s_parm,
	.vidioc_reqbufs = vb2_ioctl_reqbufs,
	.vidioc_create_bufs = vb2_ioctl_create_bufs,
	.vidioc_remove_bufs = vb2_ioctl_remove_bufs,
	.vidioc_prepare_buf = vb2_ioctl_prepare_buf,
	.vidioc_querybuf = vb2_ioctl_querybuf,
	.vidioc_qbuf = vb2_ioctl_qbuf,
	.vidioc_dqbuf = vb2_ioctl_dqbuf,
	.vidioc_expbuf = vb2_ioctl_expbuf,
	.vidioc_streamon = vb2_ioctl_streamon,
	.vidioc_streamoff = vb2_ioctl_streamoff,
	.vidioc_log_status = v4l2_ctrl_log_status,
	.vidioc_subscribe_event = v4l2_ctrl_subscribe_event,
	.vidioc_unsubscribe_event = v4l2_event_unsubscribe,
};
