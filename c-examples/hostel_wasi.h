/* What the command line grants to programs of WASI. */
#ifndef HOSTEL_WASI_H
#define HOSTEL_WASI_H

#include "hostel_options.h"
#include <hostel.h>

/* Imports with what --dir, --env and --arg grant, and the streams. False, with an error, when that cannot be granted. */
bool grant_wasi(const struct arguments *arguments, hostel_imports **imports_out, hostel_error **error);

/* Whether a program reads standard input itself: its input is not given otherwise, nor needed more than once. */
bool reads_itself(const struct arguments *arguments);

/* Whether what a program writes is written as it comes: it is not another form of it, nor the last of several. */
bool writes_itself(const struct arguments *arguments);

#endif
