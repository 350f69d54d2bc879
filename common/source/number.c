/* SPDX-License-Identifier: MIT */
#include "source/number.h"

#include <string.h>

#define WORD_DIGITS 19 /* digits that a uint64_t always holds */
#define WORD_POWER UINT64_C(10000000000000000000)

/* Writes two digits at a time, from the end. Returns the first. */
static char *put_back(uint64_t n, char *end)
{
	static const char pairs[] =
	    "0001020304050607080910111213141516171819202122232425262728293031"
	    "3233343536373839404142434445464748495051525354555657585960616263"
	    "6465666768697071727374757677787980818283848586878889909192939495"
	    "96979899";

	while (n >= 100) {
		end -= 2;
		memcpy(end, pairs + n % 100 * 2, 2);
		n /= 100;
	}
	if (n >= 10) {
		end -= 2;
		memcpy(end, pairs + n * 2, 2);
	} else {
		*--end = (char)('0' + n);
	}
	return end;
}

static char *fill_zeros(char *first, const char *until)
{
	while (first > until)
		*--first = '0';
	return first;
}

/* Writes all digits of n from the end. Returns the first. */
static char *put_uhuge(uhuge n, char *end)
{
	char *first;

	while (n > UINT64_MAX) {
		first = put_back((uint64_t)(n % WORD_POWER), end);
		end = fill_zeros(first, end - WORD_DIGITS);
		n /= WORD_POWER;
	}
	return put_back((uint64_t)n, end);
}

size_t number_unsigned(uint64_t n, char to[static NUMBER_MAX])
{
	char digits[NUMBER_MAX], *end = digits + sizeof(digits);
	const char *first = put_back(n, end);

	memcpy(to, first, (size_t)(end - first));
	return (size_t)(end - first);
}

size_t number_signed(int64_t n, char to[static NUMBER_MAX])
{
	char digits[NUMBER_MAX], *end = digits + sizeof(digits);
	char *first = put_back(n < 0 ? -(uint64_t)n : (uint64_t)n, end);

	if (n < 0)
		*--first = '-';
	memcpy(to, first, (size_t)(end - first));
	return (size_t)(end - first);
}

size_t number_uhuge(uhuge n, char to[static NUMBER_MAX])
{
	char digits[NUMBER_MAX], *end = digits + sizeof(digits);
	const char *first = put_uhuge(n, end);

	memcpy(to, first, (size_t)(end - first));
	return (size_t)(end - first);
}

size_t number_decimal(huge units, int scale, char to[static NUMBER_MAX])
{
	char digits[NUMBER_MAX], *end = digits + sizeof(digits), *p = to;
	char *first = put_uhuge(units < 0 ? -(uhuge)units : (uhuge)units, end);
	size_t whole;

	first = fill_zeros(first, end - scale - 1);
	whole = (size_t)(end - first) - (size_t)scale;
	if (units < 0)
		*p++ = '-';
	memcpy(p, first, whole);
	p += whole;
	if (scale > 0) {
		*p++ = '.';
		memcpy(p, first + whole, (size_t)scale);
		p += scale;
	}
	return (size_t)(p - to);
}
