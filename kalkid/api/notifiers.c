/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/notifiers.c - those that are told what happens: how their deliveries go, and a test. */
#include "api/call.h"
#include "api/encode.h"
#include "api/handlers.h"

void get_notifiers(struct api_call *call)
{
	struct notifier_status status;
	json_t *items = json_array();
	for (unsigned i = 0; engine_read_notifier(call->engine, i, &status) == 0; i++)
		json_array_append_new(items, encode_notifier(&status));
	answer_json(call->request, json_pack("{s:o, s:n}", "items", items, "next"), NULL);
}

void post_notifier_test(struct api_call *call)
{
	struct operator_order order;
	struct document *document;
	struct error err = {0};
	if (!call_reasoned_order(call, &order, &document))
		return;
	if (engine_test_notifier(call->engine, call->argument, &order, &err) < 0)
		answer_error(call->request, &err);
	else
		answer_status(call->request, order.dry_run ? 200 : 202,
			      json_pack("{s:b, s:b, s:o}", "accepted", true, "dry_run",
					order.dry_run, "notifier", encode_text(call->argument)),
			      NULL);
	document_free(document);
}
