/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/files_names.c - what files name of other files: notifiers and commands in rules,
 * credentials. */
#include "base/mem.h"
#include "codec/files_internal.h"

struct checking {
	const struct files *files;
	struct document *const *documents;
	unsigned document_count;
	struct complaints *remarks;
};

static const struct document_node *nth(const struct document_node *list, unsigned index)
{
	const struct document_node *item = list ? list->first : NULL;
	while (item && index--)
		item = item->next;
	return item;
}

/* Where a policy's rule has its action; of a file that it includes only the type's own place. */
static const struct document_node *action_place(const struct checking *checking,
						const struct policy *policy, unsigned rule,
						unsigned action, const struct document **ret)
{
	const struct document_node *node = NULL;
	for (unsigned i = 0; i < checking->document_count && !node; i++) {
		if (!text_equal(document_file(checking->documents[i]), policy->file))
			continue;
		*ret = checking->documents[i];
		node = nth(document_find(document_root(*ret), "rules"), rule);
		node = node ? nth(document_find(node, "actions"), action) : NULL;
		node = node ? node : document_root(*ret);
	}
	return node;
}

/* A device that no file names may come over the API. */
static bool knows_command(const struct definitions *defined, const struct action *action)
{
	const struct device *device = action->device[0]
					      ? definitions_find_device(defined, action->device)
					      : NULL;
	const char *type = device ? device->type : action->type;
	const struct policy *policy = definitions_find_policy(defined, type);
	return !type[0] || (policy && policy_find_command(policy, action->name));
}

static void check_command(const struct checking *checking, const struct policy *policy,
			  unsigned rule, unsigned index)
{
	const struct action *action = &policy->rules[rule].actions[index];
	const struct document *document = NULL;
	if (knows_command(&checking->files->defined, action))
		return;
	const struct document_node *node = action_place(checking, policy, rule, index, &document);
	document_complain(document, node, checking->remarks, "commands: of the type that is meant",
			  "those that are meant have no command '%s'", action->name);
}

static void check_notify(const struct checking *checking, const struct policy *policy,
			 unsigned rule, unsigned index)
{
	const struct config *config = &checking->files->config;
	const struct action *action = &policy->rules[rule].actions[index];
	const char *names[NOTIFIERS_MAX];
	const struct document *document = NULL;
	unsigned known = 0;
	for (; known < config->notifier_count; known++) {
		names[known] = config->notifiers[known].name;
		if (text_equal(names[known], action->name))
			return;
	}
	const struct document_node *node = action_place(checking, policy, rule, index, &document);
	struct reading reading = {document, checking->remarks, NULL};
	if (known)
		complain_unknown(&reading, node, "notifier", action->name, names, known);
	else
		document_complain(document, node, checking->remarks, "notifiers: in kalkid.yaml",
				  "no notifier '%s'", action->name);
}

void files_check_actions(const struct files *files, struct document *const *documents,
			 unsigned document_count, struct complaints *remarks)
{
	const struct checking checking = {files, documents, document_count, remarks};
	for (unsigned i = 0; i < files->policy_count; i++) {
		const struct policy *policy = files->policies[i];
		for (unsigned rule = 0; rule < policy->rule_count; rule++)
			for (unsigned k = 0; k < policy->rules[rule].action_count; k++) {
				enum action_kind kind = policy->rules[rule].actions[k].kind;
				if (kind == ACTION_COMMAND)
					check_command(&checking, policy, rule, k);
				else if (kind == ACTION_NOTIFY)
					check_notify(&checking, policy, rule, k);
			}
	}
}

/* --- credentials --- */

/* Whoever is asked for the credentials that are named. */
struct asker {
	void (*each)(void *data, const char *name, const char *whose);
	void *data;
};

static void each_of_exchange(const struct asker *asker, const struct exchange *exchange,
			     const char *what, const char *name, const char *type)
{
	cleanup_free char *whose = mem_printf("%s '%s' of type '%s'", what, name, type);
	if (exchange->credential[0])
		asker->each(asker->data, exchange->credential, whose);
	if (exchange->ca[0])
		asker->each(asker->data, exchange->ca, whose);
}

static void each_of_policy(const struct asker *asker, const struct policy *policy)
{
	for (unsigned i = 0; i < policy->source_count; i++)
		each_of_exchange(asker, &policy->sources[i].exchange, "source",
				 policy->sources[i].name, policy->type);
	for (unsigned i = 0; i < policy->command_count; i++)
		each_of_exchange(asker, &policy->commands[i].exchange, "command",
				 policy->commands[i].name, policy->type);
}

void files_each_credential(const struct files *files,
			   void (*each)(void *data, const char *name, const char *whose),
			   void *data)
{
	const struct asker asker = {each, data};
	for (unsigned i = 0; i < files->config.notifier_count; i++) {
		const struct notifier *notifier = &files->config.notifiers[i];
		const char *const names[] = {notifier->credential, notifier->secret, notifier->ca};
		cleanup_free char *whose = mem_printf("notifier '%s'", notifier->name);
		for (unsigned k = 0; k < ARRAY_SIZE(names); k++)
			if (names[k][0])
				each(data, names[k], whose);
	}
	for (unsigned i = 0; i < files->policy_count; i++)
		each_of_policy(&asker, files->policies[i]);
}
