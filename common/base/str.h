/* SPDX-License-Identifier: MIT */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Cuts s (NUL-terminated) to at most max bytes, between UTF-8 characters. */
void str_cut_utf8(char *s, size_t max);
/* Cuts s as str_cut_utf8 does and puts "…" at the end of a cut text. */
void str_shorten_utf8(char *s, size_t max);

/* Says whether the n bytes are well-formed UTF-8 (RFC 3629). */
bool str_is_utf8(const char *s, size_t n);

/* Replaces each byte that belongs to no valid character by a question mark. */
void str_clean_utf8(char *s);

/*
 * Returns the code of the character at s (well-formed UTF-8) when the character
 * is invisible and can make text appear as something else: the C1 controls,
 * Unicode's format characters (U+202E reverses text, U+200B splits a name),
 * line and paragraph separators. Returns 0 for any other character. *len
 * receives its bytes.
 */
uint32_t str_hidden(const char *s, size_t *len);
/* Says whether the character joins or parts letters, which some scripts need to
 * spell a name: U+200C, U+200D. Names may hold it. */
bool str_is_joiner(uint32_t c);
/* Replaces each of these characters but joiners by an underscore, in place. For
 * the names of files. */
void str_mask_hidden(char *s);
/* Writes each character that str_hidden finds as <U+202E>, in place; a text that
 * grows past `size` bytes, NUL included, is cut between characters. */
void str_show_hidden(char *s, size_t size);

/* Says whether the text contains an ASCII control character. */
bool str_has_control(const char *s);

/* Says whether `path` begins with all segments of `prefix`; the number of
 * slashes between segments does not matter. */
bool str_path_within(const char *path, const char *prefix);

/* Copies as much of s as fits; the copy is always NUL-terminated (size > 0). */
void str_copy(char *to, size_t size, const char *s);

/* Converts the whole string. Returns 0 with *out set, or -1 when the number is
 * out of range or followed by other bytes. */
int str_to_i64(const char *s, int64_t *out);

/* Converts `250ms`, `30s`, `5min`, `2h`, `7d`, or a bare number of seconds, to
 * milliseconds. Returns -1 for a negative time or any other text. */
int str_to_ms(const char *s, int64_t *ms);

/* Converts `4096`, `64kB`, `16MB`, `1GB`, `2TB` (powers of 1024) to bytes. */
int str_to_bytes(const char *s, int64_t *bytes);

/* Converts on/off, true/false, yes/no, 1/0; returns -1 for any other text. */
int str_to_bool(const char *s, bool *out);

/* Returns the value of a hexadecimal digit in either case; -1: it is none. */
int str_hex_digit(char c);

/* Writes n bytes as 2 * n hexadecimal digits, in lower case, and a zero byte. */
void str_hex(char *to, const unsigned char *bytes, size_t n);

#endif
