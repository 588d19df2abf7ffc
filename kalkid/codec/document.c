/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/document.c - a document and what is said about it: reading, finding, complaining. */
#include "codec/document_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

enum { LINE_BYTES = 1024, PATH_BYTES = 256, KEY_SHOWN_BYTES = 64 };

void complaints_done(struct complaints *complaints)
{
	buffer_done(&complaints->text);
	complaints->count = 0;
}

/* One line of printable UTF-8, whatever stood in the file. */
static void make_presentable(char *line)
{
	size_t length = strlen(line);
	if (length == LINE_BYTES - 1) {
		/* It was cut, perhaps inside a character. */
		while (length && ((unsigned char)line[length - 1] & 0xc0) == 0x80)
			length--;
		if (length && (unsigned char)line[length - 1] >= 0xc0)
			length--;
		line[length] = '\0';
	}
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

static void add_line(struct complaints *complaints, const char *text)
{
	char line[LINE_BYTES];
	complaints->count++;
	if (complaints->count == DOCUMENT_ERRORS_MAX + 1)
		buffer_print(&complaints->text, "more is wrong than is shown\n");
	if (complaints->count > DOCUMENT_ERRORS_MAX)
		return;
	TEXT_COPY(line, text);
	make_presentable(line);
	buffer_print(&complaints->text, "%s\n", line);
}

void complaints_add(struct complaints *complaints, const char *format, ...)
{
	char line[LINE_BYTES];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	add_line(complaints, line);
}

static void shown(char *target, const char *text)
{
	size_t length = strnlen(text, KEY_SHOWN_BYTES - 1);
	while (length && ((unsigned char)text[length] & 0xc0) == 0x80)
		length--;
	memcpy(target, text, length);
	target[length] = '\0';
}

/* "states.Normal.chain[0].image"; what does not fit is left out in front. */
static void print_path(char path[static PATH_BYTES], const struct document_node *node)
{
	size_t at = PATH_BYTES - 1;
	path[at] = '\0';
	for (; node && node->parent; node = node->parent) {
		char key[KEY_SHOWN_BYTES] = "", part[KEY_SHOWN_BYTES + 2];
		if (node->key)
			shown(key, node->key);
		int length = node->parent->kind == DOCUMENT_LIST
				     ? snprintf(part, sizeof(part), "[%u]", node->index)
				     : snprintf(part, sizeof(part), "%s%s",
						node->parent->parent ? "." : "", key);
		if ((size_t)length > at)
			break;
		at -= (size_t)length;
		memcpy(path + at, part, (size_t)length);
	}
	memmove(path, path + at, PATH_BYTES - at);
}

static void complain(const struct document *document, unsigned line, unsigned column,
		     const struct document_node *node, struct complaints *complaints,
		     const char *right, const char *format, va_list args)
{
	char path[PATH_BYTES], words[LINE_BYTES];
	print_path(path, node);
	vsnprintf(words, sizeof(words), format, args);
	cleanup_buffer struct buffer text = {0};
	buffer_print(&text, "%s:%u:%u: ", document->file, line, column);
	if (path[0])
		buffer_print(&text, "%s: ", path);
	buffer_print(&text, "%s", words);
	if (right)
		buffer_print(&text, " (%s)", right);
	add_line(complaints, text.bytes);
}

void document_complain_at(const struct document *document, unsigned line, unsigned column,
			  const struct document_node *node, struct complaints *complaints,
			  const char *right, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	complain(document, line, column, node, complaints, right, format, args);
	va_end(args);
}

void document_complain(const struct document *document, const struct document_node *node,
		       struct complaints *complaints, const char *right, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	complain(document, node->line, node->column, node, complaints, right, format, args);
	va_end(args);
}

void document_complain_key(const struct document *document, const struct document_node *node,
			   struct complaints *complaints, const char *right, const char *format,
			   ...)
{
	va_list args;
	va_start(args, format);
	complain(document, node->key ? node->key_line : node->line,
		 node->key ? node->key_column : node->column, node, complaints, right, format,
		 args);
	va_end(args);
}

void document_complain_inside(const struct document *document, const struct document_node *node,
			      size_t offset, struct complaints *complaints, const char *right,
			      const char *format, ...)
{
	unsigned line, column;
	document_place_inside(document, node, offset, &line, &column);
	va_list args;
	va_start(args, format);
	complain(document, line, column, node, complaints, right, format, args);
	va_end(args);
}

/* YAML takes more than JSON: what is called .json must be what every reader of JSON reads. */
static bool check_json(const struct document *document, struct complaints *complaints)
{
	size_t length = strlen(document->file);
	if (length < 5 || strcmp(document->file + length - 5, ".json") != 0)
		return true;
	json_error_t error;
	json_t *value = json_loadb(document->source, document->source_bytes, JSON_DECODE_ANY,
				   &error);
	if (!value)
		complaints_add(complaints, "%s:%d:%d: is not JSON: %s", document->file,
			       max_of(error.line, 1), max_of(error.column, 1), error.text);
	json_decref(value);
	return value;
}

/* Other line ends than CR and LF are line ends to some readers and not to others. */
static bool check_characters(const struct document *document, struct complaints *complaints)
{
	static const char *const line_ends[] = {"\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"};
	for (size_t i = 0; i < ARRAY_SIZE(line_ends); i++) {
		const char *found = memmem(document->source, document->source_bytes, line_ends[i],
					   strlen(line_ends[i]));
		if (!found)
			continue;
		unsigned line, column;
		document_place(document, (size_t)(found - document->source), &line, &column);
		document_complain_at(document, line, column, NULL, complaints,
				     "use a plain end of line", "a Unicode line separator");
		return false;
	}
	return true;
}

int document_read(struct document **ret, const char *file, const char *bytes, size_t count,
		  struct complaints *complaints)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";
	if (count >= 3 && memcmp(bytes, byte_order_mark, 3) == 0) {
		bytes += 3;
		count -= 3;
	}
	if (count > DOCUMENT_BYTES_MAX) {
		complaints_add(complaints, "%s:1:1: is larger than %d bytes", file,
			       DOCUMENT_BYTES_MAX);
		return -EINVAL;
	}
	struct document *document = mem_alloc(sizeof(*document));
	document->file = mem_copy_text(file);
	document->source = mem_alloc(count + 1);
	if (count)
		memcpy(document->source, bytes, count);
	document->source_bytes = count;
	unsigned before = complaints->count;
	if (!check_characters(document, complaints) || !check_json(document, complaints) ||
	    !document_build(document, complaints) || complaints->count > before) {
		document_free(document);
		return -EINVAL;
	}
	*ret = document;
	return 0;
}

int document_read_file(struct document **ret, const char *file, struct complaints *complaints,
		       struct error *err)
{
	cleanup_close int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return error_errno(err, -errno, "%s", file);
	/* One byte more than is allowed, so that the limit is seen. */
	size_t room = DOCUMENT_BYTES_MAX + 4, count = 0;
	cleanup_free char *bytes = mem_alloc(room);
	ssize_t got;
	while ((got = read(fd, bytes + count, room - count)) > 0)
		count += (size_t)got;
	if (got < 0)
		return error_errno(err, -errno, "%s", file);
	int result = document_read(ret, file, bytes, count, complaints);
	return result < 0 ? error_set(err, result, "%s: cannot be used as it is", file) : 0;
}

static void node_free(struct document_node *node)
{
	while (node) {
		struct document_node *next = node->next;
		node_free(node->first); /* no deeper than DOCUMENT_DEPTH_MAX */
		free((char *)node->text);
		free((char *)node->key);
		free(node);
		node = next;
	}
}

void document_free(struct document *document)
{
	if (!document)
		return;
	node_free(document->root);
	free(document->source);
	free(document->file);
	free(document);
}

const struct document_node *document_root(const struct document *document)
{
	return document->root;
}

const char *document_file(const struct document *document)
{
	return document->file;
}

void document_digest(const struct document *document, char text[static DIGEST_TEXT_BYTES])
{
	digest_text(text, document->source, document->source_bytes);
}

const struct document_node *document_find(const struct document_node *map, const char *key)
{
	if (map->kind != DOCUMENT_MAP)
		return NULL;
	const struct document_node *node = map->first;
	while (node && strcmp(node->key, key) != 0)
		node = node->next;
	return node;
}

json_t *document_to_json(const struct document_node *node)
{
	json_t *json = NULL;
	switch (node->kind) {
	case DOCUMENT_NULL: json = json_null(); break;
	case DOCUMENT_BOOLEAN: json = json_boolean(node->boolean); break;
	case DOCUMENT_NUMBER:
		json = node->integer ? json_integer(strtoll(node->text, NULL, 10))
				     : json_real(node->number);
		break;
	case DOCUMENT_TEXT: json = json_string(node->text); break;
	case DOCUMENT_LIST:
		json = json_array();
		for (const struct document_node *item = node->first; item; item = item->next)
			json_array_append_new(json, document_to_json(item));
		break;
	case DOCUMENT_MAP:
		json = json_object();
		for (const struct document_node *entry = node->first; entry; entry = entry->next)
			json_object_set_new(json, entry->key, document_to_json(entry));
		break;
	case DOCUMENT_KIND_COUNT: break;
	}
	return json;
}
