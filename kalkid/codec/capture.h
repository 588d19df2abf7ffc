/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/capture.h - the ring of frames that a umbox offers (umbox-images/CONTRACT.md) as a file in
 * the pcapng format (draft-ietf-opsawg-pcapng).  The ring is input from outside: nothing in it is
 * believed. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

enum {
	CAPTURE_HEAD_BYTES = 64,
	CAPTURE_RING_BYTES_MAX = 16 << 20,
	CAPTURE_FRAME_BYTES_MAX = 65535 + 32, /* a GSO frame with its tags */
};

struct capture_about {
	const char *comment; /* for people; may be NULL */
	/* Position of the oldest record that was whole behind the copying: what is older was being
	 * overwritten meanwhile.  capture_oldest has it. */
	uint64_t oldest;
};

/* Of the ring's first CAPTURE_HEAD_BYTES. -EINVAL: no ring. */
int capture_oldest(uint64_t *ret, const uint8_t *head, struct error *err) must_check;
/* Adds a whole file to `ret`; returns how many frames are in it, or -EINVAL. */
int capture_to_pcapng(struct buffer *ret, const uint8_t *ring, size_t bytes,
		      const struct capture_about *about, struct error *err) must_check;
