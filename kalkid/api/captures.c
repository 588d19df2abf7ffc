/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/captures.c - frames that were kept: taken now, listed, fetched, removed. */
#include <stdlib.h>

#include "api/call.h"
#include "api/encode.h"
#include "api/handlers.h"
#include "base/mem.h"

static json_t *capture_to_json(const struct capture_entry *entry)
{
	return json_pack("{s:I, s:o, s:o, s:I, s:I}", "id", (json_int_t)entry->id, "device",
			 encode_text(entry->device), "time", encode_time(entry->wall_us), "frames",
			 (json_int_t)entry->frames, "bytes", (json_int_t)entry->bytes);
}

void get_captures(struct api_call *call)
{
	struct device_status status;
	struct capture_entry entry = {0};
	struct error err = {0};
	if (engine_find_device(call->engine, call->argument, &status, &err) < 0) {
		answer_error(call->request, &err);
		return;
	}
	json_t *items = json_array();
	while (engine_next_capture(call->engine, call->argument, entry.id, &entry))
		json_array_append_new(items, capture_to_json(&entry));
	answer_json(call->request, json_pack("{s:o, s:n}", "items", items, "next"), NULL);
}

/* Both live until the engine is done, which may be after the request. */
struct taking {
	struct engine_capture capture;
	struct http_request *request; /* NULL once it is gone */
};

struct fetching {
	struct capture_job job;
	struct http_request *request;
};

static void on_request_gone(void *data)
{
	*(struct http_request **)data = NULL;
}

static void on_taken(struct engine_capture *capture, int result, const struct capture_entry *entry,
		     const struct error *err)
{
	struct taking *taking = container_of(capture, struct taking, capture);
	struct http_request *request = taking->request;
	free(taking);
	if (!request)
		return;
	http_request_watch(request, NULL, NULL);
	if (result < 0) {
		answer_error(request, err);
		return;
	}
	cleanup_free char *location = mem_printf("/api/v1/captures/%llu",
						 (unsigned long long)entry->id);
	answer_status(request, 201, capture_to_json(entry), location);
}

static void take_now(struct api_call *call, const struct operator_order *order)
{
	struct error err = {0};
	struct taking *taking = mem_alloc(sizeof(*taking));
	taking->capture.done = on_taken;
	taking->request = call->request;
	if (engine_capture(call->engine, call->argument, order, &taking->capture, &err) == 0) {
		http_request_watch(call->request, on_request_gone, &taking->request);
		return;
	}
	free(taking);
	answer_error(call->request, &err);
}

void post_captures(struct api_call *call)
{
	struct operator_order order;
	struct document *document;
	if (!call_reasoned_order(call, &order, &document))
		return;
	take_now(call, &order);
	document_free(document);
}

static void on_fetched(struct capture_job *job, int result, const struct error *err)
{
	struct fetching *fetching = container_of(job, struct fetching, job);
	struct http_request *request = fetching->request;
	if (request) {
		http_request_watch(request, NULL, NULL);
		if (result < 0)
			answer_error(request, err);
		else
			answer_text(request, "application/x-pcapng", job->file.bytes,
				    job->file.length);
	}
	buffer_done(&job->file);
	free(fetching);
}

void get_capture(struct api_call *call)
{
	uint64_t id;
	struct error err = {0};
	if (!call_id(call, INT64_MAX, &id))
		return;
	struct fetching *fetching = mem_alloc(sizeof(*fetching));
	fetching->job.done = on_fetched;
	fetching->request = call->request;
	if (engine_read_capture(call->engine, id, &fetching->job, &err) == 0) {
		http_request_watch(call->request, on_request_gone, &fetching->request);
		return;
	}
	free(fetching);
	answer_error(call->request, &err);
}

void delete_capture(struct api_call *call)
{
	struct operator_order order;
	uint64_t id;
	struct error err = {0};
	if (!call_id(call, INT64_MAX, &id) || !call_order(call, &order))
		return;
	if (engine_remove_capture(call->engine, id, &order, &err) < 0)
		answer_error(call->request, &err);
	else
		call_accepted(call->engine, call->request, order.dry_run, 200,
			      json_pack("{s:I}", "capture", (json_int_t)id), NULL);
}
