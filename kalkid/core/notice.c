/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/notice.c - see notice.h. */
#include "core/notice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

const char *const NOTICE_KIND_NAMES[NOTICE_KIND_COUNT + 1] = {
	"rule",      "transition", "alert", "degraded", "held", "engine-down",
	"engine-up", "digest",     "test",  "state",    NULL,
};

enum word {
	WORD_ALERT,
	WORD_COUNT,
	WORD_DEVICE,
	WORD_EVENT,
	WORD_FROM,
	WORD_INSTANCE,
	WORD_KIND,
	WORD_REASON,
	WORD_RULE,
	WORD_SEVERITY,
	WORD_STATE,
	WORD_TIME,
	WORD_TYPE,
};
_Static_assert(WORD_TYPE + 1 == NOTICE_WORD_COUNT, "NOTICE_WORDS has them all");

const char *const NOTICE_WORDS[NOTICE_WORD_COUNT + 1] = {
	"alert",  "count", "device",   "event", "from", "instance", "kind",
	"reason", "rule",  "severity", "state", "time", "type",     NULL,
};

enum { VALUE_BYTES = REASON_BYTES };

static const char *value_of(const struct notice *notice, enum word word,
			    char text[static VALUE_BYTES])
{
	char time[TIME_TEXT_BYTES];
	switch (word) {
	case WORD_ALERT: return notice->alert;
	case WORD_COUNT: snprintf(text, VALUE_BYTES, "%" PRIu64, notice->count); return text;
	case WORD_DEVICE: return notice->device;
	case WORD_EVENT: snprintf(text, VALUE_BYTES, "%" PRIu64, notice->event); return text;
	case WORD_FROM: return notice->from;
	case WORD_INSTANCE: return notice->instance;
	case WORD_KIND: return NOTICE_KIND_NAMES[notice->kind];
	case WORD_REASON: return notice->reason;
	case WORD_RULE: return notice->rule;
	case WORD_SEVERITY: return notice->severity;
	case WORD_STATE: return notice->state;
	case WORD_TIME:
		clock_print_wall(time, notice->wall_us);
		text_copy(text, VALUE_BYTES, time);
		return text;
	case WORD_TYPE: return notice->type;
	}
	return "";
}

static void add_value(struct buffer *ret, const char *value, enum notice_place place)
{
	cleanup_buffer struct buffer mended = {0};
	text_mend(&mended, value);
	for (const char *c = mended.bytes; *c; c++) {
		bool control = (unsigned char)*c < ' ' || *c == 0x7f;
		if (place == NOTICE_IN_JSON && (*c == '"' || *c == '\\'))
			buffer_print(ret, "\\%c", *c);
		else
			buffer_add(ret, control ? " " : c, 1);
	}
}

void notice_mark_shadow(char reason[static REASON_BYTES], const char *words)
{
	static const char mark[] = "in shadow, not enforced: ";
	snprintf(reason, REASON_BYTES, "%s%.*s", mark, (int)(REASON_BYTES - sizeof(mark)), words);
}

void notice_fill(struct buffer *ret, const char *template, enum notice_place place,
		 const struct notice *notice)
{
	char text[VALUE_BYTES];
	buffer_add(ret, "", 0);
	while (*template) {
		size_t length = text_braced(template);
		int word = length ? text_find_braced(template, length, NOTICE_WORDS) : -1;
		if (word >= 0) {
			add_value(ret, value_of(notice, (enum word)word, text), place);
		} else {
			length = 1 + strcspn(template + 1, "{");
			buffer_add(ret, template, length);
		}
		template += length;
	}
}
