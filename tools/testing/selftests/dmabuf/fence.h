/* SPDX-License-Identifier: GPL-2.0-only */
/* fence - sw_sync fences that a test signals, and the ioctls that take them */
#ifndef SELFTEST_DMABUF_FENCE_H
#define SELFTEST_DMABUF_FENCE_H

#include <linux/dma-buf.h>
#include <linux/types.h>
#include <stdbool.h>

/*
 * A timeline is a counter that begins at 0; the fence at point N signals when the counter
 * reaches N. Closing the timeline signals its pending fences with -ENOENT.
 */
int timeline_open(void);
int timeline_step(int timeline, __u32 by);
/* timeline_fence() - make a sync_file of the fence at @point */
int timeline_fence(int timeline, __u32 point);

/* timeline_get_deadline() - read the earliest deadline set for @fence; -ENOENT for none */
int timeline_get_deadline(int timeline, int fence, __u64 *deadline_ns);

/* fence_set_deadline() - set a deadline for @fence */
int fence_set_deadline(int fence, __u64 deadline_ns);
/* fence_merge() - make a sync_file that signals after both */
int fence_merge(int one, int other);
/* fence_status() - return 1 if signalled, 0 if pending, or the error of the fence */
int fence_status(int fence);
/* fence_count() - return the number of fences in a sync_file */
int fence_count(int fence);

/* SYNC, SET_NAME, EXPORT_SYNC_FILE (returns the descriptor), IMPORT_SYNC_FILE */
int buf_sync(int buf, __u64 flags);
int buf_set_name(int buf, const char *name);
int buf_fence_get(int buf, __u32 flags);
int buf_fence_add(int buf, int fence, __u32 flags);

/* buf_busy() - add the fence at @point of @timeline to the buffer */
int buf_busy(int buf, int timeline, __u32 point, __u32 flags);
/* buf_waits() - count the pending fences that an access with @flags waits for */
int buf_waits(int buf, __u32 flags);

#endif /* SELFTEST_DMABUF_FENCE_H */
