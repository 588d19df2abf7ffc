/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/test_intake.h - an intake in a folder of its own and a umbox's ways to it, for the tests
 * of both.  Behind cmocka.h. */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "driver/intake.h"

enum { RATE = 10 };

struct place {
	struct intake_user user;
	uv_loop_t loop;
	struct intake *intake;
	char path[64];
	int directory;
	unsigned lines, ends, descriptors;
	char end_words[ERROR_TEXT_BYTES];
	int refuse_descriptors; /* a negative errno */
	struct umbox_line last;
	bool close_on_line;
};

static void on_line(struct intake_user *user, const struct umbox_line *line)
{
	struct place *place = container_of(user, struct place, user);
	place->lines++;
	place->last = *line;
	if (place->close_on_line)
		intake_close(take(place->intake));
}

static int on_descriptor(struct intake_user *user, int fd, struct error *err)
{
	struct place *place = container_of(user, struct place, user);
	close(fd);
	place->descriptors++;
	return place->refuse_descriptors ? error_set(err, place->refuse_descriptors, "not that one")
					 : 0;
}

static void on_end(struct intake_user *user, const char *words)
{
	struct place *place = container_of(user, struct place, user);
	place->ends++;
	TEXT_COPY(place->end_words, words);
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
	assert_int_equal(intake_open(&place->intake, &place->loop, place->directory, RATE,
				     &place->user, NULL),
			 0);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	intake_close(place->intake);
	uv_run(&place->loop, UV_RUN_DEFAULT);
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

static void accept_own(struct place *place)
{
	cleanup_close int netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_int_equal(intake_accept(place->intake, netns, NULL), 0);
}

static void turn(struct place *place, unsigned times)
{
	while (times--)
		uv_run(&place->loop, UV_RUN_NOWAIT);
}

static void say_with(int socket, const char *text, const int *fds, unsigned count)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} beside = {0};
	struct iovec iov = {.iov_base = (char *)(uintptr_t)text, .iov_len = strlen(text)};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = beside.bytes,
				 .msg_controllen = CMSG_SPACE(count * sizeof(int))};
	beside.head.cmsg_level = SOL_SOCKET;
	beside.head.cmsg_type = SCM_RIGHTS;
	beside.head.cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(&beside.head), fds, count * sizeof(int));
	assert_int_equal(sendmsg(socket, &message, MSG_NOSIGNAL), strlen(text));
}
