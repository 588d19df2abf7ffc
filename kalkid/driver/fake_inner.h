/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/fake_inner.h - between the fake world (fake_world.c) and its driver (fake.c). */
#pragma once

#include "driver/fake.h"

/* Carries the step out as the real world would; false when it cannot. */
bool fake_carry_out(struct fake_world *world, const struct driver_task *task);
/* The fault that this step meets, -1 for none. */
int fake_next_fault(struct fake_world *world, enum step_kind kind);
/* By itself, once it has legs. */
bool fake_gets_ready(const struct fake_world *world, const struct fake_umbox *umbox);
/* What a look sees. */
void fake_see(struct fake_world *world, struct driver_picture *ret);
struct fake_device *fake_need_device(struct fake_world *world, uint32_t number);

/* Tells the listener of the open driver, if there is one, after so long. */
void fake_tell(struct fake_world *world, const struct driver_notice *notice, int64_t after_us);
