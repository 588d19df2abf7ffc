/* SPDX-License-Identifier: Apache-2.0 */
/* umbox_table.h - a hash table of fixed size for what is remembered per source: never grows, and
 * when it is full the entry that was not used for the longest time goes.
 *
 * The hash is keyed by chance (SipHash), so nobody outside can aim at a bucket.  Whoever fills the
 * table from many sources pushes old entries out: look at umbox_table_oldest before a put into a
 * full table, and raise an alarm when what goes is still of use. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct umbox_table;

/* Keys are compared by bytes: clear the padding.  Memory is used as entries are. */
struct umbox_table *umbox_table_new(uint32_t capacity, size_t key_bytes, size_t value_bytes);
/* With fewer entries, but at least one, where so many would take more than `bytes`. */
struct umbox_table *umbox_table_new_within(size_t bytes, uint32_t capacity, size_t key_bytes,
					   size_t value_bytes);
void umbox_table_free(struct umbox_table *table);

/* The value, now the newest; NULL when there is none.  Aligned to 8; stays until it is removed,
 * cleared or pushed out. */
void *umbox_table_find(struct umbox_table *table, const void *key);
/* As find; where there is none a zeroed one is made, in the place of the oldest when full. */
void *umbox_table_put(struct umbox_table *table, const void *key);
void umbox_table_remove(struct umbox_table *table, const void *key);
void umbox_table_clear(struct umbox_table *table);

uint32_t umbox_table_capacity(const struct umbox_table *table);
uint32_t umbox_table_count(const struct umbox_table *table);
bool umbox_table_full(const struct umbox_table *table);
uint64_t umbox_table_pushed_out(const struct umbox_table *table);
/* The value that would go next; NULL when empty. */
const void *umbox_table_oldest(const struct umbox_table *table);

/* From the newest to the oldest: start with *cursor = 0; NULL behind the last. */
const void *umbox_table_each(const struct umbox_table *table, uint32_t *cursor,
			     const void **ret_key);
