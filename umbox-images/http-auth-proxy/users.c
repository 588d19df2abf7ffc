/* SPDX-License-Identifier: Apache-2.0 */
/* users.c - see users.h; the hashes are those of libsodium and of the program argon2 (RFC 9106). */
#include "users.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { HASH_PASSES = 3, HASH_BYTES = 4 * 1024 * 1024 };

_Static_assert((int)USERS_HASH_BYTES == (int)crypto_pwhash_STRBYTES, "room for a hash");

const char *users_problem(const char *entry)
{
	const char *hash = strchr(entry, ':');
	unsigned memory_kib, passes;
	int end = 0;
	if (!hash || hash == entry)
		return "it has no name";
	sscanf(hash + 1, "$argon2id$v=19$m=%5u,t=%5u,p=1$%n", &memory_kib, &passes, &end);
	if (!end)
		return "its password is not hashed with Argon2id of one lane";
	if (strlen(hash + 1) >= crypto_pwhash_STRBYTES)
		return "its hash is too long";
	if (memory_kib > USERS_MEMORY_KIB_MAX || memory_kib * passes > USERS_WORK_KIB_MAX)
		return "its hash takes too much memory or time";
	return NULL;
}

bool users_check(const char *const *entries, size_t count, const char *name, const char *password)
{
	const char *entry = NULL;
	size_t length = strlen(name);
	for (size_t i = 0; i < count; i++)
		if (strncmp(entries[i], name, length) == 0 && entries[i][length] == ':')
			entry = entries[i];
	if (!count)
		return false;
	const char *hash = strchr(entry ? entry : entries[0], ':') + 1;
	return crypto_pwhash_str_verify(hash, password, strlen(password)) == 0 && entry;
}

void users_known_start(struct users_known *known)
{
	known->count = 0;
	randombytes_buf(known->key, sizeof(known->key));
}

static void digest(unsigned char out[static USERS_DIGEST_BYTES], const struct users_known *known,
		   const char *name, const char *password)
{
	crypto_generichash_state state;
	crypto_generichash_init(&state, known->key, sizeof(known->key), USERS_DIGEST_BYTES);
	crypto_generichash_update(&state, (const unsigned char *)name, strlen(name) + 1);
	crypto_generichash_update(&state, (const unsigned char *)password, strlen(password));
	crypto_generichash_final(&state, out, USERS_DIGEST_BYTES);
}

void users_note(struct users_known *known, const char *name, const char *password)
{
	if (known->count < USERS_MAX && !users_know(known, name, password))
		digest(known->digests[known->count++], known, name, password);
}

bool users_know(const struct users_known *known, const char *name, const char *password)
{
	unsigned char asked[USERS_DIGEST_BYTES];
	bool found = false;
	digest(asked, known, name, password);
	for (size_t i = 0; i < known->count; i++)
		found |= sodium_memcmp(known->digests[i], asked, sizeof(asked)) == 0;
	return found;
}

bool users_hash(char hash[static USERS_HASH_BYTES], const char *password)
{
	return crypto_pwhash_str_alg(hash, password, strlen(password), HASH_PASSES, HASH_BYTES,
				     crypto_pwhash_ALG_ARGON2ID13) == 0;
}
