/* SPDX-License-Identifier: Apache-2.0 */
/* told.c - see told.h. */
#include "told.h"

#include <stdio.h>

static const struct {
	const char *type, *detail; /* behind "more than" and the limit */
} floods[EXCESS_COUNT] = {
	[EXCESS_SYN] = {"syn-flood", "SYNs/s of one source"},
	[EXCESS_SYN_ALL] = {"syn-flood", "SYNs/s, all sources together"},
	[EXCESS_UDP] = {"udp-flood", "packets/s of one source"},
	[EXCESS_UDP_ALL] = {"udp-flood", "packets/s, all sources together"},
	[EXCESS_ICMP] = {"icmp-flood", "packets/s of one source"},
	[EXCESS_ICMP_ALL] = {"icmp-flood", "packets/s, all sources together"},
	[EXCESS_FLOW] = {"packet-flood", "packets/s in one conversation"},
	[EXCESS_FLOWS] = {"packet-flood", "packets/s in too many conversations"},
	[EXCESS_DEVICE] = {"packet-flood", "packets/s altogether"},
};

/* Whether somebody is to be told of this source now. */
static bool is_new(struct told_state *state, const struct umbox_ip *source, int64_t now_us,
		   int64_t pause_us)
{
	if (!state->begun || now_us - state->since_us >= pause_us) {
		state->begun = true;
		state->since_us = now_us;
		state->sources = 0;
	}
	for (unsigned i = 0; i < state->sources; i++)
		if (umbox_ip_equal(&state->source[i], source))
			return false;
	if (state->sources == TOLD_SOURCES_MAX)
		return false;
	state->source[state->sources++] = *source;
	return true;
}

void told_take(struct told *told, const struct umbox_told *news, struct told_result *ret)
{
	struct umbox_headers headers;
	*ret = (struct told_result){.alarm = false};
	if (news->tag >= EXCESS_COUNT)
		return;
	umbox_parse(&headers, news->frame.bytes, news->frame.length);
	struct told_state *state = &told->states[news->frame.from][news->tag];
	if (!is_new(state, &headers.source, news->frame.time_us, told->alert_pause_us))
		return;
	uint64_t count = news->count - state->count;
	state->count = news->count;
	ret->alarm = true;
	ret->alert = (struct umbox_alert){
		.type = floods[news->tag].type,
		.severity = UMBOX_HIGH,
		.source = headers.source,
		.source_port = headers.source_port,
		.target = headers.target,
		.target_port = headers.target_port,
		.count = count > UINT32_MAX ? UINT32_MAX
			 : count            ? (uint32_t)count
					    : 1,
		.detail = ret->detail,
	};
	snprintf(ret->detail, sizeof(ret->detail), "more than %u %s", told->per_second[news->tag],
		 floods[news->tag].detail);
}
