/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/umbox_show.c - one umbox: what it is, and what became of the frames at its legs and inside.
 */
#include "base/text.h"
#include "cli/client.h"
#include "cli/output.h"

static void print_legs(const struct cli *cli, const json_t *counters)
{
	static const char *const keys[] = {"from_umbox_frames", "from_umbox_bytes",
					   "to_umbox_frames", "to_umbox_bytes", "dropped"};
	static const char *const legs[] = {"in", "out", "direct"};
	struct table table = {.heads = "LEG|FROM IT|BYTES|TO IT|BYTES|DROPPED"};
	for (size_t i = 0; i < ARRAY_SIZE(legs); i++) {
		const json_t *leg = json_object_get(counters, legs[i]);
		if (!json_is_object(leg))
			continue;
		table_cell(&table, "%s", legs[i]);
		table_fields(&table, leg, keys, ARRAY_SIZE(keys));
	}
	table_print(&table, cli, "no legs yet");
}

/* As it says itself. */
static void print_inside(const struct cli *cli, json_t *numbers, const char *heads,
			 const char *nothing)
{
	struct table table = {.heads = heads};
	const char *name;
	json_t *value;
	json_object_foreach(numbers, name, value)
	{
		if (!json_is_integer(value))
			continue;
		table_cell(&table, "%s", name);
		table_cell(&table, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	}
	table_print(&table, cli, nothing);
}

int run_umbox_show(struct cli *cli)
{
	static const char *const keys[] = {"umbox",    "device", "name",    "role",
					   "position", "state",  "running", "wired",
					   "ready",    "shadow", "image"};
	cleanup_buffer struct buffer path = {0};
	json_t *umbox = NULL;
	buffer_print(&path, "/api/v1/umboxes");
	url_segment(&path, cli_argument(cli, 0));
	int code = client_get(cli, path.bytes, &umbox);
	if (code)
		return code;
	if (!output_json(cli, umbox)) {
		json_t *counters = json_object_get(umbox, "counters");
		struct table table = {.heads = "UMBOX|DEVICE|HOP|ROLE|POSITION|STATE|RUNNING|"
					       "WIRED|READY|SHADOW|IMAGE"};
		table_fields(&table, umbox, keys, ARRAY_SIZE(keys));
		table_print(&table, cli, "");
		if (!cli->quiet) {
			print_legs(cli, counters);
			json_t *inside = json_object_get(counters, "inside");
			print_inside(cli, inside, "INSIDE|FRAMES", "it told no counters yet");
			if (json_is_object(inside))
				print_inside(cli, json_object_get(inside, "own"),
					     "ITS OWN COUNTERS|", "it counts nothing besides");
		}
	}
	json_decref(umbox);
	return 0;
}
