// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf_sample_race - stress test of a display that is unbound and bound again while
 * threads commit, import and export. It ends after a fixed number of rounds.
 */
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "bufinfo.h"
#include "exporters.h"
#include "pair.h"

#define ROUNDS		25
#define IMPORTERS	3
/* Large enough that its pages are mapped for longer than an unbind takes. */
#define LARGE		(8 << 20)

/**
 * struct racer - a thread that uses the second display
 * @thread: the thread
 * @round: what the thread does again and again, with a newly opened card
 * @buf: dma-buf that it imports
 * @large: large dma-buf that it imports
 * @pitch: bytes from one line of the picture to the next
 * @stop: tells the thread to end
 * @done: number of rounds that succeeded
 */
struct racer {
	pthread_t thread;
	int (*round)(struct display *dpy, const struct racer *racer);
	int buf;
	int large;
	__u32 pitch;
	bool stop;
	unsigned int done;
};

/* Turn the display on and flip once. The close or the unbind turns it off. */
static int commit_once(struct display *dpy, const struct racer *racer)
{
	struct display_buffer seen;
	__u32 frame;
	int ret;

	ret = display_mode(dpy, SIDE, SIDE);
	if (!ret)
		ret = import_picture(dpy, racer->buf, racer->pitch, &seen);
	if (!ret)
		ret = screen_on(dpy, &seen);
	if (!ret)
		ret = display_flip(dpy, &seen, -1, NULL);
	return ret ? ret : display_flipped(dpy, &frame, FRAME_TIMEOUT_MS);
}

static int export_once(struct display *dpy, const struct display_buffer *buf)
{
	int fd = display_export(dpy, buf, O_RDWR | O_CLOEXEC);

	return fd < 0 ? fd : close(fd);
}

/* Import a buffer and export that, then export a buffer of the display's own. */
static int export_both(struct display *dpy, const struct racer *racer)
{
	struct display_buffer seen, own;
	int ret;

	ret = display_import(dpy, racer->buf, &seen);
	if (!ret)
		ret = export_once(dpy, &seen);
	if (!ret)
		ret = display_alloc(dpy, SIDE, SIDE, &own);
	if (!ret)
		ret = export_once(dpy, &own);
	return ret ? ret : display_release(dpy, &seen);
}

/* Import and export; an import of @large lets other importers wait inside the ioctl. */
static int import_once(struct display *dpy, const struct racer *racer)
{
	struct display_buffer seen;
	int ret;

	/* The thread that commits needs to be DRM's master. */
	xioctl(dpy->fd, DRM_IOCTL_DROP_MASTER, NULL);
	ret = display_import(dpy, racer->large, &seen);
	if (!ret)
		ret = display_release(dpy, &seen);
	return ret ? ret : export_both(dpy, racer);
}

static void *race(void *arg)
{
	struct racer *racer = arg;
	struct display dpy;

	while (!__atomic_load_n(&racer->stop, __ATOMIC_ACQUIRE)) {
		if (!card_file(&dpy, 1))
			racer->done += !racer->round(&dpy, racer);
		display_close(&dpy);
	}
	return NULL;
}

static int race_begin(struct racer *racers, unsigned int count)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < count && !ret; i++)
		ret = -pthread_create(&racers[i].thread, NULL, race, &racers[i]);
	return ret;
}

/* Return the number of rounds in which everything succeeded. */
static unsigned int race_end(struct racer *racers, unsigned int count)
{
	unsigned int i, done = 0;

	for (i = 0; i < count; i++)
		__atomic_store_n(&racers[i].stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < count; i++) {
		pthread_join(racers[i].thread, NULL);
		done += racers[i].done;
	}
	return done;
}

/* Import a buffer that stays imported until the card is closed. */
static int keep_import(struct display *kept, int buf)
{
	struct display_buffer seen;
	int ret = card_file(kept, 1);

	if (ret)
		return ret;
	xioctl(kept->fd, DRM_IOCTL_DROP_MASTER, NULL);
	return display_import(kept, buf, &seen);
}

/* Nothing may be attached to a buffer of the test. */
static void check_detached(struct __test_metadata *_metadata, int buf)
{
	struct bufinfo info;

	EXPECT_EQ(0, bufinfo_find(fd_ino(buf), &info));
	EXPECT_EQ(0, info.devices);
}

/*
 * Rule: a commit, import or export that races with an unbind fails or is undone by it.
 * When the unbind returns, nothing is attached or mapped. One import is open in each
 * unbind, so that there is something to detach.
 */
TEST_F(pair, unbind_races_with_users)
{
	struct racer commits = {
		.round = commit_once, .buf = self->buf, .pitch = self->own.pitch,
	};
	struct racer imports[IMPORTERS];
	struct display kept;
	int i, large;

	large = exporter_udmabuf.export(LARGE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, large);
	for (i = 0; i < IMPORTERS; i++)
		imports[i] = (struct racer) {
			.round = import_once, .buf = self->buf, .large = large,
		};
	display_close(&self->far);
	ASSERT_EQ(0, race_begin(&commits, 1));
	ASSERT_EQ(0, race_begin(imports, IMPORTERS));
	for (i = 0; i < ROUNDS; i++) {
		EXPECT_EQ(0, keep_import(&kept, self->buf));
		/* From before the first ioctl to after the first flip. */
		sleep_ms(i * 10);
		EXPECT_EQ(0, driver_write(DISPLAY_MODULE, "unbind", 1));
		check_detached(_metadata, self->buf);
		check_detached(_metadata, large);
		if (dma_debug())
			EXPECT_EQ(0, segments_mapped(1));
		display_close(&kept);
		EXPECT_EQ(0, driver_write(DISPLAY_MODULE, "bind", 1));
	}
	/* Without unbinds all succeed. */
	sleep_ms(1000);
	EXPECT_LT(0, race_end(&commits, 1));
	EXPECT_LT(0, race_end(imports, IMPORTERS));
	close(large);
	EXPECT_EQ(1, moved_soon(self->move));
	ASSERT_EQ(0, card_open(&self->far, 1));
	ASSERT_EQ(0, import_picture(&self->far, self->buf, self->own.pitch, &self->seen));
	ASSERT_EQ(0, screen_on(&self->far, &self->seen));
	EXPECT_EQ(1, shows(&self->far, &self->seen, 7));
}

TEST_HARNESS_MAIN
