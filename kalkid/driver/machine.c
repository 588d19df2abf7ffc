/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/machine.c - to be written. */
#include "driver/machine.h"
extern int driver_machine_empty;
