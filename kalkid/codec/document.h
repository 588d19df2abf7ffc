/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/document.h - one reader for YAML (a strict subset) and JSON files into one tree with
 * positions; readers of files walk it and collect every error, not only the first.
 *
 * Refused: anchors, aliases, tags, duplicate keys, bare yes/no/on/off, several documents, more than
 * the limits below. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/text.h"

enum {
	DOCUMENT_BYTES_MAX = 1024 * 1024,
	DOCUMENT_DEPTH_MAX = 32,
	DOCUMENT_NODES_MAX = 100000,
	DOCUMENT_ERRORS_MAX = 100,
};

struct document;

/* Error lines "file:line:column: path: what is wrong (what would be right)". */
struct complaints {
	struct buffer text; /* one a line */
	unsigned count;
};
void complaints_done(struct complaints *complaints);
/* One line that stands for no place in a file that could be read. */
void complaints_add(struct complaints *complaints, const char *format, ...) printf_like(2, 3);

enum document_kind {
	DOCUMENT_NULL,
	DOCUMENT_BOOLEAN,
	DOCUMENT_NUMBER,
	DOCUMENT_TEXT,
	DOCUMENT_LIST,
	DOCUMENT_MAP,
	DOCUMENT_KIND_COUNT,
};

/* A node is owned by its document. */
struct document_node {
	enum document_kind kind;
	unsigned line, column;
	bool boolean;
	bool integer; /* the number was written without fraction or exponent */
	double number;
	const char *text; /* of text; of a number as written */
	const char *key;  /* as a map's entry */
	unsigned key_line, key_column;
	struct document_node *parent, *first, *next; /* entries and items in file order */
	unsigned index;                              /* in its list */
};

/* Reads a file, or `bytes` under the name `file`.  -EINVAL with complaints, or the errno of the
 * file. */
int document_read_file(struct document **ret, const char *file, struct complaints *complaints,
		       struct error *err) must_check;
int document_read(struct document **ret, const char *file, const char *bytes, size_t count,
		  struct complaints *complaints) must_check;
void document_free(struct document *document);
const struct document_node *document_root(const struct document *document);
const char *document_file(const struct document *document);
/* Of the bytes that were read. */
void document_digest(const struct document *document, char text[static DIGEST_TEXT_BYTES]);

/* Adds one complaint at the node; `right` (what would be right) may be NULL. */
void document_complain(const struct document *document, const struct document_node *node,
		       struct complaints *complaints, const char *right, const char *format, ...)
	printf_like(5, 6);
/* The same where a map's entry has its key. */
void document_complain_key(const struct document *document, const struct document_node *node,
			   struct complaints *complaints, const char *right, const char *format,
			   ...) printf_like(5, 6);
/* The same at a byte offset inside a text node. */
void document_complain_inside(const struct document *document, const struct document_node *node,
			      size_t offset, struct complaints *complaints, const char *right,
			      const char *format, ...) printf_like(6, 7);

const struct document_node *document_find(const struct document_node *map, const char *key);
/* The tree below as JSON (new reference). */
json_t *document_to_json(const struct document_node *node);
