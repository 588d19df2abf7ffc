/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the umbox `brute-force`: alerts on, and if told to blocks, sources that connect too
 * often. */
#include "detector.h"

struct program {
	struct detector *detector;
	uint64_t *attempts, *blocked, *evasive;
};

static enum umbox_verdict on_frame(struct umbox *umbox, struct umbox_frame *frame, void *user)
{
	struct program *program = user;
	struct detector_result result;
	detector_frame(program->detector, frame, &result);
	*program->attempts += result.attempt;
	*program->blocked += result.blocked;
	*program->evasive += result.evasive;
	if (result.alarm)
		umbox_alert(umbox, &result.alert);
	return result.verdict;
}

static bool is_host(const void *user, const struct umbox_ip *ip)
{
	return umbox_is_host(user, ip);
}

int main(void)
{
	struct umbox *umbox = umbox_open();
	struct detector_settings settings = {
		.ports = {21, 22, 23, 80, 443, 554, 8080, 8443},
		.attempts = (uint32_t)umbox_integer(umbox, "attempts", 5, 1, ATTEMPTS_MAX),
		.network_attempts = (uint32_t)umbox_integer(umbox, "network_attempts", 40, 0,
							    ATTEMPTS_MAX),
		.interval_us = umbox_integer(umbox, "interval_s", 10, 1, 3600) * 1000000,
		.block_us = umbox_integer(umbox, "block_s", 0, 0, 86400) * 1000000,
		.alert_pause_us = umbox_integer(umbox, "alert_pause_s", 10, 0, 3600) * 1000000,
	};
	if (!umbox_boolean(umbox, "count_host", false)) {
		settings.is_exempt = is_host;
		settings.user = umbox;
	}
	settings.port_count = umbox_integers(umbox, "ports", settings.ports, 8, PORTS_MAX, 1,
					     65535);
	struct program program = {
		.detector = detector_new(&settings),
		.attempts = umbox_counter(umbox, "attempts"),
		.blocked = umbox_counter(umbox, "blocked"),
		.evasive = umbox_counter(umbox, "evasive"),
	};
	int status = umbox_run(umbox,
			       &(struct umbox_handler){.on_frame = on_frame, .user = &program});
	detector_free(program.detector);
	return status;
}
