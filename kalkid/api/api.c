/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/api.c - to be written. */

extern int api_api_empty;
