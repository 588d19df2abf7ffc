/* SPDX-License-Identifier: Apache-2.0 */
/* hue.c - see hue.h.
 *
 * The bridge makes a user for `POST /api` once its button is pressed; the user's name is the token
 * in `/api/<token>/...`.  So a guesser shows itself by asking for users, or by many tokens. */
#include "hue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "umbox_table.h"

struct token_key {
	struct umbox_ip source;
	char token[HUE_TOKEN_BYTES];
};

struct hue_guard {
	struct hue_settings settings;
	hue_tell_fn *tell;
	void *user;
	struct umbox_streams *streams;
	struct umbox_sources *new_users, *tokens;
	struct umbox_tally *refusals;
	struct umbox_table *known; /* struct token_key -> int64_t: when it was used last */
	struct umbox_blocks *blocks;
	struct hue_counts counts;
};

struct session {
	struct hue_guard *guard;
	struct umbox_http http;
	int64_t now_us;
};

/* --- paths --- */

bool hue_path_matches(const char *prefix, const char *path)
{
	for (;;) {
		prefix += strspn(prefix, "/");
		path += strspn(path, "/");
		if (!*prefix)
			return true;
		size_t wanted = strcspn(prefix, "/"), got = strcspn(path, "/");
		bool any = wanted == 1 && *prefix == '*' && got;
		if (!any && (wanted != got || strncmp(prefix, path, got) != 0))
			return false;
		prefix += wanted;
		path += got;
	}
}

static bool is_allowed_path(const struct hue_settings *settings, const char *path)
{
	for (size_t i = 0; i < settings->allowed_count; i++)
		if (hue_path_matches(settings->allowed_paths[i], path))
			return true;
	return !settings->allowed_count;
}

static bool is_reading(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

static bool is_restricted(const struct hue_settings *settings)
{
	return settings->read_only || settings->allowed_count;
}

/* --- what is counted --- */

static void tell(struct hue_guard *guard, const struct umbox_stream *stream, const char *type,
		 enum umbox_severity severity, uint32_t count, const char *detail)
{
	guard->tell(&(struct umbox_alert){.type = type,
					  .severity = severity,
					  .source = stream->client,
					  .source_port = stream->client_port,
					  .target = stream->server,
					  .target_port = stream->server_port,
					  .count = count,
					  .detail = detail},
		    guard->user);
}

static void block(struct session *session, const struct umbox_ip *source, bool network)
{
	struct umbox_blocks *blocks = session->guard->blocks;
	int64_t until_us = session->now_us + session->guard->settings.block_us;
	if (network)
		umbox_blocks_add_network(blocks, source, session->now_us, until_us);
	else
		umbox_blocks_add(blocks, source, session->now_us, until_us);
}

static enum umbox_stream_word count_attempt(struct session *session, struct umbox_sources *sources,
					    const struct umbox_stream *stream, const char *what)
{
	struct hue_guard *guard = session->guard;
	struct umbox_stream nobody = {.server = stream->server, .server_port = stream->server_port};
	struct umbox_sources_result result;
	char detail[96];
	umbox_sources_add(sources, &stream->client, session->now_us, &result);
	if (result.tell) {
		snprintf(detail, sizeof(detail), "%" PRIu32 " %s%s in %" PRId64 " s", result.count,
			 what, result.network ? " of its /64" : "",
			 guard->settings.interval_us / 1000000);
		tell(guard, stream, "brute-force", UMBOX_HIGH, result.count, detail);
	}
	if (result.crowded) {
		snprintf(detail, sizeof(detail), "%s of too many sources to count", what);
		tell(guard, &nobody, "brute-force", UMBOX_HIGH, HUE_SOURCES_MAX, detail);
	}
	if (!result.over || !guard->settings.block_us)
		return UMBOX_STREAM_GO_ON;
	block(session, &stream->client, result.network);
	return UMBOX_STREAM_CUT;
}

/* A token counts when its source has not used it within the interval.  Tokens longer than any of
 * the bridge's count each time. */
static bool is_new_token(struct session *session, const struct umbox_ip *source, const char *token,
			 size_t length)
{
	struct hue_guard *guard = session->guard;
	struct token_key key = {.source = *source};
	if (length >= sizeof(key.token))
		return true;
	memcpy(key.token, token, length);
	int64_t *used_us = umbox_table_find(guard->known, &key);
	bool is_new = !used_us || session->now_us - *used_us > guard->settings.interval_us;
	if (!used_us)
		used_us = umbox_table_put(guard->known, &key);
	*used_us = session->now_us;
	return is_new;
}

static enum umbox_stream_word count_token(struct session *session,
					  const struct umbox_stream *stream)
{
	struct hue_guard *guard = session->guard;
	guard->counts.tokens++;
	return count_attempt(session, guard->tokens, stream, "different tokens");
}

static enum umbox_stream_word count_request(struct session *session,
					    const struct umbox_stream *stream, const char *method,
					    const char *path)
{
	struct hue_guard *guard = session->guard;
	if (strncasecmp(path, "/api", 4) != 0 || (path[4] && path[4] != '/'))
		return UMBOX_STREAM_GO_ON;
	if (!path[4]) {
		if (is_reading(method))
			return UMBOX_STREAM_GO_ON;
		guard->counts.new_users++;
		return count_attempt(session, guard->new_users, stream, "requests for a new user");
	}
	const char *token = path + 5;
	size_t length = strcspn(token, "/");
	if (strcmp(token, "config") == 0 || /* open to all */
	    !is_new_token(session, &stream->client, token, length))
		return UMBOX_STREAM_GO_ON;
	return count_token(session, stream);
}

/* --- what is let through --- */

static enum umbox_stream_word refuse(struct session *session, const struct umbox_stream *stream,
				     const char *what)
{
	struct hue_guard *guard = session->guard;
	struct umbox_tally_result result;
	guard->counts.restricted++;
	umbox_tally_add(guard->refusals, &stream->client, session->now_us, &result);
	if (result.tell)
		tell(guard, stream, "request-refused", UMBOX_MEDIUM, result.count, what);
	return UMBOX_STREAM_CUT;
}

static enum umbox_stream_word on_head(struct umbox_stream *stream,
				      struct umbox_http_request *request, void *user)
{
	struct session *session = user;
	const struct hue_settings *settings = &session->guard->settings;
	char path[UMBOX_HTTP_TARGET_BYTES], what[128];
	bool readable = !request->cut && umbox_http_path(request->target, path, sizeof(path));
	session->guard->counts.requests++;
	enum umbox_stream_word word;
	if (readable)
		word = count_request(session, stream, request->method, path);
	else /* no app sends such; the bridge may find a token in it all the same */
		word = count_token(session, stream);
	if (word != UMBOX_STREAM_GO_ON || !is_restricted(settings))
		return word;
	if (!readable)
		return refuse(session, stream, "a request that cannot be read");
	if ((settings->read_only && !is_reading(request->method)) ||
	    !is_allowed_path(settings, path)) {
		/* Never with the path: it holds the token. */
		snprintf(what, sizeof(what), "%s of what is not allowed", request->method);
		return refuse(session, stream, what);
	}
	return UMBOX_STREAM_GO_ON;
}

/* --- connections --- */

static bool has_port(const struct hue_ports *ports, uint16_t port)
{
	for (size_t i = 0; i < ports->count; i++)
		if (ports->port[i] == port)
			return true;
	return false;
}

static bool is_closed_port(const struct hue_settings *settings, uint16_t port)
{
	return is_restricted(settings) && has_port(&settings->tls, port);
}

static bool follows(const struct umbox_headers *opening, enum umbox_leg from, void *user)
{
	const struct hue_settings *settings = &((struct hue_guard *)user)->settings;
	uint16_t port = opening->target_port;
	if (from != UMBOX_OUT ||
	    (settings->is_exempt && settings->is_exempt(settings->exempt_user, &opening->source)))
		return false;
	return has_port(&settings->http, port) || is_closed_port(settings, port);
}

static enum umbox_stream_word on_open(struct umbox_stream *stream, void *user)
{
	struct session *session = stream->own;
	session->guard = user;
	return UMBOX_STREAM_GO_ON;
}

static enum umbox_stream_word on_bytes(struct umbox_stream *stream, enum umbox_stream_side side,
				       const uint8_t *bytes, size_t count, int64_t now_us,
				       void *user)
{
	struct session *session = stream->own;
	const struct hue_guard *guard = user;
	struct umbox_http_watcher watcher = {.on_head = on_head, .user = session};
	enum umbox_stream_word word;
	if (side == UMBOX_SERVER)
		return UMBOX_STREAM_GO_ON;
	session->now_us = now_us;
	if (!has_port(&guard->settings.http, stream->server_port))
		return refuse(session, stream, "a request under TLS");
	enum umbox_http_result result = umbox_http_take(&session->http, &watcher, stream, bytes,
							count, &word);
	if (word != UMBOX_STREAM_GO_ON || result == UMBOX_HTTP_FINE || stream->midstream)
		return word;
	/* What nobody can read for sure may hide a request. */
	return is_restricted(&guard->settings)
		       ? refuse(session, stream, "a request that cannot be read")
		       : UMBOX_STREAM_CUT;
}

static void on_close(struct umbox_stream *stream, void *user)
{
	struct session *session = stream->own;
	(void)user;
	umbox_http_done(&session->http);
}

static struct umbox_sources *attempts_of(const struct hue_settings *settings)
{
	return umbox_sources_new(HUE_SOURCES_MAX,
				 &(struct umbox_sources_limits){
					 .limit = settings->attempts,
					 .network_limit = settings->network_attempts,
					 .interval_us = settings->interval_us,
					 .alert_pause_us = settings->alert_pause_us,
				 });
}

struct hue_guard *hue_new(const struct hue_settings *settings, hue_tell_fn *tell_fn, void *user)
{
	struct hue_guard *guard = calloc(1, sizeof(*guard));
	if (!guard)
		abort();
	guard->settings = *settings;
	guard->tell = tell_fn;
	guard->user = user;
	guard->streams = umbox_streams_new(&(struct umbox_watcher){
		.follows = follows,
		.on_open = on_open,
		.on_bytes = on_bytes,
		.on_close = on_close,
		.user = guard,
		.own_bytes = sizeof(struct session),
		.shown = {[UMBOX_CLIENT] = true},
		.connections_max = HUE_CONNECTIONS_MAX,
		.memory_max = HUE_COPIES_BYTES,
		/* Nobody can say where in a request an older connection is. */
		.midstream_us = is_restricted(settings) ? -1 : 0,
	});
	guard->new_users = attempts_of(settings);
	guard->tokens = attempts_of(settings);
	guard->refusals = umbox_tally_new(HUE_SOURCES_MAX, sizeof(struct umbox_ip), 1,
					  settings->interval_us, settings->alert_pause_us);
	guard->known = umbox_table_new(HUE_SOURCES_MAX, sizeof(struct token_key), sizeof(int64_t));
	guard->blocks = umbox_blocks_new(UMBOX_BLOCKS_MAX);
	return guard;
}

void hue_free(struct hue_guard *guard)
{
	if (!guard)
		return;
	umbox_streams_free(guard->streams);
	umbox_sources_free(guard->new_users);
	umbox_sources_free(guard->tokens);
	umbox_tally_free(guard->refusals);
	umbox_table_free(guard->known);
	umbox_blocks_free(guard->blocks);
	free(guard);
}

enum umbox_verdict hue_frame(struct hue_guard *guard, struct umbox *umbox,
			     struct umbox_frame *frame)
{
	struct umbox_headers headers;
	umbox_parse(&headers, frame->bytes, frame->length);
	if (frame->from == UMBOX_OUT &&
	    umbox_blocks_has(guard->blocks, &headers.source, frame->time_us)) {
		guard->counts.blocked++;
		return UMBOX_DROP;
	}
	return umbox_streams_judge(guard->streams, umbox, frame, &headers);
}

const struct hue_counts *hue_counts(const struct hue_guard *guard)
{
	return &guard->counts;
}

const struct umbox_stream_counts *hue_streams(const struct hue_guard *guard)
{
	return umbox_streams_counts(guard->streams);
}
