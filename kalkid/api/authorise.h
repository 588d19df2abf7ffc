/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/authorise.h - the one place that decides who may use the API. */
#pragma once

#include "io/http_server.h"

enum { WHO_BYTES = 96 };

/* On the Unix socket: root, the daemon's own user and the members of `group` may do everything,
 * nobody else anything.  `who` names the asker for the history: "uid 1000 (name)".  -EACCES. */
int authorise(char who[static WHO_BYTES], const struct http_request *request, gid_t group,
	      struct error *err) must_check;
