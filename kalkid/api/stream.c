/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/stream.c - see stream.h. */
#include "api/stream.h"

#include <stdlib.h>
#include <string.h>

#include "api/encode.h"
#include "base/log.h"
#include "base/mem.h"

enum {
	HISTORY_PAGE = 50,
	REFILL_BYTES = 16 * 1024,
};

/* One event, as it is sent. */
struct stream_event {
	uint64_t id;
	enum event_kind kind;
	uint32_t device;
	int64_t wall_us;
	char *frame;
	size_t bytes;
};

struct stream {
	struct engine *engine;
	struct engine_subscriber subscriber;
	uv_timer_t heartbeat;
	struct stream_event ring[STREAM_EVENTS_MAX];
	unsigned first, count;
	size_t bytes;
	uint64_t newest; /* id of the last event that came */
	uint64_t passed; /* id of the last event that left the ring */
	struct stream_client *clients;
	unsigned client_count;
	void (*closed)(void *data);
	void *closed_data;
};

struct stream_client {
	struct stream *stream;
	struct stream_client *previous, *next;
	struct http_request *request; /* NULL once it is gone */
	struct event_filter filter;   /* after_id: the last event that went out or did not fit it */
	struct event_read history;    /* fills `out` on the reader's thread */
	bool reading;                 /* then `out` is the reader's */
	uint64_t passed;              /* the stream's, when the reading began */
	bool live;                    /* reads from the ring */
	bool beat;                    /* a comment is due */
	bool ended;
	uint64_t missed; /* events that left the ring unsent */
	struct buffer out;
	size_t sent; /* of `out` */
};

static bool fits(const struct stream_client *client, const struct stream_event *event)
{
	const struct event_filter *filter = &client->filter;
	return event->id > filter->after_id && event->wall_us >= filter->since_wall_us &&
	       (!filter->kinds || filter->kinds & 1u << event->kind) &&
	       (!filter->device || filter->device == event->device) &&
	       (!filter->among.count || device_set_has(&filter->among, event->device));
}

static void print_frame(struct buffer *out, const struct event *event, const char *acknowledged_by)
{
	buffer_print(out, "id: %llu\nevent: %s\ndata: ", (unsigned long long)event->id,
		     event_kind_name(event->kind));
	encode_event(out, event, acknowledged_by);
	buffer_print(out, "\n\n");
}

/* --- what happens --- */

static struct stream_event *ring_at(struct stream *stream, unsigned index)
{
	return &stream->ring[(stream->first + index) % STREAM_EVENTS_MAX];
}

static void drop_oldest(struct stream *stream)
{
	struct stream_event *event = ring_at(stream, 0);
	for (struct stream_client *client = stream->clients; client; client = client->next)
		if (client->live && fits(client, event))
			client->missed++;
	stream->passed = event->id;
	stream->bytes -= event->bytes;
	free(event->frame);
	stream->first = (stream->first + 1) % STREAM_EVENTS_MAX;
	stream->count--;
}

static void on_event(struct engine_subscriber *subscriber, const struct event *event)
{
	struct stream *stream = container_of(subscriber, struct stream, subscriber);
	struct buffer frame = {0};
	print_frame(&frame, event, NULL);
	while (stream->count && (stream->count == STREAM_EVENTS_MAX ||
				 stream->bytes + frame.length > STREAM_BYTES_MAX))
		drop_oldest(stream);
	struct stream_event *added = ring_at(stream, stream->count++);
	*added = (struct stream_event){
		.id = event->id,
		.kind = event->kind,
		.device = event->device,
		.wall_us = event->wall_us,
		.frame = frame.bytes,
		.bytes = frame.length,
	};
	stream->bytes += frame.length;
	stream->newest = event->id;
	for (struct stream_client *client = stream->clients; client; client = client->next)
		if (client->live && fits(client, added))
			http_stream_wake(client->request);
}

static void on_heartbeat(uv_timer_t *timer)
{
	struct stream *stream = container_of(timer, struct stream, heartbeat);
	for (struct stream_client *client = stream->clients; client; client = client->next) {
		client->beat = true;
		http_stream_wake(client->request);
	}
}

/* --- what a client gets --- */

static bool take_from_history(struct event_read *read, const struct event *event,
			      const char *acknowledged_by)
{
	struct stream_client *client = container_of(read, struct stream_client, history);
	print_frame(&client->out, event, acknowledged_by);
	client->history.filter.after_id = event->id;
	return client->out.length < REFILL_BYTES;
}

static void free_client(struct stream_client *client)
{
	buffer_done(&client->out);
	free(client);
}

static void on_history_read(struct store_read *read, int result, const struct error *err)
{
	struct stream_client *client = container_of(read, struct stream_client, history.read);
	client->reading = false;
	if (!client->request) {
		free_client(client);
		return;
	}
	if (result < 0) {
		log_error("the history cannot be read", "error=\"%s\"", err->text);
		client->ended = true;
	}
	client->filter.after_id = client->history.filter.after_id;
	/* What happened since stands in the ring, unless it has left it meanwhile. */
	if (!client->out.length && client->stream->passed == client->passed)
		client->live = true;
	http_stream_wake(client->request);
}

static void refill_from_history(struct stream_client *client)
{
	client->reading = true;
	client->passed = client->stream->passed;
	client->history = (struct event_read){
		.read.done = on_history_read,
		.filter = client->filter,
		.each = take_from_history,
	};
	client->history.filter.limit = HISTORY_PAGE;
	engine_read_events(client->stream->engine, &client->history);
}

/* Last words to a client that the ring has passed. */
static void cut(struct stream_client *client)
{
	struct stream *stream = client->stream;
	for (unsigned i = 0; i < stream->count; i++)
		client->missed += fits(client, ring_at(stream, i));
	buffer_print(&client->out, "event: missed\ndata: {\"missed\":%llu}\n\n",
		     (unsigned long long)client->missed);
	client->ended = true;
	log_warning("an event stream was cut: its client reads too slowly", "missed=%llu",
		    (unsigned long long)client->missed);
}

static void refill_from_ring(struct stream_client *client)
{
	struct stream *stream = client->stream;
	if (client->missed) {
		cut(client);
		return;
	}
	for (unsigned i = 0; i < stream->count && client->out.length < REFILL_BYTES; i++) {
		const struct stream_event *event = ring_at(stream, i);
		if (!fits(client, event))
			continue;
		buffer_add(&client->out, event->frame, event->bytes);
		client->filter.after_id = event->id;
	}
	if (!client->out.length && client->beat)
		buffer_print(&client->out, ":\n\n");
	client->beat = false;
}

static ssize_t read_client(void *data, char *bytes, size_t room)
{
	struct stream_client *client = data;
	if (client->reading)
		return 0;
	if (client->sent == client->out.length) {
		client->sent = client->out.length = 0;
		if (client->ended)
			return HTTP_STREAM_END;
		if (client->live) {
			refill_from_ring(client);
		} else {
			refill_from_history(client);
			return 0;
		}
	}
	size_t count = min_of(room, client->out.length - client->sent);
	if (count)
		memcpy(bytes, client->out.bytes + client->sent, count);
	client->sent += count;
	return count || !client->ended ? (ssize_t)count : HTTP_STREAM_END;
}

static void on_gone(void *data)
{
	struct stream_client *client = data;
	struct stream *stream = client->stream;
	if (client->previous)
		client->previous->next = client->next;
	else
		stream->clients = client->next;
	if (client->next)
		client->next->previous = client->previous;
	stream->client_count--;
	client->request = NULL;
	if (client->reading)
		engine_cancel_read(stream->engine, &client->history.read);
	else
		free_client(client);
}

static struct stream_client *add_client(struct stream *stream, struct http_request *request)
{
	struct stream_client *client = mem_alloc(sizeof(*client));
	client->stream = stream;
	client->request = request;
	client->next = stream->clients;
	if (client->next)
		client->next->previous = client;
	stream->clients = client;
	stream->client_count++;
	return client;
}

/* A client that comes back after so long that the history forgot what it missed is told so. */
static void tell_forgotten(struct stream_client *client)
{
	struct engine_status status;
	engine_read_status(client->stream->engine, &status);
	if (!client->filter.since_wall_us &&
	    status.store.oldest_event > client->filter.after_id + 1)
		buffer_print(&client->out, "event: missed\ndata: {\"missed\":null}\n\n");
}

int stream_answer(struct stream *stream, struct http_request *request,
		  const struct event_filter *filter, bool from_history, struct error *err)
{
	if (stream->client_count == STREAM_CLIENTS_MAX)
		return error_set(err, -EAGAIN, "%d event streams are open already",
				 STREAM_CLIENTS_MAX);
	struct stream_client *client = add_client(stream, request);
	client->filter = *filter;
	client->live = !from_history;
	if (client->live)
		client->filter.after_id = stream->newest;
	/* Browsers wait so long before they come back. */
	buffer_print(&client->out, "retry: 1000\n\n");
	if (from_history)
		tell_forgotten(client);
	struct http_answer answer = {
		.status = 200,
		.content_type = "text/event-stream",
		.headers = {{"Cache-Control", "no-cache"}},
	};
	http_request_watch(request, on_gone, client);
	http_stream(request, &answer, read_client, client);
	return 0;
}

struct stream *stream_open(uv_loop_t *loop, struct engine *engine)
{
	struct stream *stream = mem_alloc(sizeof(*stream));
	stream->engine = engine;
	stream->subscriber.on_event = on_event;
	engine_subscribe(engine, &stream->subscriber);
	uv_timer_init(loop, &stream->heartbeat);
	uv_timer_start(&stream->heartbeat, on_heartbeat, STREAM_HEARTBEAT_MS, STREAM_HEARTBEAT_MS);
	return stream;
}

static void on_closed(uv_handle_t *handle)
{
	struct stream *stream = container_of(handle, struct stream, heartbeat);
	while (stream->count)
		drop_oldest(stream);
	void (*closed)(void *data) = stream->closed;
	void *data = stream->closed_data;
	free(stream);
	closed(data);
}

void stream_close(struct stream *stream, void (*closed)(void *data), void *data)
{
	stream->closed = closed;
	stream->closed_data = data;
	engine_unsubscribe(stream->engine, &stream->subscriber);
	uv_close((uv_handle_t *)&stream->heartbeat, on_closed);
}
