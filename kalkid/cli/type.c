/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/type.c - the device types that are loaded: states, postures, rules. */
#include <stdlib.h>

#include "base/duration.h"
#include "base/mem.h"
#include "cli/client.h"
#include "cli/output.h"

int run_type_list(struct cli *cli)
{
	static const char *const keys[] = {"name",  "states", "initial",
					   "rules", "file",   "description"};
	json_t *list = NULL, *type;
	size_t i;
	int code = client_get(cli, "/api/v1/types", &list);
	if (code)
		return code;
	if (!output_list(cli, list)) {
		struct table table = {.heads = "NAME|STATES|INITIAL|RULES|FILE|DESCRIPTION"};
		json_array_foreach(json_object_get(list, "items"), i, type)
			table_fields(&table, type, keys, ARRAY_SIZE(keys));
		table_print(&table, cli, "no types (/etc/kalki/types.d)");
	}
	json_decref(list);
	return 0;
}

static void add_hops(struct buffer *words, const json_t *state)
{
	json_t *hop;
	size_t i;
	json_array_foreach(json_object_get(state, "hops"), i, hop)
		buffer_print(words, "%s%s%s", i ? " > " : "", text_of(hop, "name"),
			     text_equal(text_of(hop, "fail"), "open") ? " (fails open)" : "");
	if (!words->length)
		buffer_print(words, "%s", text_of(state, "mode"));
}

static void print_states(const struct cli *cli, const json_t *type)
{
	struct table table = {.heads = "STATE|CHAIN|HOLD|STANDBY|AT LEAST|CALM"};
	json_t *state;
	size_t i;
	json_array_foreach(json_object_get(type, "states"), i, state)
	{
		cleanup_buffer struct buffer hops = {0};
		char dwell[DURATION_TEXT_BYTES], calm[DURATION_TEXT_BYTES];
		duration_print(dwell, number_of(state, "dwell_us"));
		duration_print(calm, number_of(state, "calm_us"));
		add_hops(&hops, state);
		table_cell(&table, "%s", text_of(state, "name"));
		table_cell(&table, "%s", hops.bytes);
		table_cell(&table, "%s", text_of(state, "hold"));
		table_cell(&table, "%s", text_of(state, "standby"));
		table_cell(&table, "%s", number_of(state, "dwell_us") ? dwell : "-");
		if (number_of(state, "calm_us"))
			table_cell(&table, "after %s to %s", calm, text_of(state, "calm_to"));
		else
			table_cell(&table, "-");
	}
	table_print(&table, cli, NULL);
}

static void print_rules(const struct cli *cli, const json_t *type)
{
	static const char *const keys[] = {"name", "from", "to", "when"};
	struct table table = {.heads = "RULE|FROM|TO|WHEN"};
	json_t *rule;
	size_t i;
	json_array_foreach(json_object_get(type, "rules"), i, rule)
		table_fields(&table, rule, keys, ARRAY_SIZE(keys));
	table_print(&table, cli, "no rules");
}

static void print_commands(const json_t *type)
{
	cleanup_buffer struct buffer words = {0};
	const json_t *command;
	size_t i;
	json_array_foreach(json_object_get(type, "commands"), i, command)
		buffer_print(&words, "%s%s", i ? ", " : "", text_of(command, "name"));
	if (words.length) {
		printf("\n");
		output_print("commands: %s", words.bytes);
	}
}

int run_type_show(struct cli *cli)
{
	cleanup_buffer struct buffer path = {0};
	json_t *type = NULL;
	buffer_print(&path, "/api/v1/types");
	url_segment(&path, cli_argument(cli, 0));
	int code = client_get(cli, path.bytes, &type);
	if (code == 0 && !output_json(cli, type)) {
		output_print("%s: %s", text_of(type, "name"), text_of(type, "description"));
		output_print("from %s, begins in %s", text_of(type, "file"),
			     text_of(type, "initial"));
		printf("\n");
		print_states(cli, type);
		printf("\n");
		print_rules(cli, type);
		print_commands(type);
	}
	json_decref(type);
	return code;
}
