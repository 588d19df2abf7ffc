/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/event_json.c - to be written. */

extern int codec_event_json_empty;
