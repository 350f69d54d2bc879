/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_TYPES_H
#define SOURCE_TYPES_H

/*
 * The types of sources, one line each. NAME stands for source_type_NAME, the
 * type's settings (source/type.h), and for source_NAME, its driver
 * (source/driver.h). The supervisor uses only source_type_NAME.
 */
#define SOURCE_TYPES(TYPE) \
	TYPE(postgres)     \
	TYPE(redshift)     \
	TYPE(duckdb)       \
	TYPE(snowflake)    \
	TYPE(athena)

#endif
