// float32 products on the matrix unit of x86-64 (AMX), which multiplies bfloat16: every float32 is the sum of three of
// them, x = x₀ + x₁ + x₂ (8 bits each), and the six of a pair's nine products that are at least 2⁻²⁴ of it are added,
// in float32.
// @see G. Henry, P. Tang, A. Heinecke, "Leveraging the bfloat16 artificial intelligence datatype for higher-precision
// computations", ARITH 2019, section II.
#pragma once
#include "panels.h"

#if defined(__AMX_BF16__)
#define GRADUS_TILES

namespace gradus::GRADUS_ISA::gemm {

/// A tile register: 16 rows of 64 bytes. For the left operand, rows × 32 k; for the right one, k × columns; for sums,
/// rows × columns. In both operands k is stored in pairs: k and k + 16 are neighbours.
constexpr int kTileRows = 16, kTileDepth = 32;
constexpr int64_t kTileBytes = 1024;
constexpr int kPieces = 3;  // bfloat16 numbers that make up a float32

/// Configures this thread's tile registers, all of full size, for its lifetime.
class TileRegisters {
 public:
  TileRegisters() {
    struct alignas(64) {
      uint8_t palette = 1, start = 0, reserved[14] = {};
      uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    } shape;
    asm volatile("" : : "m"(shape));  // GCC's intrinsic declares that it reads the first 8 bytes only
    _tile_loadconfig(&shape);
  }
  ~TileRegisters() { _tile_release(); }
  TileRegisters(const TileRegisters&) = delete;
  void operator=(const TileRegisters&) = delete;
};

typedef uint32_t Bits __attribute__((vector_size(64)));

/// Rounds to bfloat16, halves away from 0; the lower half of the bits is 0.
inline Bits rounded(Vec<float> x) { return ((Bits)x + 0x8000u) & 0xffff0000u; }

/// A row of a tile from two vectors, once for each piece: to[p · apart] receives piece p of a and b, alternating.
inline void store_pieces(Vec<float> a, Vec<float> b, char* to, int64_t apart) {
#pragma GCC unroll 3
  for (int p = 0; p < kPieces; ++p) {
    // The third piece has only 8 bits left: it is exact.
    const Bits x = p == kPieces - 1 ? (Bits)a : rounded(a), y = p == kPieces - 1 ? (Bits)b : rounded(b);
    const __m512i both = _mm512_mask_blend_epi16(0xaaaaaaaa, (__m512i)(x >> 16), (__m512i)y);
    _mm512_store_si512(to + p * apart, both);
    a = a - (Vec<float>)x;
    b = b - (Vec<float>)y;
  }
}

/// Vectors of a tile in memory, two halves of 16 each: along k (vector i is line i, the halves 16 k apart), or across
/// it (vector i is k = i, or 16 + i, of all lines). Elements outside are 0.
struct TileSource {
  const float* at;
  int64_t step, half_step;
  int rows[2];
  __mmask16 mask[2];

  TileSource(const float* at, int64_t lines, int64_t along, int64_t depth, int64_t deep, bool along_k) : at(at) {
    const auto first = [](int64_t n) { return __mmask16((1u << max(0, min(16, n))) - 1); };
    step = along_k ? along : deep;
    half_step = along_k ? 16 : 16 * deep;
    for (int h = 0; h < 2; ++h) {
      const int64_t left = depth - 16 * h;
      rows[h] = int(along_k ? min(16, lines) : max(0, min(16, left)));
      mask[h] = first(along_k ? left : lines);
    }
  }
  bool whole() const { return min(rows[0], rows[1]) == 16 && (mask[0] & mask[1]) == 0xffff; }
  template <bool Whole>
  Vec<float> get(int half, int i) const {
    const float* p = at + half * half_step + i * step;
    if constexpr (Whole) return load<float>(p);
    if (i >= rows[half]) return Vec<float>{};
    return (Vec<float>)_mm512_maskz_loadu_ps(mask[half], p);
  }
};

/// Packs a tile of up to 16 lines and 32 k, in pieces `apart`; `Turned` if vectors in memory run across its rows.
template <bool Turned, bool Whole>
void pack_tile(char* to, int64_t apart, const TileSource& from) {
  if constexpr (!Turned) {
#pragma GCC unroll 4
    for (int i = 0; i < kTileRows; ++i) store_pieces(from.get<Whole>(0, i), from.get<Whole>(1, i), to + i * 64, apart);
    return;
  }
  alignas(64) float first[16][16];
  Vec<float> v[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) v[i] = from.get<Whole>(0, i);
  transpose<float>(v);
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) store<float>(first[i], v[i]);
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) v[i] = from.get<Whole>(1, i);
  transpose<float>(v);
#pragma GCC unroll 4
  for (int i = 0; i < 16; ++i) store_pieces(load<float>(first[i]), v[i], to + i * 64, apart);
}

// The intrinsics name registers by constants: 0 … 3 hold sums, 4 and 5 the left operand, 6 and 7 the right.
template <int N>
inline void load_left(const char* from) {
  _tile_loadd(4, from, 64);
  if constexpr (N == 2) _tile_loadd(5, from + kTileBytes, 64);
}
template <int N>
inline void load_right(const char* from) {
  _tile_loadd(6, from, 64);
  if constexpr (N == 2) _tile_loadd(7, from + kTileBytes, 64);
}
template <int M, int N>
inline void multiply_tiles() {
  _tile_dpbf16ps(0, 4, 6);
  if constexpr (N == 2) _tile_dpbf16ps(1, 4, 7);
  if constexpr (M == 2) _tile_dpbf16ps(2, 5, 6);
  if constexpr (M == 2 && N == 2) _tile_dpbf16ps(3, 5, 7);
}

/// A multiply-add of zeros. After 0.7 µs without one (a step takes 0.13 µs), stores of tiles wait 0.25 µs until the
/// vector unit that they pass through has woken up: a quarter of the time of eight steps.
inline void keep_awake() {
  Vec<float> none{};
  asm volatile("vfmadd231ps %0, %0, %0" : "+v"(none));
}

constexpr int kPanelLines = 32;  // two tiles

/// c = the product of M × N tiles; panels are [step of k][piece][tile].
template <int M, int N>
void multiply_panels(const char* left, const char* right, int64_t steps, Target<float> c) {
  constexpr int64_t l = M * kTileBytes, r = N * kTileBytes;  // from piece to piece
  asm volatile("" ::: "memory");  // the panels are written: GCC's tile loads do not declare that they read memory
  _tile_zero(0);
  if constexpr (N == 2) _tile_zero(1);
  if constexpr (M == 2) _tile_zero(2);
  if constexpr (M == 2 && N == 2) _tile_zero(3);
  for (; steps > 0; --steps, left += kPieces * l, right += kPieces * r) {
    // Small products first, each next to one that shares an operand.
    load_left<M>(left), load_right<N>(right + 2 * r), multiply_tiles<M, N>();
    load_right<N>(right + r), multiply_tiles<M, N>();
    load_left<M>(left + l), multiply_tiles<M, N>();
    load_right<N>(right), multiply_tiles<M, N>();
    load_left<M>(left + 2 * l), multiply_tiles<M, N>();
    load_left<M>(left), multiply_tiles<M, N>();
    keep_awake();
  }
  const int64_t row = c.row * int64_t{sizeof(float)};
  _tile_stored(0, c.c, row);
  if constexpr (N == 2) _tile_stored(1, c.c + 16, row);
  if constexpr (M == 2) _tile_stored(2, c.c + 16 * c.row, row);
  if constexpr (M == 2 && N == 2) _tile_stored(3, c.c + 16 * c.row + 16, row);
}

/// Both operands in packed panels of two tiles of lines.
class TilePanels {
 public:
  static constexpr int64_t kRows = 256, kColumns = 512;
  /// The parts of a number meet in an order that depends on its side.
  static constexpr bool kCommutes = false;
  static constexpr int64_t kLeastWork = int64_t{1} << 22;
  /// 512 columns · 256 · 6 B = 768 KB of packed columns, half as much of rows: most of a 2 MB L2.
  static constexpr int64_t kDepth = 256;

  /// `exchanged`: whether the vector kernels would compute the transpose.
  static bool pay(const MatmulCall& call, bool exchanged);

  TilePanels(const Operand<float>& left, const Operand<float>& right, int64_t)
      : left_(left), right_(right), plain_(left, right, kPanelLines) {}

  static int64_t height() { return kPanelLines; }
  static int64_t width() { return kPanelLines; }
  /// Pieces of equal size.
  static int64_t depth(int64_t k, int64_t) { return round_up(ceil_div(k, max(1, ceil_div(k, kDepth))), kTileDepth); }

  static bool packs_left() { return true; }
  static int64_t left_bytes(int64_t rows, int64_t depth) { return panel_bytes(rows, depth); }
  static int64_t right_bytes(int64_t cols, int64_t depth) { return panel_bytes(cols, depth); }
  static constexpr int64_t kLeftRoom = kRows * kDepth * 2 * kPieces, kRightRoom = kColumns * kDepth * 2 * kPieces;
  static constexpr int64_t kSpareRoom = 2 * (kPanelLines * kDepth + 64) * int64_t{sizeof(float)};

  void pack_left(void* to, const Piece& p) const { pack(to, left_, p.batch, p.row, p.rows, p, true); }
  void pack_right(void* to, const Piece& p) const { pack(to, right_, p.batch, p.col, p.cols, p, false); }
  void multiply(const void* left, const void* right, const Piece& piece, Target<float> c, bool accumulate, bool fetch,
                void* spare) const;

 private:
  Operand<float> left_, right_;
  VectorPanels<float> plain_;

  static int64_t panel_bytes(int64_t lines, int64_t depth) {
    return round_up(lines, kTileRows) * round_up(depth, kTileDepth) * 2 * kPieces;
  }
  static void pack(void* to, const Operand<float>& from, int64_t batch, int64_t line, int64_t lines, const Piece& p,
                   bool left);
  /// The product of two panels: in its place in the result, or in a buffer to be added to it.
  struct Sums {
    alignas(64) float waiting[kPanelLines * kPanelLines];
    Piece piece;
    Target<float> c;
    bool in_place;
    Target<float> at() { return in_place ? c : Target<float>{waiting, kPanelLines}; }
  };
  void finish(Sums& sums, bool accumulate, void* spare) const;
  void plain(const Piece& piece, Target<float> to, void* spare) const;
};

/// Operands must lie in vectors along k or across it, and k should nearly fill its tiles. In units of what one
/// multiplication gains: splitting and packing an element costs 33, or 18 where the vector kernels would pack it as
/// well; checking a result costs 10, and waking the unit 40 000.
inline bool TilePanels::pay(const MatmulCall& call, bool exchanged) {
  if (!matrix_unit) return false;
  if (call.a_row != 1 && call.a_col != 1) return false;
  if (call.b_row != 1 && call.b_col != 1) return false;
  if (3 * round_up(call.k, kTileDepth) > 4 * call.k) return false;
  const bool in_place = (exchanged ? call.b_row : call.a_col) == 1;
  const int64_t spared = in_place ? exchanged ? call.n : call.m : 0, packed = call.m + call.n - spared;
  return call.m * call.n * (call.k - 10) > (33 * spared + 18 * packed) * call.k + 40000;
}

inline void TilePanels::pack(void* to, const Operand<float>& from, int64_t batch, int64_t line, int64_t lines,
                             const Piece& p, bool left) {
  const bool along_k = from.deep == 1, turned = along_k != left;
  const int64_t steps = ceil_div(p.depth, kTileDepth);
  const auto tile = [&](int64_t i, int64_t s) {
    const int64_t panel = i / kPanelLines * kPanelLines, k = s * kTileDepth;
    const int64_t tiles = ceil_div(min(kPanelLines, lines - panel), kTileRows), apart = tiles * kTileBytes;
    char* at = static_cast<char*>(to) + panel_bytes(panel, p.depth) + s * kPieces * apart +
               (i - panel) / kTileRows * kTileBytes;
    const TileSource source(from.of(batch, line + i, p.k + k), lines - i, from.along, p.depth - k, from.deep, along_k);
    const bool whole = source.whole();
    (turned  ? whole ? pack_tile<true, true> : pack_tile<true, false>
     : whole ? pack_tile<false, true>
             : pack_tile<false, false>)(at, apart, source);
  };
  // Pointers in memory order.
  if (along_k) {
    for (int64_t i = 0; i < lines; i += kTileRows)
      for (int64_t s = 0; s < steps; ++s) tile(i, s);
  } else {
    for (int64_t s = 0; s < steps; ++s)
      for (int64_t i = 0; i < lines; i += kTileRows) tile(i, s);
  }
}

/// The sums of a panel of rows and one of columns in vector registers.
inline void TilePanels::plain(const Piece& p, Target<float> to, void* spare) const {
  float *left = static_cast<float*>(spare), *right = left + kPanelLines * kDepth + 64;
  plain_.pack_left(left, p);
  plain_.pack_right(right, p);
  plain_.multiply(left, right, p, to, false, false, nullptr);
}

inline void TilePanels::multiply(const void* left, const void* right, const Piece& p, Target<float> c, bool accumulate,
                                 bool fetch, void* spare) const {
  const int64_t steps = ceil_div(p.depth, kTileDepth);
  Sums sums[2];  // of this pair of panels and the one before
  const TileRegisters registers;
  int turn = 0;
  for (int64_t j = 0; j < p.cols; j += kPanelLines)
    for (int64_t i = 0; i < p.rows; i += kPanelLines, turn ^= 1) {
      Sums& now = sums[turn];
      now.piece = {p.batch, p.row + i, min(kPanelLines, p.rows - i), p.col + j, min(kPanelLines, p.cols - j),
                   p.k,     p.depth};
      now.c = {c.c + i * c.row + j, c.row};
      const int64_t rows = now.piece.rows, cols = now.piece.cols;
      for (int64_t r = 0; fetch && r < rows; ++r)
        for (int64_t v = 0; v < cols; v += 16) __builtin_prefetch(now.c.c + r * c.row + v, 1);
      now.in_place = !accumulate && rows % kTileRows == 0 && cols % kTileRows == 0;
      const bool tall = rows > kTileRows, wide = cols > kTileRows;
      (tall   ? wide ? multiply_panels<2, 2> : multiply_panels<2, 1>
       : wide ? multiply_panels<1, 2>
              : multiply_panels<1, 1>)(static_cast<const char*>(left) + panel_bytes(i, p.depth),
                                       static_cast<const char*>(right) + panel_bytes(j, p.depth), steps, now.at());
      // The sums before these are complete: checking them does not wait for the matrix unit.
      if (i + j > 0) finish(sums[turn ^ 1], accumulate, spare);
    }
  finish(sums[turn ^ 1], accumulate, spare);
}

/// Adds sums to the result if they are not there yet, and repairs them: the pieces of an element that is infinite or
/// rounds to infinity, and sums that overflow, give infinity or NaN; plain products decide which.
inline void TilePanels::finish(Sums& s, bool accumulate, void* spare) const {
  const int64_t rows = s.piece.rows, cols = s.piece.cols;
  const Target<float> from = s.at();
  Vec<float> strange{};
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < cols; v += 16)
      strange = fma(load_first<float>(from.c + r * from.row + v, int(min(16, cols - v))), Vec<float>{}, strange);
  if (sum<float>(strange) != 0) plain(s.piece, from, spare);
  if (s.in_place) return;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < cols; v += 16) {
      const int n = int(min(16, cols - v));
      float* to = s.c.c + r * s.c.row + v;
      Vec<float> x = load_first<float>(from.c + r * from.row + v, n);
      if (accumulate) x = load_first<float>(to, n) + x;
      store_first<float>(to, x, n);
    }
}

}  // namespace gradus::GRADUS_ISA::gemm

#endif
