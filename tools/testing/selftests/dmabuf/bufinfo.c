// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufinfo - what debugfs tells about all dma-bufs.
 *
 * Two heading lines, then for each buffer a row of tab-separated columns, its fences,
 * its attached devices, and last the totals.
 */
#include <errno.h>
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

/* The lines after a row, up to the count of attached devices. */
static void read_devices(char *next, struct bufinfo *info)
{
	char *line;
	int listed = 0;

	while ((line = strsep(&next, "\n"))) {
		if (sscanf(line, "Total %u devices attached", &info->devices) == 1)
			return;
		if (listed && !info->device[0])
			sscanf(line, "\t%63s", info->device);
		listed |= !strcmp(line, "\tAttached Devices:");
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
		read_devices(next, info);
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

/* The last reference may be put by a work item shortly after close() returned. */
int bufinfo_settles(unsigned int objects)
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
