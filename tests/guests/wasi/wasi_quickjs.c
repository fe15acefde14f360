/* wasi_quickjs: evaluates the script on its input; print() writes a line. */
#include "quickjs.h"

#include <stdio.h>

static JSValue print(JSContext *context, JSValueConst self, int count, JSValueConst *values) {
  (void)self;
  for (int i = 0; i < count; i++) {
    const char *text = JS_ToCString(context, values[i]);
    if (text == NULL)
      return JS_EXCEPTION;
    printf("%s%s", i > 0 ? " " : "", text);
    JS_FreeCString(context, text);
  }
  putchar('\n');
  return JS_UNDEFINED;
}

static int complain(JSContext *context) {
  JSValue thrown = JS_GetException(context);
  const char *text = JS_ToCString(context, thrown);
  fprintf(stderr, "%s\n", text != NULL ? text : "thrown");
  JS_FreeCString(context, text);
  JS_FreeValue(context, thrown);
  return 1;
}

int main(void) {
  static char script[1 << 20];
  const size_t len = fread(script, 1, sizeof script - 1, stdin);
  script[len] = '\0';
  JSRuntime *runtime = JS_NewRuntime();
  JSContext *context = JS_NewContext(runtime);
  JSValue global = JS_GetGlobalObject(context);
  JS_SetPropertyStr(context, global, "print", JS_NewCFunction(context, print, "print", 1));
  JS_FreeValue(context, global);
  JSValue value = JS_Eval(context, script, len, "input", JS_EVAL_TYPE_GLOBAL);
  const int code = JS_IsException(value) ? complain(context) : 0;
  JS_FreeValue(context, value);
  JS_FreeContext(context);
  JS_FreeRuntime(runtime);
  return code;
}
