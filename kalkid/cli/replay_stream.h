/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/replay_stream.h - several recorded files as one stream of facts in the order of their time.
 */
#pragma once

#include "cli/cli.h"
#include "codec/recording.h"

struct replay_file;

struct replay_stream {
	struct cli *cli;
	struct replay_file *files;
	unsigned file_count;
	char *line;
	unsigned long lines, not_understood, out_of_order;
};

/* "-" is standard input.  An exit code; closed in any case by replay_stream_close. */
int replay_stream_open(struct replay_stream *ret, struct cli *cli, const struct policy *policy,
		       const char *const *paths, unsigned path_count);
void replay_stream_close(struct replay_stream *stream);
/* The next fact, valid until the next call; NULL at the end, and where a file cannot be used: then
 * `*ret_code` is an exit code. */
const struct recorded *replay_stream_next(struct replay_stream *stream, int *ret_code);
