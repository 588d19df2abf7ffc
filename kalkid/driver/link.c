/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/link.c - to be written. */

extern int driver_link_empty;
