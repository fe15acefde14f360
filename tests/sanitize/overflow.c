/* Must fail under UndefinedBehaviorSanitizer. */
#include <limits.h>

int main(int argc, char **argv) {
  (void)argv;
  return (INT_MAX - 1 + argc + argc) == 0;
}
