// SPDX-License-Identifier: GPL-2.0-only
/*
 * fence - sw_sync fences that a test signals, and the ioctls that take them.
 *
 * sw_sync (CONFIG_SW_SYNC) is a file in debugfs. No uapi header has its ioctls, so they
 * are defined here.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sync_file.h>
#include <string.h>
#include <unistd.h>

#include "fence.h"
#include "util.h"

struct sw_sync_point {
	__u32 value;
	char name[32];
	__s32 fd;
};

struct sw_sync_deadline {
	__u64 deadline_ns;
	__u32 pad;
	__s32 fence;
};

#define SW_SYNC_CREATE	_IOWR('W', 0, struct sw_sync_point)
#define SW_SYNC_STEP	_IOW('W', 1, __u32)
#define SW_SYNC_DEADLINE	_IOWR('W', 2, struct sw_sync_deadline)

int timeline_open(void)
{
	int fd = open("/sys/kernel/debug/sync/sw_sync", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int timeline_step(int timeline, __u32 by)
{
	return xioctl(timeline, SW_SYNC_STEP, &by);
}

int timeline_fence(int timeline, __u32 point)
{
	struct sw_sync_point arg = { .value = point, .name = "selftest" };
	int ret = xioctl(timeline, SW_SYNC_CREATE, &arg);

	return ret ? ret : arg.fd;
}

int timeline_get_deadline(int timeline, int fence, __u64 *deadline_ns)
{
	struct sw_sync_deadline arg = { .fence = fence };
	int ret = xioctl(timeline, SW_SYNC_DEADLINE, &arg);

	*deadline_ns = arg.deadline_ns;
	return ret;
}

int fence_set_deadline(int fence, __u64 deadline_ns)
{
	struct sync_set_deadline arg = { .deadline_ns = deadline_ns };

	return xioctl(fence, SYNC_IOC_SET_DEADLINE, &arg);
}

int fence_merge(int one, int other)
{
	struct sync_merge_data arg = { .name = "merged", .fd2 = other };
	int ret = xioctl(one, SYNC_IOC_MERGE, &arg);

	return ret ? ret : arg.fence;
}

int fence_status(int fence)
{
	struct sync_file_info arg = { 0 };
	int ret = xioctl(fence, SYNC_IOC_FILE_INFO, &arg);

	return ret ? ret : arg.status;
}

int fence_count(int fence)
{
	struct sync_file_info arg = { 0 };
	int ret = xioctl(fence, SYNC_IOC_FILE_INFO, &arg);

	return ret ? ret : (int)arg.num_fences;
}

int buf_sync(int buf, __u64 flags)
{
	struct dma_buf_sync arg = { .flags = flags };

	return xioctl(buf, DMA_BUF_IOCTL_SYNC, &arg);
}

int buf_set_name(int buf, const char *name)
{
	return xioctl(buf, DMA_BUF_SET_NAME_B, (void *)name);
}

int buf_fence_get(int buf, __u32 flags)
{
	struct dma_buf_export_sync_file arg = { .flags = flags, .fd = -1 };
	int ret = xioctl(buf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &arg);

	return ret ? ret : arg.fd;
}

int buf_fence_add(int buf, int fence, __u32 flags)
{
	struct dma_buf_import_sync_file arg = { .flags = flags, .fd = fence };

	return xioctl(buf, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &arg);
}

int buf_busy(int buf, int timeline, __u32 point, __u32 flags)
{
	int fence = timeline_fence(timeline, point);
	int ret;

	if (fence < 0)
		return fence;
	ret = buf_fence_add(buf, fence, flags);
	close(fence);
	return ret;
}

int buf_waits(int buf, __u32 flags)
{
	int fence = buf_fence_get(buf, flags);
	int count;

	if (fence < 0)
		return fence;
	count = fence_status(fence) ? 0 : fence_count(fence);
	close(fence);
	return count;
}
