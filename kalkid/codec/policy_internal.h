/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/policy_internal.h - shared by the files that read a device type; `reading->data` is the
 * policy. */
#pragma once

#include "codec/fields.h"
#include "codec/files.h"

enum { INCLUDES_MAX = 8 };

/* A type while it is read. */
struct type_reading {
	struct reading reading;
	struct type_reading *outer;       /* of an included file: the type that includes it */
	const struct policy_types *types; /* NULL: those beside it, once one is asked for */
	struct policy_outlines siblings;
	struct document *included[INCLUDES_MAX];
	unsigned included_count;
};
void type_reading_done(struct type_reading *type);

/* policy_file.c */
void read_rules(struct reading *reading, const struct document_node *list, void *target);
void read_state_names(struct reading *reading, const struct document_node *map);

/* policy_include.c: sensors at once, rules behind the type's own */
void read_include(struct reading *reading, const struct document_node *list, void *target);
void read_included_rules(struct type_reading *type);
/* Of all that the type is made of. */
void read_digest(const struct type_reading *type, char text[static DIGEST_TEXT_BYTES]);

/* policy_sensors.c */
void read_sensors(struct reading *reading, const struct document_node *map, void *target);

/* policy_sources.c: behind the sensors */
void read_sources(struct reading *reading, const struct document_node *list, void *target);

/* policy_commands.c */
void read_commands(struct reading *reading, const struct document_node *map, void *target);

/* policy_actions.c: behind the commands */
void read_actions(struct reading *reading, const struct document_node *list, void *target);
/* How much more often than standard the sources are asked. */
void read_factor(struct reading *reading, const struct document_node *node, double *ret);

/* What these read, for editors: see codec/schema.h. */
json_t *describe_included(void);
json_t *describe_include(void);
json_t *describe_rules(void);
json_t *describe_sensors(void);
json_t *describe_sources(void);
json_t *describe_commands(void);
json_t *describe_actions(void);
json_t *describe_factor(void);

/* policy_types.c: those of all files in the document's directory */
void policy_types_beside(struct policy_outlines *outlines, const struct document *document);
