/* SPDX-License-Identifier: Apache-2.0 */
/* test_setup.c - the files that Suricata is given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "setup.h"

static const struct umbox_addresses nobody;
static const struct umbox_addresses camera = {
	.count = 2,
	.ip = {{.family = 4, .octet = {10, 20, 0, 11}}, {.family = 6, .octet = {0xfd, [15] = 1}}},
};

static struct setup a_setup(void)
{
	return (struct setup){.rules = {"alert icmp any any -> any any (sid:1;)"},
			      .rule_count = 1,
			      .device = &camera,
			      .host = &nobody,
			      .folder = "/tmp"};
}

/* The caller's to free. */
static char *written(const struct setup *setup, void (*write)(const struct setup *setup, FILE *))
{
	char *text = NULL;
	size_t length = 0;
	FILE *file = open_memstream(&text, &length);
	assert_non_null(file);
	write(setup, file);
	fclose(file);
	return text;
}

static void assert_has(const struct setup *setup, const char *words)
{
	char *text = written(setup, setup_write_yaml);
	if (!strstr(text, words))
		fail_msg("no %s in %s", words, text);
	free(text);
}

static void home_is_the_device(void **state)
{
	struct setup setup = a_setup();
	(void)state;
	assert_has(&setup, "HOME_NET: \"[10.20.0.11,fd00::1]\"\n");
	assert_has(&setup, "EXTERNAL_NET: \"!$HOME_NET\"\n");
	assert_has(&setup, "KALKI_NET: \"[127.0.0.1]\"\n");
	setup.host = &camera;
	assert_has(&setup, "KALKI_NET: \"[10.20.0.11,fd00::1]\"\n");
}

static void home_of_a_device_without_addresses_is_everywhere(void **state)
{
	struct setup setup = a_setup();
	(void)state;
	setup.device = &nobody;
	assert_has(&setup, "HOME_NET: \"any\"\n");
	assert_has(&setup, "EXTERNAL_NET: \"any\"\n");
}

static void home_can_be_given(void **state)
{
	struct setup setup = a_setup();
	(void)state;
	setup.home[0] = "192.0.2.0/24";
	setup.home[1] = "fd00::/8";
	setup.home_count = 2;
	assert_null(setup_check(&setup));
	assert_has(&setup, "HOME_NET: \"[192.0.2.0/24,fd00::/8]\"\n");
	setup.device = &nobody;
	assert_has(&setup, "EXTERNAL_NET: \"!$HOME_NET\"\n");
}

static void rules_and_records_are_written(void **state)
{
	static char file[] = "/etc/suricata/rules/mine.rules";
	static char *const files[] = {file};
	struct setup setup = a_setup();
	(void)state;
	setup.rule_files = files;
	setup.rule_file_count = 1;
	setup.records[0] = "dns";
	setup.record_count = 1;
	assert_null(setup_check(&setup));
	assert_has(&setup, "  - /tmp/umbox.rules\n  - \"/etc/suricata/rules/mine.rules\"\n");
	assert_has(&setup, "      filename: /tmp/eve.sock\n");
	assert_has(&setup, "        - dns:\n");
	char *rules = written(&setup, setup_write_rules);
	assert_string_equal(rules, "alert icmp any any -> any any (sid:1;)\n");
	free(rules);
}

static void what_would_break_the_files_is_refused(void **state)
{
	static const char *const lines[] = {"", "two\nrules", "alert \\", "a\r"};
	struct setup setup = a_setup();
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		setup.rules[0] = lines[i];
		assert_non_null(setup_check(&setup));
	}
	setup = a_setup();
	setup.home[0] = "10.0.0.0/8\"";
	setup.home_count = 1;
	assert_non_null(setup_check(&setup));
	setup = a_setup();
	setup.records[0] = "dns: x";
	setup.record_count = 1;
	assert_non_null(setup_check(&setup));
	setup = a_setup();
	setup.rule_count = 0;
	assert_non_null(strstr(setup_check(&setup), "no rules"));
}

static void rules_are_counted_and_dated(void **state)
{
	struct rules_seen seen = {0};
	(void)state;
	rules_look(&seen,
		   "# drop ip any any -> any any (metadata:updated_at 2030_01_01; sid:1;)\n");
	rules_look(&seen, "  \n");
	rules_look(&seen, "drop ip any any -> any any (sid:1;)\n");
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.newest_day, 0);
	rules_look(&seen, "drop ip any any -> any any (metadata:created_at 1970_01_03, "
			  "updated_at 1970_02_01; sid:2;)\n");
	rules_look(&seen, "drop ip any any -> any any (metadata:created_at 1970_01_04; sid:3;)\n");
	rules_look(&seen, "drop ip any any -> any any (metadata:created_at x; sid:4;)\n");
	assert_int_equal(seen.count, 4);
	assert_int_equal(seen.newest_day, 31);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(home_is_the_device),
		cmocka_unit_test(home_of_a_device_without_addresses_is_everywhere),
		cmocka_unit_test(home_can_be_given),
		cmocka_unit_test(rules_and_records_are_written),
		cmocka_unit_test(what_would_break_the_files_is_refused),
		cmocka_unit_test(rules_are_counted_and_dated),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
