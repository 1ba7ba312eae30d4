/* SPDX-License-Identifier: GPL-2.0-only */
/* harness - the kernel's test harness, which is not clean under -Wextra itself */
#ifndef SELFTEST_DMABUF_HARNESS_H
#define SELFTEST_DMABUF_HARNESS_H

#pragma GCC system_header

#include "../kselftest_harness.h"

#endif /* SELFTEST_DMABUF_HARNESS_H */
