/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/config_file.c - to be written. */

extern int codec_config_file_empty;
