/* SPDX-License-Identifier: GPL-2.0-only */
/* chains - the chains of calls in which dmabuf_failnth injects faults */
#ifndef SELFTEST_DMABUF_CHAINS_H
#define SELFTEST_DMABUF_CHAINS_H

#include <linux/udmabuf.h>
#include <stdbool.h>

#include "demo.h"

/* Items of the list from which a chain creates a udmabuf. */
#define LIST_ITEMS	40

/**
 * struct state - the objects of one run of a chain
 * @cam: an open camera
 * @sink: a display, open or showing a buffer
 * @dev: descriptor of a device, an epoll set or a socket
 * @buf: a buffer, or a sync_file in the chains of sync_files
 * @other: another descriptor that the chain needs
 * @out: a descriptor that the chain made
 * @timeline: timeline of the fences in @buf
 * @map: mapping of @buf
 * @list: argument that creates a udmabuf from a list
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
	struct {
		struct udmabuf_create_list head;
		struct udmabuf_create_item items[LIST_ITEMS];
	} list;
};

/**
 * struct chain - calls in which faults are injected
 * @prepare: makes what @run needs, without faults; -ENODEV if the driver is missing
 * @run: makes the calls, with one fault
 * @check: tests what @run has left and what it returned; NULL if there is nothing to test
 * @cleanup: frees what is not a descriptor; NULL if there is nothing
 * @module: module that is loaded for the chain, or NULL
 * @parameters: parameters of @module
 * @other_errno: errno other than -ENOMEM and -EFAULT that @run may return, or 0
 * @no_new_fd: a failed run must not leave a new descriptor
 */
struct chain {
	int (*prepare)(struct state *st);
	int (*run)(struct state *st);
	bool (*check)(struct state *st, int ret);
	void (*cleanup)(struct state *st);
	const char *module;
	const char *parameters;
	int other_errno;
	bool no_new_fd;
};

/* Export a buffer as @buf. */
int prepare_heap_buffer(struct state *st);
int prepare_udmabuf_buffer(struct state *st);
int prepare_camera_buffer(struct state *st);
int prepare_display_buffer(struct state *st);

extern const struct chain chain_attach_contiguous;
extern const struct chain chain_attach_contiguous_block;
extern const struct chain chain_camera_alloc;
extern const struct chain chain_camera_import;
extern const struct chain chain_display_alloc;
extern const struct chain chain_display_import;
extern const struct chain chain_display_flip;
extern const struct chain chain_display_flip_to_import;
extern const struct chain chain_display_flip_to_heap;
extern const struct chain chain_display_flip_to_udmabuf;
extern const struct chain chain_vgem_alloc;
extern const struct chain chain_vgem_import;
extern const struct chain chain_heap_alloc;
extern const struct chain chain_cma_alloc;
extern const struct chain chain_carveout_alloc;
extern const struct chain chain_carveout_mmap;
extern const struct chain chain_udmabuf_create;
extern const struct chain chain_udmabuf_create_huge;
extern const struct chain chain_udmabuf_create_list;
extern const struct chain chain_udmabuf_create_mmap;
extern const struct chain chain_sync;
extern const struct chain chain_sync_udmabuf;
extern const struct chain chain_sync_udmabuf_mapped;
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
