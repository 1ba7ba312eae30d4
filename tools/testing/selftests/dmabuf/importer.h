/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * importer - operate the module drivers/dma-buf/tests/cases, an importer with two devices
 *
 * The functions return a negative errno on failure.
 */
#ifndef SELFTEST_DMABUF_IMPORTER_H
#define SELFTEST_DMABUF_IMPORTER_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

#define KIB		1024UL
#define MODULE		"dma_buf_importer"
#define PARAMETERS	"/sys/module/" MODULE "/parameters/"
/* What the module prints. */
#define TABLE_FORMAT	"attach=%d map=%d entries=%u longest=%lu bytes=%llu last=%llx bounce=%lu "
#define READ_FORMAT	"word=%x wrong=%lu"

/**
 * struct outcome - what came of an import
 * @attach: what the attach returned
 * @map: what the map returned
 * @entries: segments of the table
 * @longest: length of the longest segment
 * @bytes: sum of the lengths
 * @last: last DMA address
 * @bounce: longest segment that can be bounced
 * @word: first word that the device reads
 * @wrong: pages in which the device reads something else
 */
struct outcome {
	int attach;
	int map;
	unsigned int entries;
	unsigned long longest;
	unsigned long long bytes;
	unsigned long long last;
	unsigned long bounce;
	unsigned int word;
	unsigned long wrong;
};

/* Return the name of a negative errno, or "ok". */
static inline const char *errno_text(int ret)
{
	return ret ? strerrorname_np(-ret) : "ok";
}

/* Let a device of the module import a buffer; -1 ends that. */
static inline int import(const char *device, int buf)
{
	char path[96], text[16];

	snprintf(path, sizeof(path), PARAMETERS "%s", device);
	snprintf(text, sizeof(text), "%d", buf);
	return file_put(path, text);
}

static inline int state_contiguous(unsigned long bytes)
{
	char text[24];

	snprintf(text, sizeof(text), "%lu", bytes);
	return file_put(PARAMETERS "contiguous", text);
}

static inline int look(const char *device, struct outcome *out)
{
	char path[96], *text;
	int count;

	snprintf(path, sizeof(path), PARAMETERS "%s", device);
	text = file_text(path);
	if (!text)
		return -ENOENT;
	count = sscanf(text, TABLE_FORMAT READ_FORMAT,
		       &out->attach, &out->map, &out->entries, &out->longest, &out->bytes,
		       &out->last, &out->bounce, &out->word, &out->wrong);
	free(text);
	return count == 9 ? 0 : -EPROTO;
}

/* Import a buffer and look at the outcome. */
static inline int try_import(int buf, struct outcome *out)
{
	int ret = import("import", buf);

	return ret ? ret : look("import", out);
}

static inline bool maps(const struct outcome *out)
{
	return !out->attach && !out->map;
}

/* The device reads this content in all of the buffer. */
static inline bool reads(const struct outcome *out, size_t size, uint32_t content)
{
	return maps(out) && out->bytes == size && out->word == content && !out->wrong;
}

/* Describe an outcome: an errno, or the segments. */
static inline const char *what(const struct outcome *out)
{
	static char text[160];

	if (out->attach)
		snprintf(text, sizeof(text), "attach: %s", errno_text(out->attach));
	else if (out->map)
		snprintf(text, sizeof(text), "attach: ok, map: %s", errno_text(out->map));
	else
		snprintf(text, sizeof(text), "mapped, segments: %u, longest: %lu KiB",
			 out->entries, out->longest / KIB);
	return text;
}

#endif /* SELFTEST_DMABUF_IMPORTER_H */
