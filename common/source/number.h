/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_NUMBER_H
#define SOURCE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers as PostgreSQL writes them. Each function writes into `to`, without a
 * NUL, and returns the length in bytes. */

__extension__ typedef __int128 huge;
__extension__ typedef unsigned __int128 uhuge;

/* Size in bytes that holds every text of the functions below. */
#define NUMBER_MAX 64

size_t number_unsigned(uint64_t n, char to[static NUMBER_MAX]);
size_t number_signed(int64_t n, char to[static NUMBER_MAX]);
size_t number_uhuge(uhuge n, char to[static NUMBER_MAX]);
/* Writes units / 10^scale with all digits of the scale: 1.50. */
size_t number_decimal(huge units, int scale, char to[static NUMBER_MAX]);

/* Powers of ten that number_double computes with. */
struct powers;
struct powers *powers_open(void);
void powers_close(struct powers *p); /* accepts NULL */

/* Writes the shortest text that reads as the same number, and among texts of
 * this length the nearest one. */
size_t number_double(
    const struct powers *p, double v, char to[static NUMBER_MAX]);
size_t number_float(float v, char to[static NUMBER_MAX]);

#endif
