/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/xml.c - see xml.h. */
#include "cli/xml.h"

void xml_escape(struct buffer *xml, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		switch (c) {
		case '&': buffer_print(xml, "&amp;"); break;
		case '<': buffer_print(xml, "&lt;"); break;
		case '>': buffer_print(xml, "&gt;"); break;
		case '"': buffer_print(xml, "&quot;"); break;
		default:
			if (c < ' ' && c != '\t' && c != '\n' && c != '\r')
				buffer_print(xml, "\xef\xbf\xbd");
			else
				buffer_add(xml, text, 1);
		}
	}
}
