/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_json.c - any text becomes a line that jansson, strict about UTF-8, reads. */
#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "umbox_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct umbox_json json;
	char *text = malloc(size + 1);
	memcpy(text, data, size);
	text[size] = '\0';
	umbox_json_start(&json);
	umbox_json_open(&json, NULL, '{');
	umbox_json_text(&json, "text", text);
	umbox_json_close(&json, '}');
	assert(json.length < sizeof(json.text) && json.text[json.length] == '\0');
	if (!json.full) {
		json_t *value = json_loadb(json.text, json.length, 0, NULL);
		assert(value);
		json_decref(value);
	}
	free(text);
	return 0;
}
