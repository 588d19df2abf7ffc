/* SPDX-License-Identifier: Apache-2.0 */
/* session_text.c - logins in lines of text: FTP (RFC 959), and Telnet (RFC 854) by the prompts of
 * the device. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "session.h"

enum { IAC = 255, SUBNEGOTIATION = 250, SUBNEGOTIATION_END = 240, WILL = 251 };
/* Where in a Telnet command the client is. */
enum { COMMAND_NONE, COMMAND_IAC, COMMAND_OPTION, COMMAND_SUB, COMMAND_SUB_IAC };

/* The end of a line counts: prompts stand there. */
static void append(char *line, size_t *length, uint8_t byte)
{
	if (*length == LINE_BYTES - 1)
		memmove(line, line + 1, --*length);
	line[(*length)++] = (char)byte;
	line[*length] = '\0';
}

static void tried(struct session *session, const char *password)
{
	struct session_text *text = &session->text;
	login_tried(session, &(struct login_attempt){.user = text->user, .password = password});
}

/* --- FTP --- */

static void ftp_client_line(struct session *session)
{
	struct session_text *text = &session->text;
	if (strncasecmp(text->client, "USER ", 5) == 0)
		snprintf(text->user, sizeof(text->user), "%.*s", LOGIN_USER_BYTES - 1,
			 text->client + 5);
	else if (strncasecmp(text->client, "PASS ", 5) == 0)
		tried(session, text->client + 5);
}

static void ftp_server_line(struct session *session)
{
	struct session_text *text = &session->text;
	if (strncmp(text->server, "530", 3) == 0 && text->user[0])
		login_failed(session, text->user);
}

/* --- Telnet --- */

static bool ends_with(const char *line, size_t length, const char *words)
{
	size_t count = strlen(words);
	while (length && (line[length - 1] == ' ' || line[length - 1] == '\0'))
		length--;
	return length >= count && strncasecmp(line + length - count, words, count) == 0;
}

static void telnet_look_for_prompt(struct session_text *text)
{
	static const char *const user[] = {"login:", "username:", "user:", "user name:"};
	if (ends_with(text->server, text->server_bytes, "password:"))
		text->expects = TELNET_PASSWORD;
	for (size_t i = 0; i < sizeof(user) / sizeof(user[0]); i++)
		if (ends_with(text->server, text->server_bytes, user[i]))
			text->expects = TELNET_USER;
}

static void telnet_client_line(struct session *session)
{
	struct session_text *text = &session->text;
	enum telnet_expects expects = text->expects;
	text->expects = TELNET_NOTHING;
	if (expects == TELNET_USER)
		snprintf(text->user, sizeof(text->user), "%.*s", LOGIN_USER_BYTES - 1,
			 text->client);
	if (expects != TELNET_PASSWORD)
		return;
	tried(session, text->client);
	/* Whether it failed shows only in words; a session has one login. */
	if (session->word == UMBOX_STREAM_GO_ON)
		login_failed(session, text->user);
}

/* False when the byte is part of a command. */
static bool telnet_is_text(struct session_text *text, uint8_t byte)
{
	switch (text->command) {
	case COMMAND_NONE:
		if (byte == IAC)
			text->command = COMMAND_IAC;
		return byte != IAC;
	case COMMAND_IAC:
		text->command = COMMAND_NONE;
		if (byte == SUBNEGOTIATION)
			text->command = COMMAND_SUB;
		else if (byte >= WILL && byte != IAC)
			text->command = COMMAND_OPTION;
		return byte == IAC;
	case COMMAND_OPTION: text->command = COMMAND_NONE; return false;
	case COMMAND_SUB:
		if (byte == IAC)
			text->command = COMMAND_SUB_IAC;
		return false;
	default:
		text->command = byte == SUBNEGOTIATION_END ? COMMAND_NONE : COMMAND_SUB;
		return false;
	}
}

/* --- both --- */

static void client_byte(struct session *session, uint8_t byte)
{
	struct session_text *text = &session->text;
	if (session->kind == SESSION_TELNET && !telnet_is_text(text, byte))
		return;
	if (byte == 0x7f || byte == '\b') { /* typed by hand */
		text->client_bytes -= text->client_bytes > 0;
		text->client[text->client_bytes] = '\0';
		return;
	}
	if (byte != '\r' && byte != '\n' && byte != '\0') {
		append(text->client, &text->client_bytes, byte);
		return;
	}
	if (!text->client_bytes && byte != '\r') /* the second half of a line's end */
		return;
	if (session->kind == SESSION_FTP)
		ftp_client_line(session);
	else
		telnet_client_line(session);
	text->client_bytes = 0;
	text->client[0] = '\0';
}

static void server_byte(struct session *session, uint8_t byte)
{
	struct session_text *text = &session->text;
	if (byte != '\r' && byte != '\n') {
		append(text->server, &text->server_bytes, byte);
		return;
	}
	if (session->kind == SESSION_FTP && text->server_bytes)
		ftp_server_line(session);
	text->server_bytes = 0;
	text->server[0] = '\0';
}

void session_text_bytes(struct session *session, enum umbox_stream_side side, const uint8_t *bytes,
			size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (side == UMBOX_CLIENT)
			client_byte(session, bytes[i]);
		else
			server_byte(session, bytes[i]);
	if (side == UMBOX_SERVER && session->kind == SESSION_TELNET)
		telnet_look_for_prompt(&session->text);
}
