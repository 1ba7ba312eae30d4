// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_vivid - tests with vivid, the kernel's virtual camera.
 *
 * vivid also takes memory of the program's as its buffers, which the sample camera does not.
 */
#include "camera.h"
#include "storage.h"

#define VIVID	"vivid"
/* One device with one node, which captures. */
#define PARAMETERS	"n_devs=1 node_types=1"

/* Ask for one buffer that is memory of the program's, and queue that memory. */
static int queue_memory(struct camera *cam, void *memory, size_t size)
{
	struct v4l2_requestbuffers request = {
		.count = 1,
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_USERPTR,
	};
	struct v4l2_buffer buffer = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_USERPTR,
		.m.userptr = (unsigned long)memory,
		.length = size,
	};
	int ret = xioctl(cam->fd, VIDIOC_REQBUFS, &request);

	return ret ? ret : xioctl(cam->fd, VIDIOC_QBUF, &buffer);
}

/*
 * Rule: a mapping of a buffer is no memory of the program's (V4L2_MEMORY_USERPTR), whether it
 * was accessed or not. What is shared that way is the descriptor.
 */
TEST_F(storage, mapping_is_not_user_memory)
{
	int ret = module_load(VIVID, PARAMETERS);
	unsigned char *memory;
	struct camera cam;

	if (ret == -ENOENT)
		SKIP(return, "vivid is missing");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, camera_open(&cam, VIVID));
	ASSERT_EQ(0, camera_format(&cam, 320, 180, V4L2_PIX_FMT_YUYV));
	ASSERT_LT(cam.size, self->size);
	EXPECT_EQ(-EFAULT, queue_memory(&cam, self->map, self->size));
	stamp(self->map, self->size, 7);
	EXPECT_EQ(-EFAULT, queue_memory(&cam, self->map, self->size));

	memory = mmap(NULL, self->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, memory);
	EXPECT_EQ(0, queue_memory(&cam, memory, self->size));
	munmap(memory, self->size);
	camera_close(&cam);
	EXPECT_EQ(0, module_unload_idle(VIVID));
}

TEST_HARNESS_MAIN
