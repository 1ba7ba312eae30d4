/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The ioctls of the sample copy engine, for the driver and for programs.
 *
 * One program at a time opens the device. It imports dma-bufs, which stay mapped until they
 * are released and their jobs have ended. Jobs copy bytes from one import to another, in the
 * order of the ioctls. Once the device is unbound, imports and copies fail with ENODEV.
 */
#ifndef DMABUF_SAMPLES_EDU_IOCTL_H
#define DMABUF_SAMPLES_EDU_IOCTL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define EDU_IMPORT_SOURCE	1
#define EDU_IMPORT_DESTINATION	2
#define EDU_COPY_BYTES		65536

/*
 * Import a dma-buf. Returns a handle, 1 or more. Errors: EINVAL for flags, EBADF or EINVAL for
 * fd, EBUSY or EOPNOTSUPP for contiguous (see Negotiation), ENOMEM, those of the exporter.
 */
struct edu_ioctl_import {
	__s32 fd;
	__u32 flags;		/* EDU_IMPORT_SOURCE, EDU_IMPORT_DESTINATION or both */
	__u64 contiguous;	/* bytes that the driver states it needs in adjacent pages, or 0 */
};

/*
 * Queue a job. Returns the descriptor of a sync_file with its fence. The job waits for the
 * fences of writers of both buffers, of readers of the destination, and for the in-fence. Its
 * own fence is added to both buffers. It signals with ENODEV if the device was unbound, with
 * EIO if the device does not answer. Errors: ENOENT for a handle, EINVAL for a range, for
 * in_fence or for a use that an import's flags do not allow, EMFILE, ENOMEM.
 */
struct edu_ioctl_copy {
	__u32 source;		/* handles */
	__u32 destination;
	__u64 source_offset;
	__u64 destination_offset;
	__u32 bytes;		/* 1 to EDU_COPY_BYTES */
	__s32 in_fence;		/* descriptor of a sync_file, or -1 */
};

#define EDU_IOCTL_IMPORT	_IOW(0xed, 0, struct edu_ioctl_import)
/* Release a handle. Jobs that are queued still run. Errors: ENOENT. */
#define EDU_IOCTL_RELEASE	_IOW(0xed, 1, __u32)
#define EDU_IOCTL_COPY		_IOW(0xed, 2, struct edu_ioctl_copy)

#endif /* DMABUF_SAMPLES_EDU_IOCTL_H */
