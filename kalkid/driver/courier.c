/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/courier.c - see courier.h. */
#include "driver/courier_inner.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "driver/broker.h"

enum { CONNECT_TIMEOUT_MS = 15000 };

static struct courier *courier_of(struct deliverer *deliverer)
{
	return container_of(deliverer, struct courier, deliverer);
}

int courier_trust(struct parcel *parcel, const struct notifier *notifier, struct error *err)
{
	const char *secrets = parcel->courier->secrets;
	if (!notifier->ca[0])
		return 0;
	int r = secret_check(secrets, notifier->ca, err);
	if (r < 0)
		return r;
	cleanup_free char *path = mem_printf("%s/%s", secrets, notifier->ca);
	curl_easy_setopt(parcel->transfer.easy, CURLOPT_CAINFO, path);
	curl_easy_setopt(parcel->transfer.easy, CURLOPT_CAPATH, NULL);
	return 0;
}

/* --- what came of it --- */

/* An answer to a webhook that says: this one, never. */
static bool is_refusal_of_http(long status)
{
	return status == 400 || status == 406 || status == 413 || status == 415 || status == 422;
}

/* A mail server's permanent no, but for what concerns the login (RFC 4954 section 6). */
static bool is_refusal_of_smtp(long status)
{
	return status >= 550 && status <= 559;
}

static int judge(const struct parcel *parcel, CURLcode code, struct error *err)
{
	long status = 0;
	curl_easy_getinfo(parcel->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
	bool http = parcel->kind == NOTIFIER_WEBHOOK;
	if (parcel->transfer.cancelled)
		return error_set(err, -ECANCELED, "cancelled");
	if (!http && code != CURLE_OK && is_refusal_of_smtp(status))
		return error_set(err, -EBADMSG, "the mail server refuses it: %ld", status);
	if (code == CURLE_LOGIN_DENIED)
		return error_set(err, -EACCES, "the server refuses the login: %ld", status);
	int r = transfer_result(&parcel->transfer, code, parcel->name, err);
	if (r < 0 || !http || (status >= 200 && status < 300))
		return r;
	return error_set(err, is_refusal_of_http(status) ? -EBADMSG : -EREMOTEIO,
			 "the server answers with status %ld", status);
}

static void finish(struct parcel *parcel, int result, const struct error *err)
{
	struct delivery *delivery = parcel->delivery;
	curl_easy_cleanup(parcel->transfer.easy);
	curl_slist_free_all(parcel->lines);
	buffer_done(&parcel->body);
	delivery->own = NULL;
	delivery->done(delivery, result, err);
	free(parcel);
}

static void on_done(struct transfer *transfer, CURLcode code)
{
	struct parcel *parcel = container_of(transfer, struct parcel, transfer);
	struct error err = {0};
	int result = parcel->result ? parcel->result : judge(parcel, code, &err);
	finish(parcel, result, parcel->result ? &parcel->err : &err);
}

/* --- on its way --- */

/* Whatever the server says is not kept. */
static size_t ignore(char *bytes maybe_unused, size_t size, size_t count, void *data maybe_unused)
{
	return size * count;
}

static int pack(struct parcel *parcel, const struct notifier *notifier, const struct notice *notice,
		struct error *err)
{
	CURL *easy = parcel->transfer.easy;
	curl_easy_setopt(easy, CURLOPT_URL, notifier->url);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(notifier->timeout_us / 1000));
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
	switch (notifier->kind) {
	case NOTIFIER_WEBHOOK: return courier_pack_webhook(parcel, notifier, notice, err);
	case NOTIFIER_EMAIL: return courier_pack_email(parcel, notifier, notice, err);
	case NOTIFIER_MQTT:
	case NOTIFIER_KIND_COUNT: break;
	}
	return error_set(err, -ENOTSUP, "cannot be told");
}

static void start(struct deliverer *deliverer, const struct notifier *notifier,
		  const struct notice *notice, struct delivery *delivery)
{
	delivery->kind = notifier->kind;
	if (notifier->kind == NOTIFIER_MQTT) {
		courier_send_mqtt(courier_of(deliverer), notifier, notice, delivery);
		return;
	}
	struct parcel *parcel = mem_alloc(sizeof(*parcel));
	parcel->courier = courier_of(deliverer);
	parcel->delivery = delivery;
	parcel->kind = notifier->kind;
	TEXT_COPY(parcel->name, notifier->name);
	parcel->transfer.done = on_done;
	parcel->transfer.easy = curl_easy_init();
	assert(parcel->transfer.easy);
	delivery->own = parcel;
	parcel->result = pack(parcel, notifier, notice, &parcel->err);
	transfer_start(parcel->courier->transfers, &parcel->transfer);
	if (parcel->result < 0) /* it ends without having begun */
		transfer_cancel(&parcel->transfer);
}

static void cancel(struct deliverer *deliverer maybe_unused, struct delivery *delivery)
{
	struct parcel *parcel = delivery->own;
	if (parcel && delivery->kind == NOTIFIER_MQTT)
		courier_cancel_mqtt(delivery);
	else if (parcel)
		transfer_cancel(&parcel->transfer);
}

/* --- life --- */

static void on_part_closed(void *data)
{
	struct courier *courier = data;
	if (--courier->closing_parts)
		return;
	void (*closed)(void *) = courier->closed;
	void *closed_data = courier->closed_data;
	free(courier->secrets);
	free(courier);
	closed(closed_data);
}

static void close_courier(struct deliverer *deliverer, void (*closed)(void *data), void *data)
{
	struct courier *courier = courier_of(deliverer);
	courier->closed = closed;
	courier->closed_data = data;
	courier->closing_parts = 2;
	transfers_close(courier->transfers, on_part_closed, courier);
	brokers_close(courier->brokers, on_part_closed, courier);
}

int courier_open(struct deliverer **ret, uv_loop_t *loop, const struct clock *clock,
		 const char *secrets, struct error *err)
{
	static const struct deliverer_ops ops = {start, cancel, close_courier};
	struct transfers *transfers;
	int r = transfers_open(&transfers, loop, err);
	if (r < 0)
		return r;
	struct courier *courier = mem_alloc(sizeof(*courier));
	courier->deliverer.ops = &ops;
	courier->loop = loop;
	courier->transfers = transfers;
	brokers_open(&courier->brokers, loop, secrets, NULL);
	courier->clock = clock;
	courier->secrets = mem_copy_text(secrets);
	*ret = &courier->deliverer;
	return 0;
}
