/* SPDX-License-Identifier: Apache-2.0 */
/* users.h - users and their hashed passwords, as "name:$argon2id$...". */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
	USERS_MAX = 64,
	/* What one password may take to check: so much memory, and memory times passes. */
	USERS_MEMORY_KIB_MAX = 4 * 1024,
	USERS_WORK_KIB_MAX = 24 * 1024,
	USERS_HASH_BYTES = 128,
	USERS_DIGEST_BYTES = 32,
};

/* Digests, by a key that nobody knows, of pairs that were good: they are known again at once. */
struct users_known {
	unsigned char key[USERS_DIGEST_BYTES];
	unsigned char digests[USERS_MAX][USERS_DIGEST_BYTES];
	size_t count;
};

/* NULL, or what is wrong with the entry. */
const char *users_problem(const char *entry);
/* Takes the same time whether there is such a user or not. */
bool users_check(const char *const *entries, size_t count, const char *name, const char *password);
void users_known_start(struct users_known *known);
void users_note(struct users_known *known, const char *name, const char *password);
bool users_know(const struct users_known *known, const char *name, const char *password);
/* False when there is no memory for it. */
bool users_hash(char hash[static USERS_HASH_BYTES], const char *password);
