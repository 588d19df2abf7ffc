/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/test_smtp.c - what is answered to whoever mails. */
#include "codec/smtp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

struct said {
	struct buffer replies;
	unsigned mails;
};

static void reply(void *data, const char *line)
{
	struct said *said = data;
	buffer_add(&said->replies, line, 3);
	buffer_add(&said->replies, " ", 1);
}

static bool accepts(void *data maybe_unused, const char *address)
{
	return text_equal(address, "cam1@kalki");
}

static void on_mail(void *data, const struct smtp_session *session)
{
	struct said *said = data;
	assert_string_equal(session->to[0], "cam1@kalki");
	said->mails++;
}

static const struct smtp_hooks HOOKS = {reply, accepts, on_mail};

#define START "EHLO cam\r\nMAIL FROM:<a@b>\r\nRCPT TO:<cam1@kalki>\r\n"

static const struct {
	const char *sent, *replies;
	unsigned mails;
	bool ended;
} rows[] = {
	{"", "220 ", 0, false},
	{START "DATA\r\nSubject: x\r\n\r\n..\r\nhi\r\n.\r\nQUIT\r\n",
	 "220 250 250 250 354 250 221 ", 1, true},
	{"helo x\nmail from:<>\nrcpt to:<cam1@kalki>\ndata\n.\n", "220 250 250 250 354 250 ", 1,
	 false},
	{"RCPT TO:<cam1@kalki>\r\n", "220 503 ", 0, false},
	{"MAIL FROM:<a@b>\r\nRCPT TO:<else@where>\r\nDATA\r\n", "220 250 550 503 ", 0, false},
	{"MAIL FROM:a@b\r\nRCPT TO:\r\n", "220 501 503 ", 0, false},
	{START "RSET\r\nDATA\r\n", "220 250 250 250 250 503 ", 0, false},
	{"AUTH LOGIN\r\nVRFY x\r\nNOOP\r\n", "220 502 502 250 ", 0, false},
	{"QUIT\r\nNOOP\r\n", "220 221 ", 0, true},
};

static void each_conversation_has_its_answers(void **state maybe_unused)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t piece = 1; piece < 200; piece += 66) {
			struct smtp_session session;
			struct said said = {0};
			smtp_begin(&session, &HOOKS, &said);
			for (size_t at = 0; at < strlen(rows[i].sent); at += piece)
				smtp_feed(&session, rows[i].sent + at,
					  min_of(piece, strlen(rows[i].sent) - at), &HOOKS, &said);
			assert_string_equal(said.replies.bytes, rows[i].replies);
			assert_int_equal(said.mails, rows[i].mails);
			assert_int_equal(session.phase == SMTP_ENDED, rows[i].ended);
			buffer_done(&said.replies);
		}
}

static void limits_hold(void **state maybe_unused)
{
	struct smtp_session session;
	struct said said = {0};
	char line[SMTP_LINE_BYTES + 10];
	smtp_begin(&session, &HOOKS, &said);
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	smtp_feed(&session, line, sizeof(line), &HOOKS, &said);
	smtp_feed(&session, "NO\0OP\n", 6, &HOOKS, &said);
	assert_string_equal(said.replies.bytes, "220 500 500 ");
	for (int i = 0; i < SMTP_COMMANDS_MAX; i++)
		smtp_feed(&session, "NOOP\n", 5, &HOOKS, &said);
	assert_int_equal(session.phase, SMTP_ENDED);
	assert_string_equal(said.replies.bytes + said.replies.length - 4, "421 ");

	said.replies.length = 0;
	smtp_begin(&session, &HOOKS, &said);
	smtp_feed(&session, START "DATA\n", strlen(START) + 5, &HOOKS, &said);
	for (size_t sent = 0; sent < SMTP_MAIL_BYTES_MAX; sent += sizeof(line))
		smtp_feed(&session, line, sizeof(line), &HOOKS, &said);
	assert_int_equal(session.phase, SMTP_ENDED);
	assert_int_equal(said.mails, 0);
	buffer_done(&said.replies);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_conversation_has_its_answers),
		cmocka_unit_test(limits_hold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
