/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_login.c - arbitrary bytes of a client and a device over HTTP, FTP or Telnet: whatever gets
 * to the device over HTTP brings no factory credentials, in a field, a form or JSON, however it was
 * cut into segments.
 *
 * Input: the port; then segments, each the side (one bit) and the length, then the bytes. */
#include <jansson.h>

#include "login.h"
#include "talk.h"

enum { CLIENT_BYTES = 8192, SEGMENT_MAX = 127 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void tell(const struct umbox_alert *alert, void *user)
{
	(void)user;
	assert(alert->type[0] && alert->count && alert->detail[0]);
}

static enum umbox_verdict judge(struct umbox_frame *frame, void *user)
{
	return login_frame(user, NULL, frame);
}

/* As the device reads it. */
static enum umbox_stream_word on_head(struct umbox_stream *stream,
				      struct umbox_http_request *request, void *own)
{
	char user[64], password[64];
	(void)stream, (void)own;
	if (umbox_http_basic(request->fields[UMBOX_HTTP_AUTHORIZATION], user, sizeof(user),
			     password, sizeof(password)))
		assert(strcmp(user, "a") != 0 || strcmp(password, "b") != 0);
	if (umbox_http_form(request->target, strlen(request->target), "p", password,
			    sizeof(password)) &&
	    umbox_http_form(request->target, strlen(request->target), "u", user, sizeof(user)))
		assert(strcmp(user, "a") != 0 || strcmp(password, "b") != 0);
	return UMBOX_STREAM_GO_ON;
}

static enum umbox_stream_word on_body(struct umbox_stream *stream,
				      struct umbox_http_request *request, void *own)
{
	json_t *body = request->body_cut ? NULL
					 : json_loadb(request->body, request->body_bytes, 0, NULL);
	const char *user = json_string_value(json_object_get(body, "u"));
	const char *password = json_string_value(json_object_get(body, "p"));
	(void)stream, (void)own;
	assert(!user || !password || strcmp(user, "a") != 0 || strcmp(password, "b") != 0);
	json_decref(body);
	return UMBOX_STREAM_GO_ON;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t ports[] = {80, 21, 23};
	static const struct login_settings settings = {
		.http = {{80}, 1},
		.ftp = {{21}, 1},
		.telnet = {{23}, 1},
		.defaults = {{"a:b"}, 1},
		.default_users = {{"c"}, 1},
		.user_fields = {{"u"}, 1},
		.password_fields = {{"p"}, 1},
		.attempts = 2,
		.source_attempts = 3,
		.interval_us = 1000000,
		.refuse_default = true,
	};
	static uint8_t got[CLIENT_BYTES];
	size_t count = 0, at = 1;
	if (!size)
		return 0;
	struct login_guard *guard = login_new(&settings, tell, NULL);
	struct talk talk = {.judge = judge,
			    .user = guard,
			    .client = "10.20.0.9",
			    .server_port = ports[data[0] % 3]};
	assert(talk_open(&talk));
	while (at < size) {
		bool by_client = data[at] > SEGMENT_MAX;
		size_t bytes = data[at] & SEGMENT_MAX;
		if (++at + bytes > size || count + bytes > CLIENT_BYTES)
			break;
		if (talk_say(&talk, by_client, UMBOX_TCP_ACK, (const char *)data + at, bytes) !=
		    UMBOX_PASS)
			break;
		if (by_client) {
			memcpy(got + count, data + at, bytes);
			count += bytes;
		}
		at += bytes;
	}
	struct umbox_http http = {.other = false};
	struct umbox_stream stream = {.client_port = 1};
	struct umbox_http_watcher watcher = {.on_head = on_head, .on_body = on_body};
	enum umbox_stream_word word;
	if (talk.server_port == 80)
		umbox_http_take(&http, &watcher, &stream, got, count, &word);
	umbox_http_done(&http);
	login_free(guard);
	return 0;
}
