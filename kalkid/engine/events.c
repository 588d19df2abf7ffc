/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/events.c - to be written. */

extern int engine_events_empty;
