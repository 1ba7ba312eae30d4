// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_heap_limits - heaps where memory, contiguous memory or descriptors run out: an errno,
 * nobody is killed, and nothing is lost.
 */
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heaps.h"

#define MIB		(1024 * 1024UL)
/* Free memory that the pool of the system heap keeps, and more. */
#define SLACK		(100LL << 20)

static long long oom_kills(void)
{
	return file_number("/proc/vmstat", "oom_kill ");
}

/* Rule: the kernel has the numbers that these tests compare; a missing one would read as -1. */
TEST(numbers)
{
	EXPECT_LE(0, oom_kills());
	EXPECT_LT(0, mem_free());
}

/* Rule: what the machine can never have is ENOMEM, at once, and nobody is killed. */
TEST_F(heap, one_tebibyte)
{
	struct dma_heap_allocation_data arg = { .len = 1ULL << 40, .fd_flags = O_RDWR };
	long long kills = oom_kills(), began = now_ms();
	int i;

	for (i = 0; i < 20; i++)
		EXPECT_EQ(-ENOMEM, xioctl(self->dev, DMA_HEAP_IOCTL_ALLOC, &arg));
	EXPECT_GT(2000, now_ms() - began);
	EXPECT_EQ(kills, oom_kills());
}

/*
 * Rule: a buffer for which the free memory does not suffice is ENOMEM, nobody is killed, and
 * the part that was allocated is free again.
 */
TEST_F(heap, more_than_is_free)
{
	const long long size = file_number("/proc/meminfo", "MemTotal:") * 1024 - 4 * MIB;
	long long kills = oom_kills(), before = mem_free();
	int i;

	ASSERT_LT(before, size);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-ENOMEM, heap_alloc(self->dev, size, O_RDWR | O_CLOEXEC));
	EXPECT_EQ(kills, oom_kills());
	EXPECT_GT(SLACK, mem_lost(before, SLACK));
}

/* Rule: without a free descriptor an allocation is EMFILE, and its memory is freed. */
TEST_F(heap, no_descriptor)
{
	long long before;
	int i, buf;

	/* The first one fills the caches. */
	buf = heap_alloc(self->dev, MIB, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, buf);
	close(buf);
	before = mem_free();
	ASSERT_EQ(0, fds_exhaust(0));
	for (i = 0; i < 200; i++)
		EXPECT_EQ(-EMFILE, heap_alloc(self->dev, MIB, O_RDWR | O_CLOEXEC));
	ASSERT_EQ(0, fds_unlimit());
	EXPECT_EQ(0, bufinfo_wait_objects(self->before.objects));
	EXPECT_GT(SLACK, mem_lost(before, SLACK));
}

/* Rule: a bad argument is EINVAL also without a free descriptor. */
TEST_F(heap, bad_argument_without_descriptor)
{
	struct dma_heap_allocation_data arg = { .len = PAGE, .fd_flags = O_RDWR, .fd = 1 };

	ASSERT_EQ(0, fds_exhaust(0));
	EXPECT_EQ(-EINVAL, ioctl_once(self->dev, DMA_HEAP_IOCTL_ALLOC, &arg));
	EXPECT_EQ(-EINVAL, heap_alloc(self->dev, 0, O_RDWR));
	EXPECT_EQ(-EINVAL, heap_alloc(self->dev, PAGE, O_RDWR | O_NONBLOCK));
	EXPECT_EQ(-EMFILE, heap_alloc(self->dev, PAGE, O_RDWR));
	ASSERT_EQ(0, fds_unlimit());
}

/* A quarter of the free memory, or most of the CMA region. */
static size_t large_size(const char *heap)
{
	if (heap && !strcmp(heap, "system"))
		return mem_free() / 4 & -MIB;
	return 48 * MIB;
}

static void allocate_for_ever(int dev, size_t size)
{
	int buf;

	for (;;) {
		buf = heap_alloc(dev, size, O_RDWR);
		if (buf < 0)
			_exit(1);
		close(buf);
	}
}

/* Rule: a fatal signal ends an allocation soon, however large it is. */
TEST_F(heap, fatal_signal)
{
	size_t size = large_size(variant->name);
	long long before = mem_free(), full;
	int buf, i, ms;
	pid_t pid;

	full = now_ms();
	buf = heap_alloc(self->dev, size, O_RDWR | O_CLOEXEC);
	full = now_ms() - full;
	ASSERT_LE(0, buf);
	close(buf);
	for (i = 0; i < 4; i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			allocate_for_ever(self->dev, size);
		sleep_ms(1 + full * i / 8);
		ms = child_killed(pid, 60000);
		TH_LOG("%zu MiB take %lld ms, the child died after %d ms", size / MIB, full, ms);
		EXPECT_LE(0, ms);
		EXPECT_GT(full / 2 + 1000, ms);
	}
	EXPECT_EQ(0, bufinfo_wait_objects(self->before.objects));
	EXPECT_GT(SLACK, mem_lost(before, SLACK));
}

/* A heap whose memory is one contiguous region. Otherwise as the fixture "heap". */
FIXTURE(region) {
	int dev;
	struct bufinfo_total before;
};

FIXTURE_VARIANT(region) {
	const char *name;
};

FIXTURE_VARIANT_ADD(region, cma) {
	.name = CMA_DEFAULT_NAME,
};

FIXTURE_VARIANT_ADD(region, cma_old_name) {
	.name = NULL,
};

FIXTURE_VARIANT_ADD(region, cma_node) {
	.name = CMA_NODE_NAME,
};

FIXTURE_VARIANT_ADD(region, carveout) {
	.name = CARVEOUT_NODE_NAME,
};

FIXTURE_SETUP(region)
{
	self->dev = variant->name ? heap_open(variant->name) : heap_open_old();
	if (self->dev == -ENODEV)
		SKIP(return, "the heap is missing");
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, bufinfo_total(&self->before));
}

FIXTURE_TEARDOWN(region)
{
	EXPECT_EQ(0, bufinfo_wait_objects(self->before.objects));
	close(self->dev);
}

#define CMA_BUFFERS	128

/* Allocate until the region is full; return the number of buffers. */
static int cma_fill(int dev, size_t size, int *bufs)
{
	int count = 0;

	memset(bufs, 0, (CMA_BUFFERS + 1) * sizeof(*bufs));
	while (count < CMA_BUFFERS) {
		bufs[count] = heap_alloc(dev, size, O_RDWR | O_CLOEXEC);
		if (bufs[count] < 0)
			break;
		count++;
	}
	return count;
}

#define TRACING	"/sys/kernel/tracing/"
#define EVENT	TRACING "events/dma_heap/heap_no_run/enable"

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

/* Return the longest free run of the last event, or 0, for an allocation of that many pages. */
static unsigned long traced_run(unsigned long pages)
{
	unsigned long asked, longest, found = 0;
	FILE *trace = fopen(TRACING "trace", "r");
	char line[512], *event;

	if (!trace)
		return 0;
	while (fgets(line, sizeof(line), trace)) {
		event = strstr(line, " pages=");
		if (event && sscanf(event, " pages=%lu longest=%lu", &asked, &longest) == 2 &&
		    asked == pages)
			found = longest;
	}
	fclose(trace);
	return found;
}

/* Rule: a trace event tells the longest free run of a fragmented region. */
TEST_F(region, fragmented_region_is_traced)
{
	int bufs[CMA_BUFFERS + 1], count, i;
	unsigned long longest;

	mount("tracefs", TRACING, "tracefs", 0, NULL);
	if (access(EVENT, F_OK))
		SKIP(return, "a kernel without trace events");
	count = cma_fill(self->dev, MIB + PAGE, bufs);
	ASSERT_LT(8, count);
	for (i = 1; i < count; i += 2)
		close(bufs[i]);
	bufinfo_wait_objects(self->before.objects + (count + 1) / 2);

	write_file(EVENT, "1");
	EXPECT_EQ(-ENOMEM, heap_alloc(self->dev, 24 * MIB, O_RDWR | O_CLOEXEC));
	write_file(EVENT, "0");
	longest = traced_run(24 * MIB / PAGE);
	TH_LOG("the longest free run has %lu pages", longest);
	EXPECT_LE((MIB + PAGE) / PAGE, longest);
	EXPECT_GT(24 * MIB / PAGE, longest);
	for (i = 0; i < count; i += 2)
		close(bufs[i]);
	EXPECT_EQ(0, bufinfo_wait_objects(self->before.objects));
}

/*
 * Rule: a fragmented region is ENOMEM for a long run; once all is free, a run of three
 * quarters of the region works, in each round.
 */
TEST_F(region, fragmented_region)
{
	int bufs[CMA_BUFFERS + 1], rounds = 100;
	int round, count, first = 0, i, large;

	/* With KASAN a round takes more than a second. The old name is one of the same region. */
	if (slab_frees_delayed())
		rounds = 20;
	if (!variant->name)
		rounds = 5;
	for (round = 0; round < rounds; round++) {
		count = cma_fill(self->dev, MIB + PAGE, bufs);
		ASSERT_LT(8, count);
		EXPECT_EQ(-ENOMEM, bufs[count]);
		if (!round)
			first = count;
		EXPECT_EQ(first, count);
		for (i = 1; i < count; i += 2)
			close(bufs[i]);
		EXPECT_EQ(-ENOMEM, heap_alloc(self->dev, 24 * MIB, O_RDWR | O_CLOEXEC));
		for (i = 0; i < count; i += 2)
			close(bufs[i]);
		ASSERT_EQ(0, bufinfo_wait_objects(self->before.objects));
		large = heap_alloc(self->dev, 48 * MIB, O_RDWR | O_CLOEXEC);
		EXPECT_LE(0, large);
		close(large);
		ASSERT_EQ(0, bufinfo_wait_objects(self->before.objects));
	}
	TH_LOG("%d buffers of 1 MiB and 4 KiB fill the region", first);
}

/* Threads that allocate and free at the same time, each in other sizes. */
struct alloc_thread {
	pthread_t thread;
	int dev;
	unsigned int number;
	int errors;
	int rounds;
};

static void *alloc_and_free(void *arg)
{
	struct alloc_thread *self = arg;
	long long limit = now_ms() + 1000;
	size_t size;
	int buf;

	while (now_ms() < limit) {
		size = ((self->rounds * 7 + self->number * 13) % 300 + 1) * 4096;
		buf = heap_alloc(self->dev, size, O_RDWR | O_CLOEXEC);
		if (buf < 0)
			self->errors++;
		else
			close(buf);
		self->rounds++;
	}
	return NULL;
}

/* Rule: threads may allocate and free at the same time. */
TEST_F(heap, threads)
{
	struct alloc_thread threads[4] = { };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		threads[i].dev = self->dev;
		threads[i].number = i;
		ASSERT_EQ(0, pthread_create(&threads[i].thread, NULL, alloc_and_free,
					    &threads[i]));
	}
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i].thread, NULL);
		EXPECT_EQ(0, threads[i].errors);
		EXPECT_LT(0, threads[i].rounds);
	}
}

TEST_HARNESS_MAIN
