/* SPDX-License-Identifier: Apache-2.0 */
/* test_netlink.c - messages as the kernel reads them, attributes found again, cut ones refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "netlink.h"

static void a_message_is_what_the_kernel_expects(void **state)
{
	static const uint8_t expected[] = {
		44, 0, 0, 0,    16,  0,   5,   0, 0, 0, 0, 0,
		0,  0, 0, 0,                                  /* header: ACK and REQUEST */
		1,  2, 3, 0,                                  /* the family's, padded */
		8,  0, 7, 0,    'a', 'b', 'c', 0,             /* text */
		16, 0, 9, 0x80,                               /* nest */
		12, 0, 2, 0,    0,   0,   0,   0, 0, 1, 0, 0, /* 64 bits in network order */
	};
	struct netlink_batch batch = {.used = 0};
	(void)state;
	if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
		skip();
	size_t message = netlink_begin(&batch, 16, NLM_F_ACK, "\1\2\3", 3);
	netlink_put_text(&batch, 7, "abc");
	size_t nest = netlink_open(&batch, 9);
	netlink_put_be64(&batch, 2, 65536);
	netlink_close(&batch, nest);
	netlink_end(&batch, message);
	assert_int_equal(batch.used, sizeof(expected));
	assert_memory_equal(batch.bytes, expected, sizeof(expected));
	netlink_free(&batch);
}

static void messages_are_numbered_and_one_is_awaited(void **state)
{
	struct netlink_batch batch = {.used = 0};
	struct nlmsghdr header;
	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		netlink_end(&batch, netlink_begin(&batch, 16, 0, "", 0));
		memcpy(&header, batch.bytes + batch.newest, sizeof(header));
		assert_int_equal(header.nlmsg_seq, i);
		assert_int_equal(header.nlmsg_flags, NLM_F_REQUEST);
	}
	netlink_await(&batch);
	netlink_end(&batch, netlink_begin(&batch, 17, 0, "", 0));
	assert_int_equal(batch.awaited, 99);
	memcpy(&header, batch.bytes + 99 * sizeof(header), sizeof(header));
	assert_int_equal(header.nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
	netlink_clear(&batch);
	assert_int_equal(batch.used, 0);
	netlink_free(&batch);
}

static void attributes_are_found_whole_or_not_at_all(void **state)
{
	struct netlink_batch batch = {.used = 0};
	size_t count;
	(void)state;
	netlink_put(&batch, 1, "abcde", 5);
	netlink_put_be32(&batch, 2 | NLA_F_NESTED, 0x01020304);
	const uint8_t *found = netlink_find(batch.bytes, batch.used, 2, 4, &count);
	assert_non_null(found);
	assert_int_equal(count, 4);
	assert_memory_equal(found, "\1\2\3\4", 4);
	assert_memory_equal(netlink_find(batch.bytes, batch.used, 1, 5, &count), "abcde", 5);
	assert_null(netlink_find(batch.bytes, batch.used, 1, 6, NULL));
	assert_null(netlink_find(batch.bytes, batch.used, 3, 0, NULL));
	for (size_t cut = 0; cut < batch.used; cut++)
		assert_null(netlink_find(batch.bytes, cut, 2, 4, NULL));
	batch.bytes[0] = 3; /* shorter than its own header */
	assert_null(netlink_find(batch.bytes, batch.used, 2, 4, NULL));
	netlink_free(&batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_what_the_kernel_expects),
		cmocka_unit_test(messages_are_numbered_and_one_is_awaited),
		cmocka_unit_test(attributes_are_found_whole_or_not_at_all),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
