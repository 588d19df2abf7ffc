/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression_internal.h - shared by the files that make up expression.h.
 *
 *   expression_lex.c       text into tokens
 *   expression_parse.c     tokens into nodes, by the grammar
 *   expression_check.c     types of operators and arguments, constants folded
 *   expression_table.c     the names and functions of the language
 *   expression_value.c     what the operators do with values
 *   expression_evaluate.c  one pass over the nodes
 *   expression_explain.c   the same pass, part by part for people
 *
 * An expression is an array of nodes in which operands stand before their operator; the last node
 * is the whole.  So a pass forward evaluates and a pass backward says what made the result. */
#pragma once

#include "core/expression.h"
#include "core/ids.h"

enum value_type {
	VALUE_BOOLEAN,
	VALUE_NUMBER,
	VALUE_DURATION,
	VALUE_TEXT,
	VALUE_ADDRESS,
	VALUE_TYPE_COUNT,
};
const char *value_type_name(enum value_type type);

enum operation {
	OPERATION_CONSTANT,
	OPERATION_NAME,
	OPERATION_CALL,
	OPERATION_NOT,
	OPERATION_NEGATE,
	OPERATION_AND,
	OPERATION_OR,
	OPERATION_EQUAL,
	OPERATION_NOT_EQUAL,
	OPERATION_LESS,
	OPERATION_LESS_EQUAL,
	OPERATION_GREATER,
	OPERATION_GREATER_EQUAL,
	OPERATION_ADD,
	OPERATION_SUBTRACT,
	OPERATION_MULTIPLY,
	OPERATION_DIVIDE,
	OPERATION_MODULO,
	OPERATION_COUNT,
};
const char *operation_text(enum operation operation);

/* A value now, and how it goes on: valid until `next_us`, a duration growing by `slope`
 * microseconds each microsecond. */
struct value {
	bool known;
	union {
		bool boolean;
		double number;
		int64_t us;
		const char *text;
		struct ip address;
	};
	int64_t slope;
	int64_t next_us;
};

enum { ARGUMENTS_MAX = 4 };

/* What a function's argument may be; all are constants, known when the policy is loaded. */
enum argument_kind {
	ARGUMENT_ALERT_TYPE, /* text: an alert's type, "*" for any */
	ARGUMENT_WINDOW,     /* a duration above 0 */
	ARGUMENT_FIELD,      /* the bare word source or target */
	ARGUMENT_ADDRESS,    /* text: an IP address */
	ARGUMENT_KIND_COUNT,
};

enum alert_field { ALERT_FIELD_SOURCE, ALERT_FIELD_TARGET, ALERT_FIELD_COUNT };

struct argument {
	bool given;
	bool any; /* of ARGUMENT_ALERT_TYPE: "*" */
	union {
		const char *text;
		int64_t us;
		enum alert_field field;
		struct ip address;
	};
};

/* What an evaluation looks at. */
struct facts {
	const struct machine *machine;
	const struct policy *policy;
	uint64_t counts_from; /* alerts before this id do not count */
	int64_t now_us;
};

enum { EXPRESSION_NAMES_MAX = 16, EXPRESSION_FUNCTIONS_MAX = 32 };

struct node_name {
	const char *name;
	enum value_type type;
	void (*read)(const struct facts *facts, struct value *ret);
	bool moves;     /* changes all the time */
	bool any_alert; /* a new alert of any type can change it */
};

struct function_parameter {
	const char *name;
	enum argument_kind kind;
	bool required;
	bool named; /* must be written name: value */
};

struct function {
	const char *name;
	enum value_type type;
	const struct function_parameter *parameters[ARGUMENTS_MAX]; /* NULL after the last */
	void (*call)(const struct facts *facts, const struct argument *arguments,
		     struct value *ret);
	const char *words; /* how it is written: what it is */
	bool constant;     /* of its arguments alone; else its first argument is an alert's type and
			    * the second a window */
};

extern const struct node_name expression_names[];
extern const unsigned expression_name_count;
extern const struct function expression_functions[];
extern const unsigned expression_function_count;

struct expression_node {
	enum operation operation;
	enum value_type type;
	bool moves;
	size_t offset;     /* in the text: where to point at */
	size_t start, end; /* what of the text it is */
	unsigned left, right;
	struct value constant;
	const struct node_name *name;
	const struct function *function;
	struct argument arguments[ARGUMENTS_MAX];
};

struct expression {
	char *text;
	char *strings; /* the texts in quotes, each NUL-terminated */
	struct expression_node *nodes;
	unsigned node_count;
	unsigned call_count; /* that walk over the alerts */
};

/* --- tokens --- */

enum token_kind {
	TOKEN_END,
	TOKEN_NUMBER,
	TOKEN_DURATION,
	TOKEN_TEXT,
	TOKEN_WORD,
	TOKEN_OPERATOR, /* of two operands, or - alone */
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_COMMA,
	TOKEN_COLON,
};

struct token {
	enum token_kind kind;
	size_t offset, length; /* of a text: with its quotes */
	enum operation operation;
	double number;
	int64_t us;
};

struct parser {
	const char *text;
	const struct policy *policy;
	struct token token; /* the next one */
	size_t passed;      /* the end of the token before it */
	struct expression *expression;
	unsigned node_room;
	size_t strings_used;
	unsigned depth;
	size_t failed_at;
	struct error *err;
};

/* Says where and what; -EINVAL. */
int parser_fail(struct parser *parser, size_t offset, const char *format, ...) printf_like(3, 4);
/* Reads the token behind the present one. */
int parser_advance(struct parser *parser) must_check;
bool token_is_word(const struct parser *parser, const char *word);
/* A text without its quotes, for as long as the expression lives. */
const char *parser_keep(struct parser *parser, const struct token *token);

/* --- check: index of the new node, or -EINVAL --- */

int node_add_constant(struct parser *parser, enum value_type type, size_t offset,
		      const struct value *value) must_check;
int node_add_operator(struct parser *parser, enum operation operation, size_t offset, unsigned left,
		      unsigned right) must_check;
int node_add_name(struct parser *parser, const struct token *token) must_check;
/* Takes the argument at `position`: a node (the last, which is taken away again) or a bare word. */
int call_take_value(struct parser *parser, struct expression_node *call, unsigned position,
		    unsigned value) must_check;
int call_take_word(struct parser *parser, struct expression_node *call, unsigned position,
		   const struct token *word) must_check;
const struct function *function_find(struct parser *parser, const struct token *token);
int call_finish(struct parser *parser, struct expression_node *call) must_check;

/* --- values --- */

/* `operands`: the types of left and right, as the checker has let them through. */
void value_apply(enum operation operation, const enum value_type operands[2],
		 const struct value *left, const struct value *right, int64_t now_us,
		 struct value *ret);

/* The value of each node, `values` having room for all. */
void expression_values(const struct facts *facts, const struct expression *expression,
		       struct value *values);
/* Whether the result of `node` rests on that of its operand. */
bool node_rests_on(const struct expression_node *node, const struct value *result,
		   const struct value *operand);

/* --- alerts --- */

/* Whether a call with these arguments looks at the alert. */
struct machine_alert;
bool call_counts(const struct facts *facts, const struct argument *arguments,
		 const struct machine_alert *alert);
