/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/answers.c - see answers.h. */
#include "store/answers.h"

#include <stdlib.h>

#include <utlist.h>

#include "base/mem.h"
#include "base/text.h"

enum {
	SLACK_PART = 8, /* a source is looked at when it grew by this part of its bound */
	STEP_ROWS = 500,
};

struct key {
	uint32_t device;
	char name[NAME_BYTES];
};

struct answers_source {
	struct key key; /* without a stray byte: it is hashed */
	unsigned since; /* it was looked at last */
	bool is_due;
	struct answers_source *next;
	UT_hash_handle hh;
};

void answers_done(struct answers *answers)
{
	struct answers_source *source, *next;
	HASH_ITER(hh, answers->sources, source, next) {
		HASH_DELETE(hh, answers->sources, source);
		free(source);
	}
	*answers = (struct answers){0};
}

static struct answers_source *find(struct answers *answers, const struct event *event)
{
	struct key key = {.device = event->device};
	struct answers_source *source;
	TEXT_COPY(key.name, event->source);
	HASH_FIND(hh, answers->sources, &key, sizeof(key), source);
	if (source)
		return source;
	source = mem_alloc(sizeof(*source));
	source->key = key;
	HASH_ADD(hh, answers->sources, key, sizeof(source->key), source);
	return source;
}

void answers_note(struct answers *answers, const struct queue *batch, unsigned max)
{
	for (const struct entry *entry = batch->first; entry && max; entry = entry->next) {
		if (entry->who || !entry->event.source[0])
			continue;
		struct answers_source *source = find(answers, &entry->event);
		source->since++;
		if (source->is_due || source->since < max_of(max / SLACK_PART, 1u))
			continue;
		source->is_due = true;
		LL_APPEND(answers->due, source);
	}
}

int answers_trim(struct answers *answers, sqlite3 *connection, unsigned max, bool *ret_more,
		 struct error *err)
{
	struct answers_source *source = answers->due;
	*ret_more = false;
	if (!source)
		return 0;
	const struct key *key = &source->key;
	int result = sql_write(
		connection, err,
		"DELETE FROM events WHERE id IN (SELECT id FROM events WHERE device = ?1 AND"
		" source = ?2 AND id <= (SELECT id FROM events WHERE device = ?1 AND source = ?2"
		" ORDER BY id DESC LIMIT 1 OFFSET ?3) ORDER BY id LIMIT ?4)",
		"isii", (int64_t)key->device, key->name, (int64_t)max, (int64_t)STEP_ROWS);
	if (result < 0)
		return result;
	if (sqlite3_changes(connection) < STEP_ROWS) {
		LL_DELETE(answers->due, source);
		source->is_due = false;
		source->since = 0;
	}
	*ret_more = answers->due;
	return 0;
}
