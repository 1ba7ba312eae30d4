/* SPDX-License-Identifier: GPL-2.0-only */
/* stamps - give each page of a mapping its number, and find the pages that do not have theirs */
#ifndef SELFTEST_DMABUF_STAMPS_H
#define SELFTEST_DMABUF_STAMPS_H

#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#define PAGE		((size_t)sysconf(_SC_PAGESIZE))
#define WORD(map, at)	(*(uint32_t *)((map) + (at)))

/* Every page gets its number, plus @salt. */
static inline void stamp(unsigned char *map, size_t size, uint32_t salt)
{
	size_t at;

	for (at = 0; at < size; at += PAGE)
		WORD(map, at) = at / PAGE + salt;
}

/* Count the pages of a range at @offset that do not have their number. */
static inline long wrong_stamps(const unsigned char *map, size_t offset, size_t size,
				uint32_t salt)
{
	long count = 0;
	size_t at;

	for (at = 0; at < size; at += PAGE)
		count += WORD(map, at) != (offset + at) / PAGE + salt;
	return count;
}

#endif /* SELFTEST_DMABUF_STAMPS_H */
