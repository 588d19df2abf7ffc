/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/lone_port.h - one TCP port inside a network namespace, at every IPv4 address there is. */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* Makes every IPv4 address the namespace's own and listens on its loopback: nothing that sockets in
 * there send leaves it, and nothing that comes by its other interfaces gets to them.  Returns the
 * descriptor, not blocking, or a negative errno. */
int lone_port_listen(int netns, uint16_t port, int backlog, struct error *err) must_check;
