/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/http_client.c - to be written. */

extern int io_http_client_empty;
