/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/devices.c - the devices, and what an operator orders for them. */
#include <string.h>

#include "api/call.h"
#include "api/encode.h"
#include "api/handlers.h"
#include "base/mem.h"
#include "codec/files.h"

void get_devices(struct api_call *call)
{
	uint64_t limit;
	if (!call_number(call, "limit", 1, PAGE_LIMIT_MAX, PAGE_LIMIT, &limit))
		return;
	const char *cursor = target_query(&call->target, "cursor");
	char after[NAME_BYTES] = "";
	if (cursor)
		TEXT_COPY(after, cursor);
	json_t *items = json_array();
	struct device_status status;
	while (json_array_size(items) < limit &&
	       engine_next_device(call->engine, *after ? after : NULL, &status) == 0) {
		json_array_append_new(items, encode_device(&status));
		TEXT_COPY(after, status.device.name);
	}
	bool full = json_array_size(items) == limit;
	answer_json(call->request,
		    json_pack("{s:o, s:o}", "items", items, "next",
			      full ? encode_text(after) : json_null()),
		    NULL);
}

/* The device that the path names; answers when there is none. */
static bool find_device(struct api_call *call, struct device_status *ret)
{
	struct error err = {0};
	if (engine_find_device(call->engine, call->argument, ret, &err) == 0)
		return true;
	answer_error(call->request, &err);
	return false;
}

void get_device(struct api_call *call)
{
	struct device_status status;
	char version[DIGEST_TEXT_BYTES];
	if (!find_device(call, &status))
		return;
	encode_definition_version(version, &status.device);
	answer_json(call->request, encode_device(&status), version);
}

static bool read_device(struct api_call *call, struct device *ret)
{
	struct document *document;
	if (!call_body(call, true, &document))
		return false;
	struct complaints complaints = {0};
	bool fine = device_read(ret, document, document_root(document), &complaints) == 0;
	if (!fine)
		call_complain(call, &complaints);
	complaints_done(&complaints);
	document_free(document);
	return fine;
}

static void answer_order(struct api_call *call, const struct operator_order *order,
			 const char *device, int result, const struct error *err, unsigned status)
{
	if (result < 0)
		answer_error(call->request, err);
	else
		call_changed(call, order, device, status);
}

void post_device(struct api_call *call)
{
	struct operator_order order;
	struct device device = {0};
	struct error err = {0};
	if (!call_order(call, &order) || !read_device(call, &device))
		return;
	int result = engine_add_device(call->engine, &device, &order, &err);
	answer_order(call, &order, device.name, result, &err, 201);
}

/* If-Match, where the asker sent one. */
static bool check_unchanged(struct api_call *call)
{
	const char *match = http_request_header(call->request, "If-Match");
	struct device_status status;
	char version[DIGEST_TEXT_BYTES];
	if (!match)
		return true;
	if (!find_device(call, &status))
		return false;
	encode_definition_version(version, &status.device);
	if (etag_matches(match, version))
		return true;
	struct problem problem = {412, "changed", "read it again, and repeat with its new ETag"};
	answer_problem(call->request, &problem, "device '%s' was changed meanwhile",
		       call->argument);
	return false;
}

void put_device(struct api_call *call)
{
	struct operator_order order;
	struct device device = {0};
	struct error err = {0};
	if (!call_order(call, &order) || !read_device(call, &device))
		return;
	if (strcmp(device.name, call->argument) != 0) {
		struct problem problem = {422, "invalid", "a device keeps its name"};
		answer_problem(call->request, &problem,
			       "the body is about '%s', the path about '%s'", device.name,
			       call->argument);
		return;
	}
	if (!check_unchanged(call))
		return;
	int result = engine_change_device(call->engine, &device, &order, &err);
	answer_order(call, &order, device.name, result, &err, 202);
}

void delete_device(struct api_call *call)
{
	struct operator_order order;
	struct error err = {0};
	if (!call_order(call, &order) || !check_unchanged(call))
		return;
	int result = engine_remove_device(call->engine, call->argument, &order, &err);
	answer_order(call, &order, call->argument, result, &err, 202);
}

static bool parse_limit(struct api_call *call, const char *text, int64_t *ret_us)
{
	*ret_us = 0;
	if (!text || (duration_parse(ret_us, text) == 0 && *ret_us > 0))
		return true;
	struct problem problem = {422, "invalid"};
	answer_problem(call->request, &problem,
		       "for: '%s' is no time (30m, or nothing for until released, is right)", text);
	return false;
}

void post_state(struct api_call *call)
{
	enum { STATE, FOR, REASON };
	struct body_field fields[] = {
		[STATE] = {"state", true, NAME_BYTES},
		[FOR] = {"for", false, DURATION_TEXT_BYTES},
		[REASON] = {"reason", false, REASON_BYTES},
	};
	struct operator_order order;
	struct document *document;
	struct error err = {0};
	int64_t for_us;
	if (!call_order(call, &order) || !call_fields(call, fields, ARRAY_SIZE(fields), &document))
		return;
	if (parse_limit(call, fields[FOR].text, &for_us)) {
		order.reason = fields[REASON].text;
		int result = engine_set_state(call->engine, call->argument, fields[STATE].text,
					      for_us, &order, &err);
		answer_order(call, &order, call->argument, result, &err, 202);
	}
	document_free(document);
}

void post_command(struct api_call *call)
{
	enum { COMMAND, REASON };
	struct body_field fields[] = {
		[COMMAND] = {"command", true, NAME_BYTES},
		[REASON] = {"reason", false, REASON_BYTES},
	};
	struct operator_order order;
	struct document *document;
	struct error err = {0};
	if (!call_order(call, &order) || !call_fields(call, fields, ARRAY_SIZE(fields), &document))
		return;
	order.reason = fields[REASON].text;
	int result = engine_command(call->engine, call->argument, fields[COMMAND].text, &order,
				    &err);
	answer_order(call, &order, call->argument, result, &err, 202);
	document_free(document);
}

/* The orders that take nothing but a reason. */
static void post_reason(struct api_call *call,
			int (*run)(struct engine *engine, const char *device,
				   const struct operator_order *order, struct error *err))
{
	struct operator_order order;
	struct document *document;
	struct error err = {0};
	if (!call_reasoned_order(call, &order, &document))
		return;
	int result = run(call->engine, call->argument, &order, &err);
	answer_order(call, &order, call->argument, result, &err, 202);
	document_free(document);
}

void post_quarantine(struct api_call *call)
{
	post_reason(call, engine_quarantine);
}

void post_release(struct api_call *call)
{
	post_reason(call, engine_release);
}

void post_shadow(struct api_call *call)
{
	post_reason(call, engine_shadow);
}

void post_enforce(struct api_call *call)
{
	post_reason(call, engine_enforce);
}
