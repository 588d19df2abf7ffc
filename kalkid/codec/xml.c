/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/xml.c - see xml.h. */
#include "codec/xml.h"

#include <limits.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/xpath.h>

#include "base/mem.h"

enum { STEPS_MAX = 200000 }; /* of one XPath in one document: some milliseconds */

struct xml {
	xmlDoc *document;
};

static void keep_silent(void *data maybe_unused, xmlErrorPtr error maybe_unused)
{
}

/* Entities can only be declared in a document type: what has one is no answer of a device. */
static void on_document_type(void *data, const xmlChar *name maybe_unused,
			     const xmlChar *external maybe_unused,
			     const xmlChar *system maybe_unused)
{
	xmlStopParser(data);
}

int xml_read(struct xml **ret, const char *bytes, size_t count, struct error *err)
{
	if (count > INT_MAX)
		return error_set(err, -EINVAL, "no XML: too long");
	xmlParserCtxt *parser = xmlNewParserCtxt();
	if (!parser)
		abort();
	parser->sax->internalSubset = on_document_type;
	parser->sax->serror = keep_silent;
	xmlDoc *document = xmlCtxtReadMemory(parser, bytes, (int)count, NULL, NULL,
					     XML_PARSE_NONET | XML_PARSE_NOERROR |
						     XML_PARSE_NOWARNING | XML_PARSE_NOCDATA);
	if (parser->errNo == XML_ERR_USER_STOP) {
		xmlFreeDoc(document);
		document = NULL;
	}
	xmlFreeParserCtxt(parser);
	if (!document)
		return error_set(err, -EINVAL, "no XML");
	struct xml *xml = mem_alloc(sizeof(*xml));
	xml->document = document;
	*ret = xml;
	return 0;
}

void xml_free(struct xml *xml)
{
	if (!xml)
		return;
	xmlFreeDoc(xml->document);
	free(xml);
}

static xmlXPathContext *path_context(xmlDoc *document)
{
	xmlXPathContext *context = xmlXPathNewContext(document);
	if (!context)
		abort();
	context->error = keep_silent;
	context->opLimit = STEPS_MAX;
	return context;
}

int xml_path_check(const char *path, struct error *err)
{
	xmlXPathContext *context = path_context(NULL);
	xmlXPathCompExpr *compiled = xmlXPathCtxtCompile(context, (const xmlChar *)path);
	bool good = compiled != NULL;
	xmlXPathFreeCompExpr(compiled);
	xmlXPathFreeContext(context);
	return good ? 0 : error_set(err, -EINVAL, "is no XPath");
}

int xml_find(const struct xml *xml, const char *path, struct buffer *ret)
{
	xmlXPathContext *context = path_context(xml->document);
	xmlXPathObject *found = xmlXPathEvalExpression((const xmlChar *)path, context);
	int r = -ENOENT;
	if (found && !(found->type == XPATH_NODESET && xmlXPathNodeSetIsEmpty(found->nodesetval))) {
		xmlChar *text = xmlXPathCastToString(found);
		if (text) {
			buffer_add(ret, text, strlen((const char *)text));
			r = 0;
		}
		xmlFree(text);
	}
	xmlXPathFreeObject(found);
	xmlXPathFreeContext(context);
	return r;
}
