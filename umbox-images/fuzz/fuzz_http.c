/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_http.c - arbitrary bytes as requests: however they are cut into segments, the same is told.
 *
 * Input: the size of the segments, then the client's bytes. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "umbox_http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
	unsigned heads, bodies;
	uint32_t hash;
};

static void add(struct told *told, const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		told->hash = (told->hash ^ (uint8_t)bytes[i]) * 16777619u;
}

static void read_texts(const struct umbox_http_request *request)
{
	char one[64], two[64];
	const char *authorization = request->fields[UMBOX_HTTP_AUTHORIZATION];
	if (umbox_http_basic(authorization, one, sizeof(one), two, sizeof(two)))
		assert(strlen(one) < sizeof(one) && strlen(two) < sizeof(two));
	if (umbox_http_digest(authorization, "username", one, sizeof(one)))
		assert(strlen(one) < sizeof(one));
	umbox_http_form(request->body, request->body_bytes, "user", one, sizeof(one));
	umbox_http_form(request->target, strlen(request->target), "user", one, sizeof(one));
	if (umbox_http_path(request->target, one, sizeof(one)))
		assert(one[0] == '/' && !strstr(one, "//") && !strstr(one, "/../"));
}

static enum umbox_stream_word on_head(struct umbox_stream *stream,
				      struct umbox_http_request *request, void *user)
{
	struct told *told = user;
	(void)stream;
	told->heads++;
	add(told, request->method, strlen(request->method));
	add(told, request->target, strlen(request->target));
	for (unsigned i = 0; i < UMBOX_HTTP_FIELD_COUNT; i++)
		add(told, request->fields[i], strlen(request->fields[i]));
	read_texts(request);
	return UMBOX_STREAM_GO_ON;
}

static enum umbox_stream_word on_body(struct umbox_stream *stream,
				      struct umbox_http_request *request, void *user)
{
	struct told *told = user;
	(void)stream;
	told->bodies++;
	assert(request->body_bytes > 0 && request->body_bytes <= sizeof(request->body));
	add(told, request->body, request->body_bytes);
	read_texts(request);
	return UMBOX_STREAM_GO_ON;
}

static enum umbox_http_result run(const uint8_t *data, size_t size, size_t step, struct told *told)
{
	struct umbox_http http = {.other = false};
	struct umbox_stream stream = {.client_port = 1};
	struct umbox_http_watcher watcher = {on_head, on_body, told};
	enum umbox_http_result result = UMBOX_HTTP_FINE;
	enum umbox_stream_word word;
	*told = (struct told){.hash = 2166136261u};
	for (size_t at = 0; at < size && result == UMBOX_HTTP_FINE; at += step) {
		size_t count = size - at < step ? size - at : step;
		result = umbox_http_take(&http, &watcher, &stream, data + at, count, &word);
	}
	umbox_http_done(&http);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct told whole, pieces;
	if (!size)
		return 0;
	size_t step = data[0] ? data[0] : 1;
	enum umbox_http_result first = run(data + 1, size - 1, size, &whole);
	enum umbox_http_result second = run(data + 1, size - 1, step, &pieces);
	assert(first == second);
	assert(whole.heads == pieces.heads && whole.bodies == pieces.bodies &&
	       whole.hash == pieces.hash);
	return 0;
}
