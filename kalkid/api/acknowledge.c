/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/acknowledge.c - operators mark alerts as seen. */
#include <stdlib.h>

#include "api/call.h"
#include "api/handlers.h"
#include "base/mem.h"
#include "base/text.h"

/* Lives until the engine is done, which may be after its request, and after the API. */
struct acknowledging {
	struct engine_acknowledgement seen;
	struct http_request *request; /* NULL once it is gone */
	struct engine *engine;
	struct operator_order order;
	char who[WHO_BYTES];
	struct document *document; /* has the reason; may be NULL */
	uint64_t alert;
};

static void on_request_gone(void *data)
{
	struct acknowledging *it = data;
	it->request = NULL;
}

static void on_acknowledged(struct engine_acknowledgement *seen, int result,
			    const struct error *err)
{
	struct acknowledging *it = container_of(seen, struct acknowledging, seen);
	if (it->request) {
		http_request_watch(it->request, NULL, NULL);
		if (result < 0)
			answer_error(it->request, err);
		else
			call_accepted(it->engine, it->request, it->order.dry_run, 200,
				      json_pack("{s:I}", "alert", (json_int_t)it->alert), NULL);
	}
	document_free(it->document);
	free(it);
}

void post_acknowledge(struct api_call *call)
{
	struct operator_order order;
	struct document *document;
	uint64_t id;
	if (!call_id(call, INT64_MAX, &id) || !call_reasoned_order(call, &order, &document))
		return;
	struct acknowledging *it = mem_alloc(sizeof(*it));
	it->seen.done = on_acknowledged;
	it->request = call->request;
	it->engine = call->engine;
	it->order = order;
	TEXT_COPY(it->who, order.who);
	it->order.who = it->who;
	it->document = document;
	it->alert = id;
	http_request_watch(call->request, on_request_gone, it);
	engine_acknowledge(call->engine, id, &it->order, &it->seen);
}
