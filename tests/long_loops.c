/* long_loops.c: a guest that does the same for long does not use up the host's stack. */
#include "check.h"

static void growing_by_nothing_for_long_ends(const hostel_engine *engine) {
  hostel_guest *guest = open_text(engine, "(module (memory 1) (func (export \"f\") (local i32)"
                                          " (loop (drop (memory.grow (i32.const 0)))"
                                          " (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1)))"
                                          " (i32.const 5000000))))))");
  SUCCEEDS(hostel_guest_call_values(guest, "f", NULL, 0, NULL, &error));
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(growing_by_nothing_for_long_ends),
  };
  return RUN_TESTS(argc, argv, tests);
}
