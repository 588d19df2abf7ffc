/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/alert.c - to be written. */
#include "core/alert.h"
extern int core_alert_empty;
