/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_rule.c - one rule of in-kernel mode, expression by expression; see umbox_kernel.h. */
#include <arpa/inet.h>
#include <assert.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <string.h>

#include "internal.h"
#include "kernel.h"

enum {
	/* Keys grow from the first register on; the last 16 bytes are for all else. */
	KEY_REGISTER = NFT_REG32_00,
	WORK_REGISTER = NFT_REG_4,
	REGISTER_BYTES = 4,
	IPV4_FRAGMENT_AT = 6,
};

void kernel_end_rule(struct umbox_kernel *kernel)
{
	struct umbox_rule *rule = &kernel->rule;
	if (!rule->open)
		return;
	netlink_close(&kernel->rules, rule->expressions);
	netlink_end(&kernel->rules, rule->message);
	rule->open = false;
}

struct umbox_rule *umbox_rule(struct umbox_chain *chain)
{
	struct umbox_kernel *kernel = chain->kernel;
	struct netlink_batch *batch = &kernel->rules;
	kernel_end_rule(kernel);
	kernel->rule = (struct umbox_rule){.kernel = kernel, .chain = chain, .open = true};
	kernel->rule.message = kernel_begin(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	netlink_put_text(batch, NFTA_RULE_TABLE, KERNEL_TABLE);
	netlink_put_text(batch, NFTA_RULE_CHAIN, chain->name);
	kernel->rule.expressions = netlink_open(batch, NFTA_RULE_EXPRESSIONS);
	return &kernel->rule;
}

/* --- expressions */

struct expression {
	struct netlink_batch *batch;
	size_t element, data;
};

static struct expression open_in(struct netlink_batch *batch, uint16_t attribute, const char *name)
{
	struct expression at = {.batch = batch, .element = netlink_open(batch, attribute)};
	netlink_put_text(batch, NFTA_EXPR_NAME, name);
	at.data = netlink_open(batch, NFTA_EXPR_DATA);
	return at;
}

static struct expression open_expression(struct umbox_rule *rule, const char *name)
{
	return open_in(&rule->kernel->rules, NFTA_LIST_ELEM, name);
}

static void close_expression(struct expression at)
{
	netlink_close(at.batch, at.data);
	netlink_close(at.batch, at.element);
}

static void put_number(struct expression at, uint16_t attribute, uint32_t number)
{
	netlink_put_be32(at.batch, attribute, number);
}

static void put_data(struct expression at, uint16_t attribute, const void *bytes, size_t count)
{
	size_t nest = netlink_open(at.batch, attribute);
	netlink_put(at.batch, NFTA_DATA_VALUE, bytes, count);
	netlink_close(at.batch, nest);
}

static void compare(struct umbox_rule *rule, enum nft_cmp_ops operation, const void *bytes,
		    size_t count)
{
	struct expression at = open_expression(rule, "cmp");
	put_number(at, NFTA_CMP_SREG, WORK_REGISTER);
	put_number(at, NFTA_CMP_OP, operation);
	put_data(at, NFTA_CMP_DATA, bytes, count);
	close_expression(at);
}

static void load_meta(struct umbox_rule *rule, enum nft_meta_keys key)
{
	struct expression at = open_expression(rule, "meta");
	put_number(at, NFTA_META_DREG, WORK_REGISTER);
	put_number(at, NFTA_META_KEY, key);
	close_expression(at);
}

static void load(struct umbox_rule *rule, uint32_t base, uint8_t offset, uint8_t count,
		 uint32_t target)
{
	struct expression at = open_expression(rule, "payload");
	put_number(at, NFTA_PAYLOAD_DREG, target);
	put_number(at, NFTA_PAYLOAD_BASE, base);
	put_number(at, NFTA_PAYLOAD_OFFSET, offset);
	put_number(at, NFTA_PAYLOAD_LEN, count);
	close_expression(at);
}

static void mask_register(struct umbox_rule *rule, uint32_t place, const void *mask, uint8_t count)
{
	static const uint8_t zero[UMBOX_KEY_BYTES];
	struct expression at = open_expression(rule, "bitwise");
	put_number(at, NFTA_BITWISE_SREG, place);
	put_number(at, NFTA_BITWISE_DREG, place);
	put_number(at, NFTA_BITWISE_LEN, count);
	put_data(at, NFTA_BITWISE_MASK, mask, count);
	put_data(at, NFTA_BITWISE_XOR, zero, count);
	close_expression(at);
}

static void set_register(struct umbox_rule *rule, const void *bytes, size_t count)
{
	struct expression at = open_expression(rule, "immediate");
	put_number(at, NFTA_IMMEDIATE_DREG, WORK_REGISTER);
	put_data(at, NFTA_IMMEDIATE_DATA, bytes, count);
	close_expression(at);
}

static void give_verdict(struct umbox_rule *rule, int32_t code, const char *chain)
{
	struct expression at = open_expression(rule, "immediate");
	put_number(at, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	size_t data = netlink_open(at.batch, NFTA_IMMEDIATE_DATA);
	size_t verdict = netlink_open(at.batch, NFTA_DATA_VERDICT);
	put_number(at, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		netlink_put_text(at.batch, NFTA_VERDICT_CHAIN, chain);
	netlink_close(at.batch, verdict);
	netlink_close(at.batch, data);
	close_expression(at);
}

/* The interface's number is filled in at the start. */
static void send_to(struct umbox_rule *rule, const char *expression, uint16_t attribute,
		    enum kernel_device device)
{
	struct umbox_kernel *kernel = rule->kernel;
	uint32_t unknown = 0;
	set_register(rule, &unknown, sizeof(unknown));
	assert(kernel->place_count < KERNEL_PLACES_MAX);
	kernel->places[kernel->place_count++] =
		(struct kernel_place){.at = kernel->rules.used - sizeof(unknown), .device = device};
	struct expression at = open_expression(rule, expression);
	put_number(at, attribute, WORK_REGISTER);
	close_expression(at);
}

static void fill_limit(struct expression at, const struct umbox_rate *rate, uint32_t flags)
{
	netlink_put_be64(at.batch, NFTA_LIMIT_RATE, rate->count);
	netlink_put_be64(at.batch, NFTA_LIMIT_UNIT, rate->seconds ? rate->seconds : 1);
	put_number(at, NFTA_LIMIT_BURST, rate->burst);
	put_number(at, NFTA_LIMIT_TYPE, NFT_LIMIT_PKTS);
	put_number(at, NFTA_LIMIT_FLAGS, flags);
	close_expression(at);
}

static struct expression open_note(struct umbox_rule *rule, const struct umbox_set *set,
				   uint32_t seconds)
{
	struct expression at = open_expression(rule, "dynset");
	netlink_put_text(at.batch, NFTA_DYNSET_SET_NAME, set->name);
	put_number(at, NFTA_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
	put_number(at, NFTA_DYNSET_SREG_KEY, KEY_REGISTER);
	netlink_put_be64(at.batch, NFTA_DYNSET_TIMEOUT, seconds * 1000ull);
	return at;
}

/* --- conditions */

void umbox_if_ether(struct umbox_rule *rule, uint16_t type)
{
	load_meta(rule, NFT_META_PROTOCOL);
	type = htons(type);
	compare(rule, NFT_CMP_EQ, &type, sizeof(type));
}

void umbox_if_protocol(struct umbox_rule *rule, uint8_t protocol)
{
	load_meta(rule, NFT_META_L4PROTO);
	compare(rule, NFT_CMP_EQ, &protocol, sizeof(protocol));
}

static void compare_bytes(struct umbox_rule *rule, enum nft_cmp_ops operation,
			  enum umbox_header header, uint8_t offset, const struct umbox_bytes *value,
			  const struct umbox_bytes *mask)
{
	load(rule, header, offset, value->count, WORK_REGISTER);
	if (mask)
		mask_register(rule, WORK_REGISTER, mask->octet, value->count);
	compare(rule, operation, value->octet, value->count);
}

void umbox_if_bytes(struct umbox_rule *rule, enum umbox_header header, uint8_t offset,
		    const struct umbox_bytes *value, const struct umbox_bytes *mask)
{
	compare_bytes(rule, NFT_CMP_EQ, header, offset, value, mask);
}

void umbox_unless_bytes(struct umbox_rule *rule, enum umbox_header header, uint8_t offset,
			const struct umbox_bytes *value, const struct umbox_bytes *mask)
{
	compare_bytes(rule, NFT_CMP_NEQ, header, offset, value, mask);
}

void umbox_if_extension(struct umbox_rule *rule, uint8_t kind)
{
	struct expression at = open_expression(rule, "exthdr");
	put_number(at, NFTA_EXTHDR_DREG, WORK_REGISTER);
	netlink_put(at.batch, NFTA_EXTHDR_TYPE, &kind, sizeof(kind));
	put_number(at, NFTA_EXTHDR_OFFSET, 0);
	put_number(at, NFTA_EXTHDR_LEN, 1);
	put_number(at, NFTA_EXTHDR_FLAGS, NFT_EXTHDR_F_PRESENT);
	put_number(at, NFTA_EXTHDR_OP, NFT_EXTHDR_OP_IPV6);
	close_expression(at);
	compare(rule, NFT_CMP_EQ, &(uint8_t){1}, 1);
}

void umbox_if_rate(struct umbox_rule *rule, const struct umbox_rate *rate)
{
	fill_limit(open_expression(rule, "limit"), rate, 0);
}

void umbox_unless_rate(struct umbox_rule *rule, const struct umbox_rate *rate)
{
	fill_limit(open_expression(rule, "limit"), rate, NFT_LIMIT_F_INV);
}

void umbox_key(struct umbox_rule *rule, enum umbox_header header, uint8_t offset, uint8_t count,
	       const uint8_t *mask)
{
	uint32_t place = KEY_REGISTER + rule->key_registers;
	rule->key_registers =
		(uint8_t)(rule->key_registers + (count + REGISTER_BYTES - 1) / REGISTER_BYTES);
	assert(rule->key_registers * REGISTER_BYTES <= UMBOX_KEY_BYTES);
	load(rule, header, offset, count, place);
	if (mask)
		mask_register(rule, place, mask, count);
}

void umbox_key_peer(struct umbox_rule *rule, uint8_t offset, uint8_t count, const uint8_t *mask,
		    bool link_local)
{
	static const struct umbox_bytes prefix = {2, {0xfe, 0x80}}, ten_bits = {2, {0xff, 0xc0}};
	if (link_local)
		umbox_if_bytes(rule, UMBOX_NETWORK, offset, &prefix, &ten_bits);
	else if (count == sizeof(struct in6_addr))
		umbox_unless_bytes(rule, UMBOX_NETWORK, offset, &prefix, &ten_bits);
	umbox_key(rule, UMBOX_NETWORK, offset, count, link_local ? NULL : mask);
}

void umbox_if_in(struct umbox_rule *rule, const struct umbox_set *set)
{
	struct expression at = open_expression(rule, "lookup");
	netlink_put_text(at.batch, NFTA_LOOKUP_SET, set->name);
	put_number(at, NFTA_LOOKUP_SREG, KEY_REGISTER);
	close_expression(at);
}

static void note_rate(struct umbox_rule *rule, const struct umbox_set *set,
		      const struct umbox_rate *rate, uint32_t seconds, bool no_room)
{
	struct expression at = open_note(rule, set, seconds);
	if (no_room)
		put_number(at, NFTA_DYNSET_FLAGS, NFT_DYNSET_F_INV);
	fill_limit(open_in(at.batch, NFTA_DYNSET_EXPR, "limit"), rate, 0);
	close_expression(at);
}

void umbox_if_rate_of_key(struct umbox_rule *rule, const struct umbox_set *set,
			  const struct umbox_rate *rate, uint32_t seconds)
{
	note_rate(rule, set, rate, seconds, false);
}

/* An element that there is room for after all is made like those of the other rule. */
void umbox_if_no_room(struct umbox_rule *rule, const struct umbox_set *set,
		      const struct umbox_rate *rate, uint32_t seconds)
{
	note_rate(rule, set, rate, seconds, true);
}

/* --- what is done */

void umbox_note_key(struct umbox_rule *rule, const struct umbox_set *set, uint32_t seconds)
{
	close_expression(open_note(rule, set, seconds));
}

void umbox_count(struct umbox_rule *rule, const char *counter)
{
	kernel_counter(rule->kernel, counter);
	struct expression at = open_expression(rule, "objref");
	put_number(at, NFTA_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	netlink_put_text(at.batch, NFTA_OBJREF_IMM_NAME, counter);
	close_expression(at);
}

static enum kernel_device up_of(const struct umbox_rule *rule)
{
	return rule->chain->from == UMBOX_IN ? KERNEL_UP_IN : KERNEL_UP_OUT;
}

void umbox_copy_up(struct umbox_rule *rule)
{
	send_to(rule, "dup", NFTA_DUP_SREG_DEV, up_of(rule));
}

void umbox_goto(struct umbox_rule *rule, const struct umbox_chain *chain)
{
	assert(chain->from == rule->chain->from);
	give_verdict(rule, NFT_GOTO, chain->name);
}

void umbox_pass(struct umbox_rule *rule)
{
	umbox_count(rule, KERNEL_PASSED);
	send_to(rule, "fwd", NFTA_FWD_SREG_DEV,
		rule->chain->from == UMBOX_IN ? KERNEL_OUT : KERNEL_IN);
}

static bool in_shadow(const struct umbox_rule *rule)
{
	return rule->kernel->umbox->shadow;
}

static void count_dropped(struct umbox_rule *rule)
{
	umbox_count(rule, in_shadow(rule) ? KERNEL_WOULD_DROP : KERNEL_DROPPED);
}

static void end_refused(struct umbox_rule *rule)
{
	if (in_shadow(rule))
		umbox_pass(rule);
	else
		give_verdict(rule, NF_DROP, NULL);
}

void umbox_drop(struct umbox_rule *rule)
{
	count_dropped(rule);
	end_refused(rule);
}

void umbox_hand_up(struct umbox_rule *rule)
{
	send_to(rule, "fwd", NFTA_FWD_SREG_DEV, up_of(rule));
}

/* In place of the address that the frame is sent to. */
static void store_about(struct umbox_rule *rule, uint32_t source)
{
	struct expression at = open_expression(rule, "payload");
	put_number(at, NFTA_PAYLOAD_SREG, source);
	put_number(at, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_LL_HEADER);
	put_number(at, NFTA_PAYLOAD_OFFSET, 0);
	put_number(at, NFTA_PAYLOAD_LEN, KERNEL_ABOUT_BYTES);
	put_number(at, NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_NONE);
	put_number(at, NFTA_PAYLOAD_CSUM_OFFSET, 0);
	close_expression(at);
}

/* What is told is dropped; where it came from and why stands in place of its first address.  In
 * shadow that is told of a copy, and the frame gets its address back. */
static void tell(struct umbox_rule *rule, uint8_t tag)
{
	uint8_t about[KERNEL_ABOUT_BYTES] = {2, [4] = rule->chain->from, [5] = tag};
	if (in_shadow(rule))
		load(rule, NFT_PAYLOAD_LL_HEADER, 0, sizeof(about), KEY_REGISTER);
	set_register(rule, about, sizeof(about));
	store_about(rule, WORK_REGISTER);
	if (in_shadow(rule)) {
		send_to(rule, "dup", NFTA_DUP_SREG_DEV, KERNEL_TOLD);
		store_about(rule, KEY_REGISTER);
	} else {
		send_to(rule, "fwd", NFTA_FWD_SREG_DEV, KERNEL_TOLD);
	}
}

struct umbox_chain *umbox_refusal_new(struct umbox_chain *like, const char *counter, uint8_t tag)
{
	static const struct umbox_rate told = {.count = UMBOX_TOLD_PER_SECOND,
					       .burst = UMBOX_TOLD_PER_SECOND};
	struct umbox_chain *chain = umbox_chain_new(like);
	like->kernel->told_counters[tag] = counter;
	struct umbox_rule *rule = umbox_rule(chain);
	umbox_count(rule, counter);
	count_dropped(rule);
	umbox_if_rate(rule, &told);
	tell(rule, tag);
	/* The rest: nothing is behind it, but a chain's end would return to the leg's policy. */
	end_refused(umbox_rule(chain));
	return chain;
}

/* --- rules that many need */

void umbox_refuse_fragments4(struct umbox_chain *chain, const struct umbox_chain *refusal)
{
	static const struct umbox_bytes none = {2, {0}}, place_and_more = {2, {0x3f, 0xff}};
	struct umbox_rule *rule = umbox_rule(chain);
	umbox_unless_bytes(rule, UMBOX_NETWORK, IPV4_FRAGMENT_AT, &none, &place_and_more);
	umbox_goto(rule, refusal);
}

void umbox_refuse_fragments6(struct umbox_chain *chain, const struct umbox_chain *refusal)
{
	static const uint8_t harmless[] = {IPPROTO_UDP, IPPROTO_ICMPV6};
	struct umbox_chain *fragments = umbox_chain_new(chain);
	struct umbox_rule *rule = umbox_rule(chain);
	umbox_if_extension(rule, IPPROTO_FRAGMENT);
	give_verdict(rule, NFT_JUMP, fragments->name);
	for (size_t i = 0; i < sizeof(harmless); i++) {
		rule = umbox_rule(fragments);
		umbox_if_protocol(rule, harmless[i]);
		give_verdict(rule, NFT_RETURN, NULL);
	}
	umbox_goto(umbox_rule(fragments), refusal);
}

/* Both ways to wrap an EtherType have no bit of the mask in the last byte. */
static void refuse_wrapped(struct umbox_chain *chain, const struct umbox_chain *refusal,
			   uint16_t ether, uint8_t offset)
{
	static const struct umbox_bytes head = {6, {0xaa, 0xaa, 3}};
	static const struct umbox_bytes mask = {6, {0xff, 0xff, 0xff, 0xff, 0xff, 0x07}};
	struct umbox_rule *rule = umbox_rule(chain);
	umbox_if_ether(rule, ether);
	umbox_if_bytes(rule, UMBOX_NETWORK, offset, &head, &mask);
	umbox_goto(rule, refusal);
}

void umbox_refuse_hidden(struct umbox_chain *chain, const struct umbox_chain *refusal)
{
	enum { TYPE_AT = 2, TAG_BYTES = 4 };
	static const struct umbox_bytes tags[] = {{2, {0x81, 0x00}}, {2, {0x88, 0xa8}}};
	struct umbox_rule *rule = umbox_rule(chain);
	umbox_if_ether(rule, ETH_P_8021AD);
	umbox_goto(rule, refusal);
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		rule = umbox_rule(chain);
		umbox_if_ether(rule, ETH_P_8021Q);
		umbox_if_bytes(rule, UMBOX_NETWORK, TYPE_AT, &tags[i], NULL);
		umbox_goto(rule, refusal);
	}
	refuse_wrapped(chain, refusal, ETH_P_8021Q, TAG_BYTES);
	refuse_wrapped(chain, refusal, ETH_P_802_2, 0);
}
