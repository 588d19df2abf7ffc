/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the umbox `anti-dos`: bounds in the kernel how much may reach the device and leave it,
 * and how many connections one source may have. */
#include "limits.h"
#include "openings.h"
#include "told.h"

struct program {
	struct openings *openings; /* NULL: not counted */
	struct told told;
	uint64_t *opened, *turned_away;
};

static enum umbox_verdict on_frame(struct umbox *umbox, struct umbox_frame *frame, void *user)
{
	struct program *program = user;
	struct openings_result result;
	if (!program->openings)
		return UMBOX_DROP;
	openings_frame(program->openings, frame, &result);
	*program->opened += result.opened;
	*program->turned_away += result.refused;
	if (result.alarm)
		umbox_alert(umbox, &result.alert);
	return result.verdict;
}

static void on_told(struct umbox *umbox, const struct umbox_told *news, void *user)
{
	struct program *program = user;
	struct told_result result;
	told_take(&program->told, news, &result);
	if (result.alarm)
		umbox_alert(umbox, &result.alert);
}

static void read_limits(struct umbox *umbox, struct limits_settings *ret)
{
	static const struct {
		const char *name;
		uint32_t fallback;
	} rates[EXCESS_COUNT] = {
		[EXCESS_SYN] = {"syn_per_s", 100},
		[EXCESS_SYN_ALL] = {"syn_all_per_s", 400},
		[EXCESS_UDP] = {"udp_per_s", 5000},
		[EXCESS_UDP_ALL] = {"udp_all_per_s", 10000},
		[EXCESS_ICMP] = {"icmp_per_s", 50},
		[EXCESS_ICMP_ALL] = {"icmp_all_per_s", 200},
		[EXCESS_FLOW] = {"flow_per_s", 5000},
		[EXCESS_FLOWS] = {"flows_per_s", 1000},
		[EXCESS_DEVICE] = {"device_per_s", 20000},
	};
	for (int i = 0; i < EXCESS_COUNT; i++)
		ret->per_second[i] = (uint32_t)umbox_integer(umbox, rates[i].name,
							     rates[i].fallback, 1, 10000000);
	ret->bits4 = (uint8_t)umbox_integer(umbox, "source_bits", 32, 8, 32);
	ret->bits6 = (uint8_t)umbox_integer(umbox, "source_bits6", 64, 16, 128);
	ret->idle_s = (uint32_t)umbox_integer(umbox, "idle_s", 120, 10, 3600);
	ret->spare_host = !umbox_boolean(umbox, "count_host", false);
}

static struct openings *read_openings(struct limits *limits, const struct limits_settings *settings,
				      uint32_t connections, int64_t alert_pause_us)
{
	if (!connections)
		return NULL;
	return openings_new(&(struct openings_settings){
		.limit = connections,
		.bits4 = settings->bits4,
		.bits6 = settings->bits6,
		.alert_pause_us = alert_pause_us,
		.see = limits_see,
		.silence = limits_silence,
		.unsilence = limits_unsilence,
		.user = limits,
	});
}

int main(void)
{
	struct umbox *umbox = umbox_open();
	struct limits_settings settings;
	uint32_t connections = (uint32_t)umbox_integer(umbox, "connections", 5, 0, OPENINGS_MAX);
	int64_t alert_pause_us = umbox_integer(umbox, "alert_pause_s", 10, 0, 3600) * 1000000;
	read_limits(umbox, &settings);
	settings.count_openings = connections > 0;
	struct limits *limits = limits_new(umbox, &settings);
	struct program program = {
		.openings = read_openings(limits, &settings, connections, alert_pause_us),
		.told = {.per_second = settings.per_second, .alert_pause_us = alert_pause_us},
		.opened = umbox_counter(umbox, "opened"),
		.turned_away = umbox_counter(umbox, "turned_away"),
	};
	umbox_on_told(limits_kernel(limits), on_told);
	int status = umbox_run(umbox,
			       &(struct umbox_handler){.on_frame = on_frame, .user = &program});
	openings_free(program.openings);
	limits_free(limits);
	return status;
}
