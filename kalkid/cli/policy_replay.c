/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy_replay.c - a recorded history against a candidate policy: what would have been
 * otherwise.
 *
 * History is what `kalkictl event -o jsonl` prints, or its EVE lines alone, the oldest first. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "cli/policy_source.h"
#include "codec/event_json.h"
#include "core/rehearsal.h"

enum { LINE_BYTES_MAX = 1024 * 1024, MOVES_MAX = 100000 };

/* The states that a device went through. */
struct ways {
	struct buffer was, would;
	unsigned was_moves, would_moves;
};

struct replay {
	struct cli *cli;
	const struct policy *policy;
	const char *only; /* this device, NULL for all */
	struct rehearsal rehearsal;
	struct ways ways[DEVICES_MAX];
	unsigned long lines, skipped;
};

static void add_move(struct buffer *way, unsigned *moves, const char *from, const char *to)
{
	if (++*moves > MOVES_MAX)
		return;
	if (!way->length)
		buffer_print(way, "%s", from);
	buffer_print(way, " > %s", to);
}

static void on_decision(void *data, unsigned device, const struct decision *decision)
{
	struct replay *replay = data;
	const struct policy_state *states = replay->policy->states;
	struct ways *ways = &replay->ways[device];
	if (decision->from != decision->to)
		add_move(&ways->would, &ways->would_moves, states[decision->from].name,
			 states[decision->to].name);
}

/* Index, or -1 when it is not looked at or there are too many. */
static int find_device(struct replay *replay, const char *name)
{
	struct rehearsal *rehearsal = &replay->rehearsal;
	struct device device = {.number = rehearsal->device_count + 1};
	if (name_check("device", name, NULL) < 0 ||
	    (replay->only && !text_equal(replay->only, name)))
		return -1;
	for (unsigned i = 0; i < rehearsal->device_count; i++)
		if (text_equal(rehearsal->devices[i].device.name, name))
			return (int)i;
	if (rehearsal->device_count == DEVICES_MAX)
		return -1;
	TEXT_COPY(device.name, name);
	TEXT_COPY(device.type, replay->policy->type);
	return (int)rehearsal_add(rehearsal, &device, replay->policy);
}

/* Time goes on to that of the event; local time is taken to be UTC. */
static void pass_to(struct replay *replay, const json_t *eve, const json_t *kalki)
{
	struct rehearsal *rehearsal = &replay->rehearsal;
	int64_t us = number_of(kalki, "time_us");
	struct tm wall = {0};
	if (us < rehearsal->now_us || us > INT64_MAX / 4)
		us = rehearsal->now_us;
	if (!rehearsal->device_count && rehearsal->now_us == 0)
		rehearsal->now_us = us;
	if (!rehearsal->fleet.local.known &&
	    strptime(text_of(eve, "timestamp"), "%Y-%m-%dT%H:%M:%S", &wall))
		rehearsal->fleet.local = (struct local_time){
			.known = true,
			.offset_us = (int64_t)timegm(&wall) * 1000000 - us,
			.until_us = INT64_MAX,
		};
	rehearsal_pass(rehearsal, us);
}

static void take_readings(struct replay *replay, unsigned device, const char *line)
{
	struct sensor_reading readings[SENSORS_MAX];
	char source[NAME_BYTES];
	unsigned count;
	int64_t time_us;
	if (event_json_read_readings(line, replay->policy, source, readings, ARRAY_SIZE(readings),
				     &count, &time_us) == 0 &&
	    count)
		rehearsal_readings(&replay->rehearsal, device, source, readings, count);
}

/* What happened; an operator's orders are given again. */
static void take_transition(struct replay *replay, unsigned device, const json_t *kalki)
{
	const char *from = text_of(kalki, "from"), *to = text_of(kalki, "to");
	const char *cause = text_of(kalki, "cause");
	struct ways *ways = &replay->ways[device];
	int state = policy_find_state(replay->policy, to);
	if (!text_equal(from, to))
		add_move(&ways->was, &ways->was_moves, from, to);
	if (text_equal(cause, decision_cause_name(DECISION_MANUAL)) && state >= 0)
		rehearsal_set_state(&replay->rehearsal, device, (unsigned)state, 0,
				    text_of(kalki, "reason"));
	if (text_equal(cause, decision_cause_name(DECISION_RELEASE)) ||
	    text_equal(cause, decision_cause_name(DECISION_EXPIRED)))
		rehearsal_release(&replay->rehearsal, device, text_of(kalki, "reason"));
}

static bool take_event(struct replay *replay, const json_t *root)
{
	const json_t *inner = json_object_get(root, "eve");
	const json_t *eve = inner ? inner : root, *kalki = json_object_get(eve, "kalki");
	enum event_kind kind;
	if (!event_kind_parse(&kind, text_of(kalki, "kind")))
		return false;
	if (kind != EVENT_ALERT && kind != EVENT_SENSOR && kind != EVENT_TRANSITION)
		return true;
	pass_to(replay, eve, kalki);
	int device = find_device(replay, text_of(kalki, "device"));
	if (device < 0)
		return true;
	cleanup_free char *line = json_dumps(eve, JSON_COMPACT);
	struct alert alert;
	if (kind == EVENT_ALERT && event_json_read_alert(line, &alert) == 0)
		rehearsal_alert(&replay->rehearsal, (unsigned)device, &alert);
	else if (kind == EVENT_SENSOR)
		take_readings(replay, (unsigned)device, line);
	else if (kind == EVENT_TRANSITION)
		take_transition(replay, (unsigned)device, kalki);
	return true;
}

static int read_history(struct replay *replay, const char *path)
{
	FILE *file = text_equal(path, "-") ? stdin : fopen(path, "re");
	cleanup_free char *line = mem_alloc(LINE_BYTES_MAX);
	if (!file) {
		cli_complain(replay->cli, "%s: %s", path, strerror(errno));
		return EXIT_NOT_FOUND;
	}
	/* Of a longer line what is left over is no JSON, and is counted. */
	while (fgets(line, LINE_BYTES_MAX, file)) {
		json_t *root = json_loads(line, 0, NULL);
		replay->lines++;
		replay->skipped += !take_event(replay, root);
		json_decref(root);
	}
	if (file != stdin)
		fclose(file);
	return 0;
}

static const char *way_of(const struct buffer *way, const char *state)
{
	return way->length ? way->bytes : state;
}

static json_t *result_json(struct replay *replay, unsigned *ret_moved, unsigned *ret_other)
{
	json_t *devices = json_array();
	const char *initial = replay->policy->states[replay->policy->initial].name;
	for (unsigned i = 0; i < replay->rehearsal.device_count; i++) {
		struct ways *ways = &replay->ways[i];
		const char *was = way_of(&ways->was, initial);
		const char *would = way_of(&ways->would, initial);
		bool same = text_equal(was, would);
		*ret_moved += ways->would_moves > 0;
		*ret_other += !same;
		json_array_append_new(devices,
				      json_pack("{s:s, s:b, s:s, s:s}", "device",
						replay->rehearsal.devices[i].device.name, "same",
						same, "was", was, "would_be", would));
	}
	return json_pack("{s:o, s:I, s:I}", "devices", devices, "events", (json_int_t)replay->lines,
			 "not_understood", (json_int_t)replay->skipped);
}

static void print_result(const struct cli *cli, const json_t *result, unsigned moved,
			 unsigned other)
{
	json_t *device;
	size_t i, count = json_array_size(json_object_get(result, "devices"));
	json_array_foreach(json_object_get(result, "devices"), i, device)
	{
		bool same = json_is_true(json_object_get(device, "same"));
		if (same && !cli->verbose)
			continue;
		output_print("%s %s", text_of(device, "device"),
			     same ? "as it was:" : "otherwise:");
		output_print("  was       %s", text_of(device, "was"));
		output_print("  would be  %s", text_of(device, "would_be"));
	}
	output_print("%u of %zu devices would have moved; %u otherwise than they did", moved, count,
		     other);
	if (number_of(result, "not_understood"))
		cli_complain(cli, "%lld lines are no events of kalkid",
			     (long long)number_of(result, "not_understood"));
}

int run_policy_replay(struct cli *cli)
{
	cleanup_policy_source struct policy_source source;
	unsigned moved = 0, other = 0;
	int code = policy_source_open(&source, cli_argument(cli, 0));
	if (code)
		return code;
	struct replay *replay = mem_alloc(sizeof(*replay));
	replay->cli = cli;
	replay->policy = source.policy;
	replay->only = cli_flag(cli, FLAG_DEVICE);
	rehearsal_init(&replay->rehearsal, DEVICES_MAX, 0);
	replay->rehearsal.on_decision = on_decision;
	replay->rehearsal.data = replay;
	for (unsigned i = 1; code == 0 && cli_argument(cli, i); i++)
		code = read_history(replay, cli_argument(cli, i));
	json_t *result = result_json(replay, &moved, &other);
	if (code == 0 && !output_json(cli, result))
		print_result(cli, result, moved, other);
	json_decref(result);
	for (unsigned i = 0; i < replay->rehearsal.device_count; i++) {
		buffer_done(&replay->ways[i].was);
		buffer_done(&replay->ways[i].would);
	}
	rehearsal_done(&replay->rehearsal);
	free(replay);
	if (code == 0 && other && cli_flag(cli, FLAG_DETAILED_EXITCODE))
		code = EXIT_CHANGES;
	return code;
}
