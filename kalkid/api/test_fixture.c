/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/test_fixture.c - see test_fixture.h. */
#include "api/test_fixture.h"

#include "api/openapi.h"
#include "api/route.h"
#include "api/test_schema.h"

int fixture_setup(void **state)
{
	struct fixture *fixture = mem_alloc(sizeof(*fixture));
	snprintf(fixture->folder, sizeof(fixture->folder), "/dev/shm/kalki-api-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	snprintf(fixture->path, sizeof(fixture->path), "%s/socket", fixture->folder);
	uv_loop_init(&fixture->loop);
	clock_init_fake(&fixture->clock, 0, 1769860800000000);
	fixture->engine = fake_engine_new(&fixture->loop);
	fixture->description = json_loads(openapi_json, 0, NULL);
	struct api_config config = {
		.socket_path = fixture->path, .mode = 0660, .clock = &fixture->clock.clock};
	assert_int_equal(api_open(&fixture->api, &fixture->loop, fixture->engine, &config, NULL),
			 0);
	test_client_open(&fixture->client, &fixture->loop, fixture->path);
	*state = fixture;
	return 0;
}

static void note_closed(void *data)
{
	struct fixture *fixture = data;
	fixture->closed = true;
}

void fixture_close(struct fixture *fixture)
{
	if (fixture->api)
		api_close(take(fixture->api), note_closed, fixture);
	while (!fixture->closed)
		uv_run(&fixture->loop, UV_RUN_ONCE);
}

static void forget_reply(struct fixture *fixture)
{
	test_reply_done(&fixture->reply);
	json_decref(fixture->json);
	fixture->json = NULL;
	fixture->reply = (struct test_reply){0};
}

int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;
	forget_reply(fixture);
	test_client_close(&fixture->client);
	fixture_close(fixture);
	assert_int_equal(uv_loop_close(&fixture->loop), 0);
	assert_null(fixture->engine->subscribers);
	assert_int_equal(rmdir(fixture->folder), 0);
	fake_engine_free(fixture->engine);
	json_decref(fixture->description);
	free(fixture);
	return 0;
}

/* The schema of the last answer, NULL where it has none. */
static json_t *find_schema(struct fixture *fixture, const char *method, const char *target_text)
{
	struct target *target = mem_alloc(sizeof(*target));
	const struct route *route = NULL;
	const char *argument;
	char allow[ALLOW_BYTES], name[16], status[16];
	json_t *schema = NULL;
	if (target_parse(target, target_text, NULL) == 0 &&
	    route_find(&route, &argument, allow, method, target) == ROUTE_FOUND) {
		TEXT_COPY(name, route->method);
		for (char *letter = name; *letter; letter++)
			*letter |= 0x20;
		snprintf(status, sizeof(status), "%u", fixture->reply.status);
		json_t *operation = json_object_get(
			json_object_get(json_object_get(fixture->description, "paths"),
					route->pattern),
			name);
		json_t *responses = json_object_get(operation, "responses");
		json_t *response = json_object_get(responses, status);
		response = schema_resolve(fixture->description,
					  response ? response
						   : json_object_get(responses, "default"));
		json_t *content = json_object_get(response, "content");
		char type[64];
		const char *full = test_reply_header(&fixture->reply, "Content-Type");
		TEXT_COPY(type, full);
		type[strcspn(type, ";")] = '\0';
		/* Every kind of answer is described. */
		assert_non_null(json_object_get(content, type));
		schema = json_object_get(json_object_get(content, type), "schema");
	}
	free(target);
	return schema;
}

static void check_reply(struct fixture *fixture, const char *method, const char *target)
{
	const char *type = test_reply_header(&fixture->reply, "Content-Type");
	if (!fixture->reply.body_bytes || !type)
		return;
	if (strstr(type, "json")) {
		fixture->json = json_loads(fixture->reply.body, 0, NULL);
		assert_non_null(fixture->json);
	}
	json_t *schema = find_schema(fixture, method, target);
	if (!schema || !fixture->json)
		return;
	char why[512] = "";
	if (!schema_check(fixture->description, schema, fixture->json, why, sizeof(why)))
		fail_msg("%s %s: %s in %s", method, target, why, fixture->reply.body);
}

void ask(struct fixture *fixture, const char *method, const char *target, const char *headers,
	 const char *body)
{
	forget_reply(fixture);
	char *text = mem_printf(
		"%s %s HTTP/1.1\r\nHost: kalkid\r\nContent-Length: %zu\r\n%s%s\r\n%s", method,
		target, body ? strlen(body) : 0, body ? "Content-Type: application/json\r\n" : "",
		headers ? headers : "", body ? body : "");
	assert_true(test_client_say(&fixture->client, text));
	free(text);
	test_client_reply(&fixture->client, &fixture->reply, strcmp(method, "HEAD") == 0);
	check_reply(fixture, method, target);
}

void get(struct fixture *fixture, const char *target)
{
	ask(fixture, "GET", target, NULL, NULL);
	assert_int_equal(fixture->reply.status, 200);
}

void ask_problem(struct fixture *fixture, const char *method, const char *target, const char *body,
		 unsigned status, const char *code, const char *detail)
{
	ask(fixture, method, target, NULL, body);
	assert_int_equal(fixture->reply.status, status);
	assert_string_equal(header(fixture, "Content-Type"), "application/problem+json");
	assert_int_equal(number_at(fixture, "status"), status);
	assert_string_equal(text_at(fixture, "code"), code);
	if (!text_starts(text_at(fixture, "detail"), detail))
		assert_string_equal(text_at(fixture, "detail"), detail);
}

json_t *at(struct fixture *fixture, const char *path)
{
	char copy[128];
	assert_true(TEXT_COPY(copy, path));
	json_t *json = fixture->json;
	char *rest = copy;
	for (char *part; (part = strsep(&rest, "."));)
		json = json_is_array(json) ? json_array_get(json, strtoul(part, NULL, 10))
					   : json_object_get(json, part);
	return json;
}

const char *text_at(struct fixture *fixture, const char *path)
{
	assert_true(json_is_string(at(fixture, path)));
	return json_string_value(at(fixture, path));
}

json_int_t number_at(struct fixture *fixture, const char *path)
{
	assert_true(json_is_integer(at(fixture, path)));
	return json_integer_value(at(fixture, path));
}

const char *header(struct fixture *fixture, const char *name)
{
	return test_reply_header(&fixture->reply, name);
}

void expect_order(struct fixture *fixture, const char *order)
{
	cleanup_free char *who = mem_printf(" by uid %u", getuid());
	assert_non_null(strstr(fixture->engine->order, who));
	cleanup_free char *copy = mem_copy_text(fixture->engine->order);
	char *by = strstr(copy, " by "), *because = strstr(copy, " because ");
	assert_true(by && because);
	memmove(by, because, strlen(because) + 1);
	assert_string_equal(copy, order);
	fixture->engine->order[0] = '\0';
}
