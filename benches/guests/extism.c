/* The same guest as an Extism plug-in: its functions take their input from Extism's memory, and leave their output there. */
#include "sqlite.c"

#define FROM_EXTISM(name) __attribute__((import_module("extism:host/env"), import_name(#name))) extern
FROM_EXTISM(input_length) uint64_t input_length(void);
FROM_EXTISM(input_load_u8) uint32_t input_load_u8(uint64_t offset);
FROM_EXTISM(input_load_u64) uint64_t input_load_u64(uint64_t offset);
FROM_EXTISM(alloc) uint64_t extism_alloc(uint64_t len);
FROM_EXTISM(store_u8) void store_u8(uint64_t offset, uint32_t byte);
FROM_EXTISM(store_u64) void store_u64(uint64_t offset, uint64_t bytes);
FROM_EXTISM(output_set) void output_set(uint64_t offset, uint64_t len);

static int32_t run(hostel_slice (*function)(hostel_slice)) {
  hostel_slice input = {.len = (uint32_t)input_length()};
  input.ptr = hostel_alloc(input.len);
  uint32_t at = 0;
  for (; at + 8 <= input.len; at += 8) {
    const uint64_t bytes = input_load_u64(at);
    memcpy(input.ptr + at, &bytes, 8);
  }
  for (; at < input.len; at++) {
    input.ptr[at] = (uint8_t)input_load_u8(at);
  }
  const hostel_slice output = function(input);
  const uint64_t offset = extism_alloc(output.len);
  for (at = 0; at + 8 <= output.len; at += 8) {
    uint64_t bytes;
    memcpy(&bytes, output.ptr + at, 8);
    store_u64(offset + at, bytes);
  }
  for (; at < output.len; at++) {
    store_u8(offset + at, output.ptr[at]);
  }
  output_set(offset, output.len);
  return 0;
}

__attribute__((export_name("extism_echo"))) int32_t extism_echo(void) { return run(echo); }
__attribute__((export_name("extism_sql"))) int32_t extism_sql(void) { return run(sql); }
