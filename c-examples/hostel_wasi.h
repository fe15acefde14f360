/* What the command line grants to programs of WASI. */
#ifndef HOSTEL_WASI_H
#define HOSTEL_WASI_H

#include "hostel_options.h"
#include <hostel.h>

/* Imports with what --dir, --env and --arg grant. False, with an error, when that cannot be granted. */
bool grant_wasi(const struct arguments *arguments, hostel_imports **imports_out, hostel_error **error);

#endif
