/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/timer.c - to be written. */

extern int io_timer_empty;
