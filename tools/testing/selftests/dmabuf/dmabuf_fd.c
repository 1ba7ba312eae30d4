// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_fd - the system calls for any file, on a dma-buf: what they return, and which
 * of them are refused.
 */
#include <linux/memfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "display.h"
#include "fence.h"
#include "fixture.h"

/* Rule: SEEK_END with offset 0 returns the size, SEEK_SET with offset 0 returns 0. */
TEST_F(buffer, lseek_returns_the_size)
{
	EXPECT_EQ((off_t)self->size, lseek(self->buf, 0, SEEK_END));
	EXPECT_EQ(0, lseek(self->buf, 0, SEEK_SET));
}

/* Rule: a dma-buf has no file position: any other offset or origin is EINVAL. */
TEST_F(buffer, lseek_elsewhere_is_refused)
{
	static const struct { off_t offset; int whence; } table[] = {
		{ 0, SEEK_CUR }, { 0, SEEK_DATA }, { 0, SEEK_HOLE }, { 1, SEEK_SET },
		{ -1, SEEK_END }, { 4096, SEEK_SET }, { 0, 42 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		EXPECT_EQ(-1, lseek(self->buf, table[i].offset, table[i].whence))
			TH_LOG("offset %ld, whence %d", (long)table[i].offset, table[i].whence);
		EXPECT_EQ(EINVAL, errno);
	}
}

/* Rule: fstat() returns the size, and st_blocks the size in 512-byte blocks. */
TEST_F(buffer, fstat_returns_size_and_blocks)
{
	struct stat st;

	ASSERT_EQ(0, fstat(self->buf, &st));
	EXPECT_EQ((off_t)self->size, st.st_size);
	EXPECT_EQ((blkcnt_t)(self->size / 512), st.st_blocks);
	EXPECT_NE(0, st.st_ino);
}

/* Rule: all descriptors of a buffer have its inode number, and no other buffer has it. */
TEST_F(buffer, inode_number_is_unique)
{
	unsigned long long ino[32];
	int other, same, i, j;

	same = dup(self->buf);
	ASSERT_LE(0, same);
	EXPECT_EQ(fd_ino(self->buf), fd_ino(same));
	close(same);

	ino[0] = fd_ino(self->buf);
	for (i = 1; i < 32; i++) {
		other = buffer_export(variant);
		ASSERT_LE(0, other);
		ino[i] = fd_ino(other);
		/* The number of a released buffer is not used again. */
		close(other);
		for (j = 0; j < i; j++)
			EXPECT_NE(ino[j], ino[i]);
	}
}

/* Rule: all dma-bufs have the same st_dev, and a memfd has another one. */
TEST_F(buffer, device_number_is_shared)
{
	struct stat st, other_st, mem_st;
	int other, mem;

	other = buffer_export(variant);
	mem = memfd_create("other", MFD_CLOEXEC);
	ASSERT_LE(0, other);
	ASSERT_LE(0, mem);
	ASSERT_EQ(0, fstat(self->buf, &st));
	ASSERT_EQ(0, fstat(other, &other_st));
	ASSERT_EQ(0, fstat(mem, &mem_st));
	EXPECT_EQ(st.st_dev, other_st.st_dev);
	EXPECT_NE(st.st_dev, mem_st.st_dev);
	close(other);
	close(mem);
}

/* Rule: fdinfo has size, reference count, exporter and, once set, the name. */
TEST_F(buffer, fdinfo_describes_the_buffer)
{
	char value[64];
	int same;

	ASSERT_EQ(0, fd_info(self->buf, "size", value, sizeof(value)));
	EXPECT_EQ(self->size, strtoul(value, NULL, 10));
	ASSERT_EQ(0, fd_info(self->buf, "exp_name", value, sizeof(value)));
	EXPECT_NE('\0', value[0]);
	EXPECT_EQ(-ENOENT, fd_info(self->buf, "name", value, sizeof(value)));

	ASSERT_EQ(0, buf_set_name(self->buf, "frame 7"));
	ASSERT_EQ(0, fd_info(self->buf, "name", value, sizeof(value)));
	EXPECT_STREQ("frame 7", value);

	ASSERT_EQ(0, fd_info(self->buf, "count", value, sizeof(value)));
	EXPECT_STREQ("1", value);
	same = dup(self->buf);
	ASSERT_EQ(0, fd_info(self->buf, "count", value, sizeof(value)));
	EXPECT_STREQ("2", value);
	close(same);
}

/* Rule: behind these lines, fdinfo tells who has the buffer attached and mapped. */
TEST_F(buffer, fdinfo_tells_the_users)
{
	bool maps = variant->exporter != &exporter_vgem;
	struct display_buffer imported;
	struct display dpy;
	char value[64];

	/* Another driver than the exporter: vgem does not attach to its own buffers. */
	ASSERT_EQ(0, display_open(&dpy, maps ? "vgem" : DISPLAY_DRIVER));
	ASSERT_EQ(0, fd_info(self->buf, "attached", value, sizeof(value)));
	EXPECT_STREQ("0", value);
	EXPECT_EQ(-ENOENT, fd_info(self->buf, "mapped", value, sizeof(value)));
	ASSERT_EQ(0, display_import(&dpy, self->buf, &imported));
	ASSERT_EQ(0, fd_info(self->buf, "attached", value, sizeof(value)));
	EXPECT_STREQ("1", value);
	/* vgem maps what it imports. */
	if (maps) {
		ASSERT_EQ(0, fd_info(self->buf, "mapped", value, sizeof(value)));
		EXPECT_EQ(0, strncmp(value, "vgem", 4)) TH_LOG("%s", value);
	}
	ASSERT_EQ(0, display_release(&dpy, &imported));
	ASSERT_EQ(0, fd_info(self->buf, "attached", value, sizeof(value)));
	EXPECT_STREQ("0", value);
	EXPECT_EQ(-ENOENT, fd_info(self->buf, "mapped", value, sizeof(value)));
	display_close(&dpy);
}

/* Rule: /proc/self/fd/N links to /dmabuf:NAME. */
TEST_F(buffer, link_has_the_name)
{
	char target[64];

	ASSERT_EQ(0, fd_link(self->buf, target, sizeof(target)));
	EXPECT_STREQ("/dmabuf:", target);
	ASSERT_EQ(0, buf_set_name(self->buf, "camera"));
	ASSERT_EQ(0, fd_link(self->buf, target, sizeof(target)));
	EXPECT_STREQ("/dmabuf:camera", target);
}

/* Rule: the descriptor has O_CLOEXEC only if the export asked for it. */
TEST_F(buffer, cloexec_as_asked)
{
	int open_fd = variant->exporter->export(BUF_SIZE, O_RDWR);

	ASSERT_LE(0, open_fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->buf, F_GETFD));
	EXPECT_EQ(0, fcntl(open_fd, F_GETFD));
	close(open_fd);
}

/* Rule: the export sets the access mode, and mmap() honours it. */
TEST_F(buffer, access_mode_as_asked)
{
	int ro;

	EXPECT_EQ(O_RDWR, fcntl(self->buf, F_GETFL) & O_ACCMODE);
	if (!variant->exporter->access_mode)
		return;
	ro = variant->exporter->export(BUF_SIZE, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, ro);
	EXPECT_EQ(O_RDONLY, fcntl(ro, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, ro, 0));
	EXPECT_EQ(EACCES, errno);
	close(ro);
}

/* Rule: a duplicate keeps the buffer alive after the first descriptor is closed. */
TEST_F(buffer, dup_keeps_the_buffer)
{
	int same = dup(self->buf);
	unsigned char *map;

	ASSERT_LE(0, same);
	close(self->buf);
	EXPECT_EQ((off_t)self->size, lseek(same, 0, SEEK_END));
	map = mmap(NULL, self->size, PROT_READ | PROT_WRITE, MAP_SHARED, same, 0);
	ASSERT_NE(MAP_FAILED, map);
	map[self->size - 1] = 0x5a;
	EXPECT_EQ(0x5a, map[self->size - 1]);
	munmap(map, self->size);
	self->buf = same;
}

/* Rule: a descriptor received from a socket refers to the same buffer. */
TEST_F(buffer, socket_passes_the_buffer)
{
	int ends[2], got = -1;
	char byte = 0;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	ASSERT_EQ(0, fd_send(ends[0], self->buf, "x", 1));
	ASSERT_EQ(0, fd_receive(ends[1], &got, &byte, 1));
	ASSERT_LE(0, got);
	EXPECT_EQ(fd_ino(self->buf), fd_ino(got));
	close(got);
	close(ends[0]);
	close(ends[1]);
}

/* Rule: a child process shares the memory of a mapped buffer. */
TEST_F(buffer, fork_shares_the_bytes)
{
	unsigned char *map;
	int status;
	pid_t pid;

	map = mmap(NULL, self->size, PROT_READ | PROT_WRITE, MAP_SHARED, self->buf, 0);
	ASSERT_NE(MAP_FAILED, map);
	map[0] = 1;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		map[PAGE] = map[0] + 1;
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(2, map[PAGE]);
	munmap(map, self->size);
}

/* Rule: an O_PATH descriptor keeps the inode and the name, but takes no ioctl or mmap(). */
TEST_F(buffer, path_only_descriptor)
{
	unsigned long long ino = fd_ino(self->buf);
	char path[64], target[64];
	int fd;

	ASSERT_EQ(0, buf_set_name(self->buf, "path"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->buf);
	fd = open(path, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBADF, buf_sync(fd, DMA_BUF_SYNC_READ));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(EBADF, errno);

	/* The O_PATH descriptor now holds the only reference to the inode. */
	close(self->buf);
	self->buf = -1;
	EXPECT_EQ(ino, fd_ino(fd));
	ASSERT_EQ(0, fd_link(fd, target, sizeof(target)));
	EXPECT_STREQ("/dmabuf:path", target);
	close(fd);
}

/* Rule: opening the link /proc/self/fd/N is ENXIO. */
TEST_F(buffer, reopen_is_refused)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	char path[64];
	size_t i;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->buf);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		EXPECT_EQ(-1, open(path, modes[i] | O_CLOEXEC));
		EXPECT_EQ(ENXIO, errno);
	}
}

/* Rule: the memory is accessed by mmap() only; every form of read and write fails. */
TEST_F(buffer, read_and_write_are_refused)
{
	struct iovec iov;
	char bytes[16] = { 0 };
	int ends[2];

	iov = (struct iovec) { .iov_base = bytes, .iov_len = sizeof(bytes) };
	EXPECT_EQ(-1, read(self->buf, bytes, sizeof(bytes)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(self->buf, bytes, sizeof(bytes)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, readv(self->buf, &iov, 1));
	EXPECT_EQ(-1, writev(self->buf, &iov, 1));
	EXPECT_EQ(-1, pread(self->buf, bytes, sizeof(bytes), 0));
	EXPECT_EQ(-1, pwrite(self->buf, bytes, sizeof(bytes), 0));

	ASSERT_EQ(0, pipe(ends));
	EXPECT_EQ(-1, splice(self->buf, NULL, ends[1], NULL, PAGE, 0));
	EXPECT_EQ(-1, sendfile(ends[1], self->buf, NULL, PAGE));
	close(ends[0]);
	close(ends[1]);
}

/* Rule: the size cannot be changed. */
TEST_F(buffer, resizing_is_refused)
{
	EXPECT_EQ(-1, ftruncate(self->buf, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ftruncate(self->buf, 2 * self->size));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, fallocate(self->buf, 0, 0, 2 * self->size));
	EXPECT_EQ(-1, fallocate(self->buf, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
	EXPECT_EQ(-1, fcntl(self->buf, F_ADD_SEALS, F_SEAL_GROW));
	EXPECT_EQ((off_t)self->size, lseek(self->buf, 0, SEEK_END));
}

/* Rule: F_SETFL with flags that a dma-buf does not support does not break it. */
TEST_F(buffer, setfl_with_unsupported_flags)
{
	int flags = fcntl(self->buf, F_GETFL);

	fcntl(self->buf, F_SETFL, flags | O_APPEND | O_NONBLOCK | O_DIRECT | O_ASYNC);
	EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_RW));
	EXPECT_EQ(0, buf_sync(self->buf, DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END));
	EXPECT_EQ(0, fcntl(self->buf, F_SETFL, flags));
	EXPECT_EQ(flags & O_ACCMODE, fcntl(self->buf, F_GETFL) & O_ACCMODE);
}

TEST_HARNESS_MAIN
