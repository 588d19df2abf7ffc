/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/sql.h - SQLite in the house's manner: negative errno with words, statements that end by
 * scope.
 *
 * -EUCLEAN means that the database itself is damaged; -ENOSPC, -EROFS, -EIO, -EBUSY may pass;
 * -ECANCELED: the progress handler stopped it. */
#pragma once

#include <sqlite3.h>
#include <stdint.h>

#include "base/error.h"

/* `flags` as sqlite3_open_v2.  The connection knows row_digest(...), the digest of
 * its arguments. */
int sql_open(sqlite3 **ret, const char *path, int flags, struct error *err) must_check;

/* One or several statements without results. */
int sql_run(sqlite3 *connection, const char *sql, struct error *err) must_check;
int sql_prepare(sqlite3 *connection, sqlite3_stmt **ret, const char *sql,
		struct error *err) must_check;
/* Binds parameters 1, 2, ... : 'i' int64_t, 's' text that stays until the step (NULL allowed). */
void sql_bind(sqlite3_stmt *statement, const char *kinds, ...);
/* 1: a row, 0: the end. */
int sql_step(sqlite3_stmt *statement, struct error *err) must_check;
/* Prepares, binds and runs a statement without results. */
int sql_write(sqlite3 *connection, struct error *err, const char *sql, const char *kinds,
	      ...) must_check;
/* The first column of the first row; 0 where there is none. */
int sql_read_number(sqlite3 *connection, const char *sql, int64_t *ret,
		    struct error *err) must_check;
/* A text column, cut to the target's size. */
void sql_copy_text(char *target, size_t target_bytes, sqlite3_stmt *statement, int column);

void sql_finish_at(sqlite3_stmt **statement);
#define cleanup_statement __attribute__((cleanup(sql_finish_at)))
void sql_close_at(sqlite3 **connection);
#define cleanup_connection __attribute__((cleanup(sql_close_at)))
