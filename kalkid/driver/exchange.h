/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/exchange.h - carries exchanges out: HTTP, MQTT, SSH and programs, on the loop, several at
 * once, each with a deadline and a bounded answer.
 *
 * No credential stands in an answer's error, in a log, or in the arguments of a program. */
#pragma once

#include <uv.h>

#include "core/exchange.h"

enum {
	EXCHANGE_ANSWER_BYTES_MAX = 256 * 1024,
	EXCHANGES_AT_ONCE_STANDARD = 64,
};

struct exchanges_config {
	const char *secrets;     /* directory of credentials */
	const char *known_hosts; /* file of the SSH host keys that were seen */
	struct exchange_from from;
	unsigned at_once; /* the others wait; 0: EXCHANGES_AT_ONCE_STANDARD */
};

struct exchanges;
struct exchange_job;

struct exchange_call {
	/* Exactly once, never before exchange_start returned; the call is the user's again, and
	 * `answer` (a success's) the user's to free.  0, -ECANCELED, -ETIMEDOUT, -EMSGSIZE (an
	 * answer too long), -EPROTO (an HTTP status that is no success), or what went wrong. */
	void (*done)(struct exchange_call *call, int result, const struct error *err);
	struct buffer answer;
	struct exchange_job *job; /* theirs who carry it out */
};

/* The texts of the configuration are copied. */
int exchanges_open(struct exchanges **ret, uv_loop_t *loop, const struct exchanges_config *config,
		   struct error *err) must_check;
/* Every subscription at its brokers is gone; cancels what is open; `closed` runs once, after the
 * last `done`. */
void exchanges_close(struct exchanges *exchanges, void (*closed)(void *data), void *data);

/* The brokers that it publishes at; theirs who subscribe too. */
struct brokers *exchanges_brokers(struct exchanges *exchanges);

/* Everything is copied: exchange and device may go.  Its time begins when its turn comes. */
void exchange_start(struct exchanges *exchanges, struct exchange_call *call,
		    const struct exchange *exchange, const struct device_identity *device);
/* `done` comes soon. */
void exchange_cancel(struct exchange_call *call);
