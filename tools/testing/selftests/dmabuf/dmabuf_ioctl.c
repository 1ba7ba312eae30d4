// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_ioctl - the arguments that the ioctls of a dma-buf accept, and those that they
 * refuse. dmabuf_sync_file tests the ioctls that export and import fences.
 */
#include <linux/dma-buf.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include "fence.h"
#include "fixture.h"

/* Return an address with only @inside bytes before an unmapped page, or NULL. */
static void *page_edge(size_t inside)
{
	unsigned char *map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || munmap(map + PAGE, PAGE))
		return NULL;
	return map + PAGE - inside;
}

/* Rule: SYNC accepts START and END for every direction, any number of times. */
TEST_F(buffer, sync_every_direction)
{
	static const __u64 directions[] = {
		DMA_BUF_SYNC_READ, DMA_BUF_SYNC_WRITE, DMA_BUF_SYNC_RW,
	};
	size_t i, round;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_SIZE(directions); i++) {
			EXPECT_EQ(0, buf_sync(self->buf, directions[i] | DMA_BUF_SYNC_START));
			EXPECT_EQ(0, buf_sync(self->buf, directions[i] | DMA_BUF_SYNC_END));
		}
	}
}

/* Rule: SYNC without a direction is EINVAL. */
TEST_F(buffer, sync_needs_a_direction)
{
	EXPECT_EQ(-EINVAL, buf_sync(self->buf, DMA_BUF_SYNC_START));
	EXPECT_EQ(-EINVAL, buf_sync(self->buf, DMA_BUF_SYNC_END));
}

/* Rule: SYNC refuses every unknown flag, alone and with known ones. */
TEST_F(buffer, sync_refuses_unknown_flags)
{
	unsigned int bit;

	for (bit = 3; bit < 64; bit++) {
		EXPECT_EQ(-EINVAL, buf_sync(self->buf, 1ULL << bit));
		EXPECT_EQ(-EINVAL, buf_sync(self->buf, 1ULL << bit | DMA_BUF_SYNC_RW));
		EXPECT_EQ(-EINVAL, buf_sync(self->buf, 1ULL << bit | DMA_BUF_SYNC_RW |
						       DMA_BUF_SYNC_END));
	}
}

/* Rule: unbalanced SYNC calls of a program do not break the buffer. */
TEST_F(buffer, sync_unbalanced)
{
	unsigned char *map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, self->buf, 0);
	int i;

	ASSERT_NE(MAP_FAILED, map);
	for (i = 0; i < 3; i++)
		buf_sync(self->buf, DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_WRITE | DMA_BUF_SYNC_START));
	EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_READ | DMA_BUF_SYNC_START));
	map[0] = 0x3c;
	EXPECT_EQ(0x3c, map[0]);
	EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END));
	munmap(map, PAGE);
}

/* Rule: every ioctl with a pointer returns EFAULT for a bad one. */
TEST_F(buffer, bad_pointers)
{
	static const unsigned long cmds[] = {
		DMA_BUF_IOCTL_SYNC, DMA_BUF_SET_NAME_A, DMA_BUF_SET_NAME_B,
		DMA_BUF_IOCTL_EXPORT_SYNC_FILE, DMA_BUF_IOCTL_IMPORT_SYNC_FILE,
	};
	void *edge = page_edge(2);
	size_t i;

	ASSERT_NE(NULL, edge);
	memset(edge, 'x', 2);
	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		EXPECT_EQ(-EFAULT, xioctl(self->buf, cmds[i], NULL));
		EXPECT_EQ(-EFAULT, xioctl(self->buf, cmds[i], (void *)1UL));
		EXPECT_EQ(-EFAULT, xioctl(self->buf, cmds[i], (void *)-PAGE));
		EXPECT_EQ(-EFAULT, xioctl(self->buf, cmds[i], edge));
	}
	munmap((void *)((unsigned long)edge & -PAGE), PAGE);
}

/* Rule: an unused ioctl number of the dma-buf type is ENOTTY. */
TEST_F(buffer, unknown_numbers)
{
	unsigned char arg[64] = { 0 };
	unsigned int nr;

	for (nr = 4; nr < 256; nr++) {
		EXPECT_EQ(-ENOTTY, xioctl(self->buf, _IO('b', nr), arg));
		EXPECT_EQ(-ENOTTY, xioctl(self->buf, _IOW('b', nr, __u64), arg));
		EXPECT_EQ(-ENOTTY, xioctl(self->buf, _IOWR('b', nr, __u64), arg));
	}
}

/* Rule: a known ioctl number with another size or direction is ENOTTY. */
TEST_F(buffer, wrong_sizes_and_directions)
{
	static const struct { unsigned int nr, size[2], dir; } table[] = {
		{ 0, { 8, 8 }, _IOC_WRITE },
		{ 1, { 4, 8 }, _IOC_WRITE },
		{ 2, { 8, 8 }, _IOC_READ | _IOC_WRITE },
		{ 3, { 8, 8 }, _IOC_WRITE },
	};
	unsigned char arg[256] = { 0 };
	unsigned int size, dir, tried = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		for (size = 0; size <= sizeof(arg); size++) {
			for (dir = 0; dir < 4; dir++) {
				if (dir == table[i].dir && (size == table[i].size[0] ||
							    size == table[i].size[1]))
					continue;
				tried += xioctl(self->buf, _IOC(dir, 'b', table[i].nr, size),
						arg) == -ENOTTY;
			}
		}
	}
	EXPECT_EQ(4 * 4 * (sizeof(arg) + 1) - 5, tried);
}

/* Rule: ioctls of other types are ENOTTY. */
TEST_F(buffer, ioctls_of_other_types)
{
	static const unsigned long cmds[] = { TIOCGWINSZ, FIONREAD, _IO('W', 1), _IO('H', 0) };
	unsigned char arg[64] = { 0 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cmds); i++)
		EXPECT_EQ(-ENOTTY, xioctl(self->buf, cmds[i], arg));
}

/* Rule: both numbers of SET_NAME take a pointer to the name, and replace the old one. */
TEST_F(buffer, name_by_both_ioctls)
{
	char value[64];

	ASSERT_EQ(0, xioctl(self->buf, DMA_BUF_SET_NAME_A, "first"));
	ASSERT_EQ(0, fd_info(self->buf, "name", value, sizeof(value)));
	EXPECT_STREQ("first", value);
	ASSERT_EQ(0, xioctl(self->buf, DMA_BUF_SET_NAME_B, "second"));
	ASSERT_EQ(0, fd_info(self->buf, "name", value, sizeof(value)));
	EXPECT_STREQ("second", value);
}

/* Rule: a name of more than 31 characters is EINVAL and leaves the old name. */
TEST_F(buffer, name_length)
{
	char name[DMA_BUF_NAME_LEN + 8], value[64];
	size_t len;

	memset(name, 'n', sizeof(name));
	name[DMA_BUF_NAME_LEN - 1] = '\0';
	ASSERT_EQ(0, buf_set_name(self->buf, name));
	ASSERT_EQ(0, fd_info(self->buf, "name", value, sizeof(value)));
	EXPECT_STREQ(name, value);

	for (len = DMA_BUF_NAME_LEN; len < sizeof(name); len++) {
		memset(name, 'x', len);
		name[len] = '\0';
		EXPECT_EQ(-EINVAL, buf_set_name(self->buf, name));
	}
	ASSERT_EQ(0, fd_info(self->buf, "name", value, sizeof(value)));
	EXPECT_EQ('n', value[0]);
	EXPECT_EQ(DMA_BUF_NAME_LEN - 1, strlen(value));
}

/* Rule: a name may be empty, and is never used as a format string. */
TEST_F(buffer, name_content)
{
	char value[64];

	ASSERT_EQ(0, buf_set_name(self->buf, "%s%n%p"));
	ASSERT_EQ(0, fd_link(self->buf, value, sizeof(value)));
	EXPECT_STREQ("/dmabuf:%s%n%p", value);
	ASSERT_EQ(0, buf_set_name(self->buf, ""));
	ASSERT_EQ(0, fd_link(self->buf, value, sizeof(value)));
	EXPECT_STREQ("/dmabuf:", value);
}

/* Rule: SET_NAME reads no byte behind the NUL, which may be the last mapped one. */
TEST_F(buffer, name_at_page_edge)
{
	char *edge = page_edge(5);
	char value[64];

	ASSERT_NE(NULL, edge);
	memcpy(edge, "edge", 5);
	ASSERT_EQ(0, buf_set_name(self->buf, edge));
	ASSERT_EQ(0, fd_info(self->buf, "name", value, sizeof(value)));
	EXPECT_STREQ("edge", value);
	munmap((void *)((unsigned long)edge & -PAGE), PAGE);
}

#define NAME_SHORT	"a"
#define NAME_LONG	"a name of thirty-one characters"

/**
 * struct loop - what a test's threads share
 * @buf: the buffer
 * @errors: calls that failed
 * @stop: the threads are to return
 */
struct loop {
	int buf;
	unsigned int errors;
	int stop;
};

static void *rename_loop(void *arg)
{
	struct loop *loop = arg;
	unsigned int i;

	for (i = 0; !__atomic_load_n(&loop->stop, __ATOMIC_ACQUIRE); i++)
		if (buf_set_name(loop->buf, i & 1 ? NAME_SHORT : NAME_LONG))
			__atomic_add_fetch(&loop->errors, 1, __ATOMIC_RELAXED);
	return NULL;
}

/*
 * Rule: a reader sees one name or the other while they change, never a mixture. The test
 * reads until fdinfo and the link have each shown both names.
 */
TEST_F(buffer, name_races_with_readers)
{
	unsigned int i, torn = 0, fdinfo[2] = { 0 }, link[2] = { 0 };
	struct loop loop = { .buf = self->buf };
	pthread_t threads[2];
	char value[64];

	ASSERT_EQ(0, buf_set_name(self->buf, NAME_SHORT));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, rename_loop, &loop));
	for (i = 0; i < 500 || !fdinfo[0] || !fdinfo[1] || !link[0] || !link[1]; i++) {
		ASSERT_EQ(0, fd_link(self->buf, value, sizeof(value)));
		link[0] += !strcmp(value, "/dmabuf:" NAME_SHORT);
		link[1] += !strcmp(value, "/dmabuf:" NAME_LONG);
		torn += link[0] + link[1] != i + 1;
		ASSERT_EQ(0, fd_info(self->buf, "name", value, sizeof(value)));
		fdinfo[0] += !strcmp(value, NAME_SHORT);
		fdinfo[1] += !strcmp(value, NAME_LONG);
		torn += fdinfo[0] + fdinfo[1] != i + 1;
		ASSERT_EQ(0, torn) TH_LOG("read %u: %s", i, value);
	}
	__atomic_store_n(&loop.stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, loop.errors);
}

#define SYNC_THREADS	4
#define SYNC_ROUNDS	50

/**
 * struct sync_round - what the threads of sync_from_threads share
 * @arrived: arrivals at the begin and at the end of all rounds
 * @buf: the buffer of the round
 * @errors: calls that failed
 */
struct sync_round {
	unsigned int arrived;
	int buf;
	unsigned int errors;
};

/* Wait until all threads have arrived. Spins, so that they continue at the same time. */
static void sync_round_meet(struct sync_round *round, unsigned int meeting)
{
	__atomic_add_fetch(&round->arrived, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&round->arrived, __ATOMIC_ACQUIRE) < meeting * (SYNC_THREADS + 1))
		sched_yield();
}

static void *sync_rounds(void *arg)
{
	struct sync_round *round = arg;
	unsigned int i, direction, errors;

	for (i = 0; i < SYNC_ROUNDS; i++) {
		errors = 0;
		sync_round_meet(round, 2 * i + 1);
		for (direction = DMA_BUF_SYNC_READ; direction <= DMA_BUF_SYNC_RW; direction++) {
			errors += !!buf_sync(round->buf, direction | DMA_BUF_SYNC_START);
			errors += !!buf_sync(round->buf, direction | DMA_BUF_SYNC_END);
		}
		__atomic_add_fetch(&round->errors, errors, __ATOMIC_RELAXED);
		sync_round_meet(round, 2 * i + 2);
	}
	return NULL;
}

/*
 * Rule: several threads may begin and end CPU access to one new buffer at the same time.
 * An exporter that sets up its own mapping at the first SYNC without a lock, as udmabuf of
 * Linux 6.12 does, leaks a mapping here, which kmemleak reports after the programs.
 */
TEST_F(buffer, sync_from_threads)
{
	struct sync_round round = { .arrived = 0 };
	pthread_t threads[SYNC_THREADS];
	int i;

	for (i = 0; i < SYNC_THREADS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, sync_rounds, &round));
	for (i = 0; i < SYNC_ROUNDS; i++) {
		round.buf = buffer_export(variant);
		EXPECT_LE(0, round.buf);
		sync_round_meet(&round, 2 * i + 1);
		sync_round_meet(&round, 2 * i + 2);
		close(round.buf);
	}
	for (i = 0; i < SYNC_THREADS; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, round.errors);
}

/* Rule: the ioctls are ENOTTY on other files and EBADF on a closed descriptor. */
TEST(wrong_descriptors)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int mem = memfd_create("not a dma-buf", MFD_CLOEXEC);
	int ends[2];

	ASSERT_LE(0, null);
	ASSERT_LE(0, mem);
	ASSERT_EQ(0, pipe(ends));
	EXPECT_EQ(-ENOTTY, buf_sync(null, DMA_BUF_SYNC_RW));
	EXPECT_EQ(-ENOTTY, buf_sync(mem, DMA_BUF_SYNC_RW));
	EXPECT_EQ(-ENOTTY, buf_set_name(ends[0], "x"));
	EXPECT_EQ(-ENOTTY, buf_fence_get(ends[1], DMA_BUF_SYNC_RW));
	close(ends[0]);
	close(ends[1]);
	close(null);
	close(mem);
	EXPECT_EQ(-EBADF, buf_sync(mem, DMA_BUF_SYNC_RW));
	EXPECT_EQ(-EBADF, buf_sync(-1, DMA_BUF_SYNC_RW));
}

#ifdef __x86_64__
/* Call ioctl() by the 32-bit entry of the kernel, where it has the number 54. */
static int ioctl_compat(int fd, unsigned int cmd, void *arg)
{
	int ret;

	asm volatile("int $0x80" : "=a" (ret)
		     : "a" (54), "b" (fd), "c" (cmd), "d" ((unsigned int)(unsigned long)arg)
		     : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

/* Without CONFIG_IA32_EMULATION int $0x80 raises SIGSEGV. */
static bool compat_present(void)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		ioctl_compat(-1, 0, NULL);
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && !status;
}

/* Rule: the ioctls return the same to 32-bit programs on a 64-bit kernel. */
TEST_F(buffer, compat_ioctls)
{
	struct low {
		struct dma_buf_sync sync;
		struct dma_buf_export_sync_file get;
		struct dma_buf_import_sync_file add;
		char name[16];
	} *low;
	char value[64];

	if (!compat_present())
		SKIP(return, "the kernel runs no 32-bit programs");
	low = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_NE(MAP_FAILED, low);
	low->sync.flags = DMA_BUF_SYNC_RW;
	EXPECT_EQ(0, ioctl_compat(self->buf, DMA_BUF_IOCTL_SYNC, &low->sync));
	low->sync.flags |= DMA_BUF_SYNC_END;
	EXPECT_EQ(0, ioctl_compat(self->buf, DMA_BUF_IOCTL_SYNC, &low->sync));
	low->sync.flags = 1ULL << 40;
	EXPECT_EQ(-EINVAL, ioctl_compat(self->buf, DMA_BUF_IOCTL_SYNC, &low->sync));

	memcpy(low->name, "from 32 bits", 13);
	EXPECT_EQ(0, ioctl_compat(self->buf, DMA_BUF_SET_NAME_A, low->name));
	ASSERT_EQ(0, fd_info(self->buf, "name", value, sizeof(value)));
	EXPECT_STREQ("from 32 bits", value);

	low->get.flags = DMA_BUF_SYNC_WRITE;
	ASSERT_EQ(0, ioctl_compat(self->buf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &low->get));
	low->add.flags = DMA_BUF_SYNC_READ;
	low->add.fd = low->get.fd;
	EXPECT_EQ(0, ioctl_compat(self->buf, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &low->add));
	close(low->get.fd);
	EXPECT_EQ(-ENOTTY, ioctl_compat(self->buf, _IO('b', 77), low));
	munmap(low, PAGE);
}
#endif

TEST_HARNESS_MAIN
