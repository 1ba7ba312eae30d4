/* SPDX-License-Identifier: GPL-1.0+ WITH Linux-syscall-note */
/*
 * Fences as file descriptors: ioctls.
 *
 * With declarations from Linux 6.12:
 * Copyright (C) 2012 Google, Inc.
 */
#ifndef _UAPI_LINUX_SYNC_H
#define _UAPI_LINUX_SYNC_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct sync_merge_data - SYNC_IOC_MERGE: one sync_file for two
 * @name: name of the new one, terminated by 0 or by the end of the array
 * @fd2: descriptor of the second sync_file; the first is the one that is asked
 * @fence: descriptor of the new one (out)
 * @flags: 0
 * @pad: 0
 *
 * Both stay as they are. The new one signals when both have.
 */
struct sync_merge_data {
	char	name[32];
	__s32	fd2;
	__s32	fence;
	__u32	flags;
	__u32	pad;
};

/**
 * struct sync_fence_info - one fence of a sync_file
 * @obj_name: its timeline, cut if need be
 * @driver_name: its driver, cut if need be
 * @status: 0 while it is not signalled, then 1, or a negative errno if its work failed
 * @flags: 0
 * @timestamp_ns: when it was signalled, in nanoseconds of CLOCK_MONOTONIC, or 0
 */
struct sync_fence_info {
	char	obj_name[32];
	char	driver_name[32];
	__s32	status;
	__u32	flags;
	__u64	timestamp_ns;
};

/**
 * struct sync_file_info - SYNC_IOC_FILE_INFO: the fences of a sync_file
 * @name: its name (out)
 * @status: 1 if all is signalled and nothing failed; else 0, or a negative errno. When
 *	fences are asked for it is the status of the first one that is not signalled or
 *	has failed, else that of all together: 0 as long as one is not signalled (out)
 * @flags: 0
 * @num_fences: elements that @sync_fence_info has room for; 0 if only the number of
 *	fences is wanted. How many fences there are (out)
 * @pad: 0
 * @sync_fence_info: address of an array of &struct sync_fence_info, which is filled in
 *
 * With too little room it fails with EINVAL.
 */
struct sync_file_info {
	char	name[32];
	__s32	status;
	__u32	flags;
	__u32	num_fences;
	__u32	pad;
	__u64	sync_fence_info;
};

/**
 * struct sync_set_deadline - SYNC_IOC_SET_DEADLINE: hint when it should be signalled
 * @deadline_ns: the time, in nanoseconds of CLOCK_MONOTONIC
 * @pad: 0
 */
struct sync_set_deadline {
	__u64	deadline_ns;
	__u64	pad;
};

#define SYNC_IOC_MAGIC		'>'

/* 0, 1 and 2 belonged to an interface that is gone, and stay unused. */
#define SYNC_IOC_MERGE		_IOWR(SYNC_IOC_MAGIC, 3, struct sync_merge_data)
#define SYNC_IOC_FILE_INFO	_IOWR(SYNC_IOC_MAGIC, 4, struct sync_file_info)
#define SYNC_IOC_SET_DEADLINE	_IOW(SYNC_IOC_MAGIC, 5, struct sync_set_deadline)

#endif /* _UAPI_LINUX_SYNC_H */
