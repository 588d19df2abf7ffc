/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/frames_inner.h - what frames.c and compare.c share: sums, and how a burst is made. */
#pragma once

#include "trial/frames.h"

enum { BURST_PORT = 43000 };
#define BURST_SEQUENCE 100000u

static inline unsigned frame_get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static inline uint8_t burst_byte(size_t offset)
{
	return (uint8_t)(offset * 31 + offset / 251);
}

/* The Internet checksum (RFC 1071), on its way and finished. */
uint32_t frame_sum(uint32_t sum, const uint8_t *bytes, size_t count);
uint16_t frame_sum_end(uint32_t sum);

/* By protocol, source and port only. */
bool frame_is_burst(const uint8_t *frame, size_t count, uint8_t family, enum leg_side from);
