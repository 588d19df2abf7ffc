/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/notice.h - something that people are told outside of the daemon, and how its parts are put
 * into a text of theirs. */
#pragma once

#include "base/text.h"
#include "core/alert.h"
#include "core/machine.h"

enum notice_kind {
	NOTICE_RULE, /* a rule's action `notify` */
	NOTICE_TRANSITION,
	NOTICE_ALERT,
	NOTICE_DEGRADED, /* a hop is missing and its posture lets traffic pass all the same */
	NOTICE_HELD,     /* nothing of a device passes while its chain is not whole */
	NOTICE_ENGINE_DOWN,
	NOTICE_ENGINE_UP,
	NOTICE_DIGEST, /* `count` notices were held back by the notifier's limit */
	NOTICE_TEST,   /* an operator asked for it */
	/* Where a device stands, for those that show it (`count`: not in the first state of its
	 * type); state "": it is no more. */
	NOTICE_STATE,
	NOTICE_KIND_COUNT,
};
extern const char *const NOTICE_KIND_NAMES[NOTICE_KIND_COUNT + 1];

struct notice {
	uint64_t id; /* never used twice; the same when it is sent again */
	enum notice_kind kind;
	uint64_t event;  /* in the history, that it tells of; 0: none */
	int64_t time_us; /* engine time: its age */
	int64_t wall_us;
	/* "" where there is none. */
	char instance[NAME_BYTES];
	char device[NAME_BYTES], type[NAME_BYTES];
	char state[NAME_BYTES], from[NAME_BYTES]; /* now, and before a transition */
	char rule[NAME_BYTES];
	char alert[NAME_BYTES], severity[NAME_BYTES];
	char reason[REASON_BYTES];
	uint64_t count;
};

/* What a {word} in a template stands in decides how its value is written. */
enum notice_place {
	NOTICE_IN_TEXT, /* as it is */
	NOTICE_IN_JSON, /* inside a JSON string, which the template has quoted */
	NOTICE_PLACE_COUNT,
};

/* "in shadow, not enforced: " and the words: the reason of what was decided in shadow. */
void notice_mark_shadow(char reason[static REASON_BYTES], const char *words);

/* Names of the placeholders; the last is NULL. */
enum { NOTICE_WORD_COUNT = 13 };
extern const char *const NOTICE_WORDS[NOTICE_WORD_COUNT + 1];

/* Appends `template` with the placeholders filled in; a brace before anything else stays.  No value
 * brings a control character along: in a header, a line and a JSON string it stays one line. */
void notice_fill(struct buffer *ret, const char *template, enum notice_place place,
		 const struct notice *notice);
