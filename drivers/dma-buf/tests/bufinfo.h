/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the list of buffers in debugfs from a test.
 */
#ifndef _DMA_BUF_TESTS_BUFINFO_H
#define _DMA_BUF_TESTS_BUFINFO_H

#include <kunit/test.h>

struct file;

/* Memory for all of the text, and a NUL. */
#define BUFINFO_SIZE	(256 * 1024)

char *bufinfo_memory(struct kunit *test);

/* The file, until the test ends, or is closed now. */
struct file *bufinfo_open(struct kunit *test);
void bufinfo_close(struct kunit *test, struct file *file);

/* Like read(); from any thread. */
ssize_t bufinfo_read(struct file *file, char *text, size_t size, loff_t *pos);
/* From a position to the end, in pieces, behind what @text has; false on error. */
bool bufinfo_read_rest(struct file *file, char *text, size_t piece, loff_t pos);

/* How often does a text contain another? */
int bufinfo_occurrences(const char *text, const char *what);

#endif /* _DMA_BUF_TESTS_BUFINFO_H */
