/* SPDX-License-Identifier: Apache-2.0 */
/* eve.h - what Suricata says: one line of EVE JSON becomes an alert, counters, or a record.  Pure.
 *
 * See "EVE JSON Format" in Suricata's guide. */
#pragma once

#include "umbox.h"

enum {
	EVE_LINE_BYTES = 64 * 1024,
	EVE_TYPE_BYTES = 64, /* of an alert, as the daemon takes it, with the NUL */
	EVE_DETAIL_BYTES = 256,
};

enum eve_kind {
	EVE_NOTHING, /* malformed, or of no interest */
	EVE_ALERT,
	EVE_STATS,
	EVE_RECORD, /* another kind of event: the line as it is */
};

/* Of all frames since the start. */
struct eve_stats {
	uint64_t frames; /* looked at */
	uint64_t passed, dropped, lost, overrun;
	uint64_t flows;     /* followed now */
	uint64_t midstream; /* sessions that began before */
	uint64_t rules, rules_failed;
};

struct eve {
	enum eve_kind kind;
	struct umbox_alert alert; /* its texts point into here */
	char type[EVE_TYPE_BYTES], detail[EVE_DETAIL_BYTES];
	struct eve_stats stats;
};

/* Reads a line without its newline.  The type of an alert is `suricata-<sid>`, or what the rule
 * says itself: `metadata: kalki_alert xmas-scan;`. */
void eve_read(struct eve *eve, const char *line, size_t length);
