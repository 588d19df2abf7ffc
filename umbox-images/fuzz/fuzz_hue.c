/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_hue.c - arbitrary bytes as requests to a bridge that may only be read: whatever gets to it
 * is a reading request of an allowed path, however it was cut into segments.
 *
 * Input: the size of the segments, then the client's bytes. */
#include "hue.h"
#include "talk.h"

enum { CLIENT_BYTES = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void tell(const struct umbox_alert *alert, void *user)
{
	(void)user;
	assert(alert->type[0] && alert->count);
}

static enum umbox_verdict judge(struct umbox_frame *frame, void *user)
{
	return hue_frame(user, NULL, frame);
}

/* As the bridge reads it. */
static enum umbox_stream_word on_head(struct umbox_stream *stream,
				      struct umbox_http_request *request, void *user)
{
	char path[UMBOX_HTTP_TARGET_BYTES];
	(void)stream, (void)user;
	assert(strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0);
	assert(umbox_http_path(request->target, path, sizeof(path)));
	assert(strncmp(path, "/api/", 5) == 0);
	return UMBOX_STREAM_GO_ON;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *paths[] = {"/api/*"};
	const struct hue_settings settings = {
		.http = {{80}, 1},
		.read_only = true,
		.allowed_paths = paths,
		.allowed_count = 1,
		.attempts = 3,
		.interval_us = 1000000,
	};
	uint8_t got[CLIENT_BYTES];
	size_t count = 0, step = size && data[0] ? data[0] : 1;
	struct hue_guard *guard = hue_new(&settings, tell, NULL);
	struct talk talk = {
		.judge = judge, .user = guard, .client = "10.20.0.9", .server_port = 80};
	assert(talk_open(&talk));
	for (size_t at = 1; at < size && at < CLIENT_BYTES; at += step) {
		size_t bytes = size - at < step ? size - at : step;
		bytes = CLIENT_BYTES - at < bytes ? CLIENT_BYTES - at : bytes;
		if (talk_say(&talk, true, UMBOX_TCP_ACK, (const char *)data + at, bytes) !=
		    UMBOX_PASS)
			break;
		memcpy(got + count, data + at, bytes);
		count += bytes;
	}
	struct umbox_http http = {.other = false};
	struct umbox_stream stream = {.client_port = 1};
	struct umbox_http_watcher watcher = {.on_head = on_head};
	enum umbox_stream_word word;
	umbox_http_take(&http, &watcher, &stream, got, count, &word);
	umbox_http_done(&http);
	hue_free(guard);
	return 0;
}
