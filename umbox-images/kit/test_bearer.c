/* SPDX-License-Identifier: Apache-2.0 */
/* test_bearer.c - umboxes whose frames somebody else forwards: their program, descriptors, words.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "internal.h"

/* A folder as /run/kalki is, with the daemon's end of the socket; and what the umbox is to do. */
struct world {
	char folder[64], socket_path[128], json_path[128];
	int listener;
	struct umbox *umbox;
	const char *const *child;
	int pipe[2];
	unsigned served;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (!world)
		return -1;
	strcpy(world->folder, "/tmp/umbox-test-XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	snprintf(world->json_path, sizeof(world->json_path), "%s/umbox.json", world->folder);
	snprintf(world->socket_path, sizeof(world->socket_path), "%s/control.sock", world->folder);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", world->folder);
	FILE *file = fopen(world->json_path, "w");
	assert_non_null(file);
	fputs("{\"contract\":1,\"umbox\":418,\"generation\":3}", file);
	fclose(file);
	world->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(world->listener, (void *)&address, sizeof(address)), 0);
	assert_int_equal(listen(world->listener, 4), 0);
	assert_int_equal(pipe(world->pipe), 0);
	setenv("UMBOX_FOLDER", world->folder, 1);
	world->umbox = umbox_open();
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;
	close(world->listener);
	close(world->pipe[0]);
	close(world->pipe[1]);
	unlink(world->socket_path);
	unlink(world->json_path);
	rmdir(world->folder);
	free(world);
	return 0;
}

static void start_child(struct umbox *umbox, int64_t now_us, void *user)
{
	struct world *world = user;
	(void)now_us;
	umbox_start_child(umbox, world->child);
}

/* Runs until the child ends; returns the status of the umbox. */
static int run_with_child(struct world *world, const char *const child[])
{
	world->child = child;
	umbox_wake_at(world->umbox, 0);
	return umbox_run(world->umbox,
			 &(struct umbox_handler){.on_time = start_child, .user = world});
}

static void the_end_of_its_program_is_its_own(void **state)
{
	assert_int_equal(run_with_child(*state, (const char *const[]){"/bin/true", NULL}), 1);
}

static void the_death_of_its_program_is_its_own(void **state)
{
	static const char *const child[] = {"/bin/sh", "-c", "kill -9 $$", NULL};
	assert_int_equal(run_with_child(*state, child), 1);
}

static void its_last_words_are_told(void **state)
{
	struct world *world = *state;
	static const char *const child[] = {"/bin/sh", "-c",
					    "seq 1 1000; echo no rules >&2; echo; exit 3", NULL};
	char said[4096] = "";
	assert_int_equal(run_with_child(world, child), 1);
	int connection = accept(world->listener, NULL, NULL);
	assert_true(recv(connection, said, sizeof(said) - 1, MSG_WAITALL) > 0);
	assert_non_null(strstr(said, "{\"failure\":\"/bin/sh ended with status 3: "));
	assert_non_null(strstr(said, "|999|1000|no rules\"}}\n"));
	close(connection);
}

static void a_program_that_is_not_there_is_told(void **state)
{
	assert_int_equal(run_with_child(*state, (const char *const[]){"/no/such", NULL}), 1);
}

static void relay(struct umbox *umbox, int fd, void *user)
{
	struct world *world = user;
	char text[64];
	ssize_t length = read(fd, text, sizeof(text));
	assert_true(length > 0);
	assert_true(umbox_line(umbox, text, (size_t)length));
	world->served++;
	umbox_unwatch(umbox, fd);
	raise(SIGTERM);
}

static void its_own_descriptors_are_served(void **state)
{
	struct world *world = *state;
	static const char line[] = "{\"event_type\":\"dns\"}";
	char said[256] = "";
	assert_int_equal(write(world->pipe[1], line, sizeof(line) - 1), sizeof(line) - 1);
	umbox_watch(world->umbox, world->pipe[0], relay, world);
	assert_int_equal(umbox_run(world->umbox, &(struct umbox_handler){.user = world}), 0);
	assert_int_equal(world->served, 1);
	int connection = accept(world->listener, NULL, NULL);
	assert_true(recv(connection, said, sizeof(said) - 1, MSG_WAITALL) > 0);
	assert_string_equal(said, "{\"event_type\":\"dns\"}\n");
	close(connection);
}

static void a_program_ends_with_its_umbox(void **state)
{
	static const char *const child[] = {"/bin/sh", "-c", "kill -TERM $PPID; exec sleep 600",
					    NULL};
	assert_int_equal(run_with_child(*state, child), 0);
}

int main(void)
{
#define with_world(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		with_world(the_end_of_its_program_is_its_own),
		with_world(the_death_of_its_program_is_its_own),
		with_world(its_last_words_are_told),
		with_world(a_program_that_is_not_there_is_told),
		with_world(its_own_descriptors_are_served),
		with_world(a_program_ends_with_its_umbox),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
