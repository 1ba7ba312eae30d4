/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fences as file descriptors (sync_file): interface for drivers.
 *
 * With declarations from Linux 6.12:
 * Copyright (C) 2012 Google, Inc.
 */
#ifndef _LINUX_SYNC_FILE_H
#define _LINUX_SYNC_FILE_H

#include <linux/dma-fence.h>
#include <linux/dma-fence-array.h>
#include <linux/wait.h>

struct file;

/* Bit of &sync_file.flags: a poller adds @cb, or has added it. Never cleared. */
#define POLL_ENABLED	0

/**
 * struct sync_file - a file that holds a fence
 * @file: the file; its last reference frees the sync_file
 * @user_name: name that userspace gave to a merge, else empty; fixed
 * @wq: waitqueue of pollers
 * @flags: %POLL_ENABLED; set atomically
 * @fence: the fence, with a reference; fixed
 * @cb: callback that wakes @wq, added by the first poll
 */
struct sync_file {
	struct file *file;
	char user_name[32];
	wait_queue_head_t wq;
	unsigned long flags;
	struct dma_fence *fence;
	struct dma_fence_cb cb;
};

struct sync_file *sync_file_create(struct dma_fence *fence);
struct dma_fence *sync_file_get_fence(int fd);
char *sync_file_get_name(struct sync_file *sync_file, char *buf, int len);

#endif /* _LINUX_SYNC_FILE_H */
