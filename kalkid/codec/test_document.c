/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/test_document.c - files into trees: values, positions, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "codec/document.h"

static char *as_json(const char *file, const char *text)
{
	struct complaints complaints = {0};
	struct document *document = NULL;
	int result = document_read(&document, file, text, strlen(text), &complaints);
	if (result < 0)
		fail_msg("%s", complaints.text.bytes);
	json_t *json = document_to_json(document_root(document));
	char *dumped = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
	json_decref(json);
	document_free(document);
	assert_int_equal(complaints.count, 0);
	complaints_done(&complaints);
	return dumped;
}

static void values_are_read(void **state maybe_unused)
{
	static const struct {
		const char *file, *text, *json;
	} cases[] = {
		{"a.yaml", "", "null"},
		{"a.yaml", "# nothing\n", "null"},
		{"a.yaml", "---\na: 1\n...\n", "{\"a\":1}"},
		{"a.yaml", "a: 1\nb: [x, -2.5, true, null, ~, 'no', \"1\"]\nc:\n",
		 "{\"a\":1,\"b\":[\"x\",-2.5,true,null,null,\"no\",\"1\"],\"c\":null}"},
		{"a.yaml",
		 "\xef\xbb\xbf"
		 "a: b\r\nc: d\r\n",
		 "{\"a\":\"b\",\"c\":\"d\"}"},
		{"a.yaml", "mac: 02:00:00:00:0a:01\nip: fe80::1\nv4: 10.0.0.1\nday: 2026-01-31\n",
		 "{\"mac\":\"02:00:00:00:0a:01\",\"ip\":\"fe80::1\",\"v4\":\"10.0.0.1\","
		 "\"day\":\"2026-01-31\"}"},
		{"a.json", "{\"a\":[1,2.5,{\"b\\/\\u00fc\":\"\\\"\\n\"}],\"t\":true}",
		 "{\"a\":[1,2.5,{\"b/\xc3\xbc\":\"\\\"\\n\"}],\"t\":true}"},
		{"a.json", "{\n\t\"a\"\t:\n\t[ ]\n}\n", "{\"a\":[]}"},
		{"a.json", "9223372036854775807", "9223372036854775807"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *json = as_json(cases[i].file, cases[i].text);
		assert_string_equal(json, cases[i].json);
		free(json);
	}
}

static void bad_input_is_refused_with_its_place(void **state maybe_unused)
{
	static const struct {
		const char *file, *text, *lines;
	} cases[] = {
		{"f.yaml", "a: &x 1\nb: *x\n",
		 "f.yaml:1:4: anchors are not allowed (write the value out)\n"
		 "f.yaml:2:4: aliases are not allowed (write the value out)\n"},
		{"f.yaml", "*x : 1\n",
		 "f.yaml:1:1: aliases are not allowed (write the value out)\n"},
		{"f.yaml", "a: !!str 1\n", "f.yaml:1:4: tags are not allowed (leave it out)\n"},
		{"f.yaml", "a: !x [1]\nb: !!map {}\n",
		 "f.yaml:1:4: tags are not allowed (leave it out)\n"
		 "f.yaml:2:4: tags are not allowed (leave it out)\n"},
		{"f.yaml", "a:\n  k: 1\n  l: 2\n  k: 3\n",
		 "f.yaml:4:3: a.k: this key is already there, in line 2\n"},
		{"f.yaml", "a: yes\n",
		 "f.yaml:1:4: a: readers of YAML disagree about this word: yes (write true, false or "
		 "null, or quotes around it when it is text)\n"},
		{"f.yaml", "a: [On, TRUE, 010, 0x1f, +1, .5, 1_000, .inf]\n",
		 "f.yaml:1:5: a[0]: readers of YAML disagree about this word: On (write true, false or "
		 "null, or quotes around it when it is text)\n"
		 "f.yaml:1:9: a[1]: readers of YAML disagree about this word: TRUE (write true, false or "
		 "null, or quotes around it when it is text)\n"
		 "f.yaml:1:15: a[2]: readers of YAML disagree about this number: 010 (write numbers as 10 "
		 "or 0.5, or quotes around it when it is text)\n"
		 "f.yaml:1:20: a[3]: readers of YAML disagree about this number: 0x1f (write numbers as "
		 "10 or 0.5, or quotes around it when it is text)\n"
		 "f.yaml:1:26: a[4]: readers of YAML disagree about this number: +1 (write numbers as 10 "
		 "or 0.5, or quotes around it when it is text)\n"
		 "f.yaml:1:30: a[5]: readers of YAML disagree about this number: .5 (write numbers as 10 "
		 "or 0.5, or quotes around it when it is text)\n"
		 "f.yaml:1:34: a[6]: readers of YAML disagree about this number: 1_000 (write numbers as "
		 "10 or 0.5, or quotes around it when it is text)\n"
		 "f.yaml:1:41: a[7]: readers of YAML disagree about this number: .inf (write numbers as "
		 "10 or 0.5, or quotes around it when it is text)\n"},
		{"f.yaml", "a: 99999999999999999999\nb: 1e999\n",
		 "f.yaml:1:4: a: a number out of range: 99999999999999999999 (at most 64 bits, or write "
		 "it in quotes)\n"
		 "f.yaml:2:4: b: a number out of range: 1e999 (at most 64 bits, or write it in quotes)\n"},
		{"f.yaml", "on: 1\n1: 2\n",
		 "f.yaml:1:1: a key must be text (write quotes around it)\n"
		 "f.yaml:2:1: a key must be text (write quotes around it)\n"},
		{"f.yaml", "{[a]: 1}\n", "f.yaml:1:2: a key must be text (one word)\n"},
		{"f.yaml", "a: 1\n---\nb: 2\n",
		 "f.yaml:2:1: a second document (one file for each)\n"},
		{"f.yaml", "a: \"\\0\"\n", "f.yaml:1:4: text may not hold a NUL\n"},
		{"f.yaml", "a: x\xe2\x80\xa8y\n",
		 "f.yaml:1:5: a Unicode line separator (use a plain end of line)\n"},
		{"f.yaml", "a: 1\nb: \xff\n", "f.yaml:2:4: invalid leading UTF-8 octet (UTF-8)\n"},
		{"f.yaml", "when: count(x, within: 10m)\n",
		 "f.yaml:1:22: mapping values are not allowed in this context (text with a colon and a "
		 "space in it needs quotes around it)\n"},
		{"f.yaml", "a:\n  - [b\n", "f.yaml:3:1: a[0]: did not find expected ',' or ']'\n"},
		{"f.json", "{\"a\": 1,}\n",
		 "f.json:1:9: is not JSON: string or '}' expected near '}'\n"},
		{"f.json", "a: 1\n", "f.json:1:1: is not JSON: invalid token near 'a'\n"},
		{"f.json", "", "f.json:1:1: is not JSON: unexpected token near end of file\n"},
		{"f.json", "{\"a\":1,\"a\":2}",
		 "f.json:1:8: a: this key is already there, in line 1\n"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct complaints complaints = {0};
		struct document *document = NULL;
		assert_int_equal(document_read(&document, cases[i].file, cases[i].text,
					       strlen(cases[i].text), &complaints),
				 -EINVAL);
		assert_null(document);
		assert_string_equal(complaints.text.bytes, cases[i].lines);
		complaints_done(&complaints);
	}
}

static void limits_hold(void **state maybe_unused)
{
	struct complaints complaints = {0};
	struct document *document = NULL;
	char deep[DOCUMENT_DEPTH_MAX + 2];
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(document_read(&document, "f", deep, strlen(deep), &complaints), -EINVAL);
	assert_non_null(strstr(complaints.text.bytes, "nested too deeply"));
	complaints_done(&complaints);

	cleanup_buffer struct buffer many = {0};
	for (int i = 0; i <= DOCUMENT_NODES_MAX; i++)
		buffer_print(&many, "- 1\n");
	assert_int_equal(document_read(&document, "f", many.bytes, many.length, &complaints),
			 -EINVAL);
	assert_non_null(strstr(complaints.text.bytes, "too many values"));
	complaints_done(&complaints);

	cleanup_free char *large = mem_alloc(DOCUMENT_BYTES_MAX + 1);
	memset(large, '\n', DOCUMENT_BYTES_MAX + 1);
	assert_int_equal(document_read(&document, "f", large, DOCUMENT_BYTES_MAX + 1, &complaints),
			 -EINVAL);
	assert_string_equal(complaints.text.bytes, "f:1:1: is larger than 1048576 bytes\n");
	complaints_done(&complaints);

	many.length = 0;
	for (int i = 0; i <= DOCUMENT_ERRORS_MAX; i++)
		buffer_print(&many, "- yes\n");
	assert_int_equal(document_read(&document, "f", many.bytes, many.length, &complaints),
			 -EINVAL);
	assert_int_equal(complaints.count, DOCUMENT_ERRORS_MAX + 1);
	assert_non_null(strstr(complaints.text.bytes, "more is wrong than is shown\n"));
	complaints_done(&complaints);
}

/* Where a mark inside the text stands, however the text was written. */
static void places_inside_text_are_exact(void **state maybe_unused)
{
	static const struct {
		const char *text;
		unsigned line, column; /* of the '@' */
	} cases[] = {
		{"when: ab @c\n", 1, 10},
		{"when: 'it''s @'\n", 1, 14},
		{"when: '''@'\n", 1, 10},
		{"when: \"a\\\"b\\u00fc\\x41 @\"\n", 1, 23},
		{"when: \"a\\\n  b @\"\n", 2, 5},
		{"when: |\n  one\n    two @\n", 3, 9},
		{"when: >-\n  one\n  two\n\n  @three\n", 5, 3},
		{"when: one\n  two\n\n  three @\n", 4, 9},
		{"when: 'one\n  two @'\n", 2, 7},
		{"when: \xc3\xbc\xc3\xbc @\n", 1, 10},
		{"\xef\xbb\xbfwhen: a @\n", 1, 9},
		{"when: |\r\n  a\r\n  b @\r\n", 3, 5},
		{"{\"when\": \"a @\"}", 1, 13},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct complaints complaints = {0};
		struct document *document = NULL;
		assert_int_equal(document_read(&document, "f", cases[i].text, strlen(cases[i].text),
					       &complaints),
				 0);
		const struct document_node *when = document_find(document_root(document), "when");
		size_t offset = (size_t)(strchr(when->text, '@') - when->text);
		document_complain_inside(document, when, offset, &complaints, "x", "here");
		char wanted[64];
		snprintf(wanted, sizeof(wanted), "f:%u:%u: when: here (x)\n", cases[i].line,
			 cases[i].column);
		assert_string_equal(complaints.text.bytes, wanted);
		complaints_done(&complaints);
		document_free(document);
	}
}

static void complaints_are_one_line_of_utf8(void **state maybe_unused)
{
	struct complaints complaints = {0};
	cleanup_buffer struct buffer text = {0};
	for (int i = 0; i < 1000; i++)
		buffer_print(&text, "\xc3\xbc");
	complaints_add(&complaints, "a\n\x1b[31m%s", text.bytes);
	json_t *json = json_stringn(complaints.text.bytes, complaints.text.length);
	assert_non_null(json); /* jansson takes valid UTF-8 only */
	json_decref(json);
	assert_int_equal(strncmp(complaints.text.bytes, "a??[31m", 7), 0);
	assert_ptr_equal(strchr(complaints.text.bytes, '\n'),
			 complaints.text.bytes + complaints.text.length - 1);
	complaints_done(&complaints);
}

static void missing_file_says_so(void **state maybe_unused)
{
	struct complaints complaints = {0};
	struct document *document = NULL;
	struct error err = {0};
	assert_int_equal(document_read_file(&document, "/nonexistent/x.yaml", &complaints, &err),
			 -ENOENT);
	assert_string_equal(err.text, "/nonexistent/x.yaml: No such file or directory");
	assert_int_equal(complaints.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read),
		cmocka_unit_test(bad_input_is_refused_with_its_place),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(places_inside_text_are_exact),
		cmocka_unit_test(complaints_are_one_line_of_utf8),
		cmocka_unit_test(missing_file_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
