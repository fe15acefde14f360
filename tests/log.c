/* log.c: what the library tells. */
#include "check.h"

typedef struct heard {
  int messages;
  hostel_log_level level;
  char target[100];
  char text[400];
} heard;

static void listen(void *user_data, hostel_log_level level, const char *target, const char *message) {
  heard *heard = user_data;
  heard->messages++;
  heard->level = level;
  snprintf(heard->target, sizeof heard->target, "%s", target);
  snprintf(heard->text, sizeof heard->text, "%s", message);
}

static void off(void) { SUCCEEDS(hostel_log_set(NULL, NULL, HOSTEL_LOG_OFF, &error)); }

static void loading_a_module_is_told_at_level_debug(const hostel_engine *engine) {
  heard heard = {0};
  SUCCEEDS(hostel_log_set(listen, &heard, HOSTEL_LOG_DEBUG, &error));
  hostel_module_free(settled(load_file(engine, "echo.wasm")));
  off();
  CHECK(heard.messages > 0);
  CHECK(heard.level == HOSTEL_LOG_DEBUG);
  CHECK(strcmp(heard.target, "hostel::module") == 0);
  CHECK(strstr(heard.text, best_tier(engine)) != NULL);
}

static void nothing_is_told_after_it_is_off(const hostel_engine *engine) {
  heard heard = {0};
  SUCCEEDS(hostel_log_set(listen, &heard, HOSTEL_LOG_TRACE, &error));
  SUCCEEDS(hostel_log_set(listen, &heard, HOSTEL_LOG_OFF, &error));
  hostel_module_free(load_file(engine, "echo.wasm"));
  CHECK(heard.messages == 0);
}

static void no_callback_is_off_at_any_level(const hostel_engine *engine) {
  SUCCEEDS(hostel_log_set(NULL, NULL, HOSTEL_LOG_TRACE, &error));
  hostel_module_free(load_file(engine, "echo.wasm"));
}

static void messages_above_the_level_are_not_told(const hostel_engine *engine) {
  heard heard = {0};
  SUCCEEDS(hostel_log_set(listen, &heard, HOSTEL_LOG_INFO, &error));
  hostel_module_free(load_file(engine, "echo.wasm"));
  off();
  CHECK(heard.messages == 0);
}

static void a_new_callback_replaces_the_old(const hostel_engine *engine) {
  heard first = {0}, second = {0};
  SUCCEEDS(hostel_log_set(listen, &first, HOSTEL_LOG_DEBUG, &error));
  SUCCEEDS(hostel_log_set(listen, &second, HOSTEL_LOG_DEBUG, &error));
  hostel_module_free(load_file(engine, "echo.wasm"));
  off();
  CHECK(first.messages == 0 && second.messages > 0);
}

static void a_number_that_is_no_level_is_refused(const hostel_engine *engine) {
  const hostel_log_level wrong[] = {-1, 6, 12345, INT32_MAX, INT32_MIN};
  heard heard = {0};
  SUCCEEDS(hostel_log_set(listen, &heard, HOSTEL_LOG_DEBUG, &error));
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    FAILS(INVALID_ARGUMENT, "max_level", hostel_log_set(NULL, NULL, wrong[i], &error));
    CHECK(hostel_log_set(NULL, NULL, wrong[i], NULL) == HOSTEL_STATUS_INVALID_ARGUMENT);
  }
  hostel_module_free(load_file(engine, "echo.wasm")); /* what was set before still holds */
  off();
  CHECK(heard.messages > 0);
}

static void from_inside(void *user_data, hostel_log_level level, const char *target, const char *message) {
  (void)level, (void)target, (void)message;
  const hostel_engine **engine = user_data;
  FAILS(BUSY, "callback", hostel_log_set(NULL, NULL, HOSTEL_LOG_OFF, &error));
  hostel_module_free(load_text(*engine, "(module)")); /* any other function is fine, and this is not told */
  *engine = NULL;
}

static void a_callback_may_use_the_library_but_not_set_itself(const hostel_engine *engine) {
  const hostel_engine *unheard = engine;
  SUCCEEDS(hostel_log_set(from_inside, &unheard, HOSTEL_LOG_DEBUG, &error));
  hostel_module_free(load_text(engine, "(module)"));
  off();
  CHECK(unheard == NULL);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(loading_a_module_is_told_at_level_debug),
      TEST(nothing_is_told_after_it_is_off),
      TEST(no_callback_is_off_at_any_level),
      TEST(messages_above_the_level_are_not_told),
      TEST(a_new_callback_replaces_the_old),
      TEST(a_number_that_is_no_level_is_refused),
      TEST(a_callback_may_use_the_library_but_not_set_itself),
  };
  return RUN_TESTS(argc, argv, tests);
}
