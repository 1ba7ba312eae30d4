// SPDX-License-Identifier: GPL-2.0-only
/*
 * demo_heap - any heap for any device: what devices say to a buffer of the system heap.
 *
 * The buffer is larger than any block of the page allocator, and free memory is fragmented, so it
 * consists of several runs. A device that needs contiguous memory cannot use it. The heap then
 * replaces the memory, if no device has mapped it yet. If one has, the device is refused. A file of
 * the heap remembers that, and the next buffer that is allocated from it fits.
 *
 * The unmodified kernel refuses. There --base prints what it returned.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "demo.h"
#include "demo_importers.h"
#include "exporters.h"
#include "traced.h"

#define PAGE		((size_t)sysconf(_SC_PAGESIZE))
#define WORD(map, at)	(*(__u32 *)((map) + (at)))
/* Memory is fragmented by buffers of this size, and so many at most. */
#define FRAGMENT	(2UL << 20)
#define FRAGMENTS_MAX	256
#define SALT		0x5a5a0000u

/**
 * struct scene - a row of the table
 * @name: name of the row
 * @order: devices in the order in which they import the buffer
 * @count: number of devices
 * @written: the buffer is mapped and written before
 */
struct scene {
	const char *name;
	enum importer_kind order[IMPORTERS];
	unsigned int count;
	bool written;
};

/**
 * struct outcome - what happened in a row
 * @answers: what each device's driver returned
 * @before: runs that a device got before the devices of the row; negative if unknown
 * @runs: runs that the last device got; negative if unknown
 * @cma: memory was allocated from a CMA region
 * @replaced: how often the memory was replaced; negative if unknown
 * @copied: bytes that were copied because of that
 * @why: what is wrong, empty if nothing is
 */
struct outcome {
	int answers[IMPORTERS];
	int before;
	int runs;
	bool cma;
	int replaced;
	unsigned long copied;
	char why[96];
};

static void wrong(struct outcome *out, const char *why)
{
	if (!out->why[0])
		snprintf(out->why, sizeof(out->why), "%s", why);
}

/* Allocate buffers and free every second one. Free memory is then in many pieces. */
static unsigned int fragment(int heap, int *bufs)
{
	long long limit = mem_free() / 4;
	unsigned int i, count = 0;

	while (count < FRAGMENTS_MAX && (long long)((count + 1) * FRAGMENT) <= limit) {
		bufs[count] = heap_alloc(heap, FRAGMENT, O_RDWR | O_CLOEXEC);
		if (bufs[count] < 0)
			break;
		count++;
	}
	for (i = 0; i < count; i += 2) {
		close(bufs[i]);
		bufs[i] = -1;
	}
	return count;
}

static void unfragment(const int *bufs, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (bufs[i] >= 0)
			close(bufs[i]);
}

static void stamp(unsigned char *map, size_t size)
{
	size_t at;

	for (at = 0; at < size; at += PAGE)
		WORD(map, at) = at / PAGE + SALT;
}

/* Count the pages that do not begin with their number; with @salt 0, that do not begin with 0. */
static size_t wrong_pages(const unsigned char *map, size_t size, __u32 salt)
{
	size_t at, count = 0;

	for (at = 0; at < size; at += PAGE)
		count += WORD(map, at) != (salt ? at / PAGE + salt : 0);
	return count;
}

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* Count the allocations from CMA regions since boot. */
static long long cma_allocations(void)
{
	return file_number("/proc/vmstat", "cma_alloc_success");
}

/* Let a display map the buffer once, which is traced. Any memory is good for it. */
static int runs_before(int buf)
{
	struct importer probe;

	traced_forget();
	importer_attach(&probe, DISPLAY, buf);
	importer_release(&probe);
	return traced_runs();
}

/*
 * Tell whether pages were replaced, if fdinfo does not: userspace mappings are zapped then, so that
 * the next access faults. Reads the whole mapping.
 */
static int times_replaced(int buf, const unsigned char *map, struct outcome *out)
{
	long before = faults();
	size_t bad = wrong_pages(map, PICTURE, SALT);
	long faulted = faults() - before;
	int known = memory_number(buf, "replaced=");

	if (bad)
		wrong(out, "the bytes have changed");
	return known >= 0 ? known : faulted > 0;
}

/* A camera fills the buffer, and the display shows it, or else the mapping must have changed. */
static void pass_picture(struct importer *from, struct importer *to, const unsigned char *map,
			 struct outcome *out)
{
	__u32 number;

	if (importer_capture(from, &number)) {
		wrong(out, "no picture was captured");
		return;
	}
	if (to && importer_shows(to, number) != 1)
		wrong(out, "the display does not show the camera's picture");
	/* Some stamps may be what the picture has there. */
	if (!to && wrong_pages(map, PICTURE, SALT) < PICTURE / PAGE / 2)
		wrong(out, "the picture is not in the mapping");
}

static struct importer *find(struct importer *imps, const struct scene *scene,
			     enum importer_kind kind)
{
	unsigned int i;

	for (i = 0; i < scene->count; i++)
		if (scene->order[i] == kind)
			return &imps[i];
	return NULL;
}

static bool works(const struct scene *scene, const struct outcome *out)
{
	unsigned int i;

	for (i = 0; i < scene->count; i++)
		if (out->answers[i])
			return false;
	return true;
}

/* The cards and cameras that stand in for the samples show nothing. */
static void use_buffer(const struct scene *scene, struct importer *imps, unsigned char *map,
		       struct outcome *out)
{
	if (scene->count == 1)
		pass_picture(&imps[0], NULL, map, out);
	else if (importers_are_samples())
		pass_picture(find(imps, scene, CAMERA), find(imps, scene, DISPLAY), map, out);
}

static void examine(const struct scene *scene, int buf, unsigned char *map, struct outcome *out)
{
	out->runs = traced_runs();
	if (out->runs < 0)
		out->runs = memory_number(buf, "runs=");
	if (scene->written) {
		out->replaced = times_replaced(buf, map, out);
		out->copied = out->replaced > 0 ? PICTURE : 0;
	} else {
		out->replaced = memory_number(buf, "replaced=");
		if (wrong_pages(map, PICTURE, 0))
			wrong(out, "the buffer was not zero");
	}
}

static void import_in_order(const struct scene *scene, int buf, unsigned char *map,
			    struct outcome *out)
{
	struct importer imps[IMPORTERS];
	unsigned int i;

	out->before = memory_number(buf, "runs=");
	if (scene->written) {
		if (out->before < 0)
			out->before = runs_before(buf);
		stamp(map, PICTURE);
		/* Reading again faults only if the pages were replaced. */
		if (wrong_pages(map, PICTURE, SALT))
			wrong(out, "the bytes that were written are not there");
	}
	traced_forget();
	for (i = 0; i < scene->count; i++)
		out->answers[i] = importer_attach(&imps[i], scene->order[i], buf);
	examine(scene, buf, map, out);
	if (works(scene, out))
		use_buffer(scene, imps, map, out);
	while (i--)
		importer_release(&imps[i]);
}

static void run_scene(const struct scene *scene, int heap, struct outcome *out)
{
	long long cma = cma_allocations();
	int buf = heap_alloc(heap, PICTURE, O_RDWR | O_CLOEXEC);
	unsigned char *map;

	*out = (struct outcome) { .before = -ENOENT, .runs = -ENOENT };
	if (buf < 0) {
		wrong(out, "the heap has no memory");
		return;
	}
	map = mmap(NULL, PICTURE, PROT_READ | PROT_WRITE, MAP_SHARED, buf, 0);
	if (map != MAP_FAILED) {
		import_in_order(scene, buf, map, out);
		munmap(map, PICTURE);
	} else {
		wrong(out, "the buffer cannot be mapped");
	}
	out->cma = cma_allocations() > cma;
	close(buf);
}

/* "4 > 1" if a device got 4 runs before, and 1 now. */
static void runs_text(const struct outcome *out, char *text, size_t size)
{
	if (out->before >= 0 && out->runs >= 0 && out->before != out->runs)
		snprintf(text, size, "%d > %d", out->before, out->runs);
	else if (out->runs >= 0 || out->before >= 0)
		snprintf(text, size, "%d", out->runs >= 0 ? out->runs : out->before);
	else
		snprintf(text, size, "?");
}

static void print_outcome(const char *name, const struct scene *scene, const struct outcome *out,
			  const char *result)
{
	char answers[64] = "", runs[32];
	unsigned int i;

	for (i = 0; i < scene->count; i++)
		snprintf(answers + strlen(answers), sizeof(answers) - strlen(answers), "%s%s",
			 i ? " " : "", errno_name(out->answers[i]));
	runs_text(out, runs, sizeof(runs));
	printf(ROW_FORMAT, name, answers, runs,
	       out->cma ? "CMA" : "pages", yes_no_text(out->replaced), out->copied, result);
	fflush(stdout);
}

static bool file_is_yes(const char *path)
{
	char *text = file_text(path);
	bool yes = text && text[0] == 'Y';

	free(text);
	return yes;
}

/*
 * A refusal is a failure if the device came first. If another one has mapped the buffer, it is a
 * failure only for a second buffer, and only if files of heaps remember refusals.
 */
static bool may_refuse(const struct scene *scene, bool again)
{
	if (scene->order[0] == CONTIGUOUS)
		return false;
	return !again || !file_is_yes("/sys/module/dma_heap/parameters/learn");
}

/* Return 1 if the row failed, 0 if the devices can use the buffer, -1 if it may be refused. */
static int judge(const struct scene *scene, const char *name, const struct outcome *out,
		 bool again, bool base)
{
	bool good = works(scene, out), excused = base || may_refuse(scene, again);

	if (out->why[0])
		print_outcome(name, scene, out, out->why);
	else if (good)
		print_outcome(name, scene, out, "ok");
	else
		print_outcome(name, scene, out, excused ? "refused" : "FAILED: refused");
	if (out->why[0] || (!good && !excused))
		return 1;
	return good ? 0 : -1;
}

/* Each row has an open file of the heap of its own, which has learned nothing yet. */
static int show_scene(const struct scene *scene, bool base)
{
	int heap = heap_open("system"), ret;
	struct outcome out;

	if (heap < 0) {
		printf("%-34s no system heap\n", scene->name);
		return 1;
	}
	run_scene(scene, heap, &out);
	ret = judge(scene, scene->name, &out, false, base);
	if (ret < 0 && !base) {
		run_scene(scene, heap, &out);
		ret = judge(scene, "  a new one, same open heap", &out, true, base);
	}
	close(heap);
	return ret > 0;
}

static int show_scenes(bool base)
{
	static const struct scene scenes[] = {
		{ "contiguous, buffer unused", { CONTIGUOUS }, 1, false },
		{ "contiguous, buffer written", { CONTIGUOUS }, 1, true },
		{ "contiguous, camera, display", { CONTIGUOUS, CAMERA, DISPLAY }, 3, true },
		{ "contiguous, display, camera", { CONTIGUOUS, DISPLAY, CAMERA }, 3, true },
		{ "camera, contiguous, display", { CAMERA, CONTIGUOUS, DISPLAY }, 3, true },
		{ "camera, display, contiguous", { CAMERA, DISPLAY, CONTIGUOUS }, 3, true },
		{ "display, contiguous, camera", { DISPLAY, CONTIGUOUS, CAMERA }, 3, true },
		{ "display, camera, contiguous", { DISPLAY, CAMERA, CONTIGUOUS }, 3, true },
	};
	int failed = 0;
	size_t i;

	printf("%-34s %-18s %7s %6s %8s %12s  %s\n", "devices, in this order", "answers", "runs",
	       "memory", "replaced", "bytes copied", "result");
	for (i = 0; i < ARRAY_SIZE(scenes); i++)
		failed |= show_scene(&scenes[i], base);
	/* The unmodified kernel has no driver for it. */
	if (!base)
		failed |= demo_edu();
	return failed;
}

static void print_heap_legend(bool base)
{
	printf("\nanswers: what each device's driver returned when it was given the buffer\n"
	       "runs: pieces of memory that a device got, > after the memory was replaced\n"
	       "bytes copied: from the old memory to the new one\n");
	if (!base)
		printf("refused: another device has mapped the memory, which thus stays\n");
}

int demo_heap(bool base)
{
	int bufs[FRAGMENTS_MAX], heap, ret;
	unsigned int count;

	printf("\nany heap for any device: buffers of %u bytes, system heap, fragmented memory\n\n",
	       PICTURE);
	ret = importers_load();
	if (ret) {
		printf("vivid: %s\n", strerror(-ret));
		return 1;
	}
	heap = heap_open("system");
	fds_unlimit();
	count = fragment(heap, bufs);
	traced_start();
	ret = show_scenes(base);
	traced_stop();
	unfragment(bufs, count);
	close(heap);
	print_heap_legend(base);
	if (importers_unload()) {
		printf("vivid cannot be unloaded\n");
		ret = 1;
	}
	return ret;
}
