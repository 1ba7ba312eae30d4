// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_edu - tests of real DMA, by the sample driver of QEMU's edu device: what it copies
 * from one buffer of the system heap to another, what it waits for, and who may access the
 * memory while it is mapped.
 *
 * The kernel's command line tells how many bits the device addresses (dmabuf.edu_bits=32), 28
 * by default. scripts/edu boots machines in which memory is out of the device's reach, is
 * bounced, or is behind an IOMMU. A copy of 2 KiB takes 200 ms.
 */
#include "edu.h"
#include "harness.h"

FIXTURE(edu) {
	struct pair pair;
};

FIXTURE_SETUP(edu)
{
	struct pair *pair = &self->pair;

	if (edu_find(pair->name, sizeof(pair->name)))
		SKIP(return, "QEMU's edu device is missing");
	ASSERT_EQ(0, edu_bind(pair->name));
	pair->edu = edu_open(pair->name);
	ASSERT_LE(0, pair->edu);
	ASSERT_EQ(0, pair_alloc(pair));
}

FIXTURE_TEARDOWN(edu)
{
	close(self->pair.edu);
}

/* Rule: all bytes arrive, from and in memory of the system heap. */
TEST_F(edu, all_bytes_arrive)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(0, paint_synced(pair->bufs[0], pair->maps[0], SIZE, 1));
	ASSERT_EQ(0, pair_import(pair));
	EXPECT_EQ(1, pair_copy(pair, SIZE));
	EXPECT_EQ(0, wrong_synced(pair->bufs[1], pair->maps[1], SIZE, 1));
}

/* Rule: bytes outside the range stay as they are; the range may cross pages. */
TEST_F(edu, only_the_range_is_written)
{
	struct pair *pair = &self->pair;
	struct edu_ioctl_copy args = {
		.source_offset = 100,
		.destination_offset = PAGE - 50,
		.bytes = 3000,
		.in_fence = -1,
	};
	unsigned char *to = pair->maps[1];

	ASSERT_EQ(0, paint_synced(pair->bufs[0], pair->maps[0], SIZE, 1));
	ASSERT_EQ(0, paint_synced(pair->bufs[1], to, SIZE, 2));
	ASSERT_EQ(0, pair_import(pair));
	args.source = pair->handles[0];
	args.destination = pair->handles[1];
	ASSERT_EQ(1, fence_done(xioctl(pair->edu, EDU_IOCTL_COPY, &args)));
	ASSERT_EQ(0, buf_sync(pair->bufs[1], DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ));
	EXPECT_EQ(0, memcmp(to + PAGE - 50, pair->maps[0] + 100, 3000));
	EXPECT_EQ(0, wrong_bytes(to, PAGE - 50, 2));
	EXPECT_EQ(pattern_at(PAGE - 50 + 3000, 2), to[PAGE - 50 + 3000]);
}

/* Rule: a start of CPU access waits for the job, without a wait for its fence. */
TEST_F(edu, cpu_access_waits_for_the_job)
{
	struct pair *pair = &self->pair;
	int fence;

	ASSERT_EQ(0, paint_synced(pair->bufs[0], pair->maps[0], SHORT, 1));
	ASSERT_EQ(0, pair_import(pair));
	fence = edu_copy(pair->edu, pair->handles[0], pair->handles[1], SHORT);
	ASSERT_LE(0, fence);
	EXPECT_EQ(0, fence_status(fence));
	EXPECT_EQ(1, buf_waits(pair->bufs[0], DMA_BUF_SYNC_WRITE));
	EXPECT_EQ(0, buf_waits(pair->bufs[0], DMA_BUF_SYNC_READ));
	EXPECT_EQ(1, buf_waits(pair->bufs[1], DMA_BUF_SYNC_READ));
	EXPECT_EQ(0, wrong_synced(pair->bufs[1], pair->maps[1], SHORT, 1));
	EXPECT_EQ(1, fence_status(fence));
}

/* Rule: a job waits for its in-fence and for the fences of the buffers. */
TEST_F(edu, job_waits_for_fences)
{
	struct pair *pair = &self->pair;
	struct edu_ioctl_copy args = { .bytes = SHORT };
	int timeline = timeline_open(), fence;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, pair_import(pair));
	args.source = pair->handles[0];
	args.destination = pair->handles[1];
	args.in_fence = timeline_fence(timeline, 1);
	ASSERT_EQ(0, buf_busy(pair->bufs[0], timeline, 2, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, buf_busy(pair->bufs[1], timeline, 3, DMA_BUF_SYNC_READ));
	fence = xioctl(pair->edu, EDU_IOCTL_COPY, &args);
	ASSERT_LE(0, fence);
	EXPECT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(0, poll_events(fence, POLLIN, 1500));
	EXPECT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(0, poll_events(fence, POLLIN, 1500));
	EXPECT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(1, fence_done(fence));
}

/* Rule: an import that is released stays until its jobs have ended. */
TEST_F(edu, released_import_stays_for_its_job)
{
	struct pair *pair = &self->pair;
	int fence;

	ASSERT_EQ(0, paint_synced(pair->bufs[0], pair->maps[0], SHORT, 3));
	ASSERT_EQ(0, pair_import(pair));
	fence = edu_copy(pair->edu, pair->handles[0], pair->handles[1], SHORT);
	ASSERT_LE(0, fence);
	EXPECT_EQ(0, edu_release(pair->edu, pair->handles[0]));
	EXPECT_EQ(0, edu_release(pair->edu, pair->handles[1]));
	EXPECT_EQ(-ENOENT, edu_release(pair->edu, pair->handles[0]));
	EXPECT_EQ(-ENOENT, pair_copy(pair, SHORT));
	close(pair->edu);
	EXPECT_EQ(1, fence_done(fence));
	EXPECT_EQ(0, wrong_synced(pair->bufs[1], pair->maps[1], SHORT, 3));
	pair->edu = -1;
}

/* Rule: jobs that run or wait fail when the device is unbound, and what is open stays safe. */
TEST_F(edu, unbound_while_a_job_runs)
{
	struct pair *pair = &self->pair;
	int running, waiting;

	ASSERT_EQ(0, pair_import(pair));
	running = edu_copy(pair->edu, pair->handles[0], pair->handles[1], SIZE);
	waiting = edu_copy(pair->edu, pair->handles[0], pair->handles[1], SIZE);
	ASSERT_LE(0, running);
	ASSERT_LE(0, waiting);
	sleep_ms(300);
	ASSERT_EQ(0, file_put(DRIVER "/unbind", pair->name));
	EXPECT_EQ(-ENODEV, fence_done(running));
	EXPECT_EQ(-ENODEV, fence_done(waiting));
	EXPECT_EQ(-ENODEV, edu_copy(pair->edu, pair->handles[0], pair->handles[1], SHORT));
	EXPECT_EQ(-ENODEV, edu_import(pair->edu, pair->bufs[0], EDU_IMPORT_SOURCE, 0));
	EXPECT_EQ(-ENOENT, edu_release(pair->edu, pair->handles[0]));
	EXPECT_EQ(0, paint_synced(pair->bufs[0], pair->maps[0], SHORT, 4));

	ASSERT_EQ(0, edu_bind(pair->name));
	close(pair->edu);
	pair->edu = edu_open(pair->name);
	ASSERT_LE(0, pair->edu);
	ASSERT_EQ(0, pair_import(pair));
	EXPECT_EQ(1, pair_copy(pair, SHORT));
	EXPECT_EQ(0, wrong_synced(pair->bufs[1], pair->maps[1], SHORT, 4));
}

/* Rule: a job that waits for a fence ends too when the device is unbound. */
TEST_F(edu, unbound_while_a_job_waits)
{
	struct pair *pair = &self->pair;
	int timeline = timeline_open(), fence;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, pair_import(pair));
	ASSERT_EQ(0, buf_busy(pair->bufs[0], timeline, 1, DMA_BUF_SYNC_WRITE));
	fence = edu_copy(pair->edu, pair->handles[0], pair->handles[1], SHORT);
	ASSERT_LE(0, fence);
	ASSERT_EQ(0, file_put(DRIVER "/unbind", pair->name));
	EXPECT_EQ(-ENODEV, fence_done(fence));
	EXPECT_EQ(0, timeline_step(timeline, 1));
	EXPECT_EQ(0, edu_bind(pair->name));
}

/* Rule: only one file of a device is open. */
TEST_F(edu, opened_once)
{
	struct pair *pair = &self->pair;

	EXPECT_EQ(-EBUSY, edu_open(pair->name));
	close(pair->edu);
	pair->edu = edu_open(pair->name);
	EXPECT_LE(0, pair->edu);
}

/*
 * Rule: the module stays while one of its fences can be used, by an open sync_file or by a buffer,
 * and can be unloaded afterwards.
 */
TEST_F(edu, fence_keeps_the_module)
{
	struct pair *pair = &self->pair;
	int i, running, fence, ret;

	if (!module_present(MODULE))
		SKIP(return, "%s is not a module here", MODULE);
	ASSERT_EQ(0, pair_import(pair));
	running = edu_copy(pair->edu, pair->handles[0], pair->handles[1], SHORT);
	fence = dup(running);
	ASSERT_LE(0, fence);
	close(pair->edu);
	EXPECT_EQ(-EAGAIN, module_unload(MODULE));
	EXPECT_EQ(1, fence_done(running));
	for (i = 0; i < 2; i++) {
		munmap(pair->maps[i], SIZE);
		close(pair->bufs[i]);
	}
	sleep_ms(500);
	EXPECT_EQ(-EAGAIN, module_unload(MODULE));
	EXPECT_EQ(1, fence_status(fence));
	close(fence);
	ret = module_unload_idle(MODULE);
	EXPECT_EQ(0, ret);
	if (!ret)
		EXPECT_EQ(0, module_load(MODULE, ""));
	pair->edu = -1;
}

/* Rule: an importer that states what no memory of the buffer has is told so when it attaches. */
TEST_F(edu, stated_needs_that_nothing_meets)
{
	struct pair *pair = &self->pair;

	EXPECT_EQ(-EOPNOTSUPP, edu_import(pair->edu, pair->bufs[0], EDU_IMPORT_SOURCE, SIZE + 1));
	EXPECT_LT(0, edu_import(pair->edu, pair->bufs[0], EDU_IMPORT_SOURCE, SIZE));
}

/* Rule: arguments that make no sense are refused. */
TEST_F(edu, arguments)
{
	struct pair *pair = &self->pair;
	struct edu_ioctl_copy args = { .bytes = SHORT, .in_fence = -1 };

	EXPECT_EQ(-EBADF, edu_import(pair->edu, -1, EDU_IMPORT_SOURCE, 0));
	EXPECT_EQ(-EINVAL, edu_import(pair->edu, pair->edu, EDU_IMPORT_SOURCE, 0));
	EXPECT_EQ(-EINVAL, edu_import(pair->edu, pair->bufs[0], 0, 0));
	EXPECT_EQ(-EINVAL, edu_import(pair->edu, pair->bufs[0], 4, 0));
	EXPECT_EQ(-ENOTTY, xioctl(pair->edu, _IO(0xed, 3), NULL));
	ASSERT_EQ(0, pair_import(pair));
	EXPECT_EQ(-EINVAL, edu_copy(pair->edu, pair->handles[0], pair->handles[0], SHORT));
	EXPECT_EQ(-EINVAL, edu_copy(pair->edu, pair->handles[1], pair->handles[1], SHORT));
	EXPECT_EQ(-EINVAL, edu_copy(pair->edu, pair->handles[0], pair->handles[1], 0));
	EXPECT_EQ(-EINVAL, edu_copy(pair->edu, pair->handles[0], pair->handles[1], SIZE + 1));
	args.source = pair->handles[0];
	args.destination = pair->handles[1];
	args.source_offset = SIZE - SHORT + 1;
	EXPECT_EQ(-EINVAL, xioctl(pair->edu, EDU_IOCTL_COPY, &args));
	args.source_offset = ~0ULL;
	EXPECT_EQ(-EINVAL, xioctl(pair->edu, EDU_IOCTL_COPY, &args));
	args.source_offset = 0;
	args.in_fence = pair->bufs[0];
	EXPECT_EQ(-EINVAL, xioctl(pair->edu, EDU_IOCTL_COPY, &args));
}

/* A device that addresses 28 bits, and a CMA region below. */
FIXTURE(reach) {
	struct pair pair;
};

FIXTURE_SETUP(reach)
{
	struct pair *pair = &self->pair;

	if (edu_find(pair->name, sizeof(pair->name)))
		SKIP(return, "QEMU's edu device is missing");
	if (!cmdline_has("cma=", "@0-256M"))
		SKIP(return, "booted without cma=64M@0-256M");
	ASSERT_EQ(0, edu_bind(pair->name));
	pair->edu = edu_open(pair->name);
	ASSERT_LE(0, pair->edu);
	ASSERT_EQ(0, buffer_alloc(pair, 1, SIZE));
}

FIXTURE_TEARDOWN(reach)
{
	close(self->pair.edu);
}

/* Paint the end of a new large buffer and import it; return the bytes that left the CMA region. */
static long long import_large(struct pair *pair)
{
	long long before, after;
	int ret = buffer_alloc(pair, 0, LARGE);

	ret = ret ? ret : paint_synced(pair->bufs[0], pair->maps[0] + LARGE - SHORT, SHORT, 8);
	if (ret)
		return ret;
	before = file_number("/proc/meminfo", "CmaFree:");
	pair->handles[0] = edu_import(pair->edu, pair->bufs[0], EDU_IMPORT_SOURCE, 0);
	after = file_number("/proc/meminfo", "CmaFree:");
	return pair->handles[0] < 0 ? pair->handles[0] : (before - after) << 10;
}

/*
 * Rule: an import gives a buffer memory in reach, with the bytes and mappings that it had.
 * Buffers that are in reach by chance are kept, until one is not.
 */
TEST_F(reach, memory_is_replaced)
{
	struct pair *pair = &self->pair;
	struct edu_ioctl_copy args = {
		.source_offset = LARGE - SHORT,
		.bytes = SHORT,
		.in_fence = -1,
	};
	long long taken = 0;
	int tries;

	for (tries = 0; tries < 24 && taken >= 0 && taken < (long long)LARGE / 2; tries++)
		taken = import_large(pair);
	ASSERT_LE((long long)LARGE / 2, taken);

	args.source = pair->handles[0];
	args.destination = edu_import(pair->edu, pair->bufs[1], EDU_IMPORT_DESTINATION, 0);
	EXPECT_EQ(1, fence_done(xioctl(pair->edu, EDU_IOCTL_COPY, &args)));
	EXPECT_EQ(0, wrong_synced(pair->bufs[1], pair->maps[1], SHORT, 8));

	ASSERT_EQ(0, paint_synced(pair->bufs[0], pair->maps[0] + LARGE - SHORT, SHORT, 9));
	EXPECT_EQ(1, fence_done(xioctl(pair->edu, EDU_IOCTL_COPY, &args)));
	EXPECT_EQ(0, wrong_synced(pair->bufs[1], pair->maps[1], SHORT, 9));
}

/* A device whose addresses an IOMMU translates. */
FIXTURE(translated) {
	struct pair pair;
};

FIXTURE_SETUP(translated)
{
	if (edu_find(self->pair.name, sizeof(self->pair.name)))
		SKIP(return, "QEMU's edu device is missing");
	if (!cmdline_has("dmabuf.edu_iommu=", "1"))
		SKIP(return, "booted without an IOMMU");
	ASSERT_EQ(0, edu_bind(self->pair.name));
}

FIXTURE_TEARDOWN(translated)
{
}

/* Rule: the machine's IOMMU is in use, so that the other tests copy through it. */
TEST_F(translated, iommu_is_in_use)
{
	char path[400], *type;

	snprintf(path, sizeof(path), DEVICES "/%s/iommu_group/type", self->pair.name);
	type = file_text(path);
	ASSERT_NE(NULL, type);
	EXPECT_EQ(0, strncmp(type, "DMA", 3));
	free(type);
}

/*
 * Who may access the memory between map and unmap, if the DMA API maps a copy of it (a bounce
 * buffer)? Arnd Bergmann asked that in 2011. The device has access while the buffer is mapped. The
 * CPU has it from DMA_BUF_SYNC_START to DMA_BUF_SYNC_END. Each test has the right order and a
 * wrong one, and tells which bytes are then seen.
 */
FIXTURE(bounced) {
	struct pair pair;
};

/* The source has pattern 1, the destination 2, and both are mapped for the device. */
FIXTURE_SETUP(bounced)
{
	struct pair *pair = &self->pair;

	if (edu_find(pair->name, sizeof(pair->name)))
		SKIP(return, "QEMU's edu device is missing");
	if (!cmdline_has("swiotlb=", "force"))
		SKIP(return, "booted without swiotlb=force");
	ASSERT_EQ(0, edu_bind(pair->name));
	pair->edu = edu_open(pair->name);
	ASSERT_LE(0, pair->edu);
	ASSERT_EQ(0, pair_alloc(pair));
	ASSERT_EQ(0, paint_synced(pair->bufs[0], pair->maps[0], SHORT, 1));
	ASSERT_EQ(0, paint_synced(pair->bufs[1], pair->maps[1], SHORT, 2));
	ASSERT_EQ(0, pair_import(pair));
}

FIXTURE_TEARDOWN(bounced)
{
	close(self->pair.edu);
}

/* Rule: the device sees what the CPU wrote before the end of its access, and nothing later. */
TEST_F(bounced, device_reads_what_the_cpu_ended)
{
	struct pair *pair = &self->pair;

	paint(pair->maps[0], SHORT, 3);
	ASSERT_EQ(1, pair_copy(pair, SHORT));
	EXPECT_EQ(0, wrong_synced(pair->bufs[1], pair->maps[1], SHORT, 1));

	ASSERT_EQ(0, paint_synced(pair->bufs[0], pair->maps[0], SHORT, 4));
	ASSERT_EQ(1, pair_copy(pair, SHORT));
	EXPECT_EQ(0, wrong_synced(pair->bufs[1], pair->maps[1], SHORT, 4));
}

/* Rule: the CPU sees what the device wrote after the start of its access, and not before. */
TEST_F(bounced, cpu_reads_after_its_start)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(1, pair_copy(pair, SHORT));
	EXPECT_EQ(0, wrong_bytes(pair->maps[1], SHORT, 2));
	EXPECT_EQ(0, wrong_synced(pair->bufs[1], pair->maps[1], SHORT, 1));
}

/* Rule: a start that comes before the job ends does not bring what the job writes later. */
TEST_F(bounced, start_comes_after_the_job)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(0, buf_sync(pair->bufs[1], DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ));
	ASSERT_EQ(1, pair_copy(pair, SHORT));
	EXPECT_EQ(0, wrong_bytes(pair->maps[1], SHORT, 2));
	ASSERT_EQ(0, buf_sync(pair->bufs[1], DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ));
	EXPECT_EQ(0, wrong_synced(pair->bufs[1], pair->maps[1], SHORT, 1));
}

/* Rule: no job in an access: the end of an access that writes brings old bytes over the new. */
TEST_F(bounced, no_job_between_start_and_end)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(0, buf_sync(pair->bufs[1], DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW));
	ASSERT_EQ(1, pair_copy(pair, SHORT));
	ASSERT_EQ(0, buf_sync(pair->bufs[1], DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW));
	EXPECT_EQ(0, wrong_synced(pair->bufs[1], pair->maps[1], SHORT, 2));

	ASSERT_EQ(0, buf_sync(pair->bufs[1], DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW));
	ASSERT_EQ(0, buf_sync(pair->bufs[1], DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW));
	ASSERT_EQ(1, pair_copy(pair, SHORT));
	EXPECT_EQ(0, wrong_synced(pair->bufs[1], pair->maps[1], SHORT, 1));
}

/* Rule: what the CPU writes without an end is lost at the next start. */
TEST_F(bounced, writes_without_end_are_lost)
{
	struct pair *pair = &self->pair;

	paint(pair->maps[1], SHORT, 6);
	EXPECT_EQ(0, wrong_synced(pair->bufs[1], pair->maps[1], SHORT, 2));
	ASSERT_EQ(0, paint_synced(pair->bufs[1], pair->maps[1], SHORT, 6));
	EXPECT_EQ(0, wrong_synced(pair->bufs[1], pair->maps[1], SHORT, 6));
}

/* Rule: before the map and after the unmap the memory is the CPU's, and needs no SYNC here. */
TEST_F(bounced, map_and_unmap_hand_over)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(1, pair_copy(pair, SHORT));
	EXPECT_EQ(0, wrong_bytes(pair->maps[1], SHORT, 2));
	ASSERT_EQ(0, edu_release(pair->edu, pair->handles[0]));
	ASSERT_EQ(0, edu_release(pair->edu, pair->handles[1]));
	EXPECT_EQ(0, wrong_bytes_soon(pair->maps[1], SHORT, 1));

	paint(pair->maps[0], SHORT, 7);
	ASSERT_EQ(0, pair_import(pair));
	ASSERT_EQ(1, pair_copy(pair, SHORT));
	EXPECT_EQ(0, wrong_synced(pair->bufs[1], pair->maps[1], SHORT, 7));
}

/* Rule: adjacent bytes cannot be had where all is bounced, in pieces of 256 KiB at most. */
TEST_F(bounced, stated_bytes_longer_than_a_bounce_buffer)
{
	struct pair *pair = &self->pair;
	int buf = exporter_heap.export(8 * SIZE, O_RDWR | O_CLOEXEC);

	ASSERT_LE(0, buf);
	EXPECT_EQ(-EOPNOTSUPP, edu_import(pair->edu, buf, EDU_IMPORT_SOURCE, 8 * SIZE));
	EXPECT_LT(0, edu_import(pair->edu, buf, EDU_IMPORT_SOURCE, 0));
	close(buf);
}

TEST_HARNESS_MAIN
