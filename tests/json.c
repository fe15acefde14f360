/* json.c: JSON to MessagePack and back. Neither needs an engine; what cannot be said in both is refused, never bent. */
#include "check.h"

static void says(const char *json, const void *msgpack, size_t len) {
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  const int before = failures;
  const hostel_status status = hostel_json_to_msgpack(json, strlen(json), &output, &error);
  check_output_at(__FILE__, __LINE__, status, error, &output, msgpack, len);
  if (failures != before) {
    fprintf(stderr, "  that was %s\n", json);
  }
}

static void reads(const char *msgpack, size_t len, const char *json) {
  hostel_buffer output = RUBBISH_BUFFER;
  hostel_error *error = RUBBISH;
  const int before = failures;
  const hostel_status status = hostel_msgpack_to_json((const uint8_t *)msgpack, len, &output, &error);
  check_output_at(__FILE__, __LINE__, status, error, &output, json, strlen(json));
  if (failures != before) {
    fprintf(stderr, "  that should be %s\n", json);
  }
}

#define SAYS(json, msgpack) says((json), (msgpack), sizeof(msgpack) - 1)
#define READS(msgpack, json) reads((msgpack), sizeof(msgpack) - 1, (json))
/* One value of both formats. */
#define BOTH(json, msgpack) (SAYS(json, msgpack), READS(msgpack, json))
#define REFUSES_JSON(word, json) REFUSES(INVALID_ARGUMENT, word, hostel_json_to_msgpack(json, sizeof(json) - 1, &output, &error))
#define REFUSES_MSGPACK(word, bytes)                                                                                             \
  REFUSES(INVALID_ARGUMENT, word, hostel_msgpack_to_json((const uint8_t *)(bytes), sizeof(bytes) - 1, &output, &error))

static void words_and_texts(const hostel_engine *engine) {
  (void)engine;
  BOTH("null", "\xc0");
  BOTH("true", "\xc3");
  BOTH("false", "\xc2");
  BOTH("\"\"", "\xa0");
  BOTH("\"gr\xc3\xbc\"", "\xa4gr\xc3\xbc");
  BOTH("\"say \\\"hi\\\"\\n\\\\\"", "\xaasay \"hi\"\n\\");
  BOTH("\"\\u0000\"", "\xa1\0");
  SAYS("\"\\ud83d\\ude00\\u00fc\"", "\xa6\xf0\x9f\x98\x80\xc3\xbc");
  SAYS(" \t\r\n null \n", "\xc0");
}

static void integers_at_their_edges(const hostel_engine *engine) {
  (void)engine;
  BOTH("0", "\0");
  BOTH("127", "\x7f");
  BOTH("128", "\xcc\x80");
  BOTH("255", "\xcc\xff");
  BOTH("256", "\xcd\x01\0");
  BOTH("65535", "\xcd\xff\xff");
  BOTH("65536", "\xce\0\x01\0\0");
  BOTH("4294967295", "\xce\xff\xff\xff\xff");
  BOTH("4294967296", "\xcf\0\0\0\x01\0\0\0\0");
  BOTH("9007199254740993", "\xcf\0\x20\0\0\0\0\0\x01"); /* a double would round it */
  BOTH("9223372036854775807", "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff");
  BOTH("9223372036854775808", "\xcf\x80\0\0\0\0\0\0\0");
  BOTH("18446744073709551615", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
  BOTH("-1", "\xff");
  BOTH("-32", "\xe0");
  BOTH("-33", "\xd0\xdf");
  BOTH("-128", "\xd0\x80");
  BOTH("-129", "\xd1\xff\x7f");
  BOTH("-2147483649", "\xd3\xff\xff\xff\xff\x7f\xff\xff\xff");
  BOTH("-9223372036854775808", "\xd3\x80\0\0\0\0\0\0\0");
  READS("\xd3\0\0\0\0\0\0\0\x05", "5"); /* wider than it need be */
}

static void integers_over_64_bits_are_refused(const hostel_engine *engine) {
  (void)engine;
  REFUSES_JSON("json", "18446744073709551616");
  REFUSES_JSON("json", "-9223372036854775809");
  REFUSES_JSON("json", "[1,{\"a\":[100000000000000000000000000000000]}]");
  SAYS("\"18446744073709551616\"", "\xb4"
                                   "18446744073709551616"); /* as text it is none */
  SAYS("{\"18446744073709551616\":1}", "\x81\xb4"
                                       "18446744073709551616\x01");
}

static void floats(const hostel_engine *engine) {
  (void)engine;
  BOTH("1.5", "\xcb\x3f\xf8\0\0\0\0\0\0");
  BOTH("-0.0", "\xcb\x80\0\0\0\0\0\0\0");
  SAYS("1.7976931348623157e308", "\xcb\x7f\xef\xff\xff\xff\xff\xff\xff");
  SAYS("5e-324", "\xcb\0\0\0\0\0\0\0\x01");
  SAYS("1.0", "\xcb\x3f\xf0\0\0\0\0\0\0"); /* still a float */
  SAYS("1e3", "\xcb\x40\x8f\x40\0\0\0\0\0");
  SAYS("18446744073709551616.0", "\xcb\x43\xf0\0\0\0\0\0\0");
  READS("\xca\x3f\xc0\0\0", "1.5");
}

/* Numbers of any size come back from JSON as the bits they were. */
static void every_float_survives(const hostel_engine *engine) {
  (void)engine;
  uint64_t state = 88172645463325252U;
  int bent = 0;
  for (int i = 0; i < 20000; i++) {
    uint8_t value[9] = {0xcb};
    for (size_t at = 1; at < sizeof value; at++) {
      value[at] = (uint8_t)random_below(&state, 256);
    }
    if ((value[1] & 0x7f) == 0x7f && (value[2] & 0xf0) == 0xf0) {
      continue; /* NaN or an infinity */
    }
    hostel_buffer json = RUBBISH_BUFFER, back = RUBBISH_BUFFER;
    SUCCEEDS(hostel_msgpack_to_json(value, sizeof value, &json, &error));
    SUCCEEDS(hostel_json_to_msgpack((const char *)json.data, json.len, &back, &error));
    bent += !buffer_is(&back, value, sizeof value);
    hostel_buffer_free(&json);
    hostel_buffer_free(&back);
  }
  CHECK(bent == 0);
}

static void what_is_no_number_is_refused(const hostel_engine *engine) {
  (void)engine;
  REFUSES_JSON("json", "1e400");
  REFUSES_JSON("json", "NaN");
  REFUSES_JSON("json", "Infinity");
  REFUSES_JSON("json", "-Infinity");
  REFUSES_MSGPACK("msgpack", "\xcb\x7f\xf8\0\0\0\0\0\0");
  REFUSES_MSGPACK("msgpack", "\xcb\x7f\xf0\0\0\0\0\0\0");
  REFUSES_MSGPACK("msgpack", "\xcb\xff\xf0\0\0\0\0\0\0");
  REFUSES_MSGPACK("msgpack", "\xca\x7f\xc0\0\0");
  REFUSES_MSGPACK("msgpack", "\x91\x81\xa1"
                             "a\xca\x7f\x80\0\0");
}

static void arrays_and_objects_keep_their_order(const hostel_engine *engine) {
  (void)engine;
  BOTH("[]", "\x90");
  BOTH("{}", "\x80");
  BOTH("[1,[2,[]],{}]", "\x93\x01\x92\x02\x90\x80");
  BOTH("{\"z\":1,\"a\":{\"\":null}}", "\x82\xa1z\x01\xa1"
                                      "a\x81\xa0\xc0");
}

static void bytes_become_an_array_of_integers(const hostel_engine *engine) {
  (void)engine;
  READS("\xc4\x03\0\x7f\xff", "[0,127,255]");
  READS("\xc4\0", "[]");
  READS("\x81\xa1"
        "b\xc4\x01\x07",
        "{\"b\":[7]}");
}

static void integer_keys_become_text(const hostel_engine *engine) {
  (void)engine;
  READS("\x82\x07\xa1x\xff\xa1y", "{\"7\":\"x\",\"-1\":\"y\"}");
  READS("\x81\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xc0", "{\"18446744073709551615\":null}");
}

static void other_keys_are_refused(const hostel_engine *engine) {
  (void)engine;
  REFUSES_MSGPACK("key", "\x81\xc0\x01");
  REFUSES_MSGPACK("key", "\x81\xc3\x01");
  REFUSES_MSGPACK("key", "\x81\xcb\x3f\xf8\0\0\0\0\0\0\x01");
  REFUSES_MSGPACK("key", "\x81\xc4\x01x\x01");
  REFUSES_MSGPACK("key", "\x81\x90\x01");
  REFUSES_MSGPACK("key", "\x81\x80\x01");
}

static void a_key_twice_is_refused(const hostel_engine *engine) {
  (void)engine;
  REFUSES_JSON("twice", "{\"a\":1,\"b\":2,\"a\":3}");
  REFUSES_JSON("twice", "[{\"x\":{\"a\":1,\"\\u0061\":1}}]");
  REFUSES_MSGPACK("twice", "\x82\xa1"
                           "a\x01\xa1"
                           "a\x02");
  REFUSES_MSGPACK("twice", "\x82\x01\x01\x01\x02");
  REFUSES_MSGPACK("twice", "\x82\x01\x01\xa1"
                           "1\x02"); /* the same in JSON */
}

static void what_is_no_json_is_refused(const hostel_engine *engine) {
  (void)engine;
  static const char *const wrong[] = {
      "",    " ",  "nul",      "[1,]", "[1 2]",     "{\"a\"}", "{a:1}",   "{1:2}",         "'a'",
      "\"a", "01", "+1",       ".5",   "1.",        "- 1",     "\"\\x\"", "\"\\ud800\"",   "\"\t\"",
      "[",   "]",  "{\"a\":1", "1 2",  "null null", "// x\n1", "[1]]",    "\xef\xbb\xbf[]"};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    REFUSES(INVALID_ARGUMENT, "json", hostel_json_to_msgpack(wrong[i], strlen(wrong[i]), &output, &error));
  }
  REFUSES_JSON("json", "null\0");
  REFUSES_JSON("json", "\"\xff\"");
  REFUSES_JSON("json", "\"\xed\xa0\x80\""); /* half a surrogate pair */
  REFUSES_JSON("json", "\"\xc0\xaf\"");     /* longer than it need be */
}

static void what_is_no_messagepack_is_refused(const hostel_engine *engine) {
  (void)engine;
  REFUSES(INVALID_ARGUMENT, "msgpack", hostel_msgpack_to_json(NULL, 0, &output, &error));
  REFUSES_MSGPACK("msgpack", "\xc1");
  REFUSES_MSGPACK("msgpack", "\xa5hell");
  REFUSES_MSGPACK("msgpack", "\x92\x01");
  REFUSES_MSGPACK("msgpack", "\x81\xa1"
                             "a");
  REFUSES_MSGPACK("msgpack", "\xcf\0\0\0");
  REFUSES_MSGPACK("msgpack", "\xa2\xff\xfe"); /* not UTF-8 */
  REFUSES_MSGPACK("msgpack", "\xdb\xff\xff\xff\xff");
  REFUSES_MSGPACK("msgpack", "\xc6\xff\xff\xff\xff");
  REFUSES_MSGPACK("msgpack", "\xdd\xff\xff\xff\xff");
  REFUSES_MSGPACK("msgpack", "\xdf\xff\xff\xff\xff");
  REFUSES_MSGPACK("1 bytes after", "\x01\x02");
}

static void extension_types_are_refused(const hostel_engine *engine) {
  (void)engine;
  REFUSES_MSGPACK("msgpack", "\xd4\x01\0");
  REFUSES_MSGPACK("msgpack", "\xd6\xff\0\0\0\0"); /* a timestamp */
  REFUSES_MSGPACK("msgpack", "\xc7\x00\x05");
  REFUSES_MSGPACK("msgpack", "\x91\xd4\x01\0");
}

/* The innermost is a number. */
static void values_may_lie_128_deep(const hostel_engine *engine) {
  (void)engine;
  static const size_t depths[] = {2, 100, 127, 128, 129, 1000, 100000};
  for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
    const size_t arrays = depths[i] - 1, json_len = arrays * 2 + 1;
    char *json = malloc(json_len);
    uint8_t *msgpack = malloc(depths[i]);
    REQUIRE(json != NULL && msgpack != NULL);
    memset(json, '[', arrays);
    json[arrays] = '7';
    memset(json + arrays + 1, ']', arrays);
    memset(msgpack, 0x91, arrays);
    msgpack[arrays] = 7;
    if (depths[i] <= 128) {
      ANSWERS_BYTES(msgpack, depths[i], hostel_json_to_msgpack(json, json_len, &output, &error));
      ANSWERS_BYTES(json, json_len, hostel_msgpack_to_json(msgpack, depths[i], &output, &error));
    } else {
      REFUSES(INVALID_ARGUMENT, "json", hostel_json_to_msgpack(json, json_len, &output, &error));
      REFUSES(INVALID_ARGUMENT, "msgpack", hostel_msgpack_to_json(msgpack, depths[i], &output, &error));
    }
    free(json);
    free(msgpack);
  }
}

static void arguments_are_checked(const hostel_engine *engine) {
  (void)engine;
  const size_t too_long = (size_t)PTRDIFF_MAX + 1;
  FAILS(INVALID_ARGUMENT, "msgpack_out", hostel_json_to_msgpack("1", 1, NULL, &error));
  FAILS(INVALID_ARGUMENT, "json_out", hostel_msgpack_to_json(TEXT("\x01"), NULL, &error));
  REFUSES(INVALID_ARGUMENT, "json", hostel_json_to_msgpack(NULL, 1, &output, &error));
  REFUSES(INVALID_ARGUMENT, "json", hostel_json_to_msgpack("1", too_long, &output, &error));
  REFUSES(INVALID_ARGUMENT, "msgpack", hostel_msgpack_to_json(NULL, 1, &output, &error));
  hostel_buffer output = RUBBISH_BUFFER;
  CHECK(hostel_json_to_msgpack("nul", 3, &output, NULL) == HOSTEL_STATUS_INVALID_ARGUMENT);
  CHECK(output.data == NULL && output.len == 0);
  CHECK(hostel_json_to_msgpack("null", 4, &output, NULL) == HOSTEL_STATUS_OK);
  hostel_buffer_free(&output);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(words_and_texts),
      TEST(integers_at_their_edges),
      TEST(integers_over_64_bits_are_refused),
      TEST(floats),
      TEST(every_float_survives),
      TEST(what_is_no_number_is_refused),
      TEST(arrays_and_objects_keep_their_order),
      TEST(bytes_become_an_array_of_integers),
      TEST(integer_keys_become_text),
      TEST(other_keys_are_refused),
      TEST(a_key_twice_is_refused),
      TEST(what_is_no_json_is_refused),
      TEST(what_is_no_messagepack_is_refused),
      TEST(extension_types_are_refused),
      TEST(values_may_lie_128_deep),
      TEST(arguments_are_checked),
  };
  return RUN_TESTS(argc, argv, tests);
}
