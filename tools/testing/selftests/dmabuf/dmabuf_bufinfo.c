// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_bufinfo - debugfs dma_buf/bufinfo: what it says of each buffer, that it adds
 * up, and that whoever reads it stops nobody.
 */
#include <linux/dma-buf.h>
#include <pthread.h>

#include "bufinfo.h"
#include "display.h"
#include "fence.h"
#include "fixture.h"

/* Rule: the file begins with a title and the names of the columns. */
TEST_F(buffer, heading)
{
	char *text = file_text(BUFINFO_PATH);
	char *next = text;

	ASSERT_NE(NULL, text);
	EXPECT_STREQ("", strsep(&next, "\n"));
	EXPECT_STREQ("Dma-buf Objects:", strsep(&next, "\n"));
	EXPECT_STREQ("size    \tflags   \tmode    \tcount   \texp_name\tino     \tname",
		     strsep(&next, "\n"));
	free(text);
}

/* Rule: each buffer has a row, from its export to its end. */
TEST_F(buffer, row_comes_and_goes)
{
	unsigned long long ino = fd_ino(self->buf);
	struct bufinfo info;
	int i;

	EXPECT_EQ(0, bufinfo_find(ino, &info));
	close(self->buf);
	self->buf = -1;
	for (i = 0; i < 50 && !bufinfo_find(ino, &info); i++)
		sleep_ms(20);
	EXPECT_EQ(-ENOENT, bufinfo_find(ino, &info));
}

/* Rule: the columns agree with fstat, fcntl and fdinfo. */
TEST_F(buffer, columns)
{
	struct bufinfo info;
	char value[64];

	ASSERT_EQ(0, bufinfo_find(fd_ino(self->buf), &info));
	EXPECT_EQ(self->size, info.size);
	EXPECT_EQ(fcntl(self->buf, F_GETFL) & O_ACCMODE, info.flags & O_ACCMODE);
	/* FMODE_READ and FMODE_WRITE are the mode's two lowest bits. */
	EXPECT_EQ(3, info.mode & 3);
	EXPECT_EQ(1, info.count);
	ASSERT_EQ(0, fd_info(self->buf, "exp_name", value, sizeof(value)));
	EXPECT_STREQ(value, info.exporter);
}

/* Rule: the last column is the name, or <none>. */
TEST_F(buffer, name_column)
{
	struct bufinfo info;

	ASSERT_EQ(0, bufinfo_find(fd_ino(self->buf), &info));
	EXPECT_STREQ("<none>", info.name);
	ASSERT_EQ(0, buf_set_name(self->buf, "screen 0"));
	ASSERT_EQ(0, bufinfo_find(fd_ino(self->buf), &info));
	EXPECT_STREQ("screen 0", info.name);
}

/* Rule: the count follows the descriptors. */
TEST_F(buffer, count_column)
{
	int same = dup(self->buf);
	struct bufinfo info;

	ASSERT_LE(0, same);
	ASSERT_EQ(0, bufinfo_find(fd_ino(self->buf), &info));
	EXPECT_EQ(2, info.count);
	close(same);
	ASSERT_EQ(0, bufinfo_find(fd_ino(self->buf), &info));
	EXPECT_EQ(1, info.count);
}

/* Rule: the last line is the number of rows and the sum of their sizes. */
TEST_F(buffer, totals)
{
	struct bufinfo_total before, total;
	int other = buffer_more(variant);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, bufinfo_total(&before));
	EXPECT_EQ(before.rows, before.objects);
	EXPECT_EQ(before.row_bytes, before.bytes);
	close(other);
	EXPECT_EQ(0, bufinfo_settles(before.objects - 1));
	ASSERT_EQ(0, bufinfo_total(&total));
	EXPECT_EQ(before.bytes - self->size, total.bytes);
}

/* Rule: fences are listed with their usage and their driver. */
TEST_F(buffer, fences_are_listed)
{
	int timeline = timeline_open();
	char *text;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 2, DMA_BUF_SYNC_READ));
	text = file_text(BUFINFO_PATH);
	ASSERT_NE(NULL, text);
	EXPECT_NE(NULL, strstr(text, "\twrite fence:"));
	EXPECT_NE(NULL, strstr(text, "\tread fence:"));
	EXPECT_NE(NULL, strstr(text, "sw_sync"));
	free(text);
	close(timeline);
}

/* Rule: a device is listed while it is attached. */
TEST_F(buffer, devices_are_listed)
{
	struct display_buffer imported;
	struct bufinfo info;
	struct display dpy;

	/* An importer that is not the exporter: vgem takes its own buffers back as they are. */
	ASSERT_EQ(0, display_open(&dpy, variant->exporter == &exporter_vgem ? DISPLAY_DRIVER :
								    "vgem"));
	ASSERT_EQ(0, bufinfo_find(fd_ino(self->buf), &info));
	EXPECT_EQ(0, info.devices);
	ASSERT_EQ(0, display_import(&dpy, self->buf, &imported));
	ASSERT_EQ(0, bufinfo_find(fd_ino(self->buf), &info));
	EXPECT_EQ(1, info.devices);
	EXPECT_NE('\0', info.device[0]);
	ASSERT_EQ(0, display_release(&dpy, &imported));
	ASSERT_EQ(0, bufinfo_find(fd_ino(self->buf), &info));
	EXPECT_EQ(0, info.devices);
	display_close(&dpy);
}

/* Rule: the file can be read in pieces of any size. */
TEST_F(buffer, small_reads)
{
	int fd = open(BUFINFO_PATH, O_RDONLY | O_CLOEXEC);
	char *text = file_text(BUFINFO_PATH);
	char piece[7];
	size_t at = 0;
	ssize_t got;

	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, text);
	while ((got = read(fd, piece, sizeof(piece))) > 0) {
		ASSERT_EQ(0, memcmp(piece, text + at, got));
		at += got;
	}
	EXPECT_EQ(0, got);
	EXPECT_EQ(strlen(text), at);
	free(text);
	close(fd);
}

/* What the storms' threads share. */
struct storm {
	const struct exporter *exporter;
	unsigned int rounds;
	int done;
	unsigned int bad;
};

static void *export_loop(void *arg)
{
	struct storm *storm = arg;
	unsigned int i;
	int buf;

	for (i = 0; i < storm->rounds; i++) {
		buf = storm->exporter->export(BUF_SIZE, O_RDWR | O_CLOEXEC);
		/* A camera is one program's at a time. */
		if (buf == -EBUSY)
			continue;
		if (buf < 0)
			__atomic_add_fetch(&storm->bad, 1, __ATOMIC_RELAXED);
		else
			close(buf);
	}
	__atomic_add_fetch(&storm->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void *rename_loop(void *arg)
{
	int buf = *(int *)arg;
	int i;

	for (i = 0; i < 500; i++)
		buf_set_name(buf, i & 1 ? "odd" : "even");
	return NULL;
}

/*
 * Rule (CVE-2021-0707): buffers that end while the file is read are in it whole or not
 * at all, and every reading adds up.
 */
TEST_F_TIMEOUT(buffer, read_during_export_storm, 120)
{
	struct storm storm = { .exporter = variant->exporter, .rounds = 200 };
	struct bufinfo_total before, total;
	unsigned int readings = 0, wrong = 0;
	pthread_t threads[4];
	int i;

	ASSERT_EQ(0, bufinfo_total(&before));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, export_loop, &storm));
	ASSERT_EQ(0, pthread_create(&threads[3], NULL, rename_loop, &self->buf));
	while (__atomic_load_n(&storm.done, __ATOMIC_ACQUIRE) < 3) {
		wrong += bufinfo_total(&total) || total.rows != total.objects ||
			 total.row_bytes != total.bytes || !total.objects;
		readings++;
	}
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	EXPECT_LT(0, readings);
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(0, storm.bad);
	EXPECT_EQ(0, bufinfo_settles(before.objects));
}

/* A reader that has begun and does not go on. */
static void *slow_reader(void *arg)
{
	int *done = arg;
	int fd = open(BUFINFO_PATH, O_RDONLY | O_CLOEXEC);
	char byte;

	while (!__atomic_load_n(done, __ATOMIC_ACQUIRE)) {
		if (read(fd, &byte, 1) <= 0)
			lseek(fd, 0, SEEK_SET);
		sleep_ms(1);
	}
	close(fd);
	return NULL;
}

/* Rule (faults.md L11): a slow reader holds up no export and no close. */
TEST_F_TIMEOUT(buffer, slow_reader_stops_nobody, 120)
{
	pthread_t threads[4];
	long long began, worst = 0;
	int done = 0, i, buf;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, slow_reader, &done));
	for (i = 0; i < 50; i++) {
		began = now_ms();
		buf = buffer_more(variant);
		EXPECT_LE(0, buf);
		close(buf);
		if (now_ms() - began > worst)
			worst = now_ms() - began;
	}
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	EXPECT_GT(5000, worst);
}

TEST_HARNESS_MAIN
