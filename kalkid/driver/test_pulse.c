/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/test_pulse.c - who takes frames, and who has stopped to. */
#include "driver/pulse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"

static const unsigned LEGS[PULSE_SIDES] = {7, 9};

/* Sockets on both legs, with so many bytes waiting; one on the direct leg; one that only sends. */
static struct pulse seen(unsigned in, unsigned out, unsigned sent)
{
	struct pulse pulse;
	cleanup_free char *sockets =
		mem_printf("sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n"
			   "0000000000000000 3      3    0003   7     1 %-6u 0      11\n"
			   "0000000000000000 3      3    0003   9     1 %-6u 0      12\n"
			   "0000000000000000 3      3    0003   11    1 0      0      13\n"
			   "0000000000000000 3      3    0000   0     0 0      0      14\n",
			   in, out);
	cleanup_free char *interfaces = mem_printf(
		"Inter-|   Receive                      |  Transmit\n"
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes packets\n"
		"    lo:  10 2 0 0 0 0 0 0  10 0 0 0 0 0 0 0\n"
		"  eth1: 900 9 0 0 0 0 0 0 700 %u 0 0 0 0 0 0\n",
		sent);
	pulse_read(&pulse, sockets, interfaces, LEGS);
	return pulse;
}

static bool still(struct pulse before, struct pulse now)
{
	return pulse_stands_still(&before, &now);
}

static void what_stands_still_is_seen(void **state maybe_unused)
{
	assert_int_equal(seen(5, 6, 7).listening, 2);
	assert_int_equal(seen(5, 6, 7).waiting, 11);
	assert_int_equal(seen(5, 6, 7).sent, 7);
	assert_true(still(seen(768, 768, 7), seen(768, 768, 7)));
	assert_true(still(seen(768, 768, 7), seen(1536, 768, 7)));
}

static void every_sign_of_life_counts(void **state maybe_unused)
{
	assert_false(still(seen(768, 768, 7), seen(768, 768, 8))); /* sent */
	assert_false(still(seen(768, 768, 7), seen(0, 1536, 7)));  /* all of one taken */
	assert_false(still(seen(768, 768, 7), seen(512, 768, 7))); /* some taken */
	assert_false(still(seen(0, 0, 7), seen(0, 0, 7)));         /* nothing to take */
	struct pulse first = {0};
	assert_false(still(first, seen(768, 768, 0)));
}

static void who_has_no_such_socket_is_not_judged(void **state maybe_unused)
{
	struct pulse pulse;
	char sockets[] = "sk RefCnt Type Proto Iface R Rmem User Inode\nnonsense\n",
	     interfaces[] = "";
	pulse_read(&pulse, sockets, interfaces, LEGS);
	assert_int_equal(pulse.listening, 0);
	assert_false(still(pulse, pulse));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_stands_still_is_seen),
		cmocka_unit_test(every_sign_of_life_counts),
		cmocka_unit_test(who_has_no_such_socket_is_not_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
