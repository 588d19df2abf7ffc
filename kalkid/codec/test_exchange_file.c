/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/test_exchange_file.c - exchanges in files: what is read, and what each bad one is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/exchange_file.h"

static bool read_exchange(const char *text, struct exchange *ret, struct complaints *complaints)
{
	static const struct field fields[] = {
		EXCHANGE_FIELD_HTTP,    EXCHANGE_FIELD_MQTT,    EXCHANGE_FIELD_SSH,
		EXCHANGE_FIELD_PROGRAM, EXCHANGE_FIELD_TIMEOUT,
	};
	struct document *document = NULL;
	struct reading reading = {.complaints = complaints};
	*ret = (struct exchange){0};
	if (document_read(&document, "e", text, strlen(text), complaints) < 0)
		return false;
	reading.document = document;
	bool good = fields_read(&reading, document_root(document), fields, ARRAY_SIZE(fields), ret);
	document_free(document);
	return good;
}

static void values_are_read(void **state maybe_unused)
{
	struct complaints complaints = {0};
	struct exchange exchange;
	assert_true(read_exchange("http: {method: PUT, url: 'https://{ip}:8443/a?b={device}', "
				  "headers: {SOAPACTION: '\"x\"'}, body: \"{\\n}\", credential: c, "
				  "login: digest, verify: false}\ntimeout: 2s",
				  &exchange, &complaints));
	assert_int_equal(exchange.kind, EXCHANGE_HTTP);
	assert_string_equal(exchange.url, "https://{ip}:8443/a?b={device}");
	assert_string_equal(exchange.method, "PUT");
	assert_string_equal(exchange.header_names[0], "SOAPACTION");
	assert_string_equal(exchange.header_values[0], "\"x\"");
	assert_int_equal(exchange.header_count, 1);
	assert_string_equal(exchange.body, "{\n}");
	assert_string_equal(exchange.credential, "c");
	assert_int_equal(exchange.login, EXCHANGE_LOGIN_DIGEST);
	assert_false(exchange.verify);
	assert_int_equal(exchange.timeout_us, 2000000);
	exchange_done(&exchange);

	assert_true(read_exchange("http: {url: 'http://h'}", &exchange, &complaints));
	assert_string_equal(exchange.method, "GET");
	assert_true(exchange.verify);
	exchange_done(&exchange);

	assert_true(read_exchange("mqtt: {broker: 'mqtts://b:1', topic: 'a/{mac}', payload: 'ON', "
				  "qos: 2, retain: true}",
				  &exchange, &complaints));
	assert_int_equal(exchange.kind, EXCHANGE_MQTT);
	assert_string_equal(exchange.topic, "a/{mac}");
	assert_int_equal(exchange.qos, 2);
	assert_true(exchange.retain);
	exchange_done(&exchange);

	assert_true(read_exchange("ssh: {user: root, command: [cat, '/a b'], credential: key}",
				  &exchange, &complaints));
	assert_int_equal(exchange.kind, EXCHANGE_SSH);
	assert_int_equal(exchange.port, 22);
	assert_null(exchange.host);
	assert_int_equal(exchange.argument_count, 2);
	assert_string_equal(exchange.arguments[1], "/a b");
	exchange_done(&exchange);

	assert_true(read_exchange("program: {command: [/bin/x, '{ip}']}", &exchange, &complaints));
	assert_int_equal(exchange.kind, EXCHANGE_PROGRAM);
	exchange_done(&exchange);
}

static const struct {
	const char *text, *lines;
} bad[] = {
	{"http: {}",
	 "e:1:7: http: the key 'url' is missing (url: where; {ip}, {device}, {mac}, {type} and {credential} are filled in)\n"},
	{"http: {url: 'http://h', method: GTE, body: x}",
	 "e:1:33: http.method: no method 'GTE' (did you mean 'GET'?)\n"},
	{"http: {url: 'http://h', body: x}",
	 "e:1:31: http.body: a GET has no body (method: POST)\n"},
	{"http: {url: 'ftp://h'}", "e:1:13: http.url: is no address of a server "
				   "(http://{ip}/path, https://host:443/path)\n"},
	{"http: {url: 'http://u:p@h/'}", "e:1:13: http.url: a password does not belong into a URL "
					 "(credential: the name of a secret)\n"},
	{"http: {url: 'http://{devise}/'}",
	 "e:1:21: http.url: no placeholder '{devise}' (did you mean '{device}'?)\n"},
	{"http: {url: \"http://h/\\n\"}",
	 "e:1:23: http.url: holds a control character (one line of text)\n"},
	{"http: {url: 'http://h', headers: {Authorization: x, Host: y, 'a b': c}}",
	 "e:1:35: http.headers.Authorization: a credential does not belong into a type's file "
	 "(credential: the name of a secret)\n"
	 "e:1:53: http.headers.Host: is written by the client itself (leave it out)\n"
	 "e:1:62: http.headers.a b: is no name of a header (letters, digits and '-')\n"},
	{"http: {url: 'http://h', login: basic}",
	 "e:1:7: http: a login without a credential (credential: the name of a secret)\n"},
	{"http: {url: 'http://h/{credential}'}",
	 "e:1:7: http: {credential} without a credential (credential: the name of a secret)\n"},
	{"http: {url: 'http://h/{credential}', credential: c, login: basic}",
	 "e:1:53: http.login: {credential} is no login (leave it out)\n"},
	{"program: {command: [/x, '{credential}']}",
	 "e:1:26: program.command[1]: no placeholder '{credential}' ({ip}, {device}, {mac}, "
	 "{type})\n"},
	{"http: {url: 'https://h', pin: sha1}",
	 "e:1:31: http.pin: is no pin (sha256// and the digest of its public key in base64)\n"},
	{"mqtt: {broker: 'mqtt://h/x', topic: 'a/#', payload: x, qos: 3}",
	 "e:1:16: mqtt.broker: a broker has no path (mqtt://127.0.0.1:1883, mqtts://host:8883)\n"
	 "e:1:37: mqtt.topic: nothing can be published there (one topic, without '+' and '#')\n"
	 "e:1:61: mqtt.qos: is out of range (0 to 2)\n"},
	{"ssh: {user: -o, host: -v, command: [], port: 0}",
	 "e:1:13: ssh.user: '-o' is no name (at most 63 letters, digits, '-', '_' and '.', a letter "
	 "or digit first)\n"
	 "e:1:23: ssh.host: is no host (\"{ip}\" or a name)\n"
	 "e:1:46: ssh.port: is out of range (1 to 65535)\n"
	 "e:1:36: ssh.command: no program is named ([program, argument, ...])\n"
	 "e:1:6: ssh: the key 'credential' is missing (credential: the name of a secret)\n"},
	{"program: {command: [probe]}",
	 "e:1:21: program.command[0]: is no whole path of a program (/usr/lib/kalki/probe)\n"},
	{"http: {url: 'http://h'}\nprogram: {command: [/x]}",
	 "e:2:1: program: 'http' and 'program' in one place (leave one of them out)\n"},
	{"timeout: 1h", "e:1:10: timeout: is out of range (10ms to 5m)\n"},
};

static void bad_exchanges_are_told_why(void **state maybe_unused)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct complaints complaints = {0};
		struct exchange exchange;
		assert_false(read_exchange(bad[i].text, &exchange, &complaints));
		assert_string_equal(complaints.text.bytes, bad[i].lines);
		complaints_done(&complaints);
		exchange_done(&exchange);
	}
}

static void placeholders_are_filled_in(void **state maybe_unused)
{
	struct device_identity device = {.name = "lamp-1", .type = "hue"};
	struct error err = {0};
	cleanup_buffer struct buffer text = {0};
	assert_int_equal(mac_parse(&device.mac, "02:00:00:00:00:0a", NULL), 0);
	assert_int_equal(exchange_fill(&text, "{device}.{type} {\"on\":{x}}", EXCHANGE_IN_TEXT,
				       &device, NULL, &err),
			 0);
	assert_string_equal(text.bytes, "lamp-1.hue {\"on\":{x}}");
	assert_int_equal(exchange_fill(&text, "{ip}", EXCHANGE_IN_TEXT, &device, NULL, &err),
			 -EADDRNOTAVAIL);
	assert_string_equal(err.text, "device 'lamp-1' has no known address");

	text.length = 0;
	device.ip_count = 1;
	assert_int_equal(ip_parse(&device.ips[0], "fd00::5", NULL), 0);
	assert_int_equal(
		exchange_fill(&text, "http://{ip}:80/{mac}", EXCHANGE_IN_URL, &device, NULL, &err),
		0);
	assert_string_equal(text.bytes, "http://[fd00::5]:80/02:00:00:00:00:0a");
	text.length = 0;
	assert_int_equal(exchange_fill(&text, "/api/{credential}/{device}", EXCHANGE_IN_URL,
				       &device, "a b/\xc3", &err),
			 0);
	assert_string_equal(text.bytes, "/api/a%20b%2F%C3/lamp-1");
	text.length = 0;
	assert_int_equal(
		exchange_fill(&text, "{credential}", EXCHANGE_IN_TEXT, &device, "a b/", &err), 0);
	assert_string_equal(text.bytes, "a b/");
	assert_int_equal(
		exchange_fill(&text, "{credential}", EXCHANGE_IN_TEXT, &device, "a\nb", &err),
		-EINVAL);
	assert_string_equal(err.text, "the credential is not one line of text");
	text.length = 0;
	assert_int_equal(exchange_fill(&text, "{ip}", EXCHANGE_IN_TEXT, &device, NULL, &err), 0);
	assert_string_equal(text.bytes, "fd00::5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read),
		cmocka_unit_test(bad_exchanges_are_told_why),
		cmocka_unit_test(placeholders_are_filled_in),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
