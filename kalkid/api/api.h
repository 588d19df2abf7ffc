/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/api.h - REST and an event stream over a Unix socket, as openapi.yaml describes them.
 *
 * Start reading at route.c: the table of what is served.  A request goes: api.c (who, which route)
 * -> its handler (site.c, devices.c, chains.c, types.c, history.c, stream.c, metrics.c) -> the
 * engine (engine/engine.h) -> encode.c -> answer.c. */
#pragma once

#include "base/clock.h"
#include "engine/engine.h"

struct api;

struct api_config {
	const char *socket_path;
	const char *group; /* who may connect beside root; NULL or one that is not there: nobody */
	mode_t mode;       /* of the socket: 0660 */
	const struct clock *clock;
};

/* -EADDRINUSE when another daemon serves the socket. */
int api_open(struct api **ret, uv_loop_t *loop, struct engine *engine,
	     const struct api_config *config, struct error *err) must_check;
/* Ends every request, then runs `closed`.  The engine must still be there, and not
 * be stopped yet. */
void api_close(struct api *api, void (*closed)(void *data), void *data);
