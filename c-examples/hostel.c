/* The hostel program: tries a guest from the command line. Written against hostel.h alone, like any other host. */
#define _POSIX_C_SOURCE 200809L
#include "hostel_options.h"
#include <errno.h>
#include <hostel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- files ---- */

static int cannot(const char *verb, const char *path) {
  fprintf(stderr, "hostel: cannot %s %s: %s\n", verb, path, strerror(errno));
  return EXIT_WRONG_USE;
}

/* Without opening it, since it may be a pipe that gives its bytes only once. */
static bool is_readable(const char *path) {
  struct stat about;
  if (access(path, R_OK) != 0 || stat(path, &about) != 0)
    return false;
  if (S_ISDIR(about.st_mode))
    errno = EISDIR;
  return !S_ISDIR(about.st_mode);
}

/* Reads to the end. The bytes are malloc()ed, also when this fails half-way. */
static bool read_stream(FILE *stream, uint8_t **data_out, size_t *len_out) {
  size_t room = 0;
  *data_out = NULL;
  *len_out = 0;
  for (;;) {
    if (*len_out == room) {
      uint8_t *more = realloc(*data_out, room = room * 2 + 65536);
      if (more == NULL)
        return false;
      *data_out = more;
    }
    size_t got = fread(*data_out + *len_out, 1, room - *len_out, stream);
    *len_out += got;
    if (got == 0)
      return !ferror(stream);
  }
}

static bool read_file(const char *path, uint8_t **data_out, size_t *len_out) {
  FILE *file = fopen(path, "rb");
  *data_out = NULL;
  if (file == NULL)
    return false;
  bool read = read_stream(file, data_out, len_out);
  int why = errno;
  fclose(file);
  errno = why;
  return read;
}

/* What was printed has arrived, or the program fails. */
static int finish_output(int exit_status) {
  if (fflush(stdout) != 0 || ferror(stdout))
    return cannot("write", "standard output");
  return exit_status;
}

/* ---- failures ---- */

/* Words of a guest go to a terminal: control characters would be obeyed there. */
static void print_plainly(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)text[i];
    fputc((c < ' ' && c != '\n' && c != '\t') || c == 0x7f ? '?' : c, stderr);
  }
}

/* The last line is for programs, so all that needs more lines stands before it. */
static int print_failure(const hostel_error *error) {
  const char *message = hostel_error_message(error), *backtrace = hostel_error_backtrace(error);
  size_t first_line = strcspn(message, "\n");
  fflush(stdout);
  if (message[first_line] != '\0') {
    print_plainly(message, strlen(message));
    fputc('\n', stderr);
  }
  if (backtrace[0] != '\0') {
    fputs("where the guest was, innermost first:\n", stderr);
    print_plainly(backtrace, strlen(backtrace));
    if (backtrace[strlen(backtrace) - 1] != '\n')
      fputc('\n', stderr);
  }
  fprintf(stderr, "hostel: %s: ", hostel_status_name(hostel_error_status(error)));
  print_plainly(message, first_line);
  fputc('\n', stderr);
  return EXIT_CALL_FAILED;
}

/* ---- hostel engines, hostel inspect ---- */

/* Prints JSON that came with `status`, and lets go of it. */
static int print_json(hostel_buffer *json, hostel_status status, hostel_error *error) {
  if (status == HOSTEL_STATUS_OK) {
    fwrite(json->data, 1, json->len, stdout);
    putchar('\n');
  }
  int exit_status = status == HOSTEL_STATUS_OK ? finish_output(EXIT_OK) : print_failure(error);
  hostel_buffer_free(json);
  hostel_error_free(error);
  return exit_status;
}

static int run_engines(const struct arguments *arguments) {
  if (arguments->json) {
    hostel_buffer json;
    hostel_error *error;
    hostel_status status = hostel_engines_json(&json, &error);
    return print_json(&json, status, error);
  }
  for (size_t i = 0; i < hostel_engine_count(); i++)
    puts(hostel_engine_name_at(i));
  return finish_output(EXIT_OK);
}

static int run_inspect(const struct arguments *arguments) {
  uint8_t *file;
  size_t len = 0;
  if (!read_file(arguments->module, &file, &len)) {
    free(file);
    return cannot("read", arguments->module);
  }
  hostel_buffer wasm = {NULL, 0}, json = {NULL, 0};
  hostel_error *error = NULL;
  hostel_status status;
  if (len >= 4 && memcmp(file, "\0asm", 4) == 0) {
    status = hostel_inspect(file, len, &json, &error);
  } else {
    status = hostel_wat_to_wasm((const char *)file, len, &wasm, &error);
    if (status == HOSTEL_STATUS_OK)
      status = hostel_inspect(wasm.data, wasm.len, &json, &error);
  }
  free(file);
  hostel_buffer_free(&wasm);
  return print_json(&json, status, error);
}

/* ---- hostel call ---- */

/* All that a call needs, and what came of it. */
struct stay {
  uint8_t *read;           /* what the input was read into; NULL when it is the command line's */
  hostel_buffer converted; /* the input, if it was JSON */
  const uint8_t *input;
  size_t input_len;
  FILE *report;
  hostel_engine_config *config;
  hostel_engine *engine;
  hostel_module *module;
  hostel_guest_options *guest_options;
  hostel_guest *guest;
  hostel_instance *instance;
  hostel_buffer output; /* of the last call */
  hostel_error *error;
  double load_us, call_us;
};

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* JSON on the command line's side is MessagePack on the guest's. */
static bool convert_input(const struct arguments *arguments, struct stay *stay) {
  if (!arguments->json)
    return true;
  hostel_error *error;
  if (hostel_json_to_msgpack((const char *)stay->input, stay->input_len, &stay->converted, &error) != HOSTEL_STATUS_OK) {
    fprintf(stderr, "hostel: the input is not JSON: %s\n", hostel_error_message(error));
    hostel_error_free(error);
    return false;
  }
  stay->input = stay->converted.data;
  stay->input_len = stay->converted.len;
  return true;
}

/* Everything of the command line's side that can go wrong, before anything of the guest's. */
static bool open_files(const struct arguments *arguments, struct stay *stay) {
  if (!is_readable(arguments->module))
    return cannot("read", arguments->module), false;
  if (arguments->text != NULL) {
    stay->input = (const uint8_t *)arguments->text;
    stay->input_len = strlen(arguments->text);
  } else {
    const char *path = arguments->input;
    if (path != NULL ? !read_file(path, &stay->read, &stay->input_len) : !read_stream(stdin, &stay->read, &stay->input_len))
      return cannot("read", path != NULL ? path : "standard input"), false;
    stay->input = stay->read;
  }
  if (!convert_input(arguments, stay))
    return false;
  if (arguments->report != NULL && (stay->report = fopen(arguments->report, "w")) == NULL)
    return cannot("write", arguments->report), false;
  return true;
}

/* False when it cannot be said in JSON. */
static bool print_output(const struct arguments *arguments, struct stay *stay) {
  hostel_buffer json = {NULL, 0};
  if (arguments->json && hostel_msgpack_to_json(stay->output.data, stay->output.len, &json, &stay->error) != HOSTEL_STATUS_OK)
    return false;
  const hostel_buffer *output = arguments->json ? &json : &stay->output;
  fwrite(output->data, 1, output->len, stdout);
  hostel_buffer_free(&json);
  return true;
}

/* The engine serves this guest only, so its limits are the call's. */
static bool make_engine(const struct arguments *arguments, struct stay *stay) {
  const struct number memory = arguments->memory, output = arguments->output_max;
  hostel_error **error = &stay->error;
  return !hostel_engine_config_new(&stay->config, error) &&
         (arguments->engine == NULL || !hostel_engine_config_set_engine(stay->config, arguments->engine, error)) &&
         (!memory.given || !hostel_engine_config_set_limit(stay->config, HOSTEL_LIMIT_MEMORY_BYTES, memory.value, error)) &&
         (!output.given || !hostel_engine_config_set_limit(stay->config, HOSTEL_LIMIT_OUTPUT_BYTES, output.value, error)) &&
         !hostel_engine_new(stay->config, &stay->engine, error);
}

static bool load_guest(const struct arguments *arguments, struct stay *stay) {
  hostel_error **error = &stay->error;
  if (hostel_guest_options_new(&stay->guest_options, error) ||
      (arguments->abi != NULL && hostel_guest_options_set_abi(stay->guest_options, arguments->abi, error)))
    return false;
  double start = now_us();
  bool loaded = !hostel_module_load_file(stay->engine, NULL, arguments->module, NULL, &stay->module, error) &&
                !hostel_guest_new(stay->module, NULL, stay->guest_options, &stay->guest, error);
  stay->load_us = now_us() - start;
  return loaded && (!arguments->instance || !hostel_instance_new(stay->guest, NULL, &stay->instance, error));
}

/* One call after the other, until one fails. */
static bool call_guest(const struct arguments *arguments, struct stay *stay) {
  const uint64_t calls = arguments->repeat.given ? arguments->repeat.value : 1;
  for (uint64_t i = 0; i < calls; i++) {
    hostel_buffer_free(&stay->output);
    double start = now_us();
    hostel_status status = stay->instance != NULL ? hostel_instance_call(stay->instance, arguments->function, stay->input,
                                                                         stay->input_len, NULL, &stay->output, &stay->error)
                                                  : hostel_guest_call(stay->guest, arguments->function, stay->input,
                                                                      stay->input_len, NULL, &stay->output, &stay->error);
    stay->call_us = now_us() - start;
    if (status != HOSTEL_STATUS_OK)
      return false;
    if ((arguments->each || i + 1 == calls) && !print_output(arguments, stay))
      return false;
    if (arguments->each)
      putchar('\n');
  }
  return true;
}

/* Closes it, too. Every value is a number or one of the library's own words, so nothing needs escaping. */
static bool write_report(const struct stay *stay) {
  const char *engine = hostel_engine_name(stay->engine), *abi = hostel_guest_abi(stay->guest);
  FILE *file = stay->report;
  fprintf(file, "{\"status\": \"%s\"", hostel_status_name(hostel_error_status(stay->error)));
  fprintf(file, ", \"engine\": \"%s\", \"abi\": \"%s\"", engine != NULL ? engine : "none", abi != NULL ? abi : "none");
  fprintf(file, ", \"cache\": \"%s\", \"room\": \"new\"", stay->module != NULL ? "compiled" : "none");
  fprintf(file, ", \"load_us\": %.3f, \"call_us\": %.3f", stay->load_us, stay->call_us);
  fprintf(file, ", \"input_bytes\": %zu, \"output_bytes\": %zu}\n", stay->input_len, stay->output.len);
  bool written = !ferror(file);
  return fclose(file) == 0 && written;
}

static void end_stay(struct stay *stay) {
  free(stay->read);
  hostel_buffer_free(&stay->converted);
  hostel_engine_config_free(stay->config);
  hostel_engine_free(stay->engine);
  hostel_module_free(stay->module);
  hostel_guest_options_free(stay->guest_options);
  hostel_guest_free(stay->guest);
  hostel_instance_free(stay->instance);
  hostel_buffer_free(&stay->output);
  hostel_error_free(stay->error);
}

static int run_call(const struct arguments *arguments) {
  struct stay stay = {0};
  int exit_status = EXIT_WRONG_USE;
  if (open_files(arguments, &stay)) {
    bool called = make_engine(arguments, &stay) && load_guest(arguments, &stay) && call_guest(arguments, &stay);
    exit_status = finish_output(EXIT_OK);
    if (stay.report != NULL && !write_report(&stay))
      exit_status = cannot("write", arguments->report);
    if (!called)
      exit_status = print_failure(stay.error);
  }
  end_stay(&stay);
  return exit_status;
}

int main(int argc, char **argv) {
  struct arguments arguments;
  int exit_status;
  if (!read_arguments(argc, argv, &arguments, &exit_status))
    return finish_output(exit_status);
  switch (arguments.command) {
  case COMMAND_CALL:
    return run_call(&arguments);
  case COMMAND_INSPECT:
    return run_inspect(&arguments);
  case COMMAND_ENGINES:
    return run_engines(&arguments);
  }
  return EXIT_WRONG_USE;
}
