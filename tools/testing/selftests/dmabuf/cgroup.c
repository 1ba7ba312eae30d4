// SPDX-License-Identifier: GPL-2.0-only
/*
 * cgroup - memory cgroups of version 2, which init mounts.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "util.h"

static void group_path(char *path, size_t size, const char *group, const char *file)
{
	snprintf(path, size, "%s/%s", group, file);
}

int cgroup_make(const char *group)
{
	char path[128];

	/* Fails harmlessly where the controller is enabled already. */
	file_put(CGROUP "/cgroup.subtree_control", "+memory");
	group_path(path, sizeof(path), group, "memory.stat");
	if ((mkdir(group, 0755) && errno != EEXIST) || access(path, R_OK))
		return -ENOENT;
	return 0;
}

int cgroup_enter(const char *group)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	return cgroup_put(group, "cgroup.procs", pid);
}

int cgroup_remove(const char *group)
{
	int tries;

	for (tries = 0; rmdir(group); tries++) {
		if (errno != EBUSY || tries == 100)
			return -errno;
		sleep_ms(50);
	}
	return 0;
}

int cgroup_put(const char *group, const char *file, const char *text)
{
	char path[128];

	group_path(path, sizeof(path), group, file);
	return file_put(path, text);
}

long long cgroup_number(const char *group, const char *file, const char *key)
{
	char path[128];

	group_path(path, sizeof(path), group, file);
	return file_number(path, key);
}

long long cgroup_charged(const char *group, long long limit)
{
	long long bytes = cgroup_number(group, "memory.current", "");
	int tries;

	for (tries = 0; tries < 100 && bytes >= limit; tries++) {
		sleep_ms(50);
		bytes = cgroup_number(group, "memory.current", "");
	}
	return bytes;
}

long long cgroup_kernel_bytes(const char *group)
{
	char path[128];

	/* Reading cpu.stat flushes the per-CPU counters of memory.stat. */
	group_path(path, sizeof(path), group, "cpu.stat");
	free(file_text(path));
	return cgroup_number(group, "memory.stat", "\nkernel ");
}
