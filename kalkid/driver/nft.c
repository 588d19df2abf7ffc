/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/nft.c - to be written. */

extern int driver_nft_empty;
