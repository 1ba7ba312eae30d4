/* SPDX-License-Identifier: GPL-2.0-only */
/* bufinfo - what debugfs tells about all dma-bufs */
#ifndef SELFTEST_DMABUF_BUFINFO_H
#define SELFTEST_DMABUF_BUFINFO_H

#include <stddef.h>

#define BUFINFO_PATH	"/sys/kernel/debug/dma_buf/bufinfo"

/**
 * struct bufinfo - one buffer's part of the file
 * @size: bytes
 * @flags: of the file
 * @mode: of the file
 * @count: references of the file
 * @exporter: name of the exporting driver
 * @ino: inode number
 * @name: what SET_NAME gave it
 * @devices: devices that are attached
 * @device: name of the first of them
 */
struct bufinfo {
	size_t size;
	unsigned int flags;
	unsigned int mode;
	long count;
	char exporter[64];
	unsigned long ino;
	char name[64];
	unsigned int devices;
	char device[64];
};

/**
 * struct bufinfo_total - the file's last line, and what its rows add up to
 * @objects: number of buffers it tells
 * @bytes: bytes it tells
 * @rows: buffers that were listed
 * @row_bytes: sum of their sizes
 */
struct bufinfo_total {
	unsigned int objects;
	size_t bytes;
	unsigned int rows;
	size_t row_bytes;
};

/* bufinfo_find() - the part of one buffer; -ENOENT when it is not listed. */
int bufinfo_find(unsigned long long ino, struct bufinfo *info);
int bufinfo_total(struct bufinfo_total *total);
/* bufinfo_settles() - waits a bounded time for so many buffers; 0 when it came to that. */
int bufinfo_settles(unsigned int objects);
/* bufinfo_line() - one line as a buffer's row; 0 when it is one. */
int bufinfo_line(const char *line, struct bufinfo *info);

#endif /* SELFTEST_DMABUF_BUFINFO_H */
