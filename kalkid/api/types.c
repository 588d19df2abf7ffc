/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/types.c - the device types with their policies. */
#include <string.h>

#include "api/call.h"
#include "api/encode.h"
#include "api/handlers.h"
#include "base/mem.h"

void get_types(struct api_call *call)
{
	json_t *items = json_array();
	for (unsigned i = 0; i < engine_policy_count(call->engine); i++)
		json_array_append_new(items, encode_type_summary(engine_policy(call->engine, i)));
	answer_json(call->request, json_pack("{s:o, s:n}", "items", items, "next"), NULL);
}

void get_type(struct api_call *call)
{
	unsigned count = engine_policy_count(call->engine);
	cleanup_free const char **names = mem_alloc_array(count, sizeof(*names));
	for (unsigned i = 0; i < count; i++) {
		const struct policy *policy = engine_policy(call->engine, i);
		names[i] = policy->type;
		if (strcmp(policy->type, call->argument) == 0) {
			answer_json(call->request, encode_type(policy), NULL);
			return;
		}
	}
	const char *nearest = text_nearest(call->argument, names, count);
	cleanup_free char *hint = nearest ? mem_printf("did you mean '%s'?", nearest) : NULL;
	struct problem problem = {404, "not_found", hint};
	answer_problem(call->request, &problem, "no device type is named '%s'", call->argument);
}
