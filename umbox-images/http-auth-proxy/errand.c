/* SPDX-License-Identifier: Apache-2.0 */
/* errand.c - one connection to the HTTP proxy (RFC 9110, 9112): a request with a login goes on to
 * the device without it, and the device's answer comes back.  One request a connection, so that
 * nothing which was not judged follows the first; a tunnel (CONNECT) carries whatever both sides
 * say. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy.h"

static const char ask[] = "Proxy-Authenticate: Basic realm=\"device\", charset=\"UTF-8\"\r\n";

/* --- what is asked for --- */

struct place {
	char authority[UMBOX_HTTP_TARGET_BYTES]; /* for the field Host */
	char host[UMBOX_HTTP_TARGET_BYTES];      /* without brackets and port */
	long port;                               /* 0: none that there can be */
	const char *path;                        /* "/..." or "?..." or "" */
};

static long port_of(const char *text)
{
	char *end;
	long port = *text >= '0' && *text <= '9' ? strtol(text, &end, 10) : 0;
	return port > 0 && port < 65536 && !*end ? port : 0;
}

/* "host", "host:80", "[2001:db8::1]:80" */
static void split_authority(struct place *place, long standard_port)
{
	const char *host = place->authority, *end = strrchr(host, ':');
	const char *bracket = strchr(host, ']');
	if (end && (!bracket || end > bracket))
		place->port = port_of(end + 1);
	else
		place->port = standard_port;
	if (!end || (bracket && end < bracket))
		end = host + strlen(host);
	if (*host == '[' && bracket && bracket + 1 == end) {
		host++;
		end = bracket;
	}
	snprintf(place->host, sizeof(place->host), "%.*s", (int)(end - host), host);
}

/* False when the target is no whole URL (of CONNECT: no host with a port). */
static bool find_place(struct place *place, const struct umbox_http_request *request)
{
	static const char scheme[] = "http://";
	bool tunnel = strcmp(request->method, "CONNECT") == 0;
	const char *target = request->target;
	if (request->cut)
		return false;
	if (!tunnel) {
		if (strncasecmp(target, scheme, strlen(scheme)) != 0)
			return false;
		target += strlen(scheme);
	}
	size_t length = tunnel ? strlen(target) : strcspn(target, "/?#");
	snprintf(place->authority, sizeof(place->authority), "%.*s", (int)length, target);
	place->path = target + length;
	split_authority(place, tunnel ? 0 : 80);
	return !strchr(place->authority, '@') && place->host[0] && place->path[0] != '#';
}

static bool is_device(const struct visit *visit, const char *host)
{
	const struct proxy_settings *settings = proxy_settings_of(visit->proxy);
	struct umbox_prefix address;
	if (umbox_prefix_parse(&address, host) && umbox_ip_equal(&address.ip, &visit->peer->device))
		return true;
	for (size_t i = 0; i < settings->relay_host_count; i++)
		if (strcasecmp(settings->relay_hosts[i], host) == 0)
			return true;
	return false;
}

static bool is_open_port(const struct visit *visit, long port)
{
	const struct proxy_settings *settings = proxy_settings_of(visit->proxy);
	return proxy_lists_port(settings->relay_ports, settings->relay_port_count, port);
}

/* --- the request, as the device gets it --- */

/* The fields that came, a first line and two fields that are no longer than the target. */
struct head {
	char text[PROXY_HEAD_BYTES + 2 * UMBOX_HTTP_TARGET_BYTES + 128];
	size_t length;
};

static void add(struct head *head, const char *bytes, size_t count)
{
	if (count > sizeof(head->text) - head->length)
		abort();
	memcpy(head->text + head->length, bytes, count);
	head->length += count;
}

/* Of the connection to the proxy, or told anew. */
static bool stays_here(const char *line)
{
	static const char *const names[] = {
		"proxy-", "connection:", "keep-alive:", "te:", "upgrade:", "host:"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncasecmp(line, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* Adds the field lines of [line, end); false when they are not plain: one is folded, or ends in
 * another way than with CR and LF. */
static bool add_fields(struct head *head, const char *line, const char *end)
{
	while (line < end) {
		const char *next = memchr(line, '\n', (size_t)(end - line));
		if (!next || next == line || *line == ' ' || *line == '\t' ||
		    memchr(line, '\r', (size_t)(next - line)) != next - 1)
			return false;
		next++;
		if (!stays_here(line))
			add(head, line, (size_t)(next - line));
		line = next;
	}
	return true;
}

/* As the device gets it; what came ends at `end`, in front of the empty line. */
static bool make_head(struct head *head, const struct visit *visit,
		      const struct umbox_http_request *request, const struct place *place,
		      const char *end)
{
	const char *fields = memchr(visit->errand.head, '\n', (size_t)(end - visit->errand.head));
	head->length = (size_t)snprintf(head->text, sizeof(head->text),
					"%s %s%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n",
					request->method, *place->path == '/' ? "" : "/",
					place->path, place->authority);
	if (!fields || !add_fields(head, fields + 1, end))
		return false;
	add(head, "\r\n", 2);
	return true;
}

/* --- the connection --- */

static void pass_body(struct visit *visit, const void *bytes, size_t count)
{
	if (!visit->errand.tunnel && count > visit->errand.body_left)
		count = (size_t)visit->errand.body_left;
	visit->errand.body_left -= visit->errand.tunnel ? 0 : count;
	umbox_server_pass_on(visit->peer, bytes, count);
}

static void dial(struct visit *visit, const struct place *place, bool tunnel)
{
	const http_parser *parser = &visit->http.parser;
	umbox_server_dial(visit->peer, (uint16_t)place->port, visit->now_us);
	visit->errand.dialed = true;
	visit->errand.tunnel = tunnel;
	visit->errand.body_left = parser->content_length == ULLONG_MAX ? 0 : parser->content_length;
}

/* Somebody who may asks; the head ends at `end`, in front of the empty line. */
static void go(struct visit *visit, const struct umbox_http_request *request, const char *end)
{
	struct place place;
	struct head head;
	bool tunnel = strcmp(request->method, "CONNECT") == 0;
	if (!find_place(&place, request) ||
	    (!tunnel && !make_head(&head, visit, request, &place, end))) {
		visit_answer(visit, "400 Bad Request", "",
			     "This is a proxy: ask for http://ADDRESS/PATH, or by CONNECT.\n");
	} else if (!is_device(visit, place.host) || !is_open_port(visit, place.port)) {
		visit_answer(visit, "403 Forbidden", "",
			     "This proxy leads to some ports of one device, and nowhere else.\n");
	} else if (!tunnel && visit->http.parser.flags & F_CHUNKED) {
		visit_answer(visit, "411 Length Required", "", "Tell the length of the body.\n");
	} else {
		visit->errand.body_at = (size_t)(end - visit->errand.head) + 2;
		dial(visit, &place, tunnel);
		if (!tunnel)
			umbox_server_pass_on(visit->peer, head.text, head.length);
	}
}

static enum umbox_stream_word on_head(struct umbox_stream *stream,
				      struct umbox_http_request *request, void *user)
{
	static const char unauthorized[] = "407 Proxy Authentication Required";
	struct visit *visit = user;
	const char *authorization = request->fields[UMBOX_HTTP_PROXY_AUTHORIZATION];
	char name[PROXY_NAME_BYTES], password[UMBOX_HTTP_FIELD_BYTES];
	const char *end = memmem(visit->errand.head, visit->errand.head_bytes, "\r\n\r\n", 4);
	(void)stream;
	if (!end || strncmp(visit->errand.head, request->method, strlen(request->method)) != 0) {
		visit_answer(visit, "400 Bad Request", "", "Lines end with CR and LF.\n");
		return UMBOX_STREAM_LET_GO;
	}
	if (!umbox_http_basic(authorization, name, sizeof(name), password, sizeof(password))) {
		visit_answer(visit, unauthorized, ask, "Log in.\n");
		return UMBOX_STREAM_LET_GO;
	}
	enum proxy_login login = proxy_check(visit->proxy, visit->peer, name, password,
					     visit->now_us);
	if (login == PROXY_LOGIN_GOOD)
		go(visit, request, end + 2);
	else
		visit_turn_away(visit, login, unauthorized, ask);
	return UMBOX_STREAM_LET_GO;
}

void errand_bytes(struct visit *visit, const uint8_t *bytes, size_t count)
{
	struct umbox_http_watcher watcher = {.on_head = on_head, .user = visit};
	struct errand *errand = &visit->errand;
	enum umbox_stream_word word;
	if (errand->dialed) {
		pass_body(visit, bytes, count);
		return;
	}
	size_t room = sizeof(errand->head) - errand->head_bytes;
	size_t taken = count < room ? count : room;
	memcpy(errand->head + errand->head_bytes, bytes, taken);
	errand->head_bytes += taken;
	enum umbox_http_result result = umbox_http_take(&visit->http, &watcher, &visit->stream,
							bytes, taken, &word);
	if (errand->dialed) {
		pass_body(visit, errand->head + errand->body_at,
			  errand->head_bytes - errand->body_at);
		pass_body(visit, bytes + taken, count - taken);
	} else if (word == UMBOX_STREAM_GO_ON && result != UMBOX_HTTP_FINE) {
		visit_answer(visit, "400 Bad Request", "", "This is no HTTP.\n");
	} else if (word == UMBOX_STREAM_GO_ON && errand->head_bytes == sizeof(errand->head)) {
		visit_answer(visit, "431 Request Header Fields Too Large", "",
			     "Its head is too long.\n");
	}
}

void errand_dialed(struct visit *visit, bool taken)
{
	static const char go_on[] = "HTTP/1.1 200 Connection established\r\n\r\n";
	if (!taken)
		visit_answer(visit, "502 Bad Gateway", "", "The device does not answer there.\n");
	else if (visit->errand.tunnel)
		umbox_server_say(visit->peer, go_on, strlen(go_on));
}
