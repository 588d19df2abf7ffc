/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/control.h - the inside of the engine: what control keeps of devices, decisions and intent.
 *
 * engine.c begins and ends; load.c takes up what files and store say, at a start and a reload;
 * preview.c says what a reload will change; facts.c shows the machines what happens; decide.c hands
 * what they decide to the node; orders.c does what operators say; status.c answers questions. */
#pragma once

#include <limits.h>

#include <uthash.h>

#include "engine/events.h"
#include "engine/node.h"
#include "engine/notify.h"

/* Tighter than every state: quarantined, or without a policy. */
#define STATE_BLOCKED UINT_MAX

struct control_device {
	struct engine *engine;
	struct device device;
	const struct policy *policy; /* NULL: no file defines its type; it is held */
	struct machine machine;
	struct machine_record *parked; /* where it stood, while no file defines its type; or NULL */
	struct fitted *fitted;         /* its postures where it has parameters of its own */
	const struct policy *fitted_to;
	/* The state whose posture is to be in force: the machine's, unless it is in shadow. */
	unsigned in_force;
	unsigned handed_over;       /* the state whose posture the node has; STATE_BLOCKED */
	uint32_t handed_generation; /* and the machine's generation then */
	bool quarantined;
	bool shadowed;      /* by an operator; see control_in_shadow */
	bool hold_old;      /* while the posture of the last decision comes up */
	unsigned barriers;  /* loosening decisions that are being written */
	uint32_t witnessed; /* generation, see store/witness.h */
	char reason[REASON_BYTES];
	char quarantine_reason[REASON_BYTES];
	int64_t entered_wall_us;
	uint64_t decided_event;
	uint64_t alerts;
	char last_alert[NAME_BYTES];
	int64_t last_alert_wall_us;
	struct deadline deadline;
	struct sensing *sensing;   /* its sources, see telemetry.c */
	double factor;             /* by a rule, instead of the state's */
	int64_t factor_until_us;   /* INT64_MAX: until the state changes */
	struct watchers *watchers; /* whose rules may name it, see fleet.c; or NULL */
	bool watches;              /* its rules name others */
	struct learning learning;
	struct deadline lease;    /* the next that runs out */
	int64_t conflict_told_us; /* 0: never */
	struct deadline capture;  /* frames are to be kept, because of this alert */
	uint64_t capture_alert;
	char capture_alert_type[NAME_BYTES];
	int64_t captured_us; /* because of an alert, last; 0: never */
	UT_hash_handle hh_name, hh_number;
};

struct engine {
	uv_loop_t *loop;
	const struct clock *clock;
	struct engine_config config;
	struct store *store;
	struct deadlines *deadlines;
	struct events *events;
	struct node *node;
	struct node_listener node_listener;
	struct driver *driver;
	struct engine_actor *actor;
	struct notify *notify;
	struct telemetry *telemetry;
	struct act *act;
	struct engine_hands *hands;
	struct engine_reloader *reloader;
	struct captures *captures;
	unsigned capturing; /* under way, for alerts */
	uint64_t commands_dropped;
	struct definitions defined; /* without devices: those are in the tables */
	struct control_device *by_name, *by_number;
	struct fleet fleet;
	uint64_t fleet_generation;
	bool fleet_stale;      /* a device or its policy came, changed or went */
	int64_t wall_ahead_us; /* of engine time, when the local time was looked up */
	uint64_t transitions, alerts, shadowed;
	int64_t started_us, started_wall_us;
	bool started, stopping;
	unsigned stopping_parts;
	void (*stopped)(void *data);
	void *stopped_data;
};

/* engine.c */
/* NULL when there is none. */
struct control_device *control_find_number(const struct engine *engine, uint32_t number);
int engine_seek(const struct engine *engine, const char *name, struct control_device **ret,
		struct error *err) must_check;
/* Adds it to the tables; its machine starts anew. */
struct control_device *engine_take_device(struct engine *engine, const struct device *device);
/* Out of the tables, the node and the store. */
void engine_forget_device(struct control_device *device);
const struct policy *engine_find_policy(const struct engine *engine, const char *type);
/* Every device's posture to the node, and its next deadline. */
void engine_hand_over_all(struct engine *engine);

/* load.c */
/* Devices from the store and the files, each where it stood; takes the policies over. */
int control_load(struct engine *engine, struct definitions *defined, struct error *err) must_check;

/* learn.c */
void control_begin_learning(struct control_device *device);
void control_end_learning(struct control_device *device);
/* `control_device.device` is another now: what was learnt before holds as far as it lets it, and
 * what others learnt gives way to its own addresses. */
void control_keep_learnt(struct control_device *device, const struct device *before);
void control_on_claim(struct node_listener *listener, uint32_t number, const struct claim *claim);

/* capture.c */
void control_begin_capturing(struct control_device *device);
void control_end_capturing(struct control_device *device);
/* Because of an alert of a umbox; soon. */
void control_capture(struct control_device *device, const struct alert *alert);

/* listen.c */
void engine_listen(struct engine *engine); /* sets node_listener */

/* facts.c */
/* Into the history, and the rules decide. */
void control_take_alert(struct control_device *device, const struct alert *told);

/* decide.c */
/* Its policy decides, and is not enforced. */
bool control_in_shadow(const struct control_device *device);
/* It is in shadow no more: what its machine has decided takes over. */
void control_end_shadow(struct control_device *device);
/* The device's posture to the node, at once; witnessed before. */
void control_hand_over(struct control_device *device);
/* The same once everything put into the store so far is on disk. */
void control_hand_over_written(struct control_device *device);
/* Records the decision and has it carried out, in the order that its direction asks for. */
void control_carry_out(struct control_device *device, const struct decision *decision);
/* Of another type from now on: nothing that its machine knew counts any more. */
void control_begin_anew(struct control_device *device, uint32_t generation);
/* Where the machine stands, in the words of `policy`. */
void control_write_down(const struct control_device *device, const struct policy *policy,
			struct machine_record *ret);
/* The machine and the operator's marks to the store. */
void control_put_machine(struct control_device *device);
/* The same for a decision of the machine just made, and what follows from it at once, then the
 * deadline. */
void control_settle(struct control_device *device, struct decision *decision);
/* Sets the deadline of the next decision that time alone can bring. */
void control_schedule(struct control_device *device);
const char *control_state(const struct control_device *device);
const char *control_state_in_force(const struct control_device *device);

/* posture.c */
/* Before postures are asked for: those that the device has by now.  The caller frees what it
 * returns (or NULL), the ones before, once the node holds others. */
struct fitted *control_fit(struct control_device *device) must_check;
void control_free_fitted(struct fitted *fitted);
/* The device has a policy; where another one is yet to be handed over, the type's posture. */
const struct posture *control_posture(const struct control_device *device, unsigned state);
/* As policy_standby. */
unsigned control_standby(const struct control_device *device, unsigned state,
			 const struct posture **ret_postures, unsigned room);

/* preview.c */
/* What engine_reload with the same is about to change, into the history. */
void control_note_changes(struct engine *engine, const struct definitions *defined);

/* fleet.c */
/* A device came, changed or is about to go, or its policy or machine is another. */
void control_fleet_changed(struct engine *engine);
/* Brings what conditions see of others and of the local time up to now; before any evaluation. */
void control_fleet_refresh(struct engine *engine);
/* Has those asked again whose rules name what of the device has changed; fills in the member. */
void control_tell_fleet(struct control_device *device, struct fleet_change change);
void control_forget_watchers(struct control_device *device);

/* recall.c */
/* What its machine needs of the history, besides alerts. */
void control_recall(struct control_device *device);
/* Once all devices are there: what has been true and acted upon before the restart is no news. */
void control_catch_up(struct engine *engine);

/* telemetry.c */
/* Links and rhythm of the device's sources as its type and its state want them now. */
void telemetry_follow(struct control_device *device);
/* Closes every link. */
void telemetry_forget(struct control_device *device);
/* A factor that held for the state holds no more. */
void telemetry_leave_state(struct control_device *device);
/* None but that of the state holds any more. */
void telemetry_end_factor(struct control_device *device);
/* `factor` 0: nothing is asked.  `for_us` 0: until another one is set or the state changes. */
void telemetry_set_factor(struct control_device *device, double factor, int64_t for_us);
