/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/call.c - see call.h. */
#include "api/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

static const struct problem bad_parameter = {.status = 400, .code = "bad_parameter"};

int number_parse(uint64_t *ret, const char *text)
{
	char *end;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	unsigned long long number = strtoull(text, &end, 10);
	if (*end || errno)
		return -EINVAL;
	*ret = number;
	return 0;
}

bool call_number(struct api_call *call, const char *parameter, uint64_t least, uint64_t most,
		 uint64_t otherwise, uint64_t *ret)
{
	const char *text = target_query(&call->target, parameter);
	*ret = otherwise;
	if (!text || (number_parse(ret, text) == 0 && *ret >= least && *ret <= most))
		return true;
	answer_problem(call->request, &bad_parameter,
		       "parameter '%s' is '%s' (a number from %llu to %llu is right)", parameter,
		       text, (unsigned long long)least, (unsigned long long)most);
	return false;
}

bool call_boolean(struct api_call *call, const char *parameter, bool *ret)
{
	const char *text = target_query(&call->target, parameter);
	*ret = text && strcmp(text, "true") == 0;
	if (!text || *ret || strcmp(text, "false") == 0)
		return true;
	answer_problem(call->request, &bad_parameter,
		       "parameter '%s' is '%s' (true or false is right)", parameter, text);
	return false;
}

bool call_time(struct api_call *call, const char *parameter, int64_t *ret_wall_us)
{
	const char *text = target_query(&call->target, parameter);
	int64_t back_us, zone_us;
	*ret_wall_us = 0;
	if (!text || clock_parse_wall(ret_wall_us, &zone_us, text) == 0)
		return true;
	if (duration_parse(&back_us, text) == 0) {
		*ret_wall_us = clock_wall_now_us(call->clock) - back_us;
		return true;
	}
	answer_problem(call->request, &bad_parameter,
		       "parameter '%s' is '%s' (2026-01-31T12:00:00Z, or a time back from now "
		       "such as 1h30m, is right)",
		       parameter, text);
	return false;
}

bool call_id(struct api_call *call, uint64_t most, uint64_t *ret)
{
	if (number_parse(ret, call->argument) == 0 && *ret && *ret <= most)
		return true;
	struct problem problem = {.status = 404, .code = "not_found"};
	answer_problem(call->request, &problem, "there is no '%s': an id is a number",
		       call->argument);
	return false;
}

/* --- bodies --- */

static bool is_json(const struct http_request *request)
{
	static const char json[] = "application/json";
	const char *type = http_request_header(request, "Content-Type");
	return type && strncasecmp(type, json, strlen(json)) == 0 &&
	       strchr("; \t", type[strlen(json)]);
}

void call_complain(struct api_call *call, const struct complaints *complaints)
{
	struct problem problem = {422, "invalid", .complaints = complaints};
	answer_problem(call->request, &problem, "%u %s wrong in the body", complaints->count,
		       complaints->count == 1 ? "thing is" : "things are");
}

/* The reader of files takes YAML too: here only JSON is right. */
static bool check_json(struct api_call *call, const char *bytes, size_t count)
{
	json_error_t where;
	json_t *json = json_loadb(bytes, count, JSON_DECODE_ANY, &where);
	json_decref(json);
	if (json)
		return true;
	struct complaints complaints = {.count = 1};
	buffer_print(&complaints.text, "body:%d:%d: %s\n", where.line, where.column, where.text);
	struct problem problem = {400, "bad_json", .complaints = &complaints};
	answer_problem(call->request, &problem, "the body is no JSON: %s", where.text);
	complaints_done(&complaints);
	return false;
}

bool call_body(struct api_call *call, bool required, struct document **ret)
{
	size_t count;
	const char *bytes = http_request_body(call->request, &count);
	*ret = NULL;
	if (!bytes && !required)
		return true;
	if (!bytes) {
		struct problem problem = {400, "bad_json", "send a JSON object"};
		answer_problem(call->request, &problem, "there is no body");
		return false;
	}
	if (!is_json(call->request)) {
		struct problem problem = {415, "unsupported_media_type",
					  "say Content-Type: application/json"};
		answer_problem(call->request, &problem, "the body is not said to be JSON");
		return false;
	}
	if (!check_json(call, bytes, count))
		return false;
	struct complaints complaints = {0};
	bool fine = document_read(ret, "body", bytes, count, &complaints) == 0;
	if (!fine)
		call_complain(call, &complaints);
	complaints_done(&complaints);
	return fine;
}

static struct body_field *find_field(struct body_field *fields, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

static void read_field(const struct document *document, const struct document_node *node,
		       struct body_field *fields, size_t count, struct complaints *complaints)
{
	struct body_field *field = find_field(fields, count, node->key);
	if (!field) {
		const char *names[8];
		for (size_t i = 0; i < count; i++)
			names[i] = fields[i].name;
		const char *nearest = text_nearest(node->key, names, count);
		cleanup_free char *right = nearest ? mem_printf("'%s'?", nearest) : NULL;
		document_complain(document, node, complaints, right, "no such field");
	} else if (node->kind != DOCUMENT_TEXT) {
		document_complain(document, node, complaints, "a text", "is no text");
	} else if (strlen(node->text) >= field->bytes_max) {
		document_complain(document, node, complaints, NULL, "longer than %zu bytes",
				  field->bytes_max - 1);
	} else {
		field->text = node->text;
	}
}

static void read_fields(const struct document *document, struct body_field *fields, size_t count,
			struct complaints *complaints)
{
	const struct document_node *root = document_root(document);
	if (root->kind != DOCUMENT_MAP) {
		document_complain(document, root, complaints, "{...}", "is no object");
		return;
	}
	for (const struct document_node *node = root->first; node; node = node->next)
		read_field(document, node, fields, count, complaints);
	for (size_t i = 0; i < count; i++)
		if (fields[i].required && !document_find(root, fields[i].name))
			document_complain(document, root, complaints, NULL, "'%s' is missing",
					  fields[i].name);
}

bool call_fields(struct api_call *call, struct body_field *fields, size_t count,
		 struct document **ret)
{
	bool required = false;
	for (size_t i = 0; i < count; i++)
		required |= fields[i].required;
	if (!call_body(call, required, ret))
		return false;
	if (!*ret)
		return true;
	struct complaints complaints = {0};
	read_fields(*ret, fields, count, &complaints);
	bool fine = !complaints.count;
	if (!fine) {
		call_complain(call, &complaints);
		document_free(take(*ret));
	}
	complaints_done(&complaints);
	return fine;
}

/* --- orders --- */

bool call_order(struct api_call *call, struct operator_order *ret)
{
	*ret = (struct operator_order){.who = call->who};
	return call_boolean(call, "dry_run", &ret->dry_run);
}

bool call_reasoned_order(struct api_call *call, struct operator_order *ret,
			 struct document **ret_document)
{
	struct body_field reason = {"reason", false, REASON_BYTES};
	if (!call_order(call, ret) || !call_fields(call, &reason, 1, ret_document))
		return false;
	ret->reason = reason.text;
	return true;
}

/* Lives until the engine knows, which may be after its request, and after the API. */
struct accepted_call {
	struct engine_written written;
	struct http_request *request; /* NULL once it is gone */
	unsigned status;
	json_t *body;
	char *location;
};

static void on_accepted_request_gone(void *data)
{
	struct accepted_call *accepted = data;
	accepted->request = NULL;
}

static void on_written(struct engine_written *written, int result)
{
	struct accepted_call *accepted = container_of(written, struct accepted_call, written);
	if (accepted->request) {
		http_request_watch(accepted->request, NULL, NULL);
		json_object_set_new(accepted->body, "written", json_boolean(result == 0));
		answer_status(accepted->request, accepted->status, take(accepted->body),
			      accepted->location);
	}
	json_decref(accepted->body);
	free(accepted->location);
	free(accepted);
}

void call_accepted(struct engine *engine, struct http_request *request, bool dry_run,
		   unsigned status, json_t *body, const char *location)
{
	json_object_set_new(body, "accepted", json_true());
	json_object_set_new(body, "dry_run", json_boolean(dry_run));
	if (dry_run) {
		answer_status(request, 200, body, NULL);
		return;
	}
	struct accepted_call *accepted = mem_alloc(sizeof(*accepted));
	accepted->written.done = on_written;
	accepted->request = request;
	accepted->status = status;
	accepted->body = body;
	accepted->location = location ? mem_copy_text(location) : NULL;
	http_request_watch(request, on_accepted_request_gone, accepted);
	engine_await_written(engine, &accepted->written);
}

void call_changed(struct api_call *call, const struct operator_order *order, const char *device,
		  unsigned status)
{
	json_t *body = json_pack("{s:s}", "device", device);
	struct device_status now;
	if (engine_find_device(call->engine, device, &now, NULL) == 0) {
		json_object_set_new(body, "generation", json_integer(now.generation));
		json_object_set_new(body, "quarantined", json_boolean(now.quarantined));
	}
	cleanup_free char *location = status == 201 ? mem_printf("/api/v1/devices/%s", device)
						    : NULL;
	call_accepted(call->engine, call->request, order->dry_run, status, body, location);
}
