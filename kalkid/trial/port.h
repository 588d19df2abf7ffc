/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/port.h - the daemon's end of what a umbox of the older contract says: HTTP requests to one
 * port inside its namespace. */
#pragma once

#include <poll.h>

#include "codec/legacy_request.h"

enum { PORT_REQUESTS_MAX = 8 }; /* at a time; others wait until it has answered */

struct port_request {
	bool open;
	int fd;
	struct legacy_request request;
};

struct port {
	int listener; /* -1: none */
	struct port_request requests[PORT_REQUESTS_MAX];
};

int port_open(struct port *port, int netns, struct error *err) must_check;
void port_close(struct port *port);

enum { PORT_ENDS_MAX = PORT_REQUESTS_MAX + 1 };
/* What it waits for; returns how many. */
unsigned port_ends(const struct port *port, struct pollfd ends[static PORT_ENDS_MAX]);
/* Answers each request that is whole by what `hear` makes of it. */
void port_read(struct port *port, int (*hear)(void *data, const struct legacy_request *request),
	       void *data);
