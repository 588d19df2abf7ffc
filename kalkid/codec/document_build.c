/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/document_build.c - libyaml's events into the tree; what makes readers of YAML disagree is
 * refused here. */
#include "codec/document_internal.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/mem.h"

/* A list or map that is open, and where its next entry goes. */
struct level {
	struct document_node *node, *last;
	char *key; /* of the entry to come; NULL: the next scalar is one */
	unsigned key_line, key_column;
};

struct builder {
	struct document *document;
	struct complaints *complaints;
	struct level levels[DOCUMENT_DEPTH_MAX];
	unsigned depth, nodes, documents;
};

static struct level *open_level(struct builder *builder)
{
	return builder->depth ? &builder->levels[builder->depth - 1] : NULL;
}

static void attach(struct builder *builder, struct document_node *node)
{
	struct level *level = open_level(builder);
	if (!level) {
		builder->document->root = node;
		return;
	}
	node->parent = level->node;
	node->key = take(level->key);
	node->key_line = level->key_line;
	node->key_column = level->key_column;
	node->index = level->last ? level->last->index + 1 : 0;
	if (level->last)
		level->last->next = node;
	else
		level->node->first = node;
	level->last = node;
}

static struct document_node *add_node(struct builder *builder, enum document_kind kind,
				      const yaml_mark_t *mark)
{
	struct document_node *node = mem_alloc(sizeof(*node));
	node->kind = kind;
	node->line = (unsigned)mark->line + 1;
	node->column = (unsigned)mark->column + 1;
	attach(builder, node);
	builder->nodes++;
	return node;
}

static bool refuse(struct builder *builder, const yaml_mark_t *mark, const char *right,
		   const char *words)
{
	struct level *level = open_level(builder);
	document_complain_at(builder->document, (unsigned)mark->line + 1,
			     (unsigned)mark->column + 1, level ? level->node : NULL,
			     builder->complaints, right, "%s", words);
	return false;
}

static void refuse_decoration(struct builder *builder, const yaml_mark_t *mark,
			      const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		refuse(builder, mark, "write the value out", "anchors are not allowed");
	if (tag)
		refuse(builder, mark, "leave it out", "tags are not allowed");
}

static bool awaits_key(struct builder *builder)
{
	struct level *level = open_level(builder);
	return level && level->node->kind == DOCUMENT_MAP && !level->key;
}

static void resolve(struct builder *builder, struct document_node *node)
{
	const char *right = NULL;
	const char *wrong = scalar_resolve(node, &right);
	if (wrong)
		document_complain(builder->document, node, builder->complaints, right, "%s: %.40s",
				  wrong, node->text);
}

static bool is_bare(const yaml_event_t *event)
{
	return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static void take_key(struct builder *builder, const yaml_event_t *event)
{
	struct level *level = open_level(builder);
	const char *text = (const char *)event->data.scalar.value;
	level->key_line = (unsigned)event->start_mark.line + 1;
	level->key_column = (unsigned)event->start_mark.column + 1;
	struct document_node as_value = {.kind = DOCUMENT_TEXT, .text = text};
	const char *right;
	if (is_bare(event) && (scalar_resolve(&as_value, &right) || as_value.kind != DOCUMENT_TEXT))
		refuse(builder, &event->start_mark, "write quotes around it", "a key must be text");
	level->key = mem_copy_text(text);
}

static bool take_scalar(struct builder *builder, const yaml_event_t *event)
{
	refuse_decoration(builder, &event->start_mark, event->data.scalar.anchor,
			  event->data.scalar.tag);
	if (strlen((const char *)event->data.scalar.value) != event->data.scalar.length)
		return refuse(builder, &event->start_mark, NULL, "text may not hold a NUL");
	if (awaits_key(builder)) {
		take_key(builder, event);
		return true;
	}
	struct document_node *node = add_node(builder, DOCUMENT_TEXT, &event->start_mark);
	node->text = mem_copy_text((const char *)event->data.scalar.value);
	if (is_bare(event))
		resolve(builder, node);
	return true;
}

static bool open_collection(struct builder *builder, enum document_kind kind,
			    const yaml_mark_t *mark)
{
	if (awaits_key(builder))
		return refuse(builder, mark, "one word", "a key must be text");
	if (builder->depth == DOCUMENT_DEPTH_MAX)
		return refuse(builder, mark, NULL, "nested too deeply");
	struct document_node *node = add_node(builder, kind, mark);
	builder->levels[builder->depth++] = (struct level){.node = node};
	return true;
}

static int compare_keys(const void *a, const void *b)
{
	const struct document_node *left = *(struct document_node *const *)a,
				   *right = *(struct document_node *const *)b;
	int order = strcmp(left->key, right->key);
	return order ? order : (left->index > right->index) - (left->index < right->index);
}

static void refuse_equal_keys(struct builder *builder, const struct document_node *map)
{
	size_t count = 0;
	for (const struct document_node *entry = map->first; entry; entry = entry->next)
		count++;
	cleanup_free const struct document_node **entries = mem_alloc_array(count,
									    sizeof(*entries));
	count = 0;
	for (const struct document_node *entry = map->first; entry; entry = entry->next)
		entries[count++] = entry;
	qsort(entries, count, sizeof(*entries), compare_keys);
	for (size_t i = 1; i < count; i++)
		if (strcmp(entries[i]->key, entries[i - 1]->key) == 0)
			document_complain_key(builder->document, entries[i], builder->complaints,
					      NULL, "this key is already there, in line %u",
					      entries[i - 1]->key_line);
}

static void close_collection(struct builder *builder)
{
	struct level *level = open_level(builder);
	if (level->node->kind == DOCUMENT_MAP)
		refuse_equal_keys(builder, level->node);
	builder->depth--;
}

static bool take_alias(struct builder *builder, const yaml_mark_t *mark)
{
	refuse(builder, mark, "write the value out", "aliases are not allowed");
	if (awaits_key(builder))
		return false;
	add_node(builder, DOCUMENT_NULL, mark);
	return true;
}

/* False: nothing more can be read. */
static bool take_event(struct builder *builder, const yaml_event_t *event)
{
	const yaml_mark_t *mark = &event->start_mark;
	if (builder->nodes > DOCUMENT_NODES_MAX)
		return refuse(builder, mark, NULL, "too many values");
	switch (event->type) {
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT: return true;
	case YAML_DOCUMENT_START_EVENT:
		if (builder->documents++)
			return refuse(builder, mark, "one file for each", "a second document");
		return true;
	case YAML_ALIAS_EVENT: return take_alias(builder, mark);
	case YAML_SCALAR_EVENT: return take_scalar(builder, event);
	case YAML_SEQUENCE_START_EVENT:
		refuse_decoration(builder, mark, event->data.sequence_start.anchor,
				  event->data.sequence_start.tag);
		return open_collection(builder, DOCUMENT_LIST, mark);
	case YAML_MAPPING_START_EVENT:
		refuse_decoration(builder, mark, event->data.mapping_start.anchor,
				  event->data.mapping_start.tag);
		return open_collection(builder, DOCUMENT_MAP, mark);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT: close_collection(builder); return true;
	}
	return false;
}

static void complain_of_parser(struct builder *builder, const yaml_parser_t *parser)
{
	unsigned line = (unsigned)parser->problem_mark.line + 1;
	unsigned column = (unsigned)parser->problem_mark.column + 1;
	const char *problem = parser->problem ? parser->problem : "cannot be read";
	const char *right = NULL;
	if (parser->error == YAML_READER_ERROR) {
		document_place(builder->document, parser->problem_offset, &line, &column);
		right = "UTF-8";
	} else if (strstr(problem, "mapping values are not allowed")) {
		right = "text with a colon and a space in it needs quotes around it";
	}
	struct level *level = open_level(builder);
	document_complain_at(builder->document, line, column, level ? level->node : NULL,
			     builder->complaints, right, "%s", problem);
}

/* True when the stream has been read to its end. */
static bool take_events(struct builder *builder, yaml_parser_t *parser)
{
	for (;;) {
		yaml_event_t event;
		if (!yaml_parser_parse(parser, &event)) {
			complain_of_parser(builder, parser);
			return false;
		}
		bool taken = take_event(builder, &event);
		bool end = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
		if (!taken || end)
			return taken;
	}
}

bool document_build(struct document *document, struct complaints *complaints)
{
	struct builder builder = {.document = document, .complaints = complaints};
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser))
		abort(); /* out of memory, as base/mem.h */
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)document->source,
				     document->source_bytes);
	bool whole = take_events(&builder, &parser);
	yaml_parser_delete(&parser);
	for (unsigned i = 0; i < builder.depth; i++)
		free(builder.levels[i].key);
	if (whole && !document->root)
		document->root = add_node(&builder, DOCUMENT_NULL, &(yaml_mark_t){0});
	return whole;
}
