/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/chains.c - chains, plans, umboxes and their logs. */
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "api/encode.h"
#include "api/handlers.h"
#include "base/mem.h"

enum { LOG_BYTES = 64 * 1024, LOG_BYTES_MAX = 1024 * 1024 };

void get_chain(struct api_call *call)
{
	cleanup_free struct chain_status *chain = mem_alloc(sizeof(*chain));
	struct error err = {0};
	if (engine_read_chain(call->engine, call->argument, chain, &err) < 0)
		answer_error(call->request, &err);
	else
		answer_json(call->request, encode_chain(chain), NULL);
}

void get_plan(struct api_call *call)
{
	cleanup_free struct plan *plan = mem_alloc(sizeof(*plan));
	struct error err = {0};
	if (engine_read_plan(call->engine, call->argument, plan, &err) < 0)
		answer_error(call->request, &err);
	else
		answer_json(call->request, encode_plan(call->argument, plan), NULL);
}

/* Walks the chains of the devices behind `name` in their order, and leaves in `name` the last one
 * whose chain was given to `each`, "" at the end. */
static void walk_chains(struct engine *engine, char name[static NAME_BYTES],
			bool (*each)(void *data, const struct chain_status *chain), void *data)
{
	cleanup_free struct chain_status *chain = mem_alloc(sizeof(*chain));
	struct device_status status;
	while (engine_next_device(engine, *name ? name : NULL, &status) == 0) {
		text_copy(name, NAME_BYTES, status.device.name);
		if (engine_read_chain(engine, name, chain, NULL) == 0 && !each(data, chain))
			return;
	}
	name[0] = '\0';
}

struct page {
	json_t *items;
	uint64_t limit;
};

static bool add_chain(void *data, const struct chain_status *chain)
{
	struct page *page = data;
	json_array_append_new(page->items, encode_chain(chain));
	return json_array_size(page->items) < page->limit;
}

static json_t *umbox_to_json(const struct chain_status *chain, const struct hop_status *hop)
{
	json_t *umbox = encode_hop(hop);
	json_object_set_new(umbox, "device", encode_text(chain->device.name));
	return umbox;
}

static bool add_umboxes(void *data, const struct chain_status *chain)
{
	struct page *page = data;
	for (unsigned i = 0; i < chain->hop_count; i++)
		if (chain->hops[i].umbox)
			json_array_append_new(page->items, umbox_to_json(chain, &chain->hops[i]));
	return json_array_size(page->items) < page->limit;
}

static void get_page(struct api_call *call,
		     bool (*add)(void *data, const struct chain_status *chain))
{
	struct page page = {0};
	char name[NAME_BYTES] = "";
	if (!call_number(call, "limit", 1, PAGE_LIMIT_MAX, PAGE_LIMIT, &page.limit))
		return;
	const char *cursor = target_query(&call->target, "cursor");
	if (cursor)
		TEXT_COPY(name, cursor);
	page.items = json_array();
	walk_chains(call->engine, name, add, &page);
	answer_json(call->request,
		    json_pack("{s:o, s:o}", "items", page.items, "next", encode_text_or_null(name)),
		    NULL);
}

void get_chains(struct api_call *call)
{
	get_page(call, add_chain);
}

void get_umboxes(struct api_call *call)
{
	get_page(call, add_umboxes);
}

enum { UMBOXES_HINTED = 8 };

struct umbox_search {
	uint64_t id;
	json_t *found;
	struct buffer others; /* some of them */
	unsigned other_count;
};

static bool find_umbox(void *data, const struct chain_status *chain)
{
	struct umbox_search *search = data;
	for (unsigned i = 0; i < chain->hop_count && !search->found; i++) {
		const struct hop_status *hop = &chain->hops[i];
		if (hop->umbox == search->id && hop->umbox)
			search->found = umbox_to_json(chain, hop);
		else if (hop->umbox && search->other_count++ < UMBOXES_HINTED)
			buffer_print(&search->others, "%s%u (%s of %s)",
				     search->others.length ? ", " : "", hop->umbox, hop->name,
				     chain->device.name);
	}
	return !search->found;
}

static void answer_no_umbox(struct api_call *call, const struct umbox_search *search)
{
	cleanup_free char *hint = NULL;
	if (!search->other_count)
		hint = mem_copy_text("there are no umboxes now");
	else if (search->other_count <= UMBOXES_HINTED)
		hint = mem_printf("there are %s", search->others.bytes);
	else
		hint = mem_printf("there are %s and %u more", search->others.bytes,
				  search->other_count - UMBOXES_HINTED);
	struct problem problem = {404, "not_found", hint};
	answer_problem(call->request, &problem, "there is no umbox '%s'", call->argument);
}

/* The umbox that the path names, NULL when there is none: that is answered here. */
static json_t *seek_umbox(struct api_call *call, uint32_t *ret_id)
{
	struct umbox_search search = {0};
	char name[NAME_BYTES] = "";
	if (number_parse(&search.id, call->argument) < 0)
		search.id = 0; /* nobody has it */
	walk_chains(call->engine, name, find_umbox, &search);
	if (!search.found)
		answer_no_umbox(call, &search);
	*ret_id = (uint32_t)search.id;
	buffer_done(&search.others);
	return search.found;
}

void get_umbox(struct api_call *call)
{
	uint32_t id;
	json_t *umbox = seek_umbox(call, &id);
	if (umbox)
		answer_json(call->request, umbox, NULL);
}

/* Lives until the engine is done, which may be after its request, and after the API. */
struct logs_call {
	struct engine_logs logs;
	struct http_request *request; /* NULL once it is gone */
};

static void on_logs_request_gone(void *data)
{
	struct logs_call *logs = data;
	logs->request = NULL;
}

static void on_logs(struct engine_logs *engine_logs, int result, const char *text,
		    const struct error *err)
{
	struct logs_call *logs = container_of(engine_logs, struct logs_call, logs);
	struct http_request *request = logs->request;
	free(logs);
	if (!request)
		return;
	http_request_watch(request, NULL, NULL);
	if (result < 0)
		answer_error(request, err);
	else
		answer_text(request, "text/plain; charset=utf-8", text, strlen(text));
}

void get_umbox_logs(struct api_call *call)
{
	uint32_t id;
	uint64_t bytes;
	struct error err = {0};
	if (!call_number(call, "bytes", 1, LOG_BYTES_MAX, LOG_BYTES, &bytes))
		return;
	json_t *umbox = seek_umbox(call, &id);
	if (!umbox)
		return;
	json_decref(umbox);
	struct logs_call *logs = mem_alloc(sizeof(*logs));
	logs->logs.done = on_logs;
	logs->request = call->request;
	int result = engine_read_logs(call->engine, id, bytes, &logs->logs, &err);
	if (result == 0) {
		http_request_watch(call->request, on_logs_request_gone, logs);
		return;
	}
	free(logs);
	answer_error(call->request, &err);
}
