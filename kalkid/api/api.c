/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/api.c - see api.h. */
#include "api/api.h"

#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/call.h"
#include "api/stream.h"
#include "base/log.h"
#include "base/mem.h"

struct api {
	struct engine *engine;
	const struct clock *clock;
	gid_t group;
	struct http_server *server;
	struct stream *stream;
	void (*closed)(void *data);
	void *closed_data;
};

static void answer_unknown(struct http_request *request, const struct target *target)
{
	char suggestion[SUGGESTION_BYTES];
	route_suggest(suggestion, target);
	cleanup_free char *hint = *suggestion ? mem_printf("did you mean %s?", suggestion) : NULL;
	struct problem problem = {404, "no_such_path", hint};
	answer_problem(request, &problem, "there is nothing at this path");
}

static void answer_wrong_method(struct http_request *request, const char *allow)
{
	if (strcmp(http_request_method(request), "OPTIONS") == 0) {
		struct http_answer answer = {.status = 204, .headers = {{"Allow", allow}}};
		http_answer(request, &answer);
		return;
	}
	struct problem problem = {405, "method_not_allowed", .allow = allow};
	answer_problem(request, &problem, "%s is not for this path (it takes %s)",
		       http_request_method(request), allow);
}

/* Whether `name` is a word of the list `words`. */
static bool has_word(const char *words, const char *name)
{
	size_t length = strlen(name);
	for (const char *at = words; *at; at += strcspn(at, " "), at += strspn(at, " "))
		if (strcspn(at, " ") == length && strncmp(at, name, length) == 0)
			return true;
	return false;
}

static bool check_parameters(struct api_call *call)
{
	for (unsigned i = 0; i < call->target.query_count; i++) {
		const char *name = call->target.query[i].name;
		if (has_word(call->route->parameters, name))
			continue;
		bool any = *call->route->parameters;
		cleanup_free char *hint = any ? mem_printf("it takes: %s", call->route->parameters)
					      : NULL;
		struct problem problem = {400, "bad_parameter", hint};
		answer_problem(call->request, &problem, "this path has no parameter '%s'", name);
		return false;
	}
	return true;
}

static void handle(struct api *api, struct api_call *call)
{
	struct error err = {0};
	char allow[ALLOW_BYTES];
	if (authorise(call->who, call->request, api->group, &err) < 0) {
		answer_error(call->request, &err);
		return;
	}
	if (target_parse(&call->target, http_request_target(call->request), &err) < 0) {
		struct problem problem = {400, "bad_request"};
		answer_problem(call->request, &problem, "%s", err.text);
		return;
	}
	switch (route_find(&call->route, &call->argument, allow, http_request_method(call->request),
			   &call->target)) {
	case ROUTE_FOUND:
		if (check_parameters(call))
			call->route->handle(call);
		return;
	case ROUTE_WRONG_METHOD: answer_wrong_method(call->request, allow); return;
	case ROUTE_UNKNOWN: answer_unknown(call->request, &call->target); return;
	case ROUTE_RESULT_COUNT: abort();
	}
}

static void on_request(void *data, struct http_request *request)
{
	struct api *api = data;
	if (http_request_too_large(request)) {
		struct problem problem = {413, "too_large"};
		answer_problem(request, &problem, "the body is longer than %d bytes",
			       HTTP_BODY_BYTES_MAX);
		return;
	}
	struct api_call call = {
		.engine = api->engine,
		.stream = api->stream,
		.clock = api->clock,
		.request = request,
	};
	handle(api, &call);
}

static gid_t find_group(const char *name)
{
	struct group entry, *found = NULL;
	char names[4096];
	if (!name)
		return getegid();
	if (getgrnam_r(name, &entry, names, sizeof(names), &found) == 0 && found)
		return found->gr_gid;
	log_warning(
		"there is no such group: the API is for root only (groupadd --system, then restart)",
		"group=%s", name);
	return getegid();
}

int api_open(struct api **ret, uv_loop_t *loop, struct engine *engine,
	     const struct api_config *config, struct error *err)
{
	cleanup_free struct api *api = mem_alloc(sizeof(*api));
	api->engine = engine;
	api->clock = config->clock;
	api->group = find_group(config->group);
	struct http_server_config server = {
		.socket_path = config->socket_path,
		.group = api->group,
		.mode = config->mode,
		.on_request = on_request,
		.data = api,
	};
	int result = http_server_open(&api->server, loop, &server, err);
	if (result < 0)
		return result;
	api->stream = stream_open(loop, engine);
	*ret = take(api);
	return 0;
}

static void on_closed(void *data)
{
	struct api *api = data;
	void (*closed)(void *data) = api->closed;
	void *closed_data = api->closed_data;
	free(api);
	if (closed)
		closed(closed_data);
}

static void on_server_closed(void *data)
{
	struct api *api = data;
	stream_close(api->stream, on_closed, api);
}

void api_close(struct api *api, void (*closed)(void *data), void *data)
{
	api->closed = closed;
	api->closed_data = data;
	http_server_close(api->server, on_server_closed, api);
}
