/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/nft_parse.c - asks for, and reads, what the kernel holds: table, chains, counters,
 * elements. */
#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "codec/nft_inner.h"

enum { ATTRIBUTES_MAX = 24, HEADER_BYTES = sizeof(struct nfgenmsg) };

static struct nlmsghdr *ask(void *buffer, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	message->nlmsg_type = (NFNL_SUBSYS_NFTABLES << 8) | type;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	struct nfgenmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->nfgen_family = NFPROTO_NETDEV;
	return message;
}

struct nlmsghdr *nft_ask_table(void *buffer)
{
	struct nlmsghdr *message = ask(buffer, NFT_MSG_GETTABLE, NLM_F_ACK);
	mnl_attr_put_strz(message, NFTA_TABLE_NAME, NFT_TABLE);
	return message;
}

struct nlmsghdr *nft_ask_chains(void *buffer)
{
	return ask(buffer, NFT_MSG_GETCHAIN, NLM_F_DUMP);
}

struct nlmsghdr *nft_ask_rules(void *buffer)
{
	struct nlmsghdr *message = ask(buffer, NFT_MSG_GETRULE, NLM_F_DUMP);
	mnl_attr_put_strz(message, NFTA_RULE_TABLE, NFT_TABLE);
	return message;
}

struct nlmsghdr *nft_ask_counters(void *buffer)
{
	struct nlmsghdr *message = ask(buffer, NFT_MSG_GETOBJ, NLM_F_DUMP);
	mnl_attr_put_strz(message, NFTA_OBJ_TABLE, NFT_TABLE);
	mnl_attr_put_u32(message, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	return message;
}

struct nlmsghdr *nft_ask_elements(void *buffer, const char *set)
{
	struct nlmsghdr *message = ask(buffer, NFT_MSG_GETSETELEM, NLM_F_DUMP);
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, NFT_TABLE);
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, set);
	return message;
}

struct attributes {
	const struct nlattr *at[ATTRIBUTES_MAX];
};

static int on_attribute(const struct nlattr *attribute, void *data)
{
	struct attributes *attributes = data;
	uint16_t type = mnl_attr_get_type(attribute);
	if (type < ATTRIBUTES_MAX)
		attributes->at[type] = attribute;
	return MNL_CB_OK;
}

static bool parse_message(const struct nlmsghdr *message, uint16_t type,
			  struct attributes *attributes)
{
	*attributes = (struct attributes){0};
	return message->nlmsg_type == ((NFNL_SUBSYS_NFTABLES << 8) | type) &&
	       mnl_nlmsg_get_payload_len(message) >= HEADER_BYTES &&
	       mnl_attr_parse(message, HEADER_BYTES, on_attribute, attributes) == MNL_CB_OK;
}

static bool parse_nest(const struct nlattr *nest, struct attributes *attributes)
{
	*attributes = (struct attributes){0};
	return nest && mnl_attr_parse_nested(nest, on_attribute, attributes) == MNL_CB_OK;
}

/* NULL when the attribute is missing or not a terminated string. */
static const char *get_text(const struct nlattr *attribute)
{
	return attribute && mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0
		       ? mnl_attr_get_str(attribute)
		       : NULL;
}

static bool get_u32(const struct nlattr *attribute, uint32_t *ret)
{
	if (!attribute || mnl_attr_validate(attribute, MNL_TYPE_U32) < 0)
		return false;
	*ret = ntohl(mnl_attr_get_u32(attribute));
	return true;
}

/* The text in nft's user data (type 0, length, terminated text); NULL when it is none. */
static const char *get_comment(const struct nlattr *user_data)
{
	if (!user_data)
		return NULL;
	const char *data = mnl_attr_get_payload(user_data);
	size_t bytes = mnl_attr_get_payload_len(user_data);
	if (bytes < 3 || data[0] != 0 || (uint8_t)data[1] != bytes - 2 || data[bytes - 1])
		return NULL;
	return data + 2;
}

bool nft_parse_table(const struct nlmsghdr *message, struct nft_table_view *ret)
{
	struct attributes table;
	*ret = (struct nft_table_view){0};
	if (!parse_message(message, NFT_MSG_NEWTABLE, &table) ||
	    !text_equal(get_text(table.at[NFTA_TABLE_NAME]), NFT_TABLE) ||
	    !get_u32(table.at[NFTA_TABLE_FLAGS], &ret->flags))
		return false;
	const char *comment = get_comment(table.at[NFTA_TABLE_USERDATA]);
	if (comment && !TEXT_COPY(ret->comment, comment))
		ret->comment[0] = '\0';
	return !table.at[NFTA_TABLE_OWNER] || get_u32(table.at[NFTA_TABLE_OWNER], &ret->owner);
}

bool nft_parse_rule(const struct nlmsghdr *message, const char **ret_chain,
		    const void **ret_expressions, size_t *ret_bytes)
{
	struct attributes rule;
	if (!parse_message(message, NFT_MSG_NEWRULE, &rule) ||
	    !text_equal(get_text(rule.at[NFTA_RULE_TABLE]), NFT_TABLE))
		return false;
	const char *chain = get_text(rule.at[NFTA_RULE_CHAIN]);
	const struct nlattr *expressions = rule.at[NFTA_RULE_EXPRESSIONS];
	if (!chain || !expressions)
		return false;
	*ret_chain = chain;
	*ret_expressions = mnl_attr_get_payload(expressions);
	*ret_bytes = mnl_attr_get_payload_len(expressions);
	return true;
}

static bool parse_device(struct nft_chain_view *view, const struct nlattr *attribute)
{
	const char *name = get_text(attribute);
	return name && view->device_count < ARRAY_SIZE(view->devices) &&
	       TEXT_COPY(view->devices[view->device_count++], name);
}

/* One device stands alone, several in a list. */
static bool parse_hook(struct nft_chain_view *view, const struct nlattr *nest)
{
	struct attributes hook;
	const struct nlattr *one;
	if (!parse_nest(nest, &hook))
		return false;
	view->base = true;
	if (hook.at[NFTA_HOOK_DEV])
		return parse_device(view, hook.at[NFTA_HOOK_DEV]);
	if (!hook.at[NFTA_HOOK_DEVS])
		return true;
	mnl_attr_for_each_nested(one, hook.at[NFTA_HOOK_DEVS])
		if (!parse_device(view, one))
			return false;
	return true;
}

bool nft_parse_chain(const struct nlmsghdr *message, struct nft_chain_view *ret)
{
	struct attributes chain;
	*ret = (struct nft_chain_view){0};
	if (!parse_message(message, NFT_MSG_NEWCHAIN, &chain) ||
	    !text_equal(get_text(chain.at[NFTA_CHAIN_TABLE]), NFT_TABLE))
		return false;
	const char *name = get_text(chain.at[NFTA_CHAIN_NAME]);
	return name && TEXT_COPY(ret->name, name) &&
	       (!chain.at[NFTA_CHAIN_HOOK] || parse_hook(ret, chain.at[NFTA_CHAIN_HOOK]));
}

bool nft_parse_counter(const struct nlmsghdr *message, char name[static NFT_NAME_BYTES],
		       uint64_t *ret_packets)
{
	struct attributes object, counter;
	if (!parse_message(message, NFT_MSG_NEWOBJ, &object) ||
	    !text_equal(get_text(object.at[NFTA_OBJ_TABLE]), NFT_TABLE) ||
	    !parse_nest(object.at[NFTA_OBJ_DATA], &counter))
		return false;
	const char *text = get_text(object.at[NFTA_OBJ_NAME]);
	const struct nlattr *packets = counter.at[NFTA_COUNTER_PACKETS];
	if (!text || !text_copy(name, NFT_NAME_BYTES, text) || !packets ||
	    mnl_attr_validate(packets, MNL_TYPE_U64) < 0)
		return false;
	*ret_packets = be64toh(mnl_attr_get_u64(packets));
	return true;
}

/* Copies exactly `bytes` of a nested value. */
static bool get_value(const struct nlattr *nest, void *target, size_t bytes)
{
	struct attributes value;
	if (!parse_nest(nest, &value) || !value.at[NFTA_DATA_VALUE] ||
	    mnl_attr_get_payload_len(value.at[NFTA_DATA_VALUE]) != bytes)
		return false;
	memcpy(target, mnl_attr_get_payload(value.at[NFTA_DATA_VALUE]), bytes);
	return true;
}

static bool get_key(const struct nlattr *nest, enum steering_key kind,
		    struct steering_element *element)
{
	enum { MAC = sizeof(struct mac), MAC_PADDED = 8, IP4 = 4, IP6 = 16, INTERFACE = 4 };
	uint8_t key[NFT_KEY_BYTES_MAX];
	if (!get_value(nest, key, nft_key_bytes(kind)))
		return false;
	switch (kind) {
	case STEERING_KEY_INTERFACE: memcpy(&element->interface, key, INTERFACE); break;
	case STEERING_KEY_INTERFACE_MAC:
		memcpy(&element->interface, key, INTERFACE);
		memcpy(&element->mac, key + INTERFACE, MAC);
		break;
	case STEERING_KEY_MAC: memcpy(&element->mac, key, MAC); break;
	case STEERING_KEY_MAC_MAC:
		memcpy(&element->mac, key, MAC);
		return memcmp(key, key + MAC_PADDED, MAC) == 0;
	case STEERING_KEY_MAC_IP4:
	case STEERING_KEY_MAC_IP6:
		memcpy(&element->mac, key, MAC);
		element->ip.family = kind == STEERING_KEY_MAC_IP4 ? 4 : 6;
		memcpy(element->ip.octet, key + MAC_PADDED, element->ip.family == 4 ? IP4 : IP6);
		break;
	case STEERING_KEY_IP4:
	case STEERING_KEY_IP6:
		element->ip.family = kind == STEERING_KEY_IP4 ? 4 : 6;
		memcpy(element->ip.octet, key, element->ip.family == 4 ? IP4 : IP6);
		break;
	case STEERING_KEY_COUNT: return false;
	}
	return true;
}

/* The number in the comment "device <number>"; 0 when there is none of that form. */
static uint32_t get_device(const struct nlattr *user_data)
{
	const char *comment = get_comment(user_data);
	if (!comment || !text_starts(comment, NFT_DEVICE_COMMENT))
		return 0;
	const char *number = comment + strlen(NFT_DEVICE_COMMENT);
	char *end;
	unsigned long device = strtoul(number, &end, 10);
	return *number >= '1' && *number <= '9' && !*end && device <= DEVICE_NUMBER_MAX
		       ? (uint32_t)device
		       : 0;
}

/* The list of elements of a message; NULL when it is none. */
static const struct nlattr *get_list(const struct nlmsghdr *message)
{
	struct attributes attributes;
	if (!parse_message(message, NFT_MSG_NEWSETELEM, &attributes) ||
	    !text_equal(get_text(attributes.at[NFTA_SET_ELEM_LIST_TABLE]), NFT_TABLE))
		return NULL;
	return attributes.at[NFTA_SET_ELEM_LIST_ELEMENTS];
}

bool nft_parse_elements(const struct nlmsghdr *message, enum steering_set set,
			void (*on_element)(void *data, const struct steering_element *element,
					   uint32_t device),
			void *data)
{
	const struct steering_set_info *info = steering_set_info(set);
	const struct nlattr *list = get_list(message), *one;
	if (!list)
		return false;
	mnl_attr_for_each_nested(one, list) {
		struct attributes attributes;
		struct steering_element element = {.set = set};
		if (!parse_nest(one, &attributes) ||
		    !get_key(attributes.at[NFTA_SET_ELEM_KEY], info->key, &element))
			return false;
		const struct nlattr *value = attributes.at[NFTA_SET_ELEM_DATA];
		if (info->value == STEERING_VALUE_INTERFACE &&
		    !get_value(value, &element.to_interface, sizeof(element.to_interface)))
			return false;
		if (info->value == STEERING_VALUE_MAC &&
		    !get_value(value, &element.to_mac, sizeof(element.to_mac)))
			return false;
		on_element(data, &element, get_device(attributes.at[NFTA_SET_ELEM_USERDATA]));
	}
	return true;
}

/* The counter among the expressions of an element; 0 when there is none. */
static uint64_t get_frames(const struct nlattr *expression)
{
	struct attributes expr, counter;
	if (!parse_nest(expression, &expr) ||
	    !text_equal(get_text(expr.at[NFTA_EXPR_NAME]), "counter") ||
	    !parse_nest(expr.at[NFTA_EXPR_DATA], &counter))
		return 0;
	const struct nlattr *packets = counter.at[NFTA_COUNTER_PACKETS];
	return packets && mnl_attr_validate(packets, MNL_TYPE_U64) == 0
		       ? be64toh(mnl_attr_get_u64(packets))
		       : 0;
}

static bool get_noted_value(const struct nlattr *nest, enum steering_value value,
			    struct nft_note *note)
{
	uint32_t bytes = nft_value_bytes(value);
	switch (value) {
	case STEERING_VALUE_NONE: return true;
	case STEERING_VALUE_INTERFACE: return get_value(nest, &note->element.to_interface, bytes);
	case STEERING_VALUE_MAC: return get_value(nest, &note->element.to_mac, bytes);
	case STEERING_VALUE_IP4:
	case STEERING_VALUE_IP6:
		note->to_ip.family = value == STEERING_VALUE_IP4 ? 4 : 6;
		return get_value(nest, note->to_ip.octet, bytes);
	case STEERING_VALUE_COUNT: break;
	}
	return false;
}

bool nft_parse_notes(const struct nlmsghdr *message, enum steering_key key,
		     enum steering_value value,
		     void (*on_note)(void *data, const struct nft_note *note), void *data)
{
	const struct nlattr *list = get_list(message), *one;
	if (!list)
		return false;
	mnl_attr_for_each_nested(one, list) {
		struct attributes attributes;
		struct nft_note note = {0};
		if (!parse_nest(one, &attributes) ||
		    !get_key(attributes.at[NFTA_SET_ELEM_KEY], key, &note.element) ||
		    !get_noted_value(attributes.at[NFTA_SET_ELEM_DATA], value, &note))
			return false;
		note.frames = get_frames(attributes.at[NFTA_SET_ELEM_EXPR]);
		on_note(data, &note);
	}
	return true;
}
