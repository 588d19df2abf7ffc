/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/json_path.h - one place in a JSON text: $.state.lights[0]["a key"], the '$.' may be left
 * out. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"

enum { JSON_PATH_STEPS_MAX = 32 };

/* -EINVAL with words, and the offset of what is wrong. */
int json_path_check(const char *path, size_t *ret_offset, struct error *err) must_check;
/* Borrowed; NULL when nothing is there.  The path was checked. */
const json_t *json_path_find(const json_t *json, const char *path);
