/* hostel call */
#define _POSIX_C_SOURCE 200809L
#include "hostel_commands.h"
#include "hostel_module.h"
#include "hostel_output.h"
#include "hostel_tiers.h"
#include "hostel_wasi.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* All that a call needs, and what came of it. */
struct stay {
  struct module_file file;
  char *secret;            /* of the remote store; NULL without one */
  uint8_t *read;           /* what the input was read into; NULL when it is the command line's */
  hostel_buffer converted; /* the input, if it was JSON */
  const uint8_t *input;
  size_t input_len;
  FILE *report;
  hostel_engine *engine;
  hostel_cache *cache; /* NULL without one */
  hostel_module *module;
  hostel_guest_options *guest_options;
  hostel_imports *imports;
  hostel_call_options *options;
  hostel_guest *guest;
  hostel_instance *instance;
  hostel_buffer output; /* of the last call */
  hostel_error *error;
  double load_us;
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

/* A guest gets it into its memory; JSON is longer than what it is turned into. */
static uint64_t input_max(const struct arguments *arguments) {
  const uint64_t memory = arguments->memory.given ? arguments->memory.value : (uint64_t)256 << 20;
  return arguments->json && memory < UINT64_MAX / 8 ? memory * 8 : memory;
}

static bool read_input(const struct arguments *arguments, struct stay *stay) {
  const char *path = arguments->input;
  const uint64_t max = input_max(arguments);
  if (path != NULL ? !read_file(path, max, &stay->read, &stay->input_len)
                   : !read_stream(stdin, max, &stay->read, &stay->input_len))
    return cannot("read", path != NULL ? path : "standard input"), false;
  stay->input = stay->read;
  return true;
}

/* Everything of the command line's side that can go wrong, before anything of the guest's. */
static bool open_files(const struct arguments *arguments, struct stay *stay) {
  if (!read_module_file(arguments, &stay->file) || !read_secret(arguments->remote_secret, &stay->secret))
    return false;
  if (arguments->text != NULL) {
    stay->input = (const uint8_t *)arguments->text;
    stay->input_len = strlen(arguments->text);
  } else if (!reads_itself(arguments) && !read_input(arguments, stay)) {
    return false;
  }
  if (!convert_input(arguments, stay))
    return false;
  if (arguments->report != NULL && (stay->report = fopen(arguments->report, "w")) == NULL)
    return cannot("write", arguments->report), false;
  return true;
}

static bool is_program(const struct stay *stay) {
  const char *abi = hostel_guest_abi(stay->guest);
  return abi != NULL && strcmp(abi, "command") == 0;
}

/* False when it cannot be said in JSON. */
static bool print_output(const struct arguments *arguments, struct stay *stay) {
  if (is_program(stay) && writes_itself(arguments))
    return true;
  hostel_buffer json = {NULL, 0};
  if (arguments->json && hostel_msgpack_to_json(stay->output.data, stay->output.len, &json, &stay->error) != HOSTEL_STATUS_OK)
    return false;
  const hostel_buffer *output = arguments->json ? &json : &stay->output;
  if (output->len > 0)
    fwrite(output->data, 1, output->len, stdout);
  hostel_buffer_free(&json);
  return true;
}

static bool set_limits(const struct arguments *arguments, struct stay *stay) {
  const struct number fuel = arguments->fuel, deadline = arguments->deadline_ms;
  hostel_error **error = &stay->error;
  return !hostel_call_options_new(&stay->options, error) &&
         (!fuel.given || !hostel_call_options_set_fuel(stay->options, fuel.value, error)) &&
         (!deadline.given || !hostel_call_options_set_deadline_ms(stay->options, deadline.value, error));
}

static bool load_guest(const struct arguments *arguments, struct stay *stay) {
  hostel_error **error = &stay->error;
  if (!set_limits(arguments, stay) || hostel_guest_options_new(&stay->guest_options, error) ||
      (arguments->abi != NULL && hostel_guest_options_set_abi(stay->guest_options, arguments->abi, error)) ||
      !grant_wasi(arguments, &stay->imports, error))
    return false;
  double start = now_us();
  bool loaded = load_module(arguments, stay->engine, stay->cache, &stay->file, &stay->module, error) &&
                !hostel_guest_new(stay->module, stay->imports, stay->guest_options, &stay->guest, error);
  stay->load_us = now_us() - start;
  return loaded && (!arguments->instance || !hostel_instance_new(stay->guest, stay->options, &stay->instance, error));
}

/* One call after the other, until one fails. */
static bool call_guest(const struct arguments *arguments, struct stay *stay) {
  const uint64_t calls = arguments->repeat.given ? arguments->repeat.value : 1;
  for (uint64_t i = 0; i < calls; i++) {
    hostel_buffer_free(&stay->output);
    hostel_status status = stay->instance != NULL
                               ? hostel_instance_call(stay->instance, arguments->function, stay->input, stay->input_len,
                                                      stay->options, &stay->output, &stay->error)
                               : hostel_guest_call(stay->guest, arguments->function, stay->input, stay->input_len, stay->options,
                                                   &stay->output, &stay->error);
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
  const char *abi = hostel_guest_abi(stay->guest);
  const char *origin = hostel_module_origin(stay->module);
  /* There is none when no call was made. */
  hostel_report last = {.struct_size = sizeof last};
  const bool called = hostel_call_options_report(stay->options, &last, NULL) == HOSTEL_STATUS_OK;
  const char *engine = called ? last.engine : hostel_engine_name(stay->engine); /* of "tiered" it is the tier that served */
  const bool is_new = !called || last.room_is_new || stay->instance != NULL;
  FILE *file = stay->report;
  fprintf(file, "{\"status\": \"%s\"", hostel_status_name(hostel_error_status(stay->error)));
  fprintf(file, ", \"engine\": \"%s\", \"abi\": \"%s\"", engine != NULL ? engine : "none", abi != NULL ? abi : "none");
  fprintf(file, ", \"cache\": \"%s\", \"room\": \"%s\"", origin != NULL ? origin : "none", is_new ? "new" : "reset");
  if (called && last.fuel_used != HOSTEL_UNLIMITED)
    fprintf(file, ", \"fuel_used\": %" PRIu64, last.fuel_used);
  else
    fprintf(file, ", \"fuel_used\": null");
  fprintf(file, ", \"load_us\": %.3f, \"room_us\": %.3f, \"call_us\": %.3f", stay->load_us, (double)last.room_ns / 1e3,
          (double)last.call_ns / 1e3);
  fprintf(file, ", \"memory_peak_bytes\": %" PRIu64, last.memory_peak_bytes);
  fprintf(file, ", \"input_bytes\": %zu, \"output_bytes\": %zu}\n", stay->input_len, stay->output.len);
  bool written = !ferror(file);
  return fclose(file) == 0 && written;
}

static void end_stay(struct stay *stay) {
  free(stay->file.data);
  free(stay->secret);
  free(stay->read);
  hostel_buffer_free(&stay->converted);
  hostel_engine_free(stay->engine);
  hostel_cache_free(stay->cache);
  hostel_module_free(stay->module);
  hostel_guest_options_free(stay->guest_options);
  hostel_imports_free(stay->imports);
  hostel_call_options_free(stay->options);
  hostel_guest_free(stay->guest);
  hostel_instance_free(stay->instance);
  hostel_buffer_free(&stay->output);
  hostel_error_free(stay->error);
}

/* What a program has written before it failed is not lost; its own exit code is passed on. */
static int call_failed(const struct arguments *arguments, const struct stay *stay) {
  const int code = hostel_error_exit_code(stay->error);
  size_t len = 0;
  const uint8_t *written = is_program(stay) && !writes_itself(arguments) ? hostel_error_payload(stay->error, &len) : NULL;
  if (len > 0)
    fwrite(written, 1, len, stdout);
  const int exit_status = finish_output(EXIT_OK);
  print_failure(stay->error);
  if (exit_status != EXIT_OK)
    return exit_status;
  return (code & 0xff) != 0 ? code & 0xff : EXIT_CALL_FAILED; /* a code that no process could end with */
}

static int run_stay(const struct arguments *arguments, struct stay *stay) {
  const bool loaded = make_engine(arguments, &stay->engine, &stay->error) &&
                      open_cache(arguments, &stay->file.key, stay->secret, &stay->cache, &stay->error) &&
                      load_guest(arguments, stay);
  if (loaded && reads_itself(arguments) && !is_program(stay) && !read_input(arguments, stay))
    return EXIT_WRONG_USE;
  const bool called = loaded && call_guest(arguments, stay);
  int exit_status = finish_output(EXIT_OK);
  if (stay->report != NULL && !write_report(stay))
    exit_status = cannot("write", arguments->report);
  return called ? exit_status : call_failed(arguments, stay);
}

int run_call(const struct arguments *arguments) {
  struct stay stay = {0};
  const int exit_status = open_files(arguments, &stay) ? run_stay(arguments, &stay) : EXIT_WRONG_USE;
  end_stay(&stay);
  return exit_status;
}
