// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_heap_payer - memory cgroups that pay for buffers of heaps: the limit, and until when they
 * pay.
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
#include "cgroup.h"
#include "exporters.h"
#include "harness.h"
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
