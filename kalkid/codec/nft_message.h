/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/nft_message.h - nftables messages: a batch being written, and what a dump says.
 *
 * A batch is one transaction and must be sent as one datagram: cut in two, the kernel acknowledges
 * and silently drops the first half. */
#pragma once

#include <libmnl/libmnl.h>

#include "core/steering.h"

#define NFT_TABLE "kalki"
enum { NFT_NAME_BYTES = 32, NFT_COMMENT_BYTES = 128, NFT_HOOKS_A_MESSAGE_MAX = 255 };

struct nft_batch {
	const char *table; /* what all of it is about; nft_batch_begin sets NFT_TABLE */
	uint8_t *bytes;
	size_t length, room;
	uint32_t sequence; /* of the next message */
	unsigned messages; /* between begin and end */
	size_t last;       /* where the last one starts */
};

/* Starts a transaction in a batch that is zeroed or was used before. */
void nft_batch_begin(struct nft_batch *batch, uint32_t sequence);
/* Ends it; the last message asks for the only acknowledgement, its number is the result. */
uint32_t nft_batch_end(struct nft_batch *batch);
void nft_batch_done(struct nft_batch *batch);

enum {
	NFT_TABLE_OWNER = 1 << 1,   /* nobody but the socket that made it may change it */
	NFT_TABLE_PERSIST = 1 << 2, /* it goes on without that socket, and may be adopted */
};
void nft_batch_new_table(struct nft_batch *batch, uint32_t flags, const char *comment);
void nft_batch_delete_table(struct nft_batch *batch);

struct nft_set_spec {
	const char *name, *comment;
	enum steering_key key;
	enum steering_value value;
	uint32_t size;
	uint32_t timeout_s; /* not 0: filled by rules, elements go after this time */
};
void nft_batch_new_set(struct nft_batch *batch, const struct nft_set_spec *spec);
void nft_batch_new_counter(struct nft_batch *batch, const char *name, const char *comment);

struct nft_chain_spec {
	const char *name, *comment;
	bool base; /* the fields below hold */
	bool egress;
	bool accept; /* policy; else drop */
	const char *const *devices;
	unsigned device_count; /* at most NFT_HOOKS_A_MESSAGE_MAX */
};
/* On a base chain that is there: adds the devices to its hooks (Linux 6.4 and later). */
void nft_batch_new_chain(struct nft_batch *batch, const struct nft_chain_spec *spec);
/* With devices: takes only these hooks away (Linux 6.4 and later); else the chain
 * with its rules. */
void nft_batch_delete_chain(struct nft_batch *batch, const char *name, const char *const *devices,
			    unsigned device_count);

/* One expression of a rule; the macros of driver/nft_ruleset.c write them. */
enum nft_op_kind {
	NFT_OP_END,
	NFT_OP_META,    /* a: key, b: register */
	NFT_OP_LOAD,    /* a: NFT_PAYLOAD_ base, b: register, offset, bytes */
	NFT_OP_EQUAL,   /* register 1 is `data`, `bytes` long */
	NFT_OP_DIFFERS, /* register 1 is not `data` */
	NFT_OP_MASK,    /* register 1 and `data` */
	NFT_OP_IN,      /* register 1 ... is an element of set `name` */
	NFT_OP_NOT_IN,
	NFT_OP_MAP,     /* what map `name` has for register 1 ... comes into register 1 */
	NFT_OP_STORE,   /* register 1 goes to the payload: a: base, offset, bytes */
	NFT_OP_NOTE,    /* adds register 1 ... to the dynamic set `name` */
	NFT_OP_TALLY,   /* the same to a map, with register a as its value, and counts the frame */
	NFT_OP_METER,   /* the same to a set, and goes on while there are no more than a a second */
	NFT_OP_LIMIT,   /* goes on while there are no more than a a second */
	NFT_OP_LOG,     /* hands the frame to the listener of group a, and goes on */
	NFT_OP_COUNT,   /* counter `name` */
	NFT_OP_FORWARD, /* to the interface in register 1 */
	NFT_OP_VERDICT, /* a: NF_DROP, NF_ACCEPT, NFT_RETURN, NFT_JUMP or NFT_GOTO, to chain `name`
			 */
};

enum { NFT_OPS_MAX = 24, NFT_OP_DATA_BYTES = 16 };

struct nft_op {
	enum nft_op_kind kind;
	uint32_t a, b, offset, bytes;
	const char *name;
	uint8_t data[NFT_OP_DATA_BYTES];
};

struct nft_rule_spec {
	const char *chain;
	struct nft_op ops[NFT_OPS_MAX]; /* up to the first NFT_OP_END */
};
void nft_batch_new_rule(struct nft_batch *batch, const char *chain, const struct nft_op *ops);

/* Adds or deletes an element; it carries the comment "device <number>", by which it is told whose
 * it is when it is read again. */
void nft_batch_element(struct nft_batch *batch, const struct steering_change *change,
		       uint32_t device);
/* An element without a value in a set that is not of the steering: the fields of `element` that
 * `key` names, no comment. */
void nft_batch_key(struct nft_batch *batch, const char *set, enum steering_key key, bool add,
		   const struct steering_element *element);

/* Takes all elements out of a set. */
void nft_batch_flush(struct nft_batch *batch, const char *set);

/* Questions; the answers are dumps of the messages that the parsers below take. */
enum { NFT_QUESTION_BYTES = 256 };
struct nlmsghdr *nft_ask_table(void *buffer);                     /* one table, not a dump */
struct nlmsghdr *nft_ask_chains(void *buffer);                    /* of all tables */
struct nlmsghdr *nft_ask_rules(void *buffer);                     /* of the table */
struct nlmsghdr *nft_ask_counters(void *buffer);                  /* of the table */
struct nlmsghdr *nft_ask_elements(void *buffer, const char *set); /* of a set of the table */

/* Each returns false when the message is none of the table's, or makes no sense. */

struct nft_table_view {
	uint32_t flags;
	uint32_t owner; /* port of the socket that owns it, 0 for none */
	char comment[NFT_COMMENT_BYTES];
};
bool nft_parse_table(const struct nlmsghdr *message, struct nft_table_view *ret);

/* The bytes by which two rules differ: chain and expressions; they stay in the message. */
bool nft_parse_rule(const struct nlmsghdr *message, const char **ret_chain,
		    const void **ret_expressions, size_t *ret_bytes);

struct nft_chain_view {
	char name[NFT_NAME_BYTES];
	bool base;
	char devices[NFT_HOOKS_A_MESSAGE_MAX][LINK_NAME_BYTES];
	unsigned device_count;
};
bool nft_parse_chain(const struct nlmsghdr *message, struct nft_chain_view *ret);

bool nft_parse_counter(const struct nlmsghdr *message, char name[static NFT_NAME_BYTES],
		       uint64_t *ret_packets);

/* Calls for each element of the message.  `set` says how keys and values are read; `device` is 0
 * when the element carries no comment of ours. */
bool nft_parse_elements(const struct nlmsghdr *message, enum steering_set set,
			void (*on_element)(void *data, const struct steering_element *element,
					   uint32_t device),
			void *data);
/* An element of a set or map that is not of the steering. */
struct nft_note {
	struct steering_element element; /* key and value; `set` says nothing */
	struct ip to_ip;                 /* value of STEERING_VALUE_IP4 and _IP6 */
	uint64_t frames;                 /* where its elements count */
};
/* As above for such a set. */
bool nft_parse_notes(const struct nlmsghdr *message, enum steering_key key,
		     enum steering_value value,
		     void (*on_note)(void *data, const struct nft_note *note), void *data);
