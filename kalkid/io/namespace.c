/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/namespace.c - to be written. */

extern int io_namespace_empty;
