/* What the tests of cancelling share: a guest that tells when it has begun, and calls in threads of their own. */
#ifndef HOSTEL_TESTS_CHECK_CANCEL_H
#define HOSTEL_TESTS_CHECK_CANCEL_H

#include "check_limits.h"

#include <pthread.h>

/* `spin` tells the host that it has begun, and never ends; `work` tells it too, and comes to an end after a while: with what
 * `worked` makes of its input. `ask` answers what the host does. */
#define BEGINNER                                                                                                                 \
  "(module (import \"host\" \"begun\" (func $begun (param i32 i32) (result i64)))" ABI                                           \
  " (func (export \"quick\") (param i32 i32) (result i64) (i64.const 0))"                                                        \
  " (func (export \"ask\") (param i32 i32) (result i64) (call $begun (local.get 0) (local.get 1)))"                              \
  " (func (export \"spin\") (param i32 i32) (result i64) (drop (call $begun (i32.const 0) (i32.const 0)))"                       \
  "   (loop $l (br $l)) (i64.const 0))"                                                                                          \
  " (func (export \"work\") (param i32 i32) (result i64) (local $n i64) (local $x i64)"                                          \
  "   (local.set $x (i64.load (local.get 0))) (drop (call $begun (i32.const 0) (i32.const 0)))"                                  \
  "   (loop $l (local.set $x (i64.add (i64.mul (local.get $x) (i64.const 6364136223846793005)) (i64.const 1)))"                  \
  "     (br_if $l (i64.lt_u (local.tee $n (i64.add (local.get $n) (i64.const 1))) (i64.const 8000000))))"                        \
  "   (i64.store (i32.const 2048) (local.get $x)) (i64.const 0x800_0000_0008)))"

static inline uint64_t worked(uint64_t x) {
  for (int n = 0; n < 8000000; n++) {
    x = x * UINT64_C(6364136223846793005) + 1;
  }
  return x;
}

static inline hostel_status count_begun(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)caller, (void)input, (void)input_len;
  ++*(atomic_int *)user_data;
  return HOSTEL_STATUS_OK;
}

/* A guest whose host function is this. */
static inline hostel_guest *open_beginner(const hostel_engine *engine, hostel_host_function begun, void *user_data) {
  hostel_imports *imports = imports_of("host", "begun", begun, user_data);
  hostel_guest *guest = link_guest(load_text(engine, BEGINNER), imports);
  hostel_imports_free(imports);
  return guest;
}

static inline void wait_for(const atomic_int *number, int at_least) {
  while (*number < at_least) {
    sleep_ms(1);
  }
}

/* A call in a thread of its own. */
typedef struct call {
  pthread_t thread;
  const hostel_guest *guest;
  hostel_instance *instance; /* in place of a new one, if any */
  const char *function;
  uint64_t input;
  hostel_call_options *options;
  hostel_status status;
  uint64_t output;
} call;

static inline void *make_call(void *data) {
  call *call = data;
  uint8_t input[8];
  memcpy(input, &call->input, 8);
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  call->status = call->instance != NULL
                     ? hostel_instance_call(call->instance, call->function, input, 8, call->options, &output, &error)
                     : hostel_guest_call(call->guest, call->function, input, 8, call->options, &output, &error);
  CHECK(hostel_error_status(error) == call->status);
  if (output.len == 8) {
    memcpy(&call->output, output.data, 8);
  }
  hostel_error_free(error);
  hostel_buffer_free(&output);
  return NULL;
}

static inline void begin_call(call *call) { REQUIRE(pthread_create(&call->thread, NULL, make_call, call) == 0); }

static inline hostel_status end_call(const call *call) {
  REQUIRE(pthread_join(call->thread, NULL) == 0);
  return call->status;
}

#endif
