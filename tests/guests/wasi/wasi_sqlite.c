/* wasi_sqlite: a shell of SQLite. Its argument is a database's file, its input is SQL; rows are lines, columns divided by |. */
#include "sqlite3.h"

#include <stdio.h>
#include <string.h>

/* A name may be a URI: SQLite locks by making files, so in a directory for reading it wants to hear ?immutable=1. */
#define WAYS (SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI)

static int print_row(void *nothing, int columns, char **values, char **names) {
  (void)nothing;
  (void)names;
  for (int i = 0; i < columns; i++)
    printf("%s%s", i > 0 ? "|" : "", values[i] != NULL ? values[i] : "NULL");
  putchar('\n');
  return 0;
}

int main(int argc, char **argv) {
  static char sql[1 << 20];
  sqlite3 *database = NULL;
  char *message = NULL;
  sql[fread(sql, 1, sizeof sql - 1, stdin)] = '\0';
  if (argc != 2 || sqlite3_open_v2(argv[1], &database, WAYS, NULL) != SQLITE_OK) {
    fprintf(stderr, "cannot open: %s\n", database != NULL ? sqlite3_errmsg(database) : "no name");
    return 2;
  }
  const int status = sqlite3_exec(database, sql, print_row, NULL, &message);
  if (status != SQLITE_OK)
    fprintf(stderr, "%s\n", message);
  sqlite3_close(database);
  return status == SQLITE_OK ? 0 : 1;
}
