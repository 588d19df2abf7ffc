/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/image_reference.c - see image_reference.h. */
#include "codec/image_reference.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

enum { TAG_MAX = 128, SHA256_DIGITS = 64 };

/* The length of `text` up to one of `ends`, all of it of `allowed`; 0 for anything else. */
static size_t span_to(const char *text, const char *allowed, const char *ends)
{
	size_t length = strspn(text, allowed);
	return !text[length] || strchr(ends, text[length]) ? length : 0;
}

/* Host and port: only the part before the first '/', when it cannot be a path's component. */
static const char *skip_host(const char *reference)
{
	size_t length = strcspn(reference, "/");
	bool is_host = reference[length] == '/' &&
		       (memchr(reference, '.', length) || memchr(reference, ':', length) ||
			(length == 9 && strncmp(reference, "localhost", 9) == 0));
	if (!is_host)
		return reference;
	size_t host = span_to(reference, LOWER UPPER DIGITS "-.", ":/");
	const char *rest = reference + host;
	if (host && *rest == ':') {
		size_t port = span_to(rest + 1, DIGITS, "/");
		rest += port ? 1 + port : 0;
	}
	return host && *rest == '/' ? rest + 1 : NULL;
}

/* Letters and digits, with '.', one or two '_', or any number of '-' between them. */
static bool component_fits(const char *text, size_t length)
{
	size_t separators = 0;
	for (size_t i = 0; i < length; i++) {
		if (islower((unsigned char)text[i]) || isdigit((unsigned char)text[i])) {
			separators = 0;
			continue;
		}
		separators++;
		bool first = separators == 1;
		bool fits = text[i] == '-'   ? first || text[i - 1] == '-'
			    : text[i] == '_' ? first || (separators == 2 && text[i - 1] == '_')
					     : text[i] == '.' && first;
		if (!fits || i == 0)
			return false;
	}
	return length > 0 && separators == 0;
}

static bool digest_fits(const char *text)
{
	static const char algorithm[] = "sha256:";
	return text_starts(text, algorithm) && strlen(text + strlen(algorithm)) == SHA256_DIGITS &&
	       strspn(text + strlen(algorithm), DIGITS "abcdef") == SHA256_DIGITS;
}

int image_reference_check(const char *reference, struct error *err)
{
	const char *at = skip_host(reference);
	if (!at)
		return error_set(err, -EINVAL, "'%.64s' has no good host in front", reference);
	for (;;) {
		size_t length = strcspn(at, "/:@");
		if (!component_fits(at, length))
			return error_set(err, -EINVAL, "'%.64s' is no image", reference);
		at += length;
		if (*at != '/')
			break;
		at++;
	}
	if (*at == ':') {
		size_t length = span_to(at + 1, LOWER UPPER DIGITS "_.-", "@");
		if (!length || length > TAG_MAX || at[1] == '.' || at[1] == '-')
			return error_set(err, -EINVAL, "'%.64s' has no good tag", reference);
		at += 1 + length;
	}
	if (*at == '@' && !digest_fits(at + 1))
		return error_set(err, -EINVAL, "'%.64s' has no good digest", reference);
	return 0;
}
