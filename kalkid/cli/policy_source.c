/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy_source.c - see policy_source.h. */
#include "cli/policy_source.h"

#include "base/mem.h"

void policy_source_read(struct policy_source *ret, const char *file)
{
	struct error err = {0};
	*ret = (struct policy_source){.file = file};
	int result = document_read_file(&ret->document, file, &ret->errors, &err);
	if (result == 0)
		ret->policy = policy_read(ret->document, &ret->errors);
	else if (!ret->errors.count)
		complaints_add(&ret->errors, "%s", err.text);
	if (!ret->policy)
		ret->code = result == -ENOENT ? EXIT_NOT_FOUND : EXIT_INVALID;
}

int policy_source_open(struct policy_source *ret, const char *file)
{
	policy_source_read(ret, file);
	complaints_print(&ret->errors);
	return ret->code;
}

void policy_source_done(struct policy_source *source)
{
	policy_free(source->policy);
	document_free(source->document);
	complaints_done(&source->errors);
	complaints_done(&source->warnings);
	*source = (struct policy_source){0};
}

json_t *complaint_lines(const struct complaints *complaints)
{
	json_t *lines = json_array();
	cleanup_free char *text = mem_copy_text(complaints->text.bytes ? complaints->text.bytes
								       : "");
	char *rest = text, *line;
	while ((line = strsep(&rest, "\n"))) {
		if (*line)
			json_array_append_new(lines, json_string(line));
	}
	return lines;
}

void complaints_print(const struct complaints *complaints)
{
	if (complaints->count)
		fputs(complaints->text.bytes, stderr);
}
