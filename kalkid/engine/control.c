/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/control.c - to be written. */

extern int engine_control_empty;
