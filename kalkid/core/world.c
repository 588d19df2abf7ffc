/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/world.c - to be written. */
#include "core/world.h"
extern int core_world_empty;
