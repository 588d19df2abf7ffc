/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/plan.c - to be written. */
#include "core/plan.h"
extern int core_plan_empty;
