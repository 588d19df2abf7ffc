/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/plan.c - what the daemon would do now, for one device or for all. */
#include <stdlib.h>

#include "base/mem.h"
#include "cli/client.h"
#include "cli/output.h"

enum { DEVICES_SHOWN_MAX = 5000 };

static int get_plan(struct cli *cli, const char *device, json_t **ret)
{
	cleanup_buffer struct buffer path = {0};
	buffer_print(&path, "/api/v1/devices");
	url_segment(&path, device);
	buffer_print(&path, "/plan");
	return client_get(cli, path.bytes, ret);
}

static void print_step(const json_t *step)
{
	static const char *const fields[][2] = {{"umbox", " umbox "},
						{"hop", " for hop "},
						{"image", " from "},
						{"path", " along "}};
	cleanup_buffer struct buffer line = {0};
	buffer_print(&line, "  %s", text_of(step, "kind"));
	for (unsigned i = 0; i < ARRAY_SIZE(fields); i++) {
		if (!json_object_get(step, fields[i][0]))
			continue;
		cleanup_free char *value = shown(step, fields[i][0]);
		buffer_print(&line, "%s%s", fields[i][1], value);
	}
	if (json_is_true(json_object_get(step, "cut")))
		buffer_print(&line, ", what is inside the chain left is dropped");
	output_print("%s", line.bytes);
}

static void print_plan(const struct cli *cli, const json_t *plan)
{
	json_t *step;
	size_t i;
	const json_t *steps = json_object_get(plan, "steps");
	const char *rest = json_array_size(steps) ? "to do now:"
			   : json_is_true(json_object_get(plan, "settled"))
				   ? "nothing to do"
				   : "waiting for what is under way";
	if (output_json(cli, plan))
		return;
	output_print("%s: %s, %s", text_of(plan, "device"), text_of(plan, "goal"), rest);
	json_array_foreach(steps, i, step) print_step(step);
}

static int show_plan(struct cli *cli, const char *device, bool *ret_changes)
{
	json_t *plan = NULL;
	int code = get_plan(cli, device, &plan);
	if (code == 0) {
		print_plan(cli, plan);
		*ret_changes |= !json_is_true(json_object_get(plan, "settled"));
	}
	json_decref(plan);
	return code;
}

/* A device that goes meanwhile is no failure. */
static int show_all(struct cli *cli, bool *ret_changes)
{
	json_t *list = NULL, *device;
	size_t i;
	int code = client_list(cli, "/api/v1/devices", DEVICES_SHOWN_MAX, &list);
	if (code == 0 && !json_array_size(json_object_get(list, "items")) &&
	    cli->output == OUTPUT_HUMAN && !cli->quiet)
		output_print("no devices");
	json_array_foreach(json_object_get(list, "items"), i, device)
	{
		if (code == 0)
			code = show_plan(cli, text_of(device, "name"), ret_changes);
		if (code == EXIT_NOT_FOUND)
			code = 0;
	}
	json_decref(list);
	return code;
}

int run_plan(struct cli *cli)
{
	bool changes = false;
	const char *device = cli_argument(cli, 0);
	/* One plan a device: for several there is no one JSON text but a line each. */
	int code = device ? show_plan(cli, device, &changes) : show_all(cli, &changes);
	return code == 0 && changes && cli_flag(cli, FLAG_DETAILED_EXITCODE) ? EXIT_CHANGES : code;
}
