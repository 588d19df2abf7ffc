/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz_recording.c - lines of a recording: each fact is one that a rehearsal may be given. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/recording.h"
#include "core/rehearsal.h"
#include "fuzz/policy_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FACTS_MAX = 200 };

/* Rules are looked at twice a day: centuries of that take their time, and show nothing. */
#define JUMP_MAX_US ((int64_t)100 * 86400 * 1000000)

static const char POLICY[] =
	"type: box\n"
	"sensors: {heat: {type: number}, lit: {type: boolean}, mode: {type: text}}\n"
	"telemetry: [{name: lamp, mqtt: {broker: 'mqtt://10.0.0.1', topic: a}, map: {lit: {}}}]\n"
	"states: {A: {chain: pass}, B: {chain: block, calm: {after: 1h, to: A}}}\n"
	"rules:\n"
	"- {name: a, from: [A], when: 'count(\"suricata-7\", within: 10m) >= 2', to: B}\n"
	"- {name: b, from: [A], when: 'heat > 30 and lit or mode == \"x\"', to: B}\n"
	"- {name: c, from: [B], when: 'between(\"10:00\", \"12:00\") and alert(\"y\")', to: A}\n";

static void check(const struct policy *policy, const struct recorded *fact)
{
	assert(fact->reading_count <= policy->sensor_count);
	assert(fact->kind != RECORDED_READINGS || fact->reading_count > 0);
	for (unsigned i = 0; i < fact->reading_count; i++)
		assert(fact->readings[i].sensor < policy->sensor_count);
	if (fact->kind == RECORDED_ALERT)
		assert(name_check("alert", fact->alert.type, NULL) == 0);
	if (!fact->own)
		assert(fact->wall_us >= 0);
}

static void rehearse(struct rehearsal *rehearsal, const struct recorded *fact)
{
	if (rehearsal->now_us == 0)
		rehearsal->now_us = fact->wall_us;
	if (fact->wall_us > rehearsal->now_us + JUMP_MAX_US)
		return;
	if (fact->wall_us > rehearsal->now_us)
		rehearsal_pass(rehearsal, fact->wall_us);
	if (fact->kind == RECORDED_ALERT)
		rehearsal_alert(rehearsal, 0, &fact->alert);
	if (fact->kind == RECORDED_READINGS)
		rehearsal_readings(rehearsal, 0, fact->source, fact->readings, fact->reading_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy *policy;
	if (!policy)
		policy = policy_from_text(POLICY);
	struct recording recording = {.policy = policy};
	struct device device = {.number = 1, .name = "a", .type = "box"};
	struct rehearsal rehearsal;
	struct error err = {0};
	char *text = mem_alloc(size + 1), *rest = text, *line;
	memcpy(text, data, size);
	rehearsal_init(&rehearsal, 1, 0);
	rehearsal.fleet.local = (struct local_time){.known = true, .until_us = INT64_MAX};
	rehearsal_add(&rehearsal, &device, policy);
	int result = 0;
	for (unsigned i = 0; i < FACTS_MAX && result != -EBADMSG && (line = strsep(&rest, "\n"));
	     i++) {
		/* An exact allocation, so that the sanitizers see a write past the end. */
		char *exact = mem_copy_text(line);
		struct recorded fact;
		result = recording_read(&recording, exact, &fact, &err);
		if (result > 0) {
			check(policy, &fact);
			rehearse(&rehearsal, &fact);
		}
		free(exact);
	}
	rehearsal_done(&rehearsal);
	free(text);
	return 0;
}
