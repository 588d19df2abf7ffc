/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/test_intake_close.c - a umbox that sends sockets whose close takes an hour: the loop goes
 * on.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "driver/test_intake.h"

/* The close of its last descriptor waits for an hour, as its peer takes nothing. */
static int open_lingering(int *ret_peer)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	const struct linger linger = {1, 3600};
	char filling[4096] = {0};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cleanup_close int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	*ret_peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(*ret_peer >= 0);
	while (send(fd, filling, sizeof(filling), MSG_DONTWAIT) > 0)
		;
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	return fd;
}

/* Frees a loop that stands still after a minute, so that its test ends. */
struct rescue {
	uv_sem_t done;
	uv_thread_t thread;
	int peer;
	bool needed;
};

static void rescue(void *data)
{
	struct rescue *rescue = data;
	for (unsigned i = 0; i < 600; i++) {
		if (uv_sem_trywait(&rescue->done) == 0)
			return;
		usleep(100000);
	}
	rescue->needed = true;
	shutdown(rescue->peer, SHUT_RDWR);
	close(take_fd(rescue->peer));
}

static int begin(struct place *place, struct rescue *rescued)
{
	accept_own(place);
	place->refuse_descriptors = -EINVAL;
	*rescued = (struct rescue){0};
	uv_sem_init(&rescued->done, 0);
	int lingering = open_lingering(&rescued->peer);
	uv_thread_create(&rescued->thread, rescue, rescued);
	return lingering;
}

/* Also the threads that wait come to an end. */
static void end(struct place *place, struct rescue *rescue)
{
	intake_close(take(place->intake));
	uv_run(&place->loop, UV_RUN_DEFAULT);
	uv_sem_post(&rescue->done);
	uv_thread_join(&rescue->thread);
	uv_sem_destroy(&rescue->done);
	assert_false(rescue->needed);
	close(rescue->peer);
}

static void with_a_line(void **state)
{
	struct place *place = *state;
	struct rescue rescue;
	int lingering = begin(place, &rescue);
	cleanup_close int fd = connect_to(place);
	turn(place, 2);
	say_with(fd, "{}\n", &lingering, 1);
	close(lingering);
	turn(place, 3);
	assert_int_equal(place->ends, 1);
	end(place, &rescue);
}

static void with_a_connection_that_is_refused(void **state)
{
	struct place *place = *state;
	struct rescue rescue;
	int lingering = begin(place, &rescue);
	maybe_unused cleanup_close int first = connect_to(place);
	turn(place, 2);
	cleanup_close int second = connect_to(place);
	say_with(second, "{}\n", &lingering, 1);
	close(lingering);
	turn(place, 3);
	assert_int_equal(place->ends, 0);
	end(place, &rescue);
}

static void with_a_connection_that_nobody_accepts(void **state)
{
	struct place *place = *state;
	struct rescue rescue;
	int lingering = begin(place, &rescue);
	cleanup_close int fd = connect_to(place);
	say_with(fd, "{}\n", &lingering, 1);
	close(lingering);
	end(place, &rescue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(with_a_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(with_a_connection_that_is_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(with_a_connection_that_nobody_accepts, set_up,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
