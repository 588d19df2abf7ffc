/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/node.c - to be written. */

extern int engine_node_empty;
