// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_heap - the ioctl of a heap: sizes, flags and pointers that it accepts and refuses,
 * the size, the access mode and the content of new buffers; the totals of the heaps, and the
 * pool of the system heap.
 */
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "heaps.h"

/* Allocate with all members of the argument; returns the descriptor. */
static int alloc_with(int heap, struct dma_heap_allocation_data arg)
{
	int ret = xioctl(heap, DMA_HEAP_IOCTL_ALLOC, &arg);

	return ret ? ret : (int)arg.fd;
}

/* Two pages for an argument; the second is as @prot says, or missing if it is -1. */
static unsigned char *two_pages(int prot)
{
	unsigned char *map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return NULL;
	memset(map, 0, 2 * PAGE);
	if (prot < 0 ? munmap(map + PAGE, PAGE) : mprotect(map + PAGE, PAGE, prot))
		return NULL;
	return map;
}

/* Rule: a size of 0, or one that rounds up to 0, is EINVAL. */
TEST_F(heap, size_that_is_zero)
{
	static const __u64 sizes[] = { 0, -1ULL, -2048ULL, -4095ULL };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		EXPECT_EQ(-EINVAL, alloc_with(self->dev, (struct dma_heap_allocation_data){
			.len = sizes[i], .fd_flags = O_RDWR | O_CLOEXEC }));
}

/* Rule: a size that no machine has is ENOMEM, at once. */
TEST_F(heap, size_that_is_huge)
{
	long long began = now_ms();
	__u64 size;

	for (size = 1ULL << 40; size; size <<= 1)
		EXPECT_EQ(-ENOMEM, alloc_with(self->dev, (struct dma_heap_allocation_data){
			.len = size, .fd_flags = O_RDWR | O_CLOEXEC }));
	EXPECT_EQ(-ENOMEM, alloc_with(self->dev, (struct dma_heap_allocation_data){
		.len = -(__u64)PAGE, .fd_flags = O_RDWR | O_CLOEXEC }));
	EXPECT_GT(2000, now_ms() - began);
}

/* Rule: the member for the descriptor must be 0. */
TEST_F(heap, descriptor_that_is_not_zero)
{
	static const __u32 fds[] = { 1, 3, 1U << 31, -1U };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fds); i++)
		EXPECT_EQ(-EINVAL, alloc_with(self->dev, (struct dma_heap_allocation_data){
			.len = PAGE, .fd = fds[i], .fd_flags = O_RDWR | O_CLOEXEC }));
}

/* Rule: flags but O_CLOEXEC and the access mode are EINVAL. */
TEST_F(heap, unknown_flags)
{
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		if ((1U << bit) & (O_CLOEXEC | O_ACCMODE))
			continue;
		EXPECT_EQ(-EINVAL, alloc_with(self->dev, (struct dma_heap_allocation_data){
			.len = PAGE, .fd_flags = 1U << bit | O_RDWR }));
	}
	for (bit = 0; bit < 64; bit++)
		EXPECT_EQ(-EINVAL, alloc_with(self->dev, (struct dma_heap_allocation_data){
			.len = PAGE, .fd_flags = O_RDWR, .heap_flags = 1ULL << bit }));
}

/* Rule: ioctl numbers but the one are EINVAL. */
TEST_F(heap, unknown_numbers)
{
	unsigned char arg[64] = { 0 };
	unsigned int nr;

	for (nr = 1; nr < 256; nr++) {
		EXPECT_EQ(-EINVAL, xioctl(self->dev, _IO('H', nr), arg));
		EXPECT_EQ(-EINVAL, xioctl(self->dev,
					  _IOWR('H', nr, struct dma_heap_allocation_data), arg));
	}
}

/* Rule: a program may pass only the first members; the others are 0. */
TEST_F(heap, short_argument)
{
	struct {
		__u64 len;
		__u32 fd;
		__u32 behind;
	} arg = { .len = PAGE, .behind = 0x12345678 };
	int flags;

	ASSERT_EQ(0, xioctl(self->dev, _IOC(_IOC_READ | _IOC_WRITE, 'H', 0, 12), &arg));
	flags = fcntl(arg.fd, F_GETFL);
	EXPECT_LE(0, flags);
	EXPECT_EQ(O_RDONLY, flags & O_ACCMODE);
	EXPECT_EQ(0, fcntl(arg.fd, F_GETFD));
	EXPECT_EQ(PAGE, lseek(arg.fd, 0, SEEK_END));
	EXPECT_EQ(0x12345678, arg.behind);
	close(arg.fd);
}

/* Rule: an argument without the size is a size of 0. */
TEST_F(heap, empty_argument)
{
	int before = fds_open();

	EXPECT_EQ(-EINVAL, xioctl(self->dev, _IOC(_IOC_NONE, 'H', 0, 0), NULL));
	EXPECT_EQ(-EINVAL, xioctl(self->dev, _IOC(_IOC_READ, 'H', 0, 24), NULL));
	EXPECT_EQ(-EINVAL, xioctl(self->dev, _IOC(_IOC_READ | _IOC_WRITE, 'H', 0, 0), NULL));
	EXPECT_EQ(before, fds_open());
}

/* Rule: a program may pass a longer argument; what follows the known members is kept. */
TEST_F(heap, long_argument)
{
	static const unsigned int sizes[] = { 25, 32, 128, 129, 4096, 16383 };
	struct dma_heap_allocation_data *arg = malloc(16384);
	unsigned char *bytes = (unsigned char *)arg;
	size_t i;

	ASSERT_NE(NULL, arg);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		memset(arg, 0x5a, 16384);
		*arg = (struct dma_heap_allocation_data) {
			.len = PAGE, .fd_flags = O_RDWR | O_CLOEXEC,
		};
		ASSERT_EQ(0, xioctl(self->dev, _IOC(_IOC_READ | _IOC_WRITE, 'H', 0, sizes[i]),
				    arg));
		EXPECT_EQ(PAGE, lseek(arg->fd, 0, SEEK_END));
		EXPECT_EQ(0x5a, bytes[sizeof(*arg)]);
		EXPECT_EQ(0x5a, bytes[sizes[i] - 1]);
		close(arg->fd);
	}
	free(arg);
}

/* Rule: an argument that cannot be read is EFAULT, and makes no descriptor. */
TEST_F(heap, argument_that_cannot_be_read)
{
	unsigned char *map = two_pages(-1);
	int before = fds_open();
	size_t inside;

	ASSERT_NE(NULL, map);
	EXPECT_EQ(-EFAULT, xioctl(self->dev, DMA_HEAP_IOCTL_ALLOC, NULL));
	EXPECT_EQ(-EFAULT, xioctl(self->dev, DMA_HEAP_IOCTL_ALLOC, (void *)-PAGE));
	for (inside = 0; inside < sizeof(struct dma_heap_allocation_data); inside++)
		EXPECT_EQ(-EFAULT, xioctl(self->dev, DMA_HEAP_IOCTL_ALLOC,
					  map + PAGE - inside));
	EXPECT_EQ(before, fds_open());
	munmap(map, PAGE);
}

/* Rule (CVE-2026-89996): an answer that cannot be written is EFAULT, without a descriptor. */
TEST_F(heap, argument_that_cannot_be_written)
{
	unsigned char *map = two_pages(PROT_READ | PROT_WRITE);
	struct dma_heap_allocation_data arg = {
		.len = 64 * PAGE, .fd_flags = O_RDWR | O_CLOEXEC,
	};
	int before = fds_open(), i;

	ASSERT_NE(NULL, map);
	memcpy(map + PAGE, &arg, sizeof(arg));
	ASSERT_EQ(0, mprotect(map + PAGE, PAGE, PROT_READ));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(-EFAULT, xioctl(self->dev, DMA_HEAP_IOCTL_ALLOC, map + PAGE));
	EXPECT_EQ(before, fds_open());
	EXPECT_EQ(0, memcmp(map + PAGE, &arg, sizeof(arg)));
	munmap(map, 2 * PAGE);
}

/* Rule: the descriptor has O_CLOEXEC and the access mode that were asked for. */
TEST_F(heap, flags_of_the_descriptor)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	size_t i;
	int buf;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		buf = heap_alloc(self->dev, PAGE, modes[i] | O_CLOEXEC);
		ASSERT_LE(0, buf);
		EXPECT_EQ(modes[i], fcntl(buf, F_GETFL) & O_ACCMODE);
		EXPECT_EQ(FD_CLOEXEC, fcntl(buf, F_GETFD));
		close(buf);
		buf = heap_alloc(self->dev, PAGE, modes[i]);
		ASSERT_LE(0, buf);
		EXPECT_EQ(0, fcntl(buf, F_GETFD));
		close(buf);
	}
}

/* Rule: an O_RDONLY buffer cannot be written, by no mapping and no other descriptor. */
TEST_F(heap, read_only_buffer)
{
	int buf = heap_alloc(self->dev, 2 * PAGE, O_RDONLY | O_CLOEXEC);
	unsigned char *map;
	char path[64];

	ASSERT_LE(0, buf);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, buf, 0));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, buf, 0));
	EXPECT_EQ(EACCES, errno);

	map = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, buf, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(0, map[0]);
	EXPECT_EQ(-1, mprotect(map, 2 * PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, mprotect(map + PAGE, PAGE, PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(0, map[PAGE]);
	munmap(map, 2 * PAGE);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", buf);
	EXPECT_EQ(-1, open(path, O_RDWR | O_CLOEXEC));
	EXPECT_EQ(ENXIO, errno);
	close(buf);
}

/* Rule: a size is rounded up to pages, and a mapping must lie within it. */
TEST_F(heap, size_of_5000)
{
	int buf = heap_alloc(self->dev, 5000, O_RDWR | O_CLOEXEC);
	size_t size = (5000 + PAGE - 1) & -PAGE;
	unsigned char *map;

	ASSERT_LE(0, buf);
	EXPECT_EQ(size, lseek(buf, 0, SEEK_END));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, size + PAGE, PROT_READ, MAP_SHARED, buf, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, buf, size));
	EXPECT_EQ(EINVAL, errno);
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, buf, size - PAGE);
	ASSERT_NE(MAP_FAILED, map);
	map[PAGE - 1] = 1;
	munmap(map, PAGE);
	close(buf);
}

/* Fill a buffer with bytes that are not 0, after counting those that are not. */
static long count_and_fill(int buf, size_t size)
{
	unsigned long *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, buf, 0);
	long count = 0;
	size_t i;

	if (map == MAP_FAILED)
		return -1;
	for (i = 0; i < size / sizeof(*map); i++)
		count += !!map[i];
	memset(map, 0xa5, size);
	munmap(map, size);
	return count;
}

/* Rule: a new buffer is zero, also where its pages were those of a buffer before. */
TEST_F(heap, new_buffers_are_zero)
{
	static const size_t sizes[] = { 4096, 65536 + 4096, 1 << 20, (2 << 20) + 4096, 9 << 20 };
	unsigned int round;
	size_t i;
	int buf;

	for (round = 0; round < 6; round++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			buf = heap_alloc(self->dev, sizes[i], O_RDWR | O_CLOEXEC);
			ASSERT_LE(0, buf);
			EXPECT_EQ(0, count_and_fill(buf, lseek(buf, 0, SEEK_END)));
			close(buf);
		}
	}
}

/* Rule: the device supports nothing but the ioctl. */
TEST_F(heap, device_has_no_content)
{
	char byte = 0;

	EXPECT_EQ(-1, read(self->dev, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(self->dev, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, lseek(self->dev, 0, SEEK_END));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->dev, 0));
	EXPECT_EQ(ENODEV, errno);
}

/* The fdinfo of an open heap, to be freed. */
static char *heap_fdinfo(int heap)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", heap);
	return file_text(path);
}

/* Rule: fdinfo consists of keys and values, and does not change if no device was refused. */
TEST_F(heap, fdinfo_without_lessons)
{
	char *before = heap_fdinfo(self->dev), *after, *line, *next, value[64];
	int buf = heap_alloc(self->dev, 2 * PAGE, O_RDWR | O_CLOEXEC);

	ASSERT_LE(0, buf);
	close(buf);
	after = heap_fdinfo(self->dev);
	ASSERT_NE(NULL, before);
	ASSERT_NE(NULL, after);
	EXPECT_STREQ(before, after);
	EXPECT_EQ(-ENOENT, fd_info(self->dev, "lesson", value, sizeof(value)));
	EXPECT_EQ(0, fd_info(self->dev, "flags", value, sizeof(value)));
	for (next = after; (line = strsep(&next, "\n"));)
		EXPECT_TRUE(!*line || strstr(line, ":\t"));
	free(before);
	free(after);
}

#define HEAPS_DEBUGFS	"/sys/kernel/debug/dma_heap/"

/**
 * struct heap_totals - the line of a heap in debugfs
 * @buffers: number of its buffers
 * @kib: their size together, in KiB
 */
struct heap_totals {
	long buffers;
	long kib;
};

static int heap_totals(const char *heap, struct heap_totals *totals)
{
	char *text = file_text(HEAPS_DEBUGFS "heaps"), *next = text, *line;
	char name[128];
	int ret = -ENOENT;

	while (ret && (line = strsep(&next, "\n")))
		if (sscanf(line, "%ld %ld %127s", &totals->buffers, &totals->kib, name) == 3 &&
		    !strcmp(name, heap))
			ret = 0;
	free(text);
	return ret;
}

/* Wait up to 5 s until a heap has @buffers buffers; return their size in KiB, or -1. */
static long heap_totals_settled(const char *heap, long buffers)
{
	struct heap_totals totals;
	int tries;

	for (tries = 0; tries < 100; tries++) {
		if (!heap_totals(heap, &totals) && totals.buffers == buffers)
			return totals.kib;
		sleep_ms(50);
	}
	return -1;
}

/* Rule: debugfs counts the buffers of a heap and adds up their sizes, rounded up to pages. */
TEST_F(heap, totals_in_debugfs)
{
	static const size_t sizes[] = { 1, 5000, 65536, 3 << 20 };
	const char *name = variant->name;
	int bufs[ARRAY_SIZE(sizes)];
	struct heap_totals before;
	long kib = 0;
	size_t i;

	if (!name)
		name = heap_totals(CMA_OLD_NAME, &before) ? CMA_OLD_NODE_NAME : CMA_OLD_NAME;
	ASSERT_EQ(0, heap_totals(name, &before));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		bufs[i] = heap_alloc(self->dev, sizes[i], O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, bufs[i]);
		kib += (sizes[i] + PAGE - 1) / PAGE * PAGE / 1024;
		EXPECT_EQ(before.kib + kib, heap_totals_settled(name, before.buffers + i + 1));
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		close(bufs[i]);
		kib -= (sizes[i] + PAGE - 1) / PAGE * PAGE / 1024;
		EXPECT_EQ(before.kib + kib, heap_totals_settled(name, before.buffers + 3 - i));
	}
}

#define POOL_MB		"/sys/module/system_heap/parameters/pool_mb"

/* The pool of the system heap, empty. The teardown sets its limit back. */
FIXTURE(pool) {
	int dev;
	char *limit;
};

/* Return a number of the pool in KiB; -1 if debugfs has none. */
static long pool_kib(const char *key)
{
	return file_number(HEAPS_DEBUGFS "system_pool", key);
}

/* Wait up to 10 s until the pool keeps @min to @max KiB; return how many. */
static long pool_kept(long min, long max)
{
	long kept = pool_kib("kept:");
	int tries;

	for (tries = 0; tries < 200 && (kept < min || kept > max); tries++) {
		sleep_ms(50);
		kept = pool_kib("kept:");
	}
	return kept;
}

/* Fill the pool: free more than it keeps. */
static int pool_fill(int dev, size_t size)
{
	int buf = heap_alloc(dev, size, O_RDWR | O_CLOEXEC);

	return buf < 0 ? buf : close(buf);
}

FIXTURE_SETUP(pool)
{
	self->dev = heap_open("system");
	if (self->dev == -ENODEV)
		SKIP(return, "the heap is missing");
	self->limit = file_text(POOL_MB);
	ASSERT_NE(NULL, self->limit);
	ASSERT_EQ(0, file_put(POOL_MB, "0"));
	ASSERT_EQ(0, pool_kept(0, 0));
}

FIXTURE_TEARDOWN(pool)
{
	EXPECT_EQ(0, file_put(POOL_MB, self->limit));
	free(self->limit);
	close(self->dev);
}

/* Rule: the pool keeps the blocks of freed buffers up to its limit, which may be 0. */
TEST_F(pool, limit)
{
	const long share = file_number("/proc/meminfo", "MemTotal:") / 16;
	/* The largest block, which may be the one that did not fit. */
	const long block = 2048;
	long limit;

	EXPECT_EQ(0, pool_kib("limit:"));
	ASSERT_EQ(0, pool_fill(self->dev, 4 << 20));
	sleep_ms(100);
	EXPECT_EQ(0, pool_kib("kept:"));

	ASSERT_EQ(0, file_put(POOL_MB, "16"));
	limit = share < 16 * 1024 ? share : 16 * 1024;
	EXPECT_EQ(limit, pool_kib("limit:"));
	ASSERT_EQ(0, pool_fill(self->dev, 4 << 20));
	EXPECT_EQ(4096, pool_kept(4096, 4096));
	ASSERT_EQ(0, pool_fill(self->dev, 32 << 20));
	EXPECT_LT(limit - block, pool_kept(limit - block + 1, limit));
	EXPECT_GE(limit, pool_kib("kept:"));

	/* A large parameter does not keep a large part of the memory. */
	ASSERT_EQ(0, file_put(POOL_MB, "4000000"));
	EXPECT_GE(4, labs(share - pool_kib("limit:")));
	ASSERT_EQ(0, file_put(POOL_MB, "0"));
	EXPECT_EQ(0, pool_kept(0, 0));
}

/* Touch new memory until the pool keeps less than @kib. */
static void use_memory(long kib)
{
	const size_t step = 1 << 20;
	unsigned char *map;

	if (file_put("/proc/self/oom_score_adj", "1000"))
		_exit(1);
	while (pool_kib("kept:") >= kib) {
		map = mmap(NULL, step, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (map == MAP_FAILED)
			_exit(2);
	}
	_exit(0);
}

/*
 * Rule: where memory is short the pool gives its blocks back before a process is killed. If it
 * does not, the child is the process that is killed.
 */
TEST_F(pool, memory_pressure)
{
	long long kills = file_number("/proc/vmstat", "oom_kill ");
	long long began;
	long full, kept;
	int status;
	pid_t pid;

	ASSERT_LE(0, kills);
	ASSERT_EQ(0, file_put(POOL_MB, "64"));
	full = pool_kib("limit:");
	ASSERT_EQ(0, pool_fill(self->dev, 80 << 20));
	ASSERT_LT(full / 2, pool_kept(full / 2, full));
	began = now_ms();
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		use_memory(full / 2);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	kept = pool_kib("kept:");
	TH_LOG("%ld of %ld KiB are left after %lld ms", kept, full, now_ms() - began);
	EXPECT_EQ(0, status);
	EXPECT_GT(full / 2, kept);
	EXPECT_EQ(kills, file_number("/proc/vmstat", "oom_kill "));
}

#define PART		(1024 * 1024UL)
#define MAX_PARTS	1024

/* Rule: both names of the default CMA region are heaps of the same region. */
TEST(cma_names)
{
	int heap = heap_open(CMA_DEFAULT_NAME), other = heap_open_old(), count = 0;
	static int bufs[MAX_PARTS];

	if (heap < 0)
		SKIP(return, "the CMA heap is missing");
	ASSERT_LE(0, other);
	while (count < MAX_PARTS) {
		bufs[count] = heap_alloc(heap, PART, O_RDWR | O_CLOEXEC);
		if (bufs[count] < 0)
			break;
		count++;
	}
	ASSERT_LT(0, count);
	ASSERT_GT(MAX_PARTS, count);
	EXPECT_EQ(-ENOMEM, heap_alloc(other, PART, O_RDWR | O_CLOEXEC));
	while (count--)
		close(bufs[count]);
	bufs[0] = heap_alloc(other, PART, O_RDWR | O_CLOEXEC);
	EXPECT_LE(0, bufs[0]);
	close(bufs[0]);
	close(other);
	close(heap);
}

/* Rule: a reserved region is a heap only if its node says so, and if it has struct pages. */
TEST(reserved_memory_without_heap)
{
	if (access("/dev/dma_heap/test-carveout@a0000000", F_OK))
		SKIP(return, "a machine without heaps.dtso");
	EXPECT_EQ(-ENODEV, heap_open("test-firmware@a4000000"));
	EXPECT_EQ(-ENODEV, heap_open("test-secret@a4200000"));
}

TEST_HARNESS_MAIN
