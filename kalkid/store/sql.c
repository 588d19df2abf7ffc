/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/sql.c - see sql.h. */
#include "store/sql.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/digest.h"
#include "base/text.h"

static int to_errno(int extended)
{
	if (extended == SQLITE_IOERR_CORRUPTFS)
		return -EUCLEAN;
	switch (extended & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
	case SQLITE_ERROR: /* our statements are right: a table or a column is missing */
		return -EUCLEAN;
	case SQLITE_FULL: return -ENOSPC;
	case SQLITE_READONLY: return -EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return -EBUSY;
	case SQLITE_INTERRUPT: return -ECANCELED;
	case SQLITE_NOMEM: abort();
	default: return -EIO;
	}
}

/* The words of the connection's last failure behind `what`. */
static int sql_error(sqlite3 *connection, struct error *err, const char *what)
{
	return error_set(err, to_errno(sqlite3_extended_errcode(connection)), "%s: %s", what,
			 sqlite3_errmsg(connection));
}

/* Each value with its length before it, so that ("ab", "c") and ("a", "bc") differ. */
static void row_digest(sqlite3_context *context, int count, sqlite3_value **values)
{
	cleanup_buffer struct buffer row = {0};
	for (int i = 0; i < count; i++) {
		const char *text = (const char *)sqlite3_value_text(values[i]);
		int bytes = sqlite3_value_bytes(values[i]);
		buffer_print(&row, "%d:", bytes);
		if (text)
			buffer_add(&row, text, (size_t)bytes);
	}
	char digest[DIGEST_TEXT_BYTES];
	digest_text(digest, row.bytes, row.length);
	sqlite3_result_text(context, digest, -1, SQLITE_TRANSIENT);
}

int sql_open(sqlite3 **ret, const char *path, int flags, struct error *err)
{
	cleanup_connection sqlite3 *connection = NULL;
	int result = sqlite3_open_v2(path, &connection, flags | SQLITE_OPEN_NOMUTEX, NULL);
	if (result != SQLITE_OK)
		return sql_error(connection, err, path);
	sqlite3_extended_result_codes(connection, 1);
	sqlite3_busy_timeout(connection, 1000);
	result = sqlite3_create_function(connection, "row_digest", -1,
					 SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, row_digest, NULL,
					 NULL);
	assert(result == SQLITE_OK);
	result = sql_run(connection, "PRAGMA cache_size = -1024", err);
	if (result < 0)
		return result;
	*ret = take(connection);
	return 0;
}

int sql_run(sqlite3 *connection, const char *sql, struct error *err)
{
	if (sqlite3_exec(connection, sql, NULL, NULL, NULL) != SQLITE_OK)
		return sql_error(connection, err, "database");
	return 0;
}

int sql_prepare(sqlite3 *connection, sqlite3_stmt **ret, const char *sql, struct error *err)
{
	if (sqlite3_prepare_v2(connection, sql, -1, ret, NULL) != SQLITE_OK)
		return sql_error(connection, err, "database");
	return 0;
}

/* NOLINTBEGIN(clang-analyzer-valist.Uninitialized): the callers have started it. */
static void bind_all(sqlite3_stmt *statement, const char *kinds, va_list args)
{
	for (int i = 0; kinds[i]; i++) {
		int result;
		if (kinds[i] == 'i')
			result = sqlite3_bind_int64(statement, i + 1, va_arg(args, int64_t));
		else
			result = sqlite3_bind_text(statement, i + 1, va_arg(args, const char *), -1,
						   SQLITE_STATIC);
		assert(result == SQLITE_OK);
	}
}
/* NOLINTEND(clang-analyzer-valist.Uninitialized) */

void sql_bind(sqlite3_stmt *statement, const char *kinds, ...)
{
	va_list args;
	va_start(args, kinds);
	bind_all(statement, kinds, args);
	va_end(args);
}

int sql_step(sqlite3_stmt *statement, struct error *err)
{
	int result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		return 1;
	if (result == SQLITE_DONE)
		return 0;
	return sql_error(sqlite3_db_handle(statement), err, "database");
}

int sql_write(sqlite3 *connection, struct error *err, const char *sql, const char *kinds, ...)
{
	cleanup_statement sqlite3_stmt *statement = NULL;
	int result = sql_prepare(connection, &statement, sql, err);
	if (result < 0)
		return result;
	va_list args;
	va_start(args, kinds);
	bind_all(statement, kinds, args);
	va_end(args);
	return sql_step(statement, err);
}

int sql_read_number(sqlite3 *connection, const char *sql, int64_t *ret, struct error *err)
{
	cleanup_statement sqlite3_stmt *statement = NULL;
	int result = sql_prepare(connection, &statement, sql, err);
	if (result < 0)
		return result;
	result = sql_step(statement, err);
	if (result < 0)
		return result;
	*ret = result ? sqlite3_column_int64(statement, 0) : 0;
	return 0;
}

void sql_copy_text(char *target, size_t target_bytes, sqlite3_stmt *statement, int column)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);
	text_copy(target, target_bytes, text ? text : "");
}

void sql_finish_at(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
}

void sql_close_at(sqlite3 **connection)
{
	sqlite3_close(*connection);
}
