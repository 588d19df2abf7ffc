/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/steering.c - to be written. */

extern int core_steering_empty;
