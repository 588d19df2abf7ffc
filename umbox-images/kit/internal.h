/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what stands behind `struct umbox`; for the kit's own files. */
#pragma once

#include <jansson.h>

#include "control.h"
#include "leg.h"
#include "umbox.h"

enum {
	UMBOX_COUNTERS_MAX = 16,
	UMBOX_ALERT_TYPES_MAX = 8,
	UMBOX_ALERTS_BURST = 32,
	UMBOX_ALERTS_PER_SECOND = 10,
	UMBOX_FAILURE_BYTES = 256,
	UMBOX_HOST_ADDRESSES_MAX = 64,
};

struct umbox_own_counter {
	const char *name;
	uint64_t value;
};

/* The alerts of one type that may be said now, in millionths, so that a microsecond counts. */
struct umbox_alert_budget {
	char type[64];
	int64_t micro_alerts;
	int64_t time_us;
};

struct umbox {
	char failure[UMBOX_FAILURE_BYTES]; /* the first thing that went wrong; "" */
	struct umbox_identity identity;
	struct umbox_ip host[UMBOX_HOST_ADDRESSES_MAX];
	unsigned host_count;
	json_t *document, *parameters; /* parameters: borrowed from the document, may be NULL */
	int64_t ready_after_ms;
	struct umbox_control control;

	struct umbox_leg_socket legs[UMBOX_LEG_COUNT];
	struct umbox_batch *batch;
	struct umbox_outgoing outgoing[UMBOX_LEG_COUNT];
	const struct umbox_handler *handler;

	int64_t now_us; /* of this turn of the loop */
	int64_t wake_us, ready_us, heartbeat_us;
	int watch_fd, signal_fd, link_fd;

	uint64_t passed, dropped, answered, kept;
	struct umbox_leg_counts counts;
	uint64_t alerts, alerts_lost, records, records_lost;
	struct umbox_alert_budget budgets[UMBOX_ALERT_TYPES_MAX];
	struct umbox_own_counter counters[UMBOX_COUNTERS_MAX];
	unsigned counter_count;
};

int64_t umbox_now_us(void);
void umbox_free(struct umbox *umbox);
/* Says the heartbeat, unless lines are waiting: then it would say nothing new. */
void umbox_heartbeat(struct umbox *umbox);
