/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/database.c - see database.h. */
#include "store/database.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/answers.h"
#include "store/history.h"
#include "store/outbox.h"

enum {
	DAMAGED_MAX = 1000,
	SCHEMA_VERSIONS_MAX = 1000, /* beyond it the number itself is damaged */
};

/* Step i brings a database from version i to i + 1.  Steps that were released are never changed. */
static const char *const STEPS[][2] = {
	{INTENT_SCHEMA, HISTORY_SCHEMA}, {OUTBOX_SCHEMA, ""},  {INTENT_ADDRESSES_SCHEMA, ""},
	{INTENT_SHADOW_SCHEMA, ""},      {ANSWERS_SCHEMA, ""}, {INTENT_PARAMETERS_SCHEMA, ""},
	{INTENT_FACTOR_SCHEMA, ""},
};

/* What a counter jumps when it may be older than what was given out. */
static const uint64_t LEAPS[COUNTER_COUNT] = {
	[COUNTER_UMBOX] = 1U << 20,
	[COUNTER_EVENT] = 1ULL << 32,
	[COUNTER_DEVICE] = 256,
};

static int run_step(sqlite3 *connection, unsigned version, struct error *err)
{
	char set_version[64];
	snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %u", version + 1);
	int result = sql_run(connection, "BEGIN IMMEDIATE", err);
	for (unsigned i = 0; i < ARRAY_SIZE(STEPS[version]) && result == 0; i++)
		result = sql_run(connection, STEPS[version][i], err);
	if (result == 0)
		result = sql_run(connection, set_version, err);
	return result == 0 ? sql_run(connection, "COMMIT", err) : result;
}

static int migrate(sqlite3 *connection, struct error *err)
{
	int64_t version = 0;
	int result = sql_read_number(connection, "PRAGMA user_version", &version, err);
	if (result < 0)
		return result;
	if (version < 0 || version > SCHEMA_VERSIONS_MAX)
		return error_set(err, -EUCLEAN, "database: there is no schema version %d",
				 (int)version);
	if (version > (int64_t)ARRAY_SIZE(STEPS))
		return error_set(
			err, -ENOTSUP,
			"database: schema version %d is of a newer kalkid (this one knows %zu)",
			(int)version, ARRAY_SIZE(STEPS));
	while (result == 0 && version < (int64_t)ARRAY_SIZE(STEPS))
		result = run_step(connection, (unsigned)version++, err);
	return result;
}

/* SQLite gives its other files the rights of the database.  (No connection may be open: closing any
 * descriptor of the file would end its locks.) */
static int make_private(const char *path, struct error *err)
{
	cleanup_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 ? error_errno(err, -errno, "%s", path) : 0;
}

static int open_and_read(sqlite3 **ret, const char *path, const char *journal,
			 struct intent *ret_intent, struct error *err)
{
	cleanup_connection sqlite3 *connection = NULL;
	int result = make_private(path, err);
	if (result == 0)
		result = sql_open(&connection, path, SQLITE_OPEN_READWRITE, err);
	/* The first only tells in a new database, and only before the journal's mode is set. */
	if (result == 0)
		result = sql_run(connection, "PRAGMA auto_vacuum = INCREMENTAL", err);
	if (result == 0)
		result = sql_run(connection, journal, err);
	if (result == 0)
		result = migrate(connection, err);
	if (result == 0)
		result = intent_read(connection, ret_intent, err);
	if (result == 0)
		*ret = take(connection);
	return result;
}

static bool empty_or_missing(const char *path)
{
	struct stat found;
	return stat(path, &found) < 0 || found.st_size == 0;
}

/* SQLite takes a file whose format versions it does not know for one that may only be read, and a
 * disk that may only be read is no damage: so they are looked at here. */
static int check_format(const char *path, struct error *err)
{
	uint8_t header[20];
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, header, sizeof(header), 0) != sizeof(header))
		return 0; /* new, or for SQLite to judge */
	if (header[18] > 2 || header[19] > 2)
		return error_set(err, -EUCLEAN, "database: the header of %s is damaged", path);
	return 0;
}

static int open_whole(sqlite3 **ret, const char *path, struct intent *ret_intent, struct error *err)
{
	cleanup_free char *copy = mem_printf("%s.intent", path);
	if (empty_or_missing(path) && !empty_or_missing(copy))
		return error_set(err, -EUCLEAN, "database: %s is gone", path);
	int result = check_format(path, err);
	if (result < 0)
		return result;
	return open_and_read(ret, path,
			     "PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = 4194304",
			     ret_intent, err);
}

static int sync_folder_of(const char *path, struct error *err)
{
	cleanup_free char *name = mem_copy_text(path);
	cleanup_close int fd = open(dirname(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return error_errno(err, -errno, "%s: sync of its folder", path);
	return 0;
}

static int rename_file(const char *from, const char *to, struct error *err)
{
	if (rename(from, to) < 0)
		return error_errno(err, -errno, "rename of %s to %s", from, to);
	return 0;
}

/* A database of its own with nothing but the intent, whole on disk when this returns. */
static int write_new(const char *path, const struct intent *intent, struct error *err)
{
	cleanup_connection sqlite3 *connection = NULL;
	struct intent nothing = {0};
	if (unlink(path) < 0 && errno != ENOENT)
		return error_errno(err, -errno, "%s", path);
	int result = open_and_read(&connection, path,
				   "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = FULL",
				   &nothing, err);
	intent_done(&nothing);
	if (result == 0)
		result = sql_run(connection, "BEGIN IMMEDIATE", err);
	if (result == 0)
		result = intent_write(connection, intent, err);
	return result == 0 ? sql_run(connection, "COMMIT", err) : result;
}

int database_copy_intent(sqlite3 *connection, const char *path, struct error *err)
{
	cleanup_free char *copy = mem_printf("%s.intent", path);
	cleanup_free char *fresh = mem_printf("%s.intent.new", path);
	struct intent intent = {0};
	int result = intent_read(connection, &intent, err);
	if (result == 0)
		result = write_new(fresh, &intent, err);
	intent_done(&intent);
	if (result == 0)
		result = rename_file(fresh, copy, err);
	return result == 0 ? sync_folder_of(copy, err) : result;
}

/* The journal belongs to the database: both go, and stay a pair. */
static int set_aside(const char *path, struct error *err)
{
	for (unsigned n = 1; n < DAMAGED_MAX; n++) {
		cleanup_free char *aside = mem_printf("%s.damaged-%u", path, n);
		if (access(aside, F_OK) == 0)
			continue;
		cleanup_free char *aside_wal = mem_printf("%s-wal", aside);
		cleanup_free char *wal = mem_printf("%s-wal", path);
		cleanup_free char *shm = mem_printf("%s-shm", path);
		int result = rename_file(path, aside, err);
		if (result < 0 && result != -ENOENT)
			return result;
		rename(wal, aside_wal);
		unlink(shm);
		return 0;
	}
	return error_set(err, -EMFILE,
			 "database: %d damaged ones were set aside already: "
			 "look at the disk, and remove some",
			 DAMAGED_MAX - 1);
}

static int read_intent_of(const char *path, struct intent *ret, struct error *err)
{
	cleanup_connection sqlite3 *connection = NULL;
	if (empty_or_missing(path))
		return error_set(err, -ENOENT, "%s is gone", path);
	int result = sql_open(&connection, path, SQLITE_OPEN_READWRITE, err);
	/* Keeps the journal's index in memory instead of in a file. */
	if (result == 0)
		result = sql_run(connection, "PRAGMA locking_mode = EXCLUSIVE", err);
	return result == 0 ? intent_read(connection, ret, err) : result;
}

int database_read_intent(const char *path, struct intent *ret, struct error *err)
{
	int result = read_intent_of(path, ret, err);
	if (result == 0)
		return 0;
	cleanup_free char *copy = mem_printf("%s.intent", path);
	result = read_intent_of(copy, ret, err);
	if (result < 0)
		return result;
	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		ret->counters[i] += LEAPS[i];
	return 0;
}

static int replace(const char *path, const struct intent *known, struct error *err)
{
	cleanup_free char *fresh = mem_printf("%s.new", path);
	struct intent intent = {0};
	/* Nothing readable at all: begin empty, with ids that were never given out. */
	if (!known && database_read_intent(path, &intent, err) < 0) {
		for (unsigned i = 0; i < COUNTER_COUNT; i++)
			intent.counters[i] = LEAPS[i];
	}
	int result = write_new(fresh, known ? known : &intent, err);
	intent_done(&intent);
	if (result == 0)
		result = set_aside(path, err);
	if (result == 0)
		result = rename_file(fresh, path, err);
	return result == 0 ? sync_folder_of(path, err) : result;
}

int database_open(sqlite3 **ret, const char *path, const struct database_loss *loss,
		  struct intent *ret_intent, bool *ret_damaged, struct error *err)
{
	*ret_damaged = false;
	int result = loss && loss->damaged ? -EUCLEAN : open_whole(ret, path, ret_intent, err);
	if (result != -EUCLEAN)
		return result;
	result = replace(path, loss ? loss->intent : NULL, err);
	if (result < 0)
		return result;
	*ret_damaged = true;
	return open_whole(ret, path, ret_intent, err);
}

bool database_in_place(struct database_place *place, const char *path)
{
	static const char *const ENDINGS[ARRAY_SIZE(place->files)] = {"", "-wal", "-shm"};
	bool in_place = true;
	for (unsigned i = 0; i < ARRAY_SIZE(place->files); i++) {
		cleanup_free char *name = mem_printf("%s%s", path, ENDINGS[i]);
		struct stat found = {0};
		if (stat(name, &found) < 0 && errno != ENOENT && errno != ENOTDIR)
			continue; /* that says nothing */
		if (!place->files[i].inode) {
			place->files[i].device = found.st_dev;
			place->files[i].inode = found.st_ino;
		}
		in_place &= place->files[i].device == found.st_dev &&
			    place->files[i].inode == found.st_ino && (i > 0 || found.st_size > 0);
	}
	return in_place;
}
