/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/ledger.h - what went into a umbox and what came out: frames are known again by their tags
 * and compared with what was sent.  Pure. */
#pragma once

#include "trial/frames.h"

struct ledger_page {
	uint32_t sent, received, again, late, unlike, back;
	uint32_t next; /* the number that the next one may have at least */
	uint8_t *seen; /* a bit for each that came */
	size_t seen_bytes;
	char words[FRAME_WORDS_BYTES]; /* what was changed of the first that was */
};

/* By kind and by the side that they went in at. */
struct ledger {
	struct ledger_page page[FRAME_KIND_COUNT][FRAME_ENDS];
	uint32_t own;    /* frames of the umbox's own making */
	uint32_t forged; /* of these: in another's name than the device's */
};

void ledger_done(struct ledger *ledger);
/* The next number of that kind and side. */
struct frame_id ledger_next(const struct ledger *ledger, enum frame_kind kind, enum leg_side from);
void ledger_sent(struct ledger *ledger, const struct frame_id *id);
/* A frame came out at `at`; its checksum is whole. */
void ledger_received(struct ledger *ledger, enum leg_side at, const uint8_t *frame, size_t count);
/* Frames that went in and did not come out (yet). */
uint64_t ledger_missing(const struct ledger *ledger, enum frame_kind kind);
/* Says what is wrong with this kind, other than that frames are missing; NULL: nothing. */
const char *ledger_fault(const struct ledger *ledger, enum frame_kind kind, char *words,
			 size_t words_bytes);
