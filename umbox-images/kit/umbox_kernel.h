/* SPDX-License-Identifier: Apache-2.0 */
/* umbox_kernel.h - in-kernel mode: frames cross the umbox by rules of nftables in its own
 * namespace, without coming to user space; what the rules hand up comes to on_frame as ever.
 *
 *     struct umbox_kernel *kernel = umbox_kernel_new(umbox);
 *     struct umbox_chain *from_network = umbox_chain_of(kernel, UMBOX_OUT);
 *     struct umbox_chain *telnet = umbox_refusal_new(from_network, "telnet", TELNET);
 *     struct umbox_rule *rule = umbox_rule(from_network);
 *     umbox_if_ether(rule, ETH_P_IP);
 *     umbox_if_protocol(rule, IPPROTO_TCP);
 *     umbox_if_bytes(rule, UMBOX_TRANSPORT, 2, &(struct umbox_bytes){2, {0, 23}}, NULL);
 *     umbox_goto(rule, telnet);
 *     umbox_pass(umbox_rule(from_network));
 *
 * The rules of a chain are asked in their order; each is conditions, then what is done.  Behind the
 * last rule of a leg's own chain a frame is dropped.  The rules live as long as the process: the
 * kernel removes the table with its socket, and then nothing crosses any more.
 *
 * A rule sees frames as the kernel has them: one VLAN tag is off already (it is kept beside the
 * frame), and a frame may be many packets (GSO).  Loads beyond a frame's end, and of a transport
 * header that is not there (later fragments), make a rule not match.
 *
 * Needs NET_ADMIN beside NET_RAW.  What goes wrong is told by umbox_run. */
#pragma once

#include "umbox.h"

enum {
	UMBOX_KEY_BYTES = 48,   /* of a set's key */
	UMBOX_COUNTED_MAX = 16, /* names of umbox_count; they are some of umbox_counter's 16 */
	UMBOX_TOLD_PER_SECOND = 5,
};

struct umbox_kernel;
struct umbox_chain;
struct umbox_rule;
struct umbox_set;

/* Before umbox_run; lives as long as `umbox`. */
struct umbox_kernel *umbox_kernel_new(struct umbox *umbox);

/* The chain that every frame from this leg begins in. */
struct umbox_chain *umbox_chain_of(struct umbox_kernel *kernel, enum umbox_leg from);
/* Another one for frames from the same leg, for umbox_goto. */
struct umbox_chain *umbox_chain_new(struct umbox_chain *like);
/* One that counts what comes there, tells a part of it (at most UMBOX_TOLD_PER_SECOND), and drops
 * it.  In shadow what a rule drops, or finds no rule, passes. */
struct umbox_chain *umbox_refusal_new(struct umbox_chain *like, const char *counter, uint8_t tag);

/* Begins a rule behind the chain's others; it ends where the next one begins. */
struct umbox_rule *umbox_rule(struct umbox_chain *chain);

/* --- conditions: where one is false the next rule is asked */

enum umbox_header { UMBOX_NETWORK = 1, UMBOX_TRANSPORT = 2 };

struct umbox_bytes {
	uint8_t count; /* 1 to 16 */
	uint8_t octet[16];
};

/* So many at once, and then `count` in `seconds` (0: one). */
struct umbox_rate {
	uint32_t count, burst, seconds;
};

/* The EtherType, behind one VLAN tag. */
void umbox_if_ether(struct umbox_rule *rule, uint16_t type);
/* The transport protocol, behind IPv6 extension headers; false where it cannot be found. */
void umbox_if_protocol(struct umbox_rule *rule, uint8_t protocol);
/* Bytes of a header, those under `mask` (NULL: all), are these; or are others. */
void umbox_if_bytes(struct umbox_rule *rule, enum umbox_header header, uint8_t offset,
		    const struct umbox_bytes *value, const struct umbox_bytes *mask);
void umbox_unless_bytes(struct umbox_rule *rule, enum umbox_header header, uint8_t offset,
			const struct umbox_bytes *value, const struct umbox_bytes *mask);
/* There is an IPv6 extension header of this kind. */
void umbox_if_extension(struct umbox_rule *rule, uint8_t kind);
/* Frames that come to this rule are not more than so many; or are more. */
void umbox_if_rate(struct umbox_rule *rule, const struct umbox_rate *rate);
void umbox_unless_rate(struct umbox_rule *rule, const struct umbox_rate *rate);

/* The key of the sets below: parts of headers, one behind the other, each padded to four bytes;
 * `mask` may be NULL. */
void umbox_key(struct umbox_rule *rule, enum umbox_header header, uint8_t offset, uint8_t count,
	       const uint8_t *mask);
/* An address in the network header, of 4 or 16 bytes, as the key of somebody: under `mask`, but of
 * IPv6 all of an address of the link alone (fe80::/10), since the prefix is everybody's there. IPv6
 * needs two rules: one for such addresses, `link_local`, and one for others. */
void umbox_key_peer(struct umbox_rule *rule, uint8_t offset, uint8_t count, const uint8_t *mask,
		    bool link_local);
void umbox_if_in(struct umbox_rule *rule, const struct umbox_set *set);
/* Frames of this key are not more than so many; the key is noted for `seconds` from its last frame
 * on.  False also where the set is full and the key not in it: ask umbox_if_no_room behind it, with
 * the same words, and decide, since whoever can make up keys can fill a set. */
void umbox_if_rate_of_key(struct umbox_rule *rule, const struct umbox_set *set,
			  const struct umbox_rate *rate, uint32_t seconds);
void umbox_if_no_room(struct umbox_rule *rule, const struct umbox_set *set,
		      const struct umbox_rate *rate, uint32_t seconds);

/* --- what is done; the last of a rule is one of goto, pass, drop, hand_up, or none */

void umbox_count(struct umbox_rule *rule, const char *counter);
/* Notes the key; false where the set is full. */
void umbox_note_key(struct umbox_rule *rule, const struct umbox_set *set, uint32_t seconds);
/* A copy to on_frame, whose verdict must be UMBOX_SEEN. */
void umbox_copy_up(struct umbox_rule *rule);
void umbox_goto(struct umbox_rule *rule, const struct umbox_chain *chain);
void umbox_pass(struct umbox_rule *rule); /* on to the other leg */
void umbox_drop(struct umbox_rule *rule);
void umbox_hand_up(struct umbox_rule *rule); /* to on_frame, which decides */

/* --- rules that many need */

/* What comes in fragments goes there, where that would hide flags and ports and nobody needs it: of
 * a chain for TCP over IPv4; of a chain for IPv6 TCP, and what cannot be told. */
void umbox_refuse_fragments4(struct umbox_chain *chain, const struct umbox_chain *refusal);
void umbox_refuse_fragments6(struct umbox_chain *chain, const struct umbox_chain *refusal);
/* What the device may take for IP and a rule does not find: behind three VLAN tags, or behind LLC
 * and SNAP (see `evasive` in umbox_frame.h).  Of a leg's own chain, where its rules for IP are
 * passed. */
void umbox_refuse_hidden(struct umbox_chain *chain, const struct umbox_chain *refusal);

/* --- sets */

struct umbox_set_shape {
	uint8_t key_bytes;
	uint32_t capacity;
	bool prefixes; /* elements are prefixes, put there by umbox_set_add_prefix alone */
};

struct umbox_set *umbox_set_new(struct umbox_kernel *kernel, const struct umbox_set_shape *shape);
/* Before umbox_run or in it; `seconds` 0: for ever.  False when the kernel refuses it: no room, or
 * prefixes that overlap. */
bool umbox_set_add(struct umbox_set *set, const void *key, uint32_t seconds);
/* In umbox_run; whether it was there. */
bool umbox_set_remove(struct umbox_set *set, const void *key);
bool umbox_set_add_prefix(struct umbox_set *set, const struct umbox_prefix *prefix);
/* In umbox_run: when the key was last noted; INT64_MIN when it is not there (any more). */
int64_t umbox_set_noted_us(struct umbox_set *set, const void *key, uint32_t seconds,
			   int64_t now_us);

/* --- what is told */

struct umbox_told {
	uint8_t tag;
	uint64_t count;           /* of the refusal's counter, since the program began */
	struct umbox_frame frame; /* its first 256 bytes; the MAC that it was sent to is lost */
};

/* Called for frames that a refusal tells; before umbox_run. */
void umbox_on_told(struct umbox_kernel *kernel,
		   void (*on_told)(struct umbox *umbox, const struct umbox_told *told, void *user));
