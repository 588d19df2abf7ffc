/* SPDX-License-Identifier: Apache-2.0 */
/* window.c - see window.h. */
#include "window.h"

#include <stdlib.h>
#include <string.h>

#include "umbox_stream.h"

enum { WINDOW_ROOM_MIN = 2048 };

/* Whether `a` comes after `b` (RFC 1982). */
static bool after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static uint32_t later(uint32_t a, uint32_t b)
{
	return after(a, b) ? a : b;
}

static uint32_t earlier(uint32_t a, uint32_t b)
{
	return after(a, b) ? b : a;
}

void window_start(struct window *window, uint32_t sequence)
{
	*window = (struct window){.acked = sequence, .next = sequence};
}

void window_done(struct window *window, struct window_budget *budget)
{
	free(window->bytes);
	budget->used -= window->room;
	window->bytes = NULL;
	window->room = 0;
}

/* The bytes from `sequence` on lie in one piece up to the ring's end. */
static uint32_t piece(const struct window *window, uint32_t sequence, uint32_t count)
{
	uint32_t left = window->room - (sequence & (window->room - 1));
	return count < left ? count : left;
}

static uint8_t *place(const struct window *window, uint32_t sequence)
{
	return window->bytes + (sequence & (window->room - 1));
}

static void copy_in(struct window *window, uint32_t sequence, const uint8_t *bytes, uint32_t count)
{
	while (count) {
		uint32_t part = piece(window, sequence, count);
		memcpy(place(window, sequence), bytes, part);
		sequence += part;
		bytes += part;
		count -= part;
	}
}

static bool same(const struct window *window, uint32_t sequence, const uint8_t *bytes,
		 uint32_t count)
{
	while (count) {
		uint32_t part = piece(window, sequence, count);
		if (memcmp(place(window, sequence), bytes, part) != 0)
			return false;
		sequence += part;
		bytes += part;
		count -= part;
	}
	return true;
}

/* Makes room for `bytes` behind `acked`, which a window may have. */
static bool grow(struct window *window, struct window_budget *budget, uint32_t bytes)
{
	uint32_t room = window->room ? window->room : WINDOW_ROOM_MIN;
	while (room < bytes)
		room *= 2;
	if (room == window->room)
		return true;
	if (budget->used + room - window->room > budget->max)
		return false;
	struct window bigger = {.room = room, .bytes = malloc(room)};
	if (!bigger.bytes)
		return false;
	for (uint32_t at = window->acked, left = window->room; left;) {
		uint32_t part = piece(window, at, left);
		copy_in(&bigger, at, place(window, at), part);
		at += part;
		left -= part;
	}
	free(window->bytes);
	budget->used += room - window->room;
	window->room = room;
	window->bytes = bigger.bytes;
	return true;
}

void window_move(struct window *window, struct window_budget *budget, uint32_t sequence)
{
	struct window_range known = {window->acked, window->next};
	if (!after(known.from, sequence) && !after(sequence, known.to))
		return;
	if (after(known.from, sequence) && after(known.to, known.from) &&
	    known.to - sequence <= UMBOX_STREAM_WINDOW_BYTES &&
	    grow(window, budget, known.to - sequence)) {
		window->acked = window->next = sequence;
		window->ahead[0] = known;
		window->ahead_count = 1;
		return;
	}
	window_done(window, budget);
	window_start(window, sequence);
}

/* Whether [from, from + count) agrees with what is known in [known.from, known.to). */
static bool agrees(const struct window *window, struct window_range known, uint32_t from,
		   const uint8_t *bytes, uint32_t count)
{
	uint32_t start = later(known.from, from);
	uint32_t end = earlier(known.to, from + count);
	return !after(end, start) || same(window, start, bytes + (start - from), end - start);
}

static bool all_agrees(const struct window *window, uint32_t from, const uint8_t *bytes,
		       uint32_t count)
{
	struct window_range shown = {window->acked, window->next};
	if (!agrees(window, shown, from, bytes, count))
		return false;
	for (unsigned i = 0; i < window->ahead_count; i++)
		if (!agrees(window, window->ahead[i], from, bytes, count))
			return false;
	return true;
}

/* Joins the range with those that it touches; false when there are too many. */
static bool add_range(struct window *window, struct window_range range)
{
	struct window_range kept[WINDOW_AHEAD_MAX + 1];
	unsigned count = 0;
	bool placed = false;
	for (unsigned i = 0; i < window->ahead_count; i++) {
		struct window_range other = window->ahead[i];
		if (after(range.from, other.to)) {
			kept[count++] = other;
		} else if (after(other.from, range.to)) {
			if (!placed)
				kept[count++] = range;
			placed = true;
			kept[count++] = other;
		} else {
			range.from = earlier(range.from, other.from);
			range.to = later(range.to, other.to);
		}
	}
	if (!placed)
		kept[count++] = range;
	if (count > WINDOW_AHEAD_MAX)
		return false;
	memcpy(window->ahead, kept, count * sizeof(kept[0]));
	window->ahead_count = count;
	return true;
}

enum window_result window_put(struct window *window, struct window_budget *budget,
			      uint32_t sequence, const uint8_t *bytes, uint32_t count)
{
	uint32_t end = sequence + count;
	if (!after(end, window->acked))
		return WINDOW_TAKEN; /* the receiver has it, and reads it no more */
	if (after(window->acked, sequence)) {
		bytes += window->acked - sequence;
		sequence = window->acked;
	}
	count = end - sequence;
	if (end - window->acked > UMBOX_STREAM_WINDOW_BYTES)
		return WINDOW_TOO_FAR;
	if (!grow(window, budget, end - window->acked))
		return WINDOW_NO_MEMORY;
	if (!all_agrees(window, sequence, bytes, count))
		return WINDOW_DIFFERENT;
	if (!after(end, window->next))
		return WINDOW_TAKEN;
	if (!add_range(window, (struct window_range){later(sequence, window->next), end}))
		return WINDOW_TOO_FAR;
	copy_in(window, sequence, bytes, count);
	return WINDOW_TAKEN;
}

uint32_t window_show(struct window *window, const uint8_t **ret)
{
	if (!window->ahead_count || window->ahead[0].from != window->next)
		return 0;
	uint32_t count = piece(window, window->next, window->ahead[0].to - window->next);
	*ret = place(window, window->next);
	window->next += count;
	window->ahead[0].from = window->next;
	if (window->next == window->ahead[0].to)
		memmove(window->ahead, window->ahead + 1,
			--window->ahead_count * sizeof(window->ahead[0]));
	return count;
}

void window_acknowledge(struct window *window, struct window_budget *budget, uint32_t sequence,
			int64_t now_us)
{
	if (!after(sequence, window->acked))
		return;
	window->acked = earlier(sequence, window->next);
	if (window->ahead_count)
		return;
	window->moved_us = now_us;
	if (window->acked == window->next)
		window_done(window, budget);
}
