/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/witness.h - the newest record of each machine, where a killed daemon does not take it
 * along: a file that should lie in memory (tmpfs).
 *
 * A decision that tightens is in the kernel before it is on disk.  It is witnessed before it is in
 * the kernel, which costs a copy of some hundred bytes; so a daemon that is killed in
 * between starts again where the kernel already is.  A power cut takes the kernel's rules and the
 * witness together. */
#pragma once

#include "store/store.h"

struct witness;

/* Keeps what is there already. */
int witness_open(struct witness **ret, const char *path, struct error *err) must_check;
/* The file stays.  NULL is fine. */
void witness_close(struct witness *witness);

/* Whole, or as if it had not been called, at whatever instruction the daemon is killed. */
int witness_put(struct witness *witness, const struct machine_record *record) must_check;
/* False when there is none. */
bool witness_get(struct witness *witness, uint32_t device, struct machine_record *ret);
/* The number is given to another device. */
void witness_forget(struct witness *witness, uint32_t device);
