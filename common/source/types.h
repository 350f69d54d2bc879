/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_TYPES_H
#define SOURCE_TYPES_H

/*
 * The types of sources, one line each. NAME stands for source_type_NAME, which is
 * about its settings (source/type.h), and source_NAME, which reads it
 * (source/driver.h): the supervisor has the former alone.
 */
#define SOURCE_TYPES(TYPE) \
	TYPE(postgres)     \
	TYPE(redshift)

#endif
