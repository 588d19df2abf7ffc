/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base/footprint.c - see footprint.h. */
#include "base/footprint.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/macros.h"

static void drop_segment(const struct dl_phdr_info *object, const ElfW(Phdr) * segment)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
	uintptr_t to = object->dlpi_addr + segment->p_vaddr + segment->p_memsz;
	/* Where it cannot be done nothing is lost. */
	madvise((void *)from, to - from, MADV_DONTNEED);
}

static int drop_object(struct dl_phdr_info *object, size_t bytes maybe_unused,
		       void *data maybe_unused)
{
	if (!*object->dlpi_name || object->dlpi_name[0] != '/')
		return 0; /* the program itself, the kernel's object */
	for (unsigned i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		if (segment->p_type == PT_LOAD && !(segment->p_flags & PF_W))
			drop_segment(object, segment);
	}
	return 0;
}

void footprint_trim(void)
{
	malloc_trim(0);
	dl_iterate_phdr(drop_object, NULL);
}
