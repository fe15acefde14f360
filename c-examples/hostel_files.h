/* Files of the hostel program's command line. */
#ifndef HOSTEL_FILES_H
#define HOSTEL_FILES_H

#include <hostel.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Read to the end, which is no further than `max` bytes: else errno is EFBIG, and of a file nothing is read. The bytes are
 * malloc()ed, also when this fails half-way; then errno says why.
 */
bool read_stream(FILE *stream, uint64_t max, uint8_t **data_out, size_t *len_out);
bool read_file(const char *path, uint64_t max, uint8_t **data_out, size_t *len_out);

/* Whether these are the last bytes of a file. */
bool file_ends_with(const char *path, const void *end, size_t end_len);

/*
 * Writes a file: nobody sees half of it, and when this fails what was there is there still. Only what is no plain file,
 * such as a pipe or a link, is written in place. False: errno says why.
 */
bool write_file(const char *path, const uint8_t *data, size_t len);

/* The key that artifacts are sealed with, as the library takes it: a length of 0 is the user's own. */
struct seal_key {
  uint8_t bytes[HOSTEL_KEY_BYTES];
  size_t len;
};

/*
 * Reads what a remote store is opened with: the text of a file without the newline at its end or, if `path` is NULL, what the
 * environment has, which may be nothing: then it is NULL. free() it. False when there is no secret in the file, which has then
 * been said.
 */
bool read_secret(const char *path, char **secret_out);

/* Reads a key file, unless `path` is NULL. False when it is not fit for that, which has then been said. */
bool read_key(const char *path, struct seal_key *key_out);

#endif
