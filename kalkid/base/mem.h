/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base/mem.h - the one allocator: zeroed, never NULL; out of memory ends the program.
 * A size that comes from outside is bounded by its reader before it gets here. */
#pragma once

#include <stddef.h>

#include "base/macros.h"

void *mem_alloc(size_t bytes) must_check __attribute__((malloc));
void *mem_alloc_array(size_t count, size_t bytes) must_check;
/* The added part is not zeroed. */
void *mem_resize(void *memory, size_t count, size_t bytes) must_check;
char *mem_copy_text(const char *text) must_check; /* NULL stays NULL */
void *mem_copy(const void *memory, size_t bytes) must_check;
char *mem_printf(const char *format, ...) must_check printf_like(1, 2);

void mem_free_at(void *pointer_to_pointer);
/* Frees what the variable points to when it leaves its scope. */
#define cleanup_free __attribute__((cleanup(mem_free_at)))

void mem_close_at(const int *fd);
#define cleanup_close __attribute__((cleanup(mem_close_at)))
