/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/endpoint.h - where a umbox of the older contract posts its alerts: one TCP port inside its
 * own network namespace, at every IPv4 address, so that it finds it at whatever address it was
 * built for.
 *
 * Every IPv4 address is the namespace's own there: nothing that the umbox's sockets send leaves it,
 * and nothing from its legs gets to them.  What is said counts as if it came by its control socket:
 * the same bucket, the same words (driver/intake.h). */
#pragma once

#include <uv.h>

#include "driver/intake.h"

struct endpoint;

enum { ENDPOINT_CONNECTIONS_MAX = 8 }; /* a further one takes the place of the oldest */

/* Listens inside the umbox's network namespace.  The intake is borrowed and must live longer. */
int endpoint_open(struct endpoint **ret, uv_loop_t *loop, int netns, struct intake *intake,
		  struct error *err) must_check;
/* Freed when libuv has let go; the namespace is no longer held from now on.  NULL is fine. */
void endpoint_close(struct endpoint *endpoint);
