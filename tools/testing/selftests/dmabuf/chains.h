/* SPDX-License-Identifier: GPL-2.0-only */
/* chains - the calls that dmabuf_failnth makes fail, one allocation after the other */
#ifndef SELFTEST_DMABUF_CHAINS_H
#define SELFTEST_DMABUF_CHAINS_H

#include <stdbool.h>

#include "demo.h"

/**
 * struct state - what a chain works with; made afresh for each run
 * @cam: an open camera
 * @sink: a display that is open or lit
 * @dev: the device of a driver with one
 * @buf: a buffer
 * @other: another descriptor that the chain needs
 * @out: what the chain made
 * @timeline: of @buf's fences
 * @map: of @buf
 */
struct state {
	struct camera cam;
	struct sink sink;
	int dev;
	int buf;
	int other;
	int out;
	int timeline;
	unsigned char *map;
};

/**
 * struct chain - calls that are made to fail
 * @prepare: what must be there before; -ENODEV when the driver is not
 * @run: the calls themselves, under fire
 * @cleanup: what @prepare and @run left; descriptors are closed without it
 * @also: an errno that another subsystem makes of a failed allocation
 * @strict: a failed run must not have made a descriptor
 */
struct chain {
	int (*prepare)(struct state *st);
	int (*run)(struct state *st);
	void (*cleanup)(struct state *st);
	int also;
	bool strict;
};

extern const struct chain chain_camera_alloc;
extern const struct chain chain_camera_import;
extern const struct chain chain_display_alloc;
extern const struct chain chain_display_import;
extern const struct chain chain_display_flip;
extern const struct chain chain_display_flip_to_import;
extern const struct chain chain_vgem_alloc;
extern const struct chain chain_vgem_import;
extern const struct chain chain_heap_alloc;
extern const struct chain chain_udmabuf_create;
extern const struct chain chain_sync;
extern const struct chain chain_set_name;
extern const struct chain chain_mmap_heap;
extern const struct chain chain_mmap_camera;
extern const struct chain chain_mmap_display;
extern const struct chain chain_fence_get;
extern const struct chain chain_fence_add;
extern const struct chain chain_fence_merge;
extern const struct chain chain_fence_info;
extern const struct chain chain_fence_poll;
extern const struct chain chain_fence_deadline;
extern const struct chain chain_timeline_open;
extern const struct chain chain_timeline_point;
extern const struct chain chain_poll;
extern const struct chain chain_epoll;
extern const struct chain chain_bufinfo;
extern const struct chain chain_fdinfo;
extern const struct chain chain_socket;

#endif /* SELFTEST_DMABUF_CHAINS_H */
