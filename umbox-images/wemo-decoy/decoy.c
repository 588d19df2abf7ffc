/* SPDX-License-Identifier: Apache-2.0 */
/* decoy.c - see decoy.h. */
#include "decoy.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct decoy {
	struct decoy_settings settings;
	struct umbox_server *server;
	struct umbox_tally *touched;
	struct wemo wemo;
	struct decoy_counts counts;
};

struct visit {
	struct decoy *decoy;
	struct umbox_peer *peer;
	struct umbox_http http;
	struct umbox_stream stream;
	int64_t now_us;
};

/* --- answers --- */

static void say(struct visit *visit, unsigned status, const char *type, const char *text,
		size_t length)
{
	char head[512];
	const struct umbox_http_request *request = visit->http.request;
	const char *words = status == 200 ? "OK" : status == 404 ? "Not Found" : "Error";
	int bytes = snprintf(head, sizeof(head),
			     "HTTP/1.1 %u %s\r\nContent-Length: %zu\r\nContent-Type: %.200s\r\n"
			     "Server: Unspecified, UPnP/1.0, Unspecified\r\n"
			     "Connection: close\r\n\r\n",
			     status, words, length, type);
	umbox_server_say(visit->peer, head, (size_t)bytes);
	if (strcmp(request->method, "HEAD") != 0)
		umbox_server_say(visit->peer, text, length);
	umbox_server_finish(visit->peer);
}

bool decoy_page_is_whole(const char *page)
{
	const char *type = strchr(page, ' ');
	return page[0] == '/' && type && strchr(type + 1, ' ') && type[1] != ' ' &&
	       !strpbrk(page, "\r") && strcspn(type + 1, "\n") > strcspn(type + 1, " ");
}

static bool say_page(struct visit *visit, const char *path)
{
	const struct decoy_settings *settings = &visit->decoy->settings;
	size_t length = strlen(path);
	char type[128];
	for (size_t i = 0; i < settings->page_count; i++) {
		const char *page = settings->pages[i];
		if (strncmp(page, path, length) != 0 || page[length] != ' ')
			continue;
		const char *begin = page + length + 1, *content = strchr(begin, ' ') + 1;
		snprintf(type, sizeof(type), "%.*s", (int)(content - 1 - begin), begin);
		say(visit, 200, type, content, strlen(content));
		return true;
	}
	return false;
}

/* Of a whole answer the head ends with the first empty line. */
static void say_whole(struct visit *visit, const struct file *file)
{
	static const char end[] = "\r\n\r\n";
	const uint8_t *behind = memmem(file->content, file->length, end, sizeof(end) - 1);
	size_t length = file->length;
	if (behind && strcmp(visit->http.request->method, "HEAD") == 0)
		length = (size_t)(behind - file->content) + sizeof(end) - 1;
	umbox_server_say(visit->peer, file->content, length);
	umbox_server_finish(visit->peer);
}

static bool say_file(struct visit *visit, const char *path)
{
	const struct files *files = visit->decoy->settings.files;
	const struct file *file = files ? files_find(files, path) : NULL;
	if (!file)
		return false;
	if (file->type)
		say(visit, 200, file->type, (const char *)file->content, file->length);
	else
		say_whole(visit, file);
	return true;
}

static void tell(struct visit *visit, const struct umbox_http_request *request)
{
	const struct decoy_settings *settings = &visit->decoy->settings;
	const struct umbox_peer *peer = visit->peer;
	struct umbox_tally_result result;
	char detail[192];
	visit->decoy->counts.requests++;
	umbox_tally_add(visit->decoy->touched, &peer->client, visit->now_us, &result);
	if (!result.tell)
		return;
	snprintf(detail, sizeof(detail), "%s %.80s %.80s", request->method, request->target,
		 request->fields[UMBOX_HTTP_SOAP_ACTION]);
	settings->tell(settings->user, &(struct umbox_alert){
					       .type = "decoy-touched",
					       .severity = UMBOX_MEDIUM,
					       .source = peer->client,
					       .source_port = peer->client_port,
					       .target = peer->device,
					       .target_port = peer->device_port,
					       .count = result.count,
					       .detail = detail,
				       });
}

static void answer(struct visit *visit, const struct umbox_http_request *request)
{
	struct decoy *decoy = visit->decoy;
	char path[UMBOX_HTTP_TARGET_BYTES], body[UMBOX_HTTP_BODY_BYTES + 1];
	struct wemo_answer made;
	tell(visit, request);
	if (request->cut || !umbox_http_path(request->target, path, sizeof(path)))
		snprintf(path, sizeof(path), "/");
	if (say_page(visit, path) || say_file(visit, path))
		return;
	if (decoy->settings.no_wemo) {
		static const char none[] = "<html><body><h1>404 Not Found</h1></body></html>\n";
		say(visit, 404, "text/html", none, sizeof(none) - 1);
		return;
	}
	memcpy(body, request->body, request->body_bytes);
	body[request->body_bytes] = '\0';
	wemo_answer(&decoy->wemo,
		    &(struct wemo_request){
			    .method = request->method,
			    .path = path,
			    .action = request->fields[UMBOX_HTTP_SOAP_ACTION],
			    .body = body,
			    .now_s = decoy->settings.began_s + visit->now_us / 1000000,
		    },
		    &made);
	say(visit, made.status, made.type, made.text, made.length);
}

/* An action is in the body. */
static enum umbox_stream_word on_head(struct umbox_stream *stream,
				      struct umbox_http_request *request, void *user)
{
	(void)stream;
	if (strcmp(request->method, "POST") == 0)
		return UMBOX_STREAM_GO_ON;
	answer(user, request);
	return UMBOX_STREAM_LET_GO;
}

static enum umbox_stream_word on_body(struct umbox_stream *stream,
				      struct umbox_http_request *request, void *user)
{
	(void)stream;
	answer(user, request);
	return UMBOX_STREAM_LET_GO;
}

/* --- the service --- */

static void on_bytes(struct umbox_peer *peer, const uint8_t *bytes, size_t count, int64_t now_us,
		     void *user)
{
	struct visit *visit = peer->own;
	struct umbox_http_watcher watcher = {on_head, on_body, visit};
	enum umbox_stream_word word;
	visit->decoy = user;
	visit->peer = peer;
	visit->now_us = now_us;
	enum umbox_http_result result = umbox_http_take(&visit->http, &watcher, &visit->stream,
							bytes, count, &word);
	if (word == UMBOX_STREAM_GO_ON && result != UMBOX_HTTP_FINE)
		umbox_server_finish(peer);
}

static void on_close(struct umbox_peer *peer, void *user)
{
	(void)user;
	umbox_http_done(&((struct visit *)peer->own)->http);
}

static void on_send(const struct umbox_frame *frame, void *user)
{
	const struct decoy_settings *settings = &((struct decoy *)user)->settings;
	settings->send(settings->user, frame);
}

/* --- frames --- */

/* What finds the device's address, and brings it nothing. */
static bool is_neighbour_talk(const struct umbox_headers *headers)
{
	return headers->ether_type == 0x0806 ||
	       (headers->ether_type == 0x86dd && headers->protocol == IPPROTO_ICMPV6 &&
		!headers->fragment && headers->icmp_type >= ND_ROUTER_SOLICIT &&
		headers->icmp_type <= ND_NEIGHBOR_ADVERT);
}

static bool is_port(const struct decoy_settings *settings, uint16_t port)
{
	for (size_t i = 0; i < settings->port_count; i++)
		if (settings->ports[i] == port)
			return true;
	return false;
}

/* Other ports are closed. */
static void refuse(const struct decoy_settings *settings, const struct umbox_frame *frame,
		   const struct umbox_headers *headers)
{
	uint8_t bytes[UMBOX_RESET_BYTES];
	struct umbox_frame reset = {.from = UMBOX_OUT, .bytes = bytes, .room = sizeof(bytes)};
	if (headers->fragment ||
	    (headers->tcp_flags & (UMBOX_TCP_SYN | UMBOX_TCP_ACK)) != UMBOX_TCP_SYN)
		return;
	reset.length = umbox_reset_make(bytes, frame, headers, true, 0, headers->tcp_sequence + 1);
	if (reset.length)
		settings->send(settings->user, &reset);
}

enum umbox_verdict decoy_frame(struct decoy *decoy, struct umbox_frame *frame)
{
	const struct decoy_settings *settings = &decoy->settings;
	struct umbox_headers headers;
	bool whole = umbox_parse(&headers, frame->bytes, frame->length);
	const struct umbox_ip *other = frame->from == UMBOX_OUT ? &headers.source : &headers.target;
	if (whole && is_neighbour_talk(&headers))
		return UMBOX_PASS;
	if (settings->is_exempt && other->family && settings->is_exempt(settings->user, other))
		return UMBOX_PASS;
	decoy->counts.hidden++;
	if (frame->from == UMBOX_IN || !whole || headers.protocol != IPPROTO_TCP ||
	    !headers.transport)
		return UMBOX_DROP;
	if (is_port(settings, headers.target_port))
		umbox_server_take(decoy->server, frame, &headers);
	else
		refuse(settings, frame, &headers);
	return UMBOX_DROP;
}

int64_t decoy_time(struct decoy *decoy, int64_t now_us)
{
	return umbox_server_time(decoy->server, now_us);
}

const struct decoy_counts *decoy_counts(const struct decoy *decoy)
{
	return &decoy->counts;
}

struct decoy *decoy_new(const struct decoy_settings *settings)
{
	struct decoy *decoy = calloc(1, sizeof(*decoy));
	if (!decoy)
		abort();
	decoy->settings = *settings;
	decoy->wemo = settings->wemo;
	decoy->server = umbox_server_new(&(struct umbox_service){
		.on_bytes = on_bytes,
		.on_close = on_close,
		.send = on_send,
		.user = decoy,
		.own_bytes = sizeof(struct visit),
	});
	decoy->touched = umbox_tally_new(DECOY_SOURCES_MAX, sizeof(struct umbox_ip), 1,
					 settings->alert_pause_us, settings->alert_pause_us);
	return decoy;
}

void decoy_free(struct decoy *decoy)
{
	if (!decoy)
		return;
	umbox_server_free(decoy->server);
	umbox_tally_free(decoy->touched);
	free(decoy);
}
