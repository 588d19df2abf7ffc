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
#include "core/alert.h"
#include "core/fleet.h"
#include "core/ids.h"
#include "core/sensor.h"

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
	OPERATION_SENSOR,
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

/* Where a call keeps its arguments, whatever the order in which they were written. */
enum slot {
	SLOT_TYPE, /* of alerts */
	SLOT_THEN, /* of those that follow */
	SLOT_WITHIN,
	SLOT_BY,
	SLOT_SEVERITY,
	SLOT_SOURCE,
	SLOT_UMBOX,
	SLOT_ADDRESS,
	SLOT_SENSOR,
	SLOT_SENSOR_2,
	SLOT_SENSOR_3,
	SLOT_LAST,
	SLOT_BACK,
	SLOT_PER,
	SLOT_CONDITION,
	SLOT_FOR,
	SLOT_FROM,
	SLOT_TO,
	SLOT_WEEKDAYS,
	SLOT_DEVICE_TYPE,
	SLOT_GROUP,
	SLOT_TAG,
	SLOT_NAME,
	SLOT_ITSELF,
	SLOT_WHERE,
	SLOT_COUNT,
};

/* What a function's argument may be; all but conditions are known when the policy is loaded. */
enum argument_kind {
	ARGUMENT_ALERT_TYPE,       /* text: an alert's type, "*" for any */
	ARGUMENT_WINDOW,           /* a duration above 0 */
	ARGUMENT_FIELD,            /* the bare word source or target */
	ARGUMENT_SEVERITY,         /* the bare word of a severity */
	ARGUMENT_ADDRESS,          /* text: an IP address */
	ARGUMENT_NAME,             /* text: a name */
	ARGUMENT_GROUP,            /* text: a name, or the bare word mine */
	ARGUMENT_SENSOR,           /* the bare word of a sensor */
	ARGUMENT_NUMBERS_SENSOR,   /* of a sensor of numbers */
	ARGUMENT_SAMPLES,          /* a whole number, 1 to SENSOR_KEEP_MAX */
	ARGUMENT_BOOLEAN,          /* true or false */
	ARGUMENT_TIME_OF_DAY,      /* text: "22:00" */
	ARGUMENT_WEEKDAY,          /* text: "sat" or "mon-fri" */
	ARGUMENT_CONDITION,        /* over the same device */
	ARGUMENT_OTHERS_CONDITION, /* over each of the other devices */
	ARGUMENT_KIND_COUNT,
};

enum alert_field { ALERT_FIELD_SOURCE, ALERT_FIELD_TARGET, ALERT_FIELD_COUNT };

/* A sensor by its name; of another device's type the index is only a guess. */
struct sensor_reference {
	const char *name;
	unsigned index;
	enum sensor_type type;
	bool foreign;
};

struct argument {
	bool given;
	bool any;  /* of ARGUMENT_ALERT_TYPE: "*" */
	bool mine; /* of ARGUMENT_GROUP */
	union {
		struct {
			const char *text;
			uint64_t hash; /* of an alert's type */
		};
		int64_t us;
		enum alert_field field;
		enum alert_severity severity;
		struct ip address;
		struct sensor_reference sensor;
		unsigned samples;
		bool boolean;
		unsigned weekdays; /* bit 0 is Monday */
	};
};

/* What an evaluation looks at: one device, seen by itself or by another. */
struct facts {
	const struct machine *machine;
	const struct policy *policy;
	const struct device *device; /* NULL: not known */
	const struct fleet *fleet;   /* NULL: it is alone and nobody knows the local time */
	const struct machine_hold *holds;
	uint64_t counts_from; /* alerts before this id do not count */
	unsigned alerts_max;  /* no more than so many of the newest alerts are looked at */
	int64_t now_us;
};

enum { EXPRESSION_NAMES_MAX = 16, EXPRESSION_FUNCTIONS_MAX = 40, PARAMETERS_MAX = 8 };

struct node_name {
	const char *name;
	enum value_type type;
	void (*read)(const struct facts *facts, struct value *ret);
	bool moves;     /* changes all the time */
	bool any_alert; /* a new alert of any type can change it */
	bool is_state;  /* texts that it is compared with are states */
	const char *words;
};

struct function_parameter {
	const char *name;
	enum argument_kind kind;
	enum slot slot;
	bool required;
	bool named;   /* must be written name: value */
	bool repeats; /* may be given several times */
};

/* What a function looks at, beyond its arguments. */
enum function_kind {
	FUNCTION_CONSTANT, /* nothing */
	FUNCTION_ALERTS,   /* the device's alerts; they count */
	FUNCTION_ABSENCE,  /* the device's alerts; none counts */
	FUNCTION_MOVES,    /* its transitions */
	FUNCTION_SENSORS,
	FUNCTION_HELD,
	FUNCTION_CLOCK,
	FUNCTION_FLEET, /* the other devices */
};

struct expression_node;

struct function {
	const char *name;
	enum function_kind kind;
	enum value_type type; /* of SENSORS with sensor_typed: the sensor's own */
	const struct function_parameter *parameters[PARAMETERS_MAX]; /* NULL after the last */
	void (*call)(const struct facts *facts, const struct argument *arguments,
		     struct value *ret);
	const char *words; /* how it is written: what it is */
	bool sensor_typed;
	bool keeps_unit; /* its number is in the sensor's unit */
	bool moves;
};

extern const struct node_name expression_names[];
extern const unsigned expression_name_count;
extern const struct function expression_functions[];
extern const unsigned expression_function_count;

struct expression_node {
	enum operation operation;
	enum value_type type;
	bool moves;
	size_t offset;        /* in the text: where to point at */
	size_t start, end;    /* what of the text it is */
	const char *unit;     /* while it is parsed; NULL: none */
	unsigned left, right; /* of a call: its condition; of HELD `right` is the hold's index */
	unsigned first;       /* of a call over other devices: where its condition begins */
	unsigned skip_to;     /* 0, or the call over other devices whose condition begins here */
	struct value constant;
	const struct node_name *name;
	const struct function *function;
	struct sensor_reference sensor;
	struct argument *arguments; /* SLOT_COUNT of them, the node's own */
};

struct expression {
	char *text;
	char *strings; /* texts and names, each NUL-terminated */
	struct expression_node *nodes;
	unsigned node_count;
	unsigned hold_count;
	struct expression_needs needs;
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

/* Whose names a condition may use. */
struct scope {
	bool others;               /* it is over other devices */
	const struct policy *type; /* theirs; NULL: of any type */
};

struct parser {
	const char *text;
	const struct policy *policy;
	const struct policy_types *types; /* NULL: no other is known */
	struct scope scope;
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
int parser_fail_unknown(struct parser *parser, size_t offset, const char *what, const char *word,
			const char *const *names, unsigned count);
/* Reads the token behind the present one. */
int parser_advance(struct parser *parser) must_check;
bool token_is_word(const struct parser *parser, const char *word);
/* A word of the text, for messages and look-ups; what does not fit is no name anyway. */
void token_copy(const struct parser *parser, const struct token *token,
		char word[static NAME_BYTES]);
/* A word, or a text without its quotes, for as long as the expression lives. */
const char *parser_keep(struct parser *parser, const struct token *token);

/* --- check: index of the new node, or -EINVAL --- */

int node_add(struct parser *parser, const struct expression_node *node) must_check;
int node_add_constant(struct parser *parser, enum value_type type, size_t offset,
		      const struct value *value) must_check;
int node_add_operator(struct parser *parser, enum operation operation, size_t offset, unsigned left,
		      unsigned right) must_check;
int node_add_name(struct parser *parser, const struct token *token) must_check;
/* The sensor of that name in the present scope with its unit: 1, 0 where there is none, or -EINVAL
 * where several types disagree about it. */
int sensor_find(struct parser *parser, const struct token *token, struct sensor_reference *ret,
		const char **ret_unit) must_check;
enum value_type sensor_value_type(enum sensor_type type);

/* A call while its arguments are read. */
struct call {
	const struct function *function;
	size_t offset;
	struct argument arguments[SLOT_COUNT];
	unsigned condition, first; /* the nodes of its condition */
	const char *unit;
	struct token name;
};

/* Takes what comes as the argument of `parameter`. */
int call_take(struct parser *parser, struct call *call,
	      const struct function_parameter *parameter) must_check;
/* Parses a condition; index of its node. */
int parser_condition(struct parser *parser) must_check;
const struct function *function_find(struct parser *parser, const struct token *token);
int call_finish(struct parser *parser, struct call *call) must_check;

/* --- values --- */

/* `operands`: the types of left and right, as the checker has let them through. */
void value_apply(enum operation operation, const enum value_type operands[2],
		 const struct value *left, const struct value *right, int64_t now_us,
		 struct value *ret);

/* --- evaluation --- */

/* The value of each node, `values` having room for all; of conditions over other devices nothing.
 */
void expression_values(const struct facts *facts, const struct expression *expression,
		       struct value *values);
/* Whether left and right are the operands of an operator. */
static inline bool node_has_operands(const struct expression_node *node)
{
	return node->operation >= OPERATION_NOT;
}
/* Whether the result of `node` rests on that of its operand. */
bool node_rests_on(const struct expression_node *node, const struct value *result,
		   const struct value *operand);
/* What an expression about the machine's own device looks at. */
struct facts machine_facts(const struct machine *machine, const struct policy *policy,
			   int64_t now_us);
/* Computes the nodes from `first` to `last`. */
void nodes_compute(const struct facts *facts, const struct expression_node *nodes, unsigned first,
		   unsigned last, struct value *values);
/* The value of the sensor's newest reading. */
void sensor_read(const struct facts *facts, const struct sensor_reference *sensor,
		 struct value *ret);
/* Marks the machine's alerts that a call looks at. */
void call_count_alerts(const struct facts *facts, const struct expression_node *call,
		       uint64_t *counted);
/* A call over other devices: evaluates its condition for each that it selects. */
void call_fleet(const struct facts *facts, const struct expression_node *nodes, unsigned call,
		struct value *values, struct value *ret);

/* expression_alerts.c */
void call_alert(const struct facts *facts, const struct argument *arguments, struct value *ret);
void call_count(const struct facts *facts, const struct argument *arguments, struct value *ret);
void call_distinct(const struct facts *facts, const struct argument *arguments, struct value *ret);
void call_last_source(const struct facts *facts, const struct argument *arguments,
		      struct value *ret);
void call_sequence(const struct facts *facts, const struct argument *arguments, struct value *ret);
void call_absent(const struct facts *facts, const struct argument *arguments, struct value *ret);
void call_transitions(const struct facts *facts, const struct argument *arguments,
		      struct value *ret);

/* expression_sensors.c */
void call_last(const struct facts *facts, const struct argument *arguments, struct value *ret);
void call_avg(const struct facts *facts, const struct argument *arguments, struct value *ret);
void call_sum(const struct facts *facts, const struct argument *arguments, struct value *ret);
void call_min(const struct facts *facts, const struct argument *arguments, struct value *ret);
void call_max(const struct facts *facts, const struct argument *arguments, struct value *ret);
void call_deviation(const struct facts *facts, const struct argument *arguments, struct value *ret);
void call_rate(const struct facts *facts, const struct argument *arguments, struct value *ret);
void call_magnitude(const struct facts *facts, const struct argument *arguments, struct value *ret);
void call_age(const struct facts *facts, const struct argument *arguments, struct value *ret);
void call_seen(const struct facts *facts, const struct argument *arguments, struct value *ret);

/* expression_time.c */
void set_elapsed(const struct facts *facts, int64_t since_us, struct value *ret);
void call_between(const struct facts *facts, const struct argument *arguments, struct value *ret);
void call_weekday(const struct facts *facts, const struct argument *arguments, struct value *ret);
