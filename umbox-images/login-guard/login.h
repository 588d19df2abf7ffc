/* SPDX-License-Identifier: Apache-2.0 */
/* login.h - sees logins to the device over HTTP, FTP and Telnet: factory credentials, and too many
 * attempts.
 *
 *   session_http.c   Basic and Digest; what the device answered
 *   session_form.c   forms, and what one of any kind means
 *   session_json.c   fields in JSON
 *   session_parts.c  fields in parts (multipart)
 *   session_text.c   FTP's and Telnet's lines
 *   login.c          what an attempt means
 */
#pragma once

#include "umbox_guard.h"
#include "umbox_http.h"

enum {
	LOGIN_PORTS_MAX = 16,
	LOGIN_TEXTS_MAX = 64,
	LOGIN_USER_BYTES = 128,
	LOGIN_CONNECTIONS_MAX = 128,
	LOGIN_COPIES_BYTES = 1024 * 1024, /* of all connections */
	LOGIN_SOURCES_MAX = 4096,
};

struct login_ports {
	int64_t port[LOGIN_PORTS_MAX];
	size_t count;
};

struct login_texts {
	const char *text[LOGIN_TEXTS_MAX];
	size_t count;
};

struct login_settings {
	struct login_ports http, ftp, telnet;
	struct login_texts defaults;      /* "user:password" as the factory set them */
	struct login_texts default_users; /* a Digest login shows no password: its user alone */
	struct login_texts user_fields, password_fields; /* of forms */
	uint32_t attempts;                               /* failed ones of one source and user */
	uint32_t source_attempts;                        /* of one source, whatever the user */
	uint32_t network_attempts;                       /* of an IPv6 /64; 0: not counted */
	int64_t interval_us, block_us, alert_pause_us;
	bool refuse_default; /* cut a login with factory credentials */
	/* Sources that are not looked at; NULL: none. */
	bool (*is_exempt)(const void *user, const struct umbox_ip *source);
	const void *exempt_user;
};

struct login_counts {
	uint64_t attempts, failures, defaults, blocked;
};

typedef void login_tell_fn(const struct umbox_alert *alert, void *user);

struct login_guard;

/* The texts of the settings must live on. */
struct login_guard *login_new(const struct login_settings *settings, login_tell_fn *tell,
			      void *user);
void login_free(struct login_guard *guard);
/* `umbox` may be NULL: then no resets are sent. */
enum umbox_verdict login_frame(struct login_guard *guard, struct umbox *umbox,
			       struct umbox_frame *frame);
const struct login_counts *login_counts(const struct login_guard *guard);
const struct umbox_stream_counts *login_streams(const struct login_guard *guard);
