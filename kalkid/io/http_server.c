/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/http_server.c - to be written. */

extern int io_http_server_empty;
