/* SPDX-License-Identifier: Apache-2.0 */
/* session.h - one connection on which somebody may log in; inside of login-guard. */
#pragma once

#include "login.h"

enum session_kind { SESSION_HTTP, SESSION_FTP, SESSION_TELNET };

enum {
	REQUESTS_WAITING_MAX = 16, /* pipelined, not answered yet */
	LINE_BYTES = 256,
	AHEAD_MAX = 8, /* lines typed before anybody asked */
};

/* A request that the device has not answered yet. */
struct waiting_request {
	bool login, head, upgrade; /* it came with credentials; its answer has no body */
	char user[LOGIN_USER_BYTES];
};

/* What a field of a form was the first time that it came, and the last. */
struct form_field {
	bool known;
	char first[LOGIN_USER_BYTES], last[LOGIN_USER_BYTES];
};

struct form {
	struct form_field user, password;
	bool counted;
};

struct session_http {
	struct umbox_http reader;
	struct form form;
	http_parser answers;
	bool answers_lost;         /* they cannot be read: every login counts as failed */
	bool in_step;              /* an answer was read from its beginning on */
	bool in_value;             /* of an answer's field; else its name comes */
	uint8_t name_at, stale_at; /* how much of what is looked for there has come */
	struct waiting_request waiting[REQUESTS_WAITING_MAX];
	unsigned first, count;
};

enum telnet_expects { TELNET_NOTHING, TELNET_USER, TELNET_PASSWORD };

struct session_text {
	char client[LINE_BYTES], server[LINE_BYTES]; /* the line that comes, cut at the front */
	size_t client_bytes, server_bytes;
	char user[LOGIN_USER_BYTES];
	enum telnet_expects expects, prompt; /* what comes next; what the server's line ends with */
	bool user_given;                     /* by name, and no password since */
	char ahead[AHEAD_MAX][LOGIN_USER_BYTES]; /* the oldest first */
	unsigned ahead_count;
	uint8_t command; /* of Telnet: where in a command the client is, 0: in none */
	bool carriage_return;
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
bool login_is_default(const struct session *session, const struct login_attempt *attempt);
const struct login_settings *login_settings_of(const struct session *session);

void session_form_head(struct session *session, const struct umbox_http_request *request);
void session_form_body(struct session *session, struct umbox_http_request *request);
void session_http_open(struct session *session);
void session_http_bytes(struct session *session, enum umbox_stream_side side, const uint8_t *bytes,
			size_t count);
void session_http_close(struct session *session);
void session_text_bytes(struct session *session, enum umbox_stream_side side, const uint8_t *bytes,
			size_t count);
