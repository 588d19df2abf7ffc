/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/test_notifier_file.c - notifiers as the operator writes them, and what is said of wrong
 * ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "codec/files_internal.h"

/* The values of a map `notifiers`, indented by nothing. */
static unsigned read_notifiers(struct config *config, const char *text, char **ret_complaints)
{
	struct complaints complaints = {0};
	struct document *document = NULL;
	assert_int_equal(document_read(&document, "f", text, strlen(text), &complaints), 0);
	struct reading reading = {.document = document, .complaints = &complaints};
	notifiers_read(&reading, document_root(document), config);
	*ret_complaints = mem_copy_text(complaints.count ? complaints.text.bytes : "");
	document_free(document);
	unsigned count = complaints.count;
	complaints_done(&complaints);
	return count;
}

static struct notifier *expect_good(struct config *config, const char *text)
{
	cleanup_free char *complaints = NULL;
	if (read_notifiers(config, text, &complaints))
		fail_msg("%s", complaints);
	return config->notifiers;
}

static void expect_bad(const char *text, const char *wanted)
{
	struct config config = {0};
	cleanup_free char *complaints = NULL;
	assert_int_equal(read_notifiers(&config, text, &complaints), 1);
	assert_string_equal(complaints, wanted);
	free(config.notifiers);
}

static void webhook_is_read_with_its_defaults(void **state maybe_unused)
{
	struct config config = {0};
	const struct notifier *n = expect_good(
		&config, "hook: {webhook: {url: 'https://h:1/x?y=1', secret: key, ca: own}}");
	assert_int_equal(n->kind, NOTIFIER_WEBHOOK);
	assert_string_equal(n->name, "hook");
	assert_string_equal(n->url, "https://h:1/x?y=1");
	assert_string_equal(n->secret, "key");
	assert_string_equal(n->ca, "own");
	assert_string_equal(n->content_type, "application/json");
	assert_int_equal(n->kinds, 0);
	assert_int_equal(n->limit, 20);
	assert_int_equal(n->limit_per_us, 60000000);
	assert_int_equal(n->queue_max, 1000);
	assert_true(n->age_max_us == INT64_C(86400000000));
	assert_int_equal(n->retry_first_us, 5000000);
	assert_int_equal(n->retry_max_us, 600000000);
	assert_int_equal(n->timeout_us, 30000000);
	free(config.notifiers);
}

static void email_is_read(void **state maybe_unused)
{
	struct config config = {0};
	const struct notifier *n = expect_good(
		&config,
		"mail: {email: {server: 'm.example.net', from: k@e.net, to: [a@b, c@d],\n"
		"  user: k, credential: pw, subject: '{device}: {state}',\n"
		"  body: \"one\\ntwo {reason}\\n\"},\n"
		"  events: [transition, 'alert>=high', held], limit: {count: 3, per: 10s}}");
	assert_int_equal(n->kind, NOTIFIER_EMAIL);
	assert_string_equal(n->url, "smtp://m.example.net:587");
	assert_string_equal(n->recipients[1], "c@d");
	assert_int_equal(n->recipient_count, 2);
	assert_string_equal(n->subject, "{device}: {state}");
	assert_string_equal(n->body, "one\ntwo {reason}\n");
	assert_int_equal(n->kinds,
			 1u << NOTICE_TRANSITION | 1u << NOTICE_ALERT | 1u << NOTICE_HELD);
	assert_int_equal(n->alert_min, ALERT_HIGH);
	assert_int_equal(n->limit, 3);
	free(config.notifiers);

	config = (struct config){0};
	n = expect_good(&config,
			"a: {email: {server: m, tls: implicit, from: a@b, to: [a@b]}}\n"
			"b: {email: {server: '[::1]:25', tls: none, from: a@b, to: [a@b]}}");
	assert_string_equal(n[0].url, "smtps://m:465");
	assert_string_equal(n[1].url, "smtp://[::1]:25");
	free(config.notifiers);
}

static void mqtt_is_read(void **state maybe_unused)
{
	struct config config = {0};
	const struct notifier *n = expect_good(
		&config,
		"home: {mqtt: {broker: 'mqtt://127.0.0.1:1883', discovery: homeassistant}}");
	assert_int_equal(n->kind, NOTIFIER_MQTT);
	assert_string_equal(n->topic, "kalki");
	assert_string_equal(n->discovery, "homeassistant");
	free(config.notifiers);
}

static void a_later_file_replaces_a_notifier_as_a_whole(void **state maybe_unused)
{
	struct config config = {0};
	expect_good(&config, "a: {webhook: {url: 'http://a'}, events: [held]}\n"
			     "b: {webhook: {url: 'http://b'}}");
	const struct notifier *n = expect_good(&config, "a: {webhook: {url: 'http://c'}}");
	assert_int_equal(config.notifier_count, 2);
	assert_string_equal(n[0].url, "http://c");
	assert_int_equal(n[0].kinds, 0);
	free(config.notifiers);
}

static void json_bodies_are_templates(void **state maybe_unused)
{
	struct config config = {0};
	expect_good(&config, "a: {webhook: {url: 'http://a', body: '{\"text\": \"{device}\"}'}}\n"
			     "b: {webhook: {url: 'http://a', content_type: text/plain,"
			     " body: '{device}'}}");
	free(config.notifiers);
	expect_bad("a: {webhook: {url: 'http://a', body: '{\"text\": {device}}'}}",
		   "f:1:38: a.webhook.body: is no JSON (quote the placeholders, or content_type: "
		   "text/plain)\n");
}

static void wrong_webhooks_are_told(void **state maybe_unused)
{
	expect_bad("a: {webhook: {url: ftp://a}}",
		   "f:1:20: a.webhook.url: is no address of an HTTP server "
		   "(https://host/path; at most 511 bytes)\n");
	expect_bad("a: {webhook: {url: 'http://u:p@a/'}}",
		   "f:1:20: a.webhook.url: a password does not belong into a URL "
		   "(credential: the name of a secret)\n");
	expect_bad("a: {webhook: {secret: s}}",
		   "f:1:14: a.webhook: the key 'url' is missing (url: what is posted to)\n");
	expect_bad(
		"a: {webhook: {url: 'http://a', signature: s}}",
		"f:1:32: a.webhook.signature: unknown key (one of url, secret, credential, ca, content_type, body)\n");
	expect_bad(
		"a: {webhook: {url: 'http://a', body: '\"{devise}\"'}}",
		"f:1:40: a.webhook.body: no placeholder '{devise}' (did you mean '{device}'?)\n");
}

static void wrong_mails_are_told(void **state maybe_unused)
{
	expect_bad("a: {email: {server: 'm n', from: a@b, to: [a@b]}}",
		   "f:1:21: a.email.server: is no mail server (mail.example.net:587)\n");
	expect_bad("a: {email: {server: m, from: nobody, to: [a@b]}}",
		   "f:1:30: a.email.from: is no address for mail (somebody@example.net)\n");
	expect_bad("a: {email: {server: m, from: a@b, to: []}}",
		   "f:1:39: a.email.to: nobody is named ([somebody@example.net])\n");
	expect_bad("a: {email: {server: m, from: a@b, to: [a@b], tls: ssl}}",
		   "f:1:51: a.email.tls: no choice 'ssl' (starttls, implicit, none)\n");
	expect_bad("a: {email: {server: m, from: a@b, to: [a@b], tls: none, user: u,"
		   " credential: c}}",
		   "f:1:51: a.email.tls: a password would cross the network in the clear "
		   "(starttls, implicit)\n");
	expect_bad("a: {email: {server: m, from: a@b, to: [a@b], user: u}}",
		   "f:1:12: a.email: a login is not complete "
		   "(user and credential belong together)\n");
	expect_bad("a: {email: {server: m, from: a@b, to: [a@b], subject: \"a\\nBcc: x\"}}",
		   "f:1:55: a.email.subject: is no single line (at most 255 bytes)\n");
}

static void wrong_brokers_are_told(void **state maybe_unused)
{
	expect_bad("a: {mqtt: {broker: 'tcp://a'}}",
		   "f:1:20: a.mqtt.broker: is no address of a broker "
		   "(mqtt://127.0.0.1:1883, mqtts://host:8883)\n");
	expect_bad("a: {mqtt: {broker: 'mqtt://a:99999'}}",
		   "f:1:20: a.mqtt.broker: is no address of a broker "
		   "(mqtt://127.0.0.1:1883, mqtts://host:8883)\n");
	expect_bad("a: {mqtt: {broker: 'mqtt://a', topic: 'a/#'}}",
		   "f:1:39: a.mqtt.topic: is no topic to publish below (kalki, site/kalki)\n");
}

static void wrong_settings_are_told(void **state maybe_unused)
{
	expect_bad("- a", "f:1:1: notifiers are a map (NAME: {webhook: ...})\n");
	expect_bad("a: {events: [held]}",
		   "f:1:4: a: does not say how to tell (webhook, email or mqtt)\n");
	expect_bad("a: {webhook: {url: 'http://a'}, events: [hold]}",
		   "f:1:42: a.events[0]: no kind of event 'hold' (did you mean 'held'?)\n");
	expect_bad("a: {webhook: {url: 'http://a'}, limit: {count: 0}}",
		   "f:1:48: a.limit.count: is out of range (1 to 10000)\n");
	expect_bad("a: {webhook: {url: 'http://a'}, retry: {first: 2h, max: 1h}}",
		   "f:1:40: a.retry: its first wait is longer than its longest\n");
	expect_bad("'a b': {webhook: {url: 'http://a'}}",
		   "f:1:1: a b: 'a b' is no name for a notifier "
		   "(letters, digits, '-', '_' and '.', starting with a letter or digit)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(webhook_is_read_with_its_defaults),
		cmocka_unit_test(email_is_read),
		cmocka_unit_test(mqtt_is_read),
		cmocka_unit_test(a_later_file_replaces_a_notifier_as_a_whole),
		cmocka_unit_test(json_bodies_are_templates),
		cmocka_unit_test(wrong_webhooks_are_told),
		cmocka_unit_test(wrong_mails_are_told),
		cmocka_unit_test(wrong_brokers_are_told),
		cmocka_unit_test(wrong_settings_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
