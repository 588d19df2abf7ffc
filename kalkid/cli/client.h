/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/client.h - requests to the daemon's REST API over its Unix socket, one at a time.
 *
 * Everything here that fails has said why on standard error, and returns the exit code. */
#pragma once

#include <jansson.h>

#include "cli/cli.h"

enum { ANSWER_BYTES_MAX = 64 * 1024 * 1024, PAGE_ITEMS = 1000 };

/* Adds a path's segment or a query's parameter with what needs escaping escaped; a NULL or empty
 * value adds nothing. */
void url_segment(struct buffer *url, const char *segment);
void url_query(struct buffer *url, const char *name, const char *value);

/* `ret` gets the body and belongs to the caller. */
int client_text(struct cli *cli, const char *path, struct buffer *ret);
/* A GET to whoever else listens on a Unix socket, with any answer; false, and nothing said, when
 * nobody answers. */
bool client_ask(struct cli *cli, const char *socket, const char *path, long *ret_status,
		struct buffer *ret);
/* A JSON answer (new reference). */
int client_get(struct cli *cli, const char *path, json_t **ret);
/* `body` may be NULL; adds dry_run where that was asked for, and warns of what is not on disk. */
int client_change(struct cli *cli, const char *method, const char *path, json_t *body,
		  json_t **ret);
/* All pages of a list, at most `items_max` items: {"items": [...], "next": ...}. */
int client_list(struct cli *cli, const char *path, unsigned items_max, json_t **ret);

/* Follows an event stream until it ends; `each` gets what it sends.  0 when it ended. */
struct client_event {
	const char *id, *name, *data;
};
int client_follow(struct cli *cli, const char *path, const char *last_id,
		  void (*each)(void *data, const struct client_event *event), void *data);
