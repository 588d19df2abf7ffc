/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression_value.c - what the operators do with values: three-valued, with the moment until
 * which the result holds. */
#include "core/expression_internal.h"

#include <math.h>
#include <string.h>

#include "base/duration.h"

static bool known_as(const struct value *value, bool boolean)
{
	return value->known && value->boolean == boolean;
}

/* Kleene: one side decides alone when it is `decisive`. */
static void apply_logic(bool decisive, const struct value *left, const struct value *right,
			struct value *ret)
{
	if (known_as(left, decisive) || known_as(right, decisive)) {
		ret->known = true;
		ret->boolean = decisive;
	} else {
		ret->known = left->known && right->known;
		ret->boolean = !decisive;
	}
}

static bool order_fits(enum operation operation, int order)
{
	switch (operation) {
	case OPERATION_EQUAL: return order == 0;
	case OPERATION_NOT_EQUAL: return order != 0;
	case OPERATION_LESS: return order < 0;
	case OPERATION_LESS_EQUAL: return order <= 0;
	case OPERATION_GREATER: return order > 0;
	case OPERATION_GREATER_EQUAL: return order >= 0;
	case OPERATION_CONSTANT:
	case OPERATION_NAME:
	case OPERATION_SENSOR:
	case OPERATION_CALL:
	case OPERATION_NOT:
	case OPERATION_NEGATE:
	case OPERATION_AND:
	case OPERATION_OR:
	case OPERATION_ADD:
	case OPERATION_SUBTRACT:
	case OPERATION_MULTIPLY:
	case OPERATION_DIVIDE:
	case OPERATION_MODULO:
	case OPERATION_COUNT: break;
	}
	return false;
}

/* When the sign of a difference that moves by `slope` a microsecond changes next. */
static int64_t next_sign(int64_t difference, int64_t slope, int64_t now_us)
{
	if (slope == 0)
		return INT64_MAX;
	if (difference == 0)
		return now_us + 1;
	if ((difference > 0) == (slope > 0))
		return INT64_MAX;
	int64_t distance = difference < 0 ? -difference : difference;
	int64_t speed = slope < 0 ? -slope : slope;
	return now_us + (distance + speed - 1) / speed;
}

static void compare_durations(enum operation operation, const struct value *left,
			      const struct value *right, int64_t now_us, struct value *ret)
{
	int64_t difference = left->us - right->us;
	ret->boolean = order_fits(operation, (difference > 0) - (difference < 0));
	int64_t next_us = next_sign(difference, left->slope - right->slope, now_us);
	ret->next_us = min_of(ret->next_us, next_us);
	ret->known = true;
}

static void compare(enum operation operation, enum value_type type, const struct value *left,
		    const struct value *right, int64_t now_us, struct value *ret)
{
	int order = 0;
	switch (type) {
	case VALUE_BOOLEAN: order = left->boolean - right->boolean; break;
	case VALUE_NUMBER:
		order = (left->number > right->number) - (left->number < right->number);
		break;
	case VALUE_DURATION: compare_durations(operation, left, right, now_us, ret); return;
	case VALUE_TEXT: order = strcmp(left->text, right->text); break;
	case VALUE_ADDRESS: order = !ip_equal(&left->address, &right->address); break;
	case VALUE_TYPE_COUNT: return;
	}
	ret->known = true;
	ret->boolean = order_fits(operation, order);
}

static void set_number(struct value *ret, double number)
{
	ret->known = isfinite(number);
	ret->number = number;
}

/* Durations stay within a range in which no sum of an expression's can overflow. */
static void set_duration(struct value *ret, double us)
{
	ret->known = us >= -(double)DURATION_MAX_US && us <= (double)DURATION_MAX_US;
	ret->us = ret->known ? llround(us) : 0;
}

static void add(enum value_type type, const struct value *left, const struct value *right, int sign,
		struct value *ret)
{
	if (type == VALUE_NUMBER) {
		set_number(ret, left->number + sign * right->number);
		return;
	}
	ret->known = true;
	ret->us = left->us + sign * right->us;
	ret->slope = left->slope + sign * right->slope;
}

static void multiply(const enum value_type operands[2], const struct value *left,
		     const struct value *right, struct value *ret)
{
	if (operands[0] == VALUE_DURATION)
		set_duration(ret, (double)left->us * right->number);
	else if (operands[1] == VALUE_DURATION)
		set_duration(ret, left->number * (double)right->us);
	else
		set_number(ret, left->number * right->number);
}

static void divide(const enum value_type operands[2], const struct value *left,
		   const struct value *right, struct value *ret)
{
	/* x/0 stays unknown. */
	if (operands[1] == VALUE_DURATION) {
		if (right->us)
			set_number(ret, (double)left->us / (double)right->us);
	} else if (right->number != 0) {
		if (operands[0] == VALUE_DURATION)
			set_duration(ret, (double)left->us / right->number);
		else
			set_number(ret, left->number / right->number);
	}
}

static void modulo(enum value_type type, const struct value *left, const struct value *right,
		   struct value *ret)
{
	if (type == VALUE_NUMBER && right->number != 0) {
		set_number(ret, fmod(left->number, right->number));
	} else if (type == VALUE_DURATION && right->us) {
		ret->known = true;
		ret->us = left->us % right->us;
	}
}

void value_apply(enum operation operation, const enum value_type operands[2],
		 const struct value *left, const struct value *right, int64_t now_us,
		 struct value *ret)
{
	*ret = (struct value){.next_us = min_of(left->next_us, right->next_us)};
	if (operation == OPERATION_AND || operation == OPERATION_OR) {
		apply_logic(operation == OPERATION_OR, left, right, ret);
		return;
	}
	if (!left->known || !right->known)
		return;
	switch (operation) {
	case OPERATION_NOT:
		ret->known = true;
		ret->boolean = !left->boolean;
		break;
	case OPERATION_NEGATE: {
		struct value zero = {0};
		add(operands[0], &zero, left, -1, ret);
		break;
	}
	case OPERATION_EQUAL:
	case OPERATION_NOT_EQUAL:
	case OPERATION_LESS:
	case OPERATION_LESS_EQUAL:
	case OPERATION_GREATER:
	case OPERATION_GREATER_EQUAL:
		compare(operation, operands[0], left, right, now_us, ret);
		break;
	case OPERATION_ADD: add(operands[0], left, right, 1, ret); break;
	case OPERATION_SUBTRACT: add(operands[0], left, right, -1, ret); break;
	case OPERATION_MULTIPLY: multiply(operands, left, right, ret); break;
	case OPERATION_DIVIDE: divide(operands, left, right, ret); break;
	case OPERATION_MODULO: modulo(operands[0], left, right, ret); break;
	case OPERATION_CONSTANT:
	case OPERATION_NAME:
	case OPERATION_SENSOR:
	case OPERATION_CALL:
	case OPERATION_AND:
	case OPERATION_OR:
	case OPERATION_COUNT: break;
	}
}
