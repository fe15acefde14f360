/* wasi_time.c: programs that wait: for time, for files, for their host. Deadlines and tokens end them all; clocks and random
 * numbers. */
#define _GNU_SOURCE
#include "check_limits.h"
#include "check_wasi.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

enum { SOON = 50, FOR_EVER = 600000 }; /* milliseconds */

/* Triggers a token a little later. */
static void *trigger_soon(void *token) {
  sleep_ms(SOON);
  SUCCEEDS(hostel_cancel_trigger(token, &error));
  return NULL;
}

/* The call, which would take for ever, ends by its deadline, and by its token; a deadline of nothing ends it, too. */
static void check_ends(const char *file, int line, const hostel_guest *guest) {
  const uint64_t times[] = {SOON, 1, 0};
  for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
    hostel_call_options *options = options_with_deadline(times[i]);
    hostel_buffer output = RUBBISH_BUFFER;
    (void)check_at(file, line, hostel_guest_call(guest, NULL, NOTHING, options, &output, NULL) == HOSTEL_STATUS_DEADLINE,
                   "DEADLINE");
    hostel_call_options_free(options);
  }
  for (int before = 0; before < 2; before++) {
    hostel_cancel *token = new_cancel();
    hostel_call_options *options = options_with_cancel(token);
    pthread_t thread;
    if (before) {
      SUCCEEDS(hostel_cancel_trigger(token, &error));
    } else {
      REQUIRE(pthread_create(&thread, NULL, trigger_soon, token) == 0);
    }
    hostel_buffer output = RUBBISH_BUFFER;
    (void)check_at(file, line, hostel_guest_call(guest, NULL, NOTHING, options, &output, NULL) == HOSTEL_STATUS_CANCELLED,
                   "CANCELLED");
    if (!before) {
      pthread_join(thread, NULL);
    }
    hostel_call_options_free(options);
    hostel_cancel_free(token);
  }
}
#define ENDS(guest) check_ends(__FILE__, __LINE__, (guest))

static void a_sleep_is_as_long_as_it_should_be(const hostel_engine *engine) {
  RUST_SAYS("slept\n", engine, wasi_with("sleep", "0"));
  RUST_SAYS("slept\n", engine, wasi_with("sleep", "30"));
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi_with("sleep", "30"));
  hostel_call_options *options = options_with_deadline(FOR_EVER);
  ANSWERS("slept\n", hostel_guest_call(guest, NULL, NOTHING, options, &output, &error));
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

static void a_sleep_ends_with_its_call(const hostel_engine *engine) {
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi_with("sleep", "600000"));
  ENDS(guest);
  hostel_guest_free(guest);
  guest = open_program(engine, "wasi_go.wasm", new_wasi()); /* is it usable after a deadline that came early? */
  hostel_call_options *options = options_with_deadline(0);
  REFUSES(DEADLINE, "time", hostel_guest_call(guest, NULL, NOTHING, options, &output, &error));
  ANSWERS("name \"\"\n", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

static void a_program_that_spins_ends_with_its_call(const hostel_engine *engine) {
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi_with("spin"));
  ENDS(guest);
  hostel_guest_free(guest);
}

/* Only calls WASI, in a loop without an end: what it says, a file that it opens and closes. */
static void a_program_that_only_calls_wasi_ends_with_its_call(const hostel_engine *engine) {
  hostel_guest *guest =
      open_text(engine, "(module (import \"wasi_snapshot_preview1\" \"sched_yield\" (func $yield (result i32)))"
                        " (memory (export \"memory\") 1) (func (export \"_start\") (loop $l (drop (call $yield)) (br $l))))");
  ENDS(guest);
  hostel_guest_free(guest);
}

/* The monotonic clock, a point in time; the realtime clock, a point; both at the end of time. */
static void every_way_to_wait_ends_with_its_call(const hostel_engine *engine) {
  for (int clock = 0; clock < 2; clock++) {
    for (int absolute = 0; absolute < 2; absolute++) {
      for (int count = 1; count < 3; count++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "(module (import \"wasi_snapshot_preview1\" \"poll_oneoff\""
                 "   (func $poll (param i32 i32 i32 i32) (result i32)))"
                 " (memory (export \"memory\") 1)"
                 " (func (export \"_start\")"
                 "   (i32.store (i32.const 16) (i32.const %d)) (i64.store (i32.const 24) (i64.const -1))"
                 "   (i32.store16 (i32.const 40) (i32.const %d))"
                 "   (memory.copy (i32.const 48) (i32.const 0) (i32.const 48))"
                 "   (drop (call $poll (i32.const 0) (i32.const 1024) (i32.const %d) (i32.const 2048)))))",
                 clock, absolute, count);
        hostel_guest *guest = open_text(engine, text);
        ENDS(guest);
        hostel_guest_free(guest);
      }
    }
  }
}

/* A start that waits for ever ends with the time that starts have. */
static void a_start_that_waits_ends_in_time(const hostel_engine *shared) {
  hostel_engine *engine = limited_engine(shared, HOSTEL_LIMIT_START_MS, SOON);
  hostel_guest *guest =
      open_text(engine, "(module (import \"wasi_snapshot_preview1\" \"poll_oneoff\""
                        "   (func $poll (param i32 i32 i32 i32) (result i32)))" ABI " (func (export \"_initialize\")"
                        "   (i32.store (i32.const 16) (i32.const 1)) (i64.store (i32.const 24) (i64.const -1))"
                        "   (drop (call $poll (i32.const 0) (i32.const 1024) (i32.const 1) (i32.const 2048))))"
                        " (func (export \"f\") (param i32 i32) (result i64) (i64.const 0)))");
  REFUSES(DEADLINE, "start", hostel_guest_call(guest, "f", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
  hostel_engine_free(engine);
}

/* Whoever opens a file waits for who has a lease of it, and the system does not interrupt that; but the call is over. */
static void a_file_that_never_answers_ends_with_its_call(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_file(&folder, "leased", "x");
  void (*before)(int) = signal(SIGIO, SIG_IGN); /* by which the system asks for it back */
  const int owner = open(inside(&folder, "leased"), O_RDWR);
  REQUIRE(owner >= 0 && fcntl(owner, F_SETLEASE, F_WRLCK) == 0);
  hostel_wasi *wasi = wasi_with("read", "/data/leased");
  grant_folder(wasi, &folder, "/data", true);
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi);
  ENDS(guest);
  REQUIRE(fcntl(owner, F_SETLEASE, F_UNLCK) == 0); /* who still waits there goes */
  ANSWERS("x", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  close(owner);
  signal(SIGIO, before);
  hostel_guest_free(guest);
  remove_folder(&folder);
}

/* What is typed into a pipe that nobody closes. */
static void the_input_of_the_process_ends_with_the_call(const hostel_engine *engine) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const int before = dup(STDIN_FILENO);
  REQUIRE(dup2(ends[0], STDIN_FILENO) == STDIN_FILENO);
  hostel_wasi *wasi = wasi_with("cat");
  SUCCEEDS(hostel_wasi_inherit(wasi, HOSTEL_STREAM_INPUT, &error));
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi);
  ENDS(guest);
  hostel_guest_free(guest);
  REQUIRE(before < 0 || dup2(before, STDIN_FILENO) == STDIN_FILENO);
  close(before);
  close(ends[0]);
  close(ends[1]);
}

/* A pipe in place of a stream of this process, until it is put back. */
typedef struct detour {
  int number, before, reader;
} detour;

static detour new_detour(int number) {
  int ends[2];
  fflush(NULL);
  const int before = dup(number);
  REQUIRE(before >= 0 && pipe(ends) == 0 && dup2(ends[1], number) == number);
  close(ends[1]);
  return (detour){number, before, ends[0]};
}

static void end_detour(const detour *detour) {
  fflush(NULL);
  REQUIRE(dup2(detour->before, detour->number) == detour->number);
  close(detour->before);
}

enum { MORE_THAN_A_PIPE_HOLDS = 200000 };

static hostel_wasi *wasi_that_complains(char text[MORE_THAN_A_PIPE_HOLDS]) {
  memset(text, 'x', MORE_THAN_A_PIPE_HOLDS - 1);
  text[MORE_THAN_A_PIPE_HOLDS - 1] = '\0';
  hostel_wasi *wasi = wasi_with("complain", text);
  SUCCEEDS(hostel_wasi_inherit(wasi, HOSTEL_STREAM_ERROR, &error));
  return wasi;
}

static void an_output_that_nobody_reads_ends_with_its_call(const hostel_engine *engine) {
  static char text[MORE_THAN_A_PIPE_HOLDS];
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi_that_complains(text));
  const detour detour = new_detour(STDERR_FILENO);
  ENDS(guest);
  end_detour(&detour);
  close(detour.reader);
  hostel_guest_free(guest);
}

/* Reads to the end, slowly at first: how many bytes. */
static void *read_slowly(void *reader) {
  static uint8_t bytes[65536];
  size_t len = 0;
  for (ssize_t got = 1; got > 0; len += (size_t)got) {
    sleep_ms(len < MORE_THAN_A_PIPE_HOLDS / 2 ? 5 : 0);
    got = read(*(const int *)reader, bytes, sizeof bytes);
    REQUIRE(got >= 0);
  }
  return (void *)(uintptr_t)len;
}

static void an_output_that_is_read_slowly_arrives_whole(const hostel_engine *engine) {
  static char text[MORE_THAN_A_PIPE_HOLDS];
  hostel_guest *guest = open_program(engine, "wasi_rust.wasm", wasi_that_complains(text));
  detour detour = new_detour(STDERR_FILENO);
  pthread_t thread;
  void *len;
  REQUIRE(pthread_create(&thread, NULL, read_slowly, &detour.reader) == 0);
  ANSWERS("", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  end_detour(&detour);
  pthread_join(thread, &len);
  CHECK((uintptr_t)len == MORE_THAN_A_PIPE_HOLDS); /* with its line feed */
  close(detour.reader);
  hostel_guest_free(guest);
}

/* It is the guest's misfortune, and no SIGPIPE for the host. */
static void an_output_whose_reader_has_gone_is_an_error(const hostel_engine *engine) {
  hostel_wasi *wasi = new_wasi();
  SUCCEEDS(hostel_wasi_inherit(wasi, HOSTEL_STREAM_OUTPUT, &error));
  hostel_guest *guest = open_program(engine, "wasi_reactor.wasm", wasi);
  const detour detour = new_detour(STDOUT_FILENO);
  close(detour.reader);
  hostel_buffer output = RUBBISH_BUFFER;
  const hostel_status status = hostel_guest_call(guest, "say", TEXT("x"), NULL, &output, NULL);
  end_detour(&detour);
  CHECK(status == HOSTEL_STATUS_GUEST_ERROR);
  hostel_guest_free(guest);
}

/* ---- callbacks of the host ---- */

typedef struct nap {
  long milliseconds;
  uint64_t left_ns;
  int asked;
} nap;

static hostel_status nap_and_write(void *user_data, void *context, uint64_t left_ns, const uint8_t *data, size_t data_len) {
  (void)context, (void)data, (void)data_len;
  nap *nap = user_data;
  nap->asked++;
  nap->left_ns = left_ns;
  sleep_ms(nap->milliseconds);
  return HOSTEL_STATUS_OK;
}

static hostel_status nap_and_read(void *user_data, void *context, uint64_t left_ns, uint8_t *buffer, size_t capacity,
                                  size_t *len_out) {
  (void)context, (void)capacity;
  nap *nap = user_data;
  nap->asked++;
  nap->left_ns = left_ns;
  sleep_ms(nap->milliseconds);
  buffer[0] = 'x';
  *len_out = nap->asked == 1 ? 1 : 0;
  return HOSTEL_STATUS_OK;
}

/* It is told how long it has; when it takes longer, the call is over once it returns. */
static void check_nap(const hostel_guest *guest, const char *function, nap *nap) {
  hostel_buffer output = RUBBISH_BUFFER;
  *nap = (struct nap){0};
  SUCCEEDS(hostel_guest_call(guest, function, TEXT("x"), NULL, &output, &error));
  CHECK(nap->asked > 0 && nap->left_ns == HOSTEL_UNLIMITED);
  hostel_buffer_free(&output);
  hostel_call_options *options = options_with_deadline(FOR_EVER);
  *nap = (struct nap){0};
  SUCCEEDS(hostel_guest_call(guest, function, TEXT("x"), options, &output, &error));
  CHECK(nap->left_ns <= FOR_EVER * UINT64_C(1000000) && nap->left_ns > FOR_EVER * UINT64_C(500000));
  hostel_buffer_free(&output);
  *nap = (struct nap){.milliseconds = 3 * SOON};
  SUCCEEDS(hostel_call_options_set_deadline_ms(options, SOON, &error));
  REFUSES(DEADLINE, "time", hostel_guest_call(guest, function, TEXT("x"), options, &output, &error));
  CHECK(nap->asked == 1 && nap->left_ns <= SOON * UINT64_C(1000000));
  hostel_call_options_free(options);
}

static void callbacks_are_told_how_long_they_have(const hostel_engine *engine) {
  nap nap;
  hostel_wasi *wasi = new_wasi();
  SUCCEEDS(hostel_wasi_set_writer(wasi, HOSTEL_STREAM_OUTPUT, nap_and_write, &nap, NULL, &error));
  SUCCEEDS(hostel_wasi_set_reader(wasi, nap_and_read, &nap, NULL, &error));
  hostel_guest *guest = open_program(engine, "wasi_reactor.wasm", wasi);
  check_nap(guest, "say", &nap);
  check_nap(guest, "next", &nap);
  hostel_guest_free(guest);
}

/* ---- clocks and random numbers ---- */

/* `ask`, of the reactor: 8 bytes of what it answers. */
static uint64_t number_of(const hostel_guest *guest, const char *function) {
  hostel_buffer output = RUBBISH_BUFFER;
  uint64_t number = 0;
  SUCCEEDS(hostel_guest_call(guest, function, NOTHING, NULL, &output, &error));
  REQUIRE(output.len >= sizeof number);
  memcpy(&number, output.data, sizeof number);
  hostel_buffer_free(&output);
  return number;
}

static void a_real_clock_shows_the_time(const hostel_engine *engine) {
  hostel_guest *guest = open_program(engine, "wasi_reactor.wasm", new_wasi());
  const time_t before = time(NULL);
  const uint64_t shown = number_of(guest, "now");
  CHECK(shown + 1 >= (uint64_t)before && shown <= (uint64_t)time(NULL) + 1);
  hostel_guest_free(guest);
}

static void real_random_numbers_differ(const hostel_engine *engine) {
  hostel_guest *guest = open_program(engine, "wasi_reactor.wasm", new_wasi());
  hostel_guest *clock = open_program(engine, "wasi_reactor_clock.wasm", new_wasi());
  uint64_t seen[40];
  for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++) {
    seen[i] = number_of(i % 2 == 0 ? guest : clock, "chance");
    for (size_t j = 0; j < i; j++) {
      CHECK(seen[i] != seen[j]);
    }
  }
  hostel_guest_free(guest);
  hostel_guest_free(clock);
}

/* The first bytes of ChaCha20 with the key 0, 1, 2, ..., 31 and the nonce 0, from block 0 on: so on each engine and machine. */
static void seeded_random_numbers_are_the_same_in_each_call(const hostel_engine *engine) {
  uint8_t seed[HOSTEL_SEED_BYTES];
  for (int i = 0; i < HOSTEL_SEED_BYTES; i++) {
    seed[i] = (uint8_t)i;
  }
  static const uint8_t expected[32] = {0x39, 0xfd, 0x2b, 0x7d, 0xd9, 0xc5, 0x19, 0x6a, 0x8d, 0xbd, 0x03,
                                       0x77, 0xb8, 0xdc, 0x4a, 0x49, 0x8a, 0x35, 0xd8, 0x6f, 0xbc, 0xde,
                                       0x6a, 0xcc, 0xb2, 0xcc, 0x7d, 0x4c, 0xd8, 0xea, 0x24, 0x92};
  hostel_wasi *wasi = new_wasi();
  SUCCEEDS(hostel_wasi_set_random_seed(wasi, seed, &error));
  hostel_guest *guest = open_program(engine, "wasi_reactor.wasm", wasi);
  for (int i = 0; i < 3; i++) {
    ANSWERS_BYTES(expected, 32, hostel_guest_call(guest, "chance", NOTHING, NULL, &output, &error));
  }
  hostel_instance *instance = new_instance(guest);
  ANSWERS_BYTES(expected, 32, hostel_instance_call(instance, "chance", NOTHING, NULL, &output, &error));
  hostel_buffer output = RUBBISH_BUFFER;
  SUCCEEDS(hostel_instance_call(instance, "chance", NOTHING, NULL, &output, &error));
  CHECK(!buffer_is(&output, expected, 32)); /* an instance goes on */
  hostel_buffer_free(&output);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

/* There is no clock of processor time to wait by; a call that can be stopped is told so as one that cannot. */
static void nobody_waits_by_a_clock_that_there_is_not(const hostel_engine *engine) {
  hostel_guest *guest = link_granted(
      load_text(
          engine,
          "(module (import \"wasi_snapshot_preview1\" \"poll_oneoff\" (func $poll (param i32 i32 i32 i32) (result i32)))"
          " (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))"
          " (memory (export \"memory\") 1) (data (i32.const 16) \"\\02\")"
          " (func (export \"_start\") (call $exit (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))"),
      new_wasi());
  hostel_call_options *options = options_with_deadline(FOR_EVER);
  for (int i = 0; i < 2; i++) {
    REFUSES(EXIT, "code 28", hostel_guest_call(guest, NULL, NOTHING, i == 0 ? NULL : options, &output, &error));
  }
  hostel_call_options_free(options);
  hostel_guest_free(guest);
}

/* A clock that stands still does not make a sleep endless. */
static void a_sleep_takes_its_time_where_clocks_stand_still(const hostel_engine *engine) {
  hostel_wasi *wasi = wasi_with("sleep", "5");
  SUCCEEDS(hostel_wasi_set_clock(wasi, 1000000000, &error));
  RUST_SAYS("woken\n", engine, wasi); /* by its own clock no time has passed */
}

int main(int argc, char **argv) {
  const test tests[] = {
      TEST(a_sleep_is_as_long_as_it_should_be),
      TEST(a_sleep_ends_with_its_call),
      TEST(a_program_that_spins_ends_with_its_call),
      TEST(a_program_that_only_calls_wasi_ends_with_its_call),
      TEST(every_way_to_wait_ends_with_its_call),
      TEST(a_start_that_waits_ends_in_time),
      TEST(a_file_that_never_answers_ends_with_its_call),
      TEST(the_input_of_the_process_ends_with_the_call),
      TEST(an_output_that_nobody_reads_ends_with_its_call),
      TEST(an_output_that_is_read_slowly_arrives_whole),
      TEST(an_output_whose_reader_has_gone_is_an_error),
      TEST(callbacks_are_told_how_long_they_have),
      TEST(a_real_clock_shows_the_time),
      TEST(real_random_numbers_differ),
      TEST(seeded_random_numbers_are_the_same_in_each_call),
      TEST(nobody_waits_by_a_clock_that_there_is_not),
      TEST(a_sleep_takes_its_time_where_clocks_stand_still),
  };
  return RUN_TESTS(argc, argv, tests);
}
