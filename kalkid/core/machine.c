/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/machine.c - to be written. */
#include "core/machine.h"
extern int core_machine_empty;
