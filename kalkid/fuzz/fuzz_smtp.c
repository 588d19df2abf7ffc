/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz_smtp.c - whatever a device says over SMTP: replies are lines, mails have recipients
 * that were accepted, and the session keeps its bounds. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/macros.h"
#include "codec/smtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void reply(void *data maybe_unused, const char *line)
{
	size_t length = strlen(line);
	assert(length > 5 && line[length - 2] == '\r' && line[length - 1] == '\n');
}

static bool accepts(void *data maybe_unused, const char *address)
{
	return strlen(address) % 2;
}

static void on_mail(void *data maybe_unused, const struct smtp_session *session)
{
	assert(session->to_count > 0 && session->to_count <= SMTP_RECIPIENTS_MAX);
	for (unsigned i = 0; i < session->to_count; i++)
		assert(strlen(session->to[i]) % 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct smtp_hooks hooks = {reply, accepts, on_mail};
	struct smtp_session session;
	smtp_begin(&session, &hooks, NULL);
	smtp_feed(&session, (const char *)data, size, &hooks, NULL);
	assert(session.length < SMTP_LINE_BYTES && session.commands <= SMTP_COMMANDS_MAX + 1);
	return 0;
}
