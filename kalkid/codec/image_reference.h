/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/image_reference.h - the syntax of references to images:
 * [host[:port]/]path[:tag][@digest]. */
#pragma once

#include "base/error.h"

/* As distribution/reference has it: path of lower-case components, tag of at most 128 characters,
 * digest sha256:<64 hex digits>.  -EINVAL. */
int image_reference_check(const char *reference, struct error *err) must_check;
