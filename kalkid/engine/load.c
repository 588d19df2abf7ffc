/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/load.c - what store and files say, taken up: at a start each device where it stood, at a
 * reload where its new policy puts it. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/control.h"

/* --- where a device stood --- */

static unsigned state_or_tightest(const struct control_device *device, const char *name)
{
	int state = policy_find_state(device->policy, name);
	if (state >= 0)
		return (unsigned)state;
	log_error("unknown state in the database, the tightest is taken", "device=%s state=%s",
		  device->device.name, name);
	return device->policy->state_count - 1;
}

/* Where the record says that it stood. */
static void take_up_machine(struct control_device *device, const struct machine_record *record)
{
	struct machine *machine = &device->machine;
	machine->state = state_or_tightest(device, record->state);
	machine->entered_us = record->entered_us;
	machine->last_alert_us = record->last_alert_us;
	machine->manual = record->manual;
	machine->manual_until_us = record->manual_until_us;
	machine->manual_back = record->manual_back[0]
				       ? state_or_tightest(device, record->manual_back)
				       : device->policy->initial;
	TEXT_COPY(machine->manual_reason, record->manual_reason);
	device->in_force = control_in_shadow(device) && record->in_force[0]
				   ? state_or_tightest(device, record->in_force)
				   : machine->state;
}

/* What operators said holds whatever becomes of its type. */
static void restore_marks(struct control_device *device, const struct machine_record *record)
{
	device->quarantined = record->quarantined;
	TEXT_COPY(device->quarantine_reason, record->quarantine_reason);
	device->shadowed = record->shadowed;
}

static void restore_machine(struct control_device *device, const struct machine_record *record)
{
	struct machine *machine = &device->machine;
	restore_marks(device, record);
	device->decided_event = record->decided_event;
	machine->generation = max_of(record->generation, 1u);
	if (!device->policy)
		device->parked = mem_copy(record, sizeof(*record));
	if (!device->policy || !record->state[0]) /* it never had one */
		return;
	take_up_machine(device, record);
	device->entered_wall_us = clock_wall_now_us(device->engine->clock) -
				  (clock_now_us(device->engine->clock) - record->entered_us);
	/* What is in force was put there for this state, or is tighter (decide.c's order of
	 * writing); not so when the state is no more, or a shadow went while nobody looked. */
	const struct policy_state *state = &device->policy->states[device->in_force];
	const char *before = record->in_force[0] ? record->in_force : record->state;
	device->hold_old = text_equal(state->name, before) &&
			   state->posture.hold != POSTURE_HOLD_HELD;
}

/* Alerts that were not used up count again as before the restart. */
struct recalled {
	const struct machine_record *record;
	struct alert *alerts;
	unsigned count;
};

static bool recall_one(void *data, const struct event *event,
		       const char *acknowledged_by maybe_unused)
{
	struct recalled *recalled = data;
	struct alert *alert = &recalled->alerts[recalled->count];
	if (event_json_read_alert(event->json, alert) == 0 && !alert->shadow)
		recalled->count++;
	return true;
}

static bool was_used(const struct machine_record *record, uint64_t alert)
{
	for (unsigned i = 0; i < record->unused_count; i++)
		if (record->unused[i] == alert)
			return false;
	return alert <= record->decided_event;
}

/* Used ones, too, as far back as an unused one: they take up places. */
static void recall_alerts(struct control_device *device, const struct machine_record *record)
{
	struct recalled recalled = {
		.alerts = mem_alloc_array(MACHINE_ALERTS_MAX, sizeof(*recalled.alerts)),
	};
	struct event_filter filter = {
		.kinds = 1u << EVENT_ALERT,
		.device = device->device.number,
		.after_id = record->unused_count ? record->unused[0] - 1 : record->decided_event,
		.limit = MACHINE_ALERTS_MAX,
		.newest_first = true,
	};
	struct error err = {0};
	if (store_read_events(device->engine->store, &filter, recall_one, &recalled, &err) < 0)
		log_error("alerts before the restart do not count", "device=%s error=\"%s\"",
			  device->device.name, err.text);
	while (recalled.count) {
		const struct alert *alert = &recalled.alerts[--recalled.count];
		machine_remember(&device->machine, alert, was_used(record, alert->id));
	}
	free(recalled.alerts);
}

/* Decided and perhaps in the kernel, but not on disk when the daemon was killed: the machine goes
 * on from there.  What led to it may be missing in the history. */
static void take_up_witnessed(struct control_device *device, const struct machine_record *record)
{
	char words[REASON_BYTES];
	restore_machine(device, record);
	bool state = device->policy && record->state[0];
	/* The chain in force may be the looser one still. */
	device->hold_old = state && device->policy->states[device->in_force].posture.hold ==
					    POSTURE_HOLD_OLD;
	snprintf(words, sizeof(words), "%s%s%s (generation %u) was decided when kalkid was killed",
		 state ? "state " : "", state ? control_state(device) : "",
		 record->quarantined ? (state ? ", quarantined" : "quarantine") : "",
		 record->generation);
	log_warning("decision recovered", "device=%s words=\"%s\"", device->device.name, words);
	events_note(device->engine->events, &device->device, record->generation,
		    "decision-recovered", words, 1);
	control_put_machine(device);
}

/* Where the device stood; NULL when nothing is known. */
static void take_up(struct control_device *device, const struct machine_record *record)
{
	struct machine_record witnessed;
	if (record)
		restore_machine(device, record);
	bool newer = store_read_witness(device->engine->store, device->device.number, &witnessed) &&
		     witnessed.generation > device->machine.generation;
	if (newer)
		take_up_witnessed(device, &witnessed);
	if (newer || record)
		recall_alerts(device, newer ? &witnessed : record);
	if (device->policy && (newer || record))
		control_recall(device);
	device->witnessed = device->machine.generation;
}

struct loading {
	struct engine *engine;
	const struct definitions *defined;
};

static int load_device(void *data, const struct device *stored, const struct machine_record *record)
{
	const struct loading *loading = data;
	struct engine *engine = loading->engine;
	const struct device *in_file = definitions_find_device(loading->defined, stored->name);
	struct device value = in_file ? *in_file : *stored;
	value.number = stored->number;
	device_keep_learnt(&value.identity, &stored->identity);

	if (stored->file[0] &&
	    !in_file) { /* its file no longer has it; the node will clear it away */
		store_delete_device(engine->store, stored->number);
		return 0;
	}
	struct control_device *device = engine_take_device(engine, &value);
	if (text_equal(stored->type, value.type))
		take_up(device, record);
	else if (record) {
		restore_marks(device, record);
		control_begin_anew(device, record->generation + 1);
	}
	store_put_device(engine->store, &value);
	return 0;
}

/* Devices made through the API give way to those of files. */
static void drop_rivals(struct engine *engine, const struct device *device)
{
	struct control_device *other, *next;
	HASH_ITER(hh_name, engine->by_name, other, next) {
		if (text_equal(other->device.name, device->name) ||
		    device_check_pair(device, &other->device, NULL) == 0)
			continue;
		log_error("device gives way to one of a file", "device=%s file=%s",
			  other->device.name, device->file);
		engine_forget_device(other);
	}
}

static void add_file_device(struct engine *engine, const struct device *device)
{
	struct control_device *there;
	drop_rivals(engine, device);
	if (engine_seek(engine, device->name, &there, NULL) == 0)
		return;
	struct device value = *device;
	value.number = store_new_device_number(engine->store);
	if (!value.number) {
		log_error("no device number is free", "device=%s", device->name);
		return;
	}
	struct control_device *taken = engine_take_device(engine, &value);
	control_keep_learnt(taken, &value);
	store_put_device(engine->store, &value);
	control_put_machine(taken);
}

static void add_file_devices(struct engine *engine, const struct definitions *defined)
{
	assert(defined->devices || !defined->device_count);
	for (unsigned i = 0; i < defined->device_count; i++)
		add_file_device(engine, &defined->devices[i]);
}

/* Its array and its devices stay the caller's. */
static void take_policies(struct engine *engine, struct definitions *defined)
{
	engine->defined = (struct definitions){
		.policies = mem_copy(defined->policies,
				     defined->policy_count * sizeof(*defined->policies)),
		.policy_count = defined->policy_count,
	};
	defined->policy_count = 0;
}

int control_load(struct engine *engine, struct definitions *defined, struct error *err)
{
	struct loading loading = {engine, defined};
	take_policies(engine, defined);
	int r = store_load_devices(engine->store, load_device, &loading, err);
	if (r < 0)
		return r;
	add_file_devices(engine, defined);
	control_catch_up(engine);
	return 0;
}

/* --- reload --- */

/* No file defines its type any more, or one does again. */
static void park(struct control_device *device, const struct policy *before)
{
	device->parked = mem_alloc(sizeof(*device->parked));
	control_write_down(device, before, device->parked);
	machine_leave_policy(&device->machine);
}

static void unpark(struct control_device *device)
{
	struct machine *machine = &device->machine;
	int64_t now_us = clock_now_us(device->engine->clock);
	struct machine_record fresh = {.entered_us = now_us,
				       .last_alert_us = machine->last_alert_us};
	TEXT_COPY(fresh.state, device->policy->states[device->policy->initial].name);
	bool known = device->parked && device->parked->state[0];
	take_up_machine(device, known ? device->parked : &fresh);
	machine->generation++;
	free(take(device->parked));
}

/* What the file says of it now; true when it is of another type. */
static bool change_device(struct control_device *device, const struct device *in_file)
{
	bool same_type = text_equal(in_file->type, device->device.type);
	uint32_t number = device->device.number;
	struct device as_before = device->device;
	device->device = *in_file;
	device->device.number = number;
	control_keep_learnt(device, &as_before);
	store_put_device(device->engine->store, &device->device);
	return !same_type;
}

/* The name of the state whose posture is to be in force, "" for none. */
static const char *kept_state(const struct control_device *device, const struct policy *policy)
{
	bool shadow = control_in_shadow(device);
	return policy ? policy->states[shadow ? device->in_force : device->machine.state].name : "";
}

static void change_policy(struct control_device *device, const struct device *in_file)
{
	struct engine *engine = device->engine;
	const struct policy *before = device->policy;
	const char *was = kept_state(device, before);
	struct decision decision = {0};
	int64_t now_us = clock_now_us(engine->clock);
	bool new_type = in_file && change_device(device, in_file);

	const struct policy *after = engine_find_policy(engine, device->device.type);
	device->policy = after;
	if (new_type) {
		control_begin_anew(device, device->machine.generation + 1);
	} else if (before && after) {
		device->in_force = policy_map_state(before, after, device->in_force);
		machine_change_policy(&device->machine, before, after, now_us, &decision);
	} else if (after) {
		unpark(device);
	} else if (before) {
		park(device, before);
	}
	/* A chain that changed within its state takes over from the old one without a gap, unless
	 * its posture says otherwise. */
	const char *is = kept_state(device, after);
	bool same = new_type || !before || text_equal(was, is);
	device->hold_old = after && same &&
			   after->states[policy_find_state(after, is)].posture.hold !=
				   POSTURE_HOLD_HELD;
	control_fleet_changed(engine);
	control_carry_out(device, &decision);
	control_put_machine(device);
}

void engine_reload(struct engine *engine, struct definitions *defined)
{
	struct definitions before = engine->defined;
	struct control_device *device, *next;
	control_note_changes(engine, defined);
	take_policies(engine, defined);
	HASH_ITER(hh_name, engine->by_name, device, next) {
		const struct device *in_file = definitions_find_device(defined,
								       device->device.name);
		if (in_file || !device->device.file[0])
			change_policy(device, in_file);
		else
			engine_forget_device(device);
	}
	add_file_devices(engine, defined);
	engine_hand_over_all(engine); /* from here on nobody holds anything of the old policies */
	definitions_done(&before);
	node_try_images_again(engine->node);
	events_note(engine->events, NULL, 0, "reloaded", "", 0);
}
