/* SPDX-License-Identifier: MIT */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Cuts s (NUL-terminated) to at most max bytes, at a UTF-8 character. */
void str_cut_utf8(char *s, size_t max);
/* The same, with "…" in place of what is cut. */
void str_shorten_utf8(char *s, size_t max);

/* True when the n bytes are well-formed UTF-8 (RFC 3629). */
bool str_is_utf8(const char *s, size_t n);

/* Replaces each byte that is part of no character by a question mark. */
void str_clean_utf8(char *s);

/*
 * The code of the character at s (well-formed UTF-8) when it shows nothing itself
 * and can make others show as what they are not: the controls of C1, the format
 * characters of Unicode (U+202E turns a text round, U+200B splits a name), line
 * and paragraph separators. 0: it is another one. *len gets its bytes.
 */
uint32_t str_hidden(const char *s, size_t *len);
/* Writes each of them as <U+202E>, in place; what grows past `size`, NUL
 * included, is cut at a character. */
void str_show_hidden(char *s, size_t size);

/* Whether one of the characters is a control of ASCII. */
bool str_has_control(const char *s);

/* Whether all segments of the path `prefix` stand at the head of `path`; how many
 * slashes are between them does not count. */
bool str_path_within(const char *path, const char *prefix);

/* Copies as much of s as fits, always NUL-terminated (size > 0). */
void str_copy(char *to, size_t size, const char *s);

/* Whole string or nothing: 0 and *out, or -1 (out of range, trailing bytes). */
int str_to_i64(const char *s, int64_t *out);

/* `250ms`, `30s`, `5min`, `2h`, `7d`, or a bare number of seconds; into
 * milliseconds. Not negative. -1 when it is none of these. */
int str_to_ms(const char *s, int64_t *ms);

/* `4096`, `64kB`, `16MB`, `1GB`, `2TB` (powers of 1024); into bytes. */
int str_to_bytes(const char *s, int64_t *bytes);

/* on/off, true/false, yes/no, 1/0; -1 for anything else. */
int str_to_bool(const char *s, bool *out);

#endif
