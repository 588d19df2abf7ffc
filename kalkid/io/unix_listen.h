/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/unix_listen.h - a listening Unix stream socket at a path, with its group and mode. */
#pragma once

#include <sys/types.h>

#include "base/error.h"

/* Who may connect, and where. */
struct unix_listen_config {
	const char *path;
	gid_t group;
	mode_t mode;
	int backlog;
};

/* The socket is non-blocking and closed on exec; it never exists with more rights than asked for. A
 * socket that nobody listens on any more is replaced; -EADDRINUSE when somebody does, -EEXIST when
 * something else than a socket stands there. */
int unix_listen(int *ret_fd, const struct unix_listen_config *config, struct error *err) must_check;

/* After the end of listening: removes the path, unless somebody else listens there by now. */
void unix_unlink_stale(const char *path);
