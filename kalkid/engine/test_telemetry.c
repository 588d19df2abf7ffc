/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/test_telemetry.c - the rhythm of sources and what misses mean, on a clock that the test
 * moves and with sources that it plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "codec/files.h"
#include "driver/fake.h"
#include "engine/control.h"
#include "engine/test_bed.h"

enum { ASKS_MAX = 4096, LINKS_MAX = 64, STEP_US = 10000, SECOND_US = 1000000 };

struct bed {
	char folder[64], path[96];
	uv_loop_t loop;
	struct clock_fake clock;
	struct store *store;
	struct fake_world *world;
	struct driver *driver;
	struct engine *engine;
	struct telemetry telemetry;
	struct telemetry_link *open[LINKS_MAX];
	unsigned open_count;
	struct {
		struct telemetry_link *link;
		int64_t at_us;
	} asks[ASKS_MAX];
	unsigned ask_count;
	bool answers, stopped, closed, store_closed;
};

static const char TYPE[] =
	"type: plug\n"
	"sensors: {power: {type: number}}\n"
	"telemetry:\n"
	"  - {name: web, every: 10s, misses: 3, http: {url: 'http://{ip}'}, map: {power: {}}}\n"
	"states:\n"
	"  Normal: {chain: pass}\n"
	"  Watched: {chain: pass, telemetry_factor: 2}\n"
	"  Shut: {chain: block}\n"
	"rules:\n"
	"  - {name: lost, from: [Normal], when: 'alert(\"device-unavailable\")', to: Watched}\n"
	"  - {name: back, from: any, when: 'alert(\"device-available\")',\n"
	"     actions: [{telemetry_factor: 5, for: 1m}]}\n";

static const char SPEAKING[] =
	"type: plug\n"
	"sensors: {power: {type: number}}\n"
	"telemetry: [{name: push, every: 60s, misses: 2, push: {}}]\n"
	"states: {Normal: {chain: pass}, Watched: {chain: pass}}\n"
	"rules:\n"
	"  - {name: lost, from: [Normal], when: 'alert(\"device-unavailable\")', to: Watched}\n";

static struct bed *bed_of(struct telemetry *telemetry)
{
	return container_of(telemetry, struct bed, telemetry);
}

static void open_link(struct telemetry *telemetry, struct telemetry_link *link)
{
	struct bed *bed = bed_of(telemetry);
	link->telemetry = telemetry;
	assert_true(bed->open_count < LINKS_MAX);
	bed->open[bed->open_count++] = link;
}

static void say(struct telemetry_link *link, double value)
{
	struct sensor_reading reading = {.number = value};
	link->listener->on_values(link, &reading, 1);
}

static void ask(struct telemetry *telemetry, struct telemetry_link *link)
{
	struct bed *bed = bed_of(telemetry);
	assert_true(bed->ask_count < ASKS_MAX);
	bed->asks[bed->ask_count].link = link;
	bed->asks[bed->ask_count++].at_us = bed->clock.time_us;
}

static void close_link(struct telemetry *telemetry, struct telemetry_link *link)
{
	struct bed *bed = bed_of(telemetry);
	unsigned i = 0;
	while (i < bed->open_count && bed->open[i] != link)
		i++;
	assert_true(i < bed->open_count);
	bed->open[i] = bed->open[--bed->open_count];
	link->listener->on_closed(link);
}

static const struct telemetry_ops OPS = {open_link, ask, close_link};

static void on_trouble(void *data maybe_unused, const char *words maybe_unused)
{
}

static void start(struct bed *bed, const char *type, unsigned devices)
{
	struct engine_config config;
	struct error err = {0};
	bool damaged;
	struct store_config store = {.path = bed->path,
				     .queue_max = 4096,
				     .on_trouble = on_trouble,
				     .history_age_max_us = INT64_MAX / 2,
				     .history_bytes_max = 1 << 30};
	struct policy *policy = read_policy(type);
	struct device *list = mem_alloc_array(devices, sizeof(*list));
	for (unsigned i = 0; i < devices; i++) {
		snprintf(list[i].name, sizeof(list[i].name), "plug%u", i);
		TEXT_COPY(list[i].type, "plug");
		TEXT_COPY(list[i].port, "dev0");
		TEXT_COPY(list[i].file, "f");
		list[i].mac = (struct mac){{2, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i}};
	}
	assert_int_equal(
		store_open(&bed->store, &bed->loop, &store, &bed->clock.clock, &damaged, &err), 0);
	engine_config_init(&config);
	assert_int_equal(engine_new(&bed->engine, &bed->loop, &bed->clock.clock, &config,
				    bed->store, &(struct definitions){&policy, 1, list, devices},
				    &err),
			 0);
	free(list);
	bed->world = fake_world_new(&bed->clock.clock);
	bed->driver = fake_open(bed->world, &bed->loop, engine_listener(bed->engine));
	bed->telemetry.ops = &OPS;
	engine_set_telemetry(bed->engine, &bed->telemetry);
	engine_start(bed->engine, bed->driver);
}

static int set_up(void **state)
{
	struct bed *bed = mem_alloc(sizeof(*bed));
	strcpy(bed->folder, "/dev/shm/kalki-telemetry-XXXXXX");
	assert_non_null(mkdtemp(bed->folder));
	snprintf(bed->path, sizeof(bed->path), "%s/db", bed->folder);
	uv_loop_init(&bed->loop);
	clock_init_fake(&bed->clock, 1000 * (int64_t)SECOND_US, 0);
	*state = bed;
	return 0;
}

static int tear_down(void **state)
{
	struct bed *bed = *state;
	engine_stop(bed->engine, on_done, &bed->stopped);
	assert_int_equal(bed->open_count, 0);
	loop_until(&bed->loop, &bed->stopped);
	bed->driver->ops->close(bed->driver, on_done, &bed->closed);
	loop_until(&bed->loop, &bed->closed);
	store_close(bed->store, on_done, &bed->store_closed);
	loop_until(&bed->loop, &bed->store_closed);
	engine_free(bed->engine);
	uv_run(&bed->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&bed->loop), 0);
	fake_world_free(bed->world);
	cleanup_free char *command = mem_printf("rm -r %s", bed->folder);
	assert_int_equal(system(command), 0);
	free(bed);
	return 0;
}

/* Time passes; each question is answered at once with `value`, or with a miss where it is below
 * 0. */
static void pass(struct bed *bed, int64_t us, double value)
{
	for (int64_t end_us = bed->clock.time_us + us; bed->clock.time_us < end_us;) {
		unsigned before = bed->ask_count;
		clock_fake_advance(&bed->clock, STEP_US);
		deadlines_run(bed->engine->deadlines);
		uv_run(&bed->loop, UV_RUN_NOWAIT);
		for (unsigned i = before; i < bed->ask_count; i++) {
			struct telemetry_link *link = bed->asks[i].link;
			if (value >= 0)
				say(link, value);
			else
				link->listener->on_miss(link, "silence", false);
		}
	}
}

static const char *state_of(const struct bed *bed, const char *name)
{
	static struct device_status status;
	assert_int_equal(engine_find_device(bed->engine, name, &status, NULL), 0);
	return status.state;
}

static void a_source_is_asked_without_drift(void **state)
{
	struct bed *bed = *state;
	start(bed, TYPE, 1);
	pass(bed, 1000 * (int64_t)SECOND_US, 1);
	assert_int_equal(bed->ask_count, 100);
	for (unsigned i = 1; i < bed->ask_count; i++) {
		int64_t since_us = bed->asks[i].at_us - bed->asks[0].at_us;
		assert_in_range(since_us - i * (int64_t)10 * SECOND_US + STEP_US, 0, 2 * STEP_US);
	}
	assert_string_equal(state_of(bed, "plug0"), "Normal");
}

static void many_devices_do_not_beat_together(void **state)
{
	struct bed *bed = *state;
	unsigned in_second[10] = {0};
	start(bed, TYPE, 60);
	pass(bed, 10 * SECOND_US, 1);
	assert_int_equal(bed->ask_count, 60);
	for (unsigned i = 0; i < bed->ask_count; i++)
		in_second[bed->asks[i].at_us / SECOND_US % 10]++;
	for (unsigned i = 0; i < 10; i++)
		assert_in_range(in_second[i], 1, 15);
}

static void misses_make_a_device_unavailable_and_an_answer_brings_it_back(void **state)
{
	struct bed *bed = *state;
	start(bed, TYPE, 1);
	pass(bed, 100 * SECOND_US, 1);
	pass(bed, 20 * SECOND_US, -1);
	assert_string_equal(state_of(bed, "plug0"), "Normal");
	pass(bed, 10 * SECOND_US, 1); /* not in a row */
	pass(bed, 20 * SECOND_US, -1);
	assert_string_equal(state_of(bed, "plug0"), "Normal");
	pass(bed, 10 * SECOND_US, -1);
	assert_string_equal(state_of(bed, "plug0"), "Watched");

	/* Asked less often from now on, but asked; the first answer brings back the rhythm. */
	unsigned before = bed->ask_count;
	pass(bed, 400 * SECOND_US, -1);
	assert_in_range(bed->ask_count - before, 9, 30);
	pass(bed, 150 * SECOND_US, 1);
	before = bed->ask_count;
	pass(bed, 100 * SECOND_US, 1);
	assert_int_equal(bed->ask_count - before, 20); /* Watched: twice as often */
}

static void an_open_question_lets_its_next_point_pass(void **state)
{
	struct bed *bed = *state;
	start(bed, TYPE, 1);
	for (int i = 0; i < 5000; i++) {
		clock_fake_advance(&bed->clock, STEP_US);
		deadlines_run(bed->engine->deadlines);
	}
	assert_int_equal(bed->ask_count, 1);
	say(bed->asks[0].link, 1);
	pass(bed, 20 * SECOND_US, 1);
	assert_int_equal(bed->ask_count, 3);
}

static void rules_change_the_rhythm(void **state)
{
	struct bed *bed = *state;
	struct error err = {0};
	static const struct operator_order order = {.who = "test"};
	start(bed, TYPE, 1);
	pass(bed, 40 * SECOND_US, -1);
	assert_string_equal(state_of(bed, "plug0"), "Watched");
	while (!bed->engine->by_name->factor_until_us)
		pass(bed, SECOND_US, 1); /* it is back: five times as often for a minute */
	unsigned before = bed->ask_count;
	pass(bed, 40 * SECOND_US, 1);
	assert_int_equal(bed->ask_count - before, 20);
	pass(bed, 40 * SECOND_US, 1);
	before = bed->ask_count;
	pass(bed, 100 * SECOND_US, 1);
	assert_int_equal(bed->ask_count - before, 20);
	assert_int_equal(engine_set_state(bed->engine, "plug0", "Normal", 0, &order, &err), 0);
	write_store(&bed->loop, bed->store);
	before = bed->ask_count;
	pass(bed, 100 * SECOND_US, 1);
	assert_int_equal(bed->ask_count - before, 10);
}

static void a_release_brings_the_rhythm_back(void **state)
{
	struct bed *bed = *state;
	struct error err = {0};
	static const struct operator_order order = {.who = "test"};
	start(bed, TYPE, 1);
	struct control_device *device = bed->engine->by_name;
	for (int64_t for_us = 0; for_us <= 1000 * (int64_t)SECOND_US;
	     for_us += 1000 * (int64_t)SECOND_US) {
		telemetry_set_factor(device, 0, for_us);
		unsigned before = bed->ask_count;
		pass(bed, 100 * SECOND_US, 1);
		assert_int_equal(bed->ask_count - before, 0);
		assert_int_equal(engine_release(bed->engine, "plug0", &order, &err), 0);
		pass(bed, 100 * SECOND_US, 1);
		assert_int_equal(bed->ask_count - before, 10);
	}
}

static void a_device_has_a_factor_of_its_own(void **state)
{
	struct bed *bed = *state;
	static const struct {
		double factor;
		unsigned asked;
	} cases[] = {{0, 10}, {2, 20}, {-1, 0}, {0.5, 5}};
	start(bed, TYPE, 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bed->engine->by_name->device.telemetry_factor = cases[i].factor;
		telemetry_follow(bed->engine->by_name);
		unsigned before = bed->ask_count;
		pass(bed, 100 * SECOND_US, 1);
		assert_int_equal(bed->ask_count - before, cases[i].asked);
	}
}

static void a_slow_rhythm_ends_when_it_should(void **state)
{
	struct bed *bed = *state;
	start(bed, TYPE, 1);
	telemetry_set_factor(bed->engine->by_name, 0.01, 20 * SECOND_US);
	pass(bed, 20 * SECOND_US, 1);
	unsigned before = bed->ask_count;
	pass(bed, 100 * SECOND_US, 1);
	assert_int_equal(bed->ask_count - before, 10);
}

static void what_we_block_is_not_unavailable(void **state)
{
	struct bed *bed = *state;
	struct error err = {0};
	static const struct operator_order order = {.who = "test"};
	start(bed, TYPE, 1);
	assert_int_equal(engine_quarantine(bed->engine, "plug0", &order, &err), 0);
	pass(bed, 100 * SECOND_US, -1);
	assert_string_equal(state_of(bed, "plug0"), "Normal");
	assert_true(bed->ask_count >= 9);
}

static void silence_of_a_source_that_speaks_is_a_miss(void **state)
{
	struct bed *bed = *state;
	start(bed, SPEAKING, 1);
	assert_int_equal(bed->open_count, 1);
	pass(bed, 50 * SECOND_US, 1);
	say(bed->open[0], 1);
	pass(bed, 115 * SECOND_US, 1);
	assert_string_equal(state_of(bed, "plug0"), "Normal");
	pass(bed, 10 * SECOND_US, 1);
	assert_string_equal(state_of(bed, "plug0"), "Watched");
	assert_int_equal(bed->ask_count, 0);
}

static void a_source_that_says_that_it_is_gone_is_believed(void **state)
{
	struct bed *bed = *state;
	start(bed, SPEAKING, 1);
	bed->open[0]->listener->on_miss(bed->open[0], "offline", true);
	assert_string_equal(state_of(bed, "plug0"), "Watched");
}

static void assert_newest(struct bed *bed, double value)
{
	struct sensor_status sensor;
	struct error err = {0};
	assert_int_equal(engine_read_sensor(bed->engine, "plug0", 0, &sensor, &err), 0);
	assert_true(sensor.known && sensor.newest.number == value);
}

static void a_flood_of_values_is_left_out(void **state)
{
	struct bed *bed = *state;
	start(bed,
	      "type: plug\n"
	      "sensors: {power: {type: number}}\n"
	      "telemetry: [{name: bus, mqtt: {broker: 'mqtt://b', topic: t}, map: {power: {}}}]\n"
	      "states: {Normal: {chain: pass}}\n",
	      1);
	for (unsigned i = 1; i <= 150; i++)
		say(bed->open[0], i);
	assert_newest(bed, 100);
	clock_fake_advance(&bed->clock, 100000);
	for (unsigned i = 201; i <= 210; i++)
		say(bed->open[0], i);
	assert_newest(bed, 202); /* one each 50 ms */
	clock_fake_advance(&bed->clock, 60LL * SECOND_US);
	say(bed->open[0], 300);
	assert_newest(bed, 300);
}

static int push(struct bed *bed, const char *source, const char *values, struct error *err)
{
	static const struct operator_order order = {.who = "test"};
	json_t *json = json_loads(values, 0, NULL);
	int r = engine_push(bed->engine, "plug0", source, json, &order, err);
	json_decref(json);
	return r;
}

static void values_are_pushed_and_read_back(void **state)
{
	struct bed *bed = *state;
	struct error err = {0};
	struct sensor_status sensor;
	struct source_status source;
	start(bed, SPEAKING, 1);
	assert_int_equal(engine_read_sensor(bed->engine, "plug0", 0, &sensor, &err), 0);
	assert_false(sensor.known);
	assert_int_equal(push(bed, NULL, "{\"power\": 2.5}", &err), 0);
	clock_fake_advance(&bed->clock, SECOND_US);
	assert_int_equal(engine_read_sensor(bed->engine, "plug0", 0, &sensor, &err), 0);
	assert_true(sensor.known && sensor.newest.number == 2.5);
	assert_string_equal(sensor.source, "push");
	assert_int_equal(sensor.wall_us, bed->clock.wall_us - SECOND_US);
	assert_int_equal(engine_read_source(bed->engine, "plug0", 0, &source, &err), 0);
	assert_true(source.available);
	pass(bed, 61 * SECOND_US, 1);
	assert_int_equal(engine_read_source(bed->engine, "plug0", 0, &source, &err), 0);
	assert_int_equal(source.misses, 1);
	assert_int_equal(engine_read_sensor(bed->engine, "plug0", 1, &sensor, &err), -ENOENT);

	assert_int_equal(push(bed, "other", "{\"power\": 1}", &err), -EINVAL);
	assert_string_equal(err.text, "device 'plug0' has no source 'other' that is pushed");
	assert_int_equal(push(bed, "push", "{\"power\": true}", &err), -EINVAL);
	assert_string_equal(err.text, "power: is no number");
}

static void sources_follow_devices_and_policies(void **state)
{
	struct bed *bed = *state;
	struct error err = {0};
	static const struct operator_order order = {.who = "test"};
	struct device device = {.name = "new", .type = "plug", .port = "dev0"};
	start(bed, TYPE, 0);
	device.mac = (struct mac){{2, 1, 0, 0, 0, 1}};
	assert_int_equal(bed->open_count, 0);
	assert_int_equal(engine_add_device(bed->engine, &device, &order, &err), 0);
	assert_int_equal(bed->open_count, 1);
	pass(bed, 10 * SECOND_US, 1);
	assert_int_equal(bed->ask_count, 1);

	device.ip_count = 1;
	device.ips[0] = (struct ip){.family = 4, .octet = {10, 0, 0, 9}};
	assert_int_equal(engine_change_device(bed->engine, &device, &order, &err), 0);
	assert_int_equal(bed->open_count, 1);
	assert_int_equal(bed->open[0]->device->ip_count, 1);

	struct policy *policy = read_policy(SPEAKING);
	engine_reload(bed->engine, &(struct definitions){&policy, 1, NULL, 0});
	assert_int_equal(bed->open_count, 1);
	assert_int_equal(bed->open[0]->source->kind, SOURCE_PUSH);
	unsigned before = bed->ask_count;
	pass(bed, 20 * SECOND_US, 1);
	assert_int_equal(bed->ask_count, before);

	assert_int_equal(engine_remove_device(bed->engine, "new", &order, &err), 0);
	assert_int_equal(bed->open_count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_source_is_asked_without_drift),
		TEST(many_devices_do_not_beat_together),
		TEST(misses_make_a_device_unavailable_and_an_answer_brings_it_back),
		TEST(an_open_question_lets_its_next_point_pass),
		TEST(rules_change_the_rhythm),
		TEST(a_release_brings_the_rhythm_back),
		TEST(a_device_has_a_factor_of_its_own),
		TEST(a_slow_rhythm_ends_when_it_should),
		TEST(what_we_block_is_not_unavailable),
		TEST(silence_of_a_source_that_speaks_is_a_miss),
		TEST(a_source_that_says_that_it_is_gone_is_believed),
		TEST(a_flood_of_values_is_left_out),
		TEST(values_are_pushed_and_read_back),
		TEST(sources_follow_devices_and_policies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
