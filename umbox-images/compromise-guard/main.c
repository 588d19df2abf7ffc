/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the umbox `compromise-guard`: alerts on, and if told to drops, what the device has no
 * business to start. */
#include <stdio.h>
#include <stdlib.h>

#include "outbound.h"
#include "umbox_guard.h"

struct program {
	struct outbound *outbound;
	uint64_t *outside, *learnt, *evasive;
};

static enum umbox_verdict on_frame(struct umbox *umbox, struct umbox_frame *frame, void *user)
{
	struct program *program = user;
	struct outbound_result result;
	outbound_frame(program->outbound, frame, &result);
	*program->outside += result.outside;
	*program->learnt += result.learnt;
	*program->evasive += result.evasive;
	if (result.alarm)
		umbox_alert(umbox, &result.alert);
	return result.verdict;
}

static bool is_host(const void *user, const struct umbox_ip *ip)
{
	return umbox_is_host(user, ip);
}

/* With a rule missing the device would be cut off from what it may do: rather not start. */
static void read_rules(struct umbox *umbox, struct outbound_settings *settings)
{
	const char *texts[OUTBOUND_RULES_MAX] = {
		"udp:53",
		"tcp:53",
		"udp:67",
		"udp:547",
		"udp:123",
		"udp:5353 224.0.0.251",
		"udp:5353 ff02::fb",
		"udp:1900 239.255.255.250",
		"icmp",
	};
	settings->rule_count = umbox_texts(umbox, "allow", texts, 9, OUTBOUND_RULES_MAX);
	for (size_t i = 0; i < settings->rule_count; i++)
		if (!rule_parse(&settings->rules[i], texts[i])) {
			fprintf(stderr, "allow: '%s' is not PROTOCOL[:PORT[-PORT]] [PEER]\n",
				texts[i]);
			exit(EXIT_FAILURE);
		}
}

int main(void)
{
	struct umbox *umbox = umbox_open();
	struct outbound_settings settings = {
		.alert_type = umbox_text(umbox, "alert_type", "external-traffic"),
		.threshold = (uint32_t)umbox_integer(umbox, "threshold", 5, 1,
						     UMBOX_TALLY_LIMIT_MAX),
		.interval_us = umbox_integer(umbox, "interval_s", 60, 1, 86400) * 1000000,
		.alert_pause_us = umbox_integer(umbox, "alert_pause_s", 10, 0, 3600) * 1000000,
		.names_us = umbox_integer(umbox, "names_s", 3600, 1, 604800) * 1000000,
		.settle_us = umbox_integer(umbox, "settle_s", 300, 0, 86400) * 1000000,
		.drop = umbox_boolean(umbox, "drop", false),
	};
	if (!umbox_boolean(umbox, "count_host", false)) {
		settings.is_exempt = is_host;
		settings.user = umbox;
	}
	read_rules(umbox, &settings);
	struct program program = {
		.outbound = outbound_new(&settings),
		.outside = umbox_counter(umbox, "outside"),
		.learnt = umbox_counter(umbox, "learnt"),
		.evasive = umbox_counter(umbox, "evasive"),
	};
	int status = umbox_run(umbox,
			       &(struct umbox_handler){.on_frame = on_frame, .user = &program});
	outbound_free(program.outbound);
	return status;
}
