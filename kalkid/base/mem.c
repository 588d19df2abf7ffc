/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base/mem.c - see mem.h. */
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *checked(void *memory)
{
	if (memory)
		return memory;
	static const char words[] = "out of memory\n";
	(void)!write(STDERR_FILENO, words, sizeof(words) - 1);
	abort();
}

void *mem_alloc(size_t bytes)
{
	return checked(calloc(1, bytes ? bytes : 1));
}

void *mem_alloc_array(size_t count, size_t bytes)
{
	return checked(calloc(count ? count : 1, bytes ? bytes : 1));
}

void *mem_resize(void *memory, size_t count, size_t bytes)
{
	size_t total;
	if (__builtin_mul_overflow(count, bytes, &total))
		return checked(NULL);
	return checked(realloc(memory, total ? total : 1));
}

char *mem_copy_text(const char *text)
{
	return text ? mem_copy(text, strlen(text) + 1) : NULL;
}

void *mem_copy(const void *memory, size_t bytes)
{
	void *copy = mem_alloc(bytes);
	if (bytes)
		memcpy(copy, memory, bytes);
	return copy;
}

char *mem_printf(const char *format, ...)
{
	char *text = NULL;
	va_list args;
	va_start(args, format);
	int length = vasprintf(&text, format, args);
	va_end(args);
	return checked(length < 0 ? NULL : text);
}

void mem_free_at(void *pointer_to_pointer)
{
	free(*(void **)pointer_to_pointer);
}

void mem_close_at(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
