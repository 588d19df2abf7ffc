/* SPDX-License-Identifier: Apache-2.0 */
/* test_hue.c - requests to a Hue bridge: guesses, writes, paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hue.h"
#include "talk.h"

#define SECOND INT64_C(1000000)

struct fixture {
	struct hue_guard *guard;
	struct talk talk;
	unsigned alerts;
	char type[64], detail[192];
	uint32_t count;
};

static void tell(const struct umbox_alert *alert, void *user)
{
	struct fixture *fixture = user;
	fixture->alerts++;
	snprintf(fixture->type, sizeof(fixture->type), "%s", alert->type);
	snprintf(fixture->detail, sizeof(fixture->detail), "%s", alert->detail);
	fixture->count = alert->count;
}

static enum umbox_verdict judge(struct umbox_frame *frame, void *user)
{
	return hue_frame(((struct fixture *)user)->guard, NULL, frame);
}

static const struct hue_settings standard = {
	.http = {{80}, 1},
	.tls = {{443}, 1},
	.attempts = 5,
	.interval_us = 10 * SECOND,
	.alert_pause_us = 10 * SECOND,
};

static void start(struct fixture *fixture, const struct hue_settings *settings)
{
	hue_free(fixture->guard);
	*fixture = (struct fixture){.guard = hue_new(settings, tell, fixture)};
	fixture->talk = (struct talk){.judge = judge,
				      .user = fixture,
				      .client = "10.20.0.9",
				      .client_port = 4000,
				      .server_port = 80,
				      .now_us = SECOND};
}

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	start(*state, &standard);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	hue_free(fixture->guard);
	free(fixture);
	return 0;
}

/* On a connection of its own. */
static enum umbox_verdict ask(struct fixture *fixture, const char *method, const char *target)
{
	char text[512];
	bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
	snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: hue\r\n%s", method, target,
		 reads ? "\r\n" : "Content-Length: 2\r\n\r\n{}");
	if (!talk_open(&fixture->talk))
		return UMBOX_DROP;
	return talk_client(&fixture->talk, text);
}

static void asking_for_users_is_an_attack(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(ask(fixture, "POST", i % 2 ? "/api" : "/%61pi/"), UMBOX_PASS);
	assert_int_equal(fixture->alerts, 0);
	assert_int_equal(ask(fixture, "POST", "http://hue/api"), UMBOX_PASS);
	assert_int_equal(fixture->alerts, 1);
	assert_string_equal(fixture->type, "brute-force");
	assert_string_equal(fixture->detail, "5 requests for a new user in 10 s");
	assert_int_equal(fixture->count, 5);
	assert_int_equal(hue_counts(fixture->guard)->new_users, 5);
}

static void a_slow_pairing_is_none(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(ask(fixture, "POST", "/api"), UMBOX_PASS);
		fixture->talk.now_us += 3 * SECOND;
	}
	assert_int_equal(fixture->alerts, 0);
}

static void many_tokens_are_an_attack(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < 5; i++) {
		char target[64];
		assert_int_equal(fixture->alerts, 0);
		snprintf(target, sizeof(target), "/api/secret%d/lights", i);
		assert_int_equal(ask(fixture, "GET", target), UMBOX_PASS);
	}
	assert_int_equal(fixture->alerts, 1);
	assert_string_equal(fixture->type, "brute-force");
	assert_string_equal(fixture->detail, "5 different tokens in 10 s");
}

static void tokens_that_differ_far_behind_are_different(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < 5; i++) {
		char target[256];
		snprintf(target, sizeof(target), "/api/%0120d%d", 7, i);
		assert_int_equal(ask(fixture, "GET", target), UMBOX_PASS);
	}
	assert_int_equal(fixture->alerts, 1);
}

static void targets_without_a_spelling_hide_no_tokens(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < 5; i++) {
		char target[64];
		assert_int_equal(fixture->alerts, 0);
		snprintf(target, sizeof(target), "/api/secret%d/lights%s", i,
			 i % 2 ? "%00" : "%zz");
		assert_int_equal(ask(fixture, "GET", target), UMBOX_PASS);
	}
	assert_int_equal(fixture->alerts, 1);
}

static void an_app_that_polls_is_none(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < 200; i++) {
		assert_int_equal(ask(fixture, "GET", "/api/token1/lights"), UMBOX_PASS);
		assert_int_equal(ask(fixture, "PUT", "/api/token2/lights/1/state"), UMBOX_PASS);
		assert_int_equal(ask(fixture, "GET", "/api/config"), UMBOX_PASS);
		assert_int_equal(ask(fixture, "GET", "/description.xml"), UMBOX_PASS);
		fixture->talk.now_us += SECOND / 4;
	}
	assert_int_equal(fixture->alerts, 0);
	assert_int_equal(hue_counts(fixture->guard)->tokens, 2);
	assert_int_equal(hue_counts(fixture->guard)->requests, 800);
}

static void an_attacker_is_blocked_for_a_time(void **state)
{
	struct fixture *fixture = *state;
	struct hue_settings settings = standard;
	settings.block_us = 60 * SECOND;
	start(fixture, &settings);
	for (int i = 0; i < 4; i++)
		assert_int_equal(ask(fixture, "POST", "/api"), UMBOX_PASS);
	assert_int_equal(ask(fixture, "POST", "/api"), UMBOX_DROP);
	assert_false(talk_open(&fixture->talk));
	assert_int_equal(hue_counts(fixture->guard)->blocked, 1);
	fixture->talk.client = "10.20.0.8";
	assert_true(talk_open(&fixture->talk));
	fixture->talk.client = "10.20.0.9";
	fixture->talk.now_us += 61 * SECOND;
	assert_true(talk_open(&fixture->talk));
}

static void read_only_lets_nothing_be_changed(void **state)
{
	struct fixture *fixture = *state;
	struct hue_settings settings = standard;
	settings.read_only = true;
	start(fixture, &settings);
	assert_int_equal(ask(fixture, "GET", "/api/token/lights"), UMBOX_PASS);
	assert_int_equal(ask(fixture, "HEAD", "/api/token"), UMBOX_PASS);
	assert_int_equal(fixture->alerts, 0);
	assert_int_equal(ask(fixture, "PUT", "/api/token/lights/1/state"), UMBOX_DROP);
	assert_string_equal(fixture->type, "request-refused");
	assert_string_equal(fixture->detail, "PUT of what is not allowed");
	assert_int_equal(ask(fixture, "DELETE", "/api/token/x"), UMBOX_DROP);
	assert_int_equal(ask(fixture, "POST", "/api"), UMBOX_DROP);
	assert_int_equal(fixture->alerts, 1); /* the pause */
	assert_int_equal(hue_counts(fixture->guard)->restricted, 3);
	/* Behind an allowed request, and in pieces. */
	assert_true(talk_open(&fixture->talk));
	assert_int_equal(talk_client(&fixture->talk, "GET /a HTTP/1.1\r\nHost: x\r\n\r\nPU"),
			 UMBOX_PASS);
	assert_int_equal(talk_client(&fixture->talk, "T /b HTTP/1.1\r\nHost: x\r\n"), UMBOX_PASS);
	assert_int_equal(talk_client(&fixture->talk, "\r\n"), UMBOX_DROP);
}

static void what_cannot_be_read_is_refused_when_restricted(void **state)
{
	struct fixture *fixture = *state;
	struct hue_settings settings = standard;
	settings.read_only = true;
	start(fixture, &settings);
	assert_int_equal(ask(fixture, "GET", "/api/%zz"), UMBOX_DROP);
	assert_true(talk_open(&fixture->talk));
	assert_int_equal(talk_client(&fixture->talk, "\x16\x03\x01 what\r\n\r\n"), UMBOX_DROP);
	/* A connection that began before. */
	fixture->talk.client_port++;
	assert_int_equal(talk_client(&fixture->talk, "GET / HTTP/1.1\r\n\r\n"), UMBOX_DROP);
	fixture->talk.server_port = 443;
	assert_true(talk_open(&fixture->talk));
	assert_int_equal(talk_client(&fixture->talk, "\x16\x03\x01"), UMBOX_DROP);
	start(fixture, &standard);
	fixture->talk.server_port = 443;
	assert_true(talk_open(&fixture->talk));
	assert_int_equal(talk_client(&fixture->talk, "\x16\x03\x01"), UMBOX_PASS);
	assert_int_equal(fixture->alerts, 0);
}

static void only_allowed_paths_are_let_through(void **state)
{
	struct fixture *fixture = *state;
	const char *paths[] = {"/api/*/lights", "/description.xml"};
	struct hue_settings settings = standard;
	settings.allowed_paths = paths;
	settings.allowed_count = 2;
	start(fixture, &settings);
	assert_int_equal(ask(fixture, "GET", "/api/token/lights/1"), UMBOX_PASS);
	assert_int_equal(ask(fixture, "PUT", "/api/token/lights/1/state?x=1"), UMBOX_PASS);
	assert_int_equal(ask(fixture, "GET", "/description.xml"), UMBOX_PASS);
	assert_int_equal(ask(fixture, "GET", "/api/token/config"), UMBOX_DROP);
	assert_int_equal(ask(fixture, "GET", "/api/token/lights/../config"), UMBOX_DROP);
	assert_int_equal(ask(fixture, "GET", "/api/token/lights/%2e%2e/config"), UMBOX_DROP);
	assert_int_equal(ask(fixture, "GET", "/api/token/lightsaber"), UMBOX_DROP);
	assert_int_equal(ask(fixture, "GET", "/api"), UMBOX_DROP);
}

static bool everybody(const void *user, const struct umbox_ip *source)
{
	(void)user;
	return source->family == 4;
}

static void the_exempt_may_do_all(void **state)
{
	struct fixture *fixture = *state;
	struct hue_settings settings = standard;
	settings.read_only = true;
	settings.is_exempt = everybody;
	start(fixture, &settings);
	for (int i = 0; i < 10; i++)
		assert_int_equal(ask(fixture, "PUT", "/api/token/lights/1/state"), UMBOX_PASS);
	assert_int_equal(hue_counts(fixture->guard)->requests, 0);
}

static void prefixes_are_of_whole_parts(void **state)
{
	(void)state;
	assert_true(hue_path_matches("/", "/"));
	assert_true(hue_path_matches("/", "/x/y"));
	assert_true(hue_path_matches("/x/", "/x"));
	assert_true(hue_path_matches("/*/y", "/x/y/z"));
	assert_false(hue_path_matches("/x", "/"));
	assert_false(hue_path_matches("/x/*", "/x"));
	assert_false(hue_path_matches("/x*", "/xy"));
	assert_false(hue_path_matches("/x", "/X"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(asking_for_users_is_an_attack, setup, teardown),
		cmocka_unit_test_setup_teardown(a_slow_pairing_is_none, setup, teardown),
		cmocka_unit_test_setup_teardown(many_tokens_are_an_attack, setup, teardown),
		cmocka_unit_test_setup_teardown(tokens_that_differ_far_behind_are_different, setup,
						teardown),
		cmocka_unit_test_setup_teardown(targets_without_a_spelling_hide_no_tokens, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_app_that_polls_is_none, setup, teardown),
		cmocka_unit_test_setup_teardown(an_attacker_is_blocked_for_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(read_only_lets_nothing_be_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_read_is_refused_when_restricted,
						setup, teardown),
		cmocka_unit_test_setup_teardown(only_allowed_paths_are_let_through, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_exempt_may_do_all, setup, teardown),
		cmocka_unit_test(prefixes_are_of_whole_parts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
