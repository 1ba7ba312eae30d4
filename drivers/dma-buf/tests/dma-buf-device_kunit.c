// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of asking attached devices: which of them are asked what they need while their drivers
 * are being bound or unbound, and that other memory is no choice if one is not.
 *
 * The first device reaches less than the memory of the exporter, is not bounced, and its importer
 * stated two contiguous pages.
 */

#include <kunit/static_stub.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/dma-direct.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "../needs/dma-buf-needs-private.h"
#include "mock-buffer.h"
#include "threads.h"

#define FIRST_STATES	(2 * PAGE_SIZE)
#define NEXT_STATES	PAGE_SIZE
#define FIRST_MASK	(SZ_256M - 1ULL)

/**
 * struct asking - an exporter that negotiates, and what it was told
 * @exporter: the mock exporter
 * @ops: its callbacks
 * @dmabuf: its buffer
 * @first: device that is attached first
 * @next: another one. Made before @first is locked: a new driver locks all devices of its bus
 * @asked: number of times that @first was asked
 * @pauses: number of times that somebody waited for the lock of @first
 * @unlock: unlock @first when the exporter is asked
 * @contiguous: bytes that memory must have contiguous, of the latest call
 * @fits: memory out of reach of @first fits, in the latest call
 * @keeps: memory may be replaced, in the latest call
 */
struct asking {
	struct mock_exporter *exporter;
	struct dma_buf_ops ops;
	struct dma_buf *dmabuf;
	struct device *first;
	struct device *next;
	unsigned int asked;
	unsigned int pauses;
	bool unlock;
	size_t contiguous;
	bool fits;
	bool keeps;
};

static int negotiate(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
		     const struct dma_buf_needs *want)
{
	struct asking *asking = ((struct mock_exporter *)dmabuf->priv)->hook_data;
	const struct dma_buf_run low = { SZ_64M >> PAGE_SHIFT, dmabuf->size >> PAGE_SHIFT };
	const struct dma_buf_run high = { SZ_1G >> PAGE_SHIFT, dmabuf->size >> PAGE_SHIFT };
	struct dma_buf_needs both = *must;

	if (asking->unlock)
		device_unlock(asking->first);
	dma_buf_needs_intersect(&both, want);
	asking->contiguous = must->contiguous;
	asking->fits = dma_buf_fits(dmabuf, &both, false, &high, 1, NULL);
	asking->keeps = dma_buf_keeps_reach(dmabuf, &low, 1, &low, 1);
	return 0;
}

static struct dma_buf_dma_facts get_facts(struct device *dev)
{
	struct asking *asking = dev_get_drvdata(dev);

	if (asking)
		asking->asked++;
	return (struct dma_buf_dma_facts){
		.dma = DMA_BUF_DMA_DIRECT,
		.limit = *dev->dma_mask,
		.last = 8ULL * SZ_1G - 1,
	};
}

static void count_pause(struct device *dev)
{
	struct asking *asking = dev_get_drvdata(dev);

	asking->pauses++;
}

static struct asking *asking(struct kunit *test)
{
	struct asking *asking = kunit_kzalloc(test, sizeof(*asking), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, asking);
	mock_needs_low_addresses(test);
	asking->ops = mock_static_ops;
	asking->ops.negotiate = negotiate;
	asking->exporter = mock_exporter(test, &asking->ops);
	asking->exporter->hook_data = asking;
	asking->dmabuf = mock_buffer(test, asking->exporter);
	asking->first = mock_device_masked(test, FIRST_MASK);
	asking->next = mock_device_masked(test, U64_MAX);
	KUNIT_ASSERT_NOT_NULL(test, asking->first->driver);
	dev_set_drvdata(asking->first, asking);
	kunit_activate_static_stub(test, dma_buf_needs_get_facts, get_facts);
	return asking;
}

static void detach(void *attach)
{
	dma_buf_detach(((struct dma_buf_attachment *)attach)->dmabuf, attach);
}

static struct dma_buf_attachment *attach_stating(struct kunit *test, struct dma_buf *dmabuf,
						 struct device *dev, size_t contiguous)
{
	const struct dma_buf_needs needs = { .contiguous = contiguous };
	struct dma_buf_attachment *attach;

	attach = dma_buf_attach_with_needs(dmabuf, dev, NULL, NULL, &needs);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, detach, attach));
	return attach;
}

/* Attach the first device. */
static void attach_first(struct kunit *test, struct asking *asking)
{
	attach_stating(test, asking->dmabuf, asking->first, FIRST_STATES);
	asking->asked = 0;
}

/* Attach another device, and detach it. */
static void attach_next(struct kunit *test, struct asking *asking)
{
	kunit_release_action(test, detach, attach_stating(test, asking->dmabuf, asking->next,
							  NEXT_STATES));
}

static void expect_asked(struct kunit *test, struct asking *asking)
{
	KUNIT_EXPECT_GT(test, asking->asked, 0);
	KUNIT_EXPECT_EQ(test, asking->contiguous, FIRST_STATES);
	KUNIT_EXPECT_FALSE(test, asking->fits);
	KUNIT_EXPECT_TRUE(test, asking->keeps);
}

static void bound_device_is_asked(struct kunit *test)
{
	struct asking *all = asking(test);

	attach_first(test, all);
	attach_next(test, all);
	expect_asked(test, all);
}

/* The memory that the buffer has may fit the others. */
static void locked_device_is_not_asked(struct kunit *test)
{
	struct asking *all = asking(test);

	attach_first(test, all);
	device_lock(all->first);
	attach_next(test, all);
	device_unlock(all->first);
	KUNIT_EXPECT_EQ(test, all->asked, 0);
	KUNIT_EXPECT_EQ(test, all->contiguous, NEXT_STATES);
	KUNIT_EXPECT_TRUE(test, all->fits);
	KUNIT_EXPECT_FALSE(test, all->keeps);
	attach_next(test, all);
	expect_asked(test, all);
}

/* The exporter asks twice in a negotiation, and may ask for each of many runs. */
static void locked_device_is_waited_for_once(struct kunit *test)
{
	struct asking *all = asking(test);

	attach_first(test, all);
	kunit_activate_static_stub(test, dma_buf_device_pause, count_pause);
	device_lock(all->first);
	attach_next(test, all);
	KUNIT_EXPECT_GT(test, all->pauses, 0);
	KUNIT_EXPECT_LT(test, all->pauses, 5);
	device_unlock(all->first);
}

static void reader_of_fdinfo_does_not_wait(struct kunit *test)
{
	struct asking *all = asking(test);
	char *text = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	struct seq_file m = { .buf = text, .size = PAGE_SIZE };

	KUNIT_ASSERT_NOT_NULL(test, text);
	attach_first(test, all);
	kunit_activate_static_stub(test, dma_buf_device_pause, count_pause);
	device_lock(all->first);
	all->dmabuf->file->f_op->show_fdinfo(&m, all->dmabuf->file);
	device_unlock(all->first);
	KUNIT_EXPECT_EQ(test, all->asked, 0);
	KUNIT_EXPECT_EQ(test, all->pauses, 0);
	all->dmabuf->file->f_op->show_fdinfo(&m, all->dmabuf->file);
	KUNIT_EXPECT_EQ(test, all->asked, 1);
}

/* The sets that the exporter was called with lack the needs of the first device. */
static void memory_stays_if_the_lock_is_dropped_later(struct kunit *test)
{
	struct asking *all = asking(test);

	attach_first(test, all);
	device_lock(all->first);
	all->unlock = true;
	attach_next(test, all);
	KUNIT_EXPECT_EQ(test, all->contiguous, NEXT_STATES);
	KUNIT_EXPECT_FALSE(test, all->keeps);
}

/* As a driver that attaches its device in probe, to a buffer to which it is attached already. */
static void own_device_may_be_locked(struct kunit *test)
{
	struct asking *all = asking(test);

	attach_first(test, all);
	device_lock(all->first);
	attach_stating(test, all->dmabuf, all->first, NEXT_STATES);
	device_unlock(all->first);
	expect_asked(test, all);
}

static void device_that_lost_its_driver_needs_nothing(struct kunit *test)
{
	struct asking *all = asking(test);

	attach_first(test, all);
	device_release_driver(all->first);
	attach_next(test, all);
	KUNIT_EXPECT_EQ(test, all->asked, 0);
	KUNIT_EXPECT_EQ(test, all->contiguous, NEXT_STATES);
	KUNIT_EXPECT_TRUE(test, all->fits);
	KUNIT_EXPECT_TRUE(test, all->keeps);
}

static void device_that_never_had_a_driver_is_asked(struct kunit *test)
{
	struct asking *all = asking(test);

	device_release_driver(all->first);
	dev_set_drvdata(all->first, all);
	attach_first(test, all);
	attach_next(test, all);
	expect_asked(test, all);
}

/* So many that a walk of them takes long enough for an unbind. */
#define WINDOWS		256

/**
 * struct unbinding - a device that is bound and unbound, and one that is attached meanwhile
 * @ops: callbacks of the buffer
 * @dmabuf: the buffer
 * @dev: device that is attached, and bound and unbound by a thread
 * @next: device that is attached and detached by another
 * @negotiated: number of times that the exporter was called
 */
struct unbinding {
	struct dma_buf_ops ops;
	struct dma_buf *dmabuf;
	struct device *dev;
	struct device *next;
	atomic_t negotiated;
};

static int negotiate_in_a_thread(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
				 const struct dma_buf_needs *want)
{
	struct unbinding *all = ((struct mock_exporter *)dmabuf->priv)->hook_data;
	const struct dma_buf_run run = { SZ_1G >> PAGE_SHIFT, dmabuf->size >> PAGE_SHIFT };

	atomic_inc(&all->negotiated);
	dma_buf_fits(dmabuf, must, true, &run, 1, NULL);
	dma_buf_keeps_reach(dmabuf, &run, 1, &run, 1);
	return 0;
}

static struct bus_dma_region *windows_alloc(void)
{
	struct bus_dma_region *windows = kcalloc(WINDOWS + 1, sizeof(*windows), GFP_KERNEL);

	if (!windows)
		return NULL;
	for (int i = 0; i < WINDOWS; i++)
		windows[i] = (struct bus_dma_region){
			.cpu_start = i * (u64)SZ_64K, .dma_start = i * (u64)SZ_64K, .size = SZ_64K,
		};
	return windows;
}

/* As the bus does that binds a device with windows; the unbind frees them. */
static bool bind_with_windows(struct device *dev)
{
	struct bus_dma_region *windows = windows_alloc();

	if (!windows)
		return false;
	if (device_attach(dev) != 1) {
		kfree(windows);
		return false;
	}
	device_lock(dev);
	dev->dma_range_map = windows;
	device_unlock(dev);
	return true;
}

static bool unbind_and_bind(void *data)
{
	struct unbinding *all = data;

	device_release_driver(all->dev);
	return bind_with_windows(all->dev);
}

static bool attach_and_detach(void *data)
{
	const struct dma_buf_needs needs = { .contiguous = PAGE_SIZE };
	struct unbinding *all = data;
	struct dma_buf_attachment *attach;

	attach = dma_buf_attach_with_needs(all->dmabuf, all->next, NULL, NULL, &needs);
	if (IS_ERR(attach))
		return false;
	dma_buf_detach(all->dmabuf, attach);
	return true;
}

/* KASAN reports windows that are read after the unbind has freed them. */
static void attach_against_unbind(struct kunit *test)
{
	struct unbinding *all = kunit_kzalloc(test, sizeof(*all), GFP_KERNEL);
	struct mock_exporter *exporter;
	struct mock_job jobs[] = {
		{ .turn = attach_and_detach, .data = all },
		{ .turn = unbind_and_bind, .data = all },
	};

	KUNIT_ASSERT_NOT_NULL(test, all);
	if (!IS_ENABLED(CONFIG_HAS_DMA))
		kunit_skip(test, "devices do no DMA");
	all->ops = mock_static_ops;
	all->ops.negotiate = negotiate_in_a_thread;
	exporter = mock_exporter(test, &all->ops);
	exporter->hook_data = all;
	all->dmabuf = mock_buffer(test, exporter);
	all->dev = mock_device(test);
	all->next = mock_device(test);
	attach_stating(test, all->dmabuf, all->dev, PAGE_SIZE);
	atomic_set(&all->negotiated, 0);
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	KUNIT_EXPECT_EQ(test, atomic_read(&all->negotiated), jobs[0].turns);
}

/**
 * struct asker - an importer that attaches to a buffer of its own
 * @test: the test
 * @ops: callbacks of the buffer
 * @dmabuf: the buffer
 * @dev: its device
 * @refused: number of times that the buffer could not get other memory
 * @asked: number of times that the exporter was called
 */
struct asker {
	struct kunit *test;
	struct dma_buf_ops ops;
	struct dma_buf *dmabuf;
	struct device *dev;
	unsigned int refused;
	unsigned int asked;
};

static int negotiate_keeping(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
			     const struct dma_buf_needs *want)
{
	struct asker *asker = ((struct mock_exporter *)dmabuf->priv)->hook_data;
	const struct dma_buf_run run = { SZ_1G >> PAGE_SHIFT, dmabuf->size >> PAGE_SHIFT };

	asker->asked++;
	asker->refused += !dma_buf_keeps_reach(dmabuf, &run, 1, &run, 1);
	return 0;
}

/* Takes longer than all attempts to lock a device, also if each pause lasts a tick. */
static struct dma_buf_dma_facts get_facts_slowly(struct device *dev)
{
	for (int i = 0; i < 10; i++)
		usleep_range(100, 150);
	return (struct dma_buf_dma_facts){
		.dma = DMA_BUF_DMA_DIRECT,
		.limit = *dev->dma_mask,
		.last = 8ULL * SZ_1G - 1,
	};
}

static bool asker_attach(void *data)
{
	const struct dma_buf_needs needs = { .contiguous = PAGE_SIZE };
	struct asker *asker = data;
	struct dma_buf_attachment *attach;

	/* The thread uses the stubs of the test. */
	current->kunit_test = asker->test;
	attach = dma_buf_attach_with_needs(asker->dmabuf, asker->dev, NULL, NULL, &needs);
	current->kunit_test = NULL;
	if (IS_ERR(attach))
		return false;
	dma_buf_detach(asker->dmabuf, attach);
	return !asker->refused;
}

/* A device is attached to the buffers of both, and nobody binds or unbinds its driver. */
static void attaches_to_two_buffers_do_not_refuse_each_other(struct kunit *test)
{
	struct asker *askers = kunit_kcalloc(test, 2, sizeof(*askers), GFP_KERNEL);
	struct device *shared = mock_device(test);
	struct mock_job jobs[2] = {};

	KUNIT_ASSERT_NOT_NULL(test, askers);
	kunit_activate_static_stub(test, dma_buf_needs_get_facts, get_facts_slowly);
	for (int i = 0; i < ARRAY_SIZE(jobs); i++) {
		struct mock_exporter *exporter = mock_exporter(test, &askers[i].ops);

		askers[i].test = test;
		askers[i].ops = mock_static_ops;
		askers[i].ops.negotiate = negotiate_keeping;
		exporter->hook_data = &askers[i];
		askers[i].dmabuf = mock_buffer(test, exporter);
		askers[i].dev = mock_device(test);
		attach_stating(test, askers[i].dmabuf, shared, PAGE_SIZE);
		askers[i].asked = 0;
		jobs[i] = (struct mock_job){ .turn = asker_attach, .data = &askers[i] };
	}
	mock_run_jobs(test, jobs, ARRAY_SIZE(jobs));
	for (int i = 0; i < ARRAY_SIZE(jobs); i++)
		KUNIT_EXPECT_EQ(test, askers[i].asked, jobs[i].turns);
}

static struct kunit_case dma_buf_device_cases[] = {
	KUNIT_CASE(bound_device_is_asked),
	KUNIT_CASE(locked_device_is_not_asked),
	KUNIT_CASE(locked_device_is_waited_for_once),
	KUNIT_CASE(reader_of_fdinfo_does_not_wait),
	KUNIT_CASE(memory_stays_if_the_lock_is_dropped_later),
	KUNIT_CASE(own_device_may_be_locked),
	KUNIT_CASE(device_that_lost_its_driver_needs_nothing),
	KUNIT_CASE(device_that_never_had_a_driver_is_asked),
	KUNIT_CASE(attach_against_unbind),
	KUNIT_CASE(attaches_to_two_buffers_do_not_refuse_each_other),
	{}
};

static struct kunit_suite dma_buf_device_suite = {
	.name = "dma_buf_device",
	.init = mock_init,
	.test_cases = dma_buf_device_cases,
};

kunit_test_suite(dma_buf_device_suite);
