/* cache_swapped.c: entries that change while they are loaded. The answer is right, or the module is compiled again. */
#include "check_cache.h"

#include <fcntl.h>
#include <pthread.h>

enum { LOADS = 2000, LOADERS = 2 };

/* Somebody who keeps changing the entry of module 1 until told to stop. */
typedef struct vandal {
  path directory, entry, other, aside;
  uint8_t *bytes, *foreign;
  size_t len, foreign_len;
  uint64_t state;
  atomic_bool stop;
  void (*change)(struct vandal *vandal);
} vandal;

/* Whatever fails, fails because somebody else was faster. */
static void put(const char *where, const uint8_t *bytes, size_t len, int flags) {
  const int file = open(where, O_WRONLY | flags, 0600);
  if (file >= 0) {
    const ssize_t written = write(file, bytes, len);
    (void)written;
    close(file);
  }
}

/* The same file, byte by byte, or cut off and made whole again. */
static void write_in_place(vandal *vandal) {
  const int file = open(vandal->entry.text, O_WRONLY);
  if (file < 0) {
    put(vandal->entry.text, vandal->bytes, vandal->len, O_CREAT);
    return;
  }
  const size_t at = random_below(&vandal->state, vandal->len);
  const uint8_t flipped = (uint8_t)~vandal->bytes[at];
  ssize_t written = pwrite(file, &flipped, 1, (off_t)at);
  written += pwrite(file, vandal->bytes + at, 1, (off_t)at);
  const int cut = random_below(&vandal->state, 4) == 0 ? ftruncate(file, (off_t)at) : 0;
  written += pwrite(file, vandal->bytes, vandal->len, 0);
  (void)written, (void)cut;
  close(file);
}

/* Another file under the same name: the module's own, another module's, half of one, none. */
static void rename_over(vandal *vandal) {
  switch (random_below(&vandal->state, 5)) {
  case 0:
    put(vandal->aside.text, vandal->bytes, vandal->len, O_CREAT | O_TRUNC);
    break;
  case 1:
    put(vandal->aside.text, vandal->foreign, vandal->foreign_len, O_CREAT | O_TRUNC);
    break;
  case 2:
    put(vandal->aside.text, vandal->bytes, random_below(&vandal->state, vandal->len), O_CREAT | O_TRUNC);
    break;
  case 3:
    if (symlink(vandal->other.text, vandal->aside.text) != 0) {
      return;
    }
    break;
  default:
    (void)unlink(vandal->entry.text);
    return;
  }
  if (rename(vandal->aside.text, vandal->entry.text) != 0) {
    (void)unlink(vandal->aside.text);
  }
}

/* The folder goes away, and comes back with other things in it. */
static void take_the_folder(vandal *vandal) {
  path from = vandal->entry, to = path_in(vandal->directory.text, "away");
  *strrchr(from.text, '/') = '\0';
  if (rename(from.text, to.text) == 0) {
    DIR *away = opendir(to.text);
    for (struct dirent *entry; away != NULL && (entry = readdir(away)) != NULL;) {
      (void)unlink(path_in(to.text, entry->d_name).text);
    }
    if (away != NULL) {
      closedir(away);
    }
    (void)rmdir(to.text);
  }
}

static void *change_all_the_time(void *argument) {
  vandal *vandal = argument;
  while (!vandal->stop) {
    vandal->change(vandal);
  }
  return NULL;
}

typedef struct loader {
  const hostel_engine *engine;
  const hostel_cache *cache;
} loader;

static void *load_all_the_time(void *argument) {
  const loader *loader = argument;
  for (int i = 0; i < LOADS / LOADERS; i++) {
    hostel_module *module = load_numbered(loader->engine, loader->cache, 1);
    CHECK_MODULE(module, 1, hostel_module_origin(module));
  }
  return NULL;
}

static void loads_are_right_while(const hostel_engine *engine, void (*change)(vandal *vandal)) {
  vandal vandal = {.directory = new_directory(), .state = 0x9e3779b97f4a7c15, .change = change};
  hostel_cache *cache = directory_cache(vandal.directory.text, LARGE);
  COMES_FROM("compiled", engine, cache, 1);
  COMES_FROM("compiled", engine, cache, 2);
  vandal.entry = entry_of(vandal.directory.text, engine, 1);
  vandal.other = entry_of(vandal.directory.text, engine, 2);
  vandal.aside = path_in(vandal.directory.text, "aside");
  vandal.bytes = read_file(vandal.entry.text, &vandal.len);
  vandal.foreign = read_file(vandal.other.text, &vandal.foreign_len);
  loader loader = {engine, cache};
  pthread_t changing, loading[LOADERS];
  REQUIRE(pthread_create(&changing, NULL, change_all_the_time, &vandal) == 0);
  for (int i = 0; i < LOADERS; i++) {
    REQUIRE(pthread_create(&loading[i], NULL, load_all_the_time, &loader) == 0);
  }
  for (int i = 0; i < LOADERS; i++) {
    REQUIRE(pthread_join(loading[i], NULL) == 0);
  }
  vandal.stop = true;
  REQUIRE(pthread_join(changing, NULL) == 0);
  hostel_cache_free(cache);
  free(vandal.bytes);
  free(vandal.foreign);
  remove_all(vandal.directory.text);
}

static void an_entry_written_in_place_meanwhile(const hostel_engine *engine) { loads_are_right_while(engine, write_in_place); }

static void an_entry_replaced_meanwhile(const hostel_engine *engine) { loads_are_right_while(engine, rename_over); }

static void a_folder_that_goes_away_meanwhile(const hostel_engine *engine) { loads_are_right_while(engine, take_the_folder); }

int main(int argc, char **argv) {
  static const test tests[] = {
      TEST(an_entry_written_in_place_meanwhile),
      TEST(an_entry_replaced_meanwhile),
      TEST(a_folder_that_goes_away_meanwhile),
  };
  return RUN_TESTS(argc, argv, tests);
}
