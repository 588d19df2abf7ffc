/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/http_client.c - see http_client.h. */
#include "io/http_client.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { CONNECT_TIMEOUT_MS = 5000 };

struct http_client {
	struct transfers *transfers;
	char *socket;
	void (*closed)(void *data);
	void *closed_data;
};

static int result_of(struct http_client_request *request, CURLcode code, struct error *err)
{
	const char *socket = request->client->socket;
	if (code != CURLE_OK && !request->transfer.cancelled && request->data_result < 0)
		return error_errno(err, request->data_result, "%s: answer refused", socket);
	return transfer_result(&request->transfer, code, socket, err);
}

static void read_head(struct http_client_request *request)
{
	CURL *easy = request->transfer.easy;
	long status = 0;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	request->status = (unsigned)status;
	struct curl_header *header;
	if (request->header &&
	    curl_easy_header(easy, request->header, 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
		TEXT_COPY(request->header_value, header->value);
}

static void on_done(struct transfer *transfer, CURLcode code)
{
	struct http_client_request *request = container_of(transfer, struct http_client_request,
							   transfer);
	struct error err = {0};
	int result = result_of(request, code, &err);
	read_head(request);
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(request->headers);
	request->done(request, result, &err);
}

static size_t on_header(char *bytes, size_t size, size_t count, void *data)
{
	struct http_client_request *request = data;
	bool last = count == 2 && memcmp(bytes, "\r\n", 2) == 0;
	if (last && request->on_head && !request->transfer.cancelled) {
		read_head(request);
		request->on_head(request);
	}
	return size * count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
	struct http_client_request *request = data;
	if (request->transfer.cancelled)
		return 0;
	if (request->on_data)
		request->data_result = request->on_data(request, bytes, size * count);
	else if (request->answer.length + size * count > HTTP_ANSWER_BYTES_MAX)
		request->data_result = -EMSGSIZE;
	else
		buffer_add(&request->answer, bytes, size * count);
	return request->data_result < 0 ? 0 : size * count;
}

int http_client_open(struct http_client **ret, uv_loop_t *loop, const char *socket,
		     struct error *err)
{
	struct transfers *transfers;
	int r = transfers_open(&transfers, loop, err);
	if (r < 0)
		return r;
	struct http_client *client = mem_alloc(sizeof(*client));
	client->transfers = transfers;
	client->socket = mem_copy_text(socket);
	*ret = client;
	return 0;
}

static void on_closed(void *data)
{
	struct http_client *client = data;
	void (*closed)(void *) = client->closed;
	void *closed_data = client->closed_data;
	free(client->socket);
	free(client);
	closed(closed_data);
}

void http_client_close(struct http_client *client, void (*closed)(void *data), void *data)
{
	client->closed = closed;
	client->closed_data = data;
	transfers_close(client->transfers, on_closed, client);
}

static void set_body(struct http_client_request *request)
{
	CURL *easy = request->transfer.easy;
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

void http_client_start(struct http_client *client, struct http_client_request *request)
{
	request->client = client;
	request->status = 0;
	request->answer = (struct buffer){0};
	request->header_value[0] = '\0';
	request->data_result = 0;
	request->headers = NULL;
	CURL *easy = request->transfer.easy = curl_easy_init();
	assert(easy);

	cleanup_free char *url = mem_printf("http://localhost%s", request->path);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, client->socket);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
	set_body(request);
	request->transfer.done = on_done;
	transfer_start(client->transfers, &request->transfer);
}
