/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy_graph.c - see policy_graph.h: as text, for graphviz, and as SVG. */
#include "cli/policy_graph.h"

#include <stdlib.h>

#include "base/duration.h"
#include "base/mem.h"
#include "cli/policy_source.h"

enum { LABEL_NAMES_MAX = 4 };

static char *label_of(const struct policy *policy, unsigned from, unsigned to)
{
	struct buffer label = {0};
	unsigned count = 0;
	for (unsigned i = 0; i < policy->rule_count; i++) {
		const struct policy_rule *rule = &policy->rules[i];
		if (!(rule->from >> from & 1) || policy_rule_to(rule, from) != to)
			continue;
		if (count++ < LABEL_NAMES_MAX)
			buffer_print(&label, "%s%s%s", label.length ? ", " : "", rule->name,
				     rule->shadow ? " (shadow)" : "");
	}
	if (count > LABEL_NAMES_MAX)
		buffer_print(&label, " and %u more", count - LABEL_NAMES_MAX);
	return label.bytes;
}

static void add_edge(struct graph *graph, unsigned from, unsigned to, bool calm, char *label)
{
	struct graph_edge *edge = &graph->edges[graph->edge_count++];
	*edge = (struct graph_edge){from, to, calm, NULL};
	edge->label = label;
}

static void graph_init(struct graph *graph, const struct policy *policy)
{
	unsigned states = policy->state_count;
	*graph = (struct graph){.policy = policy};
	graph->edges = mem_alloc_array((size_t)states * (states + 1), sizeof(*graph->edges));
	for (unsigned from = 0; from < states; from++) {
		const struct policy_state *state = &policy->states[from];
		for (unsigned to = 0; to < states; to++) {
			char *label = from == to ? NULL : label_of(policy, from, to);
			if (label)
				add_edge(graph, from, to, false, label);
		}
		if (!state->calm_us)
			continue;
		char time[DURATION_TEXT_BYTES];
		duration_print(time, state->calm_us);
		add_edge(graph, from, state->calm_to, true, mem_printf("%s without alert", time));
	}
}

static void graph_done(struct graph *graph)
{
	for (unsigned i = 0; i < graph->edge_count; i++)
		free(graph->edges[i].label);
	free(graph->edges);
	*graph = (struct graph){0};
}

void graph_print_chain(struct buffer *text, const struct posture *posture)
{
	if (posture->mode != POSTURE_CHAIN)
		buffer_print(text, "%s", posture_mode_name(posture->mode));
	for (unsigned i = 0; i < posture->hop_count; i++)
		buffer_print(text, "%s%s%s%s", i ? " > " : "", posture->hops[i].name,
			     posture->hops[i].fail == HOP_FAIL_OPEN ? " (fails open)" : "",
			     posture->hops[i].shadow ? " (shadow)" : "");
}

void graph_print_acts(struct buffer *text, const struct policy *policy, unsigned state)
{
	size_t before = text->length;
	for (unsigned i = 0; i < policy->rule_count; i++) {
		const struct policy_rule *rule = &policy->rules[i];
		if ((rule->from >> state & 1) && policy_rule_to(rule, state) == state)
			buffer_print(text, "%s%s%s", text->length > before ? ", " : "", rule->name,
				     rule->shadow ? " (shadow)" : "");
	}
}

/* --- text --- */

static void print_text_state(const struct graph *graph, unsigned index)
{
	const struct policy *policy = graph->policy;
	const struct policy_state *state = &policy->states[index];
	cleanup_buffer struct buffer chain = {0}, acts = {0};
	graph_print_chain(&chain, &state->posture);
	graph_print_acts(&acts, policy, index);
	output_print("[%s] %s%s%s", state->name, chain.bytes,
		     index == policy->initial ? "   (initial)" : "",
		     state->final ? "   (final)" : "");
	for (unsigned i = 0; i < graph->edge_count; i++) {
		const struct graph_edge *edge = &graph->edges[i];
		if (edge->from == index)
			output_print("   %s %s: %s",
				     edge->calm              ? "~~>"
				     : edge->to > edge->from ? "==>"
							     : "-->",
				     policy->states[edge->to].name, edge->label);
	}
	if (acts.length)
		output_print("   acts: %s", acts.bytes);
}

/* --- graphviz --- */

static void print_dot(const struct graph *graph)
{
	const struct policy *policy = graph->policy;
	printf("digraph ");
	output_quoted(policy->type);
	printf(" {\n  node [shape=box];\n");
	for (unsigned i = 0; i < policy->state_count; i++) {
		cleanup_buffer struct buffer label = {0};
		buffer_print(&label, "%s\n", policy->states[i].name);
		graph_print_chain(&label, &policy->states[i].posture);
		printf("  ");
		output_quoted(policy->states[i].name);
		printf(" [label=");
		output_quoted(label.bytes);
		printf("%s];\n", i == policy->initial ? ", style=bold" : "");
	}
	for (unsigned i = 0; i < graph->edge_count; i++) {
		const struct graph_edge *edge = &graph->edges[i];
		printf("  ");
		output_quoted(policy->states[edge->from].name);
		printf(" -> ");
		output_quoted(policy->states[edge->to].name);
		printf(" [label=");
		output_quoted(edge->label);
		printf("%s];\n", edge->calm ? ", style=dashed" : "");
	}
	printf("}\n");
}

/* --- command --- */

static void print_graph(const struct graph *graph, const char *format)
{
	if (text_equal(format, "dot")) {
		print_dot(graph);
	} else if (text_equal(format, "svg")) {
		cleanup_buffer struct buffer svg = {0};
		graph_print_svg(&svg, graph);
		fputs(svg.bytes, stdout);
	} else {
		for (unsigned i = 0; i < graph->policy->state_count; i++)
			print_text_state(graph, i);
	}
}

int run_policy_graph(struct cli *cli)
{
	cleanup_policy_source struct policy_source source;
	struct graph graph;
	int code = policy_source_open(&source, cli_argument(cli, 0));
	if (code)
		return code;
	graph_init(&graph, source.policy);
	print_graph(&graph, cli_flag(cli, FLAG_FORMAT));
	graph_done(&graph);
	return 0;
}
