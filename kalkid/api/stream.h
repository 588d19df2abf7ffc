/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/stream.h - the event stream: everything that happens, to whoever listens, as Server-Sent
 * Events.
 *
 * All clients share one ring of the newest events.  A client first reads from the history, page by
 * page as it has room, until the history ends, and then from the ring (the newest events may not be
 * on disk yet).  A client that reads so slowly that the ring passes it is told how many events it
 * missed, and cut: it may come back with the last id. */
#pragma once

#include "engine/engine.h"
#include "io/http_server.h"

enum {
	STREAM_EVENTS_MAX = 4096,
	STREAM_BYTES_MAX = 1024 * 1024,
	STREAM_CLIENTS_MAX = 64,
	STREAM_HEARTBEAT_MS = 15 * 1000,
};

struct stream;

struct stream *stream_open(uv_loop_t *loop, struct engine *engine);
/* No client is left. */
void stream_close(struct stream *stream, void (*closed)(void *data), void *data);

/* Answers the request.  `filter` says kinds and device; with `from_history` the events with ids
 * beyond its after_id and since its time come first. -EAGAIN when there are too many clients. */
int stream_answer(struct stream *stream, struct http_request *request,
		  const struct event_filter *filter, bool from_history,
		  struct error *err) must_check;
