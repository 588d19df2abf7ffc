/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/policy.c - to be written. */
#include "core/policy.h"
extern int core_policy_empty;
