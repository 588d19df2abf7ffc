/* SPDX-License-Identifier: GPL-2.0-or-later */
/* puppet.c - a umbox that only talks: for tests of what the daemon does with what umboxes say.
 *
 * Its parameters: "silent": true (it never says ready), "every_ms": 20 (an alert of type "ping" so
 * often, whose detail is the time of writing, CLOCK_REALTIME in nanoseconds), "burst": 10 (so many
 * of them at a time), "total": 1000 (so many and no more), "alerts": ["a", "b"] (signal SIGRTMIN
 * makes it say the first type, SIGRTMIN+1 the second), "burn": 4 (so many processes that do nothing
 * but burn processor time).  It forwards nothing.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { HEARTBEAT_MS = 2000, AGAIN_MS = 100, ALERTS_MAX = 8 };

static int64_t now_ns(void)
{
	struct timespec time;
	clock_gettime(CLOCK_REALTIME, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void sleep_ms(int64_t ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000};
	nanosleep(&time, NULL);
}

static int connect_to_daemon(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/kalki/control.sock"};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool say(int fd, const char *line)
{
	return send(fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line);
}

static bool say_ping(int fd)
{
	char line[160];
	snprintf(line, sizeof(line),
		 "{\"kalki\":\"alert\",\"type\":\"ping\",\"detail\":\"%" PRId64 "\"}\n", now_ns());
	return say(fd, line);
}

/* The text of the `index`-th type in the parameters, or NULL. */
static const char *find_type(const char *parameters, int index, int *ret_length)
{
	const char *at = strstr(parameters, "\"alerts\":[");
	at = at ? strchr(at, '[') + 1 : NULL;
	while (at && *at == '"') {
		const char *end = strchr(at + 1, '"');
		if (!end)
			return NULL;
		if (index-- == 0) {
			*ret_length = (int)(end - at - 1);
			return at + 1;
		}
		at = end[1] == ',' ? end + 2 : NULL;
	}
	return NULL;
}

static sigset_t asked_by(void)
{
	sigset_t signals;
	sigemptyset(&signals);
	for (int i = 0; i < ALERTS_MAX; i++)
		sigaddset(&signals, SIGRTMIN + i);
	return signals;
}

/* Waits, and says what a signal meanwhile asks for; false when the connection has ended. */
static bool wait_ms(int fd, const char *parameters, int64_t ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000};
	sigset_t signals = asked_by();
	char line[160];
	int length;
	int number = sigtimedwait(&signals, NULL, &time);
	const char *type = number > 0 ? find_type(parameters, number - SIGRTMIN, &length) : NULL;
	if (!type)
		return true;
	snprintf(line, sizeof(line), "{\"kalki\":\"alert\",\"type\":\"%.*s\"}\n", length, type);
	return say(fd, line);
}

static int64_t number_of(const char *parameters, const char *name, int64_t fallback)
{
	const char *at = strstr(parameters, name);
	return at ? strtoll(at + strlen(name), NULL, 10) : fallback;
}

static bool say_pings(int fd, int64_t count)
{
	while (count-- > 0)
		if (!say_ping(fd))
			return false;
	return true;
}

/* Talks until the connection ends. */
static void talk(int fd, const char *parameters, bool silent)
{
	int64_t every_ms = number_of(parameters, "\"every_ms\":", 0);
	int64_t step_ms = every_ms > 0 && every_ms < HEARTBEAT_MS ? every_ms : HEARTBEAT_MS;
	int64_t burst = number_of(parameters, "\"burst\":", 1);
	int64_t left = every_ms > 0 ? number_of(parameters, "\"total\":", INT64_MAX) : 0;

	if (!silent && !say(fd, "{\"kalki\":\"ready\"}\n"))
		return;
	for (int64_t spent_ms = 0;; spent_ms += step_ms) {
		if (spent_ms % HEARTBEAT_MS < step_ms && !say(fd, "{\"kalki\":\"heartbeat\"}\n"))
			return;
		if (!wait_ms(fd, parameters, step_ms))
			return;
		if (!say_pings(fd, burst < left ? burst : left))
			return;
		left -= burst < left ? burst : left;
	}
}

static void burn(int64_t processes)
{
	for (int64_t i = 0; i < processes; i++)
		if (fork() == 0)
			for (volatile unsigned spin = 0;; spin++)
				;
}

int main(void)
{
	static char text[16384];
	FILE *file = fopen("/run/kalki/umbox.json", "r");
	if (!file || fread(text, 1, sizeof(text) - 1, file) == 0)
		return 1;
	fclose(file);
	sigset_t signals = asked_by();
	sigprocmask(SIG_BLOCK, &signals, NULL);
	fputs("the puppet plays\n", stderr); /* for the test of logs */
	burn(number_of(text, "\"burn\":", 0));
	for (;;) {
		int fd = connect_to_daemon();
		if (fd >= 0) {
			talk(fd, text, strstr(text, "\"silent\":") != NULL);
			close(fd);
		}
		sleep_ms(AGAIN_MS);
	}
}
