/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the umbox `dns-guard`: judges what the device asks by DNS and what it is told. */
#include "resolver.h"

struct program {
	struct umbox *umbox;
	struct resolver *resolver;
	uint64_t *questions, *denied, *rebound, *tunnelled, *too_many, *odd;
};

static void tell(const struct umbox_alert *alert, void *user)
{
	struct program *program = user;
	umbox_alert(program->umbox, alert);
}

static enum umbox_verdict on_frame(struct umbox *umbox, struct umbox_frame *frame, void *user)
{
	struct program *program = user;
	enum umbox_verdict verdict = resolver_frame(program->resolver, umbox, frame);
	const struct sift_counts *counts = resolver_counts(program->resolver);
	*program->questions = counts->questions;
	*program->denied = counts->denied;
	*program->rebound = counts->rebound;
	*program->tunnelled = counts->tunnelled;
	*program->too_many = counts->too_many;
	*program->odd = counts->odd;
	return verdict;
}

static void read_names(struct umbox *umbox, const char *parameter, struct sift_names *names)
{
	names->count = umbox_texts(umbox, parameter, names->name, names->count, SIFT_NAMES_MAX);
}

static uint32_t limit(struct umbox *umbox, const char *name, int64_t fallback, int64_t min)
{
	return (uint32_t)umbox_integer(umbox, name, fallback, min, UMBOX_TALLY_LIMIT_MAX);
}

int main(void)
{
	struct umbox *umbox = umbox_open();
	struct resolver_settings settings = {
		.ports = {53},
		.sift =
			{
				.local = {{"*.local", "*.lan", "*.home", "*.home.arpa",
					   "*.internal", "*.localdomain", "*.fritz.box"},
					  7},
				.rebinding = umbox_boolean(umbox, "rebinding", true),
				.questions = limit(umbox, "questions", 200, 1),
				.subdomains = limit(umbox, "subdomains", 50, 2),
				.slow_subdomains = limit(umbox, "slow_subdomains", 200, 0),
				.coded = limit(umbox, "coded", 5, 1),
				.slow_coded = limit(umbox, "slow_coded", 30, 0),
				.label_bytes = limit(umbox, "label_bytes", 30, 8),
				.prefix_bytes = limit(umbox, "prefix_bytes", 100, 8),
				.interval_us = umbox_integer(umbox, "interval_s", 60, 1, 3600) *
					       1000000,
				.slow_interval_us = umbox_integer(umbox, "slow_interval_s", 3600, 1,
								  86400) *
						    1000000,
				.alert_pause_us = umbox_integer(umbox, "alert_pause_s", 10, 0,
								3600) *
						  1000000,
				.drop = umbox_boolean(umbox, "drop", true),
			},
	};
	read_names(umbox, "allow", &settings.sift.allow);
	read_names(umbox, "deny", &settings.sift.deny);
	read_names(umbox, "local", &settings.sift.local);
	settings.port_count = umbox_integers(umbox, "ports", settings.ports, 1, RESOLVER_PORTS_MAX,
					     1, 65535);
	struct program program = {
		.umbox = umbox,
		.questions = umbox_counter(umbox, "questions"),
		.denied = umbox_counter(umbox, "denied"),
		.rebound = umbox_counter(umbox, "rebound"),
		.tunnelled = umbox_counter(umbox, "tunnelled"),
		.too_many = umbox_counter(umbox, "too_many"),
		.odd = umbox_counter(umbox, "odd"),
	};
	program.resolver = resolver_new(&settings, tell, &program);
	int status = umbox_run(umbox,
			       &(struct umbox_handler){.on_frame = on_frame, .user = &program});
	resolver_free(program.resolver);
	return status;
}
