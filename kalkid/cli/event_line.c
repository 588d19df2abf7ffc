/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/event_line.c - see event_line.h. */
#include "cli/event_line.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { LIMIT = 100, LIMIT_MAX = 100000 };

/* Adds `format` with the field's text in it, where there is any. */
static void add_field(struct buffer *words, const char *before, const json_t *object,
		      const char *key, const char *after)
{
	const json_t *value = json_object_get(object, key);
	if (!value || (json_is_string(value) && !json_string_length(value)))
		return;
	cleanup_free char *text = shown(object, key);
	buffer_print(words, "%s%s%s", before, text, after);
}

static void add_endpoint(struct buffer *words, const char *before, const json_t *eve,
			 const char *ip, const char *port)
{
	const char *address = text_of(eve, ip);
	if (!*address)
		return;
	buffer_print(words, strchr(address, ':') && number_of(eve, port) ? "%s[%s]" : "%s%s",
		     before, address);
	add_field(words, ":", eve, port, "");
}

static void alert_words(struct buffer *words, const json_t *eve, const json_t *kalki)
{
	buffer_print(words, "%s %s", text_of(kalki, "severity"), text_of(kalki, "type"));
	add_endpoint(words, " from ", eve, "src_ip", "src_port");
	add_endpoint(words, " to ", eve, "dest_ip", "dest_port");
	if (number_of(kalki, "count") > 1)
		add_field(words, ", ", kalki, "count", " times");
	add_field(words, ": ", kalki, "detail", "");
	add_field(words, " (", kalki, "hop", "");
	add_field(words, " ", kalki, "umbox", "");
	if (json_object_get(kalki, "hop"))
		buffer_print(words, ")");
	if (json_is_true(json_object_get(kalki, "shadow")))
		buffer_print(words, ", in shadow");
}

/* A reason says its rule first, for those who get no more than the reason. */
static const char *reason_behind_rule(const json_t *kalki)
{
	const char *reason = text_of(kalki, "reason"), *rule = text_of(kalki, "rule");
	cleanup_free char *head = mem_printf("rule '%s': ", rule);
	return *rule && text_starts(reason, head) ? reason + strlen(head) : reason;
}

static void transition_words(struct buffer *words, const json_t *kalki)
{
	const char *reason = reason_behind_rule(kalki);
	const json_t *times = json_object_get(kalki, "times");
	json_int_t start = number_of(times, "alert_us"), end = number_of(times, "enforced_us");
	buffer_print(words, "%s -> %s", text_of(kalki, "from"), text_of(kalki, "to"));
	add_field(words, " by ", kalki, "cause", "");
	add_field(words, " '", kalki, "rule", "'");
	if (*reason)
		buffer_print(words, ": %s", reason);
	if (start && end >= start)
		buffer_print(words, " (in force %" JSON_INTEGER_FORMAT " us after the alert)",
			     end - start);
	add_field(words, "; in shadow: ", kalki, "in_force", " stays in force");
	add_field(words, "; not done: ", kalki, "not_done", "");
}

static void step_words(struct buffer *words, const json_t *kalki)
{
	add_field(words, "", kalki, "step", "");
	add_field(words, " ", kalki, "umbox", "");
	add_field(words, " ", kalki, "hop", "");
	add_field(words, " along ", kalki, "path", "");
	add_field(words, ": ", kalki, "result", "");
	buffer_print(words, " in %.3f ms", (double)number_of(kalki, "duration_us") / 1000.0);
	add_field(words, ": ", kalki, "error", "");
	add_field(words, " ", kalki, "words", "");
}

static void value_words(struct buffer *words, const json_t *values)
{
	const char *name;
	const json_t *value;
	json_object_foreach((json_t *)(uintptr_t)values, name, value)
	{
		cleanup_free char *said = shown(values, name);
		buffer_print(words, " %s %s", name, json_is_null(value) ? "missing" : said);
	}
}

/* "attempt 5 from 10.0.0.9 ..."; what happened, without time and device. */
static void event_words(struct buffer *words, const json_t *event)
{
	const json_t *eve = json_object_get(event, "eve");
	const json_t *kalki = json_object_get(eve, "kalki");
	const char *kind = text_of(event, "kind");
	buffer_print(words, "%s", "");
	if (strcmp(kind, "alert") == 0) {
		alert_words(words, eve, kalki);
		add_field(words, ", acknowledged by ", event, "acknowledged_by", "");
	} else if (strcmp(kind, "transition") == 0) {
		transition_words(words, kalki);
	} else if (strcmp(kind, "shadow") == 0) {
		buffer_print(words, "would be ");
		transition_words(words, kalki);
	} else if (strcmp(kind, "step") == 0) {
		step_words(words, kalki);
	} else if (strcmp(kind, "operator") == 0) {
		add_field(words, "", kalki, "who", "");
		add_field(words, ": ", kalki, "action", "");
		add_field(words, " ", kalki, "target", "");
		add_field(words, " because: ", kalki, "reason", "");
	} else if (strcmp(kind, "umbox") == 0) {
		add_field(words, "", kalki, "hop", " ");
		add_field(words, "", kalki, "umbox", ": ");
		add_field(words, "", kalki, "record", "");
	} else if (strcmp(kind, "sensor") == 0) {
		add_field(words, "", kalki, "source", ":");
		value_words(words, json_object_get(kalki, "values"));
	} else if (strcmp(kind, "action") == 0) {
		add_field(words, "", kalki, "action", "");
		add_field(words, " ", kalki, "name", "");
		add_field(words, ": ", kalki, "result", "");
		add_field(words, " (", kalki, "words", ")");
		add_field(words, ", wanted by ", kalki, "by", "");
		add_field(words, " '", kalki, "rule", "'");
		add_field(words, " of ", kalki, "from", "");
		add_field(words, " ", kalki, "who", "");
		add_field(words, ": ", kalki, "reason", "");
	} else if (strcmp(kind, "notice") == 0) {
		add_field(words, "", kalki, "notice", "");
		add_field(words, " to ", kalki, "notifier", "");
		add_field(words, ": ", kalki, "result", "");
		add_field(words, " at attempt ", kalki, "attempts", "");
		add_field(words, ": ", kalki, "words", "");
	} else {
		add_field(words, "", kalki, "what", "");
		add_field(words, " in state ", kalki, "state", "");
		if (json_array_size(json_object_get(kalki, "path")))
			add_field(words, " along ", kalki, "path", "");
		add_field(words, ": ", kalki, "words", "");
		add_field(words, " (", kalki, "count", ")");
	}
}

void event_print(const struct cli *cli, const json_t *event)
{
	cleanup_buffer struct buffer words = {0};
	if (output_json(cli, event))
		return;
	event_words(&words, event);
	cleanup_free char *device = shown(event, "device");
	output_print("%s  %-10s  %-12s  %s", text_of(event, "time"), text_of(event, "kind"), device,
		     words.bytes);
	fflush(stdout);
}

bool event_limit(const struct cli *cli, unsigned *ret)
{
	const char *text = cli_flag(cli, FLAG_LIMIT);
	char *end = NULL;
	unsigned long limit = text ? strtoul(text, &end, 10) : LIMIT;
	if (text && (*end || end == text || *text == '-' || !limit || limit > LIMIT_MAX)) {
		cli_complain(cli, "--limit cannot be '%s' (1 to %d)", text, LIMIT_MAX);
		return false;
	}
	*ret = (unsigned)limit;
	return true;
}

void event_which(const struct cli *cli, struct buffer *url)
{
	url_query(url, "device", cli_flag(cli, FLAG_DEVICE));
	url_query(url, "type", cli_flag(cli, FLAG_TYPE));
	url_query(url, "group", cli_flag(cli, FLAG_GROUP));
}

/* With --since the first ones after it, without it the last ones; both oldest first. */
int event_print_history(struct cli *cli, const char *path, json_int_t *ret_last)
{
	cleanup_buffer struct buffer url = {0};
	const char *since = cli_flag(cli, FLAG_SINCE);
	unsigned limit;
	if (!event_limit(cli, &limit))
		return EXIT_USAGE;
	buffer_print(&url, "%s", path);
	url_query(&url, "since", since);
	url_query(&url, "kind", cli_flag(cli, FLAG_KIND));
	event_which(cli, &url);
	url_query(&url, "order", since ? "oldest" : "newest");
	json_t *list = NULL;
	int code = client_list(cli, url.bytes, limit, &list);
	if (code)
		return code;
	const json_t *items = json_object_get(list, "items");
	size_t count = json_array_size(items);
	if (cli->output == OUTPUT_JSON && !ret_last)
		output_json(cli, list);
	else
		for (size_t i = 0; i < count; i++)
			event_print(cli, json_array_get(items, since ? i : count - 1 - i));
	if (!count && !ret_last && cli->output == OUTPUT_HUMAN && !cli->quiet)
		output_print("no events");
	if (ret_last && count)
		*ret_last = number_of(json_array_get(items, since ? count - 1 : 0), "id");
	json_decref(list);
	return 0;
}
