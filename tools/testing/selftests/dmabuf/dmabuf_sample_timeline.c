// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_sample_timeline - tests of timeline syncobjs with the sample display: points
 * with the out-fences of flips, points as in-fences of flips, and the ioctls.
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

/* Point 0 is the fence of a binary syncobj. */
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

/* point_add() - add a sync_file's fence as a point, through a binary syncobj. */
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

/* point_busy() - add an sw_sync fence as a point; leaves no sync_file open. */
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

/* point_fence() - export the fence of a point as a sync_file. */
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

/*
 * points_wait() - wait for points; returns the index of a signalled one, or 0 with
 * DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL.
 */
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

/* point_last() - return the last signalled point, or with the flag the last added one. */
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

/*
 * point_event() - let the eventfd @event become readable when the point is signalled, or with
 * DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE when it has a fence.
 */
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
 * and a timeline of sw_sync, whose fences the test signals with timeline_step().
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

/* Rule: a point with the out-fence of a flip is signalled when the picture is shown. */
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

/* Rule: a flip whose in-fence is a point waits for that point, not for later ones. */
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

/* Rule: a flip does not wait for a point that userspace has signalled. */
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

/* Rule: signalling a point signals it and all points before it, and none after it. */
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

/* Rule: a query returns the last signalled point, or with the flag the last added one. */
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

/* Rule: a point is signalled only after all points before it, even if its fence is first. */
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

/* Rule: a point without a fence is signalled with the next point that has one. */
TEST_F(points, gap)
{
	ASSERT_EQ(0, point_busy(self->card, self->obj, 1, self->timeline, 1));
	ASSERT_EQ(0, point_busy(self->card, self->obj, 9, self->timeline, 2));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	EXPECT_EQ(-ETIME, point_wait(self->card, self->obj, 5, 0, SHORT_MS));
	ASSERT_EQ(0, timeline_step(self->timeline, 1));
	EXPECT_EQ(0, point_wait(self->card, self->obj, 5, 0, LONG_MS));
}

/* Rule: a wait for several points ends with the first one, with WAIT_ALL with the last. */
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

/* Rule: WAIT_AVAILABLE waits until the point has a fence, not until that signals. */
TEST_F(points, available)
{
	__u32 flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE;

	EXPECT_EQ(-ETIME, point_wait(self->card, self->obj, 1, flags, SHORT_MS));
	ASSERT_EQ(0, point_busy(self->card, self->obj, 1, self->timeline, 1));
	EXPECT_EQ(0, point_wait(self->card, self->obj, 1, flags, LONG_MS));
	EXPECT_EQ(-ETIME, point_wait(self->card, self->obj, 1, 0, 0));
}

/* Rule: an eventfd can be registered for a point before the point is added. */
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

/* Rule: a timeline that was passed on as a descriptor has the same points. */
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

/* Rule: an unknown handle is ENOENT in all ioctls. */
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

/* Rule: a point without a fence is EINVAL in ioctls that do not wait for it to be added. */
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

/* Rule: unknown flags, padding that is not 0 and an empty list of points are EINVAL. */
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

/* Rule: an argument that cannot be read is EFAULT, and a bad descriptor EBADF. */
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
