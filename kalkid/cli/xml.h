/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/xml.h - text inside XML. */
#pragma once

#include "base/text.h"

/* Adds it as it may stand in an element or in an attribute's double quotes; what XML 1.0 cannot
 * hold becomes U+FFFD. */
void xml_escape(struct buffer *xml, const char *text);
