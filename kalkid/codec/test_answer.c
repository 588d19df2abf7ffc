/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/test_answer.c - answers of devices into values, by mappings as a type's file has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/answer.h"
#include "codec/files.h"

static struct policy *policy_with(const char *mapping)
{
	struct complaints complaints = {0};
	struct document *document = NULL;
	cleanup_buffer struct buffer text = {0};
	buffer_print(&text,
		     "type: t\nsensors: {n: {type: number}, b: {type: boolean}, t: {type: text}}\n"
		     "telemetry: [{name: s, http: {url: 'http://h'}, map: {%s}}]\n"
		     "states: {A: {chain: pass}}\n",
		     mapping);
	assert_int_equal(document_read(&document, "t", text.bytes, text.length, &complaints), 0);
	struct policy *policy = policy_read(document, &complaints);
	if (!policy)
		fail_msg("%s", complaints.text.bytes);
	document_free(document);
	return policy;
}

static void print_value(const struct sensor_reading *reading, char ret[static 128])
{
	if (reading->missing)
		strcpy(ret, "-");
	else if (reading->sensor == 0)
		snprintf(ret, 128, "%.12g", reading->number);
	else if (reading->sensor == 1)
		strcpy(ret, reading->boolean ? "yes" : "no");
	else
		snprintf(ret, 128, "'%s'", reading->text);
}

#define SOAP                                                               \
	"<?xml version='1.0'?><s:Envelope xmlns:s='http://x/'><s:Body><R>" \
	"<State>1</State><Params>8|14|17040</Params></R></s:Body></s:Envelope>"

static const struct {
	const char *mapping, *answer, *value, *words;
} rows[] = {
	{"n: {json: '$.a.b[1].c'}", "{\"a\":{\"b\":[0,{\"c\":2.5}]}}", "2.5", ""},
	{"n: {json: lights.1.bri, scale: 0.5, offset: -1}", "{\"lights\":{\"1\":{\"bri\":10}}}",
	 "4", ""},
	{"n: {json: '$[\"a b\"]'}", "{\"a b\":\"-1e3\"}", "-1000", ""},
	{"n: {json: '$'}", "12345678901", "12345678901", ""},
	{"n: {json: a}", "{\"a\":null}", "-", "n: the answer has no value at a"},
	{"n: {json: a}", "{\"a\":[1]}", "-", "n: the answer has no value at a"},
	{"n: {json: a}", "{\"a\":true}", "-", "n: the value is no number"},
	{"n: {json: a}", "{\"a\":\"0x10\"}", "-", "n: the value is no number"},
	{"n: {json: a}", "{\"a\":\"1e999\"}", "-", "n: the value is no number"},
	{"n: {json: a, scale: 1.0e300}", "{\"a\":1e300}", "-", "n: the value is no number"},
	{"n: {json: a}", "{\"a\":1", "-", "n: the answer is no JSON"},
	{"b: {json: lit}", "{\"lit\":true}", "yes", ""},
	{"b: {json: lit}", "{\"lit\":0}", "no", ""},
	{"b: {json: lit}", "{\"lit\":\"OFF\"}", "no", ""},
	{"b: {json: lit}", "{\"lit\":\"8\"}", "-", "b: the value is no boolean"},
	{"b: {json: lit, equals: '8'}", "{\"lit\":8}", "yes", ""},
	{"b: {json: lit, equals: '8'}", "{\"lit\":\"x\"}", "no", ""},
	{"t: {json: m}", "{\"m\":\"a\\u0001\xc3\xa4\"}", "'a?\xc3\xa4'", ""},
	{"t: {}", "\xff\xc3\xa4x\n", "'???x'", ""},
	{"t: {}", "0123456789012345678901234567890123456789012345678901234567890\xc3\xa4\xc3\xa4",
	 "'0123456789012345678901234567890123456789012345678901234567890\xc3\xa4'", ""},
	{"t: {}", "01234567890123456789012345678901234567890123456789012345678901\xc3\xa4",
	 "'01234567890123456789012345678901234567890123456789012345678901'", ""},
	{"b: {xpath: '//State'}", SOAP, "yes", ""},
	{"n: {xpath: \"//*[local-name()='Params']\", split: '|', column: 3}", SOAP, "17040", ""},
	{"n: {xpath: 'count(//R/*)'}", SOAP, "2", ""},
	{"n: {xpath: '//Stat'}", SOAP, "-", "n: the answer has nothing at //Stat"},
	{"n: {xpath: '//a'}", "<a>1</b>", "-", "n: the answer is no XML"},
	{"t: {xpath: '//a'}", "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", "-",
	 "t: the answer is no XML"},
	{"t: {xpath: '//a'}", "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a>1</a>", "-",
	 "t: the answer is no XML"},
	{"n: {}", " 7\r\n", "7", ""},
	{"n: {line: 2, split: ',', column: 2}", "a\r\nb, 4 ,c\r\n", "4", ""},
	{"n: {line: 2}", "a", "-", "n: the answer has no line 2"},
	{"n: {line: 1, split: ',', column: 3}", "a,b", "-", "n: there is no column 3"},
	{"n: {column: 3}", "  a\tb   9 ", "9", ""},
	{"n: {column: 4}", "  a b 9 ", "-", "n: there is no column 4"},
	{"n: {pattern: 'temp=([0-9.]+)'}", "volt=1\ntemp=21.5 C", "21.5", ""},
	{"n: {pattern: '^[0-9]+$'}", "x\n33\n", "33", ""},
	{"n: {pattern: '(a+)+$'}",
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "-",
	 "n: the pattern does not match"},
	{"n: {}", "", "-", "n: the value is no number"},
	{"t: {}", "", "''", ""},
};

static void answers_become_values(void **state maybe_unused)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct policy *policy = policy_with(rows[i].mapping);
		struct sensor_reading readings[SOURCE_MAPPINGS_MAX];
		struct error err = {0};
		char value[128];
		unsigned found = answer_read(policy, &policy->sources[0], rows[i].answer,
					     strlen(rows[i].answer), readings, &err);
		print_value(&readings[0], value);
		if (!text_equal(value, rows[i].value) || !text_equal(err.text, rows[i].words) ||
		    found != !text_equal(value, "-"))
			fail_msg("%s of %s: %s, %s", rows[i].mapping, rows[i].answer, value,
				 err.text);
		policy_free(policy);
	}
}

static void one_missing_value_hides_no_other(void **state maybe_unused)
{
	struct policy *policy = policy_with("n: {json: a}, b: {json: c}, t: {xpath: //x}");
	struct sensor_reading readings[SOURCE_MAPPINGS_MAX];
	struct error err = {0};
	static const char answer[] = "{\"c\":true}";
	assert_int_equal(
		answer_read(policy, &policy->sources[0], answer, strlen(answer), readings, &err),
		1);
	assert_true(readings[0].missing);
	assert_false(readings[1].missing);
	assert_true(readings[2].missing);
	assert_string_equal(err.text, "n: the answer has no value at a");
	policy_free(policy);
}

static void presence_is_a_word_or_a_state(void **state maybe_unused)
{
	static const char json[] = "{\"state\":\"offline\"}", other[] = "{\"state\":7}";
	assert_true(answer_says("offline\n", 8, "offline"));
	assert_true(answer_says(json, strlen(json), "offline"));
	assert_false(answer_says(json, strlen(json), "online"));
	assert_false(answer_says(other, strlen(other), "offline"));
	assert_false(answer_says("", 0, "offline"));
}

/* `values` as the API gets them, "name=value" for each that is taken. */
static int push(const char *values, struct buffer *ret, struct error *err)
{
	struct policy *policy = policy_with("n: {}");
	struct sensor_reading readings[SENSORS_MAX];
	json_t *json = json_loads(values, 0, NULL);
	assert_non_null(json);
	int count = answer_read_pushed(policy, json, readings, err);
	for (int i = 0; i < count; i++) {
		char value[128];
		print_value(&readings[i], value);
		buffer_print(ret, "%s=%s ", policy->sensors[readings[i].sensor].name, value);
	}
	json_decref(json);
	policy_free(policy);
	return count;
}

static void pushed_values_are_checked(void **state maybe_unused)
{
	static const struct {
		const char *values, *result;
	} wrong[] = {
		{"{}", "no values"},
		{"{\"m\":1}", "the type 't' has no sensor 'm' (did you mean 'n'?)"},
		{"{\"n\":true}", "n: is no number"},
		{"{\"n\":\"1\"}", "n: is no number"},
		{"{\"b\":1}", "b: is no boolean"},
		{"{\"t\":1}", "t: is no text"},
	};
	cleanup_buffer struct buffer text = {0};
	struct error err = {0};
	assert_int_equal(push("{\"n\":1.5,\"b\":false,\"t\":null}", &text, &err), 3);
	assert_string_equal(text.bytes, "n=1.5 b=no t=- ");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(push(wrong[i].values, &text, &err), -EINVAL);
		assert_string_equal(err.text, wrong[i].result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_become_values),
		cmocka_unit_test(one_missing_value_hides_no_other),
		cmocka_unit_test(presence_is_a_word_or_a_state),
		cmocka_unit_test(pushed_values_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
