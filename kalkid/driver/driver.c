/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/driver.c - to be written. */
#include "driver/driver.h"
extern int driver_driver_empty;
