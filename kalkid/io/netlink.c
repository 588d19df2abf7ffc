/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/netlink.c - to be written. */

extern int io_netlink_empty;
