/* SPDX-License-Identifier: Apache-2.0 */
/* test_names.c - in whose name the kit answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "frames.h"
#include "names.h"

static bool allows(const struct names *names, const char *source)
{
	struct test_frame frame;
	make_udp4(&frame, source, 80, "10.20.0.9", 4711, "x", 1);
	struct umbox_frame own = as_frame(&frame, UMBOX_OUT, 0);
	return names_allow(names, &own);
}

static void hear(struct names *names, const char *source)
{
	struct test_frame frame;
	make_udp4(&frame, source, 80, "10.20.0.9", 4711, "and some more", 13);
	struct umbox_frame heard = as_frame(&frame, UMBOX_IN, 0);
	names_hear(names, &heard);
}

static void who_is_given_may_speak_and_others_not(void **state)
{
	static const struct umbox_ip device = {4, {10, 20, 0, 11}};
	struct names names = {.count = 0};
	(void)state;
	assert_true(allows(&names, "10.20.0.11")); /* nothing is known */
	names_add(&names, &device);
	assert_true(allows(&names, "10.20.0.11"));
	assert_false(allows(&names, "10.20.0.12"));
	assert_true(allows(&names, "0.0.0.0"));
}

static void what_the_device_uses_is_its_own(void **state)
{
	struct names names = {.count = 0};
	struct test_frame frame;
	(void)state;
	hear(&names, "0.0.0.0");
	assert_int_equal(names.count, 0);
	hear(&names, "10.20.0.11");
	hear(&names, "10.20.0.11");
	assert_int_equal(names.count, 1);
	assert_false(allows(&names, "10.20.0.12"));
	make_arp(&frame, "10.20.0.12", "10.20.0.12"); /* it has got another one */
	struct umbox_frame heard = as_frame(&frame, UMBOX_IN, 0);
	names_hear(&names, &heard);
	assert_true(allows(&names, "10.20.0.12") && allows(&names, "10.20.0.11"));
	/* Of IPv6 nothing is known yet. */
	start_frame(&frame, 0x86dd);
	put_ipv6(&frame, "fd00::11", "fd00::9", 59, 0);
	struct umbox_frame six = as_frame(&frame, UMBOX_IN, 0);
	assert_true(names_allow(&names, &six));
	names_hear(&names, &six);
	frame.bytes[14 + 8 + 15] ^= 1;
	assert_false(names_allow(&names, &six));
}

static void the_newest_have_room(void **state)
{
	struct names names = {.count = 0};
	char source[32];
	(void)state;
	for (unsigned i = 0; i < 3 * NAMES_MAX; i++) {
		snprintf(source, sizeof(source), "10.20.1.%u", i);
		hear(&names, source);
		assert_true(allows(&names, source));
	}
	assert_int_equal(names.count, NAMES_MAX);
	assert_false(allows(&names, "10.20.1.0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_given_may_speak_and_others_not),
		cmocka_unit_test(what_the_device_uses_is_its_own),
		cmocka_unit_test(the_newest_have_room),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
