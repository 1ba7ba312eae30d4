// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_sample_module - tests of unloading the sample drivers' modules: it is refused
 * while anything of theirs is in use, and succeeds afterwards. And tests of the display
 * moving its buffers, which no user may notice.
 */
#include <linux/dma-buf.h>
#include <pthread.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "bufinfo.h"
#include "demo.h"
#include "exporters.h"
#include "fence.h"
#include "harness.h"

FIXTURE(module) {
	const char *name;
};

FIXTURE_VARIANT(module) {
	const char *name;
	const struct exporter *exporter;
};

FIXTURE_VARIANT_ADD(module, camera) {
	.name = CAMERA_MODULE,
	.exporter = &exporter_camera,
};

FIXTURE_VARIANT_ADD(module, display) {
	.name = DISPLAY_MODULE,
	.exporter = &exporter_display,
};

FIXTURE_SETUP(module)
{
	int ret;

	if (!module_present(variant->name)) {
		ret = module_load(variant->name, "");
		if (ret == -ENOENT)
			SKIP(return, "%s is not a module here", variant->name);
		ASSERT_EQ(0, ret);
	}
	self->name = variant->name;
}

/* Load the module again for the tests that follow. */
FIXTURE_TEARDOWN(module)
{
	if (!module_present(self->name))
		EXPECT_EQ(0, module_load(self->name, ""));
}

/* Rule: an open dma-buf keeps its exporter's module, even if nothing else is open. */
TEST_F(module, open_buffer_keeps_it)
{
	int i, buf;

	for (i = 0; i < 5; i++) {
		buf = variant->exporter->export(65536, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, buf);
		EXPECT_EQ(-EAGAIN, module_unload(self->name));
		EXPECT_EQ(0, buf_sync(buf, DMA_BUF_SYNC_RW));
		EXPECT_EQ(0, buf_sync(buf, DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END));
		close(buf);
		ASSERT_EQ(0, module_unload_idle(self->name));
		ASSERT_EQ(0, module_load(self->name, ""));
	}
}

/* Rule: so does a mapping of the buffer whose descriptor is closed. */
TEST_F(module, mapping_keeps_it)
{
	int buf = variant->exporter->export(65536, O_RDWR | O_CLOEXEC);
	unsigned char *map;

	ASSERT_LE(0, buf);
	map = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, buf, 0);
	ASSERT_NE(MAP_FAILED, map);
	close(buf);
	EXPECT_EQ(-EAGAIN, module_unload(self->name));
	map[65535] = 7;
	EXPECT_EQ(7, map[65535]);
	munmap(map, 65536);
	EXPECT_EQ(0, module_unload_idle(self->name));
}

/* Rule: so does another driver that has imported the buffer. */
TEST_F(module, importer_keeps_it)
{
	int buf = variant->exporter->export(65536, O_RDWR | O_CLOEXEC);
	struct display_buffer imported;
	struct display vgem;

	ASSERT_LE(0, buf);
	ASSERT_EQ(0, display_open(&vgem, "vgem"));
	ASSERT_EQ(0, display_import(&vgem, buf, &imported));
	close(buf);
	EXPECT_EQ(-EAGAIN, module_unload(self->name));
	ASSERT_EQ(0, display_release(&vgem, &imported));
	display_close(&vgem);
	EXPECT_EQ(0, module_unload_idle(self->name));
}

/* Rule: so does a descriptor in the queue of a socket. */
TEST_F(module, message_keeps_it)
{
	int buf = variant->exporter->export(65536, O_RDWR | O_CLOEXEC);
	int ends[2];

	ASSERT_LE(0, buf);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	ASSERT_EQ(0, fd_send(ends[0], buf, "x", 1));
	close(buf);
	EXPECT_EQ(-EAGAIN, module_unload(self->name));
	close(ends[0]);
	close(ends[1]);
	EXPECT_EQ(0, module_unload_idle(self->name));
}

/* Rule: an exported fence of a released buffer does not keep the exporter's module. */
TEST_F(module, fences_do_not_keep_it)
{
	int timeline = timeline_open();
	int buf, fence;

	ASSERT_LE(0, timeline);
	buf = variant->exporter->export(65536, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, buf);
	ASSERT_EQ(0, buf_busy(buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	fence = buf_fence_get(buf, DMA_BUF_SYNC_READ);
	ASSERT_LE(0, fence);
	close(buf);
	ASSERT_EQ(0, module_unload_idle(self->name));
	EXPECT_EQ(0, fence_status(fence));
	ASSERT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(1, fence_status(fence));
	close(fence);
	close(timeline);
}

/* Rule: a camera that has imported a buffer keeps its module, and so does a streaming one. */
TEST(streaming_camera_keeps_its_module)
{
	int heap = exporter_heap.export(65536, O_RDWR | O_CLOEXEC);
	__u32 index, sequence;
	struct bufinfo info;
	struct camera cam;

	if (!module_present(CAMERA_MODULE))
		SKIP(return, "%s is not a module here", CAMERA_MODULE);
	ASSERT_LE(0, heap);
	ASSERT_EQ(0, camera_open(&cam, CAMERA_DRIVER));
	ASSERT_EQ(0, camera_format(&cam, 128, 128, V4L2_PIX_FMT_XBGR32));
	ASSERT_EQ(0, camera_buffers(&cam, V4L2_MEMORY_DMABUF, 1));
	ASSERT_EQ(0, camera_queue(&cam, 0, heap));
	EXPECT_EQ(-EAGAIN, module_unload(CAMERA_MODULE));
	ASSERT_EQ(0, camera_start(&cam));
	EXPECT_EQ(-EAGAIN, module_unload(CAMERA_MODULE));
	EXPECT_EQ(0, camera_dequeue(&cam, &index, &sequence, 5000));
	camera_close(&cam);
	EXPECT_EQ(0, module_unload_idle(CAMERA_MODULE));
	ASSERT_EQ(0, bufinfo_find(fd_ino(heap), &info));
	EXPECT_EQ(0, info.devices);
	close(heap);
	EXPECT_EQ(0, module_load(CAMERA_MODULE, ""));
}

/* Rule: a display that is on keeps its module; after close and unload it has no imports. */
TEST(lit_display_keeps_its_module)
{
	const struct options opt = { .width = 128, .height = 128 };
	int heap = exporter_heap.export(65536, O_RDWR | O_CLOEXEC);
	struct row row = { .name = "test" };
	struct bufinfo info;
	struct sink sink;

	if (!module_present(DISPLAY_MODULE))
		SKIP(return, "%s is not a module here", DISPLAY_MODULE);
	ASSERT_LE(0, heap);
	ASSERT_EQ(0, sink_open(&sink, DISPLAY_DRIVER, &opt, &row));
	ASSERT_EQ(0, sink_import(&sink, 0, heap, &row));
	ASSERT_EQ(0, sink_start(&sink, 0, &row));
	EXPECT_EQ(-EAGAIN, module_unload(DISPLAY_MODULE));
	sink_close(&sink);
	EXPECT_EQ(0, module_unload_idle(DISPLAY_MODULE));
	ASSERT_EQ(0, bufinfo_find(fd_ino(heap), &info));
	EXPECT_EQ(0, info.devices);
	close(heap);
	EXPECT_EQ(0, module_load(DISPLAY_MODULE, ""));
}

/*
 * Path of the debugfs file of the display that moves its buffers when written. Reading it
 * returns the number of moves.
 */
static int move_file(char *path, size_t size)
{
	struct display dpy;
	struct stat st;
	int ret;

	ret = display_open(&dpy, DISPLAY_DRIVER);
	if (ret)
		return ret;
	ret = fstat(dpy.fd, &st);
	display_close(&dpy);
	snprintf(path, size, "/sys/kernel/debug/dri/%u/move", minor(st.st_rdev));
	return ret;
}

static unsigned long moves(const char *path)
{
	char *text = file_text(path);
	unsigned long count = text ? strtoul(text, NULL, 10) : 0;

	free(text);
	return count;
}

/* Rule: a moved buffer keeps its contents, in mappings made before and after the move. */
TEST(move_keeps_the_bytes)
{
	int buf = exporter_display.export(65536, O_RDWR | O_CLOEXEC);
	unsigned char *map, *later;
	unsigned long before;
	char path[64];
	int i;

	ASSERT_LE(0, buf);
	ASSERT_EQ(0, move_file(path, sizeof(path)));
	map = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, buf, 0);
	ASSERT_NE(MAP_FAILED, map);
	before = moves(path);
	for (i = 0; i < 50; i++) {
		map[i * 1000] = i;
		ASSERT_EQ(0, file_put(path, "1"));
		EXPECT_EQ(i, map[i * 1000]);
	}
	EXPECT_EQ(before + 50, moves(path));
	later = mmap(NULL, 65536, PROT_READ, MAP_SHARED, buf, 0);
	ASSERT_NE(MAP_FAILED, later);
	for (i = 0; i < 50; i++)
		EXPECT_EQ(i, later[i * 1000]);
	munmap(map, 65536);
	munmap(later, 65536);
	close(buf);
}

/* Rule: a buffer with an importer that cannot follow moves is not moved. */
TEST(imported_buffer_stays)
{
	int buf = exporter_display.export(65536, O_RDWR | O_CLOEXEC);
	struct display_buffer imported;
	struct display vgem;
	unsigned long before;
	char path[64];

	ASSERT_LE(0, buf);
	ASSERT_EQ(0, move_file(path, sizeof(path)));
	ASSERT_EQ(0, display_open(&vgem, "vgem"));
	ASSERT_EQ(0, display_import(&vgem, buf, &imported));
	before = moves(path);
	ASSERT_EQ(0, file_put(path, "1"));
	EXPECT_EQ(before, moves(path));
	ASSERT_EQ(0, display_release(&vgem, &imported));
	ASSERT_EQ(0, file_put(path, "1"));
	EXPECT_EQ(before + 1, moves(path));
	display_close(&vgem);
	close(buf);
}

static void *move_loop(void *arg)
{
	int i;

	for (i = 0; i < 300; i++)
		file_put(arg, "1");
	return NULL;
}

/* Rule: data written while the buffer is moved is not lost. Limited to 300 moves. */
TEST(move_races_with_writers)
{
	int buf = exporter_display.export(65536, O_RDWR | O_CLOEXEC);
	unsigned int *map, i, lost = 0;
	pthread_t thread;
	char path[64];

	ASSERT_LE(0, buf);
	ASSERT_EQ(0, move_file(path, sizeof(path)));
	map = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, buf, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, pthread_create(&thread, NULL, move_loop, path));
	for (i = 0; i < 200000; i++) {
		__atomic_store_n(&map[i % 16384], i, __ATOMIC_RELAXED);
		lost += __atomic_load_n(&map[i % 16384], __ATOMIC_RELAXED) != i;
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(0, lost);
	munmap(map, 65536);
	close(buf);
}

/* Return the results of a KUnit suite, or NULL. */
static char *kunit_results(const char *suite)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/kunit/%s/results", suite);
	return file_text(path);
}

static bool kunit_enabled(void)
{
	char *text = file_text("/proc/cmdline");
	bool enabled = text && strstr(text, "kunit.enable=1");

	free(text);
	return enabled;
}

/* Rule: the suites that the samples' modules run when they are loaded pass. */
TEST(kunit_suites_pass)
{
	static const char * const suites[] = {
		"dmabuf_sample_display_move", "dmabuf_sample_display_export",
		"dmabuf_sample_display_negotiate", "dmabuf_sample_display_scan",
		"dmabuf_sample_camera_negotiate",
	};
	char *text;
	size_t i;

	if (!kunit_enabled())
		SKIP(return, "a boot without kunit.enable=1");
	for (i = 0; i < ARRAY_SIZE(suites); i++) {
		text = kunit_results(suites[i]);
		ASSERT_NE(NULL, text);
		EXPECT_EQ(NULL, strstr(text, "not ok")) TH_LOG("%s", text);
		EXPECT_EQ(NULL, strstr(text, "SKIP")) TH_LOG("%s", text);
		free(text);
	}
}

TEST_HARNESS_MAIN
