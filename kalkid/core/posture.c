/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/posture.c - see posture.h. */
#include "core/posture.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"

const char *const HOP_FAIL_NAMES[HOP_FAIL_COUNT + 1] = {
	[HOP_FAIL_CLOSED] = "closed",
	[HOP_FAIL_OPEN] = "open",
};

const char *const POSTURE_HOLD_NAMES[POSTURE_HOLD_COUNT + 1] = {
	[POSTURE_HOLD_AUTO] = "auto",
	[POSTURE_HOLD_HELD] = "held",
	[POSTURE_HOLD_OLD] = "old",
};

const char *const POSTURE_STANDBY_NAMES[POSTURE_STANDBY_COUNT + 1] = {
	[POSTURE_STANDBY_NEXT] = "next",
	[POSTURE_STANDBY_NONE] = "none",
	[POSTURE_STANDBY_ALL] = "all",
};

const char *posture_mode_name(enum posture_mode mode)
{
	static const char *const NAMES[POSTURE_MODE_COUNT] = {
		[POSTURE_CHAIN] = "chain",
		[POSTURE_PASS] = "pass",
		[POSTURE_BLOCK] = "block",
	};
	return NAMES[mode];
}

void posture_print(struct buffer *words, const struct posture *posture)
{
	if (posture->mode == POSTURE_PASS)
		buffer_print(words, "everything passes");
	else if (posture->mode == POSTURE_BLOCK)
		buffer_print(words, "nothing passes");
	for (unsigned i = 0; i < posture->hop_count; i++)
		buffer_print(words, "%s%s%s%s", i ? " > " : "through ", posture->hops[i].name,
			     posture->hops[i].fail == HOP_FAIL_OPEN ? " (fails open)" : "",
			     posture->hops[i].shadow ? " (in shadow: drops nothing)" : "");
}

bool posture_same_chain(const struct posture *a, const struct posture *b)
{
	bool same = a->mode == b->mode && a->hop_count == b->hop_count;
	for (unsigned i = 0; same && i < a->hop_count; i++)
		same = text_equal(a->hops[i].digest, b->hops[i].digest);
	return same;
}

void hop_seal(struct hop *hop)
{
	cleanup_buffer struct buffer both = {0};
	buffer_print(&both, "%s\n%s%s", hop->image, hop->parameters, hop->shadow ? "\nshadow" : "");
	digest_text(hop->digest, both.bytes, both.length);
}

void posture_done(struct posture *posture)
{
	for (unsigned i = 0; i < posture->hop_count; i++)
		free(posture->hops[i].parameters);
	*posture = (struct posture){0};
}
