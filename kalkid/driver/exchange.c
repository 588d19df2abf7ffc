/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/exchange.c - see exchange.h: whose turn it is, and ends. */
#include "driver/exchange.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <utlist.h>

#include "base/mem.h"
#include "driver/exchange_inner.h"

static const struct exchange_way *const WAYS[EXCHANGE_KIND_COUNT] = {
	[EXCHANGE_HTTP] = &EXCHANGE_WAY_HTTP,
	[EXCHANGE_MQTT] = &EXCHANGE_WAY_MQTT,
	[EXCHANGE_SSH] = &EXCHANGE_WAY_SSH,
	[EXCHANGE_PROGRAM] = &EXCHANGE_WAY_PROGRAM,
};

/* --- ends --- */

static void part_closed(struct exchanges *exchanges)
{
	if (--exchanges->parts)
		return;
	void (*closed)(void *) = exchanges->closed;
	void *data = exchanges->closed_data;
	free(exchanges->secrets);
	free(exchanges->known_hosts);
	free(exchanges);
	closed(data);
}

static void on_part_closed(void *data)
{
	part_closed(data);
}

static void on_later_closed(struct later_queue *queue)
{
	part_closed(container_of(queue, struct exchanges, later));
}

static void close_when_idle(struct exchanges *exchanges)
{
	if (!exchanges->closing || exchanges->waiting || exchanges->running || exchanges->parts)
		return;
	exchanges->parts = 3;
	brokers_close(exchanges->brokers, on_part_closed, exchanges);
	transfers_close(exchanges->transfers, on_part_closed, exchanges);
	later_queue_close(&exchanges->later, on_later_closed);
}

static void start_waiting(struct exchanges *exchanges)
{
	struct exchange_job *job, *next;
	DL_FOREACH_SAFE(exchanges->waiting, job, next)
	{
		if (exchanges->running_count >= exchanges->at_once)
			return;
		if (job->later.queued) /* it is ended already */
			continue;
		DL_DELETE(exchanges->waiting, job);
		DL_APPEND(exchanges->running, job);
		exchanges->running_count++;
		job->running = true;
		job->way->start(job);
	}
}

void exchange_job_over(struct exchange_job *job, int result, const struct error *err)
{
	struct exchanges *exchanges = job->exchanges;
	struct exchange_call *call = job->call;
	if (job->running) {
		DL_DELETE(exchanges->running, job);
		exchanges->running_count--;
	} else {
		DL_DELETE(exchanges->waiting, job);
	}
	call->job = NULL;
	call->answer = (struct buffer){0};
	if (result == 0)
		call->answer = job->answer;
	else
		buffer_done(&job->answer);
	job->way->done(job);
	free(job);
	call->done(call, result, err);
	start_waiting(exchanges);
	close_when_idle(exchanges);
}

static void on_never_ran(struct later *later)
{
	struct exchange_job *job = container_of(later, struct exchange_job, later);
	struct error err = job->refused;
	if (!err.code)
		error_set(&err, -ECANCELED, "%s: cancelled", job->where);
	exchange_job_over(job, err.code, &err);
}

/* --- calls --- */

int exchanges_open(struct exchanges **ret, uv_loop_t *loop, const struct exchanges_config *config,
		   struct error *err)
{
	struct transfers *transfers;
	int r = transfers_open(&transfers, loop, err);
	if (r < 0)
		return r;
	struct exchanges *exchanges = mem_alloc(sizeof(*exchanges));
	exchanges->loop = loop;
	exchanges->transfers = transfers;
	exchanges->secrets = mem_copy_text(config->secrets);
	exchanges->known_hosts = mem_copy_text(config->known_hosts);
	exchanges->from = config->from;
	exchanges->at_once = config->at_once ? config->at_once : EXCHANGES_AT_ONCE_STANDARD;
	later_queue_open(&exchanges->later, loop);
	brokers_open(&exchanges->brokers, loop, config->secrets, &config->from);
	*ret = exchanges;
	return 0;
}

struct brokers *exchanges_brokers(struct exchanges *exchanges)
{
	return exchanges->brokers;
}

void exchanges_close(struct exchanges *exchanges, void (*closed)(void *data), void *data)
{
	struct exchange_job *job, *next;
	exchanges->closing = true;
	exchanges->closed = closed;
	exchanges->closed_data = data;
	DL_FOREACH_SAFE(exchanges->waiting, job, next)
	exchange_cancel(job->call);
	DL_FOREACH_SAFE(exchanges->running, job, next)
	exchange_cancel(job->call);
	close_when_idle(exchanges);
}

void exchange_start(struct exchanges *exchanges, struct exchange_call *call,
		    const struct exchange *exchange, const struct device_identity *device)
{
	struct exchange_job *job = mem_alloc(sizeof(*job));
	assert(!exchanges->closing);
	call->job = job;
	call->answer = (struct buffer){0};
	job->exchanges = exchanges;
	job->call = call;
	job->way = WAYS[exchange->kind];
	job->timeout_ms = (unsigned)(exchange->timeout_us / 1000);
	snprintf(job->where, sizeof(job->where), "%s of %s", EXCHANGE_KIND_NAMES[exchange->kind],
		 device->name);
	DL_APPEND(exchanges->waiting, job);
	if (job->way->prepare(job, exchange, device, &job->refused) < 0)
		later_add(&exchanges->later, &job->later, on_never_ran);
	else
		start_waiting(exchanges);
}

void exchange_cancel(struct exchange_call *call)
{
	struct exchange_job *job = call->job;
	if (job->cancelled)
		return;
	job->cancelled = true;
	if (job->running)
		job->way->cancel(job);
	else
		later_add(&job->exchanges->later, &job->later, on_never_ran);
}
