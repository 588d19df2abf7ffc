/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/database.h - the database file: opened, brought up to its schema, checked, replaced when
 * damaged.
 *
 * Beside it stand `<path>.intent`, a copy of the intent that is never older than some seconds, and
 * `<path>.damaged-<n>`, what was set aside. */
#pragma once

#include "store/intent.h"

/* Opens or makes the database and reads its intent.  A damaged one (`known_damaged`: the caller saw
 * it) is set aside, and a new one made from the intent in it or, where that cannot be read, from
 * the copy: then `*ret_damaged` is true.  -ENOTSUP: made by a newer version; other errors may
 * pass. */
int database_open(sqlite3 **ret, const char *path, bool known_damaged, struct intent *ret_intent,
		  bool *ret_damaged, struct error *err) must_check;
/* Only reads, and needs no room on the disk: for a start with a full one. */
int database_read_intent(const char *path, struct intent *ret, struct error *err) must_check;
/* Makes the copy of the intent anew. */
int database_copy_intent(sqlite3 *connection, const char *path, struct error *err) must_check;
