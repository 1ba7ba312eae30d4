// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_udmabuf_pages - the pages of a udmabuf: they are those of the memfds, in the order
 * of the list, and stay pinned while the buffer exists and not longer.
 */
#include <linux/dma-buf.h>
#include <string.h>

#include "bufinfo.h"
#include "display.h"
#include "fence.h"
#include "harness.h"
#include "memfds.h"

#define PAGE		((size_t)sysconf(_SC_PAGESIZE))
/* Four huge pages. */
#define SIZE		(4 * HUGE_SIZE)
#define WORD(map, at)	(*(uint32_t *)((map) + (at)))

/* A memfd of @SIZE, whose pages have their numbers in their first words. */
FIXTURE(pages) {
	int dev;
	int memfd;
	unsigned char *map;
	struct bufinfo_total before;
	long long pins;
};

FIXTURE_VARIANT(pages) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(pages, small) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(pages, huge) {
	.flags = MFD_HUGETLB | MFD_HUGE_2MB,
};

static unsigned char *map_whole(int fd, size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

FIXTURE_SETUP(pages)
{
	size_t at;

	self->dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	if (self->dev < 0)
		SKIP(return, "udmabuf is missing");
	if (variant->flags && huge_pages_free() < 8)
		SKIP(return, "huge pages are missing");
	self->memfd = memfd_make(SIZE, F_SEAL_SHRINK, variant->flags);
	ASSERT_LE(0, self->memfd);
	self->map = map_whole(self->memfd, SIZE);
	ASSERT_NE(MAP_FAILED, self->map);
	for (at = 0; at < SIZE; at += PAGE)
		WORD(self->map, at) = at / PAGE;
	ASSERT_EQ(0, bufinfo_total(&self->before));
	self->pins = pins_held();
	ASSERT_LE(0, self->pins);
}

FIXTURE_TEARDOWN(pages)
{
	EXPECT_EQ(0, bufinfo_wait_objects(self->before.objects));
	EXPECT_EQ(self->pins, pins_settled(self->pins));
	munmap(self->map, SIZE);
	close(self->memfd);
	close(self->dev);
}

/* Count the pages of a buffer that are not those of the ranges, in their order. */
static long wrong_pages(int buf, const struct udmabuf_create_item *items, size_t count)
{
	size_t size = lseek(buf, 0, SEEK_END), at = 0, i, k;
	unsigned char *map = map_whole(buf, size);
	long wrong = 0;

	if (map == MAP_FAILED)
		return -1;
	for (i = 0; i < count; i++)
		for (k = 0; k < items[i].size; k += PAGE, at += PAGE)
			wrong += WORD(map, at) != (items[i].offset + k) / PAGE;
	munmap(map, size);
	return at == size ? wrong : -1;
}

/*
 * Rule: a memfd that was never mapped, and so has reserved no huge pages, gets pages as any
 * other, and the kernel's count of reserved pages stays right.
 */
TEST_F(pages, memfd_that_was_never_mapped)
{
	int memfd = memfd_create("selftest", MFD_CLOEXEC | MFD_ALLOW_SEALING | variant->flags);
	long long reserved = file_number("/proc/meminfo", "HugePages_Rsvd:");
	int buf;

	ASSERT_LE(0, memfd);
	/* A kernel without huge pages does not count them. */
	if (variant->flags)
		ASSERT_LE(0, reserved);
	ASSERT_EQ(0, ftruncate(memfd, SIZE));
	ASSERT_EQ(0, fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK));
	buf = udmabuf_make(self->dev, memfd, 0, SIZE);
	EXPECT_LE(0, buf);
	EXPECT_EQ(reserved, file_number("/proc/meminfo", "HugePages_Rsvd:"));
	close(buf);
	close(memfd);
	EXPECT_EQ(0, bufinfo_wait_objects(self->before.objects));
	EXPECT_EQ(reserved, file_number("/proc/meminfo", "HugePages_Rsvd:"));
}

/* Rule: a buffer consists of the pages of its range, wherever that begins and ends. */
TEST_F(pages, ranges)
{
	static const struct {
		size_t first, pages;
	} table[] = {
		{ 0, 1 }, { 1, 1 }, { 1, 2 }, { 511, 1 }, { 511, 2 }, { 512, 512 }, { 500, 600 },
		{ 3, 1500 }, { 513, 1023 }, { 2047, 1 }, { 0, 2048 }, { 1, 2047 },
	};
	size_t i;
	int buf;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		struct udmabuf_create_item item = {
			.offset = table[i].first * 4096,
			.size = table[i].pages * 4096,
		};

		buf = udmabuf_make(self->dev, self->memfd, item.offset, item.size);
		ASSERT_LE(0, buf);
		EXPECT_EQ(0, wrong_pages(buf, &item, 1))
			TH_LOG("%zu pages at %zu", table[i].pages, table[i].first);
		close(buf);
	}
}

/* Rule: what is written through one mapping is read through the other. */
TEST_F(pages, shared_with_the_memfd)
{
	int buf = udmabuf_make(self->dev, self->memfd, 0, SIZE);
	unsigned char *map;
	size_t at;

	ASSERT_LE(0, buf);
	map = map_whole(buf, SIZE);
	ASSERT_NE(MAP_FAILED, map);
	for (at = 0; at < SIZE; at += PAGE) {
		WORD(map, at + 8) = at + 1;
		WORD(self->map, at + 16) = at + 2;
	}
	for (at = 0; at < SIZE; at += PAGE) {
		ASSERT_EQ(at + 1, WORD(self->map, at + 8));
		ASSERT_EQ(at + 2, WORD(map, at + 16));
	}
	munmap(map, SIZE);
	close(buf);
}

/* Rule: a list joins its ranges in their order, and may name a page twice. */
TEST_F(pages, list_joins_ranges)
{
	const struct udmabuf_create_item items[] = {
		{ .memfd = self->memfd, .offset = 600 * PAGE, .size = 3 * PAGE },
		{ .memfd = self->memfd, .offset = 0, .size = PAGE },
		{ .memfd = self->memfd, .offset = 0, .size = PAGE },
		{ .memfd = self->memfd, .offset = PAGE, .size = 20 * PAGE },
		{ .memfd = self->memfd, .offset = 510 * PAGE, .size = 5 * PAGE },
		{ .memfd = self->memfd, .offset = 600 * PAGE, .size = PAGE },
		{ .memfd = self->memfd, .offset = SIZE - PAGE, .size = PAGE },
	};
	int buf = udmabuf_make_list(self->dev, items, ARRAY_SIZE(items));
	unsigned char *map;

	ASSERT_LE(0, buf);
	EXPECT_EQ(0, wrong_pages(buf, items, ARRAY_SIZE(items)));
	map = map_whole(buf, 5 * PAGE);
	ASSERT_NE(MAP_FAILED, map);
	WORD(map, 3 * PAGE) = 77;
	EXPECT_EQ(77, WORD(map, 4 * PAGE));
	EXPECT_EQ(77, WORD(self->map, 0));
	munmap(map, 5 * PAGE);
	close(buf);
}

/* Rule: a list may have ranges of several memfds, of small and of huge pages. */
TEST_F(pages, list_of_memfds)
{
	int other = memfd_make(10 * PAGE, F_SEAL_SHRINK, 0);
	const struct udmabuf_create_item items[] = {
		{ .memfd = other, .offset = PAGE, .size = 9 * PAGE },
		{ .memfd = self->memfd, .offset = 700 * PAGE, .size = 400 * PAGE },
		{ .memfd = other, .offset = 0, .size = PAGE },
	};
	unsigned char *map = map_whole(other, 10 * PAGE);
	int buf;
	size_t at;

	ASSERT_NE(MAP_FAILED, map);
	for (at = 0; at < 10 * PAGE; at += PAGE)
		WORD(map, at) = at / PAGE;
	buf = udmabuf_make_list(self->dev, items, ARRAY_SIZE(items));
	ASSERT_LE(0, buf);
	EXPECT_EQ(0, wrong_pages(buf, items, ARRAY_SIZE(items)));
	close(buf);
	munmap(map, 10 * PAGE);
	close(other);
}

/* How many folios hold a number of pages of the memfd, from its first page on. */
static long long folios_of(unsigned int flags, size_t pages)
{
	return flags ? (pages * PAGE + HUGE_SIZE - 1) / HUGE_SIZE : pages;
}

/*
 * Rule: a creation pins each folio of each item once, the close of the buffer unpins
 * them, and a creation that fails unpins what it has pinned.
 */
TEST_F(pages, pins_balance)
{
	const struct udmabuf_create_item items[] = {
		{ .memfd = self->memfd, .offset = 0, .size = 600 * PAGE },
		{ .memfd = self->memfd, .offset = 0, .size = 600 * PAGE },
		{ .memfd = -1, .size = PAGE },
	};
	const long long all = folios_of(variant->flags, SIZE / PAGE);
	const long long twice = 2 * folios_of(variant->flags, 600);
	struct pins before, now;
	int bufs[2], i;

	/* The first pin of a page may move it, which pins it once more. */
	bufs[0] = udmabuf_make(self->dev, self->memfd, 0, SIZE);
	ASSERT_LE(0, bufs[0]);
	close(bufs[0]);
	ASSERT_EQ(self->pins, pins_settled(self->pins));

	for (i = 0; i < 20; i++) {
		before = pins_read();
		bufs[0] = udmabuf_make(self->dev, self->memfd, 0, SIZE);
		ASSERT_LE(0, bufs[0]);
		now = pins_read();
		EXPECT_EQ(before.acquired + all, now.acquired);
		EXPECT_EQ(before.released, now.released);

		bufs[1] = udmabuf_make_list(self->dev, items, 2);
		ASSERT_LE(0, bufs[1]);
		now = pins_read();
		EXPECT_EQ(before.acquired + all + twice, now.acquired);
		EXPECT_EQ(before.released, now.released);

		EXPECT_EQ(-EBADFD, udmabuf_make_list(self->dev, items, 3));
		now = pins_read();
		EXPECT_EQ(before.acquired + all + 2 * twice, now.acquired);
		EXPECT_EQ(before.released + twice, now.released);

		EXPECT_EQ(-EINVAL, udmabuf_make(self->dev, self->memfd, PAGE, SIZE));
		EXPECT_EQ(self->pins + all + twice, pins_held());
		close(bufs[0]);
		EXPECT_EQ(self->pins + twice, pins_settled(self->pins + twice));
		close(bufs[1]);
		EXPECT_EQ(self->pins, pins_settled(self->pins));
	}
}

/* Rule: the pages outlive the memfd and its mappings. */
TEST_F(pages, buffer_outlives_memfd)
{
	const struct udmabuf_create_item item = { .offset = 5 * PAGE, .size = 1000 * PAGE };
	int buf = udmabuf_make(self->dev, self->memfd, item.offset, item.size);

	ASSERT_LE(0, buf);
	munmap(self->map, SIZE);
	close(self->memfd);
	EXPECT_EQ(0, wrong_pages(buf, &item, 1));
	EXPECT_LE(0, close(buf));
}

/* Rule: a child keeps the buffer by its mapping after its parent has closed everything. */
TEST_F(pages, mapping_in_a_child)
{
	int buf = udmabuf_make(self->dev, self->memfd, 0, SIZE);
	unsigned char *map;
	int go[2], status;
	pid_t pid;
	char byte;
	size_t at;

	ASSERT_LE(0, buf);
	ASSERT_EQ(0, pipe(go));
	map = map_whole(buf, SIZE);
	ASSERT_NE(MAP_FAILED, map);
	WORD(map, 0) = 0;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(buf);
		close(self->memfd);
		munmap(self->map, SIZE);
		if (read(go[0], &byte, 1) != 1)
			_exit(1);
		for (at = 0; at < SIZE; at += PAGE)
			if (WORD(map, at) != at / PAGE)
				_exit(2);
		_exit(0);
	}
	munmap(map, SIZE);
	close(buf);
	munmap(self->map, SIZE);
	close(self->memfd);
	EXPECT_LT(self->pins, pins_held());
	ASSERT_EQ(1, write(go[1], "x", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close(go[0]);
	close(go[1]);
}

/* Rule (CVE-2023-2008): a mapping does not grow, also if the memfd did. */
TEST_F(pages, growth_of_the_memfd)
{
	const size_t size = SIZE / 2;
	int memfd = memfd_make(size, F_SEAL_SHRINK, variant->flags);
	int buf = udmabuf_make(self->dev, memfd, 0, size);
	unsigned char *map;

	ASSERT_LE(0, memfd);
	ASSERT_LE(0, buf);
	map = map_whole(buf, size);
	ASSERT_NE(MAP_FAILED, map);
	WORD(map, size - PAGE) = 1;
	ASSERT_EQ(0, ftruncate(memfd, 2 * size));
	EXPECT_EQ(MAP_FAILED, mremap(map, size, 2 * size, MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(MAP_FAILED, mremap(map + size - PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, map_whole(buf, size + PAGE));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(size, lseek(buf, 0, SEEK_END));
	munmap(map, size);
	close(buf);
	close(memfd);
}

/* Rule: the memfd cannot shrink below the pages, and a hole leaves them in the buffer. */
TEST_F(pages, hole_in_the_memfd)
{
	const struct udmabuf_create_item item = { .offset = 0, .size = SIZE };
	int buf = udmabuf_make(self->dev, self->memfd, 0, SIZE);

	ASSERT_LE(0, buf);
	EXPECT_EQ(-1, ftruncate(self->memfd, SIZE - HUGE_SIZE));
	EXPECT_EQ(EPERM, errno);
	ASSERT_EQ(0, fallocate(self->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       HUGE_SIZE, HUGE_SIZE));
	EXPECT_EQ(0, WORD(self->map, HUGE_SIZE));
	EXPECT_EQ(0, wrong_pages(buf, &item, 1));
	close(buf);
}

/* Create, sync, map, access, close; return the number of calls that failed. */
static unsigned int use_range(const struct hammer *self)
{
	const size_t pages = self->rounds % 64 + 1;
	const size_t first = (self->rounds * 311 + self->number * 97) % (SIZE / PAGE - 64);
	__u64 access = self->rounds % 3 + 1;
	unsigned int errors = 0;
	unsigned char *map;
	int buf;

	buf = udmabuf_make(self->dev, self->fd, first * PAGE, pages * PAGE);
	if (buf < 0)
		return 1;
	errors += !!buf_sync(buf, access | DMA_BUF_SYNC_START);
	map = map_whole(buf, pages * PAGE);
	if (map == MAP_FAILED) {
		errors++;
	} else {
		errors += WORD(map, (pages - 1) * PAGE) != first + pages - 1;
		if (self->rounds & 1)
			munmap(map, pages * PAGE);
	}
	errors += !!buf_sync(buf, access | DMA_BUF_SYNC_END);
	close(buf);
	if (map != MAP_FAILED && !(self->rounds & 1))
		munmap(map, pages * PAGE);
	return errors;
}

/* Rule: threads may create, sync, map and close buffers of one memfd together. */
TEST_F(pages, threads)
{
	struct hammer threads[4] = { };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(threads); i++)
		threads[i] = (struct hammer){
			.round = use_range, .dev = self->dev, .fd = self->memfd,
		};
	ASSERT_EQ(0, hammer_start(threads, ARRAY_SIZE(threads), 2000));
	EXPECT_EQ(0, hammer_join(threads, ARRAY_SIZE(threads)));
	EXPECT_EQ(self->pins, pins_settled(self->pins));
}

/* Sync a buffer, map it, read a page, unmap it. */
static unsigned int sync_and_map(const struct hammer *self)
{
	const size_t page = self->rounds * 37 % (SIZE / PAGE);
	__u64 access = self->rounds % 3 + 1;
	unsigned int errors = 0;
	unsigned char *map;

	errors += !!buf_sync(self->fd, access | DMA_BUF_SYNC_START);
	map = map_whole(self->fd, SIZE);
	errors += map == MAP_FAILED || WORD(map, page * PAGE) != page;
	if (map != MAP_FAILED)
		munmap(map, SIZE);
	errors += !!buf_sync(self->fd, access | DMA_BUF_SYNC_END);
	return errors;
}

/* Import a buffer, which attaches a device and maps for it, and release it. */
static unsigned int attach_and_detach(const struct hammer *self)
{
	struct display_buffer seen;

	if (display_import(self->context, self->fd, &seen))
		return 1;
	return !!display_release(self->context, &seen);
}

/*
 * Rule: threads may sync and map one buffer together, while a device is attached to it
 * and detached. A table that they lose is reported by kmemleak after the programs.
 */
TEST_F(pages, threads_share_a_buffer)
{
	int buf = udmabuf_make(self->dev, self->memfd, 0, SIZE);
	struct hammer threads[] = {
		{ .round = sync_and_map, .fd = buf },
		{ .round = sync_and_map, .fd = buf },
		{ .round = sync_and_map, .fd = buf },
		{ .round = attach_and_detach, .fd = buf },
	};
	struct display vgem;

	ASSERT_LE(0, buf);
	ASSERT_EQ(0, display_open(&vgem, "vgem"));
	threads[3].context = &vgem;
	ASSERT_EQ(0, hammer_start(threads, ARRAY_SIZE(threads), 1000));
	EXPECT_EQ(0, hammer_join(threads, ARRAY_SIZE(threads)));
	display_close(&vgem);
	close(buf);
}

/* Punch one hole after another into a memfd. */
static unsigned int punch_hole(const struct hammer *self)
{
	return !!fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			   self->rounds % (SIZE / HUGE_SIZE) * HUGE_SIZE, HUGE_SIZE);
}

/* Create a buffer; count pages that are neither stamped nor new, or lose what is written. */
static unsigned int create_and_check(const struct hammer *self)
{
	int buf = udmabuf_make(self->dev, self->fd, 0, SIZE);
	unsigned char *map = map_whole(buf, SIZE);
	unsigned int errors = 0;
	size_t at;

	if (map == MAP_FAILED)
		return 1;
	for (at = 0; at < SIZE; at += PAGE) {
		errors += WORD(map, at) && WORD(map, at) != at / PAGE;
		WORD(map, at) = at / PAGE;
	}
	for (at = 0; at < SIZE; at += PAGE)
		errors += WORD(map, at) != at / PAGE;
	munmap(map, SIZE);
	close(buf);
	return errors;
}

/* Rule: a buffer has all its pages, also if holes are punched while it is created. */
TEST_F(pages, holes_race_with_creation)
{
	struct hammer threads[] = {
		{ .round = punch_hole, .fd = self->memfd },
		{ .round = create_and_check, .dev = self->dev, .fd = self->memfd },
	};

	ASSERT_EQ(0, hammer_start(threads, ARRAY_SIZE(threads), 1000));
	EXPECT_EQ(0, hammer_join(threads, ARRAY_SIZE(threads)));
	TH_LOG("%u holes, %u buffers", threads[0].rounds, threads[1].rounds);
	EXPECT_EQ(self->pins, pins_settled(self->pins));
}

static unsigned int create_and_close(const struct hammer *self)
{
	int buf = udmabuf_make(self->dev, self->fd, 0, SIZE);

	return buf < 0 || close(buf);
}

/*
 * Rule: threads that create buffers of a memfd without pages, and so allocate the same ones,
 * leave the kernel's count of reserved huge pages as it was.
 */
TEST_F(pages, creations_race_for_new_pages)
{
	long long reserved = file_number("/proc/meminfo", "HugePages_Rsvd:");
	struct hammer threads[2];
	int memfd, round;

	/* A kernel without huge pages does not count them. */
	if (variant->flags)
		ASSERT_LE(0, reserved);
	for (round = 0; round < 20; round++) {
		memfd = memfd_create("selftest", MFD_CLOEXEC | MFD_ALLOW_SEALING | variant->flags);
		ASSERT_LE(0, memfd);
		ASSERT_EQ(0, ftruncate(memfd, SIZE));
		ASSERT_EQ(0, fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK));
		threads[0] = (struct hammer){
			.round = create_and_close, .dev = self->dev, .fd = memfd,
		};
		threads[1] = threads[0];
		ASSERT_EQ(0, hammer_start(threads, 2, 5));
		EXPECT_EQ(0, hammer_join(threads, 2));
		close(memfd);
		EXPECT_EQ(0, bufinfo_wait_objects(self->before.objects));
		EXPECT_EQ(reserved, file_number("/proc/meminfo", "HugePages_Rsvd:"))
			TH_LOG("round %d", round);
	}
}

static void create_for_ever(int dev, int memfd)
{
	int buf;

	for (;;) {
		buf = udmabuf_make(dev, memfd, 0, SIZE);
		if (buf < 0 && buf != -EINTR)
			_exit(1);
		close(buf);
	}
}

/* Rule: a process that is killed while it creates buffers leaves no page pinned. */
TEST_F(pages, killed_process)
{
	pid_t pid;
	int i;

	for (i = 0; i < 8; i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			create_for_ever(self->dev, self->memfd);
		sleep_ms(5 + 3 * i);
		EXPECT_LE(0, child_killed(pid, 5000));
	}
	EXPECT_EQ(self->pins, pins_settled(self->pins));
}

TEST_HARNESS_MAIN
