/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/nft_rule.c - writes one rule into a batch, from a list of operations. */
#include <stdio.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <stdlib.h>

#include "codec/nft_inner.h"

static const char *const expression_names[] = {
	[NFT_OP_META] = "meta",     [NFT_OP_LOAD] = "payload",      [NFT_OP_EQUAL] = "cmp",
	[NFT_OP_DIFFERS] = "cmp",   [NFT_OP_MASK] = "bitwise",      [NFT_OP_IN] = "lookup",
	[NFT_OP_NOT_IN] = "lookup", [NFT_OP_MAP] = "lookup",        [NFT_OP_STORE] = "payload",
	[NFT_OP_NOTE] = "dynset",   [NFT_OP_TALLY] = "dynset",      [NFT_OP_METER] = "dynset",
	[NFT_OP_LIMIT] = "limit",   [NFT_OP_LOG] = "log",           [NFT_OP_COUNT] = "objref",
	[NFT_OP_FORWARD] = "fwd",   [NFT_OP_VERDICT] = "immediate",
};

static void fill_payload(struct nftnl_expr *expr, const struct nft_op *op)
{
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_BASE, op->a);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET, op->offset);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_LEN, op->bytes);
	if (op->kind == NFT_OP_LOAD) {
		nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_DREG, op->b);
		return;
	}
	/* No checksum covers what is stored here: link-layer addresses. */
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_SREG, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_NONE);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_CSUM_OFFSET, 0);
}

static void fill_lookup(struct nftnl_expr *expr, const struct nft_op *op)
{
	nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_str(expr, NFTNL_EXPR_LOOKUP_SET, op->name);
	if (op->kind == NFT_OP_MAP)
		nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_1);
	else if (op->kind == NFT_OP_NOT_IN)
		nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

static void fill_mask(struct nftnl_expr *expr, const struct nft_op *op)
{
	static const uint8_t zero[NFT_OP_DATA_BYTES];
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_LEN, op->bytes);
	nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_MASK, op->data, op->bytes);
	nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_XOR, zero, op->bytes);
}

static void fill_limit(struct nftnl_expr *expr, const struct nft_op *op)
{
	nftnl_expr_set_u64(expr, NFTNL_EXPR_LIMIT_RATE, op->a);
	nftnl_expr_set_u64(expr, NFTNL_EXPR_LIMIT_UNIT, 1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_LIMIT_BURST, op->a * 4);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
}

static struct nftnl_expr *make(const char *name)
{
	struct nftnl_expr *expr = nftnl_expr_alloc(name);
	if (!expr)
		abort();
	return expr;
}

/* Of a set that is full the rule ends here. */
static void fill_note(struct nftnl_expr *expr, const struct nft_op *op)
{
	nftnl_expr_set_u32(expr, NFTNL_EXPR_DYNSET_SREG_KEY, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
	nftnl_expr_set_str(expr, NFTNL_EXPR_DYNSET_SET_NAME, op->name);
	if (op->kind == NFT_OP_NOTE)
		return;
	struct nftnl_expr *inner = make(op->kind == NFT_OP_TALLY ? "counter" : "limit");
	if (op->kind == NFT_OP_TALLY) {
		nftnl_expr_set_u64(inner, NFTNL_EXPR_CTR_PACKETS, 0);
		nftnl_expr_set_u64(inner, NFTNL_EXPR_CTR_BYTES, 0);
		nftnl_expr_set_u32(expr, NFTNL_EXPR_DYNSET_SREG_DATA, op->a);
	} else {
		fill_limit(inner, op);
	}
	nftnl_expr_set(expr, NFTNL_EXPR_DYNSET_EXPR, inner, 0);
}

static void fill(struct nftnl_expr *expr, const struct nft_op *op)
{
	switch (op->kind) {
	case NFT_OP_META:
		nftnl_expr_set_u32(expr, NFTNL_EXPR_META_KEY, op->a);
		nftnl_expr_set_u32(expr, NFTNL_EXPR_META_DREG, op->b);
		break;
	case NFT_OP_LOAD:
	case NFT_OP_STORE: fill_payload(expr, op); break;
	case NFT_OP_EQUAL:
	case NFT_OP_DIFFERS:
		nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
		nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_OP,
				   op->kind == NFT_OP_EQUAL ? NFT_CMP_EQ : NFT_CMP_NEQ);
		nftnl_expr_set(expr, NFTNL_EXPR_CMP_DATA, op->data, op->bytes);
		break;
	case NFT_OP_MASK: fill_mask(expr, op); break;
	case NFT_OP_IN:
	case NFT_OP_NOT_IN:
	case NFT_OP_MAP: fill_lookup(expr, op); break;
	case NFT_OP_NOTE:
	case NFT_OP_TALLY:
	case NFT_OP_METER: fill_note(expr, op); break;
	case NFT_OP_LIMIT: fill_limit(expr, op); break;
	case NFT_OP_LOG: nftnl_expr_set_u16(expr, NFTNL_EXPR_LOG_GROUP, (uint16_t)op->a); break;
	case NFT_OP_COUNT:
		nftnl_expr_set_u32(expr, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
		nftnl_expr_set_str(expr, NFTNL_EXPR_OBJREF_IMM_NAME, op->name);
		break;
	case NFT_OP_FORWARD: nftnl_expr_set_u32(expr, NFTNL_EXPR_FWD_SREG_DEV, NFT_REG_1); break;
	case NFT_OP_VERDICT:
		nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
		nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_VERDICT, op->a);
		if (op->name)
			nftnl_expr_set_str(expr, NFTNL_EXPR_IMM_CHAIN, op->name);
		break;
	case NFT_OP_END: break;
	}
}

void nft_rule_write(struct nlmsghdr *message, const char *table, const char *chain,
		    const struct nft_op *ops)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	if (!rule)
		abort();
	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, table);
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain);
	for (; ops->kind != NFT_OP_END; ops++) {
		struct nftnl_expr *expr = make(expression_names[ops->kind]);
		fill(expr, ops);
		nftnl_rule_add_expr(rule, expr);
	}
	nftnl_rule_nlmsg_build_payload(message, rule);
	nftnl_rule_free(rule);
}
