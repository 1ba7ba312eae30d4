/* SPDX-License-Identifier: GPL-2.0-only */
/* util - files, time, descriptors and modules for the dma-buf programs */
#ifndef SELFTEST_DMABUF_UTIL_H
#define SELFTEST_DMABUF_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../kselftest.h"

/*
 * Every helper returns 0 or a useful number on success and a negative errno on
 * failure, unless its line says otherwise: a test compares with -EINVAL and the
 * like, and errno is never looked at a second time.
 */

long long now_ms(void);
void sleep_ms(unsigned int ms);

/* file_text() - a whole file as a string that the caller frees, or NULL. */
char *file_text(const char *path);
int file_put(const char *path, const char *text);

/* fd_text() - a line "key:\tvalue" of the descriptor's fdinfo; -ENOENT without it. */
int fd_info(int fd, const char *key, char *value, size_t size);
/* fd_link() - where /proc/self/fd/N points to. */
int fd_link(int fd, char *target, size_t size);
/* fds_open() - how many descriptors this process has. */
int fds_open(void);
/* fds_exhaust() - lowers RLIMIT_NOFILE so that only @room descriptors are free. */
int fds_exhaust(unsigned int room);
/* fds_allow() - raises it again to what the hard limit allows. */
int fds_allow(void);
/* fd_ino() - inode number, 0 on failure. */
unsigned long long fd_ino(int fd);

/* A message of any size that carries one descriptor, or none when fd is -1. */
int fd_send(int sock, int fd, const void *data, size_t size);
int fd_receive(int sock, int *fd, void *data, size_t size);

/* xioctl() - ioctl() that returns -errno and restarts after EINTR. */
int xioctl(int fd, unsigned long cmd, void *arg);
/* ioctl_once() - the same without the restart. */
int ioctl_once(int fd, unsigned long cmd, void *arg);
int poll_events(int fd, short events, int timeout);

/* touch() - has the kernel read one byte: -EFAULT where the program would get a signal. */
int touch(const void *at);

/* dma_debug() - whether the kernel watches what drivers ask of the DMA interface. */
bool dma_debug(void);

/* Modules by file name; DMABUF_MODULES names their folder, else /lib/modules. */
int module_load(const char *name, const char *params);
int module_unload(const char *name);
/* The last reference may go a moment after close() came back, but it does go. */
int module_unload_idle(const char *name);
bool module_present(const char *name);

#endif /* SELFTEST_DMABUF_UTIL_H */
