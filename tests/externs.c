/* externs.c: what a module imports and exports. */
#include "check.h"

#define LISTED                                                                                                                   \
  "(module (import \"a\" \"f\" (func (param i32 i64) (result f32)))"                                                             \
  " (import \"a\" \"t\" (table 1 2 funcref)) (import \"b\" \"m\" (memory 1)) (import \"b\" \"g\" (global (mut f64)))"            \
  " (export \"f2\" (func 0)) (export \"t2\" (table 0)) (export \"m2\" (memory 0)) (export \"g2\" (global 0))"                    \
  " (func (export \"nul\\00byte\")))"

static void its_imports_are_listed(const hostel_engine *engine) {
  hostel_module *module = load_text(engine, LISTED);
  static const char *const names[][2] = {{"a", "f"}, {"a", "t"}, {"b", "m"}, {"b", "g"}};
  static const hostel_extern_kind kinds[] = {HOSTEL_EXTERN_FUNCTION, HOSTEL_EXTERN_TABLE, HOSTEL_EXTERN_MEMORY,
                                             HOSTEL_EXTERN_GLOBAL};
  REQUIRE(hostel_module_import_count(module) == 4);
  for (size_t i = 0; i < 4; i++) {
    CHECK(strcmp(hostel_module_import_module(module, i), names[i][0]) == 0);
    CHECK(strcmp(hostel_module_import_name(module, i), names[i][1]) == 0);
    CHECK(hostel_module_import_kind(module, i) == kinds[i]);
  }
  CHECK(strcmp(hostel_module_import_type(module, 0), "(i32, i64) -> (f32)") == 0);
  CHECK(strlen(hostel_module_import_type(module, 3)) > 0);
  hostel_module_free(module);
}

static void its_exports_are_listed(const hostel_engine *engine) {
  hostel_module *module = load_text(engine, LISTED);
  static const char *const names[] = {"f2", "t2", "m2", "g2", "nul\\0byte"};
  static const hostel_extern_kind kinds[] = {HOSTEL_EXTERN_FUNCTION, HOSTEL_EXTERN_TABLE, HOSTEL_EXTERN_MEMORY,
                                             HOSTEL_EXTERN_GLOBAL, HOSTEL_EXTERN_FUNCTION};
  REQUIRE(hostel_module_export_count(module) == 5);
  for (size_t i = 0; i < 5; i++) {
    CHECK(strcmp(hostel_module_export_name(module, i), names[i]) == 0);
    CHECK(hostel_module_export_kind(module, i) == kinds[i]);
  }
  CHECK(strcmp(hostel_module_export_type(module, 4), "() -> ()") == 0);
  hostel_module_free(module);
}

static void there_is_nothing_past_the_end_of_a_list(const hostel_engine *engine) {
  hostel_module *module = load_text(engine, LISTED);
  const size_t past[] = {5, SIZE_MAX};
  for (size_t i = 0; i < 2; i++) {
    CHECK(hostel_module_import_module(module, past[i]) == NULL);
    CHECK(hostel_module_import_name(module, past[i]) == NULL);
    CHECK(hostel_module_import_type(module, past[i]) == NULL);
    CHECK(hostel_module_import_kind(module, past[i]) == HOSTEL_EXTERN_NONE);
    CHECK(hostel_module_export_name(module, past[i]) == NULL);
    CHECK(hostel_module_export_type(module, past[i]) == NULL);
    CHECK(hostel_module_export_kind(module, past[i]) == HOSTEL_EXTERN_NONE);
  }
  hostel_module_free(module);
}

static void null_has_no_imports_or_exports(const hostel_engine *engine) {
  (void)engine;
  CHECK(hostel_module_import_count(NULL) == 0 && hostel_module_export_count(NULL) == 0);
  CHECK(hostel_module_import_module(NULL, 0) == NULL && hostel_module_import_name(NULL, 0) == NULL);
  CHECK(hostel_module_import_type(NULL, 0) == NULL && hostel_module_export_type(NULL, 0) == NULL);
  CHECK(hostel_module_export_name(NULL, 0) == NULL);
  CHECK(hostel_module_import_kind(NULL, 0) == HOSTEL_EXTERN_NONE && hostel_module_export_kind(NULL, 0) == HOSTEL_EXTERN_NONE);
  hostel_module_free(NULL);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(its_imports_are_listed),
      TEST(its_exports_are_listed),
      TEST(there_is_nothing_past_the_end_of_a_list),
      TEST(null_has_no_imports_or_exports),
  };
  return RUN_TESTS(argc, argv, tests);
}
