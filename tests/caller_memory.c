/* caller_memory.c: host functions that ask how large the guest's memory is, and allocate in it. (Reading and writing is in
 * host_raw_memory.c.) */
#include "check_limits.h"

enum { PAGE = 65536 };

/* What a host function does, and what it found. */
typedef struct visit {
  hostel_status (*look)(struct visit *visit, hostel_caller *caller, const uint8_t *input, size_t input_len);
  size_t len;
  uint64_t address, before, after;
  hostel_status status, returns;
  hostel_trap trap;
  hostel_kind kind;
  const char *word;
  int calls;
} visit;

static hostel_status look_bytes(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  visit *visit = user_data;
  visit->calls++;
  return visit->look(visit, caller, input, input_len);
}

static hostel_status look_raw(void *user_data, hostel_caller *caller, uint64_t *values) {
  visit *visit = user_data;
  visit->calls++;
  const hostel_status status = visit->look(visit, caller, NULL, 0);
  values[0] = visit->address;
  return status;
}

/* Allocates, and tells what came of it. */
static hostel_status allocate(visit *visit, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  hostel_error *error = RUBBISH;
  visit->address = 77;
  visit->before = hostel_caller_memory_size(caller);
  visit->status = hostel_caller_allocate(caller, visit->len, &visit->address, &error);
  visit->after = hostel_caller_memory_size(caller);
  visit->trap = hostel_error_trap(error);
  visit->kind = hostel_error_kind(error);
  CHECK(hostel_error_status(error) == visit->status && (visit->status == HOSTEL_STATUS_OK || visit->address == 0));
  CHECK(visit->word == NULL || strstr(hostel_error_message(error), visit->word) != NULL);
  hostel_error_free(error);
  return visit->returns;
}

/* An allocator that grows when it must, gives whole pages, and counts what it gives and gets back; `ask` and `raw` call the
 * host. Of each of the two ABIs. */
#define GUEST(alloc, free, answer, result)                                                                                       \
  "(module (import \"env\" \"" answer "\" (func $bytes (param i32 i32) (result i64)))"                                           \
  " (import \"host\" \"raw\" (func $raw (result i32)))"                                                                          \
  " (memory (export \"memory\") 1) (global $next (mut i32) (i32.const 1024)) (global $open (mut i32) (i32.const 0))"             \
  " (data (i32.const 16) \"\\81\\a2Ok\\c0\")"                                                                                    \
  " (func (export \"" alloc "\") (param $len i32) (result i32) (local $at i32)"                                                  \
  "   (local.set $at (global.get $next))"                                                                                        \
  "   (global.set $next (i32.and (i32.add (i32.add (local.get $at) (local.get $len)) (i32.const 15)) (i32.const -8)))"           \
  "   (global.set $open (i32.add (global.get $open) (i32.const 1)))"                                                             \
  "   (if (i32.gt_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))) (then"                                         \
  "     (if (i32.eq (memory.grow (i32.add (i32.div_u (local.get $len) (i32.const 65536)) (i32.const 1))) (i32.const -1))"        \
  "       (then (return (i32.const 0))))))"                                                                                      \
  "   (local.get $at))"                                                                                                          \
  " (func (export \"" free "\") (param i32 i32)"                                                                                 \
  "   (global.set $open (i32.sub (global.get $open) (i32.const 1))))"                                                            \
  " (func (export \"ask\") (param i32 i32) (result i64)"                                                                         \
  "   (drop (call $bytes (local.get 0) (local.get 1))) (i64.const " result "))"                                                  \
  " (func (export \"raw\") (param i32 i32) (result i64) (drop (call $raw)) (i64.const " result "))"                              \
  " (func (export \"plain\") (result i32) (call $raw))"                                                                          \
  " (func (export \"open\") (result i32) (global.get $open))"                                                                    \
  " (func (export \"byte\") (param i32) (result i32) (i32.load8_u (local.get 0))))"

static const struct {
  const char *abi, *text, *answer, *input, *output;
} guests[] = {
    {"hostel", GUEST("hostel_alloc", "hostel_free", "answer", "0"), "answer", "x", ""},
    {"holochain", GUEST("__hc__allocate_1", "__hc__deallocate_1", "__hc__answer_1", "0x10_0000_0005"), "__hc__answer_1", "\xc0",
     "\xc0"},
};
#define EACH_GUEST (size_t i = 0; i < sizeof guests / sizeof guests[0]; i++)

static const hostel_value_type one_i32[] = {HOSTEL_VALUE_I32};

static hostel_imports *imports_for(const char *answer, visit *visit) {
  hostel_imports *imports = imports_of("env", answer, look_bytes, visit);
  SUCCEEDS(hostel_imports_define_raw(imports, "host", "raw", NULL, 0, one_i32, 1, look_raw, visit, NULL, &error));
  return imports;
}

static hostel_guest *open_guest(const hostel_engine *engine, size_t i, visit *visit) {
  hostel_imports *imports = imports_for(guests[i].answer, visit);
  hostel_guest *guest = link_guest(load_text(engine, guests[i].text), imports);
  hostel_imports_free(imports);
  CHECK(strcmp(hostel_guest_abi(guest), guests[i].abi) == 0);
  return guest;
}

#define CALL(function) hostel_guest_call(guest, function, (const uint8_t *)guests[i].input, 1, NULL, &output, &error)

static void a_block_is_where_the_guest_has_memory(const hostel_engine *engine) {
  static const char *const functions[] = {"ask", "raw"};
  for
    EACH_GUEST {
      visit visit = {.look = allocate, .len = 100};
      hostel_guest *guest = open_guest(engine, i, &visit);
      for (size_t f = 0; f < 2; f++) {
        ANSWERS_BYTES(guests[i].output, strlen(guests[i].output), CALL(functions[f]));
        CHECK(visit.status == HOSTEL_STATUS_OK && visit.before == PAGE && visit.after == PAGE);
        CHECK(visit.address >= 1024 && visit.address + 100 <= PAGE);
      }
      uint64_t values[1];
      SUCCEEDS(hostel_guest_call_values(guest, "plain", values, 1, NULL, &error));
      CHECK(values[0] == visit.address && visit.calls == 3);
      hostel_guest_free(guest);
    }
}

/* The block grows the memory; what the host function was given is as it was, wherever the memory lies now. */
static hostel_status grow_and_compare(visit *visit, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  uint8_t before[8] = {0}, byte = 42;
  CHECK(input_len == 8);
  memcpy(before, input, input_len);
  for (int round = 0; round < 20; round++) {
    visit->before = hostel_caller_memory_size(caller);
    CHECK(hostel_caller_allocate(caller, (size_t)PAGE * 10, &visit->address, NULL) == HOSTEL_STATUS_OK);
    visit->after = hostel_caller_memory_size(caller);
    CHECK(visit->after >= visit->before && visit->address + (uint64_t)PAGE * 10 <= visit->after);
    CHECK(memcmp(before, input, input_len) == 0);
    CHECK(hostel_caller_memory_write(caller, visit->address + PAGE * 10 - 1, &byte, 1) == HOSTEL_STATUS_OK);
  }
  return hostel_caller_return(caller, TEXT("\xc0"));
}

static void the_memory_may_grow_and_the_input_stays(const hostel_engine *engine) {
  for
    EACH_GUEST {
      visit visit = {.look = grow_and_compare};
      hostel_guest *guest = open_guest(engine, i, &visit);
      hostel_instance *instance = new_instance(guest);
      ANSWERS_BYTES(guests[i].output, strlen(guests[i].output),
                    hostel_instance_call(instance, "ask", TEXT("\xa7holiday"), NULL, &output, &error));
      uint64_t values[] = {visit.address + PAGE * 10 - 1}, size = 0;
      SUCCEEDS(hostel_instance_call_values(instance, "byte", values, 1, NULL, &error));
      CHECK(values[0] == 42);
      SUCCEEDS(hostel_instance_memory_size(instance, &size, &error));
      CHECK(size >= visit.after && size >= (uint64_t)PAGE * 10 * 20);
      hostel_instance_free(instance);
      hostel_guest_free(guest);
    }
}

static hostel_status take_and_give_back(visit *visit, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  uint64_t other = 0;
  CHECK(hostel_caller_allocate(caller, 50, &visit->address, NULL) == HOSTEL_STATUS_OK);
  CHECK(hostel_caller_allocate(caller, 60, &other, NULL) == HOSTEL_STATUS_OK && other != visit->address);
  CHECK(hostel_caller_deallocate(caller, visit->address, 50, NULL) == HOSTEL_STATUS_OK);
  FAILS(INVALID_ARGUMENT, "outside", hostel_caller_deallocate(caller, PAGE - 1, 2, &error));
  FAILS(INVALID_ARGUMENT, "outside", hostel_caller_deallocate(caller, UINT64_MAX, 2, &error));
  FAILS(INVALID_ARGUMENT, "outside", hostel_caller_deallocate(caller, UINT64_C(1) << 32, 1, &error));
  return HOSTEL_STATUS_OK;
}

static void a_block_can_be_given_back(const hostel_engine *engine) {
  for
    EACH_GUEST {
      visit visit = {.look = take_and_give_back};
      hostel_guest *guest = open_guest(engine, i, &visit);
      hostel_instance *instance = new_instance(guest);
      uint64_t open[1];
      SUCCEEDS(hostel_instance_call_values(instance, "plain", open, 1, NULL, &error));
      SUCCEEDS(hostel_instance_call_values(instance, "open", open, 1, NULL, &error));
      CHECK(open[0] == 1);
      hostel_instance_free(instance);
      hostel_guest_free(guest);
    }
}

static void no_bytes_need_no_block_or_get_one(const hostel_engine *engine) {
  for
    EACH_GUEST {
      visit visit = {.look = allocate, .len = 0};
      hostel_guest *guest = open_guest(engine, i, &visit);
      ANSWERS_BYTES(guests[i].output, strlen(guests[i].output), CALL("raw"));
      CHECK(visit.status == HOSTEL_STATUS_OK && (i == 0) == (visit.address == 0));
      hostel_guest_free(guest);
    }
}

/* A block that the guest cannot have is refused, and the guest goes on. */
static void what_there_is_no_memory_for_is_refused(const hostel_engine *engine) {
  for
    EACH_GUEST {
      visit visit = {.look = allocate, .len = (size_t)3 * PAGE, .word = "131072"};
      hostel_guest *guest = open_guest(engine, i, &visit);
      hostel_instance *instance = new_instance(guest);
      hostel_call_options *options = new_options();
      SUCCEEDS(hostel_call_options_set_limit(options, HOSTEL_LIMIT_MEMORY_BYTES, 2 * PAGE, &error));
      uint64_t values[1];
      SUCCEEDS(hostel_instance_call_values(instance, "plain", values, 1, options, &error));
      CHECK(visit.status == HOSTEL_STATUS_MEMORY_LIMIT && visit.kind == HOSTEL_KIND_CALL_ERROR);
      visit.word = NULL, visit.len = SIZE_MAX;
      SUCCEEDS(hostel_instance_call_values(instance, "plain", values, 1, NULL, &error));
      CHECK(visit.status == HOSTEL_STATUS_OUT_OF_RESOURCES);
      visit.len = (size_t)1 << 31;
      SUCCEEDS(hostel_instance_call_values(instance, "plain", values, 1, NULL, &error));
      CHECK(visit.status == HOSTEL_STATUS_OUT_OF_RESOURCES);
      hostel_call_options_free(options);
      hostel_instance_free(instance);
      hostel_guest_free(guest);
    }
}

static void a_guest_without_an_allocator_has_no_blocks(const hostel_engine *engine) {
  visit visit = {.look = allocate, .len = 8, .word = "no allocator"};
  hostel_imports *imports = imports_for("answer", &visit);
  hostel_guest *guest =
      link_guest(load_text(engine, "(module (import \"host\" \"raw\" (func $raw (result i32))) (memory (export \"memory\") 2)"
                                   " (func (export \"plain\") (result i32) (call $raw)))"),
                 imports);
  uint64_t values[1];
  SUCCEEDS(hostel_guest_call_values(guest, "plain", values, 1, NULL, &error));
  CHECK(visit.status == HOSTEL_STATUS_BAD_ABI && visit.before == 2 * PAGE);
  hostel_guest_free(guest);
  guest = link_guest(load_text(engine, "(module (import \"host\" \"raw\" (func $raw (result i32)))"
                                       " (func (export \"plain\") (result i32) (call $raw)))"),
                     imports);
  SUCCEEDS(hostel_guest_call_values(guest, "plain", values, 1, NULL, &error));
  CHECK(visit.status == HOSTEL_STATUS_BAD_ABI && visit.before == 0); /* nor a memory */
  hostel_guest_free(guest);
  hostel_imports_free(imports);
}

static hostel_status fail_with_text(void *user_data, hostel_caller *caller, uint64_t *values) {
  (void)values;
  CHECK(hostel_caller_fail(caller, user_data, NULL, 0) == HOSTEL_STATUS_OK);
  return HOSTEL_STATUS_HOST_ERROR;
}

/* An allocator that does not come to its end ends the call, whatever the host function makes of it. */
static void an_allocator_that_fails_ends_the_call(const hostel_engine *shared) {
  static const struct {
    const char *body;
    hostel_status inside, outside;
    hostel_trap trap;
    const char *word;
    bool dead;
  } allocators[] = {
      {"unreachable", HOSTEL_STATUS_TRAP, HOSTEL_STATUS_TRAP, HOSTEL_TRAP_UNREACHABLE, "unreachable", true},
      {"(i32.const -8)", HOSTEL_STATUS_BAD_ABI, HOSTEL_STATUS_BAD_ABI, HOSTEL_TRAP_NONE, "outside", true},
      {"(i32.const 0)", HOSTEL_STATUS_BAD_ABI, HOSTEL_STATUS_BAD_ABI, HOSTEL_TRAP_NONE, "no memory", true},
      {"(loop $l (br $l)) (i32.const 8)", HOSTEL_STATUS_OUT_OF_FUEL, HOSTEL_STATUS_OUT_OF_FUEL, HOSTEL_TRAP_NONE, "100000", true},
      {"(call $fail) (i32.const 8)", HOSTEL_STATUS_HOST_ERROR, HOSTEL_STATUS_HOST_ERROR, HOSTEL_TRAP_NONE, "no bed", false},
      /* Some rounds of this, and there is no block; the innermost function does not say so. */
      {"(call $raw)", HOSTEL_STATUS_BAD_ABI, HOSTEL_STATUS_BAD_ABI, HOSTEL_TRAP_NONE, "no memory", true},
  };
  hostel_engine *engine = metered_engine(shared, true, true);
  for (size_t i = 0; i < sizeof allocators / sizeof allocators[0]; i++) {
    const int before = failures;
    visit visit = {.look = allocate, .len = 8, .returns = i < 2 ? HOSTEL_STATUS_HOST_ERROR : HOSTEL_STATUS_OK};
    hostel_imports *imports = imports_for("answer", &visit);
    char text[700];
    snprintf(text, sizeof text,
             "(module (import \"host\" \"raw\" (func $raw (result i32))) (import \"host\" \"fail\" (func $fail))"
             " (memory (export \"memory\") 1) (func (export \"hostel_alloc\") (param i32) (result i32) %s)"
             " (func (export \"hostel_free\") (param i32 i32)) (func (export \"fine\"))"
             " (func (export \"plain\") (result i32) (call $raw)))",
             allocators[i].body);
    SUCCEEDS(
        hostel_imports_define_raw(imports, "host", "fail", NULL, 0, NULL, 0, fail_with_text, (void *)"no bed", NULL, &error));
    hostel_guest *guest = link_guest(load_text(engine, text), imports);
    hostel_instance *instance = new_instance(guest);
    hostel_call_options *options = options_with_fuel(100000);
    uint64_t values[1];
    hostel_error *error = RUBBISH;
    CHECK(hostel_instance_call_values(instance, "plain", values, 1, options, &error) == allocators[i].outside);
    CHECK(strstr(hostel_error_message(error), allocators[i].word) != NULL);
    CHECK(hostel_error_trap(error) == allocators[i].trap && visit.trap == allocators[i].trap);
    CHECK(hostel_error_maybe_corrupt(error) == allocators[i].dead);
    CHECK(visit.status == allocators[i].inside && visit.calls >= 1 && visit.calls < 10);
    hostel_error_free(error);
    CHECK(hostel_instance_call_values(instance, "fine", NULL, 0, NULL, NULL) ==
          (allocators[i].dead ? HOSTEL_STATUS_INSTANCE_DEAD : HOSTEL_STATUS_OK));
    if (failures != before) {
      fprintf(stderr, "  that was %s, %s inside\n", allocators[i].body, hostel_status_name(visit.status));
    }
    hostel_call_options_free(options);
    hostel_instance_free(instance);
    hostel_guest_free(guest);
    hostel_imports_free(imports);
  }
  hostel_engine_free(engine);
}

static hostel_status misuse(visit *visit, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  visit->address = 77;
  FAILS(INVALID_ARGUMENT, "caller", hostel_caller_allocate(NULL, 8, &visit->address, &error));
  CHECK(visit->address == 0);
  FAILS(INVALID_ARGUMENT, "address_out", hostel_caller_allocate(caller, 8, NULL, &error));
  FAILS(INVALID_ARGUMENT, "caller", hostel_caller_deallocate(NULL, 1024, 8, &error));
  CHECK(hostel_caller_memory_size(NULL) == 0);
  return HOSTEL_STATUS_OK;
}

static void misuse_is_told_and_does_no_harm(const hostel_engine *engine) {
  for
    EACH_GUEST {
      visit visit = {.look = misuse};
      hostel_guest *guest = open_guest(engine, i, &visit);
      ANSWERS_BYTES(guests[i].output, strlen(guests[i].output), CALL("ask"));
      ANSWERS_BYTES(guests[i].output, strlen(guests[i].output), CALL("raw"));
      CHECK(visit.calls == 2);
      hostel_guest_free(guest);
    }
}

/* What the allocator uses is the call's, and what is lent to calls inside is less by that. */
static hostel_status count_fuel(visit *visit, hostel_caller *caller, const uint8_t *input, size_t input_len) {
  (void)input, (void)input_len;
  visit->before = hostel_caller_fuel_left(caller);
  CHECK(hostel_caller_allocate(caller, 100, &visit->address, NULL) == HOSTEL_STATUS_OK);
  visit->after = hostel_caller_fuel_left(caller);
  return HOSTEL_STATUS_OK;
}

static void an_allocation_is_paid_by_the_call(const hostel_engine *shared) {
  hostel_engine *engine = metered_engine(shared, true, false);
  for
    EACH_GUEST {
      visit visit = {.look = count_fuel};
      hostel_guest *guest = open_guest(engine, i, &visit);
      hostel_call_options *options = options_with_fuel(100000);
      uint64_t values[1];
      SUCCEEDS(hostel_guest_call_values(guest, "plain", values, 1, options, &error));
      CHECK(visit.before < 100000 && visit.after < visit.before && visit.before - visit.after < 100);
      CHECK(report_of(options).fuel_used >= 100000 - visit.after && report_of(options).fuel_used < 200);
      hostel_call_options_free(options);
      hostel_guest_free(guest);
    }
  hostel_engine_free(engine);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_block_is_where_the_guest_has_memory),
      TEST(the_memory_may_grow_and_the_input_stays),
      TEST(a_block_can_be_given_back),
      TEST(no_bytes_need_no_block_or_get_one),
      TEST(what_there_is_no_memory_for_is_refused),
      TEST(a_guest_without_an_allocator_has_no_blocks),
      TEST(an_allocator_that_fails_ends_the_call),
      TEST(misuse_is_told_and_does_no_harm),
      TEST(an_allocation_is_paid_by_the_call),
  };
  return RUN_TESTS(argc, argv, tests);
}
