/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/replay_stream.c - see replay_stream.h. */
#include "cli/replay_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Lines of EVE stand a little out of order; of more the times are doubtful. */
#define DISORDER_US (60 * (int64_t)1000000)

struct replay_file {
	const char *path;
	FILE *file;
	struct recording recording;
	struct recorded current, next; /* `next` while `waits` */
	bool waits, told;
	unsigned long line;
	int64_t newest_us;
};

static void tell(const struct replay_stream *stream, struct replay_file *file, const char *words)
{
	cli_complain(stream->cli, "%s:%lu: %s", file->path, file->line, words);
	file->told = true;
}

static void look_at_order(struct replay_stream *stream, struct replay_file *file)
{
	stream->out_of_order += file->next.wall_us < file->newest_us - DISORDER_US;
	file->newest_us = max_of(file->newest_us, file->next.wall_us);
	file->waits = true;
}

/* Up to the file's next fact; an exit code. */
static int look_ahead(struct replay_stream *stream, struct replay_file *file)
{
	/* Of a longer line what is left over is no line, and is counted. */
	while (!file->waits && fgets(stream->line, RECORDING_LINE_BYTES, file->file)) {
		struct error err = {0};
		stream->lines++;
		file->line++;
		int result = recording_read(&file->recording, stream->line, &file->next, &err);
		if (result == -EBADMSG) {
			tell(stream, file, err.text);
			return EXIT_INVALID;
		}
		if (result < 0 && !file->told)
			tell(stream, file, err.text);
		stream->not_understood += result < 0;
		if (result > 0)
			look_at_order(stream, file);
	}
	return 0;
}

static int open_file(struct replay_stream *stream, struct replay_file *file)
{
	file->file = text_equal(file->path, "-") ? stdin : fopen(file->path, "re");
	if (file->file)
		return look_ahead(stream, file);
	cli_complain(stream->cli, "%s: %s", file->path, strerror(errno));
	return EXIT_NOT_FOUND;
}

int replay_stream_open(struct replay_stream *ret, struct cli *cli, const struct policy *policy,
		       const char *const *paths, unsigned path_count)
{
	int code = 0;
	*ret = (struct replay_stream){.cli = cli, .file_count = path_count};
	ret->line = mem_alloc(RECORDING_LINE_BYTES);
	ret->files = mem_alloc_array(max_of(path_count, 1u), sizeof(*ret->files));
	for (unsigned i = 0; i < path_count && code == 0; i++) {
		ret->files[i].path = paths[i];
		ret->files[i].recording.policy = policy;
		code = open_file(ret, &ret->files[i]);
	}
	return code;
}

void replay_stream_close(struct replay_stream *stream)
{
	for (unsigned i = 0; i < stream->file_count; i++)
		if (stream->files[i].file && stream->files[i].file != stdin)
			fclose(stream->files[i].file);
	free(stream->files);
	free(stream->line);
	*stream = (struct replay_stream){0};
}

const struct recorded *replay_stream_next(struct replay_stream *stream, int *ret_code)
{
	struct replay_file *first = NULL;
	for (unsigned i = 0; i < stream->file_count; i++) {
		struct replay_file *file = &stream->files[i];
		if (file->waits && (!first || file->next.wall_us < first->next.wall_us))
			first = file;
	}
	if (!first)
		return NULL;
	first->current = first->next;
	first->waits = false;
	*ret_code = look_ahead(stream, first);
	return *ret_code ? NULL : &first->current;
}
