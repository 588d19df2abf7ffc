/* SPDX-License-Identifier: Apache-2.0 */
/* session.h - one connection on which somebody may log in; inside of login-guard. */
#pragma once

#include "login.h"

enum session_kind { SESSION_HTTP, SESSION_FTP, SESSION_TELNET };

enum {
	REQUESTS_WAITING_MAX = 16, /* pipelined, not answered yet */
	LINE_BYTES = 256,
	PART_LINE_BYTES = 512,
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
	bool page; /* the password came from a page, not from a program */
	bool counted, told;
};

/* Where in a body of JSON the client is. */
struct json_reader {
	uint8_t state;
	char name[LOGIN_USER_BYTES], text[LOGIN_USER_BYTES]; /* what comes, as far as it fits */
	size_t length;
	bool valued;  /* behind a name and its colon */
	char code[5]; /* of \uXXXX */
	uint8_t code_length;
};

enum parts_place { PARTS_NONE, PARTS_HEAD, PARTS_VALUE, PARTS_REST };

/* Where in a form of several parts the client is. */
struct parts_reader {
	enum parts_place place;
	bool named;
	char boundary[2 + 70 + 1], name[LOGIN_USER_BYTES];
	char line[PART_LINE_BYTES]; /* the one that comes, as far as it fits */
	size_t length;
};

struct session_http {
	struct umbox_http reader;
	struct form form;
	struct json_reader json;
	struct parts_reader parts;
	size_t body_seen; /* of what is left of the body in the reader's room */
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

/* A field of a form, of a page or of a program. */
void session_form_note(struct session *session, const char *name, const char *value, bool page);
void session_form_head(struct session *session, const struct umbox_http_request *request);
void session_form_body(struct session *session, struct umbox_http_request *request);
void session_json_bytes(struct session *session, const char *bytes, size_t count);
void session_parts_begin(struct session *session, const char *content_type);
void session_parts_bytes(struct session *session, const char *bytes, size_t count);
void session_parts_end(struct session *session);
/* Somebody tries; the answer says whether it failed. */
void session_http_tried(struct session *session, const struct login_attempt *attempt);
void session_http_open(struct session *session);
void session_http_bytes(struct session *session, enum umbox_stream_side side, const uint8_t *bytes,
			size_t count);
void session_http_close(struct session *session);
void session_text_bytes(struct session *session, enum umbox_stream_side side, const uint8_t *bytes,
			size_t count);
