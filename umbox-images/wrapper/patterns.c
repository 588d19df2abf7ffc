/* SPDX-License-Identifier: Apache-2.0 */
/* patterns.c - see patterns.h. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "patterns.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <pcre2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of one pattern and one line. */
enum { STEPS_MAX = 20000, DEPTH_MAX = 2000, HEAP_KIB_MAX = 1024 };

struct pattern {
	pcre2_code *code;
	enum pattern_meaning meaning;
	const char *type;
	enum umbox_severity severity;
};

struct patterns {
	struct pattern list[PATTERNS_MAX];
	unsigned count;
	pcre2_match_data *match;
	pcre2_match_context *limits;
};

static bool fail(char *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail(char *error, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	vsnprintf(error, PATTERNS_ERROR_BYTES, format, list);
	va_end(list);
	return false;
}

static bool is_type(const char *text)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t length = strlen(text);
	return length && length < 64 && strspn(text, allowed) == length;
}

static bool read_severity(struct pattern *pattern, const char *text, char *error)
{
	static const char *const names[] = {"low", "medium", "high", "critical"};
	pattern->severity = UMBOX_MEDIUM;
	for (size_t i = 0; text && i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			pattern->severity = (enum umbox_severity)i;
			return true;
		}
	}
	return !text || fail(error, "'severity' is none of low, medium, high, critical");
}

static bool set_meaning(struct pattern *pattern, enum pattern_meaning meaning, char *error)
{
	if (pattern->meaning)
		return fail(error, "more than one of 'alert', 'record', 'ready', 'ignore'");
	pattern->meaning = meaning;
	return true;
}

static bool compile(struct pattern *pattern, const char *text, char *error)
{
	int code;
	PCRE2_SIZE at;
	if (!text)
		return fail(error, "'match' is no text");
	pattern->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
				      PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
	if (pattern->code)
		return true;
	PCRE2_UCHAR words[80];
	pcre2_get_error_message(code, words, sizeof(words));
	return fail(error, "'match': %s at character %zu", (const char *)words, (size_t)at + 1);
}

static bool read_key(struct pattern *pattern, const char *key, const json_t *value, char *error)
{
	static const struct {
		const char *key;
		enum pattern_meaning meaning;
	} flags[] = {
		{"record", PATTERN_RECORD}, {"ready", PATTERN_READY}, {"ignore", PATTERN_IGNORE}};
	const char *text = json_string_value(value);
	if (strcmp(key, "match") == 0)
		return compile(pattern, text, error);
	if (strcmp(key, "severity") == 0)
		return read_severity(pattern, text ? text : "", error);
	if (strcmp(key, "alert") == 0) {
		pattern->type = text;
		if (!text || !is_type(text))
			return fail(error, "'alert' is no type (letters, digits, '-', '_', '.')");
		return set_meaning(pattern, PATTERN_ALERT, error);
	}
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strcmp(key, flags[i].key) != 0)
			continue;
		if (!json_is_true(value))
			return fail(error, "'%s' can only be true", key);
		return set_meaning(pattern, flags[i].meaning, error);
	}
	return fail(error, "'%s' is not known", key);
}

static bool read_pattern(struct pattern *pattern, const json_t *object, char *error)
{
	const char *key;
	json_t *value;
	pattern->severity = UMBOX_MEDIUM;
	if (!json_is_object(object))
		return fail(error, "not an object");
	json_object_foreach((json_t *)object, key,
			    value) if (!read_key(pattern, key, value, error)) return false;
	if (!pattern->code)
		return fail(error, "'match' is missing");
	if (!pattern->meaning)
		return fail(error, "one of 'alert', 'record', 'ready', 'ignore' is missing");
	if (json_object_get(object, "severity") && pattern->meaning != PATTERN_ALERT)
		return fail(error, "'severity' is of alerts only");
	return true;
}

struct patterns *patterns_new(const json_t *list, char error[static PATTERNS_ERROR_BYTES])
{
	size_t index;
	json_t *object;
	if (!json_is_array(list) || json_array_size(list) > PATTERNS_MAX) {
		fail(error, "'patterns' is not a list of at most %d", PATTERNS_MAX);
		return NULL;
	}
	struct patterns *patterns = calloc(1, sizeof(*patterns));
	patterns->match = pcre2_match_data_create(32, NULL);
	patterns->limits = pcre2_match_context_create(NULL);
	pcre2_set_match_limit(patterns->limits, STEPS_MAX);
	pcre2_set_depth_limit(patterns->limits, DEPTH_MAX);
	pcre2_set_heap_limit(patterns->limits, HEAP_KIB_MAX);
	json_array_foreach(list, index, object)
	{
		char words[PATTERNS_ERROR_BYTES];
		patterns->count++;
		if (!read_pattern(&patterns->list[index], object, words)) {
			snprintf(error, PATTERNS_ERROR_BYTES, "patterns[%zu]: %.120s", index,
				 words);
			patterns_free(patterns);
			return NULL;
		}
	}
	return patterns;
}

void patterns_free(struct patterns *patterns)
{
	for (unsigned i = 0; i < patterns->count; i++)
		pcre2_code_free(patterns->list[i].code);
	pcre2_match_data_free(patterns->match);
	pcre2_match_context_free(patterns->limits);
	free(patterns);
}

bool patterns_tell_ready(const struct patterns *patterns)
{
	for (unsigned i = 0; i < patterns->count; i++)
		if (patterns->list[i].meaning == PATTERN_READY)
			return true;
	return false;
}

/* One character for each byte that is no printable ASCII. */
static void copy_printable(char *room, size_t room_bytes, const char *text, size_t length)
{
	size_t count = length < room_bytes ? length : room_bytes - 1;
	for (size_t i = 0; i < count; i++) {
		unsigned char c = (unsigned char)text[i];
		room[i] = c >= 0x7f ? '?' : c < 0x20 ? ' ' : text[i];
	}
	room[count] = '\0';
}

/* The text of a named group; false when there is none, or it took no part. */
static bool get_group(const struct patterns *patterns, const struct pattern *pattern,
		      const char *line, const char *name, char *room, size_t room_bytes)
{
	int number = pcre2_substring_number_from_name(pattern->code, (PCRE2_SPTR)name);
	if (number <= 0 || (uint32_t)number >= pcre2_get_ovector_count(patterns->match))
		return false;
	const PCRE2_SIZE *ends = &pcre2_get_ovector_pointer(patterns->match)[2 * number];
	if (ends[0] == PCRE2_UNSET || ends[1] < ends[0])
		return false;
	copy_printable(room, room_bytes, line + ends[0], ends[1] - ends[0]);
	return true;
}

static void set_ip(struct umbox_ip *ip, const char *text)
{
	if (inet_pton(AF_INET, text, ip->octet) == 1)
		ip->family = 4;
	else if (inet_pton(AF_INET6, text, ip->octet) == 1)
		ip->family = 6;
}

/* 0 when it is no number up to `max`. */
static uint32_t read_number(const char *text, uint32_t max)
{
	if (!isdigit((unsigned char)text[0]) || strlen(text) > 10)
		return 0;
	unsigned long long number = strtoull(text, NULL, 10);
	return number <= max ? (uint32_t)number : 0;
}

static void fill_in(const struct patterns *patterns, const struct pattern *pattern,
		    const char *line, size_t length, struct pattern_found *ret)
{
	char text[64];
	struct umbox_alert *alert = &ret->alert;
	alert->type = pattern->type;
	alert->severity = pattern->severity;
	if (get_group(patterns, pattern, line, "source", text, sizeof(text)))
		set_ip(&alert->source, text);
	if (get_group(patterns, pattern, line, "target", text, sizeof(text)))
		set_ip(&alert->target, text);
	if (get_group(patterns, pattern, line, "source_port", text, sizeof(text)))
		alert->source_port = (uint16_t)read_number(text, UINT16_MAX);
	if (get_group(patterns, pattern, line, "target_port", text, sizeof(text)))
		alert->target_port = (uint16_t)read_number(text, UINT16_MAX);
	if (get_group(patterns, pattern, line, "count", text, sizeof(text)))
		alert->count = read_number(text, UINT32_MAX);
	if (!get_group(patterns, pattern, line, "detail", ret->detail, sizeof(ret->detail)))
		copy_printable(ret->detail, sizeof(ret->detail), line, length);
	alert->detail = ret->detail;
}

enum pattern_meaning patterns_match(struct patterns *patterns, const char *line, size_t length,
				    struct pattern_found *ret)
{
	*ret = (struct pattern_found){0};
	for (unsigned i = 0; i < patterns->count; i++) {
		const struct pattern *pattern = &patterns->list[i];
		int result = pcre2_match(pattern->code, (PCRE2_SPTR)line, length, 0, 0,
					 patterns->match, patterns->limits);
		if (result >= 0) {
			fill_in(patterns, pattern, line, length, ret);
			return pattern->meaning;
		}
		ret->too_hard |= result != PCRE2_ERROR_NOMATCH;
	}
	return PATTERN_NONE;
}
