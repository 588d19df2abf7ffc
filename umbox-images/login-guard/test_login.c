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

static enum umbox_verdict post(struct fixture *fixture, const char *type, const char *body)
{
	static char text[1500];
	snprintf(text, sizeof(text), "POST / HTTP/1.1\r\nContent-Length: %zu\r\n%s\r\n%s",
		 strlen(body), type, body);
	return talk_client(&fixture->talk, text);
}

static void no_form_hides_factory_credentials(void **state)
{
	static const char *const bodies[] = {
		"user=admin&password=admin",
		"password=admin&user=admin",
		"user=bob&password=x&password=admin&user=admin",
		"user=admin&user=bob&password=admin",
		"user=ADMIN&password=admin&user=bob",
	};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		assert_true(talk_open(&fixture->talk));
		assert_int_equal(post(fixture, "Content-Type: text/plain\r\n", bodies[i]),
				 UMBOX_DROP);
	}
	assert_true(talk_open(&fixture->talk));
	assert_int_equal(talk_client(&fixture->talk, "GET http://cam/?password=admin&user=admin "
						     "HTTP/1.1\r\n\r\n"),
			 UMBOX_DROP);
	/* One half in the target, the other in the body. */
	assert_true(talk_open(&fixture->talk));
	assert_int_equal(talk_client(&fixture->talk, "POST /?user=admin HTTP/1.1\r\n"
						     "Content-Length: 14\r\n\r\npassword=admin"),
			 UMBOX_DROP);
	assert_true(talk_open(&fixture->talk));
	assert_int_equal(talk_client(&fixture->talk, "POST /?password=admin HTTP/1.1\r\n"
						     "Content-Length: 10\r\n\r\nuser=admin"),
			 UMBOX_DROP);
	assert_int_equal(login_counts(fixture->guard)->defaults, 8);
}

/* The body comes in segments of so many bytes. */
static enum umbox_verdict post_slowly(struct fixture *fixture, const char *type, const char *body,
				      size_t step)
{
	char text[512];
	assert_true(talk_open(&fixture->talk));
	snprintf(text, sizeof(text), "POST / HTTP/1.1\r\nContent-Length: %zu\r\n%s\r\n",
		 strlen(body), type);
	enum umbox_verdict verdict = talk_client(&fixture->talk, text);
	for (; *body && verdict == UMBOX_PASS; body += strlen(text)) {
		snprintf(text, step + 1, "%s", body);
		verdict = talk_client(&fixture->talk, text);
	}
	return verdict;
}

static void json_hides_no_factory_credentials(void **state)
{
	static const char *const bodies[] = {
		"{\"user\":\"admin\",\"password\":\"admin\"}",
		" [ 1, {\"a\": {\"Password\" : \"admin\", \"n\": null, \"USER\": \"admin\"}} ]",
		"{\"us\\u0065r\":\"\\u0061dmin\",\"pass\\word\":\"a\\u0064min\"}",
		"{\"user\":\"a\",\"user\":\"admin\",\"password\":\"admin\",\"password\":\"x\"}",
		("[{\"user\":\"a\",\"password\":\"b\"},{\"user\":\"admin\",\"password\":\"admin\"},"
		 "{\"user\":\"c\",\"password\":\"d\"}]"),
		"{user:admin,password:admin}",
	};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		for (size_t step = 1; step < 300; step += 99)
			assert_int_equal(post_slowly(fixture, "", bodies[i], step), UMBOX_DROP);
	/* Half in the target. */
	assert_true(talk_open(&fixture->talk));
	assert_int_equal(talk_client(&fixture->talk, "POST /?cmd=Login&user=admin HTTP/1.1\r\n"
						     "Content-Length: 20\r\n\r\n"
						     "{\"password\":\"admin\"}"),
			 UMBOX_DROP);
}

static void numbers_in_json_are_passwords(void **state)
{
	struct fixture *fixture = *state;
	struct login_settings settings = standard;
	settings.defaults = (struct login_texts){{"admin:1234"}, 1};
	start(fixture, &settings, 80);
	assert_int_equal(post_slowly(fixture, "", "{\"user\":\"admin\",\"password\":1234}", 200),
			 UMBOX_DROP);
}

static void a_login_in_json_has_failed_when_the_device_says_so(void **state)
{
	static const char login[] = "{\"user\":\"bob\",\"password\":\"x\"}";
	struct fixture *fixture = *state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(post_slowly(fixture, "", login, 300), UMBOX_PASS);
		talk_server(&fixture->talk, yes);
	}
	assert_int_equal(fixture->alerts, 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(post_slowly(fixture, "", login, 300), UMBOX_PASS);
		talk_server(&fixture->talk, no);
	}
	assert_int_equal(fixture->alerts, 1);
	assert_non_null(strstr(fixture->detail, "as 'bob'"));
	/* What only holds some is none: an image of the device's own software. */
	assert_int_equal(
		post_slowly(fixture, "", "x{\"user\":\"admin\",\"password\":\"admin\"}", 300),
		UMBOX_PASS);
}

#define MULTIPART "Content-Type: multipart/form-data; boundary=\"-xy\"\r\n"
#define PART      "---xy\r\nContent-Disposition: form-data; name="

static void parts_hide_no_factory_credentials(void **state)
{
	static const char *const bodies[] = {
		PART "\"user\"\r\n\r\nadmin\r\n" PART "\"password\"\r\n\r\nadmin\r\n---xy--\r\n",
		"preamble\n" PART "password\n\nadmin\n" PART "USER\n\nadmin",
		PART "\"user\"\r\nContent-Type: text/plain\r\n\r\nadmin\r\n" PART
		     "\"f\"; filename=\"C:\\x; name=y\"\r\n\r\nuser\r\n\r\n--no\r\n" PART
		     "\"password\"\r\n\r\nadmin",
	};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		for (size_t step = 1; step < 300; step += 99)
			assert_int_equal(post_slowly(fixture, MULTIPART, bodies[i], step),
					 UMBOX_DROP);
	assert_int_equal(login_counts(fixture->guard)->defaults, 12);
}

static void parts_with_two_readings_are_cut(void **state)
{
	static const char two[] = "Content-Type: multipart/form-data; boundary=a; boundary=b\r\n";
	static const char *const heads[] = {
		PART "\"a\"; name=\"user\"\r\n\r\n",
		PART "\"a\\\"; name=\"user\"\r\n\r\n",
		PART "\"a\"\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\n",
		PART "\"a\";\r\n b=c\r\n\r\n",
		"---xy\nContent-Disposition: form-data; name*=utf-8''user\r\n\r\n",
	};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		assert_int_equal(post_slowly(fixture, MULTIPART, heads[i], 300), UMBOX_DROP);
	assert_int_equal(post_slowly(fixture, two, "x", 300), UMBOX_DROP);
	assert_int_equal(post_slowly(fixture, "Content-Type: multipart/form-data\r\n", "x", 300),
			 UMBOX_DROP);
	assert_int_equal(login_counts(fixture->guard)->attempts, 0);
}

static void a_file_in_parts_is_no_login(void **state)
{
	static const char upload[] = PART
		"\"f\"; filename=\"firmware.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n"
		"user=x\r\n--\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nadmin\r\n"
		"---xy--\r\n";
	struct fixture *fixture = *state;
	for (int i = 0; i < 9; i++)
		assert_int_equal(post_slowly(fixture, MULTIPART, upload, 300), UMBOX_PASS);
	assert_int_equal(login_counts(fixture->guard)->attempts, 0);
}

static void padding_hides_no_form(void **state)
{
	struct fixture *fixture = *state;
	char padding[1400];
	memset(padding, 'x', sizeof(padding) - 1);
	padding[sizeof(padding) - 1] = '\0';
	for (int blanks = 0; blanks < 2; blanks++) { /* in one field, or in many */
		for (size_t i = 9; blanks && i < sizeof(padding) - 1; i += 10)
			padding[i] = '&';
		assert_true(talk_open(&fixture->talk));
		talk_client(&fixture->talk, "POST / HTTP/1.1\r\nContent-Length: 7022\r\n\r\n");
		assert_int_equal(talk_client(&fixture->talk, "user=admin&a="), UMBOX_PASS);
		for (int i = 0; i < 5; i++)
			assert_int_equal(talk_client(&fixture->talk, padding), UMBOX_PASS);
		assert_int_equal(talk_client(&fixture->talk, "&password=admi"), UMBOX_PASS);
		assert_int_equal(talk_client(&fixture->talk, "n"), UMBOX_DROP);
	}
	char target[1400];
	assert_true(talk_open(&fixture->talk));
	snprintf(target, sizeof(target), "GET /?a=%s", padding);
	assert_int_equal(talk_client(&fixture->talk, target), UMBOX_PASS);
	assert_int_equal(talk_client(&fixture->talk, padding), UMBOX_PASS);
	assert_int_equal(talk_client(&fixture->talk, "&user=admin&password=admin HTTP/1.1\r\n\r\n"),
			 UMBOX_DROP);
}

static void a_form_counts_once(void **state)
{
	struct fixture *fixture = *state;
	assert_true(talk_open(&fixture->talk));
	talk_client(&fixture->talk, "POST /?user=bob&password=x HTTP/1.1\r\nContent-Length: 20\r\n"
				    "\r\nuser=bob&password=xy");
	assert_int_equal(login_counts(fixture->guard)->failures, 1);
	assert_int_equal(post(fixture, "", "{\"user\": \"bob\"}"), UMBOX_PASS);
	assert_int_equal(login_counts(fixture->guard)->attempts, 1);
}

static void credentials_with_two_readings_are_cut(void **state)
{
	static const char *const bad[] = {
		"Basic YWRt-aW46YWRtaW4=",    /* some step over what is no digit */
		"Basic YWRtaW46YWRtaW4AeA==", /* some end at a NUL */
		("Basic YTph\r\nAuthorization: Basic " BASIC_ADMIN_ADMIN),
	};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(talk_open(&fixture->talk));
		assert_int_equal(get(fixture, bad[i]), UMBOX_DROP);
	}
	assert_true(talk_open(&fixture->talk));
	assert_int_equal(get(fixture, "Basic QURNSU46YWRtaW4="), UMBOX_DROP); /* ADMIN:admin */
	assert_int_equal(login_counts(fixture->guard)->defaults, 1);
}

static void an_old_challenge_is_no_failed_login(void **state)
{
	struct fixture *fixture = *state;
	assert_true(talk_open(&fixture->talk));
	for (int i = 0; i < 9; i++) {
		get(fixture, "Digest username=\"bob\"");
		talk_server(&fixture->talk, "HTTP/1.1 401 No\r\nContent-Length: 0\r\n"
					    "WWW-Auth");
		talk_server(&fixture->talk,
			    "enticate: Digest nonce=\"stal\", Stale = TRUE\r\n\r\n");
	}
	assert_int_equal(fixture->alerts, 0);
	for (int i = 0; i < 3; i++) {
		get(fixture, "Digest username=\"bob\"");
		talk_server(&fixture->talk, "HTTP/1.1 401 No\r\nX: stale=true\r\n"
					    "WWW-Authenticate: Digest stale=false\r\n"
					    "Content-Length: 0\r\n\r\n");
	}
	assert_int_equal(fixture->alerts, 1);
	assert_int_equal(login_counts(fixture->guard)->failures, 3);
}

static void who_was_there_before_is_no_attacker(void **state)
{
	struct fixture *fixture = *state;
	fixture->talk.client_port++;
	assert_int_equal(talk_server(&fixture->talk, "the middle of a picture"), UMBOX_PASS);
	assert_int_equal(talk_server(&fixture->talk, "the rest of it"), UMBOX_PASS);
	for (int i = 0; i < 9; i++) {
		assert_int_equal(get(fixture, "Basic " BASIC_BOB_X), UMBOX_PASS);
		assert_int_equal(talk_server(&fixture->talk, yes), UMBOX_PASS);
	}
	assert_int_equal(fixture->alerts, 0);
	get(fixture, "Basic " BASIC_BOB_X);
	talk_server(&fixture->talk, no);
	assert_int_equal(login_counts(fixture->guard)->failures, 1);
	/* It is in step: what cannot be read from here on is no rest of something older. */
	assert_int_equal(talk_client(&fixture->talk, "nonsense\r\n"), UMBOX_DROP);
}

static void another_protocol_needs_the_device_to_agree(void **state)
{
	static const char ask[] = "GET /live HTTP/1.1\r\nConnection: upgrade\r\n"
				  "Upgrade: websocket\r\n\r\n";
	struct fixture *fixture = *state;
	assert_true(talk_open(&fixture->talk));
	assert_int_equal(talk_client(&fixture->talk, ask), UMBOX_PASS);
	talk_server(&fixture->talk, "HTTP/1.1 101 Yes\r\nConnection: upgrade\r\n"
				    "Upgrade: websocket\r\n\r\n\x81\x02hi");
	assert_int_equal(talk_client(&fixture->talk, "\x81\x05hello"), UMBOX_PASS);
	assert_true(talk_open(&fixture->talk));
	assert_int_equal(talk_client(&fixture->talk, ask), UMBOX_PASS);
	talk_server(&fixture->talk, yes);
	assert_int_equal(get(fixture, "Basic " BASIC_ADMIN_ADMIN), UMBOX_DROP);
	assert_true(talk_open(&fixture->talk));
	talk_client(&fixture->talk, ask);
	assert_int_equal(talk_client(&fixture->talk, "\x81\x05hello"), UMBOX_DROP);
}

static void ftp_hides_no_factory_credentials(void **state)
{
	static const char *const passwords[] = {"PASS\tadmin\r\n", " pass  admin\n",
						"PA\xff\xf1SS admin\r\n"};
	struct fixture *fixture = *state;
	struct login_settings settings = standard;
	settings.defaults = (struct login_texts){{"admin:admin", "empty:"}, 2};
	start(fixture, &settings, 21);
	for (size_t i = 0; i < sizeof(passwords) / sizeof(passwords[0]); i++) {
		assert_true(talk_open(&fixture->talk));
		talk_client(&fixture->talk, "USER admin\r\n");
		assert_int_equal(talk_client(&fixture->talk, passwords[i]), UMBOX_DROP);
	}
	assert_true(talk_open(&fixture->talk));
	talk_client(&fixture->talk, "USER empty\r\n");
	assert_int_equal(talk_client(&fixture->talk, "PASS\r\n"), UMBOX_DROP);
	assert_true(talk_open(&fixture->talk));
	talk_client(&fixture->talk, "USER bob\r\nPASS x\r\n");
	talk_server(&fixture->talk, "530-no\r\n530 and no again\r\n");
	assert_int_equal(login_counts(fixture->guard)->failures, 1);
}

static void what_is_typed_ahead_is_read_when_it_is_asked_for(void **state)
{
	struct fixture *fixture = *state;
	struct login_settings settings = standard;
	settings.defaults = (struct login_texts){{"admin:admin", "empty:"}, 2};
	start(fixture, &settings, 23);
	assert_true(talk_open(&fixture->talk));
	assert_int_equal(talk_client(&fixture->talk, "\r\nbob\r\nx\r\nadmin\r\n"), UMBOX_PASS);
	assert_int_equal(talk_client(&fixture->talk, "admin\r\n"), UMBOX_PASS);
	assert_int_equal(talk_server(&fixture->talk, "cam login:"), UMBOX_PASS);
	assert_int_equal(talk_server(&fixture->talk, " "), UMBOX_PASS);
	assert_int_equal(talk_server(&fixture->talk, "bob\r\nPassword for bob: "), UMBOX_PASS);
	assert_int_equal(login_counts(fixture->guard)->failures, 1);
	assert_int_equal(talk_server(&fixture->talk, "\r\nNo\r\ncam login: "), UMBOX_PASS);
	assert_int_equal(talk_server(&fixture->talk, "admin\r\nPassword: "), UMBOX_DROP);
	assert_int_equal(login_counts(fixture->guard)->defaults, 1);
	/* A fast device has asked and refused in one segment. */
	assert_true(talk_open(&fixture->talk));
	talk_client(&fixture->talk, "bob\r\nx\r\n");
	talk_server(&fixture->talk, "login: \r\nPassword: \r\nNo\r\nlogin: ");
	assert_int_equal(login_counts(fixture->guard)->failures, 2);
	/* What was typed for others is no password. */
	assert_true(talk_open(&fixture->talk));
	talk_client(&fixture->talk, "ls\n");
	talk_server(&fixture->talk, "Password: ");
	assert_int_equal(login_counts(fixture->guard)->attempts, 3);
	assert_int_equal(talk_client(&fixture->talk, "x\n"), UMBOX_PASS);
	assert_int_equal(login_counts(fixture->guard)->attempts, 4);
}

static void a_terminal_edits_what_is_typed(void **state)
{
	struct fixture *fixture = *state;
	struct login_settings settings = standard;
	settings.defaults = (struct login_texts){{"admin:admin", "empty:"}, 2};
	start(fixture, &settings, 23);
	assert_true(talk_open(&fixture->talk));
	talk_server(&fixture->talk, "login: ");
	talk_client(&fixture->talk, "bo\x15xx yy \x17\x17"
				    "admin\r\n");
	talk_server(&fixture->talk, "Password: ");
	assert_int_equal(talk_client(&fixture->talk, "admin\n"), UMBOX_DROP);
	assert_true(talk_open(&fixture->talk));
	talk_server(&fixture->talk, "login: ");
	talk_client(&fixture->talk, "empty\n");
	talk_server(&fixture->talk, "Password: ");
	assert_int_equal(talk_client(&fixture->talk, "\n"), UMBOX_DROP);
}

static bool is_nine(const void *user, const struct umbox_ip *source)
{
	(void)user;
	return source->octet[3] == 9;
}

static void the_exempt_are_not_looked_at(void **state)
{
	struct fixture *fixture = *state;
	struct login_settings settings = standard;
	settings.is_exempt = is_nine;
	start(fixture, &settings, 80);
	assert_true(talk_open(&fixture->talk));
	assert_int_equal(get(fixture, "Basic " BASIC_ADMIN_ADMIN), UMBOX_PASS);
	fixture->talk.client = "10.20.0.8";
	assert_true(talk_open(&fixture->talk));
	assert_int_equal(get(fixture, "Basic " BASIC_ADMIN_ADMIN), UMBOX_DROP);
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
		EACH(no_form_hides_factory_credentials),
		EACH(json_hides_no_factory_credentials),
		EACH(numbers_in_json_are_passwords),
		EACH(a_login_in_json_has_failed_when_the_device_says_so),
		EACH(parts_hide_no_factory_credentials),
		EACH(parts_with_two_readings_are_cut),
		EACH(a_file_in_parts_is_no_login),
		EACH(padding_hides_no_form),
		EACH(a_form_counts_once),
		EACH(credentials_with_two_readings_are_cut),
		EACH(an_old_challenge_is_no_failed_login),
		EACH(who_was_there_before_is_no_attacker),
		EACH(another_protocol_needs_the_device_to_agree),
		EACH(ftp_hides_no_factory_credentials),
		EACH(what_is_typed_ahead_is_read_when_it_is_asked_for),
		EACH(a_terminal_edits_what_is_typed),
		EACH(the_exempt_are_not_looked_at),
		EACH(an_attacker_is_blocked_for_a_time),
	};
	return cmocka_run_group_tests_name("login", tests, NULL, NULL);
}
