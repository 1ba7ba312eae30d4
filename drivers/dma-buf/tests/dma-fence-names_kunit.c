// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the driver and timeline names of fences: before the signal, and after the
 * driver has freed what its name callbacks return.
 */

#include <linux/dma-resv.h>
#include <linux/perf_event.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/trace_events.h>

#include "containers.h"
#include "mock.h"
#include "resv.h"
#include "threads.h"

/* Driver data with the names, which is freed before the fence is released. */
struct owner {
	struct rcu_head rcu;
	char driver[16];
	char timeline[16];
};

struct owned_fence {
	struct dma_fence base;
	spinlock_t lock;	/* passed to dma_fence_init() */
	struct owner *owner;	/* NULL after it was freed */
};

/* Number of calls of name callbacks after the owner was freed. */
static atomic_t calls_after_free;

static struct owner *owner_of(struct dma_fence *fence)
{
	static struct owner no_owner = { .driver = "gone", .timeline = "gone" };
	struct owner *owner = container_of(fence, struct owned_fence, base)->owner;

	if (owner)
		return owner;
	atomic_inc(&calls_after_free);
	return &no_owner;
}

static const char *owned_driver(struct dma_fence *fence)
{
	return owner_of(fence)->driver;
}

static const char *owned_timeline(struct dma_fence *fence)
{
	return owner_of(fence)->timeline;
}

static const struct dma_fence_ops owned_ops = {
	.get_driver_name = owned_driver,
	.get_timeline_name = owned_timeline,
};

static struct dma_fence *owned_fence(void)
{
	struct owned_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL | __GFP_NOFAIL);

	fence->owner = kzalloc(sizeof(*fence->owner), GFP_KERNEL | __GFP_NOFAIL);
	strscpy(fence->owner->driver, "present");
	strscpy(fence->owner->timeline, "running");
	spin_lock_init(&fence->lock);
	dma_fence_init(&fence->base, &owned_ops, &fence->lock, dma_fence_context_alloc(1), 1);
	return &fence->base;
}

static void owner_free(struct rcu_head *rcu)
{
	struct owner *owner = container_of(rcu, struct owner, rcu);

	strscpy(owner->driver, "gone");
	strscpy(owner->timeline, "gone");
	kfree(owner);
}

/* Signal the fence, and free the owner after a grace period. */
static void signal_and_free_owner(struct dma_fence *fence)
{
	struct owner *owner = container_of(fence, struct owned_fence, base)->owner;

	dma_fence_signal(fence);
	call_rcu(&owner->rcu, owner_free);
}

static void signal_and_free_owner_sync(struct dma_fence *fence)
{
	signal_and_free_owner(fence);
	rcu_barrier();
	container_of(fence, struct owned_fence, base)->owner = NULL;
}

static void expect_names(struct kunit *test, struct dma_fence *fence, const char *driver,
			 const char *timeline)
{
	guard(rcu)();
	KUNIT_EXPECT_STREQ(test, unrcu_pointer(dma_fence_driver_name(fence)), driver);
	KUNIT_EXPECT_STREQ(test, unrcu_pointer(dma_fence_timeline_name(fence)), timeline);
}

static void names_are_the_drivers_until_the_signal(struct kunit *test)
{
	struct dma_fence *fence = mock_fence(test);

	expect_names(test, fence, "mock-driver", "mock-timeline");
	dma_fence_enable_sw_signaling(fence);
	expect_names(test, fence, "mock-driver", "mock-timeline");
	dma_fence_signal(fence);
	expect_names(test, fence, "detached-driver", "signaled-timeline");
}

static void names_of_containers(struct kunit *test)
{
	struct dma_fence *members[2], *array, *link;

	mock_fences(test, 2, members);
	array = mock_array(test, false, 2, members);
	link = mock_link(test, NULL, members[0], 1);
	expect_names(test, array, "dma_fence_array", "unbound");
	expect_names(test, link, "dma_fence_chain", "unbound");
	dma_fence_signal(members[0]);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(link));
	expect_names(test, link, "detached-driver", "signaled-timeline");
}

static void names_of_a_freed_driver_are_not_read(struct kunit *test)
{
	struct dma_fence *fence = mock_own(test, owned_fence());
	struct dma_resv *resv = mock_resv(test);
	char text[256] = "";
	struct seq_file seq = { .buf = text, .size = sizeof(text) };

	atomic_set(&calls_after_free, 0);
	mock_resv_add(test, resv, fence, DMA_RESV_USAGE_WRITE);
	expect_names(test, fence, "present", "running");
	signal_and_free_owner_sync(fence);
	expect_names(test, fence, "detached-driver", "signaled-timeline");
	dma_fence_describe(fence, &seq);
	dma_resv_lock(resv, NULL);
	dma_resv_describe(resv, &seq);
	dma_resv_unlock(resv);
	KUNIT_EXPECT_EQ(test, dma_fence_wait(fence, false), 0);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "detached-driver signaled-timeline"));
	KUNIT_EXPECT_NULL(test, strstr(text, "gone"));
	KUNIT_EXPECT_EQ(test, atomic_read(&calls_after_free), 0);
}

/* Tracepoints do not call the name callbacks of a signalled fence. */
static void names_of_a_freed_driver_are_not_traced(struct kunit *test)
{
	struct dma_fence *fence;

	if (!IS_ENABLED(CONFIG_EVENT_TRACING))
		kunit_skip(test, "no events without CONFIG_EVENT_TRACING");
	KUNIT_ASSERT_EQ(test, 0, trace_set_clr_event("dma_fence", NULL, 1));
	atomic_set(&calls_after_free, 0);
	fence = owned_fence();
	dma_fence_enable_sw_signaling(fence);
	signal_and_free_owner_sync(fence);
	KUNIT_EXPECT_EQ(test, dma_fence_wait(fence, false), 0);
	dma_fence_put(fence);
	KUNIT_EXPECT_EQ(test, 0, trace_set_clr_event("dma_fence", NULL, 0));
	KUNIT_EXPECT_EQ(test, atomic_read(&calls_after_free), 0);
}

/* Signals the fence from its name callback, which a tracepoint calls. */
static const char *signalling_timeline(struct dma_fence *fence)
{
	dma_fence_signal(fence);
	return "a timeline with a name that is longer than what comes in its place";
}

static const struct dma_fence_ops signalling_ops = {
	.get_driver_name = owned_driver,
	.get_timeline_name = signalling_timeline,
};

static void fence_signals_while_its_name_is_traced(struct kunit *test)
{
	struct dma_fence *fence;

	if (!IS_ENABLED(CONFIG_EVENT_TRACING))
		kunit_skip(test, "no events without CONFIG_EVENT_TRACING");
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "no fence can signal with preemption disabled");
	KUNIT_ASSERT_EQ(test, 0, trace_set_clr_event("dma_fence", "dma_fence_wait_start", 1));
	fence = owned_fence();
	fence->ops = &signalling_ops;
	KUNIT_EXPECT_EQ(test, dma_fence_wait(fence, false), 0);
	KUNIT_EXPECT_EQ(test, 0, trace_set_clr_event("dma_fence", "dma_fence_wait_start", 0));
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(fence));
	signal_and_free_owner_sync(fence);
	dma_fence_put(fence);
}

static const char *no_name(struct dma_fence *fence)
{
	return NULL;
}

static const struct dma_fence_ops nameless_ops = {
	.get_driver_name = no_name,
	.get_timeline_name = no_name,
};

/* v3d and panfrost return NULL for a queue that they do not know. */
static void missing_names_are_traced(struct kunit *test)
{
	static DEFINE_SPINLOCK(lock);
	struct dma_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fence);
	if (IS_ENABLED(CONFIG_EVENT_TRACING))
		KUNIT_EXPECT_EQ(test, 0, trace_set_clr_event("dma_fence", NULL, 1));
	dma_fence_init(fence, &nameless_ops, &lock, dma_fence_context_alloc(1), 1);
	KUNIT_EXPECT_EQ(test, dma_fence_wait_timeout(fence, false, 0), 0);
	dma_fence_signal(fence);
	dma_fence_put(fence);
	if (IS_ENABLED(CONFIG_EVENT_TRACING))
		KUNIT_EXPECT_EQ(test, 0, trace_set_clr_event("dma_fence", NULL, 0));
}

#if IS_ENABLED(CONFIG_PERF_EVENTS) && IS_ENABLED(CONFIG_EVENT_TRACING)
/*
 * The latest record of an event. Its first two fields are the locations of the driver and
 * the timeline name: the offset in the low 16 bits, the length in the high ones.
 */
struct record {
	int count;
	u32 size;
	char bytes[128];
};

static void record_event(struct perf_event *event, struct perf_sample_data *data,
			 struct pt_regs *regs)
{
	struct record *record = event->overflow_handler_context;

	record->count++;
	record->size = min_t(u32, data->raw->frag.size, sizeof(record->bytes));
	memcpy(record->bytes, data->raw->frag.data, record->size);
}

static void expect_recorded_name(struct kunit *test, struct record *record,
				 unsigned int field, const char *name)
{
	u32 location = ((u32 *)(record->bytes + sizeof(struct trace_entry)))[field];
	u32 offset = location & 0xffff, length = location >> 16;

	KUNIT_EXPECT_EQ(test, length, strlen(name) + 1);
	KUNIT_ASSERT_LE(test, offset + length, record->size);
	KUNIT_EXPECT_MEMEQ(test, record->bytes + offset, name, strlen(name) + 1);
}

static void traced_names_have_their_own_length(struct kunit *test)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.sample_type = PERF_SAMPLE_RAW,
		.sample_period = 1,
	};
	struct record *record = kunit_kzalloc(test, sizeof(*record), GFP_KERNEL);
	struct trace_event_file *file;
	struct perf_event *event;
	struct dma_fence *fence;

	KUNIT_ASSERT_NOT_NULL(test, record);
	file = trace_get_event_file(NULL, "dma_fence", "dma_fence_wait_end");
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	attr.config = file->event_call->event.type;
	trace_put_event_file(file);
	event = perf_event_create_kernel_counter(&attr, -1, current, record_event, record);
	KUNIT_ASSERT_FALSE(test, IS_ERR(event));

	fence = mock_fence(test);
	dma_fence_wait_timeout(fence, false, 0);
	KUNIT_EXPECT_EQ(test, record->count, 1);
	expect_recorded_name(test, record, 0, "mock-driver");
	expect_recorded_name(test, record, 1, "mock-timeline");
	dma_fence_signal(fence);
	dma_fence_wait_timeout(fence, false, 0);
	KUNIT_EXPECT_EQ(test, record->count, 2);
	expect_recorded_name(test, record, 0, "detached-driver");
	expect_recorded_name(test, record, 1, "signaled-timeline");
	perf_event_release_kernel(event);
}
#else
static void traced_names_have_their_own_length(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_PERF_EVENTS and CONFIG_EVENT_TRACING");
}
#endif

/* One thread signals and replaces the fence repeatedly; others read its names. */
struct race {
	struct dma_fence __rcu *fence;
};

static bool race_signal(void *data)
{
	struct race *race = data;
	struct dma_fence *next = owned_fence(), *old;

	old = unrcu_pointer(xchg(&race->fence, RCU_INITIALIZER(next)));
	signal_and_free_owner(old);
	dma_fence_put(old);
	return true;
}

static bool is_one_of(const char *name, const char *before, const char *after)
{
	return !strcmp(name, before) || !strcmp(name, after);
}

/* Sleeps before it reads the names, so that the owner may be freed in between. */
static bool race_read_names(void *data)
{
	struct race *race = data;
	struct dma_fence *fence;
	bool fine;

	scoped_guard(rcu)
		fence = dma_fence_get_rcu_safe(&race->fence);
	schedule_timeout_uninterruptible(1);
	scoped_guard(rcu)
		fine = is_one_of(unrcu_pointer(dma_fence_driver_name(fence)), "present",
				 "detached-driver") &&
		       is_one_of(unrcu_pointer(dma_fence_timeline_name(fence)), "running",
				 "signaled-timeline");
	dma_fence_put(fence);
	return fine;
}

static void names_race_with_the_drivers_removal(struct kunit *test)
{
	struct race race = {};
	struct mock_job jobs[] = {
		{ race_signal, &race }, { race_read_names, &race }, { race_read_names, &race },
	};
	struct dma_fence *last;

	atomic_set(&calls_after_free, 0);
	RCU_INIT_POINTER(race.fence, owned_fence());
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	last = rcu_dereference_protected(race.fence, true);
	signal_and_free_owner(last);
	dma_fence_put(last);
	/* Wait for owner_free(), which is code of this module. */
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, atomic_read(&calls_after_free), 0);
}

static struct kunit_case dma_fence_names_cases[] = {
	KUNIT_CASE(names_are_the_drivers_until_the_signal),
	KUNIT_CASE(names_of_containers),
	KUNIT_CASE(names_of_a_freed_driver_are_not_read),
	KUNIT_CASE(names_of_a_freed_driver_are_not_traced),
	KUNIT_CASE(fence_signals_while_its_name_is_traced),
	KUNIT_CASE(missing_names_are_traced),
	KUNIT_CASE(traced_names_have_their_own_length),
	KUNIT_CASE(names_race_with_the_drivers_removal),
	{}
};

static struct kunit_suite dma_fence_names_suite = {
	.name = "dma_fence_names",
	.init = mock_init,
	.test_cases = dma_fence_names_cases,
};

kunit_test_suite(dma_fence_names_suite);
