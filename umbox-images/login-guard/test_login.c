/* SPDX-License-Identifier: Apache-2.0 */
/* test_login.c - logins over HTTP, FTP and Telnet, honest and not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "login.h"
#include "talk.h"

#define SECOND            INT64_C(1000000)
#define BASIC_ADMIN_ADMIN "YWRtaW46YWRtaW4="
#define BASIC_BOB_X       "Ym9iOng="

struct fixture {
	struct login_guard *guard;
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
	assert_int_equal(alert->target_port, fixture->talk.server_port);
}

static enum umbox_verdict judge(struct umbox_frame *frame, void *user)
{
	return login_frame(((struct fixture *)user)->guard, NULL, frame);
}

static const struct login_settings standard = {
	.http = {{80}, 1},
	.ftp = {{21}, 1},
	.telnet = {{23}, 1},
	.defaults = {{"admin:admin"}, 1},
	.default_users = {{"factory"}, 1},
	.user_fields = {{"user"}, 1},
	.password_fields = {{"password"}, 1},
	.attempts = 3,
	.source_attempts = 5,
	.interval_us = 60 * SECOND,
	.alert_pause_us = 10 * SECOND,
	.refuse_default = true,
};

static void start(struct fixture *fixture, const struct login_settings *settings, uint16_t port)
{
	login_free(fixture->guard);
	*fixture = (struct fixture){.guard = login_new(settings, tell, fixture)};
	fixture->talk = (struct talk){.judge = judge,
				      .user = fixture,
				      .client = "10.20.0.9",
				      .client_port = 4000,
				      .server_port = port,
				      .now_us = SECOND};
}

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	start(*state, &standard, 80);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	login_free(fixture->guard);
	free(fixture);
	return 0;
}

static enum umbox_verdict get(struct fixture *fixture, const char *authorization)
{
	char text[512];
	snprintf(text, sizeof(text),
		 "GET /video HTTP/1.1\r\nHost: cam\r\nAuthorization: %s\r\n\r\n", authorization);
	return talk_client(&fixture->talk, text);
}

static const char *const no = "HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno";
static const char *const yes = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes";

static void a_good_login_is_no_attack_however_often(void **state)
{
	struct fixture *fixture = *state;
	assert_true(talk_open(&fixture->talk));
	for (int i = 0; i < 50; i++) {
		assert_int_equal(get(fixture, "Basic " BASIC_BOB_X), UMBOX_PASS);
		assert_int_equal(talk_server(&fixture->talk, yes), UMBOX_PASS);
	}
	assert_int_equal(fixture->alerts, 0);
	assert_int_equal(login_counts(fixture->guard)->attempts, 50);
}

static void failed_ones_are_counted(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 1; i <= 3; i++) {
		assert_true(talk_open(&fixture->talk));
		get(fixture, "Digest username=\"bob\", realm=\"x\"");
		assert_int_equal(fixture->alerts, 0);
		talk_server(&fixture->talk, no);
	}
	assert_int_equal(fixture->alerts, 1);
	assert_string_equal(fixture->type, "max-login-attempts");
	assert_int_equal(fixture->count, 3);
	assert_non_null(strstr(fixture->detail, "as 'bob'"));
}

static void one_source_that_tries_many_users_is_seen(void **state)
{
	struct fixture *fixture = *state;
	static const char *const users[] = {"a", "b", "c", "d", "e"};
	assert_true(talk_open(&fixture->talk));
	for (int i = 0; i < 5; i++) {
		char digest[64];
		assert_int_equal(fixture->alerts, 0);
		snprintf(digest, sizeof(digest), "Digest username=\"%s\"", users[i]);
		get(fixture, digest);
		talk_server(&fixture->talk, no);
	}
	assert_int_equal(fixture->alerts, 1);
	assert_int_equal(fixture->count, 5);
}

static void pipelined_answers_find_their_requests(void **state)
{
	struct fixture *fixture = *state;
	assert_true(talk_open(&fixture->talk));
	talk_client(&fixture->talk,
		    "HEAD /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n"
		    "GET /c HTTP/1.1\r\nAuthorization: Basic " BASIC_BOB_X "\r\n\r\n");
	talk_server(&fixture->talk, "HTTP/1.1 401 No\r\nContent-Length: 500\r\n\r\n");
	talk_server(&fixture->talk, no);
	assert_int_equal(login_counts(fixture->guard)->failures, 0);
	talk_server(&fixture->talk, "HTTP/1.1 100 Continue\r\n\r\n");
	talk_server(&fixture->talk, no);
	assert_int_equal(login_counts(fixture->guard)->failures, 1);
}

static void answers_that_cannot_be_read_excuse_nobody(void **state)
{
	struct fixture *fixture = *state;
	assert_true(talk_open(&fixture->talk));
	talk_server(&fixture->talk, "nonsense\r\n");
	for (int i = 0; i < 3; i++)
		get(fixture, "Basic " BASIC_BOB_X);
	assert_int_equal(fixture->alerts, 1);
}

static void factory_credentials_are_refused(void **state)
{
	struct fixture *fixture = *state;
	assert_true(talk_open(&fixture->talk));
	assert_int_equal(talk_client(&fixture->talk, "GET / HTTP/1.1\r\nAuthor"), UMBOX_PASS);
	assert_int_equal(
		talk_client(&fixture->talk, "ization: Basic " BASIC_ADMIN_ADMIN "\r\n\r\n"),
		UMBOX_DROP);
	assert_int_equal(fixture->alerts, 1);
	assert_string_equal(fixture->type, "default-login");
	assert_int_equal(get(fixture, "Basic " BASIC_BOB_X), UMBOX_DROP);
	assert_true(talk_open(&fixture->talk));
	assert_int_equal(get(fixture, "Digest username=\"factory\""), UMBOX_DROP);
	assert_int_equal(fixture->alerts, 1); /* the pause */
	assert_int_equal(login_counts(fixture->guard)->defaults, 2);
}

static void factory_credentials_may_only_be_told(void **state)
{
	struct fixture *fixture = *state;
	struct login_settings settings = standard;
	settings.refuse_default = false;
	start(fixture, &settings, 80);
	assert_true(talk_open(&fixture->talk));
	assert_int_equal(get(fixture, "Basic " BASIC_ADMIN_ADMIN), UMBOX_PASS);
	assert_int_equal(fixture->alerts, 1);
}

static void forms_are_logins(void **state)
{
	struct fixture *fixture = *state;
	assert_true(talk_open(&fixture->talk));
	assert_int_equal(
		talk_client(&fixture->talk, "GET /?user=admin&password=%61dmin HTTP/1.1\r\n\r\n"),
		UMBOX_DROP);
	assert_true(talk_open(&fixture->talk));
	assert_int_equal(talk_client(&fixture->talk, "POST / HTTP/1.1\r\nContent-Length: 25\r\n"
						     "Content-Type: application/x-www-form-"
						     "urlencoded; charset=utf-8\r\n\r\n"
						     "user=admin&password=ad"),
			 UMBOX_PASS);
	assert_int_equal(talk_client(&fixture->talk, "min"), UMBOX_DROP);
	assert_int_equal(login_counts(fixture->guard)->defaults, 2);
}

static void what_is_no_http_is_cut(void **state)
{
	struct fixture *fixture = *state;
	assert_true(talk_open(&fixture->talk));
	assert_int_equal(talk_client(&fixture->talk, "GET / HTTP/1.1\r\nContent-Length: 1\r\n"
						     "Content-Length: 2\r\n\r\n"),
			 UMBOX_DROP);
}

static void ftp_is_read(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, &standard, 21);
	assert_true(talk_open(&fixture->talk));
	talk_server(&fixture->talk, "220 hello\r\n");
	for (int i = 0; i < 3; i++) {
		talk_client(&fixture->talk, "user bob\r\n");
		talk_server(&fixture->talk, "331 go on\r\n");
		talk_client(&fixture->talk, "PASS guess\r\n");
		talk_server(&fixture->talk, "530 no\r\n");
	}
	assert_int_equal(fixture->alerts, 1);
	assert_string_equal(fixture->type, "max-login-attempts");
	assert_true(talk_open(&fixture->talk));
	talk_client(&fixture->talk, "USER admin\r\n");
	assert_int_equal(talk_client(&fixture->talk, "PASS admin\r\n"), UMBOX_DROP);
	assert_string_equal(fixture->type, "default-login");
}

static void telnet_is_read_by_its_prompts(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, &standard, 23);
	assert_true(talk_open(&fixture->talk));
	talk_server(&fixture->talk, "\xff\xfd\x18 cam login: ");
	talk_client(&fixture->talk, "\xff\xfb\x18\xff\xfa\x18xterm\xff\xf0");
	talk_client(&fixture->talk, "admim\bn\r\n");
	talk_server(&fixture->talk, "admin\r\nPassword: ");
	assert_int_equal(talk_client(&fixture->talk, "adm"), UMBOX_PASS);
	assert_int_equal(talk_client(&fixture->talk, "in\r"), UMBOX_DROP);
	assert_string_equal(fixture->type, "default-login");
	assert_int_equal(login_counts(fixture->guard)->attempts, 1);
}

static void an_attacker_is_blocked_for_a_time(void **state)
{
	struct fixture *fixture = *state;
	struct login_settings settings = standard;
	settings.block_us = 30 * SECOND;
	start(fixture, &settings, 80);
	assert_true(talk_open(&fixture->talk));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(get(fixture, "Basic " BASIC_BOB_X), UMBOX_PASS);
		assert_int_equal(talk_server(&fixture->talk, no), i < 2 ? UMBOX_PASS : UMBOX_DROP);
	}
	assert_false(talk_open(&fixture->talk));
	fixture->talk.client = "10.20.0.8";
	assert_true(talk_open(&fixture->talk));
	fixture->talk.client = "10.20.0.9";
	fixture->talk.now_us += 30 * SECOND;
	assert_true(talk_open(&fixture->talk));
	assert_true(login_counts(fixture->guard)->blocked > 0);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		EACH(a_good_login_is_no_attack_however_often),
		EACH(failed_ones_are_counted),
		EACH(one_source_that_tries_many_users_is_seen),
		EACH(pipelined_answers_find_their_requests),
		EACH(answers_that_cannot_be_read_excuse_nobody),
		EACH(factory_credentials_are_refused),
		EACH(factory_credentials_may_only_be_told),
		EACH(forms_are_logins),
		EACH(what_is_no_http_is_cut),
		EACH(ftp_is_read),
		EACH(telnet_is_read_by_its_prompts),
		EACH(an_attacker_is_blocked_for_a_time),
	};
	return cmocka_run_group_tests_name("login", tests, NULL, NULL);
}
