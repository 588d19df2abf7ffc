/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/history.c - see history.h. */
#include "store/history.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/macros.h"
#include "base/text.h"

enum { GLUT_PART = 8 /* of all events: what is more than that is too much */ };

int history_add(sqlite3 *connection, const struct entry *first, struct error *err)
{
	cleanup_statement sqlite3_stmt *event_row = NULL, *mark_row = NULL;
	int result = sql_prepare(connection, &event_row,
				 "INSERT OR IGNORE INTO events (id, time_us, wall_us, kind, device,"
				 " device_name, generation, json, source) VALUES"
				 " (?, ?, ?, ?, ?, ?, ?, ?, ?)",
				 err);
	if (result == 0)
		result = sql_prepare(connection, &mark_row,
				     "INSERT OR REPLACE INTO acknowledgements (event, who, words)"
				     " VALUES (?, ?, ?)",
				     err);
	for (const struct entry *entry = first; entry && result == 0; entry = entry->next) {
		const struct event *event = &entry->event;
		sqlite3_stmt *row = entry->who ? mark_row : event_row;
		if (entry->who)
			sql_bind(row, "iss", (int64_t)event->id, entry->who, event->json);
		else
			sql_bind(row, "iiiiisiss", (int64_t)event->id, event->time_us,
				 event->wall_us, (int64_t)event->kind, (int64_t)event->device,
				 event->device_name, (int64_t)event->generation, event->json,
				 event->source[0] ? event->source : NULL);
		result = sql_step(row, err);
		sqlite3_reset(row);
	}
	return result;
}

struct pages {
	int64_t all, free, bytes_each;
};

static int read_pages(sqlite3 *connection, struct pages *ret, struct error *err)
{
	int result = sql_read_number(connection, "PRAGMA page_count", &ret->all, err);
	if (result == 0)
		result = sql_read_number(connection, "PRAGMA freelist_count", &ret->free, err);
	if (result == 0)
		result = sql_read_number(connection, "PRAGMA page_size", &ret->bytes_each, err);
	return result;
}

/* Not at each step, as it takes a walk over an index. */
static int find_glut(sqlite3 *connection, struct history_glut *glut, struct error *err)
{
	cleanup_statement sqlite3_stmt *row = NULL;
	if (glut->fresh > 0)
		return 0;
	int result = sql_prepare(connection, &row,
				 "SELECT device, kind, count(*), sum(count(*)) OVER () FROM events"
				 " GROUP BY device, kind ORDER BY 3 DESC LIMIT 1",
				 err);
	if (result == 0)
		result = sql_step(row, err);
	if (result <= 0)
		return result;
	int64_t part = sqlite3_column_int64(row, 3) / GLUT_PART;
	*glut = (struct history_glut){
		.device = sqlite3_column_int64(row, 0),
		.kind = sqlite3_column_int64(row, 1),
		.rows = sqlite3_column_int64(row, 2) - part,
		.fresh = part,
	};
	return 0;
}

/* What is to go: the oldest of the glut, or of all up to `last`. */
struct doomed {
	bool of_glut;
	int64_t last; /* 0: nothing */
};

static int find_doomed(sqlite3 *connection, const struct history_limits *limits, bool too_big,
		       struct history_glut *glut, struct doomed *ret, struct error *err)
{
	char sql[256];
	int result = too_big ? find_glut(connection, glut, err) : 0;
	if (result < 0)
		return result;
	if (too_big)
		glut->fresh -= limits->rows_max;
	if (too_big && glut->rows > 0) {
		glut->rows -= limits->rows_max;
		ret->of_glut = true;
		snprintf(sql, sizeof(sql),
			 "SELECT max(id) FROM (SELECT id FROM events WHERE device = %" PRId64
			 " AND kind = %" PRId64 " ORDER BY id LIMIT %u)",
			 glut->device, glut->kind, limits->rows_max);
	} else {
		snprintf(sql, sizeof(sql),
			 "SELECT max(id) FROM (SELECT id, time_us FROM events ORDER BY id LIMIT %u)"
			 " WHERE %d OR time_us < %" PRId64,
			 limits->rows_max, too_big, limits->before_us);
	}
	result = sql_read_number(connection, sql, &ret->last, err);
	if (ret->of_glut && !ret->last) /* its age has taken it away */
		glut->rows = 0;
	return result;
}

static int delete_doomed(sqlite3 *connection, const struct doomed *doomed,
			 const struct history_glut *glut, struct error *err)
{
	char sql[256], which[160];
	int result = sql_run(connection, "BEGIN IMMEDIATE", err);
	if (result < 0)
		return result;
	snprintf(which, sizeof(which), "<= %" PRId64, doomed->last);
	if (doomed->of_glut)
		snprintf(which, sizeof(which),
			 "IN (SELECT id FROM events WHERE device = %" PRId64 " AND kind = %" PRId64
			 " AND id <= %" PRId64 ")",
			 glut->device, glut->kind, doomed->last);
	snprintf(sql, sizeof(sql), "DELETE FROM acknowledgements WHERE event %s", which);
	result = sql_run(connection, sql, err);
	snprintf(sql, sizeof(sql), "DELETE FROM events WHERE id %s", which);
	if (result == 0)
		result = sql_run(connection, sql, err);
	if (result == 0)
		result = sql_run(connection, "COMMIT", err);
	if (result < 0 && !sqlite3_get_autocommit(connection))
		sqlite3_exec(connection, "ROLLBACK", NULL, NULL, NULL);
	return result;
}

/* Ids and engine times grow together, so the rows to go are the first ones. */
int history_trim(sqlite3 *connection, const struct history_limits *limits,
		 struct history_glut *glut, bool *ret_more, struct error *err)
{
	struct pages pages = {0};
	struct doomed doomed = {0};
	int result = read_pages(connection, &pages, err);
	if (result < 0)
		return result;
	bool too_big = limits->bytes_max > 0 &&
		       (pages.all - pages.free) * pages.bytes_each > limits->bytes_max;
	result = find_doomed(connection, limits, too_big, glut, &doomed, err);
	if (result == 0 && doomed.last)
		result = delete_doomed(connection, &doomed, glut, err);

	/* Free pages are for the next events; only what is much too much goes back to the disk. */
	bool spare = pages.free > 256 && pages.free > pages.all / 4;
	if (result == 0 && spare)
		result = sql_run(connection, "PRAGMA incremental_vacuum(128)", err);
	if (result == 0)
		*ret_more = doomed.last || spare;
	return result;
}

/* Not by the index over devices: what it finds of many would have to be sorted by id. */
static void select_among(struct buffer *sql, const struct device_set *among)
{
	for (unsigned i = 0; i < among->count; i++)
		buffer_print(sql, "%s%u", i ? "," : " AND +device IN (", among->numbers[i]);
	buffer_print(sql, "%s", among->count ? ")" : "");
}

/* One SELECT per kind, merged in the order of ids: each follows an index and stops at the limit, so
 * that rare kinds cost no walk over the frequent ones. */
static void build_select(struct buffer *sql, const struct event_filter *filter)
{
	uint32_t every = (1U << EVENT_KIND_COUNT) - 1;
	uint32_t kinds = filter->kinds & every;
	bool by_kind = filter->device || (kinds && kinds != every);
	const char *order = filter->newest_first ? "DESC" : "ASC";
	const char *join = "";

	buffer_print(sql, "SELECT e.id, e.time_us, e.wall_us, e.kind, e.device, e.device_name,"
			  " e.generation, e.json, a.who FROM (");
	for (unsigned kind = 0; kind < (by_kind ? EVENT_KIND_COUNT : 1); kind++) {
		if (by_kind && kinds && !(kinds & (1U << kind)))
			continue;
		buffer_print(sql,
			     "%sSELECT * FROM events WHERE id > ?1 AND id < ?2 AND wall_us >= ?3",
			     join);
		if (by_kind)
			buffer_print(sql, " AND kind = %u", kind);
		if (filter->device)
			buffer_print(sql, " AND device = %u", filter->device);
		select_among(sql, &filter->among);
		if (filter->unacknowledged)
			buffer_print(sql,
				     " AND kind = %d AND id NOT IN"
				     " (SELECT event FROM acknowledgements)",
				     EVENT_ALERT);
		join = " UNION ALL ";
	}
	buffer_print(sql,
		     " ORDER BY id %s LIMIT ?4) e LEFT JOIN acknowledgements a ON a.event = e.id"
		     " ORDER BY e.id %s",
		     order, order);
}

/* The id from which on events are not older than the filter says: what the walk can start at. */
static int first_id_since(sqlite3 *connection, int64_t wall_us, int64_t *ret, struct error *err)
{
	char sql[128];
	snprintf(sql, sizeof(sql), "SELECT min(id) FROM events WHERE wall_us >= %" PRId64, wall_us);
	return sql_read_number(connection, sql, ret, err);
}

static void read_event(struct event *event, sqlite3_stmt *row)
{
	event->id = (uint64_t)sqlite3_column_int64(row, 0);
	event->time_us = sqlite3_column_int64(row, 1);
	event->wall_us = sqlite3_column_int64(row, 2);
	event->kind = (enum event_kind)sqlite3_column_int(row, 3);
	event->device = (uint32_t)sqlite3_column_int64(row, 4);
	sql_copy_text(event->device_name, sizeof(event->device_name), row, 5);
	event->generation = (uint32_t)sqlite3_column_int64(row, 6);
	event->json = (const char *)sqlite3_column_text(row, 7);
}

int history_read(sqlite3 *connection, const struct event_filter *filter,
		 bool (*each)(void *data, const struct event *event, const char *acknowledged_by),
		 void *data, struct error *err)
{
	cleanup_statement sqlite3_stmt *row = NULL;
	cleanup_buffer struct buffer sql = {0};
	int64_t after = (int64_t)filter->after_id;
	int64_t before = filter->before_id ? (int64_t)filter->before_id : INT64_MAX;
	int64_t limit = min_of(filter->limit, (unsigned)STORE_PAGE_MAX);
	if (filter->since_wall_us) {
		int64_t first = 0;
		int result = first_id_since(connection, filter->since_wall_us, &first, err);
		if (result < 0 || !first)
			return result;
		after = max_of(after, first - 1);
	}
	build_select(&sql, filter);
	int result = sql_prepare(connection, &row, sql.bytes, err);
	if (result < 0)
		return result;
	int64_t since = filter->since_wall_us ? filter->since_wall_us : INT64_MIN;
	sql_bind(row, "iiii", after, before, since, limit);
	while ((result = sql_step(row, err)) == 1) {
		struct event event = {0};
		read_event(&event, row);
		if (!each(data, &event, (const char *)sqlite3_column_text(row, 8)))
			return 0;
	}
	return result;
}

int history_measure(sqlite3 *connection, struct store_status *ret, struct error *err)
{
	struct pages pages = {0};
	int64_t oldest = 0, newest = 0;
	int result = read_pages(connection, &pages, err);
	if (result == 0)
		result = sql_read_number(connection, "SELECT min(id) FROM events", &oldest, err);
	if (result == 0)
		result = sql_read_number(connection, "SELECT max(id) FROM events", &newest, err);
	if (result < 0)
		return result;
	ret->bytes = pages.all * pages.bytes_each;
	ret->oldest_event = (uint64_t)oldest;
	ret->newest_event = (uint64_t)newest;
	return 0;
}
