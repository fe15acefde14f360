/* wasi_programs.c: what people have: SQLite, QuickJS, programs in Go, Rust and C, as their compilers leave them. */
#include "check_limits.h"
#include "check_wasi.h"

#include <pthread.h>

static void sqlite_keeps_a_database_in_a_directory(const hostel_engine *engine) {
  const folder folder = new_folder();
  hostel_wasi *wasi = wasi_with("/data/shop.db");
  grant_folder(wasi, &folder, "/data", false);
  hostel_guest *guest = open_program(engine, "wasi_sqlite.wasm", wasi);
  ANSWERS("",
          hostel_guest_call(guest, NULL,
                            TEXT("create table goods (name text primary key, price real, kind text);"
                                 "insert into goods values ('bread', 3.5, 'food'), ('soap', 2, 'other'), ('tea', 4.25, 'food');"),
                            NULL, &output, &error));
  /* Another call, another room: what it finds is in the file. */
  ANSWERS("food|2|7.75\nother|1|2.0\n",
          hostel_guest_call(guest, NULL, TEXT("select kind, count(*), sum(price) from goods group by kind order by kind;"), NULL,
                            &output, &error));
  ANSWERS("3\n", hostel_guest_call(guest, NULL, TEXT("begin; delete from goods; rollback; select count(*) from goods;"), NULL,
                                   &output, &error));
  ANSWERS("20100\n", hostel_guest_call(guest, NULL,
                                       TEXT("with recursive n(i) as (select 1 union all select i + 1 from n where i < 200)"
                                            " select sum(i) from n;"),
                                       NULL, &output, &error));
  REFUSES(EXIT, "code 1", hostel_guest_call(guest, NULL, TEXT("select * from nothing;"), NULL, &output, &error));
  hostel_guest_free(guest);
  /* What it has written is a database: its first bytes say so. */
  char head[16] = "";
  FILE *file = fopen(inside(&folder, "shop.db"), "rb");
  REQUIRE(file != NULL && fread(head, 1, sizeof head, file) == sizeof head);
  fclose(file);
  CHECK(memcmp(head, "SQLite format 3", 16) == 0);
  /* To another guest the directory is for reading only. */
  wasi = wasi_with("file:/data/shop.db?immutable=1");
  grant_folder(wasi, &folder, "/data", true);
  guest = open_program(engine, "wasi_sqlite.wasm", wasi);
  ANSWERS("tea\n", hostel_guest_call(guest, NULL, TEXT("select name from goods where price > 4;"), NULL, &output, &error));
  REFUSES(EXIT, "code 1", hostel_guest_call(guest, NULL, TEXT("delete from goods;"), NULL, &output, &error));
  hostel_guest_free(guest);
  remove_folder(&folder);
}

static void quickjs_evaluates_its_input(const hostel_engine *engine) {
  hostel_guest *guest = open_program(engine, "wasi_quickjs.wasm", new_wasi());
  ANSWERS("3 apples\n[2,4,6]\n",
          hostel_guest_call(guest, NULL, TEXT("print(1 + 2, 'apples'); print(JSON.stringify([1, 2, 3].map(n => n * 2)));"), NULL,
                            &output, &error));
  ANSWERS(
      "55 hello-world 2024-02-29T00:00:00.000Z\n",
      hostel_guest_call(guest, NULL,
                        TEXT("const f = n => n < 2 ? n : f(n - 1) + f(n - 2);"
                             "print(f(10), 'hello world'.replace(/\\s/g, '-'), new Date(Date.UTC(2024, 1, 29)).toISOString());"),
                        NULL, &output, &error));
  REFUSES(EXIT, "code 1", hostel_guest_call(guest, NULL, TEXT("throw new Error('on purpose')"), NULL, &output, &error));
  /* What one script has left behind the next does not see. */
  ANSWERS("", hostel_guest_call(guest, NULL, TEXT("globalThis.left = 1"), NULL, &output, &error));
  ANSWERS("undefined\n", hostel_guest_call(guest, NULL, TEXT("print(typeof left)"), NULL, &output, &error));
  hostel_guest_free(guest);
}

static void a_script_without_an_end_ends_with_its_call(const hostel_engine *engine) {
  hostel_guest *guest = open_program(engine, "wasi_quickjs.wasm", new_wasi());
  hostel_call_options *options = options_with_deadline(100);
  REFUSES(DEADLINE, "time", hostel_guest_call(guest, NULL, TEXT("for (;;);"), options, &output, &error));
  hostel_call_options_free(options);
  ANSWERS("on\n", hostel_guest_call(guest, NULL, TEXT("print('on')"), NULL, &output, &error));
  hostel_guest_free(guest);
}

static void go_runs_with_goroutines_and_files(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_file(&folder, "note", "from a file");
  hostel_wasi *wasi = wasi_with("/data/note");
  SUCCEEDS(hostel_wasi_set_variable(wasi, "NAME", "gopher", &error));
  grant_folder(wasi, &folder, "/data", true);
  hostel_guest *guest = open_program(engine, "wasi_go.wasm", wasi);
  for (int i = 0; i < 2; i++) {
    ANSWERS("a 2\nb 1\nname \"gopher\"\nfile from a file\n",
            hostel_guest_call(guest, NULL, TEXT("a b\n a"), NULL, &output, &error));
  }
  hostel_guest_free(guest);
  wasi = wasi_with("/data/none");
  grant_folder(wasi, &folder, "/data", true);
  guest = open_program(engine, "wasi_go.wasm", wasi);
  REFUSES(EXIT, "code 3", hostel_guest_call(guest, NULL, NOTHING, NULL, &output, &error));
  hostel_guest_free(guest);
  remove_folder(&folder);
}

/* The same file, by Rust's and by C's library. */
static void rust_and_c_read_the_same_file(const hostel_engine *engine) {
  const folder folder = new_folder();
  put_file(&folder, "note", "a note");
  hostel_wasi *wasi = wasi_with("read", "/data/note");
  grant_folder(wasi, &folder, "/data", true);
  hostel_imports *imports = imports_with(wasi);
  hostel_guest *rust = link_guest(load_file(engine, "wasi_rust.wasm"), imports);
  hostel_guest *c = link_guest(load_file(engine, "wasi_reactor.wasm"), imports);
  hostel_imports_free(imports);
  SAYS("a note", rust);
  ANSWERS("a note", hostel_guest_call(c, "contents", TEXT("/data/note"), NULL, &output, &error));
  REFUSES(GUEST_ERROR, "no such file", hostel_guest_call(c, "contents", TEXT("/data/none"), NULL, &output, &error));
  hostel_guest_free(rust);
  hostel_guest_free(c);
  remove_folder(&folder);
}

/* ---- many at once ---- */

enum { THREADS = 8, CALLS = 100 };

typedef struct worker {
  pthread_t thread;
  const hostel_guest *program, *reader;
  int number, right;
} worker;

static void *work(void *argument) {
  worker *worker = argument;
  for (int i = 0; i < CALLS; i++) {
    char input[32], path[32], upper[32];
    const int len = snprintf(input, sizeof input, "thread %d call %d", worker->number, i);
    for (int j = 0; j <= len; j++) {
      upper[j] = (char)(input[j] >= 'a' && input[j] <= 'z' ? input[j] - 32 : input[j]);
    }
    const int path_len = snprintf(path, sizeof path, "/data/%d", worker->number);
    hostel_buffer said, read;
    const bool ran = !hostel_guest_call(worker->program, NULL, (const uint8_t *)input, (size_t)len, NULL, &said, NULL);
    const bool found = !hostel_guest_call(worker->reader, "contents", (const uint8_t *)path, (size_t)path_len, NULL, &read, NULL);
    worker->right += ran && found && buffer_is(&said, upper, (size_t)len) && buffer_is(&read, path + 6, (size_t)path_len - 6);
    hostel_buffer_free(&said);
    hostel_buffer_free(&read);
  }
  return NULL;
}

static void many_threads_run_programs_at_once(const hostel_engine *engine) {
  const folder folder = new_folder();
  worker workers[THREADS];
  hostel_wasi *wasi = new_wasi();
  grant_folder(wasi, &folder, "/data", true);
  hostel_guest *program = open_program(engine, "wasi_command.wasm", new_wasi());
  hostel_guest *reader = open_program(engine, "wasi_reactor.wasm", wasi);
  for (int i = 0; i < THREADS; i++) {
    char name[2] = {(char)('0' + i), '\0'};
    put_file(&folder, name, name);
    workers[i] = (worker){.program = program, .reader = reader, .number = i};
    REQUIRE(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(workers[i].thread, NULL);
    CHECK(workers[i].right == CALLS);
  }
  hostel_guest_free(program);
  hostel_guest_free(reader);
  remove_folder(&folder);
}

int main(int argc, char **argv) {
  const test tests[] = {
      TEST(sqlite_keeps_a_database_in_a_directory),
      TEST(quickjs_evaluates_its_input),
      TEST(a_script_without_an_end_ends_with_its_call),
      TEST(go_runs_with_goroutines_and_files),
      TEST(rust_and_c_read_the_same_file),
      TEST(many_threads_run_programs_at_once),
  };
  return RUN_TESTS(argc, argv, tests);
}
