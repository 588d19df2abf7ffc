/* SPDX-License-Identifier: Apache-2.0 */
/* gate.h - what stands between Suricata and the legs: a library that is loaded before its own
 * (gate.c).
 *
 * Suricata forwards some moments before it says so, gives every frame that had a VLAN tag an 802.1Q
 * one, and passes on what it has no decoder for.  So it sends nothing before the gate is open, and
 * is not given frames whose outer tag is of another kind, nor what hides IP from it (`evasive` in
 * umbox_frame.h).  Without a gate to look at nothing is sent at all. */
#pragma once

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* A file that both have in memory; its path is in $UMBOX_GATE. */
struct gate {
	atomic_bool open;
	atomic_uint_fast64_t held; /* frames that came too early: they are lost */
};

enum { GATE_STEPS = 20 };

/* What becomes of frames that are not for Suricata, and of all others, as bytes that are taken. The
 * outer tag is beside the frame; X is 4 where there is another one in it. */
static inline void gate_filter(struct sock_filter code[static GATE_STEPS], uint32_t hidden,
			       uint32_t others)
{
	static const uint32_t tag_there = SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT;
	static const uint32_t tag_kind = SKF_AD_OFF + SKF_AD_VLAN_TPID;
	const struct sock_filter steps[GATE_STEPS] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, tag_there),
		BPF_JUMP(BPF_JMP | BPF_JEQ, 0, 2, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, tag_kind),
		BPF_JUMP(BPF_JMP | BPF_JEQ, ETH_P_8021Q, 0, 14),
		BPF_STMT(BPF_LDX | BPF_IMM, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ, ETH_P_8021Q, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ, ETH_P_8021AD, 0, 2),
		BPF_STMT(BPF_LDX | BPF_IMM, 4),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 16),
		BPF_JUMP(BPF_JMP | BPF_JGE, ETH_P_802_3_MIN, 5, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, 14), /* a length: LLC, then SNAP */
		BPF_JUMP(BPF_JMP | BPF_JEQ, 0xaaaa0300, 0, 6),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 18),
		BPF_STMT(BPF_ALU | BPF_AND, 0xff07), /* 0 of both ways to wrap */
		BPF_JUMP(BPF_JMP | BPF_JEQ, 0, 2, 3),
		BPF_JUMP(BPF_JMP | BPF_JEQ, ETH_P_8021Q, 1, 0), /* a third tag */
		BPF_JUMP(BPF_JMP | BPF_JEQ, ETH_P_8021AD, 0, 1),
		BPF_STMT(BPF_RET, hidden),
		BPF_STMT(BPF_RET, others),
	};
	memcpy(code, steps, sizeof(steps));
}
