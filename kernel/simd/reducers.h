// What reductions do to one block: `rows` reduces each line of a block to one value, `columns` adds
// the lines of a block element by element. Both fold into accumulators that live across blocks.
#pragma once
#include <limits>

#include "lanes.h"

namespace gradus::GRADUS_ISA {

/// Accumulators of the kept elements of one block: a value of 8 bytes and a position each.
struct Accumulators {
  void* values;
  void* positions;
};

/// Sums of float32 and float64 run in float64 lanes, so that a float32 sum of n elements is off by
/// half a unit of the result and n·2⁻⁵³·Σ|x|, whatever its order; int32 wraps around.
template <class T, class A>
struct Sum {
  using Wide = typename Lanes<A>::type;
  static constexpr int W = Lanes<A>::count;
  using Narrow = typename Lanes<T, W * int(sizeof(T))>::type;

  static Wide widen(const T* p) { return __builtin_convertvector(load_lanes<Narrow>(p), Wide); }

  static void start(Accumulators acc, int64_t n) { std::memset(acc.values, 0, size_t(n) * sizeof(A)); }

  static A line(const T* x, int64_t n) {
    // Four chains hide the latency of an addition.
    Wide s0{}, s1{}, s2{}, s3{};
    int64_t i = 0;
    for (; i + 4 * W <= n; i += 4 * W) {
      s0 += widen(x + i);
      s1 += widen(x + i + W);
      s2 += widen(x + i + 2 * W);
      s3 += widen(x + i + 3 * W);
    }
    for (; i + W <= n; i += W) s0 += widen(x + i);
    A total = 0;
    if (n >= W) total = fold_lanes<A>((s0 + s1) + (s2 + s3), [](auto a, auto b) { return a + b; });
    for (; i < n; i++) total += A(x[i]);
    return total;
  }

  static void rows(Accumulators acc, const T* x, int64_t ld, int64_t rows, int64_t n, int64_t) {
    A* sum = static_cast<A*>(acc.values);
    for (int64_t r = 0; r < rows; r++) sum[r] += line(x + r * ld, n);
  }

  static void columns(Accumulators acc, const T* x, int64_t ld, int64_t rows, int64_t n, int64_t) {
    A* sum = static_cast<A*>(acc.values);
    int64_t c = 0;
    for (; c + 4 * W <= n; c += 4 * W) {
      Wide s0 = load_lanes<Wide>(sum + c), s1 = load_lanes<Wide>(sum + c + W);
      Wide s2 = load_lanes<Wide>(sum + c + 2 * W), s3 = load_lanes<Wide>(sum + c + 3 * W);
      for (int64_t r = 0; r < rows; r++) {
        const T* p = x + r * ld + c;
        s0 += widen(p);
        s1 += widen(p + W);
        s2 += widen(p + 2 * W);
        s3 += widen(p + 3 * W);
      }
      store_lanes(sum + c, s0);
      store_lanes(sum + c + W, s1);
      store_lanes(sum + c + 2 * W, s2);
      store_lanes(sum + c + 3 * W, s3);
    }
    for (; c + W <= n; c += W) {
      Wide s = load_lanes<Wide>(sum + c);
      for (int64_t r = 0; r < rows; r++) s += widen(x + r * ld + c);
      store_lanes(sum + c, s);
    }
    for (; c < n; c++)
      for (int64_t r = 0; r < rows; r++) sum[c] += A(x[r * ld + c]);
  }

  static void combine(Accumulators acc, Accumulators other, int64_t n) {
    for (int64_t i = 0; i < n; i++) static_cast<A*>(acc.values)[i] += static_cast<const A*>(other.values)[i];
  }

  static void finish(Accumulators acc, void* result, int64_t n) {
    for (int64_t i = 0; i < n; i++) static_cast<T*>(result)[i] = T(static_cast<const A*>(acc.values)[i]);
  }
};

/// Whether x beats y, by value; a NaN beats every number, and nothing beats a NaN.
template <class T, bool max>
inline bool beats(T x, T y) {
  return (max ? x > y : x < y) | ((x != x) & (y == y));
}

template <class T, bool max>
constexpr T worst() {
  if constexpr (std::numeric_limits<T>::has_infinity)
    return max ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::infinity();
  else if constexpr (sizeof(T) == 1)
    return max ? 0 : 1;  // bool
  else
    return max ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max();
}

template <class T, bool max>
struct Extreme {
  using V = typename Lanes<T>::type;
  static constexpr int W = Lanes<T>::count;

  /// The better of two vectors or numbers. x != x is a NaN.
  template <class X>
  static X better(X x, X y) {
    if constexpr (std::numeric_limits<T>::has_quiet_NaN) return ((max ? x > y : x < y) | (x != x)) ? x : y;
    else return (max ? x > y : x < y) ? x : y;
  }

  static void start(Accumulators acc, int64_t n) {
    for (int64_t i = 0; i < n; i++) static_cast<T*>(acc.values)[i] = worst<T, max>();
  }

  static T line(const T* x, int64_t n) { return line_of<kVectorBytes>(x, n); }

  /// The rest of a line is one more vector that ends with it, lines shorter than a vector are taken
  /// by half ones: that an element counts twice does not matter here.
  template <int bytes>
  static T line_of(const T* x, int64_t n) {
    using U = typename Lanes<T, bytes>::type;
    constexpr int w = bytes / int(sizeof(T));
    if (n >= w) {
      U v0 = load_lanes<U>(x), v1 = load_lanes<U>(x + n - w);
      int64_t i = w;
      for (; i + 2 * w <= n; i += 2 * w) {
        v0 = better(load_lanes<U>(x + i), v0);
        v1 = better(load_lanes<U>(x + i + w), v1);
      }
      for (; i + w <= n; i += w) v0 = better(load_lanes<U>(x + i), v0);
      return fold_lanes<T, bytes>(better(v1, v0), [](auto a, auto b) { return better(a, b); });
    }
    if constexpr (bytes > 16) {
      return line_of<bytes / 2>(x, n);
    } else {
      T best = worst<T, max>();
      for (int64_t i = 0; i < n; i++) best = better(x[i], best);
      return best;
    }
  }

  static void rows(Accumulators acc, const T* x, int64_t ld, int64_t rows, int64_t n, int64_t) {
    T* best = static_cast<T*>(acc.values);
    for (int64_t r = 0; r < rows; r++) {
      best[r] = better(line(x + r * ld, n), best[r]);
    }
  }

  static void columns(Accumulators acc, const T* x, int64_t ld, int64_t rows, int64_t n, int64_t) {
    T* best = static_cast<T*>(acc.values);
    int64_t c = 0;
    for (; c + W <= n; c += W) {
      V v = load_lanes<V>(best + c);
      for (int64_t r = 0; r < rows; r++) v = better(load_lanes<V>(x + r * ld + c), v);
      store_lanes(best + c, v);
    }
    for (; c < n; c++)
      for (int64_t r = 0; r < rows; r++)
        best[c] = better(x[r * ld + c], best[c]);
  }

  static void combine(Accumulators acc, Accumulators other, int64_t n) {
    columns(acc, static_cast<const T*>(other.values), 0, 1, n, 0);
  }

  static void finish(Accumulators acc, void* result, int64_t n) { std::memcpy(result, acc.values, size_t(n) * sizeof(T)); }
};

/// The position of the first extreme, or of the first NaN. Positions count from the start of the
/// reduced elements; −1 stands for none yet. They are as wide as T, so that lanes match.
template <class T, class P, bool max>
struct ExtremePosition {
  using V = typename Lanes<T>::type;
  using I = typename Lanes<P>::type;
  static constexpr int W = Lanes<T>::count;

  static void start(Accumulators acc, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
      static_cast<T*>(acc.values)[i] = worst<T, max>();
      static_cast<P*>(acc.positions)[i] = -1;
    }
  }

  static void offer(Accumulators acc, int64_t i, T value, P position) {
    T& best = static_cast<T*>(acc.values)[i];
    P& where = static_cast<P*>(acc.positions)[i];
    if (where >= 0 && !beats<T, max>(value, best)) return;
    best = value;
    where = position;
  }

  static void rows(Accumulators acc, const T* x, int64_t ld, int64_t rows, int64_t n, int64_t base) {
    for (int64_t r = 0; r < rows; r++) {
      const T* line = x + r * ld;
      const T best = Extreme<T, max>::line(line, n);
      int64_t i = 0;  // bounded, though found before: the caller's memory may change meanwhile
      if (best != best)
        while (i < n - 1 && line[i] == line[i]) i++;
      else
        while (i < n - 1 && line[i] != best) i++;
      offer(acc, r, best, P(base + i));
    }
  }

  static void columns(Accumulators acc, const T* x, int64_t ld, int64_t rows, int64_t n, int64_t base) {
    int64_t c = 0;
    if constexpr (sizeof(T) == sizeof(P)) {
      T* best = static_cast<T*>(acc.values);
      P* where = static_cast<P*>(acc.positions);
      for (; c + W <= n; c += W) {
        V v = load_lanes<V>(best + c);
        I p = load_lanes<I>(where + c);
        for (int64_t r = 0; r < rows; r++) {
          const V y = load_lanes<V>(x + r * ld + c);
          const I take = (max ? y > v : y < v) | ((y != y) & (v == v)) | (p < 0);
          v = take ? y : v;
          p = take ? I{} + P(base + r) : p;
        }
        store_lanes(best + c, v);
        store_lanes(where + c, p);
      }
    }
    for (; c < n; c++)
      for (int64_t r = 0; r < rows; r++) offer(acc, c, x[r * ld + c], P(base + r));
  }

  static void combine(Accumulators acc, Accumulators other, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
      const P position = static_cast<const P*>(other.positions)[i];
      if (position >= 0) offer(acc, i, static_cast<const T*>(other.values)[i], position);
    }
  }

  static void finish(Accumulators acc, void* result, int64_t n) {
    for (int64_t i = 0; i < n; i++) static_cast<int32_t*>(result)[i] = int32_t(static_cast<const P*>(acc.positions)[i]);
  }
};

}  // namespace gradus::GRADUS_ISA
