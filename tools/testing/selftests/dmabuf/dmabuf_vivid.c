// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_vivid - tests with vivid, the kernel's virtual camera.
 *
 * vivid also takes memory of the program's as its buffers, which the sample camera does not.
 */
#include "bufinfo.h"
#include "camera.h"
#include "storage.h"

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
	int ret = module_load(VIVID, VIVID_ONE_NODE);
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

/*
 * Rule: an importer whose device needs contiguous memory gets it, with what is in the buffer, or an
 * errno that says that this buffer is never contiguous. A heap can replace the memory.
 */
TEST_F(storage, contiguous_importer)
{
	bool heap = variant->exporter == &exporter_heap || variant->exporter == &exporter_cma;
	int ret = module_load(VIVID, VIVID_ONE_CONTIGUOUS);
	struct bufinfo_total before;
	struct camera cam;

	if (ret == -ENOENT)
		SKIP(return, "vivid is missing");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, camera_open(&cam, VIVID));
	ASSERT_EQ(0, camera_format(&cam, 1920, 1080, V4L2_PIX_FMT_XBGR32));
	ASSERT_LE(8000000, cam.size);
	ASSERT_LE(cam.size, self->size);
	ASSERT_EQ(0, camera_buffers(&cam, V4L2_MEMORY_DMABUF, 2));
	ASSERT_EQ(0, bufinfo_total(&before));
	stamp(self->map, self->size, 99);
	ret = camera_queue(&cam, 0, self->buf);
	EXPECT_EQ(0, wrong_stamps(self->map, 0, self->size, 99));
	EXPECT_TRUE(!ret || (!heap && ret == -EOPNOTSUPP)) TH_LOG("returned %d", ret);
	camera_close(&cam);
	EXPECT_EQ(0, module_unload_idle(VIVID));

	munmap(self->map, self->size);
	self->map = MAP_FAILED;
	close(self->buf);
	self->buf = -1;
	EXPECT_EQ(0, bufinfo_wait_objects(before.objects - 1));
}

/* The pool of the system heap may keep 64 MiB. */
#define LOST_MAX	(128LL << 20)
#define ROUNDS_MIN	100
#define ROUNDS_MAX	10000
#define ROUNDS_MS	10000

/* Let the camera import a new buffer instead of the last one. */
static int import_new_buffer(struct camera *cam, int heap)
{
	int buf = heap_alloc(heap, 3 << 20, O_RDWR | O_CLOEXEC);
	int ret = buf < 0 ? buf : camera_buffers(cam, V4L2_MEMORY_DMABUF, 1);

	if (!ret)
		ret = camera_queue(cam, 0, buf);
	if (buf >= 0)
		close(buf);
	return ret;
}

/*
 * Rule: what was allocated for a device is freed with the buffer. vivid reaches 32 bits only, so
 * this is also about low memory on a machine that has more than that.
 */
TEST(rounds_leak_nothing)
{
	int ret = module_load(VIVID, VIVID_ONE_CONTIGUOUS), heap, rounds = 0;
	long long before, limit;
	struct camera cam;

	if (ret == -ENOENT)
		SKIP(return, "vivid is missing");
	ASSERT_EQ(0, ret);
	heap = heap_open("system");
	ASSERT_LE(0, heap);
	ASSERT_EQ(0, camera_open(&cam, VIVID));
	ASSERT_EQ(0, camera_format(&cam, 640, 480, V4L2_PIX_FMT_XBGR32));
	ret = import_new_buffer(&cam, heap);
	before = mem_free();
	limit = now_ms() + ROUNDS_MS;
	while (!ret && (rounds < ROUNDS_MIN || (rounds < ROUNDS_MAX && now_ms() < limit))) {
		ret = import_new_buffer(&cam, heap);
		rounds++;
	}
	EXPECT_EQ(0, ret) TH_LOG("round %d", rounds);
	EXPECT_GT(LOST_MAX, mem_lost(before, LOST_MAX));
	TH_LOG("%d rounds", rounds);
	camera_close(&cam);
	close(heap);
	EXPECT_EQ(0, module_unload_idle(VIVID));
}

TEST_HARNESS_MAIN
