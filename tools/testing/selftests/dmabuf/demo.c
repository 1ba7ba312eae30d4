// SPDX-License-Identifier: GPL-2.0-only
/*
 * demo - pass the pictures of a camera to a display through dma-bufs.
 *
 * Each row of the table is a direction in which buffers are shared. Some hundred
 * pictures pass through it. Each is checked at the display against the pattern with its
 * number, and the proofs of demo_proof.c check that none was copied. One more row passes
 * the pictures to a driver with a real screen. A second table has the devices that can use
 * buffers of the system heap, see demo_heap.c. The demo prints the tables; its exit status
 * is not 0 if a row failed.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"

static void print_row(const struct row *row)
{
	unsigned long long rate = row->ms > 0 ? row->frames * 10000ULL / row->ms : 0;

	printf("%-34s %6u %5llu.%llu %7u %12llu %6u %5u %5lu  %s\n", row->name, row->frames,
	       rate / 10, rate % 10, row->buffers, row->copied, row->fences, row->lost,
	       row->pages, row->why[0] ? row->why : "ok");
	fflush(stdout);
}

static void print_head(const struct options *opt)
{
	printf("\n%u pictures of %ux%u in each direction\n\n", opt->frames, opt->width,
	       opt->height);
	printf("%-34s %6s %7s %7s %12s %6s %5s %5s  %s\n", "direction", "frames", "per s",
	       "buffers", "bytes copied", "fences", "lost", "pages", "result");
}

static void print_legend(void)
{
	printf("\nfences: what the camera still had to wait for when it got a buffer back\n"
	       "lost: pictures that came due while no buffer was free\n"
	       "pages: allocated by the whole machine for each picture\n");
}

static int run_rows(const struct options *opt)
{
	static const struct {
		const char *name;
		void (*flow)(const struct options *opt, struct row *row);
	} table[] = {
		{ "camera exports, display imports", flow_camera_exports },
		{ "display exports, camera imports", flow_display_exports },
		{ "heap exports, both import", flow_heap_exports },
		{ "two processes, fd over a socket", flow_two_processes },
		{ "camera exports, a screen imports", flow_screen },
	};
	int failed = 0;
	size_t i;

	print_head(opt);
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		struct row row = { .name = table[i].name };

		if (table[i].flow == flow_screen && !opt->screen)
			continue;
		table[i].flow(opt, &row);
		if (row.frames != opt->frames)
			row_fails(&row, "only %u pictures", row.frames);
		/* Buffers are queued while they are on the screen, so some must have a fence. */
		if (!row.fences)
			row_fails(&row, "no fence was waited for");
		print_row(&row);
		failed |= row.why[0] != '\0';
	}
	print_legend();
	return failed;
}

static int usage(const char *name)
{
	fprintf(stderr,
		"%s [--frames N] [--size WxH] [--no-screen | --screen DRIVER] [--wait S] [--base]\n",
		name);
	return 2;
}

static int parse(int argc, char **argv, struct options *opt)
{
	static const struct option longs[] = {
		{ "frames", required_argument, NULL, 'f' },
		{ "size", required_argument, NULL, 's' },
		{ "screen", required_argument, NULL, 'c' },
		{ "no-screen", no_argument, NULL, 'n' },
		{ "wait", required_argument, NULL, 'w' },
		{ "base", no_argument, NULL, 'b' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'f':
			opt->frames = strtoul(optarg, NULL, 0);
			break;
		case 's':
			if (sscanf(optarg, "%ux%u", &opt->width, &opt->height) != 2)
				return -1;
			break;
		case 'c':
			opt->screen = optarg;
			break;
		case 'n':
			opt->screen = NULL;
			break;
		case 'w':
			opt->wait = strtoul(optarg, NULL, 0);
			break;
		case 'b':
			opt->base = true;
			break;
		default:
			return -1;
		}
	}
	return optind == argc && opt->frames >= 2 ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct options opt = {
		.frames = 300,
		.width = 640,
		.height = 480,
		.screen = "cirrus",
		.wait = 5,
	};
	int rc;

	if (parse(argc, argv, &opt))
		return usage(argv[0]);
	rc = opt.base ? 0 : run_rows(&opt);
	rc |= demo_heap(opt.base);
	printf("\nDEMO-DONE rc=%d\n", rc);
	return rc;
}
