/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base/footprint.h - memory that only the start needed. */
#pragma once

/* Gives it back: free memory of the heap, and the read-only pages of the libraries, most of which
 * were touched by their initialisation only (those of libcurl's cryptography above all).  What is
 * used again comes back from the page cache, some microseconds for each piece, once. */
void footprint_trim(void);
