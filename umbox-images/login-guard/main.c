/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the umbox `login-guard`: sees logins with factory credentials and too many failed
 * ones. */
#include "login.h"

struct program {
	struct umbox *umbox;
	struct login_guard *guard;
	uint64_t *attempts, *failures, *defaults, *blocked, *cut, *evasive;
};

static void tell(const struct umbox_alert *alert, void *user)
{
	struct program *program = user;
	umbox_alert(program->umbox, alert);
}

static enum umbox_verdict on_frame(struct umbox *umbox, struct umbox_frame *frame, void *user)
{
	struct program *program = user;
	enum umbox_verdict verdict = login_frame(program->guard, umbox, frame);
	const struct login_counts *counts = login_counts(program->guard);
	const struct umbox_stream_counts *streams = login_streams(program->guard);
	*program->attempts = counts->attempts;
	*program->failures = counts->failures;
	*program->defaults = counts->defaults;
	*program->blocked = counts->blocked;
	*program->cut = streams->cut;
	*program->evasive = streams->evasive + streams->different;
	return verdict;
}

static bool is_host(const void *user, const struct umbox_ip *source)
{
	return umbox_is_host(user, source);
}

static void read_ports(struct umbox *umbox, const char *name, struct login_ports *ports)
{
	ports->count = umbox_integers(umbox, name, ports->port, ports->count, LOGIN_PORTS_MAX, 1,
				      65535);
}

static void read_texts(struct umbox *umbox, const char *name, struct login_texts *texts)
{
	texts->count = umbox_texts(umbox, name, texts->text, texts->count, LOGIN_TEXTS_MAX);
}

int main(void)
{
	struct umbox *umbox = umbox_open();
	struct login_settings settings = {
		.http = {{80, 8080}, 2},
		.ftp = {{21}, 1},
		.telnet = {{23}, 1},
		.defaults = {{"admin:admin", "admin:", "admin:1234", "admin:12345",
			      "admin:password", "root:root", "root:", "user:user"},
			     8},
		.user_fields = {{"user", "username", "login", "name"}, 4},
		.password_fields = {{"password", "passwd", "pass", "pwd"}, 4},
		.attempts = (uint32_t)umbox_integer(umbox, "attempts", 4, 1, UMBOX_TALLY_LIMIT_MAX),
		.source_attempts = (uint32_t)umbox_integer(umbox, "source_attempts", 10, 1,
							   UMBOX_TALLY_LIMIT_MAX),
		.network_attempts = (uint32_t)umbox_integer(umbox, "network_attempts", 40, 0,
							    UMBOX_TALLY_LIMIT_MAX),
		.interval_us = umbox_integer(umbox, "interval_s", 1800, 1, 86400) * 1000000,
		.block_us = umbox_integer(umbox, "block_s", 0, 0, 86400) * 1000000,
		.alert_pause_us = umbox_integer(umbox, "alert_pause_s", 10, 0, 3600) * 1000000,
		.refuse_default = umbox_boolean(umbox, "refuse_default", true),
	};
	if (!umbox_boolean(umbox, "count_host", false)) {
		settings.is_exempt = is_host;
		settings.exempt_user = umbox;
	}
	read_ports(umbox, "http_ports", &settings.http);
	read_ports(umbox, "ftp_ports", &settings.ftp);
	read_ports(umbox, "telnet_ports", &settings.telnet);
	read_texts(umbox, "defaults", &settings.defaults);
	read_texts(umbox, "default_users", &settings.default_users);
	read_texts(umbox, "user_fields", &settings.user_fields);
	read_texts(umbox, "password_fields", &settings.password_fields);
	struct program program = {
		.umbox = umbox,
		.attempts = umbox_counter(umbox, "attempts"),
		.failures = umbox_counter(umbox, "failures"),
		.defaults = umbox_counter(umbox, "defaults"),
		.blocked = umbox_counter(umbox, "blocked"),
		.cut = umbox_counter(umbox, "cut"),
		.evasive = umbox_counter(umbox, "evasive"),
	};
	program.guard = login_new(&settings, tell, &program);
	int status = umbox_run(umbox,
			       &(struct umbox_handler){.on_frame = on_frame, .user = &program});
	login_free(program.guard);
	return status;
}
