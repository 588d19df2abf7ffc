/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/exchange_mqtt.c - exchanges that publish one message at an MQTT broker; the answer is
 * empty. */
#include <stdlib.h>

#include "base/mem.h"
#include "driver/exchange_inner.h"

static int fill(char **ret, const char *text, enum exchange_place place,
		const struct device_identity *device, struct error *err)
{
	struct buffer filled = {0};
	int r = exchange_fill(&filled, text, place, device, NULL, err);
	*ret = filled.bytes;
	return r;
}

static int prepare(struct exchange_job *job, const struct exchange *exchange,
		   const struct device_identity *device, struct error *err)
{
	job->credential = mem_copy_text(exchange->credential);
	job->ca = mem_copy_text(exchange->ca);
	job->publication.qos = exchange->qos;
	job->publication.retain = exchange->retain;
	int r = fill(&job->broker, exchange->url, EXCHANGE_IN_URL, device, err);
	if (r == 0)
		r = fill(&job->topic, exchange->topic, EXCHANGE_IN_TEXT, device, err);
	if (r == 0)
		r = fill(&job->payload, exchange->body, EXCHANGE_IN_TEXT, device, err);
	return r;
}

static void on_closed(uv_handle_t *handle)
{
	struct exchange_job *job = container_of((uv_timer_t *)handle, struct exchange_job,
						deadline);
	struct error err = job->refused;
	if (job->result == -ECANCELED)
		error_set(&err, job->result, "%s: cancelled", job->where);
	else if (job->result == -ETIMEDOUT)
		error_set(&err, job->result, "%s: not published within %u ms", job->where,
			  job->timeout_ms);
	else if (job->result == -EIO)
		error_set(&err, job->result, "%s: the connection to the broker broke", job->where);
	else if (job->result < 0 && !err.code)
		error_set(&err, job->result, "%s: the broker takes no such message", job->where);
	exchange_job_over(job, job->result, &err);
}

/* In a turn of its own, by the close of its timer. */
static void end(struct exchange_job *job, int result)
{
	if (uv_is_closing((uv_handle_t *)&job->deadline))
		return;
	job->result = result;
	uv_close((uv_handle_t *)&job->deadline, on_closed);
}

static void on_published(struct broker_publication *publication, int result)
{
	end(container_of(publication, struct exchange_job, publication), result);
}

static void on_deadline(uv_timer_t *timer)
{
	struct exchange_job *job = container_of(timer, struct exchange_job, deadline);
	broker_withdraw(&job->publication);
	end(job, -ETIMEDOUT);
}

static void start(struct exchange_job *job)
{
	struct broker_address address = {job->broker, job->credential, job->ca};
	job->publication.topic = job->topic;
	job->publication.payload = job->payload;
	job->publication.done = on_published;
	uv_timer_init(job->exchanges->loop, &job->deadline);
	uv_timer_start(&job->deadline, on_deadline, job->timeout_ms, 0);
	int r = broker_publish(job->exchanges->brokers, &address, &job->publication, &job->refused);
	if (r < 0)
		end(job, r);
}

static void cancel(struct exchange_job *job)
{
	if (uv_is_closing((uv_handle_t *)&job->deadline))
		return;
	broker_withdraw(&job->publication);
	end(job, -ECANCELED);
}

static void done(struct exchange_job *job)
{
	free(job->broker);
	free(job->credential);
	free(job->ca);
	free(job->topic);
	free(job->payload);
}

const struct exchange_way EXCHANGE_WAY_MQTT = {prepare, start, cancel, done};
