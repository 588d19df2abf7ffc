/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/fake_engine.c - see fake_engine.h. */
#include "api/fake_engine.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* 2026-01-31T12:00:00.000001Z */
static const int64_t wall_us = 1769860800000001;

static void fill_device(struct device_status *status, uint32_t number, const char *name)
{
	struct device *device = &status->device;
	device->number = number;
	TEXT_COPY(device->name, name);
	TEXT_COPY(device->type, "camera");
	TEXT_COPY(device->description, "on the door");
	TEXT_COPY(device->port, "eth1");
	device->mac = (struct mac){{2, 0, 0, 0, 0, (uint8_t)number}};
	device->ips[device->ip_count++] = (struct ip){.family = 4,
						      .octet = {192, 0, 2, (uint8_t)number}};
	TEXT_COPY(device->groups[device->group_count++], "outside");
	TEXT_COPY(status->state, "Normal");
	status->generation = 7;
	status->generation_reached = 7;
	status->entered_us = 5000000;
	status->entered_wall_us = wall_us;
	TEXT_COPY(status->reason, "enrolled");
}

static struct policy *make_policy(void)
{
	struct policy *policy = policy_new();
	TEXT_COPY(policy->type, "camera");
	TEXT_COPY(policy->file, "types.d/camera.yaml");
	TEXT_COPY(policy->digest, "0123456789abcdef0123456789abcdef");
	policy->command_count = 1;
	policy->commands = mem_alloc(sizeof(*policy->commands));
	TEXT_COPY(policy->commands[0].name, "reboot");
	policy->state_count = 2;
	policy->states = mem_alloc_array(2, sizeof(*policy->states));
	TEXT_COPY(policy->states[0].name, "Normal");
	TEXT_COPY(policy->states[1].name, "Attack");
	policy->states[1].dwell_us = 1000000;
	policy->states[1].calm_us = 60000000;
	policy->states[1].posture.mode = POSTURE_BLOCK;
	struct posture *posture = &policy->states[0].posture;
	struct hop *hop = &posture->hops[posture->hop_count++];
	TEXT_COPY(hop->name, "watch");
	TEXT_COPY(hop->image, "kalki/brute-force:1");
	hop->parameters = mem_copy_text("{\"ports\":[22]}");
	hop_seal(hop);
	policy->rule_count = 1;
	policy->rules = mem_alloc_array(1, sizeof(*policy->rules));
	TEXT_COPY(policy->rules[0].name, "brute-force");
	policy->rules[0].from = 1;
	policy->rules[0].to = 1;
	struct expression_place place;
	if (expression_parse(&policy->rules[0].when, "alert(\"brute-force\", within: 10m)", policy,
			     &place, NULL) < 0)
		abort();
	return policy;
}

struct engine *fake_engine_new(uv_loop_t *loop)
{
	struct engine *engine = mem_alloc(sizeof(*engine));
	engine->loop = loop;
	fill_device(&engine->devices[0], 1, "cam1");
	fill_device(&engine->devices[1], 2, "cam2");
	struct device_status *second = &engine->devices[1];
	TEXT_COPY(second->device.file, "devices.d/cam2.yaml");
	second->goal = PLAN_DEGRADED;
	TEXT_COPY(second->trouble, "image \xff is not there"); /* no UTF-8 */
	second->manual = true;
	second->manual_until_us = second->entered_us + 60000000;
	second->alerts = 3;
	TEXT_COPY(second->last_alert, "brute-force");
	second->last_alert_wall_us = wall_us;
	engine->policy = make_policy();
	engine->status.devices = FAKE_DEVICES;
	engine->status.transitions = 12;
	engine->status.drift_repairs = 4;
	engine->status.alerts_dropped = 5;
	engine->status.store.events_dropped = 6;
	engine->status.engine_reachable = engine->status.picture_complete = true;
	engine->status.started_wall_us = wall_us;
	return engine;
}

void fake_engine_free(struct engine *engine)
{
	policy_free(engine->policy);
	for (unsigned i = 0; i < engine->event_count; i++)
		free(engine->events[i].json);
	free(engine);
}

void fake_engine_emit(struct engine *engine, enum event_kind kind, unsigned device,
		      const char *json)
{
	struct fake_event *added = &engine->events[engine->event_count++];
	added->json = mem_copy_text(json);
	added->event = (struct event){
		.id = engine->event_count,
		.wall_us = wall_us + engine->event_count,
		.kind = kind,
		.device = device,
		.generation = 7,
		.json = added->json,
	};
	if (device)
		TEXT_COPY(added->event.device_name, engine->devices[device - 1].device.name);
	engine->status.store.oldest_event = 1;
	engine->status.store.newest_event = engine->event_count;
	struct engine_subscriber *next;
	for (struct engine_subscriber *at = engine->subscribers; at; at = next) {
		next = at->next;
		at->on_event(at, &added->event);
	}
}

void fake_engine_end_logs(struct engine *engine, int result, const char *text)
{
	struct engine_logs *logs = take(engine->logs);
	struct error err = {0};
	if (result < 0)
		error_set(&err, result, "%s", text);
	logs->done(logs, result, result < 0 ? NULL : text, &err);
}

/* --- engine/engine.h --- */

void engine_read_status(const struct engine *engine, struct engine_status *ret)
{
	*ret = engine->status;
}

int engine_next_device(const struct engine *engine, const char *after, struct device_status *ret)
{
	for (unsigned i = 0; i < FAKE_DEVICES; i++) {
		if (!after || strcmp(engine->devices[i].device.name, after) > 0) {
			*ret = engine->devices[i];
			return 0;
		}
	}
	return -ENOENT;
}

int engine_find_device(const struct engine *engine, const char *name, struct device_status *ret,
		       struct error *err)
{
	for (unsigned i = 0; i < FAKE_DEVICES; i++) {
		if (strcmp(engine->devices[i].device.name, name) == 0) {
			*ret = engine->devices[i];
			return 0;
		}
	}
	return error_set(err, -ENOENT, "no device is named '%s'", name);
}

int engine_find_machine(const struct engine *engine, const char *name,
			const struct machine **ret_machine, const struct policy **ret_policy,
			int64_t *ret_now_us, struct error *err)
{
	static const struct machine machine = {.state = 0, .generation = 7, .entered_us = 5000000};
	struct device_status status;
	int result = engine_find_device(engine, name, &status, err);
	*ret_machine = &machine;
	*ret_policy = engine->policy;
	*ret_now_us = 65000000;
	return result;
}

const char *hop_role_name(enum hop_role role)
{
	static const char *const names[HOP_ROLE_COUNT] = {"in_force", "coming", "draining",
							  "standby", "going"};
	return names[role];
}

/* cam1 has one umbox in force and one hop that is coming; cam2 has none. */
int engine_read_chain(const struct engine *engine, const char *device, struct chain_status *ret,
		      struct error *err)
{
	struct device_status status;
	int result = engine_find_device(engine, device, &status, err);
	if (result < 0)
		return result;
	memset(ret, 0, sizeof(*ret));
	ret->device = status.device;
	TEXT_COPY(ret->state, status.state);
	ret->generation = status.generation;
	ret->goal = status.goal;
	ret->path = PATH_WHOLE;
	if (status.device.number != 1)
		return 0;
	struct hop_status *hop = &ret->hops[ret->hop_count++];
	*hop = (struct hop_status){.umbox = 26,
				   .name = "watch",
				   .image = "kalki/brute-force:1",
				   .image_id = "sha256:00",
				   .state = "Normal",
				   .running = true,
				   .wired = true,
				   .ready = true,
				   .counted = true};
	hop->counters.leg[LEG_IN].from_umbox_frames = 40;
	hop->counters.leg[LEG_OUT].from_umbox_frames = 41;
	hop->counters.leg[LEG_OUT].dropped = 2;
	hop->counters.told = true;
	hop->counters.inside.overrun = 9;
	hop->counters.own = "{\"rules\":3,\"rules_age_days\":12}";
	ret->hops[ret->hop_count++] = (struct hop_status){.role = HOP_COMING,
							  .position = 1,
							  .name = "block",
							  .image = "b",
							  .fail = HOP_FAIL_OPEN};
	return 0;
}

int engine_read_plan(const struct engine *engine, const char *device, struct plan *ret,
		     struct error *err)
{
	struct device_status status;
	int result = engine_find_device(engine, device, &status, err);
	if (result < 0)
		return result;
	*ret = (struct plan){.goal = PLAN_HELD, .count = 3};
	ret->steps[0] = (struct step){.kind = STEP_LAUNCH,
				      .umbox = 27,
				      .hop = &engine->policy->states[0].posture.hops[0]};
	ret->steps[1] = (struct step){.kind = STEP_ROUTE,
				      .path = {.state = PATH_WHOLE, .ids = {26, 27}, .count = 2}};
	ret->steps[2] = (struct step){.kind = STEP_HOLD, .cut = true};
	return 0;
}

unsigned engine_policy_count(const struct engine *engine maybe_unused)
{
	return 1;
}

const struct policy *engine_policy(const struct engine *engine, unsigned index maybe_unused)
{
	return engine->policy;
}

static bool fits(const struct fake_event *at, const struct event_filter *filter)
{
	return (!filter->kinds || filter->kinds & 1u << at->event.kind) &&
	       (!filter->device || filter->device == at->event.device) &&
	       (!filter->among.count || device_set_has(&filter->among, at->event.device)) &&
	       at->event.id > filter->after_id &&
	       (!filter->before_id || at->event.id < filter->before_id) &&
	       at->event.wall_us >= filter->since_wall_us &&
	       !(filter->unacknowledged && *at->acknowledged_by);
}

static int read_events(const struct engine *engine, struct event_read *read)
{
	const struct event_filter *filter = &read->filter;
	if (read->read.cancelled)
		return error_set(&read->read.err, -ECANCELED, "the read was cancelled");
	if (engine->fails)
		return error_set(&read->read.err, engine->fails, "the history is broken");
	unsigned committed = engine->event_count - engine->uncommitted;
	unsigned given = 0;
	for (unsigned i = 0; i < committed && given < filter->limit; i++) {
		const struct fake_event *at =
			&engine->events[filter->newest_first ? committed - 1 - i : i];
		if (!fits(at, filter))
			continue;
		given++;
		if (!read->each(read, &at->event,
				*at->acknowledged_by ? at->acknowledged_by : NULL))
			break;
	}
	if (read->last)
		read->last(read);
	return 0;
}

void fake_engine_end_reads(struct engine *engine)
{
	for (struct store_read *read = take(engine->reads), *next; read; read = next) {
		next = read->next;
		int result = read_events(engine, container_of(read, struct event_read, read));
		read->done(read, result, &read->err);
	}
}

static void on_turn(uv_handle_t *turn)
{
	struct engine *engine = turn->data;
	free(turn);
	if (!engine->reads_rest)
		fake_engine_end_reads(engine);
}

/* Ends come a turn of the loop later: closing a handle takes one. */
static void end_later(struct engine *engine, uv_close_cb end)
{
	uv_idle_t *turn = mem_alloc(sizeof(*turn));
	uv_idle_init(engine->loop, turn);
	turn->data = engine;
	uv_close((uv_handle_t *)turn, end);
}

void engine_read_events(struct engine *engine, struct event_read *read)
{
	read->read.next = engine->reads;
	engine->reads = &read->read;
	end_later(engine, on_turn);
}

void engine_cancel_read(struct engine *engine maybe_unused, struct store_read *read)
{
	read->cancelled = true;
}

int engine_device_number(const struct engine *engine, const char *name, uint32_t *ret,
			 struct error *err)
{
	struct device_status status;
	int result = engine_find_device(engine, name, &status, err);
	if (result == 0)
		*ret = status.device.number;
	return result;
}

int engine_device_numbers(const struct engine *engine, const char *type, const char *group,
			  struct device_set *ret, struct error *err)
{
	struct device_status status = {0};
	while (engine_next_device(engine, status.device.name, &status) == 0)
		if ((!type || text_equal(status.device.type, type)) &&
		    (!group || device_in_group(&status.device, group)))
			device_set_add(ret, status.device.number);
	return ret->count ? 0 : error_set(err, -ENOENT, "no device is of these");
}

void engine_subscribe(struct engine *engine, struct engine_subscriber *subscriber)
{
	subscriber->previous = NULL;
	subscriber->next = engine->subscribers;
	if (subscriber->next)
		subscriber->next->previous = subscriber;
	engine->subscribers = subscriber;
}

void engine_unsubscribe(struct engine *engine, struct engine_subscriber *subscriber)
{
	if (subscriber->previous)
		subscriber->previous->next = subscriber->next;
	else
		engine->subscribers = subscriber->next;
	if (subscriber->next)
		subscriber->next->previous = subscriber->previous;
}

int engine_read_notifier(const struct engine *engine maybe_unused, unsigned index,
			 struct notifier_status *ret)
{
	if (index >= 2)
		return -ENOENT;
	*ret = (struct notifier_status){
		.name = "ops",
		.kind = "webhook",
		.waiting = 3,
		.failures = 2,
		.next_try_wall_us = 1700000100 * INT64_C(1000000),
		.sent = 5,
		.held_back = 4,
		.attempts = 7,
		.last_success_wall_us = 1700000000 * INT64_C(1000000),
		.last_error_wall_us = 1700000050 * INT64_C(1000000),
		.last_error = "Connection refused",
	};
	if (index == 1)
		*ret = (struct notifier_status){.name = "mail", .kind = "email"};
	return 0;
}

void fake_engine_end_writing(struct engine *engine, int result)
{
	struct engine_written *written = take(engine->written);
	written->done(written, result);
}

static void on_write_turn(uv_handle_t *turn)
{
	struct engine *engine = turn->data;
	free(turn);
	fake_engine_end_writing(engine, 0);
}

void engine_await_written(struct engine *engine, struct engine_written *written)
{
	assert(!engine->written);
	engine->written = written;
	if (!engine->writing_rests)
		end_later(engine, on_write_turn);
}

bool engine_next_capture(const struct engine *engine maybe_unused, const char *device maybe_unused,
			 uint64_t before, struct capture_entry *ret)
{
	*ret = (struct capture_entry){.id = 42, .wall_us = wall_us, .frames = 7, .bytes = 900};
	TEXT_COPY(ret->device, "cam1");
	return !before;
}

void fake_engine_end_capture(struct engine *engine, int result, const char *words)
{
	struct engine_capture *capture = take(engine->capture);
	struct capture_entry entry;
	struct error err = {0};
	engine_next_capture(engine, "cam1", 0, &entry);
	if (result < 0)
		error_set(&err, result, "%s", words);
	capture->done(capture, result, &entry, &err);
}

int engine_read_capture(const struct engine *engine maybe_unused, uint64_t id,
			struct capture_job *job, struct error *err)
{
	if (id != 42)
		return error_set(err, -ENOENT, "there is no capture %llu", (unsigned long long)id);
	((struct engine *)(uintptr_t)engine)->capture_job = job;
	return 0;
}

void fake_engine_end_capture_job(struct engine *engine, const char *file)
{
	struct capture_job *job = take(engine->capture_job);
	struct error err = {0};
	buffer_add(&job->file, file, strlen(file));
	job->done(job, 0, &err);
}

int engine_read_logs(struct engine *engine, uint32_t umbox, size_t bytes_max,
		     struct engine_logs *logs, struct error *err)
{
	if (umbox != 26)
		return error_set(err, -ENOENT, "there is no umbox %u", umbox);
	engine->logs = logs;
	engine->logs_bytes = bytes_max;
	return 0;
}

int engine_read_sensor(const struct engine *engine maybe_unused, const char *device maybe_unused,
		       unsigned index, struct sensor_status *ret, struct error *err)
{
	*ret = (struct sensor_status){.sensor = {"power", SENSOR_NUMBER, "mW", 1}};
	if (index > 1)
		return error_set(err, -ENOENT, "no more");
	if (index == 1)
		ret->sensor = (struct sensor){"lit", SENSOR_BOOLEAN, "", 1};
	else
		*ret = (struct sensor_status){ret->sensor, true, {.number = 2.5}, 1000000, "web"};
	return 0;
}

int engine_read_source(const struct engine *engine maybe_unused, const char *device maybe_unused,
		       unsigned index, struct source_status *ret, struct error *err)
{
	*ret = (struct source_status){"web", false, 7};
	return index ? error_set(err, -ENOENT, "no more") : 0;
}
