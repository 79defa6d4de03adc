// Reductions of one block: `rows` reduces each line of a block to one value, `columns` adds the lines of a block
// element by element. Both fold into accumulators that persist across blocks.
#pragma once
#include <limits>

#include "simd/loop/copy.h"

namespace gradus::GRADUS_ISA {

/// Accumulators of the kept elements of one block: a value of 8 bytes and a position each.
struct Accumulators {
  void* values;
  void* positions;
};

/// Every `step`-th element of a line from p on, step being 1 or 2: as many as V has lanes, or one.
template <class V, int step, class T>
inline V window_lanes(const T* p) {
  if constexpr (sizeof(V) == sizeof(T)) return *p;
  else if constexpr (step == 1) return load_lanes<V>(p);
  else return every_second<T, int(sizeof(V))>(p, std::make_index_sequence<sizeof(V) / sizeof(T)>{});
}

/// Lines of windows: result[r][i] is reduced from x[r·distance + i·step + offset[q]] over the `count` positions q of a
/// window, i < n; the results are contiguous. All in elements.
struct Windows {
  const int64_t* offset;
  int64_t count, step, n, rows, distance;
};

/// How many lines from the first on may be reduced by vectors with more lanes than a line has results. The excess lanes
/// read and write parts of the following lines, which overwrite them.
inline int64_t lines_to_spill(const Windows& w, int64_t lanes) {
  if (w.distance <= 0) return 0;
  const int64_t beyond = lanes - w.n;
  const int64_t read = (beyond * w.step + w.distance - 1) / w.distance, written = (beyond + w.n - 1) / w.n;
  const int64_t first_kept = w.rows - (read > written ? read : written);
  return first_kept > 0 ? first_kept : 0;
}

/// Reduces the lines from `first` on with vectors of this many lanes; the lines before the returned one are done. A
/// vector may end with the line and so repeat some of the results before it.
template <class R, class T, int step, int lanes, bool exact>
inline int64_t window_lines(typename R::Out result, const T* x, const Windows& w, int64_t first, bool& nan) {
  using V = std::conditional_t<lanes == 1, T, typename Lanes<T, lanes* int(sizeof(T))>::type>;
  const int64_t rest = w.n - lanes, last = rest >= 0 ? w.rows : 2 * w.n > lanes ? lines_to_spill(w, lanes) : 0;
  V seen{};
  for (int64_t r = first; r < last; ++r) {
    const typename R::Out to = result + r * w.n;
    const T* from = x + r * w.distance;
    int64_t i = 0;
    for (; i <= rest; i += lanes) R::template window<V, step, exact>(to + i, from + i * step, w, seen);
    if (i < w.n) {
      const int64_t at = rest > 0 ? rest : 0;
      R::template window<V, step, exact>(to + at, from + at * step, w, seen);
    }
  }
  if constexpr (!exact)
    for (int l = 0; l < lanes; ++l) nan = nan || seen[l] != seen[l];
  return last > first ? last : first;
}

/// By the widest vectors that fit, narrower ones for the rest, and finally element by element.
template <class R, class T, int step, int lanes, bool exact>
inline bool reduce_windows(typename R::Out result, const T* x, const Windows& w, int64_t first) {
  bool nan = false;
  first = window_lines < R, T, step, lanes, exact || lanes == 1 > (result, x, w, first, nan);
  if (nan || first == w.rows) return !nan;
  if constexpr (lanes == 1) return true;
  else return reduce_windows<R, T, step, (lanes * sizeof(T) > 16 ? lanes / 2 : 1), exact>(result, x, w, first);
}

/// NaN costs more comparisons, so blocks without NaN are tried first. The sum of all elements seen shows whether there
/// were any; infinities may trigger it as well.
template <class R, class T, int step>
inline void windows(typename R::Out result, const T* x, const Windows& w) {
  if (!reduce_windows<R, T, step, R::W, !R::minds_nan>(result, x, w, 0))
    reduce_windows<R, T, step, R::W, true>(result, x, w, 0);
}

/// Sums of float32 and float64 run in float64 lanes, so that a float32 sum of n elements is off by
/// half a unit of the result and n·2⁻⁵³·Σ|x|, whatever its order; int32 wraps around.
template <class T, class A>
struct Sum {
  using Wide = typename Lanes<A>::type;
  static constexpr int W = Lanes<A>::count;
  using Narrow = typename Lanes<T, W* int(sizeof(T))>::type;

  static Wide widen(const T* p) { return __builtin_convertvector(load_lanes<Narrow>(p), Wide); }

  static void start(Accumulators acc, int64_t n) { std::memset(acc.values, 0, size_t(n) * sizeof(A)); }

  /// Four chains hide the latency of an addition.
  struct Chains {
    Wide s0, s1, s2, s3;

    /// Adds as many elements as fill all chains; returns how many.
    int64_t add(const T* x, int64_t n) {
      int64_t i = 0;
      for (; i + 4 * W <= n; i += 4 * W) {
        s0 += widen(x + i);
        s1 += widen(x + i + W);
        s2 += widen(x + i + 2 * W);
        s3 += widen(x + i + 3 * W);
      }
      return i;
    }

    /// The sum, including the n elements that are left.
    A total(const T* x, int64_t n) {
      int64_t i = 0;
      for (; i + W <= n; i += W) s0 += widen(x + i);
      A total = fold_lanes<A>((s0 + s1) + (s2 + s3), [](auto a, auto b) { return a + b; });
      for (; i < n; ++i) total += A(x[i]);
      return total;
    }
  };

  static A line(const T* x, int64_t n) {
    if (n < W) {
      A total = 0;
      for (int64_t i = 0; i < n; ++i) total += A(x[i]);
      return total;
    }
    Chains sums{};
    const int64_t done = sums.add(x, n);
    return sums.total(x + done, n - done);
  }

  static constexpr bool minds_order = true;
  using Total = A;
  /// A line that arrives piece by piece and is summed like a whole one.
  struct Line {
    Chains sums;
    T rest[4 * W];  // elements that are not in the chains yet
    int64_t count;

    void extend(const T* x, int64_t n) {
      if (count > 0) {
        const int64_t more = n < 4 * W - count ? n : 4 * W - count;
        std::memcpy(rest + count, x, size_t(more) * sizeof(T));
        count += more;
        x += more;
        n -= more;
        if (count < 4 * W) return;
        sums.add(rest, 4 * W);
      }
      const int64_t done = sums.add(x, n);
      count = n - done;
      std::memcpy(rest, x + done, size_t(count) * sizeof(T));
    }

    A total() const {
      Chains all = sums;
      return all.total(rest, count);
    }
  };

  static void rows(Accumulators acc, const T* x, int64_t ld, int64_t rows, int64_t n, int64_t line) {
    A* sum = static_cast<A*>(acc.values);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = 0; i < n; i += line) sum[r] += Sum::line(x + r * ld + i, line);
  }

  static void columns(Accumulators acc, const T* x, int64_t ld, int64_t rows, int64_t n, int64_t) {
    A* sum = static_cast<A*>(acc.values);
    int64_t c = 0;
    for (; c + 4 * W <= n; c += 4 * W) {
      Wide s0 = load_lanes<Wide>(sum + c), s1 = load_lanes<Wide>(sum + c + W);
      Wide s2 = load_lanes<Wide>(sum + c + 2 * W), s3 = load_lanes<Wide>(sum + c + 3 * W);
      for (int64_t r = 0; r < rows; ++r) {
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
      for (int64_t r = 0; r < rows; ++r) s += widen(x + r * ld + c);
      store_lanes(sum + c, s);
    }
    for (; c < n; ++c)
      for (int64_t r = 0; r < rows; ++r) sum[c] += A(x[r * ld + c]);
  }

  using Out = T*;
  static constexpr bool minds_nan = false;
  template <class V, int step, bool, class Seen>
  static void window(T* result, const T* x, const Windows& w, Seen&) {
    if constexpr (sizeof(V) == sizeof(T)) {
      *result = T(window_sum<A>(w, [&](int64_t q) { return A(x[w.offset[q]]); }));
    } else {
      using U = typename Lanes<A, int(sizeof(V) / sizeof(T) * sizeof(A))>::type;
      const U sum = window_sum<U>(
          w, [&](int64_t q) { return __builtin_convertvector((window_lanes<V, step>(x + w.offset[q])), U); });
      store_lanes(result, __builtin_convertvector(sum, V));
    }
  }
  /// One after another, like columns.
  template <class U, class F>
  static U window_sum(const Windows& w, F value) {
    U sum{};
    for (int64_t q = 0; q < w.count; ++q) sum += value(q);
    return sum;
  }

  static void combine(Accumulators acc, Accumulators other, int64_t n) {
    for (int64_t i = 0; i < n; ++i) static_cast<A*>(acc.values)[i] += static_cast<const A*>(other.values)[i];
  }

  static void finish(Accumulators acc, void* result, int64_t n) {
    for (int64_t i = 0; i < n; ++i) static_cast<T*>(result)[i] = T(static_cast<const A*>(acc.values)[i]);
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
  else if constexpr (sizeof(T) == 1) return max ? 0 : 1;  // bool
  else return max ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max();
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
    for (int64_t i = 0; i < n; ++i) static_cast<T*>(acc.values)[i] = worst<T, max>();
  }

  static T line(const T* x, int64_t n) { return line_of<kVectorBytes>(x, n); }

  /// The rest of a line is one more vector that ends with it; lines shorter than a vector use half vectors. Counting an
  /// element twice does not matter here.
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
      for (int64_t i = 0; i < n; ++i) best = better(x[i], best);
      return best;
    }
  }

  static constexpr bool minds_order = false;
  /// Of zeros of both signs the maximum is +0 and the minimum −0, in whatever order they come.
  static void rows(Accumulators acc, const T* x, int64_t ld, int64_t rows, int64_t n, int64_t) {
    T* best = static_cast<T*>(acc.values);
    for (int64_t r = 0; r < rows; ++r) {
      const T y = line(x + r * ld, n);
      if (minds_nan && y == 0 && !(better(best[r], y) != 0)) best[r] = zero(x + r * ld, n, best[r]);
      else best[r] = better(y, best[r]);
    }
  }

  /// The extreme of the zeros among n elements, and of `other` if that is one.
  static T zero(const T* x, int64_t n, T other) {
    const auto is_extreme = [](T y) { return y == 0 && (__builtin_signbit(double(y)) == 0) == max; };
    bool found = is_extreme(other);
    for (int64_t i = 0; i < n && !found; ++i) found = is_extreme(x[i]);
    return found == max ? T(0) : -T(0);
  }

  static void columns(Accumulators acc, const T* x, int64_t ld, int64_t rows, int64_t n, int64_t) {
    T* best = static_cast<T*>(acc.values);
    int64_t c = 0;
    for (; c + W <= n; c += W) {
      V v = load_lanes<V>(best + c);
      for (int64_t r = 0; r < rows; ++r) v = better(load_lanes<V>(x + r * ld + c), v);
      store_lanes(best + c, v);
    }
    for (; c < n; ++c)
      for (int64_t r = 0; r < rows; ++r) best[c] = better(x[r * ld + c], best[c]);
  }

  using Out = T*;
  static constexpr bool minds_nan = std::numeric_limits<T>::has_quiet_NaN;
  template <class U, int step, bool exact, class Seen>
  static void window(T* result, const T* x, const Windows& w, Seen& seen) {
    U best = window_lanes<U, step>(x + w.offset[0]);
    [[maybe_unused]] U sum = best;
    for (int64_t q = 1; q < w.count; ++q) {
      const U y = window_lanes<U, step>(x + w.offset[q]);
      if constexpr (exact) {
        best = better(y, best);
      } else {
        best = (max ? y > best : y < best) ? y : best;
        sum += y;
      }
    }
    if constexpr (!exact) seen += sum;
    std::memcpy(result, &best, sizeof best);
  }

  static void combine(Accumulators acc, Accumulators other, int64_t n) {
    columns(acc, static_cast<const T*>(other.values), 0, 1, n, 0);
  }

  static void finish(Accumulators acc, void* result, int64_t n) {
    std::memcpy(result, acc.values, size_t(n) * sizeof(T));
  }
};

/// The position of the first extreme, or of the first NaN. Positions count from the start of the reduced elements; −1
/// means none yet. They are as wide as T, so that lanes match.
template <class T, class P, bool max>
struct ExtremePosition {
  static constexpr bool minds_order = false;
  using V = typename Lanes<T>::type;
  using I = typename Lanes<P>::type;
  static constexpr int W = Lanes<T>::count;

  static void start(Accumulators acc, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
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
    for (int64_t r = 0; r < rows; ++r) {
      const T* line = x + r * ld;
      const T best = Extreme<T, max>::line(line, n);
      int64_t i = 0;  // bounded although found before: the caller's memory may change meanwhile
      if (best != best)
        while (i < n - 1 && line[i] == line[i]) ++i;
      else
        while (i < n - 1 && line[i] != best) ++i;
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
        for (int64_t r = 0; r < rows; ++r) {
          const V y = load_lanes<V>(x + r * ld + c);
          const I take = (max ? y > v : y < v) | ((y != y) & (v == v)) | (p < 0);
          v = take ? y : v;
          p = take ? I{} + P(base + r) : p;
        }
        store_lanes(best + c, v);
        store_lanes(where + c, p);
      }
    }
    for (; c < n; ++c)
      for (int64_t r = 0; r < rows; ++r) offer(acc, c, x[r * ld + c], P(base + r));
  }

  using Out = int32_t*;
  static constexpr bool minds_nan = std::numeric_limits<T>::has_quiet_NaN;
  template <class U>
  using Positions = std::conditional_t<sizeof(U) == sizeof(T), P, typename Lanes<P, int(sizeof(U))>::type>;

  /// The extreme of a window, and its position in `where`, initially 0.
  template <class U, int step, bool exact, class Seen>
  static U find(const T* x, const Windows& w, Positions<U>& where, Seen& seen) {
    U best = window_lanes<U, step>(x + w.offset[0]);
    [[maybe_unused]] U sum = best;
    Positions<U> at{};
    for (int64_t q = 1; q < w.count; ++q) {
      const U y = window_lanes<U, step>(x + w.offset[q]);
      at += P(1);
      auto take = max ? y > best : y < best;
      if constexpr (exact && minds_nan) take |= (y != y) & (best == best);
      if constexpr (!exact) sum += y;
      best = take ? y : best;
      where = take ? at : where;
    }
    if constexpr (!exact) seen += sum;
    return best;
  }

  template <class Q>
  static void put(int32_t* result, Q where) {
    if constexpr (sizeof(Q) == sizeof(P)) *result = int32_t(where);
    else
      store_lanes(result,
                  __builtin_convertvector(where, typename Lanes<int32_t, int(sizeof(Q) / sizeof(P)) * 4>::type));
  }

  template <class U, int step, bool exact, class Seen>
  static void window(int32_t* result, const T* x, const Windows& w, Seen& nan) {
    Positions<U> where{};
    find<U, step, exact>(x, w, where, nan);
    put(result, where);
  }

  static void combine(Accumulators acc, Accumulators other, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      const P position = static_cast<const P*>(other.positions)[i];
      if (position >= 0) offer(acc, i, static_cast<const T*>(other.values)[i], position);
    }
  }

  static void finish(Accumulators acc, void* result, int64_t n) {
    for (int64_t i = 0; i < n; ++i) static_cast<int32_t*>(result)[i] = int32_t(static_cast<const P*>(acc.positions)[i]);
  }
};

/// Extremes of windows and their positions, in one pass. They differ for NaN: among several, the extreme is the last
/// and the position that of the first.
template <class T, class P, bool max>
struct ExtremeAndPosition {
  static constexpr int W = Lanes<T>::count;
  static constexpr bool minds_nan = true;
  struct Out {
    T* value;
    int32_t* position;
    Out operator+(int64_t n) const { return {value + n, position + n}; }
  };

  template <class U, int step, bool exact, class Seen>
  static void window(Out result, const T* x, const Windows& w, Seen& nan) {
    using Position = ExtremePosition<T, P, max>;
    if constexpr (exact) {
      Extreme<T, max>::template window<U, step, true>(result.value, x, w, nan);
      Position::template window<U, step, true>(result.position, x, w, nan);
    } else {
      typename Position::template Positions<U> where{};
      const U best = Position::template find<U, step, false>(x, w, where, nan);
      store_lanes(result.value, best);
      Position::put(result.position, where);
    }
  }
};

}  // namespace gradus::GRADUS_ISA
