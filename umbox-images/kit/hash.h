/* SPDX-License-Identifier: Apache-2.0 */
/* hash.h - a hash that nobody can foretell who does not know the secret. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* SipHash-1-3 (Aumasson, Bernstein), with words in the machine's order. */
uint64_t umbox_sip_hash(const uint64_t secret[2], const void *bytes, size_t count);
