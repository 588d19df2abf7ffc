/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/nft_ruleset.h - the rules of the data plane, the same for all devices (nft_ruleset.c), and
 * the table that they stand in (nft_table.c). */
#pragma once

#include "codec/nft_message.h"
#include "driver/nft.h"

enum {
	NFT_UNKNOWN_MAX = 4096, /* noted at a time */
	NFT_UNKNOWN_SECONDS = 600,
};
#define NFT_UNKNOWN_SET "unknown"

/* What tells of addresses is handed up: of each device so much a second, so that none talks another
 * down, and of the whole network. */
#define NFT_HEARD_SET "heard"
enum {
	NFT_LOG_GROUP = 19787,
	NFT_HEARD_PER_SECOND = 5,
	NFT_ANSWERS_PER_SECOND = 200,
	NFT_HEARD_SECONDS = 60,
};

/* What the rules note of forged frames: who sent them, or whom they were to stand for, with what
 * the first of them said; the elements count.  The keys are bounded by what is enrolled, so nobody
 * can fill a map with what it makes up. */
enum nft_tally {
	NFT_FORGED_IP4, /* by a device: source address */
	NFT_FORGED_IP6,
	NFT_FORGED_ARP,    /* sender address */
	NFT_FORGED_MAC,    /* sender MAC */
	NFT_FORGED_ND,     /* target address */
	NFT_FORGED_ROUTER, /* router advertisement, redirect: source address */
	NFT_CLAIMED_MAC,   /* of a device: where its MAC was used */
	NFT_CLAIMED4,      /* who claimed its address */
	NFT_CLAIMED6,
	NFT_TALLY_COUNT,
};
enum { NFT_TALLY_MAX = 8192, NFT_TALLY_SECONDS = 60 };
struct nft_tally_info {
	const char *name, *comment;
	enum steering_key key;
	enum steering_value value;
};
const struct nft_tally_info *nft_tally_info(enum nft_tally tally);

/* Sets that neither devices nor rules fill (driver/nft_given.c). */
enum nft_given {
	NFT_GIVEN_EAPOL,    /* device ports whose EAPOL frames go up */
	NFT_GIVEN_HOST_MAC, /* of the host's end of the host leg */
	NFT_GIVEN_HOST4,
	NFT_GIVEN_HOST6,
	NFT_GIVEN_COUNT,
};
struct nft_given_info {
	const char *name, *comment;
	enum steering_key key;
	uint32_t size;
};
const struct nft_given_info *nft_given_info(enum nft_given set);

/* Of the regular chains, in order; and of base chains. */
extern const struct nft_rule_spec nft_rules[];
extern const unsigned nft_rule_count;
extern const struct nft_op nft_rule_device_out[], nft_rule_leg_to_leg[];

/* Everything that hangs on no interface: table, sets, counters, regular chains. */
void nft_ruleset_write(struct nft_batch *batch, uint32_t table_flags);

enum { NFT_TABLE_COMMENT_BYTES = 96 };
/* The comment of the table: tells by a digest which rules stand in it, so that another version of
 * this program replaces them. */
void nft_ruleset_comment(char comment[static NFT_TABLE_COMMENT_BYTES]);
/* How many rules nft_ruleset_write writes. */
unsigned nft_ruleset_rules(void);

/* The base chains, and what each hooks. */
enum nft_base {
	NFT_BASE_DEVICE_IN,  /* device ports */
	NFT_BASE_DEVICE_OUT, /* device ports without hairpin, egress */
	NFT_BASE_NETWORK_IN, /* network port and host leg */
	NFT_BASE_SLOTS,      /* slot peers; several chains of this kind */
	NFT_BASE_LEGS,       /* legs; several chains of this kind */
	NFT_BASE_COUNT,
};

/* The name of a base chain, or the start of the names of those that are several. */
const char *nft_base_name(enum nft_base base);
/* How many rules a base chain has. */
unsigned nft_base_rules(enum nft_base base);
/* A new base chain with its rules. */
void nft_base_write(struct nft_batch *batch, enum nft_base base, const char *name,
		    const char *const *devices, unsigned device_count);
/* Adds hooks to one that is there (Linux 6.4 and later). */
void nft_base_write_hooks(struct nft_batch *batch, enum nft_base base, const char *name,
			  const char *const *devices, unsigned device_count);
