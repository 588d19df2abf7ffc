/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/docker.c - see docker.h. */
#include "driver/docker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

enum {
	PING_MS = 5000,
	LOOK_MS = 10000,
	CHANGE_MS = 30000,
	RETRY_MIN_MS = 100,
	RETRY_MAX_MS = 2000,
	EVENT_BYTES_MAX = 256 * 1024,
	VERSION_MINOR_MIN = 41, /* Docker 20.10 */
	VERSION_MINOR_MAX = 44, /* the newest that this client was written for */
	WORDS_BYTES = 512,
	LOG_LINES_MAX = 2000,
};

struct docker {
	struct docker_listener *listener;
	struct http_client *client;
	struct later_queue later;
	char instance[NAME_BYTES];
	char *socket;
	unsigned version_minor; /* of API version 1; 0: not agreed on yet */
	bool down_told, up, closing;
	struct http_client_request ping, events;
	struct buffer event_bytes;
	uv_timer_t retry;
	unsigned retry_ms;
	unsigned handles;
	void (*closed)(void *data);
	void *closed_data;
};

static void connect_now(struct docker *docker);

static void on_retry(uv_timer_t *timer)
{
	connect_now(container_of(timer, struct docker, retry));
}

/* The engine is not there: says so once, and tries again later. */
static void lost(struct docker *docker, const char *words)
{
	if (docker->closing)
		return;
	bool told = docker->down_told;
	docker->up = false;
	docker->down_told = true;
	uv_timer_start(&docker->retry, on_retry, docker->retry_ms, 0);
	docker->retry_ms = min_of(docker->retry_ms * 2, (unsigned)RETRY_MAX_MS);
	if (!told)
		docker->listener->on_down(docker->listener, words);
}

/* One line each. */
static int on_event_data(struct http_client_request *request, const char *bytes, size_t count)
{
	struct docker *docker = container_of(request, struct docker, events);
	struct buffer *buffer = &docker->event_bytes;
	buffer_add(buffer, bytes, count);
	char *newline;
	size_t at = 0;
	while ((newline = memchr(buffer->bytes + at, '\n', buffer->length - at))) {
		struct docker_event event;
		size_t length = (size_t)(newline - buffer->bytes) - at;
		/* A line that cannot be read is one that a later engine may say. */
		int result = docker_read_event(&event, buffer->bytes + at, length, NULL);
		at += length + 1;
		if (result == 0 && (event.kind == DOCKER_EVENT_IMAGES ||
				    text_equal(event.instance, docker->instance)))
			docker->listener->on_event(docker->listener, &event);
	}
	buffer_drop(buffer, at);
	return buffer->length > EVENT_BYTES_MAX ? -EMSGSIZE : 0;
}

static void on_events_head(struct http_client_request *request)
{
	struct docker *docker = container_of(request, struct docker, events);
	if (request->status != 200)
		return;
	docker->up = true;
	docker->down_told = false;
	docker->retry_ms = RETRY_MIN_MS;
	docker->listener->on_up(docker->listener);
}

static void on_events_done(struct http_client_request *request, int result, const struct error *err)
{
	struct docker *docker = container_of(request, struct docker, events);
	buffer_done(&request->answer);
	buffer_done(&docker->event_bytes);
	lost(docker, result < 0 ? err->text : "docker: the stream of events ended");
}

/* `since` closes the gap between the head of the answer and the engine's own subscription. */
static void open_events(struct docker *docker)
{
	static const char filters[] =
		"%7B%22type%22%3A%5B%22container%22%2C%22image%22%5D%2C%22event%22%3A%5B%22die%22%2C"
		"%22destroy%22%2C%22remove%22%2C%22tag%22%2C%22untag%22%2C%22delete%22%2C%22load%22%2C"
		"%22import%22%2C%22pull%22%5D%7D";
	cleanup_free char *path = mem_printf("/v1.%u/events?since=%" PRId64 "&filters=%s",
					     docker->version_minor, (int64_t)time(NULL), filters);
	docker->events = (struct http_client_request){
		.method = "GET",
		.path = path,
		.on_head = on_events_head,
		.on_data = on_event_data,
		.done = on_events_done,
	};
	http_client_start(docker->client, &docker->events);
}

/* The lower of what the engine and this client speak. */
static int agree_on_version(struct docker *docker, const char *offered, struct error *err)
{
	unsigned major, minor;
	if (sscanf(offered, "%u.%u", &major, &minor) != 2 || major != 1)
		return error_set(err, -EPROTO, "docker: %s does not say its API version",
				 docker->socket);
	if (minor < VERSION_MINOR_MIN)
		return error_set(err, -EPROTO,
				 "docker: the engine speaks API 1.%u (it must be 1.%d or later)",
				 minor, VERSION_MINOR_MIN);
	docker->version_minor = min_of(minor, (unsigned)VERSION_MINOR_MAX);
	return 0;
}

static void on_ping_done(struct http_client_request *request, int result, const struct error *err)
{
	struct docker *docker = container_of(request, struct docker, ping);
	struct error own = {0};
	buffer_done(&request->answer);
	if (result == 0) {
		result = agree_on_version(docker, request->header_value, &own);
		err = &own;
	}
	if (docker->closing)
		return;
	if (result < 0)
		lost(docker, err->text);
	else
		open_events(docker);
}

static void connect_now(struct docker *docker)
{
	docker->ping = (struct http_client_request){
		.method = "GET",
		.path = "/_ping",
		.timeout_ms = PING_MS,
		.header = "Api-Version",
		.done = on_ping_done,
	};
	http_client_start(docker->client, &docker->ping);
}

int docker_open(struct docker **ret, uv_loop_t *loop, const char *socket, const char *instance,
		struct docker_listener *listener, struct error *err)
{
	struct http_client *client;
	int result = http_client_open(&client, loop, socket, err);
	if (result < 0)
		return result;
	struct docker *docker = mem_alloc(sizeof(*docker));
	docker->client = client;
	docker->listener = listener;
	docker->socket = mem_copy_text(socket);
	docker->retry_ms = RETRY_MIN_MS;
	TEXT_COPY(docker->instance, instance);
	uv_timer_init(loop, &docker->retry);
	later_queue_open(&docker->later, loop);
	connect_now(docker);
	*ret = docker;
	return 0;
}

static void handle_closed(struct docker *docker)
{
	if (--docker->handles)
		return;
	void (*closed)(void *) = docker->closed;
	void *data = docker->closed_data;
	free(docker->socket);
	free(docker);
	closed(data);
}

static void on_retry_closed(uv_handle_t *handle)
{
	handle_closed(container_of((uv_timer_t *)handle, struct docker, retry));
}

static void on_later_closed(struct later_queue *queue)
{
	handle_closed(container_of(queue, struct docker, later));
}

/* Cancelled calls may have started others, which wait in the queue to fail. */
static void on_client_closed(void *data)
{
	struct docker *docker = data;
	later_queue_close(&docker->later, on_later_closed);
}

void docker_close(struct docker *docker, void (*closed)(void *data), void *data)
{
	docker->closing = true;
	docker->closed = closed;
	docker->closed_data = data;
	docker->handles = 2;
	uv_close((uv_handle_t *)&docker->retry, on_retry_closed);
	http_client_close(docker->client, on_client_closed, docker);
}

static int result_of_status(const struct http_client_request *request, struct error *err)
{
	unsigned status = request->status;
	if ((status >= 200 && status < 300) || status == 304)
		return 0;
	char words[WORDS_BYTES];
	docker_error_words(words, sizeof(words), request->answer.bytes, request->answer.length);
	int code = status == 404   ? -ENOENT
		   : status == 409 ? -EEXIST
		   : status == 400 ? -EINVAL
				   : -EIO;
	return error_set(err, code, "docker: %s (status %u)", words, status);
}

static void on_call_done(struct http_client_request *request, int result, const struct error *err)
{
	struct docker_call *call = container_of(request, struct docker_call, request);
	struct error own = {0};
	if (result < 0) {
		/* A broken connection and a missed deadline are one to the caller: nobody knows. */
		result = error_set(&own, result == -EIO ? -ETIMEDOUT : result, "docker: %s",
				   err->text);
	} else {
		result = result_of_status(request, &own);
		if (result == -ENOENT && call->gone_is_fine)
			result = 0;
		else if (result == 0 && call->read)
			result = call->read(call, request->answer.bytes, request->answer.length,
					    &own);
	}
	buffer_done(&request->answer);
	call->done(call, result, &own);
}

static void on_failing(struct later *later)
{
	struct docker_call *call = container_of(later, struct docker_call, failing);
	struct error err = {0};
	int result = call->request.data_result;
	if (result == -ENOTCONN)
		error_set(&err, result, "docker: the engine at %s cannot be reached",
			  call->docker->socket);
	else
		error_set(&err, result, "docker: %s",
			  result == -ECANCELED ? "cancelled" : "not a name");
	call->done(call, result, &err);
}

static void fail_later(struct docker_call *call, int result)
{
	call->request.data_result = result;
	later_add(&call->docker->later, &call->failing, on_failing);
}

/* `path` stands behind the version.  The fields of `call` that its reader needs are set. */
static void start(struct docker *docker, struct docker_call *call, const char *method,
		  const char *path, const char *body, unsigned timeout_ms)
{
	call->docker = docker;
	call->failing = (struct later){0};
	call->gone_is_fine = false;
	cleanup_free char *versioned = mem_printf("/v1.%u%s", docker->version_minor, path);
	call->request = (struct http_client_request){
		.method = method,
		.path = versioned,
		.body = body,
		.timeout_ms = timeout_ms,
		.done = on_call_done,
	};
	if (docker->closing)
		fail_later(call, -ECANCELED);
	else if (!docker->version_minor)
		fail_later(call, -ENOTCONN);
	else
		http_client_start(docker->client, &call->request);
}

static int read_image(struct docker_call *call, const char *bytes, size_t count, struct error *err)
{
	return umbox_image_read(call->ret, bytes, count, err);
}

/* As references go: nothing that could lead to another place of the API. */
static bool is_reference(const char *text)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		"._-/:@";
	return *text && !text[strspn(text, allowed)] && *text != '/' && !strstr(text, "..") &&
	       !strstr(text, "//");
}

void docker_image(struct docker *docker, struct docker_call *call, const char *reference,
		  struct umbox_image *ret)
{
	cleanup_free char *path = mem_printf("/images/%s/json", reference);
	call->read = read_image;
	call->ret = ret;
	if (is_reference(reference)) {
		start(docker, call, "GET", path, NULL, LOOK_MS);
	} else {
		call->docker = docker;
		call->failing = (struct later){0};
		fail_later(call, -EINVAL);
	}
}

static int read_created(struct docker_call *call, const char *bytes, size_t count,
			struct error *err)
{
	return docker_read_created(call->ret, bytes, count, err);
}

void docker_create(struct docker *docker, struct docker_call *call,
		   const struct container_order *order, char ret_id[static CONTAINER_ID_BYTES])
{
	char name[CONTAINER_NAME_BYTES];
	docker_container_name(name, docker->instance, order->marks->umbox);
	cleanup_free char *path = mem_printf("/containers/create?name=%s", name);
	cleanup_free char *body = docker_create_body(order);
	call->read = read_created;
	call->ret = ret_id;
	start(docker, call, "POST", path, body, CHANGE_MS);
}

void docker_start(struct docker *docker, struct docker_call *call, const char *id)
{
	cleanup_free char *path = mem_printf("/containers/%s/start", id);
	call->read = NULL;
	start(docker, call, "POST", path, NULL, CHANGE_MS);
}

static int read_container(struct docker_call *call, const char *bytes, size_t count,
			  struct error *err)
{
	struct container container;
	int result = docker_read_container(&container, bytes, count, err);
	if (result < 0)
		return result;
	if (!text_equal(container.marks.instance, call->docker->instance))
		return error_set(err, -ENOKEY, "docker: container %.12s is of instance '%s'",
				 container.id, container.marks.instance);
	*(struct container *)call->ret = container;
	return 0;
}

void docker_inspect(struct docker *docker, struct docker_call *call, const char *id,
		    struct container *ret)
{
	cleanup_free char *path = mem_printf("/containers/%s/json", id);
	call->read = read_container;
	call->ret = ret;
	start(docker, call, "GET", path, NULL, LOOK_MS);
}

void docker_stop(struct docker *docker, struct docker_call *call, const char *id, unsigned grace_s)
{
	cleanup_free char *path = mem_printf("/containers/%s/stop?t=%u", id, grace_s);
	call->read = NULL;
	start(docker, call, "POST", path, NULL, CHANGE_MS + grace_s * 1000);
	call->gone_is_fine = true;
}

void docker_remove(struct docker *docker, struct docker_call *call, const char *id)
{
	cleanup_free char *path = mem_printf("/containers/%s?force=true&v=true", id);
	call->read = NULL;
	start(docker, call, "DELETE", path, NULL, CHANGE_MS);
	call->gone_is_fine = true;
}

static int read_list(struct docker_call *call, const char *bytes, size_t count, struct error *err)
{
	return docker_read_list(call->ret, call->ret_count, call->docker->instance, bytes, count,
				err);
}

void docker_list(struct docker *docker, struct docker_call *call, struct container **ret,
		 unsigned *ret_count)
{
	cleanup_free char *path =
		mem_printf("/containers/json?all=true&filters=%%7B%%22label%%22%%3A"
			   "%%5B%%22org.kalki.instance%%3D%s%%22%%5D%%7D",
			   docker->instance);
	call->read = read_list;
	call->ret = ret;
	call->ret_count = ret_count;
	start(docker, call, "GET", path, NULL, LOOK_MS);
}

static int read_logs(struct docker_call *call, const char *bytes, size_t count,
		     struct error *err maybe_unused)
{
	*(char **)call->ret = docker_log_text(bytes, count, call->bytes_max);
	return 0;
}

void docker_logs(struct docker *docker, struct docker_call *call, const char *id, size_t bytes_max,
		 char **ret)
{
	cleanup_free char *path = mem_printf("/containers/%s/logs?stdout=true&stderr=true&tail=%d",
					     id, LOG_LINES_MAX);
	call->read = read_logs;
	call->ret = ret;
	call->bytes_max = bytes_max;
	start(docker, call, "GET", path, NULL, LOOK_MS);
}
