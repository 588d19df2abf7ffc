/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the umbox `http-auth-proxy`: a login before a device that has none.
 *
 * Called with the word `hash` it reads a password from standard input and prints its hash. */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "proxy.h"
#include "users.h"

struct program {
	struct umbox *umbox;
	struct proxy *proxy;
	const char *users[USERS_MAX];
	size_t user_count;
	struct users_known *known;
	uint64_t *logins, *failures, *relayed, *turned_away, *blocked;
};

static bool check(const void *user, const char *name, const char *password)
{
	const struct program *program = user;
	if (!users_check(program->users, program->user_count, name, password))
		return false;
	users_note(program->known, name, password);
	return true;
}

static bool knows(const void *user, const char *name, const char *password)
{
	return users_know(((const struct program *)user)->known, name, password);
}

static bool is_host(const void *user, const struct umbox_ip *source)
{
	return umbox_is_host(((const struct program *)user)->umbox, source);
}

static void tell(const void *user, const struct umbox_alert *alert)
{
	umbox_alert(((const struct program *)user)->umbox, alert);
}

static void send_out(const void *user, const struct umbox_frame *frame)
{
	umbox_send(((const struct program *)user)->umbox, UMBOX_OUT, frame);
}

static void send_in(const void *user, const struct umbox_frame *frame)
{
	umbox_send(((const struct program *)user)->umbox, UMBOX_IN, frame);
}

static void on_time(struct umbox *umbox, int64_t now_us, void *user)
{
	umbox_wake_at(umbox, proxy_time(((struct program *)user)->proxy, now_us));
}

static enum umbox_verdict on_frame(struct umbox *umbox, struct umbox_frame *frame, void *user)
{
	struct program *program = user;
	enum umbox_verdict verdict = proxy_frame(program->proxy, frame);
	const struct proxy_counts *counts = proxy_counts(program->proxy);
	if (verdict == UMBOX_DROP)
		on_time(umbox, frame->time_us, program);
	*program->logins = counts->logins;
	*program->failures = counts->failures;
	*program->relayed = counts->relayed;
	*program->turned_away = counts->turned_away;
	*program->blocked = counts->blocked;
	return verdict;
}

static int print_hash(void)
{
	char password[1024], hash[USERS_HASH_BYTES];
	if (!fgets(password, sizeof(password), stdin))
		return 1;
	password[strcspn(password, "\n")] = '\0';
	if (!users_hash(hash, password))
		return 1;
	puts(hash);
	return 0;
}

static void read_users(struct program *program)
{
	struct umbox *umbox = program->umbox;
	program->user_count = umbox_texts(umbox, "users", program->users, 0, USERS_MAX);
	for (size_t i = 0; i < program->user_count; i++) {
		const char *problem = users_problem(program->users[i]);
		if (problem)
			umbox_fail(umbox, "users[%zu]: %s", i, problem);
	}
}

int main(int count, char **words)
{
	if (sodium_init() < 0)
		return 1;
	if (count == 2 && strcmp(words[1], "hash") == 0)
		return print_hash();
	struct umbox *umbox = umbox_open();
	struct users_known known;
	struct program program = {.umbox = umbox, .known = &known};
	users_known_start(&known);
	struct proxy_settings settings = {
		.login_port = (uint16_t)umbox_integer(umbox, "login_port", 9010, 0, 65535),
		.relay_port = (uint16_t)umbox_integer(umbox, "relay_port", 0, 0, 65535),
		.relay_ports = {80},
		.http_ports = {80},
		.first_us = umbox_integer(umbox, "first_packet_s", 10, 1, 3600) * 1000000,
		.session_us = umbox_integer(umbox, "session_s", 3600, 1, 86400) * 1000000,
		.attempts = (uint32_t)umbox_integer(umbox, "attempts", 5, 1, UMBOX_TALLY_LIMIT_MAX),
		.network_attempts = (uint32_t)umbox_integer(umbox, "network_attempts", 20, 0,
							    UMBOX_TALLY_LIMIT_MAX),
		.interval_us = umbox_integer(umbox, "interval_s", 300, 1, 86400) * 1000000,
		.lockout_us = umbox_integer(umbox, "lockout_s", 300, 1, 86400) * 1000000,
		.block_us = umbox_integer(umbox, "block_s", 0, 0, 86400) * 1000000,
		.alert_pause_us = umbox_integer(umbox, "alert_pause_s", 10, 0, 3600) * 1000000,
		.check = check,
		.knows = knows,
		.is_exempt = umbox_boolean(umbox, "host_logs_in", false) ? NULL : is_host,
		.tell = tell,
		.send = send_out,
		.send_in = send_in,
		.user = &program,
	};
	settings.http_port_count = umbox_integers(umbox, "http_ports", settings.http_ports, 1,
						  PROXY_PORTS_MAX, 1, 65535);
	settings.relay_port_count = umbox_integers(umbox, "relay_ports", settings.relay_ports, 1,
						   PROXY_PORTS_MAX, 1, 65535);
	settings.relay_host_count = umbox_texts(umbox, "relay_hosts", settings.relay_hosts, 0,
						PROXY_HOSTS_MAX);
	if (settings.login_port == settings.relay_port)
		umbox_fail(umbox, "login_port, relay_port: one of them is needed, and they differ");
	read_users(&program);
	program.logins = umbox_counter(umbox, "logins");
	program.failures = umbox_counter(umbox, "failures");
	program.relayed = umbox_counter(umbox, "relayed");
	program.turned_away = umbox_counter(umbox, "turned_away");
	program.blocked = umbox_counter(umbox, "blocked");
	program.proxy = proxy_new(&settings);
	int status = umbox_run(umbox, &(struct umbox_handler){.on_frame = on_frame,
							      .on_time = on_time,
							      .user = &program});
	proxy_free(program.proxy);
	return status;
}
