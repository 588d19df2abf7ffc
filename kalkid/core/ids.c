/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/ids.c - to be written. */
#include "core/ids.h"
extern int core_ids_empty;
