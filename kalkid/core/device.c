/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/device.c - to be written. */
#include "core/device.h"
extern int core_device_empty;
