/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy_graph.h - a policy as a graph: its states, and the ways between them. */
#pragma once

#include "core/policy.h"

struct buffer;

/* All rules that lead from one state to another, or calm. */
struct graph_edge {
	unsigned from, to;
	bool calm;
	char *label; /* names of the rules, or the time */
};

struct graph {
	const struct policy *policy;
	struct graph_edge *edges;
	unsigned edge_count;
};

/* "guard > stats (fails open)", pass, block. */
void graph_print_chain(struct buffer *text, const struct posture *posture);
/* Names of the rules that only act in the state, "" for none. */
void graph_print_acts(struct buffer *text, const struct policy *policy, unsigned state);

/* A whole SVG document. */
void graph_print_svg(struct buffer *svg, const struct graph *graph);
