/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_DUCKDB_LIBRARY_H
#define SOURCE_DUCKDB_LIBRARY_H

#include <stdint.h>

#include "base/err.h"

/*
 * DuckDB's C interface, found in its shared library at run time. All functions
 * keep their form over versions by DuckDB's own promise (duckdb.h marks them as
 * stable), except duckdb_pending_prepared_streaming: it is deprecated without a
 * replacement, and without it a result would be kept in memory as a whole.
 */
typedef void *duck; /* a handle of any kind */

enum duck_state { DUCK_SUCCESS, DUCK_ERROR };

struct duck_result {
	uint64_t columns, rows, changed;
	void *internal_columns;
	char *error;
	void *internal;
};

/* Values of duckdb_type. */
enum duck_type {
	DUCK_BOOLEAN = 1,
	DUCK_TINYINT = 2,
	DUCK_SMALLINT = 3,
	DUCK_INTEGER = 4,
	DUCK_BIGINT = 5,
	DUCK_UTINYINT = 6,
	DUCK_USMALLINT = 7,
	DUCK_UINTEGER = 8,
	DUCK_UBIGINT = 9,
	DUCK_FLOAT = 10,
	DUCK_DOUBLE = 11,
	DUCK_TIMESTAMP = 12,
	DUCK_DATE = 13,
	DUCK_TIME = 14,
	DUCK_INTERVAL = 15,
	DUCK_HUGEINT = 16,
	DUCK_VARCHAR = 17,
	DUCK_BLOB = 18,
	DUCK_DECIMAL = 19,
	DUCK_TIMESTAMP_S = 20,
	DUCK_TIMESTAMP_MS = 21,
	DUCK_TIMESTAMP_NS = 22,
	DUCK_ENUM = 23,
	DUCK_LIST = 24,
	DUCK_STRUCT = 25,
	DUCK_MAP = 26,
	DUCK_UUID = 27,
	DUCK_UNION = 28,
	DUCK_BIT = 29,
	DUCK_TIME_TZ = 30,
	DUCK_TIMESTAMP_TZ = 31,
	DUCK_UHUGEINT = 32,
	DUCK_ARRAY = 33,
	DUCK_SQLNULL = 36,
	DUCK_TIME_NS = 39,
	DUCK_VARIANT = 41,
};

/* Values of duckdb_statement_type. */
enum duck_statement { DUCK_SELECT = 1, DUCK_EXPLAIN = 4 };

/* DUCK(type of the result, name without duckdb_, arguments) */
#define DUCK_FUNCTIONS(DUCK)                                                   \
	DUCK(const char *, library_version, (void))                            \
	DUCK(int, create_config, (duck * config))                              \
	DUCK(int, set_config,                                                  \
	    (duck config, const char *name, const char *value))                \
	DUCK(void, destroy_config, (duck * config))                            \
	DUCK(int, open_ext,                                                    \
	    (const char *path, duck *database, duck config, char **error))     \
	DUCK(int, connect, (duck database, duck * connection))                 \
	DUCK(void, free, (void *memory))                                       \
	DUCK(int, query,                                                       \
	    (duck connection, const char *sql, struct duck_result *))          \
	DUCK(void, destroy_result, (struct duck_result *))                     \
	DUCK(uint64_t, extract_statements,                                     \
	    (duck connection, const char *sql, duck *statements))              \
	DUCK(const char *, extract_statements_error, (duck statements))        \
	DUCK(void, destroy_extracted, (duck * statements))                     \
	DUCK(int, prepare_extracted_statement,                                 \
	    (duck connection, duck statements, uint64_t index,                 \
		duck * statement))                                             \
	DUCK(const char *, prepare_error, (duck statement))                    \
	DUCK(int, prepared_statement_type, (duck statement))                   \
	DUCK(uint64_t, nparams, (duck statement))                              \
	DUCK(void, destroy_prepare, (duck * statement))                        \
	DUCK(                                                                  \
	    int, pending_prepared_streaming, (duck statement, duck * pending)) \
	DUCK(const char *, pending_error, (duck pending))                      \
	DUCK(int, execute_pending, (duck pending, struct duck_result *))       \
	DUCK(void, destroy_pending, (duck * pending))                          \
	DUCK(const char *, result_error, (struct duck_result *))               \
	DUCK(int, result_error_type, (struct duck_result *))                   \
	DUCK(duck, fetch_chunk, (struct duck_result))                          \
	DUCK(uint64_t, column_count, (struct duck_result *))                   \
	DUCK(const char *, column_name, (struct duck_result *, uint64_t i))    \
	DUCK(duck, column_logical_type, (struct duck_result *, uint64_t i))    \
	DUCK(void, destroy_logical_type, (duck * type))                        \
	DUCK(int, get_type_id, (duck type))                                    \
	DUCK(char *, logical_type_get_alias, (duck type))                      \
	DUCK(uint8_t, decimal_width, (duck type))                              \
	DUCK(uint8_t, decimal_scale, (duck type))                              \
	DUCK(int, decimal_internal_type, (duck type))                          \
	DUCK(int, enum_internal_type, (duck type))                             \
	DUCK(uint32_t, enum_dictionary_size, (duck type))                      \
	DUCK(char *, enum_dictionary_value, (duck type, uint64_t i))           \
	DUCK(duck, list_type_child_type, (duck type))                          \
	DUCK(duck, array_type_child_type, (duck type))                         \
	DUCK(uint64_t, array_type_array_size, (duck type))                     \
	DUCK(duck, map_type_key_type, (duck type))                             \
	DUCK(duck, map_type_value_type, (duck type))                           \
	DUCK(uint64_t, struct_type_child_count, (duck type))                   \
	DUCK(char *, struct_type_child_name, (duck type, uint64_t i))          \
	DUCK(duck, struct_type_child_type, (duck type, uint64_t i))            \
	DUCK(uint64_t, union_type_member_count, (duck type))                   \
	DUCK(char *, union_type_member_name, (duck type, uint64_t i))          \
	DUCK(duck, union_type_member_type, (duck type, uint64_t i))            \
	DUCK(uint64_t, data_chunk_get_size, (duck chunk))                      \
	DUCK(duck, data_chunk_get_vector, (duck chunk, uint64_t i))            \
	DUCK(void, destroy_data_chunk, (duck * chunk))                         \
	DUCK(void *, vector_get_data, (duck vector))                           \
	DUCK(uint64_t *, vector_get_validity, (duck vector))                   \
	DUCK(duck, list_vector_get_child, (duck vector))                       \
	DUCK(duck, struct_vector_get_child, (duck vector, uint64_t i))         \
	DUCK(duck, array_vector_get_child, (duck vector))

struct library {
	const char *version; /* such as v1.5.6 */
#define DUCK_MEMBER(result, name, arguments) result(*name) arguments;
	DUCK_FUNCTIONS(DUCK_MEMBER)
#undef DUCK_MEMBER
};

/* Loads the library into this process, where it stays. The error says where a
 * missing one can be had. */
int library_load(struct library *l, const char *path, struct err *e);

#endif
