/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/policy_remarks.c - what is doubtful in a policy, at the places of its file. */
#include "codec/files.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/policy_check.h"

static const struct document_node *child(const struct document_node *parent, unsigned index)
{
	const struct document_node *node = parent ? parent->first : NULL;
	while (node && index--)
		node = node->next;
	return node;
}

static void remark_state(const struct document *document, const struct finding *finding,
			 struct complaints *complaints)
{
	const struct document_node *states = document_find(document_root(document), "states");
	document_complain_key(document, child(states, finding->index), complaints, finding->hint,
			      "%s", finding->words);
}

/* A rule of an included file is told by its name, where it is included. */
static void remark_included(const struct document *document, const struct policy *policy,
			    const struct finding *finding, struct complaints *complaints)
{
	document_complain(document, document_find(document_root(document), "include"), complaints,
			  finding->hint, "rule '%s': %s", policy->rules[finding->index].name,
			  finding->words);
}

static void remark_rule(const struct document *document, const struct policy *policy,
			const struct finding *finding, struct complaints *complaints)
{
	const struct document_node *rules = document_find(document_root(document), "rules");
	const struct document_node *rule = child(rules, finding->index);
	if (!rule)
		remark_included(document, policy, finding, complaints);
	else if (finding->in_condition)
		document_complain_inside(document, document_find(rule, "when"), finding->offset,
					 complaints, finding->hint, "%s", finding->words);
	else if (finding->in_action)
		document_complain(document, child(document_find(rule, "actions"), finding->action),
				  complaints, finding->hint, "%s", finding->words);
	else
		document_complain(document, document_find(rule, "name"), complaints, finding->hint,
				  "%s", finding->words);
}

void policy_remark(const struct document *document, const struct policy *policy,
		   struct complaints *errors, struct complaints *warnings)
{
	struct findings findings = {0};
	policy_check(policy, &findings);
	for (unsigned i = 0; i < findings.count; i++) {
		const struct finding *finding = &findings.items[i];
		struct complaints *complaints = finding_is_error(finding->kind) ? errors : warnings;
		if (finding->of_rule)
			remark_rule(document, policy, finding, complaints);
		else
			remark_state(document, finding, complaints);
	}
	findings_done(&findings);
}

void policy_remark_hop(const struct document *document, unsigned state, unsigned hop,
		       const char *key, struct complaints *complaints, const char *right,
		       const char *format, ...)
{
	const struct document_node *states = document_find(document_root(document), "states");
	const struct document_node *chain = document_find(child(states, state), "chain");
	const struct document_node *item = child(chain, hop), *value = document_find(item, key);
	char words[ERROR_TEXT_BYTES];
	va_list args;
	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	document_complain(document, value ? value : item, complaints, right, "%s", words);
}
