/*
 * demo INPUT.md OUTPUT.html
 *
 * A real job for a guest: a Markdown renderer written in Rust, run from C, by every engine of this build. Each has to
 * answer with the very same bytes.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <hostel.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GUEST HOSTEL_GUESTS "/markdown.wasm"
enum { CALLS = 20, CHUNK = 65536 };

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int earlier(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

static bool same(const hostel_buffer *a, const hostel_buffer *b) {
  return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* ---- files ---- */

static bool cannot(const char *verb, const char *path) {
  fprintf(stderr, "demo: cannot %s %s: %s\n", verb, path, strerror(errno));
  return false;
}

/* Reads a whole file into bytes that the caller frees. */
static bool read_file(const char *path, uint8_t **data_out, size_t *len_out) {
  FILE *file = fopen(path, "rb");
  uint8_t *data = NULL, *more;
  size_t len = 0, got;
  bool read = false;
  while (file != NULL && (more = realloc(data, len + CHUNK)) != NULL) {
    data = more;
    len += got = fread(data + len, 1, CHUNK, file);
    if (got == 0) {
      read = !ferror(file);
      break;
    }
  }
  if (!read)
    cannot("read", path);
  if (file != NULL)
    fclose(file);
  *data_out = data;
  *len_out = len;
  return read;
}

static bool write_file(const char *path, const hostel_buffer *page) {
  FILE *file = fopen(path, "wb");
  bool written = file != NULL && fwrite(page->data, 1, page->len, file) == page->len;
  if (file != NULL && fclose(file) != 0)
    written = false;
  return written || cannot("write", path);
}

/* ---- rendering ---- */

struct rendering {
  double load_ms, first_ms, median_us;
  hostel_buffer page;
};

/* Loads the guest with one engine. */
static hostel_status load(const char *name, hostel_guest **guest_out, hostel_error **error) {
  hostel_engine_config *config = NULL;
  hostel_engine *engine = NULL;
  hostel_module *module = NULL;
  hostel_status status = hostel_engine_config_new(&config, error);
  if (status == HOSTEL_STATUS_OK)
    status = hostel_engine_config_set_engine(config, name, error);
  if (status == HOSTEL_STATUS_OK)
    status = hostel_engine_new(config, &engine, error);
  if (status == HOSTEL_STATUS_OK)
    status = hostel_module_load_file(engine, NULL, GUEST, NULL, &module, error);
  if (status == HOSTEL_STATUS_OK)
    status = hostel_guest_new(module, NULL, NULL, guest_out, error);
  hostel_engine_config_free(config); /* the guest keeps what it needs */
  hostel_engine_free(engine);
  hostel_module_free(module);
  return status;
}

/* Renders once for the page, and some more times for the clock. */
static hostel_status render(const char *name, const uint8_t *text, size_t len, struct rendering *rendering,
                            hostel_error **error) {
  hostel_guest *guest = NULL;
  double took[CALLS], start = now_us();
  hostel_status status = load(name, &guest, error);
  rendering->load_ms = (now_us() - start) / 1e3;
  if (status == HOSTEL_STATUS_OK) {
    start = now_us();
    status = hostel_guest_call(guest, "page", text, len, NULL, &rendering->page, error);
    rendering->first_ms = (now_us() - start) / 1e3;
  }
  for (int i = 0; status == HOSTEL_STATUS_OK && i < CALLS; i++) {
    hostel_buffer again;
    start = now_us();
    status = hostel_guest_call(guest, "page", text, len, NULL, &again, error);
    took[i] = now_us() - start;
    if (status == HOSTEL_STATUS_OK && !same(&rendering->page, &again)) {
      fprintf(stderr, "demo: %s rendered the same text in two ways\n", name);
      exit(EXIT_FAILURE);
    }
    hostel_buffer_free(&again);
  }
  hostel_guest_free(guest);
  if (status == HOSTEL_STATUS_OK) {
    qsort(took, CALLS, sizeof *took, earlier);
    rendering->median_us = (took[CALLS / 2 - 1] + took[CALLS / 2]) / 2;
  }
  return status;
}

/* Renders with one engine and prints its row. The first page is kept in `page`; another one that differs is an error. */
static bool show(const char *name, const uint8_t *text, size_t len, hostel_buffer *page, int *rendered) {
  struct rendering rendering = {0};
  hostel_error *error;
  bool ok = true;
  hostel_status status = render(name, text, len, &rendering, &error);
  if (status == HOSTEL_STATUS_UNSUPPORTED_MODULE) {
    printf("  %-10s cannot run this guest: %s\n", name, hostel_error_message(error));
  } else if (status != HOSTEL_STATUS_OK) {
    fprintf(stderr, "demo: %s: %s: %s\n", name, hostel_status_name(status), hostel_error_message(error));
    ok = false;
  } else {
    printf("  %-10s %9.1f %15.2f %17.0f %10zu\n", name, rendering.load_ms, rendering.first_ms, rendering.median_us,
           rendering.page.len);
    if (++*rendered == 1) {
      *page = rendering.page;
      rendering.page = (hostel_buffer){NULL, 0};
    } else if (!same(page, &rendering.page)) {
      fprintf(stderr, "demo: the page of %s differs from that of the first engine\n", name);
      ok = false;
    }
  }
  fflush(stdout); /* a slow engine should not hide the row of a fast one */
  hostel_buffer_free(&rendering.page);
  hostel_error_free(error);
  return ok;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: demo INPUT.md OUTPUT.html\n");
    return 2;
  }
  uint8_t *text;
  size_t len;
  if (!read_file(argv[1], &text, &len)) {
    free(text);
    return 2;
  }
  printf("hostel %s renders %s (%zu bytes of Markdown) with a guest written in Rust.\n\n", hostel_version(), argv[1], len);
  printf("  %-10s %9s %15s %17s %10s\n", "engine", "load, ms", "first call, ms", "median call, us", "bytes out");
  hostel_buffer page = {NULL, 0};
  int rendered = 0;
  bool ok = true;
  for (size_t i = 0; i < hostel_engine_count(); i++)
    ok = show(hostel_engine_name_at(i), text, len, &page, &rendered) && ok;
  if (rendered == 0)
    fprintf(stderr, "demo: no engine rendered the page\n");
  ok = ok && rendered > 0 && write_file(argv[2], &page);
  if (ok && rendered > 1)
    printf("\nAll %d engines agree, byte for byte.", rendered);
  if (ok)
    printf("\nThe median is that of %d calls, each in a guest that starts as new.\n\nThe page is in %s\n", CALLS, argv[2]);
  hostel_buffer_free(&page);
  free(text);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
