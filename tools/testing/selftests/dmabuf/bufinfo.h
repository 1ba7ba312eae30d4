/* SPDX-License-Identifier: GPL-2.0-only */
/* bufinfo - parse debugfs dma_buf/bufinfo */
#ifndef SELFTEST_DMABUF_BUFINFO_H
#define SELFTEST_DMABUF_BUFINFO_H

#include <stddef.h>

#define BUFINFO_PATH	"/sys/kernel/debug/dma_buf/bufinfo"

/**
 * struct bufinfo - the entry of one buffer
 * @size: bytes
 * @flags: of the file
 * @mode: of the file
 * @count: references of the file
 * @exporter: name of the exporting driver
 * @ino: inode number
 * @name: name set by DMA_BUF_SET_NAME, or "<none>"
 * @write_fences: sw_sync fences listed as write fences
 * @read_fences: sw_sync fences listed as read fences
 * @devices: number of attached devices
 * @device: name of the first attached device
 * @mapped: name of the first device that has the buffer mapped, or "kernel"; Linux 6.12 does not
 *          tell
 * @memory: what the exporter says of the memory; Linux 6.12 does not tell
 */
struct bufinfo {
	size_t size;
	unsigned int flags;
	unsigned int mode;
	long count;
	char exporter[64];
	unsigned long ino;
	char name[64];
	unsigned int write_fences;
	unsigned int read_fences;
	unsigned int devices;
	char device[64];
	char mapped[64];
	char memory[96];
};

/**
 * struct bufinfo_total - the totals in the last line, and the sums of the rows
 * @objects: number of buffers in the last line
 * @bytes: number of bytes in the last line
 * @rows: number of rows
 * @row_bytes: sum of the rows' sizes
 */
struct bufinfo_total {
	unsigned int objects;
	size_t bytes;
	unsigned int rows;
	size_t row_bytes;
};

/* bufinfo_find() - read the entry of the buffer with inode @ino; -ENOENT if not listed */
int bufinfo_find(unsigned long long ino, struct bufinfo *info);
/* bufinfo_total() - read the last line and sum up the rows */
int bufinfo_total(struct bufinfo_total *total);
/* bufinfo_wait_objects() - wait until @objects buffers are listed; -EBUSY after 10 s */
int bufinfo_wait_objects(unsigned int objects);

/* bufinfo_line() - parse the row of a buffer; -EINVAL if @line is not one */
int bufinfo_line(const char *line, struct bufinfo *info);

#endif /* SELFTEST_DMABUF_BUFINFO_H */
