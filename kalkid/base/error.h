/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base/error.h - an error is a negative errno as the result, and words in the caller's `struct
 * error`. */
#pragma once

#include <errno.h>

#include "base/macros.h"

enum { ERROR_TEXT_BYTES = 1024 };

/* Lives on the stack of whoever wants the words; `struct error err = {0}` before the first use. */
struct error {
	int code; /* the negative errno, 0 while nothing went wrong */
	char text[ERROR_TEXT_BYTES];
};

/* Sets the words and returns `code`, so that failing is one line:
 *     return error_set(err, -EINVAL, "policy: no state named '%s'", name);
 * `err` may be NULL: then only the code goes up. */
#define error_set(err, code, ...)                           \
	({                                                  \
		int error_code_ = (code);                   \
		error_write(err, error_code_, __VA_ARGS__); \
		error_code_;                                \
	})

/* As error_set with errno's code and ": " and strerror behind the words. */
#define error_errno(err, code, ...)                               \
	({                                                        \
		int error_code_ = (code);                         \
		error_write_errno(err, error_code_, __VA_ARGS__); \
		error_code_;                                      \
	})

/* Puts context in front of the words ("device 'cam1': ") on the way up. */
void error_prefix(struct error *err, const char *format, ...) printf_like(2, 3);

/* Macros above, so that a compiler sees that what failed returns its code and fills nothing. */
void error_write(struct error *err, int code, const char *format, ...) printf_like(3, 4);
void error_write_errno(struct error *err, int code, const char *format, ...) printf_like(3, 4);
