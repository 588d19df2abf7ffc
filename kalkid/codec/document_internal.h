/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/document_internal.h - shared by the files that make up document.h: what a document is, and
 * its reader of YAML events. */
#pragma once

#include "codec/document.h"

struct document {
	char *file;
	char *source; /* NUL-terminated */
	size_t source_bytes;
	struct document_node *root;
};

void document_complain_at(const struct document *document, unsigned line, unsigned column,
			  const struct document_node *node, struct complaints *complaints,
			  const char *right, const char *format, ...) printf_like(7, 8);
/* Turns the source into the tree; false when it cannot be read to its end. */
bool document_build(struct document *document, struct complaints *complaints) must_check;
/* Sets kind and value of a node from a bare word; what is wrong with it and what would be right, or
 * NULL. */
const char *scalar_resolve(struct document_node *node, const char **ret_right) must_check;
/* Line and column, from 1, of a byte of the source. */
void document_place(const struct document *document, size_t offset, unsigned *ret_line,
		    unsigned *ret_column);
/* The same of a byte of a text node: what quotes, escapes, folding and indentation made of it. */
void document_place_inside(const struct document *document, const struct document_node *node,
			   size_t offset, unsigned *ret_line, unsigned *ret_column);
