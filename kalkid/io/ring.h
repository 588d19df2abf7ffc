/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/ring.h - the memory file in which a umbox keeps its newest frames (CONTRACT.md, "A ring of
 * frames").  The umbox goes on writing while we read, and may write what it likes. */
#pragma once

#include "base/error.h"
#include "base/text.h"

/* Whether it is such a file: in memory, of a bounded size that cannot change.  A read of it neither
 * waits nor fails later. */
int ring_check(int fd, struct error *err) must_check;
/* Adds a copy to `ret` as a pcapng file with `comment`; returns how many frames are in it.  Takes
 * milliseconds: for a thread of its own. */
int ring_read(int fd, const char *comment, struct buffer *ret, struct error *err) must_check;
