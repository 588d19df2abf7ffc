/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base/digest.c - see digest.h. */
#include "base/digest.h"

#include <sodium.h>

void digest_text(char text[static DIGEST_TEXT_BYTES], const void *bytes, size_t count)
{
	unsigned char hash[(DIGEST_TEXT_BYTES - 1) / 2];
	crypto_generichash(hash, sizeof(hash), bytes, count, NULL, 0);
	sodium_bin2hex(text, DIGEST_TEXT_BYTES, hash, sizeof(hash));
}
