/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/policy_types.c - the names of device types, their sensors and states, for the conditions
 * of other types: read before anything else of them. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/policy_internal.h"

static void read_names_only(struct reading *reading, const struct document_node *map,
			    void *target maybe_unused)
{
	if (map->kind == DOCUMENT_MAP)
		read_state_names(reading, map);
}

static const struct field outline_fields[] = {
	{"type", FIELD_NAME, .required = true, FIELD_AT(struct policy, type)},
	{"include", FIELD_OTHER, .read = read_include},
	{"sensors", FIELD_OTHER, .read = read_sensors},
	{"states", FIELD_OTHER, .read = read_names_only},
};

void policy_types_add(struct policy_outlines *outlines, const struct document *document)
{
	struct complaints complaints = {0}; /* each is told when the type itself is read */
	struct policy *policy = policy_new();
	struct type_reading type = {
		.reading = {.document = document, .complaints = &complaints, .data = policy},
	};
	const struct document_node *root = document_root(document);
	if (root)
		(void)fields_read(&type.reading, root, outline_fields, ARRAY_SIZE(outline_fields),
				  policy);
	if (policy->type[0] && outlines->types.count < POLICIES_MAX) {
		outlines->items = mem_resize(outlines->items, outlines->types.count + 1,
					     sizeof(struct policy *));
		outlines->items[outlines->types.count++] = policy;
		outlines->types.items = (const struct policy *const *)outlines->items;
	} else {
		policy_free(policy);
	}
	type_reading_done(&type);
	complaints_done(&complaints);
}

void policy_types_done(struct policy_outlines *outlines)
{
	for (unsigned i = 0; i < outlines->types.count; i++)
		policy_free(outlines->items[i]);
	free(outlines->items);
	*outlines = (struct policy_outlines){0};
}

static bool is_type_file(const char *name)
{
	const char *end = strrchr(name, '.');
	size_t length = strlen(name), test = strlen(".test.yaml");
	bool is_test = length > test && text_equal(name + length - test, ".test.yaml");
	return name[0] != '.' && end && (text_equal(end, ".yaml") || text_equal(end, ".json")) &&
	       !is_test;
}

void policy_types_beside(struct policy_outlines *outlines, const struct document *document)
{
	const char *file = document_file(document), *slash = strrchr(file, '/');
	cleanup_free char *directory = slash ? mem_printf("%.*s", (int)(slash - file), file)
					     : mem_copy_text(".");
	struct dirent **entries;
	int count = scandir(directory, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		cleanup_free char *path = mem_printf("%s/%s", directory, entries[i]->d_name);
		struct complaints complaints = {0};
		struct document *sibling = NULL;
		if (is_type_file(entries[i]->d_name) &&
		    document_read_file(&sibling, path, &complaints, NULL) == 0)
			policy_types_add(outlines, sibling);
		document_free(sibling);
		complaints_done(&complaints);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}
