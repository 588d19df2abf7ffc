/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/courier_webhook.c - a notice as a signed POST. */
#include "driver/courier_inner.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "base/mem.h"
#include "codec/notice_json.h"

/* Takes the line over. */
static void add_header(struct parcel *parcel, char *line)
{
	parcel->lines = curl_slist_append(parcel->lines, line);
	free(line);
}

/* Over the moment too, so that nobody can send an old one again. */
static int sign(struct parcel *parcel, const struct notifier *notifier, struct error *err)
{
	crypto_auth_hmacsha256_state state;
	unsigned char digest[crypto_auth_hmacsha256_BYTES];
	char hex[2 * sizeof(digest) + 1], moment[32];
	cleanup_secret struct secret secret = {0};
	int r = secret_read(&secret, parcel->courier->secrets, notifier->secret, err);
	if (r < 0)
		return r;
	int length = snprintf(moment, sizeof(moment), "%" PRId64 ".",
			      clock_wall_now_us(parcel->courier->clock) / 1000000);
	crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret.bytes, secret.length);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)moment, (size_t)length);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)parcel->body.bytes,
				      parcel->body.length);
	crypto_auth_hmacsha256_final(&state, digest);
	sodium_memzero(&state, sizeof(state));
	sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
	add_header(parcel, mem_printf("X-Kalki-Timestamp: %.*s", length - 1, moment));
	add_header(parcel, mem_printf("X-Kalki-Signature: sha256=%s", hex));
	return 0;
}

static int log_in(struct parcel *parcel, const struct notifier *notifier, struct error *err)
{
	CURL *easy = parcel->transfer.easy;
	cleanup_secret struct secret token = {0};
	int r = secret_read(&token, parcel->courier->secrets, notifier->credential, err);
	if (r < 0)
		return r;
	curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
	curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, token.bytes);
	return 0;
}

static void fill_body(struct parcel *parcel, const struct notifier *notifier,
		      const struct notice *notice)
{
	bool json = text_equal(notifier->content_type, "application/json");
	if (notifier->body[0]) {
		notice_fill(&parcel->body, notifier->body, json ? NOTICE_IN_JSON : NOTICE_IN_TEXT,
			    notice);
	} else {
		cleanup_free char *text = notice_json(notice);
		buffer_print(&parcel->body, "%s", text);
	}
}

int courier_pack_webhook(struct parcel *parcel, const struct notifier *notifier,
			 const struct notice *notice, struct error *err)
{
	CURL *easy = parcel->transfer.easy;
	fill_body(parcel, notifier, notice);
	add_header(parcel, mem_printf("Content-Type: %s", notifier->content_type));
	add_header(parcel, mem_printf("X-Kalki-Id: %" PRIu64, notice->id));
	add_header(parcel, mem_printf("Expect:"));
	int r = courier_trust(parcel, notifier, err);
	if (r == 0 && notifier->secret[0])
		r = sign(parcel, notifier, err);
	if (r == 0 && notifier->credential[0])
		r = log_in(parcel, notifier, err);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "kalkid/" KALKI_VERSION);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, parcel->body.bytes);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)parcel->body.length);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, parcel->lines);
	return r;
}
