/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/notifier.h - who is told what, and how, as the operator's file says it: a plain value. */
#pragma once

#include "core/notice.h"

enum {
	NOTIFIERS_MAX = 16,
	NOTIFIER_RECIPIENTS_MAX = 8,
	NOTIFIER_ADDRESS_BYTES = 255,
	NOTIFIER_URL_BYTES = 512,
	NOTIFIER_SUBJECT_BYTES = 256,
	NOTIFIER_BODY_BYTES = 4096,
};

enum notifier_kind {
	NOTIFIER_WEBHOOK,
	NOTIFIER_EMAIL,
	NOTIFIER_MQTT,
	NOTIFIER_KIND_COUNT,
};
extern const char *const NOTIFIER_KIND_NAMES[NOTIFIER_KIND_COUNT + 1];

/* How the connection to a mail server is protected. */
enum notifier_tls {
	NOTIFIER_TLS_STARTTLS,
	NOTIFIER_TLS_IMPLICIT,
	NOTIFIER_TLS_NONE,
	NOTIFIER_TLS_COUNT,
};
extern const char *const NOTIFIER_TLS_NAMES[NOTIFIER_TLS_COUNT + 1];

struct notifier {
	char name[NAME_BYTES];
	enum notifier_kind kind;

	/* Which notices, besides those of rules that name it. */
	uint32_t kinds; /* bit per notice_kind */
	enum alert_severity alert_min;
	/* No more than `limit` in `limit_per_us`; the others come as one digest. */
	unsigned limit;
	int64_t limit_per_us;
	/* What cannot be delivered waits: so many, so long. */
	unsigned queue_max;
	int64_t age_max_us;
	int64_t retry_first_us, retry_max_us;
	int64_t timeout_us;

	/* https://host/path; smtp://host:587; mqtts://host:8883 */
	char url[NOTIFIER_URL_BYTES];
	char user[NOTIFIER_ADDRESS_BYTES];
	/* Names of credentials, "" for none. */
	char credential[NAME_BYTES]; /* the password, or a webhook's bearer token */
	char secret[NAME_BYTES];     /* signs a webhook */
	char ca[NAME_BYTES];         /* certificates to trust; "": the system's */

	/* Webhook and e-mail: templates; body "": the notice as JSON, or a text of ours. */
	char body[NOTIFIER_BODY_BYTES];
	char subject[NOTIFIER_SUBJECT_BYTES];
	char content_type[NAME_BYTES];
	/* E-mail. */
	enum notifier_tls tls;
	char sender[NOTIFIER_ADDRESS_BYTES];
	char recipients[NOTIFIER_RECIPIENTS_MAX][NOTIFIER_ADDRESS_BYTES];
	unsigned recipient_count;
	/* MQTT. */
	char topic[NOTIFIER_ADDRESS_BYTES];     /* in front of every topic */
	char discovery[NOTIFIER_ADDRESS_BYTES]; /* Home Assistant's; "": none */
};
