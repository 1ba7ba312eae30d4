/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The ioctls of the sample copy engine, for the driver and for programs.
 *
 * A program imports dma-bufs and gets a handle for each, valid in the same open file. A
 * buffer stays mapped for the device from its import to its release. A job copies bytes
 * from one import to another. Jobs of one device run in the order of the ioctls.
 *
 * Once the device is unbound, imports and copies fail with ENODEV. A copy fails with EINTR
 * if a signal comes before the job is queued.
 */
#ifndef DMABUF_SAMPLES_EDU_IOCTL_H
#define DMABUF_SAMPLES_EDU_IOCTL_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Jobs may read the buffer. */
#define EDU_IMPORT_SOURCE	1
/* Jobs may write to it. */
#define EDU_IMPORT_DESTINATION	2

/**
 * struct edu_ioctl_import - import a dma-buf
 * @fd: descriptor of the dma-buf
 * @flags: EDU_IMPORT_SOURCE, EDU_IMPORT_DESTINATION or both
 * @contiguous: bytes, from the start of the buffer, that the driver states it needs in
 *	adjacent pages; 0 to state nothing. The device does not need this. It is there to
 *	see what an exporter answers
 * @handle: handle of the import, not 0 (out)
 * @pad: 0
 *
 * Errors: EINVAL for a bad flag or @pad, EBADF or EINVAL for @fd, EBUSY and EOPNOTSUPP if
 * the memory does not meet @contiguous (see Negotiation), ENOMEM, and those of the
 * exporter's map.
 */
struct edu_ioctl_import {
	__s32 fd;
	__u32 flags;
	__u64 contiguous;
	__u32 handle;
	__u32 pad;
};

/* Wait for the fence @in_fence too. */
#define EDU_COPY_IN_FENCE	1
/* Return the fence of the job in @out_fence. */
#define EDU_COPY_OUT_FENCE	2

/* The most bytes that a job copies. */
#define EDU_COPY_BYTES		65536

/**
 * struct edu_ioctl_copy - queue a job that copies bytes
 * @source: handle of the import to read
 * @destination: handle of the import to write to
 * @source_offset: first byte to read
 * @destination_offset: first byte to write
 * @bytes: how many, 1 to EDU_COPY_BYTES
 * @flags: EDU_COPY_IN_FENCE, EDU_COPY_OUT_FENCE, both or 0
 * @in_fence: descriptor of a sync_file
 * @out_fence: descriptor of a sync_file, with O_CLOEXEC (out)
 *
 * The job waits for the fences of other writers of both buffers, and of readers of the
 * destination. Its own fence is added to both. The fence signals with an error if the job
 * failed: ENODEV if the device was unbound, EIO if it does not answer.
 *
 * Errors: ENOENT for a handle, EINVAL for flags, a range or the use of an import that its
 * flags do not allow, EINVAL for @in_fence too, EMFILE, ENOMEM.
 */
struct edu_ioctl_copy {
	__u32 source;
	__u32 destination;
	__u64 source_offset;
	__u64 destination_offset;
	__u32 bytes;
	__u32 flags;
	__s32 in_fence;
	__s32 out_fence;
};

#define EDU_IOCTL_IMPORT	_IOWR(0xed, 0, struct edu_ioctl_import)
/* Ends an import. Its jobs that are queued still run. Errors: ENOENT. */
#define EDU_IOCTL_RELEASE	_IOW(0xed, 1, __u32)
#define EDU_IOCTL_COPY		_IOWR(0xed, 2, struct edu_ioctl_copy)

#endif /* DMABUF_SAMPLES_EDU_IOCTL_H */
