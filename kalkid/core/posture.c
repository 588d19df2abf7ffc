/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/posture.c - see posture.h. */
#include "core/posture.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"

const char *posture_mode_name(enum posture_mode mode)
{
	static const char *const NAMES[POSTURE_MODE_COUNT] = {
		[POSTURE_CHAIN] = "chain",
		[POSTURE_PASS] = "pass",
		[POSTURE_BLOCK] = "block",
	};
	return NAMES[mode];
}

const char *posture_hold_name(enum posture_hold hold)
{
	static const char *const NAMES[POSTURE_HOLD_COUNT] = {
		[POSTURE_HOLD_AUTO] = "auto",
		[POSTURE_HOLD_HELD] = "held",
		[POSTURE_HOLD_OLD] = "old",
	};
	return NAMES[hold];
}

const char *posture_standby_name(enum posture_standby standby)
{
	static const char *const NAMES[POSTURE_STANDBY_COUNT] = {
		[POSTURE_STANDBY_NEXT] = "next",
		[POSTURE_STANDBY_NONE] = "none",
		[POSTURE_STANDBY_ALL] = "all",
	};
	return NAMES[standby];
}

const char *hop_fail_name(enum hop_fail fail)
{
	static const char *const NAMES[HOP_FAIL_COUNT] = {
		[HOP_FAIL_CLOSED] = "closed",
		[HOP_FAIL_OPEN] = "open",
	};
	return NAMES[fail];
}

void hop_seal(struct hop *hop)
{
	cleanup_buffer struct buffer both = {0};
	buffer_print(&both, "%s\n%s", hop->image, hop->parameters);
	digest_text(hop->digest, both.bytes, both.length);
}

void posture_done(struct posture *posture)
{
	for (unsigned i = 0; i < posture->hop_count; i++)
		free(posture->hops[i].parameters);
	*posture = (struct posture){0};
}
