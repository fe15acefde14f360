/* hostel compile */
#include "hostel_commands.h"
#include "hostel_module.h"
#include "hostel_output.h"
#include <stdlib.h>

static bool make_artifact(const struct arguments *arguments, const struct module_file *file, hostel_buffer *artifact_out,
                          hostel_error **error_out) {
  hostel_engine *engine = NULL;
  hostel_module *module = NULL;
  bool made = make_engine(arguments, &engine, error_out) && load_module(arguments, engine, NULL, file, &module, error_out) &&
              !hostel_module_settle(module, HOSTEL_UNLIMITED, error_out) && /* tiered: an artifact of the best tier */
              !hostel_module_serialize(module, key_bytes(&file->key), file->key.len, artifact_out, error_out);
  hostel_module_free(module);
  hostel_engine_free(engine);
  return made;
}

int run_compile(const struct arguments *arguments) {
  struct module_file file = {0};
  hostel_buffer artifact = {NULL, 0};
  hostel_error *error = NULL;
  int exit_status = EXIT_WRONG_USE;
  if (read_module_file(arguments, &file)) {
    if (!make_artifact(arguments, &file, &artifact, &error))
      exit_status = print_failure(error);
    else if (!write_file(arguments->output, artifact.data, artifact.len))
      exit_status = cannot("write", arguments->output);
    else
      exit_status = EXIT_OK;
  }
  free(file.data);
  hostel_buffer_free(&artifact);
  hostel_error_free(error);
  return exit_status;
}
