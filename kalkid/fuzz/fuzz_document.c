/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz_document.c - YAML and JSON into trees; an odd first byte says that it
 * is called .json. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PLACES_TRIED = 64 };

static void check_node(const struct document *document, const struct document_node *node,
		       unsigned depth)
{
	assert(depth <= DOCUMENT_DEPTH_MAX);
	assert(node->line >= 1 && node->column >= 1);
	assert((node->kind == DOCUMENT_TEXT || node->kind == DOCUMENT_NUMBER) <=
	       (node->text != NULL));
	struct complaints complaints = {0};
	size_t length = node->kind == DOCUMENT_TEXT ? strlen(node->text) : 0;
	for (size_t i = 0; i < length && i < PLACES_TRIED; i++)
		document_complain_inside(document, node, i * length / PLACES_TRIED, &complaints,
					 NULL, "here");
	document_complain_key(document, node, &complaints, NULL, "here");
	/* What is said of any input can be said in JSON. */
	json_t *text = json_stringn(complaints.text.bytes, complaints.text.length);
	assert(text);
	json_decref(text);
	complaints_done(&complaints);
	unsigned index = 0;
	for (const struct document_node *child = node->first; child; child = child->next) {
		assert(child->parent == node && child->index == index++);
		assert((node->kind == DOCUMENT_MAP) == (child->key != NULL));
		if (child->key)
			assert(document_find(node, child->key) == child);
		check_node(document, child, depth + 1);
	}
}

static void check_same_as_json(const struct document *document, const char *bytes, size_t count)
{
	if (count >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
		bytes += 3;
		count -= 3;
	}
	json_t *wanted = json_loadb(bytes, count, JSON_DECODE_ANY, NULL);
	json_t *json = document_to_json(document_root(document));
	assert(wanted && json && json_equal(wanted, json));
	json_decref(wanted);
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct complaints complaints = {0};
	struct document *document = NULL;
	if (!size)
		return 0;
	bool json = data[0] & 1;
	const char *bytes = (const char *)data + 1;
	size_t count = size - 1;
	if (document_read(&document, json ? "f.json" : "f.yaml", bytes, count, &complaints) == 0) {
		assert(complaints.count == 0);
		check_node(document, document_root(document), 0);
		if (json)
			check_same_as_json(document, bytes, count);
		document_free(document);
	} else {
		assert(complaints.count > 0 && !document);
	}
	complaints_done(&complaints);
	return 0;
}
