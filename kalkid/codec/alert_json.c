/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/alert_json.c - to be written. */

extern int codec_alert_json_empty;
