/* What the hostel program tells its user. */
#ifndef HOSTEL_OUTPUT_H
#define HOSTEL_OUTPUT_H

#include <hostel.h>

/* Says what cannot be done to a file, for the reason in errno, and what the program then ends with. */
int cannot(const char *verb, const char *path);

/* Says what failed, and what the program then ends with. */
int print_failure(const hostel_error *error);

/* Prints JSON that came with `status`, and lets go of both; what the program then ends with. */
int print_json(hostel_buffer *json, hostel_status status, hostel_error *error);

/* What was printed has arrived, or the program fails. */
int finish_output(int exit_status);

#endif
