/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/smtp.c - see smtp.h. */
#include "codec/smtp.h"

#include <string.h>
#include <strings.h>

#include "base/macros.h"

static void forget_mail(struct smtp_session *session)
{
	session->from = false;
	session->to_count = 0;
	session->mail_bytes = 0;
}

static bool begins(const char *line, const char *word)
{
	return strncasecmp(line, word, strlen(word)) == 0;
}

/* What stands between < and > behind a command. */
static bool take_address(const char *line, char ret[static SMTP_ADDRESS_BYTES])
{
	const char *start = strchr(line, '<');
	const char *end = start ? strchr(start, '>') : NULL;
	size_t length = end ? (size_t)(end - start - 1) : SMTP_ADDRESS_BYTES;
	if (length >= SMTP_ADDRESS_BYTES)
		return false;
	memcpy(ret, start + 1, length);
	ret[length] = '\0';
	return true;
}

static const char *take_recipient(struct smtp_session *session, const char *line,
				  const struct smtp_hooks *hooks, void *data)
{
	char address[SMTP_ADDRESS_BYTES];
	if (!session->from)
		return "503 MAIL comes first\r\n";
	if (session->to_count == SMTP_RECIPIENTS_MAX)
		return "452 too many recipients\r\n";
	if (!take_address(line, address) || !address[0])
		return "501 no address\r\n";
	if (!hooks->accepts(data, address))
		return "550 nobody of that name\r\n";
	memcpy(session->to[session->to_count++], address, sizeof(address));
	return "250 ok\r\n";
}

static const char *answer(struct smtp_session *session, const char *line,
			  const struct smtp_hooks *hooks, void *data)
{
	char address[SMTP_ADDRESS_BYTES];
	if (begins(line, "HELO") || begins(line, "EHLO")) {
		forget_mail(session);
		return "250 kalkid\r\n";
	}
	if (begins(line, "MAIL FROM:")) {
		forget_mail(session);
		session->from = take_address(line, address);
		return session->from ? "250 ok\r\n" : "501 no address\r\n";
	}
	if (begins(line, "RCPT TO:"))
		return take_recipient(session, line, hooks, data);
	if (begins(line, "DATA")) {
		if (!session->to_count)
			return "503 RCPT comes first\r\n";
		session->phase = SMTP_DATA;
		return "354 go on\r\n";
	}
	if (begins(line, "RSET")) {
		forget_mail(session);
		return "250 ok\r\n";
	}
	if (begins(line, "NOOP"))
		return "250 ok\r\n";
	if (begins(line, "QUIT")) {
		session->phase = SMTP_ENDED;
		return "221 bye\r\n";
	}
	return "502 not here\r\n";
}

static void take_command(struct smtp_session *session, const struct smtp_hooks *hooks, void *data)
{
	if (++session->commands > SMTP_COMMANDS_MAX) {
		session->phase = SMTP_ENDED;
		hooks->reply(data, "421 too many commands\r\n");
	} else if (session->too_long || strlen(session->line) != session->length) {
		hooks->reply(data, "500 no such line\r\n");
	} else {
		hooks->reply(data, answer(session, session->line, hooks, data));
	}
}

static void take_data(struct smtp_session *session, const struct smtp_hooks *hooks, void *data)
{
	if (session->too_long || session->length != 1 || session->line[0] != '.')
		return;
	session->phase = SMTP_COMMANDS;
	hooks->on_mail(data, session);
	forget_mail(session);
	hooks->reply(data, "250 taken\r\n");
}

static void take_line(struct smtp_session *session, const struct smtp_hooks *hooks, void *data)
{
	if (session->length && session->line[session->length - 1] == '\r')
		session->length--;
	session->line[session->length] = '\0';
	if (session->phase == SMTP_DATA)
		take_data(session, hooks, data);
	else
		take_command(session, hooks, data);
	session->length = 0;
	session->too_long = false;
}

void smtp_begin(struct smtp_session *session, const struct smtp_hooks *hooks, void *data)
{
	*session = (struct smtp_session){0};
	hooks->reply(data, "220 kalkid\r\n");
}

void smtp_feed(struct smtp_session *session, const char *bytes, size_t count,
	       const struct smtp_hooks *hooks, void *data)
{
	for (size_t i = 0; i < count && session->phase != SMTP_ENDED; i++) {
		if (session->phase == SMTP_DATA && ++session->mail_bytes > SMTP_MAIL_BYTES_MAX) {
			session->phase = SMTP_ENDED;
			hooks->reply(data, "552 too long\r\n");
		} else if (bytes[i] == '\n') {
			take_line(session, hooks, data);
		} else if (session->length < SMTP_LINE_BYTES - 1) {
			session->line[session->length++] = bytes[i];
		} else {
			session->too_long = true;
		}
	}
}
