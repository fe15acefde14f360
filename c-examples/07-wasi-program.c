/* A program of WASI, run by one call: SQLite, with SQL as its input and a database in the one directory that it may use. */
#define _POSIX_C_SOURCE 200809L
#include <hostel.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the program may use: its name and the database's as arguments, and this directory, as /data. */
static bool grant(hostel_imports *imports, const char *directory, hostel_error **error) {
  hostel_wasi *wasi;
  const bool granted = !hostel_wasi_new(&wasi, error) && !hostel_wasi_add_argument(wasi, "sqlite", error) &&
                       !hostel_wasi_add_argument(wasi, "/data/shop.db", error) &&
                       !hostel_wasi_add_directory(wasi, directory, "/data", false, error) &&
                       !hostel_imports_set_wasi(imports, wasi, error);
  hostel_wasi_free(wasi);
  return granted;
}

/* The call: what it brings is the program's standard input, what the program writes is what it returns. */
static bool ask(const hostel_guest *guest, const char *sql, hostel_error **error) {
  hostel_buffer output;
  if (hostel_guest_call(guest, NULL, (const uint8_t *)sql, strlen(sql), NULL, &output, error) != HOSTEL_STATUS_OK)
    return false;
  printf("%.*s", (int)output.len, (const char *)output.data);
  hostel_buffer_free(&output);
  return true;
}

int main(void) {
  hostel_engine *engine = NULL;
  hostel_module *module = NULL;
  hostel_imports *imports = NULL;
  hostel_guest *guest = NULL;
  hostel_error *error = NULL;
  char directory[] = "/tmp/hostel-example-XXXXXX";
  const bool made = mkdtemp(directory) != NULL;
  const bool done = made && !hostel_engine_new(NULL, &engine, &error) && !hostel_imports_new(&imports, &error) &&
                    grant(imports, directory, &error) &&
                    !hostel_module_load_file(engine, NULL, HOSTEL_GUESTS "/wasi_sqlite.wasm", NULL, &module, &error) &&
                    !hostel_guest_new(module, imports, NULL, &guest, &error) &&
                    ask(guest, "create table goods(name, price); insert into goods values ('tea', 4.25), ('soap', 2);", &error) &&
                    /* Another run of the program: what the first one left is in the file. */
                    ask(guest, "select name, price from goods order by price;", &error);
  if (!done) {
    fprintf(stderr, "%s: %s\n", hostel_status_name(hostel_error_status(error)), hostel_error_message(error));
    if (hostel_error_status(error) == HOSTEL_STATUS_EXIT)
      fprintf(stderr, "its exit code was %d\n", hostel_error_exit_code(error));
  }
  hostel_guest_free(guest);
  hostel_imports_free(imports);
  hostel_module_free(module);
  hostel_engine_free(engine);
  hostel_error_free(error);
  if (made) {
    char database[64];
    snprintf(database, sizeof database, "%s/shop.db", directory);
    unlink(database);
    rmdir(directory);
  }
  return done ? 0 : 1;
}
