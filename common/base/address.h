/* SPDX-License-Identifier: MIT */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <sys/socket.h>

/* Reads ADDRESS:PORT with a numeric address, such as 127.0.0.1:8080 or
 * [::1]:8080. Returns its length in bytes, or 0 when it is none. */
socklen_t address_parse(const char *text, struct sockaddr_storage *address);

#endif
