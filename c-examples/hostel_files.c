#define _POSIX_C_SOURCE 200809L
#include "hostel_files.h"
#include "hostel_output.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading ---- */

bool read_stream(FILE *stream, uint64_t max, uint8_t **data_out, size_t *len_out) {
  size_t room = 0;
  *data_out = NULL;
  *len_out = 0;
  for (;;) {
    if (*len_out == room) {
      uint8_t *more = realloc(*data_out, room = room * 2 + 65536);
      if (more == NULL)
        return false;
      *data_out = more;
    }
    size_t got = fread(*data_out + *len_out, 1, room - *len_out, stream);
    *len_out += got;
    if (*len_out > max)
      return errno = EFBIG, false;
    if (got == 0)
      return !ferror(stream);
  }
}

/* Opens what is there at once: a pipe that nobody writes to is empty. */
static FILE *open_file(const char *path, struct stat *about) {
  int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (descriptor < 0)
    return NULL;
  /* From here on who writes to a pipe is waited for. */
  bool ready = fstat(descriptor, about) == 0 && fcntl(descriptor, F_SETFL, 0) == 0;
  FILE *file = ready ? fdopen(descriptor, "rb") : NULL;
  if (file == NULL) {
    int why = errno;
    close(descriptor);
    errno = why;
  }
  return file;
}

bool read_file(const char *path, uint64_t max, uint8_t **data_out, size_t *len_out) {
  struct stat about;
  FILE *file = open_file(path, &about);
  *data_out = NULL;
  *len_out = 0;
  if (file == NULL)
    return false;
  bool read = !S_ISREG(about.st_mode) || (uint64_t)about.st_size <= max;
  if (read)
    read = read_stream(file, max, data_out, len_out);
  else
    errno = EFBIG;
  int why = errno;
  fclose(file);
  errno = why;
  return read;
}

bool file_ends_with(const char *path, const void *end, size_t end_len) {
  struct stat about;
  uint8_t found[32];
  FILE *file = open_file(path, &about);
  bool ends = file != NULL && S_ISREG(about.st_mode) && end_len <= sizeof found && about.st_size >= (off_t)end_len &&
              fseeko(file, about.st_size - (off_t)end_len, SEEK_SET) == 0 && fread(found, 1, end_len, file) == end_len &&
              memcmp(found, end, end_len) == 0;
  if (file != NULL)
    fclose(file);
  return ends;
}

/* ---- keys ---- */

static bool unfit_key(const char *path, const char *why) {
  fprintf(stderr, "hostel: the key file %s %s\n", path, why);
  return false;
}

/* One byte more is asked for, so that a longer file shows. */
static bool read_open_key(FILE *file, const struct stat *about, const char *path, struct seal_key *key_out) {
  uint8_t bytes[HOSTEL_KEY_BYTES + 1];
  size_t len = fread(bytes, 1, sizeof bytes, file);
  if (ferror(file))
    return cannot("read", path), false;
  if ((about->st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return unfit_key(path, "is open to others than its owner; its mode should be 0600");
  if (len != HOSTEL_KEY_BYTES)
    return unfit_key(path, "is no key: that is 32 bytes, no less and no more");
  memcpy(key_out->bytes, bytes, len);
  key_out->len = len;
  return true;
}

bool read_key(const char *path, struct seal_key *key_out) {
  key_out->len = 0;
  if (path == NULL)
    return true;
  struct stat about;
  FILE *file = open_file(path, &about);
  if (file == NULL)
    return cannot("read", path), false;
  bool read = S_ISREG(about.st_mode) ? read_open_key(file, &about, path, key_out)
                                     : unfit_key(path, S_ISDIR(about.st_mode) ? "is a directory" : "is no regular file");
  fclose(file);
  return read;
}

/* More than any password is long. */
enum { SECRET_MAX = 64 << 10 };

bool read_secret(const char *path, char **secret_out) {
  const char *given = getenv("HOSTEL_REMOTE_SECRET");
  uint8_t *bytes;
  size_t len;
  *secret_out = NULL;
  if (path == NULL) {
    *secret_out = given == NULL || given[0] == '\0' ? NULL : strdup(given);
    return true;
  }
  bool read = read_file(path, SECRET_MAX, &bytes, &len);
  if (!read)
    cannot("read", path);
  while (len > 0 && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r'))
    len--;
  if (read && len > 0 && memchr(bytes, '\0', len) == NULL)
    *secret_out = strndup((const char *)bytes, len);
  else if (read)
    fprintf(stderr, "hostel: there is no secret in %s\n", path);
  free(bytes);
  return *secret_out != NULL;
}

/* ---- writing ---- */

/* Closes it, too. */
static bool write_open_file(FILE *file, const uint8_t *data, size_t len, bool sync) {
  bool written = fwrite(data, 1, len, file) == len && fflush(file) == 0 && (!sync || fsync(fileno(file)) == 0);
  int why = errno;
  bool closed = fclose(file) == 0;
  if (!written)
    errno = why;
  return written && closed;
}

/* A new file beside another. mkstemp() lets only the owner read it; this is as open as files usually are. */
static FILE *open_beside(char *pattern) {
  int descriptor = mkstemp(pattern);
  if (descriptor < 0)
    return NULL;
  mode_t mask = umask(0);
  umask(mask);
  FILE *file = fchmod(descriptor, 0666 & ~mask) == 0 ? fdopen(descriptor, "wb") : NULL;
  if (file == NULL) {
    int why = errno;
    close(descriptor);
    unlink(pattern);
    errno = why;
  }
  return file;
}

static bool replace_file(const char *path, char *aside, const uint8_t *data, size_t len) {
  FILE *file = open_beside(aside);
  if (file == NULL)
    return false;
  if (write_open_file(file, data, len, true) && rename(aside, path) == 0)
    return true;
  int why = errno;
  unlink(aside);
  errno = why;
  return false;
}

bool write_file(const char *path, const uint8_t *data, size_t len) {
  static const char suffix[] = ".XXXXXX";
  struct stat about;
  if (lstat(path, &about) == 0 && !S_ISREG(about.st_mode)) {
    FILE *file = fopen(path, "wb");
    return file != NULL && write_open_file(file, data, len, false);
  }
  size_t path_len = strlen(path);
  char *aside = malloc(path_len + sizeof suffix);
  if (aside == NULL)
    return false;
  memcpy(aside, path, path_len);
  memcpy(aside + path_len, suffix, sizeof suffix);
  bool written = replace_file(path, aside, data, len);
  int why = errno;
  free(aside);
  errno = why;
  return written;
}
