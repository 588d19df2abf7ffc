/* SPDX-License-Identifier: Apache-2.0 */
/* login.c - what an attempt to log in means; see login.h. */
#include "login.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "session.h"

/* Users that differ behind these bytes count as one. */
struct user_key {
	struct umbox_ip source;
	char user[31];
};

struct login_guard {
	struct login_settings settings;
	login_tell_fn *tell;
	void *user;
	struct umbox_streams *streams;
	struct umbox_tally *by_user, *defaults;
	struct umbox_sources *by_source;
	struct umbox_blocks *blocks;
	struct login_counts counts;
};

const struct login_settings *login_settings_of(const struct session *session)
{
	return &session->guard->settings;
}

/* --- attempts --- */

static bool text_in(const struct login_texts *texts, const char *text)
{
	for (size_t i = 0; i < texts->count; i++)
		if (strcasecmp(texts->text[i], text) == 0)
			return true;
	return false;
}

/* "user:password"; to many devices the case of a user's name is nothing. */
static bool is_pair(const char *pair, const struct login_attempt *attempt)
{
	size_t length = strlen(attempt->user);
	return strncasecmp(pair, attempt->user, length) == 0 && pair[length] == ':' &&
	       strcmp(pair + length + 1, attempt->password) == 0;
}

bool login_is_default(const struct session *session, const struct login_attempt *attempt)
{
	const struct login_settings *settings = &session->guard->settings;
	if (!attempt->password)
		return text_in(&settings->default_users, attempt->user);
	for (size_t i = 0; i < settings->defaults.count; i++)
		if (is_pair(settings->defaults.text[i], attempt))
			return true;
	return false;
}

__attribute__((format(printf, 4, 5))) static void tell(struct session *session, const char *type,
						       uint32_t count, const char *format, ...)
{
	const struct umbox_stream *stream = session->stream;
	struct login_guard *guard = session->guard;
	char detail[192];
	va_list list;
	va_start(list, format);
	vsnprintf(detail, sizeof(detail), format, list);
	va_end(list);
	guard->tell(&(struct umbox_alert){.type = type,
					  .severity = UMBOX_HIGH,
					  .source = stream->client,
					  .source_port = stream->client_port,
					  .target = stream->server,
					  .target_port = stream->server_port,
					  .count = count,
					  .detail = detail},
		    guard->user);
}

static void block(struct session *session, bool network)
{
	struct login_guard *guard = session->guard;
	const struct umbox_ip *source = &session->stream->client;
	int64_t now_us = session->now_us, until_us = now_us + guard->settings.block_us;
	if (!guard->settings.block_us)
		return;
	if (network)
		umbox_blocks_add_network(guard->blocks, source, now_us, until_us);
	else
		umbox_blocks_add(guard->blocks, source, now_us, until_us);
	session->word = UMBOX_STREAM_CUT;
}

/* A guesser with many addresses makes that those which came before are forgotten. */
static void tell_crowd(struct session *session)
{
	struct login_guard *guard = session->guard;
	guard->tell(&(struct umbox_alert){.type = "max-login-attempts",
					  .severity = UMBOX_HIGH,
					  .target = session->stream->server,
					  .target_port = session->stream->server_port,
					  .count = LOGIN_SOURCES_MAX,
					  .detail = "failed logins of too many sources to count"},
		    guard->user);
}

void login_tried(struct session *session, const struct login_attempt *attempt)
{
	struct login_guard *guard = session->guard;
	struct umbox_tally_result result;
	guard->counts.attempts++;
	if (!login_is_default(session, attempt))
		return;
	guard->counts.defaults++;
	umbox_tally_add(guard->defaults, &session->stream->client, session->now_us, &result);
	if (result.tell)
		tell(session, "default-login", result.count,
		     "user '%s' with the credentials of the factory", attempt->user);
	if (guard->settings.refuse_default)
		session->word = UMBOX_STREAM_CUT;
}

void login_failed(struct session *session, const char *user)
{
	struct login_guard *guard = session->guard;
	struct user_key key = {.source = session->stream->client};
	struct umbox_tally_result by_user;
	struct umbox_sources_result by_source;
	int64_t seconds = guard->settings.interval_us / 1000000;
	guard->counts.failures++;
	memcpy(key.user, user, strnlen(user, sizeof(key.user)));
	umbox_tally_add(guard->by_user, &key, session->now_us, &by_user);
	umbox_sources_add(guard->by_source, &session->stream->client, session->now_us, &by_source);
	if (by_user.tell)
		tell(session, "max-login-attempts", by_user.count,
		     "%" PRIu32 " failed logins as '%.31s' in %" PRId64 " s", by_user.count, user,
		     seconds);
	else if (by_source.tell)
		tell(session, "max-login-attempts", by_source.count,
		     "%" PRIu32 " failed logins %sin %" PRId64 " s", by_source.count,
		     by_source.network ? "of its /64 " : "", seconds);
	if (by_source.crowded)
		tell_crowd(session);
	if (by_user.over || by_source.over)
		block(session, by_source.network && !by_user.over);
}

/* --- connections --- */

static bool has_port(const struct login_ports *ports, uint16_t port)
{
	for (size_t i = 0; i < ports->count; i++)
		if (ports->port[i] == port)
			return true;
	return false;
}

static bool follows(const struct umbox_headers *opening, enum umbox_leg from, void *user)
{
	const struct login_settings *settings = &((struct login_guard *)user)->settings;
	uint16_t port = opening->target_port;
	if (from != UMBOX_OUT ||
	    (settings->is_exempt && settings->is_exempt(settings->exempt_user, &opening->source)))
		return false;
	return has_port(&settings->http, port) || has_port(&settings->ftp, port) ||
	       has_port(&settings->telnet, port);
}

static enum umbox_stream_word on_open(struct umbox_stream *stream, void *user)
{
	struct login_guard *guard = user;
	struct session *session = stream->own;
	session->guard = guard;
	session->stream = stream;
	session->kind = SESSION_TELNET;
	if (has_port(&guard->settings.http, stream->server_port))
		session->kind = SESSION_HTTP;
	else if (has_port(&guard->settings.ftp, stream->server_port))
		session->kind = SESSION_FTP;
	if (session->kind == SESSION_HTTP)
		session_http_open(session);
	return UMBOX_STREAM_GO_ON;
}

static enum umbox_stream_word on_bytes(struct umbox_stream *stream, enum umbox_stream_side side,
				       const uint8_t *bytes, size_t count, int64_t now_us,
				       void *user)
{
	struct session *session = stream->own;
	(void)user;
	session->now_us = now_us;
	session->word = UMBOX_STREAM_GO_ON;
	if (session->kind == SESSION_HTTP)
		session_http_bytes(session, side, bytes, count);
	else
		session_text_bytes(session, side, bytes, count);
	return session->word;
}

static void on_close(struct umbox_stream *stream, void *user)
{
	struct session *session = stream->own;
	(void)user;
	if (session->kind == SESSION_HTTP)
		session_http_close(session);
}

struct login_guard *login_new(const struct login_settings *settings, login_tell_fn *tell_fn,
			      void *user)
{
	struct login_guard *guard = calloc(1, sizeof(*guard));
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
		.shown = {[UMBOX_CLIENT] = true, [UMBOX_SERVER] = true},
		.connections_max = LOGIN_CONNECTIONS_MAX,
		.memory_max = LOGIN_COPIES_BYTES,
	});
	guard->by_user = umbox_tally_new(LOGIN_SOURCES_MAX, sizeof(struct user_key),
					 settings->attempts, settings->interval_us,
					 settings->alert_pause_us);
	guard->by_source = umbox_sources_new(
		LOGIN_SOURCES_MAX,
		&(struct umbox_sources_limits){.limit = settings->source_attempts,
					       .network_limit = settings->network_attempts,
					       .interval_us = settings->interval_us,
					       .alert_pause_us = settings->alert_pause_us});
	guard->defaults = umbox_tally_new(LOGIN_SOURCES_MAX, sizeof(struct umbox_ip), 1,
					  settings->interval_us, settings->alert_pause_us);
	guard->blocks = umbox_blocks_new(UMBOX_BLOCKS_MAX);
	return guard;
}

void login_free(struct login_guard *guard)
{
	if (!guard)
		return;
	umbox_streams_free(guard->streams);
	umbox_tally_free(guard->by_user);
	umbox_sources_free(guard->by_source);
	umbox_tally_free(guard->defaults);
	umbox_blocks_free(guard->blocks);
	free(guard);
}

enum umbox_verdict login_frame(struct login_guard *guard, struct umbox *umbox,
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

const struct login_counts *login_counts(const struct login_guard *guard)
{
	return &guard->counts;
}

const struct umbox_stream_counts *login_streams(const struct login_guard *guard)
{
	return umbox_streams_counts(guard->streams);
}
