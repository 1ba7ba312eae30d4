/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fences as file descriptors: the kernel's side.
 */
#ifndef _LINUX_SYNC_FILE_H
#define _LINUX_SYNC_FILE_H

#include <linux/dma-fence.h>
#include <linux/dma-fence-array.h>
#include <linux/wait.h>

struct file;

/* Bit of &sync_file.flags: @cb has been given to the fence. Never cleared. */
#define POLL_ENABLED	0

/**
 * struct sync_file - a fence with a file
 * @file: the file; the last reference to it frees all of this
 * @user_name: name that userspace gave to the result of a merge, else empty; fixed
 * @wq: who polls
 * @flags: %POLL_ENABLED, by atomic bit operations
 * @fence: the fence, with a reference; fixed
 * @cb: wakes who polls, from the first poll on
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
