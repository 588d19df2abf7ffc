/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/fake.c - to be written. */

extern int driver_fake_empty;
