/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/answer.c - see answer.h. */
#include "codec/answer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "codec/json_path.h"
#include "codec/pattern.h"
#include "codec/xml.h"

static const char SPACES[] = " \t\r\n\v\f";

/* One answer, parsed when the first mapping asks for it. */
struct answer {
	const char *bytes;
	size_t count;
	json_t *json;
	struct xml *xml;
	bool json_tried, xml_tried;
};

static void answer_done(struct answer *answer)
{
	json_decref(answer->json);
	xml_free(answer->xml);
}

/* --- parts of texts --- */

/* A piece of a text that somebody else owns. */
struct piece {
	const char *bytes;
	size_t count;
};

static struct piece trim(struct piece piece)
{
	while (piece.count && strchr(SPACES, piece.bytes[piece.count - 1]))
		piece.count--;
	while (piece.count && strchr(SPACES, *piece.bytes)) {
		piece.bytes++;
		piece.count--;
	}
	return piece;
}

static size_t length_before(struct piece piece, const char *separator)
{
	size_t length = strlen(separator);
	const char *at = memmem(piece.bytes, piece.count, separator, length);
	return at ? (size_t)(at - piece.bytes) : piece.count;
}

static int take_part(struct piece *piece, const char *separator, unsigned number)
{
	for (; number > 1; number--) {
		size_t length = length_before(*piece, separator);
		if (length == piece->count)
			return -ENOENT;
		piece->bytes += length + strlen(separator);
		piece->count -= length + strlen(separator);
	}
	piece->count = length_before(*piece, separator);
	return 0;
}

/* Between any number of spaces. */
static int take_word(struct piece *piece, unsigned number)
{
	for (;;) {
		*piece = trim(*piece);
		size_t length = 0;
		while (length < piece->count && !strchr(SPACES, piece->bytes[length]))
			length++;
		if (!length)
			return -ENOENT;
		if (--number == 0) {
			piece->count = length;
			return 0;
		}
		piece->bytes += length;
		piece->count -= length;
	}
}

/* --- finding --- */

static int find_json(struct answer *answer, const struct mapping *mapping, struct buffer *text,
		     struct error *err)
{
	if (!answer->json_tried)
		answer->json = json_loadb(answer->bytes, answer->count, JSON_DECODE_ANY, NULL);
	answer->json_tried = true;
	if (!answer->json)
		return error_set(err, -EINVAL, "the answer is no JSON");
	const json_t *value = json_path_find(answer->json, mapping->path);
	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_STRING:
		buffer_add(text, json_string_value(value), json_string_length(value));
		return 0;
	case JSON_INTEGER:
		buffer_print(text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return 0;
	case JSON_REAL: buffer_print(text, "%.17g", json_real_value(value)); return 0;
	case JSON_TRUE: buffer_print(text, "true"); return 0;
	case JSON_FALSE: buffer_print(text, "false"); return 0;
	case JSON_OBJECT:
	case JSON_ARRAY:
	case JSON_NULL: break;
	}
	return error_set(err, -ENOENT, "the answer has no value at %s", mapping->path);
}

static int find_xml(struct answer *answer, const struct mapping *mapping, struct buffer *text,
		    struct error *err)
{
	if (!answer->xml_tried && xml_read(&answer->xml, answer->bytes, answer->count, NULL) < 0)
		answer->xml = NULL;
	answer->xml_tried = true;
	if (!answer->xml)
		return error_set(err, -EINVAL, "the answer is no XML");
	if (xml_find(answer->xml, mapping->path, text) < 0)
		return error_set(err, -ENOENT, "the answer has nothing at %s", mapping->path);
	return 0;
}

static int find_line(const struct answer *answer, unsigned line, struct buffer *text,
		     struct error *err)
{
	struct piece piece = {answer->bytes, answer->count};
	if (take_part(&piece, "\n", line) < 0)
		return error_set(err, -ENOENT, "the answer has no line %u", line);
	buffer_add(text, piece.bytes, piece.count);
	return 0;
}

static int find_way(struct answer *answer, const struct mapping *mapping, struct buffer *text,
		    struct error *err)
{
	switch (mapping->way) {
	case MAPPING_WHOLE: buffer_add(text, answer->bytes, answer->count); return 0;
	case MAPPING_JSON: return find_json(answer, mapping, text, err);
	case MAPPING_XPATH: return find_xml(answer, mapping, text, err);
	case MAPPING_LINE: return find_line(answer, mapping->line, text, err);
	case MAPPING_WAY_COUNT: break;
	}
	return -EINVAL;
}

static int narrow(const struct mapping *mapping, struct piece *piece, struct error *err)
{
	int r = 0;
	if (mapping->column)
		r = mapping->split[0] ? take_part(piece, mapping->split, mapping->column)
				      : take_word(piece, mapping->column);
	if (r < 0)
		return error_set(err, -ENOENT, "there is no column %u", mapping->column);
	size_t at, length;
	if (!mapping->pattern)
		return 0;
	if (pattern_find(mapping->pattern, piece->bytes, piece->count, &at, &length) < 0)
		return error_set(err, -ENOENT, "the pattern does not match");
	*piece = (struct piece){piece->bytes + at, length};
	return 0;
}

/* --- values --- */

static bool take_number(const char *text, double *ret)
{
	char *end;
	if (!*text || text[strspn(text, "0123456789+-.eE")])
		return false;
	double number = strtod(text, &end);
	if (*end || !isfinite(number))
		return false;
	*ret = number;
	return true;
}

static bool take_boolean(const char *text, bool *ret)
{
	static const char *const words[][2] = {
		{"false", "true"}, {"off", "on"}, {"no", "yes"}, {"0", "1"}};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		for (int value = 0; value < 2; value++)
			if (strcasecmp(text, words[i][value]) == 0) {
				*ret = value;
				return true;
			}
	return false;
}

/* Cut between characters; control characters, and everything above ASCII in what is no UTF-8, as
 * '?'. */
static void take_plain(const char *text, char ret[static SENSOR_TEXT_BYTES])
{
	json_t *utf8 = json_string(text);
	if (!text_copy(ret, SENSOR_TEXT_BYTES, text)) {
		size_t length = strlen(ret);
		while (utf8 && length && ((unsigned char)text[length] & 0xc0) == 0x80)
			length--;
		ret[length] = '\0';
	}
	for (char *c = ret; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f || (!utf8 && (unsigned char)*c > 0x7f))
			*c = '?';
	json_decref(utf8);
}

bool answer_take_text(const struct sensor *sensor, const char *text, struct sensor_reading *ret)
{
	switch (sensor->type) {
	case SENSOR_NUMBER: return take_number(text, &ret->number);
	case SENSOR_BOOLEAN: return take_boolean(text, &ret->boolean);
	case SENSOR_TEXT: take_plain(text, ret->text); return true;
	case SENSOR_TYPE_COUNT: break;
	}
	return false;
}

static bool take_mapped(const struct sensor *sensor, const struct mapping *mapping,
			const char *text, struct sensor_reading *ret)
{
	if (sensor->type == SENSOR_BOOLEAN && mapping->equals) {
		ret->boolean = text_equal(text, mapping->equals);
		return true;
	}
	if (!answer_take_text(sensor, text, ret))
		return false;
	if (sensor->type == SENSOR_NUMBER)
		ret->number = ret->number * mapping->scale + mapping->offset;
	return sensor->type != SENSOR_NUMBER || isfinite(ret->number);
}

static int read_mapping(struct answer *answer, const struct sensor *sensor,
			const struct mapping *mapping, struct sensor_reading *ret,
			struct error *err)
{
	cleanup_buffer struct buffer found = {0}, text = {0};
	int r = find_way(answer, mapping, &found, err);
	if (r < 0)
		return r;
	struct piece piece = {found.bytes, found.length};
	r = narrow(mapping, &piece, err);
	if (r < 0)
		return r;
	piece = trim(piece);
	buffer_add(&text, piece.bytes, piece.count);
	if (memchr(text.bytes, '\0', text.length) || !take_mapped(sensor, mapping, text.bytes, ret))
		return error_set(err, -EINVAL, "the value is no %s",
				 SENSOR_TYPE_NAMES[sensor->type]);
	return 0;
}

unsigned answer_read(const struct policy *policy, const struct source *source, const char *bytes,
		     size_t count, struct sensor_reading ret[static SOURCE_MAPPINGS_MAX],
		     struct error *err)
{
	struct answer answer = {.bytes = bytes, .count = min_of(count, (size_t)ANSWER_BYTES_MAX)};
	unsigned found = 0;
	for (unsigned i = 0; i < source->mapping_count; i++) {
		const struct mapping *mapping = &source->mappings[i];
		const struct sensor *sensor = &policy->sensors[mapping->sensor];
		struct error why = {0};
		ret[i] = (struct sensor_reading){.sensor = mapping->sensor};
		ret[i].missing = read_mapping(&answer, sensor, mapping, &ret[i], &why) < 0;
		found += !ret[i].missing;
		if (ret[i].missing && err && !err->code)
			error_set(err, why.code, "%s: %s", sensor->name, why.text);
	}
	answer_done(&answer);
	return found;
}

unsigned answer_read_fixed(const struct policy *policy, const struct source *source,
			   struct sensor_reading ret[static SOURCE_MAPPINGS_MAX])
{
	for (unsigned i = 0; i < source->fixed_count; i++) {
		const struct source_fixed *fixed = &source->fixed[i];
		ret[i] = (struct sensor_reading){.sensor = fixed->sensor};
		ret[i].missing = !answer_take_text(&policy->sensors[fixed->sensor], fixed->text,
						   &ret[i]);
	}
	return source->fixed_count;
}

bool answer_says(const char *bytes, size_t count, const char *word)
{
	struct piece piece = trim((struct piece){bytes, count});
	if (piece.count == strlen(word) && memcmp(piece.bytes, word, piece.count) == 0)
		return true;
	json_t *json = json_loadb(bytes, count, 0, NULL);
	bool says = text_equal(json_string_value(json_object_get(json, "state")), word);
	json_decref(json);
	return says;
}

static bool take_json(const struct sensor *sensor, const json_t *value, struct sensor_reading *ret)
{
	ret->missing = json_is_null(value);
	if (ret->missing)
		return true;
	switch (sensor->type) {
	case SENSOR_NUMBER:
		ret->number = json_number_value(value);
		return json_is_number(value) && isfinite(ret->number);
	case SENSOR_BOOLEAN: ret->boolean = json_is_true(value); return json_is_boolean(value);
	case SENSOR_TEXT:
		if (!json_is_string(value) ||
		    strlen(json_string_value(value)) != json_string_length(value))
			return false;
		take_plain(json_string_value(value), ret->text);
		return true;
	case SENSOR_TYPE_COUNT: break;
	}
	return false;
}

int answer_read_pushed(const struct policy *policy, const json_t *values,
		       struct sensor_reading ret[static SENSORS_MAX], struct error *err)
{
	const char *names[SENSORS_MAX], *name;
	const json_t *value;
	int count = 0;
	for (unsigned i = 0; i < policy->sensor_count; i++)
		names[i] = policy->sensors[i].name;
	json_object_foreach((json_t *)(uintptr_t)values, name, value)
	{
		char hint[TEXT_HINT_BYTES];
		int sensor = policy_find_sensor(policy, name);
		text_hint(hint, name, names, policy->sensor_count);
		if (sensor < 0)
			return error_set(err, -EINVAL, "the type '%s' has no sensor '%.64s'%s",
					 policy->type, name, hint);
		ret[count] = (struct sensor_reading){.sensor = (unsigned)sensor};
		if (!take_json(&policy->sensors[sensor], value, &ret[count]))
			return error_set(err, -EINVAL, "%s: is no %s", name,
					 SENSOR_TYPE_NAMES[policy->sensors[sensor].type]);
		count++;
	}
	return count ? count : error_set(err, -EINVAL, "no values");
}
