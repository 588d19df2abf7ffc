/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/exchange_inner.h - one exchange under way, for exchange*.c. */
#pragma once

#include "driver/broker.h"
#include "driver/exchange.h"
#include "driver/secrets.h"
#include "io/later.h"
#include "io/process.h"
#include "io/transfer.h"

enum { JOB_ARGUMENTS_MAX = EXCHANGE_ARGUMENTS_MAX + 48 };

/* One exchange from start to done.  Its kind prepares it (what needs the exchange and the device),
 * starts it when its turn has come, and may be told to cancel it; it ends with exchange_job_over.
 */
struct exchange_job {
	struct exchanges *exchanges;
	struct exchange_call *call;
	const struct exchange_way *way;
	unsigned timeout_ms;
	char where[NAME_BYTES + 16]; /* "http of lamp1", in front of errors */
	struct buffer answer;
	bool running, cancelled;
	struct error refused; /* it cannot be done at all */
	struct exchange_job *next, *prev;
	struct later later; /* to be ended although it never ran */
	/* HTTP. */
	struct transfer transfer;
	struct curl_slist *headers;
	bool too_long;
	/* SSH and programs. */
	struct process process;
	char *arguments[JOB_ARGUMENTS_MAX]; /* owned; the last is NULL */
	unsigned argument_count;
	/* MQTT. */
	struct broker_publication publication;
	char *broker, *credential, *ca, *topic, *payload;
	uv_timer_t deadline;
	int result;
};

struct exchange_way {
	int (*prepare)(struct exchange_job *job, const struct exchange *exchange,
		       const struct device_identity *device, struct error *err);
	void (*start)(struct exchange_job *job);
	void (*cancel)(struct exchange_job *job);
	void (*done)(struct exchange_job *job); /* frees what it prepared */
};
extern const struct exchange_way EXCHANGE_WAY_HTTP, EXCHANGE_WAY_MQTT, EXCHANGE_WAY_SSH,
	EXCHANGE_WAY_PROGRAM;

struct exchanges {
	uv_loop_t *loop;
	char *secrets, *known_hosts;
	struct exchange_from from;
	unsigned at_once, running_count;
	struct later_queue later;
	struct transfers *transfers;
	struct brokers *brokers;
	struct exchange_job *waiting, *running;
	bool closing;
	unsigned parts; /* not closed yet */
	void (*closed)(void *data);
	void *closed_data;
};

/* `answer` of the job becomes the call's where the result is 0. */
void exchange_job_over(struct exchange_job *job, int result, const struct error *err);
