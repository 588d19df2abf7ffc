/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/store.c - to be written. */
#include "store/store.h"
extern int store_store_empty;
