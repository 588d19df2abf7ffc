/* SPDX-License-Identifier: Apache-2.0 */
/* table.c - the bounded hash table: chained buckets, all entries in one list from
 * newest to oldest. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "hash.h"
#include "umbox_table.h"

enum { NONE = 0 }; /* entries count from 1, so that zeroed memory means empty */

struct entry {
	uint32_t next; /* in its bucket, or in the list of free ones */
	uint32_t newer, older;
	uint32_t bucket;
	uint8_t bytes[]; /* the value, then the key */
};

struct umbox_table {
	uint32_t capacity, count, touched; /* touched: so many entries were ever used */
	uint32_t newest, oldest, free;
	uint32_t mask;
	uint32_t *buckets;
	uint8_t *entries;
	size_t key_bytes, value_bytes, entry_bytes;
	uint64_t pushed_out;
	uint64_t secret[2];
};

static size_t entry_bytes(size_t key_bytes, size_t value_bytes)
{
	return (sizeof(struct entry) + (value_bytes + 7) / 8 * 8 + key_bytes + 7) / 8 * 8;
}

struct umbox_table *umbox_table_new(uint32_t capacity, size_t key_bytes, size_t value_bytes)
{
	assert(capacity >= 1 && capacity <= 1u << 24 && key_bytes);
	struct umbox_table *table = calloc(1, sizeof(*table));
	uint32_t buckets = 1;
	while (buckets < capacity)
		buckets *= 2;
	if (!table)
		abort();
	table->capacity = capacity;
	table->mask = buckets - 1;
	table->key_bytes = key_bytes;
	table->value_bytes = (value_bytes + 7) / 8 * 8;
	table->entry_bytes = entry_bytes(key_bytes, value_bytes);
	table->buckets = calloc(buckets, sizeof(*table->buckets));
	table->entries = calloc(capacity, table->entry_bytes);
	if (!table->buckets || !table->entries ||
	    getrandom(table->secret, sizeof(table->secret), 0) != sizeof(table->secret))
		abort();
	return table;
}

struct umbox_table *umbox_table_new_within(size_t bytes, uint32_t capacity, size_t key_bytes,
					   size_t value_bytes)
{
	/* There are less than two buckets for each entry. */
	size_t fit = bytes / (entry_bytes(key_bytes, value_bytes) + 2 * sizeof(uint32_t));
	if (fit < capacity)
		capacity = fit ? (uint32_t)fit : 1;
	return umbox_table_new(capacity, key_bytes, value_bytes);
}

void umbox_table_free(struct umbox_table *table)
{
	if (!table)
		return;
	free(table->buckets);
	free(table->entries);
	free(table);
}

static struct entry *entry_at(const struct umbox_table *table, uint32_t number)
{
	return (void *)(table->entries + (number - 1) * table->entry_bytes);
}

static uint8_t *entry_key(const struct umbox_table *table, struct entry *entry)
{
	return entry->bytes + table->value_bytes;
}

static uint32_t bucket_of(const struct umbox_table *table, const void *key)
{
	return (uint32_t)umbox_sip_hash(table->secret, key, table->key_bytes) & table->mask;
}

static uint32_t look_up(const struct umbox_table *table, const void *key, uint32_t bucket)
{
	uint32_t number = table->buckets[bucket];
	while (number != NONE) {
		struct entry *entry = entry_at(table, number);
		if (!memcmp(entry_key(table, entry), key, table->key_bytes))
			break;
		number = entry->next;
	}
	return number;
}

static void unlist(struct umbox_table *table, uint32_t number)
{
	struct entry *entry = entry_at(table, number);
	*(entry->newer ? &entry_at(table, entry->newer)->older : &table->newest) = entry->older;
	*(entry->older ? &entry_at(table, entry->older)->newer : &table->oldest) = entry->newer;
}

static void enlist(struct umbox_table *table, uint32_t number)
{
	struct entry *entry = entry_at(table, number);
	entry->newer = NONE;
	entry->older = table->newest;
	*(table->newest ? &entry_at(table, table->newest)->newer : &table->oldest) = number;
	table->newest = number;
}

static void drop(struct umbox_table *table, uint32_t number)
{
	struct entry *entry = entry_at(table, number);
	uint32_t *link = &table->buckets[entry->bucket];
	while (*link != number)
		link = &entry_at(table, *link)->next;
	*link = entry->next;
	unlist(table, number);
	entry->next = table->free;
	table->free = number;
	table->count--;
}

static void *use(struct umbox_table *table, uint32_t number)
{
	if (table->newest != number) {
		unlist(table, number);
		enlist(table, number);
	}
	return entry_at(table, number)->bytes;
}

void *umbox_table_find(struct umbox_table *table, const void *key)
{
	uint32_t number = look_up(table, key, bucket_of(table, key));
	return number == NONE ? NULL : use(table, number);
}

void *umbox_table_put(struct umbox_table *table, const void *key)
{
	uint32_t bucket = bucket_of(table, key);
	uint32_t number = look_up(table, key, bucket);
	if (number != NONE)
		return use(table, number);
	if (umbox_table_full(table)) {
		drop(table, table->oldest);
		table->pushed_out++;
	}
	if (table->free != NONE) {
		number = table->free;
		table->free = entry_at(table, number)->next;
	} else {
		number = ++table->touched;
	}
	struct entry *entry = entry_at(table, number);
	entry->bucket = bucket;
	entry->next = table->buckets[bucket];
	table->buckets[bucket] = number;
	memset(entry->bytes, 0, table->value_bytes);
	memcpy(entry_key(table, entry), key, table->key_bytes);
	enlist(table, number);
	table->count++;
	return entry->bytes;
}

void umbox_table_remove(struct umbox_table *table, const void *key)
{
	uint32_t number = look_up(table, key, bucket_of(table, key));
	if (number != NONE)
		drop(table, number);
}

void umbox_table_clear(struct umbox_table *table)
{
	while (table->oldest != NONE)
		drop(table, table->oldest);
}

uint32_t umbox_table_capacity(const struct umbox_table *table)
{
	return table->capacity;
}

uint32_t umbox_table_count(const struct umbox_table *table)
{
	return table->count;
}

bool umbox_table_full(const struct umbox_table *table)
{
	return table->count == table->capacity;
}

uint64_t umbox_table_pushed_out(const struct umbox_table *table)
{
	return table->pushed_out;
}

const void *umbox_table_oldest(const struct umbox_table *table)
{
	return table->oldest == NONE ? NULL : entry_at(table, table->oldest)->bytes;
}

const void *umbox_table_each(const struct umbox_table *table, uint32_t *cursor,
			     const void **ret_key)
{
	uint32_t number = *cursor ? entry_at(table, *cursor)->older : table->newest;
	if (number == NONE)
		return NULL;
	struct entry *entry = entry_at(table, number);
	*cursor = number;
	*ret_key = entry_key(table, entry);
	return entry->bytes;
}
