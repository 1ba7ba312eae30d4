/* SPDX-License-Identifier: GPL-2.0-only */
/* demo_importers - three devices that import the same buffer */
#ifndef SELFTEST_DMABUF_DEMO_IMPORTERS_H
#define SELFTEST_DMABUF_DEMO_IMPORTERS_H

#include <stdbool.h>

#include "camera.h"
#include "display.h"

/* A picture of 8 MB. The page allocator has no block of that size. */
#define WIDE		1920
#define HIGH		1080
#define PICTURE		(4U * WIDE * HIGH)
/* Columns of the table of demo_heap, with the number of bytes that were copied. */
#define ROW_FORMAT	"%-34s %-18s %7s %6s %8s %12lu  %s\n"

/**
 * enum importer_kind - what a device needs of a buffer
 * @CONTIGUOUS: memory in one run: vivid with allocators=1
 * @CAMERA: any memory; maps the buffer as long as it has it: the sample camera
 * @DISPLAY: the same; would let the exporter move the buffer: the sample display
 * @IMPORTERS: number of the others
 *
 * A kernel without the sample drivers has other devices in their place: a vivid that wants any
 * memory, and the card of QEMU.
 */
enum importer_kind { CONTIGUOUS, CAMERA, DISPLAY, IMPORTERS };

/**
 * struct importer - a device, and the buffer that it imports
 * @kind: what it needs
 * @driver: name of its driver, after importer_attach()
 * @cam: the device, unless it is a display
 * @dpy: the display
 * @seen: the buffer, in the display
 */
struct importer {
	enum importer_kind kind;
	const char *driver;
	struct camera cam;
	struct display dpy;
	struct display_buffer seen;
};

/* importers_load() - load vivid, and tell if the sample drivers are there. */
int importers_load(void);
int importers_unload(void);
bool importers_are_samples(void);

const char *importer_name(enum importer_kind kind);
/* importer_attach() - let a device import a buffer; returns what its driver returned. */
int importer_attach(struct importer *imp, enum importer_kind kind, int buf);
void importer_release(struct importer *imp);

/* importer_capture() - let a camera fill the buffer; *@number is the number of the picture. */
int importer_capture(struct importer *imp, __u32 *number);
/* importer_shows() - returns 1 if the display shows the picture of that number, else 0. */
int importer_shows(struct importer *imp, __u32 number);

/* errno_name() - the name of a negative errno, or "ok". */
const char *errno_name(int ret);
/* yes_no_text() - "yes", "no", or "?" for a negative answer. */
const char *yes_no_text(int answer);
/* demo_edu() - print the row of the edu device, if the machine has one; returns 1 if it failed. */
int demo_edu(void);

#endif /* SELFTEST_DMABUF_DEMO_IMPORTERS_H */
