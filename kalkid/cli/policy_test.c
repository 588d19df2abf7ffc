/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy_test.c - runs the tests that stand beside policies, and tells how they went. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/policy_source.h"
#include "cli/policy_test_run.h"
#include "cli/xml.h"

static const char TEST_ENDING[] = ".test.yaml";

struct outcome {
	struct cli *cli;
	const char *format; /* text (or NULL), tap or junit */
	unsigned passed, failed, tap_number;
	unsigned coverage_wanted;
	bool coverage_missed;
};

/* One type's tests. */
struct suite {
	struct policy_source source;
	struct document *document;
	struct policy_tests tests;
	json_t *results; /* {"name", "passed", "failures"} each */
	bool *fired;
};

static bool is_test_file(const char *file)
{
	size_t length = strlen(file), ending = strlen(TEST_ENDING);
	return length > ending && text_equal(file + length - ending, TEST_ENDING);
}

/* camera.yaml and camera.test.yaml, whichever is given. */
static char *policy_file_of(const char *file)
{
	if (!is_test_file(file))
		return mem_copy_text(file);
	return mem_printf("%.*s.yaml", (int)(strlen(file) - strlen(TEST_ENDING)), file);
}

static char *test_file_of(const char *file)
{
	const char *dot = strrchr(file, '.');
	if (is_test_file(file))
		return mem_copy_text(file);
	size_t stem = dot && !strchr(dot, '/') ? (size_t)(dot - file) : strlen(file);
	return mem_printf("%.*s%s", (int)stem, file, TEST_ENDING);
}

static int read_tests(struct suite *suite, const char *file)
{
	struct complaints complaints = {0};
	struct error err = {0};
	int code = 0;
	int result = document_read_file(&suite->document, file, &complaints, &err);
	if (result == 0)
		result = policy_tests_read(&suite->tests, suite->document, suite->source.policy,
					   &complaints);
	else if (!complaints.count)
		complaints_add(&complaints, "%s (policy tests stand beside the policy)", err.text);
	complaints_print(&complaints);
	complaints_done(&complaints);
	if (result < 0)
		code = result == -ENOENT ? EXIT_NOT_FOUND : EXIT_INVALID;
	return code;
}

static void run_tests(struct outcome *outcome, struct suite *suite)
{
	for (unsigned i = 0; i < suite->tests.test_count; i++) {
		const struct policy_test *test = &suite->tests.tests[i];
		struct complaints failures = {0};
		policy_test_run(&suite->tests, test, suite->document, suite->fired, &failures);
		bool passed = failures.count == 0;
		outcome->passed += passed;
		outcome->failed += !passed;
		json_array_append_new(suite->results,
				      json_pack("{s:s, s:b, s:o}", "name", test->name, "passed",
						passed, "failures", complaint_lines(&failures)));
		complaints_done(&failures);
	}
}

/* --- coverage --- */

static json_t *coverage_json(const struct suite *suite, unsigned *ret_percent)
{
	const struct policy *policy = suite->source.policy;
	json_t *missing = json_array();
	for (unsigned i = 0; i < policy->rule_count; i++)
		if (!suite->fired[i])
			json_array_append_new(missing, json_string(policy->rules[i].name));
	unsigned covered = policy->rule_count - (unsigned)json_array_size(missing);
	*ret_percent = policy->rule_count ? 100 * covered / policy->rule_count : 100;
	return json_pack("{s:i, s:i, s:i, s:o}", "rules", (int)policy->rule_count, "covered",
			 (int)covered, "percent", (int)*ret_percent, "missing", missing);
}

/* --- telling --- */

static void print_failures(const json_t *result, const char *indent)
{
	json_t *line;
	size_t i;
	json_array_foreach(json_object_get(result, "failures"), i, line)
		output_print("%s%s", indent, json_string_value(line));
}

static void print_text(const struct outcome *outcome, const json_t *suite)
{
	const json_t *coverage = json_object_get(suite, "coverage");
	json_t *result;
	size_t i, failed = 0;
	json_array_foreach(json_object_get(suite, "tests"), i, result)
	{
		bool passed = json_is_true(json_object_get(result, "passed"));
		failed += !passed;
		if (!passed || outcome->cli->verbose)
			output_print("%s  %s", passed ? "ok    " : "FAILED",
				     text_of(result, "name"));
		print_failures(result, "    ");
	}
	cleanup_free char *missing = shown(coverage, "missing");
	size_t count = json_array_size(json_object_get(suite, "tests"));
	if (!outcome->cli->quiet)
		output_print("%s: %zu of %zu tests passed, %d%% of the rules fired%s%s",
			     text_of(suite, "file"), count - failed, count,
			     (int)number_of(coverage, "percent"),
			     text_equal(missing, "-") ? "" : "; not: ",
			     text_equal(missing, "-") ? "" : missing);
}

static void print_tap(struct outcome *outcome, const json_t *suite)
{
	json_t *result;
	size_t i;
	json_array_foreach(json_object_get(suite, "tests"), i, result)
	{
		output_print("%s %u - %s: %s",
			     json_is_true(json_object_get(result, "passed")) ? "ok" : "not ok",
			     ++outcome->tap_number, text_of(suite, "type"),
			     text_of(result, "name"));
		print_failures(result, "# ");
	}
}

static void print_junit(const json_t *suite)
{
	cleanup_buffer struct buffer xml = {0};
	json_t *result, *line;
	size_t i, j;
	buffer_print(&xml, "  <testsuite name=\"");
	xml_escape(&xml, text_of(suite, "type"));
	buffer_print(&xml, "\" tests=\"%zu\">\n", json_array_size(json_object_get(suite, "tests")));
	json_array_foreach(json_object_get(suite, "tests"), i, result)
	{
		buffer_print(&xml, "    <testcase name=\"");
		xml_escape(&xml, text_of(result, "name"));
		buffer_print(&xml, "\">");
		if (!json_is_true(json_object_get(result, "passed"))) {
			buffer_print(&xml, "<failure>");
			json_array_foreach(json_object_get(result, "failures"), j, line)
			{
				xml_escape(&xml, json_string_value(line));
				buffer_print(&xml, "\n");
			}
			buffer_print(&xml, "</failure>");
		}
		buffer_print(&xml, "</testcase>\n");
	}
	buffer_print(&xml, "  </testsuite>\n");
	fputs(xml.bytes, stdout);
}

static void tell(struct outcome *outcome, struct suite *suite)
{
	unsigned percent;
	json_t *coverage = coverage_json(suite, &percent);
	json_t *json = json_pack("{s:s, s:s, s:O, s:o}", "file", suite->source.file, "type",
				 suite->source.policy->type, "tests", suite->results, "coverage",
				 coverage);
	if (output_json(outcome->cli, json))
		;
	else if (text_equal(outcome->format, "tap"))
		print_tap(outcome, json);
	else if (text_equal(outcome->format, "junit"))
		print_junit(json);
	else
		print_text(outcome, json);
	json_decref(json);
	if (percent >= outcome->coverage_wanted)
		return;
	outcome->coverage_missed = true;
	cli_complain(outcome->cli, "%s: the tests cover %u%% of the rules, less than %u%%",
		     suite->source.file, percent, outcome->coverage_wanted);
}

static void suite_done(struct suite *suite)
{
	policy_tests_done(&suite->tests);
	document_free(suite->document);
	policy_source_done(&suite->source);
	json_decref(suite->results);
	free(suite->fired);
}

static int test_file(struct outcome *outcome, const char *file)
{
	cleanup_free char *policy_file = policy_file_of(file);
	cleanup_free char *tests_file = test_file_of(file);
	struct suite suite = {.results = json_array()};
	int code = policy_source_open(&suite.source, policy_file);
	if (code == 0)
		code = read_tests(&suite, tests_file);
	if (code == 0) {
		suite.fired = mem_alloc_array(suite.source.policy->rule_count + 1, sizeof(bool));
		run_tests(outcome, &suite);
		tell(outcome, &suite);
	}
	suite_done(&suite);
	return code;
}

static int read_flags(struct outcome *outcome)
{
	const char *coverage = cli_flag(outcome->cli, FLAG_COVERAGE);
	outcome->format = cli_flag(outcome->cli, FLAG_FORMAT);
	char *end = NULL;
	unsigned long percent = coverage ? strtoul(coverage, &end, 10) : 0;
	if (coverage && (end == coverage || *end || percent > 100)) {
		cli_complain(outcome->cli, "--coverage cannot be '%s' (0 to 100)", coverage);
		return EXIT_USAGE;
	}
	outcome->coverage_wanted = (unsigned)percent;
	return 0;
}

int run_policy_test(struct cli *cli)
{
	struct outcome outcome = {.cli = cli};
	int code = read_flags(&outcome);
	if (code)
		return code;
	bool junit = text_equal(outcome.format, "junit") && cli->output == OUTPUT_HUMAN;
	if (junit)
		puts("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>");
	for (unsigned i = 0; cli_argument(cli, i); i++)
		code = max_of(code, test_file(&outcome, cli_argument(cli, i)));
	if (junit)
		puts("</testsuites>");
	if (text_equal(outcome.format, "tap") && cli->output == OUTPUT_HUMAN)
		printf("1..%u\n", outcome.tap_number);
	if (code == 0 && (outcome.failed || outcome.coverage_missed))
		code = EXIT_FAILED;
	return code;
}
