// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the trace events of buffers: when each is traced, with which values, and what it
 * prints.
 */

#include <kunit/static_stub.h>
#include <linux/anon_inodes.h>
#include <linux/completion.h>
#include <linux/dma-heap.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <uapi/linux/dma-heap.h>

#include "../heaps/heaps-private.h"
#include "../needs/dma-buf-needs-private.h"
#include "tracer.h"

static void export_is_traced_before_the_buffer_is_listed(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct mock_tracer *tracer = tracer_start(test, exporter);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct traced *traced = &tracer->events[EVENT_EXPORT];

	tracer_expect_one(tracer, EVENT_EXPORT, dmabuf);
	KUNIT_EXPECT_FALSE(test, traced->listed);
	KUNIT_EXPECT_EQ(test, traced->ino, file_inode(dmabuf->file)->i_ino);
	KUNIT_EXPECT_EQ(test, traced->references, 1);
	KUNIT_EXPECT_FALSE(test, list_empty(&dma_buf_to_object(dmabuf)->entry.node));
}

static void failed_export_is_not_traced(struct kunit *test)
{
	struct dma_buf_ops ops = mock_static_ops;
	struct mock_exporter *exporter = mock_exporter(test, &ops);
	struct mock_tracer *tracer = tracer_start(test, exporter);

	ops.release = NULL;
	mock_expect_report(test);
	KUNIT_EXPECT_EQ(test, PTR_ERR(mock_export(exporter)), -EINVAL);
	tracer_expect_none(tracer);
}

static void fd_is_traced_before_it_is_installed(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct mock_tracer *tracer = tracer_start(test, exporter);
	struct traced *traced = &tracer->events[EVENT_FD];
	int fd = dma_buf_fd(dmabuf, O_CLOEXEC);

	KUNIT_ASSERT_GE(test, fd, 0);
	mock_buffer_disown(test, dmabuf);
	tracer_expect_one(tracer, EVENT_FD, dmabuf);
	KUNIT_EXPECT_EQ(test, traced->fd, fd);
	KUNIT_EXPECT_FALSE(test, traced->installed);
	KUNIT_EXPECT_EQ(test, traced->references, 1);
	close_fd(fd);
}

/* Nor is the close of a descriptor. */
static void failed_fd_is_not_traced(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct mock_tracer *tracer = tracer_start(test, exporter);
	struct rlimit *limit = &current->signal->rlim[RLIMIT_NOFILE];
	unsigned long before = limit->rlim_cur;
	int fd;

	WRITE_ONCE(limit->rlim_cur, 0);
	KUNIT_EXPECT_EQ(test, dma_buf_fd(dmabuf, O_CLOEXEC), -EMFILE);
	WRITE_ONCE(limit->rlim_cur, before);
	KUNIT_EXPECT_EQ(test, dma_buf_fd(NULL, O_CLOEXEC), -EINVAL);
	tracer_expect_none(tracer);

	get_dma_buf(dmabuf);
	fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	KUNIT_ASSERT_GE(test, fd, 0);
	tracer_forget(tracer);
	KUNIT_EXPECT_EQ(test, close_fd(fd), 0);
	tracer_expect_none(tracer);
}

static void heap_traces_its_fd_before_it_is_installed(struct kunit *test)
{
	const struct file_operations fops = { .unlocked_ioctl = dma_heap_ioctl };
	struct dma_heap_allocation_data data = { .len = PAGE_SIZE, .fd_flags = O_RDWR };
	struct file file = { .f_op = &fops };
	struct mock_tracer *tracer;
	struct dma_buf *dmabuf;

	if (!IS_ENABLED(CONFIG_DMABUF_HEAPS_SYSTEM))
		kunit_skip(test, "no system heap");
	file.private_data = dma_heap_find("system");
	KUNIT_ASSERT_NOT_NULL(test, file.private_data);
	mock_user_memory(test, PAGE_SIZE);
	tracer = tracer_start(test, NULL);
	KUNIT_ASSERT_EQ(test, 0, mock_file_ioctl(test, &file, DMA_HEAP_IOCTL_ALLOC, &data,
						 sizeof(data)));
	KUNIT_EXPECT_EQ(test, tracer->events[EVENT_EXPORT].count, 1);
	KUNIT_EXPECT_EQ(test, tracer->events[EVENT_FD].count, 1);
	KUNIT_EXPECT_EQ(test, tracer->events[EVENT_FD].fd, data.fd);
	KUNIT_EXPECT_FALSE(test, tracer->events[EVENT_FD].installed);
	KUNIT_EXPECT_LT(test, tracer->events[EVENT_EXPORT].order,
			tracer->events[EVENT_FD].order);
	dmabuf = dma_buf_get(data.fd);
	KUNIT_EXPECT_PTR_EQ(test, tracer->events[EVENT_FD].dmabuf, dmabuf);
	close_fd(data.fd);
	if (!IS_ERR(dmabuf))
		dma_buf_put(dmabuf);
}

static void get_is_traced_with_its_reference(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	int fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	struct mock_tracer *tracer = tracer_start(test, exporter);
	struct traced *traced = &tracer->events[EVENT_GET];

	KUNIT_ASSERT_GE(test, fd, 0);
	mock_buffer_disown(test, dmabuf);
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_get(fd), dmabuf);
	tracer_expect_one(tracer, EVENT_GET, dmabuf);
	KUNIT_EXPECT_EQ(test, traced->fd, fd);
	KUNIT_EXPECT_EQ(test, traced->references, 2);
	close_fd(fd);
	dma_buf_put(dmabuf);
}

static void failed_get_is_not_traced(struct kunit *test)
{
	static const struct file_operations fops = {};
	struct mock_tracer *tracer = tracer_start(test, NULL);
	int fd = anon_inode_getfd("mock", &fops, NULL, O_RDWR | O_CLOEXEC);

	KUNIT_ASSERT_GE(test, fd, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR(dma_buf_get(fd)), -EINVAL);
	close_fd(fd);
	KUNIT_EXPECT_EQ(test, PTR_ERR(dma_buf_get(fd)), -EBADF);
	tracer_expect_none(tracer);
}

static void put_is_traced_before_the_reference_is_dropped(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct mock_tracer *tracer = tracer_start(test, exporter);
	struct traced *traced = &tracer->events[EVENT_PUT];

	mock_buffer_put(test, dmabuf);
	tracer_expect_one(tracer, EVENT_PUT, dmabuf);
	KUNIT_EXPECT_EQ(test, traced->references, 1);
	KUNIT_EXPECT_TRUE(test, traced->listed);
	KUNIT_EXPECT_EQ(test, mock_calls(exporter, MOCK_RELEASE), 1);
	KUNIT_EXPECT_LT(test, traced->order, exporter->calls[MOCK_RELEASE].order);
}

static void put_of_null_is_not_traced(struct kunit *test)
{
	struct mock_tracer *tracer = tracer_start(test, NULL);

	mock_expect_report(test);
	dma_buf_put(NULL);
	tracer_expect_none(tracer);
}

/**
 * struct late_put - a reference that a timer's interrupt drops
 * @timer: the timer
 * @dmabuf: the buffer
 * @done: completed after the put
 */
struct late_put {
	struct hrtimer timer;
	struct dma_buf *dmabuf;
	struct completion done;
};

static enum hrtimer_restart late_put_run(struct hrtimer *timer)
{
	struct late_put *late = container_of(timer, struct late_put, timer);

	dma_buf_put(late->dmabuf);
	complete(&late->done);
	return HRTIMER_NORESTART;
}

/* With lockdep: no event takes a lock that is taken with interrupts enabled elsewhere. */
static void put_is_traced_in_an_interrupt(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct mock_tracer *tracer = tracer_start(test, exporter);
	struct late_put *late = kunit_kzalloc(test, sizeof(*late), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, late);
	late->dmabuf = dmabuf;
	init_completion(&late->done);
	get_dma_buf(dmabuf);
	hrtimer_init(&late->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	late->timer.function = late_put_run;
	hrtimer_start(&late->timer, ns_to_ktime(NSEC_PER_MSEC), HRTIMER_MODE_REL_HARD);
	wait_for_completion(&late->done);
	hrtimer_cancel(&late->timer);

	tracer_expect_one(tracer, EVENT_PUT, dmabuf);
	KUNIT_EXPECT_TRUE(test, tracer->events[EVENT_PUT].in_hardirq);
	KUNIT_EXPECT_EQ(test, tracer->events[EVENT_PUT].references, 2);
}

static const struct importer_row {
	const char *desc;
	const struct dma_buf_ops *ops;
	bool dynamic;
} importer_rows[] = {
	{ "static importer of a static exporter", &mock_static_ops, false },
	{ "static importer of a dynamic exporter", &mock_dynamic_ops, false },
	{ "dynamic importer of a static exporter", &mock_static_ops, true },
	{ "dynamic importer of a dynamic exporter", &mock_dynamic_ops, true },
};

KUNIT_ARRAY_PARAM_DESC(importer, importer_rows, desc);

static void attach_is_traced_before_others_see_it(struct kunit *test)
{
	const struct importer_row *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, row->ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct mock_tracer *tracer = tracer_start(test, exporter);
	struct traced *traced = &tracer->events[EVENT_ATTACH];
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach;

	attach = mock_attach(test, dmabuf, row->dynamic ? &importer : NULL);
	tracer_expect_one(tracer, EVENT_ATTACH, dmabuf);
	KUNIT_EXPECT_PTR_EQ(test, traced->attach, attach);
	KUNIT_EXPECT_PTR_EQ(test, traced->dev, attach->dev);
	KUNIT_EXPECT_EQ(test, traced->is_dynamic, row->dynamic);
	/* Nobody else walks the list of attachments while the lock is held. */
	KUNIT_EXPECT_TRUE(test, traced->locked);
	KUNIT_EXPECT_GT(test, traced->order, exporter->calls[MOCK_ATTACH].order);
	KUNIT_EXPECT_GT(test, traced->order, exporter->calls[MOCK_MAP].order);
	mock_detach(test, attach);
}

static const struct refusal {
	const char *desc;
	const struct dma_buf_ops *ops;
	enum mock_op op;
} refusals[] = {
	{ "attach", &mock_static_ops, MOCK_ATTACH },
	{ "pin", &mock_dynamic_ops, MOCK_PIN },
	{ "map", &mock_dynamic_ops, MOCK_MAP },
};

KUNIT_ARRAY_PARAM_DESC(refusal, refusals, desc);

static void failed_attach_is_not_traced(struct kunit *test)
{
	const struct refusal *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, row->ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct mock_tracer *tracer = tracer_start(test, exporter);

	mock_fail(exporter, row->op, 1, -EBUSY);
	KUNIT_EXPECT_EQ(test, PTR_ERR(dma_buf_attach(dmabuf, mock_device(test))), -EBUSY);
	tracer_expect_none(tracer);
}

static void detach_is_traced_before_the_attachment_is_freed(struct kunit *test)
{
	const struct importer_row *row = test->param_value;
	struct mock_exporter *exporter = mock_exporter(test, row->ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct mock_tracer *tracer = tracer_start(test, exporter);
	struct traced *traced = &tracer->events[EVENT_DETACH];
	struct mock_importer importer = {};
	struct dma_buf_attachment *attach;
	struct device *dev;

	attach = mock_attach(test, dmabuf, row->dynamic ? &importer : NULL);
	dev = attach->dev;
	tracer_forget(tracer);
	mock_detach(test, attach);
	tracer_expect_one(tracer, EVENT_DETACH, dmabuf);
	KUNIT_EXPECT_PTR_EQ(test, traced->attach, attach);
	KUNIT_EXPECT_PTR_EQ(test, traced->dev, dev);
	KUNIT_EXPECT_EQ(test, traced->is_dynamic, row->dynamic);
	KUNIT_EXPECT_FALSE(test, traced->locked);
	KUNIT_EXPECT_GT(test, traced->order, exporter->calls[MOCK_DETACH].order);
}

/* The mmap of the descriptor, for one page of the buffer. */
static int map_page_internal(struct dma_buf *dmabuf, unsigned long pgoff)
{
	struct vm_area_struct vma = { .vm_end = PAGE_SIZE, .vm_pgoff = pgoff };

	return dmabuf->file->f_op->mmap(dmabuf->file, &vma);
}

/* The mmap of a driver's file. */
static int map_page(struct dma_buf *dmabuf, unsigned long pgoff)
{
	struct vm_area_struct vma = { .vm_end = PAGE_SIZE, .vm_file = get_file(dmabuf->file) };
	int ret = dma_buf_mmap(dmabuf, &vma, pgoff);

	fput(vma.vm_file);
	return ret;
}

static void mmap_of_the_descriptor_is_traced(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct mock_tracer *tracer = tracer_start(test, exporter);

	KUNIT_EXPECT_EQ(test, map_page_internal(dmabuf, 0), 0);
	tracer_expect_one(tracer, EVENT_MMAP_INTERNAL, dmabuf);
	KUNIT_EXPECT_LT(test, tracer->events[EVENT_MMAP_INTERNAL].order,
			exporter->calls[MOCK_MMAP].order);
	/* Beyond the end. */
	KUNIT_EXPECT_EQ(test, map_page_internal(dmabuf, 4), -EINVAL);
	tracer_expect_none(tracer);
}

static void mmap_of_a_drivers_file_is_traced(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	struct mock_tracer *tracer = tracer_start(test, exporter);

	KUNIT_EXPECT_EQ(test, map_page(dmabuf, 0), 0);
	tracer_expect_one(tracer, EVENT_MMAP, dmabuf);
	KUNIT_EXPECT_LT(test, tracer->events[EVENT_MMAP].order,
			exporter->calls[MOCK_MMAP].order);
	KUNIT_EXPECT_EQ(test, map_page(dmabuf, 4), -EINVAL);
	tracer_expect_none(tracer);
}

#define MASK_28		(SZ_256M - 1ULL)
#define MASK_BOUNCED	(SZ_512M - 1ULL)

/**
 * struct negotiation - an exporter whose memory is in two pieces above 28 bits
 * @ops: its callbacks
 * @exporter: the mock exporter
 * @replaces: it can replace the memory by a contiguous one
 */
struct negotiation {
	struct dma_buf_ops ops;
	struct mock_exporter *exporter;
	bool replaces;
};

static int negotiate(struct dma_buf *dmabuf, const struct dma_buf_needs *must,
		     const struct dma_buf_needs *want)
{
	const unsigned long pfn = SZ_1G >> PAGE_SHIFT;
	const struct dma_buf_run pieces[] = { { pfn, 1 }, { pfn + 8, 3 } };
	const struct dma_buf_run whole = { pfn + 16, 4 };
	struct mock_exporter *exporter = dmabuf->priv;
	struct negotiation *all = exporter->hook_data;

	if (dma_buf_fits(dmabuf, must, true, pieces, ARRAY_SIZE(pieces), NULL)) {
		dma_buf_fits(dmabuf, want, false, pieces, ARRAY_SIZE(pieces), NULL);
		return 0;
	}
	if (!all->replaces || !dma_buf_fits(dmabuf, must, true, &whole, 1, NULL))
		return -EBUSY;
	dma_buf_note_replaced(dmabuf);
	return 0;
}

/* The devices are dma-direct. Those with MASK_BOUNCED have bounce buffers. */
static struct dma_buf_dma_facts get_facts(struct device *dev)
{
	return (struct dma_buf_dma_facts){
		.dma = DMA_BUF_DMA_DIRECT,
		.limit = *dev->dma_mask,
		.last = U64_MAX,
		.bounce = *dev->dma_mask == MASK_BOUNCED ? SZ_256K : 0,
	};
}

static struct negotiation *negotiation(struct kunit *test)
{
	struct negotiation *all = kunit_kzalloc(test, sizeof(*all), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, all);
	all->ops = mock_static_ops;
	all->ops.negotiate = negotiate;
	all->exporter = mock_exporter(test, &all->ops);
	all->exporter->hook_data = all;
	kunit_activate_static_stub(test, dma_buf_needs_get_facts, get_facts);
	return all;
}

/* Attach and detach a device. Return the errno of the attach. */
static int attach_stating(struct kunit *test, struct dma_buf *dmabuf, u64 mask, size_t contiguous)
{
	const struct dma_buf_needs needs = { .contiguous = contiguous };
	struct dma_buf_attachment *attach;

	attach = dma_buf_attach_with_needs(dmabuf, mock_device_masked(test, mask), NULL, NULL,
					   contiguous ? &needs : NULL);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	dma_buf_detach(dmabuf, attach);
	return 0;
}

static const struct outcome {
	const char *desc;
	bool replaces;
	u64 mask;
	unsigned int pages;
	int attach;
	int count;
	int ret;
	enum dma_buf_need unmet;
	u64 had;
	u64 wanted;
	bool replaced;
} outcomes[] = {
	{ "the memory fits", false, U64_MAX, 1, 0, 1, 0, DMA_BUF_NEED_NONE, 0 },
	{ "the memory is replaced", true, U64_MAX, 4, 0, 1, 0, DMA_BUF_NEED_CONTIGUOUS,
	  PAGE_SIZE, 4 * PAGE_SIZE, true },
	/* The exporter is asked for all that is needed, and for what was stated. */
	{ "what was stated is refused", false, U64_MAX, 4, -EBUSY, 2, -EBUSY,
	  DMA_BUF_NEED_CONTIGUOUS, PAGE_SIZE, 4 * PAGE_SIZE },
	{ "only what was stated is met", false, MASK_28, 1, 0, 2, 0, DMA_BUF_NEED_NONE, 0 },
	{ "what follows from the device is not met", true, MASK_28, 0, 0, 1, -EBUSY,
	  DMA_BUF_NEED_REACH, SZ_1G + PAGE_SIZE - 1, MASK_28 },
	{ "what is wanted is not met", true, MASK_BOUNCED, 0, 0, 1, 0, DMA_BUF_NEED_REACH,
	  SZ_1G + PAGE_SIZE - 1, MASK_BOUNCED },
	{ "more than the buffer is stated", true, U64_MAX, 5, -EOPNOTSUPP, 1, -EOPNOTSUPP,
	  DMA_BUF_NEED_NONE, 0 },
};

KUNIT_ARRAY_PARAM_DESC(outcome, outcomes, desc);

static void negotiation_is_traced_with_its_outcome(struct kunit *test)
{
	const struct outcome *row = test->param_value;
	struct negotiation *all = negotiation(test);
	struct dma_buf *dmabuf = mock_buffer(test, all->exporter);
	struct mock_tracer *tracer = tracer_start(test, all->exporter);
	struct traced *traced = &tracer->events[EVENT_NEGOTIATE];

	all->replaces = row->replaces;
	KUNIT_EXPECT_EQ(test, attach_stating(test, dmabuf, row->mask, row->pages * PAGE_SIZE),
			row->attach);
	KUNIT_EXPECT_EQ(test, traced->count, row->count);
	KUNIT_EXPECT_EQ(test, traced->must.contiguous, row->pages * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, traced->ret, row->ret);
	KUNIT_EXPECT_EQ(test, traced->misfit.need, row->unmet);
	KUNIT_EXPECT_EQ(test, traced->misfit.had, row->had);
	KUNIT_EXPECT_EQ(test, traced->wanted, row->wanted);
	KUNIT_EXPECT_EQ(test, traced->replaced, row->replaced);
	KUNIT_EXPECT_TRUE(test, traced->locked);
	KUNIT_EXPECT_EQ(test, tracer->events[EVENT_ATTACH].count, !row->attach);
	if (!row->attach)
		KUNIT_EXPECT_LT(test, traced->order, tracer->events[EVENT_ATTACH].order);
}

static void negotiation_that_needs_nothing_is_not_traced(struct kunit *test)
{
	struct negotiation *all = negotiation(test);
	struct dma_buf *dmabuf = mock_buffer(test, all->exporter);
	struct mock_tracer *tracer = tracer_start(test, all->exporter);

	KUNIT_EXPECT_EQ(test, attach_stating(test, dmabuf, U64_MAX, 0), 0);
	KUNIT_EXPECT_EQ(test, tracer->events[EVENT_NEGOTIATE].count, 0);
	KUNIT_EXPECT_EQ(test, attach_stating(test, dmabuf, MASK_28, 0), 0);
	KUNIT_EXPECT_EQ(test, tracer->events[EVENT_NEGOTIATE].count, 1);
	all->ops.negotiate = NULL;
	KUNIT_EXPECT_EQ(test, attach_stating(test, dmabuf, MASK_28, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, tracer->events[EVENT_NEGOTIATE].count, 1);
}

/* All calls that have an event. */
static void do_all(struct kunit *test, struct mock_exporter *exporter)
{
	struct dma_buf *dmabuf = mock_buffer(test, exporter);
	int fd;

	KUNIT_EXPECT_EQ(test, attach_stating(test, dmabuf, U64_MAX, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, map_page(dmabuf, 0), 0);
	KUNIT_EXPECT_EQ(test, map_page_internal(dmabuf, 0), 0);
	fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	KUNIT_ASSERT_GE(test, fd, 0);
	mock_buffer_disown(test, dmabuf);
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_get(fd), dmabuf);
	close_fd(fd);
	dma_buf_put(dmabuf);
	mock_flush();
}

static void all_events_are_off_without_a_probe(struct kunit *test)
{
	struct mock_exporter *exporter = negotiation(test)->exporter;
	struct mock_tracer *tracer = tracer_start(test, exporter);
	int i;

	do_all(test, exporter);
	for (i = 0; i < EVENTS; i++) {
		KUNIT_EXPECT_EQ_MSG(test, tracer->events[i].count, 1, "%s", traced_event_names[i]);
		KUNIT_EXPECT_TRUE(test, static_key_enabled(&tracer->points[i]->key));
	}
	tracer_stop(tracer);
	tracer_forget(tracer);
	for (i = 0; i < EVENTS; i++)
		KUNIT_EXPECT_FALSE_MSG(test, static_key_enabled(&tracer->points[i]->key), "%s",
				       traced_event_names[i]);
	do_all(test, exporter);
	tracer_expect_none(tracer);
}

/* Expect one line of this event, which ends with the text. */
static void trace_text_expect(struct kunit *test, struct trace_text *trace, enum traced_event event,
			      const char *text)
{
	char name[64], *line, *end;

	snprintf(name, sizeof(name), ": %s: ", traced_event_names[event]);
	line = strstr(trace->text, name);
	KUNIT_ASSERT_NOT_NULL_MSG(test, line, "%s is not in\n%s", name, trace->text);
	line += strlen(name);
	end = strchrnul(line, '\n');
	KUNIT_EXPECT_NULL_MSG(test, strstr(end, name), "two lines of %s", name);
	*end = '\0';
	KUNIT_EXPECT_STREQ(test, line, text);
	if (end < trace->text + sizeof(trace->text) - 1)
		*end = '\n';
}

static void lines_have_the_format_of_later_kernels(struct kunit *test)
{
	struct mock_exporter *exporter = mock_exporter(test, &mock_static_ops);
	struct trace_text *trace = trace_text_begin(test);
	struct dma_buf_attachment *attach;
	struct mock_importer importer = {};
	char buffer[64], text[192];
	struct dma_buf *dmabuf;
	struct device *dev;
	int fd;

	dmabuf = mock_buffer(test, exporter);
	snprintf(buffer, sizeof(buffer), "exp_name=mock size=%zu ino=%lu", exporter->size,
		 file_inode(dmabuf->file)->i_ino);
	attach = mock_attach(test, dmabuf, &importer);
	dev = attach->dev;
	mock_detach(test, attach);
	map_page(dmabuf, 0);
	map_page_internal(dmabuf, 0);
	fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	KUNIT_ASSERT_GE(test, fd, 0);
	mock_buffer_disown(test, dmabuf);
	dma_buf_get(fd);
	close_fd(fd);
	dma_buf_put(dmabuf);
	mock_flush();

	trace_text_read(test, trace);
	snprintf(text, sizeof(text), "%s attachment:%p is_dynamic=1 dev_name=%s", buffer, attach,
		 dev_name(dev));
	trace_text_expect(test, trace, EVENT_EXPORT, buffer);
	trace_text_expect(test, trace, EVENT_PUT, buffer);
	trace_text_expect(test, trace, EVENT_MMAP, buffer);
	trace_text_expect(test, trace, EVENT_MMAP_INTERNAL, buffer);
	trace_text_expect(test, trace, EVENT_ATTACH, text);
	trace_text_expect(test, trace, EVENT_DETACH, text);
	snprintf(text, sizeof(text), "%s fd=%d", buffer, fd);
	trace_text_expect(test, trace, EVENT_FD, text);
	trace_text_expect(test, trace, EVENT_GET, text);
}

static void line_of_a_negotiation_says_why(struct kunit *test)
{
	struct negotiation *all = negotiation(test);
	struct trace_text *trace = trace_text_begin(test);
	struct dma_buf *dmabuf = mock_buffer(test, all->exporter);
	char text[320], line[64];

	all->replaces = true;
	KUNIT_EXPECT_EQ(test, attach_stating(test, dmabuf, U64_MAX, 4 * PAGE_SIZE), 0);
	trace_text_read(test, trace);
	snprintf(line, sizeof(line), "exp_name=mock size=%zu ino=%lu dev_name=", dmabuf->size,
		 file_inode(dmabuf->file)->i_ino);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(trace->text, line), "%s", trace->text);
	snprintf(text, sizeof(text),
		 " must_reach=0x0 must_contiguous=%lu must_granule=0 want_reach=0x0 want_contiguous=0 want_granule=0 ret=0 unmet=contiguous wanted=%#lx had=%#lx replaced=1\n",
		 4 * PAGE_SIZE, 4 * PAGE_SIZE, PAGE_SIZE);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(trace->text, text), "%s is not in\n%s", text,
				  trace->text);
}

static struct kunit_case dma_buf_trace_cases[] = {
	KUNIT_CASE(export_is_traced_before_the_buffer_is_listed),
	KUNIT_CASE(failed_export_is_not_traced),
	KUNIT_CASE(fd_is_traced_before_it_is_installed),
	KUNIT_CASE(failed_fd_is_not_traced),
	KUNIT_CASE(heap_traces_its_fd_before_it_is_installed),
	KUNIT_CASE(get_is_traced_with_its_reference),
	KUNIT_CASE(failed_get_is_not_traced),
	KUNIT_CASE(put_is_traced_before_the_reference_is_dropped),
	KUNIT_CASE(put_of_null_is_not_traced),
	KUNIT_CASE(put_is_traced_in_an_interrupt),
	KUNIT_CASE_PARAM(attach_is_traced_before_others_see_it, importer_gen_params),
	KUNIT_CASE_PARAM(failed_attach_is_not_traced, refusal_gen_params),
	KUNIT_CASE_PARAM(detach_is_traced_before_the_attachment_is_freed, importer_gen_params),
	KUNIT_CASE_PARAM(negotiation_is_traced_with_its_outcome, outcome_gen_params),
	KUNIT_CASE(negotiation_that_needs_nothing_is_not_traced),
	KUNIT_CASE(mmap_of_the_descriptor_is_traced),
	KUNIT_CASE(mmap_of_a_drivers_file_is_traced),
	KUNIT_CASE(all_events_are_off_without_a_probe),
	KUNIT_CASE(lines_have_the_format_of_later_kernels),
	KUNIT_CASE(line_of_a_negotiation_says_why),
	{}
};

static struct kunit_suite dma_buf_trace_suite = {
	.name = "dma_buf_trace",
	.init = mock_init,
	.test_cases = dma_buf_trace_cases,
};

kunit_test_suite(dma_buf_trace_suite);
