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
