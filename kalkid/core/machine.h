/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/machine.h - the state machine of one device: facts in, decisions out.
 *
 * Deterministic: the same policy, facts and times give the same decisions; nothing here reads a
 * clock or does I/O.  All times are engine time in microseconds.
 *
 * Each call makes at most one decision, the first that applies:
 *   1. the first rule, in the file's order, that holds in this state and is true.  One that loosens
 *      is passed over while the state is manual or younger than its dwell (MACHINE_PAUSE_US at
 *      least, so that policies with a loop cannot spin).  One that leads to the state itself needs
 *      an alert to rest on;
 *   2. the end of an operator's time limit;
 *   3. calm: not while manual or within the dwell; counted from the entry into the state or the
 *      newest alert of any type, whichever is later.
 * A rule that fires uses up the alerts that it counted (see expression.h), whether it leads to
 * another state or not.  What else is due is decided by machine_tick, at machine_next_us. */
#pragma once

#include "core/policy.h"

enum {
	/* Kept per device for windows; the oldest go first, counted. */
	MACHINE_ALERTS_MAX = EXPRESSION_ALERTS_MAX,
	EVIDENCE_MAX = 16,
	REASON_BYTES = 256,
};

#define MACHINE_PAUSE_US ((int64_t)1000000)

enum decision_cause {
	DECISION_NONE,    /* nothing changes */
	DECISION_RULE,    /* rule `rule` fired */
	DECISION_CALM,    /* long enough without an alert */
	DECISION_MANUAL,  /* an operator set the state */
	DECISION_EXPIRED, /* an operator's time limit ran out */
	DECISION_RELEASE, /* an operator released the device */
	DECISION_POLICY,  /* the policy was changed and the state moved with it */
	DECISION_CAUSE_COUNT,
};

const char *decision_cause_name(enum decision_cause cause);

struct decision {
	enum decision_cause cause;
	unsigned from, to; /* states; equal for a rule that only acts */
	bool tightens;
	int rule;                        /* index, -1 when no rule */
	uint64_t evidence[EVIDENCE_MAX]; /* ids of the alerts that made it true, newest first */
	unsigned evidence_count;
	char reason[REASON_BYTES]; /* for people: "rule 'brute-force' ...", an operator's words */
};

/* What policies need of a recent alert; one used up by a transition no longer counts. */
struct machine_alert {
	uint64_t id;
	int64_t time_us;
	uint32_t count;
	bool used;
	struct ip source, target;
	char type[NAME_BYTES];
};

struct machine {
	unsigned state;
	uint32_t generation; /* 1 at first; grows with each transition to another state */
	int64_t entered_us;
	int64_t last_alert_us; /* of any alert, 0: none yet */
	/* A state set by an operator: rules that loosen do not fire until it ends; rules that
	 * tighten do, and end it. */
	bool manual;
	int64_t manual_until_us; /* 0: until released */
	unsigned manual_back;    /* where the end of the time limit leads */
	char manual_reason[REASON_BYTES];
	struct machine_alert *alerts; /* a ring that grows up to MACHINE_ALERTS_MAX */
	unsigned alert_room;          /* a power of two, or 0 */
	unsigned alert_first, alert_count;
	uint64_t alerts_forgotten; /* that had not been used up */
};

void machine_init(struct machine *machine, const struct policy *policy, int64_t now_us);
void machine_done(struct machine *machine);

/* The `i`-th oldest of `alert_count`. */
static inline struct machine_alert *machine_alert_at(const struct machine *machine, unsigned i)
{
	return &machine->alerts[(machine->alert_first + i) & (machine->alert_room - 1)];
}
/* Puts an alert into the ring and decides nothing. */
void machine_remember(struct machine *machine, const struct alert *alert, bool used);

/* Takes a fact in and decides.  The decision is already applied to the machine. */
void machine_alert(struct machine *machine, const struct policy *policy, const struct alert *alert,
		   int64_t now_us, struct decision *ret);
/* Time has passed: windows, dwell, calm, the operator's limit. */
void machine_tick(struct machine *machine, const struct policy *policy, int64_t now_us,
		  struct decision *ret);
/* When machine_tick must be called next, INT64_MAX for never.  Never later than the first moment at
 * which a decision could change by time alone. */
int64_t machine_next_us(const struct machine *machine, const struct policy *policy, int64_t now_us);

/* `until_us` 0: until released.  Every alert so far is used up. */
void machine_set_state(struct machine *machine, const struct policy *policy, unsigned state,
		       int64_t until_us, const char *reason, int64_t now_us, struct decision *ret);
/* Back to the policy's initial state; ends a manual state; uses up every alert. */
void machine_release(struct machine *machine, const struct policy *policy, const char *reason,
		     int64_t now_us, struct decision *ret);
/* The policy was replaced: keeps the state of the same name, else goes to the tightest.  Alerts
 * stay.  The decision's states are those of `after`; `from` is the old one's position there, or the
 * last. */
void machine_change_policy(struct machine *machine, const struct policy *before,
			   const struct policy *after, int64_t now_us, struct decision *ret);
