/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy_replay.c - recorded history against a candidate policy: what would have been
 * otherwise. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/policy_source.h"
#include "cli/replay_stream.h"
#include "core/rehearsal.h"

enum { MOVES_MAX = 100000 };

/* The states that a device went through. */
struct way {
	struct buffer states; /* "A > B > A" */
	unsigned moves;
};

struct replayed_device {
	bool recorded; /* our own history tells what it did */
	struct way was, would;
	json_t *moves; /* when and why it would have */
};

struct replay {
	struct cli *cli;
	const struct policy *policy;
	const char *only;      /* this device, NULL for all */
	bool has_devices;      /* a file says whose addresses are whose */
	struct device *listed; /* the file's, of the policy's type */
	unsigned listed_count;
	struct rehearsal rehearsal;
	struct replayed_device devices[DEVICES_MAX];
	struct replay_stream stream;
	unsigned long of_no_device;
	unsigned long in_shadow; /* what rules in shadow would have done */
};

static void add_move(struct way *way, const char *from, const char *to)
{
	if (++way->moves > MOVES_MAX)
		return;
	if (!way->states.length)
		buffer_print(&way->states, "%s", from);
	buffer_print(&way->states, " > %s", to);
}

static void on_decision(void *data, unsigned index, const struct decision *decision)
{
	struct replay *replay = data;
	const struct policy *policy = replay->policy;
	struct replayed_device *device = &replay->devices[index];
	const char *from = policy->states[decision->from].name;
	const char *to = policy->states[decision->to].name;
	const char *rule = decision->rule >= 0 ? policy->rules[decision->rule].name : NULL;
	char time[TIME_TEXT_BYTES];
	replay->in_shadow += decision->shadow;
	if (decision->from == decision->to)
		return;
	add_move(&device->would, from, to);
	clock_print_wall(time, replay->rehearsal.now_us);
	if (device->would.moves <= MOVES_MAX)
		json_array_append_new(
			device->moves,
			json_pack("{s:s, s:s, s:s, s:s, s:s?}", "time", time, "from", from, "to",
				  to, "cause", decision_cause_name(decision->cause), "rule", rule));
}

/* --- whose fact it is --- */

static int add_device(struct replay *replay, const struct device *device)
{
	if (replay->rehearsal.device_count == DEVICES_MAX)
		return -1;
	unsigned index = rehearsal_add(&replay->rehearsal, device, replay->policy);
	replay->devices[index].moves = json_array();
	return (int)index;
}

/* Index, or -1 when it is not looked at or there are too many. */
static int find_device(struct replay *replay, const char *name)
{
	const struct rehearsal *rehearsal = &replay->rehearsal;
	struct device device = {.number = rehearsal->device_count + 1};
	if (name_check("device", name, NULL) < 0 ||
	    (replay->only && !text_equal(replay->only, name)))
		return -1;
	for (unsigned i = 0; i < rehearsal->device_count; i++)
		if (text_equal(rehearsal->devices[i].device.name, name))
			return (int)i;
	if (replay->has_devices)
		return -1;
	TEXT_COPY(device.name, name);
	TEXT_COPY(device.type, replay->policy->type);
	return add_device(replay, &device);
}

/* A line that names no device is of the only one that is meant. */
static int find_only(struct replay *replay)
{
	return find_device(replay, replay->only ? replay->only : replay->policy->type);
}

static void take_listed(void *data, const struct device *device,
			const struct document *document maybe_unused,
			const struct document_node *node maybe_unused)
{
	struct replay *replay = data;
	bool wanted = !replay->only || text_equal(replay->only, device->name);
	if (!wanted || !text_equal(device->type, replay->policy->type) ||
	    replay->listed_count == DEVICES_MAX)
		return;
	replay->listed[replay->listed_count] = *device;
	replay->listed[replay->listed_count].number = replay->listed_count + 1;
	replay->listed_count++;
}

static int read_devices(struct replay *replay, const char *file)
{
	struct document *document = NULL;
	struct complaints complaints = {0};
	struct error err = {0};
	int result = document_read_file(&document, file, &complaints, &err);
	if (result == 0)
		devices_read(document, &complaints, take_listed, replay);
	else if (!complaints.count)
		complaints_add(&complaints, "%s", err.text);
	bool good = !complaints.count;
	complaints_print(&complaints);
	complaints_done(&complaints);
	document_free(document);
	return good ? 0 : result == -ENOENT ? EXIT_NOT_FOUND : EXIT_INVALID;
}

/* --- facts --- */

/* What happened; an operator's orders are given again. */
static void take_transition(struct replay *replay, unsigned index, const struct recorded *fact)
{
	int state = policy_find_state(replay->policy, fact->to);
	if (!text_equal(fact->from, fact->to))
		add_move(&replay->devices[index].was, fact->from, fact->to);
	if (fact->cause == DECISION_MANUAL && state >= 0)
		rehearsal_set_state(&replay->rehearsal, index, (unsigned)state, 0, fact->reason);
	if (fact->cause == DECISION_EXPIRED)
		rehearsal_expire(&replay->rehearsal, index);
	if (fact->cause == DECISION_RELEASE)
		rehearsal_release(&replay->rehearsal, index, fact->reason);
}

static void take_fact(struct replay *replay, int index, const struct recorded *fact)
{
	if (index < 0)
		return;
	replay->devices[index].recorded |= fact->own;
	/* The alerts that tell of it are recorded, too. */
	if (fact->own && fact->source[0])
		rehearsal_mark_source(&replay->rehearsal, (unsigned)index, fact->source,
				      fact->source_silent);
	if (fact->kind == RECORDED_ALERT)
		rehearsal_alert(&replay->rehearsal, (unsigned)index, &fact->alert);
	else if (fact->kind == RECORDED_READINGS)
		rehearsal_readings(&replay->rehearsal, (unsigned)index, fact->source,
				   fact->readings, fact->reading_count);
	else if (fact->kind == RECORDED_TRANSITION)
		take_transition(replay, (unsigned)index, fact);
}

/* Between two devices it is an alert of both: it crossed both chains. */
static unsigned take_by_address(struct replay *replay, const struct recorded *fact)
{
	unsigned owners = 0;
	for (unsigned i = 0; i < replay->listed_count; i++) {
		if (!device_has_ip(&replay->listed[i].identity, &fact->alert.source) &&
		    !device_has_ip(&replay->listed[i].identity, &fact->alert.target))
			continue;
		take_fact(replay, (int)i, fact);
		owners++;
	}
	return owners;
}

static void take_unnamed(struct replay *replay, const struct recorded *fact)
{
	int only = -1;
	if (replay->has_devices && fact->kind == RECORDED_ALERT) {
		replay->of_no_device += !take_by_address(replay, fact);
		return;
	}
	only = find_only(replay);
	replay->of_no_device += only < 0;
	take_fact(replay, only, fact);
}

static void begin(struct replay *replay, const struct recorded *first)
{
	replay->rehearsal.now_us = first->wall_us;
	replay->rehearsal.fleet.local = (struct local_time){
		.known = true,
		.offset_us = first->zone_us,
		.until_us = INT64_MAX,
	};
	for (unsigned i = 0; i < replay->listed_count; i++)
		(void)add_device(replay, &replay->listed[i]);
}

static int run(struct replay *replay)
{
	const struct recorded *fact;
	int code = 0;
	bool begun = false;
	while ((fact = replay_stream_next(&replay->stream, &code))) {
		if (!begun)
			begin(replay, fact);
		begun = true;
		if (fact->kind == RECORDED_OTHER)
			continue;
		rehearsal_pass(&replay->rehearsal, max_of(fact->wall_us, replay->rehearsal.now_us));
		if (fact->device[0])
			take_fact(replay, find_device(replay, fact->device), fact);
		else
			take_unnamed(replay, fact);
	}
	return code;
}

/* --- what came of it --- */

struct outcome {
	unsigned moved, otherwise, unrecorded;
};

static json_t *device_json(struct replay *replay, unsigned index, struct outcome *outcome)
{
	const char *initial = replay->policy->states[replay->policy->initial].name;
	struct replayed_device *device = &replay->devices[index];
	const char *was = device->was.moves ? device->was.states.bytes : initial;
	const char *would = device->would.moves ? device->would.states.bytes : initial;
	bool same = text_equal(was, would);
	outcome->moved += device->would.moves > 0;
	outcome->otherwise += device->recorded && !same;
	outcome->unrecorded += !device->recorded;
	return json_pack("{s:s, s:o, s:s?, s:s, s:O}", "device",
			 replay->rehearsal.devices[index].device.name, "same",
			 device->recorded ? json_boolean(same) : json_null(), "was",
			 device->recorded ? was : NULL, "would_be", would, "moves", device->moves);
}

static json_t *result_json(struct replay *replay, struct outcome *outcome)
{
	json_t *devices = json_array();
	for (unsigned i = 0; i < replay->rehearsal.device_count; i++)
		json_array_append_new(devices, device_json(replay, i, outcome));
	return json_pack("{s:o, s:I, s:I, s:I, s:I}", "devices", devices, "in_shadow",
			 (json_int_t)replay->in_shadow, "events", (json_int_t)replay->stream.lines,
			 "not_understood", (json_int_t)replay->stream.not_understood,
			 "of_no_device", (json_int_t)replay->of_no_device);
}

static void print_device(const struct cli *cli, const json_t *device)
{
	const json_t *same = json_object_get(device, "same"), *move;
	const json_t *moves = json_object_get(device, "moves");
	size_t i;
	if (!cli->verbose && (json_is_true(same) || !json_array_size(moves)) &&
	    !json_is_false(same))
		return;
	output_print("%s%s", text_of(device, "device"),
		     json_is_true(same)    ? " as it was:"
		     : json_is_false(same) ? " otherwise:"
					   : ":");
	if (!json_is_null(same))
		output_print("  was       %s", text_of(device, "was"));
	output_print("  would be  %s", text_of(device, "would_be"));
	json_array_foreach((json_t *)(uintptr_t)moves, i, move)
	{
		const char *rule = text_of(move, "rule");
		if (cli->verbose)
			output_print("    %s  %s > %s  by %s%s", text_of(move, "time"),
				     text_of(move, "from"), text_of(move, "to"),
				     *rule ? "rule " : text_of(move, "cause"), rule);
	}
}

static void print_result(const struct replay *replay, const json_t *result,
			 const struct outcome *outcome)
{
	const struct cli *cli = replay->cli;
	const json_t *device;
	size_t i, count = json_array_size(json_object_get(result, "devices"));
	json_array_foreach(json_object_get(result, "devices"), i, device) print_device(cli, device);
	if (outcome->unrecorded == count)
		output_print("%u of %zu devices would have moved", outcome->moved, count);
	else
		output_print("%u of %zu devices would have moved; %u otherwise than they did",
			     outcome->moved, count, outcome->otherwise);
	if (replay->in_shadow)
		output_print("rules in shadow would have fired: %lu", replay->in_shadow);
	if (replay->stream.not_understood)
		cli_complain(cli, "%lu lines were not understood", replay->stream.not_understood);
	if (replay->stream.out_of_order)
		cli_complain(cli,
			     "%lu lines are older than those before them: the oldest has to "
			     "come first",
			     replay->stream.out_of_order);
	if (replay->of_no_device) {
		cli_complain(cli, "%lu lines are of no device that is known", replay->of_no_device);
		cli_hint(cli, "--devices names a file that says whose addresses are whose");
	}
}

static int replay_all(struct replay *replay)
{
	const struct cli *cli = replay->cli;
	const char *devices = cli_flag(cli, FLAG_DEVICES);
	struct outcome outcome = {0};
	replay->has_devices = devices != NULL;
	int code = devices ? read_devices(replay, devices) : 0;
	if (code == 0)
		code = replay_stream_open(&replay->stream, replay->cli, replay->policy,
					  cli->invocation.arguments + 1,
					  cli->invocation.argument_count - 1);
	if (code == 0)
		code = run(replay);
	if (code)
		return code;
	json_t *result = result_json(replay, &outcome);
	if (!output_json(cli, result))
		print_result(replay, result, &outcome);
	json_decref(result);
	bool changes = outcome.otherwise || (outcome.unrecorded && outcome.moved);
	return changes && cli_flag(cli, FLAG_DETAILED_EXITCODE) ? EXIT_CHANGES : 0;
}

static void replay_free(struct replay *replay)
{
	for (unsigned i = 0; i < replay->rehearsal.device_count; i++) {
		buffer_done(&replay->devices[i].was.states);
		buffer_done(&replay->devices[i].would.states);
		json_decref(replay->devices[i].moves);
	}
	replay_stream_close(&replay->stream);
	rehearsal_done(&replay->rehearsal);
	free(replay->listed);
	free(replay);
}

int run_policy_replay(struct cli *cli)
{
	cleanup_policy_source struct policy_source source;
	int code = policy_source_open(&source, cli_argument(cli, 0));
	if (code)
		return code;
	struct replay *replay = mem_alloc(sizeof(*replay));
	replay->cli = cli;
	replay->policy = source.policy;
	replay->only = cli_flag(cli, FLAG_DEVICE);
	replay->listed = mem_alloc_array(DEVICES_MAX, sizeof(*replay->listed));
	rehearsal_init(&replay->rehearsal, DEVICES_MAX, 0);
	replay->rehearsal.on_decision = on_decision;
	replay->rehearsal.data = replay;
	code = replay_all(replay);
	replay_free(replay);
	return code;
}
