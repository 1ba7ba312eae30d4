/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the bench share.
 */
#ifndef _DMA_BUF_BENCH_H
#define _DMA_BUF_BENCH_H

/* Prints what an operation costs, in instructions, without the call of @op itself. */
void report(const char *name, void (*op)(void *), void *arg);

/* The operations on fences and reservation objects. */
int bench_fences(void);

#endif /* _DMA_BUF_BENCH_H */
