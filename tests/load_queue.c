/* load_queue.c: loads in the background that wait for what was begun before say so, can be stopped, and wait no longer than they
 * may. */
#define _GNU_SOURCE
#include "check_background.h"

enum { SOON_MS = 10000 /* tells an answer from a hang */ };

/* One load that is held up, in the only thread there is. */
typedef struct queue {
  cpu_set_t before;
  hold hold;
  hostel_load *first;
} queue;

static void begin_queue(queue *queue, const hostel_engine *engine) {
  memset(queue, 0, sizeof *queue);
  on_one_processor(&queue->before);
  hostel_load_options *options = held_by(&queue->hold);
  queue->first = begin_numbered(engine, NULL, 1, options, NULL, NULL);
  hostel_load_options_free(options);
  until_told(&queue->hold);
}

static void end_queue(queue *queue) {
  hostel_module *module = RUBBISH;
  queue->hold.may_go_on = true;
  SUCCEEDS(hostel_load_wait(queue->first, HOSTEL_UNLIMITED, &module, &error)); /* whatever became of those behind it */
  hostel_module_free(module);
  hostel_load_free(queue->first);
  join_loads();
  REQUIRE(sched_setaffinity(0, sizeof queue->before, &queue->before) == 0);
}

typedef struct heard {
  atomic_uint waits, others;
  uint64_t done, total;
  unsigned stop_at;
  bool of_many; /* loads, each of which has waited for a time of its own */
  _Atomic(hostel_load *) frees;
} heard;

static hostel_status hear(void *user_data, const char *phase, uint64_t done, uint64_t total) {
  heard *heard = user_data;
  if (strcmp(phase, "wait") != 0) {
    heard->others++;
    return HOSTEL_STATUS_OK;
  }
  CHECK(heard->of_many || heard->waits == 0 || (done >= heard->done && total == heard->total));
  heard->done = done;
  heard->total = total;
  hostel_load *load = atomic_exchange(&heard->frees, NULL);
  hostel_load_free(load);
  heard->waits++; /* the last that is done with it */
  return heard->stop_at != 0 && heard->waits >= heard->stop_at ? HOSTEL_STATUS_HOST_ERROR : HOSTEL_STATUS_OK;
}

static hostel_load_options *heard_by(heard *heard) {
  hostel_load_options *options = new_load_options();
  SUCCEEDS(hostel_load_options_set_progress(options, hear, heard, &error));
  return options;
}

static void count_end(void *user_data, hostel_status status) {
  (void)status;
  ++*(atomic_uint *)user_data;
}

static void a_load_in_the_queue_says_that_it_waits(const hostel_engine *engine) {
  queue queue;
  heard heard = {0};
  begin_queue(&queue, engine);
  hostel_load_options *options = heard_by(&heard);
  hostel_load *load = begin_numbered(engine, NULL, 2, options, NULL, NULL);
  while (heard.waits < 3) {
    sleep_ms(1);
  }
  CHECK(heard.others == 0);
  end_queue(&queue);
  hostel_module *module = RUBBISH;
  SUCCEEDS(hostel_load_wait(load, HOSTEL_UNLIMITED, &module, &error));
  CHECK_MODULE(module, 2, "compiled");
  hostel_load_free(load);
  hostel_load_options_free(options);
}

static void the_progress_callback_stops_a_load_in_the_queue(const hostel_engine *engine) {
  queue queue;
  heard heard = {.stop_at = 2};
  atomic_uint ends = 0;
  hostel_module *module = RUBBISH;
  begin_queue(&queue, engine);
  hostel_load_options *options = heard_by(&heard);
  hostel_load *load = begin_numbered(engine, NULL, 2, options, count_end, &ends);
  FAILS(CANCELLED, "progress", hostel_load_wait(load, SOON_MS, &module, &error));
  end_queue(&queue);
  CHECK(heard.waits == 2 && heard.others == 0 && ends == 1);
  hostel_load_free(load);
  hostel_load_options_free(options);
}

static void a_load_in_the_queue_waits_as_long_as_it_may(const hostel_engine *engine) {
  queue queue;
  heard heard = {0};
  hostel_module *module = RUBBISH;
  begin_queue(&queue, engine);
  hostel_load_options *options = heard_by(&heard);
  SUCCEEDS(hostel_load_options_set_patience(options, 100, &error));
  hostel_load *load = begin_numbered(engine, NULL, 2, options, NULL, NULL);
  FAILS(BUSY, "100 ms", hostel_load_wait(load, SOON_MS, &module, &error));
  end_queue(&queue);
  CHECK(heard.total == 100 && heard.others == 0);
  hostel_load_free(load);
  hostel_load_options_free(options);
}

static void a_callback_may_free_a_load_in_the_queue(const hostel_engine *engine) {
  queue queue;
  heard heard = {0};
  begin_queue(&queue, engine);
  hostel_load_options *options = heard_by(&heard);
  heard.frees = begin_numbered(engine, NULL, 2, options, NULL, NULL);
  while (heard.frees != NULL || heard.waits == 0) {
    sleep_ms(1);
  }
  end_queue(&queue);
  hostel_load_options_free(options);
}

static atomic_uint warnings;

static void listen(void *user_data, hostel_log_level level, const char *target, const char *message) {
  (void)user_data, (void)target;
  warnings += level == HOSTEL_LOG_WARN && strstr(message, "before") != NULL;
}

static void the_log_hears_of_a_load_that_is_in_the_queue_for_long(const hostel_engine *engine) {
  queue queue;
  warnings = 0;
  begin_queue(&queue, engine);
  SUCCEEDS(hostel_log_set(listen, NULL, HOSTEL_LOG_WARN, &error));
  hostel_load *load = begin_numbered(engine, NULL, 2, NULL, NULL, NULL);
  while (warnings == 0) {
    sleep_ms(1); /* a second */
  }
  hostel_load_free(load);
  SUCCEEDS(hostel_log_set(NULL, NULL, HOSTEL_LOG_OFF, &error));
  end_queue(&queue);
}

static void loads_in_the_queue_can_be_freed(const hostel_engine *engine) {
  queue queue;
  heard heard = {.of_many = true};
  begin_queue(&queue, engine);
  hostel_load_options *options = heard_by(&heard);
  hostel_load *loads[8];
  for (unsigned i = 0; i < 8; i++) {
    loads[i] = begin_numbered(engine, NULL, 2 + i, options, NULL, NULL);
  }
  while (heard.waits < 16) {
    sleep_ms(1);
  }
  FAILS(BUSY, "", hostel_loads_join(&error));
  for (unsigned i = 0; i < 8; i++) {
    hostel_load_free(loads[i]);
  }
  end_queue(&queue);
  CHECK(heard.others == 0);
  hostel_load_options_free(options);
}

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(a_load_in_the_queue_says_that_it_waits),
      TEST(the_progress_callback_stops_a_load_in_the_queue),
      TEST(a_load_in_the_queue_waits_as_long_as_it_may),
      TEST(a_callback_may_free_a_load_in_the_queue),
      TEST(the_log_hears_of_a_load_that_is_in_the_queue_for_long),
      TEST(loads_in_the_queue_can_be_freed),
  };
  return RUN_TESTS(argc, argv, tests);
}
