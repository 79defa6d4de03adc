// Cumulative sums along the last axis. Floats accumulate in float64, so that a long sum keeps its precision.
#include "kernels.h"
#include "simd/loop/lines.h"

namespace gradus::GRADUS_ISA {
namespace {

constexpr int64_t kTaskElements = 1 << 14;

struct CumsumRun {
  const LinePlan& plan;
  const char* input;
  char* output;
  Pieces pieces;
};

template <class T, class A>
void cumsum_task(void* context, int64_t task, int) {
  const CumsumRun& run = *static_cast<CumsumRun*>(context);
  const LinePlan& p = run.plan;
  const int64_t from = p.input.stride[p.rank], to = p.output.stride[p.rank];
  for (int64_t line = run.pieces.first(task); line < run.pieces.last(task); ++line) {
    const char* x = run.input + line_offset(p.input, p.size, 0, p.rank, line);
    char* y = run.output + line_offset(p.output, p.size, 0, p.rank, line);
    A sum = 0;
    for (int64_t i = 0; i < p.length; ++i) {
      const int64_t at = p.flag ? p.length - 1 - i : i;
      sum += A(*reinterpret_cast<const T*>(x + at * from));
      *reinterpret_cast<T*>(y + at * to) = T(sum);
    }
  }
}

}  // namespace

Status cumsum(const LinePlan& p, Frame& frame) {
  CumsumRun run{p,
                frame.buffers[p.input.buffer] + p.input.offset,
                frame.buffers[p.output.buffer] + p.output.offset,
                {p.lines, (kTaskElements + p.length - 1) / p.length}};
  const auto task = p.dtype == DType::f32   ? cumsum_task<float, double>
                    : p.dtype == DType::f64 ? cumsum_task<double, double>
                                            : cumsum_task<int32_t, uint32_t>;
  frame.parallel->run(run.pieces.tasks(), task, &run);
  return Status::ok;
}

}  // namespace gradus::GRADUS_ISA
