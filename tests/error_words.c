/* error_words.c: what messages say: of the system in words and not in numbers, with what was being done and to what; which
 * functions there are to call; what the functions of a backtrace are called. */
#include "check_cache.h"

/* ---- the system ---- */

/* The call, which gets `&error`, fails, saying both words and no number of the system's. */
#define SAYS(expected, word, other, ...)                                                                                         \
  do {                                                                                                                           \
    hostel_error *error = RUBBISH;                                                                                               \
    const hostel_status got = (__VA_ARGS__);                                                                                     \
    CHECK(got == HOSTEL_STATUS_##expected);                                                                                      \
    CHECK_ERROR(error, expected, (word));                                                                                        \
    CHECK_ERROR(error, expected, (other));                                                                                       \
    CHECK(strstr(hostel_error_message(error), "os error") == NULL);                                                              \
    hostel_error_free(error);                                                                                                    \
  } while (0)

/* NULL in a build without WASI. */
static hostel_wasi *wasi_of_this_build(void) {
  hostel_wasi *wasi = RUBBISH;
  const hostel_status made = hostel_wasi_new(&wasi, NULL);
  REQUIRE(made == HOSTEL_STATUS_OK || made == HOSTEL_STATUS_UNSUPPORTED);
  return wasi;
}

static void a_missing_file_is_called_that(const hostel_engine *engine) {
  hostel_module *module = RUBBISH;
  hostel_wasi *wasi = wasi_of_this_build();
  const char *missing = "/no/such/place", *no = "No such file or directory";
  SAYS(INVALID_ARGUMENT, missing, no, hostel_module_load_file(engine, NULL, missing, NULL, &module, &error));
  SAYS(INVALID_ARGUMENT, missing, no, hostel_module_deserialize_vouched_file(engine, missing, &module, &error));
  if (wasi != NULL) {
    SAYS(INVALID_ARGUMENT, missing, no, hostel_wasi_add_directory(wasi, missing, "/", true, &error));
  }
  hostel_wasi_free(wasi);
}

static void a_file_in_the_place_of_a_directory_is_called_that(const hostel_engine *engine) {
  struct {
    char text[5000];
  } file;
  snprintf(file.text, sizeof file.text, "%s/below", guest_path("echo.wasm"));
  hostel_module *module = RUBBISH;
  hostel_cache *cache = RUBBISH;
  hostel_wasi *wasi = wasi_of_this_build();
  const char *no = "Not a directory";
  SAYS(INVALID_ARGUMENT, file.text, no, hostel_module_load_file(engine, NULL, file.text, NULL, &module, &error));
  if (wasi != NULL) {
    SAYS(INVALID_ARGUMENT, file.text, no, hostel_wasi_add_directory(wasi, file.text, "/", true, &error));
    SAYS(INVALID_ARGUMENT, "echo.wasm", no, hostel_wasi_add_directory(wasi, guest_path("echo.wasm"), "/", true, &error));
  }
  SAYS(CACHE_IO, file.text, no, hostel_cache_directory_new(file.text, SEAL_KEY, 1 << 20, 0, &cache, &error));
  hostel_wasi_free(wasi);
}

typedef struct heard {
  int messages, numbers;
  bool refused;
} heard;

static void listen(void *user_data, hostel_log_level level, const char *target, const char *message) {
  (void)level, (void)target;
  heard *heard = user_data;
  heard->messages++;
  heard->numbers += strstr(message, "os error") != NULL;
  heard->refused = heard->refused || strstr(message, "onnection refused") != NULL;
}

static void the_log_has_no_numbers_either(const hostel_engine *engine) {
  static const char *const urls[] = {
      "redis://127.0.0.1:1/",
      "s3://x?region=r&endpoint=http://127.0.0.1:1&access_key_id=AKIAHOSTELTESTS&secret_access_key=hunter2"};
  for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) { /* nobody listens there */
    hostel_cache *cache = RUBBISH;
    const hostel_status made = hostel_cache_remote_new(urls[i], SEAL_KEY, NULL, &cache, NULL);
    REQUIRE(made == HOSTEL_STATUS_OK || made == HOSTEL_STATUS_UNSUPPORTED);
    heard heard = {0};
    SUCCEEDS(hostel_log_set(listen, &heard, HOSTEL_LOG_DEBUG, &error));
    hostel_module_free(settled(load_numbered(engine, cache, 1)));
    SUCCEEDS(hostel_log_set(NULL, NULL, HOSTEL_LOG_OFF, &error));
    CHECK(heard.messages > 0 && heard.numbers == 0 && (heard.refused || made == HOSTEL_STATUS_UNSUPPORTED));
    hostel_cache_free(cache);
  }
}

/* ---- functions ---- */

/* What the message offers to who asks for a function that is not there. */
static void offers(const hostel_engine *engine, const char *exports, const char *abi, const char *expected) {
  char text[1000];
  snprintf(text, sizeof text, "(module (memory (export \"memory\") 1) (global (export \"g\") i32 (i32.const 0)) %s)", exports);
  hostel_guest *guest = open_text(engine, text);
  hostel_instance *instance = RUBBISH;
  char words[200];
  snprintf(words, sizeof words, "it exports %s", expected);
  CHECK(strcmp(hostel_guest_abi(guest), abi) == 0);
  for (int i = 0; i < 4; i++) {
    hostel_buffer output = RUBBISH_BUFFER;
    hostel_function *function = RUBBISH;
    hostel_error *error = RUBBISH;
    hostel_status status = HOSTEL_STATUS_OK;
    if (i == 0) {
      status = hostel_guest_call(guest, "absent", NOTHING, NULL, &output, &error);
    } else if (i == 1) {
      status = hostel_guest_call_values(guest, "absent", NULL, 0, NULL, &error);
    } else if (i == 2) {
      status = hostel_guest_function(guest, "absent", &function, &error);
    } else {
      SUCCEEDS(hostel_instance_new(guest, NULL, &instance, &error));
      status = hostel_instance_call(instance, "absent", NOTHING, NULL, &output, &error);
      hostel_instance_free(instance);
    }
    CHECK(status == HOSTEL_STATUS_NO_SUCH_FUNCTION);
    const char *found = strstr(hostel_error_message(error), words);
    if (found == NULL || found[strlen(words)] != '\0') { /* just these */
      fprintf(stderr, "%s: %s\n", expected, hostel_error_message(error));
      failures++;
    }
    hostel_error_free(error);
  }
  hostel_guest_free(guest);
}

#define BLOCKS(alloc, free)                                                                                                      \
  "(func (export \"" alloc "\") (param i32) (result i32) (i32.const 1024)) (func (export \"" free "\") (param i32 i32))"
#define F "(func (export \"f\") (param i32 i32) (result i64) (i64.const 0))"

static void only_functions_for_hosts_are_offered(const hostel_engine *engine) {
  offers(engine, BLOCKS("hostel_alloc", "hostel_free") F, "hostel", "f");
  offers(engine, BLOCKS("__hc__allocate_1", "__hc__deallocate_1") F, "holochain", "f");
  offers(engine, BLOCKS("hostel_alloc", "hostel_free") "(func (export \"_initialize\"))" F, "hostel", "f");
  offers(engine, "(func (export \"_initialize\")) (func (export \"add\") (param i32) (result i32) (i32.const 1))", "none", "add");
  offers(engine, BLOCKS("hostel_alloc", "hostel_free"), "hostel", "none that a host could call");
  /* What is not the guest's own ABI's is a function like any other. */
  offers(engine, BLOCKS("hostel_alloc", "hostel_free") BLOCKS("__hc__allocate_1", "x"), "hostel", "__hc__allocate_1, x");
}

static void a_function_of_the_abis_is_not_for_bytes(const hostel_engine *engine) {
  static const char *const names[] = {"hostel_alloc", "hostel_free", "_initialize"};
  hostel_guest *guest = open_text(
      engine, "(module (memory (export \"memory\") 1) (func (export \"_initialize\"))" BLOCKS("hostel_alloc", "hostel_free") ")");
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    hostel_function *function = RUBBISH;
    FAILS(BAD_ABI, "the ABI itself", hostel_guest_function(guest, names[i], &function, &error));
    REFUSES(BAD_ABI, names[i], hostel_guest_call(guest, names[i], NOTHING, NULL, &output, &error));
  }
  uint64_t values[] = {8};
  SUCCEEDS(hostel_guest_call_values(guest, "hostel_alloc", values, 1, NULL, &error)); /* who knows what they do */
  CHECK(values[0] == 1024);
  hostel_guest_free(guest);
}

static void inspect_tells_them_apart(const hostel_engine *engine) {
  (void)engine;
  hostel_buffer wasm = RUBBISH_BUFFER, json = RUBBISH_BUFFER;
  const char text[] = "(module (memory (export \"memory\") 1) " BLOCKS("hostel_alloc", "hostel_free") F ")";
  SUCCEEDS(hostel_wat_to_wasm(text, strlen(text), &wasm, &error));
  SUCCEEDS(hostel_inspect(wasm.data, wasm.len, &json, &error));
  json.data[json.len - 1] = '\0';
  const char *at = (const char *)json.data;
  int internal = 0;
  while ((at = strstr(at, "\"internal\": true")) != NULL) {
    internal++;
    at++;
  }
  CHECK(internal == 2);
  hostel_buffer_free(&json);
  hostel_buffer_free(&wasm);
}

/* ---- kinds, as crate holochain_wasmer_host calls them ---- */

static void what_cannot_be_called_is_a_call_error(const hostel_engine *engine) {
  hostel_guest *guest = open_text(
      engine, "(module (memory (export \"memory\") 1) " BLOCKS(
                  "__hc__allocate_1",
                  "__hc__deallocate_1") "(func (export \"one\") (param i32) (result i64)"
                                        " (i64.const 0)) (func (export \"narrow\") (param i32 i32) (result i32) (i32.const 0))"
                                        " (func (export \"none\")))");
  static const char *const names[] = {"one", "narrow", "none", "absent", "__hc__allocate_1"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    hostel_buffer output = RUBBISH_BUFFER;
    hostel_error *error = RUBBISH;
    CHECK(hostel_guest_call(guest, names[i], NOTHING, NULL, &output, &error) != HOSTEL_STATUS_OK);
    CHECK(hostel_error_kind(error) == HOSTEL_KIND_CALL_ERROR);
    CHECK(!hostel_error_maybe_corrupt(error)); /* nothing ran */
    hostel_error_free(error);
  }
  hostel_guest_free(guest);
}

static void refused_memory_is_a_call_error(const hostel_engine *engine) {
  hostel_guest *guest = open_file(engine, "echo.wasm");
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_MEMORY_BYTES, 2 << 20, &error));
  uint8_t *input = calloc(4 << 20, 1);
  REQUIRE(input != NULL);
  for (int i = 0; i < 2; i++) { /* no block for the input; no room for what the guest makes */
    const uint8_t four_mib[8] = {0, 0, 64};
    hostel_buffer output = RUBBISH_BUFFER;
    hostel_error *error = RUBBISH;
    const hostel_status status = i == 0 ? hostel_guest_call(guest, "echo", input, 4 << 20, options, &output, &error)
                                        : hostel_guest_call(guest, "big", four_mib, 8, options, &output, &error);
    CHECK(status == HOSTEL_STATUS_MEMORY_LIMIT);
    const bool said = hostel_error_payload(error, NULL) != NULL; /* the guest may put it in words */
    CHECK(hostel_error_kind(error) == (said ? HOSTEL_KIND_GUEST : HOSTEL_KIND_CALL_ERROR));
    hostel_error_free(error);
  }
  free(input);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

/* ---- names ---- */

static void a_backtrace_has_the_names_that_people_wrote(const hostel_engine *engine) {
  static const char *const names[][2] = {
      {"_ZN4core9panicking5panic17h0123456789abcdefE", "core::panicking::panic"},
      {"_ZN48_$LT$guest..Room$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE", "<guest::Room as core::fmt::Debug>::fmt"},
      {"_RNvCs1234_7mycrate3foo", "mycrate::foo"},
      {"_RINvNtC3std3mem8align_ofdE", "std::mem::align_of::<f64>"},
      {"_ZN3foo3barEv", "_ZN3foo3barEv"}, /* not Rust's */
      {"_Rubbish", "_Rubbish"},
      {"plain", "plain"},
  };
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char text[400], line[300];
    snprintf(text, sizeof text, "(module (func $%s unreachable) (func (export \"f\") (call 0)))", names[i][0]);
    snprintf(line, sizeof line, " %s", names[i][1]);
    hostel_guest *guest = link_guest(settled(load_text(engine, text)), NULL);
    hostel_error *error = RUBBISH;
    CHECK(hostel_guest_call_values(guest, "f", NULL, 0, NULL, &error) == HOSTEL_STATUS_TRAP);
    if (!engine_row_has(engine, "no backtrace")) {
      CHECK_ERROR(error, TRAP, line);
      CHECK(strstr(hostel_error_backtrace(error), line) != NULL);
      const char *end = strstr(hostel_error_backtrace(error), line);
      CHECK(end != NULL && (end[strlen(line)] == '\n' || end[strlen(line)] == ' '));
    }
    hostel_error_free(error);
    hostel_guest_free(guest);
  }
}

/* Names that lead to themselves, that double with each letter, that are nested for ever. */
static void no_name_is_too_much(const hostel_engine *engine) {
  static char deep[4100], doubling[1000];
  strcpy(deep, "_RINvC1a1b");
  memset(deep + 10, 'R', 4000);
  strcpy(deep + 4010, "uE");
  strcpy(doubling, "_RINvC1a1bu");
  for (int i = 0; i < 80; i++) {
    strcat(doubling, "TBB_BB_E");
  }
  strcat(doubling, "E");
  const char *names[] = {"_RNvB_1a", "_RYB_1a", "_RINvB_1aB_B_B_E", "_RINvC1a1bFB9_EuE", deep, doubling};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    static char text[5000];
    snprintf(text, sizeof text, "(module (func $%s unreachable) (func (export \"f\") (call 0)))", names[i]);
    hostel_guest *guest = link_guest(settled(load_text(engine, text)), NULL);
    hostel_error *error = RUBBISH;
    CHECK(hostel_guest_call_values(guest, "f", NULL, 0, NULL, &error) == HOSTEL_STATUS_TRAP);
    CHECK(strlen(hostel_error_backtrace(error)) < 1200 && strlen(hostel_error_message(error)) < 1200);
    hostel_error_free(error);
    hostel_guest_free(guest);
  }
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_missing_file_is_called_that),
      TEST(a_file_in_the_place_of_a_directory_is_called_that),
      TEST(the_log_has_no_numbers_either),
      TEST(only_functions_for_hosts_are_offered),
      TEST(a_function_of_the_abis_is_not_for_bytes),
      TEST(inspect_tells_them_apart),
      TEST(what_cannot_be_called_is_a_call_error),
      TEST(refused_memory_is_a_call_error),
      TEST(a_backtrace_has_the_names_that_people_wrote),
      TEST(no_name_is_too_much),
  };
  return RUN_TESTS(argc, argv, tests);
}
