/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/preview.c - what a reload will change, told before it does. */
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "codec/device_parameters.h"
#include "core/policy_change.h"
#include "engine/control.h"

struct preview {
	const struct engine *engine;
	const struct definitions *defined;
	engine_on_change *each;
	void *data;
};

static void print_begin(struct buffer *lines, const char *what, const struct policy *policy)
{
	const struct policy_state *state = policy ? &policy->states[policy->initial] : NULL;
	buffer_print(lines, "%s", what);
	if (!state) {
		buffer_print(lines, ": no file defines its type, nothing passes\n");
		return;
	}
	buffer_print(lines, " in %s: ", state->name);
	posture_print(lines, &state->posture);
	buffer_print(lines, "\n");
}

static void print_shadow(struct buffer *lines, const struct control_device *device,
			 const struct device *in_file)
{
	bool is = control_in_shadow(device), will = device->shadowed || in_file->shadow;
	if (!is && will)
		buffer_print(lines, "its shadow begins: %s stays in force\n",
			     control_state_in_force(device));
	if (is && !will)
		buffer_print(lines, "its shadow ends: %s takes over from %s\n",
			     control_state(device), control_state_in_force(device));
}

/* With the device's own parameters, as they are and as they will be. */
static void print_policy(struct buffer *lines, const struct control_device *device,
			 const struct policy *after, const char *parameters)
{
	unsigned state = policy_map_state(device->policy, after, device->in_force);
	struct posture will;
	posture_fit(&will, &after->states[state].posture, parameters);
	policy_change_print(lines, &device->machine, device->policy, after,
			    control_posture(device, device->in_force), &will);
	posture_done(&will);
}

static void print_device(struct buffer *lines, const struct preview *preview,
			 const struct control_device *device)
{
	const struct device *in_file = definitions_find_device(preview->defined,
							       device->device.name);
	const struct device *will = in_file ? in_file : &device->device;
	const struct policy *after = definitions_find_policy(preview->defined, will->type);
	if (!in_file && device->device.file[0]) {
		buffer_print(lines, "no file has it any more: nothing of it passes\n");
		return;
	}
	if (!text_equal(will->type, device->device.type)) {
		print_begin(lines, "it is of another type, and begins anew", after);
		return;
	}
	if (device->policy && after)
		print_policy(lines, device, after, will->parameters);
	else if (device->policy)
		buffer_print(lines, "no file defines its type any more: nothing passes\n");
	else if (after)
		buffer_print(lines, "its type is there again\n");
	if (in_file)
		print_shadow(lines, device, in_file);
}

/* One call for each line. */
static void tell(const struct preview *preview, const char *device, struct buffer *lines)
{
	char *rest = lines->bytes, *line;
	while (rest && (line = strsep(&rest, "\n")))
		if (*line)
			preview->each(preview->data, device, line);
	buffer_done(lines);
}

void engine_preview_reload(const struct engine *engine, const struct definitions *defined,
			   engine_on_change *each, void *data)
{
	const struct preview preview = {engine, defined, each, data};
	const struct control_device *device, *next;
	struct control_device *there;
	HASH_ITER(hh_name, engine->by_name, device, next) {
		struct buffer lines = {0};
		print_device(&lines, &preview, device);
		tell(&preview, device->device.name, &lines);
	}
	for (unsigned i = 0; i < defined->device_count; i++) {
		const struct device *in_file = &defined->devices[i];
		struct buffer lines = {0};
		if (engine_seek(engine, in_file->name, &there, NULL) == 0)
			continue;
		print_begin(&lines, "it is enrolled",
			    definitions_find_policy(defined, in_file->type));
		tell(&preview, in_file->name, &lines);
	}
}

static void note_change(void *data, const char *name, const char *what)
{
	struct engine *engine = data;
	struct control_device *device = NULL;
	log_info("reload", "device=%s change=\"%s\"", name, what);
	if (engine_seek(engine, name, &device, NULL) == 0)
		events_note(engine->events, &device->device, device->machine.generation, "reload",
			    what, 0);
}

void control_note_changes(struct engine *engine, const struct definitions *defined)
{
	engine_preview_reload(engine, defined, note_change, engine);
}

void engine_set_reloader(struct engine *engine, struct engine_reloader *reloader)
{
	engine->reloader = reloader;
}

int engine_reload_files(struct engine *engine, const struct operator_order *order,
			engine_on_change *each, void *data, struct error *err)
{
	struct engine_reloader *reloader = engine->reloader;
	if (!reloader || engine->stopping)
		return error_set(err, -EBUSY, "kalkid is starting or stopping");
	int r = reloader->reload(reloader, order->dry_run, each, data, err);
	if (r < 0 || order->dry_run)
		return r;
	struct event event = events_begin(engine->events, EVENT_OPERATOR, NULL, 0);
	events_emit(engine->events, &event,
		    event_json_operator(&event, order->who, "reload", NULL, order->reason));
	return 0;
}
