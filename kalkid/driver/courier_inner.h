/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/courier_inner.h - the inside of the courier: courier.c begins and ends a delivery,
 * courier_webhook.c and courier_email.c say what curl is to do, courier_mqtt.c publishes. */
#pragma once

#include "driver/courier.h"
#include "driver/secrets.h"
#include "io/transfer.h"

struct brokers;

struct courier {
	struct deliverer deliverer;
	uv_loop_t *loop;
	struct brokers *brokers;
	unsigned closing_parts;
	struct transfers *transfers;
	const struct clock *clock;
	char *secrets;
	void (*closed)(void *data);
	void *closed_data;
};

/* One on its way; freed when it is done. */
struct parcel {
	struct transfer transfer;
	struct courier *courier;
	struct delivery *delivery;
	enum notifier_kind kind;
	char name[NAME_BYTES];    /* of the notifier: in front of what is said */
	struct curl_slist *lines; /* headers, or recipients */
	struct buffer body;
	size_t read;        /* of the body, by curl */
	struct later later; /* when it could not even be begun */
	int result;
	struct error err;
};

/* Sets the easy handle up; the secrets that it reads are wiped before it returns. */
int courier_pack_webhook(struct parcel *parcel, const struct notifier *notifier,
			 const struct notice *notice, struct error *err) must_check;
int courier_pack_email(struct parcel *parcel, const struct notifier *notifier,
		       const struct notice *notice, struct error *err) must_check;

void courier_send_mqtt(struct courier *courier, const struct notifier *notifier,
		       const struct notice *notice, struct delivery *delivery);
void courier_cancel_mqtt(struct delivery *delivery);

/* The certificates that the notifier trusts. */
int courier_trust(struct parcel *parcel, const struct notifier *notifier,
		  struct error *err) must_check;
