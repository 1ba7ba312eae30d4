// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads debugfs' dma_buf/bufinfo from a test.
 *
 * bufinfo_open() uses a kernel mount of debugfs, so userspace need not have mounted
 * it. Reads go to kernel memory through seq_read_iter(), so that threads without
 * user memory can read too.
 */

#include <linux/fs.h>
#include <linux/file.h>
#include <linux/mount.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uio.h>

#include "bufinfo.h"

char *bufinfo_memory(struct kunit *test)
{
	char *text = kunit_kzalloc(test, BUFINFO_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, text);
	return text;
}

static void bufinfo_close_action(void *file)
{
	__fput_sync(file);
}

struct file *bufinfo_open(struct kunit *test)
{
	struct file_system_type *type = get_fs_type("debugfs");
	struct vfsmount *mnt;
	struct file *file;

	KUNIT_ASSERT_NOT_NULL(test, type);
	mnt = kern_mount(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mnt);
	file = file_open_root_mnt(mnt, "dma_buf/bufinfo", O_RDONLY, 0);
	kern_unmount(mnt);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, bufinfo_close_action,
							   file));
	return file;
}

void bufinfo_close(struct kunit *test, struct file *file)
{
	kunit_release_action(test, bufinfo_close_action, file);
}

ssize_t bufinfo_read(struct file *file, char *text, size_t size, loff_t *pos)
{
	struct kvec vec = { .iov_base = text, .iov_len = size };
	struct iov_iter iter;
	struct kiocb kiocb;
	ssize_t ret;

	init_sync_kiocb(&kiocb, file);
	kiocb.ki_pos = *pos;
	iov_iter_kvec(&iter, ITER_DEST, &vec, 1, size);
	ret = seq_read_iter(&kiocb, &iter);
	*pos = kiocb.ki_pos;
	return ret;
}

bool bufinfo_read_rest(struct file *file, char *text, size_t piece, loff_t pos)
{
	size_t length = strlen(text);
	ssize_t ret = 1;

	while (ret > 0 && length + piece < BUFINFO_SIZE) {
		ret = bufinfo_read(file, text + length, piece, &pos);
		length += max(ret, 0);
	}
	text[length] = '\0';
	return !ret;
}

int bufinfo_occurrences(const char *text, const char *what)
{
	int count = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		count++;
	}
	return count;
}

/**
 * struct bufinfo_parser - position of a parser
 * @base: what it has found
 * @devices: number of devices listed for the buffer, or -1 outside their list
 * @after_empty: the line before was empty
 */
struct bufinfo_parser {
	struct bufinfo_base *base;
	int devices;
	bool after_empty;
};

static bool bufinfo_parse_row(struct bufinfo_parser *parser, const char *line)
{
	unsigned int flags, mode;
	unsigned long ino;
	char exporter[32];
	size_t size;
	long count;

	/* Skips white space in front of each number, as in userspace. */
	if (sscanf(line, "%zu %x %x %ld %31s %lu", &size, &flags, &mode, &count, exporter,
		   &ino) < 4)
		return false;
	parser->base->rows++;
	parser->base->bytes += size;
	return true;
}

/* A buffer ends with an empty line; the next one, or the totals, are behind it. */
static void bufinfo_parse_line(struct kunit *test, struct bufinfo_parser *parser,
			       const char *line)
{
	int count, objects, found;
	size_t bytes;

	if (sscanf(line, "Total %d objects, %zu bytes", &objects, &bytes) == 2) {
		KUNIT_EXPECT_EQ(test, objects, parser->base->rows);
		KUNIT_EXPECT_EQ(test, bytes, parser->base->bytes);
	} else if (strstr(line, " devices attached")) {
		found = sscanf(line, "Total %d devices attached", &count);
		KUNIT_ASSERT_EQ(test, found, 1);
		KUNIT_EXPECT_EQ(test, count, parser->devices);
		parser->devices = -1;
	} else if (parser->devices >= 0) {
		parser->devices++;
		parser->base->devices++;
	} else if (!strcmp(line, "\tAttached Devices:")) {
		parser->devices = 0;
	} else if (!bufinfo_parse_row(parser, line)) {
		KUNIT_EXPECT_FALSE_MSG(test, parser->after_empty && *line, "%s", line);
	}
}

void bufinfo_parse(struct kunit *test, char *text, struct bufinfo_base *base)
{
	struct bufinfo_parser parser = { .base = base, .devices = -1 };
	char *line;

	*base = (struct bufinfo_base){};
	text = strstr(text, "\tname\n");
	KUNIT_ASSERT_NOT_NULL(test, text);
	text += strlen("\tname\n");
	while ((line = strsep(&text, "\n"))) {
		bufinfo_parse_line(test, &parser, line);
		parser.after_empty = !*line;
	}
}
