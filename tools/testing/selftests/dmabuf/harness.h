/* SPDX-License-Identifier: GPL-2.0-only */
/* harness - include kselftest_harness.h, which -Wextra would warn about */
#ifndef SELFTEST_DMABUF_HARNESS_H
#define SELFTEST_DMABUF_HARNESS_H

#pragma GCC system_header

#include "../kselftest_harness.h"

#endif /* SELFTEST_DMABUF_HARNESS_H */
