/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/reload.c - the operator's files anew, and what that changes. */
#include "api/call.h"
#include "api/encode.h"
#include "api/handlers.h"

static void add_change(void *data, const char *device, const char *what)
{
	json_array_append_new(data, json_pack("{s:o, s:o}", "device", encode_text(device), "what",
					      encode_text(what)));
}

void post_reload(struct api_call *call)
{
	struct operator_order order;
	struct document *document;
	struct error err = {0};
	if (!call_reasoned_order(call, &order, &document))
		return;
	json_t *changes = json_array();
	if (engine_reload_files(call->engine, &order, add_change, changes, &err) < 0) {
		json_decref(changes);
		answer_error(call->request, &err);
	} else {
		answer_json(call->request,
			    json_pack("{s:b, s:o}", "dry_run", order.dry_run, "changes", changes),
			    NULL);
	}
	document_free(document);
}
