// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_heap_limits - heaps where memory, contiguous memory, descriptors or the memory of a
 * cgroup run out: an errno, nobody is killed, and nothing is lost.
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
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup.h"
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
TEST_F_TIMEOUT(heap, more_than_is_free, 240)
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
TEST_F_TIMEOUT(heap, no_descriptor, 120)
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
TEST_F_TIMEOUT(heap, fatal_signal, 240)
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
TEST_F_TIMEOUT(region, fragmented_region_is_traced, 120)
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
TEST_F_TIMEOUT(region, fragmented_region, 240)
{
	/* The old name is one of the same region. */
	int bufs[CMA_BUFFERS + 1], rounds = variant->name ? 100 : 5;
	int round, count, first = 0, i, large;

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
TEST_F_TIMEOUT(heap, threads, 60)
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

FIXTURE_SETUP(payer)
{
	char *on = file_text("/sys/module/dma_heap/parameters/mem_accounting");
	int ends[2], dev = heap_open(variant->heap);

	self->child = -1;
	self->witness = -1;
	if (dev == -ENODEV)
		SKIP(return, "the heap is missing");
	close(dev);
	/* A kernel without the parameter fails the tests. */
	if (on && on[0] != 'Y') {
		free(on);
		SKIP(return, "needs a boot with dma_heap.mem_accounting=1");
	}
	free(on);
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
TEST_F_TIMEOUT(payer, limit_holds, 60)
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
TEST_F_TIMEOUT(payer, larger_than_the_limit, 60)
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
TEST_F_TIMEOUT(payer, last_reference_elsewhere, 60)
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
TEST_F_TIMEOUT(payer, group_removed_first, 60)
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

TEST_HARNESS_MAIN
