/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/device_file.c - to be written. */

extern int codec_device_file_empty;
