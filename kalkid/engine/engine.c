/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/engine.c - begins and ends the engine, and keeps the tables of its devices. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/act.h"
#include "engine/control.h"

void engine_config_init(struct engine_config *config)
{
	*config = (struct engine_config){
		.ready_timeout_us = 15 * 1000000LL,
		.drain_quiet_us = 50 * 1000LL,
		.drain_max_us = 2 * 1000000LL,
		.observe_every_us = 30 * 1000000LL,
	};
}

/* --- tables --- */

static struct control_device *find_name(const struct engine *engine, const char *name)
{
	struct control_device *device;
	HASH_FIND(hh_name, engine->by_name, name, strlen(name), device);
	return device;
}

struct control_device *control_find_number(const struct engine *engine, uint32_t number)
{
	struct control_device *device;
	HASH_FIND(hh_number, engine->by_number, &number, sizeof(number), device);
	return device;
}

static int no_such_device(const struct engine *engine, const char *name, struct error *err)
{
	cleanup_free const char **names = mem_alloc_array(HASH_CNT(hh_name, engine->by_name),
							  sizeof(*names));
	char hint[TEXT_HINT_BYTES];
	const struct control_device *device, *next;
	size_t count = 0;
	HASH_ITER(hh_name, engine->by_name, device, next)
		names[count++] = device->device.name;
	text_hint(hint, name, names, count);
	return error_set(err, -ENOENT, "no device is named '%s'%s", name, hint);
}

int engine_seek(const struct engine *engine, const char *name, struct control_device **ret,
		struct error *err)
{
	*ret = find_name(engine, name);
	if (*ret)
		return 0;
	return err ? no_such_device(engine, name, err) : -ENOENT;
}

const struct policy *engine_find_policy(const struct engine *engine, const char *type)
{
	return definitions_find_policy(&engine->defined, type);
}

static void on_device_due(struct deadline *deadline)
{
	struct control_device *device = container_of(deadline, struct control_device, deadline);
	struct decision decision = {0};
	if (device->policy && !device->engine->stopping) {
		control_fleet_refresh(device->engine);
		machine_tick(&device->machine, device->policy, clock_now_us(device->engine->clock),
			     &decision);
		control_settle(device, &decision);
	}
}

static int by_name(struct control_device *a, struct control_device *b)
{
	return strcmp(a->device.name, b->device.name);
}

struct control_device *engine_take_device(struct engine *engine, const struct device *value)
{
	struct control_device *device = mem_alloc(sizeof(*device));
	device->engine = engine;
	device->device = *value;
	device->policy = engine_find_policy(engine, value->type);
	device->handed_over = STATE_BLOCKED;
	device->machine.generation = device->witnessed = 1; /* nothing was decided yet */
	device->entered_wall_us = clock_wall_now_us(engine->clock);
	if (device->policy)
		machine_init(&device->machine, device->policy, clock_now_us(engine->clock));
	device->in_force = device->machine.state;
	deadline_add(engine->deadlines, &device->deadline, on_device_due);
	control_begin_learning(device);
	control_begin_capturing(device);
	HASH_ADD_KEYPTR_INORDER(hh_name, engine->by_name, device->device.name,
				strlen(device->device.name), device, by_name);
	HASH_ADD(hh_number, engine->by_number, device.number, sizeof(device->device.number),
		 device);
	control_fleet_changed(engine);
	return device;
}

static void drop_device(struct control_device *device)
{
	struct engine *engine = device->engine;
	telemetry_forget(device);
	HASH_DELETE(hh_name, engine->by_name, device);
	HASH_DELETE(hh_number, engine->by_number, device);
	deadline_remove(engine->deadlines, &device->deadline);
	control_fleet_changed(engine);
	control_forget_watchers(device);
	control_end_learning(device);
	control_end_capturing(device);
	machine_done(&device->machine);
	free(device->parked);
	control_free_fitted(device->fitted);
	free(device);
}

void engine_forget_device(struct control_device *device)
{
	struct engine *engine = device->engine;
	uint32_t number = device->device.number;
	drop_device(device);
	node_forget(engine->node, number);
	store_delete_device(engine->store, number);
}

/* --- life --- */

int engine_new(struct engine **ret, uv_loop_t *loop, struct clock *clock,
	       const struct engine_config *config, struct store *store, struct definitions *defined,
	       struct error *err)
{
	struct engine *engine = mem_alloc(sizeof(*engine));
	engine->loop = loop;
	engine->clock = clock;
	engine->config = *config;
	engine->store = store;
	engine->started_us = clock_now_us(clock);
	engine->started_wall_us = clock_wall_now_us(clock);
	engine->deadlines = deadlines_new(loop, clock);
	engine->events = events_new(store, clock);
	engine->notify = notify_new(engine);
	engine->act = act_new(engine);
	engine->actor = act_actor(engine->act);
	engine_listen(engine);
	engine->node = node_new(engine->deadlines, clock, config, &engine->node_listener);
	int r = control_load(engine, defined, err);
	if (r < 0) {
		engine_free(engine);
		return r;
	}
	*ret = engine;
	return 0;
}

struct driver_listener *engine_listener(struct engine *engine)
{
	return node_driver_listener(engine->node);
}

void engine_hand_over_all(struct engine *engine)
{
	struct control_device *device, *next;
	HASH_ITER(hh_name, engine->by_name, device, next) {
		control_hand_over(device);
		control_schedule(device);
	}
}

void engine_start(struct engine *engine, struct driver *driver)
{
	engine->driver = driver;
	engine->started = true;
	events_note(engine->events, NULL, 0, "started", "", 0);
	engine_hand_over_all(engine); /* what is wanted is known before anything is looked at */
	node_start(engine->node, driver);
}

static void on_part_stopped(void *data)
{
	struct engine *engine = data;
	if (--engine->stopping_parts == 0)
		engine->stopped(engine->stopped_data);
}

/* What became of its notices is recorded until here. */
static void on_acts_stopped(void *data)
{
	struct engine *engine = data;
	notify_stop(engine->notify, on_part_stopped, engine);
}

void engine_stop(struct engine *engine, void (*stopped)(void *data), void *data)
{
	struct control_device *device, *next;
	events_note(engine->events, NULL, 0, "stopped", "", 0);
	engine->stopping = true;
	HASH_ITER(hh_name, engine->by_name, device, next)
		telemetry_forget(device);
	engine->stopped = stopped;
	engine->stopped_data = data;
	engine->stopping_parts = 2;
	act_stop(engine->act, on_acts_stopped, engine);
	node_stop(engine->node, on_part_stopped, engine);
}

void engine_free(struct engine *engine)
{
	if (!engine)
		return;
	struct control_device *device, *next;
	HASH_ITER(hh_name, engine->by_name, device, next)
		drop_device(device);
	node_free(engine->node);
	act_free(engine->act);
	notify_free(engine->notify);
	events_free(engine->events);
	deadlines_free(engine->deadlines);
	definitions_done(&engine->defined);
	free(engine->fleet.members);
	free(engine);
}
