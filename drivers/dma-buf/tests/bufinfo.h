/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads debugfs' dma_buf/bufinfo from a test.
 */
#ifndef _DMA_BUF_TESTS_BUFINFO_H
#define _DMA_BUF_TESTS_BUFINFO_H

#include <kunit/test.h>

struct file;

/* Size of the memory for the whole text and a NUL. */
#define BUFINFO_SIZE	(256 * 1024)

char *bufinfo_memory(struct kunit *test);

/* Open bufinfo; the test closes it when it ends, unless bufinfo_close() did. */
struct file *bufinfo_open(struct kunit *test);
void bufinfo_close(struct kunit *test, struct file *file);

/* Like read(), but into kernel memory. May be called from any thread. */
ssize_t bufinfo_read(struct file *file, char *text, size_t size, loff_t *pos);
/*
 * Read from @pos to the end, @piece bytes at a time, and append to @text; returns false
 * on error.
 */
bool bufinfo_read_rest(struct file *file, char *text, size_t piece, loff_t pos);

/* Number of times that @text contains @what. */
int bufinfo_occurrences(const char *text, const char *what);

/**
 * struct bufinfo_base - what a parser of the format of 6.12 knows of bufinfo
 * @rows: number of buffers
 * @bytes: sum of their sizes
 * @devices: number of devices of all buffers
 */
struct bufinfo_base {
	int rows;
	size_t bytes;
	int devices;
};

/*
 * Parse @text as a program written for 6.12 does, which skips lines that it does not know. Expects
 * that the text agrees with itself: the numbers of devices and the totals.
 */
void bufinfo_parse(struct kunit *test, char *text, struct bufinfo_base *base);

#endif /* _DMA_BUF_TESTS_BUFINFO_H */
