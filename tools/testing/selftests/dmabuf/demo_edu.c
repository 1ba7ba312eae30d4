// SPDX-License-Identifier: GPL-2.0-only
/*
 * demo_edu - a row of the table of demo_heap: a device with 28 address bits, QEMU's edu. It copies
 * from the buffer by DMA.
 */
#include <stdio.h>

#include "demo_importers.h"
#include "edu.h"

/* So many buffers may be in reach of the device by chance. */
#define BUFFERS		24
#define SALT		8

/**
 * struct attempt - a buffer that the device imports
 * @runs: pieces of its memory before
 * @runs_now: pieces of its memory after the import
 * @replaced: how often the memory was replaced
 * @cma: memory was allocated from a CMA region
 */
struct attempt {
	int runs;
	int runs_now;
	int replaced;
	bool cma;
};

static int memory_of(int buf, int *runs, int *replaced)
{
	char line[256];
	int ret = fd_info(buf, "memory", line, sizeof(line));

	if (ret)
		return ret;
	return sscanf(line, "runs=%d longest=%*u replaced=%d", runs, replaced) == 2 ? 0 : -EINVAL;
}

static int import_picture(struct pair *pair, struct attempt *attempt)
{
	long long before = file_number("/proc/vmstat", "cma_alloc_success");
	int ret = buffer_alloc(pair, 0, PICTURE), unused;

	ret = ret ? ret : paint_synced(pair->bufs[0], pair->maps[0], PICTURE, SALT);
	ret = ret ? ret : memory_of(pair->bufs[0], &attempt->runs, &unused);
	if (ret)
		return ret;
	pair->handles[0] = edu_import(pair->edu, pair->bufs[0], EDU_IMPORT_SOURCE, 0);
	attempt->cma = file_number("/proc/vmstat", "cma_alloc_success") > before;
	if (pair->handles[0] < 0)
		return pair->handles[0];
	return memory_of(pair->bufs[0], &attempt->runs_now, &attempt->replaced);
}

/* Buffers that are in reach by chance are kept until the end, so that the next one is elsewhere. */
static int import_out_of_reach(struct pair *pair, struct attempt *attempt)
{
	int tries, ret = 0;

	for (tries = 0; !ret && !attempt->replaced && tries < BUFFERS; tries++)
		ret = import_picture(pair, attempt);
	return ret;
}

/* Return what is wrong, or "ok". */
static const char *use_picture(struct pair *pair, const struct attempt *attempt)
{
	if (!attempt->replaced)
		return "all buffers were in reach";
	if (wrong_synced(pair->bufs[0], pair->maps[0], PICTURE, SALT))
		return "the bytes have changed";
	if (buffer_alloc(pair, 1, SIZE))
		return "no second buffer";
	pair->handles[1] = edu_import(pair->edu, pair->bufs[1], EDU_IMPORT_DESTINATION, 0);
	if (pair->handles[1] < 0 || pair_copy(pair, SHORT) != 1)
		return "the device did not copy";
	if (wrong_synced(pair->bufs[1], pair->maps[1], SHORT, SALT))
		return "the device copied other bytes";
	return "ok";
}

int demo_edu(void)
{
	struct attempt attempt = {};
	const char *result = "FAILED";
	struct pair pair = {};
	char runs[32];
	int ret;

	if (edu_find(pair.name, sizeof(pair.name)))
		return 0;
	ret = edu_bind(pair.name);
	pair.edu = ret ? ret : edu_open(pair.name);
	ret = pair.edu < 0 ? pair.edu : import_out_of_reach(&pair, &attempt);
	if (!ret)
		result = use_picture(&pair, &attempt);

	snprintf(runs, sizeof(runs), "%d > %d", attempt.runs, attempt.runs_now);
	printf(ROW_FORMAT, "28 address bits, buffer written", errno_name(ret), runs,
	       attempt.cma ? "CMA" : "pages", yes_no_text(attempt.replaced),
	       attempt.replaced ? (unsigned long)PICTURE : 0, result);
	return strcmp(result, "ok") != 0;
}
