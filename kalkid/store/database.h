/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/database.h - the database file: opened, brought up to its schema, checked, replaced when
 * damaged.
 *
 * Beside it stand `<path>.intent`, a copy of the intent that is never older than some seconds, and
 * `<path>.damaged-<n>`, what was set aside. */
#pragma once

#include <sys/types.h>

#include "store/intent.h"

/* Why the caller wants a new database. */
struct database_loss {
	bool damaged;
	const struct intent
		*intent; /* what the new one begins with; NULL: what can still be read */
};

/* Opens or makes the database and reads its intent.  A damaged one (or one given up in `loss`, may
 * be NULL) is set aside, and a new one made from the intent in it or, where that cannot be read,
 * from the copy: then `*ret_damaged` is true.  -ENOTSUP: made by a newer version; other errors may
 * pass. */
int database_open(sqlite3 **ret, const char *path, const struct database_loss *loss,
		  struct intent *ret_intent, bool *ret_damaged, struct error *err) must_check;

/* The files behind an open connection. */
struct database_place {
	struct {
		dev_t device;
		ino_t inode; /* 0: not there yet */
	} files[3];
};
/* Whether the files at the path are still those noted in `place`; those that are new are noted. */
bool database_in_place(struct database_place *place, const char *path);
/* Only reads, and needs no room on the disk: for a start with a full one. */
int database_read_intent(const char *path, struct intent *ret, struct error *err) must_check;
/* Makes the copy of the intent anew. */
int database_copy_intent(sqlite3 *connection, const char *path, struct error *err) must_check;
