/* Engines and modules as the hostel program's command line asks for them. */
#ifndef HOSTEL_MODULE_H
#define HOSTEL_MODULE_H

#include "hostel_files.h"
#include "hostel_options.h"

/* The library's default for modules, and more than any artifact. */
#define MODULE_MAX ((uint64_t)64 << 20)
#define ARTIFACT_MAX ((uint64_t)4 << 30)

/* A MODULE's file, and the key to open it with if it is an artifact. */
struct module_file {
  uint8_t *data; /* malloc()ed */
  size_t len;
  struct seal_key key;
};

/* False when a file cannot be read, which has then been said. */
bool read_module_file(const struct arguments *arguments, struct module_file *file_out);

/* The engine serves one guest only, so its limits are the call's. */
bool make_engine(const struct arguments *arguments, hostel_engine **engine_out, hostel_error **error_out);

/* An artifact is opened, anything else is compiled unless the cache has it, with a bar where that takes long. */
bool load_module(const struct arguments *arguments, const hostel_engine *engine, const hostel_cache *cache,
                 const struct module_file *file, hostel_module **module_out, hostel_error **error_out);

/* The key's bytes as the library takes them. */
const uint8_t *key_bytes(const struct seal_key *key);

#endif
