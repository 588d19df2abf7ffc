/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/machine.h - the state machine of one device: facts in, decisions out.
 *
 * Deterministic: the same policy, facts and times give the same decisions; nothing here reads a
 * clock or does I/O.  All times are engine time in microseconds.
 *
 * Each call makes at most one decision, the first that applies:
 *   1. the first rule, in the file's order, that holds in this state and is true.  One that loosens
 *      is passed over while the state is manual or younger than its dwell (MACHINE_PAUSE_US at
 *      least, so that policies with a loop cannot spin).  One that stays, or leads to the state
 *      that the device is in, is not to be repeated by what made it fire before: it fires on alerts
 *      that it counts, and else only when its condition becomes true: it was false or unknown when
 *      last looked at, or the device was in no state of its `from`;
 *   2. the end of an operator's time limit;
 *   3. calm: not while manual or within the dwell; counted from the entry into the state or the
 *      newest alert of any type, whichever is later.
 * A rule in shadow fires as it would otherwise, beside the others: it does not move the state, uses
 * up nothing for the others, and like one that stays is not repeated by what made it fire.
 * A rule with `to` that fires uses up the alerts that it counted (see expression.h), whether the
 * state is another one or not.  A rule that stays uses up nothing for the others, so that acting
 * never delays an escalation; for itself, alerts up to the newest that it counted are used up.
 *
 * The truth of each rule is kept between the calls: a fact has those rules looked at again that
 * name it, the time those whose truth may change by it.  held() counts from the look at which its
 * condition was first true; rules with it are looked at in all states, others in those of `from`.
 *
 * The newest values of sensors, whether sources answer, and what else is needed of the past are
 * kept here too, bounded.  What else is due, also what follows from a rule that only acted, is
 * decided by machine_tick, at machine_next_us. */
#pragma once

#include "core/fleet.h"
#include "core/policy.h"

enum {
	/* Kept per device for windows; the oldest go first, counted. */
	MACHINE_ALERTS_MAX = EXPRESSION_ALERTS_MAX,
	MACHINE_SOURCES_MAX = 16, /* more share the last place */
	MACHINE_MOVES_MAX = 64,
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
	unsigned from, to; /* states; equal when a rule only acts */
	bool tightens;
	bool shadow;       /* of a rule in shadow: the state stays, `tightens` is what would be */
	unsigned would_be; /* then: the state that it would have led to */
	int rule;          /* index, -1 when no rule */
	char rule_name[NAME_BYTES];      /* "" when no rule; the policy may be replaced meanwhile */
	uint64_t evidence[EVIDENCE_MAX]; /* ids of the alerts that made it true, newest first */
	unsigned evidence_count;
	char reason[REASON_BYTES]; /* for people: "rule 'brute-force' ...", an operator's words */
};

/* What policies need of a recent alert; one used up by a transition no longer counts. */
struct machine_alert {
	uint64_t id;
	int64_t time_us;
	uint64_t type; /* alert_type_hash */
	uint32_t count;
	uint32_t source_hash, target_hash; /* 0: none */
	uint8_t severity;
	bool used;
};

/* The rest of it, apart, so that a walk over the alerts stays within the fastest cache. */
struct machine_alert_detail {
	struct ip source, target;
	char type[NAME_BYTES], hop[NAME_BYTES];
};

/* Where values come from: one of the type's telemetry sources, or the API. */
struct machine_source {
	char name[NAME_BYTES];
	bool answered;    /* once at least */
	bool unavailable; /* it failed to answer too often */
};

/* Since when the condition of a held() is true, as far as it was looked at. */
struct machine_hold {
	bool holds;
	int64_t since_us;
};

/* What is known of a rule between two looks at it: its truth stays until a fact comes that it names
 * or the time `next_us`. */
struct machine_rule {
	struct expression_needs needs;
	struct machine_hold *holds; /* one for each held() in it, or NULL */
	int64_t next_us;
	uint64_t counts_from;  /* id of the first alert that it has not used up for itself */
	bool stale;            /* to be looked at again */
	bool is_true, counted; /* and it counts alerts */
	bool was_true;         /* it fired, and has been true since in a state of its `from` */
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
	struct machine_alert *alerts;               /* a ring that grows up to MACHINE_ALERTS_MAX */
	unsigned alert_room;                        /* a power of two, or 0 */
	struct machine_alert_detail *alert_details; /* the same ring */
	unsigned alert_first, alert_count;
	uint64_t alerts_forgotten;           /* that had not been used up */
	int64_t forgotten_us;                /* time of the newest of them */
	int64_t watched_us;                  /* since when alerts are seen without a gap */
	int64_t moves_us[MACHINE_MOVES_MAX]; /* the newest transitions, a ring */
	unsigned move_next, move_count;
	struct sensor_ring
		*sensors; /* one for each of the policy, or NULL while there is no value */
	unsigned sensor_count;
	struct machine_source sources[MACHINE_SOURCES_MAX];
	unsigned source_count;
	struct machine_rule *rules; /* one for each of the policy, or NULL */
	unsigned rule_count;
	uint64_t acts_from;          /* rules that stay count no alert before this id */
	uint64_t shadows_from;       /* rules in shadow */
	const struct device *device; /* itself among the others; NULL: alone */
	const struct fleet *fleet;
};

void machine_init(struct machine *machine, const struct policy *policy, int64_t now_us);
void machine_done(struct machine *machine);
/* Tells it who it is and among whom (borrowed); conditions over others and the local time are
 * unknown without. */
void machine_join(struct machine *machine, const struct device *device, const struct fleet *fleet);

/* The `i`-th oldest of `alert_count`. */
static inline struct machine_alert *machine_alert_at(const struct machine *machine, unsigned i)
{
	return &machine->alerts[(machine->alert_first + i) & (machine->alert_room - 1)];
}
static inline struct machine_alert_detail *machine_alert_detail_at(const struct machine *machine,
								   unsigned i)
{
	return &machine->alert_details[(machine->alert_first + i) & (machine->alert_room - 1)];
}
/* When the `i`-th newest of `move_count` transitions was. */
static inline int64_t machine_move_at(const struct machine *machine, unsigned i)
{
	return machine
		->moves_us[(machine->move_next + MACHINE_MOVES_MAX - 1 - i) % MACHINE_MOVES_MAX];
}
/* Puts an alert into the ring and decides nothing. */
void machine_remember(struct machine *machine, const struct alert *alert, bool used);

/* The same with one answer of a source, which makes it available. */
void machine_remember_readings(struct machine *machine, const struct policy *policy,
			       const char *source, const struct sensor_reading *readings,
			       unsigned count, int64_t time_us);
/* Whether the source does not answer any more; true when that is news. */
bool machine_set_unavailable(struct machine *machine, const char *source, bool unavailable);

/* A transition of the past. */
void machine_recall_move(struct machine *machine, int64_t at_us);
/* Its policy goes and no other one comes: alerts stay, what is known of rules and sensors not. */
void machine_leave_policy(struct machine *machine);
/* What of the past is to be remembered was; held() and rules that stay are brought up to its end:
 * what is true by then is no news. */
void machine_catch_up(struct machine *machine, const struct policy *policy, int64_t now_us);

/* Says that the local time jumped, or what of another device has changed; true when a rule names
 * it: then machine_tick is due. */
void machine_touch_clock(struct machine *machine);
bool machine_touch_fleet(struct machine *machine, const struct policy *policy,
			 const struct fleet_change *change) must_check;

/* Takes a fact in and decides.  The decision is already applied to the machine. */
void machine_alert(struct machine *machine, const struct policy *policy, const struct alert *alert,
		   int64_t now_us, struct decision *ret);
void machine_readings(struct machine *machine, const struct policy *policy, const char *source,
		      const struct sensor_reading *readings, unsigned count, int64_t now_us,
		      struct decision *ret);
/* Time has passed: windows, dwell, calm, the operator's limit. */
void machine_tick(struct machine *machine, const struct policy *policy, int64_t now_us,
		  struct decision *ret);
/* When machine_tick must be called next, INT64_MAX for never.  Never later than the first moment at
 * which a decision could change by time alone. */
int64_t machine_next_us(struct machine *machine, const struct policy *policy, int64_t now_us);

/* `until_us` 0: until released.  Every alert so far is used up. */
void machine_set_state(struct machine *machine, const struct policy *policy, unsigned state,
		       int64_t until_us, const char *reason, int64_t now_us, struct decision *ret);
/* Back to the policy's initial state; ends a manual state; uses up every alert, and forgets every
 * value: what a device said that was cut off since must not lead there again. */
void machine_release(struct machine *machine, const struct policy *policy, const char *reason,
		     int64_t now_us, struct decision *ret);
/* The policy was replaced: keeps the state of the same name, else goes to the tightest.  Alerts
 * stay, and the values of sensors of the same name and type.  The decision's states are those of
 * `after`; `from` is the old one's position there, or the last. */
void machine_change_policy(struct machine *machine, const struct policy *before,
			   const struct policy *after, int64_t now_us, struct decision *ret);

/* What it knows of the rule with this condition, or NULL. */
struct machine_rule *machine_find_rule(const struct machine *machine, const struct policy *policy,
				       const struct expression *when);
