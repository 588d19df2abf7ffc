/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/nft_message.c - to be written. */

extern int codec_nft_message_empty;
