/* SPDX-License-Identifier: Apache-2.0 */
/* visit.c - one connection to the login page: a request, an answer, the end. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proxy.h"

static const char ask[] = "WWW-Authenticate: Basic realm=\"device\", charset=\"UTF-8\"\r\n";

void visit_answer(struct visit *visit, const char *status, const char *field, const char *text)
{
	char head[512];
	const struct umbox_http_request *request = visit->http.request;
	int length = snprintf(head, sizeof(head),
			      "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
			      "Content-Length: %zu\r\nCache-Control: no-store\r\n%s"
			      "Connection: close\r\n\r\n",
			      status, strlen(text), field);
	umbox_server_say(visit->peer, head, (size_t)length);
	if (!request || !request->method || strcmp(request->method, "HEAD") != 0)
		umbox_server_say(visit->peer, text, strlen(text));
	umbox_server_finish(visit->peer);
}

static void show_the_way(struct visit *visit)
{
	char field[64], text[128];
	const struct proxy_settings *settings = proxy_settings_of(visit->proxy);
	bool sessions = settings->login_port;
	unsigned port = sessions ? settings->login_port : settings->relay_port;
	snprintf(field, sizeof(field), "WWW-Authenticate: %s port=\"%u\"\r\n",
		 sessions ? "Login" : "Proxy", port);
	snprintf(text, sizeof(text),
		 sessions ? "Log in at port %u of this address first.\n"
			  : "Use the HTTP proxy at port %u of this address.\n",
		 port);
	visit_answer(visit, "401 Unauthorized", field, text);
}

void visit_turn_away(struct visit *visit, enum proxy_login login, const char *unauthorized,
		     const char *field)
{
	switch (login) {
	case PROXY_LOGIN_GOOD: break;
	case PROXY_LOGIN_BAD:
		visit_answer(visit, unauthorized, field, "Wrong name or password.\n");
		break;
	case PROXY_LOGIN_LOCKED_OUT:
		visit_answer(visit, "429 Too Many Requests", "", "Too many failed logins.\n");
		break;
	case PROXY_LOGIN_BUSY:
		visit_answer(visit, "503 Service Unavailable", "Retry-After: 1\r\n",
			     "Try again.\n");
		break;
	}
}

static void log_in(struct visit *visit, const char *name, const char *password)
{
	char text[128];
	enum proxy_login login = proxy_log_in(visit->proxy, visit->peer, name, password,
					      visit->now_us);
	if (login != PROXY_LOGIN_GOOD) {
		visit_turn_away(visit, login, "401 Unauthorized", ask);
		return;
	}
	snprintf(text, sizeof(text),
		 "Logged in. The device is open to this address for %" PRId64 " s.\n",
		 proxy_settings_of(visit->proxy)->session_us / 1000000);
	visit_answer(visit, "200 OK", "", text);
}

static enum umbox_stream_word on_head(struct umbox_stream *stream,
				      struct umbox_http_request *request, void *user)
{
	struct visit *visit = user;
	char name[PROXY_NAME_BYTES], password[UMBOX_HTTP_FIELD_BYTES];
	(void)stream;
	if (visit->peer->device_port != proxy_settings_of(visit->proxy)->login_port)
		show_the_way(visit);
	else if (!request->cut && umbox_http_basic(request->fields[UMBOX_HTTP_AUTHORIZATION], name,
						   sizeof(name), password, sizeof(password)))
		log_in(visit, name, password);
	else
		visit_answer(visit, "401 Unauthorized", ask, "Log in.\n");
	return UMBOX_STREAM_LET_GO;
}

void visit_bytes(struct visit *visit, const uint8_t *bytes, size_t count)
{
	struct umbox_http_watcher watcher = {.on_head = on_head, .user = visit};
	enum umbox_stream_word word;
	enum umbox_http_result result = umbox_http_take(&visit->http, &watcher, &visit->stream,
							bytes, count, &word);
	if (word == UMBOX_STREAM_GO_ON && result != UMBOX_HTTP_FINE)
		visit_answer(visit, "400 Bad Request", "", "This is no HTTP.\n");
}

void visit_close(struct visit *visit)
{
	umbox_http_done(&visit->http);
}
