/* SPDX-License-Identifier: GPL-2.0-only */
/* cgroup - memory cgroups of version 2 */
#ifndef SELFTEST_DMABUF_CGROUP_H
#define SELFTEST_DMABUF_CGROUP_H

#define CGROUP		"/sys/fs/cgroup"

/* cgroup_make() - make a group; -ENOENT without the memory controller */
int cgroup_make(const char *group);
/* cgroup_enter() - move this process to a group */
int cgroup_enter(const char *group);
/* cgroup_remove() - remove an empty group; retry for 5 s while processes leave it */
int cgroup_remove(const char *group);

/* cgroup_put() - write a file of a group */
int cgroup_put(const char *group, const char *file, const char *text);
/* cgroup_number() - return the number after @key in a file of a group, or -1 */
long long cgroup_number(const char *group, const char *file, const char *key);
/* cgroup_charged() - return the bytes charged; wait up to 5 s until they are below @limit */
long long cgroup_charged(const char *group, long long limit);
/* cgroup_kernel_bytes() - return the bytes of kernel memory that are charged, or -1 */
long long cgroup_kernel_bytes(const char *group);

#endif /* SELFTEST_DMABUF_CGROUP_H */
