/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/nft_inner.h - what the nft_*.c files of this folder share, and nobody else sees. */
#pragma once

#include "codec/nft_message.h"

enum {
	NFT_KEY_BYTES_MAX = 24,
	/* Numbers of nft's data types (nft describe), and bits of each in a concatenation. */
	NFT_TYPE_IP4 = 7,
	NFT_TYPE_IP6 = 8,
	NFT_TYPE_MAC = 9,
	NFT_TYPE_INTERFACE = 20,
	NFT_TYPE_BITS = 6,
};

#define NFT_DEVICE_COMMENT "device "

uint32_t nft_key_bytes(enum steering_key key);
uint32_t nft_value_bytes(enum steering_value value); /* 0 for none */

/* The body of a rule message. */
void nft_rule_write(struct nlmsghdr *message, const char *table, const char *chain,
		    const struct nft_op *ops);
