/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/umbox.c - to be written. */

extern int driver_umbox_empty;
