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
/* What edits a line that is typed. */
enum { ERASE = 0x7f, ERASE_WORD = 0x17, ERASE_LINE = 0x15 };

/* The end of a line counts: prompts stand there. */
static void append(char *line, size_t *length, uint8_t byte)
{
	if (*length == LINE_BYTES - 1)
		memmove(line, line + 1, --*length);
	line[(*length)++] = (char)byte;
	line[*length] = '\0';
}

static void set_user(struct session_text *text, const char *user)
{
	snprintf(text->user, sizeof(text->user), "%.*s", LOGIN_USER_BYTES - 1, user);
}

static void tried(struct session *session, const char *password)
{
	struct session_text *text = &session->text;
	login_tried(session, &(struct login_attempt){.user = text->user, .password = password});
}

/* --- FTP --- */

/* What stands behind the command, or NULL where it is another. */
static const char *behind_command(const char *line, const char *command)
{
	size_t length = strlen(command);
	line += strspn(line, " \t");
	if (strncasecmp(line, command, length) != 0 ||
	    (line[length] && line[length] != ' ' && line[length] != '\t'))
		return NULL;
	return line + length + strspn(line + length, " \t");
}

static void ftp_client_line(struct session *session)
{
	struct session_text *text = &session->text;
	const char *user = behind_command(text->client, "USER");
	const char *password = behind_command(text->client, "PASS");
	if (user)
		set_user(text, user);
	else if (password)
		tried(session, password);
}

/* An answer of several lines ends with the one that has a blank behind its number. */
static void ftp_server_line(struct session *session)
{
	struct session_text *text = &session->text;
	if (strncmp(text->server, "530", 3) == 0 && text->server[3] != '-' && text->user[0])
		login_failed(session, text->user);
}

/* --- Telnet --- */

static size_t trimmed(const char *line, size_t length)
{
	while (length && (line[length - 1] == ' ' || line[length - 1] == '\0'))
		length--;
	return length;
}

static bool ends_with(const char *line, size_t length, const char *words)
{
	size_t count = strlen(words);
	return length >= count && strncasecmp(line + length - count, words, count) == 0;
}

/* "Password:", "Password for admin:" */
static bool asks_password(const char *line, size_t length)
{
	static const char word[] = "password";
	if (!length || line[length - 1] != ':')
		return false;
	for (size_t at = 0; at + sizeof(word) - 1 < length; at++)
		if (strncasecmp(line + at, word, sizeof(word) - 1) == 0)
			return true;
	return false;
}

static enum telnet_expects prompt_of(const char *line, size_t length)
{
	static const char *const user[] = {
		"login:", "username:", "user:", "user name:", "userid:", "account:"};
	length = trimmed(line, length);
	if (asks_password(line, length))
		return TELNET_PASSWORD;
	for (size_t i = 0; i < sizeof(user) / sizeof(user[0]); i++)
		if (ends_with(line, length, user[i]))
			return TELNET_USER;
	return TELNET_NOTHING;
}

static void telnet_answer(struct session *session, const char *line)
{
	struct session_text *text = &session->text;
	enum telnet_expects expects = text->expects;
	text->expects = TELNET_NOTHING;
	text->user_given = expects == TELNET_USER;
	if (expects == TELNET_USER)
		set_user(text, line);
	if (expects != TELNET_PASSWORD)
		return;
	tried(session, line);
	/* Whether it failed shows only in words; a session has one login. */
	if (session->word == UMBOX_STREAM_GO_ON)
		login_failed(session, text->user);
}

/* Typed before anybody asked: the device will take it for its next question. */
static void type_ahead(struct session_text *text, const char *line)
{
	if (!line[0])
		return;
	if (text->ahead_count == AHEAD_MAX) {
		memmove(text->ahead[0], text->ahead[1], sizeof(text->ahead) - LOGIN_USER_BYTES);
		text->ahead_count--;
	}
	snprintf(text->ahead[text->ahead_count++], LOGIN_USER_BYTES, "%.*s", LOGIN_USER_BYTES - 1,
		 line);
}

static void telnet_look_for_prompt(struct session *session)
{
	struct session_text *text = &session->text;
	enum telnet_expects prompt = prompt_of(text->server, text->server_bytes);
	bool seen = prompt == text->prompt;
	text->prompt = prompt;
	if (prompt == TELNET_NOTHING || seen)
		return;
	text->expects = prompt;
	/* Without a user who was asked for it is not a login: what was typed was for others. */
	if (!text->ahead_count || (prompt == TELNET_PASSWORD && !text->user_given))
		return;
	char line[LOGIN_USER_BYTES];
	memcpy(line, text->ahead[0], sizeof(line));
	memmove(text->ahead[0], text->ahead[1], sizeof(text->ahead) - LOGIN_USER_BYTES);
	text->ahead_count--;
	telnet_answer(session, line);
}

static void telnet_client_line(struct session *session)
{
	struct session_text *text = &session->text;
	if (text->expects == TELNET_NOTHING)
		type_ahead(text, text->client);
	else
		telnet_answer(session, text->client);
}

static void erase(struct session_text *text, uint8_t key)
{
	size_t length = text->client_bytes;
	switch (key) {
	case ERASE_LINE: length = 0; break;
	case ERASE_WORD:
		while (length && text->client[length - 1] == ' ')
			length--;
		while (length && text->client[length - 1] != ' ')
			length--;
		break;
	default: length -= length > 0; break;
	}
	text->client_bytes = length;
	text->client[length] = '\0';
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

static void end_client_line(struct session *session)
{
	struct session_text *text = &session->text;
	if (session->kind == SESSION_TELNET)
		telnet_client_line(session);
	else
		ftp_client_line(session);
	text->client_bytes = 0;
	text->client[0] = '\0';
}

/* FTP's control connection has Telnet's commands as well. */
static void client_byte(struct session *session, uint8_t byte)
{
	struct session_text *text = &session->text;
	if (!telnet_is_text(text, byte))
		return;
	bool second_half = text->carriage_return; /* of a line's end */
	text->carriage_return = byte == '\r';
	if (byte == '\0' || (byte == '\n' && second_half))
		return;
	if (byte == '\r' || byte == '\n')
		end_client_line(session);
	else if (session->kind == SESSION_TELNET &&
		 (byte == ERASE || byte == '\b' || byte == ERASE_WORD || byte == ERASE_LINE))
		erase(text, byte);
	else
		append(text->client, &text->client_bytes, byte);
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
	if (session->kind == SESSION_TELNET) /* asked and answered at once */
		telnet_look_for_prompt(session);
	text->server_bytes = 0;
	text->server[0] = '\0';
	text->prompt = TELNET_NOTHING;
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
		telnet_look_for_prompt(session);
}
