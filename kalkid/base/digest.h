/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base/digest.h - a short name for some bytes: BLAKE2b of 128 bits (libsodium), in hex. */
#pragma once

#include <stddef.h>

enum { DIGEST_TEXT_BYTES = 33 };

void digest_text(char text[static DIGEST_TEXT_BYTES], const void *bytes, size_t count);
