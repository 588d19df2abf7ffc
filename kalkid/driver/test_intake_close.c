/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/test_intake_close.c - a umbox that sends sockets whose close takes an hour: the loop goes
 * on.
 */
#include "driver/intake.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

struct place {
	struct intake_user user;
	uv_loop_t loop;
	struct intake *intake;
	char path[64];
	int directory;
	unsigned ends;
};

static void on_line(struct intake_user *user maybe_unused,
		    const struct umbox_line *line maybe_unused)
{
}

static int on_descriptor(struct intake_user *user maybe_unused, int fd, struct error *err)
{
	close(fd);
	return error_set(err, -EINVAL, "not that one");
}

static void on_end(struct intake_user *user, const char *words maybe_unused)
{
	container_of(user, struct place, user)->ends++;
}

static int set_up(void **state)
{
	struct place *place = mem_alloc(sizeof(*place));
	place->user = (struct intake_user){
		.on_line = on_line, .on_end = on_end, .on_descriptor = on_descriptor};
	uv_loop_init(&place->loop);
	strcpy(place->path, "/tmp/kalki-intake-XXXXXX");
	assert_non_null(mkdtemp(place->path));
	place->directory = open(place->path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	int result = intake_open(&place->intake, &place->loop, place->directory, 10, &place->user,
				 NULL);
	assert_int_equal(result, 0);
	cleanup_close int netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_int_equal(intake_accept(place->intake, netns, NULL), 0);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	assert_int_equal(uv_loop_close(&place->loop), 0);
	unlinkat(place->directory, "control.sock", 0);
	close(place->directory);
	rmdir(place->path);
	free(place);
	return 0;
}

static int connect_to(const struct place *place)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", place->path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void pass(int socket, int fd)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} beside = {0};
	char line[] = "{}\n";
	struct iovec iov = {.iov_base = line, .iov_len = strlen(line)};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = beside.bytes,
				 .msg_controllen = sizeof(beside.bytes)};
	beside.head.cmsg_level = SOL_SOCKET;
	beside.head.cmsg_type = SCM_RIGHTS;
	beside.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&beside.head), &fd, sizeof(fd));
	assert_int_equal(sendmsg(socket, &message, MSG_NOSIGNAL), strlen(line));
}

static void turn(struct place *place, unsigned times)
{
	while (times--)
		uv_run(&place->loop, UV_RUN_NOWAIT);
}

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

static int begin(struct rescue *rescued)
{
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
	int lingering = begin(&rescue);
	cleanup_close int fd = connect_to(place);
	turn(place, 2);
	pass(fd, lingering);
	close(lingering);
	turn(place, 3);
	assert_int_equal(place->ends, 1);
	end(place, &rescue);
}

static void with_a_connection_that_is_refused(void **state)
{
	struct place *place = *state;
	struct rescue rescue;
	int lingering = begin(&rescue);
	cleanup_close int fd = connect_to(place);
	turn(place, 2);
	cleanup_close int second = connect_to(place);
	pass(second, lingering);
	close(lingering);
	turn(place, 3);
	assert_int_equal(place->ends, 0);
	end(place, &rescue);
}

static void with_a_connection_that_nobody_accepts(void **state)
{
	struct place *place = *state;
	struct rescue rescue;
	int lingering = begin(&rescue);
	cleanup_close int fd = connect_to(place);
	pass(fd, lingering);
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
