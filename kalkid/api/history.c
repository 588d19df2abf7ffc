/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/history.c - what happened: events, alerts and timelines, a page at a time. */
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "api/encode.h"
#include "api/handlers.h"
#include "api/stream.h"
#include "base/mem.h"
#include "base/text.h"

static const struct problem bad_parameter = {.status = 400, .code = "bad_parameter"};

static void hint_at_kind(char hint[static TEXT_HINT_BYTES], const char *name)
{
	const char *names[EVENT_KIND_COUNT];
	for (unsigned i = 0; i < EVENT_KIND_COUNT; i++)
		names[i] = event_kind_name((enum event_kind)i);
	text_hint(hint, name, names, EVENT_KIND_COUNT);
}

/* "alert,transition" to bits. */
static bool read_kinds(struct api_call *call, uint32_t *ret)
{
	const char *text = target_query(&call->target, "kind");
	while (text && *text) {
		char name[NAME_BYTES] = "", hint[TEXT_HINT_BYTES];
		size_t length = strcspn(text, ",");
		enum event_kind kind;
		if (length < sizeof(name))
			memcpy(name, text, length);
		if (!event_kind_parse(&kind, name)) {
			hint_at_kind(hint, name);
			answer_problem(call->request, &bad_parameter,
				       "parameter 'kind': no events are named '%.*s'%s",
				       (int)length, text, hint);
			return false;
		}
		*ret |= 1u << kind;
		text += length + (text[length] == ',');
	}
	return true;
}

static bool read_order(struct api_call *call, bool *ret_newest_first)
{
	const char *order = target_query(&call->target, "order");
	*ret_newest_first = !order || strcmp(order, "newest") == 0;
	if (*ret_newest_first || strcmp(order, "oldest") == 0)
		return true;
	answer_problem(call->request, &bad_parameter,
		       "parameter 'order' is '%s' (newest or oldest is right)", order);
	return false;
}

static bool read_device(struct api_call *call, const char *name, uint32_t *ret)
{
	struct error err = {0};
	if (!name || engine_device_number(call->engine, name, ret, &err) == 0)
		return true;
	answer_error(call->request, &err);
	return false;
}

static bool read_among(struct api_call *call, struct device_set *ret)
{
	const char *type = target_query(&call->target, "type");
	const char *group = target_query(&call->target, "group");
	struct error err = {0};
	if ((!type && !group) || engine_device_numbers(call->engine, type, group, ret, &err) == 0)
		return true;
	answer_error(call->request, &err);
	return false;
}

static bool read_filter(struct api_call *call, const char *device, struct event_filter *ret,
			uint64_t *ret_cursor)
{
	uint64_t limit;
	if (!read_kinds(call, &ret->kinds) || !read_device(call, device, &ret->device) ||
	    !read_among(call, &ret->among) || !read_order(call, &ret->newest_first) ||
	    !call_time(call, "since", &ret->since_wall_us) ||
	    !call_boolean(call, "unacknowledged", &ret->unacknowledged) ||
	    !call_number(call, "limit", 1, PAGE_LIMIT_MAX, PAGE_LIMIT, &limit) ||
	    !call_number(call, "cursor", 0, INT64_MAX, 0, ret_cursor))
		return false;
	ret->limit = (unsigned)limit;
	return true;
}

/* Lives until the read is done, which may be after its request, and after the API. */
struct event_page {
	struct event_read events;
	struct engine *engine;
	struct http_request *request; /* NULL once it is gone */
	struct buffer text;
	unsigned count;
	uint64_t last;
	char digest[DIGEST_TEXT_BYTES];
};

static bool add_event(struct event_read *read, const struct event *event,
		      const char *acknowledged_by)
{
	struct event_page *page = container_of(read, struct event_page, events);
	if (page->count++)
		buffer_print(&page->text, ",");
	encode_event(&page->text, event, acknowledged_by);
	page->last = event->id;
	return true;
}

static void end_page(struct event_read *read)
{
	struct event_page *page = container_of(read, struct event_page, events);
	if (page->count == read->filter.limit)
		buffer_print(&page->text, "],\"next\":\"%llu\"}", (unsigned long long)page->last);
	else
		buffer_print(&page->text, "],\"next\":null}");
	digest_text(page->digest, page->text.bytes, page->text.length);
}

static void on_page_read(struct store_read *read, int result, const struct error *err)
{
	struct event_page *page = container_of(read, struct event_page, events.read);
	struct http_request *request = page->request;
	if (request) {
		http_request_watch(request, NULL, NULL);
		if (result < 0)
			answer_error(request, err);
		else
			answer_json_text(request, page->text.bytes, page->text.length, NULL,
					 page->digest);
	}
	buffer_done(&page->text);
	free(page);
}

static void on_page_request_gone(void *data)
{
	struct event_page *page = data;
	page->request = NULL;
	engine_cancel_read(page->engine, &page->events.read);
}

static void answer_page(struct api_call *call, const struct event_filter *filter, uint64_t cursor)
{
	struct event_page *page = mem_alloc(sizeof(*page));
	page->events = (struct event_read){
		.read.done = on_page_read, .filter = *filter, .each = add_event, .last = end_page};
	if (filter->newest_first)
		page->events.filter.before_id = cursor;
	else
		page->events.filter.after_id = cursor;
	page->engine = call->engine;
	page->request = call->request;
	buffer_print(&page->text, "{\"items\":[");
	http_request_watch(call->request, on_page_request_gone, page);
	engine_read_events(call->engine, &page->events);
}

void get_timeline(struct api_call *call)
{
	struct event_filter filter = {0};
	uint64_t cursor;
	if (read_filter(call, call->argument, &filter, &cursor))
		answer_page(call, &filter, cursor);
}

void get_alerts(struct api_call *call)
{
	struct event_filter filter = {0};
	uint64_t cursor;
	if (!read_filter(call, target_query(&call->target, "device"), &filter, &cursor))
		return;
	filter.kinds = 1u << EVENT_ALERT;
	answer_page(call, &filter, cursor);
}

/* Where a stream begins: Last-Event-ID, else `cursor`, else `since`, else now. */
static void answer_stream(struct api_call *call, struct event_filter *filter, uint64_t cursor)
{
	struct error err = {0};
	if (target_query(&call->target, "order") || target_query(&call->target, "limit")) {
		answer_problem(call->request, &bad_parameter,
			       "a stream has no 'order' and no 'limit'");
		return;
	}
	const char *last = http_request_header(call->request, "Last-Event-ID");
	filter->newest_first = false;
	filter->after_id = cursor;
	if (last && number_parse(&filter->after_id, last) < 0) {
		answer_problem(call->request, &bad_parameter,
			       "Last-Event-ID is '%s' (an event's id is right)", last);
		return;
	}
	bool from_history = last || target_query(&call->target, "cursor") || filter->since_wall_us;
	if (stream_answer(call->stream, call->request, filter, from_history, &err) < 0)
		answer_error(call->request, &err);
}

void get_events(struct api_call *call)
{
	struct event_filter filter = {0};
	uint64_t cursor;
	if (!read_filter(call, target_query(&call->target, "device"), &filter, &cursor))
		return;
	const char *accept = http_request_header(call->request, "Accept");
	bool streams = accept && strstr(accept, "text/event-stream") &&
		       strcmp(http_request_method(call->request), "GET") == 0;
	if (streams)
		answer_stream(call, &filter, cursor);
	else
		answer_page(call, &filter, cursor);
}
