/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/secrets.h - the operator's credentials: one file a name, in a directory of their own.
 *
 * Files name a credential, never its bytes.  It is read when it is needed and wiped after use, and
 * stands in no error: these say only what is wrong with its file. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "core/ids.h"

enum { SECRET_BYTES_MAX = 64 * 1024, SECRET_NAME_BYTES = 2 * NAME_BYTES };

/* NUL-terminated for those that want a text; the newline that editors put at the end is gone. */
struct secret {
	char *bytes;
	size_t length;
	size_t room;
};

/* The credential `name` as it is for one device: "name@device" where there is such a file, else
 * `name`. */
void secret_find(char ret[static SECRET_NAME_BYTES], const char *directory, const char *name,
		 const char *device);
/* -ENOENT: there is none; -EPERM: others than its owner can read or replace it, or it is no regular
 * file of root or of the daemon's user; -EINVAL: no name, empty, too long, or a NUL in it. */
int secret_read(struct secret *ret, const char *directory, const char *name,
		struct error *err) must_check;
/* The same without reading it. */
int secret_check(const char *directory, const char *name, struct error *err) must_check;
void secret_wipe(struct secret *secret);
#define cleanup_secret __attribute__((cleanup(secret_wipe)))
