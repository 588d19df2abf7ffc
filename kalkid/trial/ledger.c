/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/ledger.c - see ledger.h. */
#include "trial/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void ledger_done(struct ledger *ledger)
{
	for (unsigned kind = 0; kind < FRAME_KIND_COUNT; kind++)
		for (unsigned side = 0; side < FRAME_ENDS; side++)
			free(ledger->page[kind][side].seen);
	*ledger = (struct ledger){0};
}

struct frame_id ledger_next(const struct ledger *ledger, enum frame_kind kind, enum leg_side from)
{
	return (struct frame_id){kind, from, ledger->page[kind][from].sent};
}

void ledger_sent(struct ledger *ledger, const struct frame_id *id)
{
	struct ledger_page *page = &ledger->page[id->kind][id->from];
	page->sent = id->number + 1;
	if (id->number / 8 < page->seen_bytes)
		return;
	size_t bytes = max_of(page->seen_bytes * 2, (size_t)64);
	page->seen = mem_resize(page->seen, bytes, 1);
	memset(page->seen + page->seen_bytes, 0, bytes - page->seen_bytes);
	page->seen_bytes = bytes;
}

static bool see(struct ledger_page *page, uint32_t number)
{
	uint8_t bit = (uint8_t)(1 << number % 8);
	bool seen = page->seen[number / 8] & bit;
	page->seen[number / 8] |= bit;
	return seen;
}

/* What a umbox says itself it says as the device; by the direct leg, or to it. */
static void take_own(struct ledger *ledger, enum leg_side at, const uint8_t *frame, size_t count)
{
	struct device_identity device;
	frame_device(&device);
	bool from_device = count >= 12 && memcmp(frame + 6, device.mac.octet, 6) == 0;
	bool to_device = count >= 12 && memcmp(frame, device.mac.octet, 6) == 0;
	ledger->own++;
	ledger->forged += at == LEG_DIRECT ? from_device == to_device
					   : from_device != (at == LEG_OUT);
}

void ledger_received(struct ledger *ledger, enum leg_side at, const uint8_t *frame, size_t count)
{
	uint8_t made[FRAME_BYTES_MAX];
	struct frame_id id;
	if (at == LEG_DIRECT || !frame_identify(&id, frame, count) ||
	    id.number >= ledger->page[id.kind][id.from].sent) {
		take_own(ledger, at, frame, count);
		return;
	}
	struct ledger_page *page = &ledger->page[id.kind][id.from];
	size_t made_count = frame_make(made, &id);
	char words[FRAME_WORDS_BYTES];
	const char *difference = frame_difference(words, made, made_count, frame, count);
	if (at == id.from) {
		/* An answer may quote what was asked. */
		if (difference)
			take_own(ledger, at, frame, count);
		else
			page->back++;
		return;
	}
	if (difference && !page->unlike++)
		snprintf(page->words, sizeof(page->words), "%s", difference);
	if (see(page, id.number)) {
		page->again++;
		return;
	}
	page->received++;
	page->late += id.number < page->next;
	page->next = max_of(page->next, id.number + 1);
}

uint64_t ledger_missing(const struct ledger *ledger, enum frame_kind kind)
{
	uint64_t missing = 0;
	for (unsigned side = 0; side < FRAME_ENDS; side++)
		missing += ledger->page[kind][side].sent - ledger->page[kind][side].received;
	return missing;
}

const char *ledger_fault(const struct ledger *ledger, enum frame_kind kind, char *words,
			 size_t words_bytes)
{
	static const char *const from[] = {[LEG_IN] = "the device", [LEG_OUT] = "the network"};
	for (unsigned side = 0; side < FRAME_ENDS; side++) {
		const struct ledger_page *page = &ledger->page[kind][side];
		const char *what = frame_kind_words(kind);
		if (page->unlike)
			snprintf(words, words_bytes, "%s from %s: %s", what, from[side],
				 page->words);
		else if (page->again)
			snprintf(words, words_bytes, "%s from %s came out more than once", what,
				 from[side]);
		else if (page->back)
			snprintf(words, words_bytes, "%s from %s came back there", what,
				 from[side]);
		else if (page->late && kind < FRAME_FLOOD_SYN)
			snprintf(words, words_bytes,
				 "%" PRIu32 " of %" PRIu32 " frames from %s came out of order",
				 page->late, page->sent, from[side]);
		else
			continue;
		return words;
	}
	return NULL;
}
