/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/test_legacy_request.c - requests of the older contract, whole and in pieces, right and
 * wrong. */
#include "codec/legacy_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"

#define HEAD "POST /alert/ HTTP/1.1\r\nHost: 10.1.2.3:6060\r\nUser-Agent: python-requests/2.9\r\n"

/* With the length of the body as a header. */
static char *post(const char *body)
{
	return mem_printf(HEAD "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			  strlen(body), body);
}

static int read_in_pieces(const char *bytes, size_t piece, struct umbox_line *ret,
			  struct error *err)
{
	cleanup_free struct legacy_request *request = mem_alloc(sizeof(*request));
	size_t count = strlen(bytes);
	legacy_request_begin(request);
	for (size_t at = 0; at < count; at += piece)
		if (legacy_request_take(request, bytes + at, min_of(piece, count - at)))
			break;
	return legacy_request_read(request, ret, err);
}

static void read_body(const char *body, struct umbox_line *ret)
{
	cleanup_free char *text = post(body);
	struct error err = {0};
	if (read_in_pieces(text, strlen(text), ret, &err) < 0)
		fail_msg("%s: %s", body, err.text);
}

static void an_alert_comes_in_any_pieces(void **state maybe_unused)
{
	cleanup_free char *text = post("{\"umbox\": 7, \"alert\": \"max-login-attempts\","
				       " \"details\": \"5 from\\n10.0.0.9\"}");
	for (size_t piece = 1; piece < strlen(text) + 1; piece++) {
		struct umbox_line line;
		assert_int_equal(read_in_pieces(text, piece, &line, NULL), 0);
		assert_int_equal(line.kind, UMBOX_LINE_ALERT);
		assert_string_equal(line.alert.type, "max-login-attempts");
		assert_string_equal(line.alert.detail, "5 from 10.0.0.9");
		assert_int_equal(line.alert.severity, ALERT_MEDIUM);
		assert_int_equal(line.alert.count, 1);
	}
}

static void reserved_types_are_no_alerts(void **state maybe_unused)
{
	struct umbox_line line;
	read_body("{\"umbox\":\"7\",\"alert\":\"umbox-ready\",\"details\":\"\"}", &line);
	assert_int_equal(line.kind, UMBOX_LINE_READY);
	read_body("{\"alert\":\"log-info\",\"details\":{\"seen\":[1,2]}}", &line);
	assert_int_equal(line.kind, UMBOX_LINE_RECORD);
	assert_string_equal(line.json, "{\"details\":{\"seen\":[1,2]}}");
	free(line.json);
	read_body("{\"alert\":\"log-info\"}", &line);
	assert_string_equal(line.json, "{}");
	free(line.json);
}

static void details_of_any_kind_become_text(void **state maybe_unused)
{
	static const struct {
		const char *details, *text;
	} rows[] = {
		{"\"\\u001b[31m\\u0085x\\u007f\"", " [31m  x "},
		{"null", "null"},
		{"{\"a\":1}", "{\"a\":1}"},
		{"\"\"", ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		cleanup_free char *body = mem_printf("{\"alert\":\"x\",\"details\":%s}",
						     rows[i].details);
		struct umbox_line line;
		read_body(body, &line);
		assert_string_equal(line.alert.detail, rows[i].text);
	}
	struct umbox_line line;
	char body[1200];
	snprintf(body, sizeof(body), "{\"alert\":\"x\",\"details\":\"%01000d\"}", 0);
	read_body(body, &line);
	assert_int_equal(strlen(line.alert.detail), ALERT_DETAIL_BYTES - 1);
}

static void chunks_and_old_versions_are_read(void **state maybe_unused)
{
	struct umbox_line line;
	assert_int_equal(read_in_pieces(HEAD "Transfer-Encoding: chunked\r\n\r\n"
					     "8\r\n{\"alert\"\r\n5\r\n:\"x\"}\r\n0\r\n\r\n",
					1000, &line, NULL),
			 0);
	assert_string_equal(line.alert.type, "x");
	assert_int_equal(read_in_pieces("POST /alert HTTP/1.0\r\nContent-Length: 13\r\n\r\n"
					"{\"alert\":\"y\"}and more",
					1000, &line, NULL),
			 0);
	assert_string_equal(line.alert.type, "y");
}

static void wrong_requests_are_refused(void **state maybe_unused)
{
	static const struct {
		const char *bytes;
		int result;
	} rows[] = {
		{"", -EINVAL},
		{"{\"kalki\":\"ready\"}\n", -EINVAL},
		{"GET /alert/ HTTP/1.1\r\n\r\n", -ENOENT},
		{"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", -ENOENT},
		{"CONNECT a:1 HTTP/1.1\r\n\r\n", -ENOENT},
		{HEAD "Content-Length: 0\r\n\r\n", -EINVAL},
		{HEAD "Content-Length: 5\r\n\r\n{\"al", -EINVAL},
		{HEAD "Content-Length: 2\r\n\r\n[]", -EINVAL},
		{HEAD "Content-Length: 2\r\n\r\n{}", -EINVAL},
		{HEAD "Content-Length: 15\r\n\r\n{\"alert\":\"a b\"}", -EINVAL},
		{HEAD "Content-Length: 11\r\n\r\n{\"alert\":1}", -EINVAL},
		{HEAD "Content-Length: -1\r\n\r\n", -EINVAL},
		{HEAD "Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}", -EINVAL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct umbox_line line;
		struct error err = {0};
		if (read_in_pieces(rows[i].bytes, 1000, &line, &err) != rows[i].result)
			fail_msg("%s: %s", rows[i].bytes, err.text);
		assert_true(err.text[0]);
	}
}

static void length_has_its_limits(void **state maybe_unused)
{
	struct umbox_line line;
	cleanup_free char *many = mem_alloc(LEGACY_REQUEST_BYTES + 1);
	memset(many, 'x', LEGACY_REQUEST_BYTES);
	cleanup_free char *target = mem_printf("POST /%s HTTP/1.1\r\n\r\n", many);
	assert_int_equal(read_in_pieces(target, 1000, &line, NULL), -ENOENT);
	cleanup_free char *head = mem_printf(HEAD "X: %s\r\n\r\n", many);
	assert_int_equal(read_in_pieces(head, 1000, &line, NULL), -EMSGSIZE);
	many[UMBOX_LINE_BYTES + 1] = '\0';
	cleanup_free char *body = post(many);
	assert_int_equal(read_in_pieces(body, 1000, &line, NULL), -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_alert_comes_in_any_pieces),
		cmocka_unit_test(reserved_types_are_no_alerts),
		cmocka_unit_test(details_of_any_kind_become_text),
		cmocka_unit_test(chunks_and_old_versions_are_read),
		cmocka_unit_test(wrong_requests_are_refused),
		cmocka_unit_test(length_has_its_limits),
	};
	return cmocka_run_group_tests_name("legacy_request", tests, NULL, NULL);
}
