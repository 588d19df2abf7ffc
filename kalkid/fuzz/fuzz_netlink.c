/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz_netlink.c - messages of dumps and notices: read within their bounds, whatever stands in
 * them. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/link_message.h"
#include "codec/log_message.h"
#include "codec/netlink_message.h"
#include "codec/nft_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_element(void *data, const struct steering_element *element, uint32_t device)
{
	assert(element->set == *(enum steering_set *)data);
	assert(device <= DEVICE_NUMBER_MAX);
	assert(element->ip.family == 0 || element->ip.family == 4 || element->ip.family == 6);
}

static void on_note(void *data, const struct nft_note *note)
{
	assert(!data &&
	       (!note->to_ip.family || note->to_ip.family == 4 || note->to_ip.family == 6));
}

static void read_message(const struct nlmsghdr *message)
{
	struct link_info link;
	if (link_parse(message, &link))
		assert(link.index && link.name[0] && memchr(link.name, 0, sizeof(link.name)) &&
		       memchr(link.alias, 0, sizeof(link.alias)));

	uint32_t index;
	struct ip address;
	if (link_parse_address(message, &index, &address))
		assert(address.family == 4 || address.family == 6);

	struct log_frame frame;
	if (log_parse(message, &frame))
		assert(frame.payload >= (const uint8_t *)message &&
		       frame.payload + frame.bytes <=
			       (const uint8_t *)message + message->nlmsg_len);

	struct nft_table_view table;
	if (nft_parse_table(message, &table))
		assert(memchr(table.comment, 0, sizeof(table.comment)));
	struct nft_chain_view *chain = mem_alloc(sizeof(*chain));
	if (nft_parse_chain(message, chain))
		assert(memchr(chain->name, 0, sizeof(chain->name)));
	assert(chain->device_count <= ARRAY_SIZE(chain->devices));
	free(chain);

	const char *chain_name;
	const void *expressions;
	size_t bytes;
	if (nft_parse_rule(message, &chain_name, &expressions, &bytes))
		assert(bytes <= message->nlmsg_len);
	char name[NFT_NAME_BYTES];
	uint64_t packets;
	if (nft_parse_counter(message, name, &packets))
		assert(memchr(name, 0, sizeof(name)));
	for (enum steering_set set = 0; set < STEERING_SET_COUNT; set++)
		(void)nft_parse_elements(message, set, on_element, &set);
	for (enum steering_key key = 0; key < STEERING_KEY_COUNT; key++)
		for (enum steering_value value = 0; value < STEERING_VALUE_COUNT; value++)
			(void)nft_parse_notes(message, key, value, on_note, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Aligned, and of the exact length. */
	void *copy = mem_copy(data, size);
	int left = (int)size;
	const struct nlmsghdr *message;
	netlink_for_each_message(message, copy, left)
		read_message(message);
	free(copy);
	return 0;
}
