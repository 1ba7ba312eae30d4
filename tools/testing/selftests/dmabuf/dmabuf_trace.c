// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_trace - the trace events of buffers: what they print, and that this is what Linux 7.0 and
 * later print, which have no event for negotiations.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "camera.h"
#include "display.h"
#include "exporters.h"
#include "harness.h"
#include "util.h"

#define TRACING		"/sys/kernel/tracing/"
/* A buffer of their own for the events of this program. */
#define INSTANCE	TRACING "instances/dmabuf_trace/"
#define BUF_SIZE	65536

/*
 * @heap: the system heap
 * @text: what the events have printed, after traced()
 */
FIXTURE(trace) {
	int heap;
	char *text;
};

static void instance_remove(void)
{
	file_put(INSTANCE "events/dma_buf/enable", "0");
	rmdir(INSTANCE);
}

FIXTURE_SETUP(trace)
{
	self->text = NULL;
	self->heap = heap_open("system");
	ASSERT_LE(0, self->heap);
	mount("tracefs", TRACING, "tracefs", 0, NULL);
	if (access(TRACING "events", F_OK))
		SKIP(return, "a kernel without trace events");
	instance_remove();
	ASSERT_EQ(0, mkdir(INSTANCE, 0700));
	ASSERT_EQ(0, access(INSTANCE "events/dma_buf", F_OK));
}

FIXTURE_TEARDOWN(trace)
{
	instance_remove();
	free(self->text);
	close(self->heap);
}

#define events_on()	ASSERT_EQ(0, file_put(INSTANCE "events/dma_buf/enable", "1"))
#define events_off()	ASSERT_EQ(0, file_put(INSTANCE "events/dma_buf/enable", "0"))
#define traced()	({					\
	free(self->text);					\
	self->text = file_text(INSTANCE "trace");		\
	ASSERT_NE(NULL, self->text);				\
	self->text;						\
})

/* Return the rest of the first line of an event that begins with @text, or NULL. */
static const char *line_of(const char *trace, const char *event, const char *text)
{
	char start[256];
	const char *at;

	snprintf(start, sizeof(start), ": %s: %s", event, text);
	at = strstr(trace, start);
	return at ? at + strlen(start) : NULL;
}

/* Return the end of the line, if it is one that has exactly this text, or NULL. */
static const char *whole_line(const char *trace, const char *event, const char *text)
{
	const char *end = line_of(trace, event, text);

	return end && *end == '\n' ? end : NULL;
}

/* What each event prints of a buffer. */
static void describe(int buf, char *text, size_t size)
{
	snprintf(text, size, "exp_name=system size=%d ino=%llu", BUF_SIZE, fd_ino(buf));
}

/* Rule: an allocation is one export and one descriptor, and a mmap() is traced too. */
TEST_F(trace, heap_buffer)
{
	const char *trace, *exported, *fd, *mapped;
	char text[128], with_fd[160];
	void *map;
	int buf;

	events_on();
	buf = heap_alloc(self->heap, BUF_SIZE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, buf);
	describe(buf, text, sizeof(text));
	map = mmap(NULL, BUF_SIZE, PROT_READ, MAP_SHARED, buf, 0);
	ASSERT_NE(MAP_FAILED, map);
	munmap(map, BUF_SIZE);
	/* No event: a descriptor is closed, not put. */
	close(buf);
	events_off();

	snprintf(with_fd, sizeof(with_fd), "%s fd=%d", text, buf);
	trace = traced();
	exported = whole_line(trace, "dma_buf_export", text);
	fd = whole_line(trace, "dma_buf_fd", with_fd);
	mapped = whole_line(trace, "dma_buf_mmap_internal", text);
	ASSERT_NE(NULL, exported) TH_LOG("%s is not in\n%s", text, trace);
	ASSERT_NE(NULL, fd) TH_LOG("%s is not in\n%s", with_fd, trace);
	ASSERT_NE(NULL, mapped) TH_LOG("%s is not in\n%s", text, trace);
	EXPECT_LT(exported, fd);
	EXPECT_LT(fd, mapped);
	EXPECT_EQ(NULL, whole_line(exported, "dma_buf_export", text));
	EXPECT_EQ(NULL, whole_line(fd, "dma_buf_fd", with_fd));
	EXPECT_EQ(NULL, whole_line(mapped, "dma_buf_mmap_internal", text));
	EXPECT_EQ(NULL, line_of(trace, "dma_buf_put", text));
}

/* The rest of a line of attach or detach. */
struct attach_line {
	char attachment[32];
	int is_dynamic;
	char device[64];
};

static int attach_line_parse(const char *rest, struct attach_line *line)
{
	return sscanf(rest, " attachment:%31s is_dynamic=%d dev_name=%63s", line->attachment,
		      &line->is_dynamic, line->device) == 3 ? 0 : -EINVAL;
}

/* Rule: an import is traced by get, attach, detach and put; the devices are named. */
TEST_F(trace, import)
{
	const char *trace, *got, *attached, *detached;
	struct attach_line attach, detach;
	char text[128], with_fd[160];
	int buf = heap_alloc(self->heap, BUF_SIZE, O_RDWR | O_CLOEXEC);
	struct display_buffer imported;
	struct display dpy;

	ASSERT_LE(0, buf);
	describe(buf, text, sizeof(text));
	snprintf(with_fd, sizeof(with_fd), "%s fd=%d", text, buf);
	ASSERT_EQ(0, display_open(&dpy, "vgem"));
	events_on();
	ASSERT_EQ(0, display_import(&dpy, buf, &imported));
	ASSERT_EQ(0, display_release(&dpy, &imported));
	events_off();
	display_close(&dpy);
	close(buf);

	trace = traced();
	got = whole_line(trace, "dma_buf_get", with_fd);
	attached = line_of(trace, "dma_buf_dynamic_attach", text);
	detached = line_of(trace, "dma_buf_detach", text);
	ASSERT_NE(NULL, got) TH_LOG("%s is not in\n%s", with_fd, trace);
	ASSERT_NE(NULL, attached) TH_LOG("%s is not in\n%s", text, trace);
	ASSERT_NE(NULL, detached) TH_LOG("%s is not in\n%s", text, trace);
	EXPECT_NE(NULL, whole_line(trace, "dma_buf_put", text));
	EXPECT_LT(got, attached);
	EXPECT_LT(attached, detached);
	ASSERT_EQ(0, attach_line_parse(attached, &attach));
	ASSERT_EQ(0, attach_line_parse(detached, &detach));
	EXPECT_EQ(0, attach.is_dynamic);
	EXPECT_EQ(0, detach.is_dynamic);
	EXPECT_STREQ(attach.attachment, detach.attachment);
	EXPECT_STREQ(attach.device, detach.device);
	EXPECT_EQ(NULL, line_of(trace, "dma_buf_export", text));
}

/* The rest of a line of a negotiation. */
struct negotiate_line {
	char device[64];
	unsigned long long contiguous;
	int ret;
};

static int negotiate_line_parse(const char *rest, struct negotiate_line *line)
{
	return sscanf(rest,
		      " dev_name=%63s must_reach=%*x must_contiguous=%llu must_granule=%*u want_reach=%*x want_contiguous=%*u want_granule=%*u ret=%d unmet=",
		      line->device, &line->contiguous, &line->ret) == 3 ? 0 : -EINVAL;
}

/* Rule: an importer that needs contiguous memory is traced with what it needs and what it got. */
TEST_F(trace, negotiation)
{
	int ret = module_load(VIVID, VIVID_ONE_CONTIGUOUS);
	const char *negotiated, *attached;
	struct negotiate_line line;
	struct camera cam;
	char text[128];
	int buf;

	if (ret == -ENOENT)
		SKIP(return, "vivid is missing");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, camera_open(&cam, VIVID));
	ASSERT_EQ(0, camera_format(&cam, 320, 180, V4L2_PIX_FMT_XBGR32));
	ASSERT_EQ(0, camera_buffers(&cam, V4L2_MEMORY_DMABUF, 2));
	buf = heap_alloc(self->heap, cam.size, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, buf);
	snprintf(text, sizeof(text), "exp_name=system size=%lld ino=%llu",
		 (long long)lseek(buf, 0, SEEK_END), fd_ino(buf));
	events_on();
	ASSERT_EQ(0, camera_queue(&cam, 0, buf));
	events_off();
	camera_close(&cam);
	close(buf);
	EXPECT_EQ(0, module_unload_idle(VIVID));

	negotiated = line_of(traced(), "dma_buf_negotiate", text);
	ASSERT_NE(NULL, negotiated) TH_LOG("%s is not in\n%s", text, self->text);
	attached = line_of(self->text, "dma_buf_dynamic_attach", text);
	ASSERT_NE(NULL, attached) TH_LOG("%s is not in\n%s", text, self->text);
	EXPECT_LT(negotiated, attached);
	ASSERT_EQ(0, negotiate_line_parse(negotiated, &line)) TH_LOG("%s", negotiated);
	EXPECT_EQ(0, strncmp(line.device, "vivid", 5)) TH_LOG("%s", line.device);
	EXPECT_LE(cam.size, line.contiguous);
	EXPECT_EQ(0, line.ret);
}

/* Rule: an event that is off prints nothing, though another one is on. */
TEST_F(trace, off)
{
	const char *line;
	int buf;

	ASSERT_EQ(0, file_put(INSTANCE "events/dma_buf/dma_buf_fd/enable", "1"));
	buf = heap_alloc(self->heap, BUF_SIZE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, buf);
	close(buf);
	events_off();
	buf = heap_alloc(self->heap, BUF_SIZE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, buf);
	close(buf);
	line = line_of(traced(), "dma_buf_fd", "exp_name=system");
	ASSERT_NE(NULL, line);
	EXPECT_EQ(NULL, line_of(line, "dma_buf_fd", ""));
	EXPECT_EQ(NULL, line_of(self->text, "dma_buf_export", ""));
}

/**
 * struct format - what a record of an event is
 * @fields: its fields in their order
 * @print: what it prints of them
 */
struct format {
	const char *fields[16];
	const char *print;
};

static const struct format format_buffer = {
	.fields = { "char[] exp_name;", "size_t size;", "ino_t ino;" },
	.print = "exp_name=%s size=%zu ino=%lu",
};

static const struct format format_fd = {
	.fields = { "char[] exp_name;", "size_t size;", "ino_t ino;", "int fd;" },
	.print = "exp_name=%s size=%zu ino=%lu fd=%d",
};

static const struct format format_attach = {
	.fields = { "char[] dev_name;", "char[] exp_name;", "size_t size;", "ino_t ino;",
		    "struct dma_buf_attachment * attach;", "bool is_dynamic;" },
	.print = "exp_name=%s size=%zu ino=%lu attachment:%p is_dynamic=%d dev_name=%s",
};

static const struct format format_negotiate = {
	.fields = { "char[] dev_name;", "char[] exp_name;", "size_t size;", "ino_t ino;",
		    "u64 must_reach;", "u64 must_contiguous;", "u64 must_granule;",
		    "u64 want_reach;", "u64 want_contiguous;", "u64 want_granule;", "int ret;",
		    "int unmet;", "u64 wanted;", "u64 had;", "bool replaced;" },
	.print =
		"exp_name=%s size=%zu ino=%lu dev_name=%s must_reach=%#llx must_contiguous=%llu must_granule=%llu want_reach=%#llx want_contiguous=%llu want_granule=%llu ret=%d unmet=%s wanted=%#llx had=%#llx replaced=%d",
};

static const struct {
	const char *event;
	const struct format *format;
} formats[] = {
	{ "dma_buf_export", &format_buffer },
	{ "dma_buf_put", &format_buffer },
	{ "dma_buf_mmap", &format_buffer },
	{ "dma_buf_mmap_internal", &format_buffer },
	{ "dma_buf_fd", &format_fd },
	{ "dma_buf_get", &format_fd },
	{ "dma_buf_negotiate", &format_negotiate },
	{ "dma_buf_dynamic_attach", &format_attach },
	{ "dma_buf_detach", &format_attach },
};

/* Rule: the records have the fields of later kernels, in their order, and print the same. */
TEST_F(trace, formats)
{
	const char *at, *next, *const *field;
	char path[128], print[320], *text;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		snprintf(path, sizeof(path), TRACING "events/dma_buf/%s/format",
			 formats[i].event);
		text = file_text(path);
		ASSERT_NE(NULL, text) TH_LOG("%s is missing", path);
		/* The fields that each event of the kernel has end with an empty line. */
		at = strstr(text, "\n\n");
		ASSERT_NE(NULL, at);
		for (field = formats[i].format->fields; *field; field++) {
			next = strstr(at, *field);
			EXPECT_NE(NULL, next) TH_LOG("%s is not in\n%s", *field, text);
			at = next ? next : at;
		}
		snprintf(print, sizeof(print), "\nprint fmt: \"%s\", ", formats[i].format->print);
		EXPECT_NE(NULL, strstr(at, print)) TH_LOG("%s is not in\n%s", print, text);
		free(text);
	}
}

TEST_HARNESS_MAIN
