/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/test_mail.c - notices as mails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/mem.h"
#include "codec/mail.h"

static const struct notifier NOTIFIER = {
	.sender = "kalki@example.net",
	.recipients = {"a@example.net", "b@example.net"},
	.recipient_count = 2,
};

static const struct notice NOTICE = {
	.id = 12,
	.kind = NOTICE_TRANSITION,
	.event = 17,
	.wall_us = 1700000000123456,
	.instance = "home",
	.device = "cam1",
	.type = "camera",
	.state = "Attack",
	.from = "Normal",
	.reason = "five logins",
};

static char *text_of(const char *mail)
{
	const char *body = strstr(mail, "\r\n\r\n");
	assert_non_null(body);
	size_t bytes = strlen(body), length = 0;
	char *text = mem_alloc(bytes + 1);
	assert_int_equal(sodium_base642bin((unsigned char *)text, bytes, body, bytes, "\r\n",
					   &length, NULL, sodium_base64_VARIANT_ORIGINAL),
			 0);
	return text;
}

static void mail_says_what_is_known(void **state maybe_unused)
{
	cleanup_buffer struct buffer mail = {0};
	mail_write(&mail, &NOTIFIER, &NOTICE);
	static const char head[] = "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
				   "From: <kalki@example.net>\r\n"
				   "To: <a@example.net>,\r\n <b@example.net>\r\n"
				   "Subject: KalKi home: transition cam1 Attack\r\n"
				   "Message-ID: <12.home.kalki@example.net>\r\n";
	assert_int_equal(strncmp(mail.bytes, head, strlen(head)), 0);
	cleanup_free char *text = text_of(mail.bytes);
	assert_string_equal(text, "transition at 2023-11-14T22:13:20.123456Z\n\n"
				  "device    cam1 (camera)\n"
				  "state     Attack\n"
				  "before    Normal\n"
				  "because   five logins\n"
				  "event     17\n");
}

static void templates_are_used(void **state maybe_unused)
{
	struct notifier notifier = NOTIFIER;
	cleanup_buffer struct buffer mail = {0};
	strcpy(notifier.subject, "{device}!");
	strcpy(notifier.body, "one {state}\ntwo {unknown} {reason}");
	mail_write(&mail, &notifier, &NOTICE);
	assert_non_null(strstr(mail.bytes, "\r\nSubject: cam1!\r\n"));
	cleanup_free char *text = text_of(mail.bytes);
	assert_string_equal(text, "one Attack\ntwo {unknown} five logins");
}

/* Whatever a device makes an alert say, it adds no header and no recipient. */
static void values_add_no_headers(void **state maybe_unused)
{
	struct notifier notifier = NOTIFIER;
	struct notice notice = NOTICE;
	cleanup_buffer struct buffer mail = {0};
	strcpy(notifier.subject, "{reason}");
	strcpy(notice.reason, "x\r\nBcc: evil@example.net\r\n\r\nbody");
	mail_write(&mail, &notifier, &notice);
	assert_non_null(strstr(mail.bytes, "\r\nSubject: x  Bcc: evil@example.net    body\r\n"));
	assert_null(strstr(mail.bytes, "\r\nBcc"));
}

static void other_alphabets_are_encoded(void **state maybe_unused)
{
	struct notifier notifier = NOTIFIER;
	struct notice notice = NOTICE;
	cleanup_buffer struct buffer mail = {0};
	strcpy(notifier.subject, "{reason}");
	notice.reason[0] = '\0';
	for (unsigned i = 0; i < 40; i++)
		strcat(notice.reason, "\xc3\xa9");
	mail_write(&mail, &notifier, &notice);
	/* 22 characters of two bytes fit into the first word. */
	assert_non_null(strstr(mail.bytes, "\r\nSubject: =?utf-8?B?w6nDqcOp"));
	assert_non_null(strstr(mail.bytes, "?=\r\n =?utf-8?B?w6nDqcOp"));
	for (const char *line = mail.bytes; *line; line = strstr(line, "\r\n") + 2)
		assert_true(strcspn(line, "\r") <= 78 + strlen("Subject: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mail_says_what_is_known),
		cmocka_unit_test(templates_are_used),
		cmocka_unit_test(values_add_no_headers),
		cmocka_unit_test(other_alphabets_are_encoded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
