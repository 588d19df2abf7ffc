/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/listen.c - what the node tells: alerts go to facts.c, all else into the history. */
#include "base/log.h"
#include "base/text.h"
#include "engine/control.h"

static void on_alert(struct node_listener *listener, uint32_t number, const struct alert *alert)
{
	struct engine *engine = container_of(listener, struct engine, node_listener);
	struct control_device *device = control_find_number(engine, number);
	if (device)
		control_take_alert(device, alert);
}

static void emit_chain(struct engine *engine, uint32_t number, uint32_t generation,
		       const char *what, const struct path *path, int64_t at_us, const char *words)
{
	struct control_device *device = control_find_number(engine, number);
	if (!device)
		return;
	struct event event = events_begin(engine->events, EVENT_CHAIN, &device->device, generation);
	if (at_us) { /* when it happened, not when it is written down */
		event.wall_us -= event.time_us - at_us;
		event.time_us = at_us;
	}
	log_info("chain", "device=%s what=%s generation=%u hops=%u", device->device.name, what,
		 generation, path->count);
	events_emit(engine->events, &event,
		    event_json_chain(&event, what, control_state_in_force(device), path, words));
}

static void on_enforced(struct node_listener *listener, uint32_t number, uint32_t generation,
			const struct path *path, int64_t at_us)
{
	emit_chain(container_of(listener, struct engine, node_listener), number, generation,
		   path->state == PATH_WHOLE ? "routed" : "held", path, at_us, NULL);
}

static void on_goal(struct node_listener *listener, uint32_t number, uint32_t generation,
		    enum plan_goal goal, const struct path *path)
{
	struct engine *engine = container_of(listener, struct engine, node_listener);
	struct node_view view = {0};
	if (goal == PLAN_HELD) /* told by on_enforced, at its very moment */
		return;
	node_read(engine->node, number, &view);
	emit_chain(engine, number, generation, plan_goal_name(goal), path, 0,
		   view.trouble && view.trouble[0] ? view.trouble : NULL);
}

static void on_step(struct node_listener *listener, uint32_t number, uint32_t generation,
		    const struct node_step *step)
{
	struct engine *engine = container_of(listener, struct engine, node_listener);
	struct control_device *device = control_find_number(engine, number);
	struct device gone = {.number = number};
	struct event event = events_begin(engine->events, EVENT_STEP,
					  device ? &device->device : &gone, generation);
	if (step->result < 0)
		log_warning("step failed", "device=%s step=%s umbox=%u hop=%s error=\"%s\"",
			    event.device_name, step_kind_name(step->step->kind), step->step->umbox,
			    step->hop, step->words);
	events_emit(engine->events, &event,
		    event_json_step(&event, step->step, step->hop, step->result,
				    step->ended_us - step->started_us, step->words));
}

static void on_record(struct node_listener *listener, uint32_t number, uint32_t umbox,
		      const char *json)
{
	struct engine *engine = container_of(listener, struct engine, node_listener);
	struct control_device *device = control_find_number(engine, number);
	if (!device)
		return;
	struct event event = events_begin(engine->events, EVENT_UMBOX, &device->device,
					  device->machine.generation);
	events_emit(engine->events, &event, event_json_umbox(&event, umbox, NULL, json));
}

/* What nobody needs to be woken for. */
static bool is_good_news(const char *kind)
{
	static const char *const KINDS[] = {"address-learnt", "engine-up", "image-changed",
					    "image-new"};
	for (unsigned i = 0; i < ARRAY_SIZE(KINDS); i++)
		if (text_equal(kind, KINDS[i]))
			return true;
	return false;
}

static void on_remark(struct node_listener *listener, uint32_t number, const char *kind,
		      uint64_t count, const char *words)
{
	struct engine *engine = container_of(listener, struct engine, node_listener);
	struct control_device *device = number ? control_find_number(engine, number) : NULL;
	log_line(is_good_news(kind) ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, kind,
		 "device=%s count=%llu words=\"%s\"", device ? device->device.name : "",
		 (unsigned long long)count, words);
	events_note(engine->events, device ? &device->device : NULL, 0, kind, words, count);
}

static uint32_t new_umbox(struct node_listener *listener, uint32_t seen)
{
	struct engine *engine = container_of(listener, struct engine, node_listener);
	if (store_raise_umbox(engine->store, seen))
		on_remark(listener, 0, "umbox-numbers-lost", seen,
			  "umboxes are there with numbers that the database does not know: "
			  "new ones get numbers behind theirs");
	return store_new_umbox(engine->store);
}

void engine_listen(struct engine *engine)
{
	engine->node_listener = (struct node_listener){
		.on_alert = on_alert,
		.on_claim = control_on_claim,
		.on_enforced = on_enforced,
		.on_goal = on_goal,
		.on_step = on_step,
		.on_record = on_record,
		.on_remark = on_remark,
		.new_umbox = new_umbox,
	};
}
