/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/answers.h - of each telemetry source of a device the history keeps its newest answers only,
 * so that none pushes out what others said, nor alerts and transitions. */
#pragma once

#include "store/queue.h"
#include "store/sql.h"

/* Brings a database of before to it; what is in it already counts for no source. */
#define ANSWERS_SCHEMA                               \
	"ALTER TABLE events ADD COLUMN source TEXT;" \
	"CREATE INDEX events_source ON events (device, source) WHERE source IS NOT NULL;"

struct answers_source;

/* Which sources have said much since they were looked at; zeroed at first. */
struct answers {
	struct answers_source *sources; /* by device and name */
	struct answers_source *due;     /* the next ones */
};

void answers_done(struct answers *answers);
/* Counts what is written. */
void answers_note(struct answers *answers, const struct queue *batch, unsigned max);
/* One small step in a transaction of its own; `*ret_more` when another one would find work. */
int answers_trim(struct answers *answers, sqlite3 *connection, unsigned max, bool *ret_more,
		 struct error *err) must_check;
