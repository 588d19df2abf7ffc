/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/xml.h - XML from outside, and XPath of the operator's in it: no document type, no entities
 * of its own, nothing fetched, bounded. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/text.h"

struct xml;

/* -EINVAL with words. */
int xml_read(struct xml **ret, const char *bytes, size_t count, struct error *err) must_check;
void xml_free(struct xml *xml);

int xml_path_check(const char *path, struct error *err) must_check;
/* Appends the text of the first thing that the path leads to.  -ENOENT when there is none, or
 * looking for it takes too long. */
int xml_find(const struct xml *xml, const char *path, struct buffer *ret) must_check;
