/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/pattern.h - patterns of the operator's (PCRE2) in texts from outside, bounded. */
#pragma once

#include <stddef.h>

#include "base/error.h"

/* -EINVAL with words, and where in the pattern. */
int pattern_check(const char *pattern, size_t *ret_offset, struct error *err) must_check;
/* Where the first group matched, or the whole where there is none.  -ENOENT when it does not
 * match, or matching takes too long. */
int pattern_find(const char *pattern, const char *text, size_t length, size_t *ret_at,
		 size_t *ret_length) must_check;
