/* --dir, --env and --arg; standard input and error */
#define _POSIX_C_SOURCE 200809L
#include "hostel_wasi.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* HOST::GUEST, perhaps with ::ro behind it; the parts are cut out of a copy. */
static bool grant_directory(hostel_wasi *wasi, const char *text, hostel_error **error) {
  char *copy = malloc(strlen(text) + 1);
  if (copy == NULL)
    return false;
  strcpy(copy, text);
  char *guest = strstr(copy, "::"), *rights = NULL;
  if (guest != NULL) {
    *guest = '\0';
    guest += 2;
    rights = strstr(guest, "::");
  }
  if (rights != NULL)
    *rights = '\0';
  const bool read_only = rights != NULL; /* the command line has been checked: it is "::ro" */
  const bool granted = !hostel_wasi_add_directory(wasi, copy, guest != NULL ? guest : copy, read_only, error);
  free(copy);
  return granted;
}

/* NAME=VALUE */
static bool grant_variable(hostel_wasi *wasi, const char *text, hostel_error **error) {
  const size_t len = strcspn(text, "=");
  char *name = malloc(len + 1);
  if (name == NULL)
    return false;
  memcpy(name, text, len);
  name[len] = '\0';
  const bool granted = !hostel_wasi_set_variable(wasi, name, text + len + 1, error);
  free(name);
  return granted;
}

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash != NULL ? slash + 1 : path;
}

static bool runs_once(const struct arguments *arguments) { return !arguments->repeat.given || arguments->repeat.value == 1; }

bool reads_itself(const struct arguments *arguments) {
  return arguments->input == NULL && arguments->text == NULL && !arguments->json && runs_once(arguments);
}

bool writes_itself(const struct arguments *arguments) {
  const bool can_be_written_to = (fcntl(STDOUT_FILENO, F_GETFL) & O_ACCMODE) != O_RDONLY;
  return !arguments->json && !arguments->each && runs_once(arguments) && can_be_written_to;
}

static bool grant_all(const struct arguments *arguments, hostel_wasi *wasi, hostel_error **error) {
  const bool escapes = isatty(STDERR_FILENO) && !arguments->raw_stderr;
  bool granted = !hostel_wasi_inherit(wasi, HOSTEL_STREAM_ERROR, error) && !hostel_wasi_escape_errors(wasi, escapes, error) &&
                 !hostel_wasi_add_argument(wasi, base_name(arguments->module), error);
  if (granted && reads_itself(arguments))
    granted = !hostel_wasi_inherit(wasi, HOSTEL_STREAM_INPUT, error);
  if (granted && writes_itself(arguments))
    granted = !hostel_wasi_inherit(wasi, HOSTEL_STREAM_OUTPUT, error) && !hostel_wasi_show_output(wasi, true, error);
  for (size_t i = 0; granted && i < arguments->args.count; i++)
    granted = !hostel_wasi_add_argument(wasi, arguments->args.values[i], error);
  for (size_t i = 0; granted && i < arguments->envs.count; i++)
    granted = grant_variable(wasi, arguments->envs.values[i], error);
  for (size_t i = 0; granted && i < arguments->dirs.count; i++)
    granted = grant_directory(wasi, arguments->dirs.values[i], error);
  return granted;
}

bool grant_wasi(const struct arguments *arguments, hostel_imports **imports_out, hostel_error **error) {
  hostel_wasi *wasi;
  if (hostel_imports_new(imports_out, error))
    return false;
  hostel_status status = hostel_wasi_new(&wasi, error);
  if (status == HOSTEL_STATUS_UNSUPPORTED && arguments->args.count + arguments->envs.count + arguments->dirs.count == 0) {
    hostel_error_free(*error);
    *error = NULL;
    return true; /* a build without WASI has nothing to grant, and nothing was asked for */
  }
  const bool granted = !status && grant_all(arguments, wasi, error) && !hostel_imports_set_wasi(*imports_out, wasi, error);
  hostel_wasi_free(wasi);
  return granted;
}
