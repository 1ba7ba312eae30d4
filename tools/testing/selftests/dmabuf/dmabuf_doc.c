// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_doc - the examples of the documentation of heaps and udmabuf.
 *
 * The pages below Documentation/ include the code between "sample" and "end sample". That
 * code uses none of the tests' helpers. The tests at the end of this file run it.
 */
/* sample: includes */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* end sample */
#include "harness.h"

/* sample: heap */
/* Allocate a buffer. Returns its descriptor, or -1 with errno set. */
static int heap_alloc(const char *heap, size_t size)
{
	struct dma_heap_allocation_data arg = {
		.len = size,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};
	int fd = open(heap, O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -1;
	ret = ioctl(fd, DMA_HEAP_IOCTL_ALLOC, &arg);
	close(fd);
	return ret ? -1 : (int)arg.fd;
}

/* Tell the kernel that an access of the CPU begins or ends. */
static int buffer_sync(int buf, __u64 flags)
{
	struct dma_buf_sync arg = { .flags = flags };
	int ret;

	do {
		ret = ioctl(buf, DMA_BUF_IOCTL_SYNC, &arg);
	} while (ret && errno == EINTR);
	return ret;
}

/* Write to a buffer with the CPU. */
static int buffer_fill(int buf, size_t size, int value)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, buf, 0);
	int ret;

	if (mem == MAP_FAILED)
		return -1;
	ret = buffer_sync(buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);
	if (!ret) {
		memset(mem, value, size);
		ret = buffer_sync(buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);
	}
	munmap(mem, size);
	return ret;
}

/* end sample */

/* sample: udmabuf */
/* Make memory that can be a dma-buf. Returns a memfd, or -1 with errno set. */
static int memory_create(size_t size)
{
	int memfd = memfd_create("guest", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	if (memfd < 0)
		return -1;
	if (!ftruncate(memfd, size) && !fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		return memfd;
	close(memfd);
	return -1;
}

/* Make a dma-buf of one range. Returns its descriptor, or -1 with errno set. */
static int udmabuf_create(int memfd, off_t offset, size_t size)
{
	struct udmabuf_create arg = {
		.memfd = memfd,
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.offset = offset,
		.size = size,
	};
	int fd = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int buf;

	if (fd < 0)
		return -1;
	buf = ioctl(fd, UDMABUF_CREATE, &arg);
	close(fd);
	return buf;
}

/* end sample */

/* sample: udmabuf list */
/* Make a dma-buf of several ranges of @size bytes each. */
static int udmabuf_create_list(int memfd, const off_t *offsets, unsigned int count,
			       size_t size)
{
	struct udmabuf_create_list *arg;
	int fd, buf;

	arg = calloc(1, sizeof(*arg) + count * sizeof(arg->list[0]));
	if (!arg)
		return -1;
	arg->flags = UDMABUF_FLAGS_CLOEXEC;
	arg->count = count;
	for (unsigned int i = 0; i < count; i++) {
		arg->list[i].memfd = memfd;
		arg->list[i].offset = offsets[i];
		arg->list[i].size = size;
	}

	fd = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	buf = fd < 0 ? -1 : ioctl(fd, UDMABUF_CREATE_LIST, arg);
	if (fd >= 0)
		close(fd);
	free(arg);
	return buf;
}

/* end sample */

#define PAGE	((size_t)sysconf(_SC_PAGESIZE))

/* Return whether all bytes of a buffer are @value. */
static int buffer_holds(int buf, size_t size, unsigned char value)
{
	unsigned char *mem = mmap(NULL, size, PROT_READ, MAP_SHARED, buf, 0);
	size_t i = 0;

	if (mem == MAP_FAILED)
		return 0;
	while (i < size && mem[i] == value)
		i++;
	munmap(mem, size);
	return i == size;
}

TEST(heap_buffer_is_filled)
{
	int buf = heap_alloc("/dev/dma_heap/system", 3 * PAGE);

	if (buf < 0 && (errno == ENOENT || errno == ENXIO))
		SKIP(return, "the system heap is missing");
	ASSERT_LE(0, buf);
	EXPECT_TRUE(buffer_holds(buf, 3 * PAGE, 0));
	EXPECT_EQ(0, buffer_fill(buf, 3 * PAGE, 0x5a));
	EXPECT_TRUE(buffer_holds(buf, 3 * PAGE, 0x5a));
	close(buf);
}

FIXTURE(memory) {
	int memfd;
};

FIXTURE_SETUP(memory)
{
	if (access("/dev/udmabuf", F_OK))
		SKIP(return, "udmabuf is missing");
	self->memfd = memory_create(4 * PAGE);
	ASSERT_LE(0, self->memfd);
}

FIXTURE_TEARDOWN(memory)
{
	close(self->memfd);
}

TEST_F(memory, range_is_a_buffer)
{
	int buf = udmabuf_create(self->memfd, PAGE, 2 * PAGE);
	char byte = 0;

	ASSERT_LE(0, buf);
	EXPECT_EQ(0, buffer_fill(buf, 2 * PAGE, 0x5a));
	EXPECT_EQ(1, pread(self->memfd, &byte, 1, PAGE));
	EXPECT_EQ(0x5a, byte);
	close(buf);
}

TEST_F(memory, ranges_follow_each_other)
{
	const off_t offsets[] = { 3 * PAGE, PAGE };
	int buf = udmabuf_create_list(self->memfd, offsets, 2, PAGE);

	ASSERT_LE(0, buf);
	EXPECT_EQ(2 * PAGE, (size_t)lseek(buf, 0, SEEK_END));
	EXPECT_EQ(1, pwrite(self->memfd, "x", 1, PAGE));
	EXPECT_FALSE(buffer_holds(buf, 2 * PAGE, 0));
	EXPECT_TRUE(buffer_holds(buf, PAGE, 0));
	close(buf);
}

TEST_HARNESS_MAIN
