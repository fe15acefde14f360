/* wasi_stacks.c: a host that calls guests inside WASI's streams uses up the stack of its thread in order, too. */
#define _GNU_SOURCE
#include "check.h"
#include "check_sanitized.h"

#include <pthread.h>

enum { KIB = 1024 * (SANITIZED ? 16 : 1), DEPTH_MAX = 256 };

static const char reads[] =
    "(module (import \"wasi_snapshot_preview1\" \"fd_read\" (func $read (param i32 i32 i32 i32) (result i32)))"
    " (memory (export \"memory\") 1) (data (i32.const 0) \"\\10\\00\\00\\00\\01\\00\\00\\00\")"
    " (func (export \"go\") (result i32) (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))))";

typedef struct recursion {
  hostel_guest *guest;
  unsigned depth, deepest;
  hostel_status innermost;
} recursion;

static void go(recursion *recursion) {
  uint64_t value = 0;
  hostel_error *error = RUBBISH;
  const hostel_status status = hostel_guest_call_values(recursion->guest, "go", &value, 1, NULL, &error);
  if (recursion->innermost == HOSTEL_STATUS_OK && status != HOSTEL_STATUS_OK) {
    recursion->innermost = status;
  }
  hostel_error_free(error);
}

static hostel_status read_again(void *user_data, void *context, uint64_t nanoseconds_left, uint8_t *buffer, size_t capacity,
                                size_t *len_out) {
  (void)context, (void)nanoseconds_left, (void)buffer, (void)capacity;
  recursion *recursion = user_data;
  if (++recursion->depth > recursion->deepest) {
    recursion->deepest = recursion->depth;
  }
  go(recursion);
  recursion->depth--;
  *len_out = 0;
  return HOSTEL_STATUS_OK;
}

static void *begin(void *recursion) {
  go(recursion);
  go(recursion);
  return NULL;
}

static void readers_that_call_guests_use_up_the_stack_in_order(const hostel_engine *plain) {
  static const size_t sizes[] = {64, 100, 128, 256, 32768};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    recursion recursion = {.depth = 0};
    hostel_engine *engine = limited_engine(plain, HOSTEL_LIMIT_DEPTH, DEPTH_MAX);
    hostel_imports *imports = new_imports();
    hostel_wasi *wasi = RUBBISH;
    pthread_t thread;
    pthread_attr_t attributes;
    SUCCEEDS(hostel_wasi_new(&wasi, &error));
    SUCCEEDS(hostel_wasi_set_reader(wasi, read_again, &recursion, NULL, &error));
    SUCCEEDS(hostel_imports_set_wasi(imports, wasi, &error));
    recursion.guest = link_guest(load_text(engine, reads), imports);
    pthread_attr_init(&attributes);
    REQUIRE(pthread_attr_setstacksize(&attributes, sizes[i] * KIB) == 0);
    REQUIRE(pthread_create(&thread, &attributes, begin, &recursion) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
    pthread_attr_destroy(&attributes);
    CHECK(recursion.innermost == HOSTEL_STATUS_STACK_OVERFLOW && recursion.depth == 0 && recursion.deepest >= 1);
    CHECK(sizes[i] < 32768 || recursion.deepest == DEPTH_MAX);
    if (recursion.innermost != HOSTEL_STATUS_STACK_OVERFLOW) {
      fprintf(stderr, "%zu KiB: %s at %u\n", sizes[i], hostel_status_name(recursion.innermost), recursion.deepest);
    }
    hostel_guest_free(recursion.guest);
    hostel_imports_free(imports);
    hostel_wasi_free(wasi);
    hostel_engine_free(engine);
  }
}

int main(int argc, char **argv) {
  static const test tests[] = {TEST(readers_that_call_guests_use_up_the_stack_in_order)};
  return RUN_TESTS(argc, argv, tests);
}
