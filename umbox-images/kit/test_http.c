/* SPDX-License-Identifier: Apache-2.0 */
/* test_http.c - requests as they are sent in whole, in pieces, and with tricks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "umbox_http.h"

struct seen {
	unsigned heads, bodies;
	struct umbox_http_request last;
	const char *cut_target;
};

static enum umbox_stream_word on_head(struct umbox_stream *stream,
				      struct umbox_http_request *request, void *user)
{
	struct seen *seen = user;
	(void)stream;
	seen->heads++;
	seen->last = *request;
	return seen->cut_target && strcmp(request->target, seen->cut_target) == 0
		       ? UMBOX_STREAM_CUT
		       : UMBOX_STREAM_GO_ON;
}

static enum umbox_stream_word on_body(struct umbox_stream *stream,
				      struct umbox_http_request *request, void *user)
{
	struct seen *seen = user;
	(void)stream;
	seen->bodies++;
	seen->last = *request;
	return UMBOX_STREAM_GO_ON;
}

/* In pieces of `step` bytes; the last result that is not FINE, the last word that is not GO_ON. */
static enum umbox_http_result take(const char *text, size_t step, struct seen *seen,
				   enum umbox_stream_word *ret_word)
{
	struct umbox_http http = {.other = false};
	struct umbox_stream stream = {.client_port = 1};
	struct umbox_http_watcher watcher = {on_head, on_body, seen};
	enum umbox_http_result result = UMBOX_HTTP_FINE;
	size_t length = strlen(text);
	*ret_word = UMBOX_STREAM_GO_ON;
	for (size_t at = 0;
	     at < length && result == UMBOX_HTTP_FINE && *ret_word == UMBOX_STREAM_GO_ON;
	     at += step) {
		size_t count = length - at < step ? length - at : step;
		uint8_t *exact = malloc(count); /* so that the sanitizers see a read past it */
		memcpy(exact, text + at, count);
		result = umbox_http_take(&http, &watcher, &stream, exact, count, ret_word);
		free(exact);
	}
	umbox_http_done(&http);
	return result;
}

static void requests_are_told(void **state)
{
	static const char two[] =
		"GET /login?user=a HTTP/1.1\r\nHost: cam\r\nAUTHORIZATION:  Basic x\r\n"
		"Cookie: a=1\r\nCookie: b=2\r\n\r\n"
		"POST /form HTTP/1.1\r\nContent-Length: 5\r\n"
		"Content-Type: text/plain\r\n\r\nhello";
	(void)state;
	for (size_t step = 1; step <= sizeof(two); step += step < 8 ? 1 : 40) {
		struct seen seen = {.heads = 0};
		enum umbox_stream_word word;
		assert_int_equal(take(two, step, &seen, &word), UMBOX_HTTP_FINE);
		assert_int_equal(seen.heads, 2);
		assert_int_equal(seen.bodies, 1);
		assert_string_equal(seen.last.method, "POST");
		assert_string_equal(seen.last.target, "/form");
		assert_string_equal(seen.last.fields[UMBOX_HTTP_CONTENT_TYPE], "text/plain");
		assert_string_equal(seen.last.fields[UMBOX_HTTP_COOKIE], "");
		assert_int_equal(seen.last.body_bytes, 5);
		assert_memory_equal(seen.last.body, "hello", 5);
	}
	struct seen first = {.cut_target = "/login?user=a"};
	enum umbox_stream_word word;
	take(two, 1000, &first, &word);
	assert_int_equal(word, UMBOX_STREAM_CUT);
	assert_int_equal(first.heads, 1); /* the next is not even read for the watcher */
	assert_string_equal(first.last.fields[UMBOX_HTTP_AUTHORIZATION], "Basic x");
	assert_string_equal(first.last.fields[UMBOX_HTTP_COOKIE], "a=1, b=2");
}

static void chunks_are_joined(void **state)
{
	struct seen seen = {.heads = 0};
	enum umbox_stream_word word;
	(void)state;
	assert_int_equal(take("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
			      "3\r\nuse\r\n5\r\nr=bob\r\n0\r\n\r\nGET /next HTTP/1.1\r\n\r\n",
			      7, &seen, &word),
			 UMBOX_HTTP_FINE);
	assert_int_equal(seen.heads, 2);
	assert_int_equal(seen.bodies, 1);
}

static void two_readings_are_refused(void **state)
{
	static const char *const bad[] = {
		"SSH-2.0-OpenSSH\r\n",
		"GET / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 30\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET / HTTP/1.1\r\nHo st: x\r\n\r\n",
		"GET / HTTP/1.1\r\nContent-Length: 3 4\r\n\r\n",
		"GET / HTTP/1.1\r\nX: a\x01\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
		"\x16\x03\x01\x02",
		"GET /old\r\n",
		"GET /old\r\n\r\n",
		"GET /a\t/../b HTTP/1.1\r\n\r\n",
		"GET /a#/../b HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nContent-Length: 19\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
		"HEAD / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET / HTTP/1.1\r\nAuthorization: Basic x\r\nauthorization: Basic y\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nHost:\r\n\r\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct seen seen = {.heads = 0};
		enum umbox_stream_word word;
		print_message("# %zu\n", i);
		assert_int_equal(take(bad[i], 5, &seen, &word), UMBOX_HTTP_BAD);
	}
}

static void long_heads_are_refused(void **state)
{
	struct seen seen = {.heads = 0};
	enum umbox_stream_word word;
	static char text[2 * UMBOX_HTTP_HEAD_BYTES];
	(void)state;
	size_t length = (size_t)sprintf(text, "GET /");
	memset(text + length, 'a', UMBOX_HTTP_TARGET_BYTES + 10);
	length += UMBOX_HTTP_TARGET_BYTES + 10;
	strcpy(text + length, " HTTP/1.1\r\n\r\n");
	assert_int_equal(take(text, 100, &seen, &word), UMBOX_HTTP_FINE);
	assert_true(seen.last.cut);
	assert_int_equal(strlen(seen.last.target), UMBOX_HTTP_TARGET_BYTES - 1);
	memset(text + length, 'a', UMBOX_HTTP_HEAD_BYTES);
	assert_int_equal(take(text, 100, &seen, &word), UMBOX_HTTP_BAD);
	assert_int_equal(seen.heads, 1);
}

#define UPGRADE "GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

static void other_protocols_are_told(void **state)
{
	struct seen seen = {.heads = 0};
	enum umbox_stream_word word;
	(void)state;
	assert_int_equal(take("CONNECT a:1 HTTP/1.1\r\n\r\nGET", 1000, &seen, &word),
			 UMBOX_HTTP_OTHER);
	/* It is only asked for: what comes next is a request, or cannot be read. */
	assert_int_equal(take(UPGRADE "GET /x HTTP/1.1\r\n\r\n", 1000, &seen, &word),
			 UMBOX_HTTP_FINE);
	assert_string_equal(seen.last.target, "/x");
	assert_false(seen.last.upgrade);
	assert_int_equal(take(UPGRADE "\x81\x05hello", 1000, &seen, &word), UMBOX_HTTP_BAD);
	assert_true(seen.last.upgrade);
	assert_int_equal(seen.heads, 4);
}

/* Keeps the last `keep` bytes of what it is shown. */
struct taker {
	size_t keep, shown;
	unsigned calls;
	bool whole;
};

static enum umbox_stream_word take_out(struct umbox_stream *stream,
				       struct umbox_http_request *request, void *user)
{
	struct taker *taker = user;
	(void)stream;
	taker->calls++;
	taker->whole = !request->body_cut;
	size_t kept = request->body_cut ? taker->keep : 0;
	taker->shown += request->body_bytes - kept;
	request->body_bytes = kept;
	return UMBOX_STREAM_GO_ON;
}

static void a_long_body_comes_in_parts(void **state)
{
	static const size_t lengths[] = {1, UMBOX_HTTP_BODY_BYTES, UMBOX_HTTP_BODY_BYTES + 1,
					 3 * UMBOX_HTTP_BODY_BYTES};
	(void)state;
	for (size_t i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++) {
		char text[4 * UMBOX_HTTP_BODY_BYTES];
		struct umbox_http http = {.other = false};
		struct umbox_stream stream = {.client_port = 1};
		struct taker taker = {.keep = i % 2 ? 0 : 7};
		struct umbox_http_watcher watcher = {.on_body = take_out, .user = &taker};
		enum umbox_stream_word word;
		size_t bytes = lengths[i / 2];
		size_t head = (size_t)sprintf(
			text, "POST / HTTP/1.1\r\nContent-Length: %zu\r\n\r\n", bytes);
		memset(text + head, 'x', bytes);
		assert_int_equal(umbox_http_take(&http, &watcher, &stream, (uint8_t *)text,
						 head + bytes, &word),
				 UMBOX_HTTP_FINE);
		assert_int_equal(taker.shown, bytes);
		assert_true(taker.whole);
		umbox_http_done(&http);
	}
}

static void midstream_finds_the_next_request(void **state)
{
	struct umbox_http http = {.other = false};
	struct umbox_stream stream = {.midstream = true};
	struct seen seen = {.heads = 0};
	struct umbox_http_watcher watcher = {on_head, on_body, &seen};
	enum umbox_stream_word word;
	const uint8_t rest[] = "st of a body", request[] = "GET /x HTTP/1.1\r\n\r\n";
	(void)state;
	assert_int_equal(umbox_http_take(&http, &watcher, &stream, rest, sizeof(rest) - 1, &word),
			 UMBOX_HTTP_BAD);
	assert_int_equal(
		umbox_http_take(&http, &watcher, &stream, request, sizeof(request) - 1, &word),
		UMBOX_HTTP_FINE);
	assert_string_equal(seen.last.target, "/x");
	assert_false(stream.midstream); /* it is in step from here on */
	umbox_http_done(&http);
}

static void credentials_are_read(void **state)
{
	char user[16], password[16], value[32];
	(void)state;
	assert_true(umbox_http_basic("basic  YWRtaW46cDphc3M=", user, 16, password, 16));
	assert_string_equal(user, "admin");
	assert_string_equal(password, "p:ass");
	assert_true(umbox_http_basic("Basic YTo=", user, 16, password, 16));
	assert_string_equal(password, "");
	assert_false(umbox_http_basic("Basic YWRtaW4=", user, 16, password, 16)); /* no colon */
	assert_false(umbox_http_basic("BasicYTo=", user, 16, password, 16));
	assert_false(umbox_http_basic("Basic AGE6Yg==", user, 16, password, 16)); /* a NUL */
	assert_false(umbox_http_basic("Basic YT-o=", user, 16, password, 16));
	assert_false(umbox_http_basic("Basic YTo=YTo=", user, 16, password, 16));
	assert_false(umbox_http_basic("Basic YWRtaW46cGFzcw==", user, 5, password, 16));
	static const char digest[] =
		"Digest realm=\"a, b\", username = \"ad\\\"min\",uri=/x, qop=auth";
	assert_true(umbox_http_digest(digest, "username", value, sizeof(value)));
	assert_string_equal(value, "ad\"min");
	assert_true(umbox_http_digest(digest, "URI", value, sizeof(value)));
	assert_string_equal(value, "/x");
	assert_true(umbox_http_digest(digest, "realm", value, sizeof(value)));
	assert_string_equal(value, "a, b");
	assert_false(umbox_http_digest(digest, "nonce", value, sizeof(value)));
	assert_false(umbox_http_digest("Basic x", "username", value, sizeof(value)));
}

static void forms_are_read(void **state)
{
	char value[16];
	static const char form[] = "a=1&us%65r=b%6fb+x&user=second&bad=%4&empty=";
	(void)state;
	assert_true(umbox_http_form(form, sizeof(form) - 1, "user", value, sizeof(value)));
	assert_string_equal(value, "bob x");
	assert_true(umbox_http_form(form, sizeof(form) - 1, "empty", value, sizeof(value)));
	assert_string_equal(value, "");
	assert_false(umbox_http_form(form, sizeof(form) - 1, "bad", value, sizeof(value)));
	assert_false(umbox_http_form(form, sizeof(form) - 1, "none", value, sizeof(value)));
	assert_true(umbox_http_form("/x?pwd=1", 8, "pwd", value, sizeof(value)));
	assert_false(umbox_http_form("/pwd=1", 6, "pwd", value, sizeof(value)));
}

static void a_path_has_one_spelling(void **state)
{
	static const char *const pairs[][2] = {
		{"/api/x?y=/z", "/api/x"},
		{"//api///x/", "/api/x"},
		{"/%61pi/./y/../x", "/api/x"},
		{"http://cam:80/api/x", "/api/x"},
		{"/../../api\\x", "/api/x"},
		{"/api/%2e%2e/api/x#a", "/api/x"},
		{"/", "/"},
		{"http://cam", "/"},
		{"*", "/*"},
	};
	char path[64];
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		assert_true(umbox_http_path(pairs[i][0], path, sizeof(path)));
		assert_string_equal(path, pairs[i][1]);
	}
	assert_false(umbox_http_path("/a%00b", path, sizeof(path)));
	assert_false(umbox_http_path("/a%4", path, sizeof(path)));
	assert_false(umbox_http_path("/too-long", path, 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_told),
		cmocka_unit_test(chunks_are_joined),
		cmocka_unit_test(two_readings_are_refused),
		cmocka_unit_test(long_heads_are_refused),
		cmocka_unit_test(other_protocols_are_told),
		cmocka_unit_test(a_long_body_comes_in_parts),
		cmocka_unit_test(midstream_finds_the_next_request),
		cmocka_unit_test(credentials_are_read),
		cmocka_unit_test(forms_are_read),
		cmocka_unit_test(a_path_has_one_spelling),
	};
	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
