/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/engine.h - the Docker engine, one question at a time. */
#pragma once

#include "codec/docker_json.h"

/* `socket` is the engine's.  All: -ENOENT when there is no such image or container, -EIO with the
 * engine's words; -ENOTCONN when nobody answers. */
int engine_image(const char *socket, const char *reference, struct umbox_image *ret,
		 struct error *err) must_check;
/* Made and started; `ret` is as inspected after that: it may have ended already. */
int engine_launch(const char *socket, const struct container_order *order, struct container *ret,
		  struct error *err) must_check;
int engine_inspect(const char *socket, const char *id, struct container *ret,
		   struct error *err) must_check;
/* Running or not. */
int engine_remove(const char *socket, const char *id, struct error *err) must_check;
/* The last line that it wrote; "" for none.  The caller's to free. */
char *engine_last_words(const char *socket, const char *id) must_check;
