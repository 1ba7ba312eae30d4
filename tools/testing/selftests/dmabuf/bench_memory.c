// SPDX-License-Identifier: GPL-2.0
/*
 * bench_memory [negotiation] - what heaps and udmabuf cost; run by bench.
 *
 * With "negotiation": what it costs to replace the memory of buffers of the system heap.
 *
 * Each row is the cheapest of some rounds. Results are lines of the form "BENCH name value",
 * in nanoseconds, which are instructions if QEMU counts them. If a name is printed more than
 * once, the lowest value counts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/memfd.h>
#include <linux/udmabuf.h>

#define KIB	1024UL
#define MIB	(1024 * KIB)
#define ROUNDS	3
#define POOL	"/sys/module/system_heap/parameters/pool_mb"
#define LIMIT	"/sys/module/udmabuf/parameters/size_limit_mb"
#define STORAGE_MODULE	"/dma_buf_bench_storage.ko"
#define NEGOTIATE_MODULE	"/dma_buf_bench_negotiate.ko"

static int heap;
static int failed;

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void fail(const char *what)
{
	printf("BENCH-FAILED %s: %m\n", what);
	failed = 1;
}

/* The base has no pool. */
static void write_parameter(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, value, strlen(value)) < 0)
		fail(path);
	close(fd);
}

static int heap_alloc(size_t size)
{
	struct dma_heap_allocation_data data = { .len = size, .fd_flags = O_RDWR | O_CLOEXEC };

	if (ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data)) {
		fail("allocate");
		return -1;
	}
	return data.fd;
}

static long long time_alloc_free(size_t size)
{
	long long begin = now();

	close(heap_alloc(size));
	return now() - begin;
}

/* Time for the kernel to zero what was freed. */
static void let_the_kernel_work(void)
{
	usleep(200000);
}

static void bench_alloc(const char *size_name, size_t size)
{
	long long cold = 0, warm = 0, t;

	for (int i = 0; i < ROUNDS; i++) {
		write_parameter(POOL, "0");
		let_the_kernel_work();
		t = time_alloc_free(size);
		cold = !cold || t < cold ? t : cold;
	}
	write_parameter(POOL, "64");
	for (int i = 0; i < ROUNDS + 1; i++) {
		t = time_alloc_free(size);
		let_the_kernel_work();
		if (i)
			warm = !warm || t < warm ? t : warm;
	}
	printf("BENCH allocate+free %s cold %lld\n", size_name, cold);
	printf("BENCH allocate+free %s warm %lld\n", size_name, warm);
}

/* Map and touch each page. */
static void bench_mmap(const char *name, int fd, size_t size)
{
	long long begin = now();
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED) {
		fail("mmap");
		return;
	}
	for (size_t i = 0; i < size; i += 4096)
		__atomic_store_n(&map[i], 1, __ATOMIC_RELAXED);
	printf("BENCH %s mmap+touch %lld\n", name, now() - begin);
	munmap(map, size);
}

/* A module prints its results, and fails to load on purpose. */
static void load_module(const char *path, const char *parameters)
{
	int module = open(path, O_RDONLY | O_CLOEXEC);

	syscall(SYS_finit_module, module, parameters, 0);
	if (errno != ECANCELED)
		fail(path);
	close(module);
}

static void bench_module(const char *name, int fd)
{
	char parameters[128];

	snprintf(parameters, sizeof(parameters), "fd=%d name=\"%s\"", fd, name);
	load_module(STORAGE_MODULE, parameters);
}

static void bench_heap_buffers(void)
{
	int fd = heap_alloc(64 * MIB);

	bench_mmap("heap 64 MiB", fd, 64 * MIB);
	bench_module("heap 64 MiB", fd);
	close(fd);
	fd = heap_alloc(512 * MIB);
	bench_mmap("heap 512 MiB", fd, 512 * MIB);
	close(fd);
}

static void bench_sync(void)
{
	struct dma_buf_sync begin = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW };
	struct dma_buf_sync end = { .flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW };
	int fd = heap_alloc(8 * MIB);
	long long best = 0, t;

	for (int i = 0; i < 10; i++) {
		t = now();
		if (ioctl(fd, DMA_BUF_IOCTL_SYNC, &begin) || ioctl(fd, DMA_BUF_IOCTL_SYNC, &end))
			fail("sync");
		t = now() - t;
		best = !best || t < best ? t : best;
	}
	printf("BENCH heap 8 MiB sync begin+end %lld\n", best);
	close(fd);
}

static int memfd_new(unsigned int flags, size_t size)
{
	int fd = memfd_create("bench", MFD_ALLOW_SEALING | MFD_CLOEXEC | flags);

	if (fd < 0 || ftruncate(fd, size) || fallocate(fd, 0, 0, size) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)) {
		fail("memfd");
		return -1;
	}
	return fd;
}

static void bench_udmabuf(const char *name, unsigned int flags, size_t size)
{
	int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	struct udmabuf_create create = { .size = size, .memfd = memfd_new(flags, size) };
	long long begin;
	int fd;

	for (int i = 0; i < ROUNDS; i++) {
		begin = now();
		fd = ioctl(device, UDMABUF_CREATE, &create);
		if (fd < 0) {
			fail("udmabuf");
			break;
		}
		close(fd);
		begin = now() - begin;
		if (i == ROUNDS - 1)
			printf("BENCH %s create+close %lld\n", name, begin);
	}
	fd = ioctl(device, UDMABUF_CREATE, &create);
	bench_mmap(name, fd, size);
	bench_module(name, fd);
	close(fd);
	close(create.memfd);
	close(device);
}

static void time_first_access(const char *name, const char *when, char *map)
{
	long long begin = now();

	__atomic_store_n(map, 1, __ATOMIC_RELAXED);
	printf("BENCH first access to %s%s %lld\n", name, when, now() - begin);
}

static void bench_replace_untouched(const char *name, size_t size)
{
	int fd = heap_alloc(size);
	char parameters[128];

	snprintf(parameters, sizeof(parameters),
		 "fd=%d name=\"replace %s untouched\" copy=\"copy %s\" fits=1", fd, name, name);
	load_module(NEGOTIATE_MODULE, parameters);
	close(fd);
}

/* The first access enters all pages, and the replacement removes them. */
static void bench_replace_touched(const char *name, size_t size)
{
	int fd = heap_alloc(size);
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char parameters[128];

	if (map == MAP_FAILED) {
		fail("mmap");
		close(fd);
		return;
	}
	time_first_access(name, "", map);
	snprintf(parameters, sizeof(parameters), "fd=%d name=\"replace %s touched\"", fd, name);
	load_module(NEGOTIATE_MODULE, parameters);
	time_first_access(name, " after a replacement", map);
	munmap(map, size);
	close(fd);
}

static void bench_replace(const char *name, size_t size)
{
	for (int i = 0; i < ROUNDS; i++) {
		printf("BENCH allocate+free %s %lld\n", name, time_alloc_free(size));
		bench_replace_untouched(name, size);
		bench_replace_touched(name, size);
	}
}

/* The pool would zero memory that is freed at another time. */
static void bench_negotiation(void)
{
	write_parameter(POOL, "0");
	bench_replace("1 MiB", MIB);
	bench_replace("8 MiB", 8 * MIB);
	bench_replace("64 MiB", 64 * MIB);
}

static void bench_memory(void)
{
	write_parameter(LIMIT, "1024");
	bench_alloc("4 KiB", 4 * KIB);
	bench_alloc("64 KiB", 64 * KIB);
	bench_alloc("1 MiB", MIB);
	bench_alloc("32 MiB", 32 * MIB);
	bench_heap_buffers();
	bench_sync();
	bench_udmabuf("udmabuf 1 GiB of 2 MiB pages", MFD_HUGETLB | MFD_HUGE_2MB, 1024 * MIB);
	bench_udmabuf("udmabuf 1 GiB of 4 KiB pages", 0, 1024 * MIB);
}

int main(int argc, char **argv)
{
	heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	if (heap < 0)
		fail("/dev/dma_heap/system");
	if (argc > 1 && !strcmp(argv[1], "negotiation"))
		bench_negotiation();
	else
		bench_memory();
	return failed;
}
