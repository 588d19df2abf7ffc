/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/event_json.h - one line of the history, and its text: EVE JSON with event_type "kalki".
 *
 * {"timestamp": "2026-01-31T12:00:00.000001Z", "event_type": "kalki", "kalki": {"kind":
 * "transition", "id": 17, "device": "cam1", "generation": 3, ...}}; fields are only ever added.
 * What is not known is left out.  Each function returns one line without its newline, which the
 * caller frees; text from outside that is not UTF-8 is mended with U+FFFD. */
#pragma once

#include "core/machine.h"
#include "core/notice.h"
#include "core/plan.h"

/* Stands as a number in databases: new kinds come last. */
enum event_kind {
	EVENT_ALERT,
	EVENT_TRANSITION,
	EVENT_CHAIN,    /* held, routed, converged, degraded, old_chain, repaired */
	EVENT_STEP,     /* one step of the node: what, result, how long */
	EVENT_OPERATOR, /* who did what */
	EVENT_UMBOX,    /* a record that a umbox wrote */
	EVENT_NODE,     /* the daemon's own: started, engine down, rules repaired, alerts dropped */
	EVENT_SENSOR,   /* the values of one answer of a telemetry source */
	EVENT_NOTICE,   /* what became of something that people were to be told */
	EVENT_ACTION,   /* what became of a command, a tag: of a rule or an operator */
	EVENT_SHADOW,   /* what a rule in shadow would have brought about */
	EVENT_KIND_COUNT,
};

const char *event_kind_name(enum event_kind kind);
bool event_kind_parse(enum event_kind *ret, const char *name);

/* One line of the history.  `json` is the whole event as below; the functions below
 * do not read it. */
struct event {
	uint64_t id; /* grows by one for each event of this database */
	int64_t time_us, wall_us;
	enum event_kind kind;
	uint32_t device; /* number, 0 for none */
	char device_name[NAME_BYTES];
	uint32_t generation;
	char source[NAME_BYTES]; /* of SENSOR: which source answered; else "" */
	const char *json;
};

char *event_json_alert(const struct event *event, const struct alert *alert) must_check;
/* The way back; -EINVAL when it is no event of an alert. */
int event_json_read_alert(const char *json, struct alert *ret) must_check;

struct transition_text {
	const char *from, *to; /* names */
	/* Engine times, 0 where there is none: the newest evidence came in, the decision stood, the
	 * kernel had it. */
	int64_t alert_us, decided_us, enforced_us;
	const char *in_force; /* state whose posture stays, of a device in shadow; NULL: `to` */
	/* What would have been done besides, but for the shadow. */
	const struct action *not_done;
	unsigned not_done_count;
};
/* Of EVENT_TRANSITION or EVENT_SHADOW. */
char *event_json_transition(const struct event *event, const struct decision *decision,
			    const struct transition_text *text) must_check;

/* What of a transition's event a daemon that starts again needs. */
struct transition_past {
	uint64_t id;
	int64_t time_us;
	bool moves; /* to another state */
};
int event_json_read_transition(const char *json, struct transition_past *ret) must_check;

/* `what` as at EVENT_CHAIN; `words` (why) may be NULL. */
char *event_json_chain(const struct event *event, const char *what, const char *state,
		       const struct path *path, const char *words) must_check;
/* `hop` is the name of the hop launched, else ""; `result` 0 or negative errno, then `words` say
 * why. */
char *event_json_step(const struct event *event, const struct step *step, const char *hop,
		      int result, int64_t duration_us, const char *words) must_check;
/* `target` is what was acted on, `reason` the operator's words; both may be NULL. */
char *event_json_operator(const struct event *event, const char *who, const char *action,
			  const char *target, const char *reason) must_check;
/* `record` is the JSON that the umbox wrote; what is no JSON stands as text. */
char *event_json_umbox(const struct event *event, uint32_t umbox, const char *hop,
		       const char *record) must_check;
/* {"source": "insight", "values": {"power": 17050.5, "isOn": true, "mode": null}}. */
char *event_json_readings(const struct event *event, const struct policy *policy,
			  const char *source, const struct sensor_reading *readings,
			  unsigned count) must_check;
/* The way back: fills `room` readings at most, of the sensors that the policy still has; -EINVAL
 * when it is no such event. */
int event_json_read_readings(const char *json, const struct policy *policy,
			     char source[static NAME_BYTES], struct sensor_reading *readings,
			     unsigned room, unsigned *ret_count, int64_t *ret_time_us) must_check;
struct notice_text {
	const char *notifier;
	const struct notice *notice;
	const char *result; /* sent, refused, dropped */
	unsigned attempts;
	int64_t duration_us; /* since it happened */
	const char *words;   /* why not; NULL: none */
};
char *event_json_notice(const struct event *event, const struct notice_text *text) must_check;
struct action_text {
	const char *action; /* command, tag, untag */
	const char *name;   /* of the command or the tag */
	const char *by;     /* rule, operator */
	const char *rule;   /* whose; "": none */
	const char *who;    /* which operator; "": none */
	const char *from;   /* device whose rule it is; "": an operator */
	const char *reason;
	const uint64_t *evidence; /* ids of alerts */
	unsigned evidence_count;
	const char *result; /* ok, failed, dropped, abandoned */
	unsigned attempts;
	int64_t duration_us; /* since it was asked for */
	const char *words;   /* why not; NULL: none */
};
char *event_json_action(const struct event *event, const struct action_text *text) must_check;
/* `count` 0: none. */
char *event_json_node(const struct event *event, const char *what, const char *words,
		      uint64_t count) must_check;
