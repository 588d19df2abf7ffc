/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy_graph_svg.c - the graph of a policy as a picture: states from the loosest above to the
 * tightest below, what tightens on the right, what loosens on the left.
 *
 * Each way has a lane of its own beside the boxes, and its words a row of their own below the upper
 * box: nothing overlaps, however many there are. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/policy_graph.h"
#include "cli/xml.h"

enum {
	LETTER = 7, /* width of a character, generously */
	LINE = 18,
	PADDING = 10,
	LANE = 16,
	MARGIN = 20,
	BOX_MIN = 160,
	WORDS_MAX = 60, /* characters shown of a line */
};

struct box {
	struct buffer lines[3]; /* name, chain, what acts */
	unsigned line_count;
	int y, height;
	unsigned ports[2], port_next[2]; /* ways that begin or end on each side */
	unsigned rows;                   /* of words below it */
};

struct way {
	const struct graph_edge *edge;
	unsigned upper, lower;
	unsigned side; /* 0 left, 1 right */
	unsigned lane, row;
};

struct picture {
	const struct graph *graph;
	struct box boxes[POLICY_STATES_MAX];
	struct way *ways;
	unsigned lanes[2];
	int words[2]; /* widths of the widest on each side */
	int box_x, box_width, width, height;
};

static int width_of(const char *text)
{
	int letters = 0;
	for (; *text; text++)
		letters += (*text & 0xc0) != 0x80;
	return LETTER * (letters < WORDS_MAX ? letters : WORDS_MAX);
}

/* --- layout --- */

static void fill_box(struct picture *picture, unsigned index)
{
	const struct policy *policy = picture->graph->policy;
	const struct policy_state *state = &policy->states[index];
	struct box *box = &picture->boxes[index];
	buffer_print(&box->lines[0], "%s%s%s", state->name,
		     index == policy->initial ? " (initial)" : "", state->final ? " (final)" : "");
	graph_print_chain(&box->lines[1], &state->posture);
	box->line_count = 2;
	graph_print_acts(&box->lines[2], policy, index);
	if (box->lines[2].length)
		box->line_count = 3;
	for (unsigned i = 0; i < box->line_count; i++) {
		int width = width_of(box->lines[i].bytes) + (i == 2 ? 6 * LETTER : 0);
		picture->box_width = max_of(picture->box_width, width + 2 * PADDING);
	}
}

static int compare_spans(const void *a, const void *b)
{
	const struct way *left = a, *right = b;
	unsigned left_span = left->lower - left->upper, right_span = right->lower - right->upper;
	if (left_span != right_span)
		return left_span < right_span ? -1 : 1;
	return (left->edge > right->edge) - (left->edge < right->edge);
}

/* The innermost lane that no way of the same stretch has. */
static unsigned free_lane(const struct picture *picture, unsigned index)
{
	const struct way *way = &picture->ways[index];
	for (unsigned lane = 0;; lane++) {
		bool taken = false;
		for (unsigned i = 0; i < index; i++) {
			const struct way *other = &picture->ways[i];
			taken |= other->side == way->side && other->lane == lane &&
				 other->upper <= way->lower && way->upper <= other->lower;
		}
		if (!taken)
			return lane;
	}
}

static void lay_ways(struct picture *picture)
{
	const struct graph *graph = picture->graph;
	for (unsigned i = 0; i < graph->edge_count; i++) {
		const struct graph_edge *edge = &graph->edges[i];
		picture->ways[i] = (struct way){
			.edge = edge,
			.upper = min_of(edge->from, edge->to),
			.lower = max_of(edge->from, edge->to),
			.side = edge->to > edge->from,
		};
	}
	qsort(picture->ways, graph->edge_count, sizeof(*picture->ways), compare_spans);
	for (unsigned i = 0; i < graph->edge_count; i++) {
		struct way *way = &picture->ways[i];
		way->lane = free_lane(picture, i);
		way->row = picture->boxes[way->upper].rows++;
		picture->boxes[way->upper].ports[way->side]++;
		picture->boxes[way->lower].ports[way->side]++;
		picture->lanes[way->side] = max_of(picture->lanes[way->side], way->lane + 1);
		picture->words[way->side] = max_of(picture->words[way->side],
						   width_of(way->edge->label));
	}
}

static void lay_boxes(struct picture *picture)
{
	int y = MARGIN;
	for (unsigned i = 0; i < picture->graph->policy->state_count; i++) {
		struct box *box = &picture->boxes[i];
		unsigned ports = max_of(box->ports[0], box->ports[1]);
		box->y = y;
		box->height = max_of((int)box->line_count * LINE, (int)(ports + 1) * 8) + PADDING;
		y += box->height + (int)(box->rows + 1) * LINE;
	}
	picture->height = y + MARGIN;
	picture->box_x = MARGIN + picture->words[0] + (int)(picture->lanes[0] + 1) * LANE;
	picture->width = picture->box_x + picture->box_width + (int)(picture->lanes[1] + 1) * LANE +
			 picture->words[1] + MARGIN;
}

/* --- drawing --- */

static void draw_text(struct buffer *svg, int x, int y, const char *class, const char *text)
{
	cleanup_free char *words = mem_copy_text(text);
	size_t cut = 0;
	for (unsigned letters = 0; words[cut] && letters < WORDS_MAX; letters++)
		for (cut++; (words[cut] & 0xc0) == 0x80;)
			cut++;
	bool whole = !words[cut];
	words[cut] = '\0';
	buffer_print(svg, "<text x=\"%d\" y=\"%d\" class=\"%s\">", x, y, class);
	xml_escape(svg, words);
	buffer_print(svg, "%s</text>\n", whole ? "" : "…");
}

static void draw_box(struct buffer *svg, const struct picture *picture, unsigned index)
{
	const struct box *box = &picture->boxes[index];
	bool initial = index == picture->graph->policy->initial;
	buffer_print(
		svg,
		"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\" class=\"box%s\"/>\n",
		picture->box_x, box->y, picture->box_width, box->height, initial ? " initial" : "");
	for (unsigned i = 0; i < box->line_count; i++) {
		cleanup_free char *line = mem_printf("%s%s", i == 2 ? "acts: " : "",
						     box->lines[i].bytes);
		draw_text(svg, picture->box_x + PADDING, box->y + PADDING / 2 + 14 + (int)i * LINE,
			  i ? "chain" : "name", line);
	}
}

/* Where the next way of the side begins or ends. */
static int take_port(struct box *box, unsigned side)
{
	unsigned port = ++box->port_next[side];
	return box->y + box->height * (int)port / (int)(box->ports[side] + 1);
}

static void draw_way(struct buffer *svg, struct picture *picture, const struct way *way)
{
	const struct graph_edge *edge = way->edge;
	bool right = way->side;
	int direction = right ? 1 : -1;
	int side_x = picture->box_x + (right ? picture->box_width : 0);
	int lane_x = side_x + direction * (int)(way->lane + 1) * LANE;
	int from_y = take_port(&picture->boxes[edge->from], way->side);
	int to_y = take_port(&picture->boxes[edge->to], way->side);
	buffer_print(svg, "<path d=\"M%d %dH%dV%dH%d\" class=\"%s\" marker-end=\"url(#arrow)\"/>\n",
		     side_x, from_y, lane_x, to_y, side_x + direction * 2,
		     edge->calm ? "way calm" : "way");
}

static void draw_words(struct buffer *svg, const struct picture *picture, const struct way *way)
{
	const struct box *upper = &picture->boxes[way->upper];
	int beside = (int)(way->lane + 1) * LANE + 5;
	int x = way->side ? picture->box_x + picture->box_width + beside : picture->box_x - beside;
	draw_text(svg, x, upper->y + upper->height + (int)(way->row + 1) * LINE,
		  way->side ? "label" : "label left", way->edge->label);
}

static void draw(struct buffer *svg, struct picture *picture)
{
	static const char style[] =
		"svg{background:#fff}"
		"text{font:12px sans-serif;fill:#222;paint-order:stroke;stroke:#fff;stroke-width:4px}"
		".name{font-weight:bold;stroke:none}.chain{stroke:none;fill:#444}"
		".left{text-anchor:end}.box{fill:#f2f5f9;stroke:#345}.initial{stroke-width:2.5}"
		".way{fill:none;stroke:#345;stroke-width:1.3}.calm{stroke-dasharray:5 4}";
	buffer_print(svg,
		     "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		     "viewBox=\"0 0 %d %d\">\n<title>",
		     picture->width, picture->height, picture->width, picture->height);
	xml_escape(svg, picture->graph->policy->type);
	buffer_print(svg,
		     "</title>\n<style>%s</style>\n<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" "
		     "refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">"
		     "<path d=\"M0 0L8 4L0 8z\" fill=\"#345\"/></marker></defs>\n",
		     style);
	for (unsigned i = 0; i < picture->graph->edge_count; i++)
		draw_way(svg, picture, &picture->ways[i]);
	for (unsigned i = 0; i < picture->graph->edge_count; i++) /* above all lines */
		draw_words(svg, picture, &picture->ways[i]);
	for (unsigned i = 0; i < picture->graph->policy->state_count; i++)
		draw_box(svg, picture, i);
	buffer_print(svg, "</svg>\n");
}

void graph_print_svg(struct buffer *svg, const struct graph *graph)
{
	struct picture *picture = mem_alloc(sizeof(*picture));
	picture->graph = graph;
	picture->box_width = BOX_MIN;
	picture->ways = mem_alloc_array(graph->edge_count + 1, sizeof(*picture->ways));
	for (unsigned i = 0; i < graph->policy->state_count; i++)
		fill_box(picture, i);
	lay_ways(picture);
	lay_boxes(picture);
	draw(svg, picture);
	for (unsigned i = 0; i < graph->policy->state_count; i++)
		for (unsigned j = 0; j < ARRAY_SIZE(picture->boxes[i].lines); j++)
			buffer_done(&picture->boxes[i].lines[j]);
	free(picture->ways);
	free(picture);
}
