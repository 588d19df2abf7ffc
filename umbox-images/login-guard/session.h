/* SPDX-License-Identifier: Apache-2.0 */
/* session.h - one connection on which somebody may log in; inside of login-guard. */
#pragma once

#include "login.h"

enum session_kind { SESSION_HTTP, SESSION_FTP, SESSION_TELNET };

enum {
	REQUESTS_WAITING_MAX = 16, /* pipelined, not answered yet */
	LINE_BYTES = 256,
};

/* A request that the device has not answered yet. */
struct waiting_request {
	bool login, head; /* it came with credentials; its answer has no body */
	char user[LOGIN_USER_BYTES];
};

struct session_http {
	struct umbox_http reader;
	http_parser answers;
	bool answers_lost; /* they cannot be read: every login counts as failed */
	struct waiting_request waiting[REQUESTS_WAITING_MAX];
	unsigned first, count;
};

enum telnet_expects { TELNET_NOTHING, TELNET_USER, TELNET_PASSWORD };

struct session_text {
	char client[LINE_BYTES], server[LINE_BYTES]; /* the line that comes, cut at the front */
	size_t client_bytes, server_bytes;
	char user[LOGIN_USER_BYTES];
	enum telnet_expects expects;
	uint8_t command; /* of Telnet: where in a command the client is, 0: in none */
};

struct session {
	struct login_guard *guard;
	struct umbox_stream *stream;
	enum session_kind kind;
	int64_t now_us;
	enum umbox_stream_word word; /* what an attempt led to */
	union {
		struct session_http http;
		struct session_text text;
	};
};

struct login_attempt {
	const char *user;
	const char *password; /* NULL: not shown (Digest) */
};

/* Somebody tries; sets session->word.  Whether it failed is told later, or never. */
void login_tried(struct session *session, const struct login_attempt *attempt);
void login_failed(struct session *session, const char *user);
const struct login_settings *login_settings_of(const struct session *session);

void session_http_bytes(struct session *session, enum umbox_stream_side side, const uint8_t *bytes,
			size_t count);
void session_http_close(struct session *session);
void session_text_bytes(struct session *session, enum umbox_stream_side side, const uint8_t *bytes,
			size_t count);
