/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/alert_json.h - reads what a umbox says: one line of JSON, our own form or Suricata EVE.
 * The umbox is an enemy: the line is bounded, strict, and nothing in it says who speaks. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "core/alert.h"

enum {
	UMBOX_LINE_BYTES = 8192, /* with its newline */
	UMBOX_LINE_DEPTH = 16,   /* of nested lists and objects */
	UMBOX_COUNTERS_MAX = 32, /* of its own; further ones are left out */
};

enum umbox_line_kind {
	UMBOX_LINE_READY,
	UMBOX_LINE_HEARTBEAT,
	UMBOX_LINE_ALERT,
	UMBOX_LINE_RECORD,
	UMBOX_LINE_KIND_COUNT,
};

struct umbox_line {
	enum umbox_line_kind kind;
	struct alert alert; /* ALERT; id, time, umbox and hop are the reader's to fill in */
	struct umbox_account account; /* HEARTBEAT */
	/* Compact JSON, the caller's to free.  RECORD: the record; HEARTBEAT: what it counts beside
	 * the account, {"name": number, ...}, NULL: nothing. */
	char *json;
};

/* Reads a line without its newline.  -EINVAL with the reason: malformed. */
int umbox_line_read(struct umbox_line *ret, const char *bytes, size_t count,
		    struct error *err) must_check;
/* The alert of an EVE line of event_type "alert".  -EINVAL with the reason. */
int eve_alert_read(struct alert *ret, const json_t *line, struct error *err) must_check;

/* The same of the older contract: {"umbox": ..., "alert": TYPE, "details": ...}.  The type
 * "umbox-ready" is no alert but ready, "log-info" a record. */
int legacy_alert_read(struct umbox_line *ret, const char *bytes, size_t count,
		      struct error *err) must_check;
