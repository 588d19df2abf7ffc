/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/test_netlink_messages.c - what is written into nftables messages is what is read from them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <linux/if_addr.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>

#include "base/text.h"
#include "codec/link_message.h"
#include "codec/nft_message.h"

struct found {
	struct steering_element element;
	uint32_t device;
	unsigned count;
};

static void on_element(void *data, const struct steering_element *element, uint32_t device)
{
	struct found *found = data;
	found->element = *element;
	found->device = device;
	found->count++;
}

/* An element with every field that its set uses. */
static struct steering_element full_element(enum steering_set set)
{
	const struct steering_set_info *info = steering_set_info(set);
	struct steering_element element = {.set = set};
	const struct mac mac = {{2, 1, 2, 3, 4, 5}};
	switch (info->key) {
	case STEERING_KEY_INTERFACE: element.interface = 0x01020304; break;
	case STEERING_KEY_INTERFACE_MAC:
		element.interface = 7;
		element.mac = mac;
		break;
	case STEERING_KEY_MAC:
	case STEERING_KEY_MAC_MAC: element.mac = mac; break;
	case STEERING_KEY_MAC_IP4: element.mac = mac; /* fall through */
	case STEERING_KEY_IP4: element.ip = (struct ip){4, {192, 0, 2, 7}}; break;
	case STEERING_KEY_MAC_IP6: element.mac = mac; /* fall through */
	case STEERING_KEY_IP6: element.ip = (struct ip){6, {0xfd, 1, [15] = 7}}; break;
	case STEERING_KEY_COUNT: fail();
	}
	if (info->value == STEERING_VALUE_INTERFACE)
		element.to_interface = 99;
	if (info->value == STEERING_VALUE_MAC)
		element.to_mac = (struct mac){{2, 9, 9, 9, 9, 9}};
	return element;
}

static void elements_are_read_as_written(void **state maybe_unused)
{
	struct nft_batch batch = {0};
	for (enum steering_set set = 0; set < STEERING_SET_COUNT; set++) {
		const struct steering_change change = {true, full_element(set)};
		struct found found = {0};
		nft_batch_begin(&batch, 1);
		size_t at = batch.length;
		nft_batch_element(&batch, &change, 65535);
		const struct nlmsghdr *message = (const void *)(batch.bytes + at);
		assert_int_equal(message->nlmsg_len, batch.length - at);
		assert_true(nft_parse_elements(message, set, on_element, &found));
		assert_int_equal(found.count, 1);
		assert_int_equal(found.device, 65535);
		assert_memory_equal(&found.element, &change.element, sizeof(change.element));
		/* Of another kind of set it is none. */
		enum steering_set other = set == STEERING_ID6 ? STEERING_NX : STEERING_ID6;
		if (steering_set_info(set)->key != STEERING_KEY_MAC_IP6)
			assert_false(nft_parse_elements(message, other, on_element, &found));
	}
	nft_batch_done(&batch);
}

static void a_batch_asks_for_one_answer(void **state maybe_unused)
{
	struct nft_batch batch = {0};
	const struct steering_change change = {true, full_element(STEERING_UP)};
	nft_batch_begin(&batch, 10);
	for (unsigned i = 0; i < 1000; i++)
		nft_batch_element(&batch, &change, 1);
	assert_int_equal(batch.messages, 1000);
	uint32_t last = nft_batch_end(&batch);
	assert_int_equal(last, 1010);
	assert_int_equal(batch.sequence, 1012);

	unsigned acknowledged = 0, messages = 0;
	int left = (int)batch.length;
	const struct nlmsghdr *message = (const void *)batch.bytes;
	assert_int_equal(message->nlmsg_type, NFNL_MSG_BATCH_BEGIN);
	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
		assert_int_equal(message->nlmsg_seq, 10 + messages++);
		acknowledged += !!(message->nlmsg_flags & NLM_F_ACK);
	}
	assert_int_equal(left, 0);
	assert_int_equal(messages, 1002);
	assert_int_equal(acknowledged, 1);
	nft_batch_done(&batch);
}

/* The digest of the rules is taken of a batch: the same rules are the same bytes. */
static void what_pads_a_batch_is_zero(void **state maybe_unused)
{
	struct nft_batch batch = {0};
	const struct nlattr *attribute;
	unsigned padded = 0;
	nft_batch_begin(&batch, 1);
	size_t at = batch.length;
	nft_batch_new_chain(&batch, &(struct nft_chain_spec){.name = "legs", .comment = "legs"});
	const struct nlmsghdr *message = (const void *)(batch.bytes + at);
	mnl_attr_for_each(attribute, message, sizeof(struct nfgenmsg)) {
		const uint8_t *end = (const uint8_t *)attribute + attribute->nla_len;
		for (; (uintptr_t)end % MNL_ALIGNTO; end++, padded++)
			assert_int_equal(*end, 0);
	}
	assert_true(padded > 0);
	nft_batch_done(&batch);
}

static void chains_are_read_as_written(void **state maybe_unused)
{
	static const char *const devices[] = {"u1i", "u1o"};
	struct nft_batch batch = {0};
	struct nft_chain_view view;
	nft_batch_begin(&batch, 1);
	size_t at = batch.length;
	nft_batch_new_chain(&batch, &(struct nft_chain_spec){.name = "legs_0",
							     .comment = "legs",
							     .base = true,
							     .devices = devices,
							     .device_count = 2});
	assert_true(nft_parse_chain((const void *)(batch.bytes + at), &view));
	assert_string_equal(view.name, "legs_0");
	assert_true(view.base);
	assert_int_equal(view.device_count, 2);
	assert_string_equal(view.devices[1], "u1o");
	nft_batch_done(&batch);
}

static void links_are_read_as_written(void **state maybe_unused)
{
	struct link_batch batch;
	struct link_info info;
	link_batch_begin(&batch, 1);
	link_batch_new_pair(&batch, &(struct link_pair){.name = "u1i",
							.peer = "in",
							.mtu = 9000,
							.group = 1,
							.peer_netns = 5,
							.up = true});
	link_batch_edit(&batch, &(struct link_edit){.name = "u1i", .alias = "kalki:x:leg"});
	assert_int_equal(link_batch_end(&batch), 3);
	/* A kernel's answer has an index. */
	struct nlmsghdr *message = (void *)batch.bytes;
	struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	assert_false(link_parse(message, &info));
	header->ifi_index = 4;
	assert_true(link_parse(message, &info));
	assert_string_equal(info.name, "u1i");
	assert_string_equal(info.kind, "veth");
	assert_int_equal(info.mtu, 9000);
	assert_int_equal(info.group, 1);
	assert_true(info.up);
	assert_false(info.gone);
}

static void addresses_are_read_as_written(void **state maybe_unused)
{
	static const char *const texts[] = {"10.20.0.1", "fd20::1"};
	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
		struct link_batch batch;
		struct ip ip, found;
		uint32_t index;
		assert_int_equal(ip_parse(&ip, texts[i], NULL), 0);
		link_batch_begin(&batch, 1);
		link_batch_new_address(&batch, 7, &ip, 24);
		struct nlmsghdr *message = (void *)batch.bytes;
		assert_true(link_parse_address(message, &index, &found));
		assert_int_equal(index, 7);
		assert_true(ip_equal(&found, &ip));
		((struct ifaddrmsg *)mnl_nlmsg_get_payload(message))->ifa_family = 99;
		assert_false(link_parse_address(message, &index, &found));
	}
}

static void on_note(void *data, const struct nft_note *note)
{
	*(struct nft_note *)data = *note;
}

static void notes_are_read_as_written(void **state maybe_unused)
{
	struct nft_batch batch = {0};
	struct nft_note note = {0};
	const struct steering_element key = {.interface = 7, .mac = {{2, 1, 2, 3, 4, 5}}};
	nft_batch_begin(&batch, 1);
	size_t at = batch.length;
	nft_batch_key(&batch, "unknown", STEERING_KEY_INTERFACE_MAC, true, &key);
	const struct nlmsghdr *message = (const void *)(batch.bytes + at);
	assert_true(nft_parse_notes(message, STEERING_KEY_INTERFACE_MAC, STEERING_VALUE_NONE,
				    on_note, &note));
	assert_int_equal(note.element.interface, 7);
	assert_true(mac_equal(&note.element.mac, &key.mac));
	assert_int_equal(note.frames, 0);
	/* Of another kind; and without the value that is asked for. */
	assert_false(
		nft_parse_notes(message, STEERING_KEY_IP6, STEERING_VALUE_NONE, on_note, &note));
	assert_false(nft_parse_notes(message, STEERING_KEY_INTERFACE_MAC, STEERING_VALUE_IP4,
				     on_note, &note));
	nft_batch_done(&batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_are_read_as_written),
		cmocka_unit_test(a_batch_asks_for_one_answer),
		cmocka_unit_test(what_pads_a_batch_is_zero),
		cmocka_unit_test(chains_are_read_as_written),
		cmocka_unit_test(links_are_read_as_written),
		cmocka_unit_test(addresses_are_read_as_written),
		cmocka_unit_test(notes_are_read_as_written),
	};
	return cmocka_run_group_tests_name("netlink_messages", tests, NULL, NULL);
}
