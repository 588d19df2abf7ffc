/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/captures.h - frames that were kept because of an alert, or because somebody asked: pcapng
 * files in a directory of their own, so that they take no room from the history.
 *
 * What is there is in the files' names; the oldest of the device that has most go first.  Files are
 * written and read by threads beside the loop; all callbacks run on the loop's thread. */
#pragma once

#include <uv.h>

#include "base/error.h"
#include "base/text.h"
#include "core/ids.h"

enum { CAPTURES_MAX = 1000 };

struct captures;

struct capture_entry {
	uint64_t id; /* never twice, and none of an event */
	char device[NAME_BYTES];
	int64_t wall_us;
	unsigned frames;
	uint64_t bytes;
};

/* Embedded; `done` runs exactly once, never before the call that started it has returned. */
struct capture_job {
	void (*done)(struct capture_job *job, int result, const struct error *err);
	struct buffer file; /* what is written, or what was read: the owner's to free */
	struct capture_entry entry;
	struct captures *captures; /* theirs, as all that follows */
	uv_work_t work;
	int result;
	struct error err;
};

/* Makes the directory (its parent exists), for its owner alone. */
int captures_open(struct captures **ret, uv_loop_t *loop, const char *directory, uint64_t bytes_max,
		  struct error *err) must_check;
/* Runs `closed` when all jobs are done. */
void captures_close(struct captures *captures, void (*closed)(void *data), void *data);

/* `job->entry` but for its size, and `job->file`, are filled in. */
void captures_write(struct captures *captures, struct capture_job *job);
/* -ENOENT: there is none of that id. */
int captures_find(const struct captures *captures, uint64_t id, struct capture_entry *ret,
		  struct error *err) must_check;
int captures_remove(struct captures *captures, uint64_t id, struct error *err) must_check;
/* Fills in `job->file`.  -ENOENT as above. */
int captures_read(struct captures *captures, uint64_t id, struct capture_job *job,
		  struct error *err) must_check;
/* The newest of a device older than the id `before` (0: of all); false behind the last. */
bool captures_next(const struct captures *captures, const char *device, uint64_t before,
		   struct capture_entry *ret);
