// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_bufinfo - debugfs dma_buf/bufinfo: its columns, its totals, and that reading it
 * blocks no export and no release.
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

/* Rule: a buffer has a row from its export until its release. */
TEST_F(buffer, row_until_release)
{
	unsigned long long ino = fd_ino(self->buf);
	struct bufinfo info;
	int i;

	EXPECT_EQ(0, bufinfo_find(ino, &info));
	close(self->buf);
	self->buf = -1;
	for (i = 0; i < 500 && !bufinfo_find(ino, &info); i++)
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

/* Rule: the count is the number of references to the file. */
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
	int other = buffer_export(variant);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, bufinfo_total(&before));
	EXPECT_EQ(before.rows, before.objects);
	EXPECT_EQ(before.row_bytes, before.bytes);
	close(other);
	EXPECT_EQ(0, bufinfo_wait_objects(before.objects - 1));
	ASSERT_EQ(0, bufinfo_total(&total));
	EXPECT_EQ(before.bytes - self->size, total.bytes);
}

/* Rule: pending fences are listed with their usage and their driver. */
TEST_F(buffer, fences_are_listed)
{
	unsigned long long ino = fd_ino(self->buf);
	int timeline = timeline_open();
	struct bufinfo info;

	ASSERT_LE(0, timeline);
	ASSERT_EQ(0, bufinfo_find(ino, &info));
	EXPECT_EQ(0, info.write_fences);
	EXPECT_EQ(0, info.read_fences);
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 1, DMA_BUF_SYNC_WRITE));
	ASSERT_EQ(0, buf_busy(self->buf, timeline, 2, DMA_BUF_SYNC_READ));
	ASSERT_EQ(0, bufinfo_find(ino, &info));
	EXPECT_EQ(1, info.write_fences);
	EXPECT_EQ(1, info.read_fences);
	close(timeline);
}

/* Rule: a device is listed from attach until detach. */
TEST_F(buffer, devices_are_listed)
{
	struct display_buffer imported;
	struct bufinfo info;
	struct display dpy;

	/* Another driver than the exporter: vgem does not attach to its own buffers. */
	ASSERT_EQ(0, display_open(&dpy, variant->exporter == &exporter_vgem ? DISPLAY_DRIVER :
								    "vgem"));
	ASSERT_EQ(0, bufinfo_find(fd_ino(self->buf), &info));
	EXPECT_EQ(0, info.devices);
	ASSERT_EQ(0, display_import(&dpy, self->buf, &imported));
	ASSERT_EQ(0, bufinfo_find(fd_ino(self->buf), &info));
	EXPECT_EQ(1, info.devices);
	EXPECT_NE('\0', info.device[0]);
	/* vgem maps what it imports. */
	EXPECT_TRUE(variant->exporter == &exporter_vgem || !strcmp(info.device, info.mapped));
	ASSERT_EQ(0, display_release(&dpy, &imported));
	ASSERT_EQ(0, bufinfo_find(fd_ino(self->buf), &info));
	EXPECT_EQ(0, info.devices);
	EXPECT_STREQ("", info.mapped);
	display_close(&dpy);
}

/* Rule: heaps and udmabuf tell what the memory of a buffer is. */
TEST_F(buffer, memory_is_described)
{
	bool storage = variant->exporter == &exporter_heap ||
		       variant->exporter == &exporter_udmabuf;
	unsigned long runs, longest, replaced, touched;
	struct bufinfo info;

	ASSERT_EQ(0, bufinfo_find(fd_ino(self->buf), &info));
	if (!storage) {
		EXPECT_STREQ("", info.memory);
		return;
	}
	ASSERT_EQ(4, sscanf(info.memory, "runs=%lu longest=%lu replaced=%lu touched=%lu", &runs,
			    &longest, &replaced, &touched)) TH_LOG("%s", info.memory);
	EXPECT_LE(1, runs);
	EXPECT_LE(runs, self->size / PAGE);
	EXPECT_LE(PAGE, longest);
	EXPECT_LE(longest, self->size);
	EXPECT_EQ(0, replaced);
	EXPECT_LE(touched, 1);
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

#define EXPORTERS	3
#define RACE_EXPORTS	600
#define RACE_READS	400

/**
 * struct export_race - what the threads of read_during_exports share
 * @exporter: of the buffers
 * @buf: the buffer that is renamed
 * @exports: buffers that were exported and closed
 * @renames: names that were set
 * @errors: calls that failed
 * @stop: the threads are to return
 */
struct export_race {
	const struct exporter *exporter;
	int buf;
	unsigned int exports;
	unsigned int renames;
	unsigned int errors;
	int stop;
};

static void *export_loop(void *arg)
{
	struct export_race *race = arg;
	int buf;

	while (!__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE)) {
		buf = race->exporter->export(BUF_SIZE, O_RDWR | O_CLOEXEC);
		/* Only one program at a time can use the camera. */
		if (buf == -EBUSY)
			continue;
		__atomic_add_fetch(buf < 0 ? &race->errors : &race->exports, 1,
				   __ATOMIC_RELAXED);
		if (buf >= 0)
			close(buf);
	}
	return NULL;
}

static void *rename_loop(void *arg)
{
	struct export_race *race = arg;
	unsigned int i;
	int ret;

	for (i = 0; !__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE); i++) {
		ret = buf_set_name(race->buf, i & 1 ? "odd" : "even");
		__atomic_add_fetch(ret ? &race->errors : &race->renames, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static bool export_race_is_over(const struct export_race *race)
{
	return __atomic_load_n(&race->errors, __ATOMIC_RELAXED) ||
	       (__atomic_load_n(&race->exports, __ATOMIC_RELAXED) >= RACE_EXPORTS &&
		__atomic_load_n(&race->renames, __ATOMIC_RELAXED));
}

/*
 * Rule (CVE-2021-0707): a buffer that is released during a read is listed completely or
 * not at all, and the totals of every read agree with its rows. @reads counts the reads
 * that listed a buffer of the exporting threads.
 */
TEST_F(buffer, read_during_exports)
{
	struct export_race race = { .exporter = variant->exporter, .buf = self->buf };
	struct bufinfo_total before, total;
	pthread_t threads[EXPORTERS + 1];
	unsigned int wrong = 0, reads = 0;
	int i;

	ASSERT_EQ(0, bufinfo_total(&before));
	for (i = 0; i < EXPORTERS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, export_loop, &race));
	ASSERT_EQ(0, pthread_create(&threads[i], NULL, rename_loop, &race));
	while (!export_race_is_over(&race) || reads < RACE_READS) {
		wrong += bufinfo_total(&total) || total.rows != total.objects ||
			 total.row_bytes != total.bytes || !total.objects;
		reads += total.objects > before.objects;
	}
	__atomic_store_n(&race.stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i <= EXPORTERS; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(0, race.errors);
	EXPECT_EQ(0, bufinfo_wait_objects(before.objects));
}

/*
 * Rule: a reader that stops in the middle of the file blocks no export and no close. If
 * it did, this test would not end: one thread does both.
 */
TEST_F(buffer, partial_read_blocks_no_export)
{
	char byte, rest[512];
	int readers[4], i, buf;
	ssize_t got;

	for (i = 0; i < 4; i++) {
		readers[i] = open(BUFINFO_PATH, O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, readers[i]);
		ASSERT_EQ(1, read(readers[i], &byte, 1));
	}
	for (i = 0; i < 50; i++) {
		buf = buffer_export(variant);
		ASSERT_LE(0, buf);
		ASSERT_EQ(0, close(buf));
	}
	for (i = 0; i < 4; i++) {
		do
			got = read(readers[i], rest, sizeof(rest));
		while (got > 0);
		EXPECT_EQ(0, got);
		close(readers[i]);
	}
}

TEST_HARNESS_MAIN
