/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/source.c - see source.h. */
#include "core/source.h"

#include <stdlib.h>

void source_done(struct source *source)
{
	exchange_done(&source->exchange);
	for (unsigned i = 0; i < source->mapping_count; i++) {
		free(source->mappings[i].path);
		free(source->mappings[i].pattern);
		free(source->mappings[i].equals);
	}
	free(source->mappings);
	free(source->availability);
	free(source->listen);
	free(source->to);
	free(source->fixed);
	*source = (struct source){0};
}
