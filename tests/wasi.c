/* wasi.c: grants, in the order of src/ffi/wasi.rs. What programs make of them is in the other tests named wasi_*. */
#include "check_rooms.h"
#include "check_wasi.h"

#include <fcntl.h>

static void grants_are_made(const hostel_engine *engine) {
  (void)engine;
  FAILS(INVALID_ARGUMENT, "wasi_out", hostel_wasi_new(NULL, &error));
  hostel_wasi_free(new_wasi());
  hostel_wasi_free(NULL);
}

static void a_program_that_is_granted_nothing_has_nothing(const hostel_engine *engine) {
  RUST_SAYS("", engine, new_wasi()); /* no arguments: it copies its input, which is empty */
  RUST_SAYS("args\nenv\n", engine, wasi_with("args", "env"));
  RUST_SAYS("", engine, wasi_with("env"));
  RUST_SAYS("NotFound\nNotFound\nNotFound\n", engine, wasi_with("try", "/", "/etc/passwd", "."));
  hostel_guest *guest = open_file(engine, "wasi_rust.wasm"); /* without any grants at all */
  SAYS("", guest);
  hostel_guest_free(guest);
}

static void arguments_come_in_order(const hostel_engine *engine) {
  hostel_wasi *wasi = wasi_with("args", "", "two words", "größe");
  FAILS(INVALID_ARGUMENT, "wasi", hostel_wasi_add_argument(NULL, "x", &error));
  FAILS(INVALID_ARGUMENT, "argument", hostel_wasi_add_argument(wasi, NULL, &error));
  FAILS(INVALID_ARGUMENT, "argument", hostel_wasi_add_argument(wasi, "\xff", &error));
  RUST_SAYS("args\n\ntwo words\ngröße\n", engine, wasi);
}

static void variables_have_one_value(const hostel_engine *engine) {
  hostel_wasi *wasi = wasi_with("env");
  FAILS(INVALID_ARGUMENT, "wasi", hostel_wasi_set_variable(NULL, "A", "1", &error));
  FAILS(INVALID_ARGUMENT, "name", hostel_wasi_set_variable(wasi, NULL, "1", &error));
  FAILS(INVALID_ARGUMENT, "value", hostel_wasi_set_variable(wasi, "A", NULL, &error));
  FAILS(INVALID_ARGUMENT, "name", hostel_wasi_set_variable(wasi, "", "1", &error));
  FAILS(INVALID_ARGUMENT, "name", hostel_wasi_set_variable(wasi, "A=B", "1", &error));
  FAILS(INVALID_ARGUMENT, "name", hostel_wasi_set_variable(wasi, "\xff", "1", &error));
  FAILS(INVALID_ARGUMENT, "value", hostel_wasi_set_variable(wasi, "A", "\xff", &error));
  SUCCEEDS(hostel_wasi_set_variable(wasi, "A", "old", &error));
  SUCCEEDS(hostel_wasi_set_variable(wasi, "B", "x=y", &error));
  SUCCEEDS(hostel_wasi_set_variable(wasi, "A", "", &error));
  RUST_SAYS("B=x=y\nA=\n", engine, wasi);
}

static void directories_are_looked_at_when_they_are_granted(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_file(&folder, "a", "A");
  hostel_wasi *wasi = wasi_with("ls", "/here/");
  FAILS(INVALID_ARGUMENT, "wasi", hostel_wasi_add_directory(NULL, "/tmp", "/", false, &error));
  FAILS(INVALID_ARGUMENT, "host_path", hostel_wasi_add_directory(wasi, NULL, "/", false, &error));
  FAILS(INVALID_ARGUMENT, "guest_path", hostel_wasi_add_directory(wasi, "/tmp", NULL, false, &error));
  FAILS(INVALID_ARGUMENT, "guest", hostel_wasi_add_directory(wasi, "/tmp", "", false, &error));
  FAILS(INVALID_ARGUMENT, "guest_path", hostel_wasi_add_directory(wasi, "/tmp", "\xff", false, &error));
  FAILS(INVALID_ARGUMENT, "cannot be read", hostel_wasi_add_directory(wasi, inside(&folder, "none"), "/", false, &error));
  FAILS(INVALID_ARGUMENT, "cannot be read", hostel_wasi_add_directory(wasi, inside(&folder, "a"), "/", false, &error));
  FAILS(INVALID_ARGUMENT, "cannot be read", hostel_wasi_add_directory(wasi, "", "/", false, &error));
  grant_folder(wasi, &folder, "/here", true);
  RUST_SAYS("a\n", engine, wasi);
  remove_folder(&folder);
}

/* A relative path means what it meant when it was granted. */
static void a_host_that_goes_elsewhere_grants_no_other_directory(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_folder(&folder, "sub");
  put_file(&folder, "sub/file", "x");
  char before[4096];
  REQUIRE(getcwd(before, sizeof before) != NULL && chdir(folder.path) == 0);
  hostel_wasi *wasi = wasi_with("ls", "/here");
  SUCCEEDS(hostel_wasi_add_directory(wasi, "sub", "/here", true, &error));
  REQUIRE(chdir(before) == 0);
  RUST_SAYS("file\n", engine, wasi);
  remove_folder(&folder);
}

static void an_input_is_there_in_each_call(const hostel_engine *engine) {
  hostel_wasi *wasi = wasi_with("cat");
  FAILS(INVALID_ARGUMENT, "wasi", hostel_wasi_set_input(NULL, TEXT("x"), &error));
  FAILS(INVALID_ARGUMENT, "data", hostel_wasi_set_input(wasi, NULL, 1, &error));
  SUCCEEDS(hostel_wasi_set_input(wasi, NOTHING, &error));
  char text[] = "granted";
  SUCCEEDS(hostel_wasi_set_input(wasi, (const uint8_t *)text, strlen(text), &error));
  memset(text, 'x', sizeof text); /* it was copied */
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi);
  for (int i = 0; i < 3; i++) {
    ANSWERS("granted", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
    ANSWERS("the call's", hostel_guest_call(guest, NULL, TEXT("the call's"), NULL, &output, &error));
  }
  hostel_guest_free(guest);
}

/* What callbacks were asked and told. */
typedef struct stream {
  const char *text; /* to be read */
  size_t at, most;
  hostel_status answer;
  char written[256];
  size_t written_len;
  void *context;
  uint64_t time_left_ns;
  int asked, finished;
} stream;

static hostel_status read_stream(void *user_data, void *context, uint64_t time_left_ns, uint8_t *buffer, size_t capacity,
                                 size_t *len_out) {
  stream *stream = user_data;
  stream->asked++;
  stream->context = context;
  stream->time_left_ns = time_left_ns;
  size_t len = strlen(stream->text) - stream->at;
  len = len < stream->most ? len : stream->most;
  if (capacity == 0 || len > capacity)
    return HOSTEL_STATUS_INTERNAL;
  memcpy(buffer, stream->text + stream->at, len);
  stream->at += len;
  *len_out = len;
  return stream->answer;
}

static hostel_status write_stream(void *user_data, void *context, uint64_t time_left_ns, const uint8_t *data, size_t data_len) {
  stream *stream = user_data;
  stream->asked++;
  stream->context = context;
  stream->time_left_ns = time_left_ns;
  if (data_len > sizeof stream->written - stream->written_len)
    return HOSTEL_STATUS_INTERNAL;
  memcpy(stream->written + stream->written_len, data, data_len);
  stream->written_len += data_len;
  return stream->answer;
}

static void finish_stream(void *user_data) { ((stream *)user_data)->finished++; }

static void a_reader_is_asked_until_it_has_no_more(const hostel_engine *engine) {
  stream stream = {.text = "piece by piece", .most = 4};
  hostel_wasi *wasi = wasi_with("cat");
  FAILS(INVALID_ARGUMENT, "wasi", hostel_wasi_set_reader(NULL, read_stream, &stream, finish_stream, &error));
  FAILS(INVALID_ARGUMENT, "callback", hostel_wasi_set_reader(wasi, NULL, &stream, finish_stream, &error));
  CHECK(stream.finished == 0);
  SUCCEEDS(hostel_wasi_set_reader(wasi, read_stream, &stream, finish_stream, &error));
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi);
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_context(options, &stream, &error));
  ANSWERS("piece by piece", hostel_guest_call(guest, NULL, NOTHING, options, &output, &error));
  CHECK(stream.asked == 5 && stream.context == &stream && stream.time_left_ns == HOSTEL_UNLIMITED);
  stream.asked = 0;
  ANSWERS("other", hostel_guest_call(guest, NULL, TEXT("other"), options, &output, &error));
  CHECK(stream.asked == 0); /* the call's input takes its place */
  stream.answer = HOSTEL_STATUS_CACHE_IO;
  REFUSES(HOST_ERROR, "reader", hostel_guest_call(guest, NULL, NOTHING, options, &output, &error));
  CHECK(stream.finished == 0);
  hostel_call_options_free(options);
  hostel_guest_free(guest);
  CHECK(stream.finished == 1);
}

static hostel_status boast(void *user_data, void *context, uint64_t left, uint8_t *buffer, size_t capacity, size_t *len_out) {
  (void)user_data, (void)context, (void)left, (void)buffer;
  *len_out = capacity + 1;
  return HOSTEL_STATUS_OK;
}

static void a_reader_that_claims_too_much_is_an_error(const hostel_engine *engine) {
  hostel_wasi *wasi = wasi_with("cat");
  SUCCEEDS(hostel_wasi_set_reader(wasi, boast, NULL, NULL, &error));
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi);
  REFUSES(HOST_ERROR, "reader", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

/* What a program writes is what its call returns; what another guest writes goes to the writer. */
static void writers_take_what_no_call_returns(const hostel_engine *engine) {
  stream out = {.most = 0}, err = {.most = 0};
  hostel_wasi *wasi = wasi_with("complain", "oh no");
  FAILS(INVALID_ARGUMENT, "wasi", hostel_wasi_set_writer(NULL, HOSTEL_STREAM_OUTPUT, write_stream, &out, NULL, &error));
  FAILS(INVALID_ARGUMENT, "callback", hostel_wasi_set_writer(wasi, HOSTEL_STREAM_OUTPUT, NULL, &out, finish_stream, &error));
  FAILS(INVALID_ARGUMENT, "stream", hostel_wasi_set_writer(wasi, HOSTEL_STREAM_INPUT, write_stream, &out, finish_stream, &error));
  FAILS(INVALID_ARGUMENT, "stream", hostel_wasi_set_writer(wasi, 3, write_stream, &out, finish_stream, &error));
  CHECK(out.finished == 0);
  SUCCEEDS(hostel_wasi_set_writer(wasi, HOSTEL_STREAM_OUTPUT, write_stream, &out, finish_stream, &error));
  SUCCEEDS(hostel_wasi_set_writer(wasi, HOSTEL_STREAM_ERROR, write_stream, &err, finish_stream, &error));
  hostel_imports *imports = imports_with(wasi);
  hostel_guest *program = link_guest(load_file(engine, "wasi_rust.wasm"), imports);
  hostel_guest *reactor = link_guest(load_file(engine, "wasi_reactor.wasm"), imports);
  hostel_imports_free(imports);
  ANSWERS("", hostel_guest_call(program, NULL, NOTHING, NULL, &output, &error));
  CHECK(out.asked == 0 && err.written_len == 6 && memcmp(err.written, "oh no\n", 6) == 0);
  ANSWERS("", hostel_guest_call(reactor, "say", TEXT("hello"), NULL, &output, &error));
  CHECK(out.written_len == 5 && memcmp(out.written, "hello", 5) == 0);
  out.answer = HOSTEL_STATUS_CACHE_IO;
  REFUSES(HOST_ERROR, "writer", hostel_guest_call(reactor, "say", TEXT("hello"), NULL, &output, &error));
  hostel_guest_free(program);
  hostel_guest_free(reactor);
  CHECK(out.finished == 1 && err.finished == 1);
}

/* With both, the writer has it before the call returns it: at each piece, and no more than fits. */
static void an_output_is_shown_as_it_is_written(const hostel_engine *engine) {
  stream out = {.most = 0};
  hostel_wasi *wasi = wasi_with("fill", "100");
  FAILS(INVALID_ARGUMENT, "wasi", hostel_wasi_show_output(NULL, true, &error));
  SUCCEEDS(hostel_wasi_set_writer(wasi, HOSTEL_STREAM_OUTPUT, write_stream, &out, finish_stream, &error));
  SUCCEEDS(hostel_wasi_show_output(wasi, true, &error));
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi);
  hostel_buffer output = RUBBISH_BUFFER;
  SUCCEEDS(hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  CHECK(output.len == 100 && out.written_len == 100 && memcmp(output.data, out.written, 100) == 0);
  hostel_buffer_free(&output);
  hostel_call_options *options = new_options();
  SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_OUTPUT_BYTES, 99, &error));
  REFUSES(OUTPUT_TOO_LARGE, "99", hostel_guest_call(guest, NULL, NOTHING, options, &output, &error));
  CHECK(out.written_len == 199);
  out.answer = HOSTEL_STATUS_CACHE_IO;
  REFUSES(HOST_ERROR, "writer", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  hostel_call_options_free(options);
  hostel_guest_free(guest);
  CHECK(out.finished == 1);
  /* Shown to nobody, it is what the call returns. */
  wasi = wasi_with("args");
  SUCCEEDS(hostel_wasi_show_output(wasi, true, &error));
  RUST_SAYS("args\n", engine, wasi);
}

static hostel_status write_by_another(void *user_data, void *context, uint64_t left, const uint8_t *data, size_t data_len) {
  (void)context, (void)left;
  hostel_buffer output = RUBBISH_BUFFER;
  stream *stream = user_data;
  const hostel_guest *program = (const hostel_guest *)stream->context;
  const hostel_status status = hostel_guest_call(program, NULL, data, data_len, NULL, &output, NULL);
  stream->written_len = status == HOSTEL_STATUS_OK && output.len < sizeof stream->written ? output.len : 0;
  memcpy(stream->written, output.data, stream->written_len);
  hostel_buffer_free(&output);
  return status;
}

/* Inside of a guest's call a callback runs a program, which has its own streams; then the guest goes on. */
static void a_callback_may_run_programs(const hostel_engine *engine) {
  hostel_guest *program = open_program(engine, "wasi_command.wasm", new_wasi());
  stream stream = {.context = program};
  hostel_wasi *wasi = new_wasi();
  SUCCEEDS(hostel_wasi_set_writer(wasi, HOSTEL_STREAM_OUTPUT, write_by_another, &stream, NULL, &error));
  SUCCEEDS(hostel_wasi_set_variable(wasi, "NAME", "outer", &error));
  hostel_guest *guest = open_program(engine, "wasi_reactor.wasm", wasi);
  for (int i = 0; i < 3; i++) {
    stream.written_len = 0;
    ANSWERS("", hostel_guest_call(guest, "say", TEXT("inside"), NULL, &output, &error));
    CHECK(stream.written_len == 6 && memcmp(stream.written, "INSIDE", 6) == 0);
    ANSWERS("outer", hostel_guest_call(guest, "variable", TEXT("NAME"), NULL, &output, &error));
  }
  hostel_guest_free(guest);
  hostel_guest_free(program);
}

/* Puts a file in place of a stream of this process; what the library inherits is the stream's number. */
static int replace_stream(int number, int with) {
  fflush(NULL);
  const int before = dup(number);
  REQUIRE(before >= 0 && dup2(with, number) == number);
  close(with);
  return before;
}

static void restore_stream(int number, int before) {
  fflush(NULL);
  REQUIRE(dup2(before, number) == number);
  close(before);
}

static void streams_of_the_process_are_inherited(const hostel_engine *engine) {
  const folder folder = new_folder();
  hostel_wasi *wasi = new_wasi();
  FAILS(INVALID_ARGUMENT, "wasi", hostel_wasi_inherit(NULL, HOSTEL_STREAM_INPUT, &error));
  FAILS(INVALID_ARGUMENT, "stream", hostel_wasi_inherit(wasi, -1, &error));
  FAILS(INVALID_ARGUMENT, "stream", hostel_wasi_inherit(wasi, 3, &error));
  SUCCEEDS(hostel_wasi_inherit(wasi, HOSTEL_STREAM_OUTPUT, &error));
  SUCCEEDS(hostel_wasi_inherit(wasi, HOSTEL_STREAM_ERROR, &error));
  hostel_imports *imports = imports_with(wasi);
  hostel_guest *guest = link_guest(load_file(engine, "wasi_reactor.wasm"), imports);
  const int file = open(inside(&folder, "out"), O_WRONLY | O_CREAT, 0600);
  const int before = replace_stream(STDOUT_FILENO, file);
  ANSWERS("", hostel_guest_call(guest, "say", TEXT("to the process's own"), NULL, &output, &error));
  restore_stream(STDOUT_FILENO, before);
  CHECK(file_is(&folder, "out", "to the process's own"));
  hostel_imports_free(imports);
  hostel_guest_free(guest);
  remove_folder(&folder);
}

static void the_input_of_the_process_is_inherited(const hostel_engine *engine) {
  int ends[2];
  REQUIRE(pipe(ends) == 0 && write(ends[1], "typed", 5) == 5);
  close(ends[1]);
  const int before = replace_stream(STDIN_FILENO, ends[0]);
  hostel_wasi *wasi = wasi_with("cat");
  SUCCEEDS(hostel_wasi_inherit(wasi, HOSTEL_STREAM_INPUT, &error));
  RUST_SAYS("typed", engine, wasi);
  restore_stream(STDIN_FILENO, before);
}

static void a_clock_stands_still(const hostel_engine *engine) {
  FAILS(INVALID_ARGUMENT, "wasi", hostel_wasi_set_clock(NULL, 1, &error));
  hostel_wasi *wasi = wasi_with("clock");
  SUCCEEDS(hostel_wasi_set_clock(wasi, 1234567890123456789, &error));
  RUST_SAYS("1234567890123456789\n", engine, wasi);
  wasi = wasi_with("clock");
  SUCCEEDS(hostel_wasi_set_clock(wasi, 0, &error));
  RUST_SAYS("0\n", engine, wasi);
}

static void a_seed_makes_random_numbers_known(const hostel_engine *engine) {
  uint8_t seed[HOSTEL_SEED_BYTES] = {1, 2, 3};
  hostel_wasi *wasi = new_wasi();
  FAILS(INVALID_ARGUMENT, "wasi", hostel_wasi_set_random_seed(NULL, seed, &error));
  FAILS(INVALID_ARGUMENT, "seed", hostel_wasi_set_random_seed(wasi, NULL, &error));
  hostel_wasi_free(wasi);
  uint64_t first = 0;
  for (int i = 0; i < 2; i++) {
    wasi = new_wasi();
    seed[31] = (uint8_t)i;
    SUCCEEDS(hostel_wasi_set_random_seed(wasi, seed, &error));
    hostel_guest *guest = open_program(engine, "wasi_reactor.wasm", wasi);
    hostel_buffer output;
    SUCCEEDS(hostel_guest_call(guest, "chance", NOTHING, NULL, &output, &error));
    uint64_t number = 0;
    memcpy(&number, output.data, sizeof number);
    CHECK(output.len == 32 && number != first); /* another seed, other numbers */
    first = number;
    hostel_buffer_free(&output);
    hostel_guest_free(guest);
  }
}

static void grants_are_copied_and_frozen(const hostel_engine *engine) {
  hostel_wasi *wasi = wasi_with("args", "first");
  hostel_imports *imports = new_imports();
  FAILS(INVALID_ARGUMENT, "imports", hostel_imports_set_wasi(NULL, wasi, &error));
  FAILS(INVALID_ARGUMENT, "wasi", hostel_imports_set_wasi(imports, NULL, &error));
  hostel_wasi *other = new_wasi();
  SUCCEEDS(hostel_imports_set_wasi(imports, other, &error)); /* the second replaces it */
  hostel_wasi_free(other);
  SUCCEEDS(hostel_imports_set_wasi(imports, wasi, &error));
  SUCCEEDS(hostel_wasi_add_argument(wasi, "too late", &error));
  hostel_guest *guest = link_guest(load_file(engine, "wasi_rust.wasm"), imports);
  FAILS(BUSY, "frozen", hostel_imports_set_wasi(imports, wasi, &error));
  hostel_wasi_free(wasi);
  hostel_imports_free(imports);
  SAYS("args\nfirst\n", guest);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  const test tests[] = {
      TEST(grants_are_made),
      TEST(a_program_that_is_granted_nothing_has_nothing),
      TEST(arguments_come_in_order),
      TEST(variables_have_one_value),
      TEST(directories_are_looked_at_when_they_are_granted),
      TEST(a_host_that_goes_elsewhere_grants_no_other_directory),
      TEST(an_input_is_there_in_each_call),
      TEST(a_reader_is_asked_until_it_has_no_more),
      TEST(a_reader_that_claims_too_much_is_an_error),
      TEST(writers_take_what_no_call_returns),
      TEST(an_output_is_shown_as_it_is_written),
      TEST(a_callback_may_run_programs),
      TEST(streams_of_the_process_are_inherited),
      TEST(the_input_of_the_process_is_inherited),
      TEST(a_clock_stands_still),
      TEST(a_seed_makes_random_numbers_known),
      TEST(grants_are_copied_and_frozen),
  };
  return RUN_TESTS(argc, argv, tests);
}
