// Products in blocks of packed panels (panels.h, tiles.h).
#pragma once
#include "panels.h"

namespace gradus::GRADUS_ISA::gemm {

/// Whether to compute c as its transpose, Cᵀ = Bᵀ · Aᵀ: where only B has rows along k, or B is the larger operand, as
/// that avoids packing it. Only the result's blocks are transposed on their way out. If both have columns along k, that
/// costs more than it saves when k is short or A's rows do not fill a vector.
template <class T>
bool exchange_pays(const MatmulCall& c) {
  if (c.b_row != 1 || (c.a_col == 1 && c.m >= c.n)) return false;
  return c.a_row != 1 || (c.m >= Lanes<T>::count && c.m * c.n < c.k * (c.m + c.n));
}

/// c = left · right, or its transpose.
template <class T, class Panels>
class BlockedProduct {
 public:
  BlockedProduct(const MatmulCall& call, Parallel& pool);
  Status run();

 private:
  const MatmulCall& call_;
  Parallel& pool_;
  bool exchanged_;     // whether left and right are B and A
  int64_t m_, n_, k_;  // rows of left, columns of right
  Panels panels_;
  int64_t rows_, cols_;    // of a block
  int64_t down_, across_;  // number of blocks
  int64_t depth_;          // of a piece of k

  static constexpr int64_t kTileSize = Panels::kRows * Panels::kColumns;
  static_assert(Panels::kLeftRoom + Panels::kRightRoom + Panels::kSpareRoom + 2 * kTileSize * sizeof(T) <=
                    kScratchBytes,
                "a block's panels, its tile and the tile's transpose fit the scratch");

  static Operand<T> left(const MatmulCall& call, bool exchanged) {
    if (exchanged) return {static_cast<const T*>(call.b), call.b_offset, call.b_col, call.b_row};
    return {static_cast<const T*>(call.a), call.a_offset, call.a_row, call.a_col};
  }
  static Operand<T> right(const MatmulCall& call, bool exchanged) {
    if (exchanged) return {static_cast<const T*>(call.a), call.a_offset, call.a_row, call.a_col};
    return {static_cast<const T*>(call.b), call.b_offset, call.b_col, call.b_row};
  }

  void cut();

  /// All panels of an operand, cached from run to run: [batch][piece of k][block]. Nothing is cached if `at` is null.
  struct CachedPanels {
    char* at = nullptr;
    int64_t batches = 0, pieces = 0, blocks = 0, bytes = 0;  // bytes of a block
    char* of(int64_t batch, int64_t piece, int64_t block) const {
      return at + (((batches == 1 ? 0 : batch) * pieces + piece) * blocks + block) * bytes;
    }
  };
  CachedPanels left_cached_, right_cached_;
  void cache_operands();
  template <class Pack>
  CachedPanels cached(PackedCache* cache, const int64_t* offset, int64_t blocks, int64_t bytes, const Pack& pack) const;

  /// A worker's scratch: packed panels, and two blocks of the result.
  struct Room {
    char *left, *right, *spare;
    T *tile, *turned;
    explicit Room(void* scratch)
        : left(static_cast<char*>(scratch)), right(left + Panels::kLeftRoom), spare(right + Panels::kRightRoom),
          tile(reinterpret_cast<T*>(spare + Panels::kSpareRoom)), turned(tile + kTileSize) {}
  };

  /// Whether the result is symmetric, to the last bit: A times its own transpose, stored. Then blocks below the
  /// diagonal are copies of those above.
  bool symmetric() const;
  bool below_diagonal(const Piece& p) const { return p.row >= p.col + p.cols; }
  void mirror() const;
  Status shared();
  Status alone();
  Status split();

  Piece piece(int64_t batch, int64_t down, int64_t across, int64_t from) const {
    const int64_t row = down * rows_, col = across * cols_;
    return {batch, row, min(rows_, m_ - row), col, min(cols_, n_ - col), from, min(depth_, k_ - from)};
  }
  /// The panels of a piece: cached ones, else packed for this task.
  const char* left_of(const Piece& p, char* room) const {
    if (left_cached_.at) return left_cached_.of(p.batch, p.k / depth_, p.row / rows_);
    if (panels_.packs_left()) panels_.pack_left(room, p);
    return room;
  }
  const char* right_of(const Piece& p, char* room) const {
    if (right_cached_.at) return right_cached_.of(p.batch, p.k / depth_, p.col / cols_);
    panels_.pack_right(room, p);
    return room;
  }
  /// A piece whose panels no other task reads.
  void add(const Room& room, const Piece& p, Target<T> c, bool accumulate, bool fetch) const {
    panels_.multiply(left_of(p, room.left), right_of(p, room.right), p, c, accumulate, fetch, room.spare);
  }

  bool stored() const { return call_.c && !exchanged_; }
  T* result(int64_t batch, int64_t row, int64_t col) const {
    return static_cast<T*>(call_.c) + call_.c_offset[batch] + row * call_.c_row + col;
  }
  /// Where the sums of a block accumulate: in the result when it is stored unchanged, else in the tile.
  Target<T> target(const Piece& p, T* tile) const {
    if (!stored()) return {tile, p.cols};
    return {result(p.batch, p.row, p.col), call_.c_row};
  }
  void run_epilogue(int worker, const Piece& piece, Target<T> c, T* turned) const;
};

template <class T, class Panels>
BlockedProduct<T, Panels>::BlockedProduct(const MatmulCall& call, Parallel& pool)
    : call_(call), pool_(pool), exchanged_(exchange_pays<T>(call)), m_(exchanged_ ? call.n : call.m),
      n_(exchanged_ ? call.m : call.n), k_(call.k), panels_(left(call, exchanged_), right(call, exchanged_), n_) {
  cut();
}

/// Blocks of rows × columns, each a task.
template <class T, class Panels>
void BlockedProduct<T, Panels>::cut() {
  const int64_t height = panels_.height(), width = panels_.width();
  // As few blocks as possible, of equal size.
  const auto even = [](int64_t size, int64_t most, int64_t unit) {
    const int64_t blocks = ceil_div(size, max(unit, most / unit * unit));
    return round_up(ceil_div(size, max(1, blocks)), unit);
  };
  rows_ = even(m_, Panels::kRows, height);
  cols_ = even(n_, Panels::kColumns, width);
  depth_ = panels_.depth(k_, cols_);
  const auto count = [&] { down_ = ceil_div(m_, rows_), across_ = ceil_div(n_, cols_); };
  count();
  // Halve blocks until there is work for many workers, but leave each task enough to amortize its cost. Columns last:
  // left is read once per block.
  while (call_.batch * down_ * across_ < 32 && rows_ * cols_ * depth_ >= Panels::kLeastWork) {
    if (rows_ >= 8 * height) {
      rows_ = round_up(rows_ / 2, height);
    } else if (cols_ > width) {
      cols_ = round_up(cols_ / 2, width);
    } else {
      break;
    }
    count();
  }
}

/// Packs a whole operand unless an earlier run has done so: `pack(to, batch, block, from)`.
template <class T, class Panels>
template <class Pack>
auto BlockedProduct<T, Panels>::cached(PackedCache* cache, const int64_t* offset, int64_t blocks, int64_t bytes,
                                       const Pack& pack) const -> CachedPanels {
  if (!cache || k_ == 0) return {};
  const int64_t pieces = ceil_div(k_, depth_);
  int64_t batches = 1;  // one for all batches if they share the operand
  for (int64_t i = 1; i < call_.batch; ++i)
    if (offset[i] != offset[0]) batches = call_.batch;
  const PackedCache::Room room = cache->room(uint64_t(batches * pieces * blocks * bytes));
  const CachedPanels panels{static_cast<char*>(room.memory), batches, pieces, blocks, bytes};
  if (panels.at && !room.filled)
    run_tasks(pool_, batches * pieces * blocks, [&](int64_t task, int) {
      const int64_t block = task % blocks, piece = task / blocks % pieces, batch = task / blocks / pieces;
      pack(panels.of(batch, piece, block), batch, block, piece * depth_);
    });
  return panels;
}

template <class T, class Panels>
void BlockedProduct<T, Panels>::cache_operands() {
  const int64_t left_bytes = round_up(panels_.left_bytes(rows_, depth_), 64);
  const int64_t right_bytes = round_up(panels_.right_bytes(cols_, depth_), 64);
  if (panels_.packs_left())
    left_cached_ = cached(exchanged_ ? call_.b_cache : call_.a_cache, exchanged_ ? call_.b_offset : call_.a_offset,
                          down_, left_bytes, [&](char* to, int64_t batch, int64_t block, int64_t from) {
                            panels_.pack_left(to, piece(batch, block, 0, from));
                          });
  right_cached_ = cached(exchanged_ ? call_.a_cache : call_.b_cache, exchanged_ ? call_.a_offset : call_.b_offset,
                         across_, right_bytes, [&](char* to, int64_t batch, int64_t block, int64_t from) {
                           panels_.pack_right(to, piece(batch, 0, block, from));
                         });
}

template <class T, class Panels>
Status BlockedProduct<T, Panels>::run() {
  if (call_.a_cache || call_.b_cache) cache_operands();
  // Few blocks and a long k: without cutting k there would be too few tasks.
  const int64_t tasks = call_.batch * down_ * across_;
  if (tasks <= 4 && k_ >= 4 * max(1, depth_) && m_ * n_ <= int64_t{1} << 16) return split();
  return down_ > 1 || across_ > 1 ? shared() : alone();
}

/// Stores a finished block, or passes it to the epilogue.
template <class T, class Panels>
void BlockedProduct<T, Panels>::run_epilogue(int worker, const Piece& p, Target<T> c, T* turned) const {
  int64_t row = p.row, rows = p.rows, col = p.col, cols = p.cols;
  if (exchanged_) {
    pack_panel(turned, c.c, int(rows), int(rows), c.row, cols, 1);
    c = {turned, rows};
    row = p.col, rows = p.cols;
    col = p.row, cols = p.rows;
  }
  if (!call_.c) return call_.epilogue.run(call_.epilogue.self, worker, Tile{p.batch, row, col, rows, cols, c.c, c.row});
  T* to = result(p.batch, row, col);
  if (to == c.c) return;
  for (int64_t i = 0; i < rows; ++i) __builtin_memcpy(to + i * call_.c_row, c.c + i * c.row, size_t(cols) * sizeof(T));
}

template <class T, class Panels>
bool BlockedProduct<T, Panels>::symmetric() const {
  if (!Panels::kCommutes || !stored() || call_.a != call_.b || m_ != n_) return false;
  for (int64_t i = 0; i < call_.batch; ++i)
    if (call_.a_offset[i] != call_.b_offset[i]) return false;
  return call_.a_row == call_.b_col && call_.a_col == call_.b_row;
}

/// Copies the blocks above the diagonal to those below it.
template <class T, class Panels>
void BlockedProduct<T, Panels>::mirror() const {
  constexpr int64_t side = 16;  // read and written while their lines are in L1
  run_tasks(pool_, call_.batch * down_ * across_, [&](int64_t task, int) {
    const Piece p = piece(task / (down_ * across_), task % down_, task / down_ % across_, 0);
    if (!below_diagonal(p)) return;
    for (int64_t i = p.row; i < p.row + p.rows; i += side)
      for (int64_t j = p.col; j < p.col + p.cols; j += side)
        for (int64_t r = i; r < min(i + side, p.row + p.rows); ++r) {
          T* to = result(p.batch, r, 0);
          for (int64_t c = j; c < min(j + side, p.col + p.cols); ++c) to[c] = *result(p.batch, c, r);
        }
  });
}

/// One product after the other, where several blocks read the same panels. All blocks process one piece of k before the
/// next: columns stay in L2 while rows stream past in order, from L3. In the other order, the columns would be fetched
/// again for every block, stalling it.
template <class T, class Panels>
Status BlockedProduct<T, Panels>::shared() {
  // An operand that several blocks read is packed once for all of them; otherwise each task packs its own.
  const bool pack_a = panels_.packs_left() && across_ > 1 && !left_cached_.at, pack_b = down_ > 1 && !right_cached_.at;
  // Sums that wait for the next piece of k need a buffer, unless they accumulate in the result.
  const bool waiting = k_ > depth_ && !stored();
  const int64_t block_left = panels_.left_bytes(rows_, depth_), block_right = panels_.right_bytes(cols_, depth_);
  const int64_t left_size = pack_a ? round_up(down_ * block_left, 64) : 0;
  const int64_t right_size = pack_b ? across_ * block_right : 0;
  char* left = static_cast<char*>(
      pool_.workspace(uint64_t(left_size + right_size + (waiting ? m_ * n_ * int64_t{sizeof(T)} : 0) + 64)));
  if (!left) return Status::out_of_memory;
  char* right = left + left_size;
  T* sums = reinterpret_cast<T*>(right + right_size);
  const int64_t left_tasks = pack_a ? down_ : 0, right_tasks = pack_b ? across_ : 0;
  const bool half = symmetric();
  for (int64_t batch = 0; batch < call_.batch; ++batch)
    for (int64_t from = 0; from < max(1, k_) && !pool_.interrupted(); from += max(1, depth_)) {
      run_tasks(pool_, left_tasks + right_tasks, [&](int64_t task, int) {
        if (task < left_tasks) panels_.pack_left(left + task * block_left, piece(batch, task, 0, from));
        else panels_.pack_right(right + (task - left_tasks) * block_right, piece(batch, 0, task - left_tasks, from));
      });
      run_tasks(pool_, down_ * across_, [&](int64_t task, int worker) {
        const Room room(pool_.scratch(worker));
        const int64_t down = task % down_, across = task / down_;
        const Piece p = piece(batch, down, across, from);
        if (half && below_diagonal(p)) return;
        const char* a = pack_a ? left + down * block_left : left_of(p, room.left);
        const char* b = pack_b ? right + across * block_right : right_of(p, room.right);
        const Target<T> c = waiting ? Target<T>{sums + p.row * n_ + p.col, n_} : target(p, room.tile);
        panels_.multiply(a, b, p, c, from > 0, stored(), room.spare);
        if (from + p.depth == k_) run_epilogue(worker, p, c, room.turned);
      });
    }
  if (half) mirror();
  return Status::ok;
}

/// Products of a single block, one task each.
template <class T, class Panels>
Status BlockedProduct<T, Panels>::alone() {
  run_tasks(pool_, call_.batch, [&](int64_t batch, int worker) {
    const Room room(pool_.scratch(worker));
    const Target<T> c = target(piece(batch, 0, 0, 0), room.tile);
    for (int64_t from = 0; from < max(1, k_) && !pool_.interrupted(); from += max(1, depth_))
      add(room, piece(batch, 0, 0, from), c, from > 0, stored());
    run_epilogue(worker, piece(batch, 0, 0, 0), c, room.turned);
  });
  return Status::ok;
}

/// Split-K, for few blocks and a long k: every (batch, block, piece of k) is a task that leaves its sum in the
/// workspace; then the pieces are added, first to last.
template <class T, class Panels>
Status BlockedProduct<T, Panels>::split() {
  const int64_t size = m_ * n_, chunks = ceil_div(k_, depth_);
  const int64_t per = max(1, max(ceil_div(chunks, 32), (int64_t{1} << 19) / (size * depth_)));
  const int64_t pieces = ceil_div(chunks, per), blocks = down_ * across_;
  T* partial = static_cast<T*>(pool_.workspace(uint64_t(call_.batch * pieces * size) * sizeof(T)));
  if (!partial) return Status::out_of_memory;
  run_tasks(pool_, call_.batch * pieces * blocks, [&](int64_t task, int worker) {
    const Room room(pool_.scratch(worker));
    const int64_t block = task % blocks, part = task / blocks;
    const int64_t batch = part / pieces, first = part % pieces * per * depth_;
    for (int64_t from = first; from < min(k_, first + per * depth_) && !pool_.interrupted(); from += depth_) {
      const Piece p = piece(batch, block % down_, block / down_, from);
      add(room, p, {partial + part * size + p.row * n_ + p.col, n_}, from > first, false);
    }
  });
  const int64_t rows = max(1, min(rows_, 4096 / n_)), down = ceil_div(m_, rows);
  run_tasks(pool_, call_.batch * down, [&](int64_t task, int worker) {
    const Room room(pool_.scratch(worker));
    const int64_t batch = task / down, row = task % down * rows, r = min(rows, m_ - row);
    T* total = partial + batch * pieces * size + row * n_;
    for (int64_t part = 1; part < pieces; ++part)
      for (int64_t i = 0; i < r * n_; ++i) total[i] += total[part * size + i];
    run_epilogue(worker, {batch, row, r, 0, n_, 0, k_}, {total, n_}, room.tile);
  });
  return Status::ok;
}

}  // namespace gradus::GRADUS_ISA::gemm
