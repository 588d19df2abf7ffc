/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/source.h - where the values of a device type's sensors come from: who asks or listens, how
 * often, and which part of what is said belongs to which sensor. */
#pragma once

#include "core/exchange.h"

enum {
	SOURCES_MAX = 16,
	SOURCE_MAPPINGS_MAX = 64,
	SOURCE_MISSES_STANDARD = 5,
	MAPPING_SPLIT_BYTES = 8,
	MAPPING_PATH_BYTES = 512,
};

enum source_kind {
	SOURCE_POLL, /* asked every so often, by its exchange */
	SOURCE_MQTT, /* a subscription */
	SOURCE_SMTP, /* a device that mails */
	SOURCE_PUSH, /* whoever may speak to the API */
	SOURCE_KIND_COUNT,
};

/* How the part of an answer is found: first by `way`, in that text by column, in that by pattern.
 */
enum mapping_way {
	MAPPING_WHOLE, /* the answer as it is */
	MAPPING_JSON,  /* path: $.state.lights[0].on */
	MAPPING_XPATH,
	MAPPING_LINE,
	MAPPING_WAY_COUNT,
};

struct mapping {
	unsigned sensor; /* index in the policy's */
	enum mapping_way way;
	char *path;                      /* of JSON and XPATH */
	unsigned line;                   /* from 1 */
	char split[MAPPING_SPLIT_BYTES]; /* what parts columns; "": spaces and tabs */
	unsigned column;                 /* from 1; 0: not split */
	char *pattern;        /* PCRE2; its first group, or the whole match; NULL: none */
	char *equals;         /* a boolean is whether the text is this; NULL: what says yes or no */
	double scale, offset; /* a number times `scale` plus `offset` */
};

/* What a mail says by having come. */
struct source_fixed {
	unsigned sensor;
	char text[NAME_BYTES]; /* as the answer of a device would say it */
};

struct source {
	struct exchange exchange; /* first, for the tables of codec/exchange_file.h; its url, topic
				   * and credential are those of a subscription too */
	char name[NAME_BYTES];    /* unique in the type */
	enum source_kind kind;
	int64_t every_us; /* POLL: the period; others: the longest silence, 0 for any */
	unsigned misses;  /* in a row, then the device is unavailable */
	struct mapping *mappings;
	unsigned mapping_count;
	/* MQTT: a topic that says whether the device is there; NULL: none. */
	char *availability;
	char online[NAME_BYTES], offline[NAME_BYTES]; /* what is said there */
	/* SMTP. */
	char *listen; /* "127.0.0.1:2525" */
	char *to;     /* the recipient; NULL: any */
	struct source_fixed *fixed;
	unsigned fixed_count;
};

void source_done(struct source *source);
