#define _POSIX_C_SOURCE 200809L
#include "hostel_progress.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Nobody wants to see a bar flash by. */
#define PATIENCE_SECONDS 0.3
#define WIDTH 40

static double now_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void draw(struct progress_bar *bar, int percent) {
  static const char full[WIDTH + 1] = "########################################";
  int marks = WIDTH * percent / 100;
  fprintf(stderr, "\rcompiling [%-*.*s] %3d%%", WIDTH, marks, full, percent);
  bar->shown = true;
  bar->percent = percent;
}

/* Called on the threads that compile, by one at a time. */
static hostel_status show_progress(void *user_data, const char *phase, uint64_t done, uint64_t total) {
  struct progress_bar *bar = user_data;
  bool ready = strcmp(phase, "ready") == 0;
  if (strcmp(phase, "wait") == 0)
    return HOSTEL_STATUS_OK; /* for another that compiles: who knows how far that is */
  /* Together well below 2^53, so that a double is exact enough. */
  int percent = ready ? 100 : total > 0 ? (int)(100.0 * (double)done / (double)total) : 0;
  bool late = bar->always || now_seconds() - bar->start >= PATIENCE_SECONDS;
  if (late && (!bar->shown || percent > bar->percent))
    draw(bar, percent);
  return HOSTEL_STATUS_OK;
}

bool watch_progress(struct progress_bar *bar, bool always, hostel_load_options **options_out, hostel_error **error_out) {
  *options_out = NULL;
  *bar = (struct progress_bar){.terminal = isatty(STDERR_FILENO) == 1, .always = always, .start = now_seconds()};
  return (!bar->terminal && !always) || (!hostel_load_options_new(options_out, error_out) &&
                                         !hostel_load_options_set_progress(*options_out, show_progress, bar, error_out));
}

/* A terminal's line is taken back; elsewhere it ends, so that what follows begins a line of its own. */
void end_progress(struct progress_bar *bar) {
  if (bar->shown)
    fputs(bar->terminal ? "\r\033[K" : "\n", stderr);
  bar->shown = false;
}
