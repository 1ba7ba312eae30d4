// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_storage - mappings of the buffers that consist of page runs: those of the heaps and
 * of udmabuf. What fork(), mremap(), mprotect(), madvise() and mlock() do to a mapping, and how
 * many faults it costs.
 */
#include <linux/dma-buf.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "fence.h"
#include "fixture.h"
#include "storage.h"

/* Newer than some C libraries. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

/* Rule: two mappings map the same pages, in the same order. */
TEST_F(storage, two_mappings)
{
	unsigned char *other = map_range(self->buf, 0, self->size);

	ASSERT_NE(MAP_FAILED, other);
	stamp(self->map, self->size, 1);
	EXPECT_EQ(0, wrong_stamps(other, 0, self->size, 1));
	stamp(other, self->size, 1000);
	EXPECT_EQ(0, wrong_stamps(self->map, 0, self->size, 1000));
	munmap(other, self->size);
}

/* Rule: a mapping at an offset maps the pages from there on, across runs. */
TEST_F(storage, mappings_at_offsets)
{
	const size_t pages = self->size / PAGE;
	size_t offset, size;
	unsigned char *part;
	unsigned int i;

	stamp(self->map, self->size, 7);
	for (i = 0; i < 64; i++) {
		offset = i * 37 % pages * PAGE;
		size = (pages - offset / PAGE) * (i % 4 + 1) / 4 * PAGE;
		if (!size)
			continue;
		part = map_range(self->buf, offset, size);
		ASSERT_NE(MAP_FAILED, part);
		EXPECT_EQ(0, wrong_stamps(part, offset, size, 7))
			TH_LOG("%zu bytes at %zu", size, offset);
		munmap(part, size);
	}
}

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt;
}

/* Processors before ARMv8.1 set no dirty bit. */
#if defined(__arm__) || defined(__aarch64__)
#define WRITE_MAY_FAULT	1
#else
#define WRITE_MAY_FAULT	0
#endif

/*
 * Rule: the first access enters the whole mapping. Where the hardware sets no dirty
 * bit, the first write to each page faults once more.
 */
TEST_F(storage, faults_per_mapping)
{
	long before = faults(), read, written;

	EXPECT_EQ((long)(self->size / PAGE), wrong_stamps(self->map, 0, self->size, 1));
	read = faults() - before;
	stamp(self->map, self->size, 0);
	written = faults() - before - read;
	TH_LOG("%zu pages: %ld faults to read, %ld to write", self->size / PAGE, read, written);
	EXPECT_GE(8, read);
	if (!WRITE_MAY_FAULT)
		EXPECT_GE(8, written);
}

/* Rule: a mapping of huge pages begins at a multiple of their size, where THP are on. */
TEST_F(storage, aligned_address)
{
	unsigned char *map = map_range(self->buf, 0, self->size & -HUGE_SIZE);

	ASSERT_NE(MAP_FAILED, map);
	/* The kernel does not align for 32 bits, where addresses are short. */
	if (sizeof(long) > 4 && !access("/sys/kernel/mm/transparent_hugepage/enabled", F_OK))
		EXPECT_EQ(0, (unsigned long)map % HUGE_SIZE);
	stamp(map, self->size & -HUGE_SIZE, 3);
	EXPECT_EQ(0, wrong_stamps(self->map, 0, self->size & -HUGE_SIZE, 3));
	munmap(map, self->size & -HUGE_SIZE);
}

/* Rule: a child sees the bytes of its parent, and the parent those of the child. */
TEST_F(storage, fork_shares)
{
	int status;
	pid_t pid;

	stamp(self->map, self->size, 1);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (wrong_stamps(self->map, 0, self->size, 1))
			_exit(1);
		stamp(self->map, self->size, 2);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, wrong_stamps(self->map, 0, self->size, 2));
	stamp(self->map, self->size, 3);
	EXPECT_EQ(0, wrong_stamps(self->map, 0, self->size, 3));
}

/* Rule: so does a child that is the first to access the mapping. */
TEST_F(storage, fork_before_the_first_access)
{
	int status;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		stamp(self->map, self->size, 4);
		munmap(self->map, self->size);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, wrong_stamps(self->map, 0, self->size, 4));
}

static long faults_to_read(unsigned char *at)
{
	long before = faults();

	__atomic_load_n(at, __ATOMIC_RELAXED);
	return faults() - before;
}

/*
 * Rule: fork() copies no page, so that the storage can be replaced meanwhile. Advice does not
 * change that.
 */
TEST_F(storage, fork_copies_no_page)
{
	int round, status;
	pid_t pid;

	for (round = 0; round < 2; round++) {
		stamp(self->map, self->size, 1);
		if (round)
			ASSERT_EQ(0, madvise(self->map, self->size, MADV_KEEPONFORK));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			unsigned char warm = 0;

			/* The child's first calls fault for its own stack and data. */
			faults_to_read(&warm);
			_exit(faults_to_read(self->map) ? 0 : 1);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
	}
}

/* Rule: mremap() moves and shrinks a mapping, before and after the first access. */
TEST_F(storage, move_and_shrink)
{
	const size_t half = self->size / PAGE / 2 * PAGE;
	unsigned char *fresh = map_range(self->buf, half, self->size - half);
	unsigned char *place, *moved;

	ASSERT_NE(MAP_FAILED, fresh);
	stamp(self->map, self->size, 5);
	place = mmap(NULL, 2 * self->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, place);
	moved = mremap(fresh, self->size - half, self->size - half,
		       MREMAP_MAYMOVE | MREMAP_FIXED, place + PAGE);
	ASSERT_EQ(place + PAGE, moved);
	EXPECT_EQ(0, wrong_stamps(moved, half, self->size - half, 5));
	moved = mremap(moved, self->size - half, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place);
	ASSERT_EQ(place, moved);
	EXPECT_EQ(0, wrong_stamps(moved, half, PAGE, 5));
	EXPECT_EQ(-EFAULT, touch(moved + PAGE));
	munmap(place, 2 * self->size);
}

/* Rule (CVE-2023-2008): a mapping does not grow. */
TEST_F(storage, growth_is_refused)
{
	unsigned char *last = map_range(self->buf, self->size - PAGE, PAGE);

	ASSERT_NE(MAP_FAILED, last);
	last[0] = 1;
	EXPECT_EQ(MAP_FAILED, mremap(last, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(MAP_FAILED, mremap(last, 0, 2 * PAGE, MREMAP_MAYMOVE));
	munmap(last, PAGE);
	EXPECT_EQ(MAP_FAILED, mremap(self->map, self->size, self->size + PAGE, 0));
	EXPECT_EQ(MAP_FAILED, mremap(self->map, self->size, 2 * self->size, MREMAP_MAYMOVE));
}

/* Rule: parts of a mapping can be protected, and the others go on working. */
TEST_F(storage, protect_parts)
{
	const size_t middle = self->size / PAGE / 2 * PAGE;
	unsigned char *map = self->map;
	unsigned int round;

	for (round = 0; round < 2; round++) {
		stamp(map, self->size, round);
		ASSERT_EQ(0, mprotect(map + middle, PAGE, PROT_NONE));
		EXPECT_EQ(-EFAULT, touch(map + middle));
		EXPECT_EQ(0, wrong_stamps(map, 0, middle, round));
		ASSERT_EQ(0, mprotect(map, middle, PROT_READ));
		EXPECT_EQ(0, wrong_stamps(map, 0, middle, round));
		EXPECT_EQ(0, wrong_stamps(map + middle + PAGE, middle + PAGE,
					  self->size - middle - PAGE, round));
		stamp(map + middle + PAGE, self->size - middle - PAGE, 100);
		ASSERT_EQ(0, mprotect(map, self->size, PROT_READ | PROT_WRITE));
		EXPECT_EQ(0, wrong_stamps(map, 0, middle + PAGE, round));
		stamp(map, self->size, 9);
		EXPECT_EQ(0, wrong_stamps(map, 0, self->size, 9));
	}
}

/* Rule: a hole in the middle of a mapping faults, and the rest goes on working. */
TEST_F(storage, unmap_the_middle)
{
	const size_t middle = self->size / PAGE / 2 * PAGE;
	unsigned char *map = map_range(self->buf, 0, self->size);

	ASSERT_NE(MAP_FAILED, map);
	stamp(self->map, self->size, 3);
	EXPECT_EQ(0, wrong_stamps(map, 0, self->size, 3));
	ASSERT_EQ(0, munmap(map + middle, 3 * PAGE));
	EXPECT_EQ(-EFAULT, touch(map + middle));
	EXPECT_EQ(-EFAULT, touch(map + middle + 2 * PAGE));
	EXPECT_EQ(0, wrong_stamps(map, 0, middle, 3));
	EXPECT_EQ(0, wrong_stamps(map + middle + 3 * PAGE, middle + 3 * PAGE,
				  self->size - middle - 3 * PAGE, 3));
	munmap(map, middle);
	munmap(map + middle + 3 * PAGE, self->size - middle - 3 * PAGE);
}

#define MM	"/sys/kernel/mm/"

/* Return the errno of an advice for the whole mapping, or 0. */
static int advise(unsigned char *map, size_t size, int advice)
{
	return madvise(map, size, advice) ? -errno : 0;
}

/*
 * Rule: an advice is answered as for every mapping of page numbers that are not device
 * registers, and none loses or changes bytes: what would drop or move pages is refused.
 */
TEST_F(storage, advice_keeps_the_bytes)
{
	/* The kernel refuses an advice where the folder @needs is missing. */
	static const struct {
		int advice;
		int ret;
		const char *needs;
	} table[] = {
		{ MADV_NORMAL, 0, NULL },
		{ MADV_RANDOM, 0, NULL },
		{ MADV_SEQUENTIAL, 0, NULL },
		{ MADV_WILLNEED, 0, NULL },
		{ MADV_DONTFORK, 0, NULL },
		{ MADV_DOFORK, 0, NULL },
		{ MADV_MERGEABLE, 0, MM "ksm" },
		{ MADV_UNMERGEABLE, 0, MM "ksm" },
		{ MADV_HUGEPAGE, 0, MM "transparent_hugepage" },
		{ MADV_NOHUGEPAGE, 0, MM "transparent_hugepage" },
		{ MADV_COLLAPSE, -EINVAL, NULL },
		{ MADV_DONTDUMP, 0, NULL },
		{ MADV_DODUMP, -EINVAL, NULL },
		{ MADV_WIPEONFORK, -EINVAL, NULL },
		{ MADV_KEEPONFORK, 0, NULL },
		{ MADV_COLD, -EINVAL, NULL },
		{ MADV_PAGEOUT, -EINVAL, NULL },
		{ MADV_POPULATE_READ, -EINVAL, NULL },
		{ MADV_POPULATE_WRITE, -EINVAL, NULL },
		{ MADV_DONTNEED, -EINVAL, NULL },
		{ MADV_DONTNEED_LOCKED, -EINVAL, NULL },
		{ MADV_FREE, -EINVAL, NULL },
		/* Punches a hole into the file, which has no such operation. */
		{ MADV_REMOVE, -ENODEV, NULL },
	};
	size_t i;
	int ret;

	stamp(self->map, self->size, 11);
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		ret = table[i].ret;
		if (table[i].needs && access(table[i].needs, F_OK))
			ret = -EINVAL;
		EXPECT_EQ(ret, advise(self->map, self->size, table[i].advice))
			TH_LOG("advice %d", table[i].advice);
		EXPECT_EQ(0, wrong_stamps(self->map, 0, self->size, 11))
			TH_LOG("advice %d", table[i].advice);
	}
}

/* Rule: MADV_DONTFORK keeps a mapping from children, until MADV_DOFORK. */
TEST_F(storage, advice_about_fork)
{
	int round, status;
	pid_t pid;

	stamp(self->map, self->size, 13);
	for (round = 0; round < 2; round++) {
		ASSERT_EQ(0, advise(self->map, self->size, round ? MADV_DOFORK : MADV_DONTFORK));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			_exit(touch(self->map) ? 1 :
			      wrong_stamps(self->map, 0, self->size, 13) ? 2 : 0);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(round ? 0 : 1, WEXITSTATUS(status));
	}
}

/* Rule: MADV_NOHUGEPAGE may come while huge pages are entered and others are not. */
TEST_F(storage, no_huge_pages_from_now_on)
{
	const size_t size = self->size & -HUGE_SIZE;
	unsigned char *map = map_range(self->buf, 0, size);
	unsigned char *hole = map + HUGE_SIZE + 3 * PAGE;

	ASSERT_NE(MAP_FAILED, map);
	stamp(map, size, 1);
	/* Fails where the kernel has no THP. */
	madvise(map, size, MADV_NOHUGEPAGE);
	/* This splits the huge page around the hole, and the pages there fault again. */
	ASSERT_EQ(0, mprotect(hole, PAGE, PROT_NONE));
	EXPECT_EQ(0, wrong_stamps(map, 0, hole - map, 1));
	EXPECT_EQ(0, wrong_stamps(hole + PAGE, hole + PAGE - map, map + size - hole - PAGE, 1));
	ASSERT_EQ(0, mprotect(hole, PAGE, PROT_READ | PROT_WRITE));
	stamp(map, size, 2);
	EXPECT_EQ(0, wrong_stamps(self->map, 0, size, 2));
	munmap(map, size);
}

/* Rule: mlock() and MAP_LOCKED work, and count no locked memory. */
TEST_F(storage, lock)
{
	long long locked = file_number("/proc/self/status", "VmLck:");
	unsigned char *map;

	ASSERT_LE(0, locked);
	EXPECT_EQ(0, mlock(self->map, self->size));
	EXPECT_EQ(locked, file_number("/proc/self/status", "VmLck:"));
	stamp(self->map, self->size, 12);
	EXPECT_EQ(0, munlock(self->map, self->size));
	EXPECT_EQ(0, wrong_stamps(self->map, 0, self->size, 12));
	map = mmap(NULL, self->size, PROT_READ, MAP_SHARED | MAP_LOCKED | MAP_POPULATE,
		   self->buf, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(0, wrong_stamps(map, 0, self->size, 12));
	munmap(map, self->size);
}

/*
 * Rule: an unprivileged process may map and lock more than RLIMIT_MEMLOCK, where each call
 * asks for no more than the limit: the kernel compares that first.
 */
TEST_F(storage, lock_without_privileges)
{
	unsigned char *other = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *map;
	size_t at;

	ASSERT_NE(MAP_FAILED, other);
	stamp(self->map, self->size, 14);
	ASSERT_EQ(0, memlock_limit(PAGE));
	map = map_range(self->buf, 0, self->size);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(0, wrong_stamps(map, 0, self->size, 14));
	for (at = 0; at < self->size; at += PAGE)
		ASSERT_EQ(0, mlock(map + at, PAGE)) TH_LOG("at %zu: %s", at, strerror(errno));
	munmap(map, self->size);
	for (at = 0; at < 4 * PAGE; at += PAGE)
		EXPECT_NE(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_LOCKED,
					   self->buf, at));

	/* The limit holds for other memory. */
	EXPECT_EQ(0, mlock(other, PAGE));
	EXPECT_EQ(-1, mlock(other + PAGE, PAGE));
	EXPECT_EQ(ENOMEM, errno);
	munmap(other, 2 * PAGE);
}

#define CORE_PATTERN	"/proc/sys/kernel/core_pattern"
#define CORE_FILE	"/tmp/dmabuf-core"

/* Ask for everything in the core dump, and crash. */
static void crash(void)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_CORE, &unlimited) || file_put("/proc/self/coredump_filter", "0x1ff"))
		_exit(1);
	signal(SIGABRT, SIG_DFL);
	abort();
}

/* Rule: core dumps leave the mapping out. */
TEST_F(storage, not_in_core_dumps)
{
	char *pattern = file_text(CORE_PATTERN);
	struct stat st = { };
	int status;
	pid_t pid;

	if (!pattern)
		SKIP(return, "a kernel without core dumps");
	mkdir("/tmp", 01777);
	unlink(CORE_FILE);
	stamp(self->map, self->size, 15);
	ASSERT_EQ(0, file_put(CORE_PATTERN, CORE_FILE));
	pid = fork();
	if (!pid)
		crash();
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, file_put(CORE_PATTERN, pattern));
	EXPECT_TRUE(WCOREDUMP(status));
	EXPECT_EQ(0, stat(CORE_FILE, &st));
	TH_LOG("%lld KiB, the mapping has %zu", (long long)st.st_size >> 10, self->size >> 10);
	EXPECT_LT(0, st.st_size);
	EXPECT_GT((off_t)self->size, st.st_size);
	unlink(CORE_FILE);
	free(pattern);
}

/* Rule: the mapping is one of page numbers, and not of device registers. */
TEST_F(storage, flags_of_the_mapping)
{
	char start[40], *text = file_text("/proc/self/smaps");
	char *at, *flags;

	snprintf(start, sizeof(start), "%lx-", (unsigned long)self->map);
	ASSERT_NE(NULL, text);
	at = strstr(text, start);
	ASSERT_NE(NULL, at);
	flags = strstr(at, "VmFlags:");
	ASSERT_NE(NULL, flags);
	*strchr(flags, '\n') = '\0';
	EXPECT_NE(NULL, strstr(flags, " dd")) TH_LOG("%s", flags);
	EXPECT_NE(NULL, strstr(flags, " de")) TH_LOG("%s", flags);
	EXPECT_NE(NULL, strstr(flags, " pf")) TH_LOG("%s", flags);
	EXPECT_EQ(NULL, strstr(flags, " io")) TH_LOG("%s", flags);
	free(text);
}

/* Rule: a private mapping is EINVAL, whatever its size. */
TEST_F(storage, private_mapping)
{
	static const int prots[] = { PROT_READ, PROT_WRITE, PROT_READ | PROT_WRITE };
	size_t i, pages;

	for (i = 0; i < ARRAY_SIZE(prots); i++) {
		for (pages = 1; pages < 4; pages++) {
			EXPECT_EQ(MAP_FAILED, mmap(NULL, pages * PAGE, prots[i], MAP_PRIVATE,
						   self->buf, 0));
			EXPECT_EQ(EINVAL, errno);
		}
		EXPECT_EQ(MAP_FAILED, mmap(NULL, self->size, prots[i], MAP_PRIVATE,
					   self->buf, 0));
		EXPECT_EQ(EINVAL, errno);
	}
}

struct toucher {
	pthread_t thread;
	unsigned char *map;
	size_t size;
	uint32_t add;
};

static void *touch_pages(void *arg)
{
	struct toucher *self = arg;
	size_t at;

	for (at = 0; at < self->size; at += PAGE)
		__atomic_add_fetch((uint32_t *)(self->map + at), self->add, __ATOMIC_RELAXED);
	return NULL;
}

/* Rule: threads may make the first access at the same time. */
TEST_F(storage, threads_fault)
{
	struct toucher touchers[4];
	unsigned int round;
	size_t i, at;

	for (round = 1; round <= 20; round++) {
		unsigned char *map = map_range(self->buf, 0, self->size);

		ASSERT_NE(MAP_FAILED, map);
		for (i = 0; i < ARRAY_SIZE(touchers); i++) {
			touchers[i].map = map;
			touchers[i].size = self->size;
			touchers[i].add = 1;
			ASSERT_EQ(0, pthread_create(&touchers[i].thread, NULL, touch_pages,
						    &touchers[i]));
		}
		for (i = 0; i < ARRAY_SIZE(touchers); i++)
			pthread_join(touchers[i].thread, NULL);
		munmap(map, self->size);
	}
	for (at = 0; at < self->size; at += PAGE)
		ASSERT_EQ(20 * ARRAY_SIZE(touchers), WORD(self->map, at));
}

static unsigned int toggle_huge_pages(const struct hammer *self)
{
	return !!prctl(PR_SET_THP_DISABLE, self->rounds & 1, 0, 0, 0);
}

/* Make the first accesses to a new mapping; count pages that do not have their number. */
static unsigned int fault_and_check(const struct hammer *self)
{
	const size_t size = lseek(self->fd, 0, SEEK_END);
	unsigned char *map = map_range(self->fd, 0, size);
	unsigned int wrong;

	if (map == MAP_FAILED)
		return 1;
	wrong = wrong_stamps(map, 0, size, 17);
	munmap(map, size);
	return wrong;
}

/*
 * Rule: a process may turn huge pages off and on while its threads make the first access. A
 * warning of the kernel fails the run.
 */
TEST_F(storage, threads_fault_while_huge_pages_are_toggled)
{
	struct toucher touchers[3];
	struct hammer hammers[] = {
		{ .round = toggle_huge_pages },
		{ .round = fault_and_check, .fd = self->buf },
	};
	size_t i;

	stamp(self->map, self->size, 17);
	ASSERT_EQ(0, hammer_start(hammers, ARRAY_SIZE(hammers), 3000));
	do {
		unsigned char *map = map_range(self->buf, 0, self->size & -HUGE_SIZE);

		ASSERT_NE(MAP_FAILED, map);
		for (i = 0; i < ARRAY_SIZE(touchers); i++) {
			touchers[i].map = map;
			touchers[i].size = self->size & -HUGE_SIZE;
			touchers[i].add = 0;
			ASSERT_EQ(0, pthread_create(&touchers[i].thread, NULL, touch_pages,
						    &touchers[i]));
		}
		for (i = 0; i < ARRAY_SIZE(touchers); i++)
			pthread_join(touchers[i].thread, NULL);
		munmap(map, self->size & -HUGE_SIZE);
	} while (now_ms() < hammers[0].limit);
	EXPECT_EQ(0, hammer_join(hammers, ARRAY_SIZE(hammers)));
	EXPECT_EQ(0, prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
	EXPECT_EQ(0, wrong_stamps(self->map, 0, self->size, 17));
}

/*
 * Rule: SYNC changes no byte of a buffer that no device has mapped, also where DMA goes
 * through bounce buffers (kernel parameter swiotlb=force).
 */
TEST_F(storage, sync_keeps_the_bytes)
{
	__u64 access;

	for (access = DMA_BUF_SYNC_READ; access <= DMA_BUF_SYNC_RW; access++) {
		stamp(self->map, self->size, access);
		EXPECT_EQ(0, buf_sync(self->buf, access | DMA_BUF_SYNC_START));
		EXPECT_EQ(0, wrong_stamps(self->map, 0, self->size, access));
		EXPECT_EQ(0, buf_sync(self->buf, access | DMA_BUF_SYNC_END));
		EXPECT_EQ(0, wrong_stamps(self->map, 0, self->size, access));
	}
}

/* A thread that makes a SYNC of @buf at the same time as the others. */
struct syncer {
	pthread_t thread;
	pthread_barrier_t *start;
	int buf;
	int ret;
};

static void *sync_together(void *arg)
{
	struct syncer *self = arg;

	pthread_barrier_wait(self->start);
	self->ret = buf_sync(self->buf, DMA_BUF_SYNC_RW | DMA_BUF_SYNC_START);
	if (!self->ret)
		self->ret = buf_sync(self->buf, DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END);
	return NULL;
}

/*
 * Rule: threads may make the first SYNC of a buffer at the same time, and nothing that it
 * maps is left after the close. A table that is lost is reported by kmemleak after the programs.
 */
TEST_F(storage, threads_sync_a_new_buffer)
{
	const long long mapped = dma_mapped();
	struct syncer syncers[4];
	pthread_barrier_t start;
	unsigned int round;
	size_t i;
	int buf;

	ASSERT_EQ(0, pthread_barrier_init(&start, NULL, ARRAY_SIZE(syncers)));
	for (round = 0; round < 50; round++) {
		buf = variant->exporter->export(HUGE_SIZE, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, buf);
		for (i = 0; i < ARRAY_SIZE(syncers); i++) {
			syncers[i] = (struct syncer){ .start = &start, .buf = buf };
			ASSERT_EQ(0, pthread_create(&syncers[i].thread, NULL, sync_together,
						    &syncers[i]));
		}
		for (i = 0; i < ARRAY_SIZE(syncers); i++) {
			pthread_join(syncers[i].thread, NULL);
			EXPECT_EQ(0, syncers[i].ret);
		}
		close(buf);
	}
	EXPECT_GE(mapped, dma_mapped());
}

/* Rule: START and END are 0 in any order and number; a close may come between. */
TEST_F(buffer, sync_in_any_order)
{
	static const __u64 orders[][4] = {
		{ DMA_BUF_SYNC_START, DMA_BUF_SYNC_START, DMA_BUF_SYNC_END, DMA_BUF_SYNC_END },
		{ DMA_BUF_SYNC_END, DMA_BUF_SYNC_END, DMA_BUF_SYNC_START, DMA_BUF_SYNC_END },
		{ DMA_BUF_SYNC_END, DMA_BUF_SYNC_START, DMA_BUF_SYNC_START, DMA_BUF_SYNC_START },
	};
	__u64 access;
	size_t i, k;
	int buf;

	for (access = DMA_BUF_SYNC_READ; access <= DMA_BUF_SYNC_RW; access++) {
		for (i = 0; i < ARRAY_SIZE(orders); i++) {
			buf = buffer_export(variant);
			ASSERT_LE(0, buf);
			for (k = 0; k < ARRAY_SIZE(orders[i]); k++)
				EXPECT_EQ(0, buf_sync(buf, access | orders[i][k]));
			close(buf);
		}
	}
	EXPECT_EQ(-EINVAL, buf_sync(self->buf, 0));
	EXPECT_EQ(-EINVAL, buf_sync(self->buf, 0x100));
	EXPECT_EQ(-EINVAL, buf_sync(self->buf, 0x100 | DMA_BUF_SYNC_RW));
}

TEST_HARNESS_MAIN
