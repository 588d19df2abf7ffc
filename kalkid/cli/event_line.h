/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/event_line.h - events as people read them: one line each, and pages of history. */
#pragma once

#include "cli/client.h"
#include "cli/output.h"

/* A line, or JSON where that was asked for. */
void event_print(const struct cli *cli, const json_t *event);
/* --device, --type and --group as parameters. */
void event_which(const struct cli *cli, struct buffer *url);
/* The history at `path`, oldest first, by those flags, --since, --kind and --limit.
 * `*ret_last` gets the id of the newest event, where it is not NULL. */
int event_print_history(struct cli *cli, const char *path, json_int_t *ret_last);
/* The flag --limit; false when it is none, which is said. */
bool event_limit(const struct cli *cli, unsigned *ret);
