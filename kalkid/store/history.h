/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/history.h - the rows of what was: events and the marks on them; written, read, trimmed. */
#pragma once

#include "store/queue.h"
#include "store/sql.h"

#define HISTORY_SCHEMA                                                                     \
	"CREATE TABLE events (id INTEGER PRIMARY KEY, time_us INTEGER, wall_us INTEGER,"   \
	" kind INTEGER, device INTEGER, device_name TEXT, generation INTEGER, json TEXT);" \
	"CREATE INDEX events_kind ON events (kind);"                                       \
	"CREATE INDEX events_device ON events (device, kind);"                             \
	"CREATE INDEX events_wall ON events (wall_us);"                                    \
	"CREATE TABLE acknowledgements (event INTEGER PRIMARY KEY, who TEXT, words TEXT);"

int history_add(sqlite3 *connection, const struct entry *first, struct error *err) must_check;

struct history_limits {
	int64_t before_us; /* events of an earlier engine time go */
	int64_t bytes_max; /* of the database; the oldest beyond it go; 0: no bound */
	unsigned rows_max; /* at most so many now */
};

/* The events of one kind and device that take up too much of what there is: where the database is
 * too large they go before all others, so that nobody who can cause them (a umbox with its records
 * and alerts) pushes out what was written of others. */
struct history_glut {
	int64_t device, kind;
	int64_t rows;  /* that many more than its part */
	int64_t fresh; /* rows that go before it is looked for anew */
};

/* One small step in a transaction of its own; `*ret_more` when another one would find work. */
int history_trim(sqlite3 *connection, const struct history_limits *limits,
		 struct history_glut *glut, bool *ret_more, struct error *err) must_check;

int history_read(sqlite3 *connection, const struct event_filter *filter,
		 bool (*each)(void *data, const struct event *event, const char *acknowledged_by),
		 void *data, struct error *err) must_check;
/* Fills bytes and the bounds of the ids. */
int history_measure(sqlite3 *connection, struct store_status *ret, struct error *err) must_check;
