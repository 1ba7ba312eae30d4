/* SPDX-License-Identifier: GPL-2.0-only */
/* harness - include kselftest_harness.h, which -Wextra would warn about */
#ifndef SELFTEST_DMABUF_HARNESS_H
#define SELFTEST_DMABUF_HARNESS_H

#pragma GCC system_header

#include "../kselftest_harness.h"

/*
 * Seconds until a test is taken for hung. Some fill the memory of an emulated machine, and
 * a busy host makes that ten times slower.
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	300

#endif /* SELFTEST_DMABUF_HARNESS_H */
