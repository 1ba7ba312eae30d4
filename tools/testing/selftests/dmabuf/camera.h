/* SPDX-License-Identifier: GPL-2.0-only */
/* camera - a V4L2 capture device for the tests and the demo */
#ifndef SELFTEST_DMABUF_CAMERA_H
#define SELFTEST_DMABUF_CAMERA_H

#include <linux/types.h>
#include <linux/videodev2.h>

#define CAMERA_DRIVER	"dmabuf_camera"
#define CAMERA_MODULE	"dmabuf_sample_camera"

/* The kernel's virtual camera, as one device with one node, which captures. */
#define VIVID		"vivid"
#define VIVID_ONE_NODE	"n_devs=1 node_types=1"
/* The same; its buffers must be contiguous. */
#define VIVID_ONE_CONTIGUOUS	VIVID_ONE_NODE " allocators=1"

/**
 * struct camera - an open capture device
 * @fd: descriptor of the video node
 * @memory: V4L2_MEMORY_MMAP if the device allocates, V4L2_MEMORY_DMABUF if it imports
 * @width: width of the picture in pixels
 * @height: height of the picture in lines
 * @stride: bytes from one line to the next
 * @size: bytes of one picture
 * @count: number of buffers
 * @stamp_us: timestamp of the buffer dequeued last, microseconds of the monotonic clock
 */
struct camera {
	int fd;
	__u32 memory;
	__u32 width;
	__u32 height;
	__u32 stride;
	__u32 size;
	__u32 count;
	long long stamp_us;
};

/*
 * camera_open() - open the first video node of a driver, or of a device; -ENODEV if there is none.
 * The name of a device is its bus_info.
 */
int camera_open(struct camera *cam, const char *name);
void camera_close(struct camera *cam);
int camera_format(struct camera *cam, __u32 width, __u32 height, __u32 fourcc);
int camera_rate(struct camera *cam, __u32 frames_per_second);
int camera_buffers(struct camera *cam, __u32 memory, __u32 count);
/* camera_export() - export one of the device's own buffers, returns its descriptor. */
int camera_export(struct camera *cam, __u32 index, int flags);
/* camera_map() - map one of the device's own buffers, returns NULL on failure. */
unsigned char *camera_map(struct camera *cam, __u32 index);
/* camera_queue() - queue a buffer; @dmabuf is used only if the device imports. */
int camera_queue(struct camera *cam, __u32 index, int dmabuf);
/* camera_dequeue() - wait for a filled buffer; -ETIMEDOUT after @timeout ms. */
int camera_dequeue(struct camera *cam, __u32 *index, __u32 *sequence, int timeout);
int camera_start(struct camera *cam);
int camera_stop(struct camera *cam);

#endif /* SELFTEST_DMABUF_CAMERA_H */
