/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/client.c - see client.h. */
#include "cli/client.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/mem.h"

enum {
	LINE_BYTES_MAX = 1024 * 1024, /* of an event stream */
	SILENCE_S = 60,               /* the daemon sends at least a comment every 15 s */
};

/* --- URLs --- */

static void add_escaped(struct buffer *url, const char *text)
{
	static const char plain[] = "-._~:";
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
			      (*at >= '0' && *at <= '9');
		if (letter || strchr(plain, *at))
			buffer_add(url, at, 1);
		else
			buffer_print(url, "%%%02X", *at);
	}
}

void url_segment(struct buffer *url, const char *segment)
{
	buffer_print(url, "/");
	add_escaped(url, segment);
}

void url_query(struct buffer *url, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	buffer_print(url, "%c%s=", strchr(url->bytes, '?') ? '&' : '?', name);
	add_escaped(url, value);
}

/* --- one request --- */

struct request {
	const char *method, *path;
	const char *socket; /* NULL: kalkid's */
	char *body;         /* JSON, or NULL */
	struct curl_slist *headers;
	struct buffer answer;
	bool stream;
};

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
	struct request *request = data;
	if (request->answer.length + size * count > ANSWER_BYTES_MAX)
		return 0;
	buffer_add(&request->answer, bytes, size * count);
	return size * count;
}

static void tell_unreachable(const struct cli *cli)
{
	if (access(cli->socket, F_OK) < 0)
		cli_complain(cli, "kalkid cannot be reached: there is no socket %s", cli->socket);
	else
		cli_complain(cli, "kalkid cannot be reached: nobody answers at %s", cli->socket);
	cli_hint(cli, "is it running?   systemctl status kalkid");
	cli_hint(cli, "why not?         journalctl -u kalkid -n 50; kalkid --check");
	cli_hint(cli, "another place?   kalkictl --socket PATH, or --root DIR");
}

/* curl says no more than that it could not connect. */
static int tell_transport(const struct cli *cli, CURLcode code, long os_errno)
{
	char time[DURATION_TEXT_BYTES];
	if (code == CURLE_OPERATION_TIMEDOUT) {
		duration_print(time, cli->timeout_us);
		cli_complain(cli, "no answer from kalkid at %s within %s", cli->socket, time);
		cli_hint(cli, "wait longer with --timeout 1m; what was asked may still be done");
		cli_hint(cli, "does it hang?    journalctl -u kalkid -n 50");
		return EXIT_TIMED_OUT;
	}
	bool closed_to_us = os_errno == EACCES ||
			    (access(cli->socket, W_OK) < 0 && errno == EACCES);
	if (code == CURLE_COULDNT_CONNECT && closed_to_us) {
		cli_complain(cli, "kalkid's socket %s is not open to you", cli->socket);
		cli_hint(cli,
			 "run it as root, or join the group that owns the socket "
			 "(ls -l %s)",
			 cli->socket);
		return EXIT_NOT_ALLOWED;
	}
	if (code == CURLE_COULDNT_CONNECT) {
		tell_unreachable(cli);
		return EXIT_UNREACHABLE;
	}
	cli_complain(cli, "kalkid at %s: %s", cli->socket, curl_easy_strerror(code));
	return code == CURLE_WRITE_ERROR ? EXIT_FAILED : EXIT_UNREACHABLE;
}

static int exit_code_of(long status)
{
	switch (status) {
	case 401:
	case 403: return EXIT_NOT_ALLOWED;
	case 404: return EXIT_NOT_FOUND;
	case 409:
	case 412: return EXIT_CONFLICT;
	case 400:
	case 413:
	case 415:
	case 422: return EXIT_INVALID;
	case 408:
	case 504: return EXIT_TIMED_OUT;
	default: return EXIT_FAILED;
	}
}

/* The daemon's own words (RFC 9457), with every complaint about a body. */
static int tell_problem(const struct cli *cli, const struct request *request, long status)
{
	json_t *problem = json_loadb(request->answer.bytes ? request->answer.bytes : "",
				     request->answer.length, 0, NULL);
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	const char *hint = json_string_value(json_object_get(problem, "hint"));
	if (detail)
		cli_complain(cli, "%s", detail);
	else
		cli_complain(cli, "%s %s: kalkid answered with status %ld", request->method,
			     request->path, status);
	json_t *error;
	size_t i;
	json_array_foreach(json_object_get(problem, "errors"), i, error)
	{
		const char *words = json_string_value(json_object_get(error, "detail"));
		if (words && !text_equal(words, detail))
			cli_hint(cli, "%s", words);
	}
	if (hint)
		cli_hint(cli, "%s", hint);
	json_decref(problem);
	return exit_code_of(status);
}

static CURL *prepare(struct cli *cli, struct request *request)
{
	CURL *curl = curl_easy_init();
	if (!curl)
		abort();
	cleanup_free char *url = mem_printf("http://localhost%s", request->path);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH,
			 request->socket ? request->socket : cli->socket);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "kalkictl/" KALKI_VERSION);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(cli->timeout_us / 1000));
	if (request->stream) {
		curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_S);
	} else {
		curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(cli->timeout_us / 1000));
	}
	if (request->body) {
		request->headers = curl_slist_append(request->headers,
						     "Content-Type: application/json");
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
	}
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, request->headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, request);
	return curl;
}

static void request_done(struct request *request)
{
	free(request->body);
	curl_slist_free_all(request->headers);
	buffer_done(&request->answer);
}

static CURLcode perform(struct cli *cli, struct request *request, long *ret_status,
			long *ret_os_errno)
{
	CURL *curl = prepare(cli, request);
	CURLcode code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, ret_os_errno);
	curl_easy_cleanup(curl);
	if (cli->verbose)
		fprintf(stderr, "%s %s: %ld\n", request->method, request->path, *ret_status);
	return code;
}

static int send_request(struct cli *cli, struct request *request)
{
	long status = 0, os_errno = 0;
	CURLcode code = perform(cli, request, &status, &os_errno);
	if (code != CURLE_OK)
		return tell_transport(cli, code, os_errno);
	return status >= 200 && status < 300 ? 0 : tell_problem(cli, request, status);
}

static int parse_answer(struct cli *cli, const struct request *request, json_t **ret)
{
	json_error_t where;
	*ret = json_loadb(request->answer.bytes ? request->answer.bytes : "",
			  request->answer.length, 0, &where);
	if (*ret)
		return 0;
	cli_complain(cli, "%s %s: kalkid's answer is no JSON: %s", request->method, request->path,
		     where.text);
	return EXIT_FAILED;
}

/* --- what commands use --- */

static struct buffer take_buffer(struct buffer *buffer)
{
	struct buffer taken = *buffer;
	*buffer = (struct buffer){0};
	return taken;
}

int client_text(struct cli *cli, const char *path, struct buffer *ret)
{
	struct request request = {.method = "GET", .path = path};
	int code = send_request(cli, &request);
	if (code == 0)
		*ret = take_buffer(&request.answer);
	request_done(&request);
	return code;
}

bool client_ask(struct cli *cli, const char *socket, const char *path, long *ret_status,
		struct buffer *ret)
{
	struct request request = {.method = "GET", .path = path, .socket = socket};
	long os_errno;
	if (perform(cli, &request, ret_status, &os_errno) == CURLE_OK)
		*ret = take_buffer(&request.answer);
	else
		*ret_status = 0;
	request_done(&request);
	return *ret_status != 0;
}

int client_get(struct cli *cli, const char *path, json_t **ret)
{
	struct request request = {.method = "GET", .path = path};
	int code = send_request(cli, &request);
	if (code == 0)
		code = parse_answer(cli, &request, ret);
	request_done(&request);
	return code;
}

int client_change(struct cli *cli, const char *method, const char *path, json_t *body, json_t **ret)
{
	cleanup_buffer struct buffer url = {0};
	buffer_print(&url, "%s", path);
	if (cli->dry_run)
		url_query(&url, "dry_run", "true");
	struct request request = {
		.method = method,
		.path = url.bytes,
		.body = body ? json_dumps(body, JSON_COMPACT) : NULL,
	};
	int code = send_request(cli, &request);
	if (code == 0)
		code = parse_answer(cli, &request, ret);
	if (code == 0 && json_is_false(json_object_get(*ret, "written")))
		cli_complain(cli, "in force, but not on disk yet: see the log of kalkid");
	request_done(&request);
	return code;
}

/* Moves the page's items over; what remains of the page is the list's end. */
static void add_page(json_t *list, json_t *page)
{
	json_array_extend(json_object_get(list, "items"), json_object_get(page, "items"));
	json_object_set(list, "next", json_object_get(page, "next"));
}

int client_list(struct cli *cli, const char *path, unsigned items_max, json_t **ret)
{
	json_t *list = json_pack("{s:[], s:n}", "items", "next");
	const char *next = NULL;
	int code = 0;
	do {
		cleanup_buffer struct buffer url = {0};
		char limit[16];
		size_t have = json_array_size(json_object_get(list, "items"));
		snprintf(limit, sizeof(limit), "%zu", min_of(items_max - have, (size_t)PAGE_ITEMS));
		buffer_print(&url, "%s", path);
		url_query(&url, "limit", limit);
		url_query(&url, "cursor", next);
		json_t *page = NULL;
		code = client_get(cli, url.bytes, &page);
		if (code == 0)
			add_page(list, page);
		json_decref(page);
		next = json_string_value(json_object_get(list, "next"));
	} while (code == 0 && next && json_array_size(json_object_get(list, "items")) < items_max);
	if (code == 0)
		*ret = list;
	else
		json_decref(list);
	return code;
}

/* --- Server-Sent Events --- */

struct follow {
	struct request request; /* `answer` keeps the lines that are not whole yet */
	CURL *curl;
	char *id, *name;
	struct buffer event_data;
	void (*each)(void *data, const struct client_event *event);
	void *data;
};

static void set_copy(char **field, const char *value)
{
	free(*field);
	*field = mem_copy_text(value);
}

static void end_event(struct follow *follow)
{
	if (follow->event_data.length) {
		struct client_event event = {follow->id, follow->name, follow->event_data.bytes};
		follow->each(follow->data, &event);
	}
	buffer_done(&follow->event_data);
	set_copy(&follow->name, NULL);
}

/* One line without its end: "field: value". */
static void read_line(struct follow *follow, char *line)
{
	char *colon = strchr(line, ':');
	if (!*line) {
		end_event(follow);
		return;
	}
	if (!colon || colon == line)
		return;
	*colon = '\0';
	const char *value = colon + 1 + (colon[1] == ' ');
	if (strcmp(line, "id") == 0)
		set_copy(&follow->id, value);
	else if (strcmp(line, "event") == 0)
		set_copy(&follow->name, value);
	else if (strcmp(line, "data") == 0)
		buffer_print(&follow->event_data, "%s", value);
}

static size_t on_stream(char *bytes, size_t size, size_t count, void *data)
{
	struct follow *follow = data;
	struct buffer *lines = &follow->request.answer;
	long status = 0;
	buffer_add(lines, bytes, size * count);
	curl_easy_getinfo(follow->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return lines->length > LINE_BYTES_MAX ? 0 : size * count;
	char *end;
	while ((end = memchr(lines->bytes, '\n', lines->length))) {
		*end = '\0';
		if (end > lines->bytes && end[-1] == '\r')
			end[-1] = '\0';
		read_line(follow, lines->bytes);
		buffer_drop(lines, (size_t)(end - lines->bytes) + 1);
	}
	return lines->length > LINE_BYTES_MAX ? 0 : size * count;
}

int client_follow(struct cli *cli, const char *path, const char *last_id,
		  void (*each)(void *data, const struct client_event *event), void *data)
{
	struct follow follow = {
		.request = {.method = "GET", .path = path, .stream = true},
		.each = each,
		.data = data,
	};
	long status = 0, os_errno = 0;
	follow.request.headers = curl_slist_append(NULL, "Accept: text/event-stream");
	if (last_id) {
		cleanup_free char *header = mem_printf("Last-Event-ID: %s", last_id);
		follow.request.headers = curl_slist_append(follow.request.headers, header);
	}
	follow.curl = prepare(cli, &follow.request);
	curl_easy_setopt(follow.curl, CURLOPT_WRITEFUNCTION, on_stream);
	curl_easy_setopt(follow.curl, CURLOPT_WRITEDATA, &follow);
	CURLcode code = curl_easy_perform(follow.curl);
	curl_easy_getinfo(follow.curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(follow.curl, CURLINFO_OS_ERRNO, &os_errno);
	curl_easy_cleanup(follow.curl);
	int result = 0;
	if (status && status != 200)
		result = tell_problem(cli, &follow.request, status);
	else if (!status)
		result = tell_transport(cli, code, os_errno);
	request_done(&follow.request);
	buffer_done(&follow.event_data);
	free(follow.id);
	free(follow.name);
	return result;
}
