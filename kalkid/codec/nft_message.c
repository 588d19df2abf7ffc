/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/nft_message.c - writes tables, sets, chains, rules and elements into a batch. */
#include "codec/nft_message.h"

#include <arpa/inet.h>
#include <assert.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/object.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/nft_inner.h"

enum {
	/* No message is longer: the longest is a chain with all its hooks. */
	MESSAGE_BYTES_MAX = 16 * 1024,
	COMMENT_BYTES_MAX = 120,
	/* nft's own numbers of byte orders, kept in a set's user data. */
	BYTE_ORDER_HOST = 1,
	BYTE_ORDER_BIG = 2,
};

static struct nlmsghdr *start(struct nft_batch *batch, uint16_t type, uint16_t flags)
{
	if (batch->room - batch->length < MESSAGE_BYTES_MAX) {
		batch->room = max_of(batch->room * 2, (size_t)2 * MESSAGE_BYTES_MAX);
		batch->bytes = mem_resize(batch->bytes, batch->room, 1);
		/* Nobody writes what pads the attributes, and whoever digests a batch reads it. */
		memset(batch->bytes + batch->length, 0, batch->room - batch->length);
	}
	batch->last = batch->length;
	batch->messages++;
	return nftnl_nlmsg_build_hdr((char *)batch->bytes + batch->length, type, NFPROTO_NETDEV,
				     flags, batch->sequence++);
}

static void finish(struct nft_batch *batch, const struct nlmsghdr *message)
{
	assert(message->nlmsg_len <= MESSAGE_BYTES_MAX);
	batch->length += MNL_ALIGN(message->nlmsg_len);
}

void nft_batch_begin(struct nft_batch *batch, uint32_t sequence)
{
	batch->table = NFT_TABLE;
	batch->length = 0;
	batch->sequence = sequence;
	finish(batch, start(batch, NFT_MSG_NEWTABLE, 0));
	nftnl_batch_begin((char *)batch->bytes, sequence);
	batch->messages = 0;
}

uint32_t nft_batch_end(struct nft_batch *batch)
{
	assert(batch->messages);
	struct nlmsghdr *last = (struct nlmsghdr *)(void *)(batch->bytes + batch->last);
	last->nlmsg_flags |= NLM_F_ACK;
	uint32_t sequence = last->nlmsg_seq;
	start(batch, NFT_MSG_NEWTABLE, 0);
	finish(batch, nftnl_batch_end((char *)batch->bytes + batch->length, batch->sequence - 1));
	return sequence;
}

void nft_batch_done(struct nft_batch *batch)
{
	free(batch->bytes);
	*batch = (struct nft_batch){0};
}

/* libnftnl's objects and buffers, or the end of the program. */
static void *made(void *object)
{
	if (!object)
		abort();
	return object;
}

static struct nftnl_udata_buf *user_data(uint8_t type, const char *comment)
{
	struct nftnl_udata_buf *data = made(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));
	assert(strlen(comment) < COMMENT_BYTES_MAX);
	nftnl_udata_put_strz(data, type, comment);
	return data;
}

void nft_batch_new_table(struct nft_batch *batch, uint32_t flags, const char *comment)
{
	struct nftnl_table *table = made(nftnl_table_alloc());
	nftnl_table_set_str(table, NFTNL_TABLE_NAME, batch->table);
	nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, flags);
	struct nftnl_udata_buf *data = user_data(NFTNL_UDATA_TABLE_COMMENT, comment);
	nftnl_table_set_data(table, NFTNL_TABLE_USERDATA, nftnl_udata_buf_data(data),
			     nftnl_udata_buf_len(data));
	struct nlmsghdr *message = start(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	nftnl_table_nlmsg_build_payload(message, table);
	finish(batch, message);
	nftnl_udata_buf_free(data);
	nftnl_table_free(table);
}

void nft_batch_delete_table(struct nft_batch *batch)
{
	struct nlmsghdr *message = start(batch, NFT_MSG_DELTABLE, 0);
	mnl_attr_put_strz(message, NFTA_TABLE_NAME, batch->table);
	finish(batch, message);
}

static const struct {
	uint32_t type, bytes, byte_order;
} key_kinds[STEERING_KEY_COUNT] = {
	[STEERING_KEY_INTERFACE] = {NFT_TYPE_INTERFACE, 4, BYTE_ORDER_HOST},
	[STEERING_KEY_INTERFACE_MAC] = {NFT_TYPE_INTERFACE << NFT_TYPE_BITS | NFT_TYPE_MAC, 12, 0},
	[STEERING_KEY_MAC] = {NFT_TYPE_MAC, 6, BYTE_ORDER_BIG},
	[STEERING_KEY_MAC_MAC] = {NFT_TYPE_MAC << NFT_TYPE_BITS | NFT_TYPE_MAC, 16, 0},
	[STEERING_KEY_MAC_IP4] = {NFT_TYPE_MAC << NFT_TYPE_BITS | NFT_TYPE_IP4, 12, 0},
	[STEERING_KEY_MAC_IP6] = {NFT_TYPE_MAC << NFT_TYPE_BITS | NFT_TYPE_IP6, 24, 0},
	[STEERING_KEY_IP4] = {NFT_TYPE_IP4, 4, BYTE_ORDER_BIG},
	[STEERING_KEY_IP6] = {NFT_TYPE_IP6, 16, BYTE_ORDER_BIG},
};

uint32_t nft_key_bytes(enum steering_key key)
{
	return key_kinds[key].bytes;
}

static const struct {
	uint32_t type, bytes, byte_order;
} value_kinds[STEERING_VALUE_COUNT] = {
	[STEERING_VALUE_INTERFACE] = {NFT_TYPE_INTERFACE, 4, BYTE_ORDER_HOST},
	[STEERING_VALUE_MAC] = {NFT_TYPE_MAC, 6, BYTE_ORDER_BIG},
	[STEERING_VALUE_IP4] = {NFT_TYPE_IP4, 4, BYTE_ORDER_BIG},
	[STEERING_VALUE_IP6] = {NFT_TYPE_IP6, 16, BYTE_ORDER_BIG},
};

uint32_t nft_value_bytes(enum steering_value value)
{
	return value_kinds[value].bytes;
}

void nft_batch_new_set(struct nft_batch *batch, const struct nft_set_spec *spec)
{
	struct nftnl_set *set = made(nftnl_set_alloc());
	struct nftnl_udata_buf *data = made(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));
	uint32_t flags = 0;

	nftnl_set_set_str(set, NFTNL_SET_TABLE, batch->table);
	nftnl_set_set_str(set, NFTNL_SET_NAME, spec->name);
	nftnl_set_set_u32(set, NFTNL_SET_ID, batch->sequence); /* any, but its own */
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, key_kinds[spec->key].type);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, key_kinds[spec->key].bytes);
	nftnl_set_set_u32(set, NFTNL_SET_DESC_SIZE, spec->size);
	nftnl_udata_put_u32(data, NFTNL_UDATA_SET_KEYBYTEORDER, key_kinds[spec->key].byte_order);
	if (spec->value != STEERING_VALUE_NONE) {
		flags |= NFT_SET_MAP;
		nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE, value_kinds[spec->value].type);
		nftnl_set_set_u32(set, NFTNL_SET_DATA_LEN, value_kinds[spec->value].bytes);
		nftnl_udata_put_u32(data, NFTNL_UDATA_SET_DATABYTEORDER,
				    value_kinds[spec->value].byte_order);
	}
	if (spec->timeout_s) {
		flags |= NFT_SET_TIMEOUT | NFT_SET_EVAL;
		nftnl_set_set_u64(set, NFTNL_SET_TIMEOUT, spec->timeout_s * UINT64_C(1000));
	}
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, flags);
	nftnl_udata_put_strz(data, NFTNL_UDATA_SET_COMMENT, spec->comment);
	nftnl_set_set_data(set, NFTNL_SET_USERDATA, nftnl_udata_buf_data(data),
			   nftnl_udata_buf_len(data));

	struct nlmsghdr *message = start(batch, NFT_MSG_NEWSET, NLM_F_CREATE);
	nftnl_set_nlmsg_build_payload(message, set);
	finish(batch, message);
	nftnl_udata_buf_free(data);
	nftnl_set_free(set);
}

void nft_batch_new_counter(struct nft_batch *batch, const char *name, const char *comment)
{
	struct nftnl_obj *object = made(nftnl_obj_alloc());
	nftnl_obj_set_str(object, NFTNL_OBJ_TABLE, batch->table);
	nftnl_obj_set_str(object, NFTNL_OBJ_NAME, name);
	nftnl_obj_set_u32(object, NFTNL_OBJ_TYPE, NFT_OBJECT_COUNTER);
	nftnl_obj_set_u64(object, NFTNL_OBJ_CTR_PKTS, 0);
	nftnl_obj_set_u64(object, NFTNL_OBJ_CTR_BYTES, 0);
	struct nftnl_udata_buf *data = user_data(NFTNL_UDATA_OBJ_COMMENT, comment);
	nftnl_obj_set_data(object, NFTNL_OBJ_USERDATA, nftnl_udata_buf_data(data),
			   nftnl_udata_buf_len(data));
	struct nlmsghdr *message = start(batch, NFT_MSG_NEWOBJ, NLM_F_CREATE);
	nftnl_obj_nlmsg_build_payload(message, object);
	finish(batch, message);
	nftnl_udata_buf_free(data);
	nftnl_obj_free(object);
}

static void set_hook(struct nftnl_chain *chain, bool egress, const char *const *devices,
		     unsigned device_count)
{
	assert(device_count <= NFT_HOOKS_A_MESSAGE_MAX);
	const char *names[NFT_HOOKS_A_MESSAGE_MAX + 1] = {NULL};
	for (unsigned i = 0; i < device_count; i++)
		names[i] = devices[i];
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM,
			    egress ? NF_NETDEV_EGRESS : NF_NETDEV_INGRESS);
	nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, 0);
	nftnl_chain_set_data(chain, NFTNL_CHAIN_DEVICES, names, 0);
}

void nft_batch_new_chain(struct nft_batch *batch, const struct nft_chain_spec *spec)
{
	struct nftnl_chain *chain = made(nftnl_chain_alloc());
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, batch->table);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, spec->name);
	if (spec->base) {
		set_hook(chain, spec->egress, spec->devices, spec->device_count);
		nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "filter");
		nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, spec->accept ? NF_ACCEPT : NF_DROP);
	}
	struct nftnl_udata_buf *data = user_data(NFTNL_UDATA_CHAIN_COMMENT, spec->comment);
	nftnl_chain_set_data(chain, NFTNL_CHAIN_USERDATA, nftnl_udata_buf_data(data),
			     nftnl_udata_buf_len(data));
	struct nlmsghdr *message = start(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	nftnl_chain_nlmsg_build_payload(message, chain);
	finish(batch, message);
	nftnl_udata_buf_free(data);
	nftnl_chain_free(chain);
}

void nft_batch_delete_chain(struct nft_batch *batch, const char *name, const char *const *devices,
			    unsigned device_count)
{
	struct nftnl_chain *chain = made(nftnl_chain_alloc());
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, batch->table);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name);
	if (device_count)
		set_hook(chain, false, devices, device_count);
	struct nlmsghdr *message = start(batch, NFT_MSG_DELCHAIN, 0);
	nftnl_chain_nlmsg_build_payload(message, chain);
	finish(batch, message);
	nftnl_chain_free(chain);
}

void nft_batch_new_rule(struct nft_batch *batch, const char *chain, const struct nft_op *ops)
{
	struct nlmsghdr *message = start(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	nft_rule_write(message, batch->table, chain, ops);
	finish(batch, message);
}

/* Fields of a concatenated key stand on multiples of four bytes. */
static uint32_t put_key(uint8_t key[static NFT_KEY_BYTES_MAX], enum steering_key kind,
			const struct steering_element *element)
{
	enum { MAC = sizeof(struct mac), MAC_PADDED = 8, IP4 = 4, IP6 = 16, INTERFACE = 4 };
	memset(key, 0, NFT_KEY_BYTES_MAX);
	switch (kind) {
	case STEERING_KEY_INTERFACE: memcpy(key, &element->interface, INTERFACE); break;
	case STEERING_KEY_INTERFACE_MAC:
		memcpy(key, &element->interface, INTERFACE);
		memcpy(key + INTERFACE, &element->mac, MAC);
		break;
	case STEERING_KEY_MAC: memcpy(key, &element->mac, MAC); break;
	case STEERING_KEY_MAC_MAC:
		memcpy(key, &element->mac, MAC);
		memcpy(key + MAC_PADDED, &element->mac, MAC);
		break;
	case STEERING_KEY_MAC_IP4:
		memcpy(key, &element->mac, MAC);
		memcpy(key + MAC_PADDED, element->ip.octet, IP4);
		break;
	case STEERING_KEY_MAC_IP6:
		memcpy(key, &element->mac, MAC);
		memcpy(key + MAC_PADDED, element->ip.octet, IP6);
		break;
	case STEERING_KEY_IP4: memcpy(key, element->ip.octet, IP4); break;
	case STEERING_KEY_IP6: memcpy(key, element->ip.octet, IP6); break;
	case STEERING_KEY_COUNT: break;
	}
	return key_kinds[kind].bytes;
}

static void put_value(struct nlmsghdr *message, uint16_t attribute, const void *bytes, size_t count)
{
	struct nlattr *nest = mnl_attr_nest_start(message, attribute);
	mnl_attr_put(message, NFTA_DATA_VALUE, count, bytes);
	mnl_attr_nest_end(message, nest);
}

/* Type, length, text, as nft writes comments of elements. */
static void put_comment(struct nlmsghdr *message, uint32_t device)
{
	char data[2 + NFT_NAME_BYTES];
	int length = snprintf(data + 2, sizeof(data) - 2, NFT_DEVICE_COMMENT "%u", device);
	data[0] = NFTNL_UDATA_SET_ELEM_COMMENT;
	data[1] = (char)(length + 1);
	mnl_attr_put(message, NFTA_SET_ELEM_USERDATA, 2 + (size_t)length + 1, data);
}

/* A key that is there already is an error, not a silent sharing: what is held is known. */
static struct nlmsghdr *start_element(struct nft_batch *batch, const char *set, bool add)
{
	struct nlmsghdr *message = start(batch, add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM,
					 add ? NLM_F_CREATE | NLM_F_EXCL : 0);
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, batch->table);
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, set);
	return message;
}

/* An open message with one element, to be ended by end_element. */
struct open_element {
	struct nlmsghdr *message;
	struct nlattr *list, *one;
};

static struct open_element begin_element(struct nft_batch *batch, const char *set, bool add,
					 enum steering_key key_kind,
					 const struct steering_element *element)
{
	struct open_element open = {.message = start_element(batch, set, add)};
	uint8_t key[NFT_KEY_BYTES_MAX];
	uint32_t key_bytes = put_key(key, key_kind, element);
	open.list = mnl_attr_nest_start(open.message, NFTA_SET_ELEM_LIST_ELEMENTS);
	open.one = mnl_attr_nest_start(open.message, NFTA_LIST_ELEM);
	put_value(open.message, NFTA_SET_ELEM_KEY, key, key_bytes);
	return open;
}

static void end_element(struct nft_batch *batch, const struct open_element *open)
{
	mnl_attr_nest_end(open->message, open->one);
	mnl_attr_nest_end(open->message, open->list);
	finish(batch, open->message);
}

void nft_batch_element(struct nft_batch *batch, const struct steering_change *change,
		       uint32_t device)
{
	const struct steering_element *element = &change->element;
	const struct steering_set_info *info = steering_set_info(element->set);
	struct open_element open = begin_element(batch, info->name, change->add, info->key,
						 element);
	if (change->add) {
		if (info->value == STEERING_VALUE_INTERFACE)
			put_value(open.message, NFTA_SET_ELEM_DATA, &element->to_interface, 4);
		else if (info->value == STEERING_VALUE_MAC)
			put_value(open.message, NFTA_SET_ELEM_DATA, &element->to_mac, 6);
		put_comment(open.message, device);
	}
	end_element(batch, &open);
}

void nft_batch_key(struct nft_batch *batch, const char *set, enum steering_key key, bool add,
		   const struct steering_element *element)
{
	struct open_element open = begin_element(batch, set, add, key, element);
	end_element(batch, &open);
}

void nft_batch_flush(struct nft_batch *batch, const char *set)
{
	finish(batch, start_element(batch, set, false));
}
