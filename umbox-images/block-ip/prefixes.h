/* SPDX-License-Identifier: Apache-2.0 */
/* prefixes.h - a list of prefixes as the kernel wants it: in order, none within another.  Pure. */
#pragma once

#include "umbox_frame.h"

enum { PREFIXES_MAX = 2048 };

struct prefixes {
	unsigned count;
	struct umbox_prefix prefix[PREFIXES_MAX];
};

/* False when the text is no prefix, or there is no room. */
bool prefixes_add(struct prefixes *prefixes, const char *text);
/* Takes out bits behind each prefix, doubles, and what lies within another. */
void prefixes_tidy(struct prefixes *prefixes);
