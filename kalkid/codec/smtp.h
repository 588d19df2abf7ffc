/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/smtp.h - the receiving side of one SMTP connection (RFC 5321, the least that a device needs
 * to say that something happened): no login, no relay, what a mail holds is thrown away. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
	SMTP_LINE_BYTES = 512,
	SMTP_MAIL_BYTES_MAX = 16 * 1024 * 1024,
	SMTP_RECIPIENTS_MAX = 8,
	SMTP_ADDRESS_BYTES = 256,
	SMTP_COMMANDS_MAX = 100, /* in one connection */
};

enum smtp_phase { SMTP_COMMANDS, SMTP_DATA, SMTP_ENDED };

struct smtp_session {
	enum smtp_phase phase;
	char line[SMTP_LINE_BYTES]; /* what came of the present one */
	size_t length;
	bool too_long; /* it does not fit */
	bool from;     /* MAIL was said */
	char to[SMTP_RECIPIENTS_MAX][SMTP_ADDRESS_BYTES];
	unsigned to_count;
	unsigned commands;
	size_t mail_bytes;
};

struct smtp_hooks {
	void (*reply)(void *data, const char *line); /* with its end of line */
	bool (*accepts)(void *data, const char *address);
	void (*on_mail)(void *data, const struct smtp_session *session);
};

/* Says the greeting. */
void smtp_begin(struct smtp_session *session, const struct smtp_hooks *hooks, void *data);
/* What came.  With the phase SMTP_ENDED the connection is to be closed, once the replies are
 * sent. */
void smtp_feed(struct smtp_session *session, const char *bytes, size_t count,
	       const struct smtp_hooks *hooks, void *data);
