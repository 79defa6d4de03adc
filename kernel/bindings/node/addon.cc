// The engine as a Node addon. Each JavaScript environment (main thread or worker) has its own engine. Runs happen in
// the order of their calls: asynchronous ones on the engine's thread, a synchronous one on the caller's thread after
// the pending ones.
#include "handles.h"

namespace {

using namespace gradus::node;

/// load(words: Int32Array, constants: Float64Array) → handle
napi_value load(napi_env env, napi_callback_info info) {
  size_t argc = 2;
  napi_value args[2];
  napi_get_cb_info(env, info, &argc, args, nullptr, nullptr);
  napi_typedarray_type types[2];
  size_t lengths[2];
  void* data[2];
  for (int i = 0; i < 2; ++i)
    if (napi_get_typedarray_info(env, args[i], &types[i], &lengths[i], &data[i], nullptr, nullptr) != napi_ok ||
        types[i] != (i == 0 ? napi_int32_array : napi_float64_array))
      return fail(env, kArgument, "load takes an Int32Array and a Float64Array");
  std::string refusal;
  Status status;
  std::unique_ptr<Handle> handle(new Handle);
  handle->program = addon_of(env).engine->load(
      {static_cast<const int32_t*>(data[0]), lengths[0], static_cast<const double*>(data[1]), lengths[1]}, refusal,
      &status);
  if (!handle->program) return fail(env, status == Status::refused ? kRefused : kMemory, refusal);
  handle->buffers.resize(handle->program->slots.size() + 1);
  report_memory(env, *handle, memory_of(*handle->program));
  napi_value value;
  const auto finalize = [](napi_env e, void* pointer, void*) {
    Handle* h = static_cast<Handle*>(pointer);
    int64_t rest;
    napi_adjust_external_memory(e, -h->bytes, &rest);
    h->magic = 0;
    delete h;
  };
  if (napi_create_external(env, handle.get(), finalize, nullptr, &value) != napi_ok)
    return fail(env, kMemory, "no handle for the program");
  handle.release();
  return value;
}

/// unload(handle): frees the program as soon as no run uses it, without waiting for the handle's finalizer, which runs
/// only when the event loop turns.
napi_value unload(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value args[1];
  napi_get_cb_info(env, info, &argc, args, nullptr, nullptr);
  Handle* handle = handle_of(env, args[0]);
  if (!handle) return nullptr;
  report_memory(env, *handle, 0);
  handle->program.reset();
  handle->buffers = {};
  return nullptr;
}

/// bind(handle, slot, array): the array that synchronous runs use from now on. The caller keeps it alive, or binds
/// another one before the next run.
napi_value bind(napi_env env, napi_callback_info info) {
  size_t argc = 3;
  napi_value args[3];
  uint32_t slot = 0;
  napi_get_cb_info(env, info, &argc, args, nullptr, nullptr);
  Handle* handle = handle_of(env, args[0]);
  if (!handle) return nullptr;
  const auto& slots = handle->program->slots;
  if (napi_get_value_uint32(env, args[1], &slot) != napi_ok || slot >= slots.size())
    return fail(env, kArgument, "the program has " + std::to_string(slots.size()) + " slots");
  handle->buffers[slot + 1] = nullptr;
  read_slot(env, slots[slot], slot, args[2], handle->buffers[slot + 1]);
  return nullptr;
}

/// setVersions(handle, versions: Float64Array): from now on each run reads the version of each slot's contents
/// (packed_cache.h) from this array. The caller keeps it alive.
napi_value set_versions(napi_env env, napi_callback_info info) {
  size_t argc = 2;
  napi_value args[2];
  napi_get_cb_info(env, info, &argc, args, nullptr, nullptr);
  Handle* handle = handle_of(env, args[0]);
  if (!handle) return nullptr;
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, args[1], &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_float64_array || length != handle->program->slots.size())
    return fail(env, kArgument, "setVersions takes a Float64Array with a number for each slot");
  handle->versions = static_cast<const double*>(data);
  return nullptr;
}

/// One run on the bound arrays; `nanoseconds`, if given, receives the time of each instruction.
bool run_bound(napi_env env, Handle& handle, double* nanoseconds) {
  const auto& slots = handle.program->slots;
  for (size_t i = 0; i < slots.size(); ++i)
    if (!handle.buffers[i + 1] && slots[i].size > 0) {
      fail(env, kArgument, "slot " + std::to_string(i) + " is not bound");
      return false;
    }
  Addon& addon = addon_of(env);
  if (addon.pending > 0) addon.queue->wait();
  std::string message;
  const Status status =
      addon.engine->run(*handle.program, handle.buffers.data(), message, nanoseconds, handle.versions);
  if (handle.versions) report_memory(env, handle, memory_of(*handle.program));
  if (status == Status::ok) return true;
  fail(env, code_of(status), message);
  return false;
}

/// runSync(handle)
napi_value run_sync(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value args[1];
  napi_get_cb_info(env, info, &argc, args, nullptr, nullptr);
  if (Handle* handle = handle_of(env, args[0])) run_bound(env, *handle, nullptr);
  return nullptr;
}

/// profile(handle) → Float64Array of nanoseconds per instruction
napi_value profile(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value args[1];
  napi_get_cb_info(env, info, &argc, args, nullptr, nullptr);
  Handle* handle = handle_of(env, args[0]);
  if (!handle) return nullptr;
  const size_t count = handle->program->plans.size();
  napi_value buffer, times;
  void* data = nullptr;
  if (napi_create_arraybuffer(env, count * sizeof(double), &data, &buffer) != napi_ok ||
      napi_create_typedarray(env, napi_float64_array, count, buffer, 0, &times) != napi_ok)
    return fail(env, kMemory, "no room for the times");
  return run_bound(env, *handle, static_cast<double*>(data)) ? times : nullptr;
}

/// algorithms(handle) → Int32Array: algorithm_of for each instruction
napi_value algorithms(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value args[1];
  napi_get_cb_info(env, info, &argc, args, nullptr, nullptr);
  Handle* handle = handle_of(env, args[0]);
  if (!handle) return nullptr;
  const auto& plans = handle->program->plans;
  napi_value buffer, codes;
  void* data = nullptr;
  if (napi_create_arraybuffer(env, plans.size() * sizeof(int32_t), &data, &buffer) != napi_ok ||
      napi_create_typedarray(env, napi_int32_array, plans.size(), buffer, 0, &codes) != napi_ok)
    return fail(env, kMemory, "no room for the algorithms");
  for (size_t n = 0; n < plans.size(); ++n) static_cast<int32_t*>(data)[n] = gradus::algorithm_of(plans[n]);
  return codes;
}

void perform(Job& job) {
  job.status = job.addon->engine->run(*job.program, job.buffers.data(), job.message, nullptr,
                                      job.versions.empty() ? nullptr : job.versions.data());
  job.memory = memory_of(*job.program);
}

/// On the engine's thread.
void execute(void* context) {
  Job* job = static_cast<Job*>(context);
  if (!job->addon->closing) perform(*job);
  napi_call_threadsafe_function(job->addon->done, job, napi_tsfn_blocking);
}

/// Back on the main thread: resolves or rejects the promise. `env` is null when the environment is shutting down.
void settle(napi_env env, napi_value, void*, void* data) {
  std::unique_ptr<Job> job(static_cast<Job*>(data));
  if (!env) return;
  if (job->handle->program) report_memory(env, *job->handle, job->memory);
  napi_delete_reference(env, job->keep_alive);
  if (--job->addon->pending == 0) napi_unref_threadsafe_function(env, job->addon->done);
  if (job->status == Status::ok) {
    napi_resolve_deferred(env, job->deferred, undefined(env));
    return;
  }
  napi_value code, message, error;
  napi_create_string_utf8(env, code_of(job->status), NAPI_AUTO_LENGTH, &code);
  napi_create_string_utf8(env, job->message.c_str(), NAPI_AUTO_LENGTH, &message);
  napi_create_error(env, code, message, &error);
  napi_reject_deferred(env, job->deferred, error);
}

/// run(handle, slots, owners) → Promise
napi_value run(napi_env env, napi_callback_info info) {
  size_t argc = 3;
  napi_value args[3];
  napi_get_cb_info(env, info, &argc, args, nullptr, nullptr);
  Handle* handle = handle_of(env, args[0]);
  if (!handle) return nullptr;
  Addon& addon = addon_of(env);
  std::unique_ptr<Job> job(new Job{&addon, handle, handle->program, {}, {}, nullptr, nullptr, Status::ok, {}, 0});
  if (!read_slots(env, *handle->program, args[1], job->buffers)) return nullptr;
  if (handle->versions) job->versions.assign(handle->versions, handle->versions + handle->program->slots.size());
  // Keeps references to the arrays themselves, because the caller may change its list.
  napi_value keep, promise;
  const uint32_t count = uint32_t(handle->program->slots.size());
  if (napi_create_array_with_length(env, count + 2, &keep) != napi_ok) return fail(env, kMemory, "no memory for a run");
  napi_set_element(env, keep, 0, args[0]);
  napi_set_element(env, keep, 1, args[2]);
  for (uint32_t i = 0; i < count; ++i) {
    napi_value item;
    napi_get_element(env, args[1], i, &item);
    napi_set_element(env, keep, i + 2, item);
  }
  if (napi_create_reference(env, keep, 1, &job->keep_alive) != napi_ok)
    return fail(env, kMemory, "no memory for a run");
  if (napi_create_promise(env, &job->deferred, &promise) != napi_ok) return fail(env, kMemory, "no memory for a run");
  if (!addon.queue->submit(execute, job.get())) {
    // The thread could not be started: run here, after the pending runs.
    perform(*job);
    ++addon.pending;
    settle(env, nullptr, nullptr, job.release());
    return promise;
  }
  job.release();
  if (addon.pending++ == 0) napi_ref_threadsafe_function(env, addon.done);
  return promise;
}

/// info() → {isa, threads, compiler}
napi_value describe(napi_env env, napi_callback_info) {
  Addon& addon = addon_of(env);
  napi_value object, isa, threads, compiler;
  napi_create_object(env, &object);
  napi_create_string_utf8(env, addon.engine->isa(), NAPI_AUTO_LENGTH, &isa);
  napi_create_int32(env, addon.engine->threads(), &threads);
#if defined(__clang__)
  const std::string name = std::string("Clang ") + __clang_version__;
#else
  const std::string name = std::string("GCC ") + __VERSION__;
#endif
  napi_create_string_utf8(env, name.c_str(), NAPI_AUTO_LENGTH, &compiler);
  napi_set_named_property(env, object, "isa", isa);
  napi_set_named_property(env, object, "threads", threads);
  napi_set_named_property(env, object, "compiler", compiler);
  return object;
}

/// setThreads(count)
napi_value set_threads(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value args[1];
  int32_t count = 0;
  napi_get_cb_info(env, info, &argc, args, nullptr, nullptr);
  if (napi_get_value_int32(env, args[0], &count) != napi_ok || count < 1)
    return fail(env, kArgument, "setThreads takes a number of threads, 1 or more");
  Addon& addon = addon_of(env);
  addon.queue->wait();
  addon.engine->set_threads(count);
  return nullptr;
}

/// arenaBytes()
napi_value arena_bytes(napi_env env, napi_callback_info) {
  Addon& addon = addon_of(env);
  if (addon.pending > 0) addon.queue->wait();
  napi_value value;
  napi_create_int64(env, addon.engine->arena_bytes(), &value);
  return value;
}

/// misalignment(array): bytes from the cache line's start to the array's.
napi_value misalignment(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value array, value;
  void* data = nullptr;
  napi_get_cb_info(env, info, &argc, &array, nullptr, nullptr);
  if (napi_get_typedarray_info(env, array, nullptr, nullptr, &data, nullptr, nullptr) != napi_ok)
    return fail(env, kArgument, "misalignment wants a typed array");
  napi_create_uint32(env, uint32_t(reinterpret_cast<uintptr_t>(data) % 64), &value);
  return value;
}

/// largePages(array) → bytes from the array's start to the first huge page inside it; asks for that page and those
/// after it.
napi_value large_pages(napi_env env, napi_callback_info info) {
  size_t argc = 1, length = 0;
  napi_value array, value;
  void* data = nullptr;
  napi_get_cb_info(env, info, &argc, &array, nullptr, nullptr);
  napi_typedarray_type type;
  if (napi_get_typedarray_info(env, array, &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array || length < 2 * gradus::kLargePage)
    return fail(env, kArgument, "largePages wants a Uint8Array of 4 MiB or more");
  const size_t past = reinterpret_cast<uintptr_t>(data) % gradus::kLargePage,
               skip = past ? gradus::kLargePage - past : 0;
  gradus::use_large_pages(static_cast<char*>(data) + skip, (length - skip) / gradus::kLargePage * gradus::kLargePage);
  napi_create_uint32(env, uint32_t(skip), &value);
  return value;
}

/// watch(slot, object): watches for the collection of an object, in place of the one watched there before.
napi_value watch(napi_env env, napi_callback_info info) {
  size_t argc = 2;
  napi_value args[2];
  uint32_t slot = kWatched;
  napi_get_cb_info(env, info, &argc, args, nullptr, nullptr);
  if (napi_get_value_uint32(env, args[0], &slot) != napi_ok || slot >= kWatched)
    return fail(env, kArgument, "watch has " + std::to_string(kWatched) + " slots");
  napi_ref& ref = addon_of(env).watched[slot];
  if (ref) napi_delete_reference(env, ref);
  ref = nullptr;
  if (napi_create_reference(env, args[1], 0, &ref) != napi_ok) return fail(env, kArgument, "watch wants an object");
  return nullptr;
}

/// ended() → a bit for every watched object that has been collected, set at once. FinalizationRegistry reports only
/// when the event loop turns, and a WeakRef keeps its object alive until then.
napi_value ended(napi_env env, napi_callback_info) {
  uint32_t bits = 0;
  napi_value object;
  const Addon& addon = addon_of(env);
  for (uint32_t i = 0; i < kWatched; ++i)
    if (addon.watched[i] && napi_get_reference_value(env, addon.watched[i], &object) == napi_ok && !object)
      bits |= uint32_t{1} << i;
  napi_value value;
  napi_create_uint32(env, bits, &value);
  return value;
}

/// Runs before the threadsafe function is torn down, so that no thread calls it afterwards. The current run is aborted:
/// nobody waits for it.
void close(void* data) {
  Addon* addon = static_cast<Addon*>(data);
  addon->closing = true;
  addon->engine->interrupt();
  addon->queue.reset();
}

/// A call from JavaScript in which a C++ allocation may fail.
template <napi_callback Call>
napi_value guarded(napi_env env, napi_callback_info info) {
  try {
    return Call(env, info);
  } catch (const std::bad_alloc&) {
    return fail(env, kMemory, "out of memory");
  }
}

napi_value initialize(napi_env env, napi_value exports) {
  Addon* addon = new Addon;
  addon->engine.reset(new gradus::Engine(1));  // the meaning of this number is in src/runtime/native.ts
  addon->queue.reset(new gradus::Queue);
  napi_set_instance_data(env, addon, [](napi_env, void* data, void*) { delete static_cast<Addon*>(data); }, nullptr);
  napi_value name;
  napi_create_string_utf8(env, "gradus", NAPI_AUTO_LENGTH, &name);
  napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr, settle, &addon->done);
  napi_unref_threadsafe_function(env, addon->done);
  napi_add_env_cleanup_hook(env, close, addon);
  const struct {
    const char* name;
    napi_callback call;
  } functions[] = {{"load", guarded<load>},
                   {"unload", guarded<unload>},
                   {"bind", guarded<bind>},
                   {"setVersions", guarded<set_versions>},
                   {"runSync", guarded<run_sync>},
                   {"run", guarded<run>},
                   {"profile", guarded<profile>},
                   {"algorithms", guarded<algorithms>},
                   {"info", guarded<describe>},
                   {"setThreads", guarded<set_threads>},
                   {"arenaBytes", arena_bytes},
                   {"misalignment", misalignment},
                   {"largePages", large_pages},
                   {"watch", watch},
                   {"ended", ended}};
  for (const auto& f : functions) {
    napi_value function;
    napi_create_function(env, f.name, NAPI_AUTO_LENGTH, f.call, nullptr, &function);
    napi_set_named_property(env, exports, f.name, function);
  }
  return exports;
}

}  // namespace

NAPI_MODULE_INIT() {
  try {
    return initialize(env, exports);
  } catch (const std::bad_alloc&) {
    return fail(env, kMemory, "out of memory");
  }
}
