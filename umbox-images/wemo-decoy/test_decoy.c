/* SPDX-License-Identifier: Apache-2.0 */
/* test_decoy.c - a WeMo that is not there, and the device that is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "decoy.h"
#include "talk.h"

#define SECOND INT64_C(1000000)
#define NOON   INT64_C(1600000000)

struct fixture {
	struct wemo wemo;
	struct wemo_answer answer;
	struct decoy *decoy;
	struct talk talk;
	unsigned sent, alerts;
	struct umbox_headers last;
	char text[2048], detail[256];
};

static bool is_exempt(const void *user, const struct umbox_ip *ip)
{
	(void)user;
	return ip->octet[3] == 1;
}

static void tell(const void *user, const struct umbox_alert *alert)
{
	struct fixture *fixture = (struct fixture *)user;
	fixture->alerts++;
	assert_string_equal(alert->type, "decoy-touched");
	snprintf(fixture->detail, sizeof(fixture->detail), "%s", alert->detail);
}

static void on_send(const void *user, const struct umbox_frame *frame)
{
	struct fixture *fixture = (struct fixture *)user;
	fixture->sent++;
	assert_true(umbox_parse(&fixture->last, frame->bytes, frame->length));
	size_t length = strlen(fixture->text);
	snprintf(fixture->text + length, sizeof(fixture->text) - length, "%.*s",
		 (int)fixture->last.payload_bytes,
		 (const char *)frame->bytes + fixture->last.payload);
}

static enum umbox_verdict judge(struct umbox_frame *frame, void *user)
{
	frame->offload.flags = 1; /* its checksum is not due */
	frame->bytes[48] = 0x20;  /* its window is open */
	return decoy_frame(((struct fixture *)user)->decoy, frame);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	fixture->wemo = (struct wemo){.serial = "S1",
				      .name = "Lamp",
				      .is_on = true,
				      .power_mw = 12000,
				      .changed_s = NOON - 600};
	fixture->talk = (struct talk){.judge = judge,
				      .user = fixture,
				      .client = "10.20.0.9",
				      .client_port = 4000,
				      .server_port = 49153,
				      .now_us = SECOND};
	fixture->decoy = decoy_new(&(struct decoy_settings){
		.ports = {49153},
		.port_count = 1,
		.pages = {"/logo.txt text/plain a logo"},
		.page_count = 1,
		.wemo = fixture->wemo,
		.began_s = NOON,
		.alert_pause_us = 10 * SECOND,
		.is_exempt = is_exempt,
		.tell = tell,
		.send = on_send,
		.user = fixture,
	});
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	decoy_free(fixture->decoy);
	free(fixture);
	return 0;
}

static bool answers(struct fixture *fixture, const char *words)
{
	return strstr(fixture->answer.text, words) != NULL;
}

static unsigned get(struct fixture *fixture, const char *path)
{
	wemo_answer(&fixture->wemo, &(struct wemo_request){"GET", path, "", "", NOON},
		    &fixture->answer);
	assert_int_equal(strlen(fixture->answer.text), fixture->answer.length);
	return fixture->answer.status;
}

static unsigned act(struct fixture *fixture, const char *action, const char *body, int64_t now_s)
{
	char field[128];
	snprintf(field, sizeof(field), "\"urn:Belkin:service:%s\"", action);
	wemo_answer(&fixture->wemo, &(struct wemo_request){"POST", "/x", field, body, now_s},
		    &fixture->answer);
	return fixture->answer.status;
}

static void its_documents_are_there(void **state)
{
	static const char *const paths[] = {
		"/setup.xml",           "/setupservice.xml",   "/timesyncservice.xml",
		"/eventservice.xml",    "/firmwareupdate.xml", "/rulesservice.xml",
		"/metainfoservice.xml", "/remoteaccess.xml",   "/deviceinfoservice.xml",
		"/insightservice.xml",  "/smartsetup.xml",     "/manufacture.xml",
	};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_int_equal(get(fixture, paths[i]), 200);
	assert_int_equal(get(fixture, "/setup.xml"), 200);
	assert_true(answers(fixture, "<friendlyName>Lamp</friendlyName>"));
	assert_true(answers(fixture, "<SCPDURL>/manufacture.xml</SCPDURL>"));
	assert_true(answers(fixture, "</root>"));
	assert_int_equal(get(fixture, "/other.xml"), 404);
}

static void its_switch_stays_as_it_was_set(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(act(fixture, "basicevent:1#GetBinaryState", "", NOON), 200);
	assert_true(answers(fixture, "<BinaryState>1</BinaryState>"));
	assert_int_equal(
		act(fixture, "basicevent:1#SetBinaryState", "<BinaryState> 0</BinaryState>", NOON),
		200);
	assert_int_equal(act(fixture, "basicevent:1#GetBinaryState", "", NOON), 200);
	assert_true(answers(fixture, "<BinaryState>0</BinaryState>"));
	assert_int_equal(act(fixture, "basicevent:1#SetBinaryState", "<BinaryState>7", NOON), 500);
	assert_int_equal(act(fixture, "basicevent:1#Explode", "", NOON), 500);
	assert_int_equal(act(fixture, "basicevent:1#GetBinaryStateX", "", NOON), 500);
}

static void its_meter_goes_on(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(act(fixture, "insight:1#GetInsightParams", "", NOON), 200);
	assert_true(answers(fixture, ">1|1599999400|600|600|600|1209600|19|12000|120000|"
				     "120000.000000|8000<"));
	act(fixture, "basicevent:1#SetBinaryState", "<BinaryState>0</BinaryState>", NOON + 60);
	act(fixture, "insight:1#GetInsightParams", "", NOON + 120);
	assert_true(answers(fixture, ">0|1600000060|0|660|660|1209600|19|0|132000|"));
	act(fixture, "insight:1#GetInsightParams", "", NOON + 86400);
	assert_true(answers(fixture, ">0|1600000060|0|0|0|")); /* another day */
}

static void ask(struct fixture *fixture, const char *text)
{
	struct talk *talk = &fixture->talk;
	talk->client_port++;
	talk->client_sequence = 1000;
	talk->server_sequence = 0;
	assert_int_equal(talk_say(talk, true, UMBOX_TCP_SYN, "", 0), UMBOX_DROP);
	assert_int_equal(fixture->last.tcp_flags, UMBOX_TCP_SYN | UMBOX_TCP_ACK);
	talk->client_sequence++;
	talk->server_sequence = fixture->last.tcp_sequence + 1;
	fixture->text[0] = '\0';
	assert_int_equal(talk_client(talk, text), UMBOX_DROP);
	assert_true(fixture->last.tcp_flags & UMBOX_TCP_FIN);
}

static void it_answers_over_tcp(void **state)
{
	struct fixture *fixture = *state;
	ask(fixture, "POST /upnp/control/basicevent1 HTTP/1.1\r\nContent-Length: 28\r\n"
		     "SOAPACTION: \"urn:Belkin:service:basicevent:1#SetBinaryState\"\r\n\r\n"
		     "<BinaryState>0</BinaryState>");
	assert_non_null(strstr(fixture->text, "200 OK"));
	assert_non_null(strstr(fixture->text, "<BinaryState>0</BinaryState>"));
	assert_int_equal(fixture->alerts, 1);
	assert_non_null(strstr(fixture->detail, "SetBinaryState"));
	ask(fixture, "GET /logo.txt HTTP/1.1\r\n\r\n");
	assert_non_null(strstr(fixture->text, "text/plain"));
	assert_non_null(strstr(fixture->text, "\r\n\r\na logo"));
	ask(fixture, "GET /logo HTTP/1.1\r\n\r\n");
	assert_non_null(strstr(fixture->text, "404 Not Found"));
	assert_int_equal(fixture->alerts, 1); /* the pause */
	assert_int_equal(decoy_counts(fixture->decoy)->requests, 3);
}

static void the_device_sees_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct talk *talk = &fixture->talk;
	struct test_frame frame;
	talk->server_port = 80;
	assert_false(talk_open(talk));
	assert_true(fixture->last.tcp_flags & UMBOX_TCP_RST);
	assert_int_equal(talk_say(talk, false, UMBOX_TCP_SYN, "", 0), UMBOX_DROP);
	start_frame(&frame, 0x0800);
	put_ipv4(&frame, "10.20.0.9", "10.20.0.11", 1, 8, 0);
	put_bytes(&frame, "\x08\0\0\0\0\0\0\0", 8);
	struct umbox_frame ping = as_frame(&frame, UMBOX_OUT, SECOND);
	assert_int_equal(decoy_frame(fixture->decoy, &ping), UMBOX_DROP);
	start_frame(&frame, 0x0806);
	put_bytes(&frame, "\0\1\x08\0\6\4\0\1aaaaaa\x0a\x14\0\x09zzzzzz\x0a\x14\0\x0b", 28);
	struct umbox_frame arp = as_frame(&frame, UMBOX_OUT, SECOND);
	assert_int_equal(decoy_frame(fixture->decoy, &arp), UMBOX_PASS);
	talk->client = "10.20.0.1";
	assert_true(talk_open(talk));
}

static void pages_have_three_parts(void **state)
{
	(void)state;
	assert_true(decoy_page_is_whole("/ text/html <p>\n</p>"));
	assert_true(decoy_page_is_whole("/a text/html "));
	assert_false(decoy_page_is_whole("/a text/html"));
	assert_false(decoy_page_is_whole("a text/html x"));
	assert_false(decoy_page_is_whole("/a  x"));
	assert_false(decoy_page_is_whole("/a text\n/html x"));
	assert_false(wemo_is_plain("<b>"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(its_documents_are_there, setup, teardown),
		cmocka_unit_test_setup_teardown(its_switch_stays_as_it_was_set, setup, teardown),
		cmocka_unit_test_setup_teardown(its_meter_goes_on, setup, teardown),
		cmocka_unit_test_setup_teardown(it_answers_over_tcp, setup, teardown),
		cmocka_unit_test_setup_teardown(the_device_sees_nothing, setup, teardown),
		cmocka_unit_test(pages_have_three_parts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
