/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/device.c - devices: what they are and where they stand, and what an operator orders. */
#include <stdlib.h>

#include "base/mem.h"
#include "cli/client.h"
#include "cli/device.h"
#include "cli/event_line.h"
#include "cli/output.h"

enum { DEVICES_SHOWN_MAX = 5000 };

static void device_path(struct buffer *path, const char *device, const char *below)
{
	buffer_print(path, "/api/v1/devices");
	url_segment(path, device);
	buffer_print(path, "%s", below);
}

/* --- what is --- */

void table_device_state(struct table *table, const json_t *device)
{
	cleanup_free char *state = shown(device, "state");
	bool quarantined = json_is_true(json_object_get(device, "quarantined"));
	if (json_is_true(json_object_get(device, "shadow")) && !quarantined)
		table_cell(table, "%s (in shadow: %s)", state, text_of(device, "in_force"));
	else
		table_cell(table, "%s", quarantined ? "quarantined" : state);
}

static void add_row(struct table *table, const json_t *device)
{
	const json_t *alert = json_object_get(device, "last_alert");
	bool by_operator = json_is_true(json_object_get(device, "quarantined")) ||
			   json_is_true(json_object_get(device, "manual"));
	table_cell(table, "%s", text_of(device, "name"));
	table_cell(table, "%s", text_of(json_object_get(device, "definition"), "type"));
	table_device_state(table, device);
	table_cell(table, "%s", by_operator ? "operator" : "policy");
	table_cell(table, "%s", text_of(device, "goal"));
	table_cell(table, "%" JSON_INTEGER_FORMAT, number_of(device, "alerts"));
	if (json_is_object(alert))
		table_cell(table, "%s %s", text_of(alert, "time"), text_of(alert, "type"));
	else
		table_cell(table, "-");
	table_cell(table, "%s", text_of(device, "trouble"));
}

int run_device_list(struct cli *cli)
{
	json_t *list = NULL, *device;
	size_t i;
	int code = client_list(cli, "/api/v1/devices", DEVICES_SHOWN_MAX, &list);
	if (code)
		return code;
	if (!output_list(cli, list)) {
		struct table table = {
			.heads = "NAME|TYPE|STATE|BY|CHAIN|ALERTS|LAST ALERT|TROUBLE"};
		json_array_foreach(json_object_get(list, "items"), i, device)
			add_row(&table, device);
		table_print(&table, cli,
			    "no devices (kalkictl device add --help, or "
			    "/etc/kalki/devices.d)");
	}
	json_decref(list);
	return 0;
}

static void print_fields(const json_t *object, const char *const (*fields)[2], unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		cleanup_free char *value = shown(object, fields[i][0]);
		output_print("%-14s %s", fields[i][1], value);
	}
}

static void print_learnt(const json_t *device)
{
	const json_t *learnt;
	size_t i;
	json_array_foreach(json_object_get(device, "learnt"), i, learnt)
	{
		const char *until = text_of(learnt, "until");
		bool expired = json_is_true(json_object_get(learnt, "expired"));
		output_print("%-14s %s by %s since %s%s%s", "learnt", text_of(learnt, "ip"),
			     text_of(learnt, "how"), text_of(learnt, "since"),
			     !*until   ? ""
			     : expired ? ", expired "
				       : ", until ",
			     until);
	}
}

static void print_device(const json_t *device)
{
	static const char *const is[][2] = {
		{"name", "name"},
		{"type", "type"},
		{"description", "description"},
		{"port", "device port"},
		{"mac", "MAC"},
		{"ips", "addresses"},
		{"groups", "groups"},
		{"tags", "tags"},
		{"multicast", "multicast"},
		{"parameters", "parameters"},
	};
	static const char *const stands[][2] = {
		{"file", "defined by"},
		{"state", "state"},
		{"entered", "since"},
		{"reason", "because"},
		{"manual", "set by hand"},
		{"manual_until", "until"},
		{"quarantined", "quarantined"},
		{"shadow", "in shadow"},
		{"in_force", "in force"},
		{"generation", "generation"},
		{"generation_reached", "reached"},
		{"goal", "chain"},
		{"trouble", "trouble"},
		{"alerts", "alerts"},
	};
	print_fields(json_object_get(device, "definition"), is, ARRAY_SIZE(is));
	print_learnt(device);
	print_fields(device, stands, ARRAY_SIZE(stands));
	const json_t *alert = json_object_get(device, "last_alert");
	if (json_is_object(alert))
		output_print("%-14s %s at %s", "last alert", text_of(alert, "type"),
			     text_of(alert, "time"));
}

static void print_sensor(const json_t *sensor)
{
	const char *unit = text_of(sensor, "unit"), *time = text_of(sensor, "time");
	cleanup_free char *value = shown(sensor, "value");
	output_print("%-14s %s%s%s%s%s", text_of(sensor, "name"), value, *unit ? " " : "", unit,
		     *time ? " at " : "", time);
}

/* The newest values, behind what else is known of the device. */
static int print_telemetry(struct cli *cli)
{
	cleanup_buffer struct buffer path = {0};
	json_t *telemetry = NULL;
	const json_t *item;
	size_t i;
	device_path(&path, cli_argument(cli, 0), "/telemetry");
	int code = client_get(cli, path.bytes, &telemetry);
	json_array_foreach(json_object_get(telemetry, "sensors"), i, item) print_sensor(item);
	json_array_foreach(json_object_get(telemetry, "sources"), i,
			   item) if (json_is_false(json_object_get(item, "available")))
		output_print("%-14s unavailable", text_of(item, "name"));
	json_decref(telemetry);
	return code;
}

int run_device_show(struct cli *cli)
{
	cleanup_buffer struct buffer path = {0};
	json_t *device = NULL;
	device_path(&path, cli_argument(cli, 0), "");
	int code = client_get(cli, path.bytes, &device);
	if (code == 0 && !output_json(cli, device)) {
		print_device(device);
		code = print_telemetry(cli);
	}
	json_decref(device);
	return code;
}

int run_device_telemetry(struct cli *cli)
{
	cleanup_buffer struct buffer path = {0};
	device_path(&path, cli_argument(cli, 0), "/timeline?kind=sensor");
	return event_print_history(cli, path.bytes, NULL);
}

int run_device_timeline(struct cli *cli)
{
	cleanup_buffer struct buffer path = {0};
	device_path(&path, cli_argument(cli, 0), "/timeline");
	return event_print_history(cli, path.bytes, NULL);
}

/* --- what is ordered --- */

/* Sends an order and says what became of it; where the device is in quarantine, what that means for
 * the order (NULL: nothing). */
static int change(struct cli *cli, const char *method, const char *below, json_t *body,
		  const char *done, const char *in_quarantine)
{
	const char *name = cli_argument(cli, 0);
	cleanup_buffer struct buffer path = {0};
	json_t *answer = NULL;
	device_path(&path, name, below);
	int code = client_change(cli, method, path.bytes, body, &answer);
	if (code == 0 && !output_json(cli, answer) && !cli->quiet) {
		if (cli->dry_run)
			output_print("%s: would be %s (nothing was done)", name, done);
		else
			output_print("%s: %s", name, done);
		if (in_quarantine && json_is_true(json_object_get(answer, "quarantined")))
			output_print("%s is in quarantine: %s", name, in_quarantine);
	}
	json_decref(answer);
	json_decref(body);
	return code;
}

static json_t *reason_body(const struct cli *cli)
{
	return json_pack("{s:s*}", "reason", cli_flag(cli, FLAG_REASON));
}

int run_device_rm(struct cli *cli)
{
	int code = cli_confirm(
		cli, "'%s' is removed: its chain goes, and nothing of it passes any more.",
		cli_argument(cli, 0));
	return code ? code : change(cli, "DELETE", "", NULL, "removed", NULL);
}

int run_device_quarantine(struct cli *cli)
{
	int code = cli_confirm(cli, "'%s' is cut off: nothing passes until it is released.",
			       cli_argument(cli, 0));
	return code ? code
		    : change(cli, "POST", "/quarantine", reason_body(cli), "quarantined", NULL);
}

int run_device_release(struct cli *cli)
{
	return change(cli, "POST", "/release", reason_body(cli), "released", NULL);
}

int run_device_shadow(struct cli *cli)
{
	int code = cli_confirm(
		cli, "'%s' keeps the chain that it has: its policy no longer protects it.",
		cli_argument(cli, 0));
	return code ? code : change(cli, "POST", "/shadow", reason_body(cli), "in shadow", NULL);
}

int run_device_enforce(struct cli *cli)
{
	return change(cli, "POST", "/enforce", reason_body(cli), "out of the shadow", NULL);
}

int run_device_command(struct cli *cli)
{
	json_t *body = json_pack("{s:s, s:s*}", "command", cli_argument(cli, 1), "reason",
				 cli_flag(cli, FLAG_REASON));
	if (!body) {
		cli_complain(cli, "command and reason must be UTF-8");
		return EXIT_USAGE;
	}
	cleanup_free char *done = mem_printf(
		"told to %s (kalkictl device timeline says how it went)", cli_argument(cli, 1));
	return change(cli, "POST", "/command", body, done, "nothing reaches it until its release");
}

int run_device_set_state(struct cli *cli)
{
	json_t *body = json_pack("{s:s, s:s*, s:s*}", "state", cli_argument(cli, 1), "for",
				 cli_flag(cli, FLAG_FOR), "reason", cli_flag(cli, FLAG_REASON));
	if (!body) {
		cli_complain(cli, "state, time and reason must be UTF-8");
		return EXIT_USAGE;
	}
	cleanup_free char *done = mem_printf("set to %s", cli_argument(cli, 1));
	return change(cli, "POST", "/state", body, done,
		      "nothing passes until 'kalkictl device release', which also ends the state "
		      "set by hand");
}
