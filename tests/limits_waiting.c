/* limits_waiting.c: calls that wait for a room end as those that run do. */
#include "check_cancel.h"
#include "check_rooms.h"

enum { WAIT_MS = 200000 };

/* A guest of one room, for which calls wait. */
static hostel_guest *open_one_room(const hostel_engine *engine, atomic_int *begun) {
  hostel_imports *imports = imports_of("host", "begun", count_begun, begun);
  hostel_module *module = load_text(engine, BEGINNER);
  hostel_guest *guest = open_rooms(module, imports, (policy){.rooms = 1, .wait_ms = WAIT_MS});
  hostel_module_free(module);
  hostel_imports_free(imports);
  return guest;
}

static void a_call_that_waits_for_a_room_ends_with_its_deadline(const hostel_engine *engine) {
  atomic_int begun = 0;
  hostel_guest *guest = open_one_room(engine, &begun);
  hostel_cancel *cancel = new_cancel();
  call first = {.guest = guest, .function = "spin", .options = options_with_cancel(cancel)};
  begin_call(&first);
  wait_for(&begun, 1);
  hostel_call_options *options = options_with_deadline(20);
  REFUSES(DEADLINE, "time", hostel_guest_call(guest, "spin", NOTHING, options, &output, &error));
  CHECK(report_of(options).status == HOSTEL_STATUS_DEADLINE && begun == 1);
  SUCCEEDS(hostel_cancel_trigger(cancel, &error));
  CHECK(end_call(&first) == HOSTEL_STATUS_CANCELLED);
  ANSWERS("", hostel_guest_call(guest, "quick", NOTHING, NULL, &output, &error));
  hostel_call_options_free(options);
  hostel_call_options_free(first.options);
  hostel_cancel_free(cancel);
  hostel_guest_free(guest);
}

static void a_call_that_waits_for_a_room_is_cancelled_and_those_behind_it_are_not(const hostel_engine *engine) {
  atomic_int begun = 0;
  hostel_guest *guest = open_one_room(engine, &begun);
  hostel_cancel *of_first = new_cancel(), *of_second = new_cancel();
  call first = {.guest = guest, .function = "spin", .options = options_with_cancel(of_first)};
  call second = {.guest = guest, .function = "spin", .options = options_with_cancel(of_second)};
  call third = {.guest = guest, .function = "work", .input = 3};
  begin_call(&first);
  wait_for(&begun, 1);
  begin_call(&second);
  begin_call(&third);
  sleep_ms(5); /* most likely they wait by now; if not, the outcome is the same */
  SUCCEEDS(hostel_cancel_trigger(of_second, &error));
  CHECK(end_call(&second) == HOSTEL_STATUS_CANCELLED && begun == 1);
  SUCCEEDS(hostel_cancel_trigger(of_first, &error));
  CHECK(end_call(&first) == HOSTEL_STATUS_CANCELLED);
  CHECK(end_call(&third) == HOSTEL_STATUS_OK && third.output == worked(3));
  hostel_call_options_free(first.options);
  hostel_call_options_free(second.options);
  hostel_cancel_free(of_first);
  hostel_cancel_free(of_second);
  hostel_guest_free(guest);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_call_that_waits_for_a_room_ends_with_its_deadline),
      TEST(a_call_that_waits_for_a_room_is_cancelled_and_those_behind_it_are_not),
  };
  return RUN_TESTS(argc, argv, tests);
}
