/* SQLite as a guest: a database in memory, filled before the first call, and a query of as many rows as the host asks for.
 * It imports nothing at all: where SQLite wants an operating system it gets the little that is below. */
#define HOSTEL_GUEST_ALLOCATOR
#include "hostel_guest.h"
#include "sqlite3.h"
#include <stdio.h>
#include <string.h>

#define PEOPLE 1000

static sqlite3 *database;
static sqlite3_stmt *query;

/* ---- the operating system ----------------------------------------------------------------------------------------- */

static int no_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_out) {
  (void)vfs, (void)name, (void)file, (void)flags, (void)flags_out;
  return SQLITE_CANTOPEN;
}

static int nothing_to_delete(sqlite3_vfs *vfs, const char *name, int sync) {
  (void)vfs, (void)name, (void)sync;
  return SQLITE_OK;
}

static int nothing_there(sqlite3_vfs *vfs, const char *name, int flags, int *found) {
  (void)vfs, (void)name, (void)flags;
  *found = 0;
  return SQLITE_OK;
}

static int same_name(sqlite3_vfs *vfs, const char *name, int size, char *full) {
  (void)vfs;
  sqlite3_snprintf(size, full, "%s", name);
  return SQLITE_OK;
}

/* The same every time: a benchmark wants no surprises. */
static int not_random(sqlite3_vfs *vfs, int size, char *bytes) {
  (void)vfs;
  memset(bytes, 7, (size_t)size);
  return size;
}

static int no_sleep(sqlite3_vfs *vfs, int microseconds) {
  (void)vfs;
  return microseconds;
}

static int no_clock(sqlite3_vfs *vfs, double *day) {
  (void)vfs;
  *day = 2460000.5;
  return SQLITE_OK;
}

static sqlite3_vfs memory_only = {
    .iVersion = 1,
    .szOsFile = sizeof(sqlite3_file),
    .mxPathname = 64,
    .zName = "none",
    .xOpen = no_file,
    .xDelete = nothing_to_delete,
    .xAccess = nothing_there,
    .xFullPathname = same_name,
    .xRandomness = not_random,
    .xSleep = no_sleep,
    .xCurrentTime = no_clock,
};

int sqlite3_os_init(void) { return sqlite3_vfs_register(&memory_only, 1); }

int sqlite3_os_end(void) { return SQLITE_OK; }

/* ---- the guest ---------------------------------------------------------------------------------------------------- */

static void must(int done) {
  if (!done)
    __builtin_trap();
}

/* Part of `_initialize`: an instance starts with the table filled and the query prepared. */
__attribute__((constructor)) static void fill(void) {
  must(sqlite3_open_v2(":memory:", &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) == SQLITE_OK);
  must(sqlite3_exec(database, "CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT, score INTEGER); BEGIN", 0, 0, 0) ==
       SQLITE_OK);
  sqlite3_stmt *insert;
  must(sqlite3_prepare_v2(database, "INSERT INTO people VALUES(?1, 'person ' || ?1, ?1 * 7919 % 1009)", -1, &insert, 0) ==
       SQLITE_OK);
  for (int id = 1; id <= PEOPLE; id++) {
    sqlite3_bind_int(insert, 1, id);
    must(sqlite3_step(insert) == SQLITE_DONE);
    sqlite3_reset(insert);
  }
  sqlite3_finalize(insert);
  must(sqlite3_exec(database, "COMMIT", 0, 0, 0) == SQLITE_OK);
  const char *text = "SELECT name, score FROM people WHERE id <= ?1 ORDER BY score DESC";
  must(sqlite3_prepare_v3(database, text, -1, SQLITE_PREPARE_PERSISTENT, &query, 0) == SQLITE_OK);
}

static hostel_slice echo(hostel_slice input) { return input; }
HOSTEL_EXPORT_FUNCTION(echo);

/* Input: the number of rows, four bytes, little-endian. Output: the rows, sorted, a line each; and the table remembers. */
static hostel_slice sql(hostel_slice input) {
  uint32_t rows;
  must(input.len == sizeof rows);
  memcpy(&rows, input.ptr, sizeof rows);
  hostel_free(input.ptr, input.len);

  sqlite3_str *lines = sqlite3_str_new(database);
  sqlite3_bind_int(query, 1, (int)rows);
  while (sqlite3_step(query) == SQLITE_ROW) {
    sqlite3_str_appendall(lines, (const char *)sqlite3_column_text(query, 0));
    sqlite3_str_appendchar(lines, 1, '\t');
    sqlite3_str_appendall(lines, (const char *)sqlite3_column_text(query, 1));
    sqlite3_str_appendchar(lines, 1, '\n');
  }
  sqlite3_reset(query);
  must(sqlite3_exec(database, "UPDATE people SET score = score + 1 WHERE id = 1", 0, 0, 0) == SQLITE_OK);

  hostel_slice output;
  output.len = (uint32_t)sqlite3_str_length(lines);
  char *text = sqlite3_str_finish(lines);
  output.ptr = hostel_alloc(output.len);
  must(text != NULL && output.ptr != NULL);
  memcpy(output.ptr, text, output.len);
  sqlite3_free(text);
  return output;
}
HOSTEL_EXPORT_FUNCTION(sql);
