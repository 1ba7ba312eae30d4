// SPDX-License-Identifier: GPL-2.0-only
/*
 * traced - the memory that devices were given, from the trace event dma_map_sg.
 *
 * The kernel shows the physical pages of a buffer nowhere: /proc/PID/pagemap leaves out mappings of
 * page frames, as those of dma-bufs are. But it traces the addresses of each DMA mapping.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "traced.h"
#include "util.h"

#define TRACING		"/sys/kernel/tracing/"
/* A buffer of their own for the events of this program. */
#define INSTANCE	TRACING "instances/dma_map_sg/"
#define ENABLE		INSTANCE "events/dma/dma_map_sg/enable"
#define TRACE		INSTANCE "trace"
#define EVENT		": dma_map_sg: "

int traced_start(void)
{
	mount("tracefs", TRACING, "tracefs", 0, NULL);
	if (access(TRACING "events/dma/dma_map_sg", F_OK))
		return -ENODEV;
	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		return -errno;
	return file_put(ENABLE, "1");
}

void traced_stop(void)
{
	file_put(ENABLE, "0");
	rmdir(INSTANCE);
}

void traced_forget(void)
{
	int fd = open(TRACE, O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
}

static char *last_event(char *trace)
{
	char *at = trace, *last = NULL;

	while (at && (at = strstr(at, EVENT)))
		last = at++;
	if (last)
		last[strcspn(last, "\n")] = '\0';
	return last;
}

/* Return the next number of a list {0x1,0x2}, and advance; 0 at the end. */
static unsigned long long next_number(char **list)
{
	if (!*list || (**list != '{' && **list != ','))
		return 0;
	return strtoull(*list + 1, list, 16);
}

static char *list_of(char *event, const char *key)
{
	char *at = strstr(event, key);

	return at ? at + strlen(key) : NULL;
}

static int count_runs(char *event)
{
	char *addresses = list_of(event, " dma_addrs="), *sizes = list_of(event, " sizes=");
	unsigned long long address, size, end = 0;
	int runs = 0;

	if (strstr(event, "[TRUNCATED]"))
		return -E2BIG;
	while ((size = next_number(&sizes))) {
		address = next_number(&addresses);
		runs += !runs || address != end;
		end = address + size;
	}
	return runs ? runs : -ENOENT;
}

int traced_runs(void)
{
	char *trace = file_text(TRACE);
	char *event = last_event(trace);
	int runs = event ? count_runs(event) : -ENOENT;

	free(trace);
	return runs;
}
