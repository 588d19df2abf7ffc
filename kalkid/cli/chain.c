/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/chain.c - chains as tables: which umboxes a device's frames cross, and how many did. */
#include <stdlib.h>

#include "base/mem.h"
#include "cli/chain.h"

enum { DEVICES_SHOWN_MAX = 5000 };

int chain_get(struct cli *cli, const char *device, json_t **ret)
{
	cleanup_buffer struct buffer path = {0};
	buffer_print(&path, "/api/v1/devices");
	url_segment(&path, device);
	buffer_print(&path, "/chain");
	return client_get(cli, path.bytes, ret);
}

/* "device - brute-force 418 - network". */
static void print_chain(struct buffer *words, const json_t *chain)
{
	json_t *hop;
	size_t i;
	buffer_print(words, "device");
	json_array_foreach(json_object_get(chain, "hops"), i, hop)
	{
		if (text_equal(text_of(hop, "role"), "in_force"))
			buffer_print(words, " - %s %" JSON_INTEGER_FORMAT, text_of(hop, "name"),
				     number_of(hop, "umbox"));
	}
	if (text_equal(text_of(chain, "path"), "whole"))
		buffer_print(words, " - network");
	else
		buffer_print(words, " | held: nothing passes");
}

int run_chain_list(struct cli *cli)
{
	json_t *list = NULL, *chain;
	size_t i;
	int code = client_list(cli, "/api/v1/chains", DEVICES_SHOWN_MAX, &list);
	if (code)
		return code;
	if (!output_list(cli, list)) {
		struct table table = {.heads = "DEVICE|STATE|GENERATION|CHAIN|WAY"};
		json_array_foreach(json_object_get(list, "items"), i, chain)
		{
			static const char *const keys[] = {"device", "state", "generation", "goal"};
			cleanup_buffer struct buffer words = {0};
			print_chain(&words, chain);
			table_fields(&table, chain, keys, ARRAY_SIZE(keys));
			table_cell(&table, "%s", words.bytes);
		}
		table_print(&table, cli, "no devices");
	}
	json_decref(list);
	return 0;
}

/* Frames that left the umbox on each side, what was dropped at the legs or lost inside, and what it
 * dropped as it means to. */
static void add_counters(struct table *table, const json_t *hop)
{
	const json_t *counters = json_object_get(hop, "counters");
	const json_t *in = json_object_get(counters, "in"), *out = json_object_get(counters, "out");
	const json_t *inside = json_object_get(counters, "inside");
	if (!json_is_object(counters)) {
		for (unsigned i = 0; i < 4; i++)
			table_cell(table, "-");
		return;
	}
	table_cell(table, "%" JSON_INTEGER_FORMAT, number_of(out, "from_umbox_frames"));
	table_cell(table, "%" JSON_INTEGER_FORMAT, number_of(in, "from_umbox_frames"));
	table_cell(table, "%" JSON_INTEGER_FORMAT,
		   number_of(in, "dropped") + number_of(out, "dropped") +
			   number_of(inside, "overrun") + number_of(inside, "lost"));
	if (json_is_true(json_object_get(hop, "shadow")))
		table_cell(table, "(%" JSON_INTEGER_FORMAT ")", number_of(inside, "would_drop"));
	else
		table_cell(table, "%" JSON_INTEGER_FORMAT, number_of(inside, "dropped"));
}

static const char *hop_stands(const json_t *hop)
{
	if (!json_is_integer(json_object_get(hop, "umbox")))
		return "not launched";
	if (json_is_true(json_object_get(hop, "ready")))
		return "ready";
	if (json_is_true(json_object_get(hop, "wired")))
		return "wired";
	return json_is_true(json_object_get(hop, "running")) ? "running" : "gone";
}

static void print_hops(const struct cli *cli, const json_t *chain)
{
	static const char *const keys[] = {"name", "role", "position", "umbox"};
	struct table table = {
		.heads = "HOP|ROLE|POSITION|UMBOX|STANDS|FAILS|UP|DOWN|LOST|DROPPED|IMAGE"};
	json_t *hop;
	size_t i;
	json_array_foreach(json_object_get(chain, "hops"), i, hop)
	{
		table_fields(&table, hop, keys, ARRAY_SIZE(keys));
		table_cell(&table, "%s", hop_stands(hop));
		table_cell(&table, "%s", text_of(hop, "fail"));
		add_counters(&table, hop);
		table_cell(&table, "%s%s", text_of(hop, "image"),
			   json_is_true(json_object_get(hop, "shadow")) ? " (in shadow)" : "");
	}
	table_print(&table, cli, "no umboxes");
}

/* Those that are not 0, by names that the images chose. */
static void print_own_counters(const json_t *chain)
{
	json_t *hop, *value;
	const char *name;
	size_t i;
	json_array_foreach(json_object_get(chain, "hops"), i, hop)
	{
		cleanup_buffer struct buffer words = {0};
		const json_t *counters = json_object_get(hop, "counters");
		json_t *own = json_object_get(json_object_get(counters, "inside"), "own");
		json_object_foreach(own, name, value)
		{
			if (json_integer_value(value))
				buffer_print(&words, "%s %s %" JSON_INTEGER_FORMAT,
					     words.length ? "," : "", name,
					     json_integer_value(value));
		}
		if (words.length)
			output_print("%s (umbox %" JSON_INTEGER_FORMAT ") counts%s",
				     text_of(hop, "name"), number_of(hop, "umbox"), words.bytes);
	}
}

static void print_head(const json_t *chain)
{
	cleanup_buffer struct buffer words = {0};
	cleanup_free char *state = shown(chain, "state");
	const char *device = text_of(chain, "device"), *trouble = text_of(chain, "trouble");
	output_print("%s: state %s, generation %" JSON_INTEGER_FORMAT ", %s, path %s", device,
		     state, number_of(chain, "generation"), text_of(chain, "goal"),
		     text_of(chain, "path"));
	if (json_is_true(json_object_get(chain, "quarantined")))
		output_print("quarantined, until kalkictl device release %s", device);
	if (*trouble)
		output_print("trouble: %s", trouble);
	print_chain(&words, chain);
	output_print("%s", words.bytes);
	printf("\n");
}

int run_chain_show(struct cli *cli)
{
	json_t *chain = NULL;
	int code = chain_get(cli, cli_argument(cli, 0), &chain);
	if (code == 0 && !output_json(cli, chain)) {
		if (!cli->quiet)
			print_head(chain);
		print_hops(cli, chain);
		if (!cli->quiet)
			print_own_counters(chain);
	}
	json_decref(chain);
	return code;
}
