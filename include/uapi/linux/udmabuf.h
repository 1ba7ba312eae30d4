/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * ioctls of /dev/udmabuf, which makes dma-bufs of the pages of memfds.
 */
#ifndef _UAPI_LINUX_UDMABUF_H
#define _UAPI_LINUX_UDMABUF_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Close the descriptor at exec. Other bits of the flags are ignored. */
#define UDMABUF_FLAGS_CLOEXEC	0x01

/**
 * struct udmabuf_create - argument of %UDMABUF_CREATE
 * @memfd: memfd with %F_SEAL_SHRINK and without %F_SEAL_WRITE and %F_SEAL_FUTURE_WRITE, opened
 *	for writing
 * @flags: %UDMABUF_FLAGS_CLOEXEC or 0
 * @offset: first byte in the memfd; a multiple of the page size
 * @size: bytes; a multiple of the page size and not 0
 */
struct udmabuf_create {
	__u32 memfd;
	__u32 flags;
	__u64 offset;
	__u64 size;
};

/**
 * struct udmabuf_create_item - a range of a memfd, for %UDMABUF_CREATE_LIST
 * @memfd: as in &struct udmabuf_create
 * @__pad: ignored
 * @offset: as in &struct udmabuf_create
 * @size: likewise
 */
struct udmabuf_create_item {
	__u32 memfd;
	__u32 __pad;
	__u64 offset;
	__u64 size;
};

/**
 * struct udmabuf_create_list - argument of %UDMABUF_CREATE_LIST
 * @flags: as in &struct udmabuf_create
 * @count: number of items
 * @list: the ranges, in the order in which they form the buffer
 */
struct udmabuf_create_list {
	__u32 flags;
	__u32 count;
	struct udmabuf_create_item list[];
};

#define UDMABUF_CREATE       _IOW('u', 0x42, struct udmabuf_create)
#define UDMABUF_CREATE_LIST  _IOW('u', 0x43, struct udmabuf_create_list)

#endif /* _UAPI_LINUX_UDMABUF_H */
