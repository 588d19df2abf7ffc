/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/outbox.h - the rows of notices that wait for their delivery: written, deleted, read. */
#pragma once

#include "store/queue.h"
#include "store/sql.h"

#define OUTBOX_SCHEMA "CREATE TABLE outbox (id INTEGER PRIMARY KEY, notifier TEXT, json TEXT);"

/* The changes of a batch. */
int outbox_write(sqlite3 *connection, const struct outbox_change *changes,
		 struct error *err) must_check;
int outbox_read(sqlite3 *connection, void (*each)(void *data, const struct store_notice *notice),
		void *data, struct error *err) must_check;
