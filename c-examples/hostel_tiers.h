/* Where the hostel program keeps compiled code. */
#ifndef HOSTEL_TIERS_H
#define HOSTEL_TIERS_H

#include "hostel_files.h"
#include "hostel_options.h"

/*
 * The cache that the command line asks for, which is yours; NULL when it asks for none. `secret` is that of the remote store, or
 * NULL. False: `*error_out` says why.
 */
bool open_cache(const struct arguments *arguments, const struct seal_key *key, const char *secret, hostel_cache **cache_out,
                hostel_error **error_out);

#endif
