/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/policy_include.c - what a device type takes from files beside its own: sensors and rules
 * that hold for several types. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/policy_internal.h"
#include "codec/schema.h"

bool document_is_included(const struct document *document)
{
	const struct document_node *root = document_root(document);
	return root && !document_find(root, "type") && !document_find(root, "states") &&
	       (document_find(root, "rules") || document_find(root, "sensors"));
}

static void pass_over(struct reading *reading maybe_unused,
		      const struct document_node *node maybe_unused, void *target maybe_unused)
{
}

/* Its rules wait for the states. */
static const struct field included_fields[] = {
	{"description", FIELD_OTHER, .read = pass_over,
	 .about = "what these rules are for, for people"},
	{"sensors", FIELD_OTHER, .read = read_sensors,
	 .about = "what devices of the types that include this measure",
	 .describe = describe_sensors},
	{"rules", FIELD_OTHER, .read = pass_over,
	 .about = "rules of the types that include this, behind their own",
	 .describe = describe_rules},
};

json_t *describe_included(void)
{
	return SCHEMA_MAP(included_fields);
}

json_t *describe_include(void)
{
	return schema_list(schema_name(), 0, INCLUDES_MAX);
}

static void take_included(struct type_reading *type, struct document *document)
{
	struct type_reading inner = *type;
	inner.outer = type;
	inner.reading.document = document;
	type->included[type->included_count++] = document;
	(void)fields_read(&inner.reading, document_root(document), included_fields,
			  ARRAY_SIZE(included_fields), type->reading.data);
}

static void open_included(struct type_reading *type, const struct document_node *item)
{
	struct reading *reading = &type->reading;
	struct error err = {0};
	const char *name = read_text(reading, item);
	if (!name)
		return;
	if (name_check("file", name, &err) < 0) {
		document_complain(reading->document, item, reading->complaints,
				  "the name of a file beside this one", "%s", err.text);
		return;
	}
	const char *file = document_file(reading->document), *slash = strrchr(file, '/');
	cleanup_free char *path = mem_printf("%.*s%s", slash ? (int)(slash + 1 - file) : 0, file,
					     name);
	unsigned before = reading->complaints->count;
	struct document *document;
	if (document_read_file(&document, path, reading->complaints, &err) == 0)
		take_included(type, document);
	else if (reading->complaints->count == before)
		document_complain(reading->document, item, reading->complaints,
				  "a file beside this one", "%s", err.text);
}

void read_include(struct reading *reading, const struct document_node *list,
		  void *target maybe_unused)
{
	struct type_reading *type = container_of(reading, struct type_reading, reading);
	if (!read_is_list(reading, list, INCLUDES_MAX))
		return;
	for (const struct document_node *item = list->first; item; item = item->next)
		open_included(type, item);
}

void read_included_rules(struct type_reading *type)
{
	for (unsigned i = 0; i < type->included_count; i++) {
		struct type_reading inner = *type;
		inner.outer = type;
		inner.reading.document = type->included[i];
		const struct document_node *root = document_root(type->included[i]);
		const struct document_node *rules = root->kind == DOCUMENT_MAP
							    ? document_find(root, "rules")
							    : NULL;
		if (rules)
			read_rules(&inner.reading, rules, type->reading.data);
	}
}

void read_digest(const struct type_reading *type, char text[static DIGEST_TEXT_BYTES])
{
	char digests[(INCLUDES_MAX + 1) * DIGEST_TEXT_BYTES];
	size_t length = DIGEST_TEXT_BYTES - 1;
	document_digest(type->reading.document, text);
	if (!type->included_count)
		return;
	memcpy(digests, text, length);
	for (unsigned i = 0; i < type->included_count; i++)
		document_digest(type->included[i], digests + (i + 1) * length);
	digest_text(text, digests, (type->included_count + 1) * length);
}

void type_reading_done(struct type_reading *type)
{
	for (unsigned i = 0; i < type->included_count; i++)
		document_free(type->included[i]);
	policy_types_done(&type->siblings);
}
