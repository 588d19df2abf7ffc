/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the umbox `scan-guard`: alerts on, and if told to blocks, who looks for ports and
 * hosts. */
#include <stdio.h>
#include <stdlib.h>

#include "scan.h"

enum { TRUSTED_MAX = 64 };

struct program {
	struct umbox *umbox;
	struct scan *scan;
	struct umbox_prefix trusted[TRUSTED_MAX];
	size_t trusted_count;
	uint64_t *probes, *flags, *blocked, *evasive;
};

static enum umbox_verdict on_frame(struct umbox *umbox, struct umbox_frame *frame, void *user)
{
	struct program *program = user;
	struct scan_result result;
	scan_frame(program->scan, frame, &result);
	*program->probes += result.probe;
	*program->flags += result.flags;
	*program->blocked += result.blocked;
	*program->evasive += result.evasive;
	if (result.alarm)
		umbox_alert(umbox, &result.alert);
	return result.verdict;
}

static bool is_exempt(const void *user, const struct umbox_ip *ip)
{
	const struct program *program = user;
	for (size_t i = 0; i < program->trusted_count; i++)
		if (umbox_prefix_has(&program->trusted[i], ip))
			return true;
	return umbox_is_host(program->umbox, ip);
}

/* A mistake here would judge whom the operator trusts: rather not start. */
static void read_trusted(struct program *program)
{
	const char *texts[TRUSTED_MAX];
	program->trusted_count = umbox_texts(program->umbox, "trusted", texts, 0, TRUSTED_MAX);
	for (size_t i = 0; i < program->trusted_count; i++)
		if (!umbox_prefix_parse(&program->trusted[i], texts[i])) {
			fprintf(stderr, "trusted: '%s' is no address and no prefix\n", texts[i]);
			exit(EXIT_FAILURE);
		}
}

static uint32_t limit(struct umbox *umbox, const char *name, int64_t fallback, int64_t min)
{
	return (uint32_t)umbox_integer(umbox, name, fallback, min, SCAN_LIMIT_MAX);
}

int main(void)
{
	struct umbox *umbox = umbox_open();
	struct program program = {
		.umbox = umbox,
		.probes = umbox_counter(umbox, "probes"),
		.flags = umbox_counter(umbox, "flags"),
		.blocked = umbox_counter(umbox, "blocked"),
		.evasive = umbox_counter(umbox, "evasive"),
	};
	struct scan_settings settings = {
		.ports = limit(umbox, "ports", 10, 2),
		.slow_ports = limit(umbox, "slow_ports", 25, 0),
		.all_ports = limit(umbox, "all_ports", 40, 0),
		.hosts = limit(umbox, "hosts", 20, 2),
		.slow_hosts = limit(umbox, "slow_hosts", 100, 0),
		.interval_us = umbox_integer(umbox, "interval_s", 10, 1, 3600) * 1000000,
		.slow_interval_us = umbox_integer(umbox, "slow_interval_s", 3600, 1, 86400) *
				    1000000,
		.block_us = umbox_integer(umbox, "block_s", 0, 0, 86400) * 1000000,
		.block_device_us = umbox_integer(umbox, "block_device_s", 0, 0, 86400) * 1000000,
		.alert_pause_us = umbox_integer(umbox, "alert_pause_s", 10, 0, 3600) * 1000000,
		.drop_flags = umbox_boolean(umbox, "drop_flags", true),
		.is_exempt = is_exempt,
		.user = &program,
	};
	read_trusted(&program);
	program.scan = scan_new(&settings);
	int status = umbox_run(umbox,
			       &(struct umbox_handler){.on_frame = on_frame, .user = &program});
	scan_free(program.scan);
	return status;
}
