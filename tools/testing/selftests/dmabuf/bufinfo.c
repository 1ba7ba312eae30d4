// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufinfo - parse debugfs dma_buf/bufinfo.
 *
 * The file has a heading, then for each buffer a row of tab-separated columns followed
 * by its fences and attached devices, and in its last line the totals. Lines about the users of a
 * buffer, which Linux 6.12 does not have, are between the number of its devices and an empty line.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bufinfo.h"
#include "util.h"

int bufinfo_line(const char *line, struct bufinfo *info)
{
	memset(info, 0, sizeof(*info));
	if (sscanf(line, "%zu\t%x\t%x\t%ld\t%63[^\t]\t%lu\t%63[^\n]", &info->size, &info->flags,
		   &info->mode, &info->count, info->exporter, &info->ino, info->name) != 7)
		return -EINVAL;
	return 0;
}

/* Parse the lines that Linux 6.12 does not have. */
static void parse_users(char *next, struct bufinfo *info)
{
	char *line;

	while ((line = strsep(&next, "\n")) && *line) {
		if (sscanf(line, "\tmemory:\t%95[^\n]", info->memory) == 1)
			continue;
		if (!info->mapped[0])
			sscanf(line, "\tmapped:\t%63s", info->mapped);
	}
}

/* Parse the lines after a row: fences, then attached devices and their number. */
static void parse_details(char *next, struct bufinfo *info)
{
	static const char write_fence[] = "\twrite fence:sw_sync ";
	static const char read_fence[] = "\tread fence:sw_sync ";
	bool in_devices = false;
	char *line;

	while ((line = strsep(&next, "\n"))) {
		if (sscanf(line, "Total %u devices attached", &info->devices) == 1) {
			parse_users(next, info);
			return;
		}
		info->write_fences += !strncmp(line, write_fence, strlen(write_fence));
		info->read_fences += !strncmp(line, read_fence, strlen(read_fence));
		if (in_devices && !info->device[0])
			sscanf(line, "\t%63s", info->device);
		in_devices |= !strcmp(line, "\tAttached Devices:");
	}
}

int bufinfo_find(unsigned long long ino, struct bufinfo *info)
{
	char *text = file_text(BUFINFO_PATH);
	char *next = text, *line;
	int ret = -ENOENT;

	if (!text)
		return -EIO;
	while (ret && (line = strsep(&next, "\n"))) {
		if (bufinfo_line(line, info) || info->ino != ino)
			continue;
		parse_details(next, info);
		ret = 0;
	}
	free(text);
	return ret;
}

int bufinfo_total(struct bufinfo_total *total)
{
	char *text = file_text(BUFINFO_PATH);
	char *next = text, *line;
	struct bufinfo info;
	int ret = -EINVAL;

	if (!text)
		return -EIO;
	memset(total, 0, sizeof(*total));
	while ((line = strsep(&next, "\n"))) {
		if (sscanf(line, "Total %u objects, %zu bytes", &total->objects,
			   &total->bytes) == 2)
			ret = 0;
		if (bufinfo_line(line, &info))
			continue;
		total->rows++;
		total->row_bytes += info.size;
	}
	free(text);
	return ret;
}

/* A worker may drop the last reference shortly after close() returned. */
int bufinfo_wait_objects(unsigned int objects)
{
	struct bufinfo_total total;
	unsigned int tries;
	int ret;

	for (tries = 0; tries < 500; tries++) {
		ret = bufinfo_total(&total);
		if (ret || total.objects == objects)
			return ret;
		sleep_ms(20);
	}
	return -EBUSY;
}
