/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/link_message.c - to be written. */

extern int codec_link_message_empty;
