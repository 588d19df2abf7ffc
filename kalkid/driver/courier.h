/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/courier.h - the deliverer that really speaks with servers: webhooks and mail through curl,
 * MQTT through libmosquitto.
 *
 * A webhook is signed where the notifier names a secret:
 *	X-Kalki-Timestamp: seconds since 1970
 *	X-Kalki-Signature: sha256=hex of HMAC-SHA256(secret, timestamp "." body)
 *	X-Kalki-Id: the notice's id, the same when it comes again */
#pragma once

#include <uv.h>

#include "base/clock.h"
#include "driver/deliver.h"

/* `secrets` is the directory of credentials. */
int courier_open(struct deliverer **ret, uv_loop_t *loop, const struct clock *clock,
		 const char *secrets, struct error *err) must_check;
