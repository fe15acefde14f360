/* A progress bar for loads that take long. */
#ifndef HOSTEL_PROGRESS_H
#define HOSTEL_PROGRESS_H

#include <hostel.h>

#include <stdbool.h>

/* What is on the screen. Begin with `{0}`. */
struct progress_bar {
  bool terminal, always;
  bool shown;
  int percent;
  double start;
};

/*
 * Makes load options that draw a bar on standard error while a module is compiled: if that is a terminal, once it takes
 * long; if `always`, at once, wherever that goes. `*options_out` is NULL when nothing will be drawn. `bar` must live as long
 * as the options. Call end_progress() before anything else goes to standard error.
 */
bool watch_progress(struct progress_bar *bar, bool always, hostel_load_options **options_out, hostel_error **error_out);

void end_progress(struct progress_bar *bar);

#endif
