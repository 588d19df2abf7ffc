/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/telemetry.h - asks the sources of devices and listens to those that speak by themselves.
 * When to ask, and what a missing answer means, is the engine's business.
 *
 * Glossary: a *link* is one source of one device, embedded in its user's own object; a *miss* is a
 * question without an answer, or an answer without any value. */
#pragma once

#include <uv.h>

#include "core/policy.h"
#include "driver/broker.h"
#include "driver/exchange.h"
#include "driver/mailbox.h"
#include "io/later.h"

struct telemetry;
struct telemetry_link;

enum { TELEMETRY_WORDS_BYTES = 256 };

struct telemetry_listener {
	/* Never from within a call of the driver.  `words` live for the time of the call.  Without
	 * values: it only said that it is there. */
	void (*on_values)(struct telemetry_link *link, const struct sensor_reading *readings,
			  unsigned count);
	/* `gone`: it said itself that it is not there. */
	void (*on_miss)(struct telemetry_link *link, const char *words, bool gone);
	/* After telemetry_ops.close: the link is the user's again. */
	void (*on_closed)(struct telemetry_link *link);
};

struct telemetry_link {
	/* Set by the user; they stay until `close`. */
	const struct policy *policy;
	const struct source *source;
	const struct device_identity *device;
	const struct telemetry_listener *listener;

	/* The driver's. */
	struct telemetry *telemetry;
	struct exchange_call call;
	bool asking, closing;
	struct later later;
	char *filter, *availability;
	struct broker_subscription values, presence;
	bool listening, knows_presence, mailed;
	struct mailbox mailbox;
	char *to;
	char words[TELEMETRY_WORDS_BYTES]; /* why it cannot listen */
};

struct telemetry_ops {
	/* Listens, where the source speaks by itself. */
	void (*open)(struct telemetry *telemetry, struct telemetry_link *link);
	/* Asks: on_values or on_miss comes once.  Only SOURCE_POLL, and not while an answer is
	 * awaited. */
	void (*ask)(struct telemetry *telemetry, struct telemetry_link *link);
	/* Neither on_values nor on_miss comes any more; on_closed comes later, once. */
	void (*close)(struct telemetry *telemetry, struct telemetry_link *link);
};

struct telemetry {
	const struct telemetry_ops *ops;
};

/* The real one.  Exchanges are the caller's and outlive it. */
void telemetry_driver_open(struct telemetry **ret, uv_loop_t *loop, struct exchanges *exchanges);
/* Every link was closed before; `closed` runs once. */
void telemetry_driver_close(struct telemetry *telemetry, void (*closed)(void *data), void *data);
