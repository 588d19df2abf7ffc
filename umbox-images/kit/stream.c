/* SPDX-License-Identifier: Apache-2.0 */
/* stream.c - which connection a segment belongs to, and what becomes of it; see umbox_stream.h. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "umbox_stream.h"
#include "umbox_table.h"
#include "window.h"

enum { CONNECTIONS_STANDARD = 4096, OPENINGS_MAX = 8192 };
static const uint64_t MEMORY_STANDARD = 4 * 1024 * 1024;
static const int64_t MIDSTREAM_STANDARD_US = 300 * INT64_C(1000000);
/* Copies that wait so long for an acknowledgment, or for a hole to be filled, may go for others. */
static const int64_t STUCK_US = 3 * INT64_C(1000000);
/* Who floods full memory must not make each segment cost a look at all connections. */
static const int64_t SEARCH_PAUSE_US = 100 * 1000;

/* The same for both directions: by legs.  Compared by bytes: there is no padding in it. */
struct connection_key {
	struct umbox_ip in, out;
	uint16_t in_port, out_port;
};

/* A handshake on its way. */
struct opening {
	uint32_t client_sequence, server_sequence;
	enum umbox_leg client_leg;
	bool answered; /* the server has agreed */
};

struct connection {
	struct umbox_stream stream;
	struct connection_key key;
	struct window windows[UMBOX_SIDE_COUNT]; /* what each side says */
	bool let_go, cut;
	/* Both sides agreed on where they are, or the device has said it.  Before that the network
	 * may say one thing. */
	bool settled, tried;
	uint32_t tried_sequence;
};

struct umbox_streams {
	struct umbox_watcher watcher;
	struct umbox_table *openings;    /* connection_key -> struct opening */
	struct umbox_table *connections; /* connection_key -> struct connection * */
	struct window_budget budget;
	struct umbox_stream_counts counts;
	int64_t midstream_until_us; /* 0: no frame was seen yet */
	int64_t search_us;          /* nobody is looked for who is stuck before */
};

/* One segment on its way through the functions below. */
struct segment {
	struct umbox *umbox;
	struct umbox_frame *frame;
	const struct umbox_headers *headers;
	struct connection_key key;
	int64_t now_us;
	bool target_serves, source_serves; /* who is followed as a server */
};

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

struct umbox_streams *umbox_streams_new(const struct umbox_watcher *watcher)
{
	struct umbox_streams *streams = must(calloc(1, sizeof(*streams)));
	streams->watcher = *watcher;
	struct umbox_watcher *mine = &streams->watcher;
	if (!mine->connections_max || mine->connections_max > UMBOX_STREAMS_MAX)
		mine->connections_max = CONNECTIONS_STANDARD;
	if (!mine->midstream_us)
		mine->midstream_us = MIDSTREAM_STANDARD_US;
	streams->budget.max = mine->memory_max ? mine->memory_max : MEMORY_STANDARD;
	streams->openings = umbox_table_new(OPENINGS_MAX, sizeof(struct connection_key),
					    sizeof(struct opening));
	streams->connections = umbox_table_new(mine->connections_max, sizeof(struct connection_key),
					       sizeof(struct connection *));
	return streams;
}

static void let_go_copies(struct umbox_streams *streams, struct connection *connection)
{
	for (unsigned i = 0; i < UMBOX_SIDE_COUNT; i++)
		window_done(&connection->windows[i], &streams->budget);
}

static void free_connection(struct umbox_streams *streams, struct connection *connection)
{
	if (streams->watcher.on_close)
		streams->watcher.on_close(&connection->stream, streams->watcher.user);
	let_go_copies(streams, connection);
	free(connection->stream.own);
	free(connection);
}

void umbox_streams_free(struct umbox_streams *streams)
{
	struct connection *const *entry;
	const void *key;
	uint32_t cursor = 0;
	if (!streams)
		return;
	while ((entry = umbox_table_each(streams->connections, &cursor, &key)))
		free_connection(streams, *entry);
	umbox_table_free(streams->connections);
	umbox_table_free(streams->openings);
	free(streams);
}

const struct umbox_stream_counts *umbox_streams_counts(const struct umbox_streams *streams)
{
	return &streams->counts;
}

/* --- resets --- */

static void send_reset(const struct segment *segment, bool back, uint32_t sequence,
		       uint32_t acknowledgment)
{
	uint8_t bytes[UMBOX_RESET_BYTES];
	struct umbox_frame reset = {.bytes = bytes, .room = sizeof(bytes)};
	enum umbox_leg from = segment->frame->from;
	if (!segment->umbox)
		return;
	reset.length = umbox_reset_make(bytes, segment->frame, segment->headers, back, sequence,
					acknowledgment);
	umbox_send(segment->umbox, back == (from == UMBOX_IN) ? UMBOX_IN : UMBOX_OUT, &reset);
}

/* Toward who sent the segment: it ends the connection there. */
static void reset_sender(const struct segment *segment)
{
	const struct umbox_headers *headers = segment->headers;
	if (!(headers->tcp_flags & UMBOX_TCP_RST))
		send_reset(segment, true, headers->tcp_acknowledgment,
			   headers->tcp_sequence + headers->payload_bytes);
}

/* --- connections --- */

static struct connection *find_connection(struct umbox_streams *streams,
					  const struct connection_key *key)
{
	struct connection **entry = umbox_table_find(streams->connections, key);
	return entry ? *entry : NULL;
}

static void forget(struct umbox_streams *streams, const struct connection_key *key)
{
	struct connection *connection = find_connection(streams, key);
	if (!connection)
		return;
	umbox_table_remove(streams->connections, key);
	free_connection(streams, connection);
}

/* What is forgotten is not taken for something from before the umbox. */
static void end_midstream(struct umbox_streams *streams, int64_t now_us)
{
	if (now_us < streams->midstream_until_us)
		streams->midstream_until_us = now_us;
}

static void make_room(struct umbox_streams *streams, int64_t now_us)
{
	if (!umbox_table_full(streams->connections))
		return;
	end_midstream(streams, now_us);
	struct connection *const *oldest = umbox_table_oldest(streams->connections);
	struct connection_key key = (*oldest)->key;
	streams->counts.pushed_out++;
	forget(streams, &key);
}

static struct connection *new_connection(struct umbox_streams *streams,
					 const struct segment *segment, bool by_client)
{
	const struct umbox_headers *headers = segment->headers;
	struct connection *connection = must(calloc(1, sizeof(*connection)));
	enum umbox_leg from = segment->frame->from;
	forget(streams, &segment->key);
	make_room(streams, segment->now_us);
	connection->key = segment->key;
	connection->stream = (struct umbox_stream){
		.client = by_client ? headers->source : headers->target,
		.server = by_client ? headers->target : headers->source,
		.client_port = by_client ? headers->source_port : headers->target_port,
		.server_port = by_client ? headers->target_port : headers->source_port,
		.client_leg = by_client == (from == UMBOX_IN) ? UMBOX_IN : UMBOX_OUT,
		.since_us = segment->now_us,
	};
	if (streams->watcher.own_bytes)
		connection->stream.own = must(calloc(1, streams->watcher.own_bytes));
	enum umbox_stream_side side = by_client ? UMBOX_CLIENT : UMBOX_SERVER;
	window_start(&connection->windows[side], headers->tcp_sequence);
	window_start(&connection->windows[!side], headers->tcp_acknowledgment);
	*(struct connection **)umbox_table_put(streams->connections, &segment->key) = connection;
	return connection;
}

/* --- what the watcher says --- */

/* True when the segment may pass.  `shown_before`: what the receiver expects next. */
static bool obey(struct umbox_streams *streams, struct connection *connection,
		 const struct segment *segment, enum umbox_stream_word word, uint32_t shown_before)
{
	switch (word) {
	case UMBOX_STREAM_GO_ON: return true;
	case UMBOX_STREAM_LET_GO:
		connection->let_go = true;
		let_go_copies(streams, connection);
		return true;
	case UMBOX_STREAM_CUT: break;
	}
	connection->cut = true;
	streams->counts.cut++;
	let_go_copies(streams, connection);
	reset_sender(segment);
	send_reset(segment, false, shown_before, segment->headers->tcp_acknowledgment);
	return false;
}

static bool open_stream(struct umbox_streams *streams, struct connection *connection,
			const struct segment *segment)
{
	const struct umbox_watcher *watcher = &streams->watcher;
	if (!watcher->on_open)
		return true;
	return obey(streams, connection, segment,
		    watcher->on_open(&connection->stream, watcher->user),
		    segment->headers->tcp_sequence);
}

static bool show(struct umbox_streams *streams, struct connection *connection,
		 enum umbox_stream_side side, const struct segment *segment)
{
	const struct umbox_watcher *watcher = &streams->watcher;
	struct window *window = &connection->windows[side];
	uint32_t before = window->next, count;
	const uint8_t *bytes;
	while (!connection->let_go && (count = window_show(window, &bytes)) > 0) {
		enum umbox_stream_word word = watcher->on_bytes(
			&connection->stream, side, bytes, count, segment->now_us, watcher->user);
		if (!obey(streams, connection, segment, word, before))
			return false;
	}
	return true;
}

/* --- segments --- */

/* RFC 6093: what the pointer takes out of the stream differs from system to system. */
static void clear_urgent(const struct segment *segment)
{
	uint8_t *tcp = segment->frame->bytes + segment->headers->transport;
	uint16_t before = (uint16_t)(tcp[12] << 8 | tcp[13]);
	uint16_t pointer = (uint16_t)(tcp[18] << 8 | tcp[19]);
	tcp[13] &= (uint8_t)~UMBOX_TCP_URG;
	tcp[18] = tcp[19] = 0;
	if (umbox_frame_checksum_partial(segment->frame))
		return;
	uint16_t sum = (uint16_t)(tcp[16] << 8 | tcp[17]);
	sum = umbox_checksum_change(sum, before, (uint16_t)(tcp[12] << 8 | tcp[13]));
	sum = umbox_checksum_change(sum, pointer, 0);
	tcp[16] = (uint8_t)(sum >> 8);
	tcp[17] = (uint8_t)sum;
}

static bool is_stuck(const struct connection *connection, int64_t now_us)
{
	for (unsigned i = 0; i < UMBOX_SIDE_COUNT; i++)
		if (connection->windows[i].room &&
		    now_us - connection->windows[i].moved_us >= STUCK_US)
			return true;
	return false;
}

/* Whoever leaves holes or acknowledges nothing cannot keep the memory from the others: of those
 * that are stuck the one unused for the longest time goes.  False when there is none. */
static bool push_out_stuck(struct umbox_streams *streams, const struct segment *segment)
{
	struct connection *const *entry, *found = NULL;
	const void *key;
	uint32_t cursor = 0;
	if (segment->now_us < streams->search_us)
		return false;
	while ((entry = umbox_table_each(streams->connections, &cursor, &key)))
		if (is_stuck(*entry, segment->now_us) &&
		    memcmp(key, &segment->key, sizeof(segment->key)) != 0)
			found = *entry;
	if (!found) {
		streams->search_us = segment->now_us + SEARCH_PAUSE_US;
		return false;
	}
	struct connection_key pushed_out = found->key;
	end_midstream(streams, segment->now_us);
	streams->counts.pushed_out++;
	forget(streams, &pushed_out);
	return true;
}

static enum window_result copy(struct umbox_streams *streams, struct window *window,
			       const struct segment *segment)
{
	const struct umbox_headers *headers = segment->headers;
	const uint8_t *bytes = segment->frame->bytes + headers->payload;
	enum window_result result;
	if (!window->room)
		window->moved_us = segment->now_us;
	do
		result = window_put(window, &streams->budget, headers->tcp_sequence, bytes,
				    headers->payload_bytes);
	while (result == WINDOW_NO_MEMORY && push_out_stuck(streams, segment));
	return result;
}

static enum umbox_verdict take_bytes(struct umbox_streams *streams, struct connection *connection,
				     enum umbox_stream_side side, const struct segment *segment)
{
	const struct umbox_headers *headers = segment->headers;
	struct window *window = &connection->windows[side];
	if (!streams->watcher.shown[side]) {
		uint32_t end = headers->tcp_sequence + headers->payload_bytes;
		if ((int32_t)(end - window->next) > 0)
			window->next = window->acked = end;
		return UMBOX_PASS;
	}
	switch (copy(streams, window, segment)) {
	case WINDOW_TAKEN: break;
	case WINDOW_DIFFERENT: streams->counts.different++; return UMBOX_DROP;
	case WINDOW_NO_MEMORY:
	case WINDOW_TOO_FAR: streams->counts.too_far++; return UMBOX_DROP;
	}
	return show(streams, connection, side, segment) ? UMBOX_PASS : UMBOX_DROP;
}

/* Where a connection from before stands only the device is believed: a client could name a place
 * far ahead, and all before it would pass as what the device has already.  Until the device has
 * spoken one segment of the network is let through, for it to speak about.  False: it waits. */
static bool settle(struct umbox_streams *streams, struct connection *connection,
		   enum umbox_stream_side side, const struct segment *segment)
{
	const struct umbox_headers *headers = segment->headers;
	if (segment->now_us >= streams->midstream_until_us)
		connection->stream.midstream = false;
	if (connection->settled)
		return true;
	if (segment->frame->from == UMBOX_IN && headers->tcp_flags & UMBOX_TCP_ACK) {
		window_move(&connection->windows[side], &streams->budget, headers->tcp_sequence);
		window_move(&connection->windows[!side], &streams->budget,
			    headers->tcp_acknowledgment);
		connection->settled = true;
		return true;
	}
	if (!headers->payload_bytes)
		return true;
	if (!connection->tried) {
		window_start(&connection->windows[side], headers->tcp_sequence);
		connection->tried_sequence = headers->tcp_sequence;
	}
	connection->tried = true;
	return headers->tcp_sequence == connection->tried_sequence;
}

static enum umbox_verdict judge_segment(struct umbox_streams *streams,
					struct connection *connection,
					const struct segment *segment)
{
	const struct umbox_headers *headers = segment->headers;
	bool by_client = segment->frame->from == connection->stream.client_leg;
	enum umbox_stream_side side = by_client ? UMBOX_CLIENT : UMBOX_SERVER;
	if (connection->cut) {
		reset_sender(segment);
		return UMBOX_DROP;
	}
	if (connection->let_go)
		return UMBOX_PASS;
	if (!settle(streams, connection, side, segment))
		return UMBOX_DROP;
	if (headers->tcp_flags & UMBOX_TCP_URG)
		clear_urgent(segment);
	if (headers->tcp_flags & UMBOX_TCP_ACK)
		window_acknowledge(&connection->windows[!side], &streams->budget,
				   headers->tcp_acknowledgment, segment->now_us);
	if (!headers->payload_bytes)
		return UMBOX_PASS;
	return take_bytes(streams, connection, side, segment);
}

/* --- beginnings --- */

static bool follows(const struct umbox_streams *streams, const struct umbox_headers *opening,
		    enum umbox_leg from)
{
	const struct umbox_watcher *watcher = &streams->watcher;
	return !watcher->follows || watcher->follows(opening, from, watcher->user);
}

/* Whether a connection between the two would be followed, had the target opened it. */
static bool follows_reverse(const struct umbox_streams *streams,
			    const struct umbox_headers *headers, enum umbox_leg from)
{
	struct umbox_headers turned = *headers;
	turned.source = headers->target;
	turned.target = headers->source;
	turned.source_port = headers->target_port;
	turned.target_port = headers->source_port;
	return follows(streams, &turned, from == UMBOX_IN ? UMBOX_OUT : UMBOX_IN);
}

static bool may_be_midstream(const struct umbox_streams *streams, const struct segment *segment)
{
	return segment->now_us < streams->midstream_until_us &&
	       segment->headers->tcp_flags & UMBOX_TCP_ACK;
}

static enum umbox_verdict judge_syn(struct umbox_streams *streams, const struct segment *segment)
{
	const struct umbox_headers *headers = segment->headers;
	if (!segment->target_serves)
		return UMBOX_PASS;
	if (headers->payload_bytes) {
		streams->counts.evasive++;
		return UMBOX_DROP;
	}
	if (umbox_table_full(streams->openings) &&
	    !umbox_table_find(streams->openings, &segment->key))
		end_midstream(streams, segment->now_us);
	struct opening *opening = umbox_table_put(streams->openings, &segment->key);
	*opening = (struct opening){.client_sequence = headers->tcp_sequence,
				    .client_leg = segment->frame->from};
	return UMBOX_PASS;
}

static enum umbox_verdict judge_syn_ack(struct umbox_streams *streams,
					const struct segment *segment)
{
	const struct umbox_headers *headers = segment->headers;
	/* Only a server agrees, and without data; some systems take either from a client. */
	if (!segment->source_serves || headers->payload_bytes) {
		streams->counts.evasive++;
		return UMBOX_DROP;
	}
	struct opening *opening = umbox_table_find(streams->openings, &segment->key);
	if (!opening && !find_connection(streams, &segment->key) &&
	    may_be_midstream(streams, segment)) {
		opening = umbox_table_put(streams->openings, &segment->key);
		opening->client_sequence = headers->tcp_acknowledgment - 1;
		opening->client_leg = segment->frame->from == UMBOX_IN ? UMBOX_OUT : UMBOX_IN;
	}
	if (!opening || opening->client_leg == segment->frame->from ||
	    headers->tcp_acknowledgment != opening->client_sequence + 1) {
		streams->counts.unknown++;
		return UMBOX_DROP; /* the client will try again */
	}
	opening->server_sequence = headers->tcp_sequence;
	opening->answered = true;
	return UMBOX_PASS;
}

/* The client's first segment behind an answered SYN: both sides agreed on where they begin, so
 * neither was forged. */
static bool completes(const struct opening *opening, const struct segment *segment)
{
	const struct umbox_headers *headers = segment->headers;
	return opening && opening->answered && opening->client_leg == segment->frame->from &&
	       headers->tcp_flags & UMBOX_TCP_ACK &&
	       headers->tcp_acknowledgment == opening->server_sequence + 1 &&
	       headers->tcp_sequence == opening->client_sequence + 1;
}

/* A connection that was there before the umbox: where both could be the server, it is the one with
 * the lower port. */
static enum umbox_verdict judge_stranger(struct umbox_streams *streams,
					 const struct segment *segment)
{
	const struct umbox_headers *headers = segment->headers;
	bool by_client = segment->target_serves;
	if (!may_be_midstream(streams, segment)) {
		streams->counts.unknown++;
		reset_sender(segment);
		return UMBOX_DROP;
	}
	if (segment->target_serves && segment->source_serves)
		by_client = headers->target_port < headers->source_port;
	struct connection *connection = new_connection(streams, segment, by_client);
	connection->stream.midstream = true;
	streams->counts.midstream++;
	if (!open_stream(streams, connection, segment))
		return UMBOX_DROP;
	return judge_segment(streams, connection, segment);
}

static enum umbox_verdict judge_other(struct umbox_streams *streams, const struct segment *segment)
{
	const struct opening *opening = umbox_table_find(streams->openings, &segment->key);
	struct connection *connection = find_connection(streams, &segment->key);
	if (completes(opening, segment)) {
		umbox_table_remove(streams->openings, &segment->key);
		connection = new_connection(streams, segment, true);
		connection->settled = true;
		streams->counts.opened++;
		if (!open_stream(streams, connection, segment))
			return UMBOX_DROP;
	} else if (opening && opening->answered) {
		/* It begins anew where both agreed, or not at all: what came too early for that is
		 * sent again. */
		streams->counts.unknown++;
		return UMBOX_DROP;
	}
	if (connection)
		return judge_segment(streams, connection, segment);
	return judge_stranger(streams, segment);
}

static void fill_key(struct segment *segment)
{
	const struct umbox_headers *headers = segment->headers;
	bool from_in = segment->frame->from == UMBOX_IN;
	segment->key = (struct connection_key){
		.in = from_in ? headers->source : headers->target,
		.out = from_in ? headers->target : headers->source,
		.in_port = from_in ? headers->source_port : headers->target_port,
		.out_port = from_in ? headers->target_port : headers->source_port,
	};
}

enum umbox_verdict umbox_streams_judge(struct umbox_streams *streams, struct umbox *umbox,
				       struct umbox_frame *frame,
				       const struct umbox_headers *headers)
{
	struct segment segment = {
		.umbox = umbox, .frame = frame, .headers = headers, .now_us = frame->time_us};
	if (headers->protocol != IPPROTO_TCP)
		return headers->evasive ? UMBOX_DROP : UMBOX_PASS;
	if (headers->evasive || headers->fragment || !headers->transport || !headers->payload) {
		streams->counts.evasive++;
		return UMBOX_DROP;
	}
	segment.target_serves = follows(streams, headers, frame->from);
	segment.source_serves = follows_reverse(streams, headers, frame->from);
	if (!segment.target_serves && !segment.source_serves)
		return UMBOX_PASS;
	if (!streams->midstream_until_us)
		streams->midstream_until_us = frame->time_us + streams->watcher.midstream_us;
	fill_key(&segment);
	if (headers->tcp_flags & UMBOX_TCP_RST)
		return UMBOX_PASS; /* it brings no bytes to anybody */
	switch (headers->tcp_flags & (UMBOX_TCP_SYN | UMBOX_TCP_ACK)) {
	case UMBOX_TCP_SYN: return judge_syn(streams, &segment);
	case UMBOX_TCP_SYN | UMBOX_TCP_ACK: return judge_syn_ack(streams, &segment);
	default: return judge_other(streams, &segment);
	}
}
