// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_sample_timeline - timeline syncobjs at the sample display: points made of the
 * fences of flips, points that a flip waits for, and who may wait for which of them.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "demo.h"
#include "fence.h"
#include "harness.h"

#define SHORT_MS	150
#define LONG_MS		5000
#define NO_HANDLE	4711
#define ALL_FLAGS	(~0u)

static int syncobj_create(int card, __u32 *handle)
{
	struct drm_syncobj_create arg = { 0 };
	int ret = xioctl(card, DRM_IOCTL_SYNCOBJ_CREATE, &arg);

	*handle = arg.handle;
	return ret;
}

static int syncobj_destroy(int card, __u32 handle)
{
	struct drm_syncobj_destroy arg = { .handle = handle };

	return xioctl(card, DRM_IOCTL_SYNCOBJ_DESTROY, &arg);
}

/* Point 0 is the fence of a syncobj that is no timeline. */
static int point_transfer(int card, __u32 from, __u64 from_point, __u32 to, __u64 to_point)
{
	struct drm_syncobj_transfer arg = {
		.src_handle = from,
		.src_point = from_point,
		.dst_handle = to,
		.dst_point = to_point,
	};

	return xioctl(card, DRM_IOCTL_SYNCOBJ_TRANSFER, &arg);
}

/* point_add() - a sync_file's fence becomes a point, by way of a syncobj that is none. */
static int point_add(int card, __u32 handle, __u64 point, int fence)
{
	struct drm_syncobj_handle arg = {
		.flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE,
		.fd = fence,
	};
	int ret = syncobj_create(card, &arg.handle);

	if (ret)
		return ret;
	ret = xioctl(card, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &arg);
	if (!ret)
		ret = point_transfer(card, arg.handle, 0, handle, point);
	syncobj_destroy(card, arg.handle);
	return ret;
}

/* point_busy() - adds a fence of sw_sync, without leaving its sync_file open. */
static int point_busy(int card, __u32 handle, __u64 point, int timeline, __u32 value)
{
	int fence = timeline_fence(timeline, value);
	int ret;

	if (fence < 0)
		return fence;
	ret = point_add(card, handle, point, fence);
	close(fence);
	return ret;
}

/* point_fence() - the way back: a point as a sync_file. */
static int point_fence(int card, __u32 handle, __u64 point)
{
	struct drm_syncobj_handle arg = {
		.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
		.fd = -1,
	};
	int ret = syncobj_create(card, &arg.handle);

	if (ret)
		return ret;
	ret = point_transfer(card, handle, point, arg.handle, 0);
	if (!ret)
		ret = xioctl(card, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &arg);
	syncobj_destroy(card, arg.handle);
	return ret ? ret : arg.fd;
}

/* points_wait() - the place of the first that is signalled, 0 when all are waited for. */
static int points_wait(int card, const __u32 *handles, const __u64 *points, __u32 count,
		       __u32 flags, int timeout)
{
	struct drm_syncobj_timeline_wait arg = {
		.handles = (uintptr_t)handles,
		.points = (uintptr_t)points,
		.timeout_nsec = (now_ms() + timeout) * 1000000,
		.count_handles = count,
		.flags = flags,
	};
	int ret = xioctl(card, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &arg);

	if (ret || flags & DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL)
		return ret;
	return arg.first_signaled;
}

static int point_wait(int card, __u32 handle, __u64 point, __u32 flags, int timeout)
{
	return points_wait(card, &handle, &point, 1, flags, timeout);
}

static int point_signal(int card, __u32 handle, __u64 point)
{
	struct drm_syncobj_timeline_array arg = {
		.handles = (uintptr_t)&handle,
		.points = (uintptr_t)&point,
		.count_handles = 1,
	};

	return xioctl(card, DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, &arg);
}

/* point_last() - the last point that is signalled, or with the flag that was added. */
static int point_last(int card, __u32 handle, __u32 flags)
{
	__u64 point = 0;
	struct drm_syncobj_timeline_array arg = {
		.handles = (uintptr_t)&handle,
		.points = (uintptr_t)&point,
		.count_handles = 1,
		.flags = flags,
	};
	int ret = xioctl(card, DRM_IOCTL_SYNCOBJ_QUERY, &arg);

	return ret ? ret : (int)point;
}

/* point_event() - @event becomes readable at the point. */
static int point_event(int card, __u32 handle, __u64 point, __u32 flags, int event)
{
	struct drm_syncobj_eventfd arg = {
		.handle = handle,
		.flags = flags,
		.point = point,
		.fd = event,
	};

	return xioctl(card, DRM_IOCTL_SYNCOBJ_EVENTFD, &arg);
}

/*
 * A display that shows the first of two buffers, its card, an empty timeline syncobj,
 * and a timeline of sw_sync, whose fences the test signals.
 */
FIXTURE(points) {
	struct row row;
	struct sink sink;
	int timeline;
	int card;
	__u32 obj;
};

FIXTURE_SETUP(points)
{
	const struct options opt = { .width = 128, .height = 128 };
	int i;

	self->timeline = timeline_open();
	ASSERT_LE(0, self->timeline);
	ASSERT_EQ(0, sink_open(&self->sink, DISPLAY_DRIVER, &opt, &self->row));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, sink_export(&self->sink, i, &self->row));
	ASSERT_EQ(0, sink_start(&self->sink, 0, &self->row));
	self->card = self->sink.dpy.fd;
	ASSERT_EQ(0, syncobj_create(self->card, &self->obj));
}

FIXTURE_TEARDOWN(points)
{
	close(self->timeline);
	sink_close(&self->sink);
}

/* Rule: the out-fences of two flips are two points, each reached when its picture is shown. */
TEST_F(points, two_flips)
{
	struct display *dpy = &self->sink.dpy;
	int in, out, i;
	__u32 sequence;

	for (i = 1; i <= 2; i++) {
		in = timeline_fence(self->timeline, i);
		ASSERT_LE(0, in);
		ASSERT_EQ(0, display_flip(dpy, &self->sink.bufs[i % 2], in, &out));
		ASSERT_EQ(0, point_add(self->card, self->obj, i, out));
		close(in);
		close(out);

		EXPECT_EQ(i - 1, point_last(self->card, self->obj, 0));
		if (i > 1)
			EXPECT_EQ(0, point_wait(self->card, self->obj, i - 1, 0, LONG_MS));
		EXPECT_EQ(-ETIME, point_wait(self->card, self->obj, i, 0, SHORT_MS));
		ASSERT_EQ(0, timeline_step(self->timeline, 1));
		EXPECT_EQ(0, point_wait(self->card, self->obj, i, 0, LONG_MS));
		EXPECT_EQ(i, point_last(self->card, self->obj, 0));
		EXPECT_EQ(0, display_flipped(dpy, &sequence, LONG_MS));
	}
}

/* Rule: a flip whose in-fence is a point waits for that point and for no later one. */
TEST_F(points, point_gates_a_flip)
{
	struct display *dpy = &self->sink.dpy;
	__u32 sequence;
	int in;

	ASSERT_EQ(0, point_busy(self->card, self->obj, 1, self->timeline, 1));
	ASSERT_EQ(0, point_busy(self->card, self->obj, 2, self->timeline, 2));
	ASSERT_EQ(0, point_busy(self->card, self->obj, 3, self->timeline, 3));
	in = point_fence(self->card, self->obj, 2);
	ASSERT_LE(0, in);
	ASSERT_EQ(0, display_flip(dpy, &self->sink.bufs[1], in, NULL));
	EXPECT_EQ(-ETIMEDOUT, display_flipped(dpy, &sequence, SHORT_MS));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	EXPECT_EQ(0, fence_status(in));
	EXPECT_EQ(-ETIMEDOUT, display_flipped(dpy, &sequence, SHORT_MS));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	EXPECT_EQ(0, display_flipped(dpy, &sequence, LONG_MS));
	EXPECT_EQ(1, fence_status(in));
	EXPECT_EQ(-ETIME, point_wait(self->card, self->obj, 3, 0, 0));
	close(in);
}

/* Rule: a point that userspace signals lets a flip through like any other fence. */
TEST_F(points, signalled_point_gates_nothing)
{
	__u32 sequence;
	int in;

	ASSERT_EQ(0, point_signal(self->card, self->obj, 1));
	in = point_fence(self->card, self->obj, 1);
	ASSERT_LE(0, in);
	EXPECT_EQ(1, fence_status(in));
	ASSERT_EQ(0, display_flip(&self->sink.dpy, &self->sink.bufs[1], in, NULL));
	EXPECT_EQ(0, display_flipped(&self->sink.dpy, &sequence, LONG_MS));
	close(in);
}

/* Rule: signalling a point reaches it and those before it, and none after. */
TEST_F(points, signal)
{
	EXPECT_EQ(0, point_last(self->card, self->obj, 0));
	ASSERT_EQ(0, point_signal(self->card, self->obj, 5));
	EXPECT_EQ(5, point_last(self->card, self->obj, 0));
	EXPECT_EQ(0, point_wait(self->card, self->obj, 5, 0, 0));
	EXPECT_EQ(0, point_wait(self->card, self->obj, 3, 0, 0));
	EXPECT_EQ(-ETIME, point_wait(self->card, self->obj, 6,
				     DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT, SHORT_MS));
	ASSERT_EQ(0, point_signal(self->card, self->obj, 6));
	EXPECT_EQ(0, point_wait(self->card, self->obj, 6, 0, 0));
	EXPECT_EQ(6, point_last(self->card, self->obj, 0));
}

/* Rule: a query gives the last point signalled, or the last one added when that is asked. */
TEST_F(points, query)
{
	static const int signalled[] = { 0, 10, 10, 20 };
	unsigned int i;

	ASSERT_EQ(0, point_busy(self->card, self->obj, 10, self->timeline, 1));
	EXPECT_EQ(10, point_last(self->card, self->obj, DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED));
	ASSERT_EQ(0, point_busy(self->card, self->obj, 20, self->timeline, 3));
	for (i = 0; i < ARRAY_SIZE(signalled); i++) {
		if (i)
			ASSERT_EQ(0, timeline_step(self->timeline, 1));
		EXPECT_EQ(signalled[i], point_last(self->card, self->obj, 0));
		EXPECT_EQ(20, point_last(self->card, self->obj,
					 DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED));
	}
}

/* Rule: a point is reached only when those before it are, whichever fence comes first. */
TEST_F(points, in_order)
{
	int other = timeline_open();

	ASSERT_LE(0, other);
	ASSERT_EQ(0, point_busy(self->card, self->obj, 1, self->timeline, 1));
	ASSERT_EQ(0, point_busy(self->card, self->obj, 2, other, 1));
	ASSERT_EQ(0, timeline_step(other, 1));
	EXPECT_EQ(-ETIME, point_wait(self->card, self->obj, 2, 0, SHORT_MS));
	EXPECT_EQ(0, point_last(self->card, self->obj, 0));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	EXPECT_EQ(0, point_wait(self->card, self->obj, 2, 0, LONG_MS));
	EXPECT_EQ(2, point_last(self->card, self->obj, 0));
	close(other);
}

/* Rule: a point that was left out is reached with the next that was not. */
TEST_F(points, gap)
{
	ASSERT_EQ(0, point_busy(self->card, self->obj, 1, self->timeline, 1));
	ASSERT_EQ(0, point_busy(self->card, self->obj, 9, self->timeline, 2));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	EXPECT_EQ(-ETIME, point_wait(self->card, self->obj, 5, 0, SHORT_MS));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	EXPECT_EQ(0, point_wait(self->card, self->obj, 5, 0, LONG_MS));
}

/* Rule: of several points, one is enough, unless all are asked for. */
TEST_F(points, one_or_all)
{
	const __u32 handles[] = { self->obj, self->obj };
	const __u64 points[] = { 2, 1 };

	ASSERT_EQ(0, point_busy(self->card, self->obj, 1, self->timeline, 1));
	ASSERT_EQ(0, point_busy(self->card, self->obj, 2, self->timeline, 2));
	EXPECT_EQ(-ETIME, points_wait(self->card, handles, points, 2, 0, SHORT_MS));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	EXPECT_EQ(1, points_wait(self->card, handles, points, 2, 0, LONG_MS));
	EXPECT_EQ(-ETIME, points_wait(self->card, handles, points, 2,
				      DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL, SHORT_MS));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	EXPECT_EQ(0, points_wait(self->card, handles, points, 2,
				 DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL, LONG_MS));
}

/* Rule: that a point has a fence can be waited for by itself. */
TEST_F(points, available)
{
	__u32 flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE;

	EXPECT_EQ(-ETIME, point_wait(self->card, self->obj, 1, flags, SHORT_MS));
	ASSERT_EQ(0, point_busy(self->card, self->obj, 1, self->timeline, 1));
	EXPECT_EQ(0, point_wait(self->card, self->obj, 1, flags, LONG_MS));
	EXPECT_EQ(-ETIME, point_wait(self->card, self->obj, 1, 0, 0));
}

/* Rule: an eventfd tells of a point that is only added after it was asked for. */
TEST_F(points, event)
{
	int added = eventfd(0, EFD_CLOEXEC), reached = eventfd(0, EFD_CLOEXEC);

	ASSERT_LE(0, added);
	ASSERT_LE(0, reached);
	ASSERT_EQ(0, point_event(self->card, self->obj, 2,
				 DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE, added));
	ASSERT_EQ(0, point_event(self->card, self->obj, 2, 0, reached));
	ASSERT_EQ(0, point_signal(self->card, self->obj, 1));
	EXPECT_EQ(0, poll_events(added, POLLIN, SHORT_MS));
	ASSERT_EQ(0, point_busy(self->card, self->obj, 2, self->timeline, 1));
	EXPECT_EQ(POLLIN, poll_events(added, POLLIN, LONG_MS));
	EXPECT_EQ(0, poll_events(reached, POLLIN, SHORT_MS));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	EXPECT_EQ(POLLIN, poll_events(reached, POLLIN, LONG_MS));
	close(added);
	close(reached);
}

/* Rule: a timeline that was passed on as a descriptor is the same one. */
TEST_F(points, shared)
{
	struct drm_syncobj_handle fd = { .handle = self->obj, .fd = -1 };
	struct display other;

	ASSERT_EQ(0, display_open(&other, DISPLAY_DRIVER));
	ASSERT_EQ(0, xioctl(self->card, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &fd));
	fd.handle = 0;
	ASSERT_EQ(0, xioctl(other.fd, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &fd));
	close(fd.fd);
	ASSERT_EQ(0, point_busy(self->card, self->obj, 1, self->timeline, 1));
	EXPECT_EQ(-ETIME, point_wait(other.fd, fd.handle, 1, 0, SHORT_MS));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	EXPECT_EQ(0, point_wait(other.fd, fd.handle, 1, 0, LONG_MS));
	ASSERT_EQ(0, point_signal(other.fd, fd.handle, 2));
	EXPECT_EQ(2, point_last(self->card, self->obj, 0));
	display_close(&other);
}

/* Rule: a handle that is none is ENOENT, wherever it stands. */
TEST_F(points, bad_handle)
{
	int event = eventfd(0, EFD_CLOEXEC);

	ASSERT_LE(0, event);
	ASSERT_EQ(0, point_signal(self->card, self->obj, 1));
	EXPECT_EQ(-ENOENT, point_wait(self->card, NO_HANDLE, 1, 0, 0));
	EXPECT_EQ(-ENOENT, point_signal(self->card, NO_HANDLE, 1));
	EXPECT_EQ(-ENOENT, point_last(self->card, NO_HANDLE, 0));
	EXPECT_EQ(-ENOENT, point_event(self->card, NO_HANDLE, 1, 0, event));
	EXPECT_EQ(-ENOENT, point_transfer(self->card, NO_HANDLE, 1, self->obj, 2));
	EXPECT_EQ(-ENOENT, point_transfer(self->card, self->obj, 1, NO_HANDLE, 2));
	EXPECT_EQ(-ENOENT, point_transfer(self->card, self->obj, 1, NO_HANDLE, 0));
	EXPECT_EQ(1, point_last(self->card, self->obj, 0));
	close(event);
}

/* Rule: a point that has no fence yet is EINVAL to those who will not wait for it to have one. */
TEST_F(points, bad_point)
{
	__u32 binary;

	ASSERT_EQ(0, syncobj_create(self->card, &binary));
	EXPECT_EQ(-EINVAL, point_wait(self->card, self->obj, 1, 0, LONG_MS));
	EXPECT_EQ(-EINVAL, point_transfer(self->card, self->obj, 1, binary, 0));
	ASSERT_EQ(0, point_signal(self->card, self->obj, 1));
	EXPECT_EQ(-EINVAL, point_wait(self->card, self->obj, 2, 0, LONG_MS));
	EXPECT_EQ(-EINVAL, point_transfer(self->card, self->obj, 2, binary, 0));
	EXPECT_EQ(-EINVAL, point_transfer(self->card, self->obj, 2, self->obj, 3));
	EXPECT_EQ(-EINVAL, point_fence(self->card, binary, 0));
	EXPECT_EQ(1, point_last(self->card, self->obj, 0));
}

/* Rule: flags and padding that mean nothing, and an empty list of points, are EINVAL. */
TEST_F(points, bad_flags)
{
	struct drm_syncobj_timeline_array none = { 0 };
	struct drm_syncobj_timeline_array array = {
		.handles = (uintptr_t)&self->obj,
		.count_handles = 1,
		.flags = 1,
	};
	struct drm_syncobj_transfer transfer = {
		.src_handle = self->obj,
		.src_point = 1,
		.dst_handle = self->obj,
		.dst_point = 2,
		.pad = 1,
	};
	int event = eventfd(0, EFD_CLOEXEC);

	ASSERT_LE(0, event);
	ASSERT_EQ(0, point_signal(self->card, self->obj, 1));
	EXPECT_EQ(-EINVAL, point_wait(self->card, self->obj, 1, ALL_FLAGS, 0));
	EXPECT_EQ(-EINVAL, point_last(self->card, self->obj, ALL_FLAGS));
	EXPECT_EQ(-EINVAL, point_event(self->card, self->obj, 1, ALL_FLAGS, event));
	EXPECT_EQ(-EINVAL, xioctl(self->card, DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, &array));
	EXPECT_EQ(-EINVAL, xioctl(self->card, DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, &none));
	EXPECT_EQ(-EINVAL, xioctl(self->card, DRM_IOCTL_SYNCOBJ_QUERY, &none));
	EXPECT_EQ(-EINVAL, xioctl(self->card, DRM_IOCTL_SYNCOBJ_TRANSFER, &transfer));
	EXPECT_EQ(1, point_last(self->card, self->obj, 0));
	close(event);
}

/* Rule: memory that cannot be read is EFAULT, a descriptor that is none EBADF. */
TEST_F(points, bad_pointer)
{
	const __u64 *nowhere = (const __u64 *)8;
	__u32 handle = self->obj;
	__u64 point = 1;

	ASSERT_EQ(0, point_signal(self->card, self->obj, 1));
	EXPECT_EQ(-EFAULT, points_wait(self->card, &handle, nowhere, 1, 0, 0));
	EXPECT_EQ(-EFAULT, points_wait(self->card, (const __u32 *)nowhere, &point, 1, 0, 0));
	EXPECT_EQ(-EBADF, point_event(self->card, self->obj, 1, 0, -1));
	EXPECT_EQ(1, point_last(self->card, self->obj, 0));
}

TEST_HARNESS_MAIN
