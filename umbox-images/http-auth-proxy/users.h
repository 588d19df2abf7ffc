/* SPDX-License-Identifier: Apache-2.0 */
/* users.h - users and their hashed passwords, as "name:$argon2id$...". */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
	USERS_MAX = 64,
	/* What one password may take to check: so much memory, and memory times passes. */
	USERS_MEMORY_KIB_MAX = 8 * 1024,
	USERS_WORK_KIB_MAX = 3 * USERS_MEMORY_KIB_MAX,
	USERS_HASH_BYTES = 128,
};

/* NULL, or what is wrong with the entry. */
const char *users_problem(const char *entry);
/* Takes the same time whether there is such a user or not. */
bool users_check(const char *const *entries, size_t count, const char *name, const char *password);
/* False when there is no memory for it. */
bool users_hash(char hash[static USERS_HASH_BYTES], const char *password);
