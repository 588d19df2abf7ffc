/* SPDX-License-Identifier: Apache-2.0 */
/* gate.h - what stands between Suricata and the legs: a library that is loaded before its own
 * (gate.c).
 *
 * Suricata forwards some moments before it says so, and gives every frame that had a VLAN tag an
 * 802.1Q one.  So it sends nothing before the gate is open, and is not given frames whose outer tag
 * is of another kind.  Without a gate to look at nothing is sent at all. */
#pragma once

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A file that both have in memory; its path is in $UMBOX_GATE. */
struct gate {
	atomic_bool open;
	atomic_uint_fast64_t held; /* frames that came too early: they are lost */
};

/* What becomes of frames with a tag of another kind, and of all others, as bytes that are taken. */
#define GATE_FILTER(tagged, others)                                                           \
	{                                                                                     \
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT),     \
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0),                         \
			BPF_STMT(BPF_LD | BPF_H | BPF_ABS, SKF_AD_OFF + SKF_AD_VLAN_TPID),    \
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_8021Q, 1, 0),               \
			BPF_STMT(BPF_RET | BPF_K, tagged), BPF_STMT(BPF_RET | BPF_K, others), \
	}
