/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/close_beside.h - closes a descriptor on a thread of its own, where others choose how long that
 * takes: with a socket the kernel closes what was sent through it and nobody received, and may wait
 * there for hours (TCP sockets that linger, socket(7)) or for milliseconds each (packet sockets).
 *
 * Whoever waits is woken each second by SIGURG, which ends the wait of the lingering. */
#pragma once

#include <uv.h>

/* Nobody may use the descriptor from now on.  `closed` (NULL: nobody waits) is called by the loop,
 * which does not end before. */
void close_beside(uv_loop_t *loop, int fd, void (*closed)(void *data), void *data);
