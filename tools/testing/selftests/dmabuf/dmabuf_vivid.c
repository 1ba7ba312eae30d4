// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_vivid - tests with vivid, the kernel's virtual camera.
 *
 * vivid also takes memory of the program's as its buffers, which the sample camera does not.
 */
#include <sys/socket.h>

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

/* Allocate a buffer of the system heap in pieces. */
static int alloc_scattered(size_t size)
{
	int heap = heap_open("system");
	int buf = heap_alloc_scattered(heap, size);

	close(heap);
	return buf;
}

/*
 * Rule: an importer whose device needs contiguous memory gets it, with what is in the buffer, or an
 * errno that says that this buffer is never contiguous. The system heap can replace the memory.
 */
TEST_F(storage, contiguous_importer)
{
	int ret = module_load(VIVID, VIVID_ONE_CONTIGUOUS), runs;
	bool heap = variant->exporter == &exporter_heap;
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
	if (heap) {
		/* What the fixture has allocated can be in one piece. */
		munmap(self->map, self->size);
		close(self->buf);
		self->buf = alloc_scattered(self->size);
		self->map = map_range(self->buf, 0, self->size);
		ASSERT_NE(MAP_FAILED, self->map);
	}
	runs = memory_number(self->buf, "runs=");
	/* Huge pages can be adjacent. */
	if (variant->exporter != &exporter_huge)
		ASSERT_EQ(variant->exporter != &exporter_cma, runs > 1) TH_LOG("%d runs", runs);
	ASSERT_EQ(0, memory_number(self->buf, "replaced="));
	ASSERT_EQ(0, bufinfo_total(&before));
	stamp(self->map, self->size, 99);
	ret = camera_queue(&cam, 0, self->buf);
	EXPECT_EQ(0, wrong_stamps(self->map, 0, self->size, 99));
	EXPECT_EQ(runs == 1 || heap ? 0 : -EOPNOTSUPP, ret);
	EXPECT_EQ(heap, memory_number(self->buf, "replaced="));
	EXPECT_EQ(heap ? 1 : runs, memory_number(self->buf, "runs="));
	camera_close(&cam);
	EXPECT_EQ(0, module_unload_idle(VIVID));

	munmap(self->map, self->size);
	self->map = MAP_FAILED;
	close(self->buf);
	self->buf = -1;
	EXPECT_EQ(0, bufinfo_wait_objects(before.objects - 1));
}

/*
 * A way in which a child comes to a mapping of a buffer.
 * @own: maps the buffer itself; otherwise it inherits a mapping
 * @accessed: accesses the mapping
 * @moved: moves the mapping then
 */
struct view {
	bool own;
	bool accessed;
	bool moved;
};

static const struct view views[] = {
	{ .accessed = true },
	{ .accessed = false },
	{ .accessed = true, .moved = true },
	{ .own = true, .accessed = true },
};

/* A child that has a mapping. */
struct viewer {
	pid_t pid;
	int sock;
};

/* What a viewer is asked for: to stamp its mapping, or to count what is wrong in it. */
struct request {
	bool write;
	uint32_t salt;
};

/* A buffer of the system heap in pieces, a mapping of it, and a device that needs it in one. */
FIXTURE(pieces) {
	struct camera cam;
	int buf;
	unsigned char *map;
	struct viewer viewers[ARRAY_SIZE(views)];
};

FIXTURE_SETUP(pieces)
{
	int ret = module_load(VIVID, VIVID_ONE_CONTIGUOUS);

	if (ret == -ENOENT)
		SKIP(return, "vivid is missing");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, camera_open(&self->cam, VIVID));
	ASSERT_EQ(0, camera_format(&self->cam, 1920, 1080, V4L2_PIX_FMT_XBGR32));
	ASSERT_LE(self->cam.size, SIZE);
	ASSERT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_DMABUF, 1));
	self->buf = alloc_scattered(SIZE);
	ASSERT_LE(0, self->buf);
	ASSERT_LT(1, memory_number(self->buf, "runs="));
	ASSERT_EQ(0, memory_number(self->buf, "replaced="));
	self->map = map_range(self->buf, 0, SIZE);
	ASSERT_NE(MAP_FAILED, self->map);
}

FIXTURE_TEARDOWN(pieces)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(views); i++)
		if (self->viewers[i].pid > 0)
			EXPECT_LE(0, child_killed(self->viewers[i].pid, 5000));
	munmap(self->map, SIZE);
	close(self->buf);
	camera_close(&self->cam);
	EXPECT_EQ(0, module_unload_idle(VIVID));
}

static unsigned char *move(unsigned char *map)
{
	void *place = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mremap(map, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, place);
}

/* Come to a mapping of the buffer, whose stamps have @salt, and then do what is asked. */
static void viewer_run(int sock, const struct view *view, int buf, unsigned char *map,
		       uint32_t salt)
{
	struct request request;
	long wrong = 0;
	int none;

	if (view->own)
		map = map_range(buf, 0, SIZE);
	if (view->accessed)
		wrong = wrong_stamps(map, 0, SIZE, salt);
	if (view->moved)
		map = move(map);
	for (;;) {
		fd_send(sock, -1, &wrong, sizeof(wrong));
		if (fd_receive(sock, &none, &request, sizeof(request)))
			_exit(1);
		if (request.write)
			stamp(map, SIZE, request.salt);
		wrong = wrong_stamps(map, 0, SIZE, request.salt);
	}
}

/* Wait for the answer: the number of wrong stamps. */
static long viewer_answer(const struct viewer *viewer)
{
	long wrong;
	int none, ret = fd_receive(viewer->sock, &none, &wrong, sizeof(wrong));

	return ret ? ret : wrong;
}

static long viewer_start(struct viewer *viewer, const struct view *view, int buf,
			 unsigned char *map, uint32_t salt)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -errno;
	viewer->pid = fork();
	if (!viewer->pid)
		viewer_run(ends[1], view, buf, map, salt);
	close(ends[1]);
	viewer->sock = ends[0];
	return viewer_answer(viewer);
}

static long viewer_ask(const struct viewer *viewer, bool write, uint32_t salt)
{
	const struct request request = { .write = write, .salt = salt };
	int ret = fd_send(viewer->sock, -1, &request, sizeof(request));

	return ret ? ret : viewer_answer(viewer);
}

/* Rule: all mappings show the bytes in the new memory: after fork(), mremap(), in each process. */
TEST_F(pieces, every_process_has_the_new_memory)
{
	unsigned char *moved = map_range(self->buf, 0, SIZE);
	unsigned int writer, i;

	ASSERT_NE(MAP_FAILED, moved);
	stamp(self->map, SIZE, 1);
	EXPECT_EQ(0, wrong_stamps(moved, 0, SIZE, 1));
	moved = move(moved);
	ASSERT_NE(MAP_FAILED, moved);
	for (i = 0; i < ARRAY_SIZE(views); i++)
		ASSERT_EQ(0, viewer_start(&self->viewers[i], &views[i], self->buf, self->map, 1));

	ASSERT_EQ(0, camera_queue(&self->cam, 0, self->buf));
	EXPECT_EQ(1, memory_number(self->buf, "runs="));
	EXPECT_EQ(1, memory_number(self->buf, "replaced="));
	EXPECT_EQ(0, wrong_stamps(self->map, 0, SIZE, 1));
	EXPECT_EQ(0, wrong_stamps(moved, 0, SIZE, 1));
	for (i = 0; i < ARRAY_SIZE(views); i++)
		EXPECT_EQ(0, viewer_ask(&self->viewers[i], false, 1)) TH_LOG("viewer %u", i);

	for (writer = 0; writer < ARRAY_SIZE(views); writer++) {
		EXPECT_EQ(0, viewer_ask(&self->viewers[writer], true, 100 + writer));
		EXPECT_EQ(0, wrong_stamps(self->map, 0, SIZE, 100 + writer));
		EXPECT_EQ(0, wrong_stamps(moved, 0, SIZE, 100 + writer));
		for (i = 0; i < ARRAY_SIZE(views); i++)
			EXPECT_EQ(0, viewer_ask(&self->viewers[i], false, 100 + writer))
				TH_LOG("viewer %u, writer %u", i, writer);
	}
	munmap(moved, SIZE);
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
