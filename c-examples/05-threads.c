/* One guest, four threads: a function that is looked up once may be called by all of them at the same time. */
#define _POSIX_C_SOURCE 200809L
#include <hostel.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { THREADS = 4, CALLS = 250 };

struct worker {
  pthread_t thread;
  const hostel_function *reverse; /* const: shared by all */
  int number;
  int right; /* answers */
};

static void *work(void *argument) {
  struct worker *worker = argument;
  for (int call = 0; call < CALLS; call++) {
    char text[32], backwards[32];
    size_t len = (size_t)snprintf(text, sizeof text, "thread %d, call %d", worker->number, call);
    for (size_t i = 0; i < len; i++)
      backwards[i] = text[len - 1 - i];
    /* The output is this thread's own. Errors are too: there is no hidden "last error" anywhere. */
    hostel_buffer output;
    hostel_error *error;
    if (hostel_function_call(worker->reverse, (const uint8_t *)text, len, NULL, &output, &error) != HOSTEL_STATUS_OK)
      fprintf(stderr, "%s: %s\n", text, hostel_error_message(error));
    else if (output.len == len && memcmp(output.data, backwards, len) == 0)
      worker->right++;
    hostel_buffer_free(&output);
    hostel_error_free(error);
  }
  return NULL;
}

int main(void) {
  hostel_engine *engine = NULL;
  hostel_module *module = NULL;
  hostel_guest *guest = NULL;
  hostel_function *reverse = NULL;
  hostel_error *error = NULL;
  bool ready = !hostel_engine_new(NULL, &engine, &error) &&
               !hostel_module_load_file(engine, NULL, HOSTEL_GUESTS "/echo.wasm", NULL, &module, &error) &&
               !hostel_guest_new(module, NULL, NULL, &guest, &error) &&
               !hostel_guest_function(guest, "reverse", &reverse, &error);
  if (!ready)
    fprintf(stderr, "%s: %s\n", hostel_status_name(hostel_error_status(error)), hostel_error_message(error));
  hostel_error_free(error);
  /* Freed in any order: what the function needs stays until it is freed itself. */
  hostel_engine_free(engine);
  hostel_module_free(module);
  hostel_guest_free(guest);

  struct worker workers[THREADS];
  int started = 0, right = 0;
  for (; ready && started < THREADS; started++) {
    workers[started] = (struct worker){.reverse = reverse, .number = started};
    if (pthread_create(&workers[started].thread, NULL, work, &workers[started]) != 0)
      break;
  }
  for (int i = 0; i < started; i++) {
    pthread_join(workers[i].thread, NULL);
    right += workers[i].right;
  }
  hostel_function_free(reverse);
  printf("%d of %d answers are right, from %d threads\n", right, THREADS * CALLS, started);
  return right == THREADS * CALLS ? 0 : 1;
}
