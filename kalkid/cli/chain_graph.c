/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/chain_graph.c - a chain as a picture: in text, or for graphviz. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/chain.h"

static const char *const ROLES[] = {"in_force", "coming", "standby", "draining", "going"};

/* All of one role, from the device to the network. */
static unsigned hops_of(const json_t *chain, const char *role, const json_t **ret, unsigned room)
{
	unsigned count = 0;
	json_t *hop;
	size_t i;
	json_array_foreach(json_object_get(chain, "hops"), i, hop)
	{
		if (count < room && text_equal(text_of(hop, "role"), role))
			ret[count++] = hop;
	}
	return count;
}

enum { HOPS_SHOWN_MAX = 64 };

/* --- text --- */

static void add_box(struct buffer *line, const json_t *hop)
{
	cleanup_free char *umbox = shown(hop, "umbox");
	buffer_print(line, "[%s %s%s]", text_of(hop, "name"), umbox,
		     json_is_true(json_object_get(hop, "ready")) ? "" : " not ready");
}

static void print_role(const json_t *chain, const char *role)
{
	const json_t *hops[HOPS_SHOWN_MAX];
	bool in_force = strcmp(role, "in_force") == 0;
	bool whole = text_equal(text_of(chain, "path"), "whole");
	unsigned count = hops_of(chain, role, hops, HOPS_SHOWN_MAX);
	cleanup_buffer struct buffer line = {0};
	if (!count && !in_force)
		return;
	if (in_force)
		buffer_print(&line, "device %s ", whole ? "<->" : "-X");
	for (unsigned i = 0; i < count; i++) {
		buffer_print(&line, "%s", i ? " <-> " : "");
		add_box(&line, hops[i]);
	}
	if (in_force)
		buffer_print(&line,
			     whole ? "%s<-> network" : "%sX- network   (held: nothing passes)",
			     count ? " " : "");
	output_print("%-9s %s", role, line.bytes);
}

/* --- graphviz --- */

static void print_node(const char *id, const char *label, const char *attributes)
{
	printf("  ");
	output_quoted(id);
	printf(" [label=");
	output_quoted(label);
	printf("%s];\n", attributes);
}

static void print_edge(const char *from, const char *to, const char *attributes)
{
	printf("  ");
	output_quoted(from);
	printf(" -> ");
	output_quoted(to);
	printf(" [dir=both%s];\n", attributes);
}

static char *node_id(const json_t *hop)
{
	cleanup_free char *umbox = shown(hop, "umbox");
	return mem_printf("%s/%s/%s", text_of(hop, "role"), text_of(hop, "name"), umbox);
}

static void print_role_dot(const json_t *chain, const char *role)
{
	const json_t *hops[HOPS_SHOWN_MAX];
	bool in_force = strcmp(role, "in_force") == 0;
	unsigned count = hops_of(chain, role, hops, HOPS_SHOWN_MAX);
	cleanup_free char *before = mem_copy_text("device");
	for (unsigned i = 0; i < count; i++) {
		char *id = node_id(hops[i]);
		cleanup_free char *umbox = shown(hops[i], "umbox");
		cleanup_free char *label = mem_printf("%s %s (%s)", text_of(hops[i], "name"), umbox,
						      role);
		print_node(id, label, in_force ? ", shape=box" : ", shape=box, style=dashed");
		if (in_force || i)
			print_edge(before, id, in_force ? "" : ", style=dashed");
		free(before);
		before = id;
	}
	if (in_force && text_equal(text_of(chain, "path"), "whole"))
		print_edge(before, "network", "");
}

static void print_dot(const json_t *chain)
{
	printf("digraph ");
	output_quoted(text_of(chain, "device"));
	printf(" {\n  rankdir=LR;\n");
	print_node("device", text_of(chain, "device"), "");
	print_node("network", "network", "");
	for (unsigned i = 0; i < ARRAY_SIZE(ROLES); i++)
		print_role_dot(chain, ROLES[i]);
	printf("}\n");
}

int run_chain_graph(struct cli *cli)
{
	json_t *chain = NULL;
	int code = chain_get(cli, cli_argument(cli, 0), &chain);
	if (code == 0 && cli_flag(cli, FLAG_DOT)) {
		print_dot(chain);
	} else if (code == 0 && !output_json(cli, chain)) {
		for (unsigned i = 0; i < ARRAY_SIZE(ROLES); i++)
			print_role(chain, ROLES[i]);
	}
	json_decref(chain);
	return code;
}
