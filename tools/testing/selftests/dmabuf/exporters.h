/* SPDX-License-Identifier: GPL-2.0-only */
/* exporters - a dma-buf from each driver of the machine that exports some */
#ifndef SELFTEST_DMABUF_EXPORTERS_H
#define SELFTEST_DMABUF_EXPORTERS_H

#include <stddef.h>

/**
 * struct exporter - a driver that exports dma-bufs
 * @name: for messages
 * @export: makes a buffer of at least so many bytes and gives its descriptor; nothing
 *          but the descriptor is left open. -ENODEV when the driver is not there.
 * @access_mode: @export honours O_RDONLY and O_RDWR in its flags
 */
struct exporter {
	const char *name;
	int (*export)(size_t size, int flags);
	int access_mode;
};

extern const struct exporter exporter_camera;
extern const struct exporter exporter_display;
extern const struct exporter exporter_heap;
extern const struct exporter exporter_udmabuf;
extern const struct exporter exporter_vgem;

#endif /* SELFTEST_DMABUF_EXPORTERS_H */
