/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/pattern.c - see pattern.h. */
#include "codec/pattern.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { MATCH_STEPS_MAX = 100000, MATCH_DEPTH_MAX = 1000, MATCH_KIB_MAX = 1024 };

static pcre2_code *compile(const char *pattern, int *ret_code, PCRE2_SIZE *ret_offset)
{
	return pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
			     PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, ret_code, ret_offset, NULL);
}

int pattern_check(const char *pattern, size_t *ret_offset, struct error *err)
{
	int code;
	PCRE2_UCHAR words[256];
	pcre2_code *compiled = compile(pattern, &code, ret_offset);
	pcre2_code_free(compiled);
	if (compiled)
		return 0;
	pcre2_get_error_message(code, words, sizeof(words));
	return error_set(err, -EINVAL, "is no pattern: %s", (const char *)words);
}

int pattern_find(const char *pattern, const char *text, size_t length, size_t *ret_at,
		 size_t *ret_length)
{
	int code;
	PCRE2_SIZE offset;
	pcre2_code *compiled = compile(pattern, &code, &offset);
	if (!compiled)
		return -ENOENT;
	pcre2_match_data *match = pcre2_match_data_create_from_pattern(compiled, NULL);
	pcre2_match_context *limits = pcre2_match_context_create(NULL);
	if (!match || !limits)
		abort();
	pcre2_set_match_limit(limits, MATCH_STEPS_MAX);
	pcre2_set_depth_limit(limits, MATCH_DEPTH_MAX);
	pcre2_set_heap_limit(limits, MATCH_KIB_MAX);
	int groups = pcre2_match(compiled, (PCRE2_SPTR)text, length, 0, 0, match, limits);
	int r = -ENOENT;
	if (groups > 0) {
		const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(match);
		size_t group = groups > 1 ? 2 : 0;
		if (ends[group] != PCRE2_UNSET && ends[group] <= ends[group + 1]) {
			*ret_at = ends[group];
			*ret_length = ends[group + 1] - ends[group];
			r = 0;
		}
	}
	pcre2_match_context_free(limits);
	pcre2_match_data_free(match);
	pcre2_code_free(compiled);
	return r;
}
