/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/files_internal.h - the readers of the single kinds of files, for files.c. */
#pragma once

#include "codec/fields.h"
#include "codec/files.h"

void config_set_standard(struct config *config);
/* Takes what the map gives over what `config` has. */
void config_read(struct reading *reading, const struct document_node *map, struct config *config);
/* The same of what says where things are: instance, data plane, Docker; the rest may be wrong. */
void config_read_place(struct reading *reading, const struct document_node *map,
		       struct config *config);
/* What only all files together show; `file` stands in front of the complaints. */
void config_check(const struct config *config, const char *file, struct complaints *complaints);

/* `notifiers:`; a later file's replaces the one of the same name as a whole. */
void notifiers_read(struct reading *reading, const struct document_node *map, void *config);
json_t *describe_notifiers(void);

/* Notifiers and commands that actions of rules name, and that are not there. */
void files_check_actions(const struct files *files, struct document *const *documents,
			 unsigned document_count, struct complaints *remarks);
