/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the umbox `hue-guard`: sees who guesses a Hue bridge's tokens, and restricts what is
 * asked of it. */
#include "hue.h"

struct program {
	struct umbox *umbox;
	struct hue_guard *guard;
	uint64_t *requests, *new_users, *tokens, *restricted, *blocked, *cut, *evasive;
};

static void tell(const struct umbox_alert *alert, void *user)
{
	struct program *program = user;
	umbox_alert(program->umbox, alert);
}

static bool is_host(const void *user, const struct umbox_ip *source)
{
	return umbox_is_host(user, source);
}

static enum umbox_verdict on_frame(struct umbox *umbox, struct umbox_frame *frame, void *user)
{
	struct program *program = user;
	enum umbox_verdict verdict = hue_frame(program->guard, umbox, frame);
	const struct hue_counts *counts = hue_counts(program->guard);
	const struct umbox_stream_counts *streams = hue_streams(program->guard);
	*program->requests = counts->requests;
	*program->new_users = counts->new_users;
	*program->tokens = counts->tokens;
	*program->restricted = counts->restricted;
	*program->blocked = counts->blocked;
	*program->cut = streams->cut;
	*program->evasive = streams->evasive + streams->different;
	return verdict;
}

static void read_ports(struct umbox *umbox, const char *name, struct hue_ports *ports)
{
	ports->count = umbox_integers(umbox, name, ports->port, ports->count, HUE_PORTS_MAX, 1,
				      65535);
}

int main(void)
{
	struct umbox *umbox = umbox_open();
	const char *paths[HUE_PATHS_MAX];
	struct hue_settings settings = {
		.http = {{80}, 1},
		.tls = {{443}, 1},
		.read_only = umbox_boolean(umbox, "read_only", false),
		.allowed_paths = paths,
		.allowed_count = umbox_texts(umbox, "allowed_paths", paths, 0, HUE_PATHS_MAX),
		.attempts = (uint32_t)umbox_integer(umbox, "attempts", 5, 1, UMBOX_TALLY_LIMIT_MAX),
		.network_attempts = (uint32_t)umbox_integer(umbox, "network_attempts", 40, 0,
							    UMBOX_TALLY_LIMIT_MAX),
		.interval_us = umbox_integer(umbox, "interval_s", 10, 1, 86400) * 1000000,
		.block_us = umbox_integer(umbox, "block_s", 0, 0, 86400) * 1000000,
		.alert_pause_us = umbox_integer(umbox, "alert_pause_s", 10, 0, 3600) * 1000000,
	};
	read_ports(umbox, "http_ports", &settings.http);
	read_ports(umbox, "tls_ports", &settings.tls);
	if (!umbox_boolean(umbox, "count_host", false)) {
		settings.is_exempt = is_host;
		settings.exempt_user = umbox;
	}
	struct program program = {
		.umbox = umbox,
		.requests = umbox_counter(umbox, "requests"),
		.new_users = umbox_counter(umbox, "new_users"),
		.tokens = umbox_counter(umbox, "tokens"),
		.restricted = umbox_counter(umbox, "restricted"),
		.blocked = umbox_counter(umbox, "blocked"),
		.cut = umbox_counter(umbox, "cut"),
		.evasive = umbox_counter(umbox, "evasive"),
	};
	program.guard = hue_new(&settings, tell, &program);
	int status = umbox_run(umbox,
			       &(struct umbox_handler){.on_frame = on_frame, .user = &program});
	hue_free(program.guard);
	return status;
}
