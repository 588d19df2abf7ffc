/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz_answer.c - the first line is what the operator wrote as path and pattern, the rest what
 * a device answered: reading it ends, and each value is of its sensor's type or missing. */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/answer.h"
#include "codec/json_path.h"
#include "codec/pattern.h"
#include "codec/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATTERN_MAX = 64, MAPPINGS = 18 };

static const enum mapping_way WAYS[] = {MAPPING_JSON, MAPPING_XPATH, MAPPING_LINE};

static bool is_good(enum mapping_way way, const char *path)
{
	size_t offset = 0;
	if (way == MAPPING_JSON)
		return json_path_check(path, &offset, NULL) == 0;
	return way != MAPPING_XPATH || xml_path_check(path, NULL) == 0;
}

/* Every way for every type, with and without the pattern. */
static void fill(struct source *source, const char *path, const char *pattern)
{
	for (unsigned i = 0; i < MAPPINGS; i++) {
		enum mapping_way way = WAYS[i % 3];
		if (!is_good(way, path))
			continue;
		source->mappings[source->mapping_count++] = (struct mapping){
			.sensor = i / 3 % 3,
			.way = way,
			.path = mem_copy_text(path),
			.line = 1 + i % 2,
			.column = i % 4,
			.split = "|",
			.pattern = i >= MAPPINGS / 2 ? mem_copy_text(pattern) : NULL,
			.scale = 0.5,
		};
	}
}

static void check(const struct policy *policy, const struct sensor_reading *reading)
{
	if (reading->missing)
		return;
	size_t length = strnlen(reading->text, SENSOR_TEXT_BYTES);
	assert(length < SENSOR_TEXT_BYTES && isfinite(reading->number));
	json_t *text = json_string(reading->text);
	assert(text);
	json_decref(text);
	assert(reading->sensor < policy->sensor_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy policy = {
		.sensors = {{.name = "n", .type = SENSOR_NUMBER},
			    {.name = "b", .type = SENSOR_BOOLEAN},
			    {.name = "t", .type = SENSOR_TEXT}},
		.sensor_count = 3,
	};
	struct source source = {
		.mappings = mem_alloc_array(SOURCE_MAPPINGS_MAX, sizeof(*source.mappings))};
	struct sensor_reading readings[SOURCE_MAPPINGS_MAX];
	struct error err = {0};
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	size_t length = end ? (size_t)(end - data) : 0, offset;
	cleanup_free char *path = mem_alloc(length + 1);
	memcpy(path, length ? data : (const uint8_t *)"", length);
	bool pattern = length <= PATTERN_MAX && pattern_check(path, &offset, NULL) == 0;
	fill(&source, path, pattern ? path : "([a-z]+)");
	if (end) {
		unsigned found = answer_read(&policy, &source, (const char *)end + 1,
					     size - length - 1, readings, &err);
		for (unsigned i = 0; i < source.mapping_count; i++)
			check(&policy, &readings[i]);
		assert(found == source.mapping_count || err.text[0]);
	}
	source_done(&source);
	return 0;
}
