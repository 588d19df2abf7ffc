/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/engine.c - to be written. */
#include "engine/engine.h"
extern int engine_engine_empty;
