/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/process.h - a program on the loop: no shell, a group of its own, nothing to read, a bounded
 * output, and a deadline after which the whole group is killed. */
#pragma once

#include <uv.h>

#include "base/error.h"
#include "base/text.h"
#include "io/later.h"

enum { PROCESS_WORDS_BYTES = 160 };

struct process {
	/* Set by the user before process_start. */
	unsigned timeout_ms;
	size_t output_max;
	/* Exactly once, never before process_start returned; the process is the user's again, and
	 * `output` is the user's to free.  0: the exit code was 0; -ECANCELED, -ETIMEDOUT,
	 * -EMSGSIZE, the errno of a program that could not be started, or -EIO for another exit. */
	void (*done)(struct process *process, int result, const struct error *err);

	struct buffer output;

	/* Theirs who carry it out. */
	const char *name; /* owned */
	uv_process_t child;
	uv_pipe_t out, complaints;
	uv_timer_t deadline;
	unsigned handles; /* not closed yet */
	bool started, exited;
	int64_t exit_status;
	int exit_signal;
	int result;                      /* why it was ended by us, or could not begin */
	char words[PROCESS_WORDS_BYTES]; /* the first line of its complaints */
	bool words_end;
	char piece[4096];
};

/* argv[0] is the whole path of the program.  All texts are copied. */
void process_start(uv_loop_t *loop, struct process *process, char *const argv[]);
/* `done` comes soon. */
void process_cancel(struct process *process);
