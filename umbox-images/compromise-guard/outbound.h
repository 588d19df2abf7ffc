/* SPDX-License-Identifier: Apache-2.0 */
/* outbound.h - sees a device start what it has no business to: everything that its rules do not
 * allow and that is no answer. */
#pragma once

#include "rules.h"
#include "umbox.h"

enum {
	OUTBOUND_RULES_MAX = 64,
	OUTBOUND_FLOWS_MAX = 8192, /* conversations opened from each side */
	OUTBOUND_NAMES_MAX = 4096, /* addresses of names */
};

struct outbound_settings {
	struct rule rules[OUTBOUND_RULES_MAX];
	size_t rule_count;
	const char *alert_type; /* must live on */
	uint32_t threshold;     /* frames that are not allowed, within the interval */
	int64_t interval_us, alert_pause_us;
	int64_t names_us; /* an address of a name counts for so long, or for its time to live */
	/* So long from the first frame on what began before the umbox came is let be: connections
	 * in their middle, and peers that may have a name which was asked for earlier. */
	int64_t settle_us;
	bool drop;
	/* Peers that the device may always talk to; NULL: none. */
	bool (*is_exempt)(const void *user, const struct umbox_ip *ip);
	const void *user;
};

struct outbound_result {
	enum umbox_verdict verdict;
	bool outside; /* the device started what is not allowed, or goes on with it */
	bool evasive; /* dropped: nobody on the way can judge it */
	bool learnt;  /* addresses of a name of the rules */
	bool alarm;   /* say `alert`; its detail is `detail` */
	struct umbox_alert alert;
	char detail[128];
};

struct outbound;

struct outbound *outbound_new(const struct outbound_settings *settings);
void outbound_free(struct outbound *outbound);
/* Judges a frame; times never go back. */
void outbound_frame(struct outbound *outbound, const struct umbox_frame *frame,
		    struct outbound_result *ret);
