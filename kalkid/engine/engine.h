/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/engine.h - joins policy, node and store; what the API may ask and order.
 *
 *   facts.c, decide.c   devices, machines, decisions, intent    "device, generation, posture"
 *        |  ^                                                             |
 *        v  | alerts, generation reached                                  v
 *   node*.c              observe -> plan -> act over a driver
 *   events.c             everything that happened, to the store and to whoever listens
 *
 * Every order is checked in full before anything of it is done.  Results: 0, or -ENOENT (no such
 * thing), -EEXIST / -EBUSY (conflict), -EINVAL (bad input), -EPERM (defined by a file). */
#pragma once

#include <jansson.h>
#include <uv.h>

#include "core/definitions.h"
#include "core/machine.h"
#include "core/plan.h"
#include "driver/driver.h"
#include "driver/exchange.h"
#include "driver/telemetry.h"
#include "store/captures.h"
#include "store/store.h"

struct engine;

enum { TROUBLE_BYTES = 384 };

struct engine_config {
	int64_t ready_timeout_us; /* from launch to ready */
	int64_t drain_quiet_us;   /* old legs must be quiet for so long */
	int64_t drain_max_us;     /* and are given no more than this */
	int64_t observe_every_us; /* a full look at the world although nothing was told */
	const struct data_plane *data_plane; /* borrowed; NULL: any port will do */
};

void engine_config_init(struct engine_config *config); /* the defaults */

/* Takes the policies out of `defined`, whatever comes of it: its policy_count is 0 then.  Devices
 * come from the store and from `defined` (which wins).  A device whose type has no policy, or an
 * unknown state in the store, is held and told; it is never an error. */
int engine_new(struct engine **ret, uv_loop_t *loop, struct clock *clock,
	       const struct engine_config *config, struct store *store, struct definitions *defined,
	       struct error *err) must_check;
/* The node listens to the driver through this; give it to the driver's open. */
struct driver_listener *engine_listener(struct engine *engine);
/* Begins to observe, plan and act.  `driver` stays the caller's. */
void engine_start(struct engine *engine, struct driver *driver);
/* Stops deciding and acting, then runs `stopped`; nothing in the kernel or Docker is touched. */
void engine_stop(struct engine *engine, void (*stopped)(void *data), void *data);
/* After the store was closed: until then it tells the engine what is on disk. */
void engine_free(struct engine *engine);

/* New policies and file devices, as engine_new; running machines move over (machine_change_policy).
 */
void engine_reload(struct engine *engine, struct definitions *defined);

/* A line of what a reload changes, for a device: "state Old is no more: it goes to Shut, the
 * tightest".  What goes on as it was is not told. */
typedef void engine_on_change(void *data, const char *device, const char *what);
/* What engine_reload would change; nothing is owned, nothing is done.  engine_reload itself puts
 * the same into the history. */
void engine_preview_reload(const struct engine *engine, const struct definitions *defined,
			   engine_on_change *each, void *data);

/* Who reads the operator's files: tells each change, then makes them unless `dry_run`. */
struct engine_reloader {
	int (*reload)(struct engine_reloader *reloader, bool dry_run, engine_on_change *each,
		      void *data, struct error *err);
};
/* Before engine_start; it outlives engine_stop. */
void engine_set_reloader(struct engine *engine, struct engine_reloader *reloader);

/* --- facts from outside the data plane --- */

/* The values of one answer of a device (by number), of the sensors of its type's policy: into the
 * history, then the rules decide.  A device or type that is gone meanwhile is left alone. */
void engine_take_readings(struct engine *engine, uint32_t device, const char *source,
			  const struct sensor_reading *readings, unsigned count);
/* A source did not answer; `words` say why.  With `unavailable` it is given up for now: at first
 * this is the alert "device-unavailable", and the next answer after it "device-available". */
void engine_take_miss(struct engine *engine, uint32_t device, const char *source, const char *words,
		      bool unavailable);

/* What is known of a sensor now. */
struct sensor_status {
	struct sensor sensor;
	bool known;                   /* a value came since the daemon knows the device */
	struct sensor_reading newest; /* the last value; `missing`: the newest answer had none */
	int64_t wall_us;              /* of the last value */
	char source[NAME_BYTES];
};
/* The sensors of a device, from index 0. -ENOENT: no such device, or none at the index. */
int engine_read_sensor(const struct engine *engine, const char *device, unsigned index,
		       struct sensor_status *ret, struct error *err) must_check;

struct source_status {
	char name[NAME_BYTES];
	bool available;
	unsigned misses; /* in a row */
};
int engine_read_source(const struct engine *engine, const char *device, unsigned index,
		       struct source_status *ret, struct error *err) must_check;

/* Values that somebody pushes: {"sensor": value, ...}, null for missing, checked against the
 * sensors of the device's type.  `source`: one of the type's that is pushed; NULL for its only
 * one. */
struct operator_order;
int engine_push(struct engine *engine, const char *device, const char *source, const json_t *values,
		const struct operator_order *order, struct error *err) must_check;

/* --- what rules do besides --- */

/* Carries out the actions of rules.  Called for each action, in the rule's order, once the kernel
 * has what the decision brought; `decision` says which rule and why.  All pointers live for the
 * time of the call.  What takes long is only begun. */
struct engine_actor {
	void (*on_action)(struct engine_actor *actor, const struct device *device,
			  const struct action *action, const struct decision *decision);
};
/* Before engine_start, instead of the engine's own; NULL: nobody. */
void engine_set_actor(struct engine *engine, struct engine_actor *actor);
/* Before engine_start; NULL: no source is asked.  It outlives engine_stop. */
void engine_set_telemetry(struct engine *engine, struct telemetry *telemetry);

/* How commands reach devices: as exchange_start and exchange_cancel. */
struct engine_hands {
	void (*start)(struct engine_hands *hands, struct exchange_call *call,
		      const struct exchange *exchange, const struct device_identity *device);
	void (*cancel)(struct engine_hands *hands, struct exchange_call *call);
};
/* Before engine_start; they outlive engine_stop.  NULL: no command is sent. */
void engine_set_hands(struct engine *engine, struct engine_hands *hands);

/* --- who is told --- */

struct deliverer;
struct notifier;

/* Before engine_start, and with each reload: these notifiers and no others.  `instance` tells
 * receivers which daemon speaks; `deliverer` stays the caller's, closed after the engine has
 * stopped. */
void engine_set_notifiers(struct engine *engine, const char *instance,
			  const struct notifier *notifiers, unsigned count,
			  struct deliverer *deliverer);

struct notifier_status {
	char name[NAME_BYTES];
	const char *kind;
	unsigned waiting;
	unsigned failures;        /* in a row */
	int64_t next_try_wall_us; /* after a failure; 0: none */
	/* Since the daemon started. */
	uint64_t sent, refused, dropped, held_back, attempts;
	int64_t last_success_wall_us, last_error_wall_us; /* 0: none */
	char last_error[ERROR_TEXT_BYTES];
};
/* In the order of the file; -ENOENT at the end. */
int engine_read_notifier(const struct engine *engine, unsigned index, struct notifier_status *ret);

/* --- frames that were kept --- */

/* Before engine_start; outlives the engine's last call.  NULL: none are kept. */
void engine_set_captures(struct engine *engine, struct captures *captures);

/* Embedded; `done` runs exactly once unless engine_capture failed.  `entry` lives for its time. */
struct engine_capture {
	void (*done)(struct engine_capture *capture, int result, const struct capture_entry *entry,
		     const struct error *err);
};
/* Writes down the frames that a umbox of the device's chain keeps. -ENOENT: none does. */
int engine_capture(struct engine *engine, const char *device, const struct operator_order *order,
		   struct engine_capture *capture, struct error *err) must_check;
/* Removes one for ever; -ENOENT: there is none of that id. */
int engine_remove_capture(struct engine *engine, uint64_t id, const struct operator_order *order,
			  struct error *err) must_check;
/* As captures_read and captures_next. */
int engine_read_capture(const struct engine *engine, uint64_t id, struct capture_job *job,
			struct error *err) must_check;
bool engine_next_capture(const struct engine *engine, const char *device, uint64_t before,
			 struct capture_entry *ret);

/* --- what is --- */

struct engine_status {
	unsigned devices;
	unsigned devices_in_initial_state, devices_in_other_state, quarantined, in_shadow;
	unsigned converged, degraded, held, old_chain; /* by plan_goal */
	unsigned in_trouble, standby_degraded;         /* of all these, as in device_status */
	unsigned umboxes_running, umboxes_ready;
	bool engine_reachable; /* Docker */
	bool picture_complete;
	char trouble[ERROR_TEXT_BYTES]; /* what the last look could not mend or see; "": none */
	uint64_t commands_dropped;      /* too many waited */
	uint64_t shadowed;              /* decisions not enforced, alerts that were no input */
	uint64_t transitions, alerts, alerts_dropped, drift_repairs, frames_spoofed;
	int64_t started_us, started_wall_us;
	struct store_status store;
};
void engine_read_status(const struct engine *engine, struct engine_status *ret);

struct device_status {
	struct device device;
	char state[NAME_BYTES]; /* "" when its type has no policy */
	uint32_t generation, generation_reached;
	int64_t entered_us, entered_wall_us;
	bool manual, quarantined;
	bool shadow;               /* `state` is only decided... */
	char in_force[NAME_BYTES]; /* ...and this one's posture holds */
	int64_t manual_until_us;
	char reason[REASON_BYTES]; /* of the last transition, or the operator's words */
	enum plan_goal goal;
	bool in_trouble;       /* the chain in force is not as wanted, and `trouble` says why */
	bool standby_degraded; /* a standby chain fails: what needs it will be held at first */
	char trouble[TROUBLE_BYTES]; /* why, in words; "" when all is well */
	uint64_t alerts;
	char last_alert[NAME_BYTES];
	int64_t last_alert_wall_us;
};
/* In the order of names; `after` NULL for the first.  -ENOENT at the end. */
int engine_next_device(const struct engine *engine, const char *after, struct device_status *ret);
int engine_find_device(const struct engine *engine, const char *name, struct device_status *ret,
		       struct error *err) must_check;

/* The machine of a device and its policy, for explanations: both borrowed until the next call.
 * -EBUSY where no file defines its type. */
int engine_find_machine(const struct engine *engine, const char *name,
			const struct machine **ret_machine, const struct policy **ret_policy,
			int64_t *ret_now_us, struct error *err) must_check;

enum hop_role { HOP_IN_FORCE, HOP_COMING, HOP_DRAINING, HOP_STANDBY, HOP_GOING, HOP_ROLE_COUNT };
const char *hop_role_name(enum hop_role role);

struct hop_status {
	uint32_t umbox; /* 0: not launched yet */
	enum hop_role role;
	unsigned position; /* in the chain of its role, 0 nearest the device */
	char name[NAME_BYTES];
	char image[IMAGE_BYTES];
	char image_id[IMAGE_ID_BYTES];
	char state[NAME_BYTES]; /* whose chain launched it */
	uint32_t generation;
	enum hop_fail fail;
	bool shadow;
	bool running, wired, ready;
	bool counted; /* `counters` were read */
	struct umbox_counters counters;
};
struct chain_status {
	struct device device;
	char state[NAME_BYTES];
	uint32_t generation;
	enum posture_mode mode;
	enum path_state path;
	enum plan_goal goal;
	bool quarantined;
	char trouble[TROUBLE_BYTES]; /* as in device_status */
	struct hop_status hops[WORLD_UMBOXES_MAX + HOPS_MAX];
	unsigned hop_count;
};
int engine_read_chain(const struct engine *engine, const char *device, struct chain_status *ret,
		      struct error *err) must_check;
/* What would be done now. The plan's pointers live until the next call into the engine. */
int engine_read_plan(const struct engine *engine, const char *device, struct plan *ret,
		     struct error *err) must_check;

unsigned engine_policy_count(const struct engine *engine);
const struct policy *engine_policy(const struct engine *engine, unsigned index);

/* As store_start_event_read and store_cancel_read. */
void engine_read_events(struct engine *engine, struct event_read *read);
void engine_cancel_read(struct engine *engine, struct store_read *read);
/* Device name to number for a filter; -ENOENT. */
int engine_device_number(const struct engine *engine, const char *name, uint32_t *ret,
			 struct error *err) must_check;
/* The same for those of a type, of a group, or both; NULL: of any.  -ENOENT when there is none. */
int engine_device_numbers(const struct engine *engine, const char *type, const char *group,
			  struct device_set *ret, struct error *err) must_check;

/* Called for every event, after it was given to the store. */
struct engine_subscriber {
	void (*on_event)(struct engine_subscriber *subscriber, const struct event *event);
	struct engine_subscriber *previous, *next; /* the engine's */
};
void engine_subscribe(struct engine *engine, struct engine_subscriber *subscriber);
void engine_unsubscribe(struct engine *engine, struct engine_subscriber *subscriber);

/* --- what an operator orders --- `who` stands in the history ("uid 0 (root)"); with `dry_run`
 * everything is checked and nothing done. */

struct operator_order {
	const char *who;
	const char *reason; /* may be NULL */
	bool dry_run;
};

int engine_add_device(struct engine *engine, const struct device *device,
		      const struct operator_order *order, struct error *err) must_check;
/* `device->name` says which; its number is ignored. */
int engine_change_device(struct engine *engine, const struct device *device,
			 const struct operator_order *order, struct error *err) must_check;
int engine_remove_device(struct engine *engine, const char *name,
			 const struct operator_order *order, struct error *err) must_check;
/* `for_us` 0: until released. */
int engine_set_state(struct engine *engine, const char *device, const char *state, int64_t for_us,
		     const struct operator_order *order, struct error *err) must_check;
/* Nothing passes until released, whatever the policy says. */
int engine_quarantine(struct engine *engine, const char *device, const struct operator_order *order,
		      struct error *err) must_check;
/* Ends quarantine and manual state, back to the policy's initial state. */
int engine_release(struct engine *engine, const char *device, const struct operator_order *order,
		   struct error *err) must_check;
/* Its policy decides and is recorded from now on, and what is in force stays; quarantine and what
 * operators set are enforced all the same. */
int engine_shadow(struct engine *engine, const char *device, const struct operator_order *order,
		  struct error *err) must_check;
/* Ends that: what was decided meanwhile takes over.  -EPERM where its file says that it is in
 * shadow. */
int engine_enforce(struct engine *engine, const char *device, const struct operator_order *order,
		   struct error *err) must_check;
/* Files anew, as the reloader reads them. */
int engine_reload_files(struct engine *engine, const struct operator_order *order,
			engine_on_change *each, void *data, struct error *err) must_check;
/* What tightens is in force before it is on disk, so an answer to whoever ordered it waits here:
 * `done` runs once, when every order so far is on disk (0), when it could not be written, or with
 * -ETIMEDOUT when the disk does not answer.  Not on disk it is in force all the same, and written
 * as soon as that works. */
struct engine_written {
	void (*done)(struct engine_written *written, int result);
};
void engine_await_written(struct engine *engine, struct engine_written *written);

/* An alert that an operator has seen: `done` runs once, with -ENOENT when the history has no alert
 * of that id.  `order` lives until then. */
struct engine_acknowledgement {
	void (*done)(struct engine_acknowledgement *seen, int result, const struct error *err);
	/* The engine's from here on. */
	struct engine *engine;
	uint64_t alert;
	const struct operator_order *order;
	struct engine_written written;
	struct event_read read;
	bool found, unwritten;
};
void engine_acknowledge(struct engine *engine, uint64_t alert, const struct operator_order *order,
			struct engine_acknowledgement *seen);

/* Sends a command of its type to the device; what becomes of it stands in the history. */
int engine_command(struct engine *engine, const char *device, const char *command,
		   const struct operator_order *order, struct error *err) must_check;

/* Sends something to show that it arrives, at once and past the limit. */
int engine_test_notifier(struct engine *engine, const char *name,
			 const struct operator_order *order, struct error *err) must_check;

/* The log of a umbox: `done` runs once with the text (borrowed) or an error. */
struct engine_logs {
	void (*done)(struct engine_logs *logs, int result, const char *text,
		     const struct error *err);
	struct driver_call call; /* the engine's from here on */
	char *text;
};
int engine_read_logs(struct engine *engine, uint32_t umbox, size_t bytes_max,
		     struct engine_logs *logs, struct error *err) must_check;
