/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/alert.h - an alert: what a umbox, or the daemon itself, saw of one device. */
#pragma once

#include "core/ids.h"

enum { ALERT_DETAIL_BYTES = 256 };

enum alert_severity {
	ALERT_LOW,
	ALERT_MEDIUM,
	ALERT_HIGH,
	ALERT_CRITICAL,
	ALERT_SEVERITY_COUNT,
};

const char *alert_severity_name(enum alert_severity severity);

/* Types are compared by their hash: whoever could make two of them equal could send the other type
 * as well. */
uint64_t alert_type_hash(const char *type);

struct alert {
	uint64_t id;          /* of its event in the history; grows, never used twice */
	int64_t time_us;      /* engine time of its arrival: what policies count with */
	uint32_t umbox;       /* 0: the daemon (spoof, degraded, unavailable) */
	char hop[NAME_BYTES]; /* the hop's name in its chain, "" for the daemon */
	char type[NAME_BYTES];
	enum alert_severity severity;
	struct ip source; /* the offender, where there is one */
	struct ip target;
	uint16_t source_port, target_port; /* 0: none */
	uint32_t count;                    /* how many observations it stands for, at least 1 */
	char detail[ALERT_DETAIL_BYTES];
	bool shadow; /* of a umbox in shadow: it is told, and no rule looks at it */
};

/* What became of the frames inside a umbox, as it says itself; since its start. */
struct umbox_account {
	uint64_t passed, dropped; /* as it means to */
	uint64_t would_drop;      /* but for its shadow */
	uint64_t overrun;         /* came faster than it took them: the kernel dropped them */
	uint64_t lost;            /* could not be sent on */
	uint64_t answered;        /* answered by itself instead of passed */
};
