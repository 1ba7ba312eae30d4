/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pair - run each test with two displays.
 *
 * A test program that includes this gets the fixture "pair": the display @near has the
 * buffer @own and exports it as @buf; the display @far has imported that as @seen, with a
 * framebuffer, but does not show it yet. Writing to the file @move makes @near move its
 * buffers.
 */
#ifndef SELFTEST_DMABUF_PAIR_H
#define SELFTEST_DMABUF_PAIR_H

#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cards.h"
#include "harness.h"
#include "util.h"

FIXTURE(pair) {
	struct display near;
	struct display far;
	struct display_buffer own;
	struct display_buffer seen;
	int buf;
	char move[64];
};

FIXTURE_SETUP(pair)
{
	struct stat st;

	self->near.fd = -1;
	self->near.crc_fd = -1;
	self->far = self->near;
	self->buf = -1;
	if (!module_present(DISPLAY_MODULE))
		SKIP(return, "%s is not a module here", DISPLAY_MODULE);
	ASSERT_EQ(0, module_unload_idle(DISPLAY_MODULE));
	ASSERT_EQ(0, module_load(DISPLAY_MODULE, "devices=2"));
	ASSERT_EQ(0, card_open(&self->near, 0));
	ASSERT_EQ(0, card_open(&self->far, 1));
	ASSERT_EQ(0, fstat(self->near.fd, &st));
	snprintf(self->move, sizeof(self->move), "/sys/kernel/debug/dri/%u/move",
		 minor(st.st_rdev));
	self->buf = export_picture(&self->near, &self->own, 7);
	ASSERT_LE(0, self->buf);
	ASSERT_EQ(0, import_picture(&self->far, self->buf, self->own.pitch, &self->seen));
}

/* The driver must be idle now. Load it again with one display. */
FIXTURE_TEARDOWN(pair)
{
	display_close(&self->near);
	display_close(&self->far);
	if (self->buf >= 0)
		close(self->buf);
	EXPECT_EQ(0, module_unload_idle(DISPLAY_MODULE));
	EXPECT_EQ(0, module_load(DISPLAY_MODULE, ""));
}

#endif /* SELFTEST_DMABUF_PAIR_H */
