/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the umbox `scan-guard`: alerts on, and if told to blocks, who looks for ports and
 * hosts. */
#include <arpa/inet.h>

#include "scan.h"

enum { TRUSTED_MAX = 64 };

struct program {
	struct umbox *umbox;
	struct scan *scan;
	struct umbox_ip trusted[TRUSTED_MAX];
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
		if (umbox_ip_equal(&program->trusted[i], ip))
			return true;
	return umbox_is_host(program->umbox, ip);
}

/* Words that are no address match nobody. */
static void read_trusted(struct program *program)
{
	const char *texts[TRUSTED_MAX];
	size_t count = umbox_texts(program->umbox, "trusted", texts, 0, TRUSTED_MAX);
	for (size_t i = 0; i < count; i++) {
		struct umbox_ip ip = {.family = 4};
		if (inet_pton(AF_INET, texts[i], ip.octet) != 1) {
			ip = (struct umbox_ip){.family = 6};
			if (inet_pton(AF_INET6, texts[i], ip.octet) != 1)
				continue;
		}
		program->trusted[program->trusted_count++] = ip;
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
