/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/policy_file.c - to be written. */

extern int codec_policy_file_empty;
