/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base/duration.h - lengths of time as people write them: 500ms, 10m, 1h30m, 2d. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

/* A hundred years: longer ones are refused, so that sums of them stay in 64 bits. */
#define DURATION_MAX_US (36525 * (int64_t)86400 * 1000000)

/* One text that is a duration as a whole: whole numbers with us, ms, s, m, h, d or w, each unit
 * smaller than the one before; a bare 0 too.  -EINVAL, -ERANGE above DURATION_MAX_US. */
int duration_parse(int64_t *ret_us, const char *text) must_check;
/* The same at the beginning of a longer text (no bare 0); how much of it was read. */
int duration_scan(int64_t *ret_us, size_t *ret_length, const char *text) must_check;

enum { DURATION_TEXT_BYTES = 40 };
/* "1h30m"; "0s" for none. */
void duration_print(char text[static DURATION_TEXT_BYTES], int64_t us);
