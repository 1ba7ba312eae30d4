/* SPDX-License-Identifier: GPL-2.0-only */
/* fence - fences that a test signals itself, and what a dma-buf does with fences */
#ifndef SELFTEST_DMABUF_FENCE_H
#define SELFTEST_DMABUF_FENCE_H

#include <linux/dma-buf.h>
#include <linux/types.h>
#include <stdbool.h>

/*
 * A timeline counts up from 0; a fence at point N is signalled when it has come to
 * N. Closing the timeline signals what is left of it.
 */
int timeline_open(void);
int timeline_step(int timeline, __u32 by);
/* timeline_fence() - a sync_file of the fence at a point. */
int timeline_fence(int timeline, __u32 point);

/* timeline_get_deadline() - the earliest that was set for a point's fence. */
int timeline_get_deadline(int timeline, int fence, __u64 *deadline_ns);

/* fence_set_deadline() - sets one. */
int fence_set_deadline(int fence, __u64 deadline_ns);
/* fence_merge() - a sync_file that is signalled when both are. */
int fence_merge(int one, int other);
/* fence_status() - 1 signalled, 0 not, negative when it was signalled with an error. */
int fence_status(int fence);
/* fence_count() - how many fences a sync_file holds. */
int fence_count(int fence);

/* One ioctl each, by the name of the argument's structure. */
int buf_sync(int buf, __u64 flags);
int buf_set_name(int buf, const char *name);
int buf_fence_get(int buf, __u32 flags);
int buf_fence_add(int buf, int fence, __u32 flags);

/* buf_busy() - adds the fence at a point, without leaving its sync_file open. */
int buf_busy(int buf, int timeline, __u32 point, __u32 flags);
/* buf_waits() - fences that a reader or writer would wait for now. */
int buf_waits(int buf, __u32 flags);

#endif /* SELFTEST_DMABUF_FENCE_H */
