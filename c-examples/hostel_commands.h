/* The larger commands of the hostel program. Each returns what the program ends with. */
#ifndef HOSTEL_COMMANDS_H
#define HOSTEL_COMMANDS_H

#include "hostel_options.h"

int run_call(const struct arguments *arguments);
int run_compile(const struct arguments *arguments);
int run_cache_ls(const struct arguments *arguments);
int run_cache_verify(const struct arguments *arguments);
int run_cache_prune(const struct arguments *arguments);

#endif
