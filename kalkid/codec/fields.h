/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/fields.h - maps of the operator's files by table: each key with its kind, its limits, its
 * default and its place in a struct. */
#pragma once

#include "codec/document.h"

/* Which file is read and where what is wrong goes. */
struct reading {
	const struct document *document;
	struct complaints *complaints;
	void *data; /* of whoever reads */
};

enum field_kind {
	FIELD_TEXT,     /* char[size]; printable, at most max bytes where max is given */
	FIELD_NAME,     /* char[NAME_BYTES]: see name_check */
	FIELD_LINK,     /* char[LINK_NAME_BYTES]: a network interface */
	FIELD_BOOLEAN,  /* bool */
	FIELD_UNSIGNED, /* unsigned, min to max */
	FIELD_DURATION, /* int64_t microseconds, min to max */
	FIELD_SIZE,     /* int64_t bytes, min to max: 512MiB */
	FIELD_CHOICE,   /* unsigned (an enum): index in choices */
	FIELD_OTHER,    /* read() does it */
	FIELD_KIND_COUNT,
};

struct field {
	const char *key;
	enum field_kind kind;
	bool required;
	size_t offset, size;
	int64_t min, max;
	const char *standard;       /* as one would write it; NULL: zero */
	const char *const *choices; /* the last is NULL */
	void (*read)(struct reading *reading, const struct document_node *node, void *target);
	/* For editors: what the key means, and which values read() takes: see codec/schema.h. */
	const char *about;
	json_t *(*describe)(void);
};

#define FIELD_AT(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)

/* Puts the defaults in; what has none is left alone. */
void fields_set_standard(const struct field *fields, size_t count, void *target);
/* Reads the map's entries, in the table's order; the others keep what they have.  False when
 * something was complained of. */
bool fields_read(struct reading *reading, const struct document_node *map,
		 const struct field *fields, size_t count, void *target);

/* read_NAME and describe_NAME for a key that holds a map of its own, read by NAME_fields into the
 * same target. */
#define FIELDS_SECTION(name)                                                               \
	static void read_##name(struct reading *reading, const struct document_node *node, \
				void *target)                                              \
	{                                                                                  \
		(void)fields_read(reading, node, name##_fields, ARRAY_SIZE(name##_fields), \
				  target);                                                 \
	}                                                                                  \
	static json_t *describe_##name(void)                                               \
	{                                                                                  \
		return schema_map(name##_fields, ARRAY_SIZE(name##_fields));               \
	}

/* The node's text, or NULL and a complaint. */
const char *read_text(struct reading *reading, const struct document_node *node);
bool read_is_list(struct reading *reading, const struct document_node *node, unsigned max);
bool read_name(struct reading *reading, const struct document_node *node, char *target);
/* `what` is no known one; says which is meant. */
void complain_unknown(struct reading *reading, const struct document_node *node, const char *what,
		      const char *word, const char *const *known, size_t count);
