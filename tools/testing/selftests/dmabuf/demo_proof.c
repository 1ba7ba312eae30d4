// SPDX-License-Identifier: GPL-2.0-only
/*
 * demo_proof - how the demo proves that pictures were shared and not copied.
 *
 * The right pixels arrived if the display's CRC is that of the pattern with the camera's
 * frame number. Both ends have the same memory if they see the same inode, and if bytes
 * that one end writes are read at the other. And the machine allocates no pages for
 * copies while pictures pass.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bufinfo.h"
#include "demo.h"
#include "fence.h"

int row_fails(struct row *row, const char *fmt, ...)
{
	va_list args;

	if (row->why[0])
		return -1;
	va_start(args, fmt);
	vsnprintf(row->why, sizeof(row->why), fmt, args);
	va_end(args);
	return -1;
}

/* Pages that ioctls, events and files of this program may allocate during a row. */
#define STRAY_PAGES	256ULL

/* Fill the table of the CRC-32 of IEEE 802.3 (reflected). */
static void crc_fill(__u32 *table)
{
	__u32 i, bit, value;

	for (i = 0; i < 256; i++) {
		value = i;
		for (bit = 0; bit < 8; bit++)
			value = value >> 1 ^ (value & 1 ? 0xedb88320 : 0);
		table[i] = value;
	}
}

static __u32 crc_row(const __u32 *table, __u32 crc, const __u8 *row, unsigned int width)
{
	unsigned int i;

	for (i = 0; i < 4 * width; i++)
		/* The display ignores the X byte of a pixel and takes it as 0. */
		crc = crc >> 8 ^ table[(crc ^ (i % 4 == 3 ? 0 : row[i])) & 0xff];
	return crc;
}

__u32 picture_crc(unsigned int width, unsigned int height, __u32 number)
{
	const struct pattern pattern = {
		.format = V4L2_PIX_FMT_XBGR32,
		.width = width,
		.height = height,
		.stride = 4 * width,
		.kind = PATTERN_COLOUR_BARS,
	};
	static __u32 table[256];
	__u8 *row = malloc(pattern.stride);
	__u32 crc = ~0u, y, class, drawn = ~0u;

	if (!row)
		return 0;
	if (!table[1])
		crc_fill(table);
	for (y = 0; y < height; y++) {
		class = pattern_row_class(&pattern, number, y);
		if (class != drawn)
			pattern_row(&pattern, number, y, row);
		drawn = class;
		crc = crc_row(table, crc, row, width);
	}
	free(row);
	return ~crc;
}

int prove_same_inode(int one, int other, struct row *row)
{
	unsigned long long a = fd_ino(one), b = fd_ino(other);

	if (!a || a != b)
		return row_fails(row, "inode %llu at one end, %llu at the other", a, b);
	return 0;
}

static unsigned char *map_buf(int buf)
{
	void *map = mmap(NULL, lseek(buf, 0, SEEK_END), PROT_READ | PROT_WRITE, MAP_SHARED,
			 buf, 0);

	return map == MAP_FAILED ? NULL : map;
}

/* Mark the first and the last byte, as a single page may have been copied. */
static int write_here_read_there(unsigned char *near, int near_buf, const unsigned char *far,
				 int far_buf)
{
	size_t last = lseek(near_buf, 0, SEEK_END) - 1;
	static unsigned char mark;
	int same;

	mark = (mark + 37) | 1;
	buf_sync(near_buf, DMA_BUF_SYNC_WRITE | DMA_BUF_SYNC_START);
	near[0] = mark;
	near[last] = ~mark;
	buf_sync(near_buf, DMA_BUF_SYNC_WRITE | DMA_BUF_SYNC_END);

	buf_sync(far_buf, DMA_BUF_SYNC_READ | DMA_BUF_SYNC_START);
	same = far[0] == mark && far[last] == (unsigned char)~mark;
	buf_sync(far_buf, DMA_BUF_SYNC_READ | DMA_BUF_SYNC_END);
	return same;
}

int prove_same_memory(unsigned char *near, int near_buf, int far_buf, struct row *row)
{
	size_t size = lseek(near_buf, 0, SEEK_END);
	unsigned char *own = near ? NULL : map_buf(near_buf);
	unsigned char *far = map_buf(far_buf);
	int ret = 0;

	if (!near)
		near = own;
	if (!near || !far)
		ret = row_fails(row, "a buffer cannot be mapped");
	else if (!write_here_read_there(near, near_buf, far, far_buf) ||
		 !write_here_read_there(far, far_buf, near, near_buf))
		ret = row_fails(row, "a byte written at one end is not read at the other");
	if (own)
		munmap(own, size);
	if (far)
		munmap(far, size);
	return ret;
}

int prove_attached(int buf, unsigned int devices, struct row *row)
{
	struct bufinfo info;

	if (bufinfo_find(fd_ino(buf), &info))
		return row_fails(row, "bufinfo does not list inode %llu", fd_ino(buf));
	if (info.devices != devices)
		return row_fails(row, "%u devices attached, expected %u", info.devices, devices);
	return 0;
}

/* The counters never decrease: they include pages that were freed again. */
static unsigned long long pages_allocated(void)
{
	char *text = file_text("/proc/vmstat");
	char *next = text, *line;
	unsigned long long sum = 0, value;

	while ((line = strsep(&next, "\n")))
		if (sscanf(line, "pgalloc_%*s %llu", &value) == 1)
			sum += value;
	free(text);
	return sum;
}

void census_take(struct census *census)
{
	struct bufinfo_total total = { 0 };

	bufinfo_total(&total);
	census->objects = total.objects;
	census->bytes = total.bytes;
	census->allocated = pages_allocated();
}

int prove_no_new_pages(const struct census *before, unsigned int frames, unsigned int bytes,
		       struct row *row)
{
	struct census now;
	unsigned long picture = bytes / sysconf(_SC_PAGESIZE);

	census_take(&now);
	if (!before->allocated || now.objects != before->objects || now.bytes != before->bytes)
		return row_fails(row, "%u buffers of %llu bytes became %u of %llu",
				 before->objects, before->bytes, now.objects, now.bytes);
	row->pages = (now.allocated - before->allocated) / frames;
	if (now.allocated - before->allocated > STRAY_PAGES + frames * picture / 4)
		return row_fails(row, "%lu pages allocated per picture of %lu", row->pages,
				 picture);
	return 0;
}
