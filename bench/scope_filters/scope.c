/* Candidate C: an early header mutation as a dynamic module. It overwrites the private header with
 * "<listener>|<host in lower case>"; its configuration string is the listener's name.
 *
 * The declarations below are the part of Envoy's module interface that is used, written by hand: no SDK is needed.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const char *ptr;
  size_t length;
} buffer;

bool envoy_dynamic_module_callback_early_header_mutation_get_header_value(void *request, buffer key, buffer *value,
                                                                          size_t index, size_t *count);
bool envoy_dynamic_module_callback_early_header_mutation_set_header(void *request, buffer key, buffer value);

enum { LISTENER_MAX = 64, KEY_MAX = 512 };

typedef struct {
  char prefix[LISTENER_MAX + 1]; /* "<listener>|" */
  size_t length;
} settings;

static const buffer AUTHORITY = {":authority", 10};
static const buffer SCOPE = {"x-sealos-scope", 14};

const void *envoy_dynamic_module_on_program_init(void) { return "v0.1.0"; }

const void *envoy_dynamic_module_on_early_header_mutation_config_new(void *config, buffer name, buffer listener) {
  (void)config, (void)name;
  settings *made = listener.length < LISTENER_MAX ? malloc(sizeof *made) : NULL;
  if (made == NULL) return NULL; /* Envoy rejects the listener */
  memcpy(made->prefix, listener.ptr, listener.length);
  made->prefix[listener.length] = '|';
  made->length = listener.length + 1;
  return made;
}

void envoy_dynamic_module_on_early_header_mutation_config_destroy(const void *config) { free((void *)config); }

bool envoy_dynamic_module_on_early_header_mutation_mutate(const void *config, void *request) {
  const settings *own = config;
  char key[KEY_MAX];
  buffer host = {"", 0};
  envoy_dynamic_module_callback_early_header_mutation_get_header_value(request, AUTHORITY, &host, 0, NULL);
  if (host.length > KEY_MAX - own->length) host.length = 0; /* no host name is that long: the key of no host */
  memcpy(key, own->prefix, own->length);
  for (size_t i = 0; i < host.length; i++) {
    char c = host.ptr[i];
    key[own->length + i] = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
  }
  envoy_dynamic_module_callback_early_header_mutation_set_header(request, SCOPE,
                                                                 (buffer){key, own->length + host.length});
  return true; /* let later mutations run */
}
