/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/http_client.c - see http_client.h.
 *
 * curl tells which sockets it waits for (on_socket) and until when (on_timeout); a uv_poll_t for
 * each socket and one uv_timer_t drive it.  curl is entered from those two places and from the
 * queue of cancelled requests only, so that no completion runs inside one of curl's callbacks. */
#include "io/http_client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

enum {
	CONNECTIONS_KEPT = 8,
	CONNECT_TIMEOUT_MS = 5000,
};

struct http_client {
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer;
	struct later_queue later;
	char *socket;
	struct http_client_request *requests;
	unsigned handles; /* libuv handles that are not closed yet */
	bool closing, cleaned;
	bool in_curl; /* inside one of its callbacks: it must not be entered */
	struct later finish;
	void (*closed)(void *data);
	void *closed_data;
};

/* One of curl's sockets; freed in its handle's close callback. */
struct watched {
	struct http_client *client;
	uv_poll_t poll;
};

static void handle_closed(struct http_client *client)
{
	if (--client->handles)
		return;
	void (*closed)(void *) = client->closed;
	void *data = client->closed_data;
	free(client->socket);
	free(client);
	curl_global_cleanup();
	closed(data);
}

static void on_timer_closed(uv_handle_t *handle)
{
	handle_closed(container_of((uv_timer_t *)handle, struct http_client, timer));
}

static void on_later_closed(struct later_queue *queue)
{
	handle_closed(container_of(queue, struct http_client, later));
}

/* Cleaning the multi handle closes the kept connections, which closes their poll handles. */
static void on_finish(struct later *later)
{
	struct http_client *client = container_of(later, struct http_client, finish);
	curl_multi_cleanup(client->multi);
	client->cleaned = true;
	uv_close((uv_handle_t *)&client->timer, on_timer_closed);
	later_queue_close(&client->later, on_later_closed);
}

static void finish_when_idle(struct http_client *client)
{
	if (client->closing && !client->requests && !client->cleaned)
		later_add(&client->later, &client->finish, on_finish);
}

static int result_of(struct http_client_request *request, CURLcode code, struct error *err)
{
	if (request->cancelled)
		return error_set(err, -ECANCELED, "%s: cancelled", request->client->socket);
	if (code == CURLE_OK)
		return 0;
	if (request->data_result < 0)
		return error_errno(err, request->data_result, "%s: answer refused",
				   request->client->socket);
	long os_error = 0;
	curl_easy_getinfo(request->easy, CURLINFO_OS_ERRNO, &os_error);
	if (code == CURLE_COULDNT_CONNECT && os_error)
		return error_errno(err, -(int)os_error, "%s", request->client->socket);
	return error_set(err, code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -EIO, "%s: %s",
			 request->client->socket,
			 request->words[0] ? request->words : curl_easy_strerror(code));
}

static void read_head(struct http_client_request *request)
{
	long status = 0;
	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	request->status = (unsigned)status;
	struct curl_header *header;
	if (request->header && curl_easy_header(request->easy, request->header, 0, CURLH_HEADER, -1,
						&header) == CURLHE_OK)
		TEXT_COPY(request->header_value, header->value);
}

static void complete(struct http_client_request *request, CURLcode code)
{
	struct http_client *client = request->client;
	struct error err = {0};
	int result = result_of(request, code, &err);
	read_head(request);

	curl_multi_remove_handle(client->multi, request->easy);
	curl_easy_cleanup(request->easy);
	curl_slist_free_all(request->headers);
	if (request->previous)
		request->previous->next = request->next;
	else
		client->requests = request->next;
	if (request->next)
		request->next->previous = request->previous;

	request->done(request, result, &err);
	finish_when_idle(client);
}

static void complete_finished(struct http_client *client)
{
	int left;
	CURLMsg *message;
	while (!client->cleaned && (message = curl_multi_info_read(client->multi, &left))) {
		char *private;
		CURLcode code = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
		struct http_client_request *request = (void *)private;
		if (!request->cancelled) /* else on_cancel is on its way */
			complete(request, code);
	}
}

static void act(struct http_client *client, curl_socket_t socket, int events)
{
	int running;
	curl_multi_socket_action(client->multi, socket, events, &running);
	complete_finished(client);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct watched *watched = container_of(poll, struct watched, poll);
	uv_os_fd_t fd;
	if (uv_fileno((uv_handle_t *)poll, &fd) < 0)
		return;
	int action = status < 0 ? CURL_CSELECT_ERR : 0;
	if (events & UV_READABLE)
		action |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		action |= CURL_CSELECT_OUT;
	act(watched->client, fd, action);
}

static void on_timer(uv_timer_t *timer)
{
	act(container_of(timer, struct http_client, timer), CURL_SOCKET_TIMEOUT, 0);
}

static int on_timeout(CURLM *multi maybe_unused, long timeout_ms, void *data)
{
	struct http_client *client = data;
	if (timeout_ms < 0)
		return uv_timer_stop(&client->timer);
	return uv_timer_start(&client->timer, on_timer, (uint64_t)timeout_ms, 0);
}

static void on_watched_closed(uv_handle_t *handle)
{
	struct watched *watched = container_of((uv_poll_t *)handle, struct watched, poll);
	struct http_client *client = watched->client;
	free(watched);
	handle_closed(client);
}

static void unwatch(struct http_client *client, curl_socket_t socket, struct watched *watched)
{
	curl_multi_assign(client->multi, socket, NULL);
	uv_close((uv_handle_t *)&watched->poll, on_watched_closed);
}

static int on_socket(CURL *easy maybe_unused, curl_socket_t socket, int what, void *data,
		     void *socket_data)
{
	struct http_client *client = data;
	struct watched *watched = socket_data;
	if (what == CURL_POLL_REMOVE) {
		if (watched)
			unwatch(client, socket, watched);
		return 0;
	}
	if (!watched) {
		watched = mem_alloc(sizeof(*watched));
		watched->client = client;
		if (uv_poll_init(client->loop, &watched->poll, socket) < 0) {
			free(watched);
			return -1;
		}
		client->handles++;
		curl_multi_assign(client->multi, socket, watched);
	}
	int events = (what & CURL_POLL_IN ? UV_READABLE : 0) |
		     (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	return uv_poll_start(&watched->poll, events, on_poll);
}

static curl_socket_t on_open_socket(void *data maybe_unused, curlsocktype purpose maybe_unused,
				    struct curl_sockaddr *address)
{
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* curl has told on_socket to forget it by now, so that no poll handle looks at a
 * closed descriptor. */
static int on_close_socket(void *data maybe_unused, curl_socket_t socket)
{
	return close(socket);
}

static size_t on_header(char *bytes, size_t size, size_t count, void *data)
{
	struct http_client_request *request = data;
	bool last = count == 2 && memcmp(bytes, "\r\n", 2) == 0;
	if (last && request->on_head && !request->cancelled) {
		read_head(request);
		request->client->in_curl = true;
		request->on_head(request);
		request->client->in_curl = false;
	}
	return size * count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
	struct http_client_request *request = data;
	if (request->cancelled)
		return 0;
	request->client->in_curl = true;
	if (request->on_data)
		request->data_result = request->on_data(request, bytes, size * count);
	else if (request->answer.length + size * count > HTTP_ANSWER_BYTES_MAX)
		request->data_result = -EMSGSIZE;
	else
		buffer_add(&request->answer, bytes, size * count);
	request->client->in_curl = false;
	return request->data_result < 0 ? 0 : size * count;
}

int http_client_open(struct http_client **ret, uv_loop_t *loop, const char *socket,
		     struct error *err)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(err, -EIO, "curl cannot be set up");
	struct http_client *client = mem_alloc(sizeof(*client));
	client->loop = loop;
	client->socket = mem_copy_text(socket);
	client->multi = curl_multi_init();
	assert(client->multi);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
	uv_timer_init(loop, &client->timer);
	later_queue_open(&client->later, loop);
	client->handles = 2;
	*ret = client;
	return 0;
}

void http_client_close(struct http_client *client, void (*closed)(void *data), void *data)
{
	client->closing = true;
	client->closed = closed;
	client->closed_data = data;
	for (struct http_client_request *r = client->requests; r; r = r->next)
		http_client_cancel(r);
	finish_when_idle(client);
}

static void set_body(struct http_client_request *request)
{
	CURL *easy = request->easy;
	if (text_equal(request->method, "GET"))
		return;
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body ? request->body : "");
	request->headers = curl_slist_append(NULL, "Expect:");
	/* A type without a body is refused by some engines. */
	request->headers = curl_slist_append(request->headers,
					     request->body ? "Content-Type: application/json"
							   : "Content-Type:");
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
}

/* Only asks for a timeout of 0; the work begins in the loop. */
static void begin(struct http_client_request *request)
{
	CURLMcode code = curl_multi_add_handle(request->client->multi, request->easy);
	assert(code == CURLM_OK);
}

static void on_start(struct later *later)
{
	struct http_client_request *request = container_of(later, struct http_client_request,
							   later);
	if (request->cancelled)
		complete(request, CURLE_OK);
	else
		begin(request);
}

void http_client_start(struct http_client *client, struct http_client_request *request)
{
	assert(!client->closing);
	request->client = client;
	request->status = 0;
	request->answer = (struct buffer){0};
	request->header_value[0] = '\0';
	request->words[0] = '\0';
	request->cancelled = false;
	request->data_result = 0;
	request->headers = NULL;
	CURL *easy = request->easy = curl_easy_init();
	assert(easy);

	cleanup_free char *url = mem_printf("http://localhost%s", request->path);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, client->socket);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->words);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
	set_body(request);

	request->previous = NULL;
	request->next = client->requests;
	if (client->requests)
		client->requests->previous = request;
	client->requests = request;
	request->later = (struct later){0};
	if (client->in_curl)
		later_add(&client->later, &request->later, on_start);
	else
		begin(request);
}

static void on_cancel(struct later *later)
{
	complete(container_of(later, struct http_client_request, later), CURLE_OK);
}

void http_client_cancel(struct http_client_request *request)
{
	if (request->cancelled)
		return;
	request->cancelled = true;
	later_add(&request->client->later, &request->later, on_cancel);
}
