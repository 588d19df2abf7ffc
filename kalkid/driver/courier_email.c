/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/courier_email.c - a notice as a mail, over SMTP. */
#include "driver/courier_inner.h"

#include <stdio.h>
#include <string.h>

#include "codec/mail.h"

static size_t on_read(char *target, size_t size, size_t count, void *data)
{
	struct parcel *parcel = data;
	size_t bytes = min_of(size * count, parcel->body.length - parcel->read);
	memcpy(target, parcel->body.bytes + parcel->read, bytes);
	parcel->read += bytes;
	return bytes;
}

static int log_in(struct parcel *parcel, const struct notifier *notifier, struct error *err)
{
	CURL *easy = parcel->transfer.easy;
	cleanup_secret struct secret password = {0};
	int r = secret_read(&password, parcel->courier->secrets, notifier->credential, err);
	if (r < 0)
		return r;
	curl_easy_setopt(easy, CURLOPT_USERNAME, notifier->user);
	curl_easy_setopt(easy, CURLOPT_PASSWORD, password.bytes);
	return 0;
}

int courier_pack_email(struct parcel *parcel, const struct notifier *notifier,
		       const struct notice *notice, struct error *err)
{
	CURL *easy = parcel->transfer.easy;
	char address[NOTIFIER_ADDRESS_BYTES + 2];
	mail_write(&parcel->body, notifier, notice);
	for (unsigned i = 0; i < notifier->recipient_count; i++) {
		snprintf(address, sizeof(address), "<%s>", notifier->recipients[i]);
		parcel->lines = curl_slist_append(parcel->lines, address);
	}
	snprintf(address, sizeof(address), "<%s>", notifier->sender);
	/* All: without STARTTLS it ends before a password or a mail is sent. */
	curl_easy_setopt(easy, CURLOPT_USE_SSL,
			 notifier->tls == NOTIFIER_TLS_NONE ? CURLUSESSL_NONE : CURLUSESSL_ALL);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(easy, CURLOPT_MAIL_FROM, address);
	curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, parcel->lines);
	curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(easy, CURLOPT_READDATA, parcel);
	int r = courier_trust(parcel, notifier, err);
	return r == 0 && notifier->credential[0] ? log_in(parcel, notifier, err) : r;
}
