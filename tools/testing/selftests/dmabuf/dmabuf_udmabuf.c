// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_udmabuf - the arguments of /dev/udmabuf: the memfds, ranges and sizes that it
 * accepts, and the errno for each of the others.
 */
#include <linux/dma-buf.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "bufinfo.h"
#include "harness.h"
#include "memfds.h"

#define PAGE		((size_t)sysconf(_SC_PAGESIZE))
#define MIB		(1024 * 1024ULL)
#define SIZE		(16 * PAGE)
#define PARAMETERS	"/sys/module/udmabuf/parameters/"

/*
 * The open device, a memfd of @SIZE that it accepts, and the number of buffers and of pinned
 * pages at the beginning, which the teardown expects again.
 */
FIXTURE(udmabuf) {
	int dev;
	int memfd;
	struct bufinfo_total before;
	long long pins;
};

FIXTURE_SETUP(udmabuf)
{
	self->dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	if (self->dev < 0)
		SKIP(return, "udmabuf is missing");
	self->memfd = memfd_make(SIZE, F_SEAL_SHRINK, 0);
	ASSERT_LE(0, self->memfd);
	ASSERT_EQ(0, bufinfo_total(&self->before));
	self->pins = pins_held();
	ASSERT_LE(0, self->pins);
}

FIXTURE_TEARDOWN(udmabuf)
{
	EXPECT_EQ(0, bufinfo_wait_objects(self->before.objects));
	EXPECT_EQ(self->pins, pins_settled(self->pins));
	close(self->memfd);
	close(self->dev);
}

/* Rule: a file that is not a memfd, and a number that is not a file, is EBADFD. */
TEST_F(udmabuf, not_a_memfd)
{
	int ends[2], zero = open("/dev/zero", O_RDWR | O_CLOEXEC);
	int path = memfd_reopen(self->memfd, O_PATH);
	int buf = udmabuf_make(self->dev, self->memfd, 0, PAGE);

	ASSERT_EQ(0, pipe(ends));
	ASSERT_LE(0, zero);
	ASSERT_LE(0, path);
	ASSERT_LE(0, buf);
	EXPECT_EQ(-EBADFD, udmabuf_make(self->dev, ends[0], 0, PAGE));
	EXPECT_EQ(-EBADFD, udmabuf_make(self->dev, zero, 0, PAGE));
	EXPECT_EQ(-EBADFD, udmabuf_make(self->dev, self->dev, 0, PAGE));
	EXPECT_EQ(-EBADFD, udmabuf_make(self->dev, buf, 0, PAGE));
	EXPECT_EQ(-EBADFD, udmabuf_make(self->dev, path, 0, PAGE));
	EXPECT_EQ(-EBADFD, udmabuf_make(self->dev, -1, 0, PAGE));
	close(buf);
	EXPECT_EQ(-EBADFD, udmabuf_make(self->dev, buf, 0, PAGE));
	close(ends[0]);
	close(ends[1]);
	close(zero);
	close(path);
}

/* Rule: a memfd must be sealed against shrinking and not against writing. */
TEST_F(udmabuf, seals)
{
	static const struct {
		unsigned int seals;
		int ret;
	} table[] = {
		{ 0, -EINVAL },
		{ F_SEAL_GROW, -EINVAL },
		{ F_SEAL_SEAL, -EINVAL },
		{ F_SEAL_SHRINK, 0 },
		{ F_SEAL_SHRINK | F_SEAL_GROW, 0 },
		{ F_SEAL_SHRINK | F_SEAL_SEAL, 0 },
		{ F_SEAL_SHRINK | F_SEAL_WRITE, -EINVAL },
		{ F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE, -EINVAL },
		{ F_SEAL_WRITE, -EINVAL },
	};
	int memfd, ret;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		memfd = memfd_make(SIZE, table[i].seals, 0);
		ASSERT_LE(0, memfd);
		ret = udmabuf_make(self->dev, memfd, 0, PAGE);
		if (ret >= 0)
			EXPECT_EQ(0, close(ret));
		EXPECT_EQ(table[i].ret, ret < 0 ? ret : 0) TH_LOG("seals %x", table[i].seals);
		close(memfd);
	}
	memfd = memfd_create("selftest", MFD_CLOEXEC);
	ASSERT_LE(0, memfd);
	ASSERT_EQ(0, ftruncate(memfd, SIZE));
	EXPECT_EQ(-EINVAL, udmabuf_make(self->dev, memfd, 0, PAGE));
	close(memfd);
}

/* Rule: no seal against writing can be added while the buffer exists. */
TEST_F(udmabuf, write_seal_has_to_wait)
{
	int buf = udmabuf_make(self->dev, self->memfd, 0, 4 * PAGE);

	ASSERT_LE(0, buf);
	EXPECT_EQ(-1, fcntl(self->memfd, F_ADD_SEALS, F_SEAL_WRITE));
	EXPECT_EQ(EBUSY, errno);
	close(buf);
	EXPECT_EQ(self->pins, pins_settled(self->pins));
	EXPECT_EQ(0, fcntl(self->memfd, F_ADD_SEALS, F_SEAL_WRITE));
	EXPECT_EQ(-EINVAL, udmabuf_make(self->dev, self->memfd, 0, 4 * PAGE));
}

#define RACE_SIZE	(256 * PAGE)

/**
 * struct race - a seal that is added while a buffer is created
 * @start: both threads wait here before their calls
 * @memfd: the memfd
 * @delay: time in us by which the seal comes later
 * @sealed: result of adding the seal: 0 or a negative errno
 */
struct race {
	pthread_barrier_t start;
	int memfd;
	unsigned int delay;
	int sealed;
};

static void *add_seal(void *arg)
{
	struct race *race = arg;

	pthread_barrier_wait(&race->start);
	usleep(race->delay);
	race->sealed = fcntl(race->memfd, F_ADD_SEALS, F_SEAL_WRITE) ? -errno : 0;
	return NULL;
}

/*
 * Rule: of a seal against writing and a creation at the same time one fails: the seal with
 * EBUSY, or the creation with EINVAL. A seal that fails has waited 150 ms for the pins.
 */
TEST_F(udmabuf, write_seal_races_with_creation)
{
	unsigned int created = 0, sealed = 0, round;
	long long limit = now_ms() + 2000;
	struct race race = { };
	pthread_t thread;
	int buf;

	ASSERT_EQ(0, pthread_barrier_init(&race.start, NULL, 2));
	for (round = 0; now_ms() < limit; round++) {
		race.memfd = memfd_make(RACE_SIZE, F_SEAL_SHRINK, 0);
		ASSERT_LE(0, race.memfd);
		race.delay = round % 8 * 50;
		ASSERT_EQ(0, pthread_create(&thread, NULL, add_seal, &race));
		pthread_barrier_wait(&race.start);
		/* Every other round the creation comes later, and in some of them much later. */
		if (round & 1)
			usleep(round & 2 ? 5000 : 400 - race.delay);
		buf = udmabuf_make(self->dev, race.memfd, 0, RACE_SIZE);
		pthread_join(thread, NULL);
		EXPECT_EQ(buf < 0 ? 0 : -EBUSY, race.sealed);
		EXPECT_EQ(race.sealed ? 0 : -EINVAL, buf < 0 ? buf : 0);
		created += buf >= 0;
		sealed += !race.sealed;
		if (buf >= 0)
			close(buf);
		close(race.memfd);
	}
	TH_LOG("the creation came first %u times, the seal %u times", created, sealed);
	EXPECT_LT(0, created);
	EXPECT_LT(0, sealed);
}

/* Rule: a memfd that is open only for reading is EACCES. */
TEST_F(udmabuf, read_only_memfd)
{
	int memfd = memfd_reopen(self->memfd, O_RDONLY);
	struct udmabuf_create_item items[] = {
		{ .memfd = self->memfd, .size = PAGE },
		{ .memfd = memfd, .size = PAGE },
	};

	ASSERT_LE(0, memfd);
	EXPECT_EQ(-EACCES, udmabuf_make(self->dev, memfd, 0, PAGE));
	EXPECT_EQ(-EACCES, udmabuf_make_list(self->dev, items, 2));
	close(memfd);
}

/* Rule: a range begins and ends at pages, and is not empty. */
TEST_F(udmabuf, unaligned_range)
{
	EXPECT_EQ(-EINVAL, udmabuf_make(self->dev, self->memfd, 1, PAGE));
	EXPECT_EQ(-EINVAL, udmabuf_make(self->dev, self->memfd, PAGE / 2, PAGE));
	EXPECT_EQ(-EINVAL, udmabuf_make(self->dev, self->memfd, 0, PAGE + 1));
	EXPECT_EQ(-EINVAL, udmabuf_make(self->dev, self->memfd, 0, PAGE - 1));
	EXPECT_EQ(-EINVAL, udmabuf_make(self->dev, self->memfd, PAGE / 2, PAGE / 2));
	EXPECT_EQ(-EINVAL, udmabuf_make(self->dev, self->memfd, 0, 0));
	EXPECT_EQ(-EINVAL, udmabuf_make(self->dev, self->memfd, PAGE, 0));
}

/* Rule: a range lies within the file. */
TEST_F(udmabuf, range_past_the_end)
{
	static const __u64 bits[] = { 1ULL << 31, 1ULL << 32, 1ULL << 44, 1ULL << 62, 1ULL << 63 };
	size_t i;

	EXPECT_EQ(-EINVAL, udmabuf_make(self->dev, self->memfd, 0, SIZE + PAGE));
	EXPECT_EQ(-EINVAL, udmabuf_make(self->dev, self->memfd, SIZE, PAGE));
	EXPECT_EQ(-EINVAL, udmabuf_make(self->dev, self->memfd, SIZE - PAGE, 2 * PAGE));
	EXPECT_EQ(-EINVAL, udmabuf_make(self->dev, self->memfd, -PAGE, PAGE));
	EXPECT_EQ(-EINVAL, udmabuf_make(self->dev, self->memfd, -PAGE, 2 * PAGE));
	EXPECT_EQ(-EINVAL, udmabuf_make(self->dev, self->memfd, -(__u64)PAGE, PAGE));
	EXPECT_EQ(-EINVAL, udmabuf_make(self->dev, self->memfd, -(__u64)PAGE, 2 * PAGE));
	EXPECT_EQ(-EINVAL, udmabuf_make(self->dev, self->memfd, 0, -(__u64)PAGE));
	for (i = 0; i < ARRAY_SIZE(bits); i++) {
		EXPECT_EQ(-EINVAL, udmabuf_make(self->dev, self->memfd, bits[i], PAGE));
		EXPECT_EQ(-EINVAL, udmabuf_make(self->dev, self->memfd, 0, bits[i]));
		EXPECT_EQ(-EINVAL, udmabuf_make(self->dev, self->memfd, bits[i], bits[i]));
	}
}

/* Rule: a list with one bad item fails as a whole. */
TEST_F(udmabuf, bad_item_in_a_list)
{
	int zero = open("/dev/zero", O_RDWR | O_CLOEXEC);
	struct udmabuf_create_item good = { .memfd = self->memfd, .size = 4 * PAGE };
	const struct {
		struct udmabuf_create_item item;
		int ret;
	} table[] = {
		{ { .memfd = zero, .size = PAGE }, -EBADFD },
		{ { .memfd = -1, .size = PAGE }, -EBADFD },
		{ { .memfd = self->memfd, .size = 0 }, -EINVAL },
		{ { .memfd = self->memfd, .size = PAGE / 2 }, -EINVAL },
		{ { .memfd = self->memfd, .size = SIZE + PAGE }, -EINVAL },
		{ { .memfd = self->memfd, .offset = SIZE, .size = PAGE }, -EINVAL },
	};
	struct udmabuf_create_item items[3];
	size_t i, at;

	ASSERT_LE(0, zero);
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		for (at = 0; at < ARRAY_SIZE(items); at++) {
			items[0] = good;
			items[1] = good;
			items[2] = good;
			items[at] = table[i].item;
			EXPECT_EQ(table[i].ret, udmabuf_make_list(self->dev, items, 3))
				TH_LOG("item %zu at %zu", i, at);
		}
	}
	close(zero);
}

/* Rule: arguments that cannot be read are EFAULT, also if only the list's end is missing. */
TEST_F(udmabuf, unreadable_argument)
{
	const size_t head = sizeof(struct udmabuf_create_list);
	const size_t item = sizeof(struct udmabuf_create_item);
	unsigned char *map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct udmabuf_create_list list = { .count = 2 };
	int before = fds_open();

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, munmap(map + PAGE, PAGE));
	EXPECT_EQ(-EFAULT, ioctl_once(self->dev, UDMABUF_CREATE, NULL));
	EXPECT_EQ(-EFAULT, ioctl_once(self->dev, UDMABUF_CREATE, map + PAGE - item + 1));
	EXPECT_EQ(-EFAULT, ioctl_once(self->dev, UDMABUF_CREATE_LIST, NULL));
	EXPECT_EQ(-EFAULT, ioctl_once(self->dev, UDMABUF_CREATE_LIST, map + PAGE - head + 1));
	memcpy(map + PAGE - head, &list, head);
	EXPECT_EQ(-EFAULT, ioctl_once(self->dev, UDMABUF_CREATE_LIST, map + PAGE - head));
	memcpy(map + PAGE - head - item, &list, head);
	EXPECT_EQ(-EFAULT, ioctl_once(self->dev, UDMABUF_CREATE_LIST, map + PAGE - head - item));
	EXPECT_EQ(before, fds_open());
	munmap(map, PAGE);
}

/* Rule: ioctl numbers but the two are ENOTTY. */
TEST_F(udmabuf, unknown_numbers)
{
	unsigned char arg[64] = { 0 };
	unsigned int nr;

	for (nr = 0; nr < 256; nr++) {
		EXPECT_EQ(-ENOTTY, ioctl_once(self->dev, _IO('u', nr), arg));
		EXPECT_EQ(-ENOTTY, ioctl_once(self->dev, _IOR('u', nr, __u64), arg));
	}
}

/* Rule: the descriptor has O_CLOEXEC if the flag asks for it, and is open for both. */
TEST_F(udmabuf, flags)
{
	struct udmabuf_create arg = { .memfd = self->memfd, .size = PAGE };
	int buf = ioctl_once(self->dev, UDMABUF_CREATE, &arg);

	ASSERT_LE(0, buf);
	EXPECT_EQ(0, fcntl(buf, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(buf, F_GETFL) & O_ACCMODE);
	close(buf);
	arg.flags = UDMABUF_FLAGS_CLOEXEC;
	buf = ioctl_once(self->dev, UDMABUF_CREATE, &arg);
	ASSERT_LE(0, buf);
	EXPECT_EQ(FD_CLOEXEC, fcntl(buf, F_GETFD));
	close(buf);
}

/* Rule: without a free descriptor a creation is EMFILE, and the pages are unpinned. */
TEST_F(udmabuf, no_descriptor)
{
	int i;

	ASSERT_EQ(0, fds_exhaust(0));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(-EMFILE, udmabuf_make(self->dev, self->memfd, 0, SIZE));
	ASSERT_EQ(0, fds_unlimit());
	EXPECT_EQ(self->pins, pins_settled(self->pins));
}

/* Without privileges, create a buffer; return 0 if that works and locking a page does not. */
static int make_without_memlock(int dev, int memfd)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret = memlock_limit(0);

	if (!ret && !mlock(page, PAGE))
		ret = -EPERM;
	if (!ret)
		ret = udmabuf_make(dev, memfd, 0, SIZE);
	return ret < 0 ? ret : 0;
}

/* Rule: pages are not counted against RLIMIT_MEMLOCK, also of an unprivileged process. */
TEST_F(udmabuf, memlock_limit)
{
	int status;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(-make_without_memlock(self->dev, self->memfd));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status) TH_LOG("%s", strerror(WEXITSTATUS(status)));
}

/* The parameters of the module, which the teardown sets back. */
FIXTURE(limits) {
	int dev;
	char *list_limit;
	char *size_limit;
	long long pins;
};

static int set_limits(const char *items, const char *mib)
{
	int ret = file_put(PARAMETERS "list_limit", items);

	return ret ? ret : file_put(PARAMETERS "size_limit_mb", mib);
}

FIXTURE_SETUP(limits)
{
	self->dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	if (self->dev < 0)
		SKIP(return, "udmabuf is missing");
	self->list_limit = file_text(PARAMETERS "list_limit");
	self->size_limit = file_text(PARAMETERS "size_limit_mb");
	ASSERT_NE(NULL, self->list_limit);
	ASSERT_NE(NULL, self->size_limit);
	self->pins = pins_held();
	ASSERT_LE(0, self->pins);
}

FIXTURE_TEARDOWN(limits)
{
	EXPECT_EQ(0, set_limits(self->list_limit, self->size_limit));
	EXPECT_EQ(self->pins, pins_settled(self->pins));
	close(self->dev);
}

/* Create from @count times the first page of a memfd; return the errno, or 0. */
static int create_items(int dev, __u32 count)
{
	struct udmabuf_create_item *items = calloc(count, sizeof(*items));
	int memfd = memfd_make(PAGE, F_SEAL_SHRINK, 0);
	int ret = -ENOMEM;
	__u32 i;

	for (i = 0; items && i < count; i++)
		items[i] = (struct udmabuf_create_item){ .memfd = memfd, .size = PAGE };
	if (items)
		ret = udmabuf_make_list(dev, items, count);
	if (ret >= 0) {
		close(ret);
		ret = 0;
	}
	close(memfd);
	free(items);
	return ret;
}

/* Create a buffer of a size from a memfd of that size; return the errno, or 0. */
static int create_size(int dev, __u64 size)
{
	int memfd = memfd_make(size, F_SEAL_SHRINK, 0);
	int ret = udmabuf_make(dev, memfd, 0, size);

	close(memfd);
	if (ret < 0)
		return ret;
	if ((__u64)lseek(ret, 0, SEEK_END) != size) {
		close(ret);
		return -EIO;
	}
	close(ret);
	return 0;
}

/* Rule: by default 64 MiB, in at most 1024 items. */
TEST_F(limits, defaults)
{
	EXPECT_EQ(1024, atoi(self->list_limit));
	EXPECT_EQ(64, atoi(self->size_limit));
	EXPECT_EQ(0, create_size(self->dev, 64 * MIB));
	EXPECT_EQ(-EINVAL, create_size(self->dev, 64 * MIB + PAGE));
	EXPECT_EQ(0, create_items(self->dev, 1));
	EXPECT_EQ(0, create_items(self->dev, 1024));
	EXPECT_EQ(-EINVAL, create_items(self->dev, 1025));
	EXPECT_EQ(-EINVAL, create_items(self->dev, 0));
}

/* Rule: the size limit counts all items of a list together. */
TEST_F(limits, size_of_a_list)
{
	int memfd = memfd_make(MIB, F_SEAL_SHRINK, 0);
	struct udmabuf_create_item items[] = {
		{ .memfd = memfd, .size = MIB },
		{ .memfd = memfd, .size = MIB - PAGE },
		{ .memfd = memfd, .size = PAGE },
	};
	int buf;

	ASSERT_EQ(0, set_limits("1024", "2"));
	buf = udmabuf_make_list(self->dev, items, 3);
	EXPECT_LE(0, buf);
	close(buf);
	items[1].size += PAGE;
	EXPECT_EQ(-EINVAL, udmabuf_make_list(self->dev, items, 3));
	/* Sizes whose sum overflows to a small one. */
	items[0].size = -(__u64)PAGE;
	items[1].size = 2 * PAGE;
	EXPECT_EQ(-EINVAL, udmabuf_make_list(self->dev, items, 2));
	items[0].size = 1ULL << 63;
	items[1].size = 1ULL << 63;
	EXPECT_EQ(-EINVAL, udmabuf_make_list(self->dev, items, 3));
	close(memfd);
}

/* Rule: a negative limit of items allows none, whatever the count. */
TEST_F(limits, negative_list_limit)
{
	/* 24 times the first two is 8 and 24 in 32 bits. */
	static const __u32 counts[] = {
		0x0aaaaaab, 0xaaaaaaab + 1, 1U << 31, ~0U, 1, 1024,
	};
	struct {
		struct udmabuf_create_list head;
		struct udmabuf_create_item items[4];
	} arg = { };
	size_t i;

	ASSERT_EQ(0, set_limits("-1", "64"));
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		arg.head.count = counts[i];
		EXPECT_EQ(-EINVAL, ioctl_once(self->dev, UDMABUF_CREATE_LIST, &arg))
			TH_LOG("count %x", counts[i]);
	}
}

/* Rule: a limit of 0, or a negative one, allows nothing. */
TEST_F(limits, nothing_allowed)
{
	ASSERT_EQ(0, set_limits("0", "64"));
	EXPECT_EQ(-EINVAL, create_items(self->dev, 1));
	ASSERT_EQ(0, set_limits("1024", "0"));
	EXPECT_EQ(-EINVAL, create_size(self->dev, PAGE));
	ASSERT_EQ(0, set_limits("1024", "-1"));
	EXPECT_EQ(-EINVAL, create_size(self->dev, PAGE));
}

/* Rule (CVE-2025-37803, CVE-2024-56544): limits of 4 GiB and more mean what they say. */
TEST_F(limits, large_limits)
{
	ASSERT_EQ(0, set_limits("1024", "4096"));
	EXPECT_EQ(0, create_size(self->dev, 65 * MIB));
	if (sizeof(long) > 4)
		EXPECT_EQ(-EINVAL, create_size(self->dev, 4096 * MIB + PAGE));
	ASSERT_EQ(0, set_limits("1024", "2147483647"));
	EXPECT_EQ(0, create_size(self->dev, 65 * MIB));
}

#define MEMFD_SIZE	(8 * MIB)

static void *map_shared(int fd, size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

/*
 * Create a buffer that has the pages of a memfd again and again, map it, and count the pages that
 * are not those of the memfd. Return an errno if that fails.
 */
static long wrong_pages_of(int dev, unsigned int flags, __u64 size)
{
	const __u32 count = size / MEMFD_SIZE;
	struct udmabuf_create_item *items = calloc(count, sizeof(*items));
	int memfd = memfd_make(MEMFD_SIZE, F_SEAL_SHRINK, flags);
	uint32_t *map = map_shared(memfd, MEMFD_SIZE);
	const size_t step = PAGE / sizeof(*map);
	long wrong = -ENOMEM;
	__u64 page;
	int buf;

	if (!items || map == MAP_FAILED)
		return wrong;
	for (page = 0; page < MEMFD_SIZE / PAGE; page++)
		map[page * step] = page;
	munmap(map, MEMFD_SIZE);
	for (page = 0; page < count; page++)
		items[page] = (struct udmabuf_create_item){ .memfd = memfd, .size = MEMFD_SIZE };
	buf = udmabuf_make_list(dev, items, count);
	wrong = buf < 0 ? buf : -EIO;
	map = map_shared(buf, size);
	if (map != MAP_FAILED && (__u64)lseek(buf, 0, SEEK_END) == size) {
		wrong = 0;
		for (page = 0; page < size / PAGE; page++)
			wrong += map[page * step] != page % (MEMFD_SIZE / PAGE);
		munmap(map, size);
	}
	close(buf);
	close(memfd);
	free(items);
	return wrong;
}

/* Rule: a buffer of 1 GiB has all its pages. */
TEST_F(limits, gibibyte_of_small_pages)
{
	ASSERT_EQ(0, set_limits("1024", "1024"));
	EXPECT_EQ(0, wrong_pages_of(self->dev, 0, 1024 * MIB));
}

/* Rule (CVE-2024-56544): so have buffers of huge pages, also one of 3 GiB. */
TEST_F(limits, gibibytes_of_huge_pages)
{
	const unsigned int flags = MFD_HUGETLB | MFD_HUGE_2MB;

	if (huge_pages_free() < 4)
		SKIP(return, "huge pages are missing");
	ASSERT_EQ(0, set_limits("1024", "3072"));
	EXPECT_EQ(0, wrong_pages_of(self->dev, flags, 1024 * MIB));
	/* An address of 32 bits has no room for more. */
	if (sizeof(long) > 4)
		EXPECT_EQ(0, wrong_pages_of(self->dev, flags, 3072 * MIB));
}

/* Rule: a larger limit of items is honoured. */
TEST_F(limits, many_items)
{
	ASSERT_EQ(0, set_limits("5000", "64"));
	EXPECT_EQ(0, create_items(self->dev, 5000));
	EXPECT_EQ(-EINVAL, create_items(self->dev, 5001));
}

#define DYNAMIC_DEBUG	"/proc/dynamic_debug/control"

/* Create a udmabuf of a list that is refused; return whether the kernel's log says @text. */
static bool refusal_says(int dev, int log, unsigned int items, __u64 size, const char *text)
{
	struct udmabuf_create_item *list = calloc(items, sizeof(*list));
	unsigned int i;
	char line[512];
	bool said = false;
	ssize_t len;

	for (i = 0; i < items; i++)
		list[i] = (struct udmabuf_create_item){ .memfd = -1, .size = size };
	lseek(log, 0, SEEK_END);
	if (udmabuf_make_list(dev, list, items) == -EINVAL) {
		/* EPIPE: lines were overwritten before they were read. */
		while ((len = read(log, line, sizeof(line) - 1)) > 0 || errno == EPIPE) {
			line[len < 0 ? 0 : len] = '\0';
			said |= !!strstr(line, text);
		}
	}
	free(list);
	return said;
}

/* Rule: a debug message says which limit refused a udmabuf. */
TEST_F(limits, refusals_are_logged)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	ASSERT_LE(0, log);
	if (file_put(DYNAMIC_DEBUG, "file udmabuf-device.c +p"))
		SKIP(return, "a kernel without dynamic debug");
	ASSERT_EQ(0, set_limits("3", "1"));
	EXPECT_TRUE(refusal_says(self->dev, log, 4, PAGE, "udmabuf: 4 items exceed list_limit"));
	EXPECT_TRUE(refusal_says(self->dev, log, 3, MIB / 2,
				 "udmabuf: items up to 2 exceed size_limit_mb"));
	EXPECT_TRUE(refusal_says(self->dev, log, 2, PAGE / 2,
				 "udmabuf: item 0 is not a range of pages"));
	EXPECT_EQ(0, file_put(DYNAMIC_DEBUG, "file udmabuf-device.c -p"));
	EXPECT_FALSE(refusal_says(self->dev, log, 4, PAGE, "udmabuf:"));
	close(log);
}

TEST_HARNESS_MAIN
