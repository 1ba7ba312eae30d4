// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records the trace events of buffers, and reads what they print.
 *
 * The tracepoints are not exported, so they are looked up by name.
 */

#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/trace.h>
#include <linux/trace_events.h>
#include <linux/uio.h>

#include "tracer.h"

#define TRACE_INSTANCE	"dma_buf_trace_kunit"

const char *const traced_event_names[EVENTS] = {
	[EVENT_EXPORT] = "dma_buf_export",
	[EVENT_FD] = "dma_buf_fd",
	[EVENT_GET] = "dma_buf_get",
	[EVENT_PUT] = "dma_buf_put",
	[EVENT_NEGOTIATE] = "dma_buf_negotiate",
	[EVENT_ATTACH] = "dma_buf_dynamic_attach",
	[EVENT_DETACH] = "dma_buf_detach",
	[EVENT_MMAP] = "dma_buf_mmap",
	[EVENT_MMAP_INTERNAL] = "dma_buf_mmap_internal",
};

/* Called with preemption disabled, in the context of the event. */
static struct traced *tracer_record(struct mock_tracer *tracer, enum traced_event event,
				    struct dma_buf *dmabuf)
{
	struct traced *traced = &tracer->events[event];
	struct dma_buf_object *obj = dma_buf_to_object(dmabuf);

	if (tracer->exporter && dmabuf->priv != tracer->exporter)
		return NULL;
	traced->count++;
	traced->order = atomic_inc_return(&mock_context(tracer->test)->order);
	traced->dmabuf = dmabuf;
	traced->references = file_count(dmabuf->file);
	traced->ino = obj->inode.i_ino;
	traced->listed = !list_empty(&obj->entry.node);
	traced->locked = dma_resv_is_locked(dmabuf->resv);
	traced->in_hardirq = in_hardirq();
	return traced;
}

static void tracer_record_fd(struct mock_tracer *tracer, enum traced_event event,
			     struct dma_buf *dmabuf, int fd)
{
	struct traced *traced = tracer_record(tracer, event, dmabuf);

	if (!traced)
		return;
	traced->fd = fd;
	scoped_guard(rcu)
		traced->installed = files_lookup_fd_raw(current->files, fd);
}

static void tracer_record_attach(struct mock_tracer *tracer, enum traced_event event,
				 struct dma_buf *dmabuf, struct dma_buf_attachment *attach,
				 bool is_dynamic, struct device *dev)
{
	struct traced *traced = tracer_record(tracer, event, dmabuf);

	if (!traced)
		return;
	traced->attach = attach;
	traced->is_dynamic = is_dynamic;
	traced->dev = dev;
}

static void probe_export(void *tracer, struct dma_buf *dmabuf)
{
	tracer_record(tracer, EVENT_EXPORT, dmabuf);
}

static void probe_fd(void *tracer, struct dma_buf *dmabuf, int fd)
{
	tracer_record_fd(tracer, EVENT_FD, dmabuf, fd);
}

static void probe_get(void *tracer, struct dma_buf *dmabuf, int fd)
{
	tracer_record_fd(tracer, EVENT_GET, dmabuf, fd);
}

static void probe_put(void *tracer, struct dma_buf *dmabuf)
{
	tracer_record(tracer, EVENT_PUT, dmabuf);
}

static void probe_negotiate(void *tracer, struct dma_buf *dmabuf,
			    const struct dma_buf_negotiation *negotiation,
			    const struct dma_buf_needs *must, const struct dma_buf_needs *want,
			    int ret)
{
	struct traced *traced = tracer_record(tracer, EVENT_NEGOTIATE, dmabuf);

	if (!traced)
		return;
	traced->attach = negotiation->newcomer;
	traced->dev = negotiation->newcomer->dev;
	traced->must = *must;
	traced->want = *want;
	traced->misfit = negotiation->misfit;
	traced->wanted = negotiation->wanted;
	traced->replaced = negotiation->replaced;
	traced->ret = ret;
}

static void probe_attach(void *tracer, struct dma_buf *dmabuf, struct dma_buf_attachment *attach,
			 bool is_dynamic, struct device *dev)
{
	tracer_record_attach(tracer, EVENT_ATTACH, dmabuf, attach, is_dynamic, dev);
}

static void probe_detach(void *tracer, struct dma_buf *dmabuf, struct dma_buf_attachment *attach,
			 bool is_dynamic, struct device *dev)
{
	tracer_record_attach(tracer, EVENT_DETACH, dmabuf, attach, is_dynamic, dev);
}

static void probe_mmap(void *tracer, struct dma_buf *dmabuf)
{
	tracer_record(tracer, EVENT_MMAP, dmabuf);
}

static void probe_mmap_internal(void *tracer, struct dma_buf *dmabuf)
{
	tracer_record(tracer, EVENT_MMAP_INTERNAL, dmabuf);
}

static void *const probes[EVENTS] = {
	[EVENT_EXPORT] = probe_export,
	[EVENT_FD] = probe_fd,
	[EVENT_GET] = probe_get,
	[EVENT_PUT] = probe_put,
	[EVENT_NEGOTIATE] = probe_negotiate,
	[EVENT_ATTACH] = probe_attach,
	[EVENT_DETACH] = probe_detach,
	[EVENT_MMAP] = probe_mmap,
	[EVENT_MMAP_INTERNAL] = probe_mmap_internal,
};

static void tracer_find(struct tracepoint *point, void *in)
{
	struct mock_tracer *tracer = in;
	int i;

	for (i = 0; i < EVENTS; i++)
		if (!strcmp(point->name, traced_event_names[i]))
			tracer->points[i] = point;
}

static void tracer_stop_action(void *in)
{
	struct mock_tracer *tracer = in;
	int i;

	for (i = 0; i < EVENTS; i++)
		if (tracer->points[i])
			tracepoint_probe_unregister(tracer->points[i], probes[i], tracer);
	tracepoint_synchronize_unregister();
}

/* Find the tracepoints. */
static struct mock_tracer *tracer_new(struct kunit *test, struct mock_exporter *exporter)
{
	struct mock_tracer *tracer = kunit_kzalloc(test, sizeof(*tracer), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, tracer);
	tracer->test = test;
	tracer->exporter = exporter;
	for_each_kernel_tracepoint(tracer_find, tracer);
	for (i = 0; i < EVENTS; i++)
		KUNIT_ASSERT_NOT_NULL_MSG(test, tracer->points[i], "%s", traced_event_names[i]);
	return tracer;
}

struct mock_tracer *tracer_start(struct kunit *test, struct mock_exporter *exporter)
{
	struct mock_tracer *tracer = tracer_new(test, exporter);
	int i;

	for (i = 0; i < EVENTS; i++)
		KUNIT_ASSERT_EQ(test, 0, tracepoint_probe_register(tracer->points[i], probes[i],
								   tracer));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, tracer_stop_action, tracer));
	return tracer;
}

void tracer_stop(struct mock_tracer *tracer)
{
	kunit_release_action(tracer->test, tracer_stop_action, tracer);
}

void tracer_expect_one(struct mock_tracer *tracer, enum traced_event event, struct dma_buf *dmabuf)
{
	int i;

	for (i = 0; i < EVENTS; i++) {
		KUNIT_EXPECT_EQ_MSG(tracer->test, tracer->events[i].count, i == event, "%s",
				    traced_event_names[i]);
		tracer->events[i].count = 0;
	}
	KUNIT_EXPECT_PTR_EQ(tracer->test, tracer->events[event].dmabuf, dmabuf);
}

void tracer_expect_none(struct mock_tracer *tracer)
{
	int i;

	for (i = 0; i < EVENTS; i++)
		KUNIT_EXPECT_EQ_MSG(tracer->test, tracer->events[i].count, 0, "%s",
				    traced_event_names[i]);
}

void tracer_forget(struct mock_tracer *tracer)
{
	memset(tracer->events, 0, sizeof(tracer->events));
}

static void trace_text_end(void *in)
{
	struct trace_text *trace = in;

	if (!IS_ERR_OR_NULL(trace->mnt))
		kern_unmount(trace->mnt);
	trace_array_set_clr_event(trace->array, "dma_buf", NULL, false);
	trace_array_put(trace->array);
	WARN_ON(trace_array_destroy(trace->array));
}

struct trace_text *trace_text_begin(struct kunit *test)
{
	struct trace_text *trace = kunit_kzalloc(test, sizeof(*trace), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, trace);
	trace->array = trace_array_get_by_name(TRACE_INSTANCE, "dma_buf");
	KUNIT_ASSERT_NOT_NULL(test, trace->array);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, trace_text_end, trace));
	KUNIT_ASSERT_EQ(test, 0, trace_array_set_clr_event(trace->array, "dma_buf", NULL, true));
	trace->mnt = kern_mount(get_fs_type("tracefs"));
	KUNIT_ASSERT_FALSE(test, IS_ERR(trace->mnt));
	return trace;
}

/* kernel_read() does not read files that have read(). */
void trace_text_read(struct kunit *test, struct trace_text *trace)
{
	struct path root = { .mnt = trace->mnt, .dentry = trace->mnt->mnt_root };
	size_t used = 0, size = sizeof(trace->text) - 1;
	struct kiocb kiocb;
	struct iov_iter iter;
	struct file *file;
	struct kvec vec;
	ssize_t got;

	file = file_open_root(&root, "instances/" TRACE_INSTANCE "/trace", O_RDONLY, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	init_sync_kiocb(&kiocb, file);
	do {
		vec.iov_base = trace->text + used;
		vec.iov_len = size - used;
		iov_iter_kvec(&iter, ITER_DEST, &vec, 1, vec.iov_len);
		got = file->f_op->read_iter(&kiocb, &iter);
		used += max(got, 0);
	} while (got > 0 && used < size);
	fput(file);
	/* The open file keeps the instance. */
	flush_delayed_fput();
	KUNIT_EXPECT_EQ(test, got, 0);
}
