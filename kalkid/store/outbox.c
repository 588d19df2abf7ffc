/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/outbox.c - see outbox.h. */
#include "store/outbox.h"

int outbox_write(sqlite3 *connection, const struct outbox_change *changes, struct error *err)
{
	int result = 0;
	for (const struct outbox_change *c = changes; c && result == 0; c = c->hh.next) {
		if (c->json)
			result = sql_write(connection, err,
					   "INSERT OR REPLACE INTO outbox (id, notifier, json)"
					   " VALUES (?, ?, ?)",
					   "iss", (int64_t)c->id, c->notifier, c->json);
		else
			result = sql_write(connection, err, "DELETE FROM outbox WHERE id = ?", "i",
					   (int64_t)c->id);
	}
	return result;
}

int outbox_read(sqlite3 *connection, void (*each)(void *data, const struct store_notice *notice),
		void *data, struct error *err)
{
	cleanup_statement sqlite3_stmt *row = NULL;
	int result = sql_prepare(connection, &row,
				 "SELECT id, notifier, json FROM outbox ORDER BY id", err);
	while (result == 0 && (result = sql_step(row, err)) == 1) {
		struct store_notice notice = {
			.id = (uint64_t)sqlite3_column_int64(row, 0),
			.notifier = (const char *)sqlite3_column_text(row, 1),
			.json = (const char *)sqlite3_column_text(row, 2),
		};
		if (notice.notifier && notice.json)
			each(data, &notice);
		result = 0;
	}
	return result;
}
