/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/test_act.c - commands, tags and notices of rules and operators, with hands of the test's
 * own and its own clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "codec/files.h"
#include "engine/act.h"
#include "engine/control.h"
#include "engine/test_bed.h"

#define SECOND ((int64_t)1000000)

enum { DEVICES = 5, OPEN_MAX = 64 };

static const char LAMP[] =
	"type: lamp\n"
	"states: {S: {chain: pass}}\n"
	"commands:\n"
	"  'on': {http: {url: 'http://{ip}/on'}, retries: 2}\n"
	"  'off': {http: {url: 'http://{ip}/off'}}\n"
	"rules:\n"
	"- {name: dark, from: any, when: 'alert(\"x\")', actions: [{command: 'on'}]}\n";
static const char PLUG[] = "type: plug\n"
			   "states: {S: {chain: pass}}\n"
			   "commands: {'on': {program: {command: [/bin/on]}}}\n"
			   "rules:\n"
			   "- {name: hot, from: any, when: 'any(group: mine, tag: \"hot\")',\n"
			   "   actions: [{tag: seen-hot}]}\n"
			   "- {name: cold, from: any, when: 'not any(group: mine, tag: \"hot\")',\n"
			   "   actions: [{untag: seen-hot}]}\n";

struct fixture {
	char folder[64], path[96];
	uv_loop_t loop;
	struct clock_fake clock;
	struct engine *engine;
	struct engine_hands hands;
	struct engine_subscriber subscriber;
	struct exchange_call *open[OPEN_MAX]; /* those under way, by device number */
	struct buffer sent;                   /* "device url;" */
	struct buffer results;                /* "device name result attempts by;" */
	char last[1024];                      /* the last event of an action */
	unsigned cancelled;
	bool stopped, closed;
};

static void start(struct engine_hands *hands, struct exchange_call *call,
		  const struct exchange *exchange, const struct device_identity *device)
{
	struct fixture *f = container_of(hands, struct fixture, hands);
	assert_null(f->open[device->number]); /* one at a time of a device */
	f->open[device->number] = call;
	buffer_print(&f->sent, "%s %s;", device->name,
		     exchange->kind == EXCHANGE_HTTP ? exchange->url : exchange->arguments[0]);
}

static void cancel(struct engine_hands *hands, struct exchange_call *call maybe_unused)
{
	container_of(hands, struct fixture, hands)->cancelled++;
}

static void on_event(struct engine_subscriber *subscriber, const struct event *event)
{
	struct fixture *f = container_of(subscriber, struct fixture, subscriber);
	if (event->kind != EVENT_ACTION)
		return;
	json_t *root = json_loads(event->json, 0, NULL);
	const json_t *kalki = json_object_get(root, "kalki");
	buffer_print(&f->results, "%s %s %s %d;", event->device_name,
		     json_string_value(json_object_get(kalki, "name")),
		     json_string_value(json_object_get(kalki, "result")),
		     (int)json_integer_value(json_object_get(kalki, "attempts")));
	TEXT_COPY(f->last, event->json);
	json_decref(root);
}

static void make_device(struct device *device, unsigned i)
{
	static const char *const names[DEVICES] = {"lamp1", "lamp2", "lamp3", "plug1", "plug2"};
	*device = (struct device){.mac = {{2, 0, 0, 0, 0, (uint8_t)i}}, .port = "p"};
	strcpy(device->name, names[i]);
	strcpy(device->type, i < 3 ? "lamp" : "plug");
	strcpy(device->file, "f");
	/* lamp1, lamp2 and plug1 are in the hall, lamp3 in the cellar, plug2 nowhere. */
	if (i != 4)
		strcpy(device->groups[device->group_count++], i == 2 ? "cellar" : "hall");
}

static int set_up(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));
	struct engine_config config;
	struct device devices[DEVICES];
	struct policy *policies[] = {read_policy(LAMP), read_policy(PLUG)};
	struct store *store;
	struct error err = {0};
	bool damaged = false;
	strcpy(f->folder, "/tmp/kalki-act-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/kalkid.db", f->folder);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	clock_init_fake(&f->clock, 1000 * SECOND, 1700000000 * SECOND);
	struct store_config store_config = {.path = f->path, .queue_max = 1000, .boot_id = "b"};
	assert_int_equal(
		store_open(&store, &f->loop, &store_config, &f->clock.clock, &damaged, &err), 0);
	engine_config_init(&config);
	for (unsigned i = 0; i < DEVICES; i++)
		make_device(&devices[i], i);
	assert_int_equal(engine_new(&f->engine, &f->loop, &f->clock.clock, &config, store,
				    &(struct definitions){policies, 2, devices, DEVICES}, &err),
			 0);
	f->hands = (struct engine_hands){start, cancel};
	engine_set_hands(f->engine, &f->hands);
	f->subscriber.on_event = on_event;
	engine_subscribe(f->engine, &f->subscriber);
	buffer_print(&f->sent, "%s", "");
	buffer_print(&f->results, "%s", "");
	*state = f;
	return 0;
}

static void on_stopped(void *data)
{
	((struct fixture *)data)->stopped = true;
}

static void on_closed(void *data)
{
	((struct fixture *)data)->closed = true;
}

static void stop(struct fixture *f)
{
	if (!f->stopped)
		engine_stop(f->engine, on_stopped, f);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	stop(f);
	while (!f->stopped)
		uv_run(&f->loop, UV_RUN_ONCE);
	store_close(f->engine->store, on_closed, f);
	while (!f->closed)
		uv_run(&f->loop, UV_RUN_ONCE);
	engine_free(f->engine);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	buffer_done(&f->sent);
	buffer_done(&f->results);
	cleanup_free char *command = mem_printf("rm -r '%s'", f->folder);
	free(f);
	return system(command);
}

static struct control_device *device_of(struct fixture *f, const char *name)
{
	struct control_device *device;
	assert_int_equal(engine_seek(f->engine, name, &device, NULL), 0);
	return device;
}

static void answer(struct fixture *f, const char *name, int result, const char *words)
{
	struct error err = {0};
	struct exchange_call *call = take(f->open[device_of(f, name)->device.number]);
	assert_non_null(call);
	error_set(&err, result, "%s", words);
	call->done(call, result, &err);
}

static void ask_of_rule(struct fixture *f, const char *name, struct action action)
{
	struct decision decision = {.rule_name = "dark",
				    .reason = "rule 'dark'",
				    .evidence = {7, 5},
				    .evidence_count = 2};
	struct engine_actor *actor = f->engine->actor;
	actor->on_action(actor, &device_of(f, name)->device, &action, &decision);
}

static void act_of_rule(struct fixture *f, const char *name, struct action action)
{
	ask_of_rule(f, name, action);
	deadlines_run(f->engine->deadlines);
}

static void advance(struct fixture *f, int64_t by_us)
{
	clock_fake_advance(&f->clock, by_us);
	deadlines_run(f->engine->deadlines);
}

static void expect_and_clear(struct buffer *buffer, const char *wanted)
{
	assert_string_equal(buffer->bytes, wanted);
	buffer_drop(buffer, buffer->length);
}

static void a_command_goes_to_the_device_itself(void **state)
{
	struct fixture *f = *state;
	act_of_rule(f, "lamp1", (struct action){.kind = ACTION_COMMAND, .name = "on"});
	expect_and_clear(&f->sent, "lamp1 http://{ip}/on;");
	clock_fake_advance(&f->clock, 2 * SECOND);
	answer(f, "lamp1", 0, "");
	expect_and_clear(&f->results, "lamp1 on ok 1;");
	assert_non_null(strstr(f->last, "\"by\":\"rule\",\"rule\":\"dark\",\"from\":\"lamp1\""));
	assert_non_null(strstr(f->last, "\"evidence\":[7,5]"));
	assert_non_null(strstr(f->last, "\"duration_us\":2000000"));
}

static void a_command_waits_until_the_fact_is_decided(void **state)
{
	struct fixture *f = *state;
	ask_of_rule(f, "lamp1", (struct action){.kind = ACTION_COMMAND, .name = "on"});
	expect_and_clear(&f->sent, "");
	deadlines_run(f->engine->deadlines);
	expect_and_clear(&f->sent, "lamp1 http://{ip}/on;");
	answer(f, "lamp1", 0, "");
}

static void commands_of_a_device_keep_their_order(void **state)
{
	struct fixture *f = *state;
	act_of_rule(f, "lamp1", (struct action){.kind = ACTION_COMMAND, .name = "on"});
	act_of_rule(f, "lamp1", (struct action){.kind = ACTION_COMMAND, .name = "off"});
	act_of_rule(f, "lamp2", (struct action){.kind = ACTION_COMMAND, .name = "off"});
	expect_and_clear(&f->sent, "lamp1 http://{ip}/on;lamp2 http://{ip}/off;");
	answer(f, "lamp1", 0, "");
	expect_and_clear(&f->sent, "lamp1 http://{ip}/off;");
	answer(f, "lamp1", 0, "");
	answer(f, "lamp2", 0, "");
	expect_and_clear(&f->results, "lamp1 on ok 1;lamp1 off ok 1;lamp2 off ok 1;");
}

static void failures_are_tried_again_so_often(void **state)
{
	struct fixture *f = *state;
	act_of_rule(f, "lamp1", (struct action){.kind = ACTION_COMMAND, .name = "on"});
	act_of_rule(f, "lamp1", (struct action){.kind = ACTION_COMMAND, .name = "off"});
	answer(f, "lamp1", -ETIMEDOUT, "silence");
	advance(f, SECOND - 1);
	assert_null(f->open[device_of(f, "lamp1")->device.number]);
	advance(f, 1);
	answer(f, "lamp1", -ETIMEDOUT, "silence");
	advance(f, 2 * SECOND);
	answer(f, "lamp1", -ETIMEDOUT, "still silence");
	expect_and_clear(&f->results, "lamp1 on failed 3;");
	assert_non_null(strstr(f->last, "\"words\":\"still silence\""));
	/* Without `retries` it is sent once. */
	answer(f, "lamp1", -EIO, "broken");
	expect_and_clear(&f->results, "lamp1 off failed 1;");
}

static void groups_and_types_are_resolved(void **state)
{
	struct fixture *f = *state;
	/* Of the type, in a group that it is in, without itself. */
	act_of_rule(f, "lamp1",
		    (struct action){.kind = ACTION_COMMAND, .name = "off", .type = "lamp"});
	expect_and_clear(&f->sent, "lamp2 http://{ip}/off;");
	answer(f, "lamp2", 0, "");
	/* All of the group that know the command. */
	act_of_rule(f, "lamp3",
		    (struct action){.kind = ACTION_COMMAND, .name = "on", .group = "hall"});
	expect_and_clear(&f->sent, "lamp1 http://{ip}/on;lamp2 http://{ip}/on;plug1 /bin/on;");
	answer(f, "lamp1", 0, "");
	answer(f, "lamp2", 0, "");
	answer(f, "plug1", 0, "");
	act_of_rule(f, "lamp3",
		    (struct action){
			    .kind = ACTION_COMMAND, .name = "on", .group = "hall", .type = "plug"});
	expect_and_clear(&f->sent, "plug1 /bin/on;");
	answer(f, "plug1", 0, "");
	act_of_rule(f, "lamp3",
		    (struct action){.kind = ACTION_COMMAND, .name = "on", .device = "plug2"});
	expect_and_clear(&f->sent, "plug2 /bin/on;");
	answer(f, "plug2", 0, "");
	buffer_drop(&f->results, f->results.length);
	/* Nobody: told at the device whose rule it was. */
	act_of_rule(f, "plug2",
		    (struct action){.kind = ACTION_COMMAND, .name = "on", .type = "lamp"});
	act_of_rule(f, "lamp1",
		    (struct action){.kind = ACTION_COMMAND, .name = "off", .device = "plug1"});
	expect_and_clear(&f->sent, "");
	expect_and_clear(&f->results, "plug2 on failed 0;lamp1 off failed 0;");
}

static void what_waits_is_bounded(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < ACT_DEVICE_WAITING_MAX + 3; i++)
		act_of_rule(f, "lamp1", (struct action){.kind = ACTION_COMMAND, .name = "on"});
	expect_and_clear(&f->results, "lamp1 on dropped 0;lamp1 on dropped 0;lamp1 on dropped 0;");
	assert_int_equal(f->engine->commands_dropped, 3);
	for (unsigned i = 0; i < ACT_DEVICE_WAITING_MAX; i++)
		answer(f, "lamp1", 0, "");
	assert_null(f->open[device_of(f, "lamp1")->device.number]);
}

static void a_device_or_command_that_goes_takes_what_waits_along(void **state)
{
	struct fixture *f = *state;
	act_of_rule(f, "lamp1", (struct action){.kind = ACTION_COMMAND, .name = "off"});
	act_of_rule(f, "lamp1", (struct action){.kind = ACTION_COMMAND, .name = "off"});
	uint32_t number = device_of(f, "lamp1")->device.number;
	engine_forget_device(device_of(f, "lamp1"));
	struct exchange_call *call = take(f->open[number]);
	call->done(call, 0, &(struct error){0});
	expect_and_clear(&f->results, " off ok 1; off failed 0;");
}

static void an_end_gives_up_what_waits(void **state)
{
	struct fixture *f = *state;
	act_of_rule(f, "lamp1", (struct action){.kind = ACTION_COMMAND, .name = "on"});
	act_of_rule(f, "lamp1", (struct action){.kind = ACTION_COMMAND, .name = "off"});
	act_of_rule(f, "lamp2", (struct action){.kind = ACTION_COMMAND, .name = "on"});
	answer(f, "lamp2", -EIO, "broken"); /* waits for its next attempt */
	stop(f);
	assert_int_equal(f->cancelled, 1);
	answer(f, "lamp1", -ECANCELED, "cancelled");
	expect_and_clear(&f->results, "lamp2 on abandoned 1;lamp1 on abandoned 1;"
				      "lamp1 off abandoned 0;");
}

static void tags_are_put_on_and_taken_off(void **state)
{
	struct fixture *f = *state;
	const struct device *lamp = &device_of(f, "lamp1")->device;
	act_of_rule(f, "lamp1", (struct action){.kind = ACTION_TAG, .name = "hot"});
	act_of_rule(f, "lamp1", (struct action){.kind = ACTION_TAG, .name = "odd"});
	act_of_rule(f, "lamp1", (struct action){.kind = ACTION_TAG, .name = "hot"});
	assert_int_equal(lamp->tag_count, 2);
	act_of_rule(f, "lamp1", (struct action){.kind = ACTION_UNTAG, .name = "hot"});
	act_of_rule(f, "lamp1", (struct action){.kind = ACTION_UNTAG, .name = "hot"});
	assert_int_equal(lamp->tag_count, 1);
	assert_string_equal(lamp->tags[0], "odd");
	expect_and_clear(&f->results, "lamp1 hot ok 1;lamp1 odd ok 1;lamp1 hot ok 1;");
	for (unsigned i = 0; i < DEVICE_LABELS_MAX; i++) {
		struct action action = {.kind = ACTION_TAG};
		snprintf(action.name, sizeof(action.name), "t%u", i);
		act_of_rule(f, "lamp1", action);
	}
	assert_int_equal(lamp->tag_count, DEVICE_LABELS_MAX);
	assert_non_null(strstr(f->results.bytes, "lamp1 t15 failed 0;"));
}

static void a_tag_is_news_for_those_who_look_at_it(void **state)
{
	struct fixture *f = *state;
	f->engine->started = true; /* before, nobody looks */
	act_of_rule(f, "lamp1", (struct action){.kind = ACTION_TAG, .name = "hot"});
	deadlines_run(f->engine->deadlines);
	expect_and_clear(&f->results, "lamp1 hot ok 1;plug1 seen-hot ok 1;");
	act_of_rule(f, "lamp1", (struct action){.kind = ACTION_UNTAG, .name = "hot"});
	deadlines_run(f->engine->deadlines);
	expect_and_clear(&f->results, "lamp1 hot ok 1;plug1 seen-hot ok 1;");
	assert_int_equal(device_of(f, "plug1")->device.tag_count, 0);
}

static void a_notifier_that_is_not_there_is_told(void **state)
{
	struct fixture *f = *state;
	act_of_rule(f, "lamp1", (struct action){.kind = ACTION_NOTIFY, .name = "ops"});
	expect_and_clear(&f->results, "lamp1 ops failed 0;");
	assert_non_null(strstr(f->last, "no notifier is named 'ops'"));
}

static void operators_send_commands_too(void **state)
{
	struct fixture *f = *state;
	struct operator_order order = {.who = "uid 0 (root)", .reason = "a test", .dry_run = true};
	struct error err = {0};
	assert_int_equal(engine_command(f->engine, "lamp1", "on", &order, &err), 0);
	expect_and_clear(&f->sent, "");
	order.dry_run = false;
	assert_int_equal(engine_command(f->engine, "lamp1", "on", &order, &err), 0);
	deadlines_run(f->engine->deadlines);
	answer(f, "lamp1", 0, "");
	assert_non_null(strstr(f->last, "\"by\":\"operator\",\"who\":\"uid 0 (root)\""));
	assert_non_null(strstr(f->last, "\"reason\":\"a test\""));
	assert_int_equal(engine_command(f->engine, "lamp1", "onn", &order, &err), -EINVAL);
	assert_string_equal(err.text,
			    "type 'lamp' has no command named 'onn' (did you mean 'on'?)");
	assert_int_equal(engine_command(f->engine, "lamp9", "on", &order, &err), -ENOENT);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_command_goes_to_the_device_itself),
		TEST(a_command_waits_until_the_fact_is_decided),
		TEST(commands_of_a_device_keep_their_order),
		TEST(failures_are_tried_again_so_often),
		TEST(groups_and_types_are_resolved),
		TEST(what_waits_is_bounded),
		TEST(a_device_or_command_that_goes_takes_what_waits_along),
		TEST(an_end_gives_up_what_waits),
		TEST(tags_are_put_on_and_taken_off),
		TEST(a_tag_is_news_for_those_who_look_at_it),
		TEST(a_notifier_that_is_not_there_is_told),
		TEST(operators_send_commands_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
