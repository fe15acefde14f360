/* abi_holochain.c: values to and from a guest built on the crate holochain_wasmer_guest. What comes out is just the
 * MessagePack inside the guest's Ok. */
#include "check_holochain.h"

/* The guest's function takes the value apart and answers it. */
static void comes_back(const hostel_guest *guest, const char *function, const void *value, size_t len) {
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  const hostel_status status = hostel_guest_call(guest, function, value, len, NULL, &output, &error);
  if (status != HOSTEL_STATUS_OK || !buffer_is(&output, value, len)) {
    fprintf(stderr, "%s of %zu bytes:\n", function, len);
  }
  check_output_at(__FILE__, __LINE__, status, error, &output, value, len);
}

#define COMES_BACK(guest, function, value) comes_back((guest), (function), value, sizeof(value) - 1)

static void the_abi_is_told_from_the_exports(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  CHECK(strcmp(hostel_guest_abi(guest), "holochain") == 0);
  hostel_guest_free(guest);
  size_t len;
  uint8_t *wasm = read_guest("holochain.wasm", &len);
  hostel_buffer json = RUBBISH_BUFFER;
  SUCCEEDS(hostel_inspect(wasm, len, &json, &error));
  json.data[json.len - 1] = '\0';
  CHECK(strstr((const char *)json.data, "\"holochain\"") != NULL);
  hostel_buffer_free(&json);
  free(wasm);
}

static void the_abi_can_be_forced(const hostel_engine *engine) {
  hostel_guest_options *options = RUBBISH;
  hostel_guest *guest = RUBBISH;
  SUCCEEDS(hostel_guest_options_new(&options, &error));
  SUCCEEDS(hostel_guest_options_set_abi(options, "holochain", &error));
  hostel_module *sound = load_file(engine, "hc_envelopes.wat"), *other = load_file(engine, "echo.wasm");
  SUCCEEDS(hostel_guest_new(sound, NULL, options, &guest, &error));
  hostel_guest_free(guest);
  FAILS(BAD_ABI, "__hc__allocate_1", hostel_guest_new(other, NULL, options, &guest, &error));
  CHECK(guest == NULL);
  hostel_module_free(sound);
  hostel_module_free(other);
  hostel_guest_options_free(options);
}

static void text_and_nothing(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  COMES_BACK(guest, "nothing", "\xc0");
  COMES_BACK(guest, "text", "\xa0");
  COMES_BACK(guest, "text", "\xa5hello");
  COMES_BACK(guest, "text", "\xa4gr\xc3\xbc");
  COMES_BACK(guest, "text", "\xa3\0\x01\x7f");
  ANSWERS("\xae"
          "guest: a guest",
          hostel_guest_call(guest, "process_string",
                            TEXT("\xa7"
                                 "a guest"),
                            NULL, &output, &error));
  hostel_guest_free(guest);
}

static void integers_at_their_edges(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  COMES_BACK(guest, "unsigned", "\0");
  COMES_BACK(guest, "unsigned", "\x7f");
  COMES_BACK(guest, "unsigned", "\xcc\x80");
  COMES_BACK(guest, "unsigned", "\xcc\xff");
  COMES_BACK(guest, "unsigned", "\xcd\x01\0");
  COMES_BACK(guest, "unsigned", "\xcd\xff\xff");
  COMES_BACK(guest, "unsigned", "\xce\0\x01\0\0");
  COMES_BACK(guest, "unsigned", "\xce\xff\xff\xff\xff");
  COMES_BACK(guest, "unsigned", "\xcf\0\0\0\x01\0\0\0\0");
  COMES_BACK(guest, "unsigned", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
  COMES_BACK(guest, "signed", "\xff");
  COMES_BACK(guest, "signed", "\xe0");
  COMES_BACK(guest, "signed", "\xd0\xdf");
  COMES_BACK(guest, "signed", "\xd0\x80");
  COMES_BACK(guest, "signed", "\xd1\xff\x7f");
  COMES_BACK(guest, "signed", "\xd2\x80\0\0\0");
  COMES_BACK(guest, "signed", "\xd3\xff\xff\xff\xff\x7f\xff\xff\xff");
  COMES_BACK(guest, "signed", "\xd3\x80\0\0\0\0\0\0\0");
  COMES_BACK(guest, "signed", "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff");
  hostel_guest_free(guest);
}

static void floats_keep_every_bit(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  COMES_BACK(guest, "real", "\xcb\x3f\xf8\0\0\0\0\0\0");
  COMES_BACK(guest, "real", "\xcb\x80\0\0\0\0\0\0\0");
  COMES_BACK(guest, "real", "\xcb\x7f\xf0\0\0\0\0\0\0");
  COMES_BACK(guest, "real", "\xcb\x7f\xf8\0\0\0\0\0\x01");
  hostel_guest_free(guest);
}

static void structs_enums_maps_and_options(const hostel_engine *engine) {
#define STAY                                                                                                                     \
  "\x84\xa5guest\xa3"                                                                                                            \
  "Ada\xa6nights\xcd\x01\x2c\xa5rooms\x92\xa1"                                                                                   \
  "1\xa1"                                                                                                                        \
  "2\xa4note"
  hostel_guest *guest = quiet_guest(engine);
  COMES_BACK(guest, "record", STAY "\xc0");
  COMES_BACK(guest, "record", STAY "\xa4late");
  COMES_BACK(guest, "choice", "\xa7Nothing");
  COMES_BACK(guest, "choice", "\x81\xa3One\x81\xa3One\xa7Nothing");
  COMES_BACK(guest, "choice", "\x81\xa3Two\x92\xfd\xa1x");
  COMES_BACK(guest, "choice", "\x81\xa5Named\x82\xa4stay" STAY "\xc0\xa4paid\xc3");
  COMES_BACK(guest, "map", "\x80");
  COMES_BACK(guest, "map",
             "\x82\xa1"
             "a\x01\xa1"
             "b\xd3\x80\0\0\0\0\0\0\0");
  COMES_BACK(guest, "option", "\xc0");
  COMES_BACK(guest, "option", "\x90");
  COMES_BACK(guest, "option", "\x93\xc3\xc0\xc2");
  hostel_guest_free(guest);
#undef STAY
}

static void a_result_inside_is_a_value_like_any_other(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  COMES_BACK(guest, "results", "\x81\xa2Ok\x81\xa2Ok\x07");
  COMES_BACK(guest, "results",
             "\x81\xa2Ok\x81\xa3"
             "Err\xa2no");
  COMES_BACK(guest, "results",
             "\x81\xa3"
             "Err\xcc\xff");
  hostel_guest_free(guest);
}

/* A header of `marker`, the length in so many bytes, and as many bytes of 'a'. */
static void long_value_comes_back(const hostel_guest *guest, const char *function, uint8_t marker, int width, size_t len) {
  uint8_t *value = malloc(len + 5);
  REQUIRE(value != NULL);
  size_t at = 0;
  value[at++] = (uint8_t)(width == 0 ? marker | len : marker);
  for (int i = width - 1; i >= 0; i--) {
    value[at++] = (uint8_t)(len >> (8 * i));
  }
  memset(value + at, 'a', len);
  comes_back(guest, function, value, at + len);
  free(value);
}

static void lengths_at_their_edges(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  long_value_comes_back(guest, "text", 0xa0, 0, 31);
  long_value_comes_back(guest, "text", 0xd9, 1, 32);
  long_value_comes_back(guest, "text", 0xd9, 1, 255);
  long_value_comes_back(guest, "text", 0xda, 2, 256);
  long_value_comes_back(guest, "text", 0xda, 2, 65535);
  long_value_comes_back(guest, "text", 0xdb, 4, 65536);
  static const char *const as_bytes[] = {"bytes", "serialized"};
  for (size_t i = 0; i < 2; i++) {
    long_value_comes_back(guest, as_bytes[i], 0xc4, 1, 0);
    long_value_comes_back(guest, as_bytes[i], 0xc4, 1, 255);
    long_value_comes_back(guest, as_bytes[i], 0xc5, 2, 256);
    long_value_comes_back(guest, as_bytes[i], 0xc5, 2, 65535);
    long_value_comes_back(guest, as_bytes[i], 0xc6, 4, 65536);
  }
  long_value_comes_back(guest, "array", 0x90, 0, 15);
  long_value_comes_back(guest, "array", 0xdc, 2, 16);
  long_value_comes_back(guest, "array", 0xdd, 4, 65536);
  hostel_guest_free(guest);
}

static void sixteen_mebibytes_in_and_out(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  long_value_comes_back(guest, "bytes", 0xc6, 4, (size_t)16 << 20);
  hostel_guest_free(guest);
}

static void large_outputs_are_whole(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  const size_t mebibytes = 3, count = mebibytes << 20;
  hostel_buffer output = RUBBISH_BUFFER;
  SUCCEEDS(hostel_guest_call(guest, "big_bytes", TEXT("\x03"), NULL, &output, &error));
  REQUIRE(output.len == count + 5);
  CHECK(memcmp(output.data, "\xc6\0\x30\0\0", 5) == 0);
  bool same = true;
  for (size_t i = 0; i < count; i++) {
    same = same && output.data[5 + i] == i % 251;
  }
  CHECK(same);
  hostel_buffer_free(&output);
  SUCCEEDS(hostel_guest_call(guest, "big_array", TEXT("\x03"), NULL, &output, &error));
  REQUIRE(output.len > count && memcmp(output.data, "\xdd\0\x30\0\0", 5) == 0);
  size_t at = 5;
  for (size_t i = 0; i < count && at < output.len; i++) {
    const size_t value = i % 251;
    same = same && (value < 128 || output.data[at++] == 0xcc) && output.data[at++] == value;
  }
  CHECK(same && at == output.len);
  hostel_buffer_free(&output);
  hostel_guest_free(guest);
}

static void an_input_may_stay_unread(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  ANSWERS("\xa7ignored", hostel_guest_call(guest, "ignore_input", TEXT("\xa5hello"), NULL, &output, &error));
  ANSWERS("\xa7ignored", hostel_guest_call(guest, "ignore_input", NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
}

static void an_instance_remembers_and_a_call_does_not(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  hostel_instance *instance = new_instance(guest);
  ANSWERS("\x01", hostel_guest_call(guest, "count", NIL, NULL, &output, &error));
  ANSWERS("\x01", hostel_guest_call(guest, "count", NIL, NULL, &output, &error));
  ANSWERS("\x01", hostel_instance_call(instance, "count", NIL, NULL, &output, &error));
  ANSWERS("\x02", hostel_instance_call(instance, "count", NIL, NULL, &output, &error));
  ANSWERS("\x03", hostel_instance_call(instance, "count", NIL, NULL, &output, &error));
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void a_function_can_be_looked_up_once(const hostel_engine *engine) {
  hostel_guest *guest = quiet_guest(engine);
  hostel_instance *instance = new_instance(guest);
  hostel_function *text = RUBBISH;
  SUCCEEDS(hostel_guest_function(guest, "text", &text, &error));
  ANSWERS("\xa2hi", hostel_function_call(text, TEXT("\xa2hi"), NULL, &output, &error));
  ANSWERS("\xa2hi", hostel_instance_call_function(instance, text, TEXT("\xa2hi"), NULL, &output, &error));
  hostel_function_free(text);
  hostel_instance_free(instance);
  hostel_guest_free(guest);
}

static void a_function_of_plain_values_takes_no_bytes(const hostel_engine *engine) {
  static const char *const plain[] = {"add", "mul64", "fadd", "bump", "bumps"};
  hostel_guest *guest = quiet_guest(engine);
  for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
    REFUSES(BAD_ABI, plain[i], hostel_guest_call(guest, plain[i], NIL, NULL, &output, &error));
  }
  uint64_t values[2] = {40, 2};
  SUCCEEDS(hostel_guest_call_values(guest, "add", values, 2, NULL, &error));
  CHECK(values[0] == 42);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(the_abi_is_told_from_the_exports),
      TEST(the_abi_can_be_forced),
      TEST(text_and_nothing),
      TEST(integers_at_their_edges),
      TEST(floats_keep_every_bit),
      TEST(structs_enums_maps_and_options),
      TEST(a_result_inside_is_a_value_like_any_other),
      TEST(lengths_at_their_edges),
      TEST(sixteen_mebibytes_in_and_out),
      TEST(large_outputs_are_whole),
      TEST(an_input_may_stay_unread),
      TEST(an_instance_remembers_and_a_call_does_not),
      TEST(a_function_can_be_looked_up_once),
      TEST(a_function_of_plain_values_takes_no_bytes),
  };
  return RUN_TESTS(argc, argv, tests);
}
