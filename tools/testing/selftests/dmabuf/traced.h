/* SPDX-License-Identifier: GPL-2.0-only */
/* traced - the memory that devices were given, from the trace event dma_map_sg */
#ifndef SELFTEST_DMABUF_TRACED_H
#define SELFTEST_DMABUF_TRACED_H

/*
 * traced_start() - begin to trace the mappings of all devices
 *
 * Returns -ENODEV on a kernel without trace events.
 */
int traced_start(void);
void traced_stop(void);
/* traced_forget() - drop the events up to now */
void traced_forget(void);
/*
 * traced_runs() - count the runs of adjacent addresses in the last mapping
 *
 * Returns -ENOENT if no device has mapped a list of pages since traced_forget(), and -E2BIG if the
 * event lists only the first of the addresses.
 */
int traced_runs(void);

#endif /* SELFTEST_DMABUF_TRACED_H */
