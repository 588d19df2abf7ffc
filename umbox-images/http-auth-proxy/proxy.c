/* SPDX-License-Identifier: Apache-2.0 */
/* proxy.c - see proxy.h. */
#include "proxy.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "umbox_table.h"

struct session {
	int64_t first_until_us, until_us;
	bool used;
};

/* A connection that the device opened. */
struct opened_key {
	struct umbox_ip device, other;
	uint16_t device_port, other_port;
};

struct proxy {
	struct proxy_settings settings;
	struct umbox_server *server;
	struct umbox_table *sessions; /* struct umbox_ip -> struct session */
	struct umbox_table *opened;   /* struct opened_key -> nothing */
	struct umbox_sources *failures;
	struct umbox_blocks *lockouts, *blocks;
	int64_t next_check_us;
	struct proxy_counts counts;
};

const struct proxy_settings *proxy_settings_of(const struct proxy *proxy)
{
	return &proxy->settings;
}

/* --- logins --- */

/* Without a peer: of too many sources to count. */
static void tell_failures(const struct proxy *proxy, const struct umbox_peer *peer, uint32_t count,
			  const char *detail)
{
	const struct proxy_settings *settings = &proxy->settings;
	struct umbox_alert alert = {
		.type = "proxy-failed-auth",
		.severity = UMBOX_HIGH,
		.target_port = settings->login_port,
		.count = count,
		.detail = detail,
	};
	if (peer) {
		alert.source = peer->client;
		alert.source_port = peer->client_port;
		alert.target = peer->device;
	}
	settings->tell(settings->user, &alert);
}

static void shut_out(struct umbox_blocks *blocks, const struct umbox_ip *source, bool network,
		     int64_t now_us, int64_t for_us)
{
	if (network)
		umbox_blocks_add_network(blocks, source, now_us, now_us + for_us);
	else
		umbox_blocks_add(blocks, source, now_us, now_us + for_us);
}

static void count_failure(struct proxy *proxy, const struct umbox_peer *peer, const char *name,
			  int64_t now_us)
{
	const struct proxy_settings *settings = &proxy->settings;
	struct umbox_sources_result result;
	char detail[160];
	proxy->counts.failures++;
	umbox_sources_add(proxy->failures, &peer->client, now_us, &result);
	if (result.tell) {
		snprintf(detail, sizeof(detail),
			 "%" PRIu32 " failed logins %sin %" PRId64 " s, the last as '%s'",
			 result.count, result.network ? "of its /64 " : "",
			 settings->interval_us / 1000000, name);
		tell_failures(proxy, peer, result.count, detail);
	}
	if (result.crowded)
		tell_failures(proxy, NULL, PROXY_SOURCES_MAX,
			      "failed logins of too many sources to count");
	if (!result.over)
		return;
	shut_out(proxy->lockouts, &peer->client, result.network, now_us, settings->lockout_us);
	if (settings->block_us)
		shut_out(proxy->blocks, &peer->client, result.network, now_us, settings->block_us);
}

enum proxy_login proxy_check(struct proxy *proxy, const struct umbox_peer *peer, const char *name,
			     const char *password, int64_t now_us)
{
	const struct proxy_settings *settings = &proxy->settings;
	if (umbox_blocks_has(proxy->lockouts, &peer->client, now_us))
		return PROXY_LOGIN_LOCKED_OUT;
	if (settings->knows && settings->knows(settings->user, name, password))
		return PROXY_LOGIN_GOOD;
	if (now_us < proxy->next_check_us)
		return PROXY_LOGIN_BUSY;
	proxy->next_check_us = now_us + PROXY_CHECK_PAUSE_US;
	if (!settings->check(settings->user, name, password)) {
		count_failure(proxy, peer, name, now_us);
		return PROXY_LOGIN_BAD;
	}
	return PROXY_LOGIN_GOOD;
}

enum proxy_login proxy_log_in(struct proxy *proxy, const struct umbox_peer *peer, const char *name,
			      const char *password, int64_t now_us)
{
	const struct proxy_settings *settings = &proxy->settings;
	enum proxy_login login = proxy_check(proxy, peer, name, password, now_us);
	if (login != PROXY_LOGIN_GOOD)
		return login;
	proxy->counts.logins++;
	struct session *session = umbox_table_put(proxy->sessions, &peer->client);
	*session = (struct session){
		.first_until_us = now_us + settings->first_us,
		.until_us = now_us + settings->session_us,
	};
	return PROXY_LOGIN_GOOD;
}

static bool has_session(struct proxy *proxy, const struct umbox_ip *source, int64_t now_us)
{
	struct session *session = umbox_table_find(proxy->sessions, source);
	if (!session)
		return false;
	if (now_us >= session->until_us || (!session->used && now_us >= session->first_until_us)) {
		umbox_table_remove(proxy->sessions, source);
		return false;
	}
	session->used = true;
	return true;
}

/* --- the service --- */

static void on_bytes(struct umbox_peer *peer, const uint8_t *bytes, size_t count, int64_t now_us,
		     void *user)
{
	struct visit *visit = peer->own;
	visit->proxy = user;
	visit->peer = peer;
	visit->now_us = now_us;
	if (peer->device_port == visit->proxy->settings.relay_port)
		errand_bytes(visit, bytes, count);
	else
		visit_bytes(visit, bytes, count);
}

static void on_dialed(struct umbox_peer *peer, bool taken, int64_t now_us, void *user)
{
	struct visit *visit = peer->own;
	struct proxy *proxy = user;
	visit->now_us = now_us;
	proxy->counts.relayed += taken;
	errand_dialed(visit, taken);
}

static void on_close(struct umbox_peer *peer, void *user)
{
	(void)user;
	visit_close(peer->own);
}

static void on_send(const struct umbox_frame *frame, void *user)
{
	const struct proxy *proxy = user;
	proxy->settings.send(proxy->settings.user, frame);
}

static void on_send_in(const struct umbox_frame *frame, void *user)
{
	const struct proxy *proxy = user;
	proxy->settings.send_in(proxy->settings.user, frame);
}

/* --- frames --- */

static struct opened_key key_of(const struct umbox_headers *headers, bool from_device)
{
	struct opened_key key;
	memset(&key, 0, sizeof(key));
	key.device = from_device ? headers->source : headers->target;
	key.other = from_device ? headers->target : headers->source;
	key.device_port = from_device ? headers->source_port : headers->target_port;
	key.other_port = from_device ? headers->target_port : headers->source_port;
	return key;
}

static void note_opened(struct proxy *proxy, const struct umbox_headers *headers)
{
	struct opened_key key = key_of(headers, true);
	if (headers->protocol == IPPROTO_TCP && headers->transport &&
	    (headers->tcp_flags & (UMBOX_TCP_SYN | UMBOX_TCP_ACK)) == UMBOX_TCP_SYN)
		umbox_table_put(proxy->opened, &key);
}

static bool is_opened_by_device(struct proxy *proxy, const struct umbox_headers *headers)
{
	struct opened_key key = key_of(headers, false);
	return !headers->fragment && headers->tcp_flags & (UMBOX_TCP_ACK | UMBOX_TCP_RST) &&
	       umbox_table_find(proxy->opened, &key);
}

/* What can bring no TCP to the device. */
static bool is_no_tcp(const struct umbox_headers *headers)
{
	if (headers->ether_type != 0x0800 && headers->ether_type != 0x86dd)
		return true;
	switch (headers->protocol) {
	case IPPROTO_ICMP:
	case IPPROTO_IGMP:
	case IPPROTO_UDP:
	case IPPROTO_ICMPV6: return true;
	default: return false;
	}
}

bool proxy_lists_port(const int64_t *ports, size_t count, int64_t port)
{
	for (size_t i = 0; i < count; i++)
		if (ports[i] == port)
			return true;
	return false;
}

static enum umbox_verdict refuse(struct proxy *proxy, const struct umbox_frame *frame,
				 const struct umbox_headers *headers)
{
	uint8_t bytes[UMBOX_RESET_BYTES];
	struct umbox_frame reset = {.from = UMBOX_OUT, .bytes = bytes, .room = sizeof(bytes)};
	uint8_t flags = headers->tcp_flags;
	uint32_t end = headers->tcp_sequence + headers->payload_bytes + !!(flags & UMBOX_TCP_SYN) +
		       !!(flags & UMBOX_TCP_FIN);
	proxy->counts.turned_away++;
	if (flags & UMBOX_TCP_RST || headers->fragment)
		return UMBOX_DROP;
	reset.length = umbox_reset_make(bytes, frame, headers, true,
					flags & UMBOX_TCP_ACK ? headers->tcp_acknowledgment : 0,
					end);
	if (reset.length)
		proxy->settings.send(proxy->settings.user, &reset);
	return UMBOX_DROP;
}

static enum umbox_verdict judge(struct proxy *proxy, const struct umbox_frame *frame,
				const struct umbox_headers *headers, bool whole)
{
	const struct proxy_settings *settings = &proxy->settings;
	bool tcp = whole && headers->protocol == IPPROTO_TCP && headers->transport;
	if (tcp && headers->target_port &&
	    (headers->target_port == settings->login_port ||
	     headers->target_port == settings->relay_port)) {
		umbox_server_take(proxy->server, frame, headers);
		return UMBOX_DROP;
	}
	if (settings->is_exempt && settings->is_exempt(settings->user, &headers->source))
		return UMBOX_PASS;
	if (whole && !headers->evasive && is_no_tcp(headers))
		return UMBOX_PASS;
	if (has_session(proxy, &headers->source, frame->time_us))
		return UMBOX_PASS;
	if (!tcp)
		return refuse(proxy, frame, headers);
	if (is_opened_by_device(proxy, headers))
		return UMBOX_PASS;
	if (proxy_lists_port(settings->http_ports, settings->http_port_count,
			     headers->target_port)) {
		umbox_server_take(proxy->server, frame, headers);
		return UMBOX_DROP;
	}
	return refuse(proxy, frame, headers);
}

enum umbox_verdict proxy_frame(struct proxy *proxy, struct umbox_frame *frame)
{
	struct umbox_headers headers;
	bool whole = umbox_parse(&headers, frame->bytes, frame->length);
	if (frame->from == UMBOX_IN) {
		if (whole && headers.protocol == IPPROTO_TCP &&
		    umbox_server_take_reply(proxy->server, frame, &headers))
			return UMBOX_DROP;
		note_opened(proxy, &headers);
		return UMBOX_PASS;
	}
	if (umbox_blocks_has(proxy->blocks, &headers.source, frame->time_us)) {
		proxy->counts.blocked++;
		return UMBOX_DROP;
	}
	return judge(proxy, frame, &headers, whole);
}

int64_t proxy_time(struct proxy *proxy, int64_t now_us)
{
	return umbox_server_time(proxy->server, now_us);
}

const struct proxy_counts *proxy_counts(const struct proxy *proxy)
{
	return &proxy->counts;
}

struct proxy *proxy_new(const struct proxy_settings *settings)
{
	struct proxy *proxy = calloc(1, sizeof(*proxy));
	if (!proxy)
		abort();
	proxy->settings = *settings;
	proxy->server = umbox_server_new(&(struct umbox_service){
		.on_bytes = on_bytes,
		.on_close = on_close,
		.send = on_send,
		.send_in = on_send_in,
		.on_dialed = on_dialed,
		.relay_life_us = settings->session_us,
		.user = proxy,
		.own_bytes = sizeof(struct visit),
	});
	proxy->sessions = umbox_table_new(PROXY_SESSIONS_MAX, sizeof(struct umbox_ip),
					  sizeof(struct session));
	proxy->opened = umbox_table_new(PROXY_OPENED_MAX, sizeof(struct opened_key), 1);
	proxy->failures = umbox_sources_new(
		PROXY_SOURCES_MAX,
		&(struct umbox_sources_limits){.limit = settings->attempts,
					       .network_limit = settings->network_attempts,
					       .interval_us = settings->interval_us,
					       .alert_pause_us = settings->alert_pause_us});
	proxy->lockouts = umbox_blocks_new(PROXY_SOURCES_MAX);
	proxy->blocks = umbox_blocks_new(PROXY_BLOCKED_MAX);
	return proxy;
}

void proxy_free(struct proxy *proxy)
{
	if (!proxy)
		return;
	umbox_server_free(proxy->server);
	umbox_table_free(proxy->sessions);
	umbox_table_free(proxy->opened);
	umbox_sources_free(proxy->failures);
	umbox_blocks_free(proxy->lockouts);
	umbox_blocks_free(proxy->blocks);
	free(proxy);
}
