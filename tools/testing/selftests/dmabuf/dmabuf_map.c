// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_map - mmap() of a dma-buf: which ranges can be mapped, what a mapping keeps
 * alive, that no mapping reaches past the end of the buffer, and which system calls accept
 * addresses of a mapping.
 */
#include <limits.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "bufinfo.h"
#include "fence.h"
#include "fixture.h"
#include "storage.h"

static void *map_pages(int buf, size_t len, off_t offset)
{
	return mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, buf, offset);
}

/* The C library refuses the largest offsets itself, so make the system call. */
static int map_page_at(int buf, unsigned long page)
{
	long ret;

#ifdef SYS_mmap2
	ret = syscall(SYS_mmap2, NULL, PAGE, PROT_READ, MAP_SHARED, buf, page * (PAGE / 4096));
#else
	ret = syscall(SYS_mmap, NULL, PAGE, PROT_READ, MAP_SHARED, buf, page * PAGE);
#endif
	return ret == -1 ? -errno : 0;
}

/* Copy the line of /proc/self/maps for address @at, or an empty string. */
static void maps_line(const void *at, char *line, size_t size)
{
	char *text = file_text("/proc/self/maps");
	char *next = text, *row;
	unsigned long from, to;

	line[0] = '\0';
	while ((row = strsep(&next, "\n"))) {
		if (sscanf(row, "%lx-%lx ", &from, &to) == 2 && from <= (unsigned long)at &&
		    (unsigned long)at < to)
			snprintf(line, size, "%s", row);
	}
	free(text);
}

/* Return the inode number, the fifth column of such a line. */
static unsigned long long maps_ino(const char *line)
{
	unsigned long long ino;

	return sscanf(line, "%*s %*s %*s %*s %llu", &ino) == 1 ? ino : 0;
}

/* Count the bytes that are not 0, and set every byte to 0xa5; -1 on failure. */
static long count_and_fill(int buf, size_t size)
{
	unsigned char *map = map_pages(buf, size, 0);
	long count = 0;
	size_t i;

	if (map == MAP_FAILED)
		return -1;
	for (i = 0; i < size; i++)
		count += !!map[i];
	memset(map, 0xa5, size);
	munmap(map, size);
	return count;
}

/* Rule: a new buffer is zeroed, also if its pages were those of a buffer before. */
TEST_F(buffer, new_buffer_is_zero)
{
	struct bufinfo_total before;
	int bufs[16], round;
	size_t i;

	ASSERT_EQ(0, bufinfo_total(&before));
	for (round = 0; round < 2; round++) {
		for (i = 0; i < ARRAY_SIZE(bufs); i++) {
			bufs[i] = buffer_export(variant);
			ASSERT_LE(0, bufs[i]);
			EXPECT_EQ(0, count_and_fill(bufs[i], self->size));
		}
		for (i = 0; i < ARRAY_SIZE(bufs); i++)
			close(bufs[i]);
		EXPECT_EQ(0, bufinfo_wait_objects(before.objects));
	}
}

/* Rule: mapping one page at an offset maps the page at that offset. */
TEST_F(buffer, each_page_maps_alone)
{
	unsigned char *whole = map_pages(self->buf, self->size, 0);
	unsigned char *one;
	size_t at;

	ASSERT_NE(MAP_FAILED, whole);
	for (at = 0; at < self->size; at += PAGE) {
		whole[at] = at / PAGE + 1;
		one = map_pages(self->buf, PAGE, at);
		ASSERT_NE(MAP_FAILED, one);
		ASSERT_EQ(whole[at], one[0]);
		one[PAGE - 1] = 0xa5;
		ASSERT_EQ(0xa5, whole[at + PAGE - 1]);
		munmap(one, PAGE);
	}
	munmap(whole, self->size);
}

/* DRM's shmem helper of Linux 6.12 ignores the offset and maps from the first page. */
XFAIL_ADD(buffer, vgem, each_page_maps_alone);

/* Rule: a mapping that would reach past the end is EINVAL, at any offset. */
TEST_F(buffer, map_past_the_end_is_refused)
{
	EXPECT_EQ(MAP_FAILED, map_pages(self->buf, self->size + PAGE, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, map_pages(self->buf, PAGE, self->size));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, map_pages(self->buf, self->size, PAGE));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, map_pages(self->buf, 2 * PAGE, self->size - PAGE));
	EXPECT_EQ(EINVAL, errno);
}

/* Rule: an offset so large that the end overflows is refused. */
TEST_F(buffer, map_offset_overflow_is_refused)
{
	unsigned long last = ULONG_MAX / PAGE;
	int ret;

	EXPECT_EQ(-EINVAL, map_page_at(self->buf, self->size / PAGE));
	ret = map_page_at(self->buf, last);
	EXPECT_TRUE(ret == -EINVAL || ret == -EOVERFLOW) TH_LOG("returned %d", ret);
	ret = map_page_at(self->buf, last / 2 + 1);
	EXPECT_TRUE(ret == -EINVAL || ret == -EOVERFLOW) TH_LOG("returned %d", ret);
}

/* Rule (CVE-2023-2008): mremap() cannot grow a mapping, or the new part faults. */
TEST_F(buffer, mremap_growth_maps_nothing)
{
	unsigned char *map = map_pages(self->buf, self->size, 0);
	unsigned char *grown;
	size_t at;

	ASSERT_NE(MAP_FAILED, map);
	grown = mremap(map, self->size, 4 * self->size, MREMAP_MAYMOVE);
	if (grown == MAP_FAILED) {
		EXPECT_EQ(EFAULT, errno);
		munmap(map, self->size);
		return;
	}
	for (at = self->size; at < 4 * self->size; at += PAGE)
		EXPECT_EQ(-EFAULT, touch(grown + at));
	munmap(grown, 4 * self->size);
}

/* Rule: the same for a mapping of the last page alone. */
TEST_F(buffer, mremap_growth_of_the_last_page)
{
	unsigned char *map = map_pages(self->buf, PAGE, self->size - PAGE);
	unsigned char *grown;

	ASSERT_NE(MAP_FAILED, map);
	grown = mremap(map, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	if (grown == MAP_FAILED) {
		EXPECT_EQ(EFAULT, errno);
		munmap(map, PAGE);
		return;
	}
	EXPECT_EQ(-EFAULT, touch(grown + PAGE));
	munmap(grown, 2 * PAGE);
}

/* Rule: a mapping keeps its pages when mremap() moves and shrinks it. */
TEST_F(buffer, mremap_move_and_shrink)
{
	unsigned char *map = map_pages(self->buf, self->size, 0);
	unsigned char *place, *moved;

	ASSERT_NE(MAP_FAILED, map);
	map[0] = 0x11;
	map[PAGE] = 0x22;
	place = mmap(NULL, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, place);
	moved = mremap(map, self->size, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place);
	ASSERT_EQ(place, moved);
	EXPECT_EQ(0x11, moved[0]);
	EXPECT_EQ(0x22, moved[PAGE]);
	munmap(moved, 2 * PAGE);
}

/* Rule: a mapping can be unmapped and protected in parts. */
TEST_F(buffer, unmap_in_parts)
{
	unsigned char *map = map_pages(self->buf, self->size, 0);

	ASSERT_NE(MAP_FAILED, map);
	map[3 * PAGE] = 0x33;
	EXPECT_EQ(0, munmap(map + PAGE, PAGE));
	EXPECT_EQ(-EFAULT, touch(map + PAGE));
	EXPECT_EQ(0, mprotect(map + 2 * PAGE, PAGE, PROT_READ));
	EXPECT_EQ(0, touch(map + 2 * PAGE));
	EXPECT_EQ(0x33, map[3 * PAGE]);
	munmap(map, self->size);
}

/* Rule: a mapping keeps the buffer alive after all descriptors are closed. */
TEST_F(buffer, mapping_outlives_descriptor)
{
	unsigned char *map = map_pages(self->buf, self->size, 0);
	char line[256];

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, buf_set_name(self->buf, "kept"));
	close(self->buf);
	self->buf = -1;
	map[self->size - 1] = 0x77;
	EXPECT_EQ(0x77, map[self->size - 1]);
	maps_line(map, line, sizeof(line));
	EXPECT_NE(NULL, strstr(line, "/dmabuf:kept"));
	munmap(map, self->size);
}

/* Rule: /proc/self/maps shows /dmabuf:NAME and the inode number of fstat(). */
TEST_F(buffer, maps_shows_name)
{
	unsigned char *map = map_pages(self->buf, self->size, 0);
	char line[256];

	ASSERT_NE(MAP_FAILED, map);
	maps_line(map, line, sizeof(line));
	EXPECT_NE(NULL, strstr(line, "/dmabuf:")) TH_LOG("%s", line);
	ASSERT_EQ(0, buf_set_name(self->buf, "a picture"));
	maps_line(map, line, sizeof(line));
	EXPECT_NE(NULL, strstr(line, "/dmabuf:a picture")) TH_LOG("%s", line);
	EXPECT_EQ(fd_ino(self->buf), maps_ino(line));
	munmap(map, self->size);
}

/* Rule: a link in /proc/self/map_files can be read, and opening it is ENXIO. */
TEST_F(buffer, map_files_cannot_be_opened)
{
	unsigned char *map = map_pages(self->buf, self->size, 0);
	char path[96], target[64] = "";

	ASSERT_NE(MAP_FAILED, map);
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)map,
		 (unsigned long)(map + self->size));
	EXPECT_LT(0, readlink(path, target, sizeof(target) - 1));
	EXPECT_STREQ("/dmabuf:", target);
	EXPECT_EQ(-1, open(path, O_RDWR | O_CLOEXEC));
	EXPECT_EQ(ENXIO, errno);
	munmap(map, self->size);
}

/* Rule: all mappings of a buffer map the same memory. */
TEST_F(buffer, mappings_share_memory)
{
	unsigned char *maps[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		maps[i] = map_pages(self->buf, self->size, 0);
		ASSERT_NE(MAP_FAILED, maps[i]);
	}
	maps[0][PAGE + 1] = 0x42;
	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		EXPECT_EQ(0x42, maps[i][PAGE + 1]);
		munmap(maps[i], self->size);
	}
}

/* Rule: a private mapping, whose writes no device could see, is refused. */
TEST_F(buffer, private_mapping_is_refused)
{
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->size, PROT_READ | PROT_WRITE, MAP_PRIVATE,
				   self->buf, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->size, PROT_READ, MAP_PRIVATE, self->buf, 0));
	EXPECT_EQ(EINVAL, errno);
}

/* Rule: a process that dies with the buffer mapped drops its references. */
TEST_F(buffer, killed_process_drops_mappings)
{
	char value[64];
	int i, status;
	pid_t pid;

	for (i = 0; i < 8; i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			if (touch(map_pages(self->buf, self->size, 0)))
				_exit(1);
			kill(getpid(), SIGKILL);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
	}
	ASSERT_EQ(0, fd_info(self->buf, "count", value, sizeof(value)));
	EXPECT_STREQ("1", value);
}

/* Rule: read() and write() take the mapping as their buffer. */
TEST_F(storage, read_and_write)
{
	const size_t size = 300 * PAGE;
	int file = memfd_create("file", MFD_CLOEXEC);
	unsigned char *copy = malloc(size);

	ASSERT_LE(0, file);
	ASSERT_NE(NULL, copy);
	stamp(self->map, self->size, 21);
	ASSERT_EQ((ssize_t)size, pwrite(file, self->map + 100 * PAGE, size, 0));
	ASSERT_EQ((ssize_t)size, pread(file, copy, size, 0));
	EXPECT_EQ(0, memcmp(copy, self->map + 100 * PAGE, size));
	memset(copy, 0x3c, size);
	ASSERT_EQ((ssize_t)size, pwrite(file, copy, size, 0));
	ASSERT_EQ((ssize_t)size, pread(file, self->map + 100 * PAGE, size, 0));
	EXPECT_EQ(0, memcmp(copy, self->map + 100 * PAGE, size));
	free(copy);
	close(file);
}

/* Rule: read() also takes a mapping that was not accessed before. */
TEST_F(storage, read_is_the_first_access)
{
	int file = memfd_create("file", MFD_CLOEXEC);

	ASSERT_LE(0, file);
	ASSERT_EQ(4, pwrite(file, "word", 4, 0));
	ASSERT_EQ(4, pread(file, self->map + PAGE, 4, 0));
	EXPECT_EQ(0, memcmp(self->map + PAGE, "word", 4));
	close(file);
}

/* Return the result of registering a range with io_uring as a buffer. */
static int uring_register(void *at, size_t size)
{
	struct io_uring_params params = { };
	struct iovec iov = { .iov_base = at, .iov_len = size };
	int ring = syscall(SYS_io_uring_setup, 1, &params);
	int ret;

	if (ring < 0)
		return -errno;
	ret = syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &iov, 1);
	ret = ret < 0 ? -errno : ret;
	close(ring);
	return ret;
}

/* Rule: what takes references to pages is EFAULT: the pages may be replaced. */
TEST_F(storage, pages_cannot_be_taken)
{
	struct iovec iov = { .iov_base = self->map, .iov_len = PAGE };
	char copy[16];
	struct iovec local = { .iov_base = copy, .iov_len = sizeof(copy) };
	int ends[2];

	stamp(self->map, self->size, 1);
	ASSERT_EQ(0, pipe(ends));
	EXPECT_EQ(-1, vmsplice(ends[1], &iov, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-EFAULT, uring_register(self->map, PAGE));
	EXPECT_EQ(-1, process_vm_readv(getpid(), &local, 1, &iov, 1, 0));
	close(ends[0]);
	close(ends[1]);
}

#define DISK	"/dev/ram0"

/*
 * Rule: direct I/O between a disk and a mapping is EFAULT, whether the mapping was accessed or
 * not; without O_DIRECT it works.
 */
TEST_F(storage, direct_io)
{
	const size_t size = 16 * PAGE;
	int disk = open(DISK, O_RDWR | O_CLOEXEC);
	int direct = open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC);
	unsigned char *copy = aligned_alloc(PAGE, size);

	if (disk < 0)
		SKIP(return, "a kernel without RAM disks");
	ASSERT_LE(0, direct);
	ASSERT_NE(NULL, copy);
	EXPECT_EQ(-1, pread(direct, self->map, size, 0));
	EXPECT_EQ(EFAULT, errno);
	stamp(self->map, self->size, 31);
	EXPECT_EQ(-1, pread(direct, self->map, size, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, pwrite(direct, self->map, size, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, wrong_stamps(self->map, 0, self->size, 31));

	ASSERT_EQ((ssize_t)size, pwrite(disk, self->map, size, 0));
	ASSERT_EQ(0, fsync(disk));
	ASSERT_EQ((ssize_t)size, pread(direct, copy, size, 0));
	EXPECT_EQ(0, wrong_stamps(copy, 0, size, 31));
	memset(self->map, 0, size);
	ASSERT_EQ((ssize_t)size, pread(disk, self->map, size, 0));
	EXPECT_EQ(0, wrong_stamps(self->map, 0, self->size, 31));
	free(copy);
	close(direct);
	close(disk);
}

TEST_HARNESS_MAIN
