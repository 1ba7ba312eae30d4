// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_heap_payer - memory cgroups that pay for buffers of heaps: the limit, until when they pay,
 * and that who allocated pays, wherever that process has gone.
 */
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bufinfo.h"
#include "camera.h"
#include "cgroup.h"
#include "exporters.h"
#include "harness.h"
#include "stamps.h"
#include "util.h"

#define MIB		(1024 * 1024UL)

static long long oom_kills(void)
{
	return file_number("/proc/vmstat", "oom_kill ");
}

#define PAYER		CGROUP "/dmabuf_payer"
#define PAYER_BUFFERS	4
/* What may stay charged: the kernel charges in batches per CPU, and frees slabs late. */
#define PAYER_REST	(4LL * MIB)

/* A cgroup with a limit, whose member is a child with a socket to the test. */
FIXTURE(payer) {
	long long kills;
	int sock;
	pid_t child;
	pid_t witness;
};

/*
 * @heap: name of the heap
 * @size: size of a buffer
 * @limit: limit of the group
 * @fit: number of buffers that fit. Their files and lists of runs are charged too, so two
 *	buffers of 32 MiB do not fit in 64 MiB
 */
FIXTURE_VARIANT(payer) {
	const char *heap;
	long long size;
	const char *limit;
	int fit;
};

FIXTURE_VARIANT_ADD(payer, system_64) {
	.heap = "system",
	.size = 32 * MIB,
	.limit = "64M",
	.fit = 1,
};

FIXTURE_VARIANT_ADD(payer, system_72) {
	.heap = "system",
	.size = 32 * MIB,
	.limit = "72M",
	.fit = 2,
};

FIXTURE_VARIANT_ADD(payer, cma_20) {
	.heap = CMA_DEFAULT_NAME,
	.size = 8 * MIB,
	.limit = "20M",
	.fit = 2,
};

/* Answers of the child: descriptors or errnos, and the charge of the group at that time. */
struct payer_report {
	int results[PAYER_BUFFERS];
	long long charged;
};

/* Allocate and report with the first buffer; then wait to be told to close them, and again. */
static void payer_run(int sock, const char *heap, size_t size)
{
	struct payer_report report;
	int dev = heap_open(heap);
	char byte;
	int i, fd;

	if (cgroup_enter(PAYER))
		_exit(1);
	for (i = 0; i < PAYER_BUFFERS; i++)
		report.results[i] = heap_alloc(dev, size, O_RDWR | O_CLOEXEC);
	report.charged = cgroup_number(PAYER, "memory.current", "");
	fd_send(sock, report.results[0], &report, sizeof(report));
	fd_receive(sock, &fd, &byte, 1);
	for (i = 0; i < PAYER_BUFFERS; i++)
		if (report.results[i] >= 0)
			close(report.results[i]);
	fd_send(sock, -1, "x", 1);
	fd_receive(sock, &fd, &byte, 1);
	_exit(0);
}

/* A member of the group that only lives. */
static pid_t witness_start(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (cgroup_enter(PAYER))
		_exit(1);
	for (;;)
		pause();
}

/* A kernel without the parameter fails the tests. */
static bool accounting_is_off(void)
{
	char *on = file_text("/sys/module/dma_heap/parameters/mem_accounting");
	bool off = on && on[0] != 'Y';

	free(on);
	return off;
}

FIXTURE_SETUP(payer)
{
	int ends[2], dev = heap_open(variant->heap);

	self->child = -1;
	self->witness = -1;
	if (dev == -ENODEV)
		SKIP(return, "the heap is missing");
	close(dev);
	if (accounting_is_off())
		SKIP(return, "needs a boot with dma_heap.mem_accounting=1");
	if (cgroup_make(PAYER))
		SKIP(return, "no cgroup with the memory controller");
	ASSERT_EQ(0, cgroup_put(PAYER, "memory.max", variant->limit));
	self->kills = oom_kills();
	ASSERT_LE(0, cgroup_number(PAYER, "memory.current", ""));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	self->witness = witness_start();
	self->child = fork();
	if (!self->child) {
		close(ends[0]);
		payer_run(ends[1], variant->heap, variant->size);
	}
	close(ends[1]);
	self->sock = ends[0];
}

FIXTURE_TEARDOWN(payer)
{
	EXPECT_EQ(0, cgroup_number(PAYER, "memory.events", "oom_kill "));
	EXPECT_EQ(self->kills, oom_kills());
	if (self->child > 0)
		EXPECT_LE(0, child_killed(self->child, 5000));
	if (self->witness > 0)
		EXPECT_LE(0, child_killed(self->witness, 5000));
	EXPECT_EQ(0, cgroup_remove(PAYER));
}

/* Receive the report of the child, and its first buffer. */
static int payer_report(int sock, struct payer_report *report)
{
	int buf = -1;
	int ret = fd_receive(sock, &buf, report, sizeof(*report));

	return ret ? ret : buf;
}

/* Rule: the group's limit fails an allocation, and the charge ends with the buffers. */
TEST_F(payer, limit_holds)
{
	struct payer_report report;
	int buf, i, ret, other, fd;
	char byte;

	buf = payer_report(self->sock, &report);
	ASSERT_LE(0, buf);
	for (i = 0; i < PAYER_BUFFERS; i++) {
		ret = report.results[i] < 0 ? report.results[i] : 0;
		EXPECT_EQ(i < variant->fit ? 0 : -ENOMEM, ret);
	}
	EXPECT_LE(variant->fit * variant->size, report.charged);
	EXPECT_GT(variant->fit * variant->size + PAYER_REST, report.charged);

	/* This process is outside of the group. */
	other = exporter_heap.export(variant->size, O_RDWR | O_CLOEXEC);
	EXPECT_LE(0, other);
	close(other);

	close(buf);
	ASSERT_EQ(0, fd_send(self->sock, -1, "x", 1));
	ASSERT_EQ(0, fd_receive(self->sock, &fd, &byte, 1));
	EXPECT_GT(PAYER_REST, cgroup_charged(PAYER, PAYER_REST));
	EXPECT_EQ(0, waitpid(self->child, NULL, WNOHANG));
	EXPECT_EQ(0, waitpid(self->witness, NULL, WNOHANG));
}

/* Enter the group and ask for a buffer. */
static int payer_ask(const char *heap, size_t size)
{
	int dev = heap_open(heap);

	if (cgroup_enter(PAYER))
		return -EIO;
	return heap_alloc(dev, size, O_RDWR | O_CLOEXEC);
}

/*
 * Rule: a buffer that is larger than the limit is ENOMEM at once. A charge that the limit refuses
 * counts as an event, and comes after the group's memory was reclaimed.
 */
TEST_F(payer, larger_than_the_limit)
{
	struct payer_report report;
	int buf = payer_report(self->sock, &report), status;
	long long events = cgroup_number(PAYER, "memory.events", "max ");
	pid_t pid;

	ASSERT_LE(0, buf);
	ASSERT_LE(0, events);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(-payer_ask(variant->heap, 4 * variant->size));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(ENOMEM, WEXITSTATUS(status));
	EXPECT_EQ(events, cgroup_number(PAYER, "memory.events", "max "));
	close(buf);
}

/* Rule: the group pays until the last reference is dropped, also by another process. */
TEST_F(payer, last_reference_elsewhere)
{
	struct payer_report report;
	int buf = payer_report(self->sock, &report);
	unsigned char *map;

	ASSERT_LE(0, buf);
	ASSERT_LE(0, child_killed(self->child, 5000));
	self->child = -1;
	EXPECT_GT(variant->size + PAYER_REST,
		  cgroup_charged(PAYER, variant->size + PAYER_REST));
	EXPECT_LE(variant->size, cgroup_number(PAYER, "memory.current", ""));

	map = mmap(NULL, variant->size, PROT_READ | PROT_WRITE, MAP_SHARED, buf, 0);
	ASSERT_NE(MAP_FAILED, map);
	close(buf);
	map[variant->size - 1] = 1;
	EXPECT_LE(variant->size, cgroup_number(PAYER, "memory.current", ""));
	munmap(map, variant->size);
	EXPECT_GT(PAYER_REST, cgroup_charged(PAYER, PAYER_REST));
}

/* Rule: a group can be removed while a buffer that it pays for exists. */
TEST_F(payer, group_removed_first)
{
	struct payer_report report;
	int buf = payer_report(self->sock, &report);
	struct bufinfo_total total;

	ASSERT_LE(0, buf);
	ASSERT_LE(0, child_killed(self->child, 5000));
	ASSERT_LE(0, child_killed(self->witness, 5000));
	self->child = -1;
	self->witness = -1;
	ASSERT_EQ(0, cgroup_remove(PAYER));
	ASSERT_EQ(0, bufinfo_total(&total));
	close(buf);
	EXPECT_EQ(0, bufinfo_wait_objects(total.objects - 1));
	/* The teardown removes it again. */
	ASSERT_EQ(0, cgroup_make(PAYER));
}

#define OTHER		CGROUP "/dmabuf_other"
/* A picture of vivid's, in runs of several sizes. */
#define PICTURE		((8UL << 20) - 4096)
/* The same, but one block of the page allocator is large enough. */
#define BLOCK		((4UL << 20) - 4096)
#define MOVING_MS	3000

/* Two groups for this process, and a device that needs other memory than the system heap has. */
FIXTURE(moving) {
	int dev;
	struct camera cam;
};

FIXTURE_SETUP(moving)
{
	int ret;

	if (accounting_is_off())
		SKIP(return, "needs a boot with dma_heap.mem_accounting=1");
	if (cgroup_make(PAYER) || cgroup_make(OTHER))
		SKIP(return, "no cgroup with the memory controller");
	ret = module_load(VIVID, VIVID_ONE_CONTIGUOUS);
	if (ret == -ENOENT)
		SKIP(return, "vivid is missing");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, camera_open(&self->cam, VIVID));
	ASSERT_EQ(0, camera_format(&self->cam, 1920, 1080, V4L2_PIX_FMT_XBGR32));
	ASSERT_LE(self->cam.size, PICTURE);
	ASSERT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_DMABUF, 1));
	self->dev = heap_open("system");
	ASSERT_LE(0, self->dev);
}

FIXTURE_TEARDOWN(moving)
{
	close(self->dev);
	camera_close(&self->cam);
	EXPECT_EQ(0, module_unload_idle(VIVID));
	EXPECT_EQ(0, cgroup_remove(PAYER));
	EXPECT_EQ(0, cgroup_remove(OTHER));
}

/* Rule: other memory for a buffer is charged to who pays for the buffer, not to who attaches. */
TEST_F(moving, payer_stays)
{
	long long charged;
	int buf;

	ASSERT_EQ(0, cgroup_enter(PAYER));
	buf = heap_alloc_scattered(self->dev, PICTURE);
	ASSERT_LE(0, buf);
	charged = cgroup_number(PAYER, "memory.current", "");
	EXPECT_LE(PICTURE, charged);

	ASSERT_EQ(0, cgroup_enter(OTHER));
	ASSERT_EQ(0, camera_queue(&self->cam, 0, buf));
	EXPECT_EQ(1, memory_number(buf, "replaced="));
	EXPECT_GT(charged + PAYER_REST, cgroup_charged(PAYER, charged + PAYER_REST));
	EXPECT_LT(charged - PAYER_REST, cgroup_number(PAYER, "memory.current", ""));
	EXPECT_GT(PAYER_REST, cgroup_charged(OTHER, PAYER_REST));

	ASSERT_EQ(0, cgroup_enter(CGROUP));
	close(buf);
	EXPECT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_DMABUF, 0));
	EXPECT_GT(PAYER_REST + charged - (long long)PICTURE,
		  cgroup_charged(PAYER, PAYER_REST + charged - (long long)PICTURE));
}

/* Rule: a buffer gets other memory also if the group that pays for it has been removed. */
TEST_F(moving, payer_removed)
{
	struct bufinfo_total total;
	int buf;

	ASSERT_EQ(0, cgroup_enter(PAYER));
	buf = heap_alloc_scattered(self->dev, PICTURE);
	ASSERT_LE(0, buf);
	ASSERT_EQ(0, cgroup_enter(OTHER));
	ASSERT_EQ(0, cgroup_remove(PAYER));
	ASSERT_EQ(0, camera_queue(&self->cam, 0, buf));
	EXPECT_EQ(1, memory_number(buf, "replaced="));
	EXPECT_GT(PAYER_REST, cgroup_charged(OTHER, PAYER_REST));

	ASSERT_EQ(0, bufinfo_total(&total));
	close(buf);
	EXPECT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_DMABUF, 0));
	EXPECT_EQ(0, bufinfo_wait_objects(total.objects - 1));
	EXPECT_GT(PAYER_REST, cgroup_charged(OTHER, PAYER_REST));
	ASSERT_EQ(0, cgroup_enter(CGROUP));
	/* The teardown removes it again. */
	ASSERT_EQ(0, cgroup_make(PAYER));
}

/*
 * Rule: a payer that may not have a second copy of a buffer keeps the one it has. The device is
 * refused, nobody is killed, and with a higher limit the same device gets the memory.
 */
static void check_limit(struct __test_metadata *_metadata, struct camera *cam, int dev,
			size_t size)
{
	int buf = heap_alloc_scattered(dev, size), runs = memory_number(buf, "runs=");
	unsigned char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, buf, 0);
	const long long limit = size + size / 2, kills = oom_kills();
	long long refused, charged;
	char text[32];

	ASSERT_LT(1, runs);
	ASSERT_NE(MAP_FAILED, map);
	stamp(map, size, 1);
	charged = cgroup_charged(PAYER, limit);
	ASSERT_GT(limit, charged);
	ASSERT_LT(limit, charged + (long long)size);
	snprintf(text, sizeof(text), "%lld", limit);
	ASSERT_EQ(0, cgroup_put(PAYER, "memory.max", text));
	refused = cgroup_number(PAYER, "memory.events", "max ");

	EXPECT_EQ(-EBUSY, camera_queue(cam, 0, buf));
	EXPECT_GE(limit, cgroup_number(PAYER, "memory.current", ""));
	EXPECT_LT(refused, cgroup_number(PAYER, "memory.events", "max "));
	EXPECT_EQ(0, memory_number(buf, "replaced="));
	EXPECT_EQ(runs, memory_number(buf, "runs="));
	EXPECT_EQ(0, wrong_stamps(map, 0, size, 1));
	EXPECT_EQ(0, cgroup_number(PAYER, "memory.events", "oom_kill "));
	EXPECT_EQ(kills, oom_kills());

	ASSERT_EQ(0, cgroup_put(PAYER, "memory.max", "max"));
	EXPECT_EQ(0, camera_queue(cam, 0, buf));
	EXPECT_EQ(1, memory_number(buf, "replaced="));
	EXPECT_EQ(0, wrong_stamps(map, 0, size, 1));
	munmap(map, size);
	close(buf);
}

/* A buffer of this size gets a part of the CMA region. */
TEST_F(moving, payer_at_its_limit)
{
	ASSERT_EQ(0, cgroup_enter(PAYER));
	check_limit(_metadata, &self->cam, self->dev, PICTURE);
	ASSERT_EQ(0, cgroup_enter(CGROUP));
}

/* A smaller one gets a block of the page allocator. */
TEST_F(moving, payer_of_a_block_at_its_limit)
{
	ASSERT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_DMABUF, 0));
	ASSERT_EQ(0, camera_format(&self->cam, 1280, 720, V4L2_PIX_FMT_XBGR32));
	ASSERT_GE(BLOCK, self->cam.size);
	ASSERT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_DMABUF, 1));
	ASSERT_EQ(0, cgroup_enter(PAYER));
	check_limit(_metadata, &self->cam, self->dev, BLOCK);
	ASSERT_EQ(0, cgroup_enter(CGROUP));
}

/* Move this process to the one group and to the other. */
static unsigned int move(const struct hammer *hammer)
{
	return !!cgroup_enter(hammer->rounds % 2 ? PAYER : OTHER);
}

/* Let the camera import a new buffer instead of the last one. */
static unsigned int import(const struct hammer *hammer)
{
	struct camera *cam = hammer->context;
	int buf = heap_alloc(hammer->dev, PICTURE, O_RDWR | O_CLOEXEC), ret;

	if (buf < 0)
		return 1;
	ret = camera_buffers(cam, V4L2_MEMORY_DMABUF, 1);
	if (!ret)
		ret = camera_queue(cam, 0, buf);
	close(buf);
	/* The region may have no room for a moment. */
	return ret && ret != -EBUSY;
}

/* Rule: at the end nobody has paid for nothing, wherever the process was at each time. */
TEST_F(moving, while_buffers_are_attached)
{
	struct hammer hammers[] = {
		{ .round = import, .dev = self->dev, .context = &self->cam },
		{ .round = move },
	};
	long long kills = oom_kills();

	EXPECT_EQ(0, hammer_start(hammers, ARRAY_SIZE(hammers), MOVING_MS));
	EXPECT_EQ(0, hammer_join(hammers, ARRAY_SIZE(hammers)));
	ASSERT_EQ(0, cgroup_enter(CGROUP));
	EXPECT_EQ(0, camera_buffers(&self->cam, V4L2_MEMORY_DMABUF, 0));
	TH_LOG("%u buffers, %u moves", hammers[0].rounds, hammers[1].rounds);
	EXPECT_LT(2, hammers[0].rounds);
	EXPECT_LT(2, hammers[1].rounds);
	EXPECT_GT(PAYER_REST, cgroup_charged(PAYER, PAYER_REST));
	EXPECT_GT(PAYER_REST, cgroup_charged(OTHER, PAYER_REST));
	EXPECT_EQ(kills, oom_kills());
}

TEST_HARNESS_MAIN
