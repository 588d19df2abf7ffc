/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/mail.c - see mail.h. */
#include "codec/mail.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "base/mem.h"

enum {
	LINE_BYTES = 57, /* become 76 characters of base64 */
	WORD_BYTES = 45, /* of an encoded word, which has 75 characters at most */
};

static const char *const SUBJECT = "KalKi {instance}: {kind} {device} {state}";

static bool is_ascii(const char *text)
{
	while (*text && !(*text & 0x80))
		text++;
	return !*text;
}

static void add_base64(struct buffer *ret, const char *bytes, size_t count)
{
	char text[sodium_base64_ENCODED_LEN(LINE_BYTES, sodium_base64_VARIANT_ORIGINAL)];
	sodium_bin2base64(text, sizeof(text), (const unsigned char *)bytes, count,
			  sodium_base64_VARIANT_ORIGINAL);
	buffer_print(ret, "%s", text);
}

/* How much of the text makes one encoded word: whole characters only. */
static size_t word_length(const char *text)
{
	size_t length = strnlen(text, WORD_BYTES);
	while (length > 1 && (text[length] & 0xc0) == 0x80)
		length--;
	return length;
}

static void add_header_text(struct buffer *ret, const char *text)
{
	if (is_ascii(text)) {
		buffer_print(ret, "%s", text);
		return;
	}
	for (const char *join = ""; *text; join = "\r\n ") {
		size_t length = word_length(text);
		buffer_print(ret, "%s=?utf-8?B?", join);
		add_base64(ret, text, length);
		buffer_print(ret, "?=");
		text += length;
	}
}

static void add_subject(struct buffer *ret, const struct notifier *notifier,
			const struct notice *notice)
{
	cleanup_buffer struct buffer subject = {0};
	notice_fill(&subject, notifier->subject[0] ? notifier->subject : SUBJECT, NOTICE_IN_TEXT,
		    notice);
	while (subject.length && subject.bytes[subject.length - 1] == ' ')
		subject.bytes[--subject.length] = '\0';
	buffer_print(ret, "Subject: ");
	add_header_text(ret, subject.bytes);
	buffer_print(ret, "\r\n");
}

static void add_date(struct buffer *ret, int64_t wall_us)
{
	/* RFC 5322 wants these, whatever the locale. */
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t seconds = (time_t)(wall_us / 1000000);
	struct tm utc;
	gmtime_r(&seconds, &utc);
	buffer_print(ret, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[utc.tm_wday],
		     utc.tm_mday, months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
		     utc.tm_sec);
}

/* Without a template: a line for each thing that is known. */
static void write_known(struct buffer *ret, const struct notice *notice)
{
	static const char *const lines[][2] = {
		{"device", "{device} ({type})"},
		{"state", "{state}"},
		{"before", "{from}"},
		{"rule", "{rule}"},
		{"alert", "{alert}"},
		{"severity", "{severity}"},
		{"because", "{reason}"},
	};
	static const char *const values[] = {"{device}", "{state}",    "{from}",  "{rule}",
					     "{alert}",  "{severity}", "{reason}"};
	notice_fill(ret, "{kind} at {time}\n\n", NOTICE_IN_TEXT, notice);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		cleanup_buffer struct buffer value = {0};
		notice_fill(&value, values[i], NOTICE_IN_TEXT, notice);
		if (!value.length)
			continue;
		buffer_print(ret, "%-9s ", lines[i][0]);
		notice_fill(ret, lines[i][1], NOTICE_IN_TEXT, notice);
		buffer_print(ret, "\n");
	}
	if (notice->count)
		notice_fill(ret, "count     {count}\n", NOTICE_IN_TEXT, notice);
	if (notice->event)
		notice_fill(ret, "event     {event}\n", NOTICE_IN_TEXT, notice);
}

static void add_text(struct buffer *ret, const struct notifier *notifier,
		     const struct notice *notice)
{
	cleanup_buffer struct buffer text = {0};
	if (notifier->body[0])
		notice_fill(&text, notifier->body, NOTICE_IN_TEXT, notice);
	else
		write_known(&text, notice);
	for (size_t at = 0; at < text.length; at += LINE_BYTES) {
		add_base64(ret, text.bytes + at, min_of(text.length - at, (size_t)LINE_BYTES));
		buffer_print(ret, "\r\n");
	}
}

void mail_write(struct buffer *ret, const struct notifier *notifier, const struct notice *notice)
{
	add_date(ret, notice->wall_us);
	buffer_print(ret, "From: <%s>\r\nTo: ", notifier->sender);
	for (unsigned i = 0; i < notifier->recipient_count; i++)
		buffer_print(ret, "%s<%s>", i ? ",\r\n " : "", notifier->recipients[i]);
	buffer_print(ret, "\r\n");
	add_subject(ret, notifier, notice);
	buffer_print(ret, "Message-ID: <%" PRIu64 ".%s.kalki%s>\r\n", notice->id, notice->instance,
		     strchr(notifier->sender, '@'));
	buffer_print(ret, "Auto-Submitted: auto-generated\r\n"
			  "MIME-Version: 1.0\r\n"
			  "Content-Type: text/plain; charset=utf-8\r\n"
			  "Content-Transfer-Encoding: base64\r\n"
			  "\r\n");
	add_text(ret, notifier, notice);
}
